/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live entries and group commit. Staged messages are octets in s->out that belong behind the active
 * segment's end, and entries in s->staged; a flush writes and syncs them, or takes all of them
 * back.
 */
#include "spool/spool.h"
#include "base/codec.h"
#include "base/mem.h"
#include "spool/spool_priv.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

enum { COPY_CHUNK = 128 * 1024 };

static struct entry *
entry_add(struct spool *s, uint64_t id, size_t rcpts_n)
{
	struct entry *e = mem_zalloc(1, sizeof *e + (rcpts_n + 7) / 8);
	if (e == NULL) {
		return NULL;
	}
	e->id = id;
	e->rcpts_n = e->left = (uint32_t)rcpts_n;
	list_init(&e->staged);
	list_init(&e->placed);
	if (map_set(s->entries, id, e) != ERR_OK) {
		MEM_FREE(e);
		return NULL;
	}
	s->last_id = MAX(s->last_id, id);
	return e;
}

static uint64_t
record_octets(const struct entry *e)
{
	return SPOOL_RECORD_HEADER + (e->body_at - e->envelope_at) + e->size;
}

static void
displace(struct entry *e)
{
	if (e->segment != NULL) {
		e->segment->live--;
		e->segment->live_octets -= record_octets(e);
		list_remove(&e->placed);
	}
}

void
spool_place(struct entry *e, struct segment *seg, uint64_t envelope_at, uint64_t body_at)
{
	displace(e);
	e->segment = seg;
	e->envelope_at = envelope_at;
	e->body_at = body_at;
	seg->live++;
	seg->live_octets += record_octets(e);
	seg->lowest = MIN(seg->lowest, e->id);
	list_push(&seg->entries, &e->placed);
}

static void
entry_drop(struct spool *s, struct entry *e)
{
	(void)map_del(s->entries, e->id);
	spool_kept_drop(e);
	list_remove(&e->staged);
	displace(e);
	mem_drop(e);
}

bool
spool_is_done(const struct entry *e, uint32_t rcpt)
{
	return (e->done[rcpt / 8] >> (rcpt % 8) & 1) != 0;
}

/* Mark one recipient or all; true when nothing is left. */
static bool
mark_done(struct entry *e, uint16_t rcpt)
{
	if (rcpt == SPOOL_DONE_ALL) {
		e->left = 0;
	} else if (rcpt < e->rcpts_n && !spool_is_done(e, rcpt)) {
		e->done[rcpt / 8] |= (uint8_t)(1u << (rcpt % 8));
		e->left--;
	}
	return e->left == 0;
}

/* ---- reading the journal at start ---- */

/* The envelope of an entry's record, whose payload begins at `at`. */
static enum err
read_envelope(int fd, const struct entry *at, struct arena *a, struct spool_envelope *ret,
    uint32_t *ret_n)
{
	uint8_t len[4];
	uint64_t payload_at = at->envelope_at;
	TRY(sys_file_read_exact(fd, payload_at, len, sizeof len));
	struct rd r = rd_make(str_make(len, sizeof len));
	uint32_t n = rd_u32(&r);
	if (n > SPOOL_ENVELOPE_MAX) {
		return ERR_SYNTAX;
	}
	char *p = arena_alloc(a, n);
	if (p == NULL) {
		return ERR_BUDGET;
	}
	TRY(sys_file_read_exact(fd, payload_at + sizeof len, p, n));
	*ret_n = n;
	return spool_envelope_get((str){ p, n }, at->version, a, ret);
}

/*
 * The entry was moved to this segment, and a crash came before the old one went. The first record
 * counts; as this one may be met alone later, what is done is noted behind it.
 */
static void
take_copy(struct spool *s, struct segment *seg, const struct entry *e)
{
	seg->lowest = MIN(seg->lowest, e->id);
	for (uint32_t i = 0; i < e->rcpts_n; i++) {
		if (spool_is_done(e, i)) {
			spool_note_done(s, e, (uint16_t)i);
		}
	}
}

