/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the sets of syscalls.def to a BPF program. libseccomp wants each rule once, so the decision
 * about a call is made here: allowed outright by some set, else allowed under conditions, else
 * refused, else deadly.
 */
#include "sys/seccomp_priv.h"

#include "base/mem.h"
#include "base/str.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the C library's fork() sets besides the signal, and what sys_fork_sibling does. */
#define CLONE_OF_FORKS (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT | CLONE_PIDFD)
/* The rest of the second argument of socketpair() are flags. */
#define SOCK_TYPE_BITS 0xf

enum {
	NAME_MAX_OCTETS = 32,
	CALLS_MAX = 1024, /* above the highest system call number */
	RULES_MAX = 4096, /* BPF instructions, the kernel's limit */
	SYS_SET_BASE = 1 << 30,
};

static const struct {
	unsigned set;
	const char *names;
} calls[] = {
#define CALLS(set, names) { SYS_SET_##set, names },
#define CONDITION(set, name, arg, cmp, mask, value)
#define BOTH(set, name, arg, value, arg2, mask2, value2)
#define REFUSED(names)
#include "sys/syscalls.def"
#undef CALLS
#undef CONDITION
#undef BOTH
#undef REFUSED
};

static const struct {
	unsigned set;
	const char *name;
	unsigned n;
	struct scmp_arg_cmp when[2];
} conditions[] = {
#define CALLS(set, names)
#define CONDITION(set, name, arg, cmp, mask, value) \
	{ SYS_SET_##set, name, 1, { { arg, cmp, (scmp_datum_t)(mask), (scmp_datum_t)(value) } } },
#define BOTH(set, name, arg, value, arg2, mask2, value2)          \
	{ SYS_SET_##set, name, 2,                                 \
		{ { arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, value }, \
		    { arg2, SCMP_CMP_MASKED_EQ, mask2, value2 } } },
#define REFUSED(names)
#include "sys/syscalls.def"
#undef CALLS
#undef CONDITION
#undef BOTH
#undef REFUSED
};

static const char *const refused[] = {
#define CALLS(set, names)
#define CONDITION(set, name, arg, cmp, mask, value)
#define BOTH(set, name, arg, value, arg2, mask2, value2)
#define REFUSED(names) names,
#include "sys/syscalls.def"
#undef CALLS
#undef CONDITION
#undef BOTH
#undef REFUSED
};

struct build {
	scmp_filter_ctx ctx;
	unsigned sets;
	bool allowed[CALLS_MAX]; /* outright */
	bool bounded[CALLS_MAX]; /* under conditions */
	bool refused[CALLS_MAX];
};

/* The number of a call, or -1 when this architecture does not have it. */
static enum err
resolve(str name, int *ret_number)
{
	char c_name[NAME_MAX_OCTETS];
	if (name.n == 0 || name.n >= sizeof c_name) {
		return ERR_BUG;
	}
	memcpy(c_name, name.p, name.n);
	c_name[name.n] = '\0';
	int number = seccomp_syscall_resolve_name(c_name);
	if (number == __NR_SCMP_ERROR) {
		return ERR_BUG;
	}
	ASSERT(number < CALLS_MAX);
	*ret_number = number < 0 ? -1 : number;
	return ERR_OK;
}

/* Libseccomp's negative errno. */
static enum err
rule_error(int result)
{
	if (result == 0) {
		return ERR_OK;
	}
	return result == -ENOMEM ? ERR_NOMEM : ERR_BUG;
}

/* Few steps to each call's rule: loading a filter tries it on every call, and so do its users. */
static enum err
as_tree(scmp_filter_ctx ctx)
{
	return rule_error(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2));
}

static enum err
allow_name(struct build *b, str name)
{
	int number;
	TRY(resolve(name, &number));
	if (number < 0 || b->allowed[number]) {
		return ERR_OK;
	}
	b->allowed[number] = true;
	return rule_error(seccomp_rule_add_exact(b->ctx, SCMP_ACT_ALLOW, number, 0));
}

static enum err
allow_sets(struct build *b)
{
	for (size_t i = 0; i < LEN(calls); i++) {
		str names = str_from(calls[i].names);
		str name;
		while ((calls[i].set & b->sets) && str_next(&names, ' ', &name)) {
			TRY(allow_name(b, name));
		}
	}
	return ERR_OK;
}

