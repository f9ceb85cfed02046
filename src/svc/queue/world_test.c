/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The played world around a queue process: first itself, then what our ends hear, then what they
 * say.
 */
#include "svc/queue/world_test.h"
#include "base/codec.h"
#include "base/mem.h"
#include "base/test.h"
#include "ipc/queue_account.h"
#include "ipc/queue_accounts.h"
#include "ipc/smtp_queue.h"
#include "store/arrivals/arrivals.h"
#include "store/arrivals/file.h"
#include "store/record.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <unistd.h>

void
queue_world_turn(struct queue_world *w)
{
	for (int i = 0; i < 5; i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, 0), ERR_OK);
	}
}

void
queue_world_start(struct queue_world *w)
{
	int smtp[2], accounts[2];
	w->sc.conf = &w->conf;
	w->q = queue_test_start(&w->sc, w->folder);
	CHECK_ERR(sys_chan_pair(smtp), ERR_OK);
	CHECK_ERR(sys_chan_pair(accounts), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("smtp_queue"), 0, smtp[0]), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("queue_accounts"), 0, accounts[0]), ERR_OK);
	w->smtp = smtp[1];
	w->accounts = accounts[1];
	w->account = -1;
	w->slot = -1;
}

/* As after SIGKILL: no quit, no last flush. */
void
queue_world_kill(struct queue_world *w)
{
	spool_close(&w->q->spool);
	sys_close(&w->smtp);
	sys_close(&w->accounts);
	sys_close(&w->account);
	queue_world_turn(w);
	queue_test_kill(w->q);
	queue_test_bury(w);
}

struct queue_world *
queue_world_new(void)
{
	struct queue_world *w = mem_zalloc(1, sizeof *w);
	snprintf(w->folder, sizeof w->folder, "queue-test-XXXXXX");
	CHECK(mkdtemp(w->folder) != NULL);
	w->conf = (struct conf){ .smtp_max_size = 1 << 20,
		.queue_deliveries = 1,
		.queue_keep_open = 4,
		.queue_linger = 60000,
		.queue_sync_interval = 60000,
		.queue_sync_octets = 1 << 30,
		.queue_expiry = 432000000,
		.send_processes = 1 };
	w->arena = arena_new(NULL, "world", 8 << 20, 0);
	buf_init(&w->in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w->out, SYS_CHAN_MESSAGE_MAX);
	queue_world_start(w);
	return w;
}

void
queue_world_free(struct queue_world *w)
{
	queue_world_kill(w);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(w->folder)), ERR_OK);
}

/* ---- our ends ---- */

static enum err
got_answer(void *ctx, const struct ipc_smtp_queue_commit_result *m, int *fd)
{
	struct queue_world *w = ctx;
	w->answers[w->answers_n].txn = m->txn;
	w->answers[w->answers_n].entry = m->entry;
	w->answers[w->answers_n++].result = m->result;
	return ERR_OK;
}

static enum err
got_open(void *ctx, const struct ipc_queue_accounts_open *m, int *fd)
{
	struct queue_world *w = ctx;
	sys_close(&w->account);
	w->account = *fd;
	*fd = -1;
	w->job = m->job;
	w->opened_account = m->account;
	return ERR_OK;
}

static enum err
got_slot(void *ctx, const struct ipc_queue_accounts_slot *m, int *fd)
{
	struct queue_world *w = ctx;
	struct ipc_queue_accounts_slotted answer = { .job = m->job,
		.account = m->account,
		.result = w->slot < 0 ? ERR_UNAVAILABLE : ERR_OK };
	w->slots++;
	w->slot_account = m->account;
	if (!w->slot_silent) {
		buf_reset(&w->out);
		ipc_queue_accounts_slotted_put(&w->out, &answer);
		CHECK_ERR(sys_chan_send_wait(w->accounts, &w->out, w->slot < 0 ? -1 : dup(w->slot),
			      0),
		    ERR_OK);
	}
	return ERR_OK;
}

static enum err
got_arrived(void *ctx, const struct ipc_queue_accounts_arrived *m, int *fd)
{
	struct queue_world *w = ctx;
	w->arrived = m->account;
	return ERR_OK;
}

static enum err
got_sync(void *ctx, const struct ipc_queue_accounts_sync *m, int *fd)
{
	struct queue_world *w = ctx;
	w->sync_job = m->job;
	w->last_sync_n = (int64_t)m->accounts_n;
	w->last_sync_left = (int64_t)m->arrivals_n;
	for (size_t i = 0; i < m->accounts_n; i++) {
		w->sync_ids[i] = m->accounts[i].id;
	}
	for (size_t i = 0; i < m->arrivals_n; i++) {
		w->sync_ids[m->accounts_n + i] = m->arrivals[i].id;
	}
	return ERR_OK;
}

/* What came by file: which one, and the checksum of all. */
static void
read_file(struct queue_world *w, const struct ipc_queue_account_deliver *m, int fd)
{
	struct buf all;
	struct sys_stat st = { 0 };
	buf_init(&all, 16 << 20);
	buf_str(&all, m->body);
	if (fd >= 0) {
		CHECK(sys_file_is_sealed(fd));
		CHECK_ERR(sys_file_stat_fd(fd, &st), ERR_OK);
		CHECK_ERR(sys_file_load_fd(fd, &all), ERR_OK);
	}
	CHECK_U64(all.n, m->size);
	w->got[w->got_n].crc = crc32c(0, all.p, all.n);
	w->got[w->got_n].file_inode = st.inode;
	buf_done(&all);
}

