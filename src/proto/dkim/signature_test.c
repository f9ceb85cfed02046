/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures: the message of RFC 8463 A.3, whose hash input was verified with the keys of A.2 by
 * another program; every tag wrong or missing; what we write is read back and hashed the same.
 */
#include "base/test.h"
#include "proto/dkim/key.h"
#include "proto/dkim/signature.h"

#define BH "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
#define B1 "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus"
#define B2 "Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
#define HEADER                                             \
	"From: Joe SixPack <joe@football.example.com>\r\n" \
	"To: Suzie Q <suzie@shopping.example.net>\r\n"     \
	"Subject: Is dinner ready?\r\n"                    \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"  \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"

static struct arena *scratch;

static void
rfc_8463(void)
{
	static const char own[] = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
				  " d=football.example.com; i=@football.example.com;\r\n"
				  " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
				  " subject : date : message-id : from : subject : date;\r\n"
				  " bh=" BH ";\r\n b=" B1 "\r\n " B2 "\r\n";
	static const char want[] =
	    "from:Joe SixPack <joe@football.example.com>\r\n"
	    "to:Suzie Q <suzie@shopping.example.net>\r\n"
	    "subject:Is dinner ready?\r\n"
	    "date:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
	    "message-id:<20030712040037.46341.5F8J@football.example.com>\r\n"
	    "dkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=football.example.com;"
	    " i=@football.example.com; q=dns/txt; s=brisbane; t=1528637909; h=from : to : subject"
	    " : date : message-id : from : subject : date; bh=" BH "; b=";
	static struct dkim_signature s;
	const char *why;
	struct buf out;
	buf_init(&out, 10000);
	CHECK_ERR(dkim_signature_read(str_from(own), &s, &why), ERR_OK);
	CHECK(s.algorithm == DKIM_ED25519_SHA256);
	CHECK(s.header == DKIM_RELAXED && s.body == DKIM_RELAXED);
	CHECK_STR(s.domain, S("football.example.com"));
	CHECK_STR(s.selector, S("brisbane"));
	CHECK_STR(s.identity, S("@football.example.com"));
	CHECK(s.signed_s == 1528637909 && s.expires_s == -1 && !s.has_length);
	CHECK_U64(s.octets_n, 64);
	CHECK_U64(s.octets[0], 0xfe);
	CHECK_U64(s.octets[63], 0x0f);
	struct dkim_hashed what = { s.header, S(HEADER), s.names, str_from(own), s.b };
	CHECK_ERR(dkim_hash_input(&out, &what, scratch), ERR_OK);
	CHECK_STR(buf_view(&out), str_from(want));
	buf_done(&out);
}

