/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent from start to end; svc_parent_run() is its table of contents.
 */
#include "svc/parent/parent_priv.h"

#include "ipc/parent_child.h"
#include "sys/clock.h"
#include "sys/random.h"
#include "sys/sandbox.h"

#include <signal.h>
#include <unistd.h>

enum { BUDGET = 64 << 20, SCRATCH_BUDGET = 4 << 20, BOOT_ID_OCTETS = 64 };

/* --- signals and reload -------------------------------------------------------------------- */

static void
tell_reload(struct svc_parent *p)
{
	struct ipc_parent_child_reload m = { .settings = buf_view(&p->encoded) };
	for (size_t i = 0; i < p->procs_n; i++) {
		if (p->procs[i].state == SVC_PARENT_RUNNING) {
			buf_reset(&p->out);
			ipc_parent_child_reload_put(&p->out, &m);
			svc_parent_proc_tell(&p->procs[i], -1);
		}
	}
}

enum err
svc_parent_reload(struct svc_parent *p, const char *why, struct buf *text)
{
	if (p->stopping) {
		return ERR_BADSTATE;
	}
	LOG(PARENT_RELOAD, F_CSTR("reason", why));
	TRY(svc_parent_config_load(p, text));
	tell_reload(p);
	svc_parent_certs_check(p);
	return ERR_OK;
}

static void
on_signal(void *ctx, int signo)
{
	struct svc_parent *p = ctx;
	char room[SVC_PARENT_TEXT_MAX];
	struct buf text;
	if (signo != SIGHUP) {
		svc_parent_stop(p, signo == SIGTERM ? "SIGTERM" : "SIGINT", 0);
		return;
	}
	buf_init_fixed(&text, room, sizeof room);
	enum err e = svc_parent_reload(p, "SIGHUP", &text);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "reload"), F_ERR(e));
	}
}

static enum err
take_signals(struct svc_parent *p)
{
	static const int taken[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigaction(SIGPIPE, &ignore, NULL);
	for (size_t i = 0; i < LEN(taken); i++) {
		TRY(sys_loop_signal(p->loop, taken[i], on_signal, p));
	}
	return ERR_OK;
}

/* --- start --------------------------------------------------------------------------------- */

static enum err
find_boot_id(struct svc_parent *p)
{
	char room[BOOT_ID_OCTETS];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	str id = p->conf->test_boot_id;
	if (id.n == 0) {
		TRY(sys_file_load(SYS_CWD, S("/proc/sys/kernel/random/boot_id"), &b));
		id = str_trim(buf_view(&b));
	}
	p->boot_id = arena_dup(p->arena, id);
	return p->boot_id.p == NULL ? ERR_NOMEM : ERR_OK;
}

/* Where lines go: our own descriptor 2, which the services get too. */
static enum err
open_log(struct svc_parent *p)
{
	if (str_eq(p->conf->log, S("stderr"))) {
		return ERR_OK;
	}
	enum err e = sys_file_open(SYS_CWD, p->conf->log,
	    SYS_WRITE | SYS_CREATE | SYS_APPEND | SYS_FOLLOW, &p->log_fd);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "log"), F_ERR(e), F_STR("detail", p->conf->log));
		return e;
	}
	return dup2(p->log_fd, 2) == 2 ? ERR_OK : ERR_NOFD;
}

static enum err
find_programs(struct svc_parent *p, str programs)
{
	struct buf own;
	buf_init(&own, 4096);
	enum err e = programs.n > 0 ? ERR_OK : sys_file_program_folder(&own);
	p->programs = arena_dup(p->arena, programs.n > 0 ? programs : buf_view(&own));
	buf_done(&own);
	return e == ERR_OK && p->programs.p == NULL ? ERR_NOMEM : e;
}

