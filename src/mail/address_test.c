/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of RFC 5321 4.1.2 and appendix C, RFC 6531 3.3, and the canonical form.
 */
#include "base/test.h"
#include "mail/address.h"

enum { U = MAIL_PATH_UTF8, N = MAIL_PATH_NULL, P = MAIL_PATH_POSTMASTER };

static const char label63[] = "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc";

static void
paths(void)
{
	static const struct {
		const char *name;
		str in;
		unsigned flags;
		enum err err;
		str local, domain;
		size_t used;
	} rows[] = {
		{ "plain", S_INIT("<Smith@bar.com>"), 0, ERR_OK, S_INIT("Smith"), S_INIT("bar.com"),
		    15 },
		{ "with what follows", S_INIT("<a@b.c> SIZE=5"), 0, ERR_OK, S_INIT("a"),
		    S_INIT("b.c"), 7 },
		{ "null", S_INIT("<>"), N, ERR_OK, S_INIT(""), S_INIT(""), 2 },
		{ "null not allowed", S_INIT("<>"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "source route", S_INIT("<@hosta.int,@jkl.org:userc@d.bar.org>"), 0, ERR_OK,
		    S_INIT("userc"), S_INIT("d.bar.org"), 37 },
		{ "source route without mailbox", S_INIT("<@hosta.int>"), 0, ERR_SYNTAX, S_INIT(""),
		    S_INIT(""), 0 },
		{ "source route without domain", S_INIT("<@:a@b>"), 0, ERR_SYNTAX, S_INIT(""),
		    S_INIT(""), 0 },
		{ "quoted", S_INIT("<\"Joe \\\"Q\\\" \\\\ <x>@y\"@b.c>"), 0, ERR_OK,
		    S_INIT("Joe \"Q\" \\ <x>@y"), S_INIT("b.c"), 26 },
		{ "quoted without need", S_INIT("<\"Joe\"@b.c>"), 0, ERR_OK, S_INIT("Joe"),
		    S_INIT("b.c"), 11 },
		{ "empty quoted", S_INIT("<\"\"@b.c>"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "open quote", S_INIT("<\"a@b.c>"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "control in quotes", S_INIT("<\"a\tb\"@b.c>"), 0, ERR_SYNTAX, S_INIT(""),
		    S_INIT(""), 0 },
		{ "postmaster", S_INIT("<PostMaster>"), P, ERR_OK, S_INIT("PostMaster"), S_INIT(""),
		    12 },
		{ "postmaster not allowed", S_INIT("<Postmaster>"), 0, ERR_SYNTAX, S_INIT(""),
		    S_INIT(""), 0 },
		{ "no domain", S_INIT("<root>"), P, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "empty domain", S_INIT("<root@>"), P, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "no angle", S_INIT("a@b.c"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "space inside", S_INIT("< a@b.c>"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "not closed", S_INIT("<a@b.c"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "two at", S_INIT("<a@b@c>"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "NUL", S_INIT("<a\0b@c>"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "dots of some providers", S_INIT("<a..b.@c>"), 0, ERR_OK, S_INIT("a..b."),
		    S_INIT("c"), 9 },
		{ "hyphen at the edge", S_INIT("<a@-b.c>"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""),
		    0 },
		{ "empty label", S_INIT("<a@b..c>"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "underscore", S_INIT("<a@_b.c>"), 0, ERR_OK, S_INIT("a"), S_INIT("_b.c"), 8 },
		{ "IPv4 literal", S_INIT("<a@[123.255.37.2]>"), 0, ERR_OK, S_INIT("a"),
		    S_INIT("[123.255.37.2]"), 18 },
		{ "IPv6 literal", S_INIT("<a@[IPv6:2001:db8::1]>"), 0, ERR_OK, S_INIT("a"),
		    S_INIT("[IPv6:2001:db8::1]"), 22 },
		{ "bad IPv4 literal", S_INIT("<a@[1.2.3.256]>"), 0, ERR_SYNTAX, S_INIT(""),
		    S_INIT(""), 0 },
		{ "IPv6 without tag", S_INIT("<a@[2001:db8::1]>"), 0, ERR_SYNTAX, S_INIT(""),
		    S_INIT(""), 0 },
		{ "open literal", S_INIT("<a@[1.2.3.4>"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""),
		    0 },
		{ "empty literal", S_INIT("<a@[]>"), 0, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
		{ "UTF-8",
		    S_INIT("<\xce\xb4\xce\xbf\xce\xba@b\xc3\xbc"
			   "cher.de>"),
		    U, ERR_OK, S_INIT("\xce\xb4\xce\xbf\xce\xba"),
		    S_INIT("b\xc3\xbc"
			   "cher.de"),
		    19 },
		{ "UTF-8 not asked for", S_INIT("<\xce\xb4@b.c>"), 0, ERR_CHARSET, S_INIT(""),
		    S_INIT(""), 0 },
		{ "UTF-8 domain not asked for", S_INIT("<a@b\xc3\xbc.de>"), 0, ERR_CHARSET,
		    S_INIT(""), S_INIT(""), 0 },
		{ "not UTF-8", S_INIT("<\xff@b.c>"), U, ERR_CHARSET, S_INIT(""), S_INIT(""), 0 },
		{ "empty", S_INIT(""), N, ERR_SYNTAX, S_INIT(""), S_INIT(""), 0 },
	};
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	for (size_t i = 0; i < LEN(rows); i++) {
		struct mail_path path = { .local = S(""), .domain = S("") };
		size_t used = 0;
		test_case = rows[i].name;
		CHECK_ERR(mail_path_parse(a, rows[i].in, rows[i].flags, &path, &used), rows[i].err);
		CHECK_STR(path.local, rows[i].local);
		CHECK_STR(path.domain, rows[i].domain);
		CHECK_U64(used, rows[i].used);
		CHECK(path.literal ==
		    (rows[i].err == ERR_OK && path.domain.n > 0 && path.domain.p[0] == '['));
	}
	arena_free(&a);
}

static enum err
parse_sized(size_t local, size_t domain, size_t route)
{
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct buf b;
	buf_init(&b, 4096);
	buf_ch(&b, '<');
	for (size_t i = 0; i < route; i++) {
		buf_cstr(&b, i == 0 ? "@r" : ",@r");
	}
	buf_cstr(&b, route > 0 ? ":" : "");
	for (size_t i = 0; i < local; i++) {
		buf_ch(&b, 'l');
	}
	buf_ch(&b, '@');
	for (size_t i = 0; i < domain; i++) {
		buf_ch(&b, i % 64 == 63 ? '.' : 'd');
	}
	buf_ch(&b, '>');
	struct mail_path path;
	size_t used;
	enum err e = mail_path_parse(a, buf_view(&b), 0, &path, &used);
	buf_done(&b);
	arena_free(&a);
	return e;
}

static void
sizes(void)
{
	CHECK_ERR(parse_sized(64, 255, 0), ERR_OK);
	CHECK_ERR(parse_sized(MAIL_LOCAL_MAX, 255, 0), ERR_OK);
	CHECK_ERR(parse_sized(MAIL_LOCAL_MAX + 1, 10, 0), ERR_TOOBIG);
	CHECK_ERR(parse_sized(1, 257, 0), ERR_TOOBIG);
	CHECK_ERR(parse_sized(10, 10, 100), ERR_OK);
	CHECK(parse_sized(10, 10, 400) != ERR_OK);
	struct arena *tiny = arena_new(NULL, "tiny", 8, 0);
	struct mail_path path;
	size_t used;
	CHECK_ERR(mail_path_parse(tiny, S("<abc@example.org>"), 0, &path, &used), ERR_BUDGET);
	arena_free(&tiny);
}

static void
canonical(void)
{
	static const struct {
		str in;
		enum err err;
		str want;
	} rows[] = {
		{ S_INIT("User@Example.ORG"), ERR_OK, S_INIT("user@example.org") },
		{ S_INIT("\"User\"@Example.ORG."), ERR_OK, S_INIT("user@example.org") },
		{ S_INIT("\"A b\"@x.y"), ERR_OK, S_INIT("\"a b\"@x.y") },
		{ S_INIT("\"a\\\"\\b@\"@x.y"), ERR_OK, S_INIT("\"a\\\"b@\"@x.y") },
		{ S_INIT("a..b@x.y"), ERR_OK, S_INIT("\"a..b\"@x.y") },
		{ S_INIT("\"a..b\"@x.y"), ERR_OK, S_INIT("\"a..b\"@x.y") },
		{ S_INIT("x@B\xc3\x9c"
			 "CHER.example"),
		    ERR_OK, S_INIT("x@xn--bcher-kva.example") },
		{ S_INIT("x@XN--Bcher-kva.example"), ERR_OK, S_INIT("x@xn--bcher-kva.example") },
		{ S_INIT("x@stra\xc3\x9f"
			 "e.de"),
		    ERR_OK, S_INIT("x@xn--strae-oqa.de") },
		{ S_INIT("\xc3\x9c"
			 "B@x.y"),
		    ERR_OK,
		    S_INIT("\xc3\x9c"
			   "b@x.y") },
		{ S_INIT("x@[IPV6:2001:DB8::1]"), ERR_OK, S_INIT("x@[ipv6:2001:db8::1]") },
		{ S_INIT("PostMaster"), ERR_OK, S_INIT("postmaster") },
		{ S_INIT("x"), ERR_SYNTAX, S_INIT("") },
		{ S_INIT("<a@b>"), ERR_SYNTAX, S_INIT("") },
		{ S_INIT("a@b c"), ERR_SYNTAX, S_INIT("") },
		{ S_INIT("a@b\xff"), ERR_CHARSET, S_INIT("") },
		{ S_INIT(""), ERR_SYNTAX, S_INIT("") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		char room[MAIL_CANONICAL_MAX];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		test_case = rows[i].in.p;
		CHECK_ERR(mail_address_canonical(&b, rows[i].in), rows[i].err);
		CHECK_STR(buf_view(&b), rows[i].want);
		if (rows[i].err == ERR_OK && rows[i].in.n > 10) {
			/* Canonical stays canonical. */
			char again[MAIL_CANONICAL_MAX];
			struct buf c;
			buf_init_fixed(&c, again, sizeof again);
			CHECK_ERR(mail_address_canonical(&c, buf_view(&b)), ERR_OK);
			CHECK_STR(buf_view(&c), buf_view(&b));
		}
	}
}

static void
domains(void)
{
	static const struct {
		str in;
		enum err err;
	} rows[] = {
		{ S_INIT("example.org"), ERR_OK },
		{ S_INIT("org"), ERR_OK },
		{ S_INIT("a.b.c."), ERR_OK },
		{ S_INIT(""), ERR_SYNTAX },
		{ S_INIT("."), ERR_SYNTAX },
		{ S_INIT(".a"), ERR_SYNTAX },
		{ S_INIT("a.."), ERR_SYNTAX },
		{ S_INIT("a b"), ERR_SYNTAX },
		{ S_INIT("a/b"), ERR_SYNTAX },
		{ S_INIT("a-.b"), ERR_SYNTAX },
		{ S_INIT("[1.2.3.4]"), ERR_OK },
		{ S_INIT("["), ERR_SYNTAX },
		{ S_INIT("[1.2.3.4"), ERR_SYNTAX },
		{ S_INIT("\xef\xbf\xbd.de"), ERR_CHARSET },
		{ S_INIT("a\0\xc3\xbc"), ERR_CHARSET },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		char room[300];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		buf_cstr(&b, "keep ");
		test_case = rows[i].in.p;
		CHECK_ERR(mail_domain_put(&b, rows[i].in), rows[i].err);
		CHECK(str_starts(buf_view(&b), S("keep ")) && (rows[i].err == ERR_OK || b.n == 5));
	}
	char room[80];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	CHECK_ERR(mail_domain_put(&b, str_make(label63, 63)), ERR_OK);
	buf_reset(&b);
	char label64[64];
	memset(label64, 'a', sizeof label64);
	CHECK_ERR(mail_domain_put(&b, str_make(label64, 64)), ERR_SYNTAX);
	mail_domain_put_unicode(&b, S("xn--bcher-kva.example"));
	CHECK_STR(buf_view(&b),
	    S("b\xc3\xbc"
	      "cher.example"));
	buf_reset(&b);
	mail_domain_put_unicode(&b, S("xn--\x01"));
	CHECK_STR(buf_view(&b), S("xn--\x01"));
}

static void
literals(void)
{
	static const struct {
		const char *in;
		bool valid;
	} rows[] = {
		{ "[IPv6:1:2:3:4:5:6:7:8]", true },
		{ "[IPv6:::]", true },
		{ "[IPv6:::1]", true },
		{ "[IPv6:1::]", true },
		{ "[IPv6:1:2:3:4:5:6:7::]", true },
		{ "[IPv6:::ffff:192.0.2.1]", true },
		{ "[IPv6:1:2:3:4:5:6:192.0.2.1]", true },
		{ "[IPv6:1:2:3:4:5:6:7]", false },
		{ "[IPv6:1:2:3:4:5:6:7:8:9]", false },
		{ "[IPv6:1:2:3:4:5:6:7:8::]", false },
		{ "[IPv6:1::2::3]", false },
		{ "[IPv6:1:::2]", false },
		{ "[IPv6:1:2:3:4:5:6:7:]", false },
		{ "[IPv6::1:2:3:4:5:6:7]", false },
		{ "[IPv6:12345::]", false },
		{ "[IPv6:g::]", false },
		{ "[IPv6:192.0.2.1::]", false },
		{ "[IPv6:]", false },
		{ "[0.0.0.0]", true },
		{ "[1.2.3]", false },
		{ "[1.2.3.4.5]", false },
		{ "[1.2.3.]", false },
		{ "[1.2.3.0004]", false },
		{ "[x-tag:abc]", false },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		char room[64];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		test_case = rows[i].in;
		CHECK_ERR(mail_domain_put(&b, str_from(rows[i].in)),
		    rows[i].valid ? ERR_OK : ERR_SYNTAX);
	}
}

static void
splitting(void)
{
	str a, b;
	mail_address_split(S("\"x@y\"@z"), &a, &b);
	CHECK_STR(a, S("\"x@y\""));
	CHECK_STR(b, S("z"));
	mail_address_split(S("postmaster"), &a, &b);
	CHECK_STR(a, S("postmaster"));
	CHECK_STR(b, S(""));
	static const struct {
		str local, delimiter, user, detail;
		bool want;
	} rows[] = {
		{ S_INIT("u+list"), S_INIT("+"), S_INIT("u"), S_INIT("list"), true },
		{ S_INIT("u+a+b"), S_INIT("+"), S_INIT("u"), S_INIT("a+b"), true },
		{ S_INIT("u+"), S_INIT("+"), S_INIT("u"), S_INIT(""), true },
		{ S_INIT("+u"), S_INIT("+"), S_INIT("+u"), S_INIT(""), false },
		{ S_INIT("u"), S_INIT("+"), S_INIT("u"), S_INIT(""), false },
		{ S_INIT("u+a"), S_INIT(""), S_INIT("u+a"), S_INIT(""), false },
		{ S_INIT("u--a"), S_INIT("--"), S_INIT("u"), S_INIT("a"), true },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		CHECK(mail_detail_split(rows[i].local, rows[i].delimiter, &a, &b) == rows[i].want);
		CHECK_STR(a, rows[i].user);
		CHECK_STR(b, rows[i].detail);
	}
}

TEST_MAIN(paths, sizes, canonical, domains, literals, splitting)
