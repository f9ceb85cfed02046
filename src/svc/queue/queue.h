/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue process in memory. A letter is one message for one recipient; a lane is everything for
 * one account, in order. Letters move: waiting -> sent (to the account process) -> delivered (said
 * so) -> syncing -> done and gone. commit.c makes letters, lane.c delivers them, settle.c syncs
 * them. A letter for another server has no lane but a bundle: remote/remote.h.
 */
#ifndef SVC_QUEUE_QUEUE_H
#define SVC_QUEUE_QUEUE_H

#include "base/list.h"
#include "base/map.h"
#include "conf/conf.h"
#include "spool/spool.h"
#include "svc/common/service.h"
#include "svc/queue/admin.h"
#include "svc/queue/remote/limits.h"

enum {
	SVC_QUEUE_SMTPS_MAX = 128,    /* both sets: twice the bound of setting smtp.processes */
	SVC_QUEUE_COMMITS_MAX = 4096, /* commits answered by one flush */
	SVC_QUEUE_BATCH = 64,         /* letters an account process has in hand */
	SVC_QUEUE_BATCH_OCTETS = 4 << 20,
	SVC_QUEUE_STINT = 512,           /* letters before other lanes get their turn */
	SVC_QUEUE_INLINE = 65536,        /* larger messages go as a sealed memory file */
	SVC_QUEUE_KEPT_OCTETS = 8 << 20, /* of messages whose memory files are kept (kept.c) */
	SVC_QUEUE_CRASHES_MAX = 3,       /* a letter that was alone in this many crashes is held */
	SVC_QUEUE_SYNC_ACCOUNTS = 512,   /* accounts of one sync job */
	SVC_QUEUE_LETTERS_MAX = 2000000, /* in memory: ERR_BUSY beyond, about 250 octets each */
	SVC_QUEUE_ANSWER_MS = 120000,    /* silence of a process with letters in hand */
	SVC_QUEUE_BACKOFF_MIN_MS = 1000,
	SVC_QUEUE_BACKOFF_MAX_MS = 300000,
};

struct svc_queue_lane;
struct svc_queue_bundle;
struct svc_queue_outcome;
struct svc_queue_remote;

/* What letters of one entry share. */
struct svc_queue_parcel {
	struct list node; /* in svc_queue.parcels, by age */
	struct svc_queue *q;
	uint64_t entry, size, session;
	uint64_t account; /* who submitted it and gets the reports; 0: nobody */
	int64_t received_s;
	struct list letters; /* those not done, by recipient */
	uint32_t held;       /* reasons to live besides letters */
	bool unenforced;
	struct svc_queue_kept *kept; /* its memory file, or NULL */
	str reverse_path;            /* behind the struct */
};

enum svc_queue_where {
	SVC_QUEUE_WAITING = 1,
	SVC_QUEUE_SENT,
	SVC_QUEUE_DELIVERED,
	SVC_QUEUE_HELD,
	SVC_QUEUE_RESTING, /* remote: until its next try */
	SVC_QUEUE_ENDING,  /* its report is being made durable: nobody moves it */
};

struct svc_queue_letter {
	struct list node;  /* in one of the lane's lists, or in its bundle */
	struct list mates; /* in parcel->letters */
	struct svc_queue_parcel *parcel;
	struct svc_queue_lane *lane;            /* NULL: at another server */
	struct svc_queue_bundle *bundle;        /* NULL: here */
	struct svc_queue_outcome *first, *best; /* remote: of its attempts */
	uint16_t rcpt;
	uint8_t where; /* enum svc_queue_where, 0: not durable; of a remote one the bundle knows */
	uint8_t notify;
	bool junk, replay;
	bool was_held; /* ENDING: it goes back there when that fails */
	uint8_t crashes;
	uint32_t tries;
	enum err last;
	str address, detail; /* behind the struct */
};

