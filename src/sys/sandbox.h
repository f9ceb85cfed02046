/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process may still do: Landlock for paths, TCP ports, abstract sockets and signals; seccomp
 * for system calls. Prepared once (the BPF program), entered cheaply per process. There is no way
 * back. Works for root and for ordinary users; a kernel without the means is reported, never
 * hidden.
 */
#ifndef SYS_SANDBOX_H
#define SYS_SANDBOX_H

#include "base/err.h"
#include "base/str.h"

/* Groups of system calls. BASE (memory, time, epoll, open descriptors, accept) is always on. */
enum {
	SYS_SET_FILES = 1,    /* open, create, rename, unlink, sync, stat: with the paths below */
	SYS_SET_SQLITE = 2,   /* what SQLite adds to FILES: waiting, owners, shared maps */
	SYS_SET_NET = 4,      /* socket(AF_INET, AF_INET6), connect, bind */
	SYS_SET_FORK = 8,     /* fork, wait, kill, and entering a narrower sandbox in the child */
	SYS_SET_THREADS = 16, /* threads behind a library's own API */
	SYS_SET_LOCAL = 32, /* streams to UNIX sockets: those that file permissions let it reach */
};

/* Rights on a path and everything below it. */
enum {
	SYS_MAY_READ = 1,  /* read files, list folders */
	SYS_MAY_WRITE = 2, /* write and cut existing files */
	SYS_MAY_CREATE =
	    4, /* make and remove files and folders, rename within what has this right */
	SYS_MAY_EXEC = 8,
	SYS_MAY_ALL = 7, /* an own folder: read, write, create */
};

/* What is in force; the same bits as `sandbox` of message ready in parent_child.def. */
enum {
	SYS_STATE_NO_NEW_PRIVS = 1,
	SYS_STATE_LANDLOCK = 2,
	SYS_STATE_SECCOMP = 4,
	SYS_STATE_OWN_USER = 8, /* not root */
};

enum { SYS_SANDBOX_PATHS_MAX = 32, SYS_SANDBOX_PORTS_MAX = 16 };

struct sys_sandbox_path {
	str path; /* used when fd is 0 or less */
	int fd;   /* an open folder or file */
	unsigned rights;
};

/* Declared by each service in its profile.c. Everything is borrowed until prepared. */
struct sys_sandbox_profile {
	const char *name;
	unsigned sets;
	const char *const *syscalls; /* further names, ends with NULL; may be NULL */
	struct sys_sandbox_path paths[SYS_SANDBOX_PATHS_MAX];
	size_t paths_n;
	uint16_t connect_ports[SYS_SANDBOX_PORTS_MAX]; /* TCP, needs SYS_SET_NET */
	size_t connect_ports_n;
	bool choose_source; /* may bind to an address, with a port of the kernel's choice */
};

struct sys_sandbox_state {
	uint32_t bits;         /* SYS_STATE_* */
	uint32_t landlock_abi; /* 0: none */
};

struct sys_sandbox;

/*
 * Add a path to a profile under construction; asserts that there is room. `path` must live until
 * entered.
 */
void sys_sandbox_add(struct sys_sandbox_profile *p, str path, unsigned rights);

/*
 * Build the BPF program.
 *
 * Errors  ERR_BUG: a name in `syscalls` does not exist; ERR_NOMEM
 */
enum err sys_sandbox_prepare(const struct sys_sandbox_profile *p, struct sys_sandbox **ret);
/*
 * The same for the children of a process that will be in the sandbox of `outer`: its filter of
 * system calls stays in force in them, so theirs need only say what is less. Where `outer` was not
 * entered they get the whole filter.
 */
enum err sys_sandbox_prepare_inside(const struct sys_sandbox_profile *outer,
    const struct sys_sandbox_profile *p, struct sys_sandbox **ret);
void sys_sandbox_free(struct sys_sandbox **s);

/*
 * Lock this process in: no_new_privs, not dumpable, no core files, Landlock with the profile's
 * paths and `more`, seccomp. Threads must not exist yet. Descriptors that are open stay usable.
 *
 * In      more: further paths, for example one account's folder; may be NULL
 * Out     ret: what is in force; the caller reports missing bits
 * Errors  ERR_NOTFOUND: a path does not exist; ERR_SANDBOX: the kernel has it but refused. Do not
 *         go on
 */
enum err sys_sandbox_enter(const struct sys_sandbox *s, const struct sys_sandbox_path *more,
    size_t more_n, struct sys_sandbox_state *ret);

/*
 * Nothing of us is written to disk when we crash, and no other process of our user may look in.
 * Part of sys_sandbox_enter; for a process that holds secrets and stays outside. ERR_SANDBOX.
 */
enum err sys_sandbox_hide_memory(void);

/* Give up root: groups, gid, uid. ERR_DENIED. A no-op for an ordinary user. */
enum err sys_sandbox_become(uint32_t uid, uint32_t gid);

/* 0 when the kernel has no Landlock. */
uint32_t sys_sandbox_landlock_abi(void);

#endif
