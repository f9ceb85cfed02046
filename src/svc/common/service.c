/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a service process, as messages of edge parent_child drive it. One message, one
 * handler below; svc_common_main() at the end is the table of contents.
 */
#include "svc/common/service.h"

#include "base/mem.h"
#include "conf/conf.h"
#include "ipc/parent_child.h"
#include "svc/common/admin.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <signal.h>
#include <sys/prctl.h>

enum {
	PARENT_FD = 3,
	ROOT_BUDGET = 1 << 30, /* all arenas of a process together */
	SCRATCH_BUDGET = 4 << 20,
	CONF_BUDGET = 4 << 20,
	FACTS_MAX = 65536,
	BOOT_ID_MAX = 64,
	GRACE_EXTRA_MS = 1000,
};

/* How far the hand-over by the parent has come. */
enum phase {
	FRESH,   /* nothing came yet */
	HANDED,  /* config is there, more may come */
	RUNNING, /* inside the sandbox */
};

struct svc_common_state {
	struct svc_common sc;
	enum phase phase;
	enum err failed; /* why the process must end; ERR_OK: it need not */
	struct sys_chan *parent;
	struct arena *conf_arena, *scratch;
	struct sys_sandbox *sandbox;
	struct sys_timer grace;
	struct buf out;
	uint64_t fd_limit;
	struct svc_common_admins admins;
};

static void
fail(struct svc_common_state *st, const char *what, enum err e)
{
	LOG(FAILED, F_CSTR("what", what), F_ERR(e));
	st->failed = e;
	sys_loop_stop(st->sc.loop);
}

static void
tell_parent(struct svc_common_state *st)
{
	enum err e = sys_chan_send(st->parent, &st->out, -1);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "parent"), F_ERR(e));
	}
}

/* --- configuration ------------------------------------------------------------------------- */

/* Decode into a new arena; the old one is the caller's to free. */
static enum err
decode(struct svc_common_state *st, str settings, struct arena **ret_old)
{
	struct arena *a = arena_new(st->sc.arena, "conf", CONF_BUDGET, 0);
	struct conf *c = a == NULL ? NULL : ARENA_NEW(a, struct conf);
	enum err e = c == NULL ? ERR_NOMEM : conf_decode(settings, a, c);
	if (e != ERR_OK) {
		arena_free(&a);
		return e;
	}
	*ret_old = st->conf_arena;
	st->conf_arena = a;
	st->sc.conf = c;
	return ERR_OK;
}

/* "gate[1]" in the log and, with our name before it, in the process list. */
static void
take_name(struct svc_common_state *st)
{
	char text[48];
	struct buf b;
	buf_init_fixed(&b, text, sizeof text - 1);
	buf_printf(&b, "%.*s[%u]", STR_ARG(st->sc.set), st->sc.index);
	sys_log_init(buf_view(&b), SYS_LOG_INFO);
	text[b.n] = '\0';
	prctl(PR_SET_NAME, text);
}

static enum err
prepare(struct svc_common_state *st)
{
	struct svc_common *sc = &st->sc;
	struct sys_sandbox_profile *p = ARENA_NEW(sc->arena, struct sys_sandbox_profile);
	if (p == NULL) {
		return ERR_NOMEM;
	}
	p->name = sc->service->name;
	if (sc->service->init != NULL) {
		TRY(sc->service->init(sc));
	}
	TRY(sc->service->profile(sc, p));
	return sys_sandbox_prepare(p, &st->sandbox);
}

static enum err
on_config(void *ctx, const struct ipc_parent_child_config *m, int *fd)
{
	struct svc_common_state *st = ctx;
	struct arena *old;
	if (st->phase != FRESH) {
		return ERR_PROTOCOL;
	}
	st->phase = HANDED;
	st->sc.index = m->index;
	st->sc.set = arena_dup(st->sc.arena, m->set);
	take_name(st);
	enum err e = decode(st, m->settings, &old);
	if (e != ERR_OK) {
		fail(st, "config", e);
		return ERR_OK;
	}
	e = prepare(st);
	if (e != ERR_OK) {
		fail(st, "init", e);
	}
	return ERR_OK;
}

