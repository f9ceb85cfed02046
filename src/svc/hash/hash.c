/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PBKDF2 and its self test.
 */
#include "svc/hash/hash.h"

#include <openssl/evp.h>

#include "base/mem.h"

enum err
svc_hash_derive(const struct svc_hash_sum *sum, uint8_t key[SVC_HASH_KEY_MAX], size_t *ret_n)
{
	bool sha1 = sum->algorithm == SVC_HASH_SHA1;
	int n = sha1 ? 20 : 32;

	if ((!sha1 && sum->algorithm != SVC_HASH_SHA256) || sum->password.n == 0 ||
	    sum->salt.n < SVC_HASH_SALT_MIN || sum->iterations == 0 ||
	    sum->iterations > SVC_HASH_ITERATIONS_MAX) {
		return ERR_SYNTAX;
	}
	if (PKCS5_PBKDF2_HMAC(sum->password.p, (int)sum->password.n,
		(const unsigned char *)sum->salt.p, (int)sum->salt.n, (int)sum->iterations,
		sha1 ? EVP_sha1() : EVP_sha256(), n, key) != 1) {
		return ERR_BUG;
	}
	*ret_n = (size_t)n;
	return ERR_OK;
}

/* SaltedPassword of the examples in RFC 5802 5 and RFC 7677 3, whose proofs auth's tests check. */
enum err
svc_hash_self_test(void)
{
	static const struct {
		struct svc_hash_sum sum;
		str want;
	} known[] = {
		{ { SVC_HASH_SHA1, S_INIT("pencil"),
		      S_INIT("\x41\x25\xc2\x47\xe4\x3a\xb1\xe9\x3c\x6d\xff\x76"), 4096 },
		    S_INIT("\x1d\x96\xee\x3a\x52\x9b\x5a\x5f\x9e\x47\xc0\x1f\x22\x9a\x2c\xb8"
			   "\xa6\xe1\x5f\x7d") },
		{ { SVC_HASH_SHA256, S_INIT("pencil"),
		      S_INIT("\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81"),
		      4096 },
		    S_INIT("\xc4\xa4\x95\x10\x32\x3a\xb4\xf9\x52\xca\xc1\xfa\x99\x44\x19\x39"
			   "\xe7\x8e\xa7\x4d\x6b\xe8\x1d\xdf\x70\x96\xe8\x75\x13\xdc\x61\x5d") },
	};
	uint8_t key[SVC_HASH_KEY_MAX];
	size_t n;

	for (size_t i = 0; i < LEN(known); i++) {
		TRY(svc_hash_derive(&known[i].sum, key, &n));
		if (!str_eq(str_make(key, n), known[i].want)) {
			return ERR_BUG;
		}
	}
	mem_wipe(key, sizeof(key));
	return ERR_OK;
}
