/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent with fake services: everything starts and is wired; what is killed comes back; reload,
 * certificates, stop, and the parent's own death. Run by root, all of it happens twice: as root
 * with a user per service, and as an ordinary user.
 */
#include "base/mem.h"
#include "base/test.h"
#include "ipc/adm_parent.h"
#include "svc/parent/parent.h"
#include "svc/parent/table.h"
#include "sys/chan.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sock.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PROCS_MAX = 64, PATIENCE_MS = 20000, NOBODY = 65534, BASE = 61440 };

static const char *fake_program; /* path of the fake service */

struct seen {
	char name[33], facts[512];
	uint32_t index, pid, restarts, sandbox;
	uint8_t state;
	bool answered;
};

static struct world {
	char folder[64];
	bool as_user;
	struct sys_child parent;
	int admin;
	struct sys_addr port;
	struct seen procs[PROCS_MAX];
	size_t procs_n, listeners_n;
	bool done;
	enum err result;
	char text[1024];
} w;

static struct arena *scratch;

/* --- asking -------------------------------------------------------------------------------- */

static void
copy(char *to, size_t room, str s)
{
	size_t n = MIN(s.n, room - 1);
	memcpy(to, s.p == NULL ? "" : s.p, n);
	to[n] = '\0';
}

static enum err
on_server(void *ctx, const struct ipc_adm_parent_server *m, int *fd)
{
	CHECK(m->started_s > 0 && m->pid == (uint32_t)w.parent.pid && m->rss_octets > 0);
	return ERR_OK;
}

static enum err
on_process(void *ctx, const struct ipc_adm_parent_process *m, int *fd)
{
	if (w.procs_n < PROCS_MAX) {
		struct seen *s = &w.procs[w.procs_n++];
		copy(s->name, sizeof s->name, m->name);
		copy(s->facts, sizeof s->facts, m->facts);
		s->index = m->index;
		s->pid = m->pid;
		s->restarts = m->restarts;
		s->sandbox = m->sandbox;
		s->state = m->state;
		s->answered = m->answered;
	}
	return ERR_OK;
}

static enum err
on_listener(void *ctx, const struct ipc_adm_parent_listener *m, int *fd)
{
	w.listeners_n++;
	return ERR_OK;
}

static enum err
on_done(void *ctx, const struct ipc_adm_parent_done *m, int *fd)
{
	w.done = true;
	w.result = m->result;
	copy(w.text, sizeof w.text, m->text);
	return ERR_OK;
}

static enum err
converse(const struct buf *request)
{
	static const struct ipc_adm_parent_at_admin handlers = {
		.server = on_server,
		.process = on_process,
		.listener = on_listener,
		.done = on_done,
	};
	struct buf in;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	w.done = false;
	w.procs_n = w.listeners_n = 0;
	enum err e = sys_chan_send_wait(w.admin, request, -1, PATIENCE_MS);
	while (e == ERR_OK && !w.done) {
		int fd = -1;
		e = sys_chan_recv_wait(w.admin, &in, &fd, PATIENCE_MS);
		if (e == ERR_OK) {
			e = ipc_adm_parent_admin_dispatch(&handlers, NULL, buf_view(&in), &fd,
			    scratch);
		}
		sys_close(&fd);
	}
	buf_done(&in);
	return e == ERR_OK ? w.result : e;
}

static enum err
ask_status(void)
{
	struct ipc_adm_parent_status_ask m = { .request = 5 };
	struct buf b;
	buf_init(&b, 100);
	ipc_adm_parent_status_ask_put(&b, &m);
	enum err e = converse(&b);
	buf_done(&b);
	return e;
}

static enum err
ask_reload(void)
{
	struct ipc_adm_parent_reload m = { .request = 6 };
	struct buf b;
	buf_init(&b, 100);
	ipc_adm_parent_reload_put(&b, &m);
	enum err e = converse(&b);
	buf_done(&b);
	return e;
}

static struct seen *
find(const char *name, uint32_t index)
{
	static struct seen nobody;
	for (size_t i = 0; i < w.procs_n; i++) {
		if (strcmp(w.procs[i].name, name) == 0 && w.procs[i].index == index) {
			return &w.procs[i];
		}
	}
	CHECK(false);
	return &nobody;
}

