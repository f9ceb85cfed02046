/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters for other servers between a played smtp, a played send and a played accounts service, over
 * real channels and a real journal. Times are milliseconds, or lie in the past already.
 */
#include <errno.h>
#include <malloc.h>

#include "base/mem.h"
#include "base/test.h"
#include "ipc/queue_account.h"
#include "ipc/queue_accounts.h"
#include "svc/queue/remote/remote.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { GOT_MAX = 4096, DAY_S = 86400, PATIENCE = 400 };

/* A letter as the send process gets it. */
struct got {
	uint64_t job, entry;
	char domain[32];
	uint16_t rcpts[SVC_QUEUE_REMOTE_RCPTS];
	size_t rcpts_n;
	uint32_t tries;
	char body[32];
	bool file;
};

struct world {
	char folder[64];
	struct svc_common sc;
	struct conf conf;
	struct svc_queue *q;
	int send, accounts, account;
	struct buf in, out;
	struct arena *arena;
	struct got *got;
	size_t got_n, cancels;
	char report[MAIL_DSN_MAX]; /* the last message for an account */
	size_t reports;
	uint64_t report_account;
	/* played by the mass test */
	bool robot;
	size_t taken, dead_tries, most_in_hand, in_hand;
};

static struct world *w;

static void
turn(int wait_ms)
{
	CHECK_ERR(sys_loop_turn(w->sc.loop, wait_ms), ERR_OK);
	for (int i = 0; i < 4; i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, 0), ERR_OK);
	}
}

/* ---- our ends ---- */

static void
answer_all(const struct got *g, uint8_t verdict, struct ipc_queue_send_result m)
{
	static struct ipc_queue_send_outcome o[SVC_QUEUE_REMOTE_RCPTS];
	m.job = g->job;
	m.entry = g->entry;
	m.outcomes = o;
	m.outcomes_n = g->rcpts_n;
	for (size_t i = 0; i < g->rcpts_n; i++) {
		o[i] = (struct ipc_queue_send_outcome){ .rcpt = g->rcpts[i], .verdict = verdict };
		if (verdict != 1) {
			o[i].code = verdict == 2 ? 451 : 550;
			o[i].enhanced = verdict == 2 ? S("4.7.1") : S("5.1.1");
			o[i].reply = S("no such luck");
		}
	}
	buf_reset(&w->out);
	ipc_queue_send_result_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->send, &w->out, -1, 1000), ERR_OK);
}

static enum err
got_letter(void *ctx, const struct ipc_queue_send_letter *m, int *fd)
{
	struct got g = {
		.job = m->job, .entry = m->entry, .rcpts_n = m->rcpts_n, .tries = m->tries
	};
	snprintf(g.domain, sizeof g.domain, "%.*s", STR_ARG(m->domain));
	snprintf(g.body, sizeof g.body, "%.*s", STR_ARG(str_sub(m->body, 0, 31)));
	g.file = *fd >= 0;
	for (size_t i = 0; i < m->rcpts_n; i++) {
		g.rcpts[i] = m->rcpts[i].rcpt;
	}
	if (w->robot) {
		bool dead = str_ends(m->domain, S("0.dead"));
		w->taken += !dead;
		w->dead_tries += dead;
		answer_all(&g, dead ? 2 : 1,
		    (struct ipc_queue_send_result){
			.whole_domain = dead, .class = dead ? S("C2") : S("") });
		return ERR_OK;
	}
	ASSERT(w->got_n < GOT_MAX);
	w->got[w->got_n++] = g;
	return ERR_OK;
}

static enum err
got_cancel(void *ctx, const struct ipc_queue_send_cancel *m, int *fd)
{
	w->cancels++;
	return ERR_OK;
}

static enum err
got_open(void *ctx, const struct ipc_queue_accounts_open *m, int *fd)
{
	sys_close(&w->account);
	w->account = *fd;
	*fd = -1;
	w->report_account = m->account;
	return ERR_OK;
}

