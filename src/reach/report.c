/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.db: what TLS reports are made from. policy: a row per day, domain and policy with its sums;
 * failure: where and how sessions failed under it; report: how far the report of a domain is.
 */
#include "reach/report.h"

#include "base/codec.h"
#include "reach/journal_priv.h"

int64_t
reach_report_day(const struct reach_journal *j, int64_t wall_ms)
{
	return wall_ms / j->day_ms;
}

int64_t
reach_report_begin_ms(const struct reach_journal *j, int64_t day)
{
	return day * j->day_ms;
}

static str
text_or_none(str s)
{
	return s.n > 0 && utf8_valid(s) ? s : S("");
}

/* ---- adding --------------------------------------------------------------------------------- */

static enum err
add_session(struct reach_journal *j, const struct reach_attempt *a)
{
	struct db_stmt *q = db_query(j->db,
	    "INSERT INTO policy (day, domain, type, text, good, bad) VALUES (?1, ?2, ?3, ?4, ?5,"
	    " ?6) ON CONFLICT (day, domain, type, text) DO UPDATE SET"
	    " good = policy.good + excluded.good, bad = policy.bad + excluded.bad");
	bool bad = a->tls_failure.n > 0;

	db_bind_i64(q, 1, reach_report_day(j, a->began_ms));
	db_bind_str(q, 2, text_or_none(a->domain));
	db_bind_str(q, 3, text_or_none(a->policy_type));
	db_bind_str(q, 4, text_or_none(a->policy));
	db_bind_u64(q, 5, !bad);
	db_bind_u64(q, 6, bad);
	return db_run(q);
}

/* Why, in a few words: of what the class says. */
static str
reason_of(const struct reach_attempt *a)
{
	enum reach_class c;

	return reach_class_find(a->class, &c) ? reach_class_row(c)->what : S("");
}

static enum err
find_policy(struct reach_journal *j, const struct reach_attempt *a, uint64_t *ret, bool *ret_full)
{
	struct db_stmt *q = db_query(j->db,
	    "SELECT id, (SELECT count(*) FROM failure WHERE policy = policy.id) FROM policy"
	    " WHERE day = ? AND domain = ? AND type = ? AND text = ?");

	db_bind_i64(q, 1, reach_report_day(j, a->began_ms));
	db_bind_str(q, 2, text_or_none(a->domain));
	db_bind_str(q, 3, text_or_none(a->policy_type));
	db_bind_str(q, 4, text_or_none(a->policy));
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret = db_u64(q, 0);
		*ret_full = db_u64(q, 1) >= REACH_FAILURES_MAX;
	}
	db_done(q);
	return e;
}

static enum err
add_failure(struct reach_journal *j, const struct reach_attempt *a)
{
	uint64_t policy = 0;
	bool full = false;

	TRY(find_policy(j, a, &policy, &full));
	if (full) {
		return ERR_OK;
	}
	struct db_stmt *q = db_query(j->db,
	    "INSERT INTO failure (policy, result, source, mx, peer, reason, n) VALUES (?, ?, ?, ?,"
	    " ?, ?, 1) ON CONFLICT (policy, result, source, mx, peer, reason)"
	    " DO UPDATE SET n = failure.n + 1");
	db_bind_u64(q, 1, policy);
	db_bind_str(q, 2, text_or_none(a->tls_failure));
	db_bind_blob(q, 3, a->source_ip.n > 0 ? a->source_ip : S(""));
	db_bind_str(q, 4, text_or_none(a->mx));
	db_bind_blob(q, 5, a->peer_ip.n > 0 ? a->peer_ip : S(""));
	db_bind_str(q, 6, reason_of(a));
	return db_run(q);
}

enum err
reach_report_add(struct reach_journal *j, const struct reach_attempt *a)
{
	TRY(add_session(j, a));
	return a->tls_failure.n > 0 ? add_failure(j, a) : ERR_OK;
}

/* ---- which are due -------------------------------------------------------------------------- */

