/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifying signatures, all but the computing: which of them are worth it, whose key is needed,
 * what is hashed, and what the result is called. DNS, hashes and public keys are the caller's.
 *
 *	dkim_verify_begin(&v, header, now_s, a);
 *	... a hash of the body for each bit of dkim_verify_bodies(&v) ... dkim_verify_body(&v, ...);
 *	for each v.check[i] that is open: ask TXT of its `name`; dkim_check_key(c, ..., &key);
 *	... dkim_verify_input(&v, c, ...), SHA-256, verified with key ... dkim_check_proof(c, &p);
 */
#ifndef PROTO_DKIM_VERIFY_H
#define PROTO_DKIM_VERIFY_H

#include "proto/dkim/key.h"

/* RFC 8601 2.7.1. OPEN: not known yet. */
enum dkim_result {
	DKIM_OPEN,
	DKIM_PASS,
	DKIM_FAIL,
	DKIM_NEUTRAL, /* failed, by a key that its owner is only trying out */
	DKIM_POLICY,  /* we do not believe such signatures: l=, short keys */
	DKIM_TEMPERROR,
	DKIM_PERMERROR
};

/* One signature, of DKIM or ARC, on its way to a result. */
struct dkim_check {
	struct dkim_signature s; /* as far as it could be read */
	str raw;                 /* the field, in the header */
	str domain;              /* d= in A-labels, lower case; empty: unreadable */
	str name;                /* where its key is: A-labels without a dot at the end */
	enum dkim_result result;
	const char *why; /* "" or a static sentence, fit for reason= */
	bool testing;    /* t=y of the key */
	unsigned bits;   /* of the key; 0: unknown */
};

struct dkim_verify {
	struct dkim_check *check; /* in the order of the header, first ones first */
	size_t n;
	size_t more; /* signatures beyond DKIM_SIGNATURES_MAX: not looked at */
	str header;
	int64_t now_s;
	struct arena *a;
};

/*
 * Read the signatures of a header.
 *
 * In      header: of the message; what follows it is ignored; borrowed as long as `v` is used
 *         now_s: when the letter came
 * Limits  DKIM_SIGNATURES_MAX
 * Errors  BUDGET
 * RFC     6376 6.1, 6.1.1; 8301 3.1; 8616 3
 */
enum err dkim_verify_begin(struct dkim_verify *v, str header, int64_t now_s, struct arena *a);

/* Bits (1 << enum dkim_canon) of the bodies that open checks want hashed. */
unsigned dkim_verify_bodies(const struct dkim_verify *v);
/* The hash of one of them. Checks that it does not fit fail. RFC 6376 6.1.3 */
void dkim_verify_body(struct dkim_verify *v, enum dkim_canon canon, const uint8_t *hash);

/*
 * Append what a check's header hash is made over. Errors as dkim_hash_input; when it fails the
 * check ends as TEMPERROR.
 */
enum err dkim_verify_input(struct dkim_verify *v, struct dkim_check *c, struct buf *out,
    struct arena *scratch);

/* --- for checks of any kind ------------------------------------------------------------------ */

/*
 * Read a field; the check is open, or has its result already when the field is of no use.
 *
 * Errors  BUDGET
 * RFC     6376 6.1.1; 8616 3
 */
enum err dkim_check_begin(struct dkim_check *c, enum dkim_kind kind, str raw, int64_t now_s,
    struct arena *a);

/* The body's hash is this; an open check that has another one fails. */
void dkim_check_body(struct dkim_check *c, const uint8_t *hash);

/*
 * DNS has answered for c->name.
 *
 * In      result: OK, NOTFOUND (no such name or no such records), CORRUPT (bogus), else no answer;
 *         records: TXT, their strings put together
 * Out     true: ret is the key to verify with. False: the check has its result
 * RFC     6376 6.1.2
 */
bool dkim_check_key(struct dkim_check *c, enum err result, const str *records, size_t n,
    struct dkim_key *ret);

/* What computing came to. */
struct dkim_proof {
	bool readable; /* the key */
	unsigned bits; /* of its modulus */
	bool good;     /* the signature fits key and hash */
};
/* The end of a check that is open. RFC 6376 6.1.3, 8301 3.2, 8463 */
void dkim_check_proof(struct dkim_check *c, const struct dkim_proof *p);

/* "pass", "fail" ...: RFC 8601 2.7.1; OPEN is "none". */
const char *dkim_result_text(enum dkim_result r);

#endif
