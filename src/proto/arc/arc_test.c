/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains: every rule of their structure, the octets seals are made over, the words of fields, and
 * new sets. Signatures are taken for good here; test/arc computes them.
 */
#include "base/test.h"
#include "mail/header.h"
#include "proto/arc/arc.h"

#define BH "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
#define AAR(i) "ARC-Authentication-Results: i=" i "; a.test; spf=pass\r\n"
#define AMS(i)                                                                 \
	"ARC-Message-Signature: i=" i "; a=rsa-sha256; d=A.test; s=m; h=From;" \
	" bh=" BH "; b=AAAA\r\n"
#define AS(i, cv) "ARC-Seal: i=" i "; a=rsa-sha256; cv=" cv "; d=s" i ".test; s=s; b=BBBB\r\n"
#define SET(i, cv) AS(i, cv) AMS(i) AAR(i)
#define REST "From: a@b.test\r\nTo: c@d.test\r\n\r\nbody\r\n"
enum { NOW = 1000000 };

static struct arena *scratch;
static const struct dkim_proof good = { .readable = true, .bits = 2048, .good = true };

static struct arc_verify *
begin(const char *header)
{
	static struct arc_verify v;
	arena_reset(scratch);
	CHECK_ERR(arc_verify_begin(&v, str_from(header), NOW, scratch), ERR_OK);
	return &v;
}

static void
structure(void)
{
	static const struct {
		const char *header;
		unsigned n;
		enum arc_status want;
		const char *why;
	} rows[] = {
		{ REST, 0, ARC_NONE, "" },
		{ "From: a@b.test\r\n\r\n" SET("1", "none"), 0, ARC_NONE, "" },
		{ SET("1", "none") REST, 1, ARC_OPEN, "" },
		{ AAR("1") REST AS("1", "none"), 1, ARC_FAIL, "a set is not complete" },
		{ AAR("1") AMS("1") REST, 1, ARC_FAIL, "a set is not complete" },
		{ AAR("1") AS("1", "none") REST, 1, ARC_FAIL, "a set is not complete" },
		{ AMS("1") AS("1", "none") REST, 1, ARC_FAIL, "a set is not complete" },
		{ SET("2", "pass") SET("1", "none") REST, 2, ARC_OPEN, "" },
		{ SET("1", "none") SET("2", "pass") REST, 2, ARC_OPEN, "" },
		{ SET("2", "pass") REST, 2, ARC_FAIL, "a set is not complete" },
		{ SET("3", "pass") SET("1", "none") REST, 3, ARC_FAIL, "a set is not complete" },
		{ SET("1", "none") AAR("1") REST, 1, ARC_FAIL, "a field of a set is there twice" },
		{ SET("1", "none") AS("1", "none") REST, 1, ARC_FAIL,
		    "a field of a set is there twice" },
		{ SET("1", "pass") REST, 1, ARC_FAIL, "cv= does not fit the instance" },
		{ SET("1", "fail") REST, 1, ARC_FAIL, "sealed as broken" },
		{ SET("2", "none") SET("1", "none") REST, 2, ARC_FAIL,
		    "cv= does not fit the instance" },
		{ SET("2", "pass") SET("1", "fail") REST, 2, ARC_FAIL, "sealed as broken" },
		{ SET("1", "maybe") REST, 1, ARC_FAIL, "cv= is no chain status" },
		{ SET("0", "none") REST, 0, ARC_FAIL, "a seal without an instance" },
		{ SET("51", "none") REST, 0, ARC_FAIL, "a seal without an instance" },
		{ SET("1x", "none") REST, 0, ARC_FAIL, "a seal without an instance" },
		{ AMS("x") REST, 0, ARC_FAIL, "a signature without an instance" },
		{ "ARC-Seal: i=1; h=From; a=rsa-sha256; cv=none; d=a.test; s=s; b=BBBB\r\n" AMS("1")
			AAR("1") REST,
		    1, ARC_FAIL, "h= must not be in a seal" },
		{ "ARC-Seal: i=1; cv=none; d=a.test; s=s; b=BBBB\r\n" AMS("1") AAR("1") REST, 1,
		    ARC_FAIL, "a required tag is missing" },
		{ "ARC-Seal: i=1; i=1\r\n" REST, 0, ARC_FAIL, "a seal without an instance" },
	};
	const char *why;
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].header;
		struct arc_verify *v = begin(rows[i].header);
		CHECK_U64(v->n, rows[i].n);
		CHECK_U64(arc_verify_result(v, &why), rows[i].want);
		CHECK_STR(str_from(why), str_from(rows[i].why));
		CHECK_U64(v->checks_n, rows[i].want == ARC_OPEN ? v->n + 1 : 0);
	}
	test_case = NULL;
}

