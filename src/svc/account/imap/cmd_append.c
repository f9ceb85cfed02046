/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND (RFC 9051 6.3.12): the reader announces it, hands the message through, and tells its end.
 * The message is checked for room and target before the client may send it.
 */
#include "svc/account/imap/session.h"

#include "conf/conf.h"
#include "svc/account/imap/describe.h"
#include "sys/clock.h"

/* APPEND without a message. */
enum err
svc_account_imap_cmd_append(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_fail(s, ERR_BADSTATE, "", "APPEND without a message");
}

static enum err
check_quota(struct svc_account_imap *s, uint64_t size)
{
	struct store_quota q;
	TRY(store_quota(s->store, &q));
	bool full = (q.octets_max != 0 &&
			(size > q.octets_max || q.octets > q.octets_max - size)) ||
	    (q.messages_max != 0 && q.messages >= q.messages_max);
	return full ? ERR_QUOTA : ERR_OK;
}

static enum err
find_target(struct svc_account_imap *s, str name, uint64_t *ret)
{
	struct store_mailbox m;
	enum err e = store_mailbox_find(s->store, name, s->work, &m);
	if (e == ERR_NOTFOUND || (e == ERR_OK && m.id == 0)) {
		return svc_account_imap_fail(s, ERR_NOTFOUND, "TRYCREATE", "no such mailbox");
	}
	TRY(e);
	*ret = m.id;
	return ERR_OK;
}

static enum err
may_append(struct svc_account_imap *s, const struct imap_append_args *append)
{
	uint64_t mailbox;
	if (append->size > s->account->conf->imap_append_max) {
		return svc_account_imap_fail(s, ERR_TOOBIG, "TOOBIG", "message is too large");
	}
	TRY(find_target(s, append->mailbox, &mailbox));
	return check_quota(s, append->size);
}

void
svc_account_imap_append_begin(struct svc_account_imap *s, const struct imap_append_args *append)
{
	buf_reset(&s->code);
	buf_reset(&s->message);
	arena_reset(s->work);
	enum err e = may_append(s, append);
	if (e == ERR_OK && append->size > 0 &&
	    buf_room(&s->message, (size_t)append->size) == NULL) {
		e = ERR_NOMEM;
	}
	if (e != ERR_OK) {
		svc_account_imap_reply(s, imap_tag_of(buf_view(&s->reader.raw)), S("APPEND"), e);
	} else if (append->sync) {
		svc_account_imap_line(s, "+ send it");
	}
	imap_reader_append(&s->reader, e == ERR_OK);
}

void
svc_account_imap_append_body(struct svc_account_imap *s, str octets)
{
	buf_str(&s->message, octets);
}

static enum err
store_message(struct svc_account_imap *s, const struct imap_append_args *append)
{
	uint64_t mailbox;
	struct store_added added;
	struct store_new msg = { .internal_s = append->has_date ? append->date_s
								: sys_clock_wall_s() };
	str message = buf_view(&s->message);
	TRY(buf_err(&s->message));
	if (message.n > 0 && memchr(message.p, 0, message.n) != NULL) {
		/* RFC 3516 4.4: what cannot be stored as binary is refused. */
		return svc_account_imap_fail(s, ERR_UNSUPPORTED, "UNKNOWN-CTE",
		    "NUL octets are not stored");
	}
	TRY(find_target(s, append->mailbox, &mailbox));
	TRY(svc_account_imap_flag_bits(s, mailbox, &append->flags, &msg.flags));
	arena_reset(s->scratch);
	TRY(svc_account_imap_describe(s->scratch, message, &msg));
	TRY(store_append(s->store, mailbox, &msg, 1, &added));
	buf_printf(&s->code, "APPENDUID %u %u", added.uidvalidity, added.uid);
	svc_account_imap_changed(s, mailbox);
	return ERR_OK;
}

void
svc_account_imap_append_end(struct svc_account_imap *s, str tag, enum err tail)
{
	enum err e = tail;
	if (e == ERR_OK) {
		e = store_message(s, &s->reader.append);
		s->errors = 0;
	} else {
		e = svc_account_imap_fail(s, ERR_BADSTATE, "", "syntax error behind the message");
	}
	buf_done(&s->message);
	enum err news = svc_account_imap_refresh(s, true, NULL);
	svc_account_imap_reply(s, tag, S("APPEND"), e == ERR_OK ? news : e);
}
