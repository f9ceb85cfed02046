/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern status, stop, reload: edge adm_parent.
 */
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/units.h"
#include "ipc/adm_parent.h"
#include "sys/chan.h"
#include "sys/clock.h"
#include "sys/sandbox.h"
#include "sys/sys.h"

enum { ADDRESSES_MAX = 160, PROCESSES_MAX = 512, MS_PER_S = 1000 };

/* --- one request, one `done` --------------------------------------------------------------- */

struct simple {
	bool ended;
	enum err result;
	str text;
};

static enum err
on_done(void *ctx, const struct ipc_adm_parent_done *m, int *fd)
{
	struct simple *s = ctx;
	*s = (struct simple){ true, m->result, m->text };
	return ERR_OK;
}

static enum err
take_simple(struct ctl *c, void *ctx, str datagram, int *fd)
{
	static const struct ipc_adm_parent_at_admin handlers = { .done = on_done };
	return ipc_adm_parent_admin_dispatch(&handlers, ctx, datagram, fd, c->scratch);
}

enum ctl_exit
ctl_cmd_reload(struct ctl *c)
{
	struct simple s = { 0 };
	struct ipc_adm_parent_reload m = { .request = 1 };
	ipc_adm_parent_reload_put(&c->msg, &m);
	enum ctl_exit x = ctl_client_ask(c, take_simple, &s, &s.ended, CTL_WAIT_MS);
	if (x != CTL_OK) {
		return x;
	}
	if (s.result != ERR_OK) {
		return ctl_fail(c, s.result == ERR_CONFIG ? CTL_CONFIG : CTL_FAILED, s.result,
		    "not reloaded, the old configuration stays in force: %.*s%s", STR_ARG(s.text),
		    s.text.n > 0 ? "" : err_text(s.result));
	}
	ctl_out_done(&c->out, s.text.n > 0 ? s.text : S("reloaded"));
	return CTL_OK;
}

/* The parent closes its sockets last: when ours ends, everything has ended. */
static enum ctl_exit
wait_for_end(struct ctl *c, int64_t grace_ms)
{
	struct simple s = { 0 };
	int64_t until = sys_clock_ms() + grace_ms + CTL_WAIT_MS;
	while (sys_clock_ms() < until) {
		int fd = -1;
		enum err e = sys_chan_recv_wait(c->fd, &c->in, &fd, (int)(until - sys_clock_ms()));
		if (e == ERR_OK) {
			arena_reset(c->scratch);
			e = take_simple(c, &s, buf_view(&c->in), &fd);
		}
		sys_close(&fd);
		if (e == ERR_EOF || e == ERR_UNAVAILABLE) {
			ctl_out_done(&c->out, S("stopped"));
			return CTL_OK;
		}
		if (e != ERR_OK || s.result != ERR_OK) {
			e = e != ERR_OK ? e : s.result;
			return ctl_fail(c, CTL_FAILED, e, "it does not stop: %s", err_text(e));
		}
	}
	return ctl_fail(c, CTL_FAILED, ERR_TIMEOUT,
	    "it has not stopped in time; see `postern status`");
}

enum ctl_exit
ctl_cmd_stop(struct ctl *c)
{
	uint64_t grace_s = 0;
	enum ctl_exit x = ctl_given(&c->args, CTL_OPT_GRACE)
	    ? ctl_time_option(c, CTL_OPT_GRACE, &grace_s)
	    : CTL_OK;
	struct ipc_adm_parent_stop m = { .request = 1,
		.grace_ms = (uint32_t)MIN(grace_s * MS_PER_S, UINT32_MAX) };
	ipc_adm_parent_stop_put(&c->msg, &m);
	if (x == CTL_OK) {
		x = ctl_client_send(c);
	}
	return x == CTL_OK ? wait_for_end(c, m.grace_ms) : x;
}

/* --- status -------------------------------------------------------------------------------- */

/* Everything is collected first: the answers come in any order. */
struct status {
	struct ctl *c;
	struct simple done;
	struct ipc_adm_parent_server server;
	struct ipc_adm_parent_process processes[PROCESSES_MAX];
	size_t processes_n;
	struct ipc_adm_parent_listener listeners[ADDRESSES_MAX];
	size_t listeners_n;
};

static str
keep(struct status *s, str v)
{
	return arena_dup(s->c->arena, v);
}

