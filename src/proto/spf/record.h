/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SPF records: the grammar, checked whole before anything is evaluated. Also the two address
 * grammars a record needs.
 */
#ifndef PROTO_SPF_RECORD_H
#define PROTO_SPF_RECORD_H

#include "base/arena.h"
#include "mail/authres.h"
#include "proto/spf/limits.h"

enum spf_word {
#define TERM(name, word, domain, cidr, lookup) SPF_##name,
#include "proto/spf/terms.def"
#undef TERM
	SPF_WORDS
};

struct spf_term {
	enum spf_word word;
	enum mail_authres qualifier; /* PASS FAIL SOFTFAIL NEUTRAL */
	bool lookup;                 /* counts as one */
	uint8_t cidr4, cidr6;        /* bits; ip4 and ip6 use theirs */
	uint8_t ip[16];              /* of ip4 (v4-mapped) and ip6 */
	str domain;                  /* domain-spec as written; p == NULL: none */
	str text;                    /* the whole term */
};

/* Strings point into the text it was read from. */
struct spf_record {
	struct spf_term *term;
	size_t n;
	str redirect, explanation; /* domain-specs; p == NULL: not there */
	bool all;                  /* has "all": redirect is ignored (RFC 7208 5.1) */
};

/* Is this TXT record one? "v=spf1" and SP or the end. RFC 7208 4.5 */
bool spf_record_is(str text);

/*
 * Read a record for which spf_record_is holds.
 *
 * Out     ret: its terms in `a`; ret_why: static, on ERR_SYNTAX and ERR_TOOBIG
 * Limits  SPF_RECORD_MAX
 * Errors  ERR_SYNTAX, ERR_TOOBIG, ERR_BUDGET
 * RFC     7208 4.6.1, 5, 6, 12
 */
enum err spf_record_read(struct arena *a, str text, struct spf_record *ret, const char **ret_why);

/* "192.0.2.1" and "2001:db8::1", all of `text`; ret 16 octets, IPv4 as v4-mapped. RFC 4291 2.2 */
bool spf_ip4_read(str text, uint8_t ret[16]);
bool spf_ip6_read(str text, uint8_t ret[16]);
/* Is it v4-mapped? RFC 4291 2.5.5.2 */
bool spf_ip_is4(const uint8_t ip[16]);
/* Do the first `bits` agree? Both of one family; bits of IPv4 up to 32. */
bool spf_ip_within(const uint8_t ip[16], const uint8_t net[16], unsigned bits);

#endif
