/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue's wishes: a delivery process for an account, and accounts to be synced.
 */
#include "ipc/queue_accounts.h"
#include "svc/accounts/accounts.h"
#include "sys/sys.h"

void
svc_accounts_ended(struct svc_accounts *s, uint64_t account, uint64_t job, enum err result)
{
	struct ipc_queue_accounts_ended m = { .job = job, .account = account, .result = result };
	buf_reset(&s->out);
	ipc_queue_accounts_ended_put(&s->out, &m);
	(void)(svc_common_link_send(&s->queue, &s->out, -1) == ERR_OK);
}

/* No result for any account of the job: the queue asks again. */
void
svc_accounts_synced_nothing(struct svc_accounts *s, uint64_t job)
{
	struct ipc_queue_accounts_synced m = { .job = job };
	buf_reset(&s->out);
	ipc_queue_accounts_synced_put(&s->out, &m);
	(void)(svc_common_link_send(&s->queue, &s->out, -1) == ERR_OK);
}

/* Takes fd. What was accepted before an account was disabled still goes into its mailbox. */
void
svc_accounts_deliver(struct svc_accounts *s, const struct svc_accounts_facts *f, uint64_t job,
    int fd)
{
	enum err e = f->state == ERR_DISABLED ? ERR_OK : f->state;
	svc_accounts_kill_deliveries(s, f->account);
	if (e == ERR_OK) {
		struct svc_account_start start = { .name = str_make(f->name, f->name_n),
			.account = f->account,
			.quota_octets = f->quota_octets,
			.quota_messages = f->quota_messages,
			.queue = fd,
			.stream = -1 };
		e = svc_accounts_child_new(s, &start, SVC_ACCOUNTS_DELIVERY, job);
	}
	sys_close(&fd);
	if (e != ERR_OK) {
		e = e == ERR_NOTFOUND ? e : ERR_UNAVAILABLE;
		svc_accounts_ended(s, f->account, job, e);
	}
}

static enum err
on_open(void *ctx, const struct ipc_queue_accounts_open *m, int *fd)
{
	int taken = *fd;
	*fd = -1;
	svc_accounts_with_facts(ctx, m->account, m->job, taken);
	return ERR_OK;
}

static enum err
on_slot(void *ctx, const struct ipc_queue_accounts_slot *m, int *fd)
{
	svc_accounts_slot(ctx, m->account, m->job);
	return ERR_OK;
}

static enum err
on_arrived(void *ctx, const struct ipc_queue_accounts_arrived *m, int *fd)
{
	svc_accounts_slot_used(ctx, m->account);
	return ERR_OK;
}

static enum err
on_sync(void *ctx, const struct ipc_queue_accounts_sync *m, int *fd)
{
	struct svc_accounts *s = ctx;
	struct svc_accounts_sync sync = { .job = m->job, .full = m->accounts_n };
	if (m->accounts_n + m->arrivals_n > LEN(sync.ids)) {
		return ERR_PROTOCOL;
	}
	for (size_t i = 0; i < m->accounts_n; i++) {
		sync.ids[sync.n++] = m->accounts[i].id;
	}
	for (size_t i = 0; i < m->arrivals_n; i++) {
		sync.ids[sync.n++] = m->arrivals[i].id;
	}
	if (svc_accounts_syncer_new(s, &sync) != ERR_OK) {
		svc_accounts_synced_nothing(s, m->job);
	}
	return ERR_OK;
}

enum err
svc_accounts_from_queue(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_queue_accounts_at_accounts handlers = {
		.open = on_open, .sync = on_sync, .slot = on_slot, .arrived = on_arrived
	};
	struct svc_accounts *s = svc_accounts_of(from);
	arena_reset(s->scratch);
	return ipc_queue_accounts_accounts_dispatch(&handlers, s, datagram, fd, s->scratch);
}
