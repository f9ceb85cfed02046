/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Previews of messages of every kind.
 */
#include "mail/preview.h"

#include "base/codec.h"
#include "base/test.h"
#include "mail/mime.h"

#define ALT(plain, html)                                                           \
	"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n" plain \
	"\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" html "\r\n--b--\r\n"

static const struct {
	const char *name, *message, *want;
} cases[] = {
	{ "plain", "Subject: x\r\n\r\nHello  you,\r\n\r\n\thow are\r\nyou?\r\n",
	    "Hello you, how are you?" },
	{ "nothing", "Subject: x\r\n\r\n", "" },
	{ "blanks", "Subject: x\r\n\r\n \r\n\t\r\n", "" },
	{ "quoted lines", "\r\n> old\r\n>> older\r\nnew\r\n> old\r\nand more\r\n", "new and more" },
	{ "quoted lines alone", "\r\n> old\r\n", "> old" },
	{ "a signature", "\r\nHi\r\n-- \r\nBob\r\n", "Hi" },
	{ "quoted-printable",
	    "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: "
	    "quoted-printable\r\n\r\nGr=FC=\r\n=DFe\r\n",
	    "Gr\303\274\303\237e" },
	{ "base64",
	    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64"
	    "\r\n\r\nR3LDvMOfZQ==\r\n",
	    "Gr\303\274\303\237e" },
	{ "html",
	    "Content-Type: text/html; charset=utf-8\r\n\r\n<html><head><style>p {}</style><title>t"
	    "</title></head><body><p>One &amp; two</p><p>three</p></body></html>\r\n",
	    NULL },
	{ "plain before html", ALT("the plain", "<p>the html</p>"), "the plain" },
	{ "html when plain is empty", ALT(" ", "<p>the html</p>"), "the html" },
	{ "padding", ALT("", "<p>Sale\342\200\214\302\240\315\217&#847;&zwnj;&nbsp;now</p>"),
	    "Sale now" },
	{ "an attachment is no text",
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n"
	    "Content-Disposition: attachment; filename=x\r\n\r\nno\r\n--b\r\n\r\nyes\r\n--b--\r\n",
	    "yes" },
	{ "an image",
	    "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBO\r\n", "" },
	{ "encrypted",
	    "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\nContent-Type: "
	    "application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: "
	    "application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--b--\r\n",
	    "" },
	{ "encrypted inline", "\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM\r\n", "" },
	{ "a message in a message",
	    "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninner\r\n", "inner" },
	{ "an unknown charset", "Content-Type: text/plain; charset=x-none\r\n\r\nabc\r\n", "abc" },
	{ "octets of another charset", "Content-Type: text/plain; charset=utf-8\r\n\r\na\xff z\r\n",
	    "a\303\277 z" },
};

static str
preview(str message, struct arena *a, struct buf *out)
{
	struct mail_mime m;
	CHECK_ERR(mail_mime_parse(message, a, &m), ERR_OK);
	CHECK_ERR(mail_preview(&m, out), ERR_OK);
	CHECK(out->n <= MAIL_PREVIEW_OCTETS);
	CHECK(utf8_valid(buf_view(out)));
	return buf_view(out);
}

static void
kinds(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
		struct buf out;
		test_case = cases[i].name;
		buf_init(&out, 4096);
		str got = preview(str_from(cases[i].message), a, &out);
		if (cases[i].want != NULL) {
			CHECK_STR(got, str_from(cases[i].want));
		} else {
			CHECK(str_ends(got, S("One & two three")));
		}
		buf_done(&out);
		arena_free(&a);
	}
}

/* 200 characters, whatever they take; long lines and many lines. */
static void
length(void)
{
	static const char *const units[] = { "a", "\303\274", "\xe6\x97\xa5", "\xf0\x9f\x98\x80",
		"a\r\n", "\xf0\x9f\x98\x80\r\n" };
	for (size_t i = 0; i < LEN(units); i++) {
		struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
		struct buf out, message;
		buf_init(&out, 4096);
		buf_init(&message, 1 << 20);
		buf_cstr(&message, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
		while (message.n < 100000) {
			buf_cstr(&message, units[i]);
		}
		str got = preview(buf_view(&message), a, &out);
		size_t n = 0;
		while (got.n > 0) {
			CHECK(utf8_next(&got) != UINT32_MAX);
			n++;
		}
		CHECK(n >= MAIL_PREVIEW_CHARS - 1 && n <= MAIL_PREVIEW_CHARS);
		buf_done(&message);
		buf_done(&out);
		arena_free(&a);
	}
}

TEST_MAIN(kinds, length)
