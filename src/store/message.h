/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of an open store: adding, reading, changing, removing. Included by store.h; start
 * there. A message is known by (mailbox, uid) and, across mailboxes, by its id: copies share id
 * and octets.
 */
#ifndef STORE_MESSAGE_H
#define STORE_MESSAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "mail/results.h"
#include "store/set.h"

struct store;

/* ---- adding ------------------------------------------------------------------------------- */

/* One message to be added. All octets are borrowed for the call. */
struct store_new {
	str prefix, body; /* the message is prefix (may be empty) followed by body,
		CRLF lines */
	uint32_t
	    header_octets; /* length of the header with its empty line; 0: the store looks for it */
	uint32_t flags;    /* bits of the target mailbox */
	int64_t internal_s; /* INTERNALDATE */
	str message_id;     /* with or without <>; may be empty */
	const str *refs;    /* References and In-Reply-To, oldest first; for THREADID */
	size_t refs_n;
	str envelope, structure; /* opaque to the store; empty: may come later by store_cache_set */
};

struct store_added {
	enum err err; /* store_deliver: this message's own result */
	uint32_t uid;
	uint32_t uidvalidity;
	uint64_t mailbox, id, modseq;
};

/*
 * Add messages to one mailbox in one durable transaction: all of them or none.
 *
 * Out     ret: n results
 * Errors  NOTFOUND (mailbox), QUOTA, TOOBIG, NOSPACE, IO, DB, NOMEM
 * RFC     9051 6.3.12; 3502 (several at once); 9208 4.3 (over quota)
 */
enum err store_append(struct store *s, uint64_t mailbox, const struct store_new *msgs, size_t n,
    struct store_added *ret);

struct store_replacing {
	uint64_t from; /* mailbox and uid of the message that goes */
	uint32_t uid;
	uint64_t to; /* mailbox of the new one */
	const struct store_new *msg;
};

/*
 * Add a message and remove another in one durable transaction; a quota counts the difference.
 *
 * Errors  NOTFOUND (a mailbox, or the message that was to go), QUOTA, TOOBIG, NOSPACE, IO, DB,
 *         NOMEM
 * RFC     8508 3.4
 */
enum err store_replace(struct store *s, const struct store_replacing *r, struct store_added *ret);

struct store_delivery {
	uint64_t entry; /* queue entry and recipient: the pair is delivered at most once */
	uint16_t rcpt;
	bool replay; /* verify what an earlier delivery left and write it again if it is bad */
	uint64_t oldest_live; /* pairs of entries below are forgotten */
	uint64_t mailbox;     /* 0: INBOX; one that is gone: INBOX */
	bool junk;            /* the mailbox for junk instead, made when there is none */
	int64_t saved_s;      /* when it came here; 0: now */
	struct store_new msg;
};

/*
 * Deliver a batch in one transaction that is not synced: the caller's queue keeps the messages
 * until store_sync. A pair that was delivered before gives ERR_OK and the uid it got then.
 *
 * Out     ret: n results; ret[i].err is QUOTA or TOOBIG for a message that cannot be taken
 * Errors  of the whole batch (nothing was delivered): NOSPACE, IO, DB, NOMEM, BUSY
 */
enum err store_deliver(struct store *s, const struct store_delivery *list, size_t n,
    struct store_added *ret);

/* ---- reading ------------------------------------------------------------------------------ */

/* The hot state of one message, from the packed pages. */
struct store_msg {
	uint32_t uid, flags;
	uint64_t modseq, id;
	uint32_t size;   /* RFC822.SIZE */
	int64_t saved_s; /* SAVEDATE, RFC 8514: when it came into this mailbox */
};

struct store_scan {
	uint64_t mailbox;
	uint32_t lo, hi; /* uids, inclusive */
	uint64_t since;  /* only those with a higher modseq; 0: all */
};

/*
 * The states of messages with uids in [lo, hi] that exist now, ascending, up to cap. For the rest
 * call again with lo = last uid + 1. Fast over whole mailboxes: cap of 512 or more.
 *
 * Out     ret_n: 0 at the end
 * Errors  DB, CORRUPT
 */
enum err store_msgs(struct store *s, const struct store_scan *scan, struct store_msg *out,
    size_t cap, size_t *ret_n);

/* One message's state. NOTFOUND when it is not there (any more). */
enum err store_msg(struct store *s, uint64_t mailbox, uint32_t uid, struct store_msg *ret);

/* The cold facts of one message. */
struct store_cold {
	uint64_t id, thread; /* EMAILID, THREADID */
	int64_t internal_s;
	uint32_t size, header_octets;
	str envelope, structure; /* as given; empty when never set */
};