static enum err
got_letter(void *ctx, const struct ipc_queue_account_deliver *m, int *fd)
{
	struct queue_world *w = ctx;
	w->got[w->got_n].entry = m->entry;
	w->got[w->got_n].rcpt = m->rcpt;
	w->got[w->got_n].replay = m->replay;
	w->got[w->got_n].junk = m->junk;
	snprintf(w->got[w->got_n].body, 64, "%.*s", STR_ARG(m->body));
	read_file(w, m, *fd);
	w->got_n++;
	return ERR_OK;
}

static void
read_once(struct queue_world *w)
{
	static const struct ipc_smtp_queue_at_smtp at_smtp = { .commit_result = got_answer };
	static const struct ipc_queue_accounts_at_accounts at_accounts = {
		.open = got_open, .sync = got_sync, .slot = got_slot, .arrived = got_arrived
	};
	static const struct ipc_queue_account_at_account at_account = { .deliver = got_letter };
	queue_world_turn(w);
	for (int *ends[] = { &w->smtp, &w->accounts, &w->account }, k = 0; k < 3; k++) {
		int fd = -1;
		while (*ends[k] >= 0 && sys_chan_recv(*ends[k], &w->in, &fd) == ERR_OK) {
			str m = buf_view(&w->in);
			arena_reset(w->arena);
			enum err e = k == 0
			    ? ipc_smtp_queue_smtp_dispatch(&at_smtp, w, m, &fd, w->arena)
			    : k == 1
			    ? ipc_queue_accounts_accounts_dispatch(&at_accounts, w, m, &fd,
				  w->arena)
			    : ipc_queue_account_account_dispatch(&at_account, w, m, &fd, w->arena);
			CHECK_ERR(e, ERR_OK);
			sys_close(&fd);
		}
	}
}

void
queue_world_read(struct queue_world *w)
{
	read_once(w); /* an answer to a wish for a slot may bring a wish for a process */
	read_once(w);
}

void
queue_world_commit(struct queue_world *w, uint64_t txn, uint64_t account, str body)
{
	struct ipc_common_rcpt rcpt = {
		.account = account, .address = S("a@example.org"), .junk = w->junk
	};
	struct ipc_smtp_queue_commit m = { .txn = txn,
		.reverse_path = S("from@example.net"),
		.rcpts = &rcpt,
		.rcpts_n = account == 0 ? 0 : 1,
		.size = body.n,
		.body = body };
	buf_reset(&w->out);
	ipc_smtp_queue_commit_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->smtp, &w->out, -1, 0), ERR_OK);
}

uint64_t
queue_world_commit_file(struct queue_world *w, str above, bool sealed, uint64_t *ret_crc)
{
	static char big[100000];
	struct ipc_common_rcpt rcpts[2] = { { .account = 7, .address = S("a@example.org") },
		{ .account = 7, .address = S("b@example.org") } };
	struct sys_stat st;
	int fd = -1;
	memset(big, 'a' + (int)above.n % 26, sizeof big);
	*ret_crc = crc32c(crc32c(0, above.p, above.n), big, sizeof big);
	CHECK_ERR(sys_file_memory("letter", &fd), ERR_OK);
	CHECK_ERR(sys_file_write(fd, 0, str_make(big, sizeof big)), ERR_OK);
	CHECK_ERR(sealed ? sys_file_seal(fd) : ERR_OK, ERR_OK);
	CHECK_ERR(sys_file_stat_fd(fd, &st), ERR_OK);
	struct ipc_smtp_queue_commit m = { .txn = 1,
		.rcpts = rcpts,
		.rcpts_n = LEN(rcpts),
		.size = above.n + sizeof big,
		.body = above };
	buf_reset(&w->out);
	ipc_smtp_queue_commit_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->smtp, &w->out, fd, 0), ERR_OK);
	queue_world_read(w);
	queue_world_read(w);
	return st.inode;
}

void
queue_world_answer(struct queue_world *w, size_t i, enum err result)
{
	struct ipc_queue_account_delivered m = {
		.entry = w->got[i].entry, .rcpt = w->got[i].rcpt, .result = result
	};
	buf_reset(&w->out);
	ipc_queue_account_delivered_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->account, &w->out, -1, 0), ERR_OK);
	queue_world_turn(w);
}

void
queue_world_ended(struct queue_world *w, enum err result)
{
	struct ipc_queue_accounts_ended m = {
		.job = w->job, .account = w->opened_account, .result = result
	};
	buf_reset(&w->out);
	ipc_queue_accounts_ended_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->accounts, &w->out, -1, 0), ERR_OK);
	queue_world_turn(w);
}

void
queue_world_synced(struct queue_world *w, enum err result)
{
	struct ipc_common_result r = { .id = w->sync_ids[0], .result = result };
	struct ipc_queue_accounts_synced m = { .job = w->sync_job, .results = &r, .results_n = 1 };
	buf_reset(&w->out);
	ipc_queue_accounts_synced_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->accounts, &w->out, -1, 0), ERR_OK);
	queue_world_turn(w);
}

/* ---- the cases ---- */
