/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quiet moments: new messages are taken into blocks before anybody asks, and a file of which more
 * than a quarter is dead is made again. Accounts that were never searched are left alone.
 */
#include "store/text/text_priv.h"

#include "store/store_priv.h"
#include "sys/file.h"

/* The file that was not looked at for longest, if it is time. NOTFOUND: none. */
static enum err
file_to_check(struct store *s, struct store_text_file *ret)
{
	struct store_text_file f = { 0 };
	uint64_t after = 0;
	int64_t now = store_now(s);
	enum err e;
	while ((e = store_text_file_next(s, after, &f)) == ERR_OK) {
		if (now - f.checked_s >= STORE_TEXT_LOOK_S || f.checked_s > now) {
			*ret = f;
			return ERR_OK;
		}
		after = f.first;
	}
	return e;
}

static enum err
check_file(struct store_text *t, struct store_text_file *f)
{
	uint64_t live = 0;
	TRY(store_text_count(t->store, f->first - 1, f->last, f->messages, &live));
	if (live + f->messages / 4 < f->messages) {
		return store_text_remake(t, f);
	}
	f->checked_s = store_now(t->store);
	TRY(store_may(t->store, true));
	TRY(store_begin(t->store, DB_WRITE));
	return store_end(t->store, store_text_file_save(t->store, f, 0));
}

/* So many messages that a trigram index is worth its price. */
static enum err
is_large(struct store *s, uint64_t mark, bool *ret)
{
	struct store_text_file f = { 0 };
	uint64_t messages = 0, after = 0;
	enum err e = ERR_OK;
	while (s->trigram_from != 0 && after < mark && e == ERR_OK) {
		e = store_text_file_next(s, after, &f);
		after = f.first;
		messages += e == ERR_OK ? f.messages : 0;
	}
	*ret = s->trigram_from != 0 && messages >= s->trigram_from;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* With the lock held. */
static enum err
keep_up(struct store_text *t, bool *ret_more)
{
	struct store_text_file f = { 0 };
	uint64_t pending = 0, last;
	enum err e = store_text_file_last(t->store, &f);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	TRY(store_text_count(t->store, f.last, UINT64_MAX, 2 * STORE_TEXT_BATCH, &pending));
	if (pending >= STORE_TEXT_FEW) {
		*ret_more = pending >= STORE_TEXT_BATCH + STORE_TEXT_FEW;
		e = store_text_take(t, &last);
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	uint64_t mark = f.last;
	e = file_to_check(t->store, &f);
	if (e == ERR_OK) {
		*ret_more = true;
		return check_file(t, &f);
	}
	TRY(e == ERR_NOTFOUND ? ERR_OK : e);
	bool large = false;
	TRY(is_large(t->store, mark, &large));
	return large ? store_text_trigram_keep_up(t, mark, ret_more) : ERR_OK;
}

static enum err
has_rows(struct store *s, bool *ret)
{
	struct store_text_file f;
	enum err e = store_text_file_last(s, &f);
	*ret = e == ERR_OK;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
store_text_keep_up(struct store *s, bool *ret_more)
{
	struct store_text t;
	bool searched = false;
	*ret_more = false;
	store_release(s);
	TRY(has_rows(s, &searched));
	if (!searched) {
		return ERR_OK;
	}
	enum err e = store_text_begin(&t, s);
	e = e == ERR_OK ? sys_file_lock(t.lock, true, false) : e;
	if (e == ERR_OK) {
		e = keep_up(&t, ret_more);
		sys_file_unlock(t.lock);
	}
	store_text_end(&t);
	return e == ERR_BUSY ? ERR_OK : e; /* another process is at it */
}

enum err
store_text_catch_up(struct store *s)
{
	struct store_text t;
	uint64_t last;
	enum err e = store_text_begin(&t, s);
	while (e == ERR_OK) {
		e = sys_file_lock(t.lock, true, true);
		if (e == ERR_OK) {
			e = store_text_take(&t, &last);
			sys_file_unlock(t.lock);
		}
	}
	store_text_end(&t);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
store_text_state(struct store *s, struct store_text_state *ret)
{
	struct store_text_file f = { 0 };
	struct store_text_state st = { 0 };
	uint64_t after = 0;
	enum err e;
	while ((e = store_text_file_next(s, after, &f)) == ERR_OK) {
		after = f.first;
		st.files++;
		st.messages += f.messages;
		st.octets += f.end;
	}
	if (e != ERR_NOTFOUND) {
		return e;
	}
	TRY(store_text_count(s, f.last, UINT64_MAX, UINT32_MAX, &st.pending));
	*ret = st;
	return ERR_OK;
}
