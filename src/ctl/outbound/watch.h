/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the watch process for attempts and showing them; for `postern attempts` and `postern why`.
 */
#ifndef CTL_OUTBOUND_WATCH_H
#define CTL_OUTBOUND_WATCH_H

#include "ctl/ctl.h"
#include "ipc/adm_watch.h"
#include "reach/journal.h"

struct ctl_watch {
	struct ctl *c;
	void (*show)(struct ctl_watch *w, const struct ipc_adm_watch_try *t); /* may be NULL */
	void *ctx;
	uint64_t shown, last_id;
	bool more, ended;
	enum err result;
	/* The newest attempt seen; class empty: it delivered. */
	enum reach_class newest;
	bool any;
	int64_t newest_ms;
	/* Of letters from outside: how many, and the newest. */
	uint64_t arrived, arrived_entry;
	uint8_t arrived_end;
	struct buf arrived_text, arrived_why;
};

/*
 * Walk over the attempts that fit, newest first, at most `max`; c->fd leads to watch.
 *
 * Out     w->shown, w->any, w->newest
 * Errors  said to the user
 */
enum ctl_exit ctl_watch_find(struct ctl_watch *w, const struct ipc_adm_watch_find *q, uint64_t max);

/* One row of the list that ctl_watch_list began. */
void ctl_watch_put(struct ctl_watch *w, const struct ipc_adm_watch_try *t);
void ctl_watch_list(struct ctl *c);

/*
 * List what came in, newest first, at most `max`; c->fd leads to watch.
 *
 * Out     w->arrived, w->arrived_*
 * Errors  said to the user
 */
enum ctl_exit ctl_watch_arrived(struct ctl_watch *w, const struct ipc_adm_watch_arrived *q,
    uint64_t max);

/* Send c->msg to watch and wait for its answer, for messages of other kinds. */
enum ctl_exit ctl_watch_ask(struct ctl_watch *w, const struct ipc_adm_watch_at_admin *handlers);

/* What a class means and what can be done: members or lines means, help, class. */
void ctl_watch_explain(struct ctl *c, enum reach_class class);

#endif