static enum err
allow_conditions(struct build *b)
{
	for (size_t i = 0; i < LEN(conditions); i++) {
		int number;
		TRY(resolve(str_from(conditions[i].name), &number));
		if (!(conditions[i].set & b->sets) || number < 0 || b->allowed[number]) {
			continue;
		}
		b->bounded[number] = true;
		TRY(rule_error(seccomp_rule_add_exact_array(b->ctx, SCMP_ACT_ALLOW, number,
		    conditions[i].n, conditions[i].when)));
	}
	return ERR_OK;
}

/* Sockets of paths that are no streams: nothing else may be said of a call twice. */
static enum err
refuse_local(struct build *b, int number)
{
	static const scmp_datum_t types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	if (!(b->sets & SYS_SET_LOCAL)) {
		return rule_error(seccomp_rule_add_exact(b->ctx, SCMP_ACT_ERRNO(EACCES), number, 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_UNIX)));
	}
	for (size_t i = 0; i < LEN(types); i++) {
		TRY(rule_error(seccomp_rule_add_exact(b->ctx, SCMP_ACT_ERRNO(EACCES), number, 2,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_UNIX),
		    SCMP_A1(SCMP_CMP_MASKED_EQ, SOCK_TYPE_BITS, types[i]))));
	}
	return ERR_OK;
}

/* A call with conditions may also be refused otherwise; only these two are in both lists. */
static enum err
refuse_rest(struct build *b, int number)
{
	if (number == SCMP_SYS(newfstatat)) {
		return rule_error(seccomp_rule_add_exact(b->ctx, SCMP_ACT_ERRNO(EACCES), number, 1,
		    SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0)));
	}
	if (number == SCMP_SYS(socket)) {
		return refuse_local(b, number);
	}
	if (number == SCMP_SYS(prctl)) {
		return rule_error(seccomp_rule_add_exact(b->ctx, SCMP_ACT_ERRNO(EACCES), number, 1,
		    SCMP_A0(SCMP_CMP_NE, PR_SET_NAME)));
	}
	return ERR_BUG;
}

static enum err
refuse_name(struct build *b, str name)
{
	int number;
	TRY(resolve(name, &number));
	if (number < 0 || b->allowed[number] || b->refused[number]) {
		return ERR_OK;
	}
	b->refused[number] = true;
	if (b->bounded[number]) {
		return refuse_rest(b, number);
	}
	uint32_t how = SCMP_ACT_ERRNO(number == SCMP_SYS(clone3) ? ENOSYS : EACCES);
	return rule_error(seccomp_rule_add_exact(b->ctx, how, number, 0));
}

static enum err
refuse_others(struct build *b)
{
	for (size_t i = 0; i < LEN(refused); i++) {
		str names = str_from(refused[i]);
		str name;
		while (str_next(&names, ' ', &name)) {
			TRY(refuse_name(b, name));
		}
	}
	return ERR_OK;
}

/* The version of libseccomp we build with writes programs to descriptors only. */
static enum err
export_code(scmp_filter_ctx ctx, struct sys_seccomp *ret)
{
	int fd SYS_FD_AUTO = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0) {
		return sys_err(errno);
	}
	if (seccomp_export_bpf(ctx, fd) != 0) {
		return ERR_NOMEM;
	}
	off_t size = lseek(fd, 0, SEEK_END);
	size_t len = (size_t)size / sizeof *ret->code;
	if (size <= 0 || len > RULES_MAX) {
		return ERR_BUG;
	}
	struct sock_filter *code = mem_zalloc(len, sizeof *code);
	if (code == NULL) {
		return ERR_NOMEM;
	}
	if (pread(fd, code, (size_t)size, 0) != (ssize_t)size) {
		mem_drop(code);
		return ERR_IO;
	}
	*ret = (struct sys_seccomp){ .code = code, .len = (unsigned short)len };
	return ERR_OK;
}

/* ---- inside of another ---- */

/* What only the outer one lets through must meet here what the whole filter has for it. */
static enum err
narrow_number(struct build *b, int number)
{
	if (number < 0 || b->allowed[number]) {
		return ERR_OK;
	}
	if (b->bounded[number]) {
		return refuse_rest(b, number);
	}
	uint32_t how = b->refused[number] ? SCMP_ACT_ERRNO(EACCES) : SCMP_ACT_KILL_PROCESS;
	b->allowed[number] = true; /* named in several rows, one rule is enough */
	return rule_error(seccomp_rule_add_exact(b->ctx, how, number, 0));
}