enum err
reach_report_due(struct reach_journal *j, const struct reach_due *due, struct buf *ret_domain,
    int64_t *ret_day)
{
#define DUE(counted, report)                                                     \
	"SELECT p.day, p.domain FROM " counted " p LEFT JOIN " report            \
	" r ON r.day = p.day AND r.domain = p.domain WHERE p.day < ?1 AND"       \
	" (r.state IS NULL OR (r.state = ?2 AND r.at_ms < ?3 AND r.tries < ?4))" \
	" ORDER BY p.day, p.domain LIMIT 1"
	static const char *const sql[REACH_REPORT_KINDS] = {
		[REACH_REPORT_TLS] = DUE("policy", "report"),
		[REACH_REPORT_DMARC] = DUE("dmarc_domain", "dmarc_report"),
	};
#undef DUE
	struct db_stmt *q = db_query(j->db, sql[due->kind]);

	db_bind_i64(q, 1, due->today);
	db_bind_u64(q, 2, REACH_REPORT_TRIED);
	db_bind_i64(q, 3, due->now_ms - due->retry_ms);
	db_bind_u64(q, 4, due->tries_max);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret_day = db_i64(q, 0);
		buf_str(ret_domain, db_str(q, 1));
		e = buf_err(ret_domain);
	}
	db_done(q);
	return e;
}

enum err
reach_report_mark(struct reach_journal *j, const struct reach_report_id *id,
    enum reach_report_state state, int64_t now_ms)
{
#define MARK(report)                                                                       \
	"INSERT INTO " report " (day, domain, state, tries, at_ms) VALUES (?, ?, ?, 1, ?)" \
	" ON CONFLICT (day, domain) DO UPDATE SET state = excluded.state,"                 \
	" tries = " report ".tries + 1, at_ms = excluded.at_ms"
	static const char *const sql[REACH_REPORT_KINDS] = {
		[REACH_REPORT_TLS] = MARK("report"),
		[REACH_REPORT_DMARC] = MARK("dmarc_report"),
	};
#undef MARK
	struct db_stmt *q = db_query(j->db, sql[id->kind]);

	db_bind_i64(q, 1, id->day);
	db_bind_str(q, 2, id->domain);
	db_bind_u64(q, 3, state);
	db_bind_i64(q, 4, now_ms);
	return db_run(q);
}

/* ---- reading -------------------------------------------------------------------------------- */

enum err
reach_report_policies(struct reach_journal *j, int64_t day, str domain, reach_each_policy *each,
    void *ctx)
{
	struct db_stmt *q = db_query(j->db,
	    "SELECT id, type, text, good, bad FROM policy"
	    " WHERE day = ? AND domain = ? ORDER BY id");
	enum err e = ERR_OK;

	db_bind_i64(q, 1, day);
	db_bind_str(q, 2, domain);
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct reach_policy p = { .id = db_u64(q, 0),
			.type = db_str(q, 1),
			.text = db_str(q, 2),
			.good = db_u64(q, 3),
			.bad = db_u64(q, 4) };
		e = each(ctx, &p);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
reach_report_failures(struct reach_journal *j, uint64_t policy, reach_each_failure *each, void *ctx)
{
	struct db_stmt *q = db_query(j->db,
	    "SELECT result, source, mx, peer, reason, n FROM failure WHERE policy = ?"
	    " ORDER BY n DESC, result, mx");
	enum err e = ERR_OK;

	db_bind_u64(q, 1, policy);
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct reach_failure f = { .result = db_str(q, 0),
			.source_ip = db_blob(q, 1),
			.mx = db_str(q, 2),
			.peer_ip = db_blob(q, 3),
			.reason = db_str(q, 4),
			.count = db_u64(q, 5) };
		e = each(ctx, &f);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
reach_report_forget(struct reach_journal *j, int64_t day)
{
	static const char *const sql[] = {
		"DELETE FROM failure WHERE policy IN (SELECT id FROM policy WHERE day < ?)",
		"DELETE FROM policy WHERE day < ?",
		"DELETE FROM report WHERE day < ?",
		"DELETE FROM dmarc_row WHERE day < ?",
		"DELETE FROM dmarc_domain WHERE day < ?",
		"DELETE FROM dmarc_report WHERE day < ?",
	};

	for (size_t i = 0; i < LEN(sql); i++) {
		struct db_stmt *q = db_query(j->db, sql[i]);
		db_bind_i64(q, 1, day);
		TRY(db_run(q));
	}
	return ERR_OK;
}
