/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to resolve: by number, each with a deadline of its own. When many in a row were never
 * answered, and a question of our own is not either, nothing is asked for a while: without DNS mail
 * goes on, and does not wait for it.
 */
#include "conf/conf.h"
#include "ipc/policy_resolve.h"
#include "proto/dns/dns.h"
#include "svc/policy/policy.h"

enum { RECORDS_MAX = 100 };

static void
finish(struct svc_policy_ask *ask, const struct svc_policy_said *said)
{
	(void)map_del(ask->p->questions, ask->request);
	sys_timer_stop(&ask->deadline);
	ask->request = 0;
	ask->fn(ask, said);
}

static void
on_probe(struct svc_policy_ask *ask, const struct svc_policy_said *said)
{
	struct svc_policy *p = ask->p;

	p->late_in_a_row = 0;
	if (said->result == ERR_TIMEOUT) {
		p->rest_until_ms = sys_loop_now_ms(p->sc->loop) + SVC_POLICY_DNS_REST_MS;
		LOG(POLICY_NO_DNS, F_U64("seconds", SVC_POLICY_DNS_REST_MS / 1000));
	}
}

/*
 * Names that never answer are whose strangers like: with sixteen of them anybody could switch off
 * SPF and the lists for all. So the root is asked for, which is nobody's and near at hand.
 */
static void
probe(struct svc_policy *p)
{
	p->probe.fn = on_probe;
	if (p->probe.request == 0) {
		(void)(svc_policy_dns(p, &p->probe, S("."), DNS_NS) == ERR_OK);
	}
}

static void
on_late(void *ctx)
{
	struct svc_policy_ask *ask = ctx;
	struct svc_policy *p = ask->p;
	const struct svc_policy_said said = { .result = ERR_TIMEOUT };

	p->dns_late++;
	if (++p->late_in_a_row >= SVC_POLICY_DNS_LATE && ask != &p->probe) {
		probe(p);
	}
	finish(ask, &said);
}

enum err
svc_policy_dns(struct svc_policy *p, struct svc_policy_ask *ask, str name, uint16_t type)
{
	bool rests = sys_loop_now_ms(p->sc->loop) < p->rest_until_ms;

	ASSERT(ask->request == 0);
	if (p->resolve.chan == NULL || rests) {
		p->dns_refused++;
		return ERR_UNAVAILABLE;
	}
	const struct ipc_policy_resolve_query m = {
		.request = p->next_request, .name = name, .type = type
	};
	buf_reset(&p->out);
	ipc_policy_resolve_query_put(&p->out, &m);
	TRY(buf_err(&p->out));
	if (map_set(p->questions, m.request, ask) != ERR_OK) {
		p->dns_refused++;
		return ERR_BUSY;
	}
	enum err e = svc_common_link_send(&p->resolve, &p->out, -1);
	if (e != ERR_OK) {
		(void)map_del(p->questions, m.request);
		return e;
	}
	p->next_request++;
	p->dns_asked++;
	ask->p = p;
	ask->request = m.request;
	sys_timer_init(&ask->deadline, on_late, ask);
	sys_timer_set(p->sc->loop, &ask->deadline, (int64_t)p->sc->conf->lists_wait);
	return ERR_OK;
}

void
svc_policy_dns_cancel(struct svc_policy_ask *ask)
{
	if (ask->request != 0) {
		(void)map_del(ask->p->questions, ask->request);
		sys_timer_stop(&ask->deadline);
		ask->request = 0;
	}
}

static enum err
on_answer(void *ctx, const struct ipc_policy_resolve_answer *m, int *fd)
{
	struct svc_policy *p = ctx;
	struct svc_policy_ask *ask = map_get(p->questions, m->request);
	str rdata[RECORDS_MAX];
	struct svc_policy_said said = {
		.result = m->answer.result, .rdata = rdata, .n = MIN(m->records_n, LEN(rdata))
	};

	p->late_in_a_row = 0;
	if (ask == NULL) {
		return ERR_OK; /* too late */
	}
	for (size_t i = 0; i < said.n; i++) {
		rdata[i] = m->records[i].rdata;
	}
	finish(ask, &said);
	return ERR_OK;
}

enum err
svc_policy_from_resolve(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_policy_resolve_at_policy handlers = { .answer = on_answer };
	struct svc_policy *p = svc_policy_of(from);

	arena_reset(p->scratch);
	return ipc_policy_resolve_policy_dispatch(&handlers, p, datagram, fd, p->scratch);
}
