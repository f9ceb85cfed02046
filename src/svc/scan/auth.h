/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A letter on its way through stage auth: auth.c asks for keys and policies and has signatures
 * verified, auth_facts.c says what came of it. Only these two see it.
 */
#ifndef SVC_SCAN_AUTH_H
#define SVC_SCAN_AUTH_H

#include "proto/arc/arc.h"
#include "proto/dmarc/dmarc.h"
#include "svc/scan/scan.h"

enum {
	SVC_SCAN_KEYS_MAX = DKIM_SIGNATURES_MAX + ARC_SETS_MAX + 1,
	SVC_SCAN_RECORDS_MAX = 8,         /* of one key's name that are looked at */
	SVC_SCAN_TXT_MAX = 64 << 10,      /* octets of these together */
	SVC_SCAN_INPUT_MAX = 4 << 20,     /* what one signature is made over */
	SVC_SCAN_HASH_BUDGET = 512 << 10, /* scratch for that */
	SVC_SCAN_B_SHOWN = 8,             /* octets of b= in header.b; RFC 6008 4 */
};

struct svc_scan_auth;

/* The record of a key, that one or more signatures wait for. */
struct svc_scan_auth_key {
	struct svc_scan_auth *auth;
	str name;
};

struct svc_scan_auth {
	struct svc_scan_letter *letter;
	struct dkim_verify dkim;
	struct arc_verify arc;
	struct svc_scan_auth_key key[SVC_SCAN_KEYS_MAX];
	size_t keys_n;
	unsigned waiting;    /* for this many of them */
	struct dmarc *dmarc; /* NULL: not begun, or there is no one author */
	bool judged;         /* dmarc was begun, or needs not */
	bool unknown;        /* nobody looked at SPF, and no signature speaks for the author */
	bool busy;           /* asking: answers that come at once wait for the end of it */
	bool failed;         /* out of memory: what is not known is a temporary error */
	bool over;
};

/* The one domain the letter is from, or empty: no author, or authors at several domains. */
str svc_scan_auth_from(const struct svc_scan_letter *l);

/* For DMARC: what passed, then what may have, had DNS answered; at most DMARC_IDENTIFIERS_MAX. */
size_t svc_scan_auth_identifiers(const struct svc_scan_auth *x, struct dmarc_identifier *ret);

/* Did policy look at SPF? It does not for peers that are trusted, and it may be away. */
bool svc_scan_auth_spf_seen(const struct svc_scan_letter *l);

/* Fill in l->auth and its results. */
void svc_scan_auth_facts(struct svc_scan_auth *x);

/* The list of public suffixes that libpsl was built with. */
dmarc_suffix_fn svc_scan_auth_suffix;

#endif
