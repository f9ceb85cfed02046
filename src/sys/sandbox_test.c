/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child enters a sandbox and tries what it must not do. Each attempt is a row: the profile, the
 * deed, and how it must end: done, refused with an error, or killed.
 */
#include "base/test.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sandbox.h"
#include "sys/sock.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum outcome { DONE, REFUSED, KILLED, ODD };

static char folder[64], inside[96], outside[96];
static struct sys_addr open_port, shut_port;
static int listener = -1, other_listener = -1;
static pid_t parent;

static enum outcome
of(int result)
{
	return result >= 0 ? DONE : REFUSED;
}

/* --- deeds --------------------------------------------------------------------------------- */

static enum outcome
use_descriptors(void)
{
	int fds[2];
	size_t n;
	char c;
	int fd = memfd_create("t", 0);
	return of(sys_sock_pair(fds) == ERR_OK && sys_sock_write(fds[0], S("x"), &n) == ERR_OK &&
		    sys_sock_read(fds[1], &c, 1, &n) == ERR_OK && write(fd, &c, 1) == 1
		? 0
		: -1);
}

static enum outcome
stat_descriptor(void)
{
	struct stat s;
	return of(fstat(0, &s));
}

/* The kernel would send it whatever F_SETSIG says, SIGKILL too, once the socket can be read. */
static enum outcome
signal_by_socket(void)
{
	int fds[2];
	return of(sys_sock_pair(fds) == ERR_OK ? fcntl(fds[0], F_SETOWN, parent) : 0);
}

static enum outcome
change_flags(void)
{
	int fds[2];
	return of(sys_sock_pair(fds) == ERR_OK && fcntl(fds[0], F_GETFL) >= 0 &&
		    fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(fds[0], F_GETFD) >= 0 &&
		    fcntl(fds[0], F_SETFD, FD_CLOEXEC) == 0 &&
		    fcntl(fds[0], F_DUPFD_CLOEXEC, 3) >= 0
		? 0
		: -1);
}

static enum outcome
read_inside(void)
{
	return of(open(inside, O_RDONLY));
}

static enum outcome
read_outside(void)
{
	return of(open(outside, O_RDONLY));
}

static enum outcome
read_passwd(void)
{
	return of(open("/etc/passwd", O_RDONLY));
}

static enum outcome
write_inside(void)
{
	return of(open(inside, O_WRONLY | O_TRUNC));
}

static enum outcome
create_inside(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/in/made", folder);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	return of(fd < 0 ? fd : unlink(path));
}

static enum outcome
link_out(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/in/stolen", folder);
	return of(link(outside, path));
}

static enum outcome
connect_open_port(void)
{
	int fd;
	enum err e = sys_sock_connect(&open_port, &fd);
	return of(e == ERR_OK || e == ERR_AGAIN ? 0 : -1);
}

static enum outcome
connect_with_ours(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	return of(connect(other_listener, &none, sizeof none));
}

static enum outcome
connect_shut_port(void)
{
	int fd;
	enum err e = sys_sock_connect(&shut_port, &fd);
	return of(e == ERR_OK || e == ERR_AGAIN ? 0 : -1);
}

static enum outcome
bind_port(void)
{
	struct sys_addr a = open_port;
	int fd;
	a.port = 0;
	return of(sys_sock_listen(&a, &fd) == ERR_OK ? 0 : -1);
}

static enum outcome
run_program(void)
{
	const char *const argv[] = { "true", NULL };
	execve("/bin/true", (char *const *)(uintptr_t)argv, NULL);
	return REFUSED;
}

static enum outcome
fork_child(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		_exit(0);
	}
	return of(pid);
}

static enum outcome
signal_parent(void)
{
	return of(kill(parent, 0));
}

static enum outcome
trace_parent(void)
{
	return of(ptrace(PTRACE_ATTACH, parent, NULL, NULL) < 0 ? -1 : 0);
}

static enum outcome
executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);
	return of(p == MAP_FAILED ? -1 : 0);
}

