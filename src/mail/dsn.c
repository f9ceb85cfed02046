/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three parts: words for a human in quoted-printable, fields for a program, and what was sent. The
 * words lie in dsn_texts.def. Nothing from outside goes into a field unless it went through
 * put_field_text.
 */
#include "mail/dsn.h"
#include "base/codec.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/msgid.h"

enum { QP_LINE = 75, FOLD = 900, HUMAN_MAX = 256 * 1024 };

enum text {
#define TEXT(id, en, de, fr) TEXT_##id,
#include "mail/dsn_texts.def"
#undef TEXT
	TEXTS
};

static const str texts[TEXTS][MAIL_DSN_LANGUAGES] = {
#define TEXT(id, en, de, fr) { S_INIT(en), S_INIT(de), S_INIT(fr) },
#include "mail/dsn_texts.def"
#undef TEXT
};

static const struct {
	str word;   /* RFC 3464 2.3.3 */
	str status; /* RFC 3463: when nothing better is known */
	enum text subject, about;
} actions[MAIL_DSN_ACTIONS] = {
	[MAIL_DSN_FAILED] = { S_INIT("failed"), S_INIT("5.0.0"), TEXT_SUBJECT_FAILED, TEXT_FAILED },
	[MAIL_DSN_DELAYED] = { S_INIT("delayed"), S_INIT("4.0.0"), TEXT_SUBJECT_DELAYED,
	    TEXT_DELAYED },
	[MAIL_DSN_DELIVERED] = { S_INIT("delivered"), S_INIT("2.0.0"), TEXT_SUBJECT_DELIVERED,
	    TEXT_DELIVERED },
	[MAIL_DSN_RELAYED] = { S_INIT("relayed"), S_INIT("2.0.0"), TEXT_SUBJECT_RELAYED,
	    TEXT_RELAYED },
};

enum mail_dsn_language
mail_dsn_language(str tag)
{
	str main, region;
	(void)str_cut(tag, '-', &main, &region);
	return str_ieq(main, S("de")) ? MAIL_DSN_DE
	    : str_ieq(main, S("fr"))  ? MAIL_DSN_FR
				      : MAIL_DSN_EN;
}

/* ---- pieces ---- */

/* Text from outside as one line: control octets become spaces; without `utf8` others become "?". */
static void
put_plain(struct buf *out, str s, bool utf8)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < ' ' || c == 0x7f) {
			buf_ch(out, ' ');
		} else {
			buf_ch(out, c >= 0x80 && !utf8 ? '?' : (char)c);
		}
	}
}

/* The same in a field, with a fold where a line would grow too long (RFC 5322 2.1.1). */
static void
put_field_text(struct buf *out, str s, bool utf8)
{
	for (size_t at = 0; at < s.n; at += FOLD) {
		if (at > 0) {
			buf_cstr(out, "\r\n ");
		}
		put_plain(out, str_sub(s, at, FOLD), utf8);
	}
}

/* xtext as it was meant (RFC 3461 4): ENVID, and what stands behind the type of ORCPT. */
static void
put_xtext(struct buf *out, str s, bool utf8)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		const char *high = c == '+' && i + 2 < s.n ? strchr(digits, s.p[i + 1]) : NULL;
		const char *low = high != NULL ? strchr(digits, s.p[i + 2]) : NULL;
		if (low != NULL && s.p[i + 1] != '\0' && s.p[i + 2] != '\0') {
			c = (char)((high - digits) * 16 + (low - digits));
			i += 2;
		}
		put_plain(out, str_make(&c, 1), utf8);
	}
}

static void
put_text(struct buf *out, const struct mail_dsn *d, enum text id, str value)
{
	str text = texts[id][d->language], before, after;
	if (!str_cut(text, '$', &before, &after)) {
		after = S("");
	}
	buf_str(out, before);
	put_plain(out, value, true);
	buf_str(out, after);
}

