/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `postern help`, and what --help prints: the tables as text.
 */
#include "ctl/help.h"

#include "ctl/ctl.h"

enum { WIDTH = 80, INDENT = 4, OPTION_COLUMN = 26, PAGE_MAX = 1 << 20, SUMMARY_COLUMN = 38 };

void
ctl_help_wrap(struct buf *out, str text, size_t indent, size_t width)
{
	str word;
	size_t at = 0;
	while (ctl_word_next(&text, &word)) {
		if (at > 0 && at + 1 + word.n > width) {
			buf_ch(out, '\n');
			at = 0;
		}
		if (at == 0) {
			for (size_t i = 0; i < indent; i++) {
				buf_ch(out, ' ');
			}
			at = indent;
		} else {
			buf_ch(out, ' ');
			at++;
		}
		buf_str(out, word);
		at += word.n;
	}
	buf_ch(out, '\n');
}

void
ctl_help_synopsis(struct buf *out, const struct ctl_command *cmd)
{
	buf_str(out, cmd->words);
	if (cmd->args.n > 0) {
		buf_ch(out, ' ');
		buf_str(out, cmd->args);
	}
	for (unsigned o = 0; o < CTL_OPT_COUNT; o++) {
		const struct ctl_option_row *row = ctl_option_row(o);
		if ((cmd->options & 1u << o) != 0) {
			buf_printf(out, " [%.*s%s%.*s]", STR_ARG(row->spelling),
			    row->value.n > 0 ? " " : "", STR_ARG(row->value));
		}
	}
}

static void
put_options(struct buf *out, uint32_t options)
{
	for (unsigned o = 0; o < CTL_OPT_COUNT; o++) {
		const struct ctl_option_row *row = ctl_option_row(o);
		if ((options & 1u << o) == 0) {
			continue;
		}
		size_t from = out->n;
		buf_printf(out, "  %.*s%s%.*s", STR_ARG(row->spelling), row->value.n > 0 ? " " : "",
		    STR_ARG(row->value));
		while (out->n - from < OPTION_COLUMN && buf_err(out) == ERR_OK) {
			buf_ch(out, ' ');
		}
		buf_cstr(out, row->text);
		buf_ch(out, '\n');
	}
}

static void
put_exits(struct buf *out)
{
	const struct ctl_exit_row *rows;
	size_t n = ctl_exits(&rows);
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "  %d  %s\n", (int)rows[i].code, rows[i].text);
	}
}

static void
put_all(struct buf *out)
{
	const struct ctl_command *rows;
	size_t n = ctl_commands(&rows);
	buf_cstr(out, "usage: postern [-c FILE] [--json] COMMAND [ARGUMENT...]\n\n");
	for (size_t i = 0; i < n; i++) {
		size_t from = out->n;
		buf_printf(out, "  %.*s %.*s", STR_ARG(rows[i].words), STR_ARG(rows[i].args));
		if (out->n - from > SUMMARY_COLUMN) {
			buf_ch(out, '\n');
			from = out->n;
		}
		while (out->n - from < SUMMARY_COLUMN && buf_err(out) == ERR_OK) {
			buf_ch(out, ' ');
		}
		buf_printf(out, " %s\n", rows[i].summary);
	}
	buf_cstr(out, "\nWith every command:\n");
	put_options(out, CTL_GLOBAL_OPTIONS);
	buf_cstr(out, "\nExit codes:\n");
	put_exits(out);
	buf_cstr(out, "\n`postern help COMMAND` says more about one of them.\n");
}

