/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smtp process in memory: sessions, each an engine of proto/smtp over a stream that a gate
 * handed over, and the channels to others. session.c moves octets, ask.c asks auth, policy.c
 * policy, scan.c has a finished message looked at, commit.c gives it to queue, tell.c tells watch
 * how it ended; body.c keeps it until then.
 */
#ifndef SVC_SMTP_SERVER_H
#define SVC_SMTP_SERVER_H

#include "base/list.h"
#include "ipc/common.h"
#include "ipc/smtp_auth.h"
#include "proto/smtp/smtp.h"
#include "svc/common/service.h"
#include "svc/smtp/limits.h"

struct svc_smtp;

/* The octets of a message until it is committed: in memory, or behind that in a file. */
struct svc_smtp_body {
	struct svc_smtp *server;
	struct buf prefix; /* what stands before all else */
	struct buf memory; /* all of the rest, or what is not yet in the file */
	size_t charged;    /* of the process's SVC_SMTP_BODIES_MAX */
	int fd;            /* -1: none */
	bool sealed;       /* it is a file in memory that nobody changes any more */
	uint64_t in_file, size;
	uint64_t expected; /* of a composed one: in all */
};

/*
 * What policy and scan said of the transaction under way; texts live in the arena, which is made
 * when the first of them speaks and emptied when a transaction asks its first question.
 */
struct svc_smtp_facts {
	struct arena *arena;
	struct ipc_common_trust trust;
	struct ipc_common_listed *listed;
	size_t listed_n;
	bool looked_at; /* by scan; what follows is from it */
	bool told;      /* watch knows how it ended */
	size_t junk;    /* recipients whose copy goes to the mailbox for junk */
	int64_t score;
	str message_id, from, why;
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
	struct buf trace; /* our own fields, in front of the body in the end */
	struct svc_smtp_facts facts;
	const struct svc_common_link *scan; /* that has the letter */
	uint32_t rcpts;                     /* of committed messages */
	uint64_t stored;                    /* octets of the message that queue was given */
	uint64_t lines;                     /* of the engine, when the timer was set */
	int64_t data_from_ms;               /* DATA began; 0: not in DATA */
	bool closing;                       /* nothing more is said after the output */
	bool shut;                          /* our direction is ended; waiting for the other */
	bool dead;
	char literal[SYS_ADDR_TEXT_MAX];
};

struct svc_smtp_counters {
	uint64_t sessions, accepted, octets, refused, lost, auth_lost, queue_lost;
	uint64_t policy_lost, scan_lost, watch_lost; /* channels that closed */
	uint64_t policy_absent, scan_absent, held; /* questions nobody answered; letters put off */
	uint64_t untold;                           /* letters watch did not hear of */
	uint64_t junk, scan_refused, scan_later;   /* letters */
};

struct svc_smtp {
	struct svc_common *sc;
	struct smtp_conf conf;
	char hostname[256];
	int64_t command_ms, data_ms;
	struct svc_common_link auth, queue, policy, watch;
	struct svc_common_link gates[SVC_SMTP_GATES_MAX], scans[SVC_SMTP_SCANS_MAX];
	size_t turn; /* the scan process that is asked first */
	struct list sessions, dead;
	struct svc_smtp_session **slots; /* by number; NULL: free */
	uint32_t slots_n, slots_cap, living;
	uint64_t asked; /* questions so far; never begins anew while the process lives */
	struct sys_task bury;
	struct buf out; /* the message under way to a peer */
	struct ipc_common_rcpt *rcpts;
	struct ipc_smtp_scan_target *targets; /* as many */
	char *piece;                          /* SVC_SMTP_INLINE_MAX octets, for copying */
	struct arena *scratch;                /* of one message from a peer */
	char *in;                             /* SVC_SMTP_READ_MAX octets, for the read under way */
	int tmp;                              /* folder of large bodies */
	size_t bodies;                        /* octets of bodies in memory */
	bool quitting;
	struct svc_smtp_counters counters;
};

/* The process that a link belongs to. */
static inline struct svc_smtp *
svc_smtp_of(const struct svc_common_link *l)
{
	return l->sc->ctx;
}

extern const struct svc_common_service svc_smtp_service; /* server.c */
/* Free what its init took; the process itself just ends, tests do not. */
void svc_smtp_done(struct svc_common *sc);
enum err svc_smtp_profile(struct svc_common *sc, struct sys_sandbox_profile *p);

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
enum err svc_smtp_from_auth(struct svc_common_link *from, str datagram, int *fd);
/* No answer came, or will: the engine is told so. */
void svc_smtp_no_answer(struct svc_smtp_session *x);
/* Every session that waits for this peer gets no answer. */
void svc_smtp_peer_gone(struct svc_common_link *gone);