static enum err
on_reload(void *ctx, const struct ipc_parent_child_reload *m, int *fd)
{
	struct svc_common_state *st = ctx;
	struct arena *old = NULL;
	if (st->phase != RUNNING) {
		return ERR_PROTOCOL;
	}
	enum err e = decode(st, m->settings, &old);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "reload"), F_ERR(e));
		return ERR_OK;
	}
	if (st->sc.service->on_reload != NULL) {
		st->sc.service->on_reload(&st->sc);
	}
	arena_free(&old);
	LOG(RELOADED);
	return ERR_OK;
}

/* --- what is handed over ------------------------------------------------------------------- */

static int
take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

static enum err
on_wire(void *ctx, const struct ipc_parent_child_wire *m, int *fd)
{
	struct svc_common_state *st = ctx;
	struct svc_common *sc = &st->sc;
	if (st->phase == FRESH) {
		return ERR_PROTOCOL;
	}
	enum err e = sc->service->on_wire == NULL
	    ? svc_common_wire(sc, m->edge, m->peer, take_fd(fd))
	    : sc->service->on_wire(sc, m->edge, m->peer, m->set, take_fd(fd));
	if (e != ERR_OK) {
		fail(st, "wire", e);
	}
	return ERR_OK;
}

static enum err
on_listen(void *ctx, const struct ipc_parent_child_listen *m, int *fd)
{
	struct svc_common_state *st = ctx;
	struct svc_common *sc = &st->sc;
	if (st->phase == FRESH || sc->service->on_listen == NULL ||
	    m->protocol >= SYS_PROTOCOL_COUNT) {
		return ERR_PROTOCOL;
	}
	enum err e = sc->service->on_listen(sc, (enum sys_protocol)m->protocol, take_fd(fd));
	if (e != ERR_OK) {
		fail(st, "listen", e);
	}
	return ERR_OK;
}

static enum err
on_admin(void *ctx, const struct ipc_parent_child_admin *m, int *fd)
{
	struct svc_common_state *st = ctx;
	if (st->phase != HANDED) {
		return ERR_PROTOCOL;
	}
	svc_common_admins_take(&st->admins, take_fd(fd));
	return ERR_OK;
}

static enum err
on_certificate(void *ctx, const struct ipc_parent_child_certificate *m, int *fd)
{
	struct svc_common_state *st = ctx;
	struct svc_common *sc = &st->sc;
	if (st->phase == FRESH || sc->service->on_certificate == NULL) {
		return ERR_PROTOCOL;
	}
	enum err e = sc->service->on_certificate(sc, m->slot, m->chain, m->key);
	struct ipc_parent_child_certificate_taken taken = { .slot = m->slot, .result = e };
	buf_reset(&st->out);
	ipc_parent_child_certificate_taken_put(&st->out, &taken);
	tell_parent(st);
	return ERR_OK;
}

/* --- locking in ---------------------------------------------------------------------------- */

static void
warn_of_missing(uint32_t bits)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} means[] = { { SYS_STATE_LANDLOCK, "landlock" }, { SYS_STATE_SECCOMP, "seccomp" },
		{ SYS_STATE_OWN_USER, "own-user" } };
	for (size_t i = 0; i < LEN(means); i++) {
		if (!(bits & means[i].bit)) {
			LOG(SANDBOX_WEAK, F_CSTR("missing", means[i].name));
		}
	}
}

static enum err
lock_in(struct svc_common_state *st)
{
	struct svc_common *sc = &st->sc;
	TRY(sys_sandbox_enter(st->sandbox, NULL, 0, &sc->sandbox));
	warn_of_missing(sc->sandbox.bits);
	TRY(svc_common_admins_start(&st->admins));
	if (sc->service->start != NULL) {
		TRY(sc->service->start(sc));
	}
	svc_common_links_start(sc);
	return ERR_OK;
}

