/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One account's mail: mailboxes, message states, message octets. Synchronous; made for an account
 * process that owns nothing else. Several processes may have the same account open: writes are
 * short transactions, readers never wait for them. No IMAP syntax here: names are UTF-8 with '/'
 * between levels, dates are seconds, ids are numbers.
 * This header: opening, mailboxes, keywords, quota. It includes message.h (adding, reading,
 * flags, copying, expunging) and view.h (what one session sees). See also care.h (verify, repair,
 * rebuild, compact, sync) and transfer.h (mbox and Maildir).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct store;

struct store_conf {
	str path;    /* the account's folder; made when missing and `create` is set */
	str boot_id; /* the kernel's boot id: another one than last time starts reserved numbers */
	bool create;
	uint64_t quota_octets; /* 0: no limit */
	uint64_t quota_messages;
	uint64_t pack_octets; /* 0: STORE_PACK_MAX; smaller ones are for tests */
	/* Searched accounts of so many messages index trigrams and (FUZZY) words; 0: neither. */
	uint64_t trigram_from;
	int64_t (*wall_s)(void); /* NULL: the system's clock; tests bring their own */
};

/*
 * Open an account. A new one gets INBOX, Drafts, Sent, Junk, Trash and Archive with their special
 * use.
 *
 * In      conf: borrowed for the call
 * Out     ret: set only on ERR_OK; close with store_close
 * Limits  STORE_NAME_MAX and friends in limits.h
 * Errors  NOTFOUND (no folder, create not set), VERSION (index from a newer program), CORRUPT
 *         (index unusable: store_rebuild), DB, IO, NOSPACE, NOMEM
 * RFC     6154 2 (special use)
 */
enum err store_open(const struct store_conf *conf, struct store **ret);

/* Cheap: no checkpoint, no sync. *s becomes NULL; NULL is fine. */
void store_close(struct store **s);
/* Instead of store_close, when the process ends now: what the kernel frees is left to it. */
void store_leave(struct store *s);
/* Before forking processes that open stores: ready the engine for all of them. */
void store_start(void);

/*
 * Hold one read transaction open, so that many reads cost no more than one; what others change
 * meanwhile is not seen. Holding twice is holding once. A write by this store ends the view and
 * the next read begins a new one. Do not hold while waiting for anybody.
 *
 * Errors  those of a read: DB, IO, BUSY
 */
enum err store_hold(struct store *s);
void store_release(struct store *s);

/* ---- mailboxes ---------------------------------------------------------------------------- */

enum store_special {
	STORE_DRAFTS = 1,
	STORE_SENT = 2,
	STORE_JUNK = 4,
	STORE_TRASH = 8,
	STORE_ARCHIVE = 16,
	STORE_SPECIAL_FLAGGED = 32,
	STORE_ALL = 64,
	STORE_IMPORTANT = 128
};

struct store_mailbox {
	uint64_t id; /* never reused,
		never 0 for a mailbox that exists; MAILBOXID comes from it */
	str name;    /* UTF-8, '/' between levels; the inbox is always "INBOX" */
	uint32_t uidvalidity, uidnext;
	uint64_t modseq;                    /* HIGHESTMODSEQ */
	uint32_t messages, unseen, deleted; /* deleted: those with \Deleted */
	uint64_t octets;                    /* sum of the messages' sizes */
	unsigned special;                   /* enum store_special bits */
	bool subscribed;
	bool children; /* inferior names exist (filled by store_mailboxes only) */
};

/*
 * All mailboxes and all subscribed names, each once, in order of name with INBOX first. A name
 * that is subscribed but does not exist, and a missing parent of an existing mailbox, come with
 * id 0.
 *
 * Out     ret, ret_n: live in `a`
 * Errors  DB, BUDGET
 * RFC     9051 6.3.9, 6.3.7 (subscriptions outlive mailboxes)
 */
enum err store_mailboxes(struct store *s, struct arena *a, struct store_mailbox **ret,
    size_t *ret_n);

/* One mailbox by name ("inbox" in any case) or id; for SELECT and STATUS. NOTFOUND, DB, BUDGET.
 * */
enum err store_mailbox_find(struct store *s, str name, struct arena *a, struct store_mailbox *ret);
enum err store_mailbox_get(struct store *s, uint64_t id, struct arena *a,
    struct store_mailbox *ret);

/*
 * Create a mailbox and its missing parents; durable. One trailing '/' is allowed and ignored. Each
 * takes over the annotations of the nearest one above it, METADATA left out (annotation.h).
 *
 * In      special: bits, refused when another mailbox has one of them
 * Out     ret_id: may be NULL
 * Errors  EXISTS; SYNTAX (not UTF-8, controls, empty level); TOOBIG, TOOMANY (limits.h); DENIED
 *         (special use taken); DB, IO, NOSPACE
 * RFC     9051 6.3.4, 6154 3, 4314 4
 */
