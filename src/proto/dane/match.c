/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLSA records against the certificates of a server. Start with dane_match.
 */
#include "proto/dane/dane.h"

enum { USAGE_TA = 2, USAGE_EE = 3, SELECT_CERT = 0, SELECT_KEY = 1 };
enum { MATCH_FULL = 0, MATCH_SHA256 = 1, MATCH_SHA512 = 2 };

bool
dane_usable(const struct dane_record *r)
{
	static const size_t octets[] = { [MATCH_SHA256] = 32, [MATCH_SHA512] = 64 };
	bool kind = (r->usage == USAGE_TA || r->usage == USAGE_EE) &&
	    (r->selector == SELECT_CERT || r->selector == SELECT_KEY);
	if (!kind || r->matching > MATCH_SHA512 || r->data.n == 0) {
		return false;
	}
	return r->matching == MATCH_FULL || r->data.n == octets[r->matching];
}

static bool
fits(const struct dane_record *r, const struct dane_cert *c, dane_hash *hash)
{
	uint8_t digest[DANE_DIGEST_MAX];
	str in = r->selector == SELECT_KEY ? c->spki : c->der;
	if (in.n == 0) {
		return false;
	}
	if (r->matching == MATCH_FULL) {
		return str_eq(r->data, in);
	}
	hash(r->matching, in, digest);
	return str_eq(r->data, str_make(digest, r->data.n));
}

/* RFC 7671 9: is there a record of a stronger digest with the same usage and selector? */
static bool
outdone(const struct dane_record *records, size_t n, const struct dane_record *r)
{
	for (size_t i = 0; i < n; i++) {
		const struct dane_record *o = &records[i];
		if (r->matching == MATCH_SHA256 && o->matching == MATCH_SHA512 &&
		    o->usage == r->usage && o->selector == r->selector && dane_usable(o)) {
			return true;
		}
	}
	return false;
}

/* The first certificate a record fits, below chain_n; chain_n: none. */
static size_t
find_cert(const struct dane_record *r, const struct dane_cert *chain, size_t chain_n,
    dane_hash *hash)
{
	size_t i = 0;
	while (i < chain_n && !fits(r, &chain[i], hash)) {
		i++;
	}
	return i;
}

struct dane_match
dane_match(const struct dane_record *records, size_t n, const struct dane_cert *chain,
    size_t chain_n, dane_hash *hash)
{
	struct dane_match none = { 0 };
	n = MIN(n, (size_t)DANE_RECORDS_MAX);
	chain_n = MIN(chain_n, (size_t)DANE_CHAIN_MAX);
	for (uint8_t usage = USAGE_EE; usage >= USAGE_TA && chain_n > 0; usage--) {
		size_t certs = usage == USAGE_EE ? 1 : chain_n;
		for (size_t i = 0; i < n; i++) {
			const struct dane_record *r = &records[i];
			if (r->usage != usage || !dane_usable(r) || outdone(records, n, r)) {
				continue;
			}
			size_t at = find_cert(r, chain, certs, hash);
			if (at < certs) {
				return (struct dane_match){ true, usage, i, at };
			}
		}
	}
	return none;
}