enum svc_queue_lane_state {
	LANE_IDLE,    /* no process, nothing waiting */
	LANE_READY,   /* in svc_queue.ready: wants to work */
	LANE_WORKING, /* counted in svc_queue.working */
	LANE_LINGER,  /* process kept, in svc_queue.lingering */
	LANE_BACKOFF, /* its process failed: until the timer */
};

struct svc_queue_lane {
	struct svc_queue *q;
	uint64_t account, job, last_job;  /* of the process now, and before */
	struct svc_queue_letter *suspect; /* was alone in hand when the last process went */
	enum svc_queue_lane_state state;
	struct list node; /* ready or lingering */
	struct list dirty_node, sync_node;
	struct list waiting, sent, delivered, syncing, held;
	struct list resting; /* letters that failed, while the others pass */
	size_t letters;      /* all of them, those not durable yet included */
	size_t sent_n, stint;
	uint64_t sent_octets;
	struct sys_chan *chan;  /* to the account process, or NULL */
	struct sys_timer timer; /* of the state; while it works: the answer's */
	struct sys_timer rest;
	uint32_t backoff_ms, rest_ms;
	bool one_by_one; /* after a crash: find the letter that does it */
	bool asking;     /* works, without a process: wants a slot (slot.c); node is in q->asking */
	bool refused;    /* no slot this time */
	bool opened, opened_syncing; /* a process delivered what is dirty, or being synced */
};

struct svc_queue_commit {
	struct svc_common_link *from; /* NULL: gone meanwhile, or our own */
	bool watch, policy;           /* it came from that process */
	uint64_t txn, entry;
	struct list letters; /* made at commit, let go when the flush succeeded */
	struct list ending;  /* remote letters that end with it: it is their report */
};

struct svc_queue {
	struct svc_common *sc;
	struct spool *spool;
	int journal;
	struct arena *scratch;
	struct buf out;
	struct svc_common_link smtps[SVC_QUEUE_SMTPS_MAX], sends[SVC_QUEUE_REMOTE_SENDERS];
	struct svc_common_link accounts, watch, policy;
	struct svc_queue_commit *commits;
	size_t commits_n;
	struct sys_task flush;
	bool low_space;
	struct sys_timer space_timer;

	struct map *lanes;
	struct map *entries; /* parcels */
	struct list kept;    /* the oldest first */
	uint64_t kept_octets;
	struct list parcels, ready, lingering, asking, dirty,
	    syncing; /* all but the first: lanes */
	size_t working, lingering_n, limit;
	uint64_t next_job;
	struct sys_task start;
	bool quitting;

	struct sys_timer sync_timer;
	uint64_t sync_job; /* 0: none under way */
	uint64_t dirty_octets;
	bool sync_more; /* the job under way could not take all lanes */
	struct svc_queue_waiter waiters[SVC_COMMON_ADMINS_MAX];
	struct svc_queue_mover movers[SVC_COMMON_ADMINS_MAX];

	uint64_t letters, unsynced; /* all there are; of these, delivered and not done */
	struct svc_queue_remote *remote;
	uint64_t accepted, delivered, done, failed, crashes, held, refused, flushes;
	uint64_t left; /* of those delivered: without a process */
};

/* commit.c: the edge to smtp, and the letters found at start. */
enum err svc_queue_commit_init(struct svc_queue *q);
enum err svc_queue_from_smtp(struct svc_common_link *from, str datagram, int *fd);
void svc_queue_smtp_down(struct svc_common_link *l);
void svc_queue_flush_soon(struct svc_queue *q);
void svc_queue_flush_now(struct svc_queue *q);
/*
 * Queue a message of our own.
 *
 * In      ending: remote letters that end when it is durable, and only then; may be NULL
 * Errors  ERR_NOSPACE, ERR_BUSY, ERR_NOMEM, ERR_IO: nothing happened, `ending` is untouched
 */
