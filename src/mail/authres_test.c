/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication-Results: what is written is read back, and forged fields are found whatever is
 * done to our name.
 */
#include "base/test.h"
#include "mail/authres.h"

static void
words(void)
{
	for (unsigned i = 1; i < MAIL_AUTHRES_RESULTS; i++) {
		str word = mail_authres_word((enum mail_authres)i);
		CHECK(word.n > 0);
		CHECK_U64(mail_authres_find(word), i);
	}
	CHECK_STR(mail_authres_word(MAIL_AUTHRES_NONE), S(""));
	CHECK_STR(mail_authres_word((enum mail_authres)99), S(""));
	CHECK_STR(mail_authres_word(MAIL_AUTHRES_NONE_PUBLISHED), S("none"));
	CHECK_U64(mail_authres_find(S("SoftFail")), MAIL_AUTHRES_SOFTFAIL);
	CHECK_U64(mail_authres_find(S("passed")), MAIL_AUTHRES_NONE);
	CHECK_U64(mail_authres_find(S("")), MAIL_AUTHRES_NONE);
}

static const struct mail_authres_result two[] = {
	{ .method = S_INIT("spf"),
	    .result = MAIL_AUTHRES_PASS,
	    .n = 1,
	    .property = { { S_INIT("smtp"), S_INIT("mailfrom"), S_INIT("a@example.org") } } },
	{ .method = S_INIT("dkim"), .result = MAIL_AUTHRES_NONE },
	{ .method = S_INIT("dmarc"),
	    .result = MAIL_AUTHRES_FAIL,
	    .comment = S_INIT("p=reject (t=y)"),
	    .reason = S_INIT("no \"align\"ment\n"),
	    .n = 1,
	    .property = { { S_INIT("header"), S_INIT("from"),
		S_INIT("b\xc3\xbc"
		       "cher.example") } } },
};

static void
written(void)
{
	char storage[1024];
	struct buf out;
	buf_init_fixed(&out, storage, sizeof storage);
	mail_authres_put(&out, S("mx.example.net"), two, LEN(two));
	CHECK_STR(buf_view(&out),
	    S("Authentication-Results: mx.example.net;\r\n"
	      "\tspf=pass smtp.mailfrom=a@example.org;\r\n"
	      "\tdmarc=fail (p=reject \\(t=y\\)) reason=\"no \\\"align\\\"ment?\"\r\n"
	      "\theader.from=b\xc3\xbc"
	      "cher.example\r\n"));
	buf_reset(&out);
	mail_authres_payload_put(&out, S("mx.example.net"), two + 1, 1);
	CHECK_STR(buf_view(&out), S("mx.example.net; none"));
}

static void
values_are_quoted_where_they_must(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "example.org", "example.org" },
		{ "a.b+c@example.org", "a.b+c@example.org" },
		{ "@example.org", "@example.org" },
		{ "a@b@c", "\"a@b@c\"" },
		{ "a b@c", "\"a b@c\"" },
		{ "2001:db8::1", "\"2001:db8::1\"" },
		{ "ab/c=", "\"ab/c=\"" },
		{ "", "\"\"" },
		{ "a@", "\"a@\"" },
		{ "x\r\nBcc: y", "\"x??Bcc: y\"" },
		{ "q\"\\", "\"q\\\"\\\\\"" },
		{ "a;b", "\"a;b\"" },
		{ "(c)", "\"(c)\"" },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		char storage[256], want[256];
		struct buf out, line;
		struct mail_authres_result r = { .method = S("x"), .result = MAIL_AUTHRES_PASS };
		r.n = 1;
		r.property[0] = (struct mail_authres_property){ S("p"), S("q"),
			str_from(rows[i].in) };
		test_case = rows[i].in;
		buf_init_fixed(&out, storage, sizeof storage);
		buf_init_fixed(&line, want, sizeof want);
		mail_authres_payload_put(&out, S("id"), &r, 1);
		buf_printf(&line, "id;\r\n\tx=pass p.q=%s", rows[i].want);
		CHECK_STR(buf_view(&out), buf_view(&line));
	}
}

