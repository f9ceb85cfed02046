/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One letter that cannot be delivered would keep 64 MB of journal. When there are many segments,
 * the few entries that still live in an old one are written again behind the others, with their
 * ids. The old segment goes when the new records are synced; after a crash between the two the
 * scan meets both and takes the first.
 */
#include "spool/spool.h"
#include "spool/spool_priv.h"
#include "sys/file.h"

enum { BATCH = 64 };

/* An entry written again, and where. */
struct moved {
	struct entry *entry;
	struct segment *to;
	uint64_t envelope_at;
};

/*
 * The oldest segment that is mostly empty; NULL: none, or there are few. With far too many a full
 * one is moved, too: later ones hold its notes and wait for it.
 */
static struct segment *
pick(struct spool *s)
{
	struct segment *found = NULL, *oldest = NULL;
	size_t n = 0;
	LIST_EACH(it, &s->segments) {
		struct segment *seg = LIST_ENTRY(it, struct segment, node);
		n++;
		if (seg == s->active || seg->live == 0 || seg->unreadable) {
			continue;
		}
		oldest = oldest == NULL ? seg : oldest;
		if (found == NULL && seg->live_octets < SPOOL_SEGMENT_OCTETS / 4) {
			found = seg;
		}
	}
	if (n > 4 * SPOOL_SEGMENTS_KEPT) {
		return oldest;
	}
	return n > SPOOL_SEGMENTS_KEPT ? found : NULL;
}

/* The header of an entry's record, as it is on disk now. */
static enum err
old_record(const struct entry *e, struct spool_record *ret)
{
	char header[SPOOL_RECORD_HEADER];
	const struct segment *seg = e->segment;
	TRY(sys_file_read_exact(seg->fd, e->envelope_at - SPOOL_RECORD_HEADER, header,
	    sizeof header));
	TRY(spool_record_get(str_make(header, sizeof header), seg->key, ret));
	bool same = ret->type == SPOOL_RECORD_MESSAGE && ret->entry == e->id &&
	    ret->length == e->body_at - e->envelope_at + e->size;
	return same ? ERR_OK : ERR_CORRUPT;
}

static enum err
write_again(struct spool *s, struct entry *e, struct moved *ret)
{
	struct spool_record old;
	TRY(old_record(e, &old));
	struct spool_body body = {
		.fd = e->segment->fd, .off = e->envelope_at, .size = old.length
	};
	struct parts p = { .body = &body, .rec = old, .expect = &old.payload_crc };
	p.rec.payload_crc = 0;
	TRY(spool_make_room(s, SPOOL_RECORD_HEADER));
	TRY(spool_write_out(s));
	*ret = (struct moved){ e, s->active, s->active->end + SPOOL_RECORD_HEADER };
	TRY(spool_stage_large(s, &p));
	/* from now on the entry may come back from there */
	s->active->lowest = MIN(s->active->lowest, e->id);
	for (uint32_t i = 0; i < e->rcpts_n; i++) {
		if (spool_is_done(e, i)) {
			spool_note_done(s, e, (uint16_t)i);
		}
	}
	if (s->tell_states != NULL) {
		s->tell_states(s->tell_states_ctx, e->id);
	}
	return ERR_OK;
}

/* Write some again; *ret_n of them. An entry that cannot be read ends the work on its segment. */
static enum err
write_some(struct spool *s, struct segment *seg, struct moved *list, size_t *ret_n)
{
	uint64_t octets = 0;
	LIST_EACH(it, &seg->entries) {
		struct entry *e = LIST_ENTRY(it, struct entry, placed);
		if (*ret_n == BATCH || octets >= SPOOL_MOVE_OCTETS) {
			break;
		}
		enum err err = write_again(s, e, &list[*ret_n]);
		if (err == ERR_CORRUPT || err == ERR_EOF || err == ERR_VERSION) {
			seg->unreadable = true;
			break;
		}
		TRY(err);
		octets += e->size;
		++*ret_n;
	}
	TRY(spool_stage_done(s));
	TRY(spool_stage_states(s));
	TRY(spool_write_out(s));
	TRY(sys_file_datasync(s->active->fd));
	spool_synced(s);
	return ERR_OK;
}

enum err
spool_compact(struct spool *s, bool *ret_more)
{
	struct moved list[BATCH];
	size_t n = 0;
	*ret_more = false;
	if (!list_empty(&s->staged)) {
		return ERR_BADSTATE;
	}
	struct segment *seg = pick(s);
	if (seg == NULL) {
		return ERR_OK;
	}
	enum err e = s->active != NULL ? ERR_OK : spool_segment_new(s);
	e = e != ERR_OK ? e : write_some(s, seg, list, &n);
	if (e != ERR_OK) { /* the old records stand; what was begun is never read */
		spool_not_synced(s);
		s->failed = ERR_OK;
		return e;
	}
	for (size_t i = 0; i < n; i++) {
		struct entry *x = list[i].entry;
		spool_place(x, list[i].to, list[i].envelope_at,
		    list[i].envelope_at + (x->body_at - x->envelope_at));
	}
	s->report.moved += n;
	spool_segment_sweep(s);
	*ret_more = pick(s) != NULL;
	return ERR_OK;
}