/* "2026-11-21 19:00 UTC" */
static void
put_time(struct buf *out, int64_t unix_s)
{
	char room[64];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	mail_date_put_iso(&b, unix_s);
	str iso = buf_view(&b);
	buf_str(out, str_sub(iso, 0, 10));
	buf_ch(out, ' ');
	buf_str(out, str_sub(iso, 11, 5));
	buf_cstr(out, " UTC");
}

static void
put_timed(struct buf *out, const struct mail_dsn *d, enum text id, int64_t unix_s)
{
	char room[64];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	put_time(&b, unix_s);
	put_text(out, d, id, buf_view(&b));
}

/* As an encoded word where it must be one (RFC 2047 2); our texts are short enough. */
static void
put_word(struct buf *out, str s)
{
	if (str_is_ascii(s)) {
		buf_str(out, s);
		return;
	}
	buf_cstr(out, "=?utf-8?B?");
	base64_encode(out, s);
	buf_cstr(out, "?=");
}

static void
put_boundary(struct buf *out, const struct mail_dsn *d)
{
	buf_cstr(out, "report-");
	for (size_t i = 0; i < sizeof d->random; i++) {
		buf_printf(out, "%02x", d->random[i]);
	}
}

static void
put_part(struct buf *out, const struct mail_dsn *d, const char *type, const char *encoding)
{
	buf_cstr(out, "\r\n--");
	put_boundary(out, d);
	buf_printf(out, "\r\nContent-Type: %s\r\n", type);
	if (encoding != NULL) {
		buf_printf(out, "Content-Transfer-Encoding: %s\r\n", encoding);
	}
	buf_cstr(out, "\r\n");
}

/* ---- the header ---- */

static void
put_reference(struct buf *out, const struct mail_dsn *d)
{
	char room[2 * MAIL_MSGID_MAX];
	struct buf b;
	struct mail_field f;
	str value, id;
	buf_init_fixed(&b, room, sizeof room);
	if (!mail_header_find(d->message, S("Message-ID"), &f)) {
		return;
	}
	mail_header_unfold(&b, f.value);
	value = buf_view(&b);
	if (mail_msgid_next(&value, &id) && str_is_ascii(id)) {
		buf_printf(out, "In-Reply-To: <%.*s>\r\nReferences: <%.*s>\r\n", STR_ARG(id),
		    STR_ARG(id));
	}
}

static void
put_header(struct buf *out, const struct mail_dsn *d)
{
	buf_cstr(out, "From: ");
	put_word(out, texts[TEXT_FROM][d->language]);
	buf_printf(out, " <postmaster@%.*s>\r\nTo: <", STR_ARG(d->hostname));
	put_plain(out, d->to, d->smtputf8);
	buf_cstr(out, ">\r\nSubject: ");
	put_word(out, texts[actions[d->rcpts[0].action].subject][d->language]);
	buf_cstr(out, "\r\nDate: ");
	mail_date_put(out, d->now_s, 0);
	buf_cstr(out, "\r\nMessage-ID: ");
	mail_msgid_put(out, d->random, d->hostname);
	buf_cstr(out, "\r\n");
	put_reference(out, d);
	buf_cstr(out,
	    "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    " boundary=\"");
	put_boundary(out, d);
	buf_cstr(out, "\"\r\n");
}

/* ---- part 1: words ---- */

static bool
put_line_if(struct buf *out, const struct mail_dsn *d, enum text id, str value)
{
	if (value.n > 0) {
		buf_cstr(out, "    ");
		put_text(out, d, id, value);
		buf_cstr(out, "\n");
	}
	return value.n > 0;
}

static void
put_indented(struct buf *out, str text)
{
	if (text.n > 0) {
		buf_cstr(out, "    ");
		put_plain(out, text, true);
		buf_ch(out, '\n');
	}
}

