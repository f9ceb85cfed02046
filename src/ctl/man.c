/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manual pages postern(8) and postern.conf(5) in mdoc(7). What is said of commands, options,
 * exit codes and settings comes from their tables; the rest stands here.
 */
#include "conf/conf.h"
#include "ctl/help.h"

static const char head[] = ".\\\" SPDX-License-Identifier: Apache-2.0\n"
			   ".Dd November 21, 2026\n";

static const char command_intro[] =
    ".Dt POSTERN 8\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm postern\n"
    ".Nd run and administer the Postern mail server\n"
    ".Sh SYNOPSIS\n"
    ".Nm\n"
    ".Op Fl c Ar FILE\n"
    ".Op Fl -json\n"
    ".Ar COMMAND\n"
    ".Op Ar ARGUMENT ...\n"
    ".Sh DESCRIPTION\n"
    ".Nm\n"
    "runs the server and does everything an administrator wants from it.\n"
    "Commands that need the running server talk to it over sockets in\n"
    ".Pa run/\n"
    "of the state folder, which only root and the user that started the server may use.\n"
    "The commands that look after mail work on the state folder itself, whether the server\n"
    "runs or not; started by root they become the user that owns the mail before they touch\n"
    "it.\n"
    ".Pp\n"
    "Passwords are never given on the command line.\n"
    "They are read twice from the terminal, or from the first line of standard input or of a\n"
    "file.\n"
    ".Ss Options of every command\n";

static const char command_tail[] =
    ".Sh FILES\n"
    ".Bl -tag -width Ds\n"
    ".It Pa /etc/postern/postern.conf\n"
    "The configuration, unless\n"
    ".Fl c\n"
    "names another one; see\n"
    ".Xr postern.conf 5 .\n"
    ".It Pa accounts/NUMBER/\n"
    "One account's mail, in the state folder.\n"
    "It can be copied, moved and removed with ordinary tools.\n"
    ".It Pa directory/directory.db\n"
    "Domains, accounts, addresses and what proves a password, in the state folder.\n"
    ".El\n"
    ".Sh EXAMPLES\n"
    "Make an account and give it a second address:\n"
    ".Bd -literal -offset indent\n"
    "postern account add anna@example.org\n"
    "postern alias add office@example.org anna@example.org\n"
    ".Ed\n"
    ".Pp\n"
    "Take a copy of all mail of an account that any mail program can read:\n"
    ".Bd -literal -offset indent\n"
    "postern export anna@example.org /var/backups/anna --maildir\n"
    ".Ed\n"
    ".Pp\n"
    "The memory of every process, for a script:\n"
    ".Bd -literal -offset indent\n"
    "postern status --json | jq '.processes[] | {name, rss}'\n"
    ".Ed\n"
    ".Sh SEE ALSO\n"
    ".Xr postern.conf 5\n";

static const char settings_intro[] =
    ".Dt POSTERN.CONF 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm postern.conf\n"
    ".Nd configuration of the Postern mail server\n"
    ".Sh DESCRIPTION\n"
    "A line is a key and its values, separated by spaces.\n"
    "Keys of a section stand between\n"
    ".Ql section {\n"
    "and\n"
    ".Ql } ,\n"
    "each on a line of its own.\n"
    "A value with spaces is put in double quotes, and\n"
    ".Ql #\n"
    "begins a comment.\n"
    "The smallest file has three lines:\n"
    ".Bd -literal -offset indent\n"
    "hostname mail.example.org\n"
    "domain   example.org\n"
    "state    /var/lib/postern\n"
    ".Ed\n"
    ".Pp\n"
    "Sizes take the units K, M, G and T, times ms, s, m, h and d.\n"
    ".Ic postern check-config\n"
    "names every problem of a file.\n"
    ".Ic postern reload ,\n"
    "or SIGHUP to the server, puts a changed file in force without dropping connections.\n"
    "It names the changed settings that need a new start;\n"
    "sessions that are open keep their own.\n"
    ".Sh SETTINGS\n"
    ".Bl -tag -width Ds\n";

