/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system call filter under sandbox.c: built once by libseccomp, kept as a BPF program.
 */
#ifndef SYS_SECCOMP_PRIV_H
#define SYS_SECCOMP_PRIV_H

#include "base/err.h"
#include "sys/sandbox.h"

struct sock_filter;

struct sys_seccomp {
	struct sock_filter *code; /* from mem_zalloc */
	unsigned short len;       /* instructions */
};

/* ERR_BUG: an unknown name; ERR_NOMEM. */
enum err sys_seccomp_build(unsigned sets, const char *const *more, struct sys_seccomp *ret);
/*
 * For a process that is under the filter of `outer` and `more` for good: a short filter that makes
 * of the two what sys_seccomp_build(sets, NULL) alone allows.
 *
 * In      sets: part of outer
 * Errors  ERR_BUG: a rule that cannot be said this way; ERR_NOMEM
 */
enum err sys_seccomp_build_inside(unsigned outer, const char *const *more, unsigned sets,
    struct sys_seccomp *ret);
void sys_seccomp_done(struct sys_seccomp *s);

/* No way back. ERR_UNSUPPORTED: the kernel has none; ERR_SANDBOX. */
enum err sys_seccomp_load(const struct sys_seccomp *s);

#endif
