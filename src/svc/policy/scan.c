/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edges scan_policy and accounts_policy: what is known of a letter's words and of those it
 * comes from, and what is learned.
 */
#include "ipc/accounts_policy.h"
#include "ipc/policy_queue.h"
#include "ipc/policy_resolve.h"
#include "ipc/scan_policy.h"
#include "svc/policy/policy.h"

static enum err
on_judge(void *ctx, const struct ipc_scan_policy_judge *m, int *fd)
{
	struct svc_policy_peer *from = ctx;
	const struct ipc_scan_policy_judged judged = { .request = m->request };

	buf_reset(&from->p->out);
	ipc_scan_policy_judged_put(&from->p->out, &judged);
	svc_policy_send(from);
	return ERR_OK;
}

static enum err
on_ended(void *ctx, const struct ipc_scan_policy_ended *m, int *fd)
{
	return ERR_OK;
}

enum err
svc_policy_from_scan(void *ctx, str datagram, int *fd)
{
	static const struct ipc_scan_policy_at_policy handlers = { .judge = on_judge,
		.ended = on_ended };
	struct svc_policy_peer *from = ctx;

	return ipc_scan_policy_policy_dispatch(&handlers, from, datagram, fd, from->p->scratch);
}

static enum err
on_learn(void *ctx, const struct ipc_accounts_policy_learn *m, int *fd)
{
	return ERR_OK;
}

static enum err
on_forget(void *ctx, const struct ipc_accounts_policy_forget *m, int *fd)
{
	return ERR_OK;
}

enum err
svc_policy_from_accounts(void *ctx, str datagram, int *fd)
{
	static const struct ipc_accounts_policy_at_policy handlers = { .learn = on_learn,
		.forget = on_forget };
	struct svc_policy_peer *from = ctx;

	return ipc_accounts_policy_policy_dispatch(&handlers, from, datagram, fd, from->p->scratch);
}

static enum err
on_answer(void *ctx, const struct ipc_policy_resolve_answer *m, int *fd)
{
	return ERR_OK;
}

enum err
svc_policy_from_resolve(void *ctx, str datagram, int *fd)
{
	static const struct ipc_policy_resolve_at_policy handlers = { .answer = on_answer };
	struct svc_policy_peer *from = ctx;

	return ipc_policy_resolve_policy_dispatch(&handlers, from, datagram, fd, from->p->scratch);
}

static enum err
on_noticed(void *ctx, const struct ipc_policy_queue_noticed *m, int *fd)
{
	return ERR_OK;
}

enum err
svc_policy_from_queue(void *ctx, str datagram, int *fd)
{
	static const struct ipc_policy_queue_at_policy handlers = { .noticed = on_noticed };
	struct svc_policy_peer *from = ctx;

	return ipc_policy_queue_policy_dispatch(&handlers, from, datagram, fd, from->p->scratch);
}