static enum err
narrow_names(struct build *b, str names)
{
	str name;
	while (str_next(&names, ' ', &name)) {
		int number;
		TRY(resolve(name, &number));
		TRY(narrow_number(b, number));
	}
	return ERR_OK;
}

/* Fill a table of numbers from the rows of our own sets, without making rules. */
static enum err
know(bool *table, str names)
{
	str name;
	while (str_next(&names, ' ', &name)) {
		int number;
		TRY(resolve(name, &number));
		if (number >= 0) {
			table[number] = true;
		}
	}
	return ERR_OK;
}

static enum err
know_all(struct build *b)
{
	for (size_t i = 0; i < LEN(calls); i++) {
		if (calls[i].set & b->sets) {
			TRY(know(b->allowed, str_from(calls[i].names)));
		}
	}
	for (size_t i = 0; i < LEN(conditions); i++) {
		if (conditions[i].set & b->sets) {
			TRY(know(b->bounded, str_from(conditions[i].name)));
		}
	}
	for (size_t i = 0; i < LEN(refused); i++) {
		TRY(know(b->refused, str_from(refused[i])));
	}
	return ERR_OK;
}

static enum err
add_difference(struct build *b, unsigned outer, const char *const *names)
{
	unsigned more = outer & ~b->sets;
	TRY(know_all(b));
	for (; names != NULL && *names != NULL; names++) {
		TRY(narrow_names(b, str_from(*names)));
	}
	for (size_t i = 0; i < LEN(calls); i++) {
		if (calls[i].set & more) {
			TRY(narrow_names(b, str_from(calls[i].names)));
		}
	}
	for (size_t i = 0; i < LEN(conditions); i++) {
		if (conditions[i].set & more) {
			TRY(narrow_names(b, str_from(conditions[i].name)));
		}
	}
	return ERR_OK;
}

enum err
sys_seccomp_build_inside(unsigned outer, const char *const *more, unsigned sets,
    struct sys_seccomp *ret)
{
	struct build *b = mem_zalloc(1, sizeof *b);
	if (b == NULL) {
		return ERR_NOMEM;
	}
	ASSERT((sets & ~outer) == 0);
	b->sets = sets | SYS_SET_BASE;
	b->ctx = seccomp_init(SCMP_ACT_ALLOW);
	enum err e = b->ctx == NULL ? ERR_NOMEM : as_tree(b->ctx);
	if (e == ERR_OK) {
		e = add_difference(b, outer, more);
	}
	if (e == ERR_OK) {
		e = export_code(b->ctx, ret);
	}
	seccomp_release(b->ctx);
	mem_drop(b);
	return e;
}

static enum err
add_rules(struct build *b, const char *const *more)
{
	TRY(allow_sets(b));
	for (; more != NULL && *more != NULL; more++) {
		TRY(allow_name(b, str_from(*more)));
	}
	TRY(allow_conditions(b));
	return refuse_others(b);
}

enum err
sys_seccomp_build(unsigned sets, const char *const *more, struct sys_seccomp *ret)
{
	struct build *b = mem_zalloc(1, sizeof *b);
	if (b == NULL) {
		return ERR_NOMEM;
	}
	b->sets = sets | SYS_SET_BASE;
	b->ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	enum err e = b->ctx == NULL ? ERR_NOMEM : as_tree(b->ctx);
	if (e == ERR_OK) {
		e = add_rules(b, more);
	}
	if (e == ERR_OK) {
		e = export_code(b->ctx, ret);
	}
	seccomp_release(b->ctx);
	mem_drop(b);
	return e;
}

void
sys_seccomp_done(struct sys_seccomp *s)
{
	MEM_FREE(s->code);
	s->len = 0;
}

enum err
sys_seccomp_load(const struct sys_seccomp *s)
{
	struct sock_fprog program = { .len = s->len, .filter = s->code };
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) {
		return ERR_OK;
	}
	return errno == ENOSYS || errno == EINVAL ? ERR_UNSUPPORTED : ERR_SANDBOX;
}
