/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: octets from the gate's stream into the engine, its actions to whom they
 * concern, its replies back, and the clocks that watch over it. Start with on_stream and
 * svc_smtp_session_run.
 */
#include "base/mem.h"
#include "conf/conf.h"
#include "proto/sasl/mechanism.h"
#include "svc/smtp/server.h"
#include "sys/clock.h"
#include "sys/random.h"
#include "sys/sys.h"

enum { SLOT_BITS = 16, TRACE_MAX = 4096 };
static_assert(SVC_SMTP_SESSIONS_MAX == 1 << SLOT_BITS, "a slot's number fits beside a question's");

/* --- what the engine wants ----------------------------------------------------------------- */

static void
log_refused(struct svc_smtp_session *x, const struct smtp_action *a)
{
	x->server->counters.refused++;
	svc_smtp_tell_refused(x, a);
	LOG(SMTP_REFUSED, F_ID("session", x->info.id), F_U64("txn", x->engine.txns),
	    F_ADDR("peer", &x->peer), F_STR("helo", x->engine.helo), F_STR("from", a->from),
	    F_STR("verb", a->verb), F_U64("code", a->code), F_STR("enhanced", a->enhanced),
	    F_STR("about", a->text));
}

static void
keep_octets(struct svc_smtp_session *x, str octets)
{
	if (x->engine.txn.failed != ERR_OK) {
		return;
	}
	enum err e = svc_smtp_body_add(&x->body, octets, smtp_txn(&x->engine)->size);
	if (e != ERR_OK) {
		svc_smtp_body_reset(&x->body);
		smtp_body_failed(&x->engine, e);
	}
}

static void
keep_trace(struct svc_smtp_session *x, str octets)
{
	buf_reset(&x->trace);
	buf_str(&x->trace, octets);
	if (buf_err(&x->trace) != ERR_OK) {
		smtp_body_failed(&x->engine, ERR_NOMEM);
	}
}

static void
act(struct svc_smtp_session *x, const struct smtp_action *a)
{
	switch (a->kind) {
	case SMTP_ASK_RCPT:
	case SMTP_ASK_SENDER:
	case SMTP_ASK_SASL_START:
	case SMTP_ASK_SASL_STEP: svc_smtp_ask(x, a); break;
	case SMTP_SASL_ABORT: svc_smtp_ask_abort(x); break;
	case SMTP_ASK_PEER:
	case SMTP_ASK_POLICY: svc_smtp_policy_ask(x, a); break;
	case SMTP_ASK_SCAN: svc_smtp_scan_ask(x); break;
	case SMTP_TRACE: keep_trace(x, a->text); break;
	case SMTP_BODY: keep_octets(x, a->text); break;
	case SMTP_DROP: svc_smtp_body_reset(&x->body); break;
	case SMTP_COMMIT: svc_smtp_commit(x); break;
	case SMTP_DELAY: sys_timer_set(x->server->sc->loop, &x->delay, a->delay_ms); break;
	case SMTP_REFUSED: log_refused(x, a); break;
	case SMTP_CLOSE: x->closing = true; break;
	}
}

static bool
act_all(struct svc_smtp_session *x)
{
	struct smtp_action a;
	bool any = false;
	while (smtp_next(&x->engine, &a)) {
		act(x, &a);
		any = true;
	}
	return any;
}

/* --- out ----------------------------------------------------------------------------------- */

/* Write what there is. False: the session has ended. */
static bool
flush(struct svc_smtp_session *x)
{
	str out = smtp_output(&x->engine);
	while (out.n > 0) {
		size_t n;
		enum err e = sys_sock_write(x->fd, out, &n);
		if (e == ERR_AGAIN) {
			return true;
		}
		if (e != ERR_OK) {
			svc_smtp_session_end(x, "peer-gone");
			return false;
		}
		smtp_sent(&x->engine, n);
		out = smtp_output(&x->engine);
	}
	if (x->closing && !x->shut) {
		x->shut = true;
		x->data_from_ms = 0;
		(void)(sys_sock_shutdown(x->fd) == ERR_OK);
		sys_timer_set(x->server->sc->loop, &x->timer, SVC_SMTP_LINGER_MS);
	}
	return true;
}

/* --- the clocks ---------------------------------------------------------------------------- */

static int64_t
patience_ms(const struct svc_smtp_session *x)
{
	switch (x->engine.wait) {
	case SMTP_WAIT_NONE: return x->server->command_ms;
	case SMTP_WAIT_PEER:
	case SMTP_WAIT_POLICY: return SVC_SMTP_POLICY_MS;
	case SMTP_WAIT_SCAN: return SVC_SMTP_SCAN_MS;
	case SMTP_WAIT_DELAY:
	case SMTP_WAIT_COMMIT: return SVC_SMTP_COMMIT_MS;
	default: return SVC_SMTP_ASK_MS;
	}
}

