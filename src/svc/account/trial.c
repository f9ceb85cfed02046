/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers of the tests of imap/ and pop3/; nothing of it is in a program.
 */
#include "svc/account/trial.h"

#include "base/test.h"
#include "sys/chan.h"
#include "sys/sock.h"
#include "sys/spawn.h"
#include "sys/sys.h"

void
svc_account_trial_open(struct svc_account *a, int *ret_client, int *ret_accounts)
{
	int stream[2], control[2];
	CHECK_ERR(sys_sock_pair(stream), ERR_OK);
	CHECK_ERR(sys_chan_pair(control), ERR_OK);
	*ret_client = stream[0];
	a->stream = stream[1];
	*ret_accounts = control[0];
	a->control = control[1];
}

void
svc_account_trial_close(struct svc_account *a, int *client, int *accounts)
{
	sys_close(&a->stream);
	sys_close(&a->control);
	sys_close(client);
	sys_close(accounts);
}

/* One failed read in between is what torture tests do. */
void
svc_account_trial_take(int client, struct buf *got)
{
	for (int failures = 0; failures < 2;) {
		size_t n;
		char *room = buf_room(got, 65536);
		if (!CHECK(room != NULL)) {
			return;
		}
		enum err e = sys_sock_read(client, room, 65536, &n);
		if (e == ERR_OK) {
			buf_grow(got, n);
		}
		failures += e != ERR_OK;
	}
}

static void
read_for_ever(int fd)
{
	static char room[1 << 16];
	size_t n;
	while (sys_wait(fd, true, -1) == ERR_OK &&
	    sys_sock_read(fd, room, sizeof room, &n) == ERR_OK) {
	}
	sys_exit(0);
}

int
svc_account_trial_drain(void)
{
	struct sys_child reader;
	int pair[2];
	bool in_child = false;
	enum err e = sys_sock_pair(pair);
	e = e == ERR_OK ? sys_fork(&in_child, &reader) : e;
	ASSERT(e == ERR_OK);
	if (in_child) {
		sys_close(&pair[1]);
		read_for_ever(pair[0]);
	}
	sys_close(&pair[0]);
	return pair[1];
}
