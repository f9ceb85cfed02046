/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch process between a played send and smtp: attempts and what came in are kept and found,
 * no local part is in the database, thousands cost few transactions. Reports: report_test.c.
 */
#include "svc/watch/world_test.h"

#include "base/test.h"
#include "ipc/adm_watch.h"
#include "ipc/smtp_watch.h"
#include "reach/inbound.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sys.h"

static size_t
find(struct world *w, struct ipc_adm_watch_find m)
{
	w->tries = 0;
	ipc_adm_watch_find_put(&w->out, &m);
	svc_watch_world_ask(w);
	return w->tries;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void
attempts_are_kept_and_found(void)
{
	struct world w;

	svc_watch_world_begin(&w);
	for (int i = 0; i < 3; i++) {
		svc_watch_world_attempt(&w, svc_watch_world_sample());
	}
	svc_watch_world_turn(&w);
	CHECK_U64(find(&w, (struct ipc_adm_watch_find){ .by = REACH_ALL }), 3);
	CHECK_STR(w.reply, S("450 <*@receiver.example> Greylisted"));
	CHECK_U64(find(&w, (struct ipc_adm_watch_find){ .by = REACH_BY_ENTRY, .entry = 7 }), 3);
	CHECK_U64(find(&w,
		      (struct ipc_adm_watch_find){
			  .by = REACH_BY_DOMAIN, .text = S("receiver.example") }),
	    3);
	CHECK_U64(find(&w,
		      (struct ipc_adm_watch_find){
			  .by = REACH_BY_MESSAGE, .text = S("hidden.id@sender.example") }),
	    3);
	CHECK_U64(find(&w,
		      (struct ipc_adm_watch_find){ .by = REACH_BY_MESSAGE, .text = S("other") }),
	    0);
	struct ipc_adm_watch_sum sum = { .operator= S("receiver.example") };
	ipc_adm_watch_sum_put(&w.out, &sum);
	svc_watch_world_ask(&w);
	CHECK_U64(w.tries, 3);
	svc_watch_world_end(&w);
}

static void
unknown_replies_are_listed(void)
{
	struct world w;
	struct ipc_send_watch_attempt m = svc_watch_world_sample();
	struct ipc_adm_watch_unknown q = { .request = 1 };

	svc_watch_world_begin(&w);
	m.rule = S("code-550-rcpt");
	m.reply = S("550 no, queue 4F0A9C77");
	svc_watch_world_attempt(&w, m);
	svc_watch_world_attempt(&w, svc_watch_world_sample());
	svc_watch_world_turn(&w);
	ipc_adm_watch_unknown_put(&w.out, &q);
	svc_watch_world_ask(&w);
	CHECK_U64(w.tries, 1);
	CHECK_STR(w.reply, S("<n> no, queue <id>"));
	svc_watch_world_end(&w);
}

/* Grep all files of the folder. */
static bool
holds(struct world *w, str word)
{
	static const char *const names[] = { "watch/watch.db", "watch/watch.db-wal" };
	struct buf all;
	bool yes = false;

	buf_init(&all, 64 << 20);
	for (size_t i = 0; i < LEN(names); i++) {
		str path = arena_printf(w->arena, "%s/%s", w->folder, names[i]);
		buf_reset(&all);
		if (sys_file_load(SYS_CWD, path, &all) == ERR_OK) {
			yes = yes || str_ifind(buf_view(&all), word) >= 0;
		}
	}
	buf_done(&all);
	return yes;
}

static void
many_cost_few_transactions_and_hold_no_name(void)
{
	struct world w;

	svc_watch_world_begin(&w);
	struct svc_watch *p = w.sc.ctx;
	for (int i = 0; i < 5000; i++) {
		svc_watch_world_attempt(&w, svc_watch_world_sample());
		if (i % 50 == 0) {
			svc_watch_world_turn(&w);
		}
	}
	svc_watch_world_turn(&w);
	svc_watch_commit(p);
	CHECK_U64(p->attempts, 5000);
	CHECK_U64(p->lost, 0);
	CHECK(p->commits < 500);
	CHECK(holds(&w, S("receiver.example")));
	CHECK(!holds(&w, S("hidden")));
	CHECK_U64(find(&w, (struct ipc_adm_watch_find){ .by = REACH_ALL }), 20);
	CHECK(w.more);
	svc_watch_world_end(&w);
}

/* ---- what came in ---- */

static enum err
on_arrivals(void *ctx, const struct ipc_adm_watch_arrivals *m, int *fd)
{
	struct world *w = ctx;

	CHECK_ERR(m->result, ERR_OK);
	w->arrived += m->list_n;
	w->more = m->more;
	w->tries = m->list_n > 0 ? m->list[m->list_n - 1].id : 0;
	w->arrived_entry = m->list_n > 0 ? m->list[0].entry : 0;
	return ERR_OK;
}

static size_t
ask_arrived(struct world *w, uint8_t by, str text, uint64_t entry)
{
	static const struct ipc_adm_watch_at_admin handlers = { .arrivals = on_arrivals };
	struct ipc_adm_watch_arrived q = { .request = 7, .by = by, .text = text, .entry = entry };
	int fd = -1;

	w->arrived = 0;
	do {
		ipc_adm_watch_arrived_put(&w->out, &q);
		svc_watch_world_put(w, w->admin);
		svc_watch_world_turn(w);
		CHECK_ERR(sys_chan_recv(w->admin, &w->in, &fd), ERR_OK);
		CHECK_ERR(ipc_adm_watch_admin_dispatch(&handlers, w, buf_view(&w->in), &fd,
			      w->arena),
		    ERR_OK);
		q.before = w->tries;
	} while (w->more);
	return w->arrived;
}

static void
what_came_in(void)
{
	struct world w;
	struct ipc_smtp_watch_to to = { S("b@here.example") };
	struct ipc_smtp_watch_inbound m = { .at_s = sys_clock_wall_s(),
		.ip = S("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1"),
		.reverse_path = S("a@there.example"),
		.message_id = S("m@there.example"),
		.end = 4,
		.code = 451,
		.rcpts = &to,
		.rcpts_n = 1 };
	svc_watch_world_begin(&w);
	for (uint64_t i = 0; i < 25; i++) {
		m.entry = i == 24 ? 99 : 0;
		ipc_smtp_watch_inbound_put(&w.out, &m);
		svc_watch_world_put(&w, w.smtp);
	}
	svc_watch_world_turn(&w);
	CHECK_U64(ask_arrived(&w, 1, S("b@here.example"), 0), 25);
	CHECK_U64(ask_arrived(&w, 1, S("A@there.example"), 0), 25);
	CHECK_U64(ask_arrived(&w, 2, S("there.example"), 0), 25);
	CHECK_U64(ask_arrived(&w, 4, S("<m@there.example>"), 0), 25);
	CHECK_U64(ask_arrived(&w, 1, S("c@here.example"), 0), 0);
	CHECK_U64(ask_arrived(&w, 3, S(""), 99), 1);
	CHECK_U64(w.arrived_entry, 99);
	struct svc_watch *p = w.sc.ctx;
	CHECK(p->inbound_total == 25 && p->inbound_lost == 0);
	svc_watch_world_end(&w);
}

TEST_MAIN(what_came_in, attempts_are_kept_and_found, unknown_replies_are_listed,
    many_cost_few_transactions_and_hold_no_name)
