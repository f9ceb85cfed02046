/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail for other servers. A bundle is what goes in one transaction: the recipients of one message
 * at one domain, 100 at most, all forwarded for the same address of ours or none. A
 * destination is a domain with its bundles: it has a bounded number of them in hand of a send
 * process, and rests as a whole when the domain failed as a whole.
 *
 *	waiting -> sent -> gone, or resting -> waiting ...      held until released
 *
 * Start reading at svc_queue_remote_join in dest.c. pump.c hands bundles to send, result.c takes
 * what became of them, report.c tells their senders, move.c is the administrator.
 */
#ifndef SVC_QUEUE_REMOTE_REMOTE_H
#define SVC_QUEUE_REMOTE_REMOTE_H

#include "base/lru.h"
#include "ipc/queue_send.h"
#include "mail/dsn.h"
#include "reach/class.h"
#include "svc/queue/queue.h"
#include "svc/queue/remote/limits.h"

/* What an attempt ended with; shared by the letters it is true for. */
struct svc_queue_outcome {
	uint32_t refs;
	enum reach_class class;
	uint16_t code;
	int64_t at_s;
	str enhanced, reply, host; /* behind the struct */
};

/* One send process. */
struct svc_queue_sender {
	struct svc_queue_remote *remote;
	const struct svc_common_link *link; /* in q->sends */
	bool full;                          /* until it is drained */
	/*
	 * Destinations with something to send, those that have taken a letter apart from those
	 * that have not.
	 */
	struct list ready[2];
};

struct svc_queue_dest {
	struct svc_queue_remote *remote;
	str domain;                               /* behind the struct */
	struct list node;                         /* in its sender's ready[proven] */
	struct list waiting, sent, resting, held; /* bundles */
	struct svc_queue_bundle *newest;          /* may take more recipients; NULL */
	size_t bundles;                           /* all of them, new ones included */
	size_t sent_n, window;
	uint64_t sent_octets;
	struct svc_queue_sender *sender;
	bool proven;           /* has taken a letter since it failed last */
	struct sys_timer rest; /* set: all of it rests */
	uint32_t failures;     /* of the whole domain, in a row */
	int64_t rest_until_ms, since_s;
	struct svc_queue_outcome *last; /* why it rests, or did */
};

struct svc_queue_bundle {
	struct list node; /* in one of the destination's lists */
	struct sys_timer timer;
	struct svc_queue_dest *dest;
	struct svc_queue_parcel *parcel;
	struct list letters;
	uint64_t job;
	int64_t next_ms; /* wall clock: not before */
	uint32_t tries;
	uint16_t letters_n;
	uint8_t where; /* enum svc_queue_where; 0: not durable yet */
	uint8_t looks;
	bool warned, unproven, hold, fail; /* hold, fail: asked for while it was in hand, or ends */
	str sender, via;  /* behind the struct: forwarded with this reverse-path for that address */
	uint64_t reports; /* account that hears of it when the sender must not; 0: nobody */
};

/* An account that policy released; it is told when that is durable. */
struct svc_queue_release {
	uint64_t account;
	uint32_t mark;
};

struct svc_queue_remote {
	struct svc_queue *q;
	struct map *dests, *jobs;
	struct svc_queue_sender senders[SVC_QUEUE_REMOTE_SENDERS];
	size_t senders_n; /* processes there are, by the settings at start */
	struct sys_task pump;
	struct sys_timer sync; /* set: a delivery is not on disk yet */
	size_t sent_n, unproven_n;
	uint64_t sent_octets;
	struct lru *notices;
	struct map *suspects; /* accounts whose letters are held, by their number */
	struct svc_queue_release releases[SVC_QUEUE_REMOTE_RELEASES];
	size_t releases_n;
	struct arena *scratch; /* of one report or one letter on its way out */
	uint8_t key[16];
	uint64_t letters, delivered, failed, deferred, uncertain, lost, expired, reports, notices_n,
	    warnings;
};

/* dest.c: destinations, bundles and their time. */
enum err svc_queue_remote_init(struct svc_queue *q);
/* Find the bundle of a new letter, by its address and what forwards it. ERR_NOMEM. */
enum err svc_queue_remote_join(struct svc_queue *q, struct svc_queue_letter *l,
    const struct spool_rcpt *r);
