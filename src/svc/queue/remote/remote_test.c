/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters for other servers: when they are tried, what an answer means, who is told, over restarts
 * and lost processes.
 */
#include <errno.h>

#include "ipc/watch_queue.h"
#include "svc/queue/remote/world_test.h"

static void
one_letter_to_the_end(void)
{
	world_open();
	world_commit_to(S("b@example.net"));
	CHECK_U64(w->got_n, 1);
	CHECK(strcmp(w->got[0].domain, "example.net") == 0 && !w->got[0].file);
	CHECK(str_starts(BODY, str_from(w->got[0].body)) && w->got[0].tries == 0);
	world_answer(0, 1, "", false);
	CHECK(world_live() == 0 && w->q->letters == 0 && w->reports == 0);
	CHECK_U64(map_count(w->q->remote->dests), 0);
	CHECK_U64(map_count(w->q->entries), 0);
	CHECK_U64(w->q->remote->delivered, 1);
	world_restart();
	CHECK(w->got_n == 0 && world_live() == 0);
	world_close();
}

static void
recipients_of_a_domain_go_together(void)
{
	static struct spool_rcpt r[160];
	static char names[160][32];
	world_open();
	for (size_t i = 0; i < LEN(r); i++) {
		snprintf(names[i], sizeof names[i], "u%zu@%s", i,
		    i % 8 == 7 ? "example.com" : "example.net");
		r[i].address = str_from(names[i]);
	}
	const struct spool_envelope e = world_envelope(r, LEN(r));
	world_commit(&e);
	CHECK(world_await_letters(3));
	CHECK_U64(w->got_n, 3); /* 100 and 40 at one, 20 at the other */
	size_t sum = 0, most = 0;
	for (size_t i = 0; i < w->got_n; i++) {
		sum += w->got[i].rcpts_n;
		most = MAX(most, w->got[i].rcpts_n);
	}
	CHECK(sum == 160 && most == 100);
	world_answer(0, 1, "", false);
	world_answer(1, 1, "", false);
	CHECK_U64(world_live(), 1);
	world_answer(2, 1, "", false);
	CHECK(world_live() == 0 && w->q->letters == 0);
	world_close();
}

static void
a_large_one_goes_as_a_file(void)
{
	static char big[200000];
	struct spool_rcpt r = { .address = S("b@example.net") };
	const struct spool_envelope e = world_envelope(&r, 1);
	world_open();
	memset(big, 'x', sizeof big);
	CHECK_ERR(svc_queue_commit_own(w->q, &e, str_make(big, sizeof big), NULL), ERR_OK);
	world_go();
	CHECK(w->got_n == 1 && w->got[0].file);
	world_close();
}

static void
what_failed_for_now_comes_again(void)
{
	world_open();
	world_commit_to(S("b@example.net"));
	for (uint32_t i = 0; i < 4; i++) {
		CHECK(world_await_letters(i + 1));
		CHECK_U64(w->got[i].tries, i);
		world_answer(i, 2, "L1", false);
	}
	CHECK(world_await_letters(5));
	CHECK(world_live() == 1 && w->reports == 0);
	w->conf.queue_retry_first = w->conf.queue_retry_max =
	    3600000; /* the next one, in an hour */
	world_answer(4, 2, "L1", false);
	world_restart();
	CHECK_U64(w->got_n, 0); /* the journal knows that it rests */
	CHECK_U64(w->q->letters, 1);
	struct svc_queue_parcel *p = LIST_ENTRY(w->q->parcels.next, struct svc_queue_parcel, node);
	struct svc_queue_letter *l = LIST_ENTRY(p->letters.next, struct svc_queue_letter, mates);
	CHECK(l->bundle->tries == 5 && l->bundle->where == SVC_QUEUE_RESTING);
	CHECK(l->best != NULL && l->best->class == REACH_L1 && l->first != NULL);
	CHECK_STR(l->best->reply, S("no such luck"));
	CHECK_STR(l->best->host, S("mx.example.net"));
	CHECK_ERR(svc_queue_remote_move(l->bundle, SVC_QUEUE_RETRY), ERR_OK);
	CHECK(world_await_letters(1));
	CHECK_U64(w->got[0].tries, 5);
	world_answer(0, 1, "", false);
	CHECK_U64(world_live(), 0);
	world_close();
}

