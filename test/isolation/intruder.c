/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An account process that was taken over. It stands in the place of the IMAP session: forked and
 * locked in like every other, it then does what the test asks for, a line each, and tells how it
 * went: "done", or "refused ERRNO". Built for the test only; attempts.c has the attempts.
 *
 *	client: NAME SP ARGUMENT LF	server: "done" CRLF / "refused" SP NUMBER CRLF
 */
#include "intruder.h"

#include "svc/account/account.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <errno.h>
#include <unistd.h>

enum { LINE_OCTETS = 4096 };

static void
say(const struct svc_account *a, const char *text)
{
	(void)(sys_file_append(a->stream, str_from(text)) == ERR_OK);
}

/* One line without its end; false at the end of the stream. */
static bool
read_line(int fd, char line[LINE_OCTETS])
{
	struct sys_wait_item item = { .fd = fd, .want_read = true };
	size_t n = 0;
	while (n < LINE_OCTETS - 1) {
		ssize_t got = read(fd, line + n, 1);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			return false;
		}
		if (got < 0 && sys_wait_any(&item, 1, -1) != ERR_OK) {
			return false;
		}
		if (got > 0 && line[n++] == '\n') {
			line[n - 1] = '\0';
			return true;
		}
	}
	return false;
}

/* Do what the line names. */
static int
attempt(const char *name, const char *argument)
{
	for (size_t i = 0; i < intruder_attempts_n; i++) {
		if (strcmp(intruder_attempts[i].name, name) == 0) {
			errno = 0;
			return intruder_attempts[i].fn(argument) ? 0 : errno;
		}
	}
	return -1;
}

enum err __real_svc_account_imap_run(struct svc_account *a, const struct svc_account_login *login);
enum err __wrap_svc_account_imap_run(struct svc_account *a, const struct svc_account_login *login);

/* In the place of the session (the linker's --wrap); the tag "real" gets a true one. */
enum err
__wrap_svc_account_imap_run(struct svc_account *a, const struct svc_account_login *login)
{
	char line[LINE_OCTETS], answer[160];
	if (str_eq(login->tag, S("real")) || login->parked.p != NULL) {
		return __real_svc_account_imap_run(a, login);
	}
	intruder_account = a;
	snprintf(answer, sizeof answer, "%.*s OK locked in\r\n", STR_ARG(login->tag));
	say(a, answer);
	while (read_line(a->stream, line)) {
		char *argument = strchr(line, ' ');
		if (argument != NULL) {
			*argument++ = '\0';
		}
		int errnum = attempt(line, argument == NULL ? "" : argument);
		snprintf(answer, sizeof answer, errnum == 0 ? "done\r\n" : "refused %d\r\n",
		    errnum);
		say(a, answer);
	}
	return ERR_OK;
}
