/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smtp process in memory: sessions, each an engine of proto/smtp over a stream that a gate
 * handed over, and the channels to auth and queue. session.c moves octets, ask.c asks auth,
 * commit.c gives finished messages to queue, body.c keeps them until then.
 */
#ifndef SVC_SMTP_SERVER_H
#define SVC_SMTP_SERVER_H

#include "base/list.h"
#include "ipc/smtp_auth.h"
#include "proto/smtp/smtp.h"
#include "svc/common/service.h"
#include "svc/smtp/limits.h"

struct svc_smtp;

/* A channel to another process. */
struct svc_smtp_link {
	struct list node; /* gates only */
	struct svc_smtp *server;
	struct sys_chan *chan; /* NULL: gone */
	const char *edge;
	uint32_t peer;
};

/* The octets of a message until it is committed: in memory, or behind that in a file. */
struct svc_smtp_body {
	struct svc_smtp *server;
	struct buf memory; /* all of it, or what is not yet in the file */
	size_t charged;    /* of the process's SVC_SMTP_BODIES_MAX */
	int fd;            /* -1: none */
	uint64_t in_file, size;
};

struct svc_smtp_session {
	struct svc_smtp *server;
	struct list node; /* among the living, or among the dead until the end of the turn */
	uint32_t slot;
	uint64_t request; /* what auth or queue was asked, 0: nothing */
	uint64_t sasl;    /* the exchange under way, 0: none */
	int fd;
	struct sys_watch watch;
	struct sys_timer timer, delay;
	struct arena *arena;
	struct ipc_common_session info;
	struct sys_addr peer;
	struct smtp engine;
	struct buf pending; /* read, but the engine does not take it yet */
	struct svc_smtp_body body;
	uint64_t lines;       /* of the engine, when the timer was set */
	int64_t data_from_ms; /* DATA began; 0: not in DATA */
	bool closing;         /* nothing more is said after the output */
	bool shut;            /* our direction is ended; waiting for the other */
	bool dead;
	char literal[SYS_ADDR_TEXT_MAX];
};

struct svc_smtp_counters {
	uint64_t sessions, accepted, octets, refused, lost, auth_lost, queue_lost;
};

struct svc_smtp {
	struct svc_common *sc;
	struct smtp_conf conf;
	char hostname[256];
	int64_t command_ms, data_ms;
	struct svc_smtp_link auth, queue;
	struct list gates;
	struct list sessions, dead;
	struct svc_smtp_session **slots; /* by number; NULL: free */
	uint32_t slots_n, slots_cap, living;
	uint64_t asked; /* questions so far; never begins anew while the process lives */
	struct sys_task bury;
	struct buf out; /* the message under way to a peer */
	struct ipc_common_rcpt *rcpts;
	struct arena *scratch; /* of one message from a peer */
	char *in;              /* SVC_SMTP_READ_MAX octets, for the read under way */
	int tmp;               /* folder of large bodies */
	size_t bodies;         /* octets of bodies in memory */
	bool quitting;
	struct svc_smtp_counters counters;
};

/* The table of contents: functions of struct svc_common_service. */
enum err svc_smtp_init(struct svc_common *sc);
/* Free what init took; the process itself just ends, tests do not. */
void svc_smtp_done(struct svc_common *sc);
enum err svc_smtp_profile(struct svc_common *sc, struct sys_sandbox_profile *p);
enum err svc_smtp_on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd);
void svc_smtp_on_reload(struct svc_common *sc);
void svc_smtp_on_status(struct svc_common *sc, struct buf *facts);
void svc_smtp_on_quit(struct svc_common *sc, uint32_t grace_ms);

/*
 * Begin a session.
 *
 * In      info: from the gate, copied; fd: its stream, taken whatever comes back
 * Errors  ERR_PROTOCOL: no SMTP session; ERR_TOOMANY, ERR_BUDGET, ERR_NOMEM: this one is refused
 */
enum err svc_smtp_session_new(struct svc_smtp *sv, const struct ipc_common_session *info, int fd);
/* After the engine was given an answer: do what it wants, write what it says, take more octets. */
void svc_smtp_session_run(struct svc_smtp_session *x);
/* Close at once; the memory goes at the end of the turn. `why` is for the log. */
void svc_smtp_session_end(struct svc_smtp_session *x, const char *why);
/* At the end of a turn: free the sessions that ended in it. */
void svc_smtp_bury(void *ctx);
/* Ask every session to end. */
void svc_smtp_sessions_quit(struct svc_smtp *sv);
/* The session that asked `request`, which is then answered; NULL: it is gone, or asks no more. */
struct svc_smtp_session *svc_smtp_session_answered(struct svc_smtp *sv, uint64_t request);
/*
 * A new number for a question of this session, never given before: an answer meant for a session
 * that is gone must not reach the one that got its place.
 */
uint64_t svc_smtp_session_request(struct svc_smtp_session *x);

/* Put questions of the engine to auth. When auth is gone they are answered at once. */
void svc_smtp_ask(struct svc_smtp_session *x, const struct smtp_action *a);
void svc_smtp_ask_abort(struct svc_smtp_session *x);
enum err svc_smtp_on_auth(void *ctx, str datagram, int *fd);
/* No answer came, or will: the engine is told so. */
void svc_smtp_no_answer(struct svc_smtp_session *x);
/* Every session that waits for auth (or queue) gets no answer. */
void svc_smtp_peer_gone(struct svc_smtp *sv, bool queue);

/* An empty body; nothing is taken yet. */
void svc_smtp_body_init(struct svc_smtp_body *b, struct svc_smtp *sv);
/* Forget all octets and close the file. */
void svc_smtp_body_reset(struct svc_smtp_body *b);
/*
 * In      expected: octets that will come in all, if known, else 0
 * Errors  ERR_NOSPACE, ERR_IO, ERR_NOFD, ERR_NOMEM: the message cannot be kept
 */
enum err svc_smtp_body_add(struct svc_smtp_body *b, str octets, uint64_t expected);
/* Everything added is in the file, when there is one. Errors as above. */
enum err svc_smtp_body_finish(struct svc_smtp_body *b);

/* Give the engine's transaction to queue. */
void svc_smtp_commit(struct svc_smtp_session *x);
enum err svc_smtp_on_queue(void *ctx, str datagram, int *fd);

#endif
