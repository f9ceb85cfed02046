/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of the journal: making, scanning and removing segments. A scan stops at nothing: behind
 * a damaged header it looks for the next one that carries the segment's own check.
 */
#include "base/codec.h"
#include "base/mem.h"
#include "spool/spool_priv.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

enum { CHUNK = 256 * 1024, NAME_DIGITS = 10 };

static str
name_of(uint32_t number, char room[32])
{
	int n = snprintf(room, 32, "%010u.log", number);
	return (str){ room, (size_t)n };
}

static struct segment *
segment_add(struct spool *s, uint32_t number, int fd)
{
	struct segment *seg = mem_zalloc(1, sizeof *seg);
	if (seg == NULL) {
		return NULL;
	}
	seg->number = number;
	seg->fd = fd;
	seg->lowest = UINT64_MAX;
	seg->notes_from = UINT32_MAX;
	list_init(&seg->entries);
	list_push(&s->segments, &seg->node);
	return seg;
}

static void
segment_drop(struct segment *seg)
{
	list_remove(&seg->node);
	sys_close(&seg->fd);
	mem_drop(seg);
}

void
spool_segment_close(struct spool *s)
{
	LIST_EACH(it, &s->segments) {
		segment_drop(LIST_ENTRY(it, struct segment, node));
	}
	s->active = NULL;
}

static enum err
write_head(struct spool *s, struct segment *seg)
{
	char room[SPOOL_HEAD];
	struct buf head;
	buf_init_fixed(&head, room, sizeof room);
	sys_random(seg->key, sizeof seg->key);
	spool_head_put(&head, seg->number, seg->key);
	TRY(sys_file_allocate(seg->fd, 0, SPOOL_SEGMENT_OCTETS));
	TRY(sys_file_write(seg->fd, 0, buf_view(&head)));
	TRY(sys_file_write(seg->fd, SPOOL_HEAD_AGAIN, buf_view(&head)));
	TRY(sys_file_sync(seg->fd));
	seg->end = SPOOL_SEGMENT_HEAD;
	return sys_file_sync(s->dir);
}

enum err
spool_segment_new(struct spool *s)
{
	char room[32];
	int fd = -1;
	uint32_t number = MAX((uint32_t)s->wall_s, s->last_number + 1);
	str name = name_of(number, room);
	TRY(sys_file_open(s->dir, name, SYS_READ | SYS_WRITE | SYS_NEW, &fd));
	struct segment *seg = segment_add(s, number, fd);
	enum err e = seg == NULL ? ERR_NOMEM : write_head(s, seg);
	if (e != ERR_OK) {
		(void)sys_file_unlink(s->dir, name);
		if (seg == NULL) {
			sys_close(&fd);
		} else {
			segment_drop(seg);
		}
		return e;
	}
	s->active = seg;
	s->durable_end = seg->end;
	s->last_number = number;
	s->report.segments++;
	return ERR_OK;
}

/* CRC of n octets from `at` on, read in pieces; ERR_EOF when the file is shorter. */
static enum err
payload_crc(int fd, uint64_t at, uint64_t n, struct buf *piece, uint32_t *ret)
{
	uint32_t crc = 0;
	while (n > 0) {
		size_t take = (size_t)MIN(n, (uint64_t)CHUNK);
		TRY(sys_file_read_exact(fd, at, piece->p, take));
		crc = crc32c(crc, piece->p, take);
		at += take;
		n -= take;
	}
	*ret = crc;
	return ERR_OK;
}

/* Their order in one record is kept; a record longer than we write is passed over. */
static enum err
take_states(struct spool *s, struct segment *seg, const struct spool_record *rec, struct buf *piece)
{
	static_assert((int)SPOOL_STATES_MAX <= (int)CHUNK, "a record of states is read whole");
	if (rec->length > CHUNK) {
		return ERR_OK;
	}
	TRY(sys_file_read_exact(seg->fd, seg->end + SPOOL_RECORD_HEADER, piece->p,
	    (size_t)rec->length));
	spool_take_states(s, seg, str_make(piece->p, (size_t)rec->length));
	return ERR_OK;
}

