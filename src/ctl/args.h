/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line, taken apart by the tables. Options may stand anywhere; "--" ends them.
 */
#ifndef CTL_ARGS_H
#define CTL_ARGS_H

#include "base/buf.h"
#include "ctl/table.h"

struct ctl_args {
	const struct ctl_command *command; /* NULL: help or version was asked for without one */
	str pos[CTL_ARGS_MAX];             /* the arguments behind the command's words */
	size_t pos_n;
	uint32_t given; /* bits of the options that are there */
	str value[CTL_OPT_COUNT];
};

/*
 * Take a command line apart.
 *
 * In      argv: borrowed for as long as ret
 * Out     ret: also set on errors as far as it was read (--json decides how the error is told);
 *         why: what is wrong and what to do, on ERR_SYNTAX
 * Limits  CTL_ARGS_MAX words
 */
enum err ctl_args_parse(int argc, char *const *argv, struct ctl_args *ret, struct buf *why);

/* Is that option there? */
bool ctl_given(const struct ctl_args *a, enum ctl_option o);

#endif
