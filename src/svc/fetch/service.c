/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fetch process: opens its cache and the trust store, answers send, forgets what has ended once
 * an hour.
 */
#include "base/mem.h"
#include "conf/conf.h"
#include "ipc/send_fetch.h"
#include "svc/fetch/fetch.h"
#include "sys/clock.h"
#include "sys/file.h"

enum { CA_FILE_MAX = 4 << 20 };

struct service {
	struct svc_common *sc;
	struct svc_fetch f;
	struct svc_common_link sends[SVC_FETCH_SENDS_MAX];
	struct arena *lists; /* of one message */
	struct buf out;
	struct sys_timer prune;
	uint64_t dropped;
};

/* A full channel or one that is closing: send has its own deadline. */
static void
tell(void *ctx, uint32_t peer, const struct svc_fetch_answer *a)
{
	struct service *s = ctx;
	struct ipc_send_fetch_mx mx[MTASTS_MX_MAX];
	struct ipc_send_fetch_policy_is m = { .request = a->request,
		.result = a->result,
		.mode = (uint8_t)a->mode,
		.until_s = a->until_s,
		.failure = a->failure,
		.mx = mx };
	str rest = a->mx.n == 0 ? STR_NONE : a->mx, line;
	while (m.mx_n < LEN(mx) && str_next(&rest, '\n', &line)) {
		mx[m.mx_n++].pattern = line;
	}
	buf_reset(&s->out);
	ipc_send_fetch_policy_is_put(&s->out, &m);
	s->dropped += svc_common_link_send(&s->sends[peer], &s->out, -1) != ERR_OK;
}

static void
on_prune(void *ctx)
{
	struct service *s = ctx;
	enum err e = svc_fetch_cache_prune(s->f.db, sys_clock_wall_s());
	if (e != ERR_OK) {
		LOG(FETCH_CACHE, F_CSTR("domain", ""), F_ERR(e));
	}
	sys_timer_set(s->sc->loop, &s->prune, (int64_t)SVC_FETCH_PRUNE_S * 1000);
}

/* A server without certificate authorities sends mail, but believes no policy, and says so. */
static enum err
load_client(struct service *s)
{
	const struct conf *c = s->sc->conf;
	struct buf ca;
	buf_init(&ca, CA_FILE_MAX);
	enum err read = sys_file_load(SYS_CWD, arena_dup(s->sc->arena, c->send_ca_file), &ca);
	const struct svc_fetch_get_conf conf = { .port = (uint16_t)c->fetch_port,
		.timeout_ms = (uint32_t)c->fetch_timeout,
		.ca = buf_view(&ca) };
	enum err e = svc_fetch_client_new(&conf, s->sc->loop, &s->f.client);
	buf_done(&ca);
	if (e == ERR_OK && svc_fetch_client_authorities(s->f.client) == 0) {
		LOG(FETCH_NO_CA, F_STR("file", c->send_ca_file), F_ERR(read));
	}
	return e;
}

static enum err
init(struct svc_common *sc)
{
	struct service *s = ARENA_NEW(sc->arena, struct service);
	if (s == NULL) {
		return ERR_NOMEM;
	}
	s->sc = sc;
	sc->ctx = s;
	s->lists = arena_new(sc->arena, "message", SVC_FETCH_SCRATCH, 0);
	s->f.scratch = arena_new(sc->arena, "answer", SVC_FETCH_SCRATCH, 0);
	buf_init(&s->out, SYS_CHAN_MESSAGE_MAX);
	if (s->lists == NULL || s->f.scratch == NULL) {
		return ERR_NOMEM;
	}
	s->f.tell = tell;
	s->f.tell_ctx = s;
	s->f.private_addresses = sc->conf->send_private;
	svc_fetch_start(&s->f);
	sys_timer_init(&s->prune, on_prune, s);
	return load_client(s);
}

static enum err
start(struct svc_common *sc)
{
	struct service *s = sc->ctx;
	TRY(svc_fetch_cache_open(svc_common_state_path(sc, S("fetch/policies.db")), &s->f.db));
	on_prune(s);
	return ERR_OK;
}

static enum err
on_policy(void *ctx, const struct ipc_send_fetch_policy *m, int *fd)
{
	const struct svc_common_link *l = ctx;
	struct service *s = l->sc->ctx;
	str ips[SVC_FETCH_ADDRESSES_MAX];
	size_t n = MIN(m->addresses_n, LEN(ips));
	for (size_t i = 0; i < n; i++) {
		ips[i] = m->addresses[i].ip;
	}
	const struct svc_fetch_question q = { .peer = l->peer,
		.request = m->request,
		.domain = m->domain,
		.id = m->id,
		.ips = ips,
		.ips_n = n };
	svc_fetch_ask(&s->f, &q);
	return ERR_OK;
}

static enum err
on_message(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_send_fetch_at_fetch handlers = { .policy = on_policy };
	struct service *s = from->sc->ctx;
	arena_reset(s->lists);
	return ipc_send_fetch_fetch_dispatch(&handlers, from, datagram, fd, s->lists);
}

static void
on_down(struct svc_common_link *l)
{
	struct service *s = l->sc->ctx;
	svc_fetch_forget(&s->f, l->peer);
}

static void
on_reload(struct svc_common *sc)
{
	struct service *s = sc->ctx;
	s->f.private_addresses = sc->conf->send_private;
	svc_fetch_client_limits(s->f.client, (uint32_t)sc->conf->fetch_timeout);
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	const struct service *s = sc->ctx;
	const struct svc_common_fact rows[] = { { "questions", s->f.questions },
		{ "from_cache", s->f.from_cache }, { "fetched", s->f.fetched },
		{ "failed", s->f.failed }, { "waiting", s->f.waiting }, { "refused", s->f.refused },
		{ "dropped", s->dropped } };
	svc_common_facts(facts, rows, LEN(rows));
}

static void
on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	struct service *s = sc->ctx;
	svc_fetch_stop(&s->f);
	svc_common_exit(sc);
}

static const struct svc_common_edge edges[] = {
	{ S_INIT("send_fetch"), SVC_COMMON_LINKS(struct service, sends), .on_message = on_message,
	    .on_down = on_down },
	{ .n = 0 },
};

const struct svc_common_service svc_fetch_service = {
	.name = "fetch",
	.profile = svc_fetch_profile,
	.init = init,
	.start = start,
	.edges = edges,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_quit = on_quit,
};
