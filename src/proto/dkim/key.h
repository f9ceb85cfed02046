/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key records: the TXT record at <selector>._domainkey.<domain>.
 */
#ifndef PROTO_DKIM_KEY_H
#define PROTO_DKIM_KEY_H

#include "proto/dkim/signature.h"

enum dkim_key_type { DKIM_KEY_RSA, DKIM_KEY_ED25519 };

struct dkim_key {
	enum dkim_key_type type;
	bool testing; /* t=y: treat mail as if it were not signed */
	bool strict;  /* t=s: i= must be at d= itself */
	size_t octets_n;
	uint8_t octets[DKIM_RECORD_MAX]; /* RSA: SubjectPublicKeyInfo or RSAPublicKey, in DER;
		Ed25519: the 32 octets (RFC 8463 4) */
};

/*
 * Read a record; its strings have been put together.
 *
 * Errors  NOTFOUND: the key was revoked (empty p=); SYNTAX; TOOBIG; UNSUPPORTED: another version or
 *         type, not for SHA-256, or not for mail
 * RFC     6376 3.6.1, 8463 4, 8301 3.2
 */
enum err dkim_key_read(str record, struct dkim_key *ret);

/* May this key verify that signature? */
bool dkim_key_fits(const struct dkim_key *k, const struct dkim_signature *s);

/* Append the record of a public key, to be published. RFC 6376 3.6.1 */
void dkim_key_write(struct buf *out, enum dkim_key_type type, str octets);

#endif
