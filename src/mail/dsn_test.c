/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports: the fields RFC 3464 asks for, three languages, text from outside that tries to break
 * out of its place, and what is returned of the message. That other programs read them as meant is
 * tried in test/reports.
 */
#include "mail/dsn.h"
#include "base/test.h"

#define MESSAGE                                                                                \
	"From: louisl@larry.slip.umd.edu\r\nMessage-ID: <199407072116@larry.slip.umd.edu>\r\n" \
	"Subject: hello\r\n\r\nbody text\r\n"

static char room[MAIL_DSN_MAX];
static struct buf out;

static struct mail_dsn_rcpt
rcpt(enum mail_dsn_action action)
{
	return (struct mail_dsn_rcpt){ .action = action,
		.address = S("louisl@larry.slip.umd.edu"),
		.original = S("rfc822;louisl+2Bx@larry.slip.umd.edu"),
		.status = S("4.2.2"),
		.remote_mta = S("mx.umd.edu"),
		.reply = S("452 4.2.2 mailbox is full"),
		.last_s = 1795201200,
		.until_s = 1795633200,
		.meaning = S("Das Postfach ist voll."),
		.remedy = S("Sp\xc3\xa4ter noch einmal.") };
}

static struct mail_dsn
dsn(const struct mail_dsn_rcpt *r, size_t n)
{
	return (struct mail_dsn){ .hostname = S("mx.example.org"),
		.to = S("anna@example.org"),
		.envid = S("QQ314159+3D"),
		.queue_id = S("0abcdefghjkmn"),
		.random = { 1, 2, 3 },
		.now_s = 1795201300,
		.arrival_s = 1795201000,
		.full = true,
		.message = S(MESSAGE),
		.size = sizeof MESSAGE - 1,
		.rcpts = r,
		.rcpts_n = n };
}

static void
put(const struct mail_dsn *d)
{
	buf_init_fixed(&out, room, sizeof room);
	CHECK_ERR(mail_dsn_put(&out, d), ERR_OK);
}

static bool
has(const char *text)
{
	bool found = str_find(buf_view(&out), str_from(text)) >= 0;
	if (!found) {
		printf("missing: %s\nin: %.*s\n", text, STR_ARG(buf_view(&out)));
	}
	return found;
}

static void
fields(void)
{
	static const struct {
		enum mail_dsn_action action;
		const char *word, *subject;
		bool retry;
	} rows[] = {
		{ MAIL_DSN_FAILED, "failed", "Your message was not delivered", false },
		{ MAIL_DSN_DELAYED, "delayed", "Your message is not delivered yet", true },
		{ MAIL_DSN_DELIVERED, "delivered", "Your message was delivered", false },
		{ MAIL_DSN_RELAYED, "relayed", "Your message was passed on", false },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		char text[128];
		const struct mail_dsn_rcpt r = rcpt(rows[i].action);
		const struct mail_dsn d = dsn(&r, 1);
		put(&d);
		snprintf(text, sizeof text, "\r\nSubject: %s\r\n", rows[i].subject);
		CHECK(has(text));
		snprintf(text, sizeof text, "\r\nAction: %s\r\nStatus: 4.2.2\r\n", rows[i].word);
		CHECK(has(text));
		CHECK_U64(str_find(buf_view(&out), S("Will-Retry-Until: ")) >= 0, rows[i].retry);
	}
	CHECK(has("From: Mail delivery <postmaster@mx.example.org>\r\nTo: <anna@example.org>\r\n"));
	CHECK(has("Auto-Submitted: auto-replied\r\n"));
	CHECK(has("In-Reply-To: <199407072116@larry.slip.umd.edu>\r\n"));
	CHECK(
	    has("\r\n\r\nOriginal-Envelope-Id: QQ314159=\r\nReporting-MTA: dns; mx.example.org\r\n"
		"Arrival-Date: Fri, 20 Nov 2026 18:56:40 +0000\r\n\r\n"
		"Original-Recipient: rfc822;louisl+x@larry.slip.umd.edu\r\n"
		"Final-Recipient: rfc822;louisl@larry.slip.umd.edu\r\n"));
	CHECK(has("Remote-MTA: dns; mx.umd.edu\r\n"
		  "Diagnostic-Code: smtp; 452 4.2.2 mailbox is full\r\n"
		  "Last-Attempt-Date: Fri, 20 Nov 2026 19:00:00 +0000\r\n"));
}

static void
languages(void)
{
	static const struct {
		str tag;
		enum mail_dsn_language want;
		const char *text;
	} rows[] = {
		{ S_INIT("de"), MAIL_DSN_DE, "Subject: Ihre Nachricht wurde nicht zugestellt\r\n" },
		{ S_INIT("DE-at"), MAIL_DSN_DE, "Empf=C3=A4ngern" },
		{ S_INIT("fr"), MAIL_DSN_FR, "n'a pas pu =C3=AAtre remis" },
		{ S_INIT("en-GB"), MAIL_DSN_EN, "could not be delivered" },
		{ S_INIT("den"), MAIL_DSN_EN, "This is the mail server mx.example.org." },
		{ S_INIT(""), MAIL_DSN_EN, "Last attempt: 2026-11-20 19:00 UTC" },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct mail_dsn_rcpt r = rcpt(MAIL_DSN_FAILED);
		struct mail_dsn d = dsn(&r, 1);
		d.language = mail_dsn_language(rows[i].tag);
		CHECK_U64(d.language, rows[i].want);
		put(&d);
		CHECK(has(rows[i].text));
		CHECK(has("    Das Postfach ist voll.\r\n    Sp=C3=A4ter noch einmal.\r\n"));
	}
}

