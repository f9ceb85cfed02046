/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DKIM signatures: reading the field, the octets that are hashed, and writing a new one. Hashing
 * and keys are the caller's: this folder computes nothing that needs a library.
 *
 *	dkim_body_init(&b, DKIM_RELAXED, into_sha256, &ctx); dkim_body_feed(...); dkim_body_end(&b);
 *	dkim_sign(&signer, header, a, &field, &input);
 *	... sign SHA-256 of input ...
 *	dkim_sign_finish(&field, signature);              // goes above the header
 */
#ifndef PROTO_DKIM_SIGNATURE_H
#define PROTO_DKIM_SIGNATURE_H

#include "base/arena.h"
#include "proto/dkim/canon.h"
#include "proto/dkim/limits.h"

/* RFC 6376 3.3, 8301 (no SHA-1 any more), 8463. */
enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };

/* The fields that have this form: RFC 6376 3.5, RFC 8617 4.1.2 and 4.1.3. */
enum dkim_kind { DKIM_SIGNATURE, DKIM_ARC_MESSAGE, DKIM_ARC_SEAL };

/* cv= of a seal: RFC 8617 4.4. */
enum dkim_chain { DKIM_CHAIN_NONE, DKIM_CHAIN_FAIL, DKIM_CHAIN_PASS };

/* A field that was read. Strings point into the field. */
struct dkim_signature {
	enum dkim_algorithm algorithm;
	enum dkim_canon header, body;
	str domain, selector;  /* d= and s=, as written */
	str identity;          /* i= of DKIM; p == NULL: none */
	unsigned instance;     /* i= of ARC */
	enum dkim_chain chain; /* cv= of a seal */
	str names;             /* h=, with its white space */
	int64_t signed_s;      /* t=; -1: unknown */
	int64_t expires_s;     /* x=; -1: never */
	bool has_length; /* l= is there: we believe no signature that leaves a tail unsigned */
	uint8_t body_hash[DKIM_BODY_HASH];
	uint8_t octets[DKIM_SIGNATURE_MAX]; /* of b= */
	size_t octets_n;
	str b; /* the value of b= in the field */
};

/*
 * Read a DKIM-Signature field.
 *
 * In      raw: the field as it stands in the message
 * Out     ret_why: for the reader of Authentication-Results, when it fails
 * Errors  SYNTAX, TOOBIG; UNSUPPORTED (version, algorithm, canonicalization, query method)
 * RFC     6376 3.5, 6.1.1
 */
enum err dkim_signature_read(str raw, struct dkim_signature *ret, const char **ret_why);

/*
 * The same for any of the three fields; what a kind does not have stays empty.
 *
 * Errors  as dkim_signature_read
 * RFC     8617 4.1
 */
enum err dkim_signature_read_as(enum dkim_kind kind, str raw, struct dkim_signature *ret,
    const char **ret_why);

/*
 * Append what is hashed: the named fields, last ones first, then the signature itself without b=.
 *
 * In      header: of the message; what follows it is ignored. names: h=. own: the signature's field
 *         b: the value in it to be left out
 * Errors  NOMEM, BUDGET (of `scratch`), TOOBIG (of `out`)
 * RFC     6376 3.7, 5.4.2
 */
struct dkim_hashed {
	enum dkim_canon canon;
	str header, names, own, b;
};
enum err dkim_hash_input(struct buf *out, const struct dkim_hashed *what, struct arena *scratch);

/* Who signs what. */
struct dkim_signer {
	str domain, selector; /* A-labels */
	enum dkim_algorithm algorithm;
	int64_t now_s;            /* t= */
	int64_t expires_s;        /* x=; 0: none */
	const uint8_t *body_hash; /* DKIM_BODY_HASH octets: SHA-256 of the relaxed body */
	unsigned instance; /* not 0: an ARC-Message-Signature of that instance (8617 4.1.2) */
};

/*
 * Begin a signature, relaxed/relaxed, over the fields of fields.def.
 *
 * Out     field: "DKIM-Signature: ... b="; input: what is to be hashed and signed
 * Errors  as dkim_hash_input; NOTFOUND: no From field, which must be signed
 * RFC     6376 5.4, 5.4.1; 8058 4 (List-Unsubscribe must be signed)
 */
enum err dkim_sign(const struct dkim_signer *s, str header, struct arena *scratch,
    struct buf *field, struct buf *input);
/* Append the signature and the line end. */
void dkim_sign_finish(struct buf *field, str signature);

#endif
