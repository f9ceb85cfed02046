/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that come before auth's word about their ticket: they wait for it, and not for ever. The
 * tickets here allow nothing, so no process is ever forked: what counts is when the answer comes.
 */
#include "base/mem.h"
#include "base/test.h"
#include "ipc/accounts_auth.h"
#include "ipc/login_accounts.h"
#include "svc/accounts/accounts.h"
#include "sys/sys.h"

struct world {
	struct svc_common sc;
	struct svc_accounts s;
	int login, auth; /* our ends */
	struct arena *arena;
	unsigned answers;
	struct ipc_login_accounts_attached last;
};

static int
wire(struct world *w, const char *edge)
{
	int pair[2] = { -1, -1 };
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, str_from(edge), 0, pair[0]), ERR_OK);
	return pair[1];
}

static void
open_world(struct world *w)
{
	static const uint8_t key[16] = "sixteen octets!";
	*w = (struct world){ .login = -1 };
	w->arena = arena_new(NULL, "test", 1 << 22, 0);
	CHECK_ERR(sys_loop_new(&w->sc.loop), ERR_OK);
	w->s = (struct svc_accounts){ .sc = &w->sc, .scratch = arena_new(NULL, "s", 1 << 22, 0) };
	w->s.tickets = lru_new(key, 16, sizeof(struct svc_accounts_ticket), NULL);
	w->s.facts = lru_new(key, 16, sizeof(struct svc_accounts_facts), NULL);
	w->s.asked = map_new(key, 16);
	w->sc.service = &svc_accounts_service;
	w->sc.ctx = &w->s;
	struct list *lists[] = { &w->s.late, &w->s.children, &w->s.checked, &w->s.unchecked,
		&w->s.questions };
	for (size_t i = 0; i < LEN(lists); i++) {
		list_init(lists[i]);
	}
	sys_task_init(&w->s.tickets_came, svc_accounts_tickets_came, &w->s);
	buf_init(&w->s.out, SYS_CHAN_MESSAGE_MAX);
	w->login = wire(w, "login_accounts");
	w->auth = wire(w, "accounts_auth");
}

static enum err
on_attached(void *ctx, const struct ipc_login_accounts_attached *m, int *fd)
{
	struct world *w = ctx;
	w->answers++;
	w->last = *m;
	return ERR_OK;
}

/* Turn without waiting, or until an answer came, and take the answers. */
static void
turn(struct world *w, bool wait)
{
	static const struct ipc_login_accounts_at_login handlers = { .attached = on_attached };
	struct buf in;
	int fd = -1;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	for (unsigned i = 0; i < (wait ? 1000 : 4); i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, wait ? 10 : 0), ERR_OK);
		if (w->login >= 0 && sys_chan_recv(w->login, &in, &fd) == ERR_OK) {
			CHECK_ERR(ipc_login_accounts_login_dispatch(&handlers, w, buf_view(&in),
				      &fd, w->arena),
			    ERR_OK);
			break;
		}
	}
	buf_done(&in);
}

static void
close_world(struct world *w)
{
	sys_close(&w->login);
	sys_close(&w->auth);
	turn(w, false);
	CHECK(list_empty(&w->s.late) && w->s.late_n == 0);
	CHECK(w->s.login.chan == NULL && w->s.auth.chan == NULL);
	buf_done(&w->s.out);
	lru_free(&w->s.tickets);
	lru_free(&w->s.facts);
	map_free(&w->s.asked);
	arena_free(&w->s.scratch);
	arena_free(&w->arena);
	sys_loop_free(&w->sc.loop);
}

static void
attach(struct world *w, uint64_t request, const char *ticket)
{
	int pair[2] = { -1, -1 };
	struct buf m;
	buf_init(&m, 4096);
	CHECK_ERR(sys_sock_pair(pair), ERR_OK);
	ipc_login_accounts_attach_put(&m,
	    &(struct ipc_login_accounts_attach){ .request = request,
		.session = { .protocol = SYS_IMAP },
		.ticket = str_make(ticket, 16) });
	CHECK_ERR(sys_chan_send_wait(w->login, &m, pair[0], 0), ERR_OK);
	sys_close(&pair[1]);
	buf_done(&m);
	turn(w, false);
}

static void
grant(struct world *w, const char *ticket)
{
	struct buf m;
	buf_init(&m, 4096);
	ipc_accounts_auth_grant_put(&m,
	    &(struct ipc_accounts_auth_grant){ .ticket = str_make(ticket, 16), .account = 1 });
	CHECK_ERR(sys_chan_send_wait(w->auth, &m, -1, 0), ERR_OK);
	buf_done(&m);
	turn(w, false);
}

static void
a_late_ticket_is_waited_for(void)
{
	struct world w;
	open_world(&w);
	attach(&w, 7, "ticket of sixtee");
	attach(&w, 8, "another one of 1");
	CHECK_U64(w.answers, 0);
	CHECK_U64(w.s.late_n, 2);
	grant(&w, "ticket of sixtee");
	CHECK_U64(w.answers, 1);
	CHECK_U64(w.last.request, 7);
	CHECK_ERR(w.last.result, ERR_DENIED); /* it allows nothing */
	CHECK_U64(w.s.late_n, 1);
	close_world(&w);
}

static void
a_ticket_that_is_there_needs_no_waiting(void)
{
	struct world w;
	open_world(&w);
	grant(&w, "ticket of sixtee");
	attach(&w, 7, "ticket of sixtee");
	CHECK_U64(w.answers, 1);
	attach(&w, 8, "ticket of sixtee"); /* single use */
	CHECK_U64(w.answers, 1);
	CHECK_U64(w.s.late_n, 1);
	close_world(&w);
}

static void
nobody_waits_for_ever(void)
{
	struct world w;
	open_world(&w);
	attach(&w, 9, "forged ticket 16");
	CHECK_U64(w.answers, 0);
	turn(&w, true);
	CHECK_U64(w.answers, 1);
	CHECK_U64(w.last.request, 9);
	CHECK_ERR(w.last.result, ERR_DENIED);
	close_world(&w);
}

TEST_MAIN(a_late_ticket_is_waited_for, a_ticket_that_is_there_needs_no_waiting,
    nobody_waits_for_ever)
