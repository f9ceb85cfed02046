/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `postern status`: ask every running process, pass each answer on at once, and after a second tell
 * the rest from outside. Memory figures come from /proc.
 */
#include "svc/parent/parent_priv.h"

#include "ipc/adm_parent.h"
#include "ipc/parent_child.h"
#include "sys/clock.h"
#include "sys/sandbox.h"

#include <unistd.h>

enum { PROC_FILE_MAX = 8192, KB = 1024 };

static size_t
job_number(const struct svc_parent_job *j)
{
	return (size_t)(j - j->parent->jobs);
}

static void
tell(struct svc_parent_job *j)
{
	enum err e = j->to == NULL ? ERR_OK : sys_chan_send(j->to, &j->parent->out, -1);
	if (e != ERR_OK) { /* it went, or reads too slowly for its own good */
		j->to = NULL;
	}
}

/* --- memory -------------------------------------------------------------------------------- */

/* The number of kilobytes behind "\nKey:" in a file of /proc; 0 when it cannot be read. */
static uint64_t
read_kb(uint32_t pid, const char *file, str key)
{
	char path[64], room[PROC_FILE_MAX];
	struct buf b;
	int fd SYS_FD_AUTO = -1;
	snprintf(path, sizeof path, "/proc/%u/%s", pid, file);
	buf_init_fixed(&b, room, sizeof room);
	if (sys_file_open(SYS_CWD, str_from(path), SYS_READ, &fd) != ERR_OK ||
	    sys_file_load_fd(fd, &b) != ERR_OK) {
		return 0;
	}
	ptrdiff_t at = str_find(buf_view(&b), key);
	if (at < 0) {
		return 0;
	}
	str rest = str_trim(str_from_off(buf_view(&b), (size_t)at + key.n));
	str digits;
	uint64_t v;
	bool cut = str_cut(rest, ' ', &digits, &rest);
	return cut && str_u64(digits, &v) ? v * KB : 0;
}

static uint64_t
rss_of(uint32_t pid)
{
	return read_kb(pid, "status", S("\nVmRSS:"));
}

/* Root may read it; an ordinary user not, because our processes are not dumpable. */
static uint64_t
pss_of(uint32_t pid)
{
	return read_kb(pid, "smaps_rollup", S("\nPss:"));
}

/* --- rows ---------------------------------------------------------------------------------- */

static void
tell_server(struct svc_parent_job *j)
{
	struct svc_parent *p = j->parent;
	uint32_t pid = (uint32_t)getpid();
	struct ipc_adm_parent_server m = { .request = j->request,
		.version = S(POSTERN_VERSION),
		.pid = pid,
		.started_s = p->started_s,
		.config = p->config,
		.boot_id = p->boot_id,
		.landlock_abi = sys_sandbox_landlock_abi(),
		.fds_max = p->fds_max,
		.rss_octets = rss_of(pid),
		.pss_octets = pss_of(pid) };
	buf_reset(&p->out);
	ipc_adm_parent_server_put(&p->out, &m);
	tell(j);
}

static void
tell_process(struct svc_parent_job *j, const struct svc_parent_proc *c,
    const struct ipc_parent_child_status *answer)
{
	struct svc_parent *p = j->parent;
	uint32_t pid = c->child.pidfd >= 0 ? (uint32_t)c->child.pid : 0;
	struct ipc_adm_parent_process m = { .request = j->request,
		.name = c->row->set,
		.index = c->index,
		.pid = pid,
		.state = (uint8_t)c->state,
		.version = str_from(c->version),
		.started_s = c->started_s,
		.restarts = c->restarts,
		.sandbox = c->sandbox,
		.landlock_abi = c->landlock_abi };
	if (pid != 0) {
		m.rss_octets = rss_of(pid);
		m.pss_octets = pss_of(pid);
	}
	if (answer != NULL) {
		m.answered = true;
		m.fds = answer->fds;
		m.facts = answer->facts;
	}
	buf_reset(&p->out);
	ipc_adm_parent_process_put(&p->out, &m);
	tell(j);
}