enum err store_mailbox_create(struct store *s, str name, unsigned special, uint64_t *ret_id);

/*
 * Delete a mailbox with its messages; inferiors stay. Durable.
 *
 * Errors  NOTFOUND, DENIED (INBOX; or only a missing parent of others), DB, IO
 * RFC     9051 6.3.5
 */
enum err store_mailbox_delete(struct store *s, str name);

/*
 * Rename with all inferiors. INBOX: its messages move to the new mailbox, INBOX stays, empty, and
 * its inferiors keep their names. Durable.
 *
 * Errors  NOTFOUND, EXISTS, DENIED (to INBOX, or below itself), SYNTAX; TOOBIG (also the new name
 *         of an inferior), TOOMANY (with parents that are missing); DB, IO
 * RFC     9051 6.3.6
 */
enum err store_mailbox_rename(struct store *s, str from, str to);

/* The name need not exist. SYNTAX, TOOMANY, DB. RFC 9051 6.3.7 */
enum err store_subscribe(struct store *s, str name, bool on);

/* ---- keywords ----------------------------------------------------------------------------- */

/* Flag bits of a message: five of the system, then the mailbox's own keywords from bit 6 on. */
enum store_flag {
	STORE_ANSWERED = 1,
	STORE_FLAGGED = 2,
	STORE_DELETED = 4,
	STORE_SEEN = 8,
	STORE_DRAFT = 16,
	STORE_SYSTEM_FLAGS = 31
};
enum { STORE_KEYWORD_BIT = 6, STORE_KEYWORDS_MAX = 26 };

struct store_keywords {
	str name[STORE_KEYWORDS_MAX]; /* name[i] belongs to bit 1 << (STORE_KEYWORD_BIT + i) */
	size_t n;
};

/* The keywords of a mailbox in order of their bits; names live in `a`. NOTFOUND, DB, BUDGET. */
enum err store_keywords(struct store *s, uint64_t mailbox, struct arena *a,
    struct store_keywords *ret);

/*
 * The bit of a keyword in this mailbox; it is added when new. Compared ASCII case-insensitively.
 *
 * Out     ret_bit: the flag bit itself (a power of two)
 * Errors  TOOMANY (26 are in use), SYNTAX (not an atom), TOOBIG, NOTFOUND, DB
 * RFC     9051 2.3.2
 */
enum err store_keyword(struct store *s, uint64_t mailbox, str name, uint32_t *ret_bit);

/* ---- quota -------------------------------------------------------------------------------- */

struct store_quota {
	uint64_t octets, messages;         /* in use; a copy counts as often as it is seen */
	uint64_t octets_max, messages_max; /* 0: no limit */
};

/* RFC 9208 5.1 (STORAGE counts in units of 1024 octets: the caller divides), 5.2 (MESSAGE). */
enum err store_quota(struct store *s, struct store_quota *ret);

/* New limits for this open store; the directory keeps them, the store does not. */
void store_quota_set(struct store *s, uint64_t octets_max, uint64_t messages_max);

/* ---- restriction -------------------------------------------------------------------------- */

/* What a process that acts for somebody else may change here. */
struct store_restriction {
	uint64_t mailbox; /* in this mailbox alone; 0: nowhere */
	uint32_t flags;   /* these flags; others stay as they are, without an error */
	bool expunge;     /* remove messages */
	uint64_t insert;  /* add messages to this mailbox, new ones or out of `mailbox`; 0: none */
	uint32_t insert_flags; /* those bear these flags and no others, without an error */
	str name; /* this mailbox may be created; or be what `rename` is called. Empty: none */
	uint64_t below;        /* and the nearest one above it that exists is this */
	uint64_t rename;       /* this mailbox may be renamed, and not created; 0: none */
	const uint64_t *along; /* if these alone are below it; ascending */
	size_t along_n;
	uint64_t remove;   /* this mailbox may be deleted; 0: none */
	uint64_t annotate; /* the annotation `entry` of this mailbox may be chosen; 0: none */
	str entry;
};

/*
 * From now on every other change of this open store fails with DENIED. Facts that were computed
 * from messages may still be kept. There is no way back, only to another restriction. What `name`,
 * `along` and `entry` point to stays the caller's, until then.
 */
void store_restrict(struct store *s, const struct store_restriction *r);

/* ---- room --------------------------------------------------------------------------------- */

/* A file without a name in the account's folder, for octets on their way; gone when closed. */
enum err store_temp(struct store *s, int *ret_fd);

/* ---- ids ---------------------------------------------------------------------------------- */

enum { STORE_ID_TEXT_MAX = 24 };

/*
 * MAILBOXID ('F'), EMAILID ('M') or THREADID ('T') as text: kind and digits, NUL-terminated.
 * RFC 8474 4.1, 5.1, 5.2
 */
str store_id_text(char kind, uint64_t id, char out[STORE_ID_TEXT_MAX]);

#include "store/annotation.h"
#include "store/message.h"
#include "store/view.h"

#endif
