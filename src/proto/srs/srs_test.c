/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses there and back: every form others write, forged and changed ones, days, keys, limits.
 */
#include "base/test.h"
#include "proto/srs/srs.h"

static const uint8_t keys[3][SRS_KEY] = { { 1 }, { 2 }, { 3 } };
static const struct srs first = { keys, 1 }, other = { keys + 1, 1 }, all = { keys, 3 };
enum { DAY_S = 86400, NOW = 20000 * DAY_S };

static char made[SRS_LOCAL_MAX + 1];

static str
forward(const struct srs *s, str local, str domain, int64_t now_s)
{
	struct buf b;
	buf_init_fixed(&b, made, sizeof made);
	CHECK_ERR(srs_forward(s, local, domain, now_s, &b), ERR_OK);
	return buf_view(&b);
}

static void
there_and_back(void)
{
	static const struct {
		str local, domain, rest; /* of the new address, behind its hash */
		str back, back_domain;
	} rows[] = {
		{ S_INIT("joe"), S_INIT("there.test"), S_INIT("=ra=there.test=joe"), S_INIT("joe"),
		    S_INIT("there.test") },
		{ S_INIT("a=b@c d"), S_INIT("there.test"), S_INIT("=ra=there.test=a=b@c d"),
		    S_INIT("a=b@c d"), S_INIT("there.test") },
		{ S_INIT("j\xc3\xb6"), S_INIT("[192.0.2.1]"), S_INIT("=ra=[192.0.2.1]=j\xc3\xb6"),
		    S_INIT("j\xc3\xb6"), S_INIT("[192.0.2.1]") },
		{ S_INIT("SRS0=HHH=TT=orig.test=joe"), S_INIT("one.test"),
		    S_INIT("=one.test==HHH=TT=orig.test=joe"), S_INIT("SRS0=HHH=TT=orig.test=joe"),
		    S_INIT("one.test") },
		{ S_INIT("srs0-HHH=TT=orig.test=joe"), S_INIT("one.test"),
		    S_INIT("=one.test=-HHH=TT=orig.test=joe"), S_INIT("SRS0-HHH=TT=orig.test=joe"),
		    S_INIT("one.test") },
		{ S_INIT("SRS1=GGG=one.test==HHH=TT=orig.test=joe"), S_INIT("two.test"),
		    S_INIT("=one.test==HHH=TT=orig.test=joe"), S_INIT("SRS0=HHH=TT=orig.test=joe"),
		    S_INIT("one.test") },
		{ S_INIT("SRS1+GGG=one.test=-HHH"), S_INIT("two.test"), S_INIT("=one.test=-HHH"),
		    S_INIT("SRS0-HHH"), S_INIT("one.test") },
		{ S_INIT("SRS1=broken"), S_INIT("two.test"), S_INIT("=ra=two.test=SRS1=broken"),
		    S_INIT("SRS1=broken"), S_INIT("two.test") },
		{ S_INIT("SRS1=GG=one.test=t"), S_INIT("two.test"),
		    S_INIT("=ra=two.test=SRS1=GG=one.test=t"), S_INIT("SRS1=GG=one.test=t"),
		    S_INIT("two.test") },
		{ S_INIT("SRS2=x"), S_INIT("two.test"), S_INIT("=ra=two.test=SRS2=x"),
		    S_INIT("SRS2=x"), S_INIT("two.test") },
	};
	struct srs_sender back;
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].local.p;
		str got = forward(&first, rows[i].local, rows[i].domain, NOW);
		CHECK_STR(str_from_off(got, 5 + SRS_HASH), rows[i].rest);
		CHECK(srs_is(got));
		CHECK_ERR(srs_reverse(&first, got, NOW, &back), ERR_OK);
		CHECK_STR(back.local, rows[i].back);
		CHECK_STR(back.domain, rows[i].back_domain);
	}
	test_case = NULL;
}

/* Nobody else can make one, and a relay may change the case. */
static void
forged(void)
{
	char copy[SRS_LOCAL_MAX];
	struct srs_sender back;
	str got = forward(&first, S("joe"), S("there.test"), NOW);
	CHECK_ERR(srs_reverse(&other, got, NOW, &back), ERR_DENIED);
	CHECK_ERR(srs_reverse(&all, got, NOW, &back), ERR_OK);
	for (size_t i = 5; i < got.n; i++) {
		memcpy(copy, got.p, got.n);
		copy[i] = copy[i] == 'x' ? 'y' : 'x';
		enum err e = srs_reverse(&first, str_make(copy, got.n), NOW, &back);
		CHECK(e == ERR_DENIED);
		memcpy(copy, got.p, got.n);
		copy[i] = ascii_upper(copy[i]);
		CHECK_ERR(srs_reverse(&first, str_make(copy, got.n), NOW, &back), ERR_OK);
	}
	CHECK_ERR(srs_reverse(&first, str_sub(got, 0, got.n - 1), NOW, &back), ERR_DENIED);
	memcpy(copy, got.p, got.n);
	copy[3] = '1'; /* an SRS0 address is no SRS1 address */
	CHECK_ERR(srs_reverse(&first, str_make(copy, got.n), NOW, &back), ERR_DENIED);
}