/* Lines stay short, and no line is without text. */
static void
lines_are_folded(void)
{
	char storage[4096];
	struct buf out;
	str text, line;
	struct mail_authres_result r = { .method = S("dkim"), .result = MAIL_AUTHRES_PASS };
	r.n = MAIL_AUTHRES_PROPERTIES_MAX;
	for (size_t i = 0; i < r.n; i++) {
		r.property[i] = (struct mail_authres_property){ S("header"), S("d"),
			S("a-rather-long-name.of-some.organization.example") };
	}
	buf_init_fixed(&out, storage, sizeof storage);
	mail_authres_put(&out, S("mx.example.net"), &r, 1);
	CHECK_ERR(buf_err(&out), ERR_OK);
	text = buf_view(&out);
	CHECK(str_ends(text, S("\r\n")));
	text.n -= 2;
	while (str_next(&text, '\n', &line)) {
		CHECK(str_trim(line).n > 0 && line.n <= MAIL_AUTHRES_LINE + 2);
	}
}

static void
too_small_a_buffer(void)
{
	char storage[256];
	struct buf out;
	for (size_t cap = 0; cap < 200; cap++) {
		buf_init_fixed(&out, storage, cap);
		mail_authres_put(&out, S("mx.example.net"), two, LEN(two));
		CHECK(out.n <= cap && (buf_err(&out) != ERR_OK || cap > 150));
	}
}

#define ID "mx.example.net"

static void
claims(void)
{
	static const struct {
		const char *value;
		bool want;
	} rows[] = {
		{ " mx.example.net; spf=pass", true },
		{ " mx.example.net", true },
		{ "mx.example.net;none", true },
		{ " MX.Example.NET; spf=pass", true },
		{ " mx.example.net. ; spf=pass", true },
		{ " mx.example.net 1; spf=pass", true },
		{ " mx.example.net/1; spf=pass", true },
		{ "\r\n\tmx.example.net\r\n\t;\r\n\tspf=pass", true },
		{ " (hello) mx.example.net; spf=pass", true },
		{ " (a (nested) \\) one) mx.example.net (x); spf=pass", true },
		{ " (; spf=pass) mx.example.net; spf=pass", true },
		{ " \"mx.example.net\"; spf=pass", true },
		{ " \"mx\\.example.net\"; spf=pass", true },
		{ " \" mx.example.net \"; spf=pass", true },
		{ " mx.exam(ple.org)ple.net; spf=pass", true },
		{ " mx.\r\n example.net; spf=pass", true },
		{ " mx . example . net; spf=pass", true },
		{ " m\x01x.example.net; spf=pass", true },
		{ " other.example mx.example.net; spf=pass", true },
		{ " =?utf-8?q?mx.example.net?=; spf=pass", true },
		{ " (mx.example.net; spf=pass", true }, /* a comment that does not end */
		{ " (mx.example.net) other.example; spf=pass", true }, /* a careless reader */
		{ " \"other.example\\\" mx.example.net; spf=pass", true },
		{ " other.example; spf=pass (mx.example.net)", false },
		{ " other.example; spf=pass smtp.helo=mx.example.net", false },
		{ " notmx.example.net; spf=pass", false },
		{ " sub.mx.example.net; spf=pass", false },
		{ " mx.example.net.evil.example; spf=pass", false },
		{ " mx-example-net; spf=pass", false },
		{ " example.net; spf=pass", false },
		{ "", false },
		{ ";", false },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].value;
		CHECK(mail_authres_claims(str_from(rows[i].value), S(ID)) == rows[i].want);
	}
}

static void
claims_in_other_labels(void)
{
	str id = S("mx.xn--bcher-kva.example");
	CHECK(mail_authres_claims(S(" mx.b\xc3\xbc"
				    "cher.example; spf=pass"),
	    id));
	CHECK(mail_authres_claims(S(" MX.B\xc3\x9c"
				    "CHER.example; spf=pass"),
	    id));
	CHECK(mail_authres_claims(S(" mx.xn--BCHER-kva.example; spf=pass"), id));
	CHECK(!mail_authres_claims(S(" mx.bucher.example; spf=pass"), id));
	CHECK(!mail_authres_claims(S(" mx.b\xfc"
				     "cher.example; spf=pass"),
	    id));
}

