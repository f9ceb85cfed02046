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

/* For the log: what was refused, and why. The text is copied, as its owner may be reset next. */
static void
note(struct smtp *s, const struct smtp_reply_row *r, str arg)
{
	struct buf b, from;
	if (arg.n == 0 && s->txn.rcpts != NULL) {
		arg = s->txn.rcpts->address;
	}
	buf_init_fixed(&b, s->note_room, sizeof s->note_room);
	smtp_put_safe(&b, arg, sizeof s->note_room);
	buf_init_fixed(&from, s->from_room, sizeof s->from_room);
	smtp_put_safe(&from, s->txn.reverse_path, sizeof s->from_room);
	smtp_act(s,
	    (struct smtp_action){ .kind = SMTP_REFUSED,
		.text = buf_view(&b),
		.from = buf_view(&from),
		.verb = s->verb,
		.enhanced = r->enhanced,
		.code = r->code });
}

void
smtp_reply(struct smtp *s, enum smtp_reply id, str arg)
{
	const struct smtp_reply_row *r = smtp_reply_row(id);
	if (s->state == SMTP_CLOSED) {
		return;
	}
	if ((r->flags & COUNTS) != 0 && ++s->errors >= s->conf->max_errors) {
		note(s, r, arg);
		r = smtp_reply_row(SMTP_REPLY_ERRORS);
	}
	size_t before = s->out.n;
	put_row(s, r, arg);
	if (buf_err(&s->out) != ERR_OK) {
		buf_truncate(&s->out, before); /* no half replies */
	}
	if (r->code >= 400) {
		note(s, r, arg);
	}
	if ((r->flags & ENDS) != 0 || buf_err(&s->out) != ERR_OK) {
		smtp_enter(s, SMTP_CLOSED);
		smtp_act(s, (struct smtp_action){ .kind = SMTP_CLOSE });
	}
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