/* What the journal knows of a letter that was just made. */
void svc_queue_remote_restore(struct svc_queue_letter *l, const struct spool_state *s);
/* The letter is durable: off it goes. */
void svc_queue_remote_add(struct svc_queue_letter *l);
/* The letter is about to be freed. */
void svc_queue_remote_unlink(struct svc_queue_letter *l);
/* Free a bundle without letters, and a destination without bundles. */
void svc_queue_remote_tidy(struct svc_queue_bundle *b);
/* It was to end, and could not be told of: it rests, or is held as it was or is to be. */
void svc_queue_remote_put_back(struct svc_queue_bundle *b);
/* Reports could not be made durable: their letters are tried once more. */
void svc_queue_remote_not_ended(struct list *letters);
/* Put a bundle that is in no list to where it belongs now, and set its timer. */
void svc_queue_remote_put(struct svc_queue_bundle *b, enum svc_queue_where where);
/* The same for its timer alone. */
void svc_queue_remote_rearm(struct svc_queue_bundle *b);
/* Note in the journal how far its letters are. */
void svc_queue_remote_note(const struct svc_queue_bundle *b);
/* A destination may have something to send. */
void svc_queue_remote_ready(struct svc_queue_dest *d);
/* It has taken a letter, or has failed. */
void svc_queue_remote_proven(struct svc_queue_dest *d, bool proven);
/* All of it rests, for this long; 0: not any more. */
void svc_queue_remote_rest(struct svc_queue_dest *d, int64_t ms);
/* Milliseconds before try number tries + 1, random in part. */
int64_t svc_queue_remote_interval(const struct svc_queue_remote *r, uint32_t tries);
int64_t svc_queue_remote_expires_s(const struct svc_queue_bundle *b);

/* pump.c: the edge queue_send. */
enum err svc_queue_remote_from_send(struct svc_common_link *from, str datagram, int *fd);
void svc_queue_remote_send_up(struct svc_common_link *l);
void svc_queue_remote_send_down(struct svc_common_link *l);
void svc_queue_remote_start(struct svc_queue *q);
void svc_queue_remote_pump(void *ctx);
/* Out of its send process's hand, and of every list. */
void svc_queue_remote_recall(struct svc_queue_bundle *b);
/* Tell send that it is not wanted any more. */
void svc_queue_remote_cancel(struct svc_queue_bundle *b);

/* result.c: what became of a bundle. */
enum err svc_queue_remote_result(struct svc_queue_remote *r, const struct ipc_queue_send_result *m);
/* A bundle that is in no list has used up its time. */
void svc_queue_remote_expire(struct svc_queue_bundle *b);
void svc_queue_remote_outcome_drop(struct svc_queue_outcome *o);
struct svc_queue_outcome *svc_queue_remote_outcome_new(const struct spool_outcome *o);
/* Keep an outcome as a letter's first or most informative one, if it is. */
void svc_queue_remote_outcome_keep(struct svc_queue_letter *l, struct svc_queue_outcome *o);

/*
 * report.c: tell the sender of a message.
 *
 * In      letters: of one message, in their node; they end with the report, or at once when nobody
 *         wants one
 * Errors  of svc_queue_commit_own: nothing happened
 */
enum err svc_queue_remote_report_end(struct svc_queue_parcel *p, struct list *letters,
    enum mail_dsn_action action);
/* The bundle is late: its letters go on. True when a report is on its way. */
bool svc_queue_remote_report_late(struct svc_queue_bundle *b);
/* The destination fails in a way its senders should know of at once. */
void svc_queue_remote_report_notice(struct svc_queue_bundle *b,
    const struct svc_queue_outcome *why);

/*
 * forward.c: who hears that forwarding failed: the sender, when what we wrote above the letter
 * vouches for the reverse-path, else who reads for postmaster of the address that forwards.
 */
struct svc_queue_reader {
	uint64_t account; /* 0: `address` is elsewhere */
	str address;      /* empty: nobody */
	bool outside;     /* must not learn where the letter went */
};
struct svc_queue_reader svc_queue_remote_forward_reader(const struct svc_queue_bundle *b);

/* watch.c: the edge watch_queue. */
enum err svc_queue_remote_from_watch(struct svc_common_link *from, str datagram, int *fd);
void svc_queue_remote_watch_answer(struct svc_queue *q, uint64_t txn, enum err result,
    uint64_t entry);

/* policy.c: the edge policy_queue, accounts whose letters wait until somebody has looked. */
enum err svc_queue_remote_from_policy(struct svc_common_link *from, str datagram, int *fd);
void svc_queue_remote_policy_answer(struct svc_queue *q, uint64_t txn, enum err result);
/* What was released is durable, or the journal could not be written. */
void svc_queue_remote_policy_flushed(struct svc_queue *q, enum err result);
/* The letters of who submitted it are held. */
bool svc_queue_remote_suspect(const struct svc_queue_parcel *p);

/* move.c: hold, release, fail, try now. ERR_BUSY: it is in hand, and will be when it comes back. */
enum svc_queue_move { SVC_QUEUE_RETRY = 1, SVC_QUEUE_HOLD, SVC_QUEUE_RELEASE, SVC_QUEUE_FAIL };
enum err svc_queue_remote_move(struct svc_queue_bundle *b, enum svc_queue_move what);

#endif