/* One tag is left out or replaced. */
static void
wrong_tags(void)
{
	static const struct {
		const char *tag, *with; /* NULL: left out */
		enum err want;
		const char *why;
	} rows[] = {
		{ "x", "x=2000;", ERR_OK, "" },
		{ "v", NULL, ERR_SYNTAX, "a required tag is missing" },
		{ "v", "v=2;", ERR_UNSUPPORTED, "unknown version" },
		{ "a", NULL, ERR_SYNTAX, "a required tag is missing" },
		{ "a", "a=rsa-sha1;", ERR_UNSUPPORTED, "unsupported algorithm" },
		{ "b", NULL, ERR_SYNTAX, "a required tag is missing" },
		{ "b", "b=;", ERR_SYNTAX, "b= is no signature" },
		{ "b", "b=A;", ERR_SYNTAX, "b= is no signature" },
		{ "bh", NULL, ERR_SYNTAX, "a required tag is missing" },
		{ "bh", "bh=AAAA;", ERR_SYNTAX, "bh= is no SHA-256 hash" },
		{ "c", NULL, ERR_OK, "" },
		{ "c", "c=relaxed;", ERR_OK, "" },
		{ "c", "c=nowsp;", ERR_UNSUPPORTED, "unknown canonicalization" },
		{ "d", NULL, ERR_SYNTAX, "a required tag is missing" },
		{ "d", "d=com;", ERR_SYNTAX, "d= is no domain name" },
		{ "d", "d=a..b;", ERR_SYNTAX, "d= is no domain name" },
		{ "d", "d=other.test;", ERR_SYNTAX, "domain mismatch" },
		{ "h", NULL, ERR_SYNTAX, "a required tag is missing" },
		{ "h", "h=to:date;", ERR_SYNTAX, "From field not signed" },
		{ "h", "h=from::to;", ERR_SYNTAX, "h= names no field" },
		{ "i", NULL, ERR_OK, "" },
		{ "i", "i=joe;", ERR_SYNTAX, "i= is no address" },
		{ "i", "i=joe@sub.example.test;", ERR_OK, "" },
		{ "i", "i=joe@badexample.test;", ERR_SYNTAX, "domain mismatch" },
		{ "l", "l=10;", ERR_OK, "" },
		{ "q", "q=dns/txt:new;", ERR_OK, "" },
		{ "q", "q=http;", ERR_UNSUPPORTED, "unknown query method" },
		{ "s", NULL, ERR_SYNTAX, "a required tag is missing" },
		{ "s", "s=a b;", ERR_SYNTAX, "s= is no selector" },
		{ "t", "t=x;", ERR_SYNTAX, "t= is no time" },
		{ "t", "t=2000;", ERR_SYNTAX, "x= is not later than t=" },
		{ "x", "x=-1;", ERR_SYNTAX, "x= is no time" },
	};
	static const struct {
		const char *tag, *text;
	} tags[] = { { "v", "v=1;" }, { "a", "a=rsa-sha256;" }, { "b", "b=AAAA;" },
		{ "bh", "bh=" BH ";" }, { "c", "c=relaxed/relaxed;" }, { "d", "d=example.test;" },
		{ "h", "h=from;" }, { "i", "i=@example.test;" }, { "l", "" }, { "q", "" },
		{ "s", "s=sel;" }, { "t", "t=1000;" }, { "x", "x=2000;" } };
	static struct dkim_signature s;
	struct buf b;
	const char *why;
	buf_init(&b, 10000);
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_reset(&b);
		buf_str(&b, S("DKIM-Signature:"));
		for (size_t k = 0; k < LEN(tags); k++) {
			bool here = str_eq(str_from(tags[k].tag), str_from(rows[i].tag));
			const char *with = rows[i].with != NULL ? rows[i].with : "";
			buf_cstr(&b, here ? with : tags[k].text);
		}
		test_case = b.p;
		CHECK_ERR(dkim_signature_read(buf_view(&b), &s, &why), rows[i].want);
		CHECK_STR(str_from(why), str_from(rows[i].why));
		CHECK(rows[i].want != ERR_OK || s.has_length == (rows[i].tag[0] == 'l'));
	}
	test_case = NULL;
	buf_done(&b);
	CHECK_ERR(dkim_signature_read(S("no field"), &s, &why), ERR_SYNTAX);
	CHECK_ERR(dkim_signature_read(STR_NONE, &s, &why), ERR_SYNTAX);
}

/* Fields of the same name are taken from the lowest up; one name too many adds nothing. */
static void
repeated_fields(void)
{
	struct buf out;
	buf_init(&out, 10000);
	struct dkim_hashed what = { .canon = DKIM_RELAXED,
		.header = S("A: 1\r\nB: x\r\na: 2\r\nA: 3\r\n\r\nA: body\r\n"),
		.names = S("a:A:b:a:a:c"),
		.own = S("DKIM-Signature: x") };
	CHECK_ERR(dkim_hash_input(&out, &what, scratch), ERR_OK);
	CHECK_STR(buf_view(&out), S("a:3\r\na:2\r\nb:x\r\na:1\r\ndkim-signature:x"));
	buf_reset(&out);
	what.canon = DKIM_SIMPLE;
	CHECK_ERR(dkim_hash_input(&out, &what, scratch), ERR_OK);
	CHECK_STR(buf_view(&out), S("A: 3\r\na: 2\r\nB: x\r\nA: 1\r\nDKIM-Signature: x"));
	buf_done(&out);
}