static enum err
got_report(void *ctx, const struct ipc_queue_account_deliver *m, int *fd)
{
	struct ipc_queue_account_delivered done = { .entry = m->entry, .rcpt = m->rcpt };
	snprintf(w->report, sizeof w->report, "%.*s", STR_ARG(m->body));
	w->reports++;
	CHECK_U64(m->reverse_path.n, 0);
	buf_reset(&w->out);
	ipc_queue_account_delivered_put(&w->out, &done);
	CHECK_ERR(sys_chan_send_wait(w->account, &w->out, -1, 0), ERR_OK);
	return ERR_OK;
}

static void
read_end(int *end, unsigned kind)
{
	static const struct ipc_queue_send_at_send at_send = { .letter = got_letter,
		.cancel = got_cancel };
	static const struct ipc_queue_accounts_at_accounts at_accounts = { .open = got_open };
	static const struct ipc_queue_account_at_account at_account = { .deliver = got_report };
	int fd = -1;
	while (*end >= 0 && sys_chan_recv(*end, &w->in, &fd) == ERR_OK) {
		str m = buf_view(&w->in);
		arena_reset(w->arena);
		if (kind == 0) {
			CHECK_ERR(ipc_queue_send_send_dispatch(&at_send, w, m, &fd, w->arena),
			    ERR_OK);
		} else if (kind == 1) {
			CHECK_ERR(ipc_queue_accounts_accounts_dispatch(&at_accounts, w, m, &fd,
				      w->arena),
			    ERR_OK);
		} else {
			CHECK_ERR(ipc_queue_account_account_dispatch(&at_account, w, m, &fd,
				      w->arena),
			    ERR_OK);
		}
		sys_close(&fd);
	}
}

static void
go(void)
{
	for (int i = 0; i < 3; i++) {
		turn(0);
		read_end(&w->send, 0);
		read_end(&w->accounts, 1);
		read_end(&w->account, 2);
	}
}

/* Until the send process has that many letters, or patience ends. */
static bool
await_letters(size_t n)
{
	for (int i = 0; i < PATIENCE && w->got_n < n; i++) {
		turn(5);
		go();
	}
	return w->got_n >= n;
}

/* ---- the world ---- */

static void
wire_send(void)
{
	int fds[2];
	sys_close(&w->send);
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	CHECK_ERR(svc_queue_remote_on_send(w->q, 0, fds[0]), ERR_OK);
	w->send = fds[1];
}

static void
start_queue(void)
{
	int accounts[2];
	uint8_t key[16] = { 1 };
	struct svc_queue *q = mem_zalloc(1, sizeof *q);
	CHECK_ERR(sys_loop_new(&w->sc.loop), ERR_OK);
	w->sc.arena = arena_new(NULL, "test", 64 << 20, 0);
	w->sc.conf = &w->conf;
	w->q = q;
	q->sc = &w->sc;
	q->next_job = 1;
	q->scratch = arena_new(w->sc.arena, "message", 8 << 20, 0);
	q->lanes = map_new(key, SIZE_MAX);
	q->entries = map_new(key, SIZE_MAX);
	buf_init(&q->out, SYS_CHAN_MESSAGE_MAX);
	CHECK_ERR(sys_dir_open(SYS_CWD, str_from(w->folder), &q->journal), ERR_OK);
	svc_queue_lane_init(q);
	svc_queue_settle_init(q);
	svc_queue_limits(q);
	list_init(&q->smtps);
	CHECK_ERR(svc_queue_remote_init(q), ERR_OK);
	CHECK_ERR(svc_queue_commit_init(q), ERR_OK);
	q->listening = true;
	svc_queue_remote_start(q);
	CHECK_ERR(sys_chan_pair(accounts), ERR_OK);
	CHECK_ERR(svc_queue_on_accounts(q, 0, accounts[0]), ERR_OK);
	w->accounts = accounts[1];
	w->account = -1;
	w->send = -1;
	wire_send();
}

/* What a killed process leaves behind stays reachable, so that leak checks look at the rest. */
static const void *graves[256];
static size_t graves_n;

static void
bury(const void *p)
{
	ASSERT(graves_n < LEN(graves));
	graves[graves_n++] = p;
}