static void
what_failed_for_good_is_told(void)
{
	world_open();
	world_commit_to(S("b@example.net"));
	world_answer(0, 3, "U1", false);
	world_go();
	CHECK(w->reports == 1 && w->report_account == 7);
	CHECK(world_report_has(
	    "Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.net\r\n"));
	CHECK(world_report_has("Diagnostic-Code: smtp; 550 5.1.1 no such luck\r\n"));
	CHECK(world_report_has("Subject: Ihre Nachricht wurde nicht zugestellt\r\n"));
	CHECK(world_report_has("To: <a@example.org>\r\n"));
	CHECK(world_report_has("\r\n\r\nhello\r\n"));
	CHECK_U64(world_live(), 1); /* the report, until its mailbox is synced */
	world_restart();
	CHECK(w->got_n == 0 && w->reports == 2); /* replayed; the mailbox knows it */
	world_close();
}

static void
who_is_told(void)
{
	static const struct {
		const char *name;
		uint64_t account;
		str path;
		uint8_t notify, verdict;
		bool relayed_dsn;
		size_t reports;
		const char *action;
	} rows[] = {
		{ "null reverse-path", 7, S_INIT(""), 0, 3, false, 0, "" },
		{ "not submitted here", 0, S_INIT("x@example.com"), 0, 3, false, 0, "" },
		{ "3461 4.1: NEVER", 7, S_INIT("a@example.org"), 1, 3, false, 0, "" },
		{ "SUCCESS alone, failed", 7, S_INIT("a@example.org"), 2, 3, false, 0, "" },
		{ "FAILURE", 7, S_INIT("a@example.org"), 4, 3, false, 1, "Action: failed" },
		{ "SUCCESS, passed on", 7, S_INIT("a@example.org"), 2, 1, true, 0, "" },
		{ "SUCCESS, not passed on", 7, S_INIT("a@example.org"), 2, 1, false, 1,
		    "Action: relayed" },
		{ "FAILURE, delivered", 7, S_INIT("a@example.org"), 4, 1, false, 0, "" },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct spool_rcpt r = { .address = S("b@example.net"), .notify = rows[i].notify };
		struct spool_envelope e = world_envelope(&r, 1);
		e.account = rows[i].account;
		e.reverse_path = rows[i].path;
		world_open();
		world_commit(&e);
		world_answer_all(&w->got[0], rows[i].verdict,
		    (struct ipc_queue_send_result){ .relayed_dsn = rows[i].relayed_dsn });
		world_go();
		test_check(w->reports == rows[i].reports, __FILE__, __LINE__, rows[i].name);
		test_check(strstr(w->report, rows[i].action) != NULL, __FILE__, __LINE__,
		    rows[i].name);
		CHECK_U64(world_live(), rows[i].reports);
		world_close();
	}
}

static void
one_of_two_recipients(void)
{
	struct spool_rcpt r[2] = { { .address = S("b@example.net") },
		{ .address = S("c@example.net") } };
	const struct spool_envelope e = world_envelope(r, 2);
	world_open();
	world_commit(&e);
	struct ipc_queue_send_outcome o[2] = { { .rcpt = 0, .verdict = 3, .code = 550 },
		{ .rcpt = 1, .verdict = 2, .code = 450 } };
	const struct ipc_queue_send_result m = {
		.job = w->got[0].job, .entry = w->got[0].entry, .outcomes = o, .outcomes_n = 2
	};
	buf_reset(&w->out);
	ipc_queue_send_result_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->send, &w->out, -1, 0), ERR_OK);
	world_go();
	CHECK_U64(w->reports, 1);
	CHECK(world_report_has("Final-Recipient: rfc822;b@example.net\r\n"));
	CHECK(strstr(w->report, "c@example.net") == NULL);
	CHECK(world_await_letters(2));
	CHECK(w->got[1].rcpts_n == 1 && w->got[1].rcpts[0] == 1 && w->got[1].tries == 1);
	world_answer(1, 1, "", false);
	CHECK_U64(world_live(), 1);
	world_close();
}

