/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules in memory, between parse.c (who makes them), classify.c and operator.c (who ask them).
 * All of it lives in the arena the file was parsed into and never changes.
 */
#ifndef REACH_RULES_PRIV_H
#define REACH_RULES_PRIV_H

#include "reach/classify.h"
#include "reach/pattern_priv.h"

/* In the order they are asked. */
enum reach_tier {
	REACH_TIER_OPERATOR_TOKEN,
	REACH_TIER_OPERATOR,
	REACH_TIER_ANYBODY,
	REACH_TIER_STATUS,
	REACH_TIER_CODE,
	REACH_TIER_COUNT
};

/* An enhanced status code; 0 for `class` or -1 elsewhere: any. */
struct reach_status {
	uint8_t class;
	int16_t subject, detail, detail_to;
};

struct reach_rule {
	str id, operator, remedy, verified, source;
	uint32_t phases;        /* bit by enum reach_phase; 0: any */
	uint16_t code, code_to; /* 0: any */
	struct reach_status status;
	enum reach_class class;
	enum reach_scope scope;
	struct reach_pattern pattern; /* n == 0: fits every text */
};

struct reach_suffix {
	str suffix; /* without the dot before it, lower case */
	str operator;
};

struct reach_tier_rules {
	struct reach_rule *v;
	size_t n;
};

struct reach_words {
	const str *v;
	size_t n;
};

struct reach_rules {
	struct reach_tier_rules tiers[REACH_TIER_COUNT];
	struct reach_suffix *suffixes;
	size_t suffixes_n;
	struct reach_words verbs, vetoes;
};

/* "5.7.1" at the front of s: true, and how many octets it took. */
bool reach_status_read(str s, struct reach_status *ret, size_t *ret_n);

/* Does our own name stand beside a verb, and nothing speaks against it? `text` is folded. */
bool reach_named(const struct reach_rules *r, const struct reach_seen *seen, str text);

/* No reply to read: DNS, the socket, TLS. */
void reach_network(const struct reach_seen *seen, struct reach_found *ret);

#endif
