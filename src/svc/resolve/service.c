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

static enum err
init(struct svc_common *sc)
{
	struct svc_resolve *r = ARENA_NEW(sc->arena, struct svc_resolve);
	if (r == NULL) {
		return ERR_NOMEM;
	}
	r->sc = sc;
	sc->ctx = r;
	list_init(&r->lines[0]);
	list_init(&r->lines[1]);
	r->scratch = arena_new(sc->arena, "message", SVC_RESOLVE_SCRATCH, 0);
	buf_init(&r->out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&r->settings, SETTINGS_MAX);
	if (r->scratch == NULL) {
		return ERR_NOMEM;
	}
	take_limits(r);
	put_settings(&r->settings, sc->conf);
	TRY(svc_resolve_kept_init(r));
	return svc_resolve_paths_init(r);
}

static enum err
start(struct svc_common *sc)
{
	struct svc_resolve *r = sc->ctx;
	return svc_resolve_paths_start(r);
}

static struct svc_resolve_asker *
asker_of(struct svc_common_link *l)
{
	return CONTAINER_OF(l, struct svc_resolve_asker, link);
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
on_message(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_send_resolve_at_resolve handlers = { .query = on_query };
	struct svc_resolve *r = from->sc->ctx;
	arena_reset(r->scratch);
	return ipc_send_resolve_resolve_dispatch(&handlers, asker_of(from), datagram, fd,
	    r->scratch);
}

static void
on_up(struct svc_common_link *l)
{
	svc_resolve_asker_init(l->sc->ctx, asker_of(l));
}

static void
on_down(struct svc_common_link *l)
{
	svc_resolve_drop(asker_of(l));
}

/* All of them have the messages of send_resolve. */
#define ASKERS(edge, member)                                                     \
	{                                                                        \
		S_INIT(edge), SVC_COMMON_LINKS_IN(struct svc_resolve, member),   \
		    .on_message = on_message, .on_up = on_up, .on_down = on_down \
	}

static const struct svc_common_edge edges[] = {
	ASKERS("send_resolve", sends),
	ASKERS("scan_resolve", scans),
	ASKERS("watch_resolve", watch),
	ASKERS("policy_resolve", policy),
	{ .n = 0 },
};

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
	const struct svc_common_fact rows[] = { { "pending", r->pending },
		{ "questions", r->questions }, { "from_memory", r->from_kept },
		{ "secure", r->secure }, { "insecure", r->insecure }, { "bogus", r->bogus },
		{ "no_such_name", r->missing }, { "unanswered", r->failed }, { "late", r->late },
		{ "refused", r->refused }, { "dropped", r->dropped } };
	buf_printf(facts, "validating=%s\n", r->validating ? "yes" : "no");
	buf_printf(facts, "second_path=%s\n", r->second.ub != NULL ? "yes" : "no");
	svc_common_facts(facts, rows, LEN(rows));
}

const struct svc_common_service svc_resolve_service = {
	.name = "resolve",
	.profile = svc_resolve_profile,
	.init = init,
	.start = start,
	.edges = edges,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_admin = svc_resolve_on_admin,
	.on_admin_closed = svc_resolve_on_admin_closed,
};
