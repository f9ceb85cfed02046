/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees of small messages written as one line ("type body-length ( children )"), IMAP section
 * numbers, and hostile sizes.
 */
#include "base/buf.h"
#include "base/test.h"
#include "mail/mime.h"

#define MP(b) "Content-Type: multipart/mixed; boundary=" b "\r\n\r\n"
#define RFC822 "Content-Type: message/rfc822\r\n\r\n"

/* The tree in preorder; walks by links, without recursion. */
static void
draw(struct buf *b, const struct mail_mime *m)
{
	int32_t at = 0;
	while (at != MAIL_MIME_NONE) {
		const struct mail_mime_part *p = &m->parts[at];
		buf_printf(b, "%.*s/%.*s %zu", STR_ARG(p->type), STR_ARG(p->subtype), p->body_n);
		if (p->child != MAIL_MIME_NONE) {
			buf_cstr(b, " ( ");
			at = p->child;
			continue;
		}
		while (at != MAIL_MIME_NONE && m->parts[at].next == MAIL_MIME_NONE) {
			at = m->parts[at].parent;
			buf_cstr(b, at == MAIL_MIME_NONE ? "" : " )");
		}
		at = at == MAIL_MIME_NONE ? at : m->parts[at].next;
		buf_cstr(b, at == MAIL_MIME_NONE ? "" : " ");
	}
}

static void
trees(void)
{
	static const struct {
		const char *name;
		str in;
		str want;
	} rows[] = {
		{ "empty", S_INIT(""), S_INIT("text/plain 0") },
		{ "header only", S_INIT("Subject: x\r\n"), S_INIT("text/plain 0") },
		{ "plain", S_INIT("Subject: x\r\n\r\nhi\r\n"), S_INIT("text/plain 4") },
		{ "bare LF", S_INIT("A: b\n\nhi\n"), S_INIT("text/plain 3") },
		{ "two parts",
		    S_INIT(MP("x") "pre\r\n--x\r\n\r\none\r\n--x\r\nContent-Type: text/html\r\n\r\n"
				   "two\r\n--x--\r\nepi\r\n"),
		    S_INIT("multipart/mixed 66 ( text/plain 3 text/html 3 )") },
		{ "no last boundary", S_INIT(MP("x") "--x\r\n\r\none\r\n"),
		    S_INIT("multipart/mixed 12 ( text/plain 5 )") },
		{ "boundary that never comes", S_INIT(MP("x") "hello\r\n"),
		    S_INIT("multipart/mixed 7") },
		{ "no boundary parameter",
		    S_INIT("Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\n"),
		    S_INIT("multipart/mixed 7") },
		{ "prefix is no boundary",
		    S_INIT(MP("x") "--x\r\n\r\n--xy\r\n--x --\r\n--x  \r\n\r\nb"),
		    S_INIT("multipart/mixed 31 ( text/plain 12 text/plain 1 )") },
		{ "outer boundary ends inner",
		    S_INIT(MP("o") "--o\r\n" MP("i") "--i\r\n\r\na\r\n--o\r\n\r\nb\r\n--o--"),
		    S_INIT(
			"multipart/mixed 75 ( multipart/mixed 8 ( text/plain 1 ) text/plain 1 )") },
		{ "enclosed message", S_INIT(RFC822 "Subject: in\r\n\r\nbody"),
		    S_INIT("message/rfc822 19 ( text/plain 4 )") },
		{ "enclosed message in multipart",
		    S_INIT(MP("x") "--x\r\n" RFC822 "A: b\r\n\r\nbody\r\n--x--"),
		    S_INIT("multipart/mixed 56 ( message/rfc822 12 ( text/plain 4 ) )") },
		{ "digest",
		    S_INIT("Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\n"
			   "A: b\r\n\r\nbody\r\n--x--"),
		    S_INIT("multipart/digest 26 ( message/rfc822 12 ( text/plain 4 ) )") },
		{ "encoded message stays a leaf",
		    S_INIT("Content-Type: message/rfc822\r\n"
			   "Content-Transfer-Encoding: base64\r\n\r\nQQ=="),
		    S_INIT("message/rfc822 4") },
		{ "part without empty line",
		    S_INIT(MP("x") "--x\r\nContent-Type: text/html\r\n--x--"),
		    S_INIT("multipart/mixed 35 ( text/html 0 )") },
		{ "empty part", S_INIT(MP("x") "--x\r\n--x--"),
		    S_INIT("multipart/mixed 10 ( text/plain 0 )") },
		{ "broken type", S_INIT("Content-Type: text\r\n\r\nx"), S_INIT("text/plain 1") },
		{ "epilogue boundary is text",
		    S_INIT(MP("x") "--x\r\n\r\na\r\n--x--\r\n--x\r\n\r\nb"),
		    S_INIT("multipart/mixed 25 ( text/plain 1 )") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
		struct mail_mime m;
		struct buf b;
		buf_init(&b, 4096);
		test_case = rows[i].name;
		CHECK_ERR(mail_mime_parse(rows[i].in, a, &m), ERR_OK);
		draw(&b, &m);
		CHECK_STR(buf_view(&b), rows[i].want);
		buf_done(&b);
		arena_free(&a);
	}
}

/* The example tree of RFC 9051 6.4.5.1, cut down. */
static void
sections(void)
{
	str in = S(MP("a") "--a\r\n\r\none\r\n--a\r\n" RFC822
		MP("b") "--b\r\n\r\ntwo.one\r\n--b\r\n\r\ntwo.two\r\n--b--\r\n"
			"--a\r\n" RFC822 "A: b\r\n\r\nthree\r\n--a--\r\n");
	static const struct {
		uint32_t at[3];
		size_t n;
		str body;
		bool found;
	} rows[] = {
		{ { 1 }, 1, S_INIT("one"), true },
		{ { 2, 1 }, 2, S_INIT("two.one"), true },
		{ { 2, 2 }, 2, S_INIT("two.two"), true },
		{ { 3, 1 }, 2, S_INIT("three"), true },
		{ { 3, 2 }, 2, S_INIT(""), false },
		{ { 1, 1 }, 2, S_INIT(""), false },
		{ { 4 }, 1, S_INIT(""), false },
		{ { 0 }, 1, S_INIT(""), false },
		{ { 2, 1, 1 }, 3, S_INIT(""), false },
	};
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct mail_mime m;
	CHECK_ERR(mail_mime_parse(in, a, &m), ERR_OK);
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct mail_mime_part *p = mail_mime_section(&m, rows[i].at, rows[i].n);
		if (CHECK((p != NULL) == rows[i].found) && p != NULL) {
			CHECK_STR(mail_mime_body(&m, p), rows[i].body);
		}
	}
	arena_free(&a);
}

