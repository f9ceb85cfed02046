/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others think of the peer, a recipient, a message: smtp_answer_reply and the beginning of a
 * connection that is turned away. The questions are asked where they arise: smtp_init, rcpt.c,
 * data.c.
 */
#include "proto/smtp/smtp_priv.h"

/* RFC 5321 4.3.2: in place of the greeting only 421 and 554 may stand. */
static void
refuse_greeting(struct smtp *s, const struct smtp_told *t)
{
	struct smtp_told told = *t;
	told.code = t->verdict == SMTP_LATER ? 421 : 554;
	smtp_reply_told(s, &told, S(""), ENDS);
}

/* After the greeting the peer has the word: its first command is answered so. */
static void
turn_away(struct smtp *s, const struct smtp_told *t)
{
	s->turned_away = (struct smtp_told){ .verdict = t->verdict,
		.code = t->code,
		.enhanced = arena_dup(s->arena, t->enhanced),
		.text = arena_dup(s->arena, str_sub(t->text, 0, SMTP_TOLD_MAX)) };
	if (s->turned_away.enhanced.p == NULL || s->turned_away.text.p == NULL) {
		smtp_reply(s, SMTP_REPLY_NO_MEMORY, S(""));
	}
}

static void
peer_told(struct smtp *s, const struct smtp_told *t)
{
	bool no = t->verdict == SMTP_LATER || t->verdict == SMTP_REFUSE;
	if (no && s->peer.greeted) {
		turn_away(s, t);
	} else if (no) {
		refuse_greeting(s, t);
	} else if (!s->peer.greeted) {
		smtp_reply(s, SMTP_REPLY_GREETING, s->conf->hostname);
	}
}

void
smtp_answer_reply(struct smtp *s, const struct smtp_told *t)
{
	enum smtp_wait what = s->wait;
	ASSERT(what == SMTP_WAIT_PEER || what == SMTP_WAIT_POLICY || what == SMTP_WAIT_SCAN);
	smtp_answered(s, what);
	if (what == SMTP_WAIT_PEER) {
		peer_told(s, t);
	} else if (what == SMTP_WAIT_POLICY) {
		smtp_rcpt_told(s, t);
	} else {
		smtp_data_told(s, t);
	}
}
