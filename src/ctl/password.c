/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line, wherever it comes from. At a terminal echo is off, and signals are held back until it
 * is on again.
 */
#include "ctl/password.h"

#include "base/mem.h"
#include "ctl/ctl.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

enum { STDIN = 0 };

/* One octet at a time: what stands behind the line is not ours. */
static enum err
read_line(int fd, char *room, size_t *ret_n)
{
	size_t n = 0;
	for (;;) {
		char c;
		ssize_t got = read(fd, &c, 1);
		if (got < 0) {
			return ERR_IO;
		}
		if (got == 0 || c == '\n') {
			break;
		}
		if (n == CTL_PASSWORD_MAX) {
			return ERR_TOOBIG;
		}
		room[n++] = c;
	}
	if (n > 0 && room[n - 1] == '\r') {
		n--;
	}
	*ret_n = n;
	return ERR_OK;
}

static enum ctl_exit
take_line(struct ctl *c, int fd, str *ret)
{
	char *room = arena_alloc(c->secrets, CTL_PASSWORD_MAX);
	size_t n = 0;
	if (room == NULL) {
		return ctl_fail(c, CTL_FAILED, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	enum err e = read_line(fd, room, &n);
	if (e == ERR_TOOBIG) {
		return ctl_fail(c, CTL_USAGE, e, "the password is longer than %d octets",
		    CTL_PASSWORD_MAX);
	}
	if (e != ERR_OK || n == 0) {
		return ctl_fail(c, CTL_USAGE, e == ERR_OK ? ERR_EOF : e,
		    "no password: give it on the first line of standard input, or with "
		    "--password-file FILE");
	}
	*ret = str_make(room, n);
	return CTL_OK;
}

static enum ctl_exit
from_terminal(struct ctl *c, const char *prompt, str *ret)
{
	struct termios as_was, quiet;
	sigset_t held, before;
	if (tcgetattr(STDIN, &as_was) != 0) {
		return ctl_fail(c, CTL_FAILED, ERR_IO, "the terminal cannot be made quiet");
	}
	quiet = as_was;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGTSTP);
	sigprocmask(SIG_BLOCK, &held, &before);
	tcsetattr(STDIN, TCSAFLUSH, &quiet);
	fputs(prompt, stderr); /* after the flush: nothing typed at it is lost */
	enum ctl_exit x = take_line(c, STDIN, ret);
	tcsetattr(STDIN, TCSADRAIN, &as_was);
	fputs("\n", stderr);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return x;
}

static enum ctl_exit
from_file(struct ctl *c, str path, str *ret)
{
	int fd SYS_FD_AUTO = -1;
	enum err e = sys_file_open(SYS_CWD, path, SYS_READ | SYS_FOLLOW, &fd);
	if (e != ERR_OK) {
		return ctl_fail(c, CTL_USAGE, e, "the password file %.*s: %s", STR_ARG(path),
		    err_text(e));
	}
	return take_line(c, fd, ret);
}

enum ctl_exit
ctl_password(struct ctl *c, bool again, str *ret)
{
	if (ctl_given(&c->args, CTL_OPT_PASSWORD_FILE)) {
		return from_file(c, c->args.value[CTL_OPT_PASSWORD_FILE], ret);
	}
	if (!isatty(STDIN)) {
		return take_line(c, STDIN, ret);
	}
	str second;
	enum ctl_exit x = from_terminal(c, "Password: ", ret);
	if (x != CTL_OK || !again) {
		return x;
	}
	x = from_terminal(c, "Again: ", &second);
	if (x == CTL_OK && !str_eq_secret(*ret, second)) {
		return ctl_fail(c, CTL_USAGE, ERR_SYNTAX,
		    "the two passwords differ; nothing was changed");
	}
	return x;
}