static enum outcome
make_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? ODD : of(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static enum outcome
local_socket(void)
{
	return of(socket(AF_UNIX, SOCK_STREAM, 0));
}

static enum outcome
local_datagrams(void)
{
	return of(socket(AF_UNIX, SOCK_DGRAM, 0));
}

/* What our sockets that take orders are made of. */
static enum outcome
local_packets(void)
{
	int fd;
	return of(sys_sock_connect_local(S("/nowhere"), &fd) == ERR_DENIED ? -1 : 0);
}

/* Nobody listens there, but the way is open. */
static enum outcome
local_stream(void)
{
	int fd;
	return of(sys_sock_connect_stream(S("/nowhere"), &fd) == ERR_NOTFOUND ? 0 : -1);
}

static enum outcome
is_hidden(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? DONE : REFUSED;
}

static enum outcome
signal_thread(void)
{
	return of((int)syscall(SYS_tgkill, parent, parent, SIGABRT));
}

static enum outcome
datagram_pair(void)
{
	int fds[2];
	return of(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds));
}

static enum outcome
change_mode(void)
{
	return of(fchmodat(AT_FDCWD, outside, 0600, 0));
}

static enum outcome
change_own_mode(void)
{
	return of(fchmod(open(inside, O_RDONLY), 0600));
}

static enum outcome
abort_self(void)
{
	signal(SIGSEGV, SIG_DFL); /* the trap it ends on; a sanitizer would report that and exit */
	abort();
}

/* --- the table ----------------------------------------------------------------------------- */

enum profile { PLAIN, FILES, NET, FORK, LOCAL, PROBE, PROFILES };

static const struct {
	const char *name;
	enum profile profile;
	enum outcome (*deed)(void);
	enum outcome want;
} cases[] = {
	{ "plain: works with what is open", PLAIN, use_descriptors, DONE },
	{ "plain: stat of a descriptor", PLAIN, stat_descriptor, DONE },
	{ "plain: open", PLAIN, read_inside, REFUSED },
	{ "plain: open elsewhere", PLAIN, read_passwd, REFUSED },
	{ "plain: connect", PLAIN, connect_open_port, REFUSED },
	{ "plain: connect a socket it has", PLAIN, connect_with_ours, KILLED },
	{ "plain: listen", PLAIN, bind_port, REFUSED },
	{ "plain: UNIX socket", PLAIN, local_socket, REFUSED },
	{ "plain: exec", PLAIN, run_program, KILLED },
	{ "plain: fork", PLAIN, fork_child, KILLED },
	{ "plain: kill", PLAIN, signal_parent, KILLED },
	{ "plain: abort somebody", PLAIN, signal_thread, REFUSED },
	{ "plain: signals of a socket to somebody", PLAIN, signal_by_socket, KILLED },
	{ "files: signals of a socket to somebody", FILES, signal_by_socket, KILLED },
	{ "plain: flags of a descriptor", PLAIN, change_flags, DONE },
	{ "plain: pair of datagram sockets", PLAIN, datagram_pair, KILLED },
	{ "plain: ptrace", PLAIN, trace_parent, KILLED },
	{ "plain: executable memory", PLAIN, executable_memory, KILLED },
	{ "plain: code from data", PLAIN, make_executable, KILLED },
	{ "files: read inside", FILES, read_inside, DONE },
	{ "files: write inside", FILES, write_inside, DONE },
	{ "files: create and remove inside", FILES, create_inside, DONE },
	{ "files: read outside", FILES, read_outside, REFUSED },
	{ "files: passwd", FILES, read_passwd, REFUSED },
	{ "files: mode of what is open", FILES, change_own_mode, DONE },
	{ "files: mode by name", FILES, change_mode, KILLED },
	{ "files: link out of reach", FILES, link_out, REFUSED },
	{ "files: connect", FILES, connect_open_port, REFUSED },
	{ "files: exec", FILES, run_program, KILLED },
	{ "net: the named port", NET, connect_open_port, DONE },
	{ "net: another port", NET, connect_shut_port, REFUSED },
	{ "net: listen", NET, bind_port, REFUSED },
	{ "net: open", NET, read_inside, REFUSED },
	{ "fork: fork", FORK, fork_child, DONE },
	{ "fork: kill the parent", FORK, signal_parent, REFUSED },
	{ "fork: exec", FORK, run_program, KILLED },
	{ "plain: stream to a path", PLAIN, local_stream, REFUSED },
	{ "net: stream to a path", NET, local_stream, REFUSED },
	{ "local: stream to a path", LOCAL, local_stream, DONE },
	{ "local: what takes orders", LOCAL, local_packets, REFUSED },
	{ "local: datagrams", LOCAL, local_datagrams, REFUSED },
	{ "local: connect", LOCAL, connect_open_port, KILLED },
	{ "local: open", LOCAL, read_inside, REFUSED },
	{ "probe: not dumpable", PROBE, is_hidden, DONE },
};

