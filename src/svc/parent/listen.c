/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets: bound by the parent, which alone may use ports below 1024, and handed as they
 * are to every gate. The administrators' sockets go to their services.
 */
#include "svc/parent/parent_priv.h"

#include "ipc/parent_child.h"

enum { ADMIN_MODE = 0600 };

static const struct conf_list *
addresses(const struct conf *c, enum sys_protocol p)
{
	const struct conf_list *of[SYS_PROTOCOL_COUNT] = {
		[SYS_MX] = &c->listen_mx,
		[SYS_SUBMISSION] = &c->listen_submission,
		[SYS_SUBMISSIONS] = &c->listen_submissions,
		[SYS_IMAP] = &c->listen_imap,
		[SYS_IMAPS] = &c->listen_imaps,
		[SYS_POP3] = &c->listen_pop3,
		[SYS_POP3S] = &c->listen_pop3s,
		[SYS_MANAGESIEVE] = &c->listen_managesieve,
	};
	return of[p];
}

static enum err
listen_one(struct svc_parent *p, enum sys_protocol protocol, str text)
{
	const struct sys_protocol_row *row = sys_protocol_row(protocol);
	struct svc_parent_listener *l = &p->listeners[p->listeners_n];
	*l = (struct svc_parent_listener){ .protocol = protocol, .fd = -1 };
	if (p->listeners_n == LEN(p->listeners)) {
		return ERR_TOOMANY;
	}
	enum err e = sys_addr_parse(text, row->port, &l->addr);
	if (e == ERR_OK) {
		e = sys_sock_listen(&l->addr, &l->fd);
	}
	if (e != ERR_OK) {
		LOG(PARENT_LISTEN_FAILED, F_STR("address", text), F_STR("port", row->name),
		    F_ERR(e));
		return e;
	}
	p->listeners_n++;
	LOG(PARENT_LISTEN, F_ADDR("address", &l->addr), F_STR("port", row->name));
	return ERR_OK;
}

/*
 * An address that cannot be bound stops the start: half a server is worse than a clear message.
 * Only an IPv6 wildcard may be missing, on machines without IPv6.
 */
enum err
svc_parent_listen_all(struct svc_parent *p)
{
	for (int i = 0; i < SYS_PROTOCOL_COUNT; i++) {
		const struct conf_list *list = addresses(p->conf, (enum sys_protocol)i);
		for (size_t k = 0; k < list->n; k++) {
			enum err e = listen_one(p, (enum sys_protocol)i, list->v[k]);
			bool may_miss = e == ERR_UNSUPPORTED && str_starts(list->v[k], S("[::]"));
			if (e != ERR_OK && !may_miss) {
				return e;
			}
		}
	}
	return ERR_OK;
}

void
svc_parent_listen_done(struct svc_parent *p)
{
	for (size_t i = 0; i < p->listeners_n; i++) {
		sys_close(&p->listeners[i].fd);
	}
	p->listeners_n = 0;
}

enum err
svc_parent_listen_give(struct svc_parent_proc *c)
{
	struct svc_parent *p = c->parent;
	for (size_t i = 0; i < p->listeners_n; i++) {
		struct ipc_parent_child_listen m = {
			.protocol = (uint8_t)p->listeners[i].protocol
		};
		int fd;
		TRY(sys_dup(p->listeners[i].fd, &fd));
		buf_reset(&p->out);
		ipc_parent_child_listen_put(&p->out, &m);
		svc_parent_proc_tell(c, fd);
	}
	return ERR_OK;
}

enum err
svc_parent_listen_admin(struct svc_parent *p, str program, int *ret_fd)
{
	char name[64];
	struct buf b;
	buf_init_fixed(&b, name, sizeof name);
	buf_printf(&b, "run/%.*s.sock", STR_ARG(program));
	return sys_sock_listen_local(svc_parent_state_path(p, buf_view(&b)), ADMIN_MODE, ret_fd);
}
