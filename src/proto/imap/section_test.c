/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message with everything in it, and every kind of section taken from it.
 */
#include "proto/imap/section.h"

#include "base/test.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "proto/imap/command.h"

#define HEAD                                            \
	"Subject: top\r\nTo: x@y\r\nsubject: again\r\n" \
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define INNER_HEAD "Subject: inner\r\nX: 1\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
#define INNER_BODY "--c\r\n\r\ndeep\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>\r\n--c--"
#define BODY                                                                       \
	"preamble\r\n--b\r\nContent-Type: text/plain\r\n\r\nfirst\r\n--b\r\n"      \
	"Content-Type: message/rfc822\r\n\r\n" INNER_HEAD INNER_BODY "\r\n--b\r\n" \
	"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8A\r\nAA==\r\n--b\r\n"     \
	"Content-Transfer-Encoding: quoted-printable\r\n\r\na=20=\r\nb\r\n--b\r\n" \
	"Content-Transfer-Encoding: x-odd\r\n\r\nodd\r\n--b--\r\n"

static const struct {
	const char *item;
	enum err err;
	str want;
} cases[] = {
	{ "BODY[]", ERR_OK, S_INIT(HEAD BODY) },
	{ "RFC822", ERR_OK, S_INIT(HEAD BODY) },
	{ "BODY[HEADER]", ERR_OK, S_INIT(HEAD) },
	{ "RFC822.HEADER", ERR_OK, S_INIT(HEAD) },
	{ "BODY[TEXT]", ERR_OK, S_INIT(BODY) },
	{ "RFC822.TEXT", ERR_OK, S_INIT(BODY) },
	{ "BODY[HEADER.FIELDS (SUBJECT)]", ERR_OK,
	    S_INIT("Subject: top\r\nsubject: again\r\n\r\n") },
	{ "BODY[HEADER.FIELDS (nope)]", ERR_OK, S_INIT("\r\n") },
	{ "BODY[HEADER.FIELDS.NOT (subject Content-Type)]", ERR_OK, S_INIT("To: x@y\r\n\r\n") },
	{ "BODY[1]", ERR_OK, S_INIT("first") },
	{ "BODY[1.MIME]", ERR_OK, S_INIT("Content-Type: text/plain\r\n\r\n") },
	{ "BODY[1.HEADER]", ERR_NOTFOUND, { 0 } },
	{ "BODY[1.TEXT]", ERR_NOTFOUND, { 0 } },
	{ "BODY[1.1]", ERR_NOTFOUND, { 0 } },
	{ "BODY[2]", ERR_OK, S_INIT(INNER_HEAD INNER_BODY) },
	{ "BODY[2.MIME]", ERR_OK, S_INIT("Content-Type: message/rfc822\r\n\r\n") },
	{ "BODY[2.HEADER]", ERR_OK, S_INIT(INNER_HEAD) },
	{ "BODY[2.TEXT]", ERR_OK, S_INIT(INNER_BODY) },
	{ "BODY[2.HEADER.FIELDS (x)]", ERR_OK, S_INIT("X: 1\r\n\r\n") },
	{ "BODY[2.1]", ERR_OK, S_INIT("deep") },
	{ "BODY[2.2]", ERR_OK, S_INIT("<p>") },
	{ "BODY[2.2.MIME]", ERR_OK, S_INIT("Content-Type: text/html\r\n\r\n") },
	{ "BODY[2.3]", ERR_NOTFOUND, { 0 } },
	{ "BODY[6]", ERR_NOTFOUND, { 0 } },
	{ "BODY[4294967295]", ERR_NOTFOUND, { 0 } },
	{ "BODY[3]", ERR_OK, S_INIT("SGVsbG8A\r\nAA==") },
	{ "BINARY[3]", ERR_OK, S_INIT("Hello\0\0") },
	{ "BINARY[4]", ERR_OK, S_INIT("a b") },
	{ "BINARY[5]", ERR_UNSUPPORTED, { 0 } },
	{ "BINARY.SIZE[3]", ERR_OK, S_INIT("Hello\0\0") },
	{ "BINARY[1]", ERR_OK, S_INIT("first") },
	{ "BINARY[2]", ERR_OK, S_INIT(INNER_HEAD INNER_BODY) },
	{ "BINARY[]", ERR_OK, S_INIT(HEAD BODY) },
	{ "BODY[]<0.8>", ERR_OK, S_INIT("Subject:") },
	{ "BODY[1]<2.100>", ERR_OK, S_INIT("rst") },
	{ "BODY[1]<5.1>", ERR_OK, S_INIT("") },
	{ "BODY[1]<999999999999.1>", ERR_OK, S_INIT("") },
	{ "BODY[1]<1.9223372036854775807>", ERR_OK, S_INIT("irst") },
};

static void
one(size_t i, const struct imap_source *src)
{
	struct arena *a = arena_new(NULL, "command", IMAP_COMMAND_BUDGET, 0);
	char line[200];
	int n = snprintf(line, sizeof line, "a FETCH 1 %s", cases[i].item);
	struct imap_command cmd;
	CHECK_ERR(imap_command_parse(a, (str){ line, (size_t)n }, IMAP_SELECTED, 0, &cmd), ERR_OK);
	const struct imap_section *s = &cmd.u.fetch.sections[0];
	struct imap_source use = *src;
	if (imap_section_needs_header_only(s)) {
		use.message = str_sub(use.message, 0, use.header_n);
	}
	use.mime = imap_section_needs_mime(s) ? src->mime : NULL;
	struct buf room;
	buf_init(&room, 10000);
	str got = STR_NONE;
	CHECK_ERR(imap_section_get(&use, s, &room, &got), cases[i].err);
	CHECK_ERR(imap_section_check(&use, s),
	    cases[i].err == ERR_NOTFOUND ? ERR_OK : cases[i].err);
	CHECK_STR(imap_section_partial(s, got), cases[i].want);
	buf_done(&room);
	arena_free(&a);
}

static void
sections(void)
{
	struct arena *a = arena_new(NULL, "tree", 1u << 20, 0);
	str message = S(HEAD BODY);
	struct mail_mime m;
	CHECK_ERR(mail_mime_parse(message, a, &m), ERR_OK);
	struct imap_source src = { message, mail_header_length(message), &m };
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].item;
		one(i, &src);
	}
	arena_free(&a);
}

/* A message that is not multipart has part 1: its body (RFC 9051 6.4.5.1). */
static void
single_part(void)
{
	struct arena *a = arena_new(NULL, "tree", 1u << 20, 0);
	str message = S("Subject: x\r\n\r\nbody\r\n");
	struct mail_mime m;
	CHECK_ERR(mail_mime_parse(message, a, &m), ERR_OK);
	struct imap_source src = { message, mail_header_length(message), &m };
	uint32_t path[] = { 1 };
	struct imap_section s = { .path = path, .path_n = 1 };
	struct buf room;
	buf_init(&room, 10000);
	str got;
	CHECK_ERR(imap_section_get(&src, &s, &room, &got), ERR_OK);
	CHECK_STR(got, S("body\r\n"));
	s.text = IMAP_TEXT_MIME;
	CHECK_ERR(imap_section_get(&src, &s, &room, &got), ERR_OK);
	CHECK_STR(got, S("Subject: x\r\n\r\n"));
	buf_done(&room);
	arena_free(&a);
}

TEST_MAIN(sections, single_part)