static void
other_addresses(void)
{
	static const struct {
		const char *local;
		enum err want;
	} rows[] = {
		{ "joe", ERR_NOTFOUND },
		{ "", ERR_NOTFOUND },
		{ "SRS0", ERR_NOTFOUND },
		{ "SRS0=", ERR_NOTFOUND },
		{ "SRS2=aaaaaaaa=ra=x=y", ERR_NOTFOUND },
		{ "SRS0-aaaaaaaa=ra=x=y", ERR_NOTFOUND },
		{ "SRS0=aaaaaaaa", ERR_SYNTAX },
		{ "SRS0=aaaaaaaa=ra=x=y", ERR_DENIED },
		{ "SRS0=aaaa=ra=x=y", ERR_DENIED },
		{ "SRS0=aaaaaaa1=ra=x=y", ERR_DENIED },
		{ "srs1=aaaaaaaa=x==y", ERR_DENIED },
	};
	struct srs_sender back;
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].local;
		CHECK_ERR(srs_reverse(&first, str_from(rows[i].local), NOW, &back), rows[i].want);
	}
	test_case = NULL;
}

static void
days(void)
{
	static const struct {
		int64_t days;
		enum err want;
	} rows[] = { { 0, ERR_OK }, { 1, ERR_OK }, { SRS_DAYS_MAX, ERR_OK },
		{ SRS_DAYS_MAX + 1, ERR_TIMEOUT }, { -1, ERR_OK }, { -2, ERR_TIMEOUT },
		{ 500, ERR_TIMEOUT }, { 1000, ERR_TIMEOUT } };
	struct srs_sender back;
	for (int64_t start = 20000; start < 20000 + 1024; start += 31) {
		str got = forward(&first, S("joe"), S("there.test"), start * DAY_S);
		for (size_t i = 0; i < LEN(rows); i++) {
			int64_t now_s = (start + rows[i].days) * DAY_S;
			CHECK_ERR(srs_reverse(&first, got, now_s, &back), rows[i].want);
		}
	}
}

static void
limits(void)
{
	static char much[1200];
	struct buf b;
	struct srs_sender back;
	memset(much, 'x', sizeof much);
	size_t fits = SRS_LOCAL_MAX - 6 - SRS_HASH - 4 - 10;
	str got = forward(&first, str_make(much, fits), S("there.test"), NOW);
	CHECK_U64(got.n, SRS_LOCAL_MAX);
	CHECK_ERR(srs_reverse(&first, got, NOW, &back), ERR_OK);
	buf_init(&b, 4000);
	CHECK_ERR(srs_forward(&first, str_make(much, fits + 1), S("there.test"), NOW, &b),
	    ERR_TOOBIG);
	CHECK_ERR(srs_forward(&first, str_make(much, sizeof much), S("a.test"), NOW, &b),
	    ERR_TOOBIG);
	CHECK_ERR(srs_forward(&first, S(""), S("a.test"), NOW, &b), ERR_SYNTAX);
	CHECK_ERR(srs_forward(&first, S("a"), S(""), NOW, &b), ERR_SYNTAX);
	CHECK_U64(b.n, 0);
	buf_done(&b);
	char small[20];
	buf_init_fixed(&b, small, sizeof small);
	buf_str(&b, S("kept"));
	CHECK_ERR(srs_forward(&first, S("joe"), S("there.test"), NOW, &b), ERR_TOOBIG);
	CHECK_STR(buf_view(&b), S("kept"));
	CHECK_ERR(srs_reverse(&first, str_make(much, sizeof much), NOW, &back), ERR_NOTFOUND);
	memcpy(much, "SRS0=", 5);
	CHECK_ERR(srs_reverse(&first, str_make(much, sizeof much), NOW, &back), ERR_SYNTAX);
}

/* A chain of forwarders: each bounce finds its way to the first, who takes it to the sender. */
static void
a_chain(void)
{
	struct srs_sender back;
	char one[SRS_LOCAL_MAX], two[SRS_LOCAL_MAX];
	str got = forward(&first, S("joe"), S("orig.test"), NOW);
	memcpy(one, got.p, got.n);
	str by_one = str_make(one, got.n);
	got = forward(&other, by_one, S("one.test"), NOW);
	memcpy(two, got.p, got.n);
	str by_two = str_make(two, got.n);
	static const struct srs third = { keys + 2, 1 };
	got = forward(&third, by_two, S("two.test"), NOW);
	CHECK_ERR(srs_reverse(&third, got, NOW, &back), ERR_OK);
	CHECK_STR(back.domain, S("one.test"));
	CHECK_STR(back.local, by_one);
	CHECK_ERR(srs_reverse(&first, back.local, NOW, &back), ERR_OK);
	CHECK_STR(back.domain, S("orig.test"));
	CHECK_STR(back.local, S("joe"));
}

TEST_MAIN(there_and_back, forged, other_addresses, days, limits, a_chain)
