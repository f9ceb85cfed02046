/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's questions: the same as those of send, by either path.
 */
#include "ipc/adm_resolve.h"
#include "svc/resolve/resolve.h"

static enum err
on_query(void *ctx, const struct ipc_adm_resolve_query *m, int *fd)
{
	const struct svc_resolve_wish w = {
		.request = m->request, .name = m->name, .type = m->type, .second = m->second
	};
	svc_resolve_ask(ctx, &w);
	return ERR_OK;
}

static struct svc_resolve_asker *
find(struct svc_resolve *r, const struct sys_chan *from)
{
	for (size_t i = 0; i < LEN(r->admins); i++) {
		if (r->admins[i].link.chan == from) {
			return &r->admins[i];
		}
	}
	return NULL;
}

enum err
svc_resolve_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd)
{
	static const struct ipc_adm_resolve_at_resolve handlers = { .query = on_query };
	struct svc_resolve *r = sc->ctx;
	struct svc_resolve_asker *a = find(r, from);
	if (a == NULL) {
		a = find(r, NULL);
		ASSERT(a != NULL); /* no more of them than svc_common lets in */
		svc_resolve_asker_init(r, a);
		a->link.chan = from;
	}
	arena_reset(r->scratch);
	return ipc_adm_resolve_resolve_dispatch(&handlers, a, datagram, fd, r->scratch);
}

void
svc_resolve_on_admin_closed(struct svc_common *sc, struct sys_chan *from)
{
	struct svc_resolve_asker *a = find(sc->ctx, from);
	if (a != NULL) {
		svc_resolve_drop(a);
		a->link.chan = NULL;
	}
}
