/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one process: started, given what it needs, ready, ended, started again after a wait
 * that doubles. Its control channel and its pidfd are all the parent has of it.
 */
#include "svc/parent/parent_priv.h"

#include "ipc/parent_child.h"
#include "sys/clock.h"

#include <signal.h>

bool
svc_parent_proc_lives(const struct svc_parent_proc *c)
{
	return c->chan != NULL &&
	    (c->state == SVC_PARENT_STARTING || c->state == SVC_PARENT_RUNNING);
}

/* "smtp-mx[1]" */
static str
name_of(const struct svc_parent_proc *c, char out[48])
{
	struct buf b;
	buf_init_fixed(&b, out, 48);
	buf_printf(&b, "%.*s[%u]", STR_ARG(c->row->set), c->index);
	return buf_view(&b);
}

void
svc_parent_proc_tell(struct svc_parent_proc *c, int fd)
{
	enum err e = ERR_UNAVAILABLE;
	char name[48];
	if (c->chan == NULL) {
		sys_close(&fd);
		return;
	}
	e = sys_chan_send(c->chan, &c->parent->out, fd);
	if (e != ERR_OK &&
	    e != ERR_UNAVAILABLE) { /* what it misses cannot be made good: begin anew */
		LOG(FAILED, F_CSTR("what", "tell"), F_ERR(e), F_STR("detail", name_of(c, name)));
		enum err ignored = sys_child_signal(&c->child, SIGKILL);
		(void)ignored;
	}
}

/* --- what it says -------------------------------------------------------------------------- */

static enum err
on_ready(void *ctx, const struct ipc_parent_child_ready *m, int *fd)
{
	struct svc_parent_proc *c = ctx;
	if (c->state == SVC_PARENT_STARTING) {
		c->state = SVC_PARENT_RUNNING;
	}
	c->sandbox = m->sandbox;
	c->landlock_abi = m->landlock_abi;
	size_t n = MIN(m->version.n, sizeof c->version - 1);
	memcpy(c->version, m->version.p, n);
	c->version[n] = '\0';
	return ERR_OK;
}

static enum err
on_status(void *ctx, const struct ipc_parent_child_status *m, int *fd)
{
	struct svc_parent_proc *c = ctx;
	svc_parent_status_answer(c, m->request, m->fds, m->facts);
	return ERR_OK;
}

static enum err
on_rewire(void *ctx, const struct ipc_parent_child_rewire *m, int *fd)
{
	struct svc_parent_proc *c = ctx;
	if (svc_parent_proc_lives(c)) {
		svc_parent_wire_again(c, m->edge, m->peer);
	}
	return ERR_OK;
}

static enum err
on_certificate_taken(void *ctx, const struct ipc_parent_child_certificate_taken *m, int *fd)
{
	struct svc_parent_proc *c = ctx;
	svc_parent_certs_taken(c, m->slot, m->result);
	return ERR_OK;
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	static const struct ipc_parent_child_at_parent handlers = {
		.ready = on_ready,
		.certificate_taken = on_certificate_taken,
		.status = on_status,
		.rewire = on_rewire,
	};
	struct svc_parent_proc *c = ctx;
	return ipc_parent_child_parent_dispatch(&handlers, c, datagram, fd, c->parent->scratch);
}

/* It ended, or it talks nonsense: either way this life of it is over. */
static void
on_chan_closed(void *ctx, enum err why)
{
	struct svc_parent_proc *c = ctx;
	sys_chan_free(&c->chan);
	svc_parent_status_drop(c);
	if (why != ERR_EOF) {
		enum err ignored = sys_child_signal(&c->child, SIGKILL);
		(void)ignored;
	}
}

/* --- its end ------------------------------------------------------------------------------- */

static void
wait_and_restart(struct svc_parent_proc *c)
{
	struct svc_parent *p = c->parent;
	int64_t lived = sys_loop_now_ms(p->loop) - c->started_ms;
	if (lived >= SVC_PARENT_STABLE_MS || c->backoff_ms == 0) {
		c->backoff_ms = SVC_PARENT_BACKOFF_MS;
	}
	c->state = SVC_PARENT_WAITING;
	sys_timer_set(p->loop, &c->again, c->backoff_ms);
}