enum err svc_queue_commit_own(struct svc_queue *q, const struct spool_envelope *e, str body,
    struct list *ending);

/* lane.c: the edges to accounts and the account processes. */
void svc_queue_lane_init(struct svc_queue *q);
void svc_queue_limits(struct svc_queue *q); /* from the settings */
enum err svc_queue_from_accounts(struct svc_common_link *from, str datagram, int *fd);
void svc_queue_accounts_up(struct svc_common_link *l);
void svc_queue_accounts_down(struct svc_common_link *l);
struct svc_queue_lane *svc_queue_lane_get(struct svc_queue *q, uint64_t account);
void svc_queue_lane_add(struct svc_queue_lane *lane, struct svc_queue_letter *letter);
void svc_queue_lane_retry(struct svc_queue_lane *lane);
/* One that waits does not go on until somebody says so, and the journal knows. */
void svc_queue_lane_hold(struct svc_queue_letter *letter);
/* Let it go on if it is held, whoever held it. */
void svc_queue_lane_release(struct svc_queue_letter *letter);
/*
 * It leaves its list to end with a report; or the report failed, and it goes where it was, unless
 * its account was held or released meanwhile.
 */
void svc_queue_lane_end(struct svc_queue_letter *letter);
void svc_queue_lane_not_ended(struct svc_queue_letter *letter);
/* Tell the journal whether it is held. */
void svc_queue_lane_note(const struct svc_queue_letter *letter);
void svc_queue_lane_tidy(struct svc_queue_lane *lane);
/* Forget a message none of whose letters is left. */
void svc_queue_parcel_tidy(struct svc_queue_parcel *p);
/* The lane or bundle stays: tidy it afterwards. */
void svc_queue_letter_free(struct svc_queue_letter *letter);
/*
 * kept.c: take the descriptor of what smtp committed if it is worth keeping (then *fd is -1).
 * Whoever hands the octets on asks first whether they are still there.
 */
void svc_queue_keep(struct svc_queue_parcel *p, str prefix, int *fd);
void svc_queue_kept_drop(struct svc_queue_parcel *p);
/* Out: the octets before those of the descriptor, borrowed; the descriptor is the caller's. */
bool svc_queue_kept_body(const struct svc_queue_parcel *p, str *ret_prefix, int *ret_fd);

/* The message of a letter, in the call's own room, or as a sealed memory file. */
enum err svc_queue_body(struct svc_queue *q, const struct svc_queue_parcel *p, str *ret_body,
    int *ret_fd);

/* This letter is in the mailbox, or as good as. */
void svc_queue_lane_delivered(struct svc_queue_lane *lane, struct svc_queue_letter *letter);
/* Done with a slot: the lane waits, or wants to work, without one if it was refused. */
void svc_queue_lane_slotted(struct svc_queue_lane *lane, bool refused);

/* slot.c: letters left in an account without a delivery process. */
struct ipc_queue_accounts_slotted;
enum err svc_queue_slot_ask(struct svc_queue_lane *lane);
enum err svc_queue_on_slotted(void *queue, const struct ipc_queue_accounts_slotted *m, int *fd);
/* accounts is gone: nobody will answer. */
void svc_queue_slot_lost(struct svc_queue *q);

/* settle.c: sync and done. */
void svc_queue_settle_init(struct svc_queue *q);
void svc_queue_settle_dirty(struct svc_queue_lane *lane, uint64_t octets);
void svc_queue_settle_now(struct svc_queue *q);
void svc_queue_settle_lost(struct svc_queue *q);
void svc_queue_settle_answer(struct svc_queue *q, uint64_t job, uint64_t account, enum err result);
void svc_queue_settle_end(struct svc_queue *q, uint64_t job);

/* service.c: the table of contents. */
extern const struct svc_common_service svc_queue_service;

/* profile.c: what this process may do. */
enum err svc_queue_profile(struct svc_common *sc, struct sys_sandbox_profile *p);

#endif
