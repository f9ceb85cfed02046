/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One session before log-in: the engine in the middle, the client's stream on one side, auth and
 * accounts on the other. svc_login_session_step does whatever can be done and sets what is waited
 * for.
 */
#include "base/mem.h"
#include "svc/login/login.h"
#include "sys/sys.h"

#define SESSION_MAGIC 0x4c4f4749u
#define BIT(wait) (1u << SVC_LOGIN_##wait)

/* What may be waited for after what; DEAD after everything. */
static const unsigned legal[SVC_LOGIN_WAITS] = {
	[SVC_LOGIN_CLIENT] = BIT(CLIENT) | BIT(AUTH) | BIT(ACCOUNTS) | BIT(END),
	[SVC_LOGIN_AUTH] = BIT(CLIENT) | BIT(AUTH) | BIT(DELAY) | BIT(ACCOUNTS) | BIT(END),
	[SVC_LOGIN_DELAY] = BIT(CLIENT) | BIT(END),
	[SVC_LOGIN_ACCOUNTS] = BIT(CLIENT) | BIT(END),
	[SVC_LOGIN_END] = BIT(END),
	[SVC_LOGIN_DEAD] = 0,
};

static void
wait_for(struct svc_login_session *s, enum svc_login_wait what)
{
	ASSERT(what == SVC_LOGIN_DEAD || (legal[s->wait] & 1u << what) != 0);
	s->wait = (uint8_t)what;
}

enum preauth_protocol
svc_login_preauth_protocol(unsigned protocol)
{
	switch (protocol) {
	case SYS_POP3:
	case SYS_POP3S: return PREAUTH_POP3;
	case SYS_MANAGESIEVE: return PREAUTH_SIEVE;
	default: return PREAUTH_IMAP;
	}
}

void
svc_login_session_close(struct svc_login_session *s, const char *why)
{
	struct svc_login *l = s->login;
	ASSERT(s->magic == SESSION_MAGIC);
	if (s->wait == SVC_LOGIN_DEAD) {
		return;
	}
	if (s->wait == SVC_LOGIN_AUTH || s->wait == SVC_LOGIN_CLIENT) {
		svc_login_auth_abort(s);
	}
	wait_for(s, SVC_LOGIN_DEAD);
	if (why != NULL) {
		LOG(LOGIN_CLOSE, F_ID("session", s->about.id), F_CSTR("why", why));
	}
	svc_login_request_end(s);
	sys_timer_stop(&s->idle);
	sys_timer_stop(&s->delay);
	if (s->watch.on) {
		sys_watch_stop(l->sc->loop, &s->watch);
	}
	sys_close(&s->watch.fd);
	preauth_done(&s->engine);
	buf_wipe(&s->in);
	buf_done(&s->in);
	mem_wipe(s->ticket, sizeof s->ticket);
	arena_free(&s->arena);
	list_remove(&s->node);
	list_push(&l->dead, &s->node);
	l->sessions_n--;
	sys_task_schedule(l->sc->loop, &l->reaper);
}

/* False: closed. */
static bool
flush(struct svc_login_session *s)
{
	struct buf *out = preauth_out(&s->engine);
	while (out->n > 0) {
		size_t sent = 0;
		enum err e = sys_sock_write(s->watch.fd, buf_view(out), &sent);
		if (e == ERR_AGAIN) {
			return true;
		}
		if (e != ERR_OK) {
			svc_login_session_close(s, "client");
			return false;
		}
		buf_consume(out, sent);
	}
	return true;
}

static void
ask_auth(struct svc_login_session *s, const struct preauth_action *a)
{
	bool first = a->kind == PREAUTH_ACT_SASL_START;
	wait_for(s, SVC_LOGIN_AUTH);
	enum err e = first ? svc_login_auth_start(s, a) : svc_login_auth_step(s, a);
	if (e != ERR_OK) {
		svc_login_request_end(s);
		s->login->facts.unavailable++;
		preauth_answer_done(&s->engine, ERR_UNAVAILABLE, NULL, 0);
		wait_for(s, SVC_LOGIN_CLIENT);
	}
}

