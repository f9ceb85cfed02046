/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of keys that are replaced. Those nobody believes any more go with the next turn.
 */
#include "directory/ring.h"

#include "base/mem.h"
#include "directory/directory_priv.h"
#include "sys/random.h"

static enum err
load(struct directory *d, str name, int64_t now_s, struct directory_ring *ret)
{
	struct db_stmt *q = db_query(d->db,
	    "SELECT value, made_s, until_s FROM rings WHERE name = ?"
	    " AND (until_s = 0 OR until_s > ?) ORDER BY id DESC LIMIT ?");
	enum err e;

	db_bind_str(q, 1, name);
	db_bind_i64(q, 2, now_s);
	db_bind_u64(q, 3, DIRECTORY_RING_MAX);
	ret->n = 0;
	while ((e = db_row(q)) == ERR_OK && ret->n < DIRECTORY_RING_MAX) {
		struct directory_ring_key *k = &ret->keys[ret->n];
		str value = db_blob(q, 0);

		if (value.n != sizeof(k->value)) {
			e = ERR_CORRUPT;
			break;
		}
		memcpy(k->value, value.p, value.n);
		k->made_s = db_i64(q, 1);
		k->until_s = db_i64(q, 2);
		ret->n++;
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
directory_ring_load(struct directory *d, str name, int64_t now_s, struct directory_ring *ret)
{
	TRY(load(d, name, now_s, ret));
	if (ret->n > 0 && ret->keys[0].until_s == 0) {
		return ERR_OK;
	}
	TRY(directory_ring_turn(d, name, now_s, 0));
	return load(d, name, now_s, ret);
}

static enum err
forget(struct directory *d, str name, int64_t now_s)
{
	struct db_stmt *q = db_query(d->db,
	    "DELETE FROM rings WHERE name = ? AND until_s <> 0 AND until_s <= ?");

	db_bind_str(q, 1, name);
	db_bind_i64(q, 2, now_s);
	return db_run(q);
}

static enum err
has_room(struct directory *d, str name)
{
	uint64_t n = 0;
	struct db_stmt *q = db_query(d->db, "SELECT count(*) FROM rings WHERE name = ?");

	db_bind_str(q, 1, name);
	TRY(directory_number(q, &n));
	return n < DIRECTORY_RING_MAX ? ERR_OK : ERR_BUSY;
}

static enum err
add(struct directory *d, str name, int64_t now_s)
{
	uint8_t fresh[DIRECTORY_SECRET_OCTETS];
	struct db_stmt *q = db_query(d->db,
	    "INSERT INTO rings (name, value, made_s, until_s) VALUES (?, ?, ?, 0)");

	sys_random(fresh, sizeof(fresh));
	db_bind_str(q, 1, name);
	db_bind_blob(q, 2, str_make(fresh, sizeof(fresh)));
	db_bind_i64(q, 3, now_s);
	enum err e = db_run(q);
	mem_wipe(fresh, sizeof(fresh));
	return e;
}

static enum err
turn(struct directory *d, str name, int64_t now_s, int64_t keep_s)
{
	struct db_stmt *q = db_query(d->db,
	    keep_s == 0 ? "UPDATE rings SET until_s = ? WHERE name = ?"
			: "UPDATE rings SET until_s = ? WHERE name = ? AND until_s = 0");

	db_bind_i64(q, 1, now_s + keep_s);
	db_bind_str(q, 2, name);
	TRY(db_run(q));
	TRY(forget(d, name, now_s));
	TRY(has_room(d, name));
	return add(d, name, now_s);
}

enum err
directory_ring_turn(struct directory *d, str name, int64_t now_s, int64_t keep_s)
{
	TRY(directory_change_begin(d));
	return directory_change_finish(d, turn(d, name, now_s, keep_s));
}
