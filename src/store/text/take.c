/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From messages to blocks. Message ids ascend in the order of arrival and are committed in it, so
 * one number, the highest id looked at, tells what is still missing. Blocks are written before the
 * row that counts them: a crash leaves octets behind the end, which are written over. Nothing is
 * synced: after a power cut a block may be damaged; its sums tell, and the file is made again.
 */
#include "store/text/text_priv.h"

#include "store/store_priv.h"
#include "sys/file.h"
#include "sys/sys.h"

enum err
store_text_read(struct store_text *t, uint64_t id)
{
	str octets;
	enum err e = store_text(t->store, id, &octets);
	if (e != ERR_OK) {
		return e == ERR_CORRUPT ? ERR_NOTFOUND : e; /* a damaged message has no text */
	}
	return mail_text_read(&t->text, octets, t->tree);
}

static enum err
put_block(struct store_text *t, struct store_text_file *f)
{
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		f->octets += t->block.column[i].n;
	}
	f->messages += t->block.n;
	return store_text_new_put(&t->block, &t->out);
}

/* Blocks of these messages in t->out; stops early when much was read. f->last tells where. */
static enum err
take_held(struct store_text *t, struct store_text_file *f, const struct store_text_ids *ids)
{
	uint64_t octets = 0;
	size_t i = 0;
	while (i < ids->n && octets < STORE_TEXT_BATCH_OCTETS && t->out.n < STORE_TEXT_OUT_OCTETS) {
		enum err e = store_text_read(t, ids->v[i]);
		if (e == ERR_OK) {
			store_text_new_add(&t->block, ids->v[i], &t->text);
			octets += t->store->text.octets.n;
		} else if (e != ERR_NOTFOUND) {
			return e;
		}
		if (store_text_new_is_full(&t->block)) {
			TRY(put_block(t, f));
		}
		f->last = ids->v[i++];
	}
	return put_block(t, f);
}

/* The same in one read: messages in order come from the packs in large pieces. */
static enum err
take_ids(struct store_text *t, struct store_text_file *f, const struct store_text_ids *ids)
{
	enum err e = store_hold(t->store);
	e = e == ERR_OK ? take_held(t, f, ids) : e;
	store_release(t->store);
	return e;
}

static enum err
save(struct store_text *t, const struct store_text_file *f, uint32_t old)
{
	TRY(store_may(t->store, true));
	TRY(store_begin(t->store, DB_WRITE));
	return store_end(t->store, store_text_file_save(t->store, f, old));
}

/* Write what waits behind the end of the file. */
static enum err
write_out(struct store_text *t, struct store_text_file *f, int fd)
{
	TRY(buf_err(&t->out));
	if (t->out.n > 0) {
		TRY(sys_file_write(fd, f->end, buf_view(&t->out)));
	}
	f->end += t->out.n;
	buf_reset(&t->out);
	return ERR_OK;
}

/* The file to go on with, or a new one. */
static enum err
open_last(struct store_text *t, struct store_text_file *f, uint64_t first, int *ret_fd)
{
	if (f->number != 0 && f->end < STORE_TEXT_FILE_OCTETS) {
		enum err e = store_text_file_open(t, f->number, true, ret_fd);
		if (e != ERR_NOTFOUND) {
			return e; /* a missing one is met by those who read, and made again */
		}
	}
	*f = (struct store_text_file){ .first = first, .checked_s = store_now(t->store) };
	return store_text_file_make(t, &f->number, ret_fd);
}

enum err
store_text_take(struct store_text *t, uint64_t *ret_last)
{
	SYS_FD_AUTO int fd = -1;
	struct store_text_ids ids;
	struct store_text_file f = { 0 };
	enum err e = store_text_file_last(t->store, &f);
	TRY(e == ERR_NOTFOUND ? ERR_OK : e);
	TRY(store_text_ids(t->store, f.last, UINT64_MAX, &ids));
	if (ids.n == 0) {
		return ERR_NOTFOUND;
	}
	TRY(open_last(t, &f, ids.v[0], &fd));
	TRY(take_ids(t, &f, &ids));
	TRY(write_out(t, &f, fd));
	TRY(save(t, &f, 0));
	*ret_last = f.last;
	return ERR_OK;
}

enum err
store_text_remake(struct store_text *t, const struct store_text_file *old)
{
	SYS_FD_AUTO int fd = -1;
	struct store_text_ids ids;
	struct store_text_file f = {
		.first = old->first, .last = old->first - 1, .checked_s = store_now(t->store)
	};
	TRY(store_text_file_make(t, &f.number, &fd));
	do {
		TRY(store_text_ids(t->store, f.last, old->last, &ids));
		TRY(take_ids(t, &f, &ids));
		TRY(write_out(t, &f, fd));
	} while (ids.n > 0);
	f.last = old->last;
	TRY(save(t, &f, old->number));
	store_text_file_remove(t, old->number);
	return ERR_OK;
}
