/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MD5, for CRAM-MD5 alone and nothing else in this tree. It is here because CRAM-MD5 lets a server
 * keep the state of MD5 after the key instead of the password, and libraries hide that state.
 */
#ifndef PROTO_SASL_MD5_H
#define PROTO_SASL_MD5_H

#include "base/str.h"

enum { SASL_MD5_BLOCK = 64, SASL_MD5_OCTETS = 16 };

struct sasl_md5 {
	uint32_t state[4];
	uint64_t octets; /* eaten so far; whole blocks only */
};

/* The state before anything was eaten. */
void sasl_md5_init(struct sasl_md5 *m);

/* Eat one block of 64 octets. */
void sasl_md5_block(struct sasl_md5 *m, const uint8_t block[SASL_MD5_BLOCK]);

/* Eat the rest and pad: the digest of everything eaten. RFC 1321 3 */
void sasl_md5_end(struct sasl_md5 *m, str rest, uint8_t out[SASL_MD5_OCTETS]);

/* The state as 16 octets, and back; `octets` must be known from elsewhere. */
void sasl_md5_save(const struct sasl_md5 *m, uint8_t out[SASL_MD5_OCTETS]);
void sasl_md5_load(struct sasl_md5 *m, const uint8_t in[SASL_MD5_OCTETS], uint64_t octets);

#endif
