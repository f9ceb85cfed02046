/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session as the account process runs it, from greeting to end. The client's octets lie in the
 * socket before it starts; what it wrote is read when it has ended.
 */
#include "svc/account/imap/trial.h"

#include "base/test.h"
#include "ipc/accounts_account.h"
#include "store/trial.h"
#include "sys/chan.h"
#include "sys/sock.h"
#include "sys/sys.h"

struct world {
	struct store_conf conf;
	struct conf settings;
	struct svc_account account;
	int client, accounts;
	struct buf got;
};

static void
setup(struct world *w, const char *name)
{
	int stream[2], control[2];
	*w = (struct world){ .conf = svc_account_imap_trial_account(name) };
	CHECK_ERR(sys_sock_pair(stream), ERR_OK);
	CHECK_ERR(sys_chan_pair(control), ERR_OK);
	w->settings.imap_idle_timeout = 60000;
	w->settings.imap_append_max = 10000000;
	w->client = stream[0];
	w->accounts = control[0];
	w->account = (struct svc_account){ .stream = stream[1],
		.control = control[1],
		.store = store_trial_open(&w->conf),
		.conf = &w->settings,
		.name = S("u@example.org") };
	buf_init(&w->got, 64u << 20);
}

static void
teardown(struct world *w)
{
	store_close(&w->account.store);
	sys_close(&w->account.stream);
	sys_close(&w->client);
	sys_close(&w->accounts);
	buf_done(&w->got);
	svc_account_imap_trial_remove(&w->conf);
}

static void
send_text(struct world *w, str text)
{
	size_t n = 0;
	CHECK_ERR(sys_sock_write(w->client, text, &n), ERR_OK);
	CHECK_U64(n, text.n);
}

static str
receive(struct world *w)
{
	size_t n;
	char *room = buf_room(&w->got, 1u << 20);
	while (room != NULL && sys_sock_read(w->client, room, 1u << 20, &n) == ERR_OK) {
		buf_grow(&w->got, n);
		room = buf_room(&w->got, 1u << 20);
	}
	return buf_view(&w->got);
}

static void
from_greeting_to_logout(void)
{
	struct world w;
	setup(&w, "greeting");
	int control = w.account.control;
	send_text(&w, S("OP\r\nb LOGOUT\r\nc NOOP\r\n"));
	struct svc_account_login login = { .tag = S("a1"), .unread = S("a NOOP\r\nb NO") };
	CHECK_ERR(svc_account_imap_run(&w.account, &login), ERR_OK);
	str got = receive(&w);
	CHECK(str_starts(got, S("a1 OK [CAPABILITY IMAP4rev1 IMAP4rev2 ")));
	CHECK(str_ends(got,
	    S("] logged in\r\na OK NOOP done\r\nb OK NOOP done\r\n"
	      "* BYE logging out\r\nb OK LOGOUT done\r\n")));
	sys_close(&control);
	teardown(&w);
}

static void
ends_with_the_stream(void)
{
	struct world w;
	setup(&w, "stream");
	int control = w.account.control;
	send_text(&w, S("a NOOP\r\nb NO"));
	CHECK_ERR(sys_sock_shutdown(w.client), ERR_OK);
	struct svc_account_login login = { .tag = S("t") };
	CHECK_ERR(svc_account_imap_run(&w.account, &login), ERR_OK);
	CHECK(str_ends(receive(&w), S("a OK NOOP done\r\n")));
	sys_close(&control);
	teardown(&w);
}

static void
logs_out_by_itself(void)
{
	struct world w;
	setup(&w, "autologout");
	int control = w.account.control;
	w.settings.imap_idle_timeout = 1;
	struct svc_account_login login = { .tag = S("t") };
	CHECK_ERR(svc_account_imap_run(&w.account, &login), ERR_TIMEOUT);
	CHECK(str_ends(receive(&w), S("* BYE autologout; idle for too long\r\n")));
	sys_close(&control);
	teardown(&w);
}

static void
obeys_quit_while_idle(void)
{
	struct world w;
	setup(&w, "quit");
	int control = w.account.control;
	struct buf out;
	buf_init(&out, 64);
	ipc_accounts_account_quit_put(&out, &(struct ipc_accounts_account_quit){ 1 });
	CHECK_ERR(sys_chan_send_wait(w.accounts, &out, -1, 1000), ERR_OK);
	struct svc_account_login login = { .tag = S("t"), .unread = S("a IDLE\r\n") };
	CHECK_ERR(svc_account_imap_run(&w.account, &login), ERR_OK);
	CHECK(str_ends(receive(&w), S("+ idling\r\n* BYE server is shutting down\r\n")));
	buf_done(&out);
	sys_close(&control);
	teardown(&w);
}

static void
ends_without_accounts(void)
{
	struct world w;
	setup(&w, "accounts");
	int control = w.account.control;
	sys_close(&w.accounts);
	struct svc_account_login login = { .tag = S("t") };
	CHECK_ERR(svc_account_imap_run(&w.account, &login), ERR_EOF);
	CHECK(str_ends(receive(&w), S("* BYE server is restarting this service\r\n")));
	sys_close(&control);
	teardown(&w);
}

static void
loses_patience(void)
{
	struct world w;
	setup(&w, "patience");
	int control = w.account.control;
	for (int i = 0; i < SVC_ACCOUNT_IMAP_ERRORS_MAX + 5; i++) {
		send_text(&w, S("a FROB\r\n"));
	}
	struct svc_account_login login = { .tag = S("t") };
	CHECK_ERR(svc_account_imap_run(&w.account, &login), ERR_PROTOCOL);
	str got = receive(&w);
	CHECK(str_ends(got, S("a BAD unknown command\r\n* BYE too many wrong commands\r\n")));
	unsigned n = 0;
	for (ptrdiff_t at; (at = str_find(got, S("a BAD"))) >= 0; n++) {
		got = str_from_off(got, (size_t)at + 5);
	}
	CHECK_U64(n, SVC_ACCOUNT_IMAP_ERRORS_MAX);
	sys_close(&control);
	teardown(&w);
}

static void
huge_literal_ends_it(void)
{
	struct world w;
	setup(&w, "literal");
	int control = w.account.control;
	send_text(&w, S("a SELECT {99999999+}\r\n"));
	struct svc_account_login login = { .tag = S("t") };
	CHECK_ERR(svc_account_imap_run(&w.account, &login), ERR_TOOBIG);
	CHECK(str_ends(receive(&w), S("* BYE [TOOBIG] literal is too large\r\n")));
	sys_close(&control);
	teardown(&w);
}

TEST_MAIN(from_greeting_to_logout, ends_with_the_stream, logs_out_by_itself, obeys_quit_while_idle,
    ends_without_accounts, loses_patience, huge_literal_ends_it)