/* Out: strs live in `a`; without `a` envelope and structure stay empty. NOTFOUND, DB, BUDGET. */
enum err store_cold(struct store *s, uint64_t id, struct arena *a, struct store_cold *ret);

/*
 * What our own fields above a delivered letter say of it, kept in the index since it came.
 *
 * Out     ret: `reason` lives in `a`
 * Errors  NOTFOUND: no such message, or nothing is kept: it was appended, imported, submitted here,
 *         or came before the index knew this column (store_rebuild fills it in); VERSION; CORRUPT;
 *         DB, BUDGET
 */
enum err store_results(struct store *s, uint64_t id, struct arena *a, struct mail_results *ret);

struct store_cached {
	uint64_t id;
	str envelope, structure;
};

/* Keep what was computed from n messages; not durable, it can be computed again. */
enum err store_cache_set(struct store *s, const struct store_cached *list, size_t n);

/*
 * The octets of a message: all of them, the header with its empty line (cheap: the rest is not
 * read), or n octets from `off` (clipped). Consecutive calls for one message decompress it once.
 *
 * Out     ret: borrowed until the next call of one of these, or a change, on this store
 * Errors  NOTFOUND; CORRUPT (checksum; only this message is lost); IO, DB, NOMEM
 */
enum err store_text(struct store *s, uint64_t id, str *ret);
enum err store_header(struct store *s, uint64_t id, str *ret);
enum err store_part(struct store *s, uint64_t id, size_t off, size_t n, str *ret);

/* ---- changing ----------------------------------------------------------------------------- */

enum store_flag_op { STORE_FLAGS_ADD, STORE_FLAGS_REMOVE, STORE_FLAGS_REPLACE };

struct store_change {
	uint64_t mailbox;
	const struct store_set *uids;
	enum store_flag_op op;
	uint32_t flags;
	bool conditional; /* UNCHANGEDSINCE was given */
	uint64_t unchanged_since;
};

struct store_changed {
	uint64_t modseq; /* of this change; 0: no message's flags changed */
	uint64_t before; /* the mailbox's HIGHESTMODSEQ just before it */
};

/*
 * Change flags; not synced (a power cut may lose the last seconds). Messages whose flags stay the
 * same keep their modseq. Uids that are not there are ignored.
 *
 * Out     ret: its `before` tells a session whether it knew the flags that it changed;
 *         modified: when not NULL, gets the uids refused by UNCHANGEDSINCE. The new states: by
 *         store_view_refresh, or store_msgs with `since`
 * Errors  NOTFOUND (mailbox), DB, NOMEM, BUSY
 * RFC     9051 6.4.6, 7162 3.1.3
 */
enum err store_flags(struct store *s, const struct store_change *c, struct store_changed *ret,
    struct store_set *modified);

/*
 * Remove messages for good; durable.
 *
 * In      uids: NULL for all; only_deleted: only those with \Deleted (EXPUNGE, UID EXPUNGE)
 * Out     gone: when not NULL, the uids removed are added to it
 * Errors  NOTFOUND (mailbox), DB, IO, NOMEM, BUSY
 * RFC     9051 6.4.3, 6.4.9
 */
enum err store_expunge(struct store *s, uint64_t mailbox, const struct store_set *uids,
    bool only_deleted, struct store_set *gone);

struct store_copying {
	uint64_t from, to; /* mailboxes; may be the same */
	const struct store_set *uids;
	bool move;
};

struct store_copied {
	uint32_t uidvalidity; /* of the target */
	uint32_t first, n;    /* new uids: first .. first + n - 1,
		in ascending order of the old ones */
	uint64_t modseq;
};

/*
 * Copy or move messages; one durable transaction. Flags, keywords, internal date and ids are
 * kept. Keywords that find no room in the target (26 in use) are dropped.
 *
 * Out     copied_from: when not NULL, gets the old uids (for COPYUID)
 * Errors  NOTFOUND (a mailbox), QUOTA (copy only), DB, IO, NOMEM, BUSY
 * RFC     9051 6.4.7, 6.4.8; 4315 3
 */
enum err store_copy(struct store *s, const struct store_copying *c, struct store_copied *ret,
    struct store_set *copied_from);

/*
 * Uids that vanished after modseq `since`, within `known` (NULL: all). When the log of removals
 * does not reach back that far, every uid that does not exist.
 *
 * RFC     7162 3.2.5.1, 3.2.6
 */
enum err store_vanished(struct store *s, uint64_t mailbox, uint64_t since,
    const struct store_set *known, struct store_set *ret);

#endif
