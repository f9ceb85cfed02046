/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share: the open store, its transactions, mailbox rows, pages, the
 * pack log. Reading order: txn.c, log.c, box.c, pages.c; add.c shows how they work together.
 */
#ifndef STORE_STORE_PRIV_H
#define STORE_STORE_PRIV_H

#include "base/map.h"
#include "db/db.h"
#include "store/limits.h"
#include "store/pages.h"
#include "store/record.h"
#include "store/rows.h"
#include "store/store.h"

enum {
	STORE_MAGIC = 0x53746f72,
	STORE_INBOX = 1,              /* the id of INBOX: made first, never deleted */
	STORE_PACK_FDS = 4,           /* pack files kept open */
	STORE_DEAD_MAX = 16,          /* packs whose dead octets one transaction counts */
	STORE_MARGIN = 512,           /* reserve again when fewer numbers are left */
	STORE_FLUSH_OCTETS = 1 << 20, /* pack records are written when so many wait */
	STORE_RETRIES = 3,            /* of a read whose pack was compacted away meanwhile */
};

/* The row of the account itself; see doc/format/index.md. */
struct store_account {
	uint64_t clock; /* last modseq or message id given out: one counter for both */
	uint64_t clock_reserved;
	uint64_t mailbox_next;
	uint64_t pack_end;    /* committed end of the current pack */
	uint32_t pack;        /* its number */
	uint32_t uidvalidity; /* the last one given out */
	uint8_t key[16];      /* of thread hashes */
};

/* Decompressed octets of one message, or their beginning. */
struct store_cache {
	uint64_t id; /* 0: none */
	struct buf octets;
	bool whole;
};

struct store_fd {
	uint32_t pack;
	int fd;
	uint64_t used; /* for least recently used */
};

struct store {
	uint32_t magic;
	struct db *db;
	int dir, packs, lock;
	int arrivals;           /* the file, or -1 */
	uint64_t taken, opened; /* see take.c; may anything be taken in? */
	uint64_t inode;         /* of index.db as opened */
	uint64_t index;         /* counts openings of it: 1 is the first */
	char path[DB_PATH_MAX + 1], boot[64 + 1];
	size_t path_n, boot_n;
	uint64_t quota_octets, quota_messages;
	uint64_t pack_octets; /* a pack that reached this is closed */
	uint64_t trigram_from;
	int64_t (*wall_s)(void);
	struct store_restriction only;
	bool restricted, excused; /* excused: the next change is allowed all the same */
	/* the transaction under way */
	bool in_txn;
	bool held; /* reads stay open: store_hold */
	enum db_mode mode;
	struct store_account account;
	bool account_dirty;
	bool sync_after;  /* numbers were reserved: durable before anybody relies on them */
	bool log_checked; /* the current pack ends where the index says */
	bool log_written; /* octets went to the current pack */
	struct buf log;   /* records that are not written yet */
	struct store_dead {
		uint32_t pack;
		uint64_t octets;
	} dead[STORE_DEAD_MAX];
	size_t dead_n;
	struct store_quota usage; /* while a transaction adds */
	struct store_fd fds[STORE_PACK_FDS];
	uint64_t fds_used;
	struct store_page *page;       /* the last page read or written */
	uint64_t page_id, page_modseq; /* 0: none */
	struct db_ahead pages_ahead;
	struct store_page *tail; /* the page that is being appended to */
	struct store_left {
		struct store_view view; /* mailbox 0: none */
		uint64_t when;          /* counts leavings */
	} left[STORE_MAPS];             /* kept by store_view_leave */
	uint64_t left_n;
	struct store_cache text;
	struct store_ahead ahead;
	struct buf join, packed, blob; /* scratch: message, compressed, page blob and metas */
	void *zip, *unzip;             /* ZSTD contexts */
};

/* ---- txn.c -------------------------------------------------------------------------------- */

