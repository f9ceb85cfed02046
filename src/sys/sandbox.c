/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entering the sandbox: user, no_new_privs, Landlock, seccomp, in that order, each reported.
 * Landlock's constants are written out here because the C library's headers know only its first two
 * versions; the numbers are the kernel's interface and never change.
 */
#include "sys/sandbox.h"

#include "base/mem.h"
#include "sys/seccomp_priv.h"
#include "sys/sys.h"
#include "sys/sys_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* File rights, bit n in the kernel's order; the comment says since which version. */
enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_ALL_V1 = (1 << 13) - 1,
	FS_REFER = 1 << 13,     /* 2 */
	FS_TRUNCATE = 1 << 14,  /* 3 */
	FS_IOCTL_DEV = 1 << 15, /* 5 */
	FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE,
	NET_BIND_TCP = 1 << 0,        /* 4 */
	NET_CONNECT_TCP = 1 << 1,     /* 4 */
	SCOPE_ABSTRACT_UNIX = 1 << 0, /* 6 */
	SCOPE_SIGNAL = 1 << 1,        /* 6 */
	CREATE_RULESET_VERSION = 1 << 0,
	RULE_PATH_BENEATH = 1,
	RULE_NET_PORT = 2,
};

struct ruleset_attr {
	uint64_t handled_fs, handled_net, scoped;
};

struct path_beneath {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

struct net_port {
	uint64_t allowed, port;
};

static_assert(sizeof(struct path_beneath) == 12, "the kernel reads 12 octets");

/* How much of ruleset_attr each version reads: the kernel refuses set octets it does not know. */
static const struct {
	uint32_t abi;
	size_t attr_size;
	uint64_t fs, net, scoped; /* what this version added */
} versions[] = {
	{ 1, 8, FS_ALL_V1, 0, 0 },
	{ 2, 8, FS_REFER, 0, 0 },
	{ 3, 8, FS_TRUNCATE, 0, 0 },
	{ 4, 16, 0, NET_BIND_TCP | NET_CONNECT_TCP, 0 },
	{ 5, 16, FS_IOCTL_DEV, 0, 0 },
	{ 6, 24, 0, 0, SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL },
};

/* What makes a filter. */
struct calls {
	unsigned sets;
	const char *const *more;
};

struct sys_sandbox {
	struct sys_sandbox_profile profile;
	struct sys_seccomp filter;
	struct calls outer;        /* under which `inside` is enough */
	struct sys_seccomp inside; /* no code: there is none */
};

/* The filter this process is under, by its own doing or before it was forked. */
static struct {
	bool loaded;
	struct calls calls;
} entered;

void
sys_sandbox_add(struct sys_sandbox_profile *p, str path, unsigned rights)
{
	ASSERT(p->paths_n < SYS_SANDBOX_PATHS_MAX);
	p->paths[p->paths_n++] = (struct sys_sandbox_path){ .path = path, .rights = rights };
}

enum err
sys_sandbox_prepare(const struct sys_sandbox_profile *p, struct sys_sandbox **ret)
{
	struct sys_sandbox *s = mem_zalloc(1, sizeof *s);
	if (s == NULL) {
		return ERR_NOMEM;
	}
	s->profile = *p;
	enum err e = sys_seccomp_build(p->sets, p->syscalls, &s->filter);
	if (e != ERR_OK) {
		mem_drop(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

enum err
sys_sandbox_prepare_inside(const struct sys_sandbox_profile *outer,
    const struct sys_sandbox_profile *p, struct sys_sandbox **ret)
{
	struct sys_sandbox *s;
	TRY(sys_sandbox_prepare(p, &s));
	s->outer = (struct calls){ outer->sets, outer->syscalls };
	bool part = (p->sets & ~outer->sets) == 0 && p->syscalls == NULL;
	enum err e = part
	    ? sys_seccomp_build_inside(outer->sets, outer->syscalls, p->sets, &s->inside)
	    : ERR_OK;
	if (e != ERR_OK) {
		sys_sandbox_free(&s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

void
sys_sandbox_free(struct sys_sandbox **s)
{
	if (*s != NULL) {
		sys_seccomp_done(&(*s)->inside);
		sys_seccomp_done(&(*s)->filter);
		MEM_FREE(*s);
	}
}

uint32_t
sys_sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	return abi > 0 ? (uint32_t)abi : 0;
}

/* --- Landlock ------------------------------------------------------------------------------ */

static uint64_t
rights_to_fs(unsigned rights)
{
	uint64_t fs = 0;
	fs |= (rights & SYS_MAY_READ) ? FS_READ_FILE | FS_READ_DIR : 0;
	fs |= (rights & SYS_MAY_WRITE) ? FS_WRITE_FILE | FS_TRUNCATE : 0;
	fs |= (rights & SYS_MAY_CREATE)
	    ? FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE | FS_REMOVE_DIR | FS_REFER
	    : 0;
	fs |= (rights & SYS_MAY_EXEC) ? FS_EXECUTE : 0;
	return fs;
}

static enum err
add_path(int ruleset, uint64_t handled, const struct sys_sandbox_path *p)
{
	int opened SYS_FD_AUTO = -1;
	int fd = p->fd;
	if (fd <= 0) {
		char path[SYS_PATH_MAX];
		TRY(sys_path(p->path, path));
		opened = open(path, O_PATH | O_CLOEXEC);
		if (opened < 0) {
			return sys_err(errno);
		}
		fd = opened;
	}
	struct stat s;
	if (fstat(fd, &s) != 0) {
		return sys_err(errno);
	}
	uint64_t fs = rights_to_fs(p->rights) & handled;
	struct path_beneath rule = {
		.allowed = S_ISDIR(s.st_mode) ? fs : fs & FS_OF_FILES,
		.parent_fd = fd,
	};
	if (rule.allowed == 0) {
		return ERR_OK;
	}
	long failed = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
	return failed == 0 ? ERR_OK : ERR_SANDBOX;
}

static enum err
add_rules(int ruleset, const struct ruleset_attr *attr, const struct sys_sandbox_profile *p)
{
	for (size_t i = 0; i < p->paths_n; i++) {
		TRY(add_path(ruleset, attr->handled_fs, &p->paths[i]));
	}
	for (size_t i = 0; i < p->connect_ports_n && attr->handled_net != 0; i++) {
		struct net_port rule = { NET_CONNECT_TCP, p->connect_ports[i] };
		if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) != 0) {
			return ERR_SANDBOX;
		}
	}
	if (p->choose_source && attr->handled_net != 0) {
		struct net_port rule = { NET_BIND_TCP, 0 }; /* 0: the kernel chooses */
		if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) != 0) {
			return ERR_SANDBOX;
		}
	}
	return ERR_OK;
}

static enum err
enter_landlock(const struct sys_sandbox_profile *p, uint32_t abi,
    const struct sys_sandbox_path *more, size_t more_n)
{
	struct ruleset_attr attr = { 0, 0, 0 };
	size_t size = 0;
	for (size_t i = 0; i < LEN(versions) && versions[i].abi <= abi; i++) {
		attr.handled_fs |= versions[i].fs;
		attr.handled_net |= versions[i].net;
		attr.scoped |= versions[i].scoped;
		size = versions[i].attr_size;
	}
	int ruleset SYS_FD_AUTO = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0) {
		return ERR_SANDBOX;
	}
	TRY(add_rules(ruleset, &attr, p));
	for (size_t i = 0; i < more_n; i++) {
		TRY(add_path(ruleset, attr.handled_fs, &more[i]));
	}
	return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? ERR_OK : ERR_SANDBOX;
}

/* --- entering ------------------------------------------------------------------------------ */

enum err
sys_sandbox_become(uint32_t uid, uint32_t gid)
{
	if (geteuid() != 0) {
		return ERR_OK;
	}
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0) {
		return sys_err(errno);
	}
	return setuid(0) == 0 && uid != 0 ? ERR_DENIED : ERR_OK;
}

