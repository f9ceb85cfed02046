/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies out of replies.def, and nothing else: the only text this server says on its own. Peer
 * text in a reply is cut and made printable.
 */
#include "proto/smtp/smtp_priv.h"

static const struct smtp_reply_row rows[] = {
#define REPLY(id, code, enhanced, flags, text) \
	[SMTP_REPLY_##id] = { code, S_INIT(enhanced), flags, S_INIT(text) },
#include "proto/smtp/replies.def"
#undef REPLY
};
static_assert(LEN(rows) == SMTP_REPLIES, "a row for every reply");

const struct smtp_reply_row *
smtp_reply_row(enum smtp_reply id)
{
	ASSERT(id < SMTP_REPLIES);
	return &rows[id];
}

void
smtp_put_safe(struct buf *out, str arg, size_t max)
{
	for (size_t i = 0; i < arg.n && i < max; i++) {
		char c = arg.p[i];
		buf_ch(out, c >= ' ' && c != 0x7f ? c : '?');
	}
}

static void
put_row(struct smtp *s, const struct smtp_reply_row *r, str arg)
{
	str before, after;
	buf_u64(&s->out, r->code);
	buf_ch(&s->out, ' ');
	if (r->enhanced.n > 0) {
		buf_str(&s->out, r->enhanced);
		buf_ch(&s->out, ' ');
	}
	bool has_arg = str_cut(r->text, '$', &before, &after);
	buf_str(&s->out, before);
	if (has_arg) {
		smtp_put_safe(&s->out, arg, SMTP_REPLY_ARG_MAX);
		buf_str(&s->out, after);
	}
	buf_cstr(&s->out, "\r\n");
}

/*
 * For the log: what was refused, and why. Texts are copied, as their owners may be reset next.
 * `said`: what the peer hears, as it stands in the output behind the code.
 */
static void
note(struct smtp *s, const struct smtp_reply_row *r, str arg, str said)
{
	struct buf b, from, reply, enhanced;
	if (arg.n == 0 && s->txn.rcpts != NULL) {
		arg = s->txn.rcpts->address;
	}
	buf_init_fixed(&b, s->note_room, sizeof s->note_room);
	smtp_put_safe(&b, arg, sizeof s->note_room);
	buf_init_fixed(&from, s->from_room, sizeof s->from_room);
	smtp_put_safe(&from, s->txn.reverse_path, sizeof s->from_room);
	buf_init_fixed(&reply, s->said_room, sizeof s->said_room);
	smtp_put_safe(&reply, said, sizeof s->said_room);
	buf_init_fixed(&enhanced, s->enhanced_room, sizeof s->enhanced_room);
	buf_str(&enhanced, str_sub(r->enhanced, 0, sizeof s->enhanced_room));
	smtp_act(s,
	    (struct smtp_action){ .kind = SMTP_REFUSED,
		.text = buf_view(&b),
		.from = buf_view(&from),
		.verb = s->verb,
		.enhanced = buf_view(&enhanced),
		.said = buf_view(&reply),
		.code = r->code });
}

/* Behind a reply that was written from `before` on. */
static void
said(struct smtp *s, const struct smtp_reply_row *r, str arg, size_t before)
{
	if (buf_err(&s->out) != ERR_OK) {
		buf_truncate(&s->out, before); /* no half replies */
	}
	if (r->code >= 400) {
		str line = str_from_off(buf_view(&s->out), MIN(before + 4, s->out.n));
		note(s, r, arg, str_sub(line, 0, line.n >= 2 ? line.n - 2 : 0));
	}
	if ((r->flags & ENDS) != 0 || buf_err(&s->out) != ERR_OK) {
		smtp_enter(s, SMTP_CLOSED);
		smtp_act(s, (struct smtp_action){ .kind = SMTP_CLOSE });
	}
}

void
smtp_reply(struct smtp *s, enum smtp_reply id, str arg)
{
	const struct smtp_reply_row *r = smtp_reply_row(id);
	if (s->state == SMTP_CLOSED) {
		return;
	}
	if ((r->flags & COUNTS) != 0 && ++s->errors >= s->conf->max_errors) {
		note(s, r, arg, S(""));
		r = smtp_reply_row(SMTP_REPLY_ERRORS);
	}
	size_t before = s->out.n;
	put_row(s, r, arg);
	said(s, r, arg, before);
}

/* "4.7.1": a class that fits the code, and two numbers of up to three digits (RFC 3463 2). */
static bool
enhanced_fits(str e, uint16_t code)
{
	size_t dots = 0, digits = 1;
	if (e.n < 5 || e.n > 9 || e.p[0] != '0' + code / 100 || e.p[1] != '.') {
		return false;
	}
	for (size_t i = 1; i < e.n; i++) {
		bool dot = e.p[i] == '.';
		if ((dot && digits == 0) || (!dot && (!ascii_is_digit(e.p[i]) || digits == 3))) {
			return false;
		}
		dots += dot;
		digits = dot ? 0 : digits + 1;
	}
	return dots == 2 && digits > 0;
}

void
smtp_reply_told(struct smtp *s, const struct smtp_told *t, str about, unsigned flags)
{
	uint16_t least = t->verdict == SMTP_LATER ? 400 : 500;
	bool fits = t->code >= least && t->code < least + 100;
	struct smtp_reply_row r = { .code = fits ? t->code : least == 400 ? 451 : 550 };
	size_t before = s->out.n;
	if (s->state == SMTP_CLOSED) {
		return;
	}
	r.enhanced = enhanced_fits(t->enhanced, r.code) ? t->enhanced
	    : least == 400                              ? S("4.7.1")
							: S("5.7.1");
	r.flags = flags | (r.code == 421 ? ENDS : 0);
	buf_printf(&s->out, "%u %.*s ", (unsigned)r.code, STR_ARG(r.enhanced));
	for (size_t i = 0; i < t->text.n && i < SMTP_TOLD_MAX; i++) {
		char c = t->text.p[i];
		buf_ch(&s->out, c >= ' ' && c < 0x7f ? c : '?');
	}
	buf_cstr(&s->out, t->text.n > 0 ? "\r\n" : "Not accepted\r\n");
	said(s, &r, about, before);
}

void
smtp_reply_syntax(struct smtp *s, enum smtp_command c)
{
	const struct smtp_command_row *row = smtp_command_row(c);
	char room[SMTP_REPLY_ARG_MAX];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	buf_str(&b, row->verb);
	buf_ch(&b, ' ');
	buf_cstr(&b, row->grammar);
	smtp_reply(s, SMTP_REPLY_SYNTAX, buf_view(&b));
}
