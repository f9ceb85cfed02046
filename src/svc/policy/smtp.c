/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edge smtp_policy: peers, recipients from outside, recipients of submissions, and how sessions
 * ended.
 */
#include "ipc/smtp_policy.h"
#include "svc/policy/session.h"

enum { GO_ON = 1, LATER = 2, RECIPIENT_ACCOUNTS = 100 };

static void
say(struct svc_common_link *to, uint64_t request, const struct ipc_common_reply *reply)
{
	const struct ipc_smtp_policy_replied m = { .request = request, .reply = *reply };
	struct svc_policy *p = svc_policy_of(to);

	buf_reset(&p->out);
	ipc_smtp_policy_replied_put(&p->out, &m);
	/* whoever does not take it asks again or goes on without */
	(void)(svc_common_link_send(to, &p->out, -1) == ERR_OK);
}

/* 16 octets; anything else is a loopback address: nothing is known, nothing refused. */
static void
take_ip(str text, uint8_t ret[16])
{
	memset(ret, 0, 16);
	ret[15] = 1;
	if (text.n == 16) {
		memcpy(ret, text.p, 16);
	}
}

static enum err
on_peer(void *ctx, const struct ipc_smtp_policy_peer *m, int *fd)
{
	struct svc_common_link *from = ctx;
	struct svc_policy *p = svc_policy_of(from);
	struct ipc_common_reply reply = { .verdict = GO_ON };
	uint8_t ip[16];

	p->peers++;
	take_ip(m->ip, ip);
	if (m->submission || !svc_policy_is_stranger(p, ip)) {
		say(from, m->request, &reply);
		return ERR_OK;
	}
	const struct svc_policy_count c = { .ip = ip, .n = { [POLICY_CONNECTIONS] = 1 } };
	if (!svc_policy_rcpt_count(p, &c)) {
		reply = (struct ipc_common_reply){ .verdict = LATER,
			.code = 421,
			.enhanced = S("4.7.0"),
			.text = S("Too much from your network for now, try again later") };
		LOG(POLICY_LIMITED, F_ID("session", m->session), F_IP("peer", ip),
		    F_CSTR("what", "connection"));
		say(from, m->request, &reply);
		return ERR_OK;
	}
	say(from, m->request, &reply);
	struct svc_policy_session *s = svc_policy_session_get(p, m->session, ip);
	if (s != NULL) {
		s->manners = m->manners;
	}
	return ERR_OK;
}

static enum err
on_rcpt(void *ctx, const struct ipc_smtp_policy_rcpt *m, int *fd)
{
	struct svc_common_link *from = ctx;
	struct svc_policy *p = svc_policy_of(from);
	uint64_t accounts[RECIPIENT_ACCOUNTS];
	struct svc_policy_rcpt r = { .from = from,
		.times = from->times,
		.request = m->request,
		.helo = m->helo,
		.reverse_path = m->reverse_path,
		.address = m->address,
		.accounts = accounts,
		.accounts_n = MIN(m->accounts_n, LEN(accounts)),
		.first = m->first };
	uint8_t ip[16];

	p->rcpts++;
	take_ip(m->ip, ip);
	if (!svc_policy_is_stranger(p, ip)) {
		svc_policy_rcpt_exempt(p, &r);
		return ERR_OK;
	}
	for (size_t i = 0; i < r.accounts_n; i++) {
		accounts[i] = m->accounts[i].id;
	}
	struct svc_policy_session *s = svc_policy_session_get(p, m->session, ip);
	if (s == NULL) {
		svc_policy_rcpt_exempt(p, &r); /* no memory: mail goes on */
		return ERR_OK;
	}
	svc_policy_session_rcpt(s, &r);
	return ERR_OK;
}

static enum err
on_submit(void *ctx, const struct ipc_smtp_policy_submit *m, int *fd)
{
	struct svc_common_link *from = ctx;
	struct ipc_common_reply reply = { .verdict = GO_ON };

	svc_policy_of(from)->submits++;
	svc_policy_submit(svc_policy_of(from), m, &reply);
	say(from, m->request, &reply);
	return ERR_OK;
}

static enum err
on_ended(void *ctx, const struct ipc_smtp_policy_ended *m, int *fd)
{
	struct svc_common_link *from = ctx;
	struct svc_policy *p = svc_policy_of(from);
	uint8_t ip[16];

	take_ip(m->ip, ip);
	if (m->submission) {
		svc_policy_submit_unknown(p, m->account, m->unknown);
		return ERR_OK;
	}
	if (!svc_policy_is_stranger(p, ip)) {
		return ERR_OK;
	}
	if (m->unknown > 0 || m->errors > 0) {
		const struct svc_policy_count c = { .s = svc_policy_session_find(p, m->session),
			.ip = ip,
			.n = { [POLICY_UNKNOWN] = m->unknown, [POLICY_ERRORS] = m->errors },
			.always = true };
		(void)svc_policy_rcpt_count(p, &c);
	}
	svc_policy_session_end(p, m->session);
	return ERR_OK;
}

enum err
svc_policy_from_smtp(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_smtp_policy_at_policy handlers = {
		.peer = on_peer, .rcpt = on_rcpt, .submit = on_submit, .ended = on_ended
	};
	struct svc_policy *p = svc_policy_of(from);

	arena_reset(p->scratch);
	return ipc_smtp_policy_policy_dispatch(&handlers, from, datagram, fd, p->scratch);
}