static void
fill_profile(enum profile which, struct sys_sandbox_profile *p)
{
	static const char *const probe[] = { "prctl", NULL };
	static char path[80];
	*p = (struct sys_sandbox_profile){ .name = "test" };
	snprintf(path, sizeof path, "%s/in", folder);
	switch (which) {
	case FILES:
		p->sets = SYS_SET_FILES | SYS_SET_SQLITE;
		sys_sandbox_add(p, str_from(path), SYS_MAY_ALL);
		break;
	case NET:
		p->sets = SYS_SET_NET;
		p->connect_ports[p->connect_ports_n++] = open_port.port;
		break;
	case FORK: p->sets = SYS_SET_FORK; break;
	case LOCAL: p->sets = SYS_SET_LOCAL; break;
	case PROBE: p->syscalls = probe; break;
	default: break;
	}
}

static struct sys_child_end
in_sandbox(const struct sys_sandbox *s, enum outcome (*deed)(void))
{
	struct sys_child c;
	struct sys_child_end end = { false, ODD };
	struct sys_sandbox_state state;
	bool in_child = false;
	fflush(stdout);
	CHECK_ERR(sys_fork(&in_child, &c), ERR_OK);
	if (in_child) {
		if (sys_sandbox_become(65534, 65534) != ERR_OK ||
		    sys_sandbox_enter(s, NULL, 0, &state) != ERR_OK) {
			sys_exit(ODD);
		}
		sys_exit(deed());
	}
	CHECK_ERR(sys_child_wait(&c, &end), ERR_OK);
	return end;
}

static enum outcome
outcome_of(struct sys_child_end end)
{
	if (end.signalled) {
		return end.code == SIGSYS ? KILLED : ODD;
	}
	return (enum outcome)end.code;
}

static void
attempts(void)
{
	struct sys_sandbox *prepared[PROFILES];
	for (int i = 0; i < PROFILES; i++) {
		struct sys_sandbox_profile p;
		fill_profile((enum profile)i, &p);
		CHECK_ERR(sys_sandbox_prepare(&p, &prepared[i]), ERR_OK);
	}
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		CHECK_U64(outcome_of(in_sandbox(prepared[cases[i].profile], cases[i].deed)),
		    cases[i].want);
	}
	test_case = "abort";
	struct sys_child_end end = in_sandbox(prepared[PLAIN], abort_self);
	CHECK(end.signalled && end.code != SIGSYS);
	test_case = "";
	for (int i = 0; i < PROFILES; i++) {
		sys_sandbox_free(&prepared[i]);
	}
}

/* --- entering twice, and what is reported -------------------------------------------------- */

static struct sys_sandbox *narrow, *wide;

static enum outcome
enter_narrower(void)
{
	struct sys_sandbox_state state;
	struct sys_sandbox_path in = { .path = str_from(folder), .rights = SYS_MAY_READ };
	in.path = str_make(inside, strlen(inside));
	if (read_outside() != DONE || sys_sandbox_enter(narrow, &in, 1, &state) != ERR_OK) {
		return ODD;
	}
	return read_inside() == DONE && read_outside() == REFUSED && write_inside() == REFUSED
	    ? DONE
	    : ODD;
}

/* What the accounts zygote does: a wide sandbox, and in each child a narrow one inside it. */
static void
nested(void)
{
	struct sys_sandbox_profile w = { .name = "wide",
		.sets = SYS_SET_FILES | SYS_SET_SQLITE | SYS_SET_FORK };
	struct sys_sandbox_profile n = { .name = "narrow", .sets = SYS_SET_FILES };
	sys_sandbox_add(&w, str_from(folder), SYS_MAY_ALL);
	CHECK_ERR(sys_sandbox_prepare(&w, &wide), ERR_OK);
	CHECK_ERR(sys_sandbox_prepare(&n, &narrow), ERR_OK);
	CHECK_U64(outcome_of(in_sandbox(wide, enter_narrower)), DONE);
	sys_sandbox_free(&wide);
	sys_sandbox_free(&narrow);
}