/* mdoc: a backslash is doubled, and a line must not begin with a dot or quote. */
static void
put(struct buf *out, str s)
{
	if (s.n > 0 && (s.p[0] == '.' || s.p[0] == '\'')) {
		buf_cstr(out, "\\&");
	}
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\') {
			buf_cstr(out, "\\e");
		} else {
			buf_ch(out, s.p[i]);
		}
	}
}

/* A sentence a line, as mdoc wants it. */
static void
put_text(struct buf *out, str text)
{
	while (text.n > 0) {
		ptrdiff_t end = str_find(text, S(". "));
		str sentence = end < 0 ? text : str_sub(text, 0, (size_t)end + 1);
		put(out, sentence);
		buf_ch(out, '\n');
		text = end < 0 ? S("") : str_from_off(text, (size_t)end + 2);
	}
}

static void
put_option(struct buf *out, const struct ctl_option_row *row)
{
	buf_cstr(out, ".It Fl ");
	put(out, str_from_off(row->spelling, 1));
	if (row->value.n > 0) {
		buf_cstr(out, " Ar ");
		put(out, row->value);
	}
	buf_ch(out, '\n');
	put(out, str_from(row->text));
	buf_cstr(out, ".\n");
}

static void
put_options(struct buf *out, uint32_t options)
{
	if (options == 0) {
		return;
	}
	buf_cstr(out, ".Bl -tag -width Ds\n");
	for (unsigned o = 0; o < CTL_OPT_COUNT; o++) {
		if ((options & 1u << o) != 0) {
			put_option(out, ctl_option_row(o));
		}
	}
	buf_cstr(out, ".El\n");
}

static void
put_command(struct buf *out, const struct ctl_command *cmd)
{
	buf_cstr(out, ".It Ic ");
	put(out, cmd->words);
	if (cmd->args.n > 0) {
		buf_cstr(out, " Ar ");
		put(out, cmd->args);
	}
	buf_cstr(out, "\nTo ");
	put(out, str_from(cmd->summary));
	buf_cstr(out, ".\n");
	put_text(out, str_from(cmd->details));
	put_options(out, cmd->options);
}

static void
put_exits(struct buf *out)
{
	const struct ctl_exit_row *rows;
	size_t n = ctl_exits(&rows);
	buf_cstr(out, ".Sh EXIT STATUS\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, ".It %d\n%s.\n", (int)rows[i].code, rows[i].text);
	}
	buf_cstr(out, ".El\n");
}

void
ctl_man_command(struct buf *out)
{
	const struct ctl_command *rows;
	size_t n = ctl_commands(&rows);
	buf_cstr(out, head);
	buf_cstr(out, command_intro);
	put_options(out, CTL_GLOBAL_OPTIONS);
	buf_cstr(out, ".Sh COMMANDS\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < n; i++) {
		put_command(out, &rows[i]);
	}
	buf_cstr(out, ".El\n");
	put_exits(out);
	buf_cstr(out, command_tail);
}

static void
put_setting(struct buf *out, const struct conf_row *row)
{
	buf_cstr(out, ".It Ic ");
	put(out, str_from(row->section));
	buf_cstr(out, row->section[0] != '\0' ? " " : "");
	put(out, str_from(row->key));
	buf_cstr(out, "\n");
	put(out, str_from(row->text));
	buf_cstr(out, ".\nType ");
	put(out, str_from(row->type));
	if (strcmp(row->def, "-") == 0) {
		buf_cstr(out, ", must be given.\n");
	} else {
		buf_cstr(out, ", default\n.Ql \"");
		put(out, str_from(row->def));
		buf_cstr(out, "\" .\n");
	}
	if (row->at_start) {
		buf_cstr(out, "Takes force when the server is started anew.\n");
	}
	if (row->max > 0) {
		buf_printf(out, "From %llu to %llu.\n", (unsigned long long)row->min,
		    (unsigned long long)row->max);
	}
}

void
ctl_man_settings(struct buf *out)
{
	const struct conf_row *rows;
	size_t n = conf_rows(&rows);
	buf_cstr(out, head);
	buf_cstr(out, settings_intro);
	for (size_t i = 0; i < n; i++) {
		put_setting(out, &rows[i]);
	}
	buf_cstr(out, ".El\n.Sh SEE ALSO\n.Xr postern 8\n");
}