/* As after SIGKILL: no quit, no last flush. */
static void
kill_queue(void)
{
	struct svc_queue *q = w->q;
	spool_close(&q->spool);
	sys_chan_free(&q->remote->senders[0].chan);
	sys_chan_free(&q->accounts);
	sys_close(&w->send);
	sys_close(&w->accounts);
	sys_close(&w->account);
	sys_close(&q->journal);
	sys_loop_free(&w->sc.loop);
	bury(q);
	bury(w->sc.arena);
}

static void
restart(void)
{
	kill_queue();
	w->got_n = 0;
	start_queue();
	go();
}

static void
world_open(void)
{
	w = mem_zalloc(1, sizeof *w);
	w->got = mem_zalloc(GOT_MAX, sizeof *w->got);
	snprintf(w->folder, sizeof w->folder, "remote-test-XXXXXX");
	CHECK(mkdtemp(w->folder) != NULL);
	w->conf = (struct conf){ .hostname = S_INIT("mx.example.org"),
		.smtp_max_size = 1 << 20,
		.queue_deliveries = 1,
		.queue_keep_open = 4,
		.queue_linger = 60000,
		.queue_sync_interval = 60000,
		.queue_sync_octets = 1 << 30,
		.queue_retry_first = 1,
		.queue_retry_max = 4,
		.queue_expiry = 5LL * DAY_S * 1000,
		.queue_warn = 4LL * 3600 * 1000,
		.queue_notices = true,
		.send_processes = 1 };
	w->arena = arena_new(NULL, "world", 8 << 20, 0);
	buf_init(&w->in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w->out, SYS_CHAN_MESSAGE_MAX);
	start_queue();
}

static void
world_close(void)
{
	kill_queue();
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(w->folder)), ERR_OK);
	arena_free(&w->arena);
	buf_done(&w->in);
	buf_done(&w->out);
	mem_drop(w->got);
	bury(w);
	w = NULL;
}

/* ---- committing ---- */

#define BODY S("From: a@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nhello\r\n")

static struct spool_envelope
envelope(struct spool_rcpt *rcpts, size_t n)
{
	return (struct spool_envelope){ .account = 7,
		.submission = true,
		.reverse_path = S("a@example.org"),
		.language = S("de"),
		.message_id = S("1@example.org"),
		.received_s = sys_clock_wall_s(),
		.rcpts = rcpts,
		.rcpts_n = n };
}

static void
commit(const struct spool_envelope *e)
{
	CHECK_ERR(svc_queue_commit_own(w->q, e, BODY, NULL), ERR_OK);
	go();
}

/* One message from account 7 to one address elsewhere. */
static void
commit_to(str address)
{
	struct spool_rcpt r = { .address = address };
	const struct spool_envelope e = envelope(&r, 1);
	commit(&e);
}

static void
answer(size_t i, uint8_t verdict, const char *class, bool whole_domain)
{
	answer_all(&w->got[i], verdict,
	    (struct ipc_queue_send_result){ .class = str_from(class),
		.whole_domain = whole_domain,
		.mx = S("mx.example.net") });
	go();
}

static size_t
live(void)
{
	return spool_live(w->q->spool);
}

static bool
report_has(const char *text)
{
	bool found = strstr(w->report, text) != NULL;
	if (!found) {
		printf("no %s in: %s\n", text, w->report);
	}
	return found;
}

/* ---- the cases ---- */

static void
one_letter_to_the_end(void)
{
	world_open();
	commit_to(S("b@example.net"));
	CHECK_U64(w->got_n, 1);
	CHECK(strcmp(w->got[0].domain, "example.net") == 0 && !w->got[0].file);
	CHECK(str_starts(BODY, str_from(w->got[0].body)) && w->got[0].tries == 0);
	answer(0, 1, "", false);
	CHECK(live() == 0 && w->q->letters == 0 && w->reports == 0);
	CHECK_U64(map_count(w->q->remote->dests), 0);
	CHECK_U64(map_count(w->q->entries), 0);
	CHECK_U64(w->q->remote->delivered, 1);
	restart();
	CHECK(w->got_n == 0 && live() == 0);
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
	const struct spool_envelope e = envelope(r, LEN(r));
	commit(&e);
	CHECK(await_letters(3));
	CHECK_U64(w->got_n, 3); /* 100 and 40 at one, 20 at the other */
	size_t sum = 0, most = 0;
	for (size_t i = 0; i < w->got_n; i++) {
		sum += w->got[i].rcpts_n;
		most = MAX(most, w->got[i].rcpts_n);
	}
	CHECK(sum == 160 && most == 100);
	answer(0, 1, "", false);
	answer(1, 1, "", false);
	CHECK_U64(live(), 1);
	answer(2, 1, "", false);
	CHECK(live() == 0 && w->q->letters == 0);
	world_close();
}

