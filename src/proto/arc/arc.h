/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARC (RFC 8617), all but the computing: is the chain of seals on a letter whole, and a new set on
 * top of it. Hashes, keys and DNS are the caller's, exactly as for proto/dkim/verify.h, whose
 * checks stand for each signature here.
 */
#ifndef PROTO_ARC_ARC_H
#define PROTO_ARC_ARC_H

#include "proto/arc/limits.h"
#include "proto/dkim/verify.h"

/*
 *	arc_verify_begin(&v, header, now_s, a);
 *	... arc_verify_bodies, arc_verify_body; v.check[i] as in proto/dkim/verify.h, with
 *	arc_verify_input instead of dkim_verify_input ...
 *	arc_verify_result(&v, &why);
 *
 *	arc_seal_begin(&s, &sealer, header, a, &input);     // sign SHA-256 of input
 *	arc_seal_message(&s, signature, &input);            // sign again
 *	arc_seal_end(&s, signature, &fields);               // goes above the header
 */

/* Chain Validation Status (RFC 8617 4.4). OPEN: signatures are left to be verified. */
enum arc_status { ARC_OPEN, ARC_NONE, ARC_PASS, ARC_FAIL };

/* The three fields of an instance as they stand in the header; p == NULL: not there. */
struct arc_set {
	str results; /* ARC-Authentication-Results */
	str message; /* ARC-Message-Signature */
	str seal;    /* ARC-Seal */
	str payload; /* what follows "i=N;" in results: authserv-id, then results as in RFC 8601 */
};

struct arc_verify {
	struct arc_set set[ARC_SETS_MAX + 1]; /* by instance; 0 is not used */
	unsigned n;                           /* the highest instance; 0: no set */
	/*
	 * What decides: the newest message signature, then the seals from n down to 1. None when
	 * the structure decided already.
	 */
	struct dkim_check *check;
	size_t checks_n;
	enum arc_status status; /* by structure; OPEN: the checks decide */
	const char *why;
	str header;
	struct arena *a;
};

/*
 * Collect the sets of a header and look at their structure.
 *
 * In      header: of the message, borrowed as long as `v` is used; now_s: when it came
 * Limits  ARC_SETS_MAX, ARC_OCTETS_MAX: chains beyond fail
 * Errors  BUDGET
 * RFC     8617 5.2, steps 1 to 3
 */
enum err arc_verify_begin(struct arc_verify *v, str header, int64_t now_s, struct arena *a);

/* As those of proto/dkim/verify.h; only the newest message signature has a body. */
unsigned arc_verify_bodies(const struct arc_verify *v);
void arc_verify_body(struct arc_verify *v, enum dkim_canon canon, const uint8_t *hash);

/*
 * Append what a check's hash is made over.
 *
 * Errors  as dkim_hash_input; the check then ends as TEMPERROR
 * RFC     8617 5.1.1
 */
enum err arc_verify_input(struct arc_verify *v, struct dkim_check *c, struct buf *out,
    struct arena *scratch);

/*
 * The status: FAIL as soon as one check has another result than PASS, errors of DNS included
 * (5.2.1); PASS when all have passed.
 *
 * Out     ret_why: "" or a static sentence; NULL is fine
 */
enum arc_status arc_verify_result(const struct arc_verify *v, const char **ret_why);

/* Whose seal is the newest: d= of instance n, in A-labels; empty: unknown. */
str arc_verify_sealer(const struct arc_verify *v, unsigned instance);

/* "none", "pass", "fail"; OPEN is "none". */
const char *arc_status_text(enum arc_status s);

/* Who seals, and what they found. */
struct arc_sealer {
	str domain, selector; /* A-labels */
	enum dkim_algorithm algorithm;
	int64_t now_s;
	const uint8_t *body_hash; /* DKIM_BODY_HASH octets: SHA-256 of the relaxed body */
	str payload;              /* authserv-id and results as in Authentication-Results */
	enum arc_status chain;    /* of the letter as it came to us: not OPEN */
};

/* A set in the making; the strings are in the arena. */
struct arc_seal {
	struct arc_sealer who;
	struct arc_set set;
	struct arc_verify old; /* the sets that are there */
	unsigned instance;
	struct arena *a;
};

/*
 * Begin a set: the results and the message signature over the header as it will leave.
 *
 * Out     input: what is to be hashed and signed
 * Errors  DENIED: the chain was sealed as broken already; TOOMANY: no instance is left; NOTFOUND:
 *         no From field; TOOBIG; BUDGET; SYNTAX: a payload with line ends that are no folds
 * RFC     8617 5.1
 */
enum err arc_seal_begin(struct arc_seal *s, const struct arc_sealer *who, str header,
    struct arena *a, struct buf *input);
/*
 * The signature of that; gives what the seal is made over.
 *
 * Errors  TOOBIG, BUDGET
 * RFC     8617 5.1.1, 5.1.2
 */
enum err arc_seal_message(struct arc_seal *s, str signature, struct buf *input);
/*
 * The signature of that; gives the three fields, seal first.
 *
 * Errors  TOOBIG, BUDGET
 */
enum err arc_seal_end(struct arc_seal *s, str signature, struct buf *ret_fields);

#endif
