/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The skeleton of every service process. svc_common_main() takes what the parent hands down on
 * descriptor 3 (edge parent_child), asks the service for its sandbox profile, locks it in, and
 * turns the loop until the parent says quit or is gone. A service is this table and its handlers:
 *
 *	config -> profile, init -> on_wire, on_listen, on_certificate -> sandbox -> start
 */
#ifndef SVC_COMMON_SERVICE_H
#define SVC_COMMON_SERVICE_H

#include "base/arena.h"
#include "svc/common/admin.h"
#include "svc/common/link.h"
#include "svc/common/log.h"
#include "sys/chan.h"
#include "sys/loop.h"
#include "sys/sandbox.h"
#include "sys/sock.h"

struct conf;
struct svc_common_service;
struct svc_common_state;

enum { SVC_COMMON_PATH_MAX = 4096 }; /* octets of a path, NUL included */

/* What the skeleton knows; one per process. The service reads it and never changes it. */
struct svc_common {
	const struct svc_common_service *service;
	struct sys_loop *loop;
	const struct conf *conf; /* replaced on reload: never keep pointers into it */
	struct arena *arena;     /* root of the process: lives as long as it */
	uint32_t index;          /* unique among the processes of this program */
	str set;                 /* "gate", "smtp-mx", "smtp-submission", ... */
	str boot_id;
	str secret;    /* accounts only: the same each time it starts */
	bool starting; /* nothing may be read from peers yet */
	struct sys_sandbox_state sandbox;
	void *ctx;                     /* the service's own state, set in init */
	struct svc_common_state *priv; /* the skeleton's own state */
};

/*
 * Functions left NULL are not needed by that service. Errors from profile, init and start end the
 * process (the parent starts it again with back-off).
 */
struct svc_common_service {
	const char *name; /* "gate" */

	/* Fill in what this service may do. Paths must live until start: use sc->arena. */
	enum err (*profile)(struct svc_common *sc, struct sys_sandbox_profile *p);

	/* Outside the sandbox, before anything is handed over: open databases, set sc->ctx. */
	enum err (*init)(struct svc_common *sc);

	/* Inside the sandbox, everything handed over: start listening and serving. */
	enum err (*start)(struct svc_common *sc);

	/* Its links to peers; the row with no name is the last. */
	const struct svc_common_edge *edges;

	/*
	 * A channel to a peer process: at the beginning, and again when that peer was started anew.
	 * Without this function svc_common_wire is called.
	 *
	 * In      edge: "smtp_queue"; peer: index among the processes of the peer's program;
	 *         set: the peer's set ("smtp-mx"); fd: is the service's from now on
	 */
	enum err (*on_wire)(struct svc_common *sc, str edge, uint32_t peer, str set, int fd);

	/* A listening socket; fd is the service's. Nothing may be accepted before start. */
	enum err (*on_listen)(struct svc_common *sc, enum sys_protocol protocol, int fd);

	/*
	 * A certificate chain (PEM), for keys with its key: at the beginning, and when the files
	 * changed. The parent is told what it returns; not OK: it goes on with what it has.
	 */
	enum err (*on_certificate)(struct svc_common *sc, uint32_t slot, str chain, str key);

	/* sc->conf is the new configuration. */
	void (*on_reload)(struct svc_common *sc);

	/* Append lines "key=value\n": counters and states for `postern status`. */
	void (*on_status)(struct svc_common *sc, struct buf *facts);

	/*
	 * Finish what can be finished in grace_ms, take nothing new, then call svc_common_exit().
	 * Without this function the process ends at once.
	 */
	void (*on_quit)(struct svc_common *sc, uint32_t grace_ms);

	/*
	 * A message from the administrator's command: a generated ipc_adm_*_dispatch with `from`
	 * in ctx. Answer with sys_chan_send(from, ...), also later as long as the channel lives.
	 */
	enum err (*on_admin)(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd);

	/* That administrator has gone; forget `from`. */
	void (*on_admin_closed)(struct svc_common *sc, struct sys_chan *from);
};

/* A line of on_status. */
struct svc_common_fact {
	const char *key;
	uint64_t value;
};

/* Append "key=value\n" for each row. */
void svc_common_facts(struct buf *facts, const struct svc_common_fact *rows, size_t n);

/* main() of a service. Out: its exit code. */
int svc_common_main(int argc, char **argv, const struct svc_common_service *service);

/* End the loop after this turn; the process exits with 0. */
void svc_common_exit(struct svc_common *sc);

/*
 * Ask the parent for a new channel in place of one that broke while the peer may still live; it
 * comes by on_wire. Not needed when the peer was restarted: then the parent acts by itself. Does
 * nothing without a parent.
 */
void svc_common_rewire(struct svc_common *sc, str edge, uint32_t peer);

/*
 * A path below the state folder, NUL-terminated, in sc->arena: svc_common_state_path(sc,
 * S("spool")). Asserts memory: only for use before start.
 */
str svc_common_state_path(struct svc_common *sc, str name);

#endif
