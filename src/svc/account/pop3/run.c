/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session from log-in to its end: open the maildrop, then read, dispatch, answer, wait.
 */
#include "svc/account/pop3/session.h"

#include "conf/conf.h"
#include "svc/common/log.h"
#include "sys/clock.h"
#include "sys/sock.h"

static svc_account_pop3_cmd *const handlers[POP3_VERBS] = {
#define CMD(verb, state, handler, args, grammar, rfc) \
	[POP3_##verb] = svc_account_pop3_cmd_##handler,
#include "proto/pop3/commands.def"
#undef CMD
};

/* What a client is told of a command that is none. */
static enum pop3_reply
mistake(enum err e)
{
	switch (e) {
	case ERR_SYNTAX: return POP3_RE_SYNTAX;
	case ERR_BADSTATE: return POP3_RE_LOGGED_ON;
	case ERR_PROTOCOL: return POP3_RE_BAD_LINE;
	case ERR_TOOBIG: return POP3_RE_LONG_LINE;
	default: return POP3_RE_UNKNOWN;
	}
}

void
svc_account_pop3_end(struct svc_account_pop3 *s, enum err e)
{
	if (!s->quit) {
		s->quit = true;
		s->end = e;
	}
}

static void
run_command(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	if (c->err == ERR_OK) {
		s->errors = 0;
		handlers[c->verb](s, c);
		return;
	}
	bool last = ++s->errors >= SVC_ACCOUNT_POP3_ERRORS_MAX;
	svc_account_pop3_say(s, last ? POP3_RE_TOO_MANY : mistake(c->err));
	if (last) {
		svc_account_pop3_end(s, ERR_PROTOCOL);
	}
}

void
svc_account_pop3_feed(struct svc_account_pop3 *s, str in)
{
	s->octets_in += in.n;
	while (in.n > 0 && !s->quit && !s->broken) {
		size_t used;
		struct pop3_command c;
		pop3_feed(&s->reader, in, &used);
		in = str_from_off(in, used);
		while (pop3_next(&s->reader, &c)) {
			run_command(s, &c);
		}
		svc_account_pop3_breathe(s);
	}
}

bool
svc_account_pop3_open(struct svc_account_pop3 *s)
{
	enum err e = svc_account_pop3_drop_open(s);
	if (e == ERR_OK) {
		LOG(POP3_OPEN, F_ID("session", s->account->session),
		    F_STR("account", s->account->name), F_U64("messages", s->drop.n));
		svc_account_pop3_say(s, POP3_RE_LOGGED_IN);
		return true;
	}
	if (e == ERR_BUSY) {
		LOG(POP3_IN_USE, F_ID("session", s->account->session),
		    F_STR("account", s->account->name));
	}
	svc_account_pop3_say(s, e == ERR_BUSY ? POP3_RE_IN_USE : POP3_RE_FAILED);
	svc_account_pop3_end(s, e == ERR_BUSY ? ERR_OK : e);
	return false;
}

static void
serve(struct svc_account_pop3 *s, char *room)
{
	while (!s->quit && !s->broken) {
		svc_account_pop3_flush(s);
		enum err e = s->broken
		    ? s->end
		    : svc_account_pop3_wait(s, true, s->deadline_ms - sys_clock_ms());
		size_t n = 0;
		e = e == ERR_OK
		    ? sys_sock_read(s->account->stream, room, SVC_ACCOUNT_POP3_IN_MAX, &n)
		    : e;
		if (e == ERR_OK) {
			s->deadline_ms = sys_clock_ms() + s->account->conf->pop3_idle_timeout;
			svc_account_pop3_feed(s, (str){ room, n });
		} else if (e == ERR_TIMEOUT) {
			svc_account_pop3_end(s, e); /* no word, nothing removed: RFC 1939 3 */
		} else if (e != ERR_AGAIN) {
			s->broken = true;
			s->end = e == ERR_EOF ? ERR_OK : e;
		}
	}
}

enum err
svc_account_pop3_init(struct svc_account_pop3 *s, struct svc_account *a)
{
	*s = (struct svc_account_pop3){ .account = a, .drop = { .lock = -1 } };
	s->arena = arena_new(NULL, "pop3", SVC_ACCOUNT_POP3_BUDGET, 0);
	if (s->arena == NULL) {
		return ERR_NOMEM;
	}
	buf_init(&s->out, SVC_ACCOUNT_POP3_OUT_MAX);
	pop3_init(&s->reader);
	s->deadline_ms = sys_clock_ms() + a->conf->pop3_idle_timeout;
	return ERR_OK;
}

void
svc_account_pop3_done(struct svc_account_pop3 *s)
{
	svc_account_pop3_drop_done(&s->drop);
	buf_done(&s->out);
	arena_free(&s->arena);
}

enum err
svc_account_pop3_run(struct svc_account *a, const struct svc_account_login *login)
{
	static char room[SVC_ACCOUNT_POP3_IN_MAX];
	struct svc_account_pop3 s;
	TRY(svc_account_pop3_init(&s, a));
	if (svc_account_pop3_open(&s)) {
		svc_account_pop3_feed(&s, login->unread);
		serve(&s, room);
		LOG(POP3_CLOSE, F_ID("session", a->session), F_U64("fetched", s.fetched),
		    F_U64("removed", s.removed), F_U64("in", s.octets_in),
		    F_U64("out", s.octets_out), F_ERR(s.end));
	}
	svc_account_pop3_flush(&s);
	enum err e = s.end;
	svc_account_pop3_done(&s);
	return e;
}