/* What another server says cannot end a field, a part, or a line. */
static void
nothing_breaks_out(void)
{
	struct mail_dsn_rcpt r = rcpt(MAIL_DSN_FAILED);
	char longest[5000];
	memset(longest, 'x', sizeof longest);
	struct mail_dsn d = dsn(&r, 1);
	r.reply =
	    S("550 no\r\n\r\n--report-01020300000000000000000000000000\r\nX-Evil: 1\r\0\n\xff");
	r.remote_mta = S("mx\r\nX-Evil: 1");
	r.status = S("5.1.1\r\nX-Evil: 1");
	r.original = S("rfc822;a+0D+0AX-Evil:+201");
	d.envid = S("a+0D+0AX-Evil:+201+");
	put(&d);
	CHECK(str_find(buf_view(&out), S("\nX-Evil")) < 0);
	CHECK(str_find(buf_view(&out), S("\n--report-01020300000000000000000000000000\r\nX")) < 0);
	r.reply = str_make(longest, sizeof longest);
	put(&d);
	str rest = buf_view(&out), line;
	while (str_next(&rest, '\n', &line)) {
		CHECK(line.n <= 999);
		CHECK(rest.p == NULL || str_ends(line, S("\r")));
	}
}

static void
what_is_returned(void)
{
	static char big[MAIL_DSN_FULL_MAX + 100];
	const struct mail_dsn_rcpt r = rcpt(MAIL_DSN_FAILED);
	struct mail_dsn d = dsn(&r, 1);
	put(&d);
	CHECK(has("Content-Type: message/rfc822\r\n\r\nFrom: louisl"));
	CHECK(has("\r\n\r\nbody text\r\n\r\n--report-"));
	d.full = false;
	put(&d);
	CHECK(has("Content-Type: text/rfc822-headers\r\n\r\nFrom: louisl"));
	CHECK(str_find(buf_view(&out), S("body text")) < 0);
	memset(big, 'b', sizeof big);
	memcpy(big, MESSAGE, sizeof MESSAGE - 1);
	d.full = true;
	d.message = str_make(big, MAIL_DSN_HEADER_MAX);
	d.size = sizeof big;
	put(&d);
	CHECK(has("Content-Type: text/rfc822-headers\r\n"));
	CHECK(out.n < 4096);
	d.message = str_make(big, sizeof big);
	put(&d);
	CHECK(out.n < 4096);
	d.size = d.message.n = MAIL_DSN_FULL_MAX;
	put(&d);
	CHECK(has("Content-Type: message/rfc822\r\n"));
	memset(big, 'h', sizeof big); /* a header without an end */
	d.full = false;
	put(&d);
	CHECK(out.n < MAIL_DSN_HEADER_MAX + 4096);
}

/* RFC 6533: the forms for addresses and headers beyond ASCII. */
static void
utf8(void)
{
	struct mail_dsn_rcpt r = rcpt(MAIL_DSN_FAILED);
	struct mail_dsn d = dsn(&r, 1);
	r.address = S("j\xc3\xb6rg@xn--bcher-kva.example");
	r.original = S("utf-8;j\xc3\xb6rg@b\xc3\xbc"
		       "cher.example");
	d.smtputf8 = true;
	d.message = S("Subject: \xc3\xbc\r\n\r\nx");
	d.size = d.message.n;
	put(&d);
	CHECK(has("Content-Type: message/global-delivery-status\r\n"
		  "Content-Transfer-Encoding: 8bit\r\n"));
	CHECK(has("Final-Recipient: utf-8;j\xc3\xb6rg@xn--bcher-kva.example\r\n"));
	CHECK(has("Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n"));
	d.full = false;
	put(&d);
	CHECK(has("Content-Type: message/global-headers\r\n"));
	d.smtputf8 = false; /* then it is ASCII, whatever came */
	put(&d);
	CHECK(has("Content-Type: message/delivery-status\r\n"));
	CHECK(has("Final-Recipient: rfc822;j??rg@"));
	CHECK(has("Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n"));
}

static void
limits(void)
{
	static struct mail_dsn_rcpt rs[MAIL_DSN_RCPTS_MAX + 1];
	struct mail_dsn d = dsn(rs, 0);
	char small[600];
	struct buf b;
	for (size_t i = 0; i < LEN(rs); i++) {
		rs[i] = rcpt(MAIL_DSN_FAILED);
	}
	buf_init_fixed(&b, small, sizeof small);
	CHECK_ERR(mail_dsn_put(&b, &d), ERR_TOOMANY);
	d.rcpts_n = LEN(rs);
	CHECK_ERR(mail_dsn_put(&b, &d), ERR_TOOMANY);
	d.rcpts_n = LEN(rs) - 1;
	put(&d);
	CHECK_ERR(mail_dsn_put(&b, &d), ERR_TOOBIG);
}

TEST_MAIN(fields, languages, nothing_breaks_out, what_is_returned, utf8, limits)
