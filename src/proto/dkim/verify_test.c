/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The road of a check: what ends it at which step, with which result and words.
 */
#include "base/test.h"
#include "proto/dkim/verify.h"

#define BH "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
#define KEY "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ=="
#define FIELD(more)                                                          \
	"DKIM-Signature: v=1; a=rsa-sha256; d=Example.test; s=sel; h=From; " \
	"bh=" BH "; b=AAAA; " more "\r\n"
enum { NOW = 1000000 };

static struct arena *scratch;
static const struct dkim_proof good = { .readable = true, .bits = 2048, .good = true };

static struct dkim_verify
begin(const char *header)
{
	struct dkim_verify v;
	arena_reset(scratch);
	CHECK_ERR(dkim_verify_begin(&v, str_from(header), NOW, scratch), ERR_OK);
	return v;
}

static void
what_a_field_says(void)
{
	static const struct {
		const char *field;
		enum dkim_result want;
		const char *why;
	} rows[] = {
		{ FIELD(""), DKIM_OPEN, "" },
		{ FIELD("l=0"), DKIM_POLICY, "a length is not trusted" },
		{ FIELD("x=999999"), DKIM_PERMERROR, "signature expired" },
		{ FIELD("x=1000000"), DKIM_OPEN, "" },
		{ FIELD("t=1086400"), DKIM_OPEN, "" },
		{ FIELD("t=1086401"), DKIM_PERMERROR, "signed in the future" },
		{ FIELD("d=twice.test"), DKIM_PERMERROR, "no list of tags" },
		{ FIELD("x=y"), DKIM_PERMERROR, "x= is no time" },
		{ "DKIM-Signature: v=1; a=rsa-sha1\r\n", DKIM_PERMERROR, "unsupported algorithm" },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].field;
		struct dkim_verify v = begin(rows[i].field);
		CHECK_U64(v.n, 1);
		CHECK_U64(v.check[0].result, rows[i].want);
		CHECK_STR(str_from(v.check[0].why), str_from(rows[i].why));
		CHECK_U64(dkim_verify_bodies(&v), rows[i].want == DKIM_OPEN ? 1 : 0);
	}
	test_case = NULL;
}

static void
where_the_key_is(void)
{
	static const struct {
		str domain, selector, name;
	} rows[] = {
		{ S_INIT("Example.test"), S_INIT("Sel"), S_INIT("sel._domainkey.example.test") },
		{ S_INIT("b\xc3\xbc"
			 "cher.test"),
		    S_INIT("2026.\xc3\xa4"), S_INIT("2026.xn--4ca._domainkey.xn--bcher-kva.test") },
		{ S_INIT("a.test"), S_INIT("\xc3"), S_INIT("") },
		{ S_INIT("a_b.test"), S_INIT("_x"), S_INIT("_x._domainkey.a_b.test") },
	};
	struct buf b;
	buf_init(&b, 4000);
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].domain.p;
		buf_reset(&b);
		buf_str(&b, S("DKIM-Signature: v=1; a=rsa-sha256; h=From; bh=" BH "; b=AAAA; d="));
		buf_str(&b, rows[i].domain);
		buf_str(&b, S("; s="));
		buf_str(&b, rows[i].selector);
		buf_ch(&b, 0);
		struct dkim_verify v = begin(b.p);
		CHECK_STR(v.check[0].name, rows[i].name);
		CHECK(v.check[0].result == (rows[i].name.n == 0 ? DKIM_PERMERROR : DKIM_OPEN));
	}
	test_case = NULL;
	buf_done(&b);
}

static void
what_dns_says(void)
{
	static const str two[] = { S_INIT("v=spf1 -all"), S_INIT("v=DKIM1; t=y; p=" KEY) };
	static const str revoked[] = { S_INIT("v=DKIM1; p=") };
	static const str other[] = { S_INIT("v=DKIM1; k=ed25519; p="
					    "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=") };
	static const struct {
		enum err result;
		const str *records;
		size_t n;
		enum dkim_result want;
		const char *why;
	} rows[] = {
		{ ERR_OK, two, 2, DKIM_OPEN, "" },
		{ ERR_OK, two, 1, DKIM_PERMERROR, "the record cannot be used" },
		{ ERR_OK, revoked, 1, DKIM_PERMERROR, "the key was revoked" },
		{ ERR_OK, other, 1, DKIM_PERMERROR, "the key does not fit" },
		{ ERR_OK, NULL, 0, DKIM_PERMERROR, "no key" },
		{ ERR_NOTFOUND, NULL, 0, DKIM_PERMERROR, "no key" },
		{ ERR_AGAIN, NULL, 0, DKIM_TEMPERROR, "no answer for the key" },
		{ ERR_UNAVAILABLE, two, 2, DKIM_TEMPERROR, "no answer for the key" },
		{ ERR_CORRUPT, two, 2, DKIM_TEMPERROR, "DNSSEC: the answer for the key is bogus" },
	};
	static struct dkim_key key;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct dkim_verify v = begin(FIELD(""));
		struct dkim_check *c = &v.check[0];
		bool open = dkim_check_key(c, rows[i].result, rows[i].records, rows[i].n, &key);
		CHECK(open == (rows[i].want == DKIM_OPEN));
		CHECK_U64(c->result, rows[i].want);
		CHECK_STR(str_from(c->why), str_from(rows[i].why));
		CHECK(c->testing == open);
		CHECK(open || !dkim_check_key(c, ERR_OK, two, 2, &key)); /* it is over */
	}
}