enum err store_may(struct store *s, bool allowed); /* before a change; DENIED: store_restrict */
/* The flags that a message which is added may bear: all, or what a restriction leaves. */
uint32_t store_may_bear(const struct store *s, uint32_t flags);
/* Begin; notices that the index was replaced and opens the new one. Never nested. */
enum err store_begin(struct store *s, enum db_mode mode);
/* Without a look at what has arrived, or at a restriction. */
enum err store_begin_now(struct store *s, enum db_mode mode);
/* Commit when e is ERR_OK, else roll back; the final result. */
enum err store_end(struct store *s, enum err e);
/* The next number of the account's clock. */
uint64_t store_tick(struct store *s);
/* The next read of those that are held sees what has changed meanwhile. */
void store_hold_again(struct store *s);
/* Open or reopen index.db of an opened folder; fails when there is none. */
enum err store_index_open(struct store *s);
enum err store_account_load(struct db *db, struct store_account *ret);
enum err store_account_save(struct db *db, const struct store_account *a);
int64_t store_now(const struct store *s);
void store_maps_forget(struct store *s); /* view.c: free what store_view_leave kept */

extern const struct db_migration store_schema[];
extern const size_t store_schema_n;

/* ---- rebuild.c ---------------------------------------------------------------------------- */

/*
 * Finish putting a rebuilt index in place that a crash interrupted. The folder's lock is held
 * exclusively. NOTFOUND: there is none.
 */
enum err store_swap_finish(int dir);
/* One rebuild or compaction at a time; until *ret_fd is closed. */
enum err store_care_lock(struct store *s, int *ret_fd);

/* ---- open.c ------------------------------------------------------------------------------- */

/* A store with folder and memory, but without index. */
enum err store_new_bare(const struct store_conf *conf, struct store **ret);
/* Insert s->account with s->boot as the row of a new index. */
enum err store_account_insert(struct store *s);

/* ---- log.c -------------------------------------------------------------------------------- */

/* Add a record to the current pack within a write transaction. */
enum err store_log_put(struct store *s, const struct store_record *r, struct store_place *ret);
enum err store_log_flush(struct store *s);
enum err store_log_sync(struct store *s);
/* A descriptor for reading a pack; belongs to the store. NOTFOUND when it is gone. */
enum err store_log_fd(struct store *s, uint32_t pack, int *ret_fd);
void store_log_forget(struct store *s);
/* A pack is dead by so many octets more; written at the end of the transaction. */
enum err store_log_dead(struct store *s, uint32_t pack, uint64_t octets);
enum err store_log_dead_save(struct store *s);
/* Make the file of a new, empty pack. */
enum err store_pack_create(int packs, const struct store_pack_head *h, int *ret_fd);
str store_pack_name(uint32_t pack, char out[16]);
/* Read and check a whole record into `out`; strs of `ret` point there. */
enum err store_log_get(struct store *s, const struct store_place *at, struct buf *out,
    struct store_record *ret);

/* ---- box.c -------------------------------------------------------------------------------- */

enum err store_box_load(struct store *s, uint64_t id, struct store_box *ret);
enum err store_box_save(struct store *s, const struct store_box *b);
/* Set aside numbers for n more messages. */
enum err store_box_reserve(struct store *s, struct store_box *b, uint32_t n);
/* A mailbox record for the pack. */
enum err store_box_log(struct store *s, uint64_t id, bool deleted);
/* A new row with this canonical name. */
enum err store_box_new(struct store *s, str name, unsigned special, uint64_t *ret_id);
/* Tell the pack that a name was subscribed or not. */
enum err store_subscription_log(struct store *s, str name, bool on);
void store_box_count(struct store_box *b, const struct store_msg *m, int by);

/* ---- mailbox.c ---------------------------------------------------------------------------- */

/* Check a name and bring it into canonical form in `out` (STORE_NAME_MAX). SYNTAX, TOOBIG. */
enum err store_name_check(str name, struct buf *out);
/* Order: INBOX and what is below it first, then by octets with '/' lowest. */
int store_name_cmp(str a, str b);
bool store_name_below(str name, str parent); /* is `name` below `parent`? */