/* The whole destination rests; then one letter tries for all. */
static void
a_domain_rests_as_a_whole(void)
{
	world_open();
	for (int i = 0; i < 5; i++) {
		world_commit_to(S("b@example.net"));
	}
	CHECK_U64(w->got_n, 2);
	w->conf.queue_retry_first = w->conf.queue_retry_max = 50;
	world_answer(0, 2, "C2", true);
	world_answer(1, 2, "C2", true);
	CHECK_U64(w->got_n, 2);
	world_commit_to(S("b@example.com"));
	CHECK(w->got_n == 3 && strcmp(w->got[2].domain, "example.com") == 0);
	CHECK(world_await_letters(4));
	world_turn(0);
	world_go();
	CHECK_U64(w->got_n, 4); /* one */
	world_answer(3, 1, "", false);
	CHECK(world_await_letters(6)); /* then two */
	world_answer(4, 1, "", false);
	world_answer(5, 1, "", false);
	for (size_t i = 6; i < 8; i++) { /* and two that came back */
		CHECK(world_await_letters(i + 1));
		world_answer(i, 1, "", false);
	}
	world_answer(2, 1, "", false);
	CHECK(world_live() == 0 && w->q->letters == 0 && w->reports == 0);
	world_close();
}

/* The greeting refuses us: it is tried on, and the sender knows at once, and once. */
static void
a_block_is_told_at_once(void)
{
	world_open();
	world_commit_to(S("b@example.net"));
	world_commit_to(S("c@example.net"));
	w->conf.queue_retry_first = w->conf.queue_retry_max = 20;
	world_answer(0, 3, "S1", true);
	world_answer(1, 3, "S1", true);
	CHECK(w->reports == 1 && world_live() == 3);
	CHECK(world_report_has("Action: delayed\r\n"));
	CHECK(world_report_has("Will-Retry-Until: "));
	CHECK(world_report_has("Subject: Ihre Nachricht ist noch nicht zugestellt\r\n"));
	CHECK(world_await_letters(3));
	world_answer(2, 3, "S1", true);
	CHECK_U64(w->reports, 1);
	CHECK(world_await_letters(4));
	world_answer(3, 3, "R2", true); /* another reason is news */
	CHECK_U64(w->reports, 2);
	w->conf.queue_notices = false;
	CHECK(world_await_letters(5));
	world_answer(4, 3, "P7", true);
	CHECK_U64(w->reports, 2);
	world_close();
}

/* Who writes to a destination that rests hears why, without an attempt. */
static void
a_known_block_is_told_to_others(void)
{
	struct spool_rcpt r = { .address = S("b@example.net") };
	struct spool_envelope e = world_envelope(&r, 1);
	world_open();
	w->conf.queue_retry_first = w->conf.queue_retry_max = 3600000;
	world_commit(&e);
	world_answer(0, 3, "S1", true);
	CHECK(w->reports == 1 && w->report_account == 7);
	e.account = 8;
	world_commit(&e);
	for (int i = 0; i < 400 && w->reports == 1; i++) {
		world_turn(5);
		world_go();
	}
	CHECK(w->reports == 2 && w->report_account == 8 && w->got_n == 1);
	CHECK(world_report_has("Diagnostic-Code: smtp; 550 5.1.1 no such luck\r\n"));
	world_close();
}

static void
hopeless_is_final(void)
{
	world_open();
	struct spool_rcpt r = { .address = S("b@nowhere.example") };
	const struct spool_envelope e = world_envelope(&r, 1);
	world_commit(&e);
	struct ipc_queue_send_outcome o = { .verdict = 2 };
	const struct ipc_queue_send_result m = { .job = w->got[0].job,
		.entry = w->got[0].entry,
		.whole_domain = true,
		.class = S("N1"),
		.outcomes = &o,
		.outcomes_n = 1 };
	buf_reset(&w->out);
	ipc_queue_send_result_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->send, &w->out, -1, 0), ERR_OK);
	world_go();
	CHECK_U64(w->reports, 1);
	CHECK(world_report_has("Status: 5.1.2\r\n"));
	world_close();
}

static void
late_and_expired(void)
{
	struct spool_rcpt r = { .address = S("b@example.net") };
	struct spool_envelope e = world_envelope(&r, 1);
	world_open();
	w->conf.queue_retry_first = w->conf.queue_retry_max = 3600000;
	w->conf.queue_warn = 2LL * DAY_S * 1000;
	e.received_s -= DAY_S;
	world_commit(&e);
	w->conf.queue_warn = 3600000; /* it is late when it comes back */
	world_answer(0, 2, "L2", false);
	for (int i = 0; i < PATIENCE && w->reports == 0; i++) {
		world_turn(5);
		world_go();
	}
	CHECK(w->reports == 1 && world_report_has("Action: delayed\r\nStatus: 4.7.1\r\n"));
	world_restart();
	CHECK_U64(w->reports, 2); /* the same report, replayed */
	e.received_s -= 5 * DAY_S;
	world_commit(&e);
	CHECK(w->got_n == 1 || w->reports >= 3);
	if (w->got_n == 1) {
		world_answer(0, 2, "L2", false);
	}
	for (int i = 0; i < PATIENCE && w->reports < 3; i++) {
		world_turn(5);
		world_go();
	}
	CHECK(world_report_has("Action: failed\r\n"));
	CHECK_U64(w->q->letters, 3); /* the late one, and two reports that are not synced */
	world_close();
}