/* ERR_CORRUPT: the payload is not what the header says. */
static enum err
take_record(struct spool *s, struct segment *seg, const struct spool_record *rec, struct buf *piece)
{
	uint64_t at = seg->end + SPOOL_RECORD_HEADER;
	uint32_t crc = 0;
	enum err e = payload_crc(seg->fd, at, rec->length, piece, &crc);
	if (e == ERR_EOF || (e == ERR_OK && crc != rec->payload_crc)) {
		return ERR_CORRUPT;
	}
	TRY(e);
	switch (rec->type) {
	case SPOOL_RECORD_MESSAGE: return spool_take_message(s, seg, at, rec);
	case SPOOL_RECORD_STATE: return take_states(s, seg, rec, piece);
	case SPOOL_RECORD_DONE: break;
	default: return ERR_VERSION;
	}
	for (uint64_t off = 0; off < rec->length;
	     off += CHUNK / SPOOL_DONE_ITEM * SPOOL_DONE_ITEM) {
		uint64_t n = MIN(rec->length - off,
		    (uint64_t)(CHUNK / SPOOL_DONE_ITEM * SPOOL_DONE_ITEM));
		TRY(sys_file_read_exact(seg->fd, at + off, piece->p, (size_t)n));
		spool_take_done(s, seg, str_make(piece->p, (size_t)n));
	}
	return ERR_OK;
}

/* The next place from `from` on with a header that carries this segment's check, or `size`. */
static enum err
resync(struct segment *seg, uint64_t from, uint64_t size, struct buf *piece, uint64_t *ret_at)
{
	struct spool_record rec;
	for (uint64_t at = from; at + SPOOL_RECORD_HEADER <= size;
	     at += CHUNK - SPOOL_RECORD_HEADER) {
		size_t n = 0;
		TRY(sys_file_read(seg->fd, at, piece->p, CHUNK, &n));
		str rest = str_make(piece->p, n);
		for (ptrdiff_t hit; (hit = str_find(rest, S("PJ01"))) >= 0;) {
			rest = str_from_off(rest, (size_t)hit);
			str header = str_sub(rest, 0, SPOOL_RECORD_HEADER);
			if (spool_record_get(header, seg->key, &rec) == ERR_OK) {
				*ret_at = at + (uint64_t)(rest.p - piece->p);
				return ERR_OK;
			}
			rest = str_from_off(rest, 1);
		}
	}
	*ret_at = size;
	return ERR_OK;
}

/* Move seg->end behind a damaged header, to the next good one or the end of the file. */
static enum err
skip_damage(struct spool *s, struct segment *seg, uint64_t size, struct buf *piece)
{
	uint64_t next = size;
	TRY(resync(seg, seg->end + 1, size, piece, &next));
	if (next == size) {
		s->report.torn_octets += size - seg->end;
	} else {
		s->report.bad_records++;
	}
	seg->end = next;
	return ERR_OK;
}

static enum err
scan_segment(struct spool *s, struct segment *seg, struct buf *piece)
{
	struct sys_stat st;
	TRY(sys_file_stat_fd(seg->fd, &st));
	while (seg->end + SPOOL_RECORD_HEADER <= st.size) {
		struct spool_record rec = { 0 };
		TRY(sys_file_read_exact(seg->fd, seg->end, piece->p, SPOOL_RECORD_HEADER));
		enum err e = spool_record_get(str_make(piece->p, SPOOL_RECORD_HEADER), seg->key,
		    &rec);
		if (e == ERR_VERSION) {
			return e;
		}
		if (e != ERR_OK) {
			/* zeros are the end, or a hole that a power cut left before later records
			 */
			uint64_t lost = s->report.torn_octets;
			TRY(skip_damage(s, seg, st.size, piece));
			s->report.torn_octets = e == ERR_EOF ? lost : s->report.torn_octets;
			continue;
		}
		e = take_record(s, seg, &rec, piece);
		if (e == ERR_CORRUPT) { /* how far it reaches is not believed either */
			s->report.bad_records++;
			TRY(resync(seg, seg->end + 1, st.size, piece, &seg->end));
			continue;
		}
		TRY(e);
		seg->end += SPOOL_RECORD_HEADER + rec.length;
	}
	return ERR_OK;
}

