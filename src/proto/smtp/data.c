/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DATA: the message comes, is looked at, and is committed. A message that will be refused is read
 * to its real end first, so that nothing of it is ever taken for a command.
 *
 *	data = "DATA" CRLF
 */
#include "proto/smtp/smtp_priv.h"

static void
give(struct smtp *s, str octets)
{
	if (octets.n > 0) {
		s->txn.given = true;
		s->txn.octets += octets.n;
		smtp_act(s, (struct smtp_action){ .kind = SMTP_BODY, .text = octets });
	}
}

void
smtp_do_data(struct smtp *s, str arg)
{
	if (s->state != SMTP_RCPT) {
		smtp_reply(s, SMTP_REPLY_NO_RCPT, S(""));
		return;
	}
	smtp_trace_put(s, &s->txn.added);
	if (buf_err(&s->txn.added) != ERR_OK) {
		smtp_reply(s, SMTP_REPLY_BUDGET, S(""));
		return;
	}
	smtp_body_init(&s->txn.body);
	smtp_enter(s, SMTP_DATA);
	smtp_reply(s, SMTP_REPLY_DATA, S(""));
	s->txn.given = true;
	smtp_act(s, (struct smtp_action){ .kind = SMTP_TRACE, .text = buf_view(&s->txn.added) });
}

static enum smtp_reply
storage_reply(enum err e)
{
	return e == ERR_NOSPACE                 ? SMTP_REPLY_NOSPACE
	    : e == ERR_BUDGET || e == ERR_NOMEM ? SMTP_REPLY_BUDGET
						: SMTP_REPLY_QUEUE_TEMP;
}

/* What is known to be wrong with the message so far; SMTP_REPLIES: nothing. */
static enum smtp_reply
verdict(const struct smtp *s)
{
	const struct smtp_body *b = &s->txn.body;
	if (smtp_body_bare(b)) {
		return SMTP_REPLY_BARE;
	}
	if (b->octets > s->conf->max_size) {
		return SMTP_REPLY_TOOBIG;
	}
	if (b->nul || b->long_line || b->header_big) {
		return b->nul      ? SMTP_REPLY_NUL
		    : b->long_line ? SMTP_REPLY_LONG_LINE
				   : SMTP_REPLY_HEADER_BIG;
	}
	if (b->hops > (s->txn.forwards ? SMTP_FORWARD_HOPS_MAX : SMTP_HOPS_MAX)) {
		return SMTP_REPLY_LOOP;
	}
	enum err e = s->txn.failed != ERR_OK ? s->txn.failed : buf_err(&s->txn.header);
	return e == ERR_OK ? SMTP_REPLIES : storage_reply(e);
}

static void
refuse(struct smtp *s, enum smtp_reply why, str arg)
{
	char room[20];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	if (why == SMTP_REPLY_TOOBIG) {
		buf_u64(&b, s->conf->max_size);
		arg = buf_view(&b);
	}
	smtp_reply(s, why, arg);
	smtp_enter(s, SMTP_READY);
}

/* The end of data was met: the first thing found wrong decides. */
static void
finish(struct smtp *s)
{
	str arg = S("");
	enum smtp_reply no = verdict(s);
	smtp_enter(s, SMTP_FINAL);
	if (no == SMTP_REPLIES && s->peer.submission) {
		no = smtp_origin_check(s, &arg);
	}
	if (no == SMTP_REPLIES) {
		smtp_data_next(s);
	} else {
		refuse(s, no, arg);
	}
}

/* The fields we add stand at the end of the header, before the empty line. */
static void
end_header(struct smtp *s, str separator)
{
	buf_reset(&s->txn.added);
	if (s->peer.submission) {
		smtp_missing_put(s, &s->txn.added);
	}
	buf_str(&s->txn.added, separator);
	if (buf_err(&s->txn.added) == ERR_OK) {
		give(s, buf_view(&s->txn.added));
	} else {
		smtp_body_failed(s, buf_err(&s->txn.added));
	}
}

size_t
smtp_data_feed(struct smtp *s, str in)
{
	size_t used;
	str piece;
	bool in_header = !s->txn.body.in_body;
	enum smtp_body_event event = smtp_body_take(&s->txn.body, in, &piece, &used);
	if (in_header && s->peer.submission) {
		buf_str(&s->txn.header, piece);
	}
	bool fine = verdict(s) == SMTP_REPLIES;
	if (fine) {
		give(s, piece);
	} else if (s->txn.given) {
		s->txn.given = false;
		smtp_act(s, (struct smtp_action){ .kind = SMTP_DROP });
	}
	if (fine && event == SMTP_BODY_HEADER_END) {
		end_header(s, S("\r\n"));
	} else if (fine && event == SMTP_BODY_END && !s->txn.body.in_body) {
		end_header(s, S(""));
	}
	if (event == SMTP_BODY_END) {
		finish(s);
	} else if (s->txn.body.octets > s->conf->max_size + SMTP_EXCESS_MAX) {
		smtp_reply(s, SMTP_REPLY_EXCESS, S(""));
	}
	return used;
}

void
smtp_body_failed(struct smtp *s, enum err why)
{
	if (s->txn.failed == ERR_OK) {
		s->txn.failed = why;
	}
}

void
smtp_data_next(struct smtp *s)
{
	if (s->txn.failed != ERR_OK) {
		refuse(s, storage_reply(s->txn.failed), S(""));
	} else if (s->txn.origins_asked < s->txn.origins_n) {
		str address = s->txn.origins[s->txn.origins_asked];
		s->wait = SMTP_WAIT_SENDER;
		smtp_act(s, (struct smtp_action){ .kind = SMTP_ASK_SENDER, .text = address });
	} else if (s->peer.checked && !s->txn.looked_at) {
		s->wait = SMTP_WAIT_SCAN;
		smtp_act(s, (struct smtp_action){ .kind = SMTP_ASK_SCAN });
	} else {
		if (s->peer.submission) {
			smtp_note_message_id(s);
		}
		s->txn.committed = true;
		s->wait = SMTP_WAIT_COMMIT;
		smtp_act(s, (struct smtp_action){ .kind = SMTP_COMMIT });
	}
}

void
smtp_data_sender(struct smtp *s, enum err result)
{
	str address = s->txn.origins[s->txn.origins_asked++];
	if (result == ERR_OK) {
		smtp_data_next(s);
	} else {
		refuse(s, result == ERR_DENIED ? SMTP_REPLY_FROM_DENIED : SMTP_REPLY_TEMP, address);
	}
}

void
smtp_data_told(struct smtp *s, const struct smtp_told *t)
{
	if (t->verdict == SMTP_LATER || t->verdict == SMTP_REFUSE) {
		smtp_reply_told(s, t, S(""), 0);
		smtp_enter(s, SMTP_READY);
		return;
	}
	s->txn.looked_at = true;
	smtp_data_next(s);
}

void
smtp_answer_commit(struct smtp *s, enum err result, str id)
{
	smtp_answered(s, SMTP_WAIT_COMMIT);
	if (result == ERR_OK) {
		s->messages++;
		s->junk = 0;
		smtp_reply(s, SMTP_REPLY_QUEUED, id);
	} else {
		bool too_big = result == ERR_TOOBIG;
		refuse(s, too_big ? SMTP_REPLY_TOOBIG : storage_reply(result), S(""));
		return;
	}
	smtp_enter(s, SMTP_READY);
}
