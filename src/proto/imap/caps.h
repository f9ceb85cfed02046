/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session announces: the capabilities of caps.def but those denied to it. What is denied is
 * refused as well: its verbs (needs.def), ENABLE, large literals without waiting.
 */
#ifndef PROTO_IMAP_CAPS_H
#define PROTO_IMAP_CAPS_H

#include "proto/imap/command.h"

enum { IMAP_CAPS_MAX = 128 };

/* All zero: everything is announced. */
struct imap_caps {
	uint64_t denied[IMAP_CAPS_MAX / 64];
	uint64_t append_limit; /* APPENDLIMIT=n; 0: without a number */
	uint64_t message_limit,
	    save_limit; /* RFC 9738; 0: not announced, and one hides the other */
};

/* "IMAP4rev1 IMAP4rev2 ..." as after CAPABILITY. LITERAL- stands for a LITERAL+ that is denied. */
void imap_capabilities_put(struct buf *out, const struct imap_caps *caps);

/*
 * Deny one capability, named as it is announced, case ignored.
 *
 * Out     false: no such capability, or IMAP4rev1, which everybody needs
 */
bool imap_caps_deny(struct imap_caps *caps, str name);
/*
 * Deny what a rule says: "WHO: CAPABILITY ...". WHO with an "@" is an account's address, else the
 * name a program gives with ID; "*" stands for any octets in both, letters have no case. Names that
 * nobody knows are passed over.
 */
void imap_caps_deny_rule(struct imap_caps *caps, str rule, str account, str client);
bool imap_caps_has(const struct imap_caps *caps, str name);
/* The IMAP_ENABLED_* bits that ENABLE may set. */
unsigned imap_caps_enable(const struct imap_caps *caps);
/* May this verb be used? */
bool imap_caps_allow(const struct imap_caps *caps, enum imap_verb verb);

#endif
