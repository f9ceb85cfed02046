/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.db: what DMARC reports are made from. dmarc_domain: a row per day and domain, with the
 * letters counted; dmarc_row: letters that are alike. Reading and forgetting is as in report.c.
 */
#include "reach/dmarc.h"

#include "base/codec.h"
#include "reach/journal_priv.h"

static str
text_or_none(str s)
{
	return s.n > 0 && utf8_valid(s) ? s : S("");
}

/* Out: how many letters of the day and domain there were; full: there are too many domains. */
static enum err
add_domain(struct reach_journal *j, int64_t day, str domain, uint64_t *ret_letters, bool *ret_full)
{
	struct db_stmt *q = db_query(j->db,
	    "INSERT INTO dmarc_domain (day, domain, letters) SELECT ?1, ?2, 1 WHERE"
	    " EXISTS (SELECT 1 FROM dmarc_domain WHERE day = ?1 AND domain = ?2) OR"
	    " (SELECT count(*) FROM dmarc_domain WHERE day = ?1) < ?3"
	    " ON CONFLICT (day, domain) DO UPDATE SET letters = dmarc_domain.letters + 1");
	db_bind_i64(q, 1, day);
	db_bind_str(q, 2, domain);
	db_bind_u64(q, 3, REACH_DMARC_DOMAINS_MAX);
	TRY(db_run(q));
	*ret_full = db_changes(j->db) == 0;
	q = db_query(j->db, "SELECT letters FROM dmarc_domain WHERE day = ? AND domain = ?");
	db_bind_i64(q, 1, day);
	db_bind_str(q, 2, domain);
	enum err e = db_row(q);
	*ret_letters = e == ERR_OK ? db_u64(q, 0) : 0;
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static void
bind_row(struct db_stmt *q, int64_t day, const struct reach_judged *r)
{
	const str texts[] = { r->domain, r->from, r->sender, r->disposition, r->reason,
		r->spf_domain, r->spf_result, r->signatures };
	db_bind_i64(q, 1, day);
	for (size_t i = 0; i < LEN(texts); i++) {
		db_bind_str(q, (int)i + 2, text_or_none(texts[i]));
	}
	db_bind_blob(q, 10, r->ip.n > 0 ? r->ip : S(""));
	db_bind_u64(q, 11, (r->dkim ? 1U : 0U) | (r->spf ? 2U : 0U) | (r->helo ? 4U : 0U));
}

enum err
reach_dmarc_add(struct reach_journal *j, int64_t wall_ms, const struct reach_judged *r)
{
	static const char *const sql[] = {
		"INSERT INTO dmarc_row (day, domain, author, sender, disposition, reason,"
		" spf_domain, spf, signatures, ip, flags, n)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1)"
		" ON CONFLICT DO UPDATE SET n = dmarc_row.n + 1",
		"UPDATE dmarc_row SET n = n + 1 WHERE day = ?1 AND domain = ?2 AND author = ?3 AND"
		" sender = ?4 AND disposition = ?5 AND reason = ?6 AND spf_domain = ?7 AND"
		" spf = ?8 AND signatures = ?9 AND ip = ?10 AND flags = ?11",
	};
	int64_t day = reach_report_day(j, wall_ms);
	uint64_t letters = 0;
	bool full = false;
	TRY(add_domain(j, day, text_or_none(r->domain), &letters, &full));
	if (full) {
		return ERR_OK;
	}
	struct db_stmt *q = db_query(j->db, sql[letters > REACH_DMARC_ROWS_MAX]);
	bind_row(q, day, r);
	return db_run(q);
}

enum err
reach_dmarc_rows(struct reach_journal *j, const struct reach_dmarc_rows *which,
    reach_each_judged *each, void *ctx)
{
	struct db_stmt *q = db_query(j->db,
	    "SELECT author, sender, disposition, reason, spf_domain, spf, signatures, ip, flags, n"
	    " FROM dmarc_row WHERE day = ? AND domain = ? ORDER BY n DESC, ip LIMIT ?");
	enum err e = ERR_OK;
	db_bind_i64(q, 1, which->day);
	db_bind_str(q, 2, which->domain);
	db_bind_u64(q, 3, which->max);
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		uint64_t flags = db_u64(q, 8);
		const struct reach_judged r = { .domain = which->domain,
			.from = db_str(q, 0),
			.sender = db_str(q, 1),
			.disposition = db_str(q, 2),
			.reason = db_str(q, 3),
			.spf_domain = db_str(q, 4),
			.spf_result = db_str(q, 5),
			.signatures = db_str(q, 6),
			.ip = db_blob(q, 7),
			.dkim = (flags & 1) != 0,
			.spf = (flags & 2) != 0,
			.helo = (flags & 4) != 0,
			.count = db_u64(q, 9) };
		e = each(ctx, &r);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}