static enum err
set_up(struct svc_parent *p, str config, str programs)
{
	p->lock_fd = p->log_fd = -1;
	svc_common_admins_init(&p->admins, NULL);
	p->is_root = geteuid() == 0;
	p->started_s = sys_clock_wall_s();
	buf_init(&p->out, IPC_MESSAGE_MAX);
	buf_init(&p->encoded, SVC_PARENT_SETTINGS_MAX);
	svc_parent_certs_init(p);
	p->arena = arena_new(NULL, "parent", BUDGET, 0);
	if (p->arena == NULL) {
		return ERR_NOMEM;
	}
	p->scratch = arena_new(p->arena, "scratch", SCRATCH_BUDGET, 0);
	p->config = arena_dup(p->arena, config);
	if (p->scratch == NULL || p->config.p == NULL) {
		return ERR_NOMEM;
	}
	TRY(sys_sandbox_hide_memory()); /* private keys pass through it */
	TRY(sys_loop_new(&p->loop));
	TRY(find_programs(p, programs));
	return take_signals(p);
}

/* The services inherit the limit; a gate takes no more connections than it allows. */
static void
raise_fds(struct svc_parent *p)
{
	uint64_t want = p->conf->gate_connections * SVC_PARENT_FDS_PER_CONNECTION +
	    SVC_PARENT_FDS_SPARE;
	p->fds_max = sys_want_fd_limit(want);
	if (p->fds_max < want) {
		LOG(PARENT_FDS, F_U64("have", p->fds_max), F_U64("want", want));
	}
}

/* Everything that can go wrong before a process is started. */
static enum err
prepare(struct svc_parent *p)
{
	char room[SVC_PARENT_TEXT_MAX];
	struct buf text;
	buf_init_fixed(&text, room, sizeof room);
	TRY(svc_parent_config_load(p, &text));
	TRY(open_log(p));
	TRY(find_boot_id(p));
	sys_random(p->secret, sizeof p->secret);
	raise_fds(p);
	TRY(svc_parent_state_make(p));
	TRY(svc_parent_listen_all(p));
	TRY(svc_parent_proc_table(p));
	return svc_parent_admin_start(p);
}

static void
start_all(struct svc_parent *p)
{
	LOG(PARENT_START, F_CSTR("version", POSTERN_VERSION), F_STR("config", p->config),
	    F_U64("processes", p->procs_n), F_U64("fds", p->fds_max));
	for (size_t i = 0; i < p->procs_n; i++) {
		svc_parent_proc_start(&p->procs[i]);
	}
	for (size_t i = 0; i < p->procs_n; i++) {
		svc_parent_proc_go(&p->procs[i]);
	}
	svc_parent_certs_watch(p);
}

/* --- end ----------------------------------------------------------------------------------- */

static void
remove_sockets(struct svc_parent *p)
{
	const str *admins;
	size_t n = svc_parent_table_admins(&admins);
	for (size_t i = 0; i <= n && p->lock_fd >= 0; i++) {
		char name[64];
		snprintf(name, sizeof name, "run/%.*s.sock",
		    STR_ARG(i == n ? S("parent") : admins[i]));
		enum err ignored = sys_file_unlink(SYS_CWD,
		    svc_parent_state_path(p, str_from(name)));
		(void)ignored;
	}
}

static void
tear_down(struct svc_parent *p)
{
	svc_parent_listen_done(p);
	svc_common_admins_done(&p->admins);
	svc_parent_certs_done(p);
	if (p->conf != NULL) {
		remove_sockets(p);
	}
	sys_close(&p->lock_fd);
	sys_close(&p->log_fd);
	sys_loop_free(&p->loop);
	buf_done(&p->out);
	buf_done(&p->encoded);
	arena_free(&p->arena);
}

int
svc_parent_run(str config, str programs)
{
	static struct svc_parent parent;
	struct svc_parent *p = &parent;
	sys_log_init(S("parent"), SYS_LOG_INFO);
	enum err e = set_up(p, config, programs);
	if (e == ERR_OK) {
		e = prepare(p);
	}
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "start"), F_ERR(e), F_CSTR("detail", err_text(e)));
		tear_down(p);
		return 1;
	}
	start_all(p);
	e = sys_loop_run(p->loop);
	tear_down(p);
	return e == ERR_OK ? 0 : 1;
}