static void
put_human_rcpt(struct buf *out, const struct mail_dsn *d, const struct mail_dsn_rcpt *r)
{
	buf_cstr(out, "\n  <");
	put_plain(out, r->address, true);
	buf_cstr(out, ">\n");
	if (r->action == MAIL_DSN_DELIVERED || r->action == MAIL_DSN_RELAYED) {
		return;
	}
	put_indented(out, r->meaning);
	put_indented(out, r->remedy);
	put_line_if(out, d, TEXT_REPLY, str_sub(r->reply, 0, MAIL_DSN_REPLY_MAX));
	put_line_if(out, d, TEXT_SERVER, r->remote_mta);
	buf_cstr(out, "    ");
	if (r->last_s != 0) {
		put_timed(out, d, TEXT_WHEN, r->last_s);
	} else {
		put_text(out, d, TEXT_NO_TRY, S(""));
	}
	buf_ch(out, '\n');
}

static bool
returns_whole(const struct mail_dsn *d)
{
	return d->full && d->message.n == d->size && d->size <= MAIL_DSN_FULL_MAX &&
	    d->rcpts[0].action == MAIL_DSN_FAILED;
}

static void
put_human(struct buf *out, const struct mail_dsn *d)
{
	const struct mail_dsn_rcpt *first = &d->rcpts[0];
	put_text(out, d, TEXT_HELLO, d->hostname);
	buf_cstr(out, "\n\n");
	put_text(out, d, actions[first->action].about, S(""));
	buf_ch(out, '\n');
	for (size_t i = 0; i < d->rcpts_n; i++) {
		put_human_rcpt(out, d, &d->rcpts[i]);
	}
	buf_ch(out, '\n');
	if (first->action == MAIL_DSN_DELAYED) {
		put_timed(out, d, TEXT_UNTIL, first->until_s);
		buf_ch(out, '\n');
		put_text(out, d, TEXT_CANCEL, d->queue_id);
		buf_ch(out, '\n');
	}
	put_text(out, d, returns_whole(d) ? TEXT_WHOLE : TEXT_HEADER, S(""));
	buf_ch(out, '\n');
}

/* Quoted-printable with soft breaks; LF becomes CRLF (RFC 2045 6.7). */
static void
put_qp(struct buf *out, str s)
{
	size_t column = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool ends = i + 1 == s.n || s.p[i + 1] == '\n';
		if (c == '\n') {
			buf_cstr(out, "\r\n");
			column = 0;
			continue;
		}
		if (column + 3 > QP_LINE) {
			buf_cstr(out, "=\r\n");
			column = 0;
		}
		/* no line looks like a boundary, not even where a long one was broken */
		bool plain = (c > ' ' && c < 0x7f && c != '=' && (c != '-' || column > 0)) ||
		    (c == ' ' && !ends);
		size_t width = plain ? 1 : 3;
		if (plain) {
			buf_ch(out, (char)c);
		} else {
			buf_printf(out, "=%02X", c);
		}
		column += width;
	}
}

/* ---- part 2: fields (RFC 3464 2) ---- */

static void
put_date_field(struct buf *out, const char *name, int64_t unix_s)
{
	if (unix_s != 0) {
		buf_printf(out, "%s: ", name);
		mail_date_put(out, unix_s, 0);
		buf_cstr(out, "\r\n");
	}
}

static void
put_message_fields(struct buf *out, const struct mail_dsn *d)
{
	if (d->envid.n > 0) {
		buf_cstr(out, "Original-Envelope-Id: ");
		put_xtext(out, d->envid, false);
		buf_cstr(out, "\r\n");
	}
	buf_printf(out, "Reporting-MTA: dns; %.*s\r\n", STR_ARG(d->hostname));
	put_date_field(out, "Arrival-Date", d->arrival_s);
}

static void
put_addresses(struct buf *out, const struct mail_dsn_rcpt *r, bool utf8)
{
	str type, address;
	if (str_cut(r->original, ';', &type, &address) && address.n > 0) {
		buf_cstr(out, "Original-Recipient: ");
		put_plain(out, type, false);
		buf_ch(out, ';');
		put_xtext(out, address, utf8);
		buf_cstr(out, "\r\n");
	}
	/* RFC 6533 3: the type says that the address is not ASCII */
	buf_printf(out, "Final-Recipient: %s;",
	    utf8 && !str_is_ascii(r->address) ? "utf-8" : "rfc822");
	put_plain(out, r->address, utf8);
	buf_cstr(out, "\r\n");
}

