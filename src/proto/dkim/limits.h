/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings of the DKIM engine.
 */
#ifndef PROTO_DKIM_LIMITS_H
#define PROTO_DKIM_LIMITS_H

enum {
	DKIM_TAGS_MAX = 32,         /* of a tag list; RFC 6376 defines 13, keys 8 */
	DKIM_NAMES_MAX = 512,       /* names in h=; more is an attack on our time */
	DKIM_FIELDS_MAX = 2000,     /* header fields looked at; others are as if not there */
	DKIM_FIELD_MAX = 64 << 10,  /* octets of a DKIM-Signature field */
	DKIM_RECORD_MAX = 16 << 10, /* octets of a key record; RSA with 8,192 bits: 1,400 */
	DKIM_LINE = 76,             /* octets of a line we write (RFC 5322 2.1.1 recommends 78) */
	DKIM_SIGNATURES_MAX = 10,   /* of a message that we verify; each costs a question to DNS */
	DKIM_INSTANCE_MAX = 50,     /* of ARC (RFC 8617 4.2.1) */
	DKIM_RSA_BITS_MIN = 1024,   /* RFC 8301 3.2: shorter keys must not be believed */
	DKIM_FUTURE_S = 86400,      /* t= may be this much later than our clock */
	DKIM_BODY_HASH = 32,        /* octets of SHA-256 */
	DKIM_SIGNATURE_MAX = 1024,  /* octets: RSA with 8,192 bits */
};

#endif