/* The number behind "key=" in the facts; UINT64_MAX when it is not there. */
static uint64_t
fact(const struct seen *s, const char *key)
{
	str rest = str_from(s->facts);
	str line, name, value;
	uint64_t v;
	while (str_next(&rest, '\n', &line)) {
		if (str_cut(line, '=', &name, &value) && str_eq(name, str_from(key)) &&
		    str_u64(value, &v)) {
			return v;
		}
	}
	return UINT64_MAX;
}

/* Never 0, which would be all of us. */
static void
send_signal(const struct seen *s, int signo)
{
	CHECK(s->pid > 1 && kill((pid_t)s->pid, signo) == 0);
}

/* Ask again and again until `ready` is true, within our patience. */
static bool
await(bool (*ready)(void))
{
	int64_t until = sys_clock_ms() + PATIENCE_MS;
	while (sys_clock_ms() < until) {
		if (ask_status() != ERR_OK) {
			return false;
		}
		if (ready()) {
			return true;
		}
	}
	for (size_t i = 0; i < w.procs_n; i++) {
		printf("%s[%u] pid %u state %u restarts %u %s\n", w.procs[i].name, w.procs[i].index,
		    w.procs[i].pid, w.procs[i].state, w.procs[i].restarts, w.procs[i].facts);
	}
	return false;
}

/* --- a world ------------------------------------------------------------------------------- */

static str
in_world(const char *name)
{
	static char path[160];
	int n = snprintf(path, sizeof path, "%s/%s", w.folder, name);
	return str_make(path, (size_t)n);
}

static void
owned(str path)
{
	if (w.as_user && geteuid() == 0) {
		CHECK_ERR(sys_file_chown(SYS_CWD, path, NOBODY, NOBODY), ERR_OK);
	}
}

static void
put_file(const char *name, str content)
{
	CHECK_ERR(sys_file_replace(SYS_CWD, in_world(name), content), ERR_OK);
	owned(in_world(name));
}

static const char *hostname = "mail.example.org";

static void
put_config(const char *domain, const char *more)
{
	char text[1000];
	int n = snprintf(text, sizeof text,
	    "hostname %s\ndomain example.org %s\n"
	    "state %s/state\nlog %s/log\nlisten {\nmx 127.0.0.1:%u\nsubmission\nsubmissions\nimap\n"
	    "imaps\npop3\npop3s\nmanagesieve\n}\ngate {\nprocesses 2\n}\nsmtp {\nprocesses 2\n}\n"
	    "scan {\nprocesses 2\n}\n"
	    "auth {\nhash-workers 1\n}\ntls {\ncertificate %s/cert\nkey %s/key\n}\n%s",
	    hostname, domain, w.folder, w.folder, w.port.port, w.folder, w.folder, more);
	CHECK(n > 0 && (size_t)n < sizeof text);
	put_file("conf", str_make(text, (size_t)n));
}

/* The fake program under every name, copied so that any user may run it. */
static void
put_programs(void)
{
	const struct svc_parent_row *rows;
	size_t rows_n = svc_parent_table_rows(&rows);
	char name[64];
	struct buf program;
	buf_init(&program, 64 << 20);
	CHECK_ERR(sys_file_load(SYS_CWD, str_from(fake_program), &program), ERR_OK);
	CHECK_ERR(sys_dir_make(SYS_CWD, in_world("programs"), 0755), ERR_OK);
	put_file("programs/fake", buf_view(&program));
	CHECK_ERR(sys_file_chmod(SYS_CWD, in_world("programs/fake"), 0755), ERR_OK);
	for (size_t i = 0; i < rows_n; i++) {
		char from[160];
		copy(from, sizeof from, in_world("programs/fake"));
		snprintf(name, sizeof name, "programs/postern-%.*s", STR_ARG(rows[i].program));
		enum err e = sys_file_link(SYS_CWD, str_from(from), SYS_CWD, in_world(name));
		CHECK(e == ERR_OK || e == ERR_EXISTS); /* two sets of one program */
	}
	buf_done(&program);
}

