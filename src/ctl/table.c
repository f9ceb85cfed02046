/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables as data, and looking things up in them.
 */
#include "ctl/table.h"

#include "ctl/ctl.h"

#define O(name) (1u << CTL_OPT_##name)

static const struct ctl_command commands[] = {
#define CMD(name, words, args, options, needs, summary, details)                     \
	{ S_INIT(words), S_INIT(args), options, CTL_NEEDS_##needs, summary, details, \
		ctl_cmd_##name },
#include "ctl/commands.def"
#undef CMD
};

static const struct ctl_option_row options[] = {
#define OPT(name, spelling, value, text) { S_INIT(spelling), S_INIT(value), text },
#include "ctl/options.def"
#undef OPT
};

static const struct ctl_exit_row exits[] = {
#define EXIT(name, code, text) { CTL_##name, text },
#include "ctl/exits.def"
#undef EXIT
};

size_t
ctl_commands(const struct ctl_command **ret_rows)
{
	*ret_rows = commands;
	return LEN(commands);
}

size_t
ctl_exits(const struct ctl_exit_row **ret_rows)
{
	*ret_rows = exits;
	return LEN(exits);
}

const struct ctl_option_row *
ctl_option_row(enum ctl_option o)
{
	ASSERT(o < CTL_OPT_COUNT);
	return &options[o];
}

bool
ctl_word_next(str *s, str *ret)
{
	return s->n > 0 && str_next(s, ' ', ret);
}

/* How many of the given words spell the whole name; 0: they do not. */
static size_t
spelled(str name, const str *words, size_t n)
{
	size_t used = 0;
	str word;
	while (ctl_word_next(&name, &word)) {
		if (used == n || !str_eq(word, words[used])) {
			return 0;
		}
		used++;
	}
	return used;
}

const struct ctl_command *
ctl_command_find(const str *words, size_t n, size_t *ret_used)
{
	const struct ctl_command *best = NULL;
	*ret_used = 0;
	for (size_t i = 0; i < LEN(commands); i++) {
		size_t used = spelled(commands[i].words, words, n);
		if (used > *ret_used) {
			best = &commands[i];
			*ret_used = used;
		}
	}
	return best;
}

struct ctl_arity
ctl_arity(str args)
{
	struct ctl_arity a = { 0, 0 };
	str word;
	while (ctl_word_next(&args, &word)) {
		bool optional = word.p[0] == '[';
		bool many = str_find(word, S("...")) >= 0;
		a.least += optional ? 0 : 1;
		a.most = many ? CTL_ARGS_MAX : a.most + 1;
	}
	return a;
}
