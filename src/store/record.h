/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a pack: what they carry and how they are written and read. Pure; pack.h moves
 * them to and from files. A pack is a 32-octet head and records without gaps; every record is
 * checked by itself. The layout is in record.c and doc/format/pack.md.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/buf.h"
#include "store/limits.h"

enum {
	STORE_RECORD_HEAD = 32, /* octets of a record's head, and of a pack's */
	STORE_RECORD_META_MAX = 8192,
};

enum store_record_type {
	STORE_RECORD_MESSAGE = 1,      /* a message and where it first was */
	STORE_RECORD_LINK = 2,         /* messages that came into a mailbox by copy or move */
	STORE_RECORD_GONE = 3,         /* uids removed from a mailbox */
	STORE_RECORD_MAILBOX = 4,      /* a mailbox as it is now, or that it is deleted */
	STORE_RECORD_SUBSCRIPTION = 5, /* a name was subscribed or unsubscribed */
	STORE_RECORD_ANNOTATION = 6,   /* an annotation was set or removed */
	STORE_RECORD_ARRIVAL = 7,      /* a letter; in the file of arrivals alone */
};

enum { STORE_RECORD_ZSTD = 1 }; /* flags: the payload is a zstd frame */

struct store_record {
	uint8_t type, flags;
	uint32_t plain;    /* octets of the payload when decompressed */
	str meta, payload; /* payload as stored */
};

/* Append head and meta; the payload is to follow. */
void store_record_front_put(struct buf *out, const struct store_record *r);

/* What the head alone tells. */
struct store_record_head {
	uint8_t type, flags;
	uint32_t meta_n, payload_n, plain_n;
	uint32_t meta_crc, payload_crc;
	uint64_t octets; /* of the whole record */
};

/* CORRUPT (magic, checksum, a length beyond the limits), VERSION. `octets`: STORE_RECORD_HEAD of
 * them. */
enum err store_record_head(str octets, struct store_record_head *ret);

/* Split and check a whole record of which `octets` is the beginning. EOF: it is longer than that.
 */
enum err store_record_get(str octets, struct store_record *ret);

/* Offset of the next possible head at or after `off`, or octets.n - 3 at most: resume there. */
size_t store_record_seek(str octets, size_t off);

/* The 32 octets in front of each pack. */
struct store_pack_head {
	uint32_t number;
	uint8_t key[16]; /* of the account's thread hashes; the same in all its packs */
};

/* Append the head; read one back. CORRUPT, VERSION. */
void store_pack_head_put(struct buf *out, const struct store_pack_head *h);
enum err store_pack_head_get(str octets, struct store_pack_head *ret);

/* ---- the metas ---------------------------------------------------------------------------- */

/* STORE_RECORD_MESSAGE; the payload is the message. */
struct store_meta_message {
	uint64_t mailbox, modseq, id, thread, entry;
	int64_t internal_s, saved_s;
	uint32_t uid, flags, header_octets;
	uint16_t rcpt;
	uint8_t refs_n;
	uint64_t refs[STORE_REFS_MAX + 1]; /* hashes that lead to the thread */
};

/* STORE_RECORD_LINK; the payload is n times {id u64, flags u32}, the uids are first, first + 1,
 * ...
 */
struct store_meta_link {
	uint64_t mailbox, modseq;
	int64_t saved_s;
	uint32_t first, n;
};

/* STORE_RECORD_GONE; the payload is n times {lo u32, hi u32}. */
struct store_meta_gone {
	uint64_t mailbox, modseq;
	uint32_t n;
};

/* STORE_RECORD_MAILBOX; no payload. The record with the highest modseq holds. */
struct store_meta_mailbox {
	uint64_t id, modseq;
	uint64_t clock;                /* reserved up to here */
	uint32_t uidvalidity, uidnext; /* uidnext: reserved up to here */
	uint32_t special;
	bool deleted;
	str name;
	str keywords; /* NUL after each */
};

/* STORE_RECORD_SUBSCRIPTION; no payload. */
struct store_meta_subscription {
	uint64_t modseq;
	bool on;
	str name;
};

/* STORE_RECORD_ANNOTATION; the payload is the value. */
struct store_meta_annotation {
	uint64_t mailbox; /* 0: the account */
	uint64_t modseq;
	bool set; /* else it was removed */
	str entry;
};

/* Append a meta. The buffer tells whether there was room. */
void store_meta_message_put(struct buf *out, const struct store_meta_message *m);
void store_meta_link_put(struct buf *out, const struct store_meta_link *m);
void store_meta_gone_put(struct buf *out, const struct store_meta_gone *m);
void store_meta_mailbox_put(struct buf *out, const struct store_meta_mailbox *m);
void store_meta_subscription_put(struct buf *out, const struct store_meta_subscription *m);
void store_meta_annotation_put(struct buf *out, const struct store_meta_annotation *m);

/* CORRUPT. Strs borrow from r. */
enum err store_meta_message_get(const struct store_record *r, struct store_meta_message *ret);
enum err store_meta_link_get(const struct store_record *r, struct store_meta_link *ret);
enum err store_meta_gone_get(const struct store_record *r, struct store_meta_gone *ret);
enum err store_meta_mailbox_get(const struct store_record *r, struct store_meta_mailbox *ret);
enum err store_meta_subscription_get(const struct store_record *r,
    struct store_meta_subscription *ret);
enum err store_meta_annotation_get(const struct store_record *r, struct store_meta_annotation *ret);

#endif