static enum err
on_go(void *ctx, const struct ipc_parent_child_go *m, int *fd)
{
	struct svc_common_state *st = ctx;
	struct svc_common *sc = &st->sc;
	if (st->phase != HANDED || st->failed != ERR_OK) {
		return ERR_PROTOCOL;
	}
	sc->boot_id = arena_dup(sc->arena, m->boot_id);
	sc->secret = arena_dup(sc->arena, m->secret);
	/* The datagram stays where it is until the next one; processes are forked before. */
	mem_wipe((void *)(uintptr_t)m->secret.p, m->secret.n);
	enum err e = lock_in(st);
	if (e != ERR_OK) {
		fail(st, "start", e);
		return ERR_OK;
	}
	st->phase = RUNNING;
	struct ipc_parent_child_ready ready = { .sandbox = sc->sandbox.bits,
		.landlock_abi = sc->sandbox.landlock_abi,
		.version = S(POSTERN_VERSION) };
	buf_reset(&st->out);
	ipc_parent_child_ready_put(&st->out, &ready);
	tell_parent(st);
	LOG(READY, F_CSTR("version", POSTERN_VERSION), F_U64("sandbox", ready.sandbox),
	    F_U64("landlock_abi", ready.landlock_abi));
	return ERR_OK;
}

/* --- while it runs ------------------------------------------------------------------------- */

static enum err
on_status_ask(void *ctx, const struct ipc_parent_child_status_ask *m, int *fd)
{
	struct svc_common_state *st = ctx;
	struct buf facts;
	buf_init(&facts, FACTS_MAX);
	if (st->sc.service->on_status != NULL && st->phase == RUNNING) {
		st->sc.service->on_status(&st->sc, &facts);
	}
	struct ipc_parent_child_status status = {
		.request = m->request, .facts = buf_view(&facts), .fds = sys_count_fds(st->fd_limit)
	};
	buf_reset(&st->out);
	ipc_parent_child_status_put(&st->out, &status);
	tell_parent(st);
	buf_done(&facts);
	return ERR_OK;
}

static enum err
on_quit(void *ctx, const struct ipc_parent_child_quit *m, int *fd)
{
	struct svc_common_state *st = ctx;
	LOG(QUIT, F_CSTR("reason", "parent-asked"));
	if (st->phase != RUNNING || st->sc.service->on_quit == NULL) {
		sys_loop_stop(st->sc.loop);
		return ERR_OK;
	}
	sys_timer_set(st->sc.loop, &st->grace, (int64_t)m->grace_ms + GRACE_EXTRA_MS);
	st->sc.service->on_quit(&st->sc, m->grace_ms);
	return ERR_OK;
}

static void
on_grace_over(void *ctx)
{
	struct svc_common_state *st = ctx;
	LOG(QUIT, F_CSTR("reason", "grace-is-over"));
	sys_loop_stop(st->sc.loop);
}

static const struct ipc_parent_child_at_child handlers = {
	.config = on_config,
	.wire = on_wire,
	.listen = on_listen,
	.admin = on_admin,
	.certificate = on_certificate,
	.go = on_go,
	.reload = on_reload,
	.status_ask = on_status_ask,
	.quit = on_quit,
};

static enum err
on_parent(void *ctx, str datagram, int *fd)
{
	struct svc_common_state *st = ctx;
	return ipc_parent_child_child_dispatch(&handlers, st, datagram, fd, st->scratch);
}

/* Nobody would start, wire or stop us any more: end, whatever we are doing. */
static void
on_parent_closed(void *ctx, enum err why)
{
	struct svc_common_state *st = ctx;
	if (st->failed == ERR_OK) {
		LOG(QUIT, F_CSTR("reason", "parent-gone"));
		st->failed = why;
	}
	sys_loop_stop(st->sc.loop);
}

