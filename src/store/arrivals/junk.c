/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox for junk, found by its special use whatever its name is. A letter never waits for
 * one: where there is none, and none can be made, it goes into INBOX.
 */
#include "store/arrivals/take.h"
#include "store/limits.h"
#include "store/store_priv.h"

enum err
store_arrivals_junk_find(struct store *s, uint64_t *ret_id)
{
	struct db_stmt *q = db_query(s->db,
	    "SELECT id FROM mailbox WHERE special & ? != 0 LIMIT 1");
	db_bind_u64(q, 1, STORE_JUNK);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret_id = db_u64(q, 0);
	}
	db_done(q);
	return e;
}

/* One that has the name and not the use was made by a program that knows nothing of uses. */
static enum err
adopt(struct store *s, uint64_t id)
{
	struct db_stmt *q = db_query(s->db,
	    "UPDATE mailbox SET special = special | ? WHERE id = ?");
	db_bind_u64(q, 1, STORE_JUNK);
	db_bind_u64(q, 2, id);
	TRY(db_run(q));
	(void)store_tick(s);
	return store_box_log(s, id, false);
}

static enum err
make_in(struct store *s)
{
	uint64_t id = 0, count = 0;
	enum err e = store_arrivals_junk_find(s, &id);
	if (e != ERR_NOTFOUND) {
		return e; /* another process was first */
	}
	struct db_stmt *q = db_query(s->db,
	    "SELECT count(*), max(CASE name WHEN 'Junk' THEN id"
	    " ELSE 0 END) FROM mailbox");
	e = db_row(q);
	if (e == ERR_OK) {
		count = db_u64(q, 0);
		id = db_u64(q, 1);
	}
	db_done(q);
	TRY(e);
	if (id != 0) {
		return adopt(s, id);
	}
	return count < STORE_MAILBOXES_MAX ? store_box_new(s, S("Junk"), STORE_JUNK, &id)
					   : ERR_TOOMANY;
}

enum err
store_arrivals_junk_make(struct store *s)
{
	TRY(store_begin_now(s, DB_DURABLE));
	enum err e = store_end(s, make_in(s));
	return e == ERR_TOOMANY ? ERR_OK : e;
}
