/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's own administrators' socket: edge adm_parent.
 */
#include "svc/parent/parent_priv.h"

#include "ipc/adm_parent.h"

/* Where a message came from. */
struct request {
	struct svc_parent *parent;
	struct sys_chan *from;
};

static void
answer(const struct request *r, uint64_t request, enum err result, str text)
{
	struct svc_parent *p = r->parent;
	struct ipc_adm_parent_done m = { .request = request, .result = result, .text = text };
	buf_reset(&p->out);
	ipc_adm_parent_done_put(&p->out, &m);
	enum err ignored = sys_chan_send(r->from, &p->out, -1);
	(void)ignored;
}

static enum err
on_status_ask(void *ctx, const struct ipc_adm_parent_status_ask *m, int *fd)
{
	struct request *r = ctx;
	svc_parent_status_start(r->parent, r->from, m->request);
	return ERR_OK;
}

static enum err
on_reload(void *ctx, const struct ipc_adm_parent_reload *m, int *fd)
{
	struct request *r = ctx;
	char room[SVC_PARENT_TEXT_MAX];
	struct buf text;
	buf_init_fixed(&text, room, sizeof room);
	enum err e = svc_parent_reload(r->parent, "administrator", &text);
	answer(r, m->request, e, buf_view(&text));
	return ERR_OK;
}

static enum err
on_stop(void *ctx, const struct ipc_adm_parent_stop *m, int *fd)
{
	struct request *r = ctx;
	answer(r, m->request, ERR_OK, S("stopping"));
	svc_parent_stop(r->parent, "administrator", m->grace_ms);
	return ERR_OK;
}

static enum err
on_message(void *ctx, struct sys_chan *from, str datagram, int *fd)
{
	static const struct ipc_adm_parent_at_parent handlers = {
		.status_ask = on_status_ask,
		.reload = on_reload,
		.stop = on_stop,
	};
	struct request r = { ctx, from };
	return ipc_adm_parent_parent_dispatch(&handlers, &r, datagram, fd, r.parent->scratch);
}

static void
on_closed(void *ctx, struct sys_chan *from)
{
	svc_parent_status_forget(ctx, from);
}

enum err
svc_parent_admin_start(struct svc_parent *p)
{
	int fd;
	svc_common_admins_init(&p->admins, p->loop);
	p->admins.on_message = on_message;
	p->admins.on_closed = on_closed;
	p->admins.ctx = p;
	TRY(svc_parent_listen_admin(p, S("parent"), &fd));
	svc_common_admins_take(&p->admins, fd);
	return svc_common_admins_start(&p->admins);
}