/* Keywords within a transaction; names point into `out`. */
enum err store_keywords_in(struct store *s, uint64_t mailbox, struct buf *out,
    struct store_keywords *ret);
/* The bit of a keyword, added when new; in a read transaction 0 when it is not there. */
enum err store_keyword_in(struct store *s, uint64_t mailbox, str name, uint32_t *ret_bit);

/* annotation.c: a row (one with a higher modseq stays); of a mailbox deleted; copied from one, all
 * or those that a mailbox hands down to what is made below it. */
enum err store_annotation_put(struct db *db, const struct store_annotation *one);
enum err store_annotations_drop(struct store *s, uint64_t mailbox);
enum err store_annotations_copy(struct store *s, uint64_t from, uint64_t to);
enum err store_annotations_hand_down(struct store *s, uint64_t from, uint64_t to);

/* ---- add.c, deliver.c, read.c, change.c, copy.c --------------------------------- */

/* Add one message at the tail. */
enum err store_add(struct store *s, struct store_tail *t, const struct store_delivery *d,
    struct store_added *ret);
/* Log the octets of a message; fills place, size and header_octets of `row`. */
enum err store_add_record(struct store *s, struct store_meta_message *meta,
    const struct store_new *msg, struct store_row *row);
enum err store_row_add(struct db *db, const struct store_row *row, str envelope, str structure);
enum err store_quota_load(struct store *s, struct store_quota *ret);
/* Count one more message in s->usage. QUOTA. */
enum err store_quota_take(struct store *s, uint64_t octets);
enum err store_pair_keep(struct db *db, uint64_t entry, uint16_t rcpt,
    const struct store_added *at);
/* Where a pair went: mailbox, uid, id; NOTFOUND. Forget those of entries below `oldest`. */
enum err store_pair_find(struct db *db, uint64_t entry, uint16_t rcpt, struct store_added *ret);
enum err store_pairs_forget(struct db *db, uint64_t oldest);
enum err store_thread_keep(struct db *db, uint64_t hash, uint64_t thread);

/* Hashes of message ids; the thread they lead to, or `id` for a new one, and remember them. */
uint8_t store_thread_hashes(const struct store *s, const struct store_new *msg, uint64_t *out);
enum err store_thread_find(struct store *s, const uint64_t *hashes, size_t n, uint64_t id,
    uint64_t *ret_thread);

/* Is the record there, sound, and of this message? CORRUPT if not. */
enum err store_row_check(struct store *s, const struct store_row *row);
enum err store_need_unzip(struct store *s); /* have s->unzip */
/* A record's payload, decompressed, into `out`. */
enum err store_unpack(struct store *s, const struct store_record *r, struct buf *out);

struct store_removal {
	const struct store_set *uids; /* NULL: all */
	bool only_deleted;
	bool keep_rows; /* a move: the target holds the references now */
	uint64_t modseq;
	struct store_set *gone; /* what was removed is added here */
};

/* Take messages out of a mailbox; the caller saves the box and notes what is gone. */
enum err store_remove_in(struct store *s, struct store_box *b, const struct store_removal *rm);
enum err store_gone_row(struct db *db, uint64_t mailbox, uint64_t modseq,
    const struct store_range *r);

/* Forget one reference to a message; its row goes with the last. */
enum err store_row_drop(struct store *s, uint64_t id);
/* Note removed uids in index and pack. */
enum err store_gone_add(struct store *s, struct store_box *b, const struct store_set *uids,
    uint64_t modseq);
/* Remove all messages of a mailbox that is about to be deleted. */
enum err store_box_empty(struct store *s, uint64_t mailbox);
/* Copy or move within a transaction. */
enum err store_copy_in(struct store *s, const struct store_copying *c, struct store_copied *ret,
    struct store_set *copied_from);

#endif