static void
a_large_one_goes_as_a_file(void)
{
	static char big[200000];
	struct spool_rcpt r = { .address = S("b@example.net") };
	const struct spool_envelope e = envelope(&r, 1);
	world_open();
	memset(big, 'x', sizeof big);
	CHECK_ERR(svc_queue_commit_own(w->q, &e, str_make(big, sizeof big), NULL), ERR_OK);
	go();
	CHECK(w->got_n == 1 && w->got[0].file);
	world_close();
}

static void
what_failed_for_now_comes_again(void)
{
	world_open();
	commit_to(S("b@example.net"));
	for (uint32_t i = 0; i < 4; i++) {
		CHECK(await_letters(i + 1));
		CHECK_U64(w->got[i].tries, i);
		answer(i, 2, "L1", false);
	}
	CHECK(await_letters(5));
	CHECK(live() == 1 && w->reports == 0);
	w->conf.queue_retry_first = w->conf.queue_retry_max =
	    3600000; /* the next one, in an hour */
	answer(4, 2, "L1", false);
	restart();
	CHECK_U64(w->got_n, 0); /* the journal knows that it rests */
	CHECK_U64(w->q->letters, 1);
	struct svc_queue_parcel *p = LIST_ENTRY(w->q->parcels.next, struct svc_queue_parcel, node);
	struct svc_queue_letter *l = LIST_ENTRY(p->letters.next, struct svc_queue_letter, mates);
	CHECK(l->bundle->tries == 5 && l->bundle->where == SVC_QUEUE_RESTING);
	CHECK(l->best != NULL && l->best->class == REACH_L1 && l->first != NULL);
	CHECK_STR(l->best->reply, S("no such luck"));
	CHECK_STR(l->best->host, S("mx.example.net"));
	CHECK_ERR(svc_queue_remote_move(l->bundle, SVC_QUEUE_RETRY), ERR_OK);
	CHECK(await_letters(1));
	CHECK_U64(w->got[0].tries, 5);
	answer(0, 1, "", false);
	CHECK_U64(live(), 0);
	world_close();
}

static void
what_failed_for_good_is_told(void)
{
	world_open();
	commit_to(S("b@example.net"));
	answer(0, 3, "U1", false);
	go();
	CHECK(w->reports == 1 && w->report_account == 7);
	CHECK(report_has("Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.net\r\n"));
	CHECK(report_has("Diagnostic-Code: smtp; 550 5.1.1 no such luck\r\n"));
	CHECK(report_has("Subject: Ihre Nachricht wurde nicht zugestellt\r\n"));
	CHECK(report_has("To: <a@example.org>\r\n"));
	CHECK(report_has("\r\n\r\nhello\r\n"));
	CHECK_U64(live(), 1); /* the report, until its mailbox is synced */
	restart();
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
		struct spool_envelope e = envelope(&r, 1);
		e.account = rows[i].account;
		e.reverse_path = rows[i].path;
		world_open();
		commit(&e);
		answer_all(&w->got[0], rows[i].verdict,
		    (struct ipc_queue_send_result){ .relayed_dsn = rows[i].relayed_dsn });
		go();
		test_check(w->reports == rows[i].reports, __FILE__, __LINE__, rows[i].name);
		test_check(strstr(w->report, rows[i].action) != NULL, __FILE__, __LINE__,
		    rows[i].name);
		CHECK_U64(live(), rows[i].reports);
		world_close();
	}
}