/* A port that was free a moment ago. */
static void
find_port(void)
{
	int fd;
	w.port = (struct sys_addr){ .port = 0 };
	CHECK_ERR(sys_addr_ip_parse(S("127.0.0.1"), w.port.ip), ERR_OK);
	CHECK_ERR(sys_sock_listen(&w.port, &fd), ERR_OK);
	CHECK_ERR(sys_sock_local(fd, &w.port), ERR_OK);
	sys_close(&fd);
}

static void
spawn_parent(struct sys_child *ret)
{
	char conf[160], programs[160];
	copy(conf, sizeof conf, in_world("conf"));
	copy(programs, sizeof programs, in_world("programs"));
	const char *const argv[] = { "parent", conf, programs, NULL };
	struct sys_spawn what = { .program = S("/proc/self/exe"),
		.argv = argv,
		.log_fd = -1,
		.change_user = w.as_user && geteuid() == 0,
		.uid = NOBODY,
		.gid = NOBODY };
	CHECK_ERR(sys_spawn(&what, ret), ERR_OK);
}

/* The socket appears when the parent is ready to talk. */
static bool
connect_admin(void)
{
	int64_t until = sys_clock_ms() + PATIENCE_MS;
	while (sys_clock_ms() < until && sys_wait(w.parent.pidfd, true, 5) == ERR_TIMEOUT) {
		if (sys_sock_connect_local(in_world("state/run/parent.sock"), &w.admin) == ERR_OK) {
			return true;
		}
	}
	return false;
}

static void
make_world(bool as_user)
{
	w = (struct world){ .as_user = as_user, .admin = -1 };
	snprintf(w.folder, sizeof w.folder, "/tmp/parent_test.%016llx",
	    (unsigned long long)sys_random_u64());
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(w.folder), 0711), ERR_OK);
	owned(str_from(w.folder));
	find_port();
	put_programs();
	put_file("cert", S("a certificate\n"));
	put_file("key", S("good key\n"));
	put_config("", "");
	spawn_parent(&w.parent);
	CHECK(connect_admin());
}

static void
show_log(void)
{
	static char room[65536];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	enum err ignored = sys_file_load(SYS_CWD, in_world("log"), &b);
	(void)ignored;
	printf("%.*s\n", STR_ARG(buf_view(&b)));
}

static bool
log_has(const char *words)
{
	static char room[1 << 20];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	CHECK_ERR(sys_file_load(SYS_CWD, in_world("log"), &b), ERR_OK);
	return str_find(buf_view(&b), str_from(words)) >= 0;
}

/* --- checks, in their order ---------------------------------------------------------------- */

/* One of each row, and one more of each that put_config wants two of. */
static size_t
all_of_them(void)
{
	enum { GATE_SCAN_AND_BOTH_SMTP = 4 };
	const struct svc_parent_row *rows;
	return svc_parent_table_rows(&rows) + GATE_SCAN_AND_BOTH_SMTP;
}

static bool
all_run(void)
{
	for (size_t i = 0; i < w.procs_n; i++) {
		if (w.procs[i].state != 2 || !w.procs[i].answered) {
			return false;
		}
	}
	return w.procs_n == all_of_them();
}

/* Is that process one of the program, by the table? */
static bool
is_of(const struct seen *s, str program)
{
	const struct svc_parent_row *rows;
	size_t n = svc_parent_table_rows(&rows);
	for (size_t i = 0; i < n; i++) {
		if (str_eq(rows[i].set, str_from(s->name))) {
			return str_eq(rows[i].program, program);
		}
	}
	return false;
}

/* The channels of a process: one to each process at the other end of each of its edges. */
static uint64_t
wires_of(const char *program)
{
	const struct svc_parent_edge *edges;
	uint64_t wires = 0;
	size_t n = svc_parent_table_edges(&edges);
	for (size_t i = 0; i < n; i++) {
		bool a = str_eq(edges[i].a, str_from(program));
		bool b = str_eq(edges[i].b, str_from(program));
		for (size_t k = 0; k < w.procs_n && (a || b); k++) {
			wires += is_of(&w.procs[k], a ? edges[i].b : edges[i].a) ? 1 : 0;
		}
	}
	return wires;
}