enum err
sys_sandbox_hide_memory(void)
{
	struct rlimit none = { 0, 0 };
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
		return ERR_SANDBOX;
	}
	return ERR_OK;
}

static enum err
load_filter(const struct sys_sandbox *s)
{
	bool inside = s->inside.code != NULL && entered.loaded &&
	    entered.calls.sets == s->outer.sets && entered.calls.more == s->outer.more;
	enum err e = sys_seccomp_load(inside ? &s->inside : &s->filter);
	if (e == ERR_OK) {
		entered.loaded = true;
		entered.calls = (struct calls){ s->profile.sets, s->profile.syscalls };
	}
	return e;
}

enum err
sys_sandbox_enter(const struct sys_sandbox *s, const struct sys_sandbox_path *more, size_t more_n,
    struct sys_sandbox_state *ret)
{
	struct sys_sandbox_state state = { .bits = geteuid() != 0 ? SYS_STATE_OWN_USER : 0 };
	TRY(sys_sandbox_hide_memory());
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		return ERR_SANDBOX;
	}
	state.bits |= SYS_STATE_NO_NEW_PRIVS;
	state.landlock_abi = sys_sandbox_landlock_abi();
	if (state.landlock_abi > 0) {
		TRY(enter_landlock(&s->profile, state.landlock_abi, more, more_n));
		state.bits |= SYS_STATE_LANDLOCK;
	}
	enum err e = load_filter(s);
	if (e == ERR_OK) {
		state.bits |= SYS_STATE_SECCOMP;
	} else if (e != ERR_UNSUPPORTED) {
		return e;
	}
	*ret = state;
	return ERR_OK;
}