static void
attach(struct svc_login_session *s)
{
	wait_for(s, SVC_LOGIN_ACCOUNTS);
	enum err e = svc_login_attach(s);
	if (e != ERR_OK) {
		svc_login_request_end(s);
		s->login->facts.unavailable++;
		preauth_answer_attach(&s->engine, e);
		wait_for(s, SVC_LOGIN_CLIENT);
	}
}

static void
act(struct svc_login_session *s, const struct preauth_action *a)
{
	struct sys_loop *loop = s->login->sc->loop;
	switch (a->kind) {
	case PREAUTH_ACT_SASL_START:
	case PREAUTH_ACT_SASL_STEP: ask_auth(s, a); break;
	case PREAUTH_ACT_SASL_ABORT: svc_login_auth_abort(s); break;
	case PREAUTH_ACT_DELAY:
		wait_for(s, SVC_LOGIN_DELAY);
		sys_timer_set(loop, &s->delay, MAX(a->until_ms - sys_loop_now_ms(loop), 0));
		break;
	case PREAUTH_ACT_ATTACH:
		s->tag = a->data;
		attach(s);
		break;
	case PREAUTH_ACT_CLOSE:
		svc_login_auth_abort(s);
		s->why = preauth_close_name(a->why);
		wait_for(s, SVC_LOGIN_END);
		break;
	case PREAUTH_ACT_STARTTLS: ASSERT(!"STARTTLS inside TLS");
	}
}

/* Feed and obey until somebody has to answer; what is said goes out in order. */
static void
converse(struct svc_login_session *s)
{
	int64_t now = sys_loop_now_ms(s->login->sc->loop);
	for (bool more = true; more;) {
		struct preauth_action a;
		size_t used = 0;
		preauth_feed(&s->engine, buf_view(&s->in), now, &used);
		buf_consume(&s->in, used);
		bool acted = preauth_next(&s->engine, &a);
		if (acted) {
			act(s, &a);
		}
		more = acted || used > 0;
	}
}

void
svc_login_session_step(struct svc_login_session *s)
{
	ASSERT(s->magic == SESSION_MAGIC);
	if (s->wait != SVC_LOGIN_END && preauth_listening(&s->engine)) {
		wait_for(s, SVC_LOGIN_CLIENT);
	}
	converse(s);
	if (!flush(s)) {
		return;
	}
	bool sending = preauth_out(&s->engine)->n > 0;
	if (s->wait == SVC_LOGIN_END && !sending) {
		svc_login_session_close(s, s->why);
		return;
	}
	bool reading = s->wait == SVC_LOGIN_CLIENT && !sending;
	if (s->watch.on) {
		sys_watch_set(s->login->sc->loop, &s->watch,
		    (reading ? SYS_IN : 0) | (sending ? SYS_OUT : 0));
	}
}

/* Silence is bounded, and so is the whole time before log-in. */
static void
set_idle(struct svc_login_session *s)
{
	struct sys_loop *loop = s->login->sc->loop;
	int64_t left = s->begun_ms + SVC_LOGIN_TOTAL_MS - sys_loop_now_ms(loop);
	sys_timer_set(loop, &s->idle, MAX(MIN(left, SVC_LOGIN_IDLE_MS), 0));
}

static void
on_stream(void *ctx, unsigned events)
{
	struct svc_login_session *s = ctx;
	size_t n = 0;
	ASSERT(s->magic == SESSION_MAGIC);
	if (s->wait == SVC_LOGIN_CLIENT && preauth_out(&s->engine)->n == 0) {
		char *to = buf_room(&s->in, SVC_LOGIN_READ);
		enum err e = to == NULL ? ERR_NOMEM
					: sys_sock_read(s->watch.fd, to, SVC_LOGIN_READ, &n);
		if (e == ERR_AGAIN) {
			return;
		}
		if (e != ERR_OK) {
			svc_login_session_close(s, e == ERR_NOMEM ? "memory" : "client");
			return;
		}
		buf_grow(&s->in, n);
		s->octets += n;
		set_idle(s);
	} else if ((events & SYS_HUP) != 0) {
		svc_login_session_close(s, "client");
		return;
	}
	svc_login_session_step(s);
}

