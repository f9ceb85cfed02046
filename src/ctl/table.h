/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the command line: commands.def, options.def, exits.def. Parsing, help and the
 * manual page read them here and nowhere else.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "base/str.h"

struct ctl;

enum ctl_exit {
#define EXIT(name, code, text) CTL_##name = code,
#include "ctl/exits.def"
#undef EXIT
};

enum ctl_option {
#define OPT(name, spelling, value, text) CTL_OPT_##name,
#include "ctl/options.def"
#undef OPT
	CTL_OPT_COUNT
};
static_assert(CTL_OPT_COUNT <= 32, "options are bits of a u32");

/* What must be there before the handler is called. */
enum ctl_needs {
	CTL_NEEDS_NOTHING,
	CTL_NEEDS_CONF,
	CTL_NEEDS_PARENT, /* from here on: the configuration, and a channel to that process */
	CTL_NEEDS_AUTH,
	CTL_NEEDS_QUEUE,
	CTL_NEEDS_KEYS,
	CTL_NEEDS_RESOLVE,
	CTL_NEEDS_WATCH,
	CTL_NEEDS_POLICY,
	CTL_NEEDS_ACCOUNTS,
};

enum {
	CTL_ARGS_MAX = 128, /* words of one command line; an alias may have 100 targets */
	CTL_GLOBAL_OPTIONS = 1u << CTL_OPT_CONFIG | 1u << CTL_OPT_JSON | 1u << CTL_OPT_HELP |
	    1u << CTL_OPT_VERSION,
};

struct ctl_command {
	str words, args;
	uint32_t options; /* bits 1 << CTL_OPT_X, without the global ones */
	enum ctl_needs needs;
	const char *summary, *details;
	enum ctl_exit (*run)(struct ctl *c);
};

struct ctl_option_row {
	str spelling, value;
	const char *text;
};

struct ctl_exit_row {
	enum ctl_exit code;
	const char *text;
};

/* All commands, in the order help shows them. */
size_t ctl_commands(const struct ctl_command **ret_rows);
/* All exit codes. */
size_t ctl_exits(const struct ctl_exit_row **ret_rows);
/* One option's row. */
const struct ctl_option_row *ctl_option_row(enum ctl_option o);

/*
 * The command that the first words spell; the longest name wins.
 *
 * Out     NULL: none; ret_used: words that belong to its name
 */
const struct ctl_command *ctl_command_find(const str *words, size_t n, size_t *ret_used);

/* How many arguments a grammar as in commands.def takes. */
struct ctl_arity {
	size_t least, most;
};
struct ctl_arity ctl_arity(str args);

/* The next word of *s up to SP; false when it is used up. */
bool ctl_word_next(str *s, str *ret);

#endif
