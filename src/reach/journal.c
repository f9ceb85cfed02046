/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.db: writing attempts and asking for them. The schema, and how rows are bound.
 *
 *	attempt   one row each, by id in order of time; forgotten after a while
 *	day       sums per day of 24 h, operator and class ("" is delivered); kept
 *	unknown   templates of replies that no rule knew
 *	policy, failure, report   see report.c
 *	dmarc_*                   see dmarc.c
 *	fact      the key of Message-ID hashes
 */
#include "reach/journal.h"

#include "base/codec.h"
#include "base/mem.h"
#include "reach/journal_priv.h"
#include "sys/random.h"

enum { DAY_S = 86400, TEXT_MAX = 8192, ROOM_EVERY = 256 };

static const struct db_migration steps[] = {
	{ "CREATE TABLE fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	  "CREATE TABLE attempt (id INTEGER PRIMARY KEY, entry INTEGER NOT NULL,"
	  " began_ms INTEGER NOT NULL, took_ms INTEGER NOT NULL, domain TEXT NOT NULL,"
	  " message INTEGER, operator TEXT NOT NULL, mx TEXT NOT NULL, preference INTEGER NOT NULL,"
	  " peer BLOB NOT NULL, source BLOB NOT NULL, tries INTEGER NOT NULL,"
	  " rcpts INTEGER NOT NULL,"
	  " verdict INTEGER NOT NULL, phase INTEGER NOT NULL, dane INTEGER NOT NULL,"
	  " sts INTEGER NOT NULL, class TEXT NOT NULL, rule TEXT NOT NULL, sent INTEGER NOT NULL,"
	  " received INTEGER NOT NULL, tls_version TEXT NOT NULL, tls_cipher TEXT NOT NULL,"
	  " issuer TEXT NOT NULL, key BLOB NOT NULL, expires_s INTEGER NOT NULL,"
	  " tls_failure TEXT NOT NULL, code INTEGER NOT NULL, enhanced TEXT NOT NULL,"
	  " reply TEXT NOT NULL, system_error INTEGER NOT NULL, icmp INTEGER NOT NULL,"
	  " rtt_us INTEGER NOT NULL, retransmits INTEGER NOT NULL, unacked INTEGER NOT NULL);"
	  "CREATE INDEX attempt_entry ON attempt (entry);"
	  "CREATE INDEX attempt_message ON attempt (message) WHERE message IS NOT NULL;"
	  "CREATE INDEX attempt_domain ON attempt (domain, id);"
	  "CREATE INDEX attempt_operator ON attempt (operator, id);"
	  "CREATE TABLE day (day INTEGER NOT NULL, operator TEXT NOT NULL, class TEXT NOT NULL,"
	  " attempts INTEGER NOT NULL, rcpts INTEGER NOT NULL,"
	  " PRIMARY KEY (day, operator, class)) WITHOUT ROWID;"
	  "CREATE TABLE unknown (id INTEGER PRIMARY KEY, operator TEXT NOT NULL,"
	  " text TEXT NOT NULL,"
	  " code INTEGER NOT NULL, phase INTEGER NOT NULL, seen INTEGER NOT NULL,"
	  " first_s INTEGER NOT NULL, last_s INTEGER NOT NULL, UNIQUE (operator, text));"
	  "CREATE TABLE policy (id INTEGER PRIMARY KEY, day INTEGER NOT NULL, domain TEXT NOT NULL,"
	  " type TEXT NOT NULL, text TEXT NOT NULL, good INTEGER NOT NULL, bad INTEGER NOT NULL,"
	  " UNIQUE (day, domain, type, text));"
	  "CREATE TABLE failure (policy INTEGER NOT NULL, result TEXT NOT NULL,"
	  " source BLOB NOT NULL,"
	  " mx TEXT NOT NULL, peer BLOB NOT NULL, reason TEXT NOT NULL, n INTEGER NOT NULL,"
	  " PRIMARY KEY (policy, result, source, mx, peer, reason)) WITHOUT ROWID;"
	  "CREATE TABLE report (day INTEGER NOT NULL, domain TEXT NOT NULL, state INTEGER NOT NULL,"
	  " tries INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (day,"
	  " domain)) WITHOUT ROWID" },
	{ "ALTER TABLE attempt ADD COLUMN phases TEXT NOT NULL DEFAULT ''" },
	{ "CREATE TABLE dmarc_domain (day INTEGER NOT NULL, domain TEXT NOT NULL,"
	  " letters INTEGER NOT NULL, PRIMARY KEY (day, domain)) WITHOUT ROWID;"
	  "CREATE TABLE dmarc_row (day INTEGER NOT NULL, domain TEXT NOT NULL, ip BLOB NOT NULL,"
	  " author TEXT NOT NULL, sender TEXT NOT NULL, disposition TEXT NOT NULL,"
	  " reason TEXT NOT NULL, spf_domain TEXT NOT NULL, spf TEXT NOT NULL,"
	  " signatures TEXT NOT NULL, flags INTEGER NOT NULL, n INTEGER NOT NULL,"
	  " PRIMARY KEY (day, domain, ip, author, sender, disposition, reason, spf_domain, spf,"
	  " signatures, flags)) WITHOUT ROWID;"
	  "CREATE TABLE dmarc_report (day INTEGER NOT NULL, domain TEXT NOT NULL,"
	  " state INTEGER NOT NULL, tries INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
	  " PRIMARY KEY (day, domain)) WITHOUT ROWID" },
};

/* ---- open ----------------------------------------------------------------------------------- */

/* The key is made with the file: hashes of two servers are not alike. */
static enum err
read_key(struct reach_journal *j)
{
	struct db_stmt *q = db_query(j->db, "SELECT value FROM fact WHERE name = 'message-key'");
	enum err e = db_row(q);

	if (e == ERR_OK && db_blob(q, 0).n == sizeof(j->key)) {
		memcpy(j->key, db_blob(q, 0).p, sizeof(j->key));
	}
	db_done(q);
	if (e != ERR_NOTFOUND) {
		return e;
	}
	sys_random(j->key, sizeof(j->key));
	q = db_query(j->db, "INSERT INTO fact (name, value) VALUES ('message-key', ?)");
	db_bind_blob(q, 1, str_make(j->key, sizeof(j->key)));
	return db_run(q);
}

enum err
reach_journal_open(str path, int64_t day_ms, struct reach_journal **ret)
{
	struct reach_journal *j = mem_zalloc(1, sizeof(*j));
	struct db_conf conf = { .path = path, .flags = DB_CREATE };

	if (j == NULL) {
		return ERR_NOMEM;
	}
	j->day_ms = day_ms;
	buf_init(&j->text, TEXT_MAX);
	enum err e = db_open(&conf, &j->db);
	e = e == ERR_OK ? db_migrate(j->db, steps, LEN(steps)) : e;
	e = e == ERR_OK ? read_key(j) : e;
	if (e != ERR_OK) {
		reach_journal_close(&j);
		return e;
	}
	*ret = j;
	return ERR_OK;
}

void
reach_journal_close(struct reach_journal **j)
{
	if (*j == NULL) {
		return;
	}
	if ((*j)->db != NULL) {
		db_rollback((*j)->db);
		db_close(&(*j)->db);
	}
	buf_done(&(*j)->text);
	mem_wipe((*j)->key, sizeof((*j)->key));
	MEM_FREE(*j);
}

str
reach_journal_error(const struct reach_journal *j)
{
	return db_error_text(j->db);
}

/* ---- adding --------------------------------------------------------------------------------- */

enum err
reach_journal_begin(struct reach_journal *j)
{
	return db_begin(j->db, DB_WRITE);
}

enum err
reach_journal_commit(struct reach_journal *j)
{
	return db_commit(j->db);
}

void
reach_journal_rollback(struct reach_journal *j)
{
	db_rollback(j->db);
}

/* "<a@b>" and "a@b" are one. */
static void
bind_message(const struct reach_journal *j, struct db_stmt *q, int at, str id)
{
	if (str_starts(id, S("<")) && str_ends(id, S(">"))) {
		id = str_sub(id, 1, id.n - 2);
	}
	if (id.n == 0) {
		db_bind_null(q, at);
	} else {
		db_bind_i64(q, at, (int64_t)(siphash(j->key, id) >> 1));
	}
}

/* Not NULL, and text that is no UTF-8 must not be bound as such. */
static void
bind_text(struct db_stmt *q, int at, str s)
{
	db_bind_str(q, at, s.n > 0 && utf8_valid(s) ? s : S(""));
}

static void
bind_blob(struct db_stmt *q, int at, str s)
{
	db_bind_blob(q, at, s.n > 0 ? s : S(""));
}

/* The reply with local parts masked once more, and octets that are no UTF-8 as "?". */
static str
clean_reply(struct reach_journal *j, str reply)
{
	buf_reset(&j->text);
	reach_mask_locals(&j->text, str_sub(reply, 0, 4096));
	if (!utf8_valid(buf_view(&j->text))) {
		for (size_t i = 0; i < j->text.n; i++) {
			j->text.p[i] = (unsigned char)j->text.p[i] < 0x80 ? j->text.p[i] : '?';
		}
	}
	return buf_view(&j->text);
}

static enum err
add_row(struct reach_journal *j, const struct reach_attempt *a)
{
	struct db_stmt *q = db_query(j->db,
	    "INSERT INTO attempt (entry, began_ms, took_ms, domain, message, operator, mx,"
	    " preference, peer, source, tries, rcpts, verdict, phase, dane, sts, class, rule, sent,"
	    " received, tls_version, tls_cipher, issuer, key, expires_s, tls_failure, code,"
	    " enhanced, reply, system_error, icmp, rtt_us, retransmits, unacked, phases) VALUES"
	    " (?, ?, ?, ?,"
	    " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
	    " ?, ?, ?)");
	const struct {
		int at;
		str s;
	} texts[] = { { 4, a->domain },
		{ 6, a->operator}, { 7, a->mx }, { 17, a->class }, { 18, a->rule },
		    { 21, a->tls_version }, { 22, a->tls_cipher }, { 23, a->issuer },
		    { 26, a->tls_failure }, { 28, a->enhanced }, { 35, a->phases },
		    { 29, clean_reply(j, a->reply) } };
	const struct {
		int at;
		uint64_t v;
	} numbers[] = { { 1, a->entry }, { 3, a->took_ms }, { 8, a->preference }, { 11, a->tries },
		{ 12, a->rcpts }, { 13, a->verdict }, { 14, a->phase }, { 15, a->dane },
		{ 16, a->sts }, { 19, a->sent }, { 20, a->received }, { 27, a->code },
		{ 30, a->system_error }, { 31, (uint64_t)a->icmp_type << 8 | a->icmp_code },
		{ 32, a->rtt_us }, { 33, a->retransmits }, { 34, a->unacked } };

	for (size_t i = 0; i < LEN(texts); i++) {
		bind_text(q, texts[i].at, texts[i].s);
	}
	for (size_t i = 0; i < LEN(numbers); i++) {
		db_bind_u64(q, numbers[i].at, numbers[i].v);
	}
	db_bind_i64(q, 2, a->began_ms);
	bind_message(j, q, 5, a->message_id);
	bind_blob(q, 9, a->peer_ip);
	bind_blob(q, 10, a->source_ip);
	bind_blob(q, 24, a->key);
	db_bind_i64(q, 25, a->expires_s);
	return db_run(q);
}

static enum err
add_day(struct reach_journal *j, const struct reach_attempt *a)
{
	struct db_stmt *q = db_query(j->db,
	    "INSERT INTO day (day, operator, class, attempts, rcpts) VALUES (?, ?, ?, 1, ?)"
	    " ON CONFLICT (day, operator, class) DO UPDATE SET attempts = day.attempts + 1,"
	    " rcpts = day.rcpts + excluded.rcpts");

	db_bind_i64(q, 1, a->began_ms / 1000 / DAY_S);
	bind_text(q, 2, a->operator);
	bind_text(q, 3, a->class);
	db_bind_u64(q, 4, a->rcpts);
	return db_run(q);
}

/* Not each time: sorting them all costs more than a few too many. */
static enum err
make_room(struct reach_journal *j)
{
	if (++j->templates_added % ROOM_EVERY != 0) {
		return ERR_OK;
	}
	struct db_stmt *q = db_query(j->db,
	    "DELETE FROM unknown WHERE id IN (SELECT id FROM"
	    " unknown ORDER BY last_s DESC, id DESC LIMIT -1 OFFSET ?)");

	db_bind_u64(q, 1, REACH_TEMPLATES_MAX);
	return db_run(q);
}

static enum err
add_unknown(struct reach_journal *j, const struct reach_attempt *a)
{
	struct db_stmt *q;

	(void)clean_reply(j, a->reply);
	size_t from = j->text.n;
	char masked[REACH_TEMPLATE_OCTETS * 2];
	struct buf text;
	buf_init_fixed(&text, masked, sizeof masked);
	reach_mask_template(&text, str_sub(buf_view(&j->text), 0, from));
	str template = buf_view(&text);
	while (template.n > 0 && !utf8_valid(template)) {
		template.n--; /* the cut went through a character */
	}
	q = db_query(j->db,
	    "INSERT INTO unknown (operator, text, code, phase, seen, first_s, last_s)"
	    " VALUES (?, ?, ?, ?, 1, ?, ?) ON CONFLICT (operator, text) DO UPDATE SET"
	    " seen = unknown.seen + 1, last_s = excluded.last_s");
	bind_text(q, 1, a->operator);
	bind_text(q, 2, template);
	db_bind_u64(q, 3, a->code);
	db_bind_u64(q, 4, a->phase);
	db_bind_i64(q, 5, a->began_ms / 1000);
	db_bind_i64(q, 6, a->began_ms / 1000);
	TRY(db_run(q));
	return make_room(j);
}

enum err
reach_journal_add(struct reach_journal *j, const struct reach_attempt *a)
{
	TRY(add_row(j, a));
	TRY(add_day(j, a));
	if (a->unknown) {
		TRY(add_unknown(j, a));
	}
	return a->session ? reach_report_add(j, a) : ERR_OK;
}

/* ---- forgetting ----------------------------------------------------------------------------- */

enum err
reach_journal_forget(struct reach_journal *j, int64_t before_ms, uint64_t most, bool *ret_more)
{
	/* Ids grow with time: only the oldest few are looked at, so each step costs the same. */
	struct db_stmt *q = db_query(j->db,
	    "DELETE FROM attempt WHERE id < (SELECT min(id) FROM attempt) + ?3"
	    " AND (began_ms < ?1 OR id <= (SELECT max(id) FROM attempt) - ?2)");

	db_bind_i64(q, 1, before_ms);
	db_bind_u64(q, 2, most);
	db_bind_u64(q, 3, REACH_FORGET_STEP);
	TRY(db_run(q));
	*ret_more = db_changes(j->db) == REACH_FORGET_STEP;
	return ERR_OK;
}

/* ---- questions ------------------------------------------------------------------------------ */

#define COLUMNS                                                                                \
	"id, entry, began_ms, took_ms, domain, operator, mx, preference, peer, source, tries," \
	" rcpts, verdict, phase, dane, sts, class, rule, sent, received, tls_version,"         \
	" tls_cipher, issuer, key, expires_s, tls_failure, code, enhanced, reply,"             \
	" system_error, icmp, rtt_us, retransmits, unacked, phases"
#define NEWEST " AND id < ?2 ORDER BY id DESC LIMIT ?3"

static struct reach_attempt
read_row(struct db_stmt *q)
{
	return (struct reach_attempt){ .id = db_u64(q, 0),
		.entry = db_u64(q, 1),
		.began_ms = db_i64(q, 2),
		.took_ms = (uint32_t)db_u64(q, 3),
		.domain = db_str(q, 4),
		.operator= db_str(q, 5),
		.mx = db_str(q, 6),
		.preference = (uint16_t)db_u64(q, 7),
		.peer_ip = db_blob(q, 8),
		.source_ip = db_blob(q, 9),
		.tries = (uint32_t)db_u64(q, 10),
		.rcpts = (uint16_t)db_u64(q, 11),
		.verdict = (uint8_t)db_u64(q, 12),
		.phase = (uint8_t)db_u64(q, 13),
		.dane = (uint8_t)db_u64(q, 14),
		.sts = (uint8_t)db_u64(q, 15),
		.class = db_str(q, 16),
		.rule = db_str(q, 17),
		.sent = db_u64(q, 18),
		.received = db_u64(q, 19),
		.tls_version = db_str(q, 20),
		.tls_cipher = db_str(q, 21),
		.issuer = db_str(q, 22),
		.key = db_blob(q, 23),
		.expires_s = db_i64(q, 24),
		.tls_failure = db_str(q, 25),
		.code = (uint16_t)db_u64(q, 26),
		.enhanced = db_str(q, 27),
		.reply = db_str(q, 28),
		.system_error = (uint32_t)db_u64(q, 29),
		.icmp_type = (uint8_t)(db_u64(q, 30) >> 8),
		.icmp_code = (uint8_t)db_u64(q, 30),
		.rtt_us = (uint32_t)db_u64(q, 31),
		.retransmits = (uint32_t)db_u64(q, 32),
		.unacked = (uint32_t)db_u64(q, 33),
		.phases = db_str(q, 34) };
}

static struct db_stmt *
ask(struct reach_journal *j, const struct reach_question *question)
{
	static const char *const sql[] = {
		[REACH_BY_DOMAIN] = "SELECT " COLUMNS " FROM attempt WHERE domain = ?1" NEWEST,
		[REACH_BY_MX_OPERATOR] = "SELECT " COLUMNS
					 " FROM attempt WHERE operator = ?1" NEWEST,
		[REACH_BY_ENTRY] = "SELECT " COLUMNS " FROM attempt WHERE entry = ?1" NEWEST,
		[REACH_BY_MESSAGE] = "SELECT " COLUMNS " FROM attempt WHERE message = ?1" NEWEST,
		[REACH_ALL] = "SELECT " COLUMNS " FROM attempt WHERE ?1 = 0" NEWEST,
	};
	struct db_stmt *q = db_query(j->db, sql[question->by]);

	switch (question->by) {
	case REACH_BY_DOMAIN:
	case REACH_BY_MX_OPERATOR: bind_text(q, 1, question->text); break;
	case REACH_BY_ENTRY: db_bind_u64(q, 1, question->entry); break;
	case REACH_BY_MESSAGE: bind_message(j, q, 1, question->text); break;
	case REACH_ALL: db_bind_u64(q, 1, 0); break;
	}
	db_bind_i64(q, 2, question->before == 0 ? INT64_MAX : (int64_t)question->before);
	db_bind_u64(q, 3, question->max);
	return q;
}

/* From the end of a walk to what the caller hears. */
static enum err
ended(struct db_stmt *q, enum err e)
{
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
reach_journal_find(struct reach_journal *j, const struct reach_question *question,
    reach_each_attempt *each, void *ctx)
{
	struct db_stmt *q = ask(j, question);
	enum err e = ERR_OK;

	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct reach_attempt a = read_row(q);
		e = each(ctx, &a);
	}
	return ended(q, e);
}

enum err
reach_journal_unknown(struct reach_journal *j, size_t max, reach_each_template *each, void *ctx)
{
	struct db_stmt *q = db_query(j->db,
	    "SELECT operator, text, code, phase, seen, first_s,"
	    " last_s FROM unknown ORDER BY seen DESC, id LIMIT ?");
	enum err e = ERR_OK;

	db_bind_u64(q, 1, max);
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct reach_template t = { .operator= db_str(q, 0),
			.text = db_str(q, 1),
			.code = (uint16_t)db_u64(q, 2),
			.phase = (uint8_t)db_u64(q, 3),
			.count = db_u64(q, 4),
			.first_s = db_i64(q, 5),
			.last_s = db_i64(q, 6) };
		e = each(ctx, &t);
	}
	return ended(q, e);
}