static void
put_rcpt_fields(struct buf *out, const struct mail_dsn_rcpt *r, bool utf8)
{
	buf_cstr(out, "\r\n");
	put_addresses(out, r, utf8);
	buf_cstr(out, "Action: ");
	buf_str(out, actions[r->action].word);
	buf_cstr(out, "\r\nStatus: ");
	put_plain(out, r->status.n > 0 ? r->status : actions[r->action].status, false);
	buf_cstr(out, "\r\n");
	if (r->remote_mta.n > 0) {
		buf_cstr(out, "Remote-MTA: dns; ");
		put_plain(out, r->remote_mta, false);
		buf_cstr(out, "\r\n");
	}
	if (r->reply.n > 0) {
		buf_cstr(out, "Diagnostic-Code: smtp; ");
		put_field_text(out, str_sub(r->reply, 0, MAIL_DSN_REPLY_MAX), utf8);
		buf_cstr(out, "\r\n");
	}
	put_date_field(out, "Last-Attempt-Date", r->last_s);
	if (r->action == MAIL_DSN_DELAYED) {
		put_date_field(out, "Will-Retry-Until", r->until_s);
	}
}

/* ---- part 3: what was sent ---- */

static str
header_of(const struct mail_dsn *d)
{
	str head = str_sub(d->message, 0, mail_header_length(d->message));
	if (head.n > MAIL_DSN_HEADER_MAX) { /* whole lines */
		head = str_sub(head, 0, MAIL_DSN_HEADER_MAX);
		ptrdiff_t end = str_rchr(head, '\n');
		head = str_sub(head, 0, end < 0 ? 0 : (size_t)end + 1);
	}
	return head;
}

static void
put_returned(struct buf *out, const struct mail_dsn *d)
{
	bool whole = returns_whole(d);
	str head = header_of(d), what = whole ? d->message : head;
	bool global = d->smtputf8 && !str_is_ascii(head); /* RFC 6533 4 */
	const char *type = whole ? global ? "message/global" : "message/rfc822"
	    : global             ? "message/global-headers"
				 : "text/rfc822-headers";
	put_part(out, d, type, str_is_ascii(what) ? NULL : "8bit");
	buf_str(out, what);
	if (what.n > 0 && !str_ends(what, S("\r\n"))) {
		buf_cstr(out, "\r\n");
	}
}

enum err
mail_dsn_put(struct buf *out, const struct mail_dsn *d)
{
	struct buf human;
	bool utf8 = false;
	if (d->rcpts_n == 0 || d->rcpts_n > MAIL_DSN_RCPTS_MAX) {
		return ERR_TOOMANY;
	}
	for (size_t i = 0; i < d->rcpts_n; i++) {
		utf8 |= d->smtputf8 && !str_is_ascii(d->rcpts[i].address);
	}
	buf_init(&human, HUMAN_MAX);
	put_human(&human, d);
	enum err e = buf_err(&human);
	put_header(out, d);
	put_part(out, d, "text/plain; charset=utf-8", "quoted-printable");
	put_qp(out, buf_view(&human));
	put_part(out, d, utf8 ? "message/global-delivery-status" : "message/delivery-status",
	    utf8 ? "8bit" : NULL);
	put_message_fields(out, d);
	for (size_t i = 0; i < d->rcpts_n; i++) {
		put_rcpt_fields(out, &d->rcpts[i], utf8);
	}
	put_returned(out, d);
	buf_cstr(out, "\r\n--");
	put_boundary(out, d);
	buf_cstr(out, "--\r\n");
	buf_done(&human);
	return e != ERR_OK ? e : buf_err(out);
}