static enum err
on_server(void *ctx, const struct ipc_adm_parent_server *m, int *fd)
{
	struct status *s = ctx;
	s->server = *m;
	s->server.version = keep(s, m->version);
	s->server.config = keep(s, m->config);
	s->server.boot_id = keep(s, m->boot_id);
	return s->server.boot_id.p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
on_process(void *ctx, const struct ipc_adm_parent_process *m, int *fd)
{
	struct status *s = ctx;
	if (s->processes_n == PROCESSES_MAX) {
		return ERR_TOOMANY;
	}
	struct ipc_adm_parent_process *p = &s->processes[s->processes_n++];
	*p = *m;
	p->name = keep(s, m->name);
	p->version = keep(s, m->version);
	p->facts = keep(s, m->facts);
	return p->name.p == NULL || p->version.p == NULL || p->facts.p == NULL ? ERR_BUDGET
									       : ERR_OK;
}

static enum err
on_listener(void *ctx, const struct ipc_adm_parent_listener *m, int *fd)
{
	struct status *s = ctx;
	if (s->listeners_n == ADDRESSES_MAX) {
		return ERR_TOOMANY;
	}
	struct ipc_adm_parent_listener *l = &s->listeners[s->listeners_n++];
	l->address = keep(s, m->address);
	l->protocol = keep(s, m->protocol);
	return l->address.p == NULL || l->protocol.p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
on_status_done(void *ctx, const struct ipc_adm_parent_done *m, int *fd)
{
	struct status *s = ctx;
	s->done = (struct simple){ true, m->result, keep(s, m->text) };
	return ERR_OK;
}

static enum err
take_status(struct ctl *c, void *ctx, str datagram, int *fd)
{
	static const struct ipc_adm_parent_at_admin handlers = {
		.server = on_server,
		.process = on_process,
		.listener = on_listener,
		.done = on_status_done,
	};
	return ipc_adm_parent_admin_dispatch(&handlers, ctx, datagram, fd, c->scratch);
}

static const struct {
	uint32_t bit;
	const char *name;
} locks[] = {
	{ SYS_STATE_NO_NEW_PRIVS, "no-new-privs" },
	{ SYS_STATE_LANDLOCK, "landlock" },
	{ SYS_STATE_SECCOMP, "seccomp" },
	{ SYS_STATE_OWN_USER, "own-user" },
};

/* "full", or what is missing: "without landlock own-user". */
static str
sandbox_text(uint32_t bits, char *room, size_t size)
{
	struct buf b;
	buf_init_fixed(&b, room, size);
	for (size_t i = 0; i < LEN(locks); i++) {
		if ((bits & locks[i].bit) == 0) {
			buf_printf(&b, "%s %s", b.n == 0 ? "without" : "", locks[i].name);
		}
	}
	return b.n == 0 ? S("full") : buf_view(&b);
}

static str
state_text(uint8_t state)
{
	static const str names[] = { S_INIT("unknown"), S_INIT("starting"), S_INIT("running"),
		S_INIT("restarting"), S_INIT("stopping") };
	return names[state < LEN(names) ? state : 0];
}

static const struct ctl_column process_columns[] = {
	{ "name", "PROCESS", 15, false },
	{ "index", "#", 2, true },
	{ "pid", "PID", 7, true },
	{ "state", "STATE", 10, false },
	{ "restarts", "RESTARTS", 8, true },
	{ "rss", "RSS", 5, true },
	{ "pss", "PSS", 5, true },
	{ "fds", "FDS", 5, true },
	{ "started", "STARTED", 20, false },
	{ "version", "VERSION", 7, false },
	{ "sandbox", "SANDBOX", 0, false },
};

/* JSON: an object of the facts. Text has them below the table. */
static void
put_facts(struct ctl *c, str facts)
{
	str line, key, value;
	ctl_json_object(&c->out.j, "facts");
	while (facts.n > 0 && str_next(&facts, '\n', &line)) {
		char name[64];
		uint64_t number;
		if (!str_cut(line, '=', &key, &value) || key.n >= sizeof name) {
			continue;
		}
		memcpy(name, key.p, key.n);
		name[key.n] = '\0';
		if (str_u64(value, &number)) {
			ctl_json_u64(&c->out.j, name, number);
		} else {
			ctl_json_str(&c->out.j, name, value);
		}
	}
	ctl_json_close(&c->out.j);
}

/* Only root may ask the kernel for the share of each process. */
static void
put_pss(struct ctl_out *o, uint64_t octets)
{
	if (octets > 0) {
		ctl_out_size(o, "pss", octets);
	} else {
		ctl_out_none(o, "pss");
	}
}

static void
put_process(struct ctl *c, const struct ipc_adm_parent_process *p)
{
	char room[128];
	struct ctl_out *o = &c->out;
	bool runs = p->pid != 0;
	ctl_out_item(o);
	ctl_out_str(o, "name", p->name);
	ctl_out_u64(o, "index", p->index);
	ctl_out_u64(o, "pid", p->pid);
	ctl_out_str(o, "state", state_text(p->state));
	ctl_out_u64(o, "restarts", p->restarts);
	ctl_out_size(o, "rss", p->rss_octets);
	put_pss(o, p->pss_octets);
	ctl_out_u64(o, "fds", p->fds);
	ctl_out_time(o, "started", runs ? p->started_s : 0);
	ctl_out_str(o, "version", p->version);
	ctl_out_str(o, "sandbox", runs ? sandbox_text(p->sandbox, room, sizeof room) : S(""));
	ctl_out_bool(o, "answered", p->answered);
	ctl_out_u64(o, "landlock_abi", p->landlock_abi);
	if (o->json) {
		put_facts(c, p->facts);
	}
	ctl_out_item_end(o);
}

static int
by_name(const void *a, const void *b)
{
	const struct ipc_adm_parent_process *x = a, *y = b;
	int names = str_cmp(x->name, y->name);
	return names != 0 ? names : (x->index > y->index) - (x->index < y->index);
}

static void
put_processes(struct status *s)
{
	struct ctl *c = s->c;
	qsort(s->processes, s->processes_n, sizeof s->processes[0], by_name);
	ctl_out_line(&c->out, "%s", "");
	ctl_out_list(&c->out, "processes", process_columns, LEN(process_columns));
	for (size_t i = 0; i < s->processes_n; i++) {
		put_process(c, &s->processes[i]);
	}
	ctl_out_list_end(&c->out);
}

static void
put_facts_lines(struct status *s)
{
	ctl_out_line(&s->c->out, "%s", "");
	for (size_t i = 0; i < s->processes_n; i++) {
		struct ipc_adm_parent_process *p = &s->processes[i];
		str facts = p->facts, line;
		struct buf b;
		buf_init(&b, IPC_MESSAGE_MAX);
		while (facts.n > 0 && str_next(&facts, '\n', &line)) {
			buf_ch(&b, ' ');
			ctl_out_safe(&b, line);
		}
		if (b.n > 0) {
			ctl_out_line(&s->c->out, "%.*s[%u]%.*s", STR_ARG(p->name), p->index,
			    STR_ARG(buf_view(&b)));
		}
		buf_done(&b);
	}
}

static const struct ctl_column listener_columns[] = {
	{ "protocol", "PROTOCOL", 12, false },
	{ "address", "ADDRESS", 0, false },
};

static void
put_listeners(struct status *s)
{
	struct ctl_out *o = &s->c->out;
	ctl_out_line(o, "%s", "");
	ctl_out_list(o, "listeners", listener_columns, LEN(listener_columns));
	for (size_t i = 0; i < s->listeners_n; i++) {
		ctl_out_item(o);
		ctl_out_str(o, "protocol", s->listeners[i].protocol);
		ctl_out_str(o, "address", s->listeners[i].address);
		ctl_out_item_end(o);
	}
	ctl_out_list_end(o);
}

/* What an administrator must not overlook. Out: is all as it should be? */
static bool
warn(struct status *s)
{
	bool healthy = true;
	uint32_t missing = 0;
	for (size_t i = 0; i < s->processes_n; i++) {
		struct ipc_adm_parent_process *p = &s->processes[i];
		missing |= p->pid != 0 ? ~p->sandbox : 0;
		if (p->state != 2) {
			healthy = false;
			ctl_warn(s->c, "warning: %.*s[%u] is %.*s", STR_ARG(p->name), p->index,
			    STR_ARG(state_text(p->state)));
		}
	}
	for (size_t i = 0; i < LEN(locks); i++) {
		if ((missing & locks[i].bit) != 0) {
			healthy = false;
			ctl_warn(s->c,
			    "warning: processes run without %s: a process that is taken over could "
			    "do more than it should",
			    locks[i].name);
		}
	}
	return healthy;
}

static void
put_server(struct status *s)
{
	const struct ipc_adm_parent_server *m = &s->server;
	struct ctl_out *o = &s->c->out;
	ctl_out_str(o, "version", m->version);
	ctl_out_u64(o, "pid", m->pid);
	ctl_out_time(o, "started", m->started_s);
	ctl_out_str(o, "config", m->config);
	ctl_out_str(o, "state", s->c->conf.state);
	ctl_out_u64(o, "landlock_abi", m->landlock_abi);
	ctl_out_u64(o, "fds_max", m->fds_max);
	ctl_out_size(o, "rss", m->rss_octets);
	put_pss(o, m->pss_octets);
	if (o->json) {
		ctl_out_str(o, "boot_id", m->boot_id);
	}
}

static enum ctl_exit
ask_status(struct status *s)
{
	struct ctl *c = s->c;
	struct ipc_adm_parent_status_ask m = { .request = 1 };
	ipc_adm_parent_status_ask_put(&c->msg, &m);
	enum ctl_exit x = ctl_client_ask(c, take_status, s, &s->done.ended, CTL_WAIT_MS);
	if (x == CTL_OK && s->done.result != ERR_OK) {
		x = ctl_fail(c, CTL_FAILED, s->done.result, "%.*s", STR_ARG(s->done.text));
	}
	return x;
}

enum ctl_exit
ctl_cmd_status(struct ctl *c)
{
	struct status *s = ARENA_NEW(c->arena, struct status);
	if (s == NULL) {
		return ctl_fail(c, CTL_FAILED, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	s->c = c;
	enum ctl_exit x = ask_status(s);
	if (x != CTL_OK) {
		return x;
	}
	put_server(s);
	put_processes(s);
	put_listeners(s);
	if (!c->out.json) {
		put_facts_lines(s);
	}
	bool healthy = warn(s);
	if (c->out.json) {
		ctl_out_bool(&c->out, "healthy", healthy);
	}
	return CTL_OK;
}