/* Comparing them all would take seconds of a letter's time. */
static void
many_words_in_other_labels(void)
{
	static char text[1 << 20];
	struct buf b;
	buf_init_fixed(&b, text, sizeof text);
	for (size_t i = 0; i < 32; i++) {
		buf_cstr(&b, "\xc3\xbc ");
	}
	CHECK(!mail_authres_claims(buf_view(&b), S(ID)));
	while (b.n + 3 <= sizeof text) {
		buf_cstr(&b, "\xc3\xbc ");
	}
	CHECK(mail_authres_claims(buf_view(&b), S(ID)));
}

static void
forged_fields(void)
{
	str letter = S("Received: by x\r\n"
		       "Authentication-Results: mx.example.net; spf=pass\r\n"
		       "authentication-results : (c)\r\n mx.example.net; dkim=pass\r\n"
		       "Authentication-Results: other.example; spf=fail\r\n"
		       "X-Authentication-Results: mx.example.net; spf=pass\r\n"
		       "AUTHENTICATION-RESULTS:mx.example.net\r\n"
		       "\r\n"
		       "Authentication-Results: mx.example.net; body\r\n");
	static const char *const starts[] = { "Authentication-Results: mx", "authentication-",
		"AUTHENTICATION-RESULTS:mx" };
	struct mail_header h = mail_header_make(letter);
	struct mail_field f;
	size_t n = 0;
	while (mail_authres_forged_next(&h, S(ID), &f)) {
		CHECK(n < LEN(starts) && str_starts(f.raw, str_from(starts[n])));
		CHECK(str_starts(str_from_off(letter, f.offset), f.raw));
		n++;
	}
	CHECK_U64(n, LEN(starts));
}

/* What a reading of the field gives, as one line. */
static void
print(struct buf *out, str payload)
{
	struct mail_authres_reader r;
	struct mail_authres_read one;
	enum err e = mail_authres_begin(payload, out, &r);
	if (e != ERR_OK) {
		buf_printf(out, "|%s", err_name(e));
		return;
	}
	while (mail_authres_next(&r, &one)) {
		buf_printf(out, "|%.*s=%.*s", STR_ARG(one.method), STR_ARG(one.result));
		buf_ch(out, ' ');
		if (!mail_authres_property(&one, S("smtp"), S("mailfrom"), out)) {
			(void)mail_authres_property(&one, S("policy"), S("expired"), out);
		}
	}
}

static void
read_back(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ " example.org 1; none", "example.org" },
		{ " example.com; spf=pass smtp.mailfrom=example.net",
		    "example.com|spf=pass example.net" },
		{ " example.com;\r\n auth=pass (cram-md5) smtp.auth=s@example.net;\r\n"
		  " spf=pass smtp.mailfrom=\"a b\"@x",
		    "example.com|auth=pass " },
		{ " foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay)"
		  " = (wait for it) fail\r\n policy (A dot can go here) . (like that) expired\r\n"
		  " (this surprised me) = (as I wasn't expecting it) 1362471462",
		    "foo.example.net|dkim=fail 1362471462" },
		{ "x; dkim=pass reason=\"good; (sig)\" header.i=@example.com; spf=fail"
		  " smtp.mailfrom=j@example.net",
		    "x|dkim=pass |spf=fail j@example.net" },
		{ "\"my id\"; spf=none", "my id|spf=none " },
		{ "x 2; spf=pass", "x|UNSUPPORTED" },
		{ "x y; spf=pass", "x|SYNTAX" },
		{ "(never ends", "|SYNTAX" },
		{ "", "|SYNTAX" },
		{ "x; spf", "x" },
		{ "x; spf=pass smtp", "x" },
		{ "x; spf=pass; ; dkim=pass", "x|spf=pass " },
		{ "x", "x" },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		char storage[512];
		struct buf out;
		test_case = rows[i].in;
		buf_init_fixed(&out, storage, sizeof storage);
		print(&out, str_from(rows[i].in));
		CHECK_STR(buf_view(&out), str_from(rows[i].want));
	}
}