static void
starts_and_wires(void)
{
	static const struct {
		const char *name, *program;
		uint32_t index;
		uint64_t listeners, user;
	} want[] = {
		{ "auth", "auth", 0, 0, 3 },
		{ "hash", "hash", 0, 0, 4 },
		{ "accounts", "accounts", 0, 0, 5 },
		{ "queue", "queue", 0, 0, 7 },
		{ "smtp-mx", "smtp", 1, 0, 6 },
		{ "smtp-submission", "smtp", 3, 0, 6 },
		{ "login", "login", 0, 0, 2 },
		{ "gate", "gate", 1, 1, 1 },
	};
	CHECK(await(all_run));
	CHECK_U64(w.listeners_n, 1);
	for (size_t i = 0; i < LEN(want); i++) {
		const struct seen *s = find(want[i].name, want[i].index);
		test_case = want[i].name;
		CHECK(wires_of(want[i].program) > 0);
		CHECK_U64(fact(s, "wires"), wires_of(want[i].program));
		CHECK_U64(fact(s, "wired"), wires_of(want[i].program));
		CHECK_U64(fact(s, "listeners"), want[i].listeners);
		CHECK_U64(s->sandbox & 5, 5);
		CHECK_U64(fact(s, "uid"),
		    geteuid() != 0  ? geteuid()
			: w.as_user ? NOBODY
				    : BASE + want[i].user);
	}
	CHECK_U64(fact(find("gate", 0), "certificates"), 1);
	test_case = "";
}

static bool
all_said_hello(void)
{
	for (size_t i = 0; i < w.procs_n; i++) {
		if (fact(&w.procs[i], "hellos") != fact(&w.procs[i], "wired")) {
			return false;
		}
	}
	return all_run();
}

static void
serves(void)
{
	char got[8];
	size_t n = 0;
	int fd = -1;
	CHECK(await(all_said_hello));
	enum err e = sys_sock_connect(&w.port, &fd);
	CHECK(e == ERR_OK || e == ERR_AGAIN);
	CHECK_ERR(sys_wait(fd, true, PATIENCE_MS), ERR_OK);
	CHECK_ERR(sys_sock_read(fd, got, sizeof got, &n), ERR_OK);
	CHECK_STR(str_make(got, n), S("hello\n"));
	sys_close(&fd);
}

static bool
queue_is_back(void)
{
	return find("queue", 0)->restarts == 1 && all_run();
}

static void
killed_process_comes_back(void)
{
	uint32_t pid = find("queue", 0)->pid;
	send_signal(find("queue", 0), SIGKILL);
	CHECK(await(queue_is_back));
	CHECK(find("queue", 0)->pid != pid);
	CHECK_U64(fact(find("queue", 0), "wires"), wires_of("queue"));
	CHECK_U64(fact(find("smtp-mx", 0), "wires"), wires_of("smtp")); /* one of them anew */
	CHECK_U64(fact(find("smtp-mx", 0), "wired"), wires_of("smtp") + 1);
	CHECK_U64(fact(find("gate", 0), "wired"), wires_of("gate"));
	CHECK(await(all_said_hello) || log_has("process=queue[0]"));
}

/* Speak to the queue's own administrators' socket. */
static void
tell_queue(str what)
{
	char room[64];
	struct buf out, in;
	int ch = -1, fd = -1;
	buf_init_fixed(&out, room, sizeof room);
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	buf_str(&out, what);
	CHECK_ERR(sys_sock_connect_local(in_world("state/run/queue.sock"), &ch), ERR_OK);
	CHECK_ERR(sys_chan_send_wait(ch, &out, -1, PATIENCE_MS), ERR_OK);
	CHECK_ERR(sys_chan_recv_wait(ch, &in, &fd, PATIENCE_MS), ERR_OK);
	CHECK_STR(buf_view(&in), what);
	sys_close(&ch);
	buf_done(&in);
}

static bool
queue_lost_one(void)
{
	return fact(find("queue", 0), "closed") == 1;
}

static bool
queue_has_six(void)
{
	return fact(find("queue", 0), "wired") == wires_of("queue") + 1 &&
	    fact(find("smtp-mx", 0), "wired") == wires_of("smtp") + 2;
}

static void
broken_channel_is_replaced(void)
{
	tell_queue(S("break"));
	CHECK(await(queue_lost_one));
	CHECK_U64(fact(find("smtp-mx", 0), "closed"), 2); /* the queue's death, and this */
	tell_queue(S("rewire"));
	CHECK(await(queue_has_six));
	CHECK_U64(find("queue", 0)->restarts, 1);
}

