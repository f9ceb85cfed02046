/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels between processes: whoever starts is wired to all that live. Both ends get the message
 * `wire` with the other's index; an old channel under that name is replaced.
 */
#include "svc/parent/parent_priv.h"

#include "ipc/parent_child.h"

static void
tell(struct svc_parent_proc *c, const struct svc_parent_edge *edge,
    const struct svc_parent_proc *peer, int fd)
{
	struct ipc_parent_child_wire m = {
		.edge = edge->name, .peer = peer->index, .set = peer->row->set
	};
	buf_reset(&c->parent->out);
	ipc_parent_child_wire_put(&c->parent->out, &m);
	svc_parent_proc_tell(c, fd);
}

static void
join(struct svc_parent_proc *c, struct svc_parent_proc *peer, const struct svc_parent_edge *edge)
{
	int fds[2];
	enum err e = sys_chan_pair(fds);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "wire"), F_ERR(e), F_STR("detail", edge->name));
		return;
	}
	tell(c, edge, peer, fds[0]);
	tell(peer, edge, c, fds[1]);
}

/* The program at the other end of this edge as c sees it; p == NULL: c is not on it. */
static str
other_end(const struct svc_parent_proc *c, const struct svc_parent_edge *edge)
{
	if (str_eq(c->row->program, edge->a)) {
		return edge->b;
	}
	return str_eq(c->row->program, edge->b) ? edge->a : STR_NONE;
}

void
svc_parent_wire_all(struct svc_parent_proc *c)
{
	struct svc_parent *p = c->parent;
	const struct svc_parent_edge *edges;
	size_t n = svc_parent_table_edges(&edges);
	for (size_t i = 0; i < n; i++) {
		str program = other_end(c, &edges[i]);
		for (size_t k = 0; k < p->procs_n && program.p != NULL; k++) {
			struct svc_parent_proc *peer = &p->procs[k];
			if (peer != c && str_eq(peer->row->program, program) &&
			    svc_parent_proc_lives(peer)) {
				join(c, peer, &edges[i]);
			}
		}
	}
}

void
svc_parent_wire_again(struct svc_parent_proc *c, str edge, uint32_t peer)
{
	struct svc_parent *p = c->parent;
	const struct svc_parent_edge *edges;
	size_t n = svc_parent_table_edges(&edges);
	if (c->rewires++ >= SVC_PARENT_REWIRES_MAX) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		str program = other_end(c, &edges[i]);
		if (!str_eq(edges[i].name, edge) || program.p == NULL) {
			continue;
		}
		for (size_t k = 0; k < p->procs_n; k++) {
			struct svc_parent_proc *q = &p->procs[k];
			if (str_eq(q->row->program, program) && q->index == peer &&
			    svc_parent_proc_lives(q)) {
				join(c, q, &edges[i]);
			}
		}
	}
}
