/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of the tests of mail for other servers: our ends of the queue's channels.
 */
#include "svc/queue/remote/world_test.h"
#include "base/mem.h"
#include "ipc/queue_account.h"
#include "ipc/queue_accounts.h"
#include "svc/queue/start_test.h"
#include "sys/file.h"

struct world *w;

void
world_turn(int wait_ms)
{
	CHECK_ERR(sys_loop_turn(w->sc.loop, wait_ms), ERR_OK);
	for (int i = 0; i < 4; i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, 0), ERR_OK);
	}
}

/* ---- our ends ---- */

void
world_answer_all(const struct got *g, uint8_t verdict, struct ipc_queue_send_result m)
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
	snprintf(g.sender, sizeof g.sender, "%.*s", STR_ARG(m->reverse_path));
	snprintf(g.via, sizeof g.via, "%.*s", STR_ARG(m->via));
	if (!w->robot) {
		snprintf(w->sent, sizeof w->sent, "%.*s", STR_ARG(m->body));
	}
	g.file = *fd >= 0;
	for (size_t i = 0; i < m->rcpts_n; i++) {
		g.rcpts[i] = m->rcpts[i].rcpt;
		g.notify[i] = m->rcpts[i].notify;
	}
	if (w->robot) {
		bool dead = str_ends(m->domain, S("0.dead"));
		w->taken += !dead;
		w->dead_tries += dead;
		world_answer_all(&g, dead ? 2 : 1,
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
got_slot(void *ctx, const struct ipc_queue_accounts_slot *m, int *fd)
{
	const struct ipc_queue_accounts_slotted no = {
		.job = m->job, .account = m->account, .result = ERR_UNAVAILABLE
	};
	buf_reset(&w->out);
	ipc_queue_accounts_slotted_put(&w->out, &no);
	CHECK_ERR(sys_chan_send_wait(w->accounts, &w->out, -1, 0), ERR_OK);
	return ERR_OK;
}

static enum err
got_report(void *ctx, const struct ipc_queue_account_deliver *m, int *fd)
{
	struct ipc_queue_account_delivered done = { .entry = m->entry, .rcpt = m->rcpt };
	bool report = m->reverse_path.n == 0;
	if (report) {
		snprintf(w->report, sizeof w->report, "%.*s", STR_ARG(m->body));
	}
	w->reports += report;
	w->here += !report;
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
	static const struct ipc_queue_accounts_at_accounts at_accounts = { .open = got_open,
		.slot = got_slot };
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

void
world_go(void)
{
	for (int i = 0; i < 5; i++) {
		world_turn(0);
		read_end(&w->send, 0);
		read_end(&w->accounts, 1);
		read_end(&w->account, 2);
	}
}

/* Until the send process has that many letters, or patience ends. */
bool
world_await_letters(size_t n)
{
	for (int i = 0; i < PATIENCE && w->got_n < n; i++) {
		world_turn(5);
		world_go();
	}
	return w->got_n >= n;
}

/* ---- the world ---- */

void
world_wire_send(void)
{
	int fds[2];
	sys_close(&w->send);
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("queue_send"), 0, fds[0]), ERR_OK);
	w->send = fds[1];
}

static void
start_queue(void)
{
	int accounts[2];
	w->sc.conf = &w->conf;
	struct svc_queue *q = w->q = queue_test_start(&w->sc, w->folder);
	svc_queue_remote_start(q);
	CHECK_ERR(sys_chan_pair(accounts), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("queue_accounts"), 0, accounts[0]), ERR_OK);
	w->accounts = accounts[1];
	w->account = -1;
	w->send = -1;
	world_wire_send();
}

/* As after SIGKILL: no quit, no last flush. */
static void
kill_queue(void)
{
	struct svc_queue *q = w->q;
	spool_close(&q->spool);
	svc_common_links_close(&w->sc);
	sys_close(&w->send);
	sys_close(&w->accounts);
	sys_close(&w->account);
	queue_test_kill(q);
}

void
world_restart(void)
{
	kill_queue();
	w->got_n = 0;
	start_queue();
	world_go();
}

void
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

void
world_close(void)
{
	kill_queue();
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(w->folder)), ERR_OK);
	arena_free(&w->arena);
	buf_done(&w->in);
	buf_done(&w->out);
	mem_drop(w->got);
	queue_test_bury(w);
	w = NULL;
}

/* ---- committing ---- */

struct spool_envelope
world_envelope(struct spool_rcpt *rcpts, size_t n)
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

void
world_commit(const struct spool_envelope *e)
{
	CHECK_ERR(svc_queue_commit_own(w->q, e, BODY, NULL), ERR_OK);
	world_go();
}

/* One message from account 7 to one address elsewhere. */
void
world_commit_to(str address)
{
	struct spool_rcpt r = { .address = address };
	const struct spool_envelope e = world_envelope(&r, 1);
	world_commit(&e);
}

void
world_answer(size_t i, uint8_t verdict, const char *class, bool whole_domain)
{
	world_answer_all(&w->got[i], verdict,
	    (struct ipc_queue_send_result){ .class = str_from(class),
		.whole_domain = whole_domain,
		.mx = S("mx.example.net") });
	world_go();
}

size_t
world_live(void)
{
	return spool_live(w->q->spool);
}

bool
world_report_has(const char *text)
{
	bool found = strstr(w->report, text) != NULL;
	if (!found) {
		printf("no %s in: %s\n", text, w->report);
	}
	return found;
}

void
world_read_send(void)
{
	read_end(&w->send, 0);
}