static void
one_of_two_recipients(void)
{
	struct spool_rcpt r[2] = { { .address = S("b@example.net") },
		{ .address = S("c@example.net") } };
	const struct spool_envelope e = envelope(r, 2);
	world_open();
	commit(&e);
	struct ipc_queue_send_outcome o[2] = { { .rcpt = 0, .verdict = 3, .code = 550 },
		{ .rcpt = 1, .verdict = 2, .code = 450 } };
	const struct ipc_queue_send_result m = {
		.job = w->got[0].job, .entry = w->got[0].entry, .outcomes = o, .outcomes_n = 2
	};
	buf_reset(&w->out);
	ipc_queue_send_result_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->send, &w->out, -1, 0), ERR_OK);
	go();
	CHECK_U64(w->reports, 1);
	CHECK(report_has("Final-Recipient: rfc822;b@example.net\r\n"));
	CHECK(strstr(w->report, "c@example.net") == NULL);
	CHECK(await_letters(2));
	CHECK(w->got[1].rcpts_n == 1 && w->got[1].rcpts[0] == 1 && w->got[1].tries == 1);
	answer(1, 1, "", false);
	CHECK_U64(live(), 1);
	world_close();
}

/* The whole destination rests; then one letter tries for all. */
static void
a_domain_rests_as_a_whole(void)
{
	world_open();
	for (int i = 0; i < 5; i++) {
		commit_to(S("b@example.net"));
	}
	CHECK_U64(w->got_n, 2);
	w->conf.queue_retry_first = w->conf.queue_retry_max = 50;
	answer(0, 2, "C2", true);
	answer(1, 2, "C2", true);
	CHECK_U64(w->got_n, 2);
	commit_to(S("b@example.com"));
	CHECK(w->got_n == 3 && strcmp(w->got[2].domain, "example.com") == 0);
	CHECK(await_letters(4));
	turn(0);
	go();
	CHECK_U64(w->got_n, 4); /* one */
	answer(3, 1, "", false);
	CHECK(await_letters(6)); /* then two */
	answer(4, 1, "", false);
	answer(5, 1, "", false);
	for (size_t i = 6; i < 8; i++) { /* and two that came back */
		CHECK(await_letters(i + 1));
		answer(i, 1, "", false);
	}
	answer(2, 1, "", false);
	CHECK(live() == 0 && w->q->letters == 0 && w->reports == 0);
	world_close();
}

/* The greeting refuses us: it is tried on, and the sender knows at once, and once. */
static void
a_block_is_told_at_once(void)
{
	world_open();
	commit_to(S("b@example.net"));
	commit_to(S("c@example.net"));
	w->conf.queue_retry_first = w->conf.queue_retry_max = 20;
	answer(0, 3, "S1", true);
	answer(1, 3, "S1", true);
	CHECK(w->reports == 1 && live() == 3);
	CHECK(report_has("Action: delayed\r\n"));
	CHECK(report_has("Will-Retry-Until: "));
	CHECK(report_has("Subject: Ihre Nachricht ist noch nicht zugestellt\r\n"));
	CHECK(await_letters(3));
	answer(2, 3, "S1", true);
	CHECK_U64(w->reports, 1);
	CHECK(await_letters(4));
	answer(3, 3, "R2", true); /* another reason is news */
	CHECK_U64(w->reports, 2);
	w->conf.queue_notices = false;
	CHECK(await_letters(5));
	answer(4, 3, "P7", true);
	CHECK_U64(w->reports, 2);
	world_close();
}

static void
hopeless_is_final(void)
{
	world_open();
	struct spool_rcpt r = { .address = S("b@nowhere.example") };
	const struct spool_envelope e = envelope(&r, 1);
	commit(&e);
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
	go();
	CHECK_U64(w->reports, 1);
	CHECK(report_has("Status: 5.1.2\r\n"));
	world_close();
}