static void
log_end(struct svc_parent_proc *c, const struct sys_child_end *end)
{
	char name[48];
	if (c->parent->stopping) {
		LOG(PARENT_STOPPED, F_STR("process", name_of(c, name)), F_U64("pid", c->child.pid));
	} else if (end->signalled) {
		LOG(PARENT_ENDED, F_STR("process", name_of(c, name)), F_U64("pid", c->child.pid),
		    F_U64("signal", end->code), F_I64("restart_ms", c->backoff_ms));
	} else {
		LOG(PARENT_ENDED, F_STR("process", name_of(c, name)), F_U64("pid", c->child.pid),
		    F_U64("code", end->code), F_I64("restart_ms", c->backoff_ms));
	}
}

static void
on_pidfd(void *ctx, unsigned events)
{
	struct svc_parent_proc *c = ctx;
	struct svc_parent *p = c->parent;
	struct sys_child_end end;
	int pidfd = c->child.pidfd;
	sys_watch_stop(p->loop, &c->watch);
	if (sys_child_end(&c->child, &end) != ERR_OK) {
		enum err e = sys_watch_start(p->loop, &c->watch, SYS_IN);
		ASSERT(e == ERR_OK && c->child.pidfd == pidfd);
		return;
	}
	sys_chan_free(&c->chan);
	svc_parent_status_drop(c);
	if (p->stopping) {
		log_end(c, &end);
		c->state = SVC_PARENT_STOPPING;
		svc_parent_stop_step(p);
		return;
	}
	wait_and_restart(c);
	log_end(c, &end);
	c->backoff_ms = MIN(c->backoff_ms * 2, (int64_t)SVC_PARENT_BACKOFF_MAX_MS);
}

/* --- its beginning ------------------------------------------------------------------------- */

static bool
is_there(struct buf *path, str folder, const char *between, str program)
{
	struct sys_stat ignored;
	buf_reset(path);
	buf_printf(path, "%.*s%s/postern-%.*s", STR_ARG(folder), between, STR_ARG(program));
	return buf_err(path) == ERR_OK &&
	    sys_file_stat(SYS_CWD, buf_view(path), &ignored) == ERR_OK;
}

/* Beside the running program, where it is installed, or where it was built. */
static enum err
find_program(const struct svc_parent_proc *c, struct buf *path)
{
	char built[64], tested[64];
	str folder = c->parent->programs;
	snprintf(built, sizeof built, "/../svc/%.*s", STR_ARG(c->row->folder));
	snprintf(tested, sizeof tested, "/../%.*s", STR_ARG(c->row->folder));
	const char *const between[] = { "", "/../libexec/postern", built, tested };
	for (size_t i = 0; i < LEN(between); i++) {
		if (is_there(path, folder, between[i], c->row->program)) {
			return ERR_OK;
		}
	}
	return ERR_NOTFOUND;
}

/* Fork and exec with one end of the control channel; the other is *ret_fd. */
static enum err
spawn(struct svc_parent_proc *c, int *ret_fd)
{
	struct svc_parent *p = c->parent;
	char path_room[4096], name[48];
	struct buf path;
	int fds[2];
	buf_init_fixed(&path, path_room, sizeof path_room);
	TRY(find_program(c, &path));
	TRY(sys_chan_pair(fds));
	snprintf(name, sizeof name, "postern-%.*s", STR_ARG(c->row->set));
	const char *const argv[] = { name, NULL };
	uint32_t user = (uint32_t)p->conf->service_user_base + c->row->user;
	struct sys_spawn what = { .program = buf_view(&path),
		.argv = argv,
		.fds = &fds[1],
		.fds_n = 1,
		.log_fd = p->log_fd,
		.change_user = p->is_root,
		.uid = user,
		.gid = user };
	enum err e = sys_spawn(&what, &c->child);
	sys_close(&fds[1]);
	if (e != ERR_OK) {
		sys_close(&fds[0]);
		return e;
	}
	*ret_fd = fds[0];
	return ERR_OK;
}

static enum err
watch(struct svc_parent_proc *c, int fd)
{
	struct svc_parent *p = c->parent;
	struct sys_chan_handler h = {
		.on_message = on_message, .on_closed = on_chan_closed, .ctx = c
	};
	c->watch = (struct sys_watch){ .fn = on_pidfd, .ctx = c, .fd = c->child.pidfd };
	enum err e = sys_watch_start(p->loop, &c->watch, SYS_IN);
	if (e != ERR_OK) {
		sys_close(&fd);
		return e;
	}
	return sys_chan_new(p->loop, fd, &h, &c->chan);
}

