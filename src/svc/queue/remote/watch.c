/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edge watch_queue: reports to other operators (RFC 8460). They are letters like any other, but
 * nobody is told when one fails, and neither DANE nor MTA-STS may stop it.
 */
#include "ipc/watch_queue.h"
#include "svc/queue/remote/remote.h"
#include "sys/clock.h"

static enum err
stage(struct svc_queue *q, const struct ipc_watch_queue_commit *m)
{
	struct spool_rcpt to = { .address = m->recipient };
	const struct spool_envelope e = { .received_s = sys_clock_wall_s(),
		.reverse_path = m->reverse_path,
		.message_id = m->message_id,
		.unenforced = m->unenforced,
		.rcpts = &to,
		.rcpts_n = 1 };
	if (str_chr(m->recipient, '@') <= 0 || m->body.n == 0) {
		return ERR_SYNTAX;
	}
	TRY(svc_queue_commit_own(q, &e, m->body, NULL));
	struct svc_queue_commit *c = &q->commits[q->commits_n - 1];
	c->watch = true;
	c->txn = m->txn;
	return ERR_OK;
}

void
svc_queue_remote_watch_answer(struct svc_queue *q, uint64_t txn, enum err result, uint64_t entry)
{
	const struct ipc_watch_queue_commit_result m = {
		.txn = txn, .result = result, .entry = entry
	};
	buf_reset(&q->out);
	ipc_watch_queue_commit_result_put(&q->out, &m);
	/* not told, watch sends its report once more */
	(void)(svc_common_link_send(&q->watch, &q->out, -1) == ERR_OK);
}

static enum err
on_commit(void *ctx, const struct ipc_watch_queue_commit *m, int *fd)
{
	struct svc_queue *q = ctx;
	enum err e = stage(q, m);
	if (e != ERR_OK) {
		svc_queue_remote_watch_answer(q, m->txn, e, 0);
	}
	return ERR_OK;
}

enum err
svc_queue_remote_from_watch(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_watch_queue_at_queue handlers = { .commit = on_commit };
	struct svc_queue *q = from->sc->ctx;
	arena_reset(q->scratch);
	return ipc_watch_queue_queue_dispatch(&handlers, q, datagram, fd, q->scratch);
}