static uint64_t want_reloads;

static bool
all_reloaded(void)
{
	for (size_t i = 0; i < w.procs_n; i++) {
		if (fact(&w.procs[i], "reloads") != want_reloads) {
			return false;
		}
	}
	return true;
}

static bool
gates_renewed(void)
{
	return fact(find("gate", 0), "certificates") == 2 &&
	    fact(find("gate", 1), "certificates") == 2;
}

static void
reloads(void)
{
	put_config("", "nonsense 1\n");
	CHECK_ERR(ask_reload(), ERR_CONFIG);
	CHECK(strstr(w.text, "conf:") != NULL && strstr(w.text, "nonsense") != NULL);
	CHECK(log_has("config-error"));
	CHECK_ERR(ask_status(), ERR_OK);
	CHECK_U64(fact(find("auth", 0), "reloads"), 0);

	hostname = "new.example.org";
	put_config("other.example.org",
	    "service-user-base 70000\ngreylist {\nsize 2000\n}\nfetch {\nport 444\n}\n");
	hostname = "mail.example.org";
	CHECK_ERR(ask_reload(), ERR_OK);
	CHECK(strstr(w.text,
	    "started anew: hostname, service-user-base, fetch.port, greylist.size"));
	want_reloads = 1;
	CHECK(await(all_reloaded));
	CHECK(log_has("restart-needed setting=service-user-base"));
	CHECK(log_has("restart-needed setting=hostname"));
	CHECK(log_has("restart-needed setting=greylist.size"));
	CHECK_ERR(sys_child_signal(&w.parent, SIGHUP), ERR_OK);
	want_reloads = 2;
	CHECK(await(all_reloaded));
}

static bool
keys_renewed(void)
{
	return fact(find("keys", 0), "certificates") == 2;
}

/* keys refuses the first pair, so the gates never hear of it. */
static void
renews(void)
{
	put_file("cert", S("a certificate nobody has the key of\n"));
	put_file("key", S("bad key\n"));
	CHECK_ERR(ask_reload(), ERR_OK);
	CHECK(await(keys_renewed));
	CHECK_U64(fact(find("gate", 0), "certificates"), 1);
	put_file("cert", S("another certificate\n"));
	put_file("key", S("good key\n"));
	CHECK_ERR(ask_reload(), ERR_OK);
	CHECK(await(gates_renewed));
	want_reloads = 4;
	CHECK(await(all_reloaded));
}

static bool
login_waits(void)
{
	struct seen *s = find("login", 0);
	return s->restarts >= 3 && s->state == 3;
}

static bool
login_is_back(void)
{
	return find("login", 0)->restarts >= 4 && all_run();
}

static void
backs_off(void)
{
	put_config("crash.login", "");
	CHECK_ERR(ask_reload(), ERR_OK);
	CHECK_ERR(ask_status(), ERR_OK);
	send_signal(find("login", 0), SIGKILL);
	CHECK(await(login_waits));
	CHECK(log_has("restart_ms=100") && log_has("restart_ms=200") && log_has("restart_ms=400"));
	put_config("", "");
	CHECK_ERR(ask_reload(), ERR_OK);
	CHECK(await(login_is_back));
}

