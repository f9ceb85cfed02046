/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND and REPLACE in a shared mailbox, on the visitor's side: the octets that the client sends
 * go to the guest as they come, and none is kept here. Our own reader says where messages begin and
 * end, so that both stay in step with the client; the guest has a reader of its own and decides.
 */
#include "svc/account/imap/append.h"

#include "ipc/account_guest.h"
#include "sys/chan.h"

enum { PIECE = 65536, SEND_MS = 60000 };

static const char apart[] = "a message is replaced within one account only";

static str
verb_of(const struct imap_append *append)
{
	return append->replace ? S("REPLACE") : S("APPEND");
}

/* `begin` of a command, or the octets of a line, which the guest answers, or of a message. */
static enum err
send(struct svc_account_imap *s, struct svc_account_imap_visit *v, str octets,
    struct ipc_account_guest_append m)
{
	bool asks = m.asks;
	do {
		struct buf out;
		m.octets = str_sub(octets, 0, PIECE);
		m.enabled = s->enabled;
		m.asks = asks && octets.n <= PIECE;
		octets = str_from_off(octets, m.octets.n);
		buf_init(&out, SYS_CHAN_MESSAGE_MAX);
		ipc_account_guest_append_put(&out, &m);
		enum err e = sys_chan_send_wait(v->chan, &out, -1, SEND_MS);
		buf_done(&out);
		TRY(e);
		m.begin = false;
	} while (octets.n > 0);
	return ERR_OK;
}

/* The line that has just ended, and what the guest says of it. */
static enum err
send_line(struct svc_account_imap *s, struct svc_account_imap_visit *v, bool begin)
{
	str line = str_from_off(buf_view(&s->reader.raw), s->reader.piece);
	v->done = false;
	TRY(send(s, v, line, (struct ipc_account_guest_append){ .begin = begin, .asks = true }));
	return svc_account_imap_shared_visit_pump(s, v);
}

/* Where it shall go; both mailboxes of a REPLACE must be the same owner's. */
static enum err
find_guest(struct svc_account_imap *s, const struct imap_append *append,
    struct svc_account_imap_visit **ret)
{
	bool shared = svc_account_imap_shared_is_name(append->mailbox);
	if (append->replace && s->state != IMAP_SELECTED) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "", "no mailbox is selected");
	}
	if (append->replace && (!shared || s->shared.at == NULL)) {
		return svc_account_imap_fail(s, ERR_DENIED, "CANNOT", apart);
	}
	enum err e = svc_account_imap_shared_visit_of(s, append->mailbox, ret);
	if (e == ERR_NOTFOUND || e == ERR_DISABLED) {
		return svc_account_imap_fail(s, ERR_NOTFOUND, "TRYCREATE", "no such mailbox");
	}
	if (e != ERR_OK) {
		return svc_account_imap_fail(s, ERR_BUSY, "UNAVAILABLE", "not available now");
	}
	return append->replace && *ret != s->shared.at
	    ? svc_account_imap_fail(s, ERR_DENIED, "CANNOT", apart)
	    : ERR_OK;
}

static bool
is_ours(const struct svc_account_imap *s, const struct imap_append *append)
{
	bool replaces = append->replace && s->shared.at != NULL;
	return s->account->guest != 0 ||
	    (!replaces && !svc_account_imap_shared_is_name(append->mailbox));
}

bool
svc_account_imap_shared_pass_begin(struct svc_account_imap *s, const struct imap_append *append)
{
	struct svc_account_imap_visit *v = s->shared.passing;
	bool begin = v == NULL;
	if (begin && (s->append != NULL || is_ours(s, append))) {
		return false;
	}
	buf_reset(&s->code);
	arena_reset(s->work);
	enum err e = begin ? find_guest(s, append, &v) : ERR_OK;
	bool answered = false;
	if (e == ERR_OK && (begin || !s->shared.passing_lost)) {
		uint64_t before = v->got;
		e = send_line(s, v, begin);
		answered = v->got != before;
		e = e != ERR_OK || v->ended ? svc_account_imap_shared_visit_lost(s, v) : v->result;
	} else if (e == ERR_OK) {
		e = svc_account_imap_shared_visit_lost(s, v);
	}
	if (e != ERR_OK && !answered) {
		svc_account_imap_reply(s, imap_tag_of(buf_view(&s->reader.raw)), verb_of(append),
		    e);
	}
	s->shared.passing = e == ERR_OK ? v : NULL;
	s->shared.passing_lost = false;
	imap_reader_append(&s->reader, e == ERR_OK);
	return true;
}

bool
svc_account_imap_shared_pass_body(struct svc_account_imap *s, str octets)
{
	struct svc_account_imap_visit *v = s->shared.passing;
	if (v == NULL) {
		return false;
	}
	if (!s->shared.passing_lost) {
		struct ipc_account_guest_append m = { 0 };
		s->shared.passing_lost = send(s, v, octets, m) != ERR_OK;
	}
	return true;
}

/* The command was wrong behind a message: the guest forgets what it has. */
static void
forget(struct svc_account_imap *s, struct svc_account_imap_visit *v)
{
	struct ipc_account_guest_keep m = { .all = false };
	struct buf out;
	buf_init(&out, 64);
	ipc_account_guest_keep_put(&out, &m);
	v->done = false;
	enum err e = sys_chan_send_wait(v->chan, &out, -1, SEND_MS);
	buf_done(&out);
	e = e == ERR_OK ? svc_account_imap_shared_visit_pump(s, v) : e;
	if (e != ERR_OK || v->ended) {
		(void)(svc_account_imap_shared_visit_lost(s, v) == ERR_OK);
	}
}

bool
svc_account_imap_shared_pass_end(struct svc_account_imap *s, const struct imap_action *act)
{
	struct svc_account_imap_visit *v = s->shared.passing;
	if (v == NULL) {
		return false;
	}
	bool lost = s->shared.passing_lost;
	uint64_t before = v->got;
	s->shared.passing = NULL;
	s->shared.passing_lost = false;
	s->errors = 0;
	if (act->err != ERR_OK) {
		if (!lost) {
			forget(s, v);
		}
		svc_account_imap_bad(s, act->tag, act->err, false);
		return true;
	}
	if (!lost && send_line(s, v, false) == ERR_OK) {
		svc_account_imap_shared_visit_settle(s, v);
		return true;
	}
	bool halfway = v->got != before;
	enum err e = svc_account_imap_shared_visit_lost(s, v);
	if (!halfway) {
		svc_account_imap_reply(s, act->tag, verb_of(act->append), e);
	}
	return true;
}
