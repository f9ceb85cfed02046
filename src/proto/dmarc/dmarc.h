/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DMARC (RFC 7489, 9989) as a machine that asks for DNS and is told answers: the policy record, the
 * organizational domain by tree walk, alignment of what SPF and DKIM authenticated. It does no
 * I/O and knows no list of public suffixes: the caller may give one as a function.
 *
 *	dmarc_new(arena, &params, &d);
 *	while (dmarc_want(d, &q)) { ... ask q.name, q.type; later: dmarc_answer(d, q.id, &a); }
 *	when dmarc_done(d): dmarc_result(d)
 */
#ifndef PROTO_DMARC_DMARC_H
#define PROTO_DMARC_DMARC_H

#include "base/arena.h"
#include "mail/authres.h"

enum {
	DMARC_IDENTIFIERS_MAX = 16, /* passing signatures and SPF looked at; more are ignored */
	DMARC_WALK_MAX = 8,         /* names asked for one domain; RFC 9989 4.10 */
	DMARC_NAMES_MAX = 64,       /* names asked for one letter; beyond it domains do not align */
	DMARC_RECORD_MAX = 8192,    /* octets of a record; resolve gives no more */
	DMARC_TAGS_MAX = 64,        /* of a record; more make it none */
	DMARC_BUDGET = 256 << 10,   /* octets an arena should have for one letter at least */
};

enum dmarc_policy { DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };
/* "quarantine" */
str dmarc_policy_word(enum dmarc_policy p);

/* What a record says. Strings point into the text it was read from. */
struct dmarc_record {
	enum dmarc_policy p, sp, np; /* sp and np as inherited where they are not there */
	bool has_sp, has_np;
	bool strict_dkim, strict_spf; /* adkim=s, aspf=s */
	bool testing;                 /* t=y; pct=0 of RFC 7489 counts as that */
	char psd;                     /* 'y', 'n', 'u' */
	str rua, ruf, fo;             /* as written */
};

/*
 * Read one TXT record, its strings put together.
 *
 * Errors  ERR_NOTFOUND: not of this version, so to be passed over; ERR_SYNTAX: of this version, but
 *         no policy can be taken from it; ERR_TOOBIG
 * RFC     7489 6.3, 6.4, 6.6.3; 9989 4.7, 4.8, 4.10.1
 */
enum err dmarc_record_read(str text, struct dmarc_record *ret);

/* Something that passed: a signature's d=, or the domain SPF checked. */
struct dmarc_identifier {
	bool dkim;
	bool
	    temporary; /* it did not pass, but ended in TEMPERROR: were it aligned, so does DMARC */
	str domain;
};

/*
 * The organizational domain by a list of public suffixes: a suffix and one label more. False when
 * the domain is itself a suffix or the list does not know. *ret points into `domain`.
 */
typedef bool dmarc_suffix_fn(void *ctx, str domain, str *ret);

struct dmarc;

struct dmarc_params {
	str from;                                   /* domain of the From field, as written */
	const struct dmarc_identifier *identifiers; /* that passed; RFC 7489 4.2 */
	size_t n;
	dmarc_suffix_fn *suffix; /* or NULL */
	void *suffix_ctx;
};

struct dmarc_question {
	unsigned id;
	str name;      /* A-labels; lives as long as the machine */
	uint16_t type; /* enum dns_type: TXT, or A of the author's domain (does it exist?) */
};

/* As struct spf_answer; RDATA is decoded here. */
struct dmarc_answer {
	enum err result;
	const str *rdata;
	size_t n;
};

struct dmarc_result {
	enum mail_authres result;  /* PASS FAIL NONE_PUBLISHED TEMPERROR PERMERROR */
	enum dmarc_policy policy;  /* what the owner asks for here: p, sp or np */
	enum dmarc_policy applied; /* the same with t=y: one step milder. Of a PASS: NONE */
	str tag;                   /* "p", "sp", "np": where policy stands; empty: no record */
	str from;                  /* author's domain: A-labels, lower case */
	str organization;          /* its organizational domain */
	str published_at;          /* domain whose record counts; empty: none */
	ptrdiff_t spf, dkim;       /* index of the first aligned identifier of each; -1: none */
	const struct dmarc_record *record; /* NULL: none */
};

/*
 * Begin. Strings of `p` are copied.
 *
 * In      p->from: of the one author; with none or several the caller decides and does not ask
 * Errors  ERR_BUDGET. Later want of memory ends in TEMPERROR. A domain that is none gives PERMERROR
 * RFC     7489 6.6; 9989 4.10, 5; 9091; 8616 6
 */
enum err dmarc_new(struct arena *a, const struct dmarc_params *p, struct dmarc **ret);

/* As spf_want, spf_answer, spf_done, spf_expire: many questions may be open at once. */
bool dmarc_want(struct dmarc *d, struct dmarc_question *ret);
void dmarc_answer(struct dmarc *d, unsigned id, const struct dmarc_answer *a);
bool dmarc_done(const struct dmarc *d);
void dmarc_expire(struct dmarc *d);
const struct dmarc_result *dmarc_result(const struct dmarc *d);

/*
 * The organizational domain by the list alone, or the domain itself; for statistics when there is
 * no record.
 */
str dmarc_organization(const struct dmarc_params *p, str domain);

#endif