static enum err
take_envelope(struct spool *s, struct segment *seg, uint64_t at, const struct spool_record *rec,
    struct arena *a)
{
	struct spool_envelope env;
	uint32_t n = 0;
	const struct entry place = { .envelope_at = at, .version = rec->version };
	enum err e = read_envelope(seg->fd, &place, a, &env, &n);
	if (e == ERR_SYNTAX || e == ERR_EOF || (e == ERR_OK && 4 + (uint64_t)n > rec->length)) {
		s->report.bad_records++;
		return ERR_OK;
	}
	TRY(e);
	struct entry *known = map_get(s->entries, rec->entry);
	if (known != NULL) {
		take_copy(s, seg, known);
		return ERR_OK;
	}
	struct entry *x = entry_add(s, rec->entry, env.rcpts_n);
	if (x == NULL) {
		return ERR_NOMEM;
	}
	x->size = rec->length - 4 - n;
	x->version = rec->version;
	spool_place(x, seg, at, at + 4 + n);
	s->report.entries++;
	return ERR_OK;
}

enum err
spool_take_message(struct spool *s, struct segment *seg, uint64_t payload_at,
    const struct spool_record *rec)
{
	struct arena *a = arena_new(NULL, "envelope", 4 * SPOOL_ENVELOPE_MAX, 0);
	enum err e = a == NULL ? ERR_NOMEM : take_envelope(s, seg, payload_at, rec, a);
	arena_free(&a);
	return e;
}

void
spool_take_done(struct spool *s, struct segment *seg, str payload)
{
	struct rd r = rd_make(payload);
	while (r.n >= SPOOL_DONE_ITEM) {
		uint64_t id = rd_u64(&r);
		uint16_t rcpt = rd_u16(&r);
		struct entry *e = map_get(s->entries, id);
		s->last_id = MAX(s->last_id, id);
		if (e != NULL) {
			seg->notes_from = MIN(seg->notes_from, e->segment->number);
		}
		if (e != NULL && mark_done(e, rcpt)) {
			entry_drop(s, e);
			s->report.done++;
		}
	}
}

struct telling {
	struct spool *s;
	uint64_t *ids;
	size_t n;
};

static void
collect_id(void *value, void *ctx)
{
	struct telling *t = ctx;
	t->ids[t->n++] = ((struct entry *)value)->id;
}

