/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What spool.c (live entries, staging) and segment.c (files of the journal, scanning) share.
 */
#ifndef SPOOL_SPOOL_PRIV_H
#define SPOOL_SPOOL_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "spool/record.h"
#include "spool/spool.h"

struct segment {
	struct list node; /* oldest first */
	uint32_t number;
	int fd;
	uint8_t key[SPOOL_KEY];
	uint64_t end;    /* octets written */
	uint64_t lowest; /* smallest entry id of a message in it; UINT64_MAX: none */
	size_t live;     /* entries in it that are not done */
	uint64_t live_octets;
	uint32_t notes_from; /* the oldest segment its done notes are about; UINT32_MAX: none */
	struct list entries;
	bool unreadable; /* a record in it cannot be read: it is not tried again */
};

struct entry {
	struct list staged; /* while not durable */
	struct list placed; /* in its segment's list */
	uint64_t id;
	struct segment *segment;
	uint64_t envelope_at, body_at, size;
	uint32_t rcpts_n, left;
	uint16_t version;        /* of the envelope */
	struct spool_kept *kept; /* states, while the journal is read */
	uint8_t done[];          /* a bit per recipient */
};

struct spool {
	int dir, lock;
	struct list segments;
	struct segment *active; /* NULL: the next message starts a new one */
	struct map *entries;
	struct list staged;
	struct buf out;       /* staged octets; their place is out_at of the active segment */
	uint64_t durable_end; /* of the active segment */
	struct buf done;      /* done items for the next record */
	uint32_t done_from;   /* the oldest segment they are about */
	/*
	 * Done items written since the last sync: a failing disk, or what is cut off after one,
	 * takes them along, and then they are written again.
	 */
	struct buf unsynced;
	uint32_t unsynced_from;
	struct buf ending; /* done items that count only if the flush succeeds */
	struct buf states; /* state items for the next record */
	uint32_t states_from;
	void (*tell_states)(void *ctx, uint64_t entry);
	void *tell_states_ctx;
	bool sync_done;  /* the next flush syncs, whatever is staged */
	enum err failed; /* a sync of staged octets failed: none of them counts */
	bool unlinked;   /* a segment, and the folder was not synced since */
	uint64_t last_id, oldest;
	uint32_t last_number;
	int64_t wall_s;
	struct spool_report report;
};

/* One message on its way into the journal. */
struct parts {
	str envelope; /* with its length; empty: in front of the body already */
	const struct spool_body *body;
	struct spool_record rec;
	const uint32_t *expect; /* what the payload's checksum must be; NULL: anything */
};

/* spool.c, for compact.c: room behind the active segment's end; the octets of one message. */
enum err spool_make_room(struct spool *s, uint64_t need);
enum err spool_stage_large(struct spool *s, struct parts *p);
/* Note a recipient as done, and put the notes into the octets that wait to be written. */
void spool_note_done(struct spool *s, const struct entry *e, uint16_t rcpt);
enum err spool_stage_done(struct spool *s);
/* Put a record of notes into the octets that wait to be written, and empty `notes`. */
enum err spool_stage_notes(struct spool *s, enum spool_record_type type, struct buf *notes);
enum err spool_write_out(struct spool *s);
/* done.c: the notes of what ends with this flush; a failure leaves none of them. */
enum err spool_stage_ending(struct spool *s);
/* All of the active segment is on disk; or nobody knows what of it is, and it is left. */
void spool_synced(struct spool *s);
void spool_not_synced(struct spool *s);
bool spool_is_done(const struct entry *e, uint32_t rcpt);
/* Where an entry lies; takes it from where it lay before. */
void spool_place(struct entry *e, struct segment *seg, uint64_t envelope_at, uint64_t body_at);

/* state.c: states on their way in; taken from a record, kept, told and dropped at start. */
enum err spool_stage_states(struct spool *s);
void spool_take_states(struct spool *s, struct segment *seg, str payload);
enum err spool_kept_tell(const struct entry *e, struct arena *a, const struct spool_state **ret);
void spool_kept_drop(struct entry *e);

/* A new active segment: created, allocated, head and folder entry synced. */
enum err spool_segment_new(struct spool *s);

/* Open and read every segment of the folder, oldest first; calls the two functions below. */
enum err spool_segment_scan(struct spool *s);

/* A message record with a good checksum, during the scan. */
enum err spool_take_message(struct spool *s, struct segment *seg, uint64_t payload_at,
    const struct spool_record *rec);
/* A done record with a good checksum, during the scan. */
void spool_take_done(struct spool *s, struct segment *seg, str payload);

/* Unlink segments that hold nothing live, but never the active one; then move s->oldest. */
void spool_segment_sweep(struct spool *s);
/* Close all segments. */
void spool_segment_close(struct spool *s);

#endif
