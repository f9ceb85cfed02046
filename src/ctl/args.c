/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two steps: sort the words into options and others, then find the command among the others and
 * check what it was given against its row.
 */
#include "ctl/args.h"

bool
ctl_given(const struct ctl_args *a, enum ctl_option o)
{
	return (a->given & 1u << o) != 0;
}

static bool
is_short(str word, enum ctl_option *ret)
{
	static const struct {
		str word;
		enum ctl_option option;
	} shorts[] = { { S_INIT("-c"), CTL_OPT_CONFIG }, { S_INIT("-h"), CTL_OPT_HELP } };
	for (size_t i = 0; i < LEN(shorts); i++) {
		if (str_eq(word, shorts[i].word)) {
			*ret = shorts[i].option;
			return true;
		}
	}
	return false;
}

static bool
find_option(str word, enum ctl_option *ret)
{
	for (unsigned o = 0; o < CTL_OPT_COUNT; o++) {
		if (str_eq(word, ctl_option_row(o)->spelling)) {
			*ret = o;
			return true;
		}
	}
	return is_short(word, ret);
}

struct words {
	char *const *argv;
	int argc, at;
	struct ctl_args *args;
	struct buf *why;
};

static enum err
take_option(struct words *w, str word)
{
	enum ctl_option o;
	str name, value;
	bool has_value = str_cut(word, '=', &name, &value);
	if (!find_option(name, &o)) {
		buf_printf(w->why, "there is no option %.*s; `postern help` lists what there is",
		    STR_ARG(name));
		return ERR_SYNTAX;
	}
	bool wants = ctl_option_row(o)->value.n > 0;
	if (!wants && has_value) {
		buf_printf(w->why, "option %.*s takes no value", STR_ARG(name));
		return ERR_SYNTAX;
	}
	if (wants && !has_value) {
		if (w->at + 1 >= w->argc) {
			buf_printf(w->why, "option %.*s needs a value: %.*s %.*s", STR_ARG(name),
			    STR_ARG(name), STR_ARG(ctl_option_row(o)->value));
			return ERR_SYNTAX;
		}
		value = str_from(w->argv[++w->at]);
	}
	w->args->given |= 1u << o;
	w->args->value[o] = value;
	return ERR_OK;
}

static enum err
take_words(struct words *w)
{
	bool options_end = false;
	for (w->at = 1; w->at < w->argc; w->at++) {
		str word = str_from(w->argv[w->at]);
		if (!options_end && str_eq(word, S("--"))) {
			options_end = true;
		} else if (!options_end && word.n > 1 && word.p[0] == '-') {
			TRY(take_option(w, word));
		} else if (w->args->pos_n == CTL_ARGS_MAX) {
			buf_printf(w->why, "more than %d arguments", CTL_ARGS_MAX);
			return ERR_SYNTAX;
		} else {
			w->args->pos[w->args->pos_n++] = word;
		}
	}
	return ERR_OK;
}

/* Name the commands that begin with the first word, so that "postern domain" helps. */
static enum err
say_unknown(const struct ctl_args *a, struct buf *why)
{
	const struct ctl_command *rows;
	size_t n = ctl_commands(&rows), found = 0;
	for (size_t i = 0; i < n; i++) {
		str first, rest;
		if (str_cut(rows[i].words, ' ', &first, &rest) && str_eq(first, a->pos[0])) {
			buf_printf(why, "%s%.*s", found++ == 0 ? "which of these? " : ", ",
			    STR_ARG(rows[i].words));
		}
	}
	if (found == 0) {
		buf_printf(why, "there is no command %.*s; `postern help` lists them",
		    STR_ARG(a->pos[0]));
	}
	return ERR_SYNTAX;
}

static enum err
check_options(const struct ctl_args *a, struct buf *why)
{
	uint32_t wrong = a->given & ~(a->command->options | CTL_GLOBAL_OPTIONS);
	for (unsigned o = 0; o < CTL_OPT_COUNT; o++) {
		if ((wrong & 1u << o) != 0) {
			buf_printf(why, "%.*s does not take %.*s; see `postern help %.*s`",
			    STR_ARG(a->command->words), STR_ARG(ctl_option_row(o)->spelling),
			    STR_ARG(a->command->words));
			return ERR_SYNTAX;
		}
	}
	return ERR_OK;
}

static enum err
check_count(const struct ctl_args *a, struct buf *why)
{
	struct ctl_arity arity = ctl_arity(a->command->args);
	if (a->pos_n >= arity.least && a->pos_n <= arity.most) {
		return ERR_OK;
	}
	buf_printf(why, "%s arguments; usage: postern %.*s%s%.*s",
	    a->pos_n < arity.least ? "too few" : "too many", STR_ARG(a->command->words),
	    a->command->args.n > 0 ? " " : "", STR_ARG(a->command->args));
	return ERR_SYNTAX;
}

enum err
ctl_args_parse(int argc, char *const *argv, struct ctl_args *ret, struct buf *why)
{
	struct words w = { argv, argc, 0, ret, why };
	*ret = (struct ctl_args){ 0 };
	TRY(take_words(&w));
	if (ret->pos_n == 0) {
		if (ctl_given(ret, CTL_OPT_HELP) || ctl_given(ret, CTL_OPT_VERSION)) {
			return ERR_OK;
		}
		buf_cstr(why, "say what to do; `postern help` lists the commands");
		return ERR_SYNTAX;
	}
	size_t used;
	ret->command = ctl_command_find(ret->pos, ret->pos_n, &used);
	if (ret->command == NULL) {
		return say_unknown(ret, why);
	}
	ret->pos_n -= used;
	memmove(ret->pos, ret->pos + used, ret->pos_n * sizeof ret->pos[0]);
	if (ctl_given(ret, CTL_OPT_HELP)) {
		return ERR_OK;
	}
	TRY(check_options(ret, why));
	return check_count(ret, why);
}