static void
second_server_is_refused(void)
{
	struct sys_child second;
	struct sys_child_end end;
	uint16_t port = w.port.port;
	w.port.port = (uint16_t)(port == 65535 ? port - 1 : port + 1);
	put_config("", "");
	spawn_parent(&second);
	CHECK_ERR(sys_child_wait(&second, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 1);
	w.port.port = port;
	put_config("", "");
	CHECK_ERR(ask_status(), ERR_OK);
	int fd = -1;
	CHECK_ERR(sys_sock_connect_local(in_world("state/run/queue.sock"), &fd), ERR_OK);
	sys_close(&fd);
}

static void
stops_in_order(void)
{
	struct ipc_adm_parent_stop m = { .request = 7, .grace_ms = PATIENCE_MS };
	struct sys_child_end end;
	struct buf b, log;
	buf_init(&b, 100);
	buf_init(&log, 1 << 20);
	ipc_adm_parent_stop_put(&b, &m);
	CHECK_ERR(converse(&b), ERR_OK);
	CHECK_ERR(sys_child_wait(&w.parent, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 0);
	CHECK_ERR(sys_file_load(SYS_CWD, in_world("log"), &log), ERR_OK);
	static const char *const order[] = { "process-stopped process=gate[",
		"process-stopped process=smtp-mx[", "process-stopped process=accounts[0]",
		"process-stopped process=queue[0]", "process-stopped process=auth[0]",
		"process-stopped process=hash[0]" };
	ptrdiff_t last = -1;
	for (size_t i = 0; i < LEN(order); i++) {
		ptrdiff_t at = str_find(buf_view(&log), str_from(order[i]));
		test_case = order[i];
		CHECK(at > last);
		last = at;
	}
	test_case = "";
	CHECK(str_find(buf_view(&log), S("process-killed")) < 0);
	CHECK_ERR(sys_file_stat(SYS_CWD, in_world("state/run/parent.sock"),
		      &(struct sys_stat){ 0 }),
	    ERR_NOTFOUND);
	sys_close(&w.admin);
	buf_done(&b);
	buf_done(&log);
}

/* Started again on the same folder, and killed: nobody stays behind. */
static void
children_follow_the_parent(void)
{
	int pidfds[PROCS_MAX];
	struct sys_child_end end;
	spawn_parent(&w.parent);
	CHECK(connect_admin());
	CHECK(await(all_run));
	for (size_t i = 0; i < w.procs_n; i++) {
		pidfds[i] = (int)syscall(SYS_pidfd_open, w.procs[i].pid, 0);
		CHECK(pidfds[i] >= 0);
	}
	CHECK_ERR(sys_child_signal(&w.parent, SIGKILL), ERR_OK);
	CHECK_ERR(sys_child_wait(&w.parent, &end), ERR_OK);
	for (size_t i = 0; i < w.procs_n; i++) {
		CHECK_ERR(sys_wait(pidfds[i], true, PATIENCE_MS), ERR_OK);
		sys_close(&pidfds[i]);
	}
	sys_close(&w.admin);
}

static void
stops_by_signal_though_somebody_hangs(void)
{
	struct sys_child_end end;
	spawn_parent(&w.parent);
	CHECK(connect_admin());
	CHECK(await(all_run));
	send_signal(find("accounts", 0), SIGSTOP);
	struct ipc_adm_parent_stop m = { .request = 7, .grace_ms = 50 };
	struct buf b;
	buf_init(&b, 100);
	ipc_adm_parent_stop_put(&b, &m);
	CHECK_ERR(converse(&b), ERR_OK);
	CHECK_ERR(sys_child_wait(&w.parent, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 0);
	CHECK(log_has("process-killed process=accounts"));
	sys_close(&w.admin);
	buf_done(&b);
}

static void
run_all(bool as_user)
{
	static test_fn *const steps[] = { starts_and_wires, serves, killed_process_comes_back,
		broken_channel_is_replaced, reloads, renews, backs_off, second_server_is_refused,
		stops_in_order, children_follow_the_parent, stops_by_signal_though_somebody_hangs };
	unsigned failed_before = test_failed;
	make_world(as_user);
	for (size_t i = 0; i < LEN(steps) && test_failed == failed_before; i++) {
		steps[i]();
	}
	if (test_failed != failed_before) {
		show_log();
	}
	if (w.parent.pidfd > 0) {
		struct sys_child_end end;
		enum err ignored = sys_child_signal(&w.parent, SIGKILL);
		ignored = sys_child_wait(&w.parent, &end);
		(void)ignored;
	}
	sys_close(&w.admin);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(w.folder)), ERR_OK);
}

static void
as_we_are(void)
{
	run_all(false);
}

static void
as_ordinary_user(void)
{
	if (geteuid() == 0) {
		run_all(true);
	}
}

int
main(int argc, char **argv)
{
	static test_fn *const tests[] = { as_we_are, as_ordinary_user };
	if (strcmp(argv[0], "parent") == 0 && argc == 3) {
		return svc_parent_run(str_from(argv[1]), str_from(argv[2]));
	}
	fake_program = argc == 2 ? argv[1] : "";
	scratch = arena_new(NULL, "test", 4 << 20, 0);
	int failed = test_run(tests, LEN(tests));
	arena_free(&scratch);
	return failed;
}