/* Either of the two heads. EOF: nothing was ever written; CORRUPT: both are damaged. */
static enum err
read_head(struct segment *seg)
{
	static const uint64_t places[] = { 0, SPOOL_HEAD_AGAIN };
	char room[SPOOL_HEAD];
	enum err e = ERR_EOF;
	for (size_t i = 0; i < LEN(places); i++) {
		uint32_t inside = 0;
		size_t n = 0;
		TRY(sys_file_read(seg->fd, places[i], room, sizeof room, &n));
		str head = str_make(room, n);
		if (spool_head_get(head, &inside, seg->key) == ERR_OK && inside == seg->number) {
			return ERR_OK;
		}
		for (size_t k = 0; k < n; k++) {
			e = room[k] != '\0' ? ERR_CORRUPT : e;
		}
	}
	return e;
}

/* Nothing in it can be read without its head. It is kept for whoever looks closer. */
static enum err
set_aside(struct spool *s, struct segment *seg)
{
	char from[32], to[40];
	str name = name_of(seg->number, from);
	int n = snprintf(to, sizeof to, "%.*s.bad", NAME_DIGITS, from);
	s->report.set_aside++;
	TRY(sys_file_rename(s->dir, name, s->dir, str_make(to, (size_t)n)));
	segment_drop(seg);
	return ERR_OK;
}

static enum err
open_segment(struct spool *s, uint32_t number, struct buf *piece)
{
	char room[32];
	int fd = -1;
	TRY(sys_file_open(s->dir, name_of(number, room), SYS_READ | SYS_WRITE, &fd));
	struct segment *seg = segment_add(s, number, fd);
	if (seg == NULL) {
		sys_close(&fd);
		return ERR_NOMEM;
	}
	s->last_number = number;
	s->report.segments++;
	enum err e = read_head(seg);
	if (e == ERR_EOF) {
		return ERR_OK; /* the head is synced before the first record */
	}
	if (e == ERR_CORRUPT) {
		return set_aside(s, seg);
	}
	TRY(e);
	seg->end = SPOOL_SEGMENT_HEAD;
	return scan_segment(s, seg, piece);
}

struct names {
	uint32_t *v;
	size_t n, cap;
};

static enum err
collect_name(void *ctx, str name)
{
	struct names *names = ctx;
	uint32_t number = 0;
	if (name.n != NAME_DIGITS + 4 || !str_ends(name, S(".log")) ||
	    !str_u32(str_sub(name, 0, NAME_DIGITS), &number)) {
		return ERR_OK;
	}
	if (names->n == names->cap) {
		size_t cap = names->cap * 2 + 16;
		uint32_t *v = mem_resize(names->v, cap * sizeof *v);
		if (v == NULL) {
			return ERR_NOMEM;
		}
		names->v = v;
		names->cap = cap;
	}
	names->v[names->n++] = number;
	return ERR_OK;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

enum err
spool_segment_scan(struct spool *s)
{
	struct names names = { 0 };
	struct buf piece;
	buf_init(&piece, CHUNK);
	enum err e = buf_room(&piece, CHUNK) == NULL ? ERR_NOMEM
						     : sys_dir_list(s->dir, collect_name, &names);
	if (e == ERR_OK && names.n > 1) {
		qsort(names.v, names.n, sizeof *names.v, by_number);
	}
	for (size_t i = 0; e == ERR_OK && i < names.n; i++) {
		e = open_segment(s, names.v[i], &piece);
	}
	buf_done(&piece);
	mem_drop(names.v);
	return e;
}

/* It holds notes about what is in an older segment that is still there. */
static bool
is_needed(const struct spool *s, const struct segment *seg)
{
	LIST_EACH(it, &s->segments) {
		const struct segment *other = LIST_ENTRY(it, struct segment, node);
		if (other != seg && other->number >= seg->notes_from &&
		    other->number < seg->number) {
			return true;
		}
	}
	return false;
}

void
spool_segment_sweep(struct spool *s)
{
	uint64_t oldest = s->last_id + 1;
	LIST_EACH(it, &s->segments) {
		struct segment *seg = LIST_ENTRY(it, struct segment, node);
		char room[32];
		if (seg != s->active && seg->live == 0 && !is_needed(s, seg) &&
		    sys_file_unlink(s->dir, name_of(seg->number, room)) == ERR_OK) {
			segment_drop(seg);
			s->unlinked = true;
		} else {
			oldest = MIN(oldest, seg->lowest);
		}
	}
	/* ids may be forgotten by the mailboxes only when their segment cannot come back */
	if (s->unlinked && sys_file_sync(s->dir) == ERR_OK) {
		s->unlinked = false;
	}
	if (!s->unlinked) {
		s->oldest = MAX(s->oldest, oldest);
	}
}
