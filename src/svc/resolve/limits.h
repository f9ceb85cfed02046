/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings of the resolve process that are not settings.
 */
#ifndef SVC_RESOLVE_LIMITS_H
#define SVC_RESOLVE_LIMITS_H

enum {
	SVC_RESOLVE_SENDS_MAX = 16, /* send processes; the setting ends at 8 */
	SVC_RESOLVE_SCANS_MAX = 64, /* scan processes: the most there can be */
	/* Under way and waiting: some 8 MB. A queue that wakes up asks 3 questions a domain. */
	SVC_RESOLVE_LINE_MAX = 20000,
	SVC_RESOLVE_ADMIN_MAX = 200,     /* questions of one administrator: a whole `dns check` */
	SVC_RESOLVE_RECORDS_MAX = 100,   /* list `records` of the edges; the rest is left out */
	SVC_RESOLVE_RECORD_MAX = 8192,   /* `rdata` of dns_record; longer ones are left out */
	SVC_RESOLVE_OCTETS_MAX = 120000, /* of all records of an answer: it must fit a message */
	SVC_RESOLVE_SCRATCH = 512 * 1024,
	SVC_RESOLVE_SECOND_CACHE = 1024 * 1024, /* the second path is asked a few times a day */
	SVC_RESOLVE_KEPT_MAX = 4096,            /* answers kept ready */
	SVC_RESOLVE_KEPT_OCTETS = 2048,         /* of one; larger ones are not kept */
	SVC_RESOLVE_KEPT_MS = 30 * 1000,        /* and their time to live at most */
	SVC_RESOLVE_SOCKETS = 512, /* open at a time for one path; below select()'s 1024 */
};

#endif