void
svc_login_session_end(struct svc_login_session *s, enum preauth_close why)
{
	if (s->wait == SVC_LOGIN_ACCOUNTS) {
		return; /* it may have another owner already */
	}
	preauth_end(&s->engine, why);
	svc_login_session_step(s);
}

static void
on_idle(void *ctx)
{
	struct svc_login_session *s = ctx;
	s->login->facts.timeouts++;
	svc_login_session_end(s, PREAUTH_CLOSE_TIMEOUT);
	svc_login_session_close(s, "timeout");
}

static void
on_delay(void *ctx)
{
	struct svc_login_session *s = ctx;
	preauth_step(&s->engine, sys_loop_now_ms(s->login->sc->loop));
	svc_login_session_step(s);
}

static bool
copy_texts(struct svc_login_session *s, const struct ipc_common_session *from)
{
	struct ipc_common_session *to = &s->about;
	*to = *from;
	to->peer_ip = arena_dup(s->arena, from->peer_ip);
	to->local_ip = arena_dup(s->arena, from->local_ip);
	to->tls_version = arena_dup(s->arena, from->tls_version);
	to->tls_cipher = arena_dup(s->arena, from->tls_cipher);
	to->sni = arena_dup(s->arena, from->sni);
	to->exporter = arena_dup(s->arena, from->exporter);
	to->endpoint = arena_dup(s->arena, from->endpoint);
	return to->peer_ip.p != NULL && to->local_ip.p != NULL && to->tls_version.p != NULL &&
	    to->tls_cipher.p != NULL && to->sni.p != NULL && to->exporter.p != NULL &&
	    to->endpoint.p != NULL;
}

/* Bring it to life as far as memory goes; false: nothing is watched, nothing is said. */
static bool
set_up(struct svc_login_session *s, const struct ipc_common_session *about)
{
	s->arena = arena_new(s->login->sc->arena, "session", SVC_LOGIN_SESSION_OCTETS, 0);
	return s->arena != NULL && copy_texts(s, about) &&
	    sys_watch_start(s->login->sc->loop, &s->watch, SYS_IN) == ERR_OK;
}

static bool
is_acceptable(const struct svc_login *l, const struct ipc_common_session *about)
{
	return !l->quitting && l->sessions_n < SVC_LOGIN_SESSIONS_MAX && about->peer_ip.n == 16 &&
	    about->protocol < SYS_PROTOCOL_COUNT;
}

void
svc_login_session_new(struct svc_login *l, const struct ipc_common_session *about, int fd)
{
	struct svc_login_session *s = is_acceptable(l, about) ? mem_zalloc(1, sizeof *s) : NULL;
	if (s == NULL) {
		l->facts.refused++;
		sys_close(&fd);
		return;
	}
	s->magic = SESSION_MAGIC;
	s->login = l;
	s->watch = (struct sys_watch){ .fn = on_stream, .ctx = s, .fd = fd };
	s->begun_ms = sys_loop_now_ms(l->sc->loop);
	sys_timer_init(&s->idle, on_idle, s);
	sys_timer_init(&s->delay, on_delay, s);
	buf_init(&s->in, SVC_LOGIN_UNREAD_MAX);
	list_push(&l->sessions, &s->node);
	l->sessions_n++;
	l->facts.sessions++;
	bool binding = about->exporter.n > 0;
	enum preauth_protocol p = svc_login_preauth_protocol(about->protocol);
	preauth_init(&s->engine, &l->preauth[p][binding], about->greeted);
	if (!set_up(s, about)) {
		svc_login_session_close(s, "memory");
		return;
	}
	set_idle(s);
	svc_login_session_step(s);
}
