/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work on files that belong to a service's user, in a process of its own: it becomes that user
 * first, so that root leaves no file of its own behind, and locks itself into the folders it needs,
 * because it reads what strangers have written. It tells what it finds line by line and leaves its
 * numbers where the command sees them while it works.
 */
#ifndef CTL_WORKER_H
#define CTL_WORKER_H

#include "ctl/table.h"
#include "store/care.h"
#include "store/transfer.h"
#include "sys/sandbox.h"

enum { CTL_WORKER_LINE_MAX = 4096 };

/* Seen by both processes. */
struct ctl_worker_shared {
	struct store_report report;
	struct store_transfer transfer;
	uint64_t octets;                                /* given back by compact */
	uint64_t account, quota_octets, quota_messages; /* found in the directory */
	bool ended;                                     /* the work came to its end */
	enum err result;
};

struct ctl_worker {
	struct ctl *c;
	str owner_of;   /* become the user this file or folder belongs to */
	bool reach_all; /* keep root's right to read and write the files of others */
	struct sys_sandbox_path paths[2]; /* all that it may touch */
	size_t paths_n;
	/* Runs in the other process. Lines go out by ctl_worker_line. */
	enum err (*work)(struct ctl_worker *w, struct ctl_worker_shared *sh);
	/* Both may be NULL: a line came; half a second has passed at a terminal. */
	void (*line)(struct ctl_worker *w, str text);
	void (*progress)(struct ctl_worker *w, const struct ctl_worker_shared *sh);
	void *ctx;
	struct ctl_worker_shared *sh; /* after the run, until ctl_worker_done */
	int fd;                       /* in the other process: to the command */
};

/*
 * Run w->work and wait for it.
 *
 * Errors  what work gave; ERR_NOTFOUND, ERR_DENIED (owner_of); ERR_BUG: the process crashed
 */
enum err ctl_worker_run(struct ctl_worker *w);
void ctl_worker_done(struct ctl_worker *w);

/* From inside work; ctx is the ctl_worker, so it fits store's `line` callbacks. */
void ctl_worker_line(void *ctx, str text);

#endif
