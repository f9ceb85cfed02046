/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edge policy_queue: the letters of an account that sends as no human does wait, held, until
 * somebody has looked. Which accounts these are policy knows and says again when it or we were
 * started anew; that a letter is held is in the journal. A release it says until we answered that
 * the journal has it. Letters to accounts here are held as those to other servers are; what is in
 * hand of a process already goes on.
 */
#include "ipc/policy_queue.h"
#include "svc/queue/remote/remote.h"
#include "sys/clock.h"

static bool
is_held(const struct svc_queue_remote *r, uint64_t account)
{
	return account != 0 && map_get(r->suspects, account) != NULL;
}

/* A release is noted in any case: when it is said again, what the journal has may be older. */
static void
move_local(struct svc_queue_letter *l, enum svc_queue_move what)
{
	if (what == SVC_QUEUE_RELEASE) {
		svc_queue_lane_release(l);
		svc_queue_lane_note(l);
	} else if (l->where == SVC_QUEUE_WAITING) {
		svc_queue_lane_hold(l);
	}
}

/* The parcel's letters, each bundle once: a move takes all letters of it along. */
static void
move_parcel(struct svc_queue_parcel *p, enum svc_queue_move what)
{
	const struct svc_queue_bundle *last = NULL;
	p->held++;
	LIST_EACH(it, &p->letters) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, mates);
		if (l->bundle == NULL) {
			move_local(l, what);
		} else if (l->bundle != last) {
			last = l->bundle;
			/* one that is in hand of send is held when it comes back */
			(void)(svc_queue_remote_move(l->bundle, what) == ERR_OK);
			if (what == SVC_QUEUE_RELEASE) {
				svc_queue_remote_note(l->bundle);
			}
		}
	}
	p->held--;
	svc_queue_parcel_tidy(p);
}

static void
move_all(struct svc_queue *q, uint64_t account, enum svc_queue_move what)
{
	LIST_EACH(it, &q->parcels) {
		struct svc_queue_parcel *p = LIST_ENTRY(it, struct svc_queue_parcel, node);
		if (p->account == account) {
			move_parcel(p, what);
		}
	}
}

bool
svc_queue_remote_suspect(const struct svc_queue_parcel *p)
{
	return is_held(p->q->remote, p->account);
}

/* Answered by the flush that makes it durable. */
static void
release(struct svc_queue *q, const struct ipc_policy_queue_hold *m)
{
	struct svc_queue_remote *r = q->remote;
	(void)map_del(r->suspects, m->account);
	move_all(q, m->account, SVC_QUEUE_RELEASE);
	if (r->releases_n == LEN(r->releases)) {
		svc_queue_flush_now(q);
	}
	r->releases[r->releases_n++] = (struct svc_queue_release){ m->account, m->mark };
	spool_sync_done(q->spool);
	svc_queue_flush_soon(q);
}

void
svc_queue_remote_policy_flushed(struct svc_queue *q, enum err result)
{
	struct svc_queue_remote *r = q->remote;
	for (size_t i = 0; i < r->releases_n && result == ERR_OK; i++) {
		const struct ipc_policy_queue_released m = { .account = r->releases[i].account,
			.mark = r->releases[i].mark };
		buf_reset(&q->out);
		ipc_policy_queue_released_put(&q->out, &m);
		/* not told, policy says it again to the next one */
		(void)(svc_common_link_send(&q->policy, &q->out, -1) == ERR_OK);
	}
	r->releases_n = 0;
}

static enum err
on_hold(void *ctx, const struct ipc_policy_queue_hold *m, int *fd)
{
	struct svc_queue *q = ctx;
	struct map *suspects = q->remote->suspects;
	if (m->account == 0) {
		return ERR_PROTOCOL;
	}
	if (m->on) {
		/* full: what it sends from now on goes, what waits is held */
		(void)(map_set(suspects, m->account, q) == ERR_OK);
		move_all(q, m->account, SVC_QUEUE_HOLD);
	} else {
		release(q, m);
	}
	LOG(QUEUE_ACCOUNT_HELD, F_U64("account", m->account),
	    F_CSTR("state", m->on ? "held" : "released"));
	return ERR_OK;
}

/* ---- notices -------------------------------------------------------------------------------- */

/* From the null path, into mailboxes here. */
static enum err
stage(struct svc_queue *q, const struct ipc_policy_queue_notice *m)
{
	struct spool_rcpt *to = arena_array(q->scratch, m->accounts_n, sizeof *to);
	const struct spool_envelope e = { .received_s = sys_clock_wall_s(),
		.body8bit = true,
		.message_id = m->message_id,
		.rcpts = to,
		.rcpts_n = m->accounts_n };
	if (str_chr(m->recipient, '@') <= 0 || m->body.n == 0 || m->accounts_n == 0) {
		return ERR_SYNTAX;
	}
	if (to == NULL) {
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < m->accounts_n; i++) {
		to[i] = (struct spool_rcpt){ .account = m->accounts[i].id,
			.address = m->recipient };
		if (to[i].account == 0) {
			return ERR_SYNTAX; /* it would leave by some MX */
		}
	}
	TRY(svc_queue_commit_own(q, &e, m->body, NULL));
	struct svc_queue_commit *c = &q->commits[q->commits_n - 1];
	c->policy = true;
	c->txn = m->txn;
	return ERR_OK;
}

void
svc_queue_remote_policy_answer(struct svc_queue *q, uint64_t txn, enum err result)
{
	const struct ipc_policy_queue_noticed m = { .txn = txn, .result = result };
	buf_reset(&q->out);
	ipc_policy_queue_noticed_put(&q->out, &m);
	/* not told, policy sends its notice once more */
	(void)(svc_common_link_send(&q->policy, &q->out, -1) == ERR_OK);
}

static enum err
on_notice(void *ctx, const struct ipc_policy_queue_notice *m, int *fd)
{
	struct svc_queue *q = ctx;
	enum err e = stage(q, m);
	if (e != ERR_OK) {
		svc_queue_remote_policy_answer(q, m->txn, e);
	}
	return ERR_OK;
}

/* ---- the channel ---------------------------------------------------------------------------- */

enum err
svc_queue_remote_from_policy(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_policy_queue_at_queue handlers = { .hold = on_hold,
		.notice = on_notice };
	struct svc_queue *q = from->sc->ctx;
	arena_reset(q->scratch);
	return ipc_policy_queue_queue_dispatch(&handlers, q, datagram, fd, q->scratch);
}
