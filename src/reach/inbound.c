/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inbound.db: letters by id in order of time, and an index of the addresses in them. Addresses are
 * kept in lower case, as they are asked for.
 */
#include "reach/inbound.h"

#include "base/buf.h"
#include "base/codec.h"
#include "base/mem.h"
#include "db/db.h"
#include "sys/random.h"

enum { TEXT_MAX = 8192 }; /* more than all addresses of one letter that are kept */

struct reach_inbound {
	struct db *db;
	uint8_t key[16]; /* of the hashes of Message-IDs */
	struct buf text; /* of the statement under way: what is bound is borrowed; in `room` */
	char room[TEXT_MAX];
};

static const struct db_migration steps[] = {
	{ "CREATE TABLE fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	  "CREATE TABLE letter (id INTEGER PRIMARY KEY, at_s INTEGER NOT NULL,"
	  " session INTEGER NOT NULL, entry INTEGER, ip BLOB NOT NULL, name TEXT NOT NULL,"
	  " helo TEXT NOT NULL, tls TEXT NOT NULL, sender TEXT NOT NULL, domain TEXT NOT NULL,"
	  " author TEXT NOT NULL, message INTEGER, end INTEGER NOT NULL, code INTEGER NOT NULL,"
	  " enhanced TEXT NOT NULL, text TEXT NOT NULL, score INTEGER NOT NULL,"
	  " why TEXT NOT NULL, size INTEGER NOT NULL, recipients TEXT NOT NULL);"
	  "CREATE INDEX letter_entry ON letter (entry) WHERE entry IS NOT NULL;"
	  "CREATE INDEX letter_message ON letter (message) WHERE message IS NOT NULL;"
	  "CREATE INDEX letter_domain ON letter (domain, id);"
	  "CREATE TABLE address (address TEXT NOT NULL, letter INTEGER NOT NULL,"
	  " PRIMARY KEY (address, letter)) WITHOUT ROWID;"
	  "CREATE INDEX address_letter ON address (letter)" },
};

/* ---- open ----------------------------------------------------------------------------------- */

static enum err
read_key(struct reach_inbound *in)
{
	struct db_stmt *q = db_query(in->db, "SELECT value FROM fact WHERE name = 'message-key'");
	enum err e = db_row(q);
	if (e == ERR_OK && db_blob(q, 0).n == sizeof(in->key)) {
		memcpy(in->key, db_blob(q, 0).p, sizeof(in->key));
	}
	db_done(q);
	if (e != ERR_NOTFOUND) {
		return e;
	}
	sys_random(in->key, sizeof(in->key));
	q = db_query(in->db, "INSERT INTO fact (name, value) VALUES ('message-key', ?)");
	db_bind_blob(q, 1, str_make(in->key, sizeof(in->key)));
	return db_run(q);
}

enum err
reach_inbound_open(str path, struct reach_inbound **ret)
{
	struct reach_inbound *in = mem_zalloc(1, sizeof(*in));
	struct db_conf conf = { .path = path, .flags = DB_CREATE };
	if (in == NULL) {
		return ERR_NOMEM;
	}
	buf_init_fixed(&in->text, in->room, sizeof in->room);
	enum err e = db_open(&conf, &in->db);
	e = e == ERR_OK ? db_migrate(in->db, steps, LEN(steps)) : e;
	e = e == ERR_OK ? read_key(in) : e;
	if (e != ERR_OK) {
		reach_inbound_close(&in);
		return e;
	}
	*ret = in;
	return ERR_OK;
}

void
reach_inbound_close(struct reach_inbound **in)
{
	if (*in == NULL) {
		return;
	}
	if ((*in)->db != NULL) {
		db_rollback((*in)->db);
		db_close(&(*in)->db);
	}
	mem_wipe((*in)->key, sizeof((*in)->key));
	MEM_FREE(*in);
}

str
reach_inbound_error(const struct reach_inbound *in)
{
	return db_error_text(in->db);
}

enum err
reach_inbound_begin(struct reach_inbound *in)
{
	return db_begin(in->db, DB_WRITE);
}

enum err
reach_inbound_commit(struct reach_inbound *in)
{
	return db_commit(in->db);
}

void
reach_inbound_rollback(struct reach_inbound *in)
{
	db_rollback(in->db);
}

/* ---- adding --------------------------------------------------------------------------------- */

/* A new statement: the texts of the last one are not needed any more. */
static struct db_stmt *
query(struct reach_inbound *in, const char *sql)
{
	buf_reset(&in->text);
	return db_query(in->db, sql);
}

static void
put_lower(struct buf *out, str s)
{
	for (size_t i = 0; i < s.n; i++) {
		buf_ch(out, ascii_lower(s.p[i]));
	}
}

/* Not NULL, and what is no UTF-8 must not be bound as text. */
static void
bind_text(struct db_stmt *q, int at, str s)
{
	db_bind_str(q, at, s.n > 0 && utf8_valid(s) ? s : S(""));
}

static void
bind_lower(struct reach_inbound *in, struct db_stmt *q, int at, str s)
{
	size_t from = in->text.n;
	put_lower(&in->text, s);
	bind_text(q, at, str_from_off(buf_view(&in->text), from));
}

/* "<a@b>" and "a@b" are one. */
static void
bind_message(const struct reach_inbound *in, struct db_stmt *q, int at, str id)
{
	if (str_starts(id, S("<")) && str_ends(id, S(">"))) {
		id = str_sub(id, 1, id.n - 2);
	}
	if (id.n == 0) {
		db_bind_null(q, at);
	} else {
		db_bind_i64(q, at, (int64_t)(siphash(in->key, id) >> 1));
	}
}

static str
domain_of(str address)
{
	ptrdiff_t at = str_rchr(address, '@');
	return at < 0 ? S("") : str_from_off(address, (size_t)at + 1);
}

/* As many as fit, whole ones. */
static void
bind_recipients(struct reach_inbound *in, struct db_stmt *q, int at, const struct reach_arrival *a)
{
	size_t from = in->text.n;
	for (size_t i = 0; i < MIN(a->to_n, (size_t)REACH_INBOUND_TO_MAX); i++) {
		if (in->text.n - from + a->to[i].n + 2 > REACH_INBOUND_TO_OCTETS ||
		    !utf8_valid(a->to[i])) {
			break;
		}
		buf_cstr(&in->text, i > 0 ? ", " : "");
		put_lower(&in->text, a->to[i]);
	}
	bind_text(q, at, str_from_off(buf_view(&in->text), from));
}

static enum err
add_letter(struct reach_inbound *in, const struct reach_arrival *a)
{
	struct db_stmt *q = query(in,
	    "INSERT INTO letter (at_s, session, entry, ip, name, helo, tls, sender, domain,"
	    " author, message, end, code, enhanced, text, score, why, size, recipients)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	const struct {
		int at;
		str s;
	} texts[] = { { 5, a->name }, { 6, a->helo }, { 7, a->tls_version }, { 14, a->enhanced },
		{ 15, a->text }, { 17, a->why } };
	for (size_t i = 0; i < LEN(texts); i++) {
		bind_text(q, texts[i].at, texts[i].s);
	}
	db_bind_i64(q, 1, a->at_s);
	db_bind_i64(q, 2, (int64_t)a->session);
	if (a->entry == 0) {
		db_bind_null(q, 3);
	} else {
		db_bind_u64(q, 3, a->entry);
	}
	db_bind_blob(q, 4, a->ip.n > 0 ? a->ip : S(""));
	bind_lower(in, q, 8, a->sender);
	bind_lower(in, q, 9, domain_of(a->sender));
	bind_lower(in, q, 10, a->from);
	bind_message(in, q, 11, a->message_id);
	db_bind_u64(q, 12, a->end);
	db_bind_u64(q, 13, a->code);
	db_bind_i64(q, 16, a->score);
	db_bind_u64(q, 18, a->size);
	bind_recipients(in, q, 19, a);
	return db_run(q);
}

static enum err
add_address(struct reach_inbound *in, str address)
{
	if (address.n == 0) {
		return ERR_OK;
	}
	struct db_stmt *q = query(in, /* of letter: address has no rowid */
	    "INSERT INTO address (address, letter) VALUES (?, last_insert_rowid())"
	    " ON CONFLICT (address, letter) DO NOTHING");
	bind_lower(in, q, 1, address);
	return db_run(q);
}

enum err
reach_inbound_add(struct reach_inbound *in, const struct reach_arrival *a)
{
	TRY(add_letter(in, a));
	TRY(add_address(in, a->sender));
	TRY(add_address(in, a->from));
	for (size_t i = 0; i < MIN(a->to_n, (size_t)REACH_INBOUND_TO_MAX); i++) {
		TRY(add_address(in, a->to[i]));
	}
	return ERR_OK;
}

enum err
reach_inbound_forget(struct reach_inbound *in, int64_t before_s, uint64_t most, bool *ret_more)
{
	static const char *const sql[] = {
		/* Ids grow with time: only the oldest few are looked at. */
		"DELETE FROM address WHERE letter IN (SELECT id FROM letter"
		" WHERE id < (SELECT min(id) FROM letter) + ?3"
		" AND (at_s < ?1 OR id <= (SELECT max(id) FROM letter) - ?2))",
		"DELETE FROM letter WHERE id < (SELECT min(id) FROM letter) + ?3"
		" AND (at_s < ?1 OR id <= (SELECT max(id) FROM letter) - ?2)",
	};
	enum err e = db_begin(in->db, DB_WRITE);
	for (size_t i = 0; e == ERR_OK && i < LEN(sql); i++) {
		struct db_stmt *q = db_query(in->db, sql[i]);
		db_bind_i64(q, 1, before_s);
		db_bind_u64(q, 2, MIN(most, (uint64_t)INT64_MAX));
		db_bind_u64(q, 3, REACH_INBOUND_FORGET_STEP);
		e = db_run(q);
	}
	*ret_more = e == ERR_OK && db_changes(in->db) == REACH_INBOUND_FORGET_STEP;
	if (e != ERR_OK) {
		db_rollback(in->db);
		return e;
	}
	return db_commit(in->db);
}

/* ---- questions ------------------------------------------------------------------------------ */

#define COLUMNS                                                                               \
	"id, at_s, session, entry, ip, name, helo, tls, sender, author, end, code, enhanced," \
	" text, score, why, size, recipients"
#define NEWEST " AND id < ?2 ORDER BY id DESC LIMIT ?3"

static struct db_stmt *
ask(struct reach_inbound *in, const struct reach_inbound_question *question)
{
	static const char *const sql[] = {
		[REACH_INBOUND_ADDRESS] = "SELECT " COLUMNS
					  " FROM letter WHERE id IN (SELECT letter"
					  " FROM address WHERE address = ?1)" NEWEST,
		[REACH_INBOUND_DOMAIN] = "SELECT " COLUMNS " FROM letter WHERE domain = ?1" NEWEST,
		[REACH_INBOUND_ENTRY] = "SELECT " COLUMNS " FROM letter WHERE entry = ?1" NEWEST,
		[REACH_INBOUND_MESSAGE] = "SELECT " COLUMNS
					  " FROM letter WHERE message = ?1" NEWEST,
	};
	struct db_stmt *q = query(in, sql[question->by]);
	if (question->by == REACH_INBOUND_ENTRY) {
		db_bind_u64(q, 1, question->entry);
	} else if (question->by == REACH_INBOUND_MESSAGE) {
		bind_message(in, q, 1, question->text);
	} else {
		bind_lower(in, q, 1, question->text);
	}
	db_bind_i64(q, 2, question->before == 0 ? INT64_MAX : (int64_t)question->before);
	db_bind_u64(q, 3, question->max);
	return q;
}

static struct reach_arrival
read_row(struct db_stmt *q)
{
	return (struct reach_arrival){ .id = db_u64(q, 0),
		.at_s = db_i64(q, 1),
		.session = (uint64_t)db_i64(q, 2),
		.entry = db_u64(q, 3),
		.ip = db_blob(q, 4),
		.name = db_str(q, 5),
		.helo = db_str(q, 6),
		.tls_version = db_str(q, 7),
		.sender = db_str(q, 8),
		.from = db_str(q, 9),
		.end = (uint8_t)db_u64(q, 10),
		.code = (uint16_t)db_u64(q, 11),
		.enhanced = db_str(q, 12),
		.text = db_str(q, 13),
		.score = db_i64(q, 14),
		.why = db_str(q, 15),
		.size = db_u64(q, 16),
		.recipients = db_str(q, 17) };
}

enum err
reach_inbound_find(struct reach_inbound *in, const struct reach_inbound_question *question,
    reach_each_arrival *each, void *ctx)
{
	struct db_stmt *q = ask(in, question);
	enum err e = ERR_OK;
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct reach_arrival a = read_row(q);
		e = each(ctx, &a);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
reach_inbound_count(struct reach_inbound *in, uint64_t *ret_n)
{
	struct db_stmt *q = db_query(in->db, "SELECT max(id) - min(id) + 1 FROM letter");
	enum err e = db_row(q);
	*ret_n = e == ERR_OK ? db_u64(q, 0) : 0;
	db_done(q);
	return e;
}