/*
 * Every system call there is, with arguments that mean nothing: a child under a wide filter and a
 * short one inside it must fare exactly as one under the wide and the whole narrow filter.
 */
static long call_number, call_first;

static enum outcome
any_call(void)
{
	long got = syscall(call_number, call_first, -1L, -1L, -1L, -1L, -1L);
	sys_exit(got < 0 ? 100 + (errno & 0x7f) : 1);
}

static struct sys_child_end
fare(const struct sys_sandbox *outer, const struct sys_sandbox *inner)
{
	struct sys_child c;
	struct sys_child_end end = { false, ODD };
	struct sys_sandbox_state state;
	bool in_child = false;
	CHECK_ERR(sys_fork(&in_child, &c), ERR_OK);
	if (in_child) {
		if (sys_sandbox_enter(outer, NULL, 0, &state) != ERR_OK ||
		    sys_sandbox_enter(inner, NULL, 0, &state) != ERR_OK) {
			sys_exit(ODD);
		}
		any_call();
	}
	CHECK_ERR(sys_child_wait(&c, &end), ERR_OK);
	return end;
}

static void
inside_of_another(void)
{
	static const unsigned sets[] = { SYS_SET_FILES | SYS_SET_SQLITE, SYS_SET_FILES };
	static const long firsts[] = { -1, 15 }; /* 15: prctl(PR_SET_NAME) */
	struct sys_sandbox_profile out = { .name = "outer",
		.sets = SYS_SET_FILES | SYS_SET_SQLITE | SYS_SET_FORK };
	struct sys_sandbox *outer = NULL, *whole = NULL, *shorter = NULL;
	unsigned killed = 0, refused = 0;
	CHECK_ERR(sys_sandbox_prepare(&out, &outer), ERR_OK);
	for (size_t i = 0; i < LEN(sets); i++) {
		struct sys_sandbox_profile in = { .name = "inner", .sets = sets[i] };
		CHECK_ERR(sys_sandbox_prepare(&in, &whole), ERR_OK);
		CHECK_ERR(sys_sandbox_prepare_inside(&out, &in, &shorter), ERR_OK);
		for (size_t n = 0; n < 470 * LEN(firsts); n++) {
			call_number = (long)(n / LEN(firsts));
			call_first = firsts[n % LEN(firsts)];
			struct sys_child_end want = fare(outer, whole), got = fare(outer, shorter);
			CHECK(got.signalled == want.signalled && got.code == want.code);
			killed += got.signalled && got.code == SIGSYS;
			refused += got.code == 100 + EACCES;
		}
		sys_sandbox_free(&whole);
		sys_sandbox_free(&shorter);
	}
	CHECK(killed > 500 && refused > 20);
	sys_sandbox_free(&outer);
}

/* Not where it was made for: then it is the whole filter. */
static enum outcome
fork_in_inside(void)
{
	struct sys_sandbox_state state;
	if (sys_sandbox_enter(narrow, NULL, 0, &state) != ERR_OK) {
		return ODD;
	}
	return fork_child();
}

static void
inside_of_nothing(void)
{
	struct sys_sandbox_profile out = { .name = "outer", .sets = SYS_SET_FILES | SYS_SET_FORK };
	struct sys_sandbox_profile in = { .name = "inner", .sets = SYS_SET_FILES };
	struct sys_sandbox_profile wider = { .name = "wider",
		.sets = SYS_SET_FILES | SYS_SET_FORK | SYS_SET_NET };
	struct sys_sandbox *other = NULL;
	CHECK_ERR(sys_sandbox_prepare_inside(&out, &in, &narrow), ERR_OK);
	CHECK_ERR(sys_sandbox_prepare(&wider, &other), ERR_OK);
	call_number = SYS_ptrace;
	call_first = 0;
	CHECK_U64(outcome_of(in_sandbox(narrow, any_call)), KILLED);
	CHECK_U64(outcome_of(in_sandbox(narrow, connect_open_port)), REFUSED);
	CHECK_U64(outcome_of(in_sandbox(other, fork_in_inside)), KILLED);
	sys_sandbox_free(&other);
	sys_sandbox_free(&narrow);
}

