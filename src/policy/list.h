/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists in DNS of addresses and of domains (RFC 5782): the rule of one from the settings, the names
 * to ask for, and what an answer means. Pure.
 *
 *	rule  = ZONE ":" 1*( SP item )
 *	item  = ANSWER [ "/" MASK ] "=" POINTS / "test=" NAME
 *	MASK  = 0..32 leading bits, or a dotted quad whose bits count
 */
#ifndef POLICY_LIST_H
#define POLICY_LIST_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	POLICY_LIST_ITEMS = 32, /* of one rule */
	POLICY_LIST_NAME = 255, /* octets of a name that is asked for */
};

struct policy_list_item {
	uint8_t answer[4], mask[4];
	int64_t points; /* thousandths; negative: speaks for it */
};

struct policy_list {
	str zone;
	str test;     /* is listed, for all anybody knows; empty: as RFC 5782 has it */
	bool domains; /* else addresses */
	struct policy_list_item items[POLICY_LIST_ITEMS];
	size_t items_n;
};

/*
 * Read a rule.
 *
 * Out     ret: strings are borrowed from `rule`
 * Errors  SYNTAX; TOOMANY: items
 */
enum err policy_list_parse(str rule, bool domains, struct policy_list *ret);

/*
 * Append the name that says whether an address or a domain is listed.
 *
 * Errors  TOOBIG: it is no name any more
 * RFC     5782 2.1, 2.4 (IPv6: nibbles), 3
 */
enum err policy_list_ip_put(struct buf *out, const struct policy_list *l, const uint8_t ip[16]);
enum err policy_list_name_put(struct buf *out, const struct policy_list *l, str domain);

/* The two names of the self-test: one must be listed, the other must not. RFC 5782 5. */
enum err policy_list_test_put(struct buf *out, const struct policy_list *l, bool listed);

/* What a list says of one thing. */
struct policy_list_said {
	bool listed;
	bool refused; /* it does not answer us: 127.255.255.x and the like. Not listed */
	bool strange; /* an answer that no list gives: somebody else answers for it */
	int64_t points;
	uint8_t answer[4]; /* the first that matched */
};

/* Add one address record to what is said; begin with zeroes. ip: IPv4 as v4-mapped. */
void policy_list_hear(const struct policy_list *l, const uint8_t ip[16],
    struct policy_list_said *said);

#endif