/* The instance at the start of results, with all that may stand around it. */
static void
instances(void)
{
	static const struct {
		const char *value;
		bool good;
	} rows[] = {
		{ "i=1; a.test; none", true },
		{ " (a (b\\)) c) i (x) = (y)\r\n 1 (z) ; a.test", true },
		{ "i=01; a.test", true },
		{ "a.test; i=1; none", false },
		{ "i=1 a.test; none", false },
		{ "I=1; a.test", false },
		{ "i=0; a.test", false },
		{ "i=; a.test", false },
		{ "i=001; a.test", true },
		{ "i=0001; a.test", false },
		{ "i=51; a.test", false },
		{ "(i=1; a.test", false },
		{ "((((((((((((((((((((((i=1", false },
		{ "", false },
	};
	struct buf b;
	buf_init(&b, 4000);
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].value;
		buf_reset(&b);
		buf_str(&b, S(AS("1", "none") AMS("1") "ARC-Authentication-Results:"));
		buf_cstr(&b, rows[i].value);
		buf_str(&b, S("\r\n" REST));
		buf_ch(&b, 0);
		struct arc_verify *v = begin(b.p);
		CHECK_U64(arc_verify_result(v, NULL), rows[i].good ? ARC_OPEN : ARC_FAIL);
		CHECK(!rows[i].good || str_starts(v->set[1].payload, S("a.test")));
	}
	test_case = NULL;
	buf_done(&b);
}

/* The canonical fields of a set up to its seal, and a seal. */
#define FIELDS(i)                                                                    \
	"arc-authentication-results:i=" i "; a.test; spf=pass\r\n"                   \
	"arc-message-signature:i=" i "; a=rsa-sha256; d=A.test; s=m; h=From; bh=" BH \
	"; b=AAAA\r\n"
#define SEAL(i, cv) "arc-seal:i=" i "; a=rsa-sha256; cv=" cv "; d=s" i ".test; s=s; b="

static void
inputs(void)
{
	static const char first[] = FIELDS("1") SEAL("1", "none");
	static const char second[] = FIELDS("1") SEAL("1", "none") "BBBB\r\n" FIELDS("2")
	    SEAL("2", "pass");
	struct arc_verify *v = begin(SET("2", "pass") SET("1", "none") REST);
	struct buf out;
	buf_init(&out, 4000);
	CHECK_U64(v->check[1].s.instance, 2);
	CHECK_ERR(arc_verify_input(v, &v->check[0], &out, scratch), ERR_OK);
	CHECK(str_starts(buf_view(&out), S("From: a@b.test\r\nARC-Message-Signature: i=2; ")));
	CHECK(str_ends(buf_view(&out), S("; b=")));
	buf_reset(&out);
	CHECK_ERR(arc_verify_input(v, &v->check[1], &out, scratch), ERR_OK);
	CHECK_STR(buf_view(&out), str_from(second));
	buf_reset(&out);
	CHECK_ERR(arc_verify_input(v, &v->check[2], &out, scratch), ERR_OK);
	CHECK_STR(buf_view(&out), str_from(first));
	buf_done(&out);
}