static void
what_is_written_is_read(void)
{
	char storage[1024], value[256];
	struct buf out, got;
	struct mail_authres_reader r;
	struct mail_authres_read one;
	buf_init_fixed(&out, storage, sizeof storage);
	mail_authres_payload_put(&out, S(ID), two, LEN(two));
	buf_init_fixed(&got, value, sizeof value);
	CHECK_ERR(mail_authres_begin(buf_view(&out), &got, &r), ERR_OK);
	CHECK_STR(buf_view(&got), S(ID));
	CHECK(mail_authres_next(&r, &one));
	CHECK_STR(one.method, S("spf"));
	buf_reset(&got);
	CHECK(mail_authres_property(&one, S("smtp"), S("mailfrom"), &got));
	CHECK_STR(buf_view(&got), S("a@example.org"));
	CHECK(mail_authres_next(&r, &one));
	CHECK_STR(one.result, S("fail"));
	buf_reset(&got);
	CHECK(mail_authres_property(&one, S("header"), S("from"), &got));
	CHECK_STR(buf_view(&got),
	    S("b\xc3\xbc"
	      "cher.example"));
	CHECK(!mail_authres_property(&one, S("header"), S("d"), &got));
	CHECK(!mail_authres_next(&r, &one));
	CHECK(mail_authres_claims(buf_view(&out), S(ID)));
}

static void
vouching(void)
{
	static const struct {
		const char *name, *payload, *domain;
		bool want;
	} rows[] = {
		{ "spf", ID "; spf=pass smtp.mailfrom=a.test", "a.test", true },
		{ "spf of an address", ID "; spf=pass smtp.mailfrom=x@A.test", "a.test", true },
		{ "spf of another", ID "; spf=pass smtp.mailfrom=b.test", "a.test", false },
		{ "spf of one above", ID "; spf=pass smtp.mailfrom=a.test", "x.a.test", false },
		{ "spf of HELO", ID "; spf=pass smtp.helo=a.test", "a.test", false },
		{ "spf failed", ID "; spf=fail smtp.mailfrom=a.test", "a.test", false },
		{ "dkim", ID "; dkim=pass header.d=a.test header.s=x", "a.test", true },
		{ "dkim of one above", ID "; dkim=pass header.d=a.test", "x.a.test", true },
		{ "dkim of one below", ID "; dkim=pass header.d=x.a.test", "a.test", false },
		{ "dkim of a top level", ID "; dkim=pass header.d=test", "a.test", false },
		{ "dkim of a like name", ID "; dkim=pass header.d=a.test", "ba.test", false },
		{ "the second", ID "; dkim=fail header.d=a.test; dkim=pass header.d=a.test",
		    "a.test", true },
		{ "dmarc says nothing of it", ID "; dmarc=pass header.from=a.test", "a.test",
		    false },
		{ "nothing", ID "; none", "a.test", false },
		{ "no domain", ID "; spf=pass smtp.mailfrom=a.test", "", false },
		{ "broken", "; spf=pass smtp.mailfrom=a.test", "a.test", false },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		CHECK(mail_authres_vouches(str_from(rows[i].payload), str_from(rows[i].domain)) ==
		    rows[i].want);
	}
	test_case = NULL;
	CHECK_U64(mail_authres_of(S(ID "; spf=fail; ARC=pass (i=1)"), S("arc")), MAIL_AUTHRES_PASS);
	CHECK_U64(mail_authres_of(S(ID "; spf=fail"), S("arc")), MAIL_AUTHRES_NONE);
}

static void
our_own(void)
{
	str payload;
	CHECK(mail_authres_own(S("Received: x\r\nAuthentication-Results: other.test; spf=pass\r\n"
				 "authentication-results:\r\n\t" ID ";\r\n\tspf=fail\r\n"
				 "Authentication-Results: " ID "; spf=pass\r\n\r\n"),
	    S(ID), &payload));
	CHECK_STR(payload, S(ID ";\r\n\tspf=fail"));
	CHECK(!mail_authres_own(S("From: x\r\n\r\nAuthentication-Results: " ID "; none\r\n"), S(ID),
	    &payload));
	CHECK_STR(payload, S(""));
}

TEST_MAIN(vouching, our_own, words, written, values_are_quoted_where_they_must, lines_are_folded,
    too_small_a_buffer, claims, claims_in_other_labels, many_words_in_other_labels, forged_fields,
    read_back, what_is_written_is_read)