/* The value of b= goes with the white space around it, wherever signers fold: RFC 6376 3.7. */
static void
white_space_around_b(void)
{
	static const struct {
		str own, b, relaxed, simple;
	} rows[] = {
		{ S_INIT("DKIM-Signature: a=1;\r\n b=\r\n\tXY\r\n Z \r\n ; x=2\r\n"), S_INIT("XY"),
		    S_INIT("dkim-signature:a=1; b=; x=2"),
		    S_INIT("DKIM-Signature: a=1;\r\n b=; x=2") },
		{ S_INIT("DKIM-Signature: a=1; b=\r\n\tXY\r\n Z \r\n"), S_INIT("XY"),
		    S_INIT("dkim-signature:a=1; b="), S_INIT("DKIM-Signature: a=1; b=") },
		{ S_INIT("DKIM-Signature: b = XYZ;\r\n a=1\r\n"), S_INIT("XYZ"),
		    S_INIT("dkim-signature:b =; a=1"), S_INIT("DKIM-Signature: b =;\r\n a=1") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf out;
		ptrdiff_t at = str_find(rows[i].own, rows[i].b);
		ptrdiff_t end = str_chr(rows[i].own, 'Z');
		struct dkim_hashed what = { .canon = DKIM_RELAXED,
			.header = S("\r\n"),
			.names = S("from"),
			.own = rows[i].own,
			.b = str_sub(rows[i].own, (size_t)at, (size_t)(end + 1 - at)) };
		buf_init(&out, 10000);
		CHECK_ERR(dkim_hash_input(&out, &what, scratch), ERR_OK);
		CHECK_STR(buf_view(&out), rows[i].relaxed);
		buf_reset(&out);
		what.canon = DKIM_SIMPLE;
		CHECK_ERR(dkim_hash_input(&out, &what, scratch), ERR_OK);
		CHECK_STR(buf_view(&out), rows[i].simple);
		buf_done(&out);
	}
}

static void
check_lines(str field)
{
	str line, rest = field;
	while (str_next(&rest, '\n', &line)) {
		CHECK(line.n <= DKIM_LINE + 1);
		CHECK(rest.p == NULL || (line.n > 0 && line.p[line.n - 1] == '\r'));
		CHECK(rest.p == NULL || rest.n == 0 || rest.p[0] == '\t');
	}
}

static void
written_is_read(void)
{
	static const uint8_t hash[DKIM_BODY_HASH] = { 1, 2, 3 };
	static struct dkim_signature s;
	static const char header[] = HEADER "List-Unsubscribe: <https://example.test/u>\r\n"
					    "Received: by us\r\nTo: again@example.test\r\n\r\n";
	char octets[256];
	struct buf field, input, again;
	const char *why;
	buf_init(&field, 10000);
	buf_init(&input, 10000);
	buf_init(&again, 10000);
	for (size_t n = 1; n <= sizeof octets; n += 17) {
		struct dkim_signer who = { .domain = S("example.test"),
			.selector = S("s2026a"),
			.algorithm = n % 2 == 0 ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256,
			.now_s = 1000,
			.expires_s = n % 3 == 0 ? 5000 : 0,
			.body_hash = hash };
		memset(octets, (int)n, n);
		buf_reset(&field);
		buf_reset(&input);
		buf_reset(&again);
		CHECK_ERR(dkim_sign(&who, str_from(header), scratch, &field, &input), ERR_OK);
		dkim_sign_finish(&field, str_make(octets, n));
		check_lines(buf_view(&field));
		CHECK_ERR(dkim_signature_read(buf_view(&field), &s, &why), ERR_OK);
		CHECK(s.algorithm == who.algorithm && s.signed_s == 1000);
		CHECK(s.expires_s == (n % 3 == 0 ? 5000 : -1));
		CHECK_STR(str_make(s.octets, s.octets_n), str_make(octets, n));
		CHECK(memcmp(s.body_hash, hash, sizeof hash) == 0);
		struct dkim_hashed what = { s.header, str_from(header), s.names, buf_view(&field),
			s.b };
		CHECK_ERR(dkim_hash_input(&again, &what, scratch), ERR_OK);
		CHECK_STR(buf_view(&again), buf_view(&input));
	}
	CHECK(str_find(buf_view(&input), S("list-unsubscribe:")) > 0);
	CHECK(str_find(buf_view(&input), S("received:")) < 0);
	CHECK(str_find(buf_view(&field), S("To:To:To:Cc:")) > 0);
	buf_done(&field);
	buf_done(&input);
	buf_done(&again);
}

static void
nothing_to_sign(void)
{
	struct dkim_signer who = { .domain = S("a.b"), .selector = S("s") };
	struct buf field, input;
	buf_init(&field, 10000);
	buf_init(&input, 10000);
	CHECK_ERR(dkim_sign(&who, S("To: x\r\n\r\nFrom: y\r\n"), scratch, &field, &input),
	    ERR_NOTFOUND);
	CHECK_U64(field.n, 0);
	buf_done(&field);
	buf_done(&input);
}

static void
keys_and_signatures(void)
{
	static struct dkim_key k;
	struct dkim_signature s = { .algorithm = DKIM_RSA_SHA256, .domain = S("a.b") };
	k.type = DKIM_KEY_RSA;
	CHECK(dkim_key_fits(&k, &s));
	k.strict = true;
	CHECK(dkim_key_fits(&k, &s));
	s.identity = S("x@A.b");
	CHECK(dkim_key_fits(&k, &s));
	s.identity = S("x@sub.a.b");
	CHECK(!dkim_key_fits(&k, &s));
	k.strict = false;
	CHECK(dkim_key_fits(&k, &s));
	k.type = DKIM_KEY_ED25519;
	CHECK(!dkim_key_fits(&k, &s));
}

int
main(void)
{
	static test_fn *const tests[] = { rfc_8463, wrong_tags, repeated_fields,
		white_space_around_b, written_is_read, nothing_to_sign, keys_and_signatures };
	scratch = arena_new(NULL, "test", 8 << 20, 0);
	int status = test_run(tests, LEN(tests));
	arena_free(&scratch);
	return status;
}
