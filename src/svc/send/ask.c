/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to resolve and fetch. A question outlives its channel: it is asked again of the next
 * one, until its route runs out of time. An answer that nobody waits for is counted and dropped.
 */
#include "base/mem.h"
#include "ipc/send_fetch.h"
#include "ipc/send_resolve.h"
#include "svc/send/route.h"

static void
send_question(struct svc_send_ask *q)
{
	struct svc_send *sv = q->route->server;
	const struct svc_common_link *link = q->type == 0 ? &sv->fetch : &sv->resolve;
	if (link->chan == NULL || q->asked) {
		return;
	}
	buf_reset(&sv->out);
	if (q->type != 0) {
		struct ipc_send_resolve_query m = {
			.request = q->request, .name = q->name, .type = q->type
		};
		ipc_send_resolve_query_put(&sv->out, &m);
	} else {
		struct ipc_send_fetch_address ips[SVC_SEND_ADDRESSES_MAX * 2];
		const struct svc_send_route *r = q->route;
		for (size_t i = 0; i < r->policy_ip_n; i++) {
			ips[i].ip = str_make(r->policy_ip[i], 16);
		}
		struct ipc_send_fetch_policy m = { .request = q->request,
			.domain = q->name,
			.id = r->sts_id,
			.addresses = ips,
			.addresses_n = r->policy_ip_n };
		ipc_send_fetch_policy_put(&sv->out, &m);
	}
	q->asked = svc_common_link_send(link, &sv->out, -1) == ERR_OK;
}

static void
answer(struct svc_send_ask *q, const struct svc_send_answer *a)
{
	struct svc_send_route *r = q->route;
	svc_send_ask_forget(q);
	q->fn(q, a);
	ASSERT(r->pending > 0);
	r->pending--;
	if (r->pending == 0) {
		svc_send_route_found(r);
	}
}

void
svc_send_ask(struct svc_send_ask *q)
{
	struct svc_send *sv = q->route->server;
	list_init(&q->node);
	q->request = ++sv->next_request;
	if (map_set(sv->asks, q->request, q) != ERR_OK) {
		q->route->failed = REACH_DNS_SERVFAIL;
		return;
	}
	q->route->pending++;
	list_push(&q->route->asks, &q->node);
	send_question(q); /* or when there is a channel, and room */
}

void
svc_send_ask_forget(struct svc_send_ask *q)
{
	(void)map_del(q->route->server->asks, q->request);
	list_remove(&q->node);
}

static void
ask_again(void *value, void *ctx)
{
	struct svc_send_ask *q = value;
	if ((q->type == 0) == *(const bool *)ctx) {
		send_question(q);
	}
}

static void
lose(void *value, void *ctx)
{
	struct svc_send_ask *q = value;
	if ((q->type == 0) == *(const bool *)ctx) {
		q->asked = false;
	}
}

void
svc_send_ask_lost(struct svc_send *sv, bool fetch)
{
	map_each(sv->asks, lose, &fetch);
}

void
svc_send_ask_again(struct svc_send *sv, bool fetch)
{
	map_each(sv->asks, ask_again, &fetch);
}

/* --- answers ------------------------------------------------------------------------------- */

static enum err
on_answer(void *ctx, const struct ipc_send_resolve_answer *m, int *fd)
{
	struct svc_send *sv = ctx;
	struct svc_send_ask *q = map_get(sv->asks, m->request);
	struct svc_send_answer a = { .result = m->answer.result,
		.trust = m->answer.trust,
		.ttl_s = m->answer.ttl_s,
		.canonical = m->answer.canonical,
		.records = m->records,
		.n = m->records_n };
	if (q == NULL || q->type == 0) {
		sv->count.answers_lost++;
		return ERR_OK;
	}
	answer(q, &a);
	return ERR_OK;
}

enum err
svc_send_on_resolve(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_send_resolve_at_send handlers = { .answer = on_answer };
	struct svc_send *sv = from->sc->ctx;
	enum err e = ipc_send_resolve_send_dispatch(&handlers, sv, datagram, fd, sv->scratch);
	arena_reset(sv->scratch);
	return e;
}

/* Copy what the policy says; without memory there is none, and nothing else fails. */
static void
take_policy(struct svc_send_route *r, const struct ipc_send_fetch_policy_is *m)
{
	str *patterns = arena_array(r->arena, m->mx_n + 1, sizeof *patterns);
	r->sts_failure = arena_dup(r->arena, m->failure);
	if (m->result != ERR_OK || patterns == NULL) {
		return;
	}
	for (size_t i = 0; i < m->mx_n; i++) {
		patterns[i] = arena_dup(r->arena, m->mx[i].pattern);
	}
	r->patterns = patterns;
	r->patterns_n = m->mx_n;
	r->sts = m->mode == MTASTS_ENFORCE ? MTASTS_ENFORCE
	    : m->mode == MTASTS_TESTING    ? MTASTS_TESTING
					   : MTASTS_NONE;
	r->sts_applies = r->sts != MTASTS_NONE;
}

static enum err
on_policy(void *ctx, const struct ipc_send_fetch_policy_is *m, int *fd)
{
	struct svc_send *sv = ctx;
	struct svc_send_ask *q = map_get(sv->asks, m->request);
	struct svc_send_answer a = { .result = m->result };
	if (q == NULL || q->type != 0) {
		sv->count.answers_lost++;
		return ERR_OK;
	}
	take_policy(q->route, m);
	answer(q, &a);
	return ERR_OK;
}

enum err
svc_send_on_fetch(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_send_fetch_at_send handlers = { .policy_is = on_policy };
	struct svc_send *sv = from->sc->ctx;
	enum err e = ipc_send_fetch_send_dispatch(&handlers, sv, datagram, fd, sv->scratch);
	arena_reset(sv->scratch);
	return e;
}