static void
late_and_expired(void)
{
	struct spool_rcpt r = { .address = S("b@example.net") };
	struct spool_envelope e = envelope(&r, 1);
	world_open();
	w->conf.queue_retry_first = w->conf.queue_retry_max = 3600000;
	w->conf.queue_warn = 2LL * DAY_S * 1000;
	e.received_s -= DAY_S;
	commit(&e);
	w->conf.queue_warn = 3600000; /* it is late when it comes back */
	answer(0, 2, "L2", false);
	for (int i = 0; i < PATIENCE && w->reports == 0; i++) {
		turn(5);
		go();
	}
	CHECK(w->reports == 1 && report_has("Action: delayed\r\nStatus: 4.7.1\r\n"));
	restart();
	CHECK_U64(w->reports, 2); /* the same report, replayed */
	e.received_s -= 5 * DAY_S;
	commit(&e);
	CHECK(w->got_n == 1 || w->reports >= 3);
	if (w->got_n == 1) {
		answer(0, 2, "L2", false);
	}
	for (int i = 0; i < PATIENCE && w->reports < 3; i++) {
		turn(5);
		go();
	}
	CHECK(report_has("Action: failed\r\n"));
	CHECK_U64(w->q->letters, 3); /* the late one, and two reports that are not synced */
	world_close();
}

/* The send process goes with letters in hand. */
static void
a_lost_process_gives_letters_back(void)
{
	world_open();
	commit_to(S("b@example.net"));
	commit_to(S("b@example.com"));
	CHECK_U64(w->got_n, 2);
	sys_close(&w->send);
	go();
	CHECK_U64(w->q->remote->lost, 2);
	CHECK_U64(w->q->remote->sent_n, 0);
	wire_send();
	CHECK(await_letters(4));
	CHECK(w->got[2].tries == 1 && w->got[3].tries == 1);
	answer_all(&w->got[0], 1,
	    (struct ipc_queue_send_result){ 0 }); /* of the old one: nothing */
	go();
	CHECK_U64(live(), 2);
	answer(2, 1, "", false);
	answer(3, 1, "", false);
	CHECK(live() == 0 && w->q->letters == 0);
	world_close();
}

static void
an_operator_moves_letters(void)
{
	world_open();
	commit_to(S("b@example.net"));
	struct svc_queue_parcel *p = LIST_ENTRY(w->q->parcels.next, struct svc_queue_parcel, node);
	struct svc_queue_letter *l = LIST_ENTRY(p->letters.next, struct svc_queue_letter, mates);
	struct svc_queue_bundle *b = l->bundle;
	CHECK_ERR(svc_queue_remote_move(b, SVC_QUEUE_HOLD), ERR_BUSY);
	CHECK_U64(w->cancels, 0);
	go();
	CHECK_U64(w->cancels, 1);
	answer(0, 2, "L1", false);
	CHECK(b->where == SVC_QUEUE_HELD && w->q->held == 1);
	go();
	CHECK_U64(w->got_n, 1);
	restart();
	CHECK(w->got_n == 0 && w->q->held == 1);
	p = LIST_ENTRY(w->q->parcels.next, struct svc_queue_parcel, node);
	b = LIST_ENTRY(p->letters.next, struct svc_queue_letter, mates)->bundle;
	CHECK_ERR(svc_queue_remote_move(b, SVC_QUEUE_RELEASE), ERR_OK);
	CHECK(await_letters(1) && w->q->held == 0);
	CHECK_ERR(svc_queue_remote_move(b, SVC_QUEUE_FAIL), ERR_BUSY);
	answer(0, 2, "L1", false);
	CHECK(w->reports == 1 && report_has("Action: failed\r\n"));
	commit_to(S("b@example.org"));
	CHECK(await_letters(2));
	w->conf.queue_retry_first = w->conf.queue_retry_max = 3600000;
	answer(1, 2, "L1", false);
	p = LIST_ENTRY(w->q->parcels.prev, struct svc_queue_parcel, node);
	b = LIST_ENTRY(p->letters.next, struct svc_queue_letter, mates)->bundle;
	CHECK_ERR(svc_queue_remote_move(b, SVC_QUEUE_HOLD), ERR_OK);
	CHECK_ERR(svc_queue_remote_move(b, SVC_QUEUE_FAIL), ERR_OK);
	go();
	CHECK(w->reports == 2 && w->q->held == 0);
	world_close();
}

