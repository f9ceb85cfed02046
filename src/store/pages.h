/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed pages in the index: finding, reading, writing, appending, and walking over
 * those that hold given uids. Private to this folder; included by store_priv.h.
 */
#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include "store/page.h"
#include "store/set.h"

struct store;

/* A row of the table mailbox, without its texts. */
struct store_box {
	uint64_t id, modseq, gone_floor, octets;
	uint32_t uidvalidity, uidnext, uid_reserved;
	uint32_t messages, unseen, deleted;
};

/* ---- pages.c ------------------------------------------------------------------------------ */

/* A row of the table page. */
struct store_dir {
	uint64_t id;     /* mailbox << 32 | lower bound of its uids */
	uint64_t modseq; /* of the last change of anything in it */
	uint32_t last, n, unseen, deleted;
};

/* The id of a page that begins with this uid. Mailbox ids are below 2^31. */
static inline uint64_t
store_page_id(uint64_t mailbox, uint32_t uid)
{
	return mailbox << 32 | uid;
}

/* The page that uid is in or would be in, else the next one behind. NOTFOUND: none. */
enum err store_dir_at(struct store *s, uint64_t mailbox, uint32_t uid, struct store_dir *ret);
/* The next page of this mailbox. NOTFOUND: none. */
enum err store_dir_next(struct store *s, const struct store_dir *d, struct store_dir *ret);
enum err store_dir_last(struct store *s, uint64_t mailbox, struct store_dir *ret);
/* The first page from this lowest uid on that has a message without \Seen. NOTFOUND: none. */
enum err store_dir_unseen(struct store *s, uint64_t mailbox, uint32_t uid, struct store_dir *ret);
/* The records of a page, in the store's one page buffer. */
enum err store_page_load(struct store *s, const struct store_dir *d, struct store_page **ret);
/* Write a page back; an empty one is removed. Recomputes the row. */
enum err store_page_save(struct store *s, struct store_dir *d, const struct store_page *p,
    uint64_t modseq);

/* Appending to the end of one mailbox. */
struct store_tail {
	struct store_box box;
	struct store_dir dir;
	uint64_t modseq;
	bool begun; /* dir and s->tail hold the last page */
};

/* NOTFOUND (mailbox). Until the end call, s->tail belongs to the tail. */
enum err store_tail_begin(struct store *s, uint64_t mailbox, uint64_t modseq,
    struct store_tail *ret);
/* Takes the next uid; *m gets uid and modseq. */
enum err store_tail_add(struct store *s, struct store_tail *t, struct store_msg *m);
enum err store_tail_end(struct store *s, struct store_tail *t);

/* ---- walking ------------------------------------------------------------------------------ */

struct store_walk {
	struct store *s;
	uint64_t mailbox, since;      /* since: pages without a later change are passed over */
	const struct store_set *uids; /* NULL: all */
	bool deleted_only;            /* pass over pages without \Deleted */
	uint32_t low;                 /* uids below were wanted of an earlier page */
	uint32_t from;                /* 0: at the end */
	struct store_dir dir;         /* the page read last */
	struct store_page *page;
};

/* Over the pages with uids of the set; it is borrowed. Adding at the end meanwhile is fine. */
void store_walk_init(struct store_walk *w, struct store *s, uint64_t mailbox,
    const struct store_set *uids);
/* The next page that can hold a wanted uid. NOTFOUND: no more. */
enum err store_walk_next(struct store_walk *w);
bool store_walk_wants(const struct store_walk *w, uint32_t uid);
enum err store_msg_in(struct store *s, uint64_t mailbox, uint32_t uid, struct store_msg *ret);
/* Add all uids of a mailbox from `from` on. */
enum err store_uids_in(struct store *s, uint64_t mailbox, uint32_t from, struct store_set *out);
/* Add all; ret_unseen: no message below this uid is unseen, 0: none at all. */
enum err store_map_in(struct store *s, uint64_t mailbox, struct store_set *out,
    uint32_t *ret_unseen);

#endif