static void
put_one(struct buf *out, const struct ctl_command *cmd)
{
	static const char *const needs[] = {
		[CTL_NEEDS_NOTHING] = "",
		[CTL_NEEDS_CONF] = " Works on the state folder, whether the server runs or not.",
		[CTL_NEEDS_PARENT] = " The server must run.",
		[CTL_NEEDS_AUTH] = " The server must run.",
		[CTL_NEEDS_QUEUE] = " The server must run.",
		[CTL_NEEDS_KEYS] = " The server must run.",
		[CTL_NEEDS_RESOLVE] = " The server must run.",
		[CTL_NEEDS_WATCH] = " The server must run.",
		[CTL_NEEDS_POLICY] = " The server must run.",
		[CTL_NEEDS_ACCOUNTS] = " The server must run.",
	};
	struct buf line;
	buf_init(&line, PAGE_MAX);
	buf_cstr(&line, "usage: postern ");
	ctl_help_synopsis(&line, cmd);
	ctl_help_wrap(out, buf_view(&line), 0, WIDTH);
	buf_printf(out, "\nTo %s.\n\n", cmd->summary);
	buf_reset(&line);
	buf_cstr(&line, cmd->details);
	buf_cstr(&line, needs[cmd->needs]);
	ctl_help_wrap(out, buf_view(&line), INDENT, WIDTH);
	if (cmd->options != 0) {
		buf_ch(out, '\n');
		put_options(out, cmd->options);
	}
	buf_done(&line);
}

static enum ctl_exit
print(struct ctl *c, struct buf *page)
{
	enum err e = buf_err(page);
	if (c->out.json) {
		ctl_out_str(&c->out, "help", buf_view(page));
	} else {
		ctl_out_flush(&c->out);
		c->out.sink(c->out.ctx, buf_view(page));
	}
	buf_done(page);
	return e == ERR_OK ? CTL_OK : ctl_fail(c, CTL_FAILED, e, "%s", err_text(e));
}

enum ctl_exit
ctl_help_all(struct ctl *c)
{
	struct buf page;
	buf_init(&page, PAGE_MAX);
	put_all(&page);
	return print(c, &page);
}

enum ctl_exit
ctl_help_one(struct ctl *c, const struct ctl_command *cmd)
{
	struct buf page;
	buf_init(&page, PAGE_MAX);
	put_one(&page, cmd);
	return print(c, &page);
}

enum ctl_exit
ctl_help_version(struct ctl *c)
{
	if (c->out.json) {
		ctl_out_str(&c->out, "version", S(POSTERN_VERSION));
	} else {
		ctl_out_line(&c->out, "postern %s", POSTERN_VERSION);
	}
	return CTL_OK;
}

enum ctl_exit
ctl_help_settings(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "setting", "SETTING", 32, false },
		{ "type", "TYPE", 5, false },
		{ "default", "DEFAULT", 10, false },
		{ "least", "LEAST", 5, true },
		{ "most", "MOST", 13, true },
		{ "text", "MEANING", 0, false },
	};
	const struct conf_row *rows;
	size_t n = conf_rows(&rows);
	ctl_out_list(&c->out, "settings", columns, LEN(columns));
	for (size_t i = 0; i < n; i++) {
		const struct conf_row *r = &rows[i];
		char name[128];
		snprintf(name, sizeof name, "%s%s%s", r->section, r->section[0] != '\0' ? " " : "",
		    r->key);
		ctl_out_item(&c->out);
		ctl_out_str(&c->out, "setting", str_from(name));
		ctl_out_str(&c->out, "type", str_from(r->type));
		ctl_out_str(&c->out, "default",
		    strcmp(r->def, "-") == 0 ? S("(needed)") : str_from(r->def));
		ctl_out_u64(&c->out, "least", r->min);
		ctl_out_u64(&c->out, "most", r->max);
		ctl_out_str(&c->out, "text", str_from(r->text));
		ctl_out_item_end(&c->out);
	}
	ctl_out_list_end(&c->out);
	return CTL_OK;
}

enum ctl_exit
ctl_cmd_help(struct ctl *c)
{
	size_t used = 0;
	bool settings = c->args.pos_n == 1 && str_eq(ctl_arg(c, 0), S("settings"));
	if (ctl_given(&c->args, CTL_OPT_MAN)) {
		struct buf page;
		buf_init(&page, PAGE_MAX);
		settings ? ctl_man_settings(&page) : ctl_man_command(&page);
		return print(c, &page);
	}
	if (settings) {
		return ctl_help_settings(c);
	}
	if (c->args.pos_n == 0) {
		return ctl_help_all(c);
	}
	const struct ctl_command *cmd = ctl_command_find(c->args.pos, c->args.pos_n, &used);
	if (cmd != NULL && used == c->args.pos_n) {
		return ctl_help_one(c, cmd);
	}
	return ctl_fail(c, CTL_USAGE, ERR_NOTFOUND,
	    "there is no such command; `postern help` lists them");
}