/* A sender that keeps a transaction open by a few octets now and then. */
static bool
too_slow(const struct svc_smtp_session *x)
{
	int64_t ms = sys_loop_now_ms(x->server->sc->loop) - x->data_from_ms;
	uint64_t least = (uint64_t)(ms / 1000) * SVC_SMTP_RATE_MIN;
	return x->data_from_ms != 0 && x->engine.state == SMTP_DATA && ms > x->server->data_ms &&
	    x->engine.txn.body.octets < least;
}

/*
 * A command must be complete within its time: parts of a line do not start the clock anew. In DATA
 * each block does.
 */
static void
wind_clock(struct svc_smtp_session *x, bool octets_came)
{
	struct sys_loop *loop = x->server->sc->loop;
	if (x->shut) {
		return;
	}
	bool data = x->engine.state == SMTP_DATA && x->engine.wait == SMTP_WAIT_NONE;
	bool began = data && x->data_from_ms == 0;
	x->data_from_ms = !data ? 0 : began ? sys_loop_now_ms(loop) : x->data_from_ms;
	if (data && (began || octets_came)) {
		sys_timer_set(loop, &x->timer, x->server->data_ms);
	} else if (!data && x->lines != x->engine.lines + ((uint64_t)x->engine.wait << 32)) {
		x->lines = x->engine.lines + ((uint64_t)x->engine.wait << 32);
		sys_timer_set(loop, &x->timer, patience_ms(x));
	}
}

static void
on_timer(void *ctx)
{
	struct svc_smtp_session *x = ctx;
	if (x->shut || smtp_output(&x->engine).n > 0) {
		svc_smtp_session_end(x, x->shut ? "closed" : "peer-does-not-read");
		return;
	}
	if (x->request != 0) {
		svc_smtp_no_answer(x);
	} else {
		smtp_end(&x->engine, SMTP_END_TIMEOUT);
	}
	svc_smtp_session_run(x);
}

static void
on_delay(void *ctx)
{
	struct svc_smtp_session *x = ctx;
	if (x->engine.wait == SMTP_WAIT_DELAY) {
		smtp_answer_delay(&x->engine);
	}
	svc_smtp_session_run(x);
}

/* --- in ------------------------------------------------------------------------------------ */

/* Feed and act until nothing moves. Out: octets the engine took. */
static size_t
feed(struct svc_smtp_session *x, str in)
{
	size_t used = 0, n;
	bool acted;
	(void)act_all(x);
	do {
		smtp_feed(&x->engine, str_from_off(in, used), sys_clock_wall_s(), &n);
		used += n;
		acted = act_all(x);
	} while (n > 0 || acted);
	return used;
}

/* Feed, and make room in the output as long as that lets the engine take more. */
static bool
pump(struct svc_smtp_session *x, str in, size_t *ret_used)
{
	size_t n;
	*ret_used = 0;
	do {
		n = feed(x, str_from_off(in, *ret_used));
		*ret_used += n;
		if (!flush(x)) {
			return false;
		}
	} while (n > 0 && *ret_used < in.n);
	return true;
}

static void
settle(struct svc_smtp_session *x, bool octets_came)
{
	if (too_slow(x)) {
		smtp_end(&x->engine, SMTP_END_SLOW);
		(void)feed(x, S(""));
		if (!flush(x)) {
			return;
		}
	}
	if (x->closing) {
		buf_done(&x->pending);
	}
	bool out = smtp_output(&x->engine).n > 0;
	bool in = x->pending.n == 0;
	sys_watch_set(x->server->sc->loop, &x->watch, (in ? SYS_IN : 0) | (out ? SYS_OUT : 0));
	wind_clock(x, octets_came);
}

/* Log-ins pass here: their octets do not stay. */
static void
wipe(struct svc_smtp_session *x, char *p, size_t n)
{
	if (x->engine.peer.submission && x->engine.account == 0) {
		mem_wipe(p, n);
	}
}

void
svc_smtp_session_run(struct svc_smtp_session *x)
{
	size_t used;
	if (x->dead || !pump(x, buf_view(&x->pending), &used)) {
		return;
	}
	if (used > 0) {
		wipe(x, x->pending.p, used);
		buf_consume(&x->pending, used);
	}
	if (x->pending.n == 0) {
		buf_done(&x->pending);
	}
	settle(x, used > 0);
}

