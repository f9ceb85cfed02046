/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every number of the parent, with its reason.
 */
#ifndef SVC_PARENT_LIMITS_H
#define SVC_PARENT_LIMITS_H

enum {
	SVC_PARENT_PROCS_MAX = 320,      /* 64 gates, 2 * 64 smtp, 64 hash and the single ones */
	SVC_PARENT_LISTENERS_MAX = 128,  /* 8 protocols, 16 addresses each (settings.def) */
	SVC_PARENT_CERTS_MAX = 64,       /* as settings.def */
	SVC_PARENT_SETTINGS_MAX = 98304, /* as message config of parent_child.def */
	SVC_PARENT_CHAIN_MAX = 65536,    /* as message certificate */
	SVC_PARENT_KEY_MAX = 16384,
	SVC_PARENT_TEXT_MAX = 4096, /* complaints told to the administrator, as adm_parent.def */

	SVC_PARENT_BACKOFF_MS = 100,       /* first wait before a process is started again, */
	SVC_PARENT_BACKOFF_MAX_MS = 30000, /* doubled up to this, */
	SVC_PARENT_STABLE_MS = 60000,      /* and forgotten when it ran so long */
	SVC_PARENT_CERTS_MS = 10000,       /* between two looks at the certificate files */
	SVC_PARENT_STATUS_MS = 1000,  /* a process that does not answer by then is shown without */
	SVC_PARENT_GRACE_MS = 10000,  /* for a stop without a time */
	SVC_PARENT_REWIRES_MAX = 100, /* new channels a process may ask for in one life */

	SVC_PARENT_FDS_PER_CONNECTION = 2, /* a gate holds the socket and the session's stream */
	SVC_PARENT_FDS_SPARE = 1024,       /* channels, listeners, epoll */
};

#endif