/* The disk refuses the report: the letter does not end without it. */
static void
no_end_without_its_report(void)
{
	world_open();
	commit_to(S("b@example.net"));
	w->conf.queue_retry_first = w->conf.queue_retry_max = 10;
	answer_all(&w->got[0], 3, (struct ipc_queue_send_result){ .class = S("U1") });
	CHECK_ERR(sys_loop_turn(w->sc.loop, 0), ERR_OK); /* may flush already */
	size_t before = w->reports;
	go();
	CHECK(w->reports == before + 1);
	commit_to(S("c@example.net"));
	CHECK(await_letters(2));
	w->q->low_space = true;
	answer(1, 3, "U1", false);
	CHECK(w->reports == before + 1 && w->q->letters == 2);
	w->q->low_space = false;
	CHECK(await_letters(3)); /* tried once more, as there was no room to tell */
	answer(2, 3, "U1", false);
	CHECK_U64(w->reports, before + 2);
	world_close();
}

/* ---- many ---- */

__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

static size_t
allocated(void)
{
	if (__sanitizer_get_current_allocated_bytes != NULL) {
		return __sanitizer_get_current_allocated_bytes();
	}
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

static void
commit_many(size_t letters, size_t dests)
{
	char name[64];
	for (size_t i = 0; i < letters; i++) {
		size_t k = i % dests;
		snprintf(name, sizeof name, "somebody.or.other@destination%05zu.%s", k,
		    k % 10 == 0 ? "dead" : "test");
		struct spool_rcpt r = { .address = str_from(name) };
		const struct spool_envelope e = envelope(&r, 1);
		CHECK_ERR(svc_queue_commit_own(w->q, &e, BODY, NULL), ERR_OK);
		if (i % 1000 == 999) {
			turn(0);
		}
	}
	turn(0);
}

/*
 * Many letters, a tenth of the destinations dead: the living get theirs, the dead cost a try each,
 * and a letter costs no more memory than limits.h says.
 */
static void
mass(size_t letters, size_t dests)
{
	world_open();
	w->conf.queue_retry_first = w->conf.queue_retry_max = 3600000;
	sys_close(&w->send);
	turn(0);
	size_t before = allocated();
	commit_many(letters, dests);
	CHECK_U64(w->q->remote->letters, letters);
	size_t each = (allocated() - before) / letters;
	CHECK(each <= SVC_QUEUE_REMOTE_LETTER_OCTETS);
	w->robot = true;
	wire_send();
	int64_t began = sys_clock_us();
	size_t living = letters - letters / 10;
	for (size_t i = 0; i < letters && w->taken < living; i++) {
		turn(0);
		read_end(&w->send, 0);
	}
	int64_t took = sys_clock_us() - began;
	for (size_t i = 0; i < letters && w->q->remote->sent_n > 0; i++) {
		turn(0);
		read_end(&w->send, 0);
	}
	CHECK_U64(w->taken, living);
	CHECK(w->dead_tries <= 3 * dests / 10);
	CHECK_U64(w->q->remote->letters, letters / 10);
	printf("%zu letters, %zu destinations: %zu octets each, %lld us each for the living\n",
	    letters, dests, each, (long long)(took / (int64_t)living));
	world_close();
}

static void
many(void)
{
	mass(5000, 100);
}

/* The whole of it, for who asks for it by name (POSTERN_TEST_MASS): 100,000 to 1,000. */
static void
very_many(void)
{
	if (getenv("POSTERN_TEST_MASS") != NULL) {
		mass(100000, 1000);
	}
}

TEST_MAIN(one_letter_to_the_end, recipients_of_a_domain_go_together, a_large_one_goes_as_a_file,
    what_failed_for_now_comes_again, what_failed_for_good_is_told, who_is_told,
    one_of_two_recipients, a_domain_rests_as_a_whole, a_block_is_told_at_once, hopeless_is_final,
    late_and_expired, a_lost_process_gives_letters_back, an_operator_moves_letters,
    no_end_without_its_report, many, very_many)
