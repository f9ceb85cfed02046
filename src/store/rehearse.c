/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nearly every account process does, done once before any is forked, in an account without
 * files: so that the engine has its tables read and these statements prepared in each of them. Add
 * what your operation asks for here when many processes begin with it.
 */
#include "store/rehearse_priv.h"

#include "store/care.h"
#include "sys/file.h"
#include "sys/sys.h"

static enum err
fill(struct store *s)
{
	TRY(db_begin(s->db, DB_WRITE));
	store_account_begin(&s->account);
	s->in_txn = true;
	s->mode = DB_WRITE;
	s->log_checked = true;
	enum err e = store_account_fill(s);
	e = e == ERR_OK ? store_log_flush(s) : e;
	e = e == ERR_OK ? store_account_save(s->db, &s->account) : e;
	s->in_txn = false;
	if (e != ERR_OK) {
		db_rollback(s->db);
		return e;
	}
	return db_commit(s->db);
}

static enum err
deliver(struct store *s)
{
	struct store_delivery d = { .entry = 2,
		.rcpt = 1,
		.oldest_live = 1,
		.msg = {
		    .body = S("Subject: none\r\n\r\nnone\r\n"), .message_id = S("one@none") } };
	struct store_added added;
	struct store_quota quota;
	TRY(store_deliver(s, &d, 1, &added));
	d.entry++;
	TRY(store_deliver(s, &d, 1, &added));
	return store_quota(s, &quota);
}

static enum err
look(struct store *s, struct arena *a)
{
	struct store_mailbox *list, box;
	struct store_view view;
	struct store_news news;
	struct store_msg msg;
	size_t n;
	uint32_t unseen;
	TRY(store_mailboxes(s, a, &list, &n));
	TRY(store_mailbox_find(s, S("INBOX"), a, &box));
	TRY(store_view_init(&view, s, box.id));
	enum err e = store_view_refresh(&view, true, a, &news);
	e = e == ERR_OK ? store_view_first_unseen(&view, &unseen) : e;
	e = e == ERR_OK ? store_msg(s, box.id, 1, &msg) : e;
	store_view_done(&view);
	return e;
}

static enum err
all_of_it(struct store *s)
{
	struct arena *a = arena_new(NULL, "rehearsal", 1 << 20, 0);
	if (a == NULL) {
		return ERR_NOMEM;
	}
	enum err e = fill(s);
	e = e == ERR_OK ? deliver(s) : e;
	e = e == ERR_OK ? look(s, a) : e;
	e = e == ERR_OK ? store_open_rehearse(s) : e;
	e = e == ERR_OK ? store_tidy(s) : e;
	arena_free(&a);
	return e;
}

static enum err
rehearse(void *ctx, struct db *db)
{
	struct store *s = store_new_empty();
	if (s == NULL) {
		return ERR_NOMEM;
	}
	s->db = db;
	s->pack_octets = STORE_PACK_MAX;
	s->fds[0].pack = 1;
	enum err e = sys_file_memory("rehearsal", &s->lock);
	e = e == ERR_OK ? sys_file_memory("rehearsal", &s->fds[0].fd) : e;
	e = e == ERR_OK ? all_of_it(s) : e;
	s->db = NULL; /* it is not ours */
	store_close(&s);
	return e;
}

void
store_start(void)
{
	/* Without it everything opens as it would anyway. */
	(void)(db_warm(store_schema, store_schema_n, rehearse, NULL) == ERR_OK);
}
