/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watch process between a played send, scan, smtp, resolve, queue and administrator, in a folder
 * of its own.
 */
#ifndef SVC_WATCH_WORLD_TEST_H
#define SVC_WATCH_WORLD_TEST_H

#include "base/mem.h"
#include "conf/conf.h"
#include "ipc/send_watch.h"
#include "svc/watch/watch.h"

struct world {
	char folder[64];
	struct svc_common sc;
	struct conf conf;
	int send, resolve, queue, admin, smtp, scan; /* our ends */
	size_t arrived;
	uint64_t arrived_entry;
	struct sys_chan *admin_chan; /* the process's end */
	struct buf in, out;
	struct arena *arena;
	size_t questions, letters, tries;
	uint64_t request, txn;
	str reply, body, recipient;
	bool unenforced, more;
	const char *asked_for; /* what resolve is to be asked next */
};

/* A process with all its channels, nothing in its journal; and its end. */
void svc_watch_world_begin(struct world *w);
void svc_watch_world_end(struct world *w);
/* Let it do what there is to do. */
void svc_watch_world_turn(struct world *w);
/* Send w->out on one of our ends. */
void svc_watch_world_put(struct world *w, int fd);
/* What send tells: any attempt, and one that was greylisted just now. */
void svc_watch_world_attempt(struct world *w, struct ipc_send_watch_attempt m);
struct ipc_send_watch_attempt svc_watch_world_sample(void);
/* Send what is in w->out as the administrator, and take the answer. */
void svc_watch_world_ask(struct world *w);

#endif
