/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes of what is done on their way into the journal. They are written without a sync of their
 * own, and kept until one covers them: a disk that fails in between must not bring back what other
 * servers have. Start with spool_note_done.
 */
#include "spool/spool.h"
#include "spool/spool_priv.h"

/*
 * A note that finds no room is lost: then a crash brings the letter back, and the mailbox knows it.
 */
void
spool_note_done(struct spool *s, const struct entry *e, uint16_t rcpt)
{
	if (s->done.n + SPOOL_DONE_ITEM <= SPOOL_DONE_MAX) {
		wr_u64(&s->done, e->id);
		wr_u16(&s->done, rcpt);
		s->done_from = MIN(s->done_from, e->segment->number);
	}
}

void
spool_synced(struct spool *s)
{
	s->durable_end = s->active->end;
	s->unsynced_from = UINT32_MAX;
	buf_reset(&s->unsynced);
}

void
spool_not_synced(struct spool *s)
{
	if (s->done.n + s->unsynced.n <= SPOOL_DONE_MAX) {
		buf_str(&s->done, buf_view(&s->unsynced));
		s->done_from = MIN(s->done_from, s->unsynced_from);
	}
	s->unsynced_from = UINT32_MAX;
	buf_reset(&s->unsynced);
	buf_reset(&s->out);
	s->active = NULL;
}

/* What is about to be written stays at hand until it is synced; too much of it calls for a sync. */
static void
keep_unsynced(struct spool *s)
{
	if (s->unsynced.n + s->done.n > SPOOL_DONE_MAX) {
		s->sync_done = true;
		return;
	}
	buf_str(&s->unsynced, buf_view(&s->done));
	s->unsynced_from = MIN(s->unsynced_from, s->done_from);
}

static enum err
put_done(struct spool *s)
{
	TRY(spool_stage_notes(s, SPOOL_RECORD_DONE, &s->done));
	s->active->notes_from = MIN(s->active->notes_from, s->done_from);
	s->done_from = UINT32_MAX;
	return ERR_OK;
}

enum err
spool_stage_done(struct spool *s)
{
	if (s->done.n == 0) {
		return ERR_OK;
	}
	TRY(spool_make_room(s, SPOOL_RECORD_HEADER + s->done.n)); /* may sync what was before */
	size_t before = s->unsynced.n;
	keep_unsynced(s);
	enum err e = put_done(s);
	if (e != ERR_OK) {
		buf_truncate(&s->unsynced, before);
	}
	return e;
}

/* The notes of what ends with this flush, behind what is staged. A failure leaves none of them. */
enum err
spool_stage_ending(struct spool *s)
{
	size_t before = s->done.n;
	struct rd r = rd_make(buf_view(&s->ending));
	if (before + s->ending.n == 0) {
		return ERR_OK;
	}
	TRY(spool_make_room(s, SPOOL_RECORD_HEADER + before + s->ending.n));
	size_t unsynced = s->unsynced.n;
	keep_unsynced(s);
	while (r.n >= SPOOL_DONE_ITEM) {
		uint64_t id = rd_u64(&r);
		uint16_t rcpt = rd_u16(&r);
		const struct entry *e = map_get(s->entries, id);
		if (e != NULL) {
			spool_note_done(s, e, rcpt);
		}
	}
	enum err e = s->done.n > 0 ? put_done(s) : ERR_OK;
	if (e != ERR_OK) {
		buf_truncate(&s->done, before);
		buf_truncate(&s->unsynced, unsynced);
	}
	return e;
}
