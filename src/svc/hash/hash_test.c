/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PBKDF2 against published vectors, and what is refused.
 */
#include "base/codec.h"
#include "base/test.h"
#include "svc/hash/hash.h"

static void
matches_published_vectors(void)
{
	static const struct {
		const char *name;
		struct svc_hash_sum sum;
		str want;
	} rows[] = {
		{ "RFC 6070 2, last but one",
		    { SVC_HASH_SHA1, S_INIT("passwordPASSWORDpassword"),
			S_INIT("saltSALTsaltSALTsaltSALTsaltSALTsalt"), 4096 },
		    /* the first 20 of 25 octets */
		    S_INIT("3d2eec4fe41c849b80c8d83662c0e44a8b291a96") },
		{ "SHA-256 of the same",
		    { SVC_HASH_SHA256, S_INIT("passwordPASSWORDpassword"),
			S_INIT("saltSALTsaltSALTsaltSALTsaltSALTsalt"), 4096 },
		    S_INIT("348c89dbcbd32b2f32d814b8116e84cf2b17347ebc1800181c4e2a1fb8dd53e1") },
	};
	struct buf hex;

	buf_init(&hex, 100);
	for (size_t i = 0; i < LEN(rows); i++) {
		uint8_t key[SVC_HASH_KEY_MAX];
		size_t n;

		test_case = rows[i].name;
		CHECK_ERR(svc_hash_derive(&rows[i].sum, key, &n), ERR_OK);
		buf_reset(&hex);
		hex_encode(&hex, str_make(key, n));
		CHECK_STR(buf_view(&hex), rows[i].want);
	}
	test_case = NULL;
	buf_done(&hex);
}

static void
knows_itself(void)
{
	CHECK_ERR(svc_hash_self_test(), ERR_OK);
}

static void
refuses_what_is_out_of_range(void)
{
	static const struct {
		const char *name;
		struct svc_hash_sum sum;
	} rows[] = {
		{ "no algorithm", { 0, S_INIT("p"), S_INIT("12345678"), 4096 } },
		{ "another algorithm", { 3, S_INIT("p"), S_INIT("12345678"), 4096 } },
		{ "no password", { SVC_HASH_SHA256, S_INIT(""), S_INIT("12345678"), 4096 } },
		{ "short salt", { SVC_HASH_SHA256, S_INIT("p"), S_INIT("1234567"), 4096 } },
		{ "no rounds", { SVC_HASH_SHA256, S_INIT("p"), S_INIT("12345678"), 0 } },
		{ "too many rounds",
		    { SVC_HASH_SHA256, S_INIT("p"), S_INIT("12345678"),
			SVC_HASH_ITERATIONS_MAX + 1 } },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		uint8_t key[SVC_HASH_KEY_MAX];
		size_t n = 99;

		test_case = rows[i].name;
		CHECK_ERR(svc_hash_derive(&rows[i].sum, key, &n), ERR_SYNTAX);
		CHECK_U64(n, 99);
	}
	test_case = NULL;
}

TEST_MAIN(matches_published_vectors, knows_itself, refuses_what_is_out_of_range)