static void
results(void)
{
	static const uint8_t hash[DKIM_BODY_HASH];
	const char *why;
	struct arc_verify *v = begin(SET("2", "pass") SET("1", "none") REST);
	CHECK_U64(arc_verify_bodies(v), 1U << DKIM_SIMPLE);
	CHECK_STR(arc_verify_sealer(v, 1), S("s1.test"));
	CHECK_STR(arc_verify_sealer(v, 2), S("s2.test"));
	CHECK_STR(arc_verify_sealer(v, 3), S(""));
	CHECK_STR(v->check[0].name, S("m._domainkey.a.test"));
	for (size_t i = 0; i < v->checks_n; i++) {
		CHECK_U64(arc_verify_result(v, &why), ARC_OPEN);
		dkim_check_proof(&v->check[i], &good);
	}
	CHECK_U64(arc_verify_result(v, &why), ARC_PASS);
	v = begin(SET("2", "pass") SET("1", "none") REST);
	arc_verify_body(v, DKIM_SIMPLE, hash);
	CHECK_U64(arc_verify_result(v, &why), ARC_FAIL);
	CHECK_STR(str_from(why), S("body hash"));
	CHECK_U64(arc_verify_bodies(v), 0);
	v = begin(SET("1", "none") REST);
	dkim_check_proof(&v->check[0], &good);
	static struct dkim_key key;
	CHECK(!dkim_check_key(&v->check[1], ERR_AGAIN, NULL, 0, &key));
	CHECK_U64(arc_verify_result(v, &why), ARC_FAIL); /* 5.2.1 */
	CHECK_STR(str_from(why), S("no answer for the key"));
	struct arc_verify never = { 0 };
	CHECK_U64(arc_verify_result(&never, NULL), ARC_FAIL);
}

static void
too_long(void)
{
	struct buf b;
	buf_init(&b, 2 << 20);
	for (unsigned i = 1; i <= 11; i++) {
		buf_printf(&b, "ARC-Authentication-Results: i=%u; a.test; none (", i);
		for (unsigned k = 0; k < 60000; k++) {
			buf_ch(&b, 'x');
		}
		buf_str(&b, S(")\r\n"));
	}
	buf_str(&b, S(REST));
	buf_ch(&b, 0);
	struct arc_verify *v = begin(b.p);
	const char *why;
	CHECK_U64(arc_verify_result(v, &why), ARC_FAIL);
	CHECK(str_eq(str_from(why), S("the chain is too long")));
	buf_done(&b);
}

/* --- sealing --------------------------------------------------------------------------------- */

/* Seal with signatures "m" and "s"; the letter with the new set above it, or NULL. */
static enum err
seal(const char *header, str payload, enum arc_status chain, struct buf *ret)
{
	static const uint8_t hash[DKIM_BODY_HASH];
	static struct arc_seal s;
	const struct arc_sealer who = { .domain = S("us.test"),
		.selector = S("sel"),
		.now_s = NOW,
		.body_hash = hash,
		.payload = payload,
		.chain = chain };
	struct buf input;
	arena_reset(scratch);
	buf_init(&input, 100000);
	enum err e = arc_seal_begin(&s, &who, str_from(header), scratch, &input);
	if (e == ERR_OK) {
		buf_reset(&input);
		e = arc_seal_message(&s, S("mmm"), &input);
	}
	if (e == ERR_OK) {
		bool broken = str_find(buf_view(&input), S("cv=fail")) >= 0;
		bool first = str_starts(buf_view(&input), S("arc-authentication-results:i=1;"));
		CHECK(first == (!broken || s.instance == 1));
		e = arc_seal_end(&s, S("sss"), ret);
	}
	buf_done(&input);
	buf_cstr(ret, header);
	buf_ch(ret, 0);
	return e;
}

static void
seals(void)
{
	static const struct {
		const char *header;
		enum arc_status chain;
		enum err want;
		const char *start;
		enum arc_status status; /* of the structure afterwards */
	} rows[] = {
		{ REST, ARC_NONE, ERR_OK, "ARC-Seal: i=1; a=rsa-sha256; t=1000000; cv=none;",
		    ARC_OPEN },
		{ REST, ARC_PASS, ERR_OK, "ARC-Seal: i=1; a=rsa-sha256; t=1000000; cv=none;",
		    ARC_OPEN },
		{ SET("1", "none") REST, ARC_PASS, ERR_OK,
		    "ARC-Seal: i=2; a=rsa-sha256; t=1000000; cv=pass;", ARC_OPEN },
		{ SET("1", "none") REST, ARC_NONE, ERR_OK,
		    "ARC-Seal: i=2; a=rsa-sha256; t=1000000; cv=fail;", ARC_FAIL },
		{ SET("1", "none") REST, ARC_FAIL, ERR_OK,
		    "ARC-Seal: i=2; a=rsa-sha256; t=1000000; cv=fail;", ARC_FAIL },
		{ SET("2", "pass") REST, ARC_PASS, ERR_OK,
		    "ARC-Seal: i=3; a=rsa-sha256; t=1000000; cv=fail;", ARC_FAIL },
		{ SET("1", "fail") REST, ARC_FAIL, ERR_DENIED, "", ARC_FAIL },
		{ SET("50", "pass") REST, ARC_FAIL, ERR_TOOMANY, "", ARC_FAIL },
		{ "To: x\r\n\r\n", ARC_NONE, ERR_NOTFOUND, "", ARC_NONE },
	};
	struct buf b;
	buf_init(&b, 100000);
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].header;
		buf_reset(&b);
		CHECK_ERR(seal(rows[i].header, S("us.test; none"), rows[i].chain, &b),
		    rows[i].want);
		CHECK(str_starts(str_from(b.p), str_from(rows[i].start)));
		CHECK_U64(arc_verify_result(begin(b.p), NULL), rows[i].status);
	}
	test_case = NULL;
	buf_done(&b);
}