static void
tell_listeners(struct svc_parent_job *j)
{
	struct svc_parent *p = j->parent;
	for (size_t i = 0; i < p->listeners_n; i++) {
		char text[SYS_ADDR_TEXT_MAX];
		struct buf b;
		buf_init_fixed(&b, text, sizeof text);
		sys_addr_text(&b, &p->listeners[i].addr);
		struct ipc_adm_parent_listener m = { .request = j->request,
			.address = buf_view(&b),
			.protocol = sys_protocol_row(p->listeners[i].protocol)->name };
		buf_reset(&p->out);
		ipc_adm_parent_listener_put(&p->out, &m);
		tell(j);
	}
}

/* --- jobs ---------------------------------------------------------------------------------- */

static void
finish(struct svc_parent_job *j)
{
	struct svc_parent *p = j->parent;
	for (size_t i = 0; i < p->procs_n; i++) {
		if (j->asked[i]) {
			j->asked[i] = false;
			tell_process(j, &p->procs[i], NULL);
		}
	}
	tell_listeners(j);
	struct ipc_adm_parent_done m = { .request = j->request, .result = ERR_OK };
	buf_reset(&p->out);
	ipc_adm_parent_done_put(&p->out, &m);
	tell(j);
	sys_timer_stop(&j->timeout);
	j->to = NULL;
	j->waiting = 0;
}

static void
on_timeout(void *ctx)
{
	finish(ctx);
}

static void
ask_all(struct svc_parent_job *j)
{
	struct svc_parent *p = j->parent;
	for (size_t i = 0; i < p->procs_n; i++) {
		struct svc_parent_proc *c = &p->procs[i];
		if (!svc_parent_proc_lives(c)) {
			tell_process(j, c, NULL);
			continue;
		}
		struct ipc_parent_child_status_ask m = { .request = job_number(j) };
		j->asked[i] = true;
		j->waiting++;
		buf_reset(&p->out);
		ipc_parent_child_status_ask_put(&p->out, &m);
		svc_parent_proc_tell(c, -1);
	}
}

void
svc_parent_status_start(struct svc_parent *p, struct sys_chan *to, uint64_t request)
{
	struct svc_parent_job *j = NULL;
	for (size_t i = 0; i < LEN(p->jobs) && j == NULL; i++) {
		bool draining = p->jobs[i].waiting > 0; /* its answers are still coming */
		j = p->jobs[i].to == NULL && !draining ? &p->jobs[i] : NULL;
	}
	if (j == NULL) {
		struct ipc_adm_parent_done m = { .request = request,
			.result = ERR_BUSY,
			.text = S("too many status requests at a time") };
		buf_reset(&p->out);
		ipc_adm_parent_done_put(&p->out, &m);
		enum err ignored = sys_chan_send(to, &p->out, -1);
		(void)ignored;
		return;
	}
	*j = (struct svc_parent_job){ .to = to, .request = request, .parent = p };
	sys_timer_init(&j->timeout, on_timeout, j);
	sys_timer_set(p->loop, &j->timeout, SVC_PARENT_STATUS_MS);
	tell_server(j);
	ask_all(j);
	if (j->waiting == 0) {
		finish(j);
	}
}

void
svc_parent_status_answer(struct svc_parent_proc *c, uint64_t job, uint64_t fds, str facts)
{
	struct svc_parent *p = c->parent;
	size_t i = (size_t)(c - p->procs);
	if (job >= LEN(p->jobs) || !p->jobs[job].asked[i]) {
		return; /* later than it may be */
	}
	struct svc_parent_job *j = &p->jobs[job];
	struct ipc_parent_child_status answer = { .fds = fds, .facts = facts };
	j->asked[i] = false;
	tell_process(j, c, &answer);
	if (--j->waiting == 0) {
		finish(j);
	}
}

void
svc_parent_status_drop(struct svc_parent_proc *c)
{
	struct svc_parent *p = c->parent;
	size_t i = (size_t)(c - p->procs);
	for (size_t k = 0; k < LEN(p->jobs); k++) {
		struct svc_parent_job *j = &p->jobs[k];
		if (!j->asked[i]) {
			continue;
		}
		j->asked[i] = false;
		tell_process(j, c, NULL);
		if (--j->waiting == 0) {
			finish(j);
		}
	}
}

void
svc_parent_status_forget(struct svc_parent *p, struct sys_chan *to)
{
	for (size_t i = 0; i < LEN(p->jobs); i++) {
		if (p->jobs[i].to == to) {
			p->jobs[i].to = NULL;
		}
	}
}