enum err
reach_journal_sum(struct reach_journal *j, const struct reach_sum *sum, reach_each_total *each,
    void *ctx)
{
	struct db_stmt *q = db_query(j->db,
	    "SELECT day, operator, class, attempts, rcpts FROM day WHERE (operator = ?1 OR ?1 = '')"
	    " AND day >= ?2 ORDER BY day DESC, operator, class LIMIT ?3");
	enum err e = ERR_OK;

	bind_text(q, 1, sum->operator);
	db_bind_i64(q, 2, sum->since_s / DAY_S);
	db_bind_u64(q, 3, sum->max);
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct reach_total t = { .day_s = db_i64(q, 0) * DAY_S,
			.operator= db_str(q, 1),
			.class = db_str(q, 2),
			.attempts = db_u64(q, 3),
			.rcpts = db_u64(q, 4) };
		e = each(ctx, &t);
	}
	return ended(q, e);
}

enum err
reach_journal_count(struct reach_journal *j, uint64_t *ret_n, int64_t *ret_since_ms)
{
	/* Nearly exact, and cheap: a count would read the whole table. */
	struct db_stmt *q = db_query(j->db,
	    "SELECT max(id) - min(id) + 1, (SELECT began_ms FROM attempt ORDER BY id LIMIT 1)"
	    " FROM attempt");
	enum err e = db_row(q);

	if (e == ERR_OK) {
		*ret_n = db_u64(q, 0);
		*ret_since_ms = db_i64(q, 1);
	}
	db_done(q);
	return e;
}
