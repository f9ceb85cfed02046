/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC-MD5 split in two: the key's half is done when the password is set, the challenge's half when
 * a client answers.
 */
#include "proto/sasl/cram.h"

#include "base/mem.h"
#include "proto/sasl/md5.h"

static void
half(const uint8_t key[SASL_MD5_BLOCK], uint8_t pad, uint8_t out[SASL_MD5_OCTETS])
{
	uint8_t block[SASL_MD5_BLOCK];
	struct sasl_md5 m;

	for (size_t i = 0; i < sizeof(block); i++) {
		block[i] = key[i] ^ pad;
	}
	sasl_md5_init(&m);
	sasl_md5_block(&m, block);
	sasl_md5_save(&m, out);
	mem_wipe(block, sizeof(block));
	mem_wipe(&m, sizeof(m));
}

void
sasl_cram_context(str password, uint8_t out[SASL_CRAM_CONTEXT])
{
	uint8_t key[SASL_MD5_BLOCK] = { 0 };
	struct sasl_md5 m;

	if (password.n > sizeof(key)) {
		sasl_md5_init(&m);
		sasl_md5_end(&m, password, key);
	} else if (password.n > 0) {
		memcpy(key, password.p, password.n);
	}
	half(key, 0x36, out);
	half(key, 0x5c, out + SASL_MD5_OCTETS);
	mem_wipe(key, sizeof(key));
}

void
sasl_cram_challenge(struct buf *out, uint64_t nonce, int64_t now_s, str host)
{
	buf_printf(out, "<%llu.%lld@%.*s>", (unsigned long long)nonce, (long long)now_s,
	    STR_ARG(host));
}

void
sasl_cram_digest(const uint8_t context[SASL_CRAM_CONTEXT], str challenge, uint8_t out[16])
{
	uint8_t inner[SASL_MD5_OCTETS];
	struct sasl_md5 m;

	sasl_md5_load(&m, context, SASL_MD5_BLOCK);
	sasl_md5_end(&m, challenge, inner);
	sasl_md5_load(&m, context + SASL_MD5_OCTETS, SASL_MD5_BLOCK);
	sasl_md5_end(&m, str_make(inner, sizeof(inner)), out);
}

bool
sasl_cram_ok(const uint8_t context[SASL_CRAM_CONTEXT], str challenge, const char digest[16])
{
	uint8_t right[SASL_MD5_OCTETS];

	sasl_cram_digest(context, challenge, right);
	return str_eq_secret(str_make(right, sizeof(right)), str_make(digest, sizeof(right)));
}
