/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_host() of RFC 7208 as a machine that asks for DNS and is told answers. One machine checks
 * one identity: HELO or MAIL FROM. It does no I/O and reads no clock.
 *
 *	spf_new(arena, &params, &s);
 *	while (spf_want(s, &q)) { ... ask q.name, q.type; later: spf_answer(s, q.id, &a); }
 *	when spf_done(s): spf_result(s)
 */
#ifndef PROTO_SPF_SPF_H
#define PROTO_SPF_SPF_H

#include "base/arena.h"
#include "mail/authres.h"
#include "proto/spf/limits.h"

struct spf;

enum spf_identity { SPF_HELO, SPF_MAIL_FROM };

struct spf_params {
	enum spf_identity identity;
	uint8_t ip[16];   /* of the peer, IPv4 as v4-mapped */
	str helo;         /* as given; literals and single labels give "none" (RFC 7208 2.3, 4.3) */
	str reverse_path; /* without brackets, UTF-8 allowed; empty: postmaster@helo (2.4) */
	str receiver;     /* our host name, for %{r} */
	int64_t now_s;    /* for %{t} */
};

struct spf_question {
	unsigned id;
	str name;      /* A-labels, no dot at the end; lives as long as the machine */
	uint16_t type; /* enum dns_type: A AAAA MX PTR TXT */
};

/*
 * result: ERR_OK (with n == 0: the name has no such record), ERR_NOTFOUND: the name does not
 * exist; anything else counts as a failed look-up. rdata as edges policy_resolve gives it: whole
 * RDATA of the type asked for, borrowed for the call.
 */
struct spf_answer {
	enum err result;
	const str *rdata;
	size_t n;
};

struct spf_result {
	enum mail_authres result; /* NONE_PUBLISHED for "none"; never MAIL_AUTHRES_NONE */
	str domain;               /* that was checked: A-labels, lower case; empty: none could be */
	str mechanism;            /* that matched, as published; empty: the default or no match */
	str explanation;          /* of FAIL: the owner's words, printable ASCII; else empty */
	str problem;              /* of TEMPERROR and PERMERROR: ours, static; else empty */
	unsigned lookups, voids;  /* terms and empty answers that were counted */
};

/*
 * Begin a check. Strings of `p` are copied.
 *
 * In      a: holds everything until the result was used; SPF_BUDGET octets are enough
 * Errors  ERR_BUDGET. Later want of memory ends in TEMPERROR
 * RFC     7208 2.3, 2.4, 4.1 to 4.3; 8616 4
 */
enum err spf_new(struct arena *a, const struct spf_params *p, struct spf **ret);

/* The next question that was not handed out yet; false when there is none for now. */
bool spf_want(struct spf *s, struct spf_question *ret);

/*
 * Tell an answer; then ask spf_want and spf_done again. Answers may come in any order. One that
 * nobody waits for is ignored.
 */
void spf_answer(struct spf *s, unsigned id, const struct spf_answer *a);

/* Has the check ended? Questions that are still open then may be forgotten. */
bool spf_done(const struct spf *s);

/* End it now: the caller's deadline passed (RFC 7208 4.6.4 last but one paragraph). TEMPERROR. */
void spf_expire(struct spf *s);

/* What it came to; only after spf_done. Its strings live in the arena. */
const struct spf_result *spf_result(const struct spf *s);

#endif