static void
take(struct svc_smtp_session *x, size_t n)
{
	struct svc_smtp *sv = x->server;
	size_t used;
	if (!pump(x, str_make(sv->in, n), &used)) {
		return;
	}
	buf_add(&x->pending, sv->in + used, x->closing ? 0 : n - used);
	wipe(x, sv->in, n);
	if (buf_err(&x->pending) != ERR_OK) {
		svc_smtp_session_end(x, "no-memory");
		return;
	}
	settle(x, true);
}

static void
on_stream(void *ctx, unsigned events)
{
	struct svc_smtp_session *x = ctx;
	struct svc_smtp *sv = x->server;
	size_t n;
	if ((events & SYS_OUT) != 0) {
		svc_smtp_session_run(x);
	}
	if (x->dead || (events & (SYS_IN | SYS_HUP)) == 0) {
		return;
	}
	if (x->pending.n > 0) {
		/* Only a hang-up wakes us here. What was sent before it is of no use any more. */
		if ((events & SYS_HUP) != 0) {
			svc_smtp_session_end(x, "peer-gone");
		}
		return;
	}
	enum err e = sys_sock_read(x->fd, sv->in, SVC_SMTP_READ_MAX, &n);
	if (e == ERR_OK && !x->closing) {
		take(x, n);
	} else if (e != ERR_OK && e != ERR_AGAIN) {
		svc_smtp_session_end(x, x->closing ? "closed" : "peer-gone");
	}
}

/* --- beginning and end --------------------------------------------------------------------- */

void
svc_smtp_bury(void *ctx)
{
	struct svc_smtp *sv = ctx;
	LIST_EACH(it, &sv->dead) {
		struct svc_smtp_session *x = LIST_ENTRY(it, struct svc_smtp_session, node);
		list_remove(&x->node);
		smtp_done(&x->engine);
		buf_done(&x->pending);
		buf_done(&x->trace);
		arena_free(&x->arena);
		mem_drop(x);
	}
	if (sv->quitting && list_empty(&sv->sessions)) {
		svc_common_exit(sv->sc);
	}
}

void
svc_smtp_session_end(struct svc_smtp_session *x, const char *why)
{
	struct svc_smtp *sv = x->server;
	if (x->dead) {
		return;
	}
	x->dead = true;
	LOG(SMTP_END, F_ID("session", x->info.id), F_ADDR("peer", &x->peer), F_CSTR("reason", why),
	    F_U64("messages", x->engine.messages), F_U64("errors", x->engine.errors));
	svc_smtp_ask_abort(x);
	svc_smtp_policy_ended(x);
	x->request = 0;
	sys_watch_stop(sv->sc->loop, &x->watch);
	sys_timer_stop(&x->timer);
	sys_timer_stop(&x->delay);
	sys_close(&x->fd);
	svc_smtp_body_reset(&x->body);
	sv->slots[x->slot] = NULL;
	sv->living--;
	list_remove(&x->node);
	list_push(&sv->dead, &x->node);
	sys_task_schedule(sv->sc->loop, &sv->bury);
}

static enum err
take_slot(struct svc_smtp *sv, struct svc_smtp_session *x)
{
	if (sv->living >= SVC_SMTP_SESSIONS_MAX) {
		return ERR_TOOMANY;
	}
	if (sv->living == sv->slots_cap) {
		uint32_t cap = sv->slots_cap == 0 ? 64 : sv->slots_cap * 2;
		struct svc_smtp_session **p = mem_resize(sv->slots, cap * sizeof(*p));
		if (p == NULL) {
			return ERR_NOMEM;
		}
		memset(p + sv->slots_cap, 0, (cap - sv->slots_cap) * sizeof(*p));
		sv->slots = p;
		sv->slots_n = sv->slots_cap;
		sv->slots_cap = cap;
	}
	/* At least one is free; the search goes on where the last one ended. */
	while (sv->slots[sv->slots_n % sv->slots_cap] != NULL) {
		sv->slots_n++;
	}
	x->slot = sv->slots_n++ % sv->slots_cap;
	sv->slots[x->slot] = x;
	sv->living++;
	return ERR_OK;
}

uint64_t
svc_smtp_session_request(struct svc_smtp_session *x)
{
	return ++x->server->asked << SLOT_BITS | x->slot;
}

struct svc_smtp_session *
svc_smtp_session_answered(struct svc_smtp *sv, uint64_t request)
{
	uint32_t slot = (uint32_t)(request & (SVC_SMTP_SESSIONS_MAX - 1));
	struct svc_smtp_session *x = slot < sv->slots_cap ? sv->slots[slot] : NULL;
	if (x == NULL || request == 0 || x->request != request) {
		return NULL;
	}
	x->request = 0;
	return x;
}