static void
many_parts(void)
{
	struct buf b;
	buf_init(&b, 16 << 20);
	buf_cstr(&b, MP("x"));
	for (int i = 0; i < 100000; i++) {
		buf_cstr(&b, "--x\r\n\r\na\r\n");
	}
	struct arena *a = arena_new(NULL, "test", 8 << 20, 0);
	struct mail_mime m;
	CHECK_ERR(mail_mime_parse(buf_view(&b), a, &m), ERR_OK);
	CHECK_U64(m.n, MAIL_MIME_PARTS_MAX);
	CHECK(m.cut);
	CHECK(arena_used(a) < 6 << 20);
	arena_free(&a);
	buf_done(&b);
}

static void
deep_parts(void)
{
	struct buf b;
	buf_init(&b, 16 << 20);
	for (int i = 0; i < 10000; i++) {
		buf_printf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i,
		    i);
	}
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct mail_mime m;
	CHECK_ERR(mail_mime_parse(buf_view(&b), a, &m), ERR_OK);
	CHECK(m.n <= MAIL_MIME_DEPTH_MAX + 2);
	CHECK(m.cut);
	buf_reset(&b);
	for (int i = 0; i < 10000; i++) {
		buf_cstr(&b, RFC822);
	}
	arena_reset(a);
	CHECK_ERR(mail_mime_parse(buf_view(&b), a, &m), ERR_OK);
	CHECK(m.n <= MAIL_MIME_DEPTH_MAX + 2 && m.cut);
	arena_free(&a);
	buf_done(&b);
}

static void
small_budget(void)
{
	struct arena *a = arena_new(NULL, "test", 4096, 0);
	struct mail_mime m;
	CHECK_ERR(mail_mime_parse(S("A: b\r\n\r\n"), a, &m), ERR_BUDGET);
	arena_free(&a);
}

/* Lines of texts and messages; those of what lies in them count, of others nobody asks. */
static void
line_counts(void)
{
	static const char message[] =
	    "Content-Type: multipart/mixed; boundary=a\n\n"
	    "pre\n--a\nContent-Type: message/rfc822\n\n"
	    "Content-Type: multipart/mixed; boundary=b\n\none\n--b\n\n1\n2\n--b\n"
	    "Content-Type: image/png\n\n1\n2\n3\n--b--\ntwo\nthree\n"
	    "--a\n\nx\ny\nz\n--a--\nend\n";
	static const uint32_t want[] = { 0, 15, 0, 1, 0, 2 };
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct mail_mime m;
	CHECK_ERR(mail_mime_parse(str_from(message), a, &m), ERR_OK);
	CHECK_U64(m.n, LEN(want));
	for (uint32_t i = 0; i < m.n && i < LEN(want); i++) {
		CHECK_U64(m.parts[i].lines, want[i]);
	}
	arena_free(&a);
}

TEST_MAIN(line_counts, trees, sections, many_parts, deep_parts, small_budget)
