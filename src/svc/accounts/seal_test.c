/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seal opens with its key and unchanged, and in no other way.
 */
#include "svc/accounts/seal.h"

#include "base/codec.h"
#include "base/test.h"

static const uint8_t key[SVC_ACCOUNTS_SEAL_KEY] = "0123456789abcdef0123456789ABCDEF";
static const struct svc_accounts_sealed what = { 1, 2, 3, 4, 5, 6, 7, 8, 9, S_INIT("a@b.example"),
	S_INIT("state \0 of it"), { 10, { { 11 }, 12 }, 7, 2, "TLSv1.3", "me" } };

static void
opens(void)
{
	struct svc_accounts_sealed got;
	struct buf b;
	buf_init(&b, SVC_ACCOUNTS_SEALED_MAX);
	svc_accounts_seal(&b, key, &what);
	CHECK_ERR(svc_accounts_unseal(buf_view(&b), key, &got), ERR_OK);
	CHECK(got.session == 1 && got.account == 2 && got.rest == 3 && got.granted_ms == 4);
	CHECK(got.protocol == 5 && got.quota_octets == 6 && got.quota_messages == 7);
	CHECK(got.watch == 8 && got.mailbox == 9);
	CHECK_STR(got.name, what.name);
	CHECK_STR(got.state, what.state);
	CHECK(memcmp(&got.origin, &what.origin, sizeof got.origin) == 0);
	buf_done(&b);
}

static void
every_octet_counts(void)
{
	struct svc_accounts_sealed got;
	struct buf b;
	uint8_t other[SVC_ACCOUNTS_SEAL_KEY];
	buf_init(&b, SVC_ACCOUNTS_SEALED_MAX);
	svc_accounts_seal(&b, key, &what);
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] ^= 1;
		CHECK_ERR(svc_accounts_unseal(buf_view(&b), key, &got), ERR_DENIED);
		b.p[i] ^= 1;
		enum err e = svc_accounts_unseal(str_sub(buf_view(&b), 0, i), key, &got);
		CHECK_ERR(e, i < SVC_ACCOUNTS_SEAL_OCTETS ? ERR_SYNTAX : ERR_DENIED);
	}
	for (size_t i = 0; i < sizeof other; i++) {
		memcpy(other, key, sizeof other);
		other[i] ^= 0x80;
		CHECK_ERR(svc_accounts_unseal(buf_view(&b), other, &got), ERR_DENIED);
	}
	buf_done(&b);
}

/* What a session of the first version left, opens without its origin. */
static void
the_first_version(void)
{
	struct svc_accounts_sealed got;
	uint64_t halves[2];
	struct buf b;
	buf_init(&b, SVC_ACCOUNTS_SEALED_MAX);
	svc_accounts_seal(&b, key, &what);
	buf_truncate(&b, b.n - (8 + 16 + 1 + 4 + 7 + 4 + 2));
	b.p[SVC_ACCOUNTS_SEAL_OCTETS] = 1;
	str behind = str_from_off(buf_view(&b), SVC_ACCOUNTS_SEAL_OCTETS);
	halves[0] = siphash(key, behind);
	halves[1] = siphash(key + 16, behind);
	for (size_t i = 0; i < SVC_ACCOUNTS_SEAL_OCTETS; i++) {
		b.p[i] = (char)(halves[i / 8] >> (i % 8 * 8));
	}
	CHECK_ERR(svc_accounts_unseal(buf_view(&b), key, &got), ERR_OK);
	CHECK_STR(got.state, what.state);
	CHECK(got.origin.since_s == 0 && got.origin.tls_n == 0);
	buf_done(&b);
}

/* Each half has a key of its own: equal halves would be half a seal. */
static void
two_halves(void)
{
	struct buf b;
	buf_init(&b, SVC_ACCOUNTS_SEALED_MAX);
	svc_accounts_seal(&b, key, &what);
	CHECK(!str_eq(str_sub(buf_view(&b), 0, 8), str_sub(buf_view(&b), 8, 8)));
	buf_done(&b);
}

TEST_MAIN(opens, every_octet_counts, the_first_version, two_halves)
