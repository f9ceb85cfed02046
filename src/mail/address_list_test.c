/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address lists: the examples of RFC 5322 appendix A, obsolete forms, and what real mail does.
 * Each list is printed as "kind|name|route|local|domain;" and compared; "-" stands for an
 * absent part.
 */
#include "base/test.h"
#include "mail/address.h"

static void
print_part(struct buf *b, str s)
{
	if (s.p == NULL) {
		buf_ch(b, '-');
	} else {
		buf_str(b, s);
	}
}

static void
print(struct buf *b, const struct mail_address *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_ch(b, "MGE"[v[i].kind]);
		buf_ch(b, '|');
		print_part(b, v[i].name);
		if (v[i].kind == MAIL_ADDRESS_MAILBOX) {
			buf_ch(b, '|');
			print_part(b, v[i].route);
			buf_ch(b, '|');
			print_part(b, v[i].local);
			buf_ch(b, '|');
			print_part(b, v[i].domain);
		}
		buf_ch(b, ';');
	}
}

static const struct {
	const char *name;
	bool strict; /* passes strictly, too */
	str in, want;
} rows[] = {
	{ "A.1.1", true, S_INIT("John Doe <jdoe@machine.example>"),
	    S_INIT("M|John Doe|-|jdoe|machine.example;") },
	{ "A.1.2 quoted", true, S_INIT("\"Joe Q. Public\" <john.q.public@example.com>"),
	    S_INIT("M|Joe Q. Public|-|john.q.public|example.com;") },
	{ "A.1.2 list", true,
	    S_INIT("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
	    S_INIT("M|Mary Smith|-|mary|x.test;M|-|-|jdoe|example.org;M|Who?|-|one|y.test;") },
	{ "A.1.2 escapes", true,
	    S_INIT("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
	    S_INIT("M|-|-|boss|nil.test;M|Giant; \"Big\" Box|-|sysservices|example.net;") },
	{ "A.1.3 group", true,
	    S_INIT("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"),
	    S_INIT("G|A Group;M|Ed Jones|-|c|a.test;M|-|-|joe|where.test;"
		   "M|John|-|jdoe|one.test;E|-;") },
	{ "A.1.3 empty group", true, S_INIT("Undisclosed recipients:;"),
	    S_INIT("G|Undisclosed recipients;E|-;") },
	{ "A.5 comments", true,
	    S_INIT("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
	    S_INIT("M|Pete|-|pete|silly.test;") },
	{ "A.5 group with comments", true,
	    S_INIT(
		"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
		"         joe@example.org,\r\n  John <jdoe@one.test> "
		"(my dear friend); (the end of the group)"),
	    S_INIT("G|A Group;M|Chris Jones|-|c|public.example;M|-|-|joe|example.org;"
		   "M|John|-|jdoe|one.test;E|-;") },
	{ "A.5 empty group with comments", true,
	    S_INIT("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;"),
	    S_INIT("G|Hidden recipients;E|-;") },
	{ "A.6.1 dots in phrase", true, S_INIT("Joe Q. Public <john.q.public@example.com>"),
	    S_INIT("M|Joe Q. Public|-|john.q.public|example.com;") },
	{ "A.6.1 route, empty element", true,
	    S_INIT("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"),
	    S_INIT("M|Mary Smith|@node.test|mary|example.net;M|-|-|jdoe|test.example;") },
	{ "two routes", true, S_INIT("<@a.test, @b.test:c@d>"),
	    S_INIT("M|-|@a.test,@b.test|c|d;") },
	{ "spaces in addr-spec", true, S_INIT("john . q @ x . y"), S_INIT("M|-|-|john.q|x.y;") },
	{ "quoted local", true, S_INIT("\"a@ b\"@x.y"), S_INIT("M|-|-|a@ b|x.y;") },
	{ "literal", true, S_INIT("a@[1.2.3.4]"), S_INIT("M|-|-|a|[1.2.3.4];") },
	{ "comment as name", true, S_INIT("a@b.c (Joe  (the) \\(one)"),
	    S_INIT("M|Joe (the) (one|-|a|b.c;") },
	{ "folded name", true, S_INIT("Joe\r\n Doe\r\n\t<a@b>"), S_INIT("M|Joe Doe|-|a|b;") },
	{ "encoded word stays", true, S_INIT("=?utf-8?Q?J=C3=B6?= <a@b>"),
	    S_INIT("M|=?utf-8?Q?J=C3=B6?=|-|a|b;") },
	{ "UTF-8", true, S_INIT("J\xc3\xb6rg <\xc3\xb6@b\xc3\xbc.de>"),
	    S_INIT("M|J\xc3\xb6rg|-|\xc3\xb6|b\xc3\xbc.de;") },
	{ "leading comma", true, S_INIT(",a@b,,"), S_INIT("M|-|-|a|b;") },
	{ "empty", false, S_INIT(""), S_INIT("") },
	{ "blank", false, S_INIT(" \r\n "), S_INIT("") },
	{ "null", false, S_INIT("<>"), S_INIT("") },
	{ "no at", false, S_INIT("root"), S_INIT("M|-|-|root|;") },
	{ "no at in angles", false, S_INIT("Root <root>"), S_INIT("M|Root|-|root|;") },
	{ "two mailboxes without comma", false, S_INIT("a@b c@d"), S_INIT("M|-|-|a|b;") },
	{ "junk behind", false, S_INIT("<a@b> junk, c@d"), S_INIT("M|-|-|a|b;M|-|-|c|d;") },
	{ "two words before at", false, S_INIT("x a@b"), S_INIT("M|-|-|a|b;") },
	{ "open angle", false, S_INIT("Joe <a@b"), S_INIT("M|Joe|-|a|b;") },
	{ "open quote", false, S_INIT("\"Joe <a@b>"), S_INIT("M|-|-|Joe <a@b>|;") },
	{ "open comment", false, S_INIT("a@b (Joe"), S_INIT("M|Joe|-|a|b;") },
	{ "open literal", false, S_INIT("a@[1.2"), S_INIT("M|-|-|a|[1.2;") },
	{ "open literals", false, S_INIT("a@[[[["), S_INIT("M|-|-|a|[[[[;") },
	{ "open group", false, S_INIT("G: a@b"), S_INIT("G|G;M|-|-|a|b;E|-;") },
	{ "group in group", false, S_INIT("G: H: a@b;"), S_INIT("G|G;M|-|-|a|b;E|-;") },
	{ "stray semicolon", false, S_INIT("a@b; c@d"), S_INIT("M|-|-|a|b;M|-|-|c|d;") },
	{ "stray angle", false, S_INIT("> a@b, c@d"), S_INIT("M|-|-|c|d;") },
	{ "two angles", false, S_INIT("<a@b> <c@d>"), S_INIT("M|-|-|a|b;M|-|-|c|d;") },
	{ "name in angles in name", false, S_INIT("\"x\" <y> <a@b>"),
	    S_INIT("M|x|-|y|;M|-|-|a|b;") },
	{ "name is an address", false, S_INIT("a@b <c@d>, e@f"), S_INIT("M|a@b|-|c|d;M|-|-|e|f;") },
	{ "name is two addresses", false, S_INIT("a@b  or\r\n c@d <e@f>"),
	    S_INIT("M|a@b or c@d|-|e|f;") },
	{ "angle in quotes", false, S_INIT("a@b \"x, <c@d>\", e@f"),
	    S_INIT("M|-|-|a|b;M|-|-|e|f;") },
	{ "angle behind an open quote", false, S_INIT("a@b \"<c@d>"), S_INIT("M|a@b \"|-|c|d;") },
	{ "dots", false, S_INIT("<.a..b.@c..d.>"), S_INIT("M|-|-|.a..b.|c..d.;") },
	{ "NUL", false, S_INIT("a\0b@c"), S_INIT("M|-|-|a\0b|c;") },
	{ "latin1", false, S_INIT("J\xf6rg <a@b>"), S_INIT("M|J\xf6rg|-|a|b;") },
	{ "bare backslash", false, S_INIT("a\\b@c"), S_INIT("M|-|-|a\\b|c;") },
	{ "quote at the end", false, S_INIT("a@b \""), S_INIT("M|-|-|a|b;") },
	{ "only specials", false, S_INIT("@@<><>,;:;,:@"), S_INIT("M|@@|-||;G|;E|-;G|;E|-;") },
};

static void
lists(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
		struct mail_address *v = NULL;
		size_t n = 0;
		struct buf b;
		buf_init(&b, 10000);
		test_case = rows[i].name;
		CHECK_ERR(mail_addresses_parse(a, rows[i].in, 0, &v, &n), ERR_OK);
		print(&b, v, n);
		CHECK_STR(buf_view(&b), rows[i].want);
		enum err e = mail_addresses_parse(a, rows[i].in, MAIL_ADDRESSES_STRICT, &v, &n);
		CHECK_ERR(e, rows[i].strict ? ERR_OK : ERR_SYNTAX);
		if (e == ERR_OK) {
			buf_reset(&b);
			print(&b, v, n);
			CHECK_STR(buf_view(&b), rows[i].want);
		}
		buf_done(&b);
		arena_free(&a);
	}
}

/* Groups stay balanced and nothing overruns, whatever the list is cut down to. */
static void
every_prefix(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		for (size_t cut = 0; cut <= rows[i].in.n; cut++) {
			struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
			struct mail_address *v = NULL;
			size_t n = 0;
			int open = 0;
			CHECK_ERR(mail_addresses_parse(a, str_sub(rows[i].in, 0, cut), 0, &v, &n),
			    ERR_OK);
			for (size_t k = 0; k < n; k++) {
				open += v[k].kind == MAIL_ADDRESS_GROUP;
				open -= v[k].kind == MAIL_ADDRESS_GROUP_END;
				CHECK(open == 0 || open == 1);
			}
			CHECK(open == 0);
			arena_free(&a);
		}
	}
}

static void
repeat(struct buf *b, str s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_str(b, s);
	}
}