/* The send process goes with letters in hand. */
static void
a_lost_process_gives_letters_back(void)
{
	world_open();
	world_commit_to(S("b@example.net"));
	world_commit_to(S("b@example.com"));
	CHECK_U64(w->got_n, 2);
	sys_close(&w->send);
	world_go();
	CHECK_U64(w->q->remote->lost, 2);
	CHECK_U64(w->q->remote->sent_n, 0);
	world_wire_send();
	CHECK(world_await_letters(4));
	CHECK(w->got[2].tries == 1 && w->got[3].tries == 1);
	world_answer_all(&w->got[0], 1,
	    (struct ipc_queue_send_result){ 0 }); /* of the old one: nothing */
	world_go();
	CHECK_U64(world_live(), 2);
	world_answer(2, 1, "", false);
	world_answer(3, 1, "", false);
	CHECK(world_live() == 0 && w->q->letters == 0);
	world_close();
}

static void
an_operator_moves_letters(void)
{
	world_open();
	world_commit_to(S("b@example.net"));
	struct svc_queue_parcel *p = LIST_ENTRY(w->q->parcels.next, struct svc_queue_parcel, node);
	struct svc_queue_letter *l = LIST_ENTRY(p->letters.next, struct svc_queue_letter, mates);
	struct svc_queue_bundle *b = l->bundle;
	CHECK_ERR(svc_queue_remote_move(b, SVC_QUEUE_HOLD), ERR_BUSY);
	CHECK_U64(w->cancels, 0);
	world_go();
	CHECK_U64(w->cancels, 1);
	world_answer(0, 2, "L1", false);
	CHECK(b->where == SVC_QUEUE_HELD && w->q->held == 1);
	world_go();
	CHECK_U64(w->got_n, 1);
	world_restart();
	CHECK(w->got_n == 0 && w->q->held == 1);
	p = LIST_ENTRY(w->q->parcels.next, struct svc_queue_parcel, node);
	b = LIST_ENTRY(p->letters.next, struct svc_queue_letter, mates)->bundle;
	CHECK_ERR(svc_queue_remote_move(b, SVC_QUEUE_RELEASE), ERR_OK);
	CHECK(world_await_letters(1) && w->q->held == 0);
	CHECK_ERR(svc_queue_remote_move(b, SVC_QUEUE_FAIL), ERR_BUSY);
	world_answer(0, 2, "L1", false);
	CHECK(w->reports == 1 && world_report_has("Action: failed\r\n"));
	world_commit_to(S("b@example.org"));
	CHECK(world_await_letters(2));
	w->conf.queue_retry_first = w->conf.queue_retry_max = 3600000;
	world_answer(1, 2, "L1", false);
	p = LIST_ENTRY(w->q->parcels.prev, struct svc_queue_parcel, node);
	b = LIST_ENTRY(p->letters.next, struct svc_queue_letter, mates)->bundle;
	CHECK_ERR(svc_queue_remote_move(b, SVC_QUEUE_HOLD), ERR_OK);
	CHECK_ERR(svc_queue_remote_move(b, SVC_QUEUE_FAIL), ERR_OK);
	world_go();
	CHECK(w->reports == 2 && w->q->held == 0);
	world_close();
}

/* It was wrong by years when the next try was written down: the letter does not rest for years. */
static void
a_clock_that_was_wrong(void)
{
	world_open();
	w->conf.queue_retry_first = w->conf.queue_retry_max = 3600000;
	world_commit_to(S("b@example.net"));
	world_answer(0, 2, "L1", false);
	struct svc_queue_parcel *p = LIST_ENTRY(w->q->parcels.next, struct svc_queue_parcel, node);
	struct svc_queue_bundle *b =
	    LIST_ENTRY(p->letters.next, struct svc_queue_letter, mates)->bundle;
	CHECK(b->where == SVC_QUEUE_RESTING);
	b->next_ms += 1000LL * 365 * DAY_S;
	svc_queue_remote_note(b);
	world_go();
	w->conf.queue_retry_first = w->conf.queue_retry_max = 10;
	world_restart();
	CHECK(world_await_letters(1));
	CHECK(w->got[0].tries == 1);
	world_close();
}

