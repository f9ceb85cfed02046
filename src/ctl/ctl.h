/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the administrator's command: what was asked, the configuration, a channel to the
 * process it needs, and where the answer goes. ctl_main() prepares that as the command's row in
 * commands.def says, calls its handler ctl_cmd_NAME, and ends with the handler's exit code.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/arena.h"
#include "conf/conf.h"
#include "ctl/args.h"
#include "ctl/out.h"

enum {
	CTL_BUDGET = 64 << 20,
	CTL_PATH_MAX = 4096,
	CTL_WAIT_MS = 30000,        /* for an answer */
	CTL_WAIT_LONG_MS = 1800000, /* for one that takes as long as the work does */
};

struct ctl {
	struct ctl_args args;
	struct arena *arena;   /* lives as long as the run */
	struct arena *scratch; /* reset before each message */
	struct arena *secrets; /* wiped */
	str conf_path;
	struct conf conf;    /* set from CTL_NEEDS_CONF on */
	const char *service; /* at the other end of fd */
	int fd;              /* channel to it; -1: none */
	struct buf msg, in;  /* a message to send, and the last that came */
	struct ctl_out out;
	bool failed; /* ctl_fail was called */
};

/* The whole command. Out: its exit code. */
int ctl_main(int argc, char *const *argv);

/* An argument; ASSERTs that it is there. An optional one that is not is empty. */
str ctl_arg(const struct ctl *c, size_t i);
str ctl_arg_or_empty(const struct ctl *c, size_t i);

/*
 * Say why it cannot be done: on standard error, and with --json as members `error` and `text`.
 * Only the first failure is told.
 *
 * Out     x, for `return ctl_fail(...)`
 */
enum ctl_exit ctl_fail(struct ctl *c, enum ctl_exit x, enum err e, const char *fmt, ...)
    PRINTF(4, 5);
/* A remark on standard error. */
void ctl_warn(struct ctl *c, const char *fmt, ...) PRINTF(2, 3);

/* The configuration; said to the user when it is missing or wrong. */
enum ctl_exit ctl_conf_load(struct ctl *c);
/* Each problem of it as FILE:LINE: KEY: text, to `say`. Out: ERR_OK, ERR_CONFIG, or why the file
 * cannot be read. */
enum err ctl_conf_check(struct ctl *c, void (*say)(struct ctl *c, unsigned line, str key, str text),
    struct conf *ret);

/* A path below the state folder, in the arena; p == NULL: no memory. */
str ctl_state_path(struct ctl *c, str name);

/* The value of an option as size or count: "none" gives 0. CTL_USAGE after saying so. */
enum ctl_exit ctl_limit_option(struct ctl *c, enum ctl_option o, bool octets, uint64_t *ret);
/* The value of an option in seconds. */
enum ctl_exit ctl_time_option(struct ctl *c, enum ctl_option o, uint64_t *ret_s);

/* Handlers, one per row of commands.def. */
#define CMD(name, words, args, options, needs, summary, details) \
	enum ctl_exit ctl_cmd_##name(struct ctl *c);
#include "ctl/commands.def"
#undef CMD

#endif