static void
limits(void)
{
	struct buf b;
	struct mail_address *v = NULL;
	size_t n = 0;
	buf_init(&b, 1 << 20);
	struct arena *a = arena_new(NULL, "test", 8 << 20, 0);
	buf_cstr(&b, "g:");
	repeat(&b, S("a@b,"), MAIL_ADDRESSES_MAX + 5);
	CHECK_ERR(mail_addresses_parse(a, buf_view(&b), MAIL_ADDRESSES_STRICT, &v, &n),
	    ERR_TOOMANY);
	CHECK_ERR(mail_addresses_parse(a, buf_view(&b), 0, &v, &n), ERR_OK);
	CHECK_U64(n, MAIL_ADDRESSES_MAX);
	CHECK(v[n - 1].kind == MAIL_ADDRESS_GROUP_END);
	CHECK_ERR(mail_addresses_parse(a, STR_NONE, 0, &v, &n), ERR_OK);
	CHECK_U64(n, 0);
	buf_reset(&b);
	repeat(&b, S("("), 100000);
	buf_cstr(&b, "a@b");
	CHECK_ERR(mail_addresses_parse(a, buf_view(&b), MAIL_ADDRESSES_STRICT, &v, &n), ERR_SYNTAX);
	struct arena *tiny = arena_new(NULL, "tiny", 40, 0);
	CHECK_ERR(mail_addresses_parse(tiny, S("aaaaaaaaaaaa@bbbbbbbbbbbbbbbb"), 0, &v, &n),
	    ERR_BUDGET);
	arena_free(&tiny);
	arena_free(&a);
	buf_done(&b);
}

TEST_MAIN(lists, every_prefix, limits)