/* What the message signature holds fast, and what it must not name: RFC 8617 4.1.2. */
static void
signed_fields(void)
{
	struct mail_field f;
	struct buf b;
	buf_init(&b, 100000);
	CHECK_ERR(seal("DKIM-Signature: v=1; a\r\nDKIM-Signature: v=1; b\r\n"
		       "Authentication-Results: x; none\r\n" SET("1", "none") REST,
		      S("us.test;\r\n\tspf=pass"), ARC_PASS, &b),
	    ERR_OK);
	CHECK(mail_header_find(str_from(b.p), S("ARC-Message-Signature"), &f));
	CHECK(str_find(f.value, S("DKIM-Signature:DKIM-Signature:From:From:")) >= 0);
	CHECK(str_ifind(f.value, S("ARC-")) < 0);
	CHECK(str_ifind(f.value, S("Authentication-Results")) < 0);
	CHECK(mail_header_find(str_from(b.p), S("ARC-Authentication-Results"), &f));
	CHECK_STR(f.value, S(" i=2; us.test;\r\n\tspf=pass"));
	buf_done(&b);
}

static void
payloads(void)
{
	static const struct {
		str payload;
		enum err want;
	} rows[] = {
		{ S_INIT("us.test; none\r\n"), ERR_OK },
		{ S_INIT("us.test;\r\n x"), ERR_OK },
		{ S_INIT("(us.test"), ERR_OK }, /* no care of ours */
		{ S_INIT(""), ERR_SYNTAX },
		{ S_INIT("us.test;\nTo: x"), ERR_SYNTAX },
		{ S_INIT("us.test;\r\nTo: x"), ERR_SYNTAX },
		{ S_INIT("us.test;\r x"), ERR_SYNTAX },
		{ S_INIT("us.test;\n x"), ERR_SYNTAX },
		{ S_INIT("us.test;\0 x"), ERR_SYNTAX },
	};
	struct buf b;
	buf_init(&b, 100000);
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_reset(&b);
		CHECK_ERR(seal(REST, rows[i].payload, ARC_NONE, &b), rows[i].want);
		CHECK_U64(arc_verify_result(begin(b.p), NULL),
		    rows[i].want == ERR_OK ? ARC_OPEN : ARC_NONE);
	}
	static char much[ARC_RESULTS_MAX + 1];
	memset(much, 'x', sizeof much);
	buf_reset(&b);
	CHECK_ERR(seal(REST, str_make(much, sizeof much), ARC_NONE, &b), ERR_TOOBIG);
	buf_done(&b);
}

static void
out_of_memory(void)
{
	struct arena *small = arena_new(NULL, "small", 1024, 0);
	static struct arc_verify v;
	CHECK_ERR(arc_verify_begin(&v, S(SET("1", "none") REST), NOW, small), ERR_BUDGET);
	CHECK_U64(v.checks_n, 0);
	CHECK_U64(arc_verify_result(&v, NULL), ARC_FAIL);
	arena_free(&small);
}

int
main(void)
{
	static test_fn *const tests[] = { structure, instances, inputs, results, too_long, seals,
		signed_fields, payloads, out_of_memory };
	scratch = arena_new(NULL, "test", 8 << 20, 0);
	int status = test_run(tests, LEN(tests));
	arena_free(&scratch);
	return status;
}
