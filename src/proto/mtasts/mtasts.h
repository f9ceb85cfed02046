/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MTA-STS (RFC 8461) without its transport: the TXT record, the policy file, MX patterns, and what
 * a policy means for a delivery. Pure; process fetch has the HTTPS and the cache.
 */
#ifndef PROTO_MTASTS_MTASTS_H
#define PROTO_MTASTS_MTASTS_H

#include "base/err.h"
#include "base/str.h"

enum {
	MTASTS_ID_MAX = 32,         /* RFC 8461 3.1 */
	MTASTS_FILE_MAX = 64 << 10, /* RFC 8461 3.3 */
	MTASTS_LINES_MAX = 1000,
	MTASTS_MX_MAX = 64,
	MTASTS_MAX_AGE_S = 31557600, /* one year: RFC 8461 3.2 */
	MTASTS_FETCH_S = 60,         /* RFC 8461 3.3 */
};

/* In the numbers of edge send_fetch and of fetch's cache. */
enum mtasts_mode { MTASTS_NONE, MTASTS_TESTING, MTASTS_ENFORCE };

/*
 * The record below _mta-sts.<domain>.
 *
 * In      records: TXT records, each with its strings joined
 * Out     ret_id: borrows from the record
 * Errors  ERR_NOTFOUND: none, or more than one begins "v=STSv1;"; ERR_SYNTAX: it is malformed:
 *         both mean that the domain has no policy now (a cached one still counts)
 * RFC     8461 3.1
 */
enum err mtasts_txt(const str *records, size_t n, str *ret_id);

struct mtasts_policy {
	enum mtasts_mode mode;
	uint32_t max_age_s;
	size_t mx_n;
	str mx[MTASTS_MX_MAX]; /* patterns, without a dot at the end; borrow from the file */
};

/*
 * In      file: the body of https://mta-sts.<domain>/.well-known/mta-sts.txt
 * Limits  MTASTS_FILE_MAX, MTASTS_LINES_MAX, MTASTS_MX_MAX
 * Errors  ERR_TOOBIG, ERR_TOOMANY, ERR_SYNTAX
 * RFC     8461 3.2
 */
enum err mtasts_parse(str file, struct mtasts_policy *ret);

/* Does the name of an MX host fit a pattern? "*." is exactly one label. RFC 8461 4.1 */
bool mtasts_fits(str pattern, str host);
bool mtasts_allows(const str *patterns, size_t n, str host);

/* What was found of one MX host. */
struct mtasts_seen {
	bool listed;   /* mtasts_allows() */
	bool starttls; /* offered, and the handshake went through with TLS 1.2 or later */
	bool trusted;  /* chain to a known root, in date */
	bool named;    /* the MX host's name is in the certificate */
};

/* How it ended, for records and reports; the number in the message attempt. */
enum mtasts_verdict {
	MTASTS_VERDICT_NONE, /* no policy, or mode none */
	MTASTS_VERDICT_PASSED,
	MTASTS_VERDICT_UNLISTED, /* not an MX of the policy */
	MTASTS_VERDICT_NO_TLS,
	MTASTS_VERDICT_UNTRUSTED,
	MTASTS_VERDICT_NAME,
	MTASTS_VERDICT_FETCH, /* no policy could be had, and none is kept */
	MTASTS_VERDICT_DANE,  /* DANE applied, which comes first: RFC 8461 2 */
	MTASTS_VERDICTS
};
enum mtasts_action {
	MTASTS_DELIVER, /* as if there were no policy */
	MTASTS_REPORT,  /* testing: deliver all the same, tell in TLS-RPT */
	MTASTS_SKIP,    /* enforce: this host must not be used; none left: try again later */
};
enum mtasts_verdict mtasts_judge(enum mtasts_mode mode, const struct mtasts_seen *seen);
/* RFC 8461 5 */
enum mtasts_action mtasts_action(enum mtasts_mode mode, enum mtasts_verdict v);
/* Result type of RFC 8460 4.3 for a verdict; empty: nothing to report. */
str mtasts_failure(enum mtasts_verdict v);
str mtasts_word(enum mtasts_verdict v);

/* What to do about a domain's policy. RFC 8461 3.1, 3.3, 5.1 */
struct mtasts_kept {
	bool have; /* a policy is in the cache */
	str id;    /* of the TXT record when it was fetched */
	int64_t until_s, fetched_s;
	str tried_id;    /* the last fetch that failed, of a policy kept or not */
	int64_t tried_s; /* 0: none did */
};
enum mtasts_plan {
	MTASTS_PLAN_NO_POLICY, /* none kept, none announced */
	MTASTS_PLAN_USE,       /* the one that is kept */
	MTASTS_PLAN_FETCH,     /* a new one; the kept one counts if it cannot be had */
	MTASTS_PLAN_REFRESH,   /* use the kept one now, fetch behind it: it is a day old */
};
/*
 * In      id: of the TXT record; empty: none, or not to be had
 * Limits  a fetch that failed is not tried again within five minutes for the same id
 * RFC     8461 3.3, 5.1
 */
enum mtasts_plan mtasts_plan(const struct mtasts_kept *kept, str id, int64_t now_s);

#endif