static enum outcome
report(void)
{
	struct sys_sandbox_state state;
	if (sys_sandbox_enter(narrow, NULL, 0, &state) != ERR_OK) {
		return ODD;
	}
	uint32_t want = SYS_STATE_NO_NEW_PRIVS | SYS_STATE_SECCOMP | SYS_STATE_OWN_USER |
	    (state.landlock_abi > 0 ? (uint32_t)SYS_STATE_LANDLOCK : 0u);
	return state.bits == want ? DONE : ODD;
}

static void
reports_what_is_in_force(void)
{
	struct sys_sandbox_profile w = { .name = "wide", .sets = SYS_SET_FILES | SYS_SET_FORK };
	struct sys_sandbox_profile n = { .name = "narrow" };
	CHECK_ERR(sys_sandbox_prepare(&w, &wide), ERR_OK);
	CHECK_ERR(sys_sandbox_prepare(&n, &narrow), ERR_OK);
	CHECK_U64(outcome_of(in_sandbox(wide, report)), DONE);
	sys_sandbox_free(&wide);
	sys_sandbox_free(&narrow);
	printf("landlock abi %u\n", sys_sandbox_landlock_abi());
}

static void
mistakes_are_found(void)
{
	static const char *const unknown[] = { "read", "no_such_call", NULL };
	struct sys_sandbox_profile p = { .name = "bad", .syscalls = unknown };
	struct sys_sandbox *s = NULL;
	CHECK_ERR(sys_sandbox_prepare(&p, &s), ERR_BUG);
	CHECK(s == NULL);

	struct sys_sandbox_profile missing = { .name = "missing", .sets = SYS_SET_FILES };
	sys_sandbox_add(&missing, S("/nonexistent/path"), SYS_MAY_READ);
	CHECK_ERR(sys_sandbox_prepare(&missing, &s), ERR_OK);
	CHECK_U64(outcome_of(in_sandbox(s, stat_descriptor)),
	    sys_sandbox_landlock_abi() > 0 ? ODD : DONE);
	sys_sandbox_free(&s);
}

static struct sys_addr
listen_on_loopback(int *fd)
{
	struct sys_addr a = { .port = 0 };
	CHECK_ERR(sys_addr_ip_parse(S("127.0.0.1"), a.ip), ERR_OK);
	CHECK_ERR(sys_sock_listen(&a, fd), ERR_OK);
	CHECK_ERR(sys_sock_local(*fd, &a), ERR_OK);
	return a;
}

/* Everything belongs to nobody, so that only the sandbox stands between the child and it. */
static void
opens(void)
{
	char in[96];
	parent = getpid();
	snprintf(folder, sizeof folder, "/tmp/sandbox_test.%016llx",
	    (unsigned long long)sys_random_u64());
	snprintf(in, sizeof in, "%s/in", folder);
	snprintf(inside, sizeof inside, "%s/in/file", folder);
	snprintf(outside, sizeof outside, "%s/file", folder);
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(folder), 0700), ERR_OK);
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(in), 0700), ERR_OK);
	CHECK_ERR(sys_file_replace(SYS_CWD, str_from(inside), S("x")), ERR_OK);
	CHECK_ERR(sys_file_replace(SYS_CWD, str_from(outside), S("x")), ERR_OK);
	const char *const all[] = { folder, in, inside, outside };
	for (size_t i = 0; i < LEN(all) && geteuid() == 0; i++) {
		CHECK_ERR(sys_file_chown(SYS_CWD, str_from(all[i]), 65534, 65534), ERR_OK);
	}
	open_port = listen_on_loopback(&listener);
	shut_port = listen_on_loopback(&other_listener);
}

static void
closes(void)
{
	sys_close(&listener);
	sys_close(&other_listener);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(folder)), ERR_OK);
}

TEST_MAIN(opens, attempts, nested, inside_of_another, inside_of_nothing, reports_what_is_in_force,
    mistakes_are_found, closes)
