/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session from its first line to its last: read, dispatch, answer, wait.
 */
#include "svc/account/imap/park.h"

#include "conf/conf.h"
#include "proto/imap/write.h"
#include "store/text/text.h"
#include "svc/account/imap/append.h"
#include "svc/account/imap/leave.h"
#include "svc/account/imap/limit.h"
#include "svc/account/imap/notify/notify.h"
#include "svc/account/imap/qresync.h"
#include "svc/common/log.h"
#include "sys/clock.h"
#include "sys/sock.h"

static svc_account_imap_cmd *const handlers[IMAP_VERB_COUNT] = {
#define CMD(verb, states, flags, handler, args, grammar, rfc) \
	[IMAP_##verb] = svc_account_imap_cmd_##handler,
#include "proto/imap/commands.def"
#undef CMD
};

void
svc_account_imap_end(struct svc_account_imap *s, enum err e, const char *bye)
{
	if (!s->quit) {
		s->quit = true;
		s->end = e;
		s->bye = bye;
	}
}

/* Everything after the handler: news of the mailbox, then the tagged response. */
static void
finish(struct svc_account_imap *s, const struct imap_command *cmd, enum err e)
{
	const struct imap_verb_row *row = &imap_verbs[cmd->verb];
	enum err news = svc_account_imap_refresh(s, svc_account_imap_may_expunge(cmd), NULL);
	e = e == ERR_OK ? news : e;
	svc_account_imap_limit_tell(s, e);
	svc_account_imap_reply(s, cmd->tag, row->name, e);
	svc_account_imap_zip_begin(s, e);
}

/* SEARCH and its relatives have a response code of their own for a charset. */
static void
bad_command(struct svc_account_imap *s, const struct imap_command *cmd, enum err e)
{
	bool search = cmd->verb == IMAP_SEARCH || cmd->verb == IMAP_SORT ||
	    cmd->verb == IMAP_THREAD || cmd->verb == IMAP_ESEARCH;
	unsigned ret = cmd->verb == IMAP_SEARCH ? cmd->u.search.ret
	    : cmd->verb == IMAP_SORT            ? cmd->u.sort.search.ret
	    : cmd->verb == IMAP_ESEARCH         ? cmd->u.esearch.search.ret
						: 0;
	svc_account_imap_bad(s, cmd->tag, e, search);
	if (e == ERR_CHARSET && (ret & IMAP_RETURN_SAVE) != 0) {
		store_set_reset(&s->box.saved); /* answered with NO (RFC 5182 2.1, example 5) */
	}
}

static void
run_command(struct svc_account_imap *s, str raw)
{
	struct imap_command cmd;
	enum err e = imap_command_parse(s->command_arena, raw, s->state, s->enabled, &cmd);
	if (e == ERR_OK && !imap_caps_allow(&s->caps, cmd.verb)) {
		e = ERR_UNSUPPORTED;
	}
	if (e != ERR_OK) {
		bad_command(s, &cmd, e);
		return;
	}
	buf_reset(&s->code);
	svc_account_imap_limit_reset(s);
	if (svc_account_imap_has_uidonly(s) && svc_account_imap_uses_numbers(&cmd)) {
		s->errors++;
		e = svc_account_imap_fail(s, ERR_BADSTATE, "UIDREQUIRED", "uids only, please");
		svc_account_imap_reply(s, cmd.tag, imap_verbs[cmd.verb].name, e);
		return;
	}
	if (cmd.verb != IMAP_IDLE && svc_account_imap_rouse(s) != ERR_OK) {
		return;
	}
	if (svc_account_imap_shared_visit_run(s, &cmd, raw)) {
		return;
	}
	s->errors = 0;
	arena_reset(s->work);
	s->tag = cmd.tag;
	s->tell_ms = sys_clock_ms() + SVC_ACCOUNT_IMAP_PROGRESS_MS;
	e = handlers[cmd.verb](s, &cmd);
	s->tag = STR_NONE;
	if (s->idle_tag.p == NULL && !s->broken) {
		finish(s, &cmd, e);
	}
}

/* A line while in IDLE: DONE, in any case of letters (RFC 9051 6.3.13). */
static void
end_idle(struct svc_account_imap *s, str raw)
{
	bool done = str_ieq(raw, S("DONE"));
	svc_account_imap_shared_visit_idle(s, false);
	enum err e = svc_account_imap_refresh(s, true, NULL);
	if (done) {
		svc_account_imap_reply(s, s->idle_tag, S("IDLE"), e);
	} else {
		svc_account_imap_bad(s, s->idle_tag, ERR_SYNTAX, false);
	}
	s->idle_tag = STR_NONE;
}

/* In IDLE only DONE may come. */
static void
begin_append(struct svc_account_imap *s, const struct imap_append *append)
{
	if (s->idle_tag.p == NULL) {
		if (svc_account_imap_rouse(s) == ERR_OK) {
			svc_account_imap_append_begin(s, append);
		}
		return;
	}
	end_idle(s, S("APPEND"));
	imap_reader_append(&s->reader, false);
}

static void
take_action(struct svc_account_imap *s, const struct imap_action *act)
{
	switch (act->kind) {
	case IMAP_DO_COMMAND:
		if (s->idle_tag.p != NULL) {
			end_idle(s, act->raw);
		} else {
			run_command(s, act->raw);
		}
		break;
	case IMAP_DO_CONTINUE: svc_account_imap_line(s, "+ go on"); return;
	case IMAP_DO_APPEND: begin_append(s, act->append); return;
	case IMAP_DO_BODY:
		s->octets_body += act->body.n;
		svc_account_imap_append_body(s, act->body);
		return;
	case IMAP_DO_APPEND_END: svc_account_imap_append_end(s, act); break;
	case IMAP_DO_REFUSE: svc_account_imap_bad(s, act->tag, act->err, false); break;
	case IMAP_DO_BYE:
		svc_account_imap_end(s, ERR_TOOBIG, "[TOOBIG] literal is too large");
		break;
	}
	if (s->errors >= SVC_ACCOUNT_IMAP_ERRORS_MAX) {
		svc_account_imap_end(s, ERR_PROTOCOL, "too many wrong commands");
	}
	imap_reader_reset(&s->reader);
}

void
svc_account_imap_feed(struct svc_account_imap *s, str in)
{
	bool plain = s->zip == NULL;
	s->octets_in += in.n;
	while (in.n > 0 && !s->quit && !s->broken) {
		if (plain && s->zip != NULL) { /* RFC 4978 3: it had to wait for the answer */
			svc_account_imap_end(s, ERR_PROTOCOL, "octets behind COMPRESS");
			return;
		}
		size_t used;
		struct imap_action act;
		imap_reader_feed(&s->reader, in, &used);
		in = str_from_off(in, used);
		while (imap_reader_next(&s->reader, &act)) {
			take_action(s, &act);
		}
		svc_account_imap_breathe(s);
	}
	svc_account_imap_leave_behind(s, in);
}

void
svc_account_imap_take_news(struct svc_account_imap *s)
{
	bool idle = s->idle_tag.p != NULL;
	bool between = imap_reader_at_rest(&s->reader) && s->append == NULL;
	if (s->dirty && svc_account_imap_rouse(s) != ERR_OK) {
		return;
	}
	if (s->dirty && (idle || (between && svc_account_imap_notify_pushes(s)))) {
		arena_reset(s->work);
		enum err e = svc_account_imap_refresh(s,
		    idle || svc_account_imap_notify_expunges(s), NULL);
		svc_account_imap_notify_tell(s);
		if (s->box.expunged) {
			svc_account_imap_tell_modseq(s, false);
		}
		if (e != ERR_OK) {
			svc_account_imap_end(s, e, "the server failed");
		}
	}
	s->dirty = false; /* otherwise the command that comes next reports */
}

/* Nothing came for a while: the client is gone, or there is time to park. */
static void
silence(struct svc_account_imap *s)
{
	if (sys_clock_ms() >= s->deadline_ms) {
		svc_account_imap_end(s, ERR_TIMEOUT, "autologout; idle for too long");
	} else {
		(void)svc_account_imap_park(s);
	}
}

static void
take_octets(struct svc_account_imap *s, char *room)
{
	size_t n = 0;
	enum err e = sys_sock_read(s->account->stream, room, SVC_ACCOUNT_IMAP_IN_MAX, &n);
	if (e == ERR_OK) {
		s->park.stream_in += n;
		s->deadline_ms = sys_clock_ms() + s->account->conf->imap_idle_timeout;
		svc_account_imap_take(s, (str){ room, n });
	} else if (e != ERR_AGAIN) {
		s->broken = true;
		s->end = e == ERR_EOF ? ERR_OK : e;
	}
}

/*
 * Wait for the client or a notice. Quiet moments are used for the texts of new messages; a failure
 * there is no reason to end, the next search meets it, too.
 */
static enum err
wait_for_more(struct svc_account_imap *s)
{
	int64_t left = svc_account_imap_park_due_ms(s) - sys_clock_ms();
	int64_t quiet = s->texts_more ? 0 : SVC_ACCOUNT_IMAP_QUIET_MS;
	bool use = s->store != NULL && (s->texts_more || (s->texts_due && quiet < left));
	enum err e = svc_account_imap_wait(s, true, use ? quiet : left);
	if (e == ERR_TIMEOUT && use) {
		bool more = false;
		s->texts_more = store_text_keep_up(s->store, &more) == ERR_OK && more;
		s->texts_due = s->texts_more;
		return ERR_AGAIN;
	}
	s->texts_due = s->texts_due || e != ERR_TIMEOUT;
	return e;
}

static void
serve(struct svc_account_imap *s, char *room)
{
	while (!s->quit && !s->broken && !s->park.parked) {
		svc_account_imap_take_news(s); /* what came while we wrote or offered to park */
		svc_account_imap_flush(s);
		enum err e = s->broken ? s->end : wait_for_more(s);
		if (e == ERR_TIMEOUT) {
			silence(s);
			continue;
		}
		if (e == ERR_OK) {
			take_octets(s, room);
		} else if (e != ERR_AGAIN) {
			s->broken = true;
			s->end = e;
		}
		svc_account_imap_park_later(s);
	}
}

static void
greet(struct svc_account_imap *s, str tag)
{
	buf_str(&s->out, tag);
	buf_cstr(&s->out, " OK [CAPABILITY ");
	imap_capabilities_put(&s->out, &s->caps);
	buf_cstr(&s->out, "] logged in\r\n");
}

enum err
svc_account_imap_init(struct svc_account_imap *s, struct svc_account *a)
{
	*s = (struct svc_account_imap){
		.account = a, .store = a->store, .state = IMAP_AUTH, .texts_due = true
	};
	s->arena = arena_new(NULL, "imap", SVC_ACCOUNT_IMAP_BUDGET, 0);
	if (s->arena == NULL) {
		return ERR_NOMEM;
	}
	s->command_arena = arena_new(s->arena, "command", IMAP_COMMAND_BUDGET, 0);
	s->work = arena_new(s->arena, "work", SVC_ACCOUNT_IMAP_WORK, 0);
	s->box_arena = arena_new(s->arena, "mailbox", SVC_ACCOUNT_IMAP_BUDGET / 8, 0);
	s->scratch = arena_new(s->arena, "scratch", SVC_ACCOUNT_IMAP_SCRATCH, 0);
	s->shared.arena = arena_new(s->arena, "shared", SVC_ACCOUNT_IMAP_SHARED_BUDGET, 0);
	s->shared.stream = s->shared.chan = -1;
	if (s->command_arena == NULL || s->work == NULL || s->box_arena == NULL ||
	    s->scratch == NULL || s->shared.arena == NULL) {
		arena_free(&s->arena);
		return ERR_NOMEM;
	}
	buf_init(&s->out, SVC_ACCOUNT_IMAP_OUT_MAX);
	buf_init(&s->behind, SVC_ACCOUNT_IMAP_IN_MAX);
	buf_init(&s->code, SVC_ACCOUNT_IMAP_CODE_MAX);
	buf_init(&s->message, SVC_ACCOUNT_IMAP_APPEND_TOTAL * (size_t)a->conf->imap_append_max);
	imap_reader_init(&s->reader, s->command_arena);
	s->caps.append_limit = a->conf->imap_append_max;
	s->caps.message_limit = a->conf->imap_message_limit;
	s->caps.save_limit = a->conf->imap_save_limit;
	svc_account_imap_know_client(s, STR_NONE);
	s->deadline_ms = sys_clock_ms() + a->conf->imap_idle_timeout;
	return ERR_OK;
}

void
svc_account_imap_done(struct svc_account_imap *s)
{
	svc_account_imap_deselect(s);
	svc_account_imap_notify_free(s);
	svc_account_imap_shared_visit_done(s);
	imap_reader_done(&s->reader);
	svc_account_imap_zip_done(s);
	buf_done(&s->out);
	buf_done(&s->behind);
	buf_done(&s->code);
	buf_done(&s->message);
	arena_free(&s->arena);
}

/* A new session says hello; one that was parked says nothing before something happened. */
static enum err
begin(struct svc_account_imap *s, const struct svc_account_login *login)
{
	svc_account_imap_park_init(s, login);
	if (login->parked.p != NULL) {
		enum err e = svc_account_imap_resume(s, login->parked);
		if (e != ERR_OK) {
			svc_account_imap_end(s, e, "the session cannot be taken up; log in again");
		}
		return e;
	}
	LOG(IMAP_OPEN, F_ID("session", s->account->session), F_STR("account", s->account->name));
	greet(s, login->tag);
	svc_account_imap_feed(s, login->unread);
	return ERR_OK;
}

/* Last words, unless the session goes on elsewhere. */
static enum err
finish_session(struct svc_account_imap *s)
{
	if (s->park.parked) {
		return ERR_OK;
	}
	if (s->quit && !s->broken && s->bye != NULL) {
		svc_account_imap_line(s, "* BYE %s", s->bye);
	}
	svc_account_imap_flush(s);
	svc_account_imap_leave(s);
	LOG(IMAP_CLOSE, F_ID("session", s->account->session), F_U64("in", s->octets_in),
	    F_U64("out", s->octets_out), F_ERR(s->end));
	return s->end;
}

enum err
svc_account_imap_run(struct svc_account *a, const struct svc_account_login *login)
{
	static char
	    room[SVC_ACCOUNT_IMAP_IN_MAX]; /* not zeroed: most clients say a line at a time */
	struct svc_account_imap s;
	TRY(svc_account_imap_init(&s, a));
	if (begin(&s, login) == ERR_OK) {
		serve(&s, room);
	}
	enum err e = finish_session(&s);
	svc_account_imap_done(&s);
	return e;
}