static void
give_config(struct svc_parent_proc *c)
{
	struct svc_parent *p = c->parent;
	struct ipc_parent_child_config m = {
		.index = c->index, .set = c->row->set, .settings = buf_view(&p->encoded)
	};
	buf_reset(&p->out);
	ipc_parent_child_config_put(&p->out, &m);
	svc_parent_proc_tell(c, -1);
}

static enum err
give_admin(struct svc_parent_proc *c)
{
	const str *admins;
	size_t n = svc_parent_table_admins(&admins);
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(admins[i], c->row->program)) {
			continue;
		}
		struct ipc_parent_child_admin m = { .none = 0 };
		int fd;
		TRY(svc_parent_listen_admin(c->parent, c->row->program, &fd));
		buf_reset(&c->parent->out);
		ipc_parent_child_admin_put(&c->parent->out, &m);
		svc_parent_proc_tell(c, fd);
	}
	return ERR_OK;
}

static enum err
start(struct svc_parent_proc *c)
{
	int fd;
	char name[48];
	TRY(spawn(c, &fd));
	TRY(watch(c, fd));
	LOG(PARENT_STARTED, F_STR("process", name_of(c, name)), F_U64("pid", c->child.pid));
	give_config(c);
	svc_parent_wire_all(c);
	bool gate = str_eq(c->row->program, S("gate"));
	if (gate || str_eq(c->row->program, S("keys"))) {
		svc_parent_certs_give(c);
	}
	if (gate) {
		TRY(svc_parent_listen_give(c));
	}
	return give_admin(c);
}

void
svc_parent_proc_start(struct svc_parent_proc *c)
{
	struct svc_parent *p = c->parent;
	char name[48];
	c->state = SVC_PARENT_STARTING;
	c->started_ms = sys_loop_now_ms(p->loop);
	c->started_s = sys_clock_wall_s();
	c->sandbox = c->landlock_abi = c->rewires = 0;
	c->version[0] = '\0';
	enum err e = start(c);
	if (e == ERR_OK) {
		return;
	}
	LOG(FAILED, F_CSTR("what", "start"), F_ERR(e), F_STR("detail", name_of(c, name)));
	if (c->child.pidfd >= 0) { /* its end brings the next attempt */
		enum err ignored = sys_child_signal(&c->child, SIGKILL);
		(void)ignored;
		return;
	}
	wait_and_restart(c);
	c->backoff_ms = MIN(c->backoff_ms * 2, (int64_t)SVC_PARENT_BACKOFF_MAX_MS);
}

void
svc_parent_proc_go(struct svc_parent_proc *c)
{
	struct svc_parent *p = c->parent;
	struct ipc_parent_child_go m = { .boot_id = p->boot_id };
	if (str_eq(c->row->program, S("accounts"))) {
		m.secret = str_make(p->secret, sizeof p->secret);
	}
	buf_reset(&p->out);
	ipc_parent_child_go_put(&p->out, &m);
	svc_parent_proc_tell(c, -1);
}

static void
on_again(void *ctx)
{
	struct svc_parent_proc *c = ctx;
	c->restarts++;
	svc_parent_proc_start(c);
	svc_parent_proc_go(c);
}

/* --- the table of them --------------------------------------------------------------------- */

static uint32_t
next_index(const struct svc_parent *p, str program)
{
	uint32_t n = 0;
	for (size_t i = 0; i < p->procs_n; i++) {
		n += str_eq(p->procs[i].row->program, program) ? 1 : 0;
	}
	return n;
}

enum err
svc_parent_proc_table(struct svc_parent *p)
{
	const struct svc_parent_row *rows;
	size_t rows_n = svc_parent_table_rows(&rows);
	p->procs = arena_array(p->arena, SVC_PARENT_PROCS_MAX, sizeof *p->procs);
	if (p->procs == NULL) {
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < rows_n; i++) {
		uint32_t count = svc_parent_table_count(i, p->conf, sys_cores());
		for (uint32_t k = 0; k < count; k++) {
			if (p->procs_n == SVC_PARENT_PROCS_MAX) {
				return ERR_TOOMANY;
			}
			struct svc_parent_proc *c = &p->procs[p->procs_n];
			*c = (struct svc_parent_proc){ .parent = p,
				.row = &rows[i],
				.index = next_index(p, rows[i].program),
				.child.pidfd = -1 };
			sys_timer_init(&c->again, on_again, c);
			p->procs_n++;
		}
	}
	return ERR_OK;
}