/* policy.c: may this peer, this recipient go on? Without policy they may, at once. */
void svc_smtp_policy_ask(struct svc_smtp_session *x, const struct smtp_action *a);
void svc_smtp_policy_absent(struct svc_smtp_session *x);
enum err svc_smtp_from_policy(struct svc_common_link *from, str datagram, int *fd);
/* The session is over. */
void svc_smtp_policy_ended(struct svc_smtp_session *x);
/* The arena of x->facts; NULL: no memory. */
struct arena *svc_smtp_facts_arena(struct svc_smtp_session *x);
void svc_smtp_facts_reset(struct svc_smtp_session *x);

/* scan.c: have the finished message looked at, and put it together as it will be stored. */
void svc_smtp_scan_ask(struct svc_smtp_session *x);
/* Nobody looked: setting scan.absent. */
void svc_smtp_scan_absent(struct svc_smtp_session *x);
enum err svc_smtp_from_scan(struct svc_common_link *from, str datagram, int *fd);

/* forward.c: copies for elsewhere. True: it goes in circles, and was refused. */
bool svc_smtp_forward_refused(struct svc_smtp_session *x);
/* Copies that are forwarded, or that are junk and for that reason not. */
size_t svc_smtp_forward_count(const struct svc_smtp_session *x, bool junk);

/* A part of a message that is to be left out. */
struct svc_smtp_cut {
	uint64_t at;
	uint32_t length;
};
/*
 * Make the body what will be stored: `header`, the trace, and the body without the cuts.
 *
 * In      cuts: rising, not overlapping, within the body
 * Errors  those of svc_smtp_body_add
 */
enum err svc_smtp_compose(struct svc_smtp_session *x, str header, const struct svc_smtp_cut *cuts,
    size_t n);

/* tell.c: watch hears how letters from outside, and their recipients, ended. */
enum svc_smtp_ending {
	SVC_SMTP_INBOX = 1,
	SVC_SMTP_JUNK,
	SVC_SMTP_REFUSED,
	SVC_SMTP_LATER,
	SVC_SMTP_VIRUS,
	SVC_SMTP_SOME_JUNK,
	SVC_SMTP_FORWARDED, /* and no copy stayed here */
};
struct svc_smtp_ended {
	enum svc_smtp_ending end;
	uint64_t entry;
	uint16_t code;
	str enhanced, text;
	str from;  /* empty: the transaction's */
	str about; /* the recipient that was refused; empty: all of the transaction */
};
void svc_smtp_tell(struct svc_smtp_session *x, const struct svc_smtp_ended *e);
/* A recipient or message was refused: for the log, and for watch unless it knows. */
void svc_smtp_tell_refused(struct svc_smtp_session *x, const struct smtp_action *a);

/* An empty body; nothing is taken yet. */
void svc_smtp_body_init(struct svc_smtp_body *b, struct svc_smtp *sv);
/* Forget all octets and close the file. */
void svc_smtp_body_reset(struct svc_smtp_body *b);
/*
 * In      expected: octets that will come in all, if known, else 0
 * Errors  ERR_NOSPACE, ERR_IO, ERR_NOFD, ERR_NOMEM: the message cannot be kept
 */
enum err svc_smtp_body_add(struct svc_smtp_body *b, str octets, uint64_t expected);
/*
 * Put these two before a body in a sealed file. False: it is in none, or there is no memory.
 */
bool svc_smtp_body_crown(struct svc_smtp_body *b, str first, str second);
/* All of it is in a file from now on. Errors as above. */
enum err svc_smtp_body_to_file(struct svc_smtp_body *b);
/* Octets of a part of it into `to`; both within the body. ERR_IO, ERR_EOF. */
enum err svc_smtp_body_read(const struct svc_smtp_body *b, uint64_t at, char *to, size_t n);
/*
 * For a message to another process: all of its octets, or those before a descriptor's. From then
 * on what was in memory may be in a sealed file there.
 *
 * Out     ret_octets: borrowed; with a descriptor its prefix. ret_fd: the caller's, or -1
 * Errors  as above
 */
enum err svc_smtp_body_give(struct svc_smtp_body *b, str *ret_octets, int *ret_fd);

/* Give the engine's transaction to queue. */
void svc_smtp_commit(struct svc_smtp_session *x);
enum err svc_smtp_from_queue(struct svc_common_link *from, str datagram, int *fd);

#endif
