/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings of the fetch process that are not settings.
 */
#ifndef SVC_FETCH_LIMITS_H
#define SVC_FETCH_LIMITS_H

enum {
	SVC_FETCH_SENDS_MAX = 16,    /* send processes; the setting ends at 8 */
	SVC_FETCH_GETS_MAX = 32,     /* HTTPS connections at a time */
	SVC_FETCH_SOCKETS_MAX = 128, /* their sockets: libcurl tries several addresses at once */
	SVC_FETCH_WAITS_MAX = 1000,  /* questions that wait for one of them */
	SVC_FETCH_ADDRESSES_MAX = 16,
	SVC_FETCH_MX_TEXT_MAX = 64 * 256,
	SVC_FETCH_SCRATCH = 256 << 10,
	SVC_FETCH_ROWS_MAX = 100000, /* domains in the cache; the oldest go first */
	SVC_FETCH_PRUNE_S = 3600,
	SVC_FETCH_FAILED_S = 86400, /* a failure is remembered that long */
};

#endif
