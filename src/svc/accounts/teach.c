/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What account holders teach goes from their processes to policy. Which account a lesson is of is
 * ours to say, not the process's. Nobody waits: without policy, or with a channel that is full, a
 * lesson is lost. Start at svc_accounts_on_learn.
 */
#include "svc/accounts/teach.h"

#include "ipc/accounts_account.h"
#include "ipc/accounts_policy.h"
#include "sys/sys.h"

enum { LESSONS_MAX = 2000 }; /* of one process: a session asks for half of that at most */

enum err
svc_accounts_on_learn(void *ctx, const struct ipc_accounts_account_learn *m, int *fd)
{
	struct svc_accounts_child *c = ctx;
	struct svc_accounts *s = c->s;
	struct ipc_accounts_policy_learn lesson = {
		.account = c->account, .junk = m->junk, .undo = m->undo, .features = m->features
	};
	if (c->kind != SVC_ACCOUNTS_SESSION || s->policy.chan == NULL ||
	    c->lessons >= LESSONS_MAX) {
		return ERR_OK;
	}
	c->lessons++;
	s->lessons++;
	buf_reset(&s->out);
	ipc_accounts_policy_learn_put(&s->out, &lesson);
	(void)(svc_common_link_send(&s->policy, &s->out, -1) == ERR_OK);
	return ERR_OK;
}

void
svc_accounts_forget_lessons(struct svc_accounts *s, uint64_t account)
{
	struct ipc_accounts_policy_forget m = { .account = account };
	buf_reset(&s->out);
	ipc_accounts_policy_forget_put(&s->out, &m);
	/* not heard, what it was taught fades by itself */
	(void)(svc_common_link_send(&s->policy, &s->out, -1) == ERR_OK);
}

/* policy only listens. */
enum err
svc_accounts_from_policy(struct svc_common_link *from, str datagram, int *fd)
{
	return ERR_PROTOCOL;
}