static void
what_computing_says(void)
{
	static const struct {
		struct dkim_proof proof;
		bool testing;
		enum dkim_result want;
		const char *why;
	} rows[] = {
		{ { true, 1024, true }, false, DKIM_PASS, "" },
		{ { true, 1024, true }, true, DKIM_PASS, "" },
		{ { true, 1023, true }, false, DKIM_POLICY, "the key is too short" },
		{ { true, 2048, false }, false, DKIM_FAIL, "signature" },
		{ { true, 2048, false }, true, DKIM_NEUTRAL, "signature, by a key in testing" },
		{ { false, 0, false }, false, DKIM_PERMERROR, "the key cannot be read" },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct dkim_verify v = begin(FIELD(""));
		v.check[0].testing = rows[i].testing;
		dkim_check_proof(&v.check[0], &rows[i].proof);
		CHECK_U64(v.check[0].result, rows[i].want);
		CHECK_STR(str_from(v.check[0].why), str_from(rows[i].why));
		dkim_check_proof(&v.check[0], &good); /* changes nothing any more */
		CHECK_U64(v.check[0].result, rows[i].want);
	}
}

static void
bodies(void)
{
	static const char header[] = FIELD("c=relaxed/relaxed") FIELD("") FIELD("l=1");
	static const uint8_t wrong[DKIM_BODY_HASH];
	struct dkim_verify v = begin(header);
	uint8_t right[DKIM_BODY_HASH];
	CHECK_U64(dkim_verify_bodies(&v), 3);
	memcpy(right, v.check[0].s.body_hash, sizeof right);
	dkim_verify_body(&v, DKIM_SIMPLE, wrong);
	CHECK_U64(dkim_verify_bodies(&v), 1 << DKIM_RELAXED);
	dkim_verify_body(&v, DKIM_RELAXED, right);
	CHECK_U64(v.check[0].result, DKIM_OPEN);
	CHECK_U64(v.check[1].result, DKIM_FAIL);
	CHECK_STR(str_from(v.check[1].why), S("body hash"));
	CHECK_U64(v.check[2].result, DKIM_POLICY);
}

/* More signatures than we look at; none in what follows the header. */
static void
many(void)
{
	struct buf b;
	buf_init(&b, 10000);
	for (size_t i = 0; i < DKIM_SIGNATURES_MAX + 3; i++) {
		buf_str(&b, S(FIELD("")));
	}
	buf_str(&b, S("\r\n" FIELD("")));
	buf_ch(&b, 0);
	struct dkim_verify v = begin(b.p);
	CHECK_U64(v.n, DKIM_SIGNATURES_MAX);
	CHECK_U64(v.more, 3);
	v = begin("From: a@b.test\r\n\r\n" FIELD(""));
	CHECK_U64(v.n, 0);
	CHECK_U64(dkim_verify_bodies(&v), 0);
	buf_done(&b);
}

static void
out_of_memory(void)
{
	struct arena *small = arena_new(NULL, "small", 4096, 0);
	struct dkim_verify v;
	struct buf out;
	CHECK_ERR(dkim_verify_begin(&v, S(FIELD("") FIELD("") FIELD("")), NOW, small), ERR_BUDGET);
	arena_free(&small);
	v = begin(FIELD(""));
	buf_init(&out, 10);
	CHECK_ERR(dkim_verify_input(&v, &v.check[0], &out, scratch), ERR_TOOBIG);
	CHECK_U64(v.check[0].result, DKIM_TEMPERROR);
	buf_done(&out);
}

static void
words(void)
{
	CHECK_STR(str_from(dkim_result_text(DKIM_PASS)), S("pass"));
	CHECK_STR(str_from(dkim_result_text(DKIM_OPEN)), S("none"));
	CHECK_STR(str_from(dkim_result_text(DKIM_PERMERROR)), S("permerror"));
}

int
main(void)
{
	static test_fn *const tests[] = { what_a_field_says, where_the_key_is, what_dns_says,
		what_computing_says, bodies, many, out_of_memory, words };
	scratch = arena_new(NULL, "test", 8 << 20, 0);
	int status = test_run(tests, LEN(tests));
	arena_free(&scratch);
	return status;
}
