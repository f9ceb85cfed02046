/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edge smtp_policy: peers, recipients from outside, recipients of submissions, and how sessions
 * ended.
 */
#include "ipc/smtp_policy.h"
#include "svc/policy/policy.h"

enum { GO_ON = 1 };

static void
say(struct svc_policy_peer *to, uint64_t request)
{
	const struct ipc_smtp_policy_replied m = { .request = request,
		.reply = { .verdict = GO_ON } };

	buf_reset(&to->p->out);
	ipc_smtp_policy_replied_put(&to->p->out, &m);
	svc_policy_send(to);
}

static enum err
on_peer(void *ctx, const struct ipc_smtp_policy_peer *m, int *fd)
{
	say(ctx, m->request);
	return ERR_OK;
}

static enum err
on_rcpt(void *ctx, const struct ipc_smtp_policy_rcpt *m, int *fd)
{
	struct svc_policy_peer *from = ctx;
	const struct ipc_smtp_policy_judged judged = { .request = m->request,
		.reply = { .verdict = GO_ON } };

	from->p->asked++;
	buf_reset(&from->p->out);
	ipc_smtp_policy_judged_put(&from->p->out, &judged);
	svc_policy_send(from);
	return ERR_OK;
}

static enum err
on_submit(void *ctx, const struct ipc_smtp_policy_submit *m, int *fd)
{
	say(ctx, m->request);
	return ERR_OK;
}

static enum err
on_ended(void *ctx, const struct ipc_smtp_policy_ended *m, int *fd)
{
	return ERR_OK;
}

enum err
svc_policy_from_smtp(void *ctx, str datagram, int *fd)
{
	static const struct ipc_smtp_policy_at_policy handlers = {
		.peer = on_peer, .rcpt = on_rcpt, .submit = on_submit, .ended = on_ended
	};
	struct svc_policy_peer *from = ctx;

	return ipc_smtp_policy_policy_dispatch(&handlers, from, datagram, fd, from->p->scratch);
}
