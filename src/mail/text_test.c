/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a message is searched, and in which column; that what the folding equates is equal.
 */
#include "base/mem.h"
#include "base/test.h"
#include "mail/text.h"

static void
check_columns(str message, str main, str fields, str body)
{
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct mail_text t;
	mail_text_init(&t);
	CHECK_ERR(mail_text_read(&t, message, a), ERR_OK);
	CHECK_STR(buf_view(&t.column[MAIL_TEXT_MAIN]), main);
	CHECK_STR(buf_view(&t.column[MAIL_TEXT_FIELDS]), fields);
	CHECK_STR(buf_view(&t.column[MAIL_TEXT_BODY]), body);
	mail_text_done(&t);
	arena_free(&a);
}

static void
reads(void)
{
	static const struct {
		str name, in, main, fields, body;
	} rows[] = {
		{ S_INIT("nothing"), S_INIT(""), S_INIT(""), S_INIT(""), S_INIT("\n") },
		{ S_INIT("fields and text"),
		    S_INIT("Subject: H\xc3\xa9llo\r\n  World\r\nX-A: B\r\n\r\nIt is\r\na text\r\n"),
		    S_INIT("subject: hello world\n"), S_INIT("x-a: b\n"),
		    S_INIT("it is a text \n") },
		{ S_INIT("encoded words"), S_INIT("From: =?iso-8859-1?q?J=FCrgen?= <j@x>\r\n\r\n"),
		    S_INIT("from: jurgen <j@x>\n"), S_INIT(""), S_INIT("\n") },
		{ S_INIT("no field"), S_INIT("no colon\r\n: no name\r\n\r\n"), S_INIT(""),
		    S_INIT("\1no colon\n\1: no name\n"), S_INIT("\n") },
		{ S_INIT("base64 and charset"),
		    S_INIT("Content-Type: text/plain; charset=koi8-r\r\n"
			   "Content-Transfer-Encoding: base64\r\n\r\n8NLJ\r\n"),
		    S_INIT(""),
		    S_INIT("content-type: text/plain; charset=koi8-r\n"
			   "content-transfer-encoding: base64\n"),
		    S_INIT("\xd0\xbf\xd1\x80\xd0\xb8\n") },
		{ S_INIT("html"),
		    S_INIT(
			"Content-Type: text/html\r\n\r\n<p>f<b>o</b>o&nbsp;\nb<script>n</script>"),
		    S_INIT(""), S_INIT("content-type: text/html\n"), S_INIT(" foo b \n") },
		{ S_INIT("parts and their headers"),
		    S_INIT(
			"Content-Type: multipart/mixed; boundary=b\r\n\r\n0\r\n--b\r\n\r\nOne\r\n"
			"--b\r\nContent-Type: image/png; name*=utf-8''f%C3%BC.png\r\n\r\nTwo\r\n"
			"--b--\r\nafter\r\n"),
		    S_INIT(""),
		    S_INIT("content-type: multipart/mixed; boundary=b\n"
			   "\1content-type: image/png; name*=utf-8''f%c3%bc.png\n"
			   "\1fu.png\n"),
		    S_INIT("one\n") },
		{ S_INIT("enclosed message"),
		    S_INIT("Content-Type: message/rfc822\r\n\r\nSubject: In\r\n\r\nInner\r\n"),
		    S_INIT(""), S_INIT("content-type: message/rfc822\n"),
		    S_INIT("subject: in\ninner \n") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name.p;
		check_columns(rows[i].in, rows[i].main, rows[i].fields, rows[i].body);
	}
	test_case = NULL;
}

static void
folds(void)
{
	static const struct {
		str a, b;
	} rows[] = {
		{ S_INIT("A  B\r\n\tC"), S_INIT("a b c") },
		{ S_INIT("Stra\xc3\x9f"
			 "e"),
		    S_INIT("STRASSE") },
		{ S_INIT("\xc3\x89t\xc3\xa9"), S_INIT("ete") },
		{ S_INIT("e\xcc\x81"), S_INIT("e") },
		{ S_INIT("soft\xc2\xadly, zero\xe2\x80\x8bwidth"), S_INIT("softly, zerowidth") },
		{ S_INIT("no\xc2\xa0"
			 "break"),
		    S_INIT("no break") },
		{ S_INIT("\xef\xbc\xa1"), S_INIT("a") },
		{ S_INIT("\xce\xa3\xcf\x82"), S_INIT("\xcf\x83\xcf\x83") },
	};
	struct buf a, b;
	buf_init(&a, 100);
	buf_init(&b, 100);
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_reset(&a);
		buf_reset(&b);
		mail_text_fold(&a, rows[i].a);
		mail_text_fold(&b, rows[i].b);
		CHECK_STR(buf_view(&a), buf_view(&b));
	}
	buf_done(&a);
	buf_done(&b);
}

/* Running out of memory at any place is told, never taken for a short text. */
static void
without_memory(void)
{
	str in = S("Subject: a\r\nContent-Type: text/html; charset=koi8-r\r\n"
		   "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>=D0&amp;</p>\r\n");
	unsigned failed = 0;
	for (unsigned n = 1; n < 40; n++) {
		struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
		struct mail_text t;
		CHECK(a != NULL);
		mail_text_init(&t);
		mem_fail_after(n);
		enum err e = mail_text_read(&t, in, a);
		mem_fail_after(0);
		failed += e != ERR_OK;
		CHECK(e == ERR_OK || e == ERR_NOMEM || e == ERR_BUDGET);
		CHECK(e != ERR_OK || str_ends(buf_view(&t.column[MAIL_TEXT_BODY]), S("& \n")));
		mail_text_done(&t);
		arena_free(&a);
	}
	CHECK(failed > 3);
}

TEST_MAIN(reads, folds, without_memory)
