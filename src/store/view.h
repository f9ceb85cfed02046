/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one session sees of its selected mailbox: the map between sequence numbers and uids, which
 * changes only when the session asks for it. Kept as runs of consecutive uids, so that opening a
 * mailbox of any size without holes is a few rows. Included by store.h; start there.
 */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "store/message.h"
#include "store/set.h"

struct store;

struct store_run {
	uint32_t uid, n; /* uid .. uid + n - 1 */
	uint32_t seq;    /* sequence number of the first */
};

struct store_view {
	struct store *store;
	uint64_t mailbox;
	uint32_t uidvalidity, uidnext;
	uint32_t n;            /* EXISTS */
	uint64_t modseq;       /* everything up to here has been reported */
	uint64_t gone_modseq;  /* the same for expunges, which may be held back; never higher */
	struct store_run *run; /* private from here */
	size_t run_n, run_cap;
	uint64_t unseen_modseq; /* while the mailbox has this one, */
	uint32_t unseen_from;   /* no message below this uid is unseen; 0: none at all */
	uint64_t index;         /* which opening of the index the map is of; 0: it is not known */
};

/*
 * SELECT: take the map as it is now.
 *
 * In      s: must outlive the view
 * Out     v: release with store_view_done (fine on a zeroed one)
 * Errors  NOTFOUND (mailbox), DB, CORRUPT, NOMEM
 */
enum err store_view_init(struct store_view *v, struct store *s, uint64_t mailbox);
void store_view_done(struct store_view *v);
/*
 * The same, but the store may keep the map: the next store_view_init of this mailbox takes it, if
 * the mailbox's row, read in the same transaction, says that nothing has changed.
 *
 * Limits  STORE_MAPS, STORE_MAPS_RUNS
 */
void store_view_leave(struct store_view *v);

/*
 * Take up a map that another process left: nothing is read, the next refresh tells what happened
 * since.
 *
 * In      v: mailbox, uidvalidity, uidnext, modseq and gone_modseq are set, the rest is zero;
 *         uids: of the map, in order
 * Out     v: release with store_view_done
 * Errors  SYNTAX: the ranges are not in order or not below uidnext; NOMEM
 */
enum err store_view_restore(struct store_view *v, struct store *s, const struct store_set *uids);

/* 0 when there is no such number in the view. */
uint32_t store_view_uid(const struct store_view *v, uint32_t seq);
uint32_t store_view_seq(const struct store_view *v, uint32_t uid);
/* Sequence number of the first uid >= `uid`; n + 1 when there is none. */
uint32_t store_view_seq_from(const struct store_view *v, uint32_t uid);

/* Add to `uids` the uids of the sequence numbers [lo, hi], clipped to the view; and the way back.
 * */
void store_view_uids(const struct store_view *v, uint32_t lo, uint32_t hi, struct store_set *uids);
void store_view_seqs(const struct store_view *v, const struct store_set *uids,
    struct store_set *seqs);

/*
 * The session knows what it has changed itself: when that was the only change since the view was up
 * to date, the next refresh does not tell it, and does not read it.
 */
struct store_changed;
void store_view_changed(struct store_view *v, const struct store_changed *c);

/* Sequence number of the first message without \Seen, 0 when all are seen. DB, CORRUPT. */
enum err store_view_first_unseen(struct store_view *v, uint32_t *ret_seq);

/* What happened since the last refresh. Live in the arena given. */
struct store_news {
	uint32_t
	    *expunged; /* sequence numbers in descending order: EXPUNGE can be sent one by one */
	size_t expunged_n;
	struct store_range *vanished; /* the same as uid ranges, for VANISHED */
	size_t vanished_n;
	uint32_t exists;           /* messages in the view now */
	uint32_t appeared;         /* how many of them are new: the last ones */
	struct store_msg *changed; /* flags changed, new ones excepted; ascending uids */
	size_t changed_n;
	bool held;    /* expunges that may not be told yet wait behind the view's gone_modseq */
	bool gone;    /* the mailbox was deleted: close the session's selection */
	bool renewed; /* UIDVALIDITY changed under us (cannot happen but by hand): the same */
};

/*
 * Bring the view up to date and say what changed. Cheap when nothing did (one row is read).
 *
 * In      expunges: false while EXPUNGE may not be sent (RFC 9051 7.5.1): the expunged messages
 *         keep their numbers until a call with true
 * Out     ret: lives in `a`
 * Errors  DB, CORRUPT, NOMEM, BUDGET (then the view is as before)
 */
enum err store_view_refresh(struct store_view *v, bool expunges, struct arena *a,
    struct store_news *ret);

#endif
