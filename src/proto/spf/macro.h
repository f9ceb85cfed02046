/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Macro-strings: their grammar and their expansion (RFC 7208 7).
 */
#ifndef PROTO_SPF_MACRO_H
#define PROTO_SPF_MACRO_H

#include "base/buf.h"
#include "proto/spf/limits.h"

/* What the letters stand for. */
struct spf_values {
	str local, sender_domain; /* l, o; s is both */
	str domain;               /* d: of the record in work */
	str helo;                 /* h */
	str receiver;             /* r; empty: "unknown" */
	str validated;            /* p; empty: "unknown" */
	const uint8_t *ip;        /* i, c, v */
	int64_t now_s;            /* t */
};

/* In the text an exp= record holds: SP is allowed, and the letters c, r and t. */
enum { SPF_MACRO_EXPLAIN = 1 };

/* Does the text follow the grammar of macro-string (explain-string with the flag)? */
bool spf_macro_valid(str text, unsigned flags);
/* Of domain-spec? */
bool spf_domain_spec_valid(str text);
/* Does a valid text hold a macro with one of these letters (given in lower case)? */
bool spf_macro_has(str text, const char *letters);

/*
 * Append the expansion of a valid text.
 *
 * Errors  of the buffer alone
 * RFC     7208 7.2, 7.3
 */
void spf_macro_expand(struct buf *out, str text, const struct spf_values *v);

#endif
