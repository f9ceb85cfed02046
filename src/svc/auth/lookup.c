/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions answered at once: recipients and senders for smtp, accounts for the zygote. The answers
 * come from the directory's cache.
 */
#include "directory/account.h"
#include "ipc/accounts_auth.h"
#include "ipc/smtp_auth.h"
#include "svc/auth/server.h"

enum err
svc_auth_lookup_rcpt(struct svc_auth_peer *p, uint64_t request, str address)
{
	struct svc_auth_server *s = p->server;
	const struct directory_answer *a = directory_resolve(s->directory, address);
	struct ipc_common_rcpt targets[DIRECTORY_TARGETS_MAX];
	struct ipc_smtp_auth_rcpt_result m = { .request = request, .targets = targets };

	s->auth.counts.rcpts++;
	m.verdict = (uint8_t)a->verdict;
	for (size_t i = 0; i < a->targets_n && a->verdict == DIRECTORY_KNOWN; i++) {
		targets[m.targets_n++] = (struct ipc_common_rcpt){
			.account = a->targets[i].account,
			.address = a->address,
			.detail = a->detail,
		};
	}
	buf_reset(&s->out);
	ipc_smtp_auth_rcpt_result_put(&s->out, &m);
	return svc_auth_peer_send(p);
}

enum err
svc_auth_lookup_sender(struct svc_auth_peer *p, uint64_t request, uint64_t account, str address)
{
	struct svc_auth_server *s = p->server;
	struct ipc_smtp_auth_sender_result m = { .request = request };

	s->auth.counts.senders++;
	m.result = directory_owns(s->directory, account, address);
	buf_reset(&s->out);
	ipc_smtp_auth_sender_result_put(&s->out, &m);
	return svc_auth_peer_send(p);
}

/* Disabled accounts are not opened for delivery any more; locked ones are. */
enum err
svc_auth_lookup_account(struct svc_auth_peer *p, uint64_t request, uint64_t account)
{
	struct svc_auth_server *s = p->server;
	struct ipc_accounts_auth_account_info m = { .request = request };
	struct directory_account facts;

	m.result = directory_account_get(s->directory, account, s->scratch, &facts);
	if (m.result == ERR_OK) {
		m.name = facts.address;
		m.quota_octets = facts.quota_octets;
		m.quota_messages = facts.quota_messages;
		m.result = facts.state == DIRECTORY_STATE_DISABLED ? ERR_DISABLED : ERR_OK;
		m.login = facts.state == DIRECTORY_STATE_ACTIVE;
	}
	buf_reset(&s->out);
	ipc_accounts_auth_account_info_put(&s->out, &m);
	return svc_auth_peer_send(p);
}

static enum err
on_account_get(void *ctx, const struct ipc_accounts_auth_account_get *m, int *fd)
{
	return svc_auth_lookup_account(ctx, m->request, m->account);
}

static enum err
on_usage(void *ctx, const struct ipc_accounts_auth_usage *m, int *fd)
{
	struct svc_auth_peer *p = ctx;

	directory_usage(p->server->directory, m->account, m->octets, m->messages);
	return ERR_OK;
}

enum err
svc_auth_accounts_message(struct svc_auth_peer *p, str datagram, int *fd)
{
	static const struct ipc_accounts_auth_at_auth handlers = { .account_get = on_account_get,
		.usage = on_usage };

	return ipc_accounts_auth_auth_dispatch(&handlers, p, datagram, fd, p->server->scratch);
}