static int
by_id(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static enum err
tell_one(struct spool *s, uint64_t id, enum err (*each)(void *, const struct spool_found *),
    void *ctx)
{
	struct entry *e = map_get(s->entries, id);
	struct spool_envelope env;
	uint32_t n = 0;
	struct arena *a = arena_new(NULL, "envelope", 4 * SPOOL_ENVELOPE_MAX, 0);
	bool *done = a == NULL ? NULL : arena_array(a, e->rcpts_n, sizeof *done);
	enum err err = done == NULL ? ERR_NOMEM : read_envelope(e->segment->fd, e, a, &env, &n);
	if (err == ERR_OK && env.rcpts_n != e->rcpts_n) {
		err = ERR_CORRUPT; /* the disk says something else now */
	}
	if (err == ERR_OK) {
		for (uint32_t i = 0; i < e->rcpts_n; i++) {
			done[i] = spool_is_done(e, i);
		}
		struct spool_found found = {
			.entry = id, .envelope = &env, .done = done, .size = e->size
		};
		err = spool_kept_tell(e, a, &found.states);
		err = err != ERR_OK ? err : each(ctx, &found);
	}
	spool_kept_drop(e);
	arena_free(&a);
	return err;
}

static enum err
tell_live(struct spool *s, enum err (*each)(void *, const struct spool_found *), void *ctx)
{
	struct telling t = { .s = s };
	size_t live = map_count(s->entries);
	t.ids = mem_zalloc(live, sizeof *t.ids);
	if (t.ids == NULL) {
		return ERR_NOMEM;
	}
	map_each(s->entries, collect_id, &t);
	qsort(t.ids, t.n, sizeof *t.ids, by_id);
	enum err e = ERR_OK;
	for (size_t i = 0; e == ERR_OK && i < t.n; i++) {
		e = tell_one(s, t.ids[i], each, ctx);
	}
	mem_drop(t.ids);
	return e;
}

static enum err
take_lock(struct spool *s)
{
	TRY(sys_file_open(s->dir, S("lock"), SYS_READ | SYS_WRITE | SYS_CREATE, &s->lock));
	return sys_file_lock(s->lock, true, false);
}

enum err
spool_open(int dir, int64_t wall_s, enum err (*each)(void *ctx, const struct spool_found *),
    void *ctx, struct spool **ret)
{
	uint8_t key[16];
	struct spool *s = mem_zalloc(1, sizeof *s);
	if (s == NULL) {
		return ERR_NOMEM;
	}
	sys_random(key, sizeof key);
	s->dir = dir;
	s->lock = -1;
	s->done_from = UINT32_MAX;
	s->wall_s = wall_s;
	list_init(&s->segments);
	list_init(&s->staged);
	buf_init(&s->out, SPOOL_STAGE_MAX);
	buf_init(&s->done, SPOOL_DONE_MAX);
	buf_init(&s->unsynced, SPOOL_DONE_MAX);
	s->unsynced_from = UINT32_MAX;
	buf_init(&s->ending, SPOOL_DONE_MAX);
	buf_init(&s->states, SPOOL_STATES_MAX);
	s->states_from = UINT32_MAX;
	/* during the scan also those whose end comes later: the ceiling is for new ones */
	s->entries = map_new(key, SIZE_MAX);
	enum err e = s->entries == NULL ? ERR_NOMEM : take_lock(s);
	e = e != ERR_OK ? e : spool_segment_scan(s);
	e = e != ERR_OK ? e : tell_live(s, each, ctx);
	if (e != ERR_OK) {
		spool_close(&s);
		return e;
	}
	spool_segment_sweep(s);
	*ret = s;
	return ERR_OK;
}

static void
free_entry(void *value, void *ctx)
{
	entry_drop(ctx, value);
}

void
spool_close(struct spool **sp)
{
	struct spool *s = *sp;
	if (s == NULL) {
		return;
	}
	if (s->entries != NULL) {
		map_each(s->entries, free_entry, s);
	}
	map_free(&s->entries);
	spool_segment_close(s);
	sys_close(&s->lock);
	buf_done(&s->out);
	buf_done(&s->done);
	buf_done(&s->unsynced);
	buf_done(&s->ending);
	buf_done(&s->states);
	MEM_FREE(*sp);
}

void
spool_report(const struct spool *s, struct spool_report *ret)
{
	*ret = s->report;
}

/* ---- staging and flushing ---- */

/* Write what is staged, without a sync. */
enum err
spool_write_out(struct spool *s)
{
	if (s->out.n == 0) {
		return ERR_OK;
	}
	TRY(sys_file_write(s->active->fd, s->active->end, buf_view(&s->out)));
	s->active->end += s->out.n;
	buf_reset(&s->out);
	return ERR_OK;
}

/* Say at once that what was taken back does not count. A disk that fails may refuse this, too. */
static void
note_failed(struct spool *s)
{
	enum err e = spool_stage_done(s);
	e = e != ERR_OK ? e : spool_write_out(s);
	e = e != ERR_OK ? e : sys_file_datasync(s->active->fd);
	if (e == ERR_OK) {
		spool_synced(s);
	} else {
		spool_not_synced(s);
	}
}

/*
 * Take back everything staged: cut it off the file, and say in the next segment that it does not
 * count, in case it stayed. The segment is not written to any more: after a sync that failed, a
 * second one may say that all is well when it is not.
 */
static void
fail_staged(struct spool *s)
{
	bool any = !list_empty(&s->staged);
	LIST_EACH(it, &s->staged) {
		struct entry *e = LIST_ENTRY(it, struct entry, staged);
		spool_note_done(s, e, SPOOL_DONE_ALL);
		entry_drop(s, e);
	}
	if (s->active != NULL) {
		(void)(sys_file_truncate(s->active->fd, s->durable_end) == ERR_OK);
	}
	spool_not_synced(s);
	s->failed = ERR_OK;
	if (any) {
		note_failed(s);
	}
}

/* The segment is full. Once its sync has failed, nothing staged counts any more. */
static enum err
leave_segment(struct spool *s)
{
	enum err e = spool_write_out(s);
	e = e != ERR_OK ? e : sys_file_datasync(s->active->fd);
	if (e != ERR_OK) {
		s->failed = e;
		return e;
	}
	spool_synced(s);
	s->active = NULL;
	return ERR_OK;
}

/* A segment with room for `need` more octets. The full one is synced before it is left. */
enum err
spool_make_room(struct spool *s, uint64_t need)
{
	if (s->active != NULL && s->active->end + s->out.n + need > SPOOL_SEGMENT_OCTETS &&
	    s->active->end + s->out.n > SPOOL_SEGMENT_HEAD) {
		TRY(leave_segment(s));
	}
	if (s->active == NULL) {
		TRY(spool_segment_new(s));
	}
	return s->out.n + need > SPOOL_STAGE_MAX ? spool_write_out(s) : ERR_OK;
}

/* Copy what is in a file into the segment at `at`; gives the checksum going on from `crc`. */
static enum err
copy_body(struct spool *s, const struct spool_body *body, uint64_t at, uint32_t *crc)
{
	uint64_t size = body->size - body->octets.n;
	char *piece = mem_resize(NULL, (size_t)MIN(size, (uint64_t)COPY_CHUNK) + 1);
	enum err e = piece == NULL ? ERR_NOMEM : ERR_OK;
	for (uint64_t off = 0; e == ERR_OK && off < size; off += COPY_CHUNK) {
		size_t n = (size_t)MIN(size - off, (uint64_t)COPY_CHUNK);
		e = sys_file_read_exact(body->fd, body->off + off, piece, n);
		if (e == ERR_OK) {
			*crc = crc32c(*crc, piece, n);
			e = sys_file_write(s->active->fd, at + off, (str){ piece, n });
		}
	}
	mem_drop(piece);
	return e;
}

enum err
spool_stage_large(struct spool *s, struct parts *p)
{
	TRY(spool_write_out(s));
	str prefix = p->body->octets;
	uint64_t at = s->active->end, body_at = at + SPOOL_RECORD_HEADER + p->envelope.n;
	p->rec.payload_crc = crc32c(p->rec.payload_crc, prefix.p, prefix.n);
	enum err e = copy_body(s, p->body, body_at + prefix.n, &p->rec.payload_crc);
	if (e == ERR_OK && p->expect != NULL && p->rec.payload_crc != *p->expect) {
		e = ERR_CORRUPT;
	}
	if (e == ERR_OK) {
		spool_record_put(&s->out, s->active->key, &p->rec);
		buf_str(&s->out, p->envelope);
		buf_str(&s->out, prefix);
		e = buf_err(&s->out);
	}
	if (e == ERR_OK) {
		e = sys_file_write(s->active->fd, at, buf_view(&s->out));
	}
	buf_reset(&s->out);
	if (e != ERR_OK) {
		(void)sys_file_truncate(s->active->fd, at);
		return e;
	}
	s->active->end = body_at + p->body->size;
	return ERR_OK;
}

/* What does not fit whole does not stay in part: it would hide what comes behind it. */
static enum err
undo_unless_ok(struct spool *s, size_t before)
{
	enum err e = buf_err(&s->out);
	if (e != ERR_OK) {
		buf_truncate(&s->out, before);
		s->out.err = ERR_OK;
	}
	return e;
}

static enum err
stage_small(struct spool *s, struct parts *p)
{
	size_t before = s->out.n;
	str body = p->body->octets;
	p->rec.payload_crc = crc32c(p->rec.payload_crc, body.p, body.n);
	spool_record_put(&s->out, s->active->key, &p->rec);
	buf_str(&s->out, p->envelope);
	buf_str(&s->out, body);
	return undo_unless_ok(s, before);
}

static enum err
stage_record(struct spool *s, struct parts *p, uint64_t *ret_at)
{
	uint64_t need = SPOOL_RECORD_HEADER + p->rec.length;
	TRY(spool_make_room(s, p->body->fd >= 0 ? SPOOL_RECORD_HEADER : need));
	uint64_t at = s->active->end + s->out.n;
	p->rec.entry = (uint64_t)s->active->number << 32 | at;
	ASSERT(p->rec.entry > s->last_id && at < UINT32_MAX);
	*ret_at = at + SPOOL_RECORD_HEADER;
	return p->body->fd >= 0 ? spool_stage_large(s, p) : stage_small(s, p);
}

static enum err
stage_entry(struct spool *s, struct parts *p, size_t rcpts_n, uint64_t *ret_entry)
{
	uint64_t at = 0;
	TRY(stage_record(s, p, &at));
	struct entry *e = entry_add(s, p->rec.entry, rcpts_n);
	if (e == NULL) {
		/* the record is there: say that it does not count */
		struct entry gone = { .id = p->rec.entry, .segment = s->active };
		spool_note_done(s, &gone, SPOOL_DONE_ALL);
		return ERR_NOMEM;
	}
	e->size = p->body->size;
	e->version = p->rec.version;
	spool_place(e, s->active, at, at + p->envelope.n);
	list_push(&s->staged, &e->staged);
	*ret_entry = e->id;
	return ERR_OK;
}

enum err
spool_stage(struct spool *s, const struct spool_envelope *env, const struct spool_body *body,
    uint64_t *ret_entry)
{
	TRY(s->failed);
	if (map_count(s->entries) >= SPOOL_LIVE_MAX) {
		return ERR_TOOMANY;
	}
	struct buf text;
	buf_init(&text, SPOOL_ENVELOPE_MAX);
	wr_u32(&text, 0);
	spool_envelope_put(&text, env);
	enum err e = buf_err(&text);
	if (e == ERR_OK &&
	    (body->fd >= 0 ? body->size > SPOOL_PAYLOAD_MAX - text.n || body->octets.n > body->size
			   : body->size != body->octets.n)) {
		e = ERR_TOOBIG;
	}
	if (e == ERR_OK) {
		uint32_t n = (uint32_t)(text.n - 4);
		memcpy(text.p,
		    (uint8_t[]){
			(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24) },
		    4);
		struct parts p = { .envelope = buf_view(&text),
			.body = body,
			.rec = { .type = SPOOL_RECORD_MESSAGE,
			    .version = SPOOL_MESSAGE_VERSION,
			    .length = text.n + body->size,
			    .payload_crc = crc32c(0, text.p, text.n) } };
		e = stage_entry(s, &p, env->rcpts_n, ret_entry);
	}
	buf_done(&text);
	return e;
}

enum err
spool_stage_notes(struct spool *s, enum spool_record_type type, struct buf *notes)
{
	TRY(spool_make_room(s, SPOOL_RECORD_HEADER + notes->n));
	size_t before = s->out.n;
	struct spool_record rec = { .type = (uint16_t)type,
		.version = SPOOL_RECORD_VERSION,
		.length = notes->n,
		.payload_crc = crc32c(0, notes->p, notes->n) };
	spool_record_put(&s->out, s->active->key, &rec);
	buf_str(&s->out, buf_view(notes));
	TRY(undo_unless_ok(s, before));
	buf_reset(notes);
	return ERR_OK;
}

/* The flush is over: what was to end with it has, or has not. */
static void
end_ending(struct spool *s, bool done)
{
	struct rd r = rd_make(buf_view(&s->ending));
	while (done && r.n >= SPOOL_DONE_ITEM) {
		uint64_t id = rd_u64(&r);
		uint16_t rcpt = rd_u16(&r);
		struct entry *e = map_get(s->entries, id);
		if (e != NULL && mark_done(e, rcpt)) {
			entry_drop(s, e);
		}
	}
	buf_reset(&s->ending);
}

static enum err
write_and_sync(struct spool *s)
{
	TRY(s->failed);
	TRY(spool_stage_ending(s));
	TRY(spool_stage_states(s));
	TRY(spool_write_out(s));
	if (s->active != NULL && (s->sync_done || !list_empty(&s->staged))) {
		TRY(sys_file_datasync(s->active->fd));
		spool_synced(s);
	}
	return ERR_OK;
}

enum err
spool_flush(struct spool *s)
{
	enum err e = write_and_sync(s);
	s->sync_done = false;
	if (e != ERR_OK) {
		end_ending(s, false);
		fail_staged(s);
		return e;
	}
	LIST_EACH(it, &s->staged) {
		list_remove(it);
	}
	end_ending(s, true);
	spool_segment_sweep(s);
	return ERR_OK;
}

bool
spool_dirty(const struct spool *s)
{
	return s->out.n > 0 || s->done.n > 0 || s->states.n > 0 || s->ending.n > 0 ||
	    !list_empty(&s->staged);
}

void
spool_done(struct spool *s, uint64_t entry, uint16_t rcpt)
{
	struct entry *e = map_get(s->entries, entry);
	if (e == NULL) {
		return;
	}
	spool_note_done(s, e, rcpt);
	if (mark_done(e, rcpt)) {
		entry_drop(s, e);
	}
}

void
spool_sync_done(struct spool *s)
{
	s->sync_done = true;
}

void
spool_done_with_flush(struct spool *s, uint64_t entry, uint16_t rcpt)
{
	if (map_get(s->entries, entry) == NULL) {
		return;
	}
	if (s->ending.n + SPOOL_DONE_ITEM > SPOOL_DONE_MAX) {
		spool_done(s, entry, rcpt);
		return;
	}
	wr_u64(&s->ending, entry);
	wr_u16(&s->ending, rcpt);
}

enum err
spool_envelope(struct spool *s, uint64_t entry, struct arena *a, struct spool_envelope *ret)
{
	const struct entry *e = map_get(s->entries, entry);
	uint32_t n = 0;
	if (e == NULL || !list_empty(&e->staged)) {
		return ERR_NOTFOUND;
	}
	TRY(read_envelope(e->segment->fd, e, a, ret, &n));
	return ret->rcpts_n == e->rcpts_n ? ERR_OK : ERR_SYNTAX;
}

enum err
spool_read(struct spool *s, uint64_t entry, uint64_t off, void *to, size_t n)
{
	const struct entry *e = map_get(s->entries, entry);
	if (e == NULL || !list_empty(&e->staged)) {
		return ERR_NOTFOUND;
	}
	if (off > e->size || n > e->size - off) {
		return ERR_EOF;
	}
	return sys_file_read_exact(e->segment->fd, e->body_at + off, to, n);
}

uint64_t
spool_oldest(const struct spool *s)
{
	return s->oldest;
}

size_t
spool_live(const struct spool *s)
{
	return map_count(s->entries);
}

/* ---- ids as people read them: 13 characters of 5 bits, without i l o u ---- */

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

void
spool_id_text(uint64_t entry, char ret[SPOOL_ID_TEXT])
{
	for (int i = SPOOL_ID_TEXT - 2; i >= 0; i--) {
		ret[i] = digits[entry & 31];
		entry >>= 5;
	}
	ret[SPOOL_ID_TEXT - 1] = '\0';
}

bool
spool_id_parse(str text, uint64_t *ret_entry)
{
	uint64_t v = 0;
	if (text.n != SPOOL_ID_TEXT - 1) {
		return false;
	}
	for (size_t i = 0; i < text.n; i++) {
		const char *at = memchr(digits, ascii_lower(text.p[i]), 32);
		if (at == NULL || v >> 59 != 0) {
			return false;
		}
		v = v << 5 | (uint64_t)(at - digits);
	}
	*ret_entry = v;
	return true;
}
