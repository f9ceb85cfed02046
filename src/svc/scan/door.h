/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where somebody else's program listens: the socket of a scanner or filter. Counts how many
 * connections are open, and does not knock for a while when nobody was there.
 */
#ifndef SVC_SCAN_DOOR_H
#define SVC_SCAN_DOOR_H

#include "base/err.h"
#include "base/str.h"
#include "sys/sock.h"

struct svc_scan_door {
	str path;  /* as configured */
	str local; /* of a UNIX socket; empty: TCP */
	struct sys_addr tcp;
	unsigned open, max; /* connections */
	bool shut;          /* the last try failed; said in the log once */
	uint32_t wait_ms;   /* how long not to try, doubled each time */
	int64_t again_ms;   /* before that nobody knocks */
	uint64_t tries, failures;
};

/*
 * In      path: "unix:PATH", "PATH" or "inet:PORT@ADDRESS", borrowed for good; max: connections at
 *         a time
 * Errors  ERR_SYNTAX: it is none of them
 */
enum err svc_scan_door_init(struct svc_scan_door *d, str path, unsigned max);

/*
 * Connect. Over TCP the connection may be on its way still: when it is writable for the first time,
 * or lasts too long, say so by svc_scan_door_found().
 *
 * In      now_ms: of the loop
 * Errors  ERR_BUSY: as many are open as there may be, or too many wait there: later;
 *         ERR_UNAVAILABLE: nobody was there a moment ago; others: nobody is there now
 */
enum err svc_scan_door_enter(struct svc_scan_door *d, int64_t now_ms, int *ret_fd);

/* In      why: ERR_OK: somebody is there */
void svc_scan_door_found(struct svc_scan_door *d, int64_t now_ms, enum err why);

/* Close a connection. */
void svc_scan_door_leave(struct svc_scan_door *d, int *fd);

#endif
