/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolve process: sets libunbound up, lets processes and administrators ask, and starts anew
 * when a setting of its section changes (the sandbox and the cache are made for one set of them).
 */
#include "svc/resolve/resolve.h"

#include "conf/conf.h"
#include "ipc/send_resolve.h"

enum { SETTINGS_MAX = 1 << 20 };

static void
put_list(struct buf *out, struct conf_list l)
{
	for (size_t i = 0; i < l.n; i++) {
		buf_str(out, l.v[i]);
		buf_ch(out, '\0');
	}
	buf_ch(out, '\0');
}

/* All settings that need a new process, in one run of octets to compare. */
static void
put_settings(struct buf *out, const struct conf *c)
{
	buf_reset(out);
	put_list(out, c->resolve_forward);
	put_list(out, c->resolve_second);
	put_list(out, c->resolve_ds);
	buf_printf(out, "%.*s %.*s %llu", STR_ARG(c->resolve_trust_anchor),
	    STR_ARG(c->resolve_root_hints), (unsigned long long)c->resolve_cache_size);
}

static void
take_limits(struct svc_resolve *r)
{
	r->timeout_ms = (int64_t)r->sc->conf->resolve_timeout;
	r->pending_max = (size_t)r->sc->conf->resolve_pending;
}

/* Who asks, and where in struct svc_resolve the askers of an edge lie. */
static const struct {
	const char *name;
	size_t at;
	uint32_t n;
} edges[] = { { "send_resolve", offsetof(struct svc_resolve, sends), SVC_RESOLVE_SENDS_MAX },
	{ "scan_resolve", offsetof(struct svc_resolve, scans), SVC_RESOLVE_SCANS_MAX },
	{ "watch_resolve", offsetof(struct svc_resolve, watch), 1 },
	{ "policy_resolve", offsetof(struct svc_resolve, policy), 1 } };

static struct svc_resolve_asker *
place(struct svc_resolve *r, size_t edge, uint32_t peer)
{
	void *first = (char *)r + edges[edge].at;
	return (struct svc_resolve_asker *)first + peer;
}

static enum err
init(struct svc_common *sc)
{
	struct svc_resolve *r = ARENA_NEW(sc->arena, struct svc_resolve);
	if (r == NULL) {
		return ERR_NOMEM;
	}
	r->sc = sc;
	sc->ctx = r;
	r->scratch = arena_new(sc->arena, "message", SVC_RESOLVE_SCRATCH, 0);
	buf_init(&r->out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&r->settings, SETTINGS_MAX);
	if (r->scratch == NULL) {
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < LEN(edges); i++) {
		for (uint32_t k = 0; k < edges[i].n; k++) {
			svc_resolve_asker_init(r, place(r, i, k), edges[i].name);
		}
	}
	take_limits(r);
	put_settings(&r->settings, sc->conf);
	return svc_resolve_paths_init(r);
}

static enum err
start(struct svc_common *sc)
{
	struct svc_resolve *r = sc->ctx;
	return svc_resolve_paths_start(r);
}

/* --- processes ----------------------------------------------------------------------------- */

static enum err
on_query(void *ctx, const struct ipc_send_resolve_query *m, int *fd)
{
	const struct svc_resolve_wish w = {
		.request = m->request, .name = m->name, .type = m->type
	};
	svc_resolve_ask(ctx, &w);
	return ERR_OK;
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	static const struct ipc_send_resolve_at_resolve handlers = { .query = on_query };
	struct svc_resolve_asker *a = ctx;
	arena_reset(a->all->scratch);
	return ipc_send_resolve_resolve_dispatch(&handlers, a, datagram, fd, a->all->scratch);
}

static void
on_closed(void *ctx, enum err why)
{
	struct svc_resolve_asker *a = ctx;
	struct sys_chan *chan = a->chan;
	svc_resolve_drop(a);
	sys_chan_free(&chan);
	if (why != ERR_EOF) {
		LOG(CHANNEL_CLOSED, F_CSTR("edge", a->edge), F_U64("peer", a->peer), F_ERR(why));
		svc_common_rewire(a->all->sc, str_from(a->edge), a->peer);
	}
}

static enum err
on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd)
{
	struct svc_resolve *r = sc->ctx;
	size_t i = 0;
	while (i < LEN(edges) && !str_eq(edge, str_from(edges[i].name))) {
		i++;
	}
	ASSERT(i < LEN(edges) && peer < edges[i].n);
	struct svc_resolve_asker *a = place(r, i, peer);
	struct sys_chan *old = a->chan;
	const struct sys_chan_handler h = {
		.on_message = on_message, .on_closed = on_closed, .ctx = a
	};
	svc_resolve_drop(a);
	sys_chan_free(&old);
	a->peer = peer;
	return sys_chan_new(sc->loop, fd, &h, &a->chan);
}

/* --- the rest ------------------------------------------------------------------------------ */

static void
on_reload(struct svc_common *sc)
{
	struct svc_resolve *r = sc->ctx;
	struct buf now;
	buf_init(&now, SETTINGS_MAX);
	put_settings(&now, sc->conf);
	bool same = str_eq(buf_view(&now), buf_view(&r->settings));
	buf_done(&now);
	if (!same) {
		LOG(QUIT, F_CSTR("reason", "settings of resolve changed"));
		svc_common_exit(sc);
		return;
	}
	take_limits(r);
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	const struct svc_resolve *r = sc->ctx;
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = { { "pending", r->pending }, { "questions", r->questions },
		{ "secure", r->secure }, { "insecure", r->insecure }, { "bogus", r->bogus },
		{ "no_such_name", r->missing }, { "unanswered", r->failed }, { "late", r->late },
		{ "refused", r->refused }, { "dropped", r->dropped } };
	buf_printf(facts, "validating=%s\n", r->validating ? "yes" : "no");
	buf_printf(facts, "second_path=%s\n", r->second.ub != NULL ? "yes" : "no");
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_printf(facts, "%s=%llu\n", rows[i].key, (unsigned long long)rows[i].value);
	}
}

const struct svc_common_service svc_resolve_service = {
	.name = "resolve",
	.profile = svc_resolve_profile,
	.init = init,
	.start = start,
	.on_wire = on_wire,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_admin = svc_resolve_on_admin,
	.on_admin_closed = svc_resolve_on_admin_closed,
};
