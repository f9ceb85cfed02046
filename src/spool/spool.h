/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The durable queue: an append-only journal of messages and of what became of them, and in memory
 * the entries that still have something to do. It schedules nothing and knows no processes.
 *
 *	spool_stage() ... spool_stage() spool_flush()     one sync makes them all durable
 *	spool_done()                                      written with the next flush; may be lost
 *	                                                  over a crash, then the delivery
 *	                                                  is replayed
 *
 * A segment file goes when nothing in it is live. Entry ids only grow, also over restarts, and are
 * never used again: mailboxes remember them to deliver once.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include "spool/envelope.h"
#include "spool/state.h"

enum {
	SPOOL_SEGMENT_OCTETS = 64 << 20, /* a new file after this much */
	SPOOL_STAGE_MAX = 8 << 20,       /* staged in memory before it is written (not synced) */
	SPOOL_LIVE_MAX = 1000000,        /* entries in memory: ERR_TOOMANY beyond */
	SPOOL_STATES_MAX = 64 << 10,     /* octets of one record of states */
	SPOOL_DONE_MAX = 1 << 20,        /* octets of done notes of one flush; more may be lost */
	SPOOL_SEGMENTS_KEPT = 8,         /* with more, the few entries of old ones are moved */
	SPOOL_MOVE_OCTETS = 4 << 20,     /* at a time, and at least one entry */
	SPOOL_ID_TEXT = 14,              /* octets of spool_id_text with its NUL */
};

struct spool;

/* What is told at start about each entry that is not done. rcpts with done[i] need nothing more. */
struct spool_found {
	uint64_t entry;
	const struct spool_envelope *envelope;
	const bool *done;
	const struct spool_state *states; /* of each recipient, zeros: none; NULL: of nobody */
	uint64_t size;                    /* octets of the message */
};

struct spool_report {
	uint64_t entries, done, segments;
	uint64_t moved;       /* entries copied out of old segments */
	uint64_t set_aside;   /* segments whose head cannot be read, renamed to .bad */
	uint64_t bad_records; /* skipped: header or payload fails its check */
	uint64_t torn_octets; /* cut off at the end of the last segment */
};

/*
 * Open the journal in an open folder, read it through, and tell every live entry in id order.
 *
 * In      dir: the journal folder, stays the caller's; wall_s: now, names new segments
 *         each: an answer other than ERR_OK ends it and is returned
 * Out     ret: set only on ERR_OK
 * Errors  ERR_BUSY: another process has it; ERR_IO, ERR_NOSPACE, ERR_NOMEM, ERR_VERSION
 */
enum err spool_open(int dir, int64_t wall_s,
    enum err (*each)(void *ctx, const struct spool_found *), void *ctx, struct spool **ret);
void spool_close(struct spool **s);
void spool_report(const struct spool *s, struct spool_report *ret);

/*
 * Put one message behind the others. Nothing is durable before spool_flush() said ERR_OK.
 *
 * In      body: `size` octets: `octets`, and with fd >= 0 the rest from `off` of that file on
 * Out     ret_entry: its queue id
 * Errors  ERR_TOOBIG, ERR_TOOMANY (too many live entries), ERR_NOSPACE, ERR_IO: this message is not
 * in
 */
struct spool_body {
	str octets;
	int fd;
	uint64_t off; /* where in the file it begins */
	uint64_t size;
};
enum err spool_stage(struct spool *s, const struct spool_envelope *e, const struct spool_body *body,
    uint64_t *ret_entry);

/*
 * Write and sync all that was staged.
 *
 * Errors  ERR_NOSPACE, ERR_IO: none of the staged entries counts, now or after a restart; later
 * calls start a new segment and may succeed. What was noted as done since the last sync is written
 * again by them.
 */
enum err spool_flush(struct spool *s);

/* True when something waits for spool_flush or spool_write. */
bool spool_dirty(const struct spool *s);

/*
 * With many segments: move what little still lives in an old one behind the others, so that it can
 * go. Entries keep their ids. Only between flushes: nothing may be staged.
 *
 * Out     ret_more: calling again soon is of use
 * Errors  ERR_NOSPACE, ERR_IO: nothing was moved, nothing is lost
 */
enum err spool_compact(struct spool *s, bool *ret_more);

/* This recipient needs nothing more; when it was the last one the entry is forgotten. */
void spool_done(struct spool *s, uint64_t entry, uint16_t rcpt);

/*
 * The same, but only with what is staged: when the next spool_flush() fails, the recipient is as it
 * was. So a report and the end of what it reports on become true together. An entry that does not
 * exist is passed over.
 */
void spool_done_with_flush(struct spool *s, uint64_t entry, uint16_t rcpt);

/*
 * The next flush also syncs what was noted as done: another server cannot be asked whether it has a
 * letter, and a power cut must not bring it back.
 */
void spool_sync_done(struct spool *s);

/* Keep how far a recipient has come; goes with the next flush, which does not sync for it. */
void spool_state(struct spool *s, uint64_t entry, uint16_t rcpt, const struct spool_state *state);

/*
 * Who knows the states: when an entry is moved out of an old segment, `tell` calls spool_state()
 * for those of its recipients that have one.
 */
void spool_states_from(struct spool *s, void (*tell)(void *ctx, uint64_t entry), void *ctx);

/*
 * Read the envelope of a live, durable entry again.
 *
 * Out     ret: set only on ERR_OK; all of it lives in `a`
 * Errors  ERR_NOTFOUND, ERR_IO, ERR_EOF, ERR_BUDGET, ERR_SYNTAX: the disk says something else now
 */
enum err spool_envelope(struct spool *s, uint64_t entry, struct arena *a,
    struct spool_envelope *ret);

/*
 * Read the message of a live entry.
 *
 * In      to: room for the octets from off on
 * Errors  ERR_NOTFOUND, ERR_IO, ERR_EOF
 */
enum err spool_read(struct spool *s, uint64_t entry, uint64_t off, void *to, size_t n);

/* Ids below this are done everywhere and will not be replayed. */
uint64_t spool_oldest(const struct spool *s);
size_t spool_live(const struct spool *s);

/* The id as 13 digits and letters, as in log lines and the 250 reply; and back. */
void spool_id_text(uint64_t entry, char ret[SPOOL_ID_TEXT]);
bool spool_id_parse(str text, uint64_t *ret_entry);

#endif