/* --- for the services ---------------------------------------------------------------------- */

void
svc_common_exit(struct svc_common *sc)
{
	sys_loop_stop(sc->loop);
}

void
svc_common_rewire(struct svc_common *sc, str edge, uint32_t peer)
{
	struct svc_common_state *st = sc->priv;
	struct ipc_parent_child_rewire m = { .edge = edge, .peer = peer };
	if (st == NULL) {
		return; /* a test plays the parent */
	}
	buf_reset(&st->out);
	ipc_parent_child_rewire_put(&st->out, &m);
	tell_parent(st);
}

str
svc_common_state_path(struct svc_common *sc, str name)
{
	str path = arena_printf(sc->arena, "%.*s/%.*s", STR_ARG(sc->conf->state), STR_ARG(name));
	ASSERT(path.p != NULL);
	return path;
}

/* --- administrators ------------------------------------------------------------------------ */

static enum err
on_admin_message(void *ctx, struct sys_chan *from, str datagram, int *fd)
{
	struct svc_common_state *st = ctx;
	return st->sc.service->on_admin(&st->sc, from, datagram, fd);
}

static void
on_admin_closed(void *ctx, struct sys_chan *from)
{
	struct svc_common_state *st = ctx;
	if (st->sc.service->on_admin_closed != NULL) {
		st->sc.service->on_admin_closed(&st->sc, from);
	}
}

static void
set_up_admins(struct svc_common_state *st)
{
	svc_common_admins_init(&st->admins, st->sc.loop);
	st->admins.on_message = st->sc.service->on_admin == NULL ? NULL : on_admin_message;
	st->admins.on_closed = on_admin_closed;
	st->admins.ctx = st;
}

/* --- main ---------------------------------------------------------------------------------- */

/* A write to a closed connection is an error, not the end; the parent alone says when to stop. */
static void
ignore_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGHUP, SIGINT };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	for (size_t i = 0; i < LEN(ignored); i++) {
		sigaction(ignored[i], &ignore, NULL);
	}
}

static enum err
set_up(struct svc_common_state *st, const struct svc_common_service *service)
{
	static const int keep[] = { PARENT_FD };
	static const struct sys_chan_handler h = { .on_message = on_parent,
		.on_closed = on_parent_closed };
	st->sc.service = service;
	st->sc.starting = true;
	st->sc.priv = st;
	sys_log_init(str_from(service->name), SYS_LOG_INFO);
	ignore_signals();
	TRY(sys_close_except(keep, LEN(keep)));
	st->fd_limit = sys_raise_fd_limit();
	st->sc.arena = arena_new(NULL, service->name, ROOT_BUDGET, 0);
	if (st->sc.arena == NULL) {
		return ERR_NOMEM;
	}
	st->scratch = arena_new(st->sc.arena, "scratch", SCRATCH_BUDGET, 0);
	if (st->scratch == NULL) {
		return ERR_NOMEM;
	}
	buf_init(&st->out, IPC_MESSAGE_MAX);
	TRY(sys_loop_new(&st->sc.loop));
	set_up_admins(st);
	sys_timer_init(&st->grace, on_grace_over, st);
	struct sys_chan_handler with_ctx = h;
	with_ctx.ctx = st;
	return sys_chan_new(st->sc.loop, PARENT_FD, &with_ctx, &st->parent);
}

int
svc_common_main(int argc, char **argv, const struct svc_common_service *service)
{
	static struct svc_common_state state;
	enum err e = set_up(&state, service);
	if (e == ERR_OK) {
		e = sys_loop_run(state.sc.loop);
	} else {
		LOG(FAILED, F_CSTR("what", "set-up"), F_ERR(e));
	}
	if (e == ERR_OK) {
		e = state.failed;
	}
	sys_exit(e == ERR_OK ? 0 : 1);
}
