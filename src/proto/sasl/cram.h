/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRAM-MD5 for accounts that opted in: old programs that know no SCRAM. The server keeps the two
 * MD5 states after the padded key (RFC 2195 3 suggests it), not the password; whoever steals them
 * can answer CRAM-MD5 challenges, which is why nobody has them unasked.
 */
#ifndef PROTO_SASL_CRAM_H
#define PROTO_SASL_CRAM_H

#include "base/buf.h"

enum {
	SASL_CRAM_CONTEXT = 32, /* inner state, outer state */
	SASL_CRAM_CHALLENGE_MAX = 320,
};

/* The two states for a password. RFC 2104 2, 2195 3 */
void sasl_cram_context(str password, uint8_t out[SASL_CRAM_CONTEXT]);

/* Append a challenge "<digits.seconds@host>". `nonce` is random. RFC 2195 2 */
void sasl_cram_challenge(struct buf *out, uint64_t nonce, int64_t now_s, str host);

/* The digest a client with this password gives. */
void sasl_cram_digest(const uint8_t context[SASL_CRAM_CONTEXT], str challenge, uint8_t out[16]);

/* Is it the right digest? Constant time. */
bool sasl_cram_ok(const uint8_t context[SASL_CRAM_CONTEXT], str challenge, const char digest[16]);

#endif
