/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy process: whether a peer, a sender, a recipient may go on, and what is remembered of
 * them. It asks DNS through resolve and keeps what it knows in src/policy. Read: service.c, then a
 * file per edge.
 */
#ifndef SVC_POLICY_POLICY_H
#define SVC_POLICY_POLICY_H

#include "svc/common/service.h"
#include "svc/policy/limits.h"

struct svc_policy;
struct svc_policy_edge;

/* One channel to a process that asks. */
struct svc_policy_peer {
	struct svc_policy *p;
	const struct svc_policy_edge *edge;
	struct sys_chan *chan; /* NULL: a free place */
	uint32_t index;
};

struct svc_policy {
	struct svc_common *sc;
	struct arena *scratch; /* one message */
	struct buf out;
	bool started;
	struct svc_policy_peer smtps[SVC_POLICY_SMTPS_MAX], scans[SVC_POLICY_SCANS_MAX];
	struct svc_policy_peer accounts, resolve, queue;
	uint64_t asked; /* recipients */
};

/* One kind of channel. */
struct svc_policy_edge {
	str name;
	/* A dispatch function with the peer as ctx. */
	enum err (*on_message)(void *ctx, str datagram, int *fd);
	void (*on_up)(struct svc_policy *p);   /* may be NULL */
	void (*on_down)(struct svc_policy *p); /* may be NULL */
};

/* peers.c: the channels. */
enum err svc_policy_on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd);
/* Begin to listen to all of them. */
void svc_policy_listen(struct svc_policy *p);
/* Send p->out; whoever does not take it asks again or goes on without. */
void svc_policy_send(struct svc_policy_peer *to);

/* smtp.c, scan.c: one function per edge, for the table in peers.c. */
enum err svc_policy_from_smtp(void *ctx, str datagram, int *fd);
enum err svc_policy_from_scan(void *ctx, str datagram, int *fd);
enum err svc_policy_from_accounts(void *ctx, str datagram, int *fd);
enum err svc_policy_from_resolve(void *ctx, str datagram, int *fd);
enum err svc_policy_from_queue(void *ctx, str datagram, int *fd);

/* service.c, profile.c */
extern const struct svc_common_service svc_policy_service;
enum err svc_policy_profile(struct svc_common *sc, struct sys_sandbox_profile *p);

#endif