/* The disk refuses the report: the letter does not end without it. */
static void
no_end_without_its_report(void)
{
	world_open();
	world_commit_to(S("b@example.net"));
	w->conf.queue_retry_first = w->conf.queue_retry_max = 10;
	world_answer_all(&w->got[0], 3, (struct ipc_queue_send_result){ .class = S("U1") });
	CHECK_ERR(sys_loop_turn(w->sc.loop, 0), ERR_OK); /* may flush already */
	size_t before = w->reports;
	world_go();
	CHECK(w->reports == before + 1);
	world_commit_to(S("c@example.net"));
	CHECK(world_await_letters(2));
	w->q->low_space = true;
	world_answer(1, 3, "U1", false);
	CHECK(w->reports == before + 1 && w->q->letters == 2);
	w->q->low_space = false;
	CHECK(world_await_letters(3)); /* tried once more, as there was no room to tell */
	world_answer(2, 3, "U1", false);
	CHECK_U64(w->reports, before + 2);
	world_close();
}

/* Whatever call fails while the report is made durable: the letter ends with it, or goes on. */
static void
a_failing_disk_ends_nothing_untold(void)
{
	size_t told_later = 0;
	for (uint64_t n = 1; n < 12; n++) {
		world_open();
		world_commit_to(S("b@example.net"));
		w->conf.queue_retry_first = w->conf.queue_retry_max = 1;
		world_answer_all(&w->got[0], 3, (struct ipc_queue_send_result){ 0 });
		sys_fail_after(n, EIO);
		(void)(sys_loop_turn(w->sc.loop, 0) == ERR_OK);
		sys_fail_after(0, 0);
		if (w->q->sends[0].chan == NULL) {
			world_wire_send();
		}
		world_go();
		world_go();
		if (w->reports == 0) {
			told_later++;
			CHECK(world_await_letters(2));
			world_answer(1, 3, "U1", false);
		}
		CHECK_U64(w->reports, 1);
		CHECK_U64(world_live(), 1);
		world_close();
	}
	CHECK(told_later > 0);
}

struct told {
	enum err result;
	uint64_t entry, txn;
};

static enum err
got_result(void *ctx, const struct ipc_watch_queue_commit_result *m, int *fd)
{
	*(struct told *)ctx = (struct told){ m->result, m->entry, m->txn };
	return ERR_OK;
}

/* A report to another operator goes like a letter, and nobody hears when it does not. */
static void
reports_of_watch(void)
{
	static const struct ipc_watch_queue_at_watch handlers = { .commit_result = got_result };
	const struct ipc_watch_queue_commit m = { .txn = 5,
		.reverse_path = S("noreply@example.org"),
		.recipient = S("tls@example.net"),
		.unenforced = true,
		.body = BODY };
	int fds[2], fd = -1;
	struct told told = { ERR_BUG, 0, 0 };
	world_open();
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("watch_queue"), 0, fds[0]), ERR_OK);
	buf_reset(&w->out);
	ipc_watch_queue_commit_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(fds[1], &w->out, -1, 0), ERR_OK);
	world_go();
	CHECK_ERR(sys_chan_recv(fds[1], &w->in, &fd), ERR_OK);
	CHECK_ERR(ipc_watch_queue_watch_dispatch(&handlers, &told, buf_view(&w->in), &fd, w->arena),
	    ERR_OK);
	CHECK(told.result == ERR_OK && told.txn == 5 && told.entry == w->got[0].entry);
	world_answer(0, 3, "U1", false);
	CHECK(w->reports == 0 && world_live() == 0);
	sys_close(&fds[1]);
	world_close();
}

TEST_MAIN(one_letter_to_the_end, recipients_of_a_domain_go_together, a_large_one_goes_as_a_file,
    what_failed_for_now_comes_again, what_failed_for_good_is_told, who_is_told,
    one_of_two_recipients, a_domain_rests_as_a_whole, a_block_is_told_at_once,
    a_known_block_is_told_to_others, hopeless_is_final, late_and_expired,
    a_lost_process_gives_letters_back, an_operator_moves_letters, a_clock_that_was_wrong,
    no_end_without_its_report, a_failing_disk_ends_nothing_untold, reports_of_watch)