/* Strings of the gate's message into the session's arena. */
static enum err
keep_info(struct svc_smtp_session *x, const struct ipc_common_session *m)
{
	const struct {
		str *to;
		str from;
	} texts[] = { { &x->info.peer_ip, m->peer_ip }, { &x->info.local_ip, m->local_ip },
		{ &x->info.tls_version, m->tls_version }, { &x->info.tls_cipher, m->tls_cipher },
		{ &x->info.sni, m->sni }, { &x->info.exporter, m->exporter },
		{ &x->info.endpoint, m->endpoint } };
	x->info = *m;
	for (size_t i = 0; i < LEN(texts); i++) {
		*texts[i].to = arena_dup(x->arena, texts[i].from);
		if (texts[i].to->p == NULL) {
			return ERR_BUDGET;
		}
	}
	memcpy(x->peer.ip, m->peer_ip.p, sizeof x->peer.ip);
	x->peer.port = m->peer_port;
	return ERR_OK;
}

static enum err
start_engine(struct svc_smtp_session *x)
{
	const struct sasl_offer offer = { .tls = true,
		.binding = x->info.exporter.n > 0,
		.cram_md5 = x->server->sc->conf->auth_cram_md5 };
	struct smtp_peer peer = { .session = x->info.id,
		.submission = x->info.protocol != SYS_MX,
		.greeted = x->info.greeted,
		.checked = true,
		.tls_version = x->info.tls_version,
		.tls_cipher = x->info.tls_cipher };
	char room[256];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	sasl_mechanism_list(&b, &offer, S(" "));
	peer.mechanisms = arena_dup(x->arena, buf_view(&b));
	buf_init_fixed(&b, x->literal, sizeof x->literal);
	sys_addr_literal(&b, x->peer.ip);
	peer.literal = buf_view(&b);
	sys_random(peer.secret, sizeof peer.secret);
	if (peer.mechanisms.p == NULL) {
		return ERR_BUDGET;
	}
	return smtp_init(&x->engine, &x->server->conf, &peer, x->arena);
}

static enum err
start(struct svc_smtp_session *x, const struct ipc_common_session *info)
{
	struct svc_smtp *sv = x->server;
	x->arena = arena_new(sv->sc->arena, "session", SVC_SMTP_SESSION_BUDGET, 0);
	if (x->arena == NULL) {
		return ERR_NOMEM;
	}
	TRY(keep_info(x, info));
	TRY(start_engine(x));
	enum err e = sys_watch_start(sv->sc->loop, &x->watch, SYS_IN);
	if (e == ERR_OK) {
		e = take_slot(sv, x);
	}
	if (e != ERR_OK) {
		sys_watch_stop(sv->sc->loop, &x->watch);
		smtp_done(&x->engine);
	}
	return e;
}

enum err
svc_smtp_session_new(struct svc_smtp *sv, const struct ipc_common_session *info, int fd)
{
	bool smtp = info->protocol == SYS_MX || info->protocol == SYS_SUBMISSION ||
	    info->protocol == SYS_SUBMISSIONS;
	if (!smtp || info->peer_ip.n != 16) {
		sys_close(&fd);
		return ERR_PROTOCOL;
	}
	struct svc_smtp_session *x = mem_zalloc(1, sizeof *x);
	if (x == NULL) {
		sys_close(&fd);
		return ERR_NOMEM;
	}
	x->server = sv;
	x->fd = fd;
	x->watch = (struct sys_watch){ .fn = on_stream, .ctx = x, .fd = fd };
	sys_timer_init(&x->timer, on_timer, x);
	sys_timer_init(&x->delay, on_delay, x);
	buf_init(&x->pending, SVC_SMTP_READ_MAX);
	buf_init(&x->trace, TRACE_MAX);
	svc_smtp_body_init(&x->body, sv);
	enum err e = start(x, info);
	if (e != ERR_OK) {
		sys_close(&x->fd);
		arena_free(&x->arena);
		mem_drop(x);
		return e;
	}
	sv->counters.sessions++;
	list_push(&sv->sessions, &x->node);
	if (sv->quitting) {
		smtp_end(&x->engine, SMTP_END_SHUTDOWN);
	}
	x->lines = UINT64_MAX;
	svc_smtp_session_run(x);
	return ERR_OK;
}

void
svc_smtp_sessions_quit(struct svc_smtp *sv)
{
	LIST_EACH(it, &sv->sessions) {
		struct svc_smtp_session *x = LIST_ENTRY(it, struct svc_smtp_session, node);
		smtp_end(&x->engine, SMTP_END_SHUTDOWN);
		svc_smtp_session_run(x);
	}
}
