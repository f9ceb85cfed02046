/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries moved out of old segments, syncs and writes that fail, heads that cannot be read: what
 * was said to be durable is there once, what was refused is not.
 */
#include <errno.h>

#include "spool/folder_test.h"
#include "spool/spool_priv.h"

enum { SEGMENTS = 12, SEEN_MAX = 256 };

static struct {
	size_t n;
	uint64_t ids[SEEN_MAX];
	unsigned left[SEEN_MAX];
} seen;

static enum err
see(void *ctx, const struct spool_found *f)
{
	ASSERT(seen.n < SEEN_MAX);
	seen.ids[seen.n] = f->entry;
	seen.left[seen.n] = 0;
	for (size_t i = 0; i < f->envelope->rcpts_n; i++) {
		seen.left[seen.n] += !f->done[i];
	}
	seen.n++;
	return ERR_OK;
}

static struct spool *
open_spool(void)
{
	struct spool *s = NULL;
	seen.n = 0;
	CHECK_ERR(spool_open(dir, 1000, see, NULL, &s), ERR_OK);
	return s;
}

static unsigned
times_seen(uint64_t id)
{
	unsigned n = 0;
	for (size_t i = 0; i < seen.n; i++) {
		n += seen.ids[i] == id;
	}
	return n;
}

static enum err
stage(struct spool *s, str body, uint64_t *ret_id)
{
	struct spool_rcpt rcpts[2] = { { .account = 1, .address = S("a@example.org") },
		{ .account = 2, .address = S("b@example.org") } };
	struct spool_envelope e = { .reverse_path = S("from"), .rcpts = rcpts, .rcpts_n = 2 };
	struct spool_body b = { .octets = body, .fd = -1, .size = body.n };
	return spool_stage(s, &e, &b, ret_id);
}

/* Segments with one entry each that stays, one recipient done, and one that is done. */
static struct spool *
pinned(uint64_t ids[SEGMENTS])
{
	struct spool *s = open_spool();
	for (size_t i = 0; i < SEGMENTS; i++) {
		uint64_t filler = 0;
		CHECK_ERR(stage(s, S("filler"), &filler), ERR_OK);
		CHECK_ERR(stage(s, S("stays here"), &ids[i]), ERR_OK);
		CHECK_ERR(spool_flush(s), ERR_OK);
		s->active = NULL; /* as if it were full */
		spool_done(s, filler, SPOOL_DONE_ALL);
		spool_done(s, ids[i], 1);
	}
	CHECK_ERR(spool_flush(s), ERR_OK);
	return s;
}

static size_t
count_segments(const struct spool *s)
{
	size_t n = 0;
	LIST_EACH(it, &s->segments) {
		n++;
	}
	return n;
}

static void
check_all(struct spool *s, const uint64_t ids[SEGMENTS])
{
	char text[10];
	for (size_t i = 0; i < SEGMENTS; i++) {
		CHECK_ERR(spool_read(s, ids[i], 0, text, sizeof text), ERR_OK);
		CHECK_STR(str_make(text, sizeof text), S("stays here"));
	}
}

static void
check_reopened(const uint64_t ids[SEGMENTS])
{
	CHECK_U64(seen.n, SEGMENTS);
	for (size_t i = 0; i < SEGMENTS; i++) {
		CHECK_U64(times_seen(ids[i]), 1);
		CHECK_U64(seen.left[i], 1);
	}
}

static void
old_segments_go(void)
{
	uint64_t ids[SEGMENTS];
	bool more = true;
	fresh_folder();
	struct spool *s = pinned(ids);
	size_t before = count_segments(s);
	CHECK(before >= SEGMENTS);
	for (int i = 0; i < 50 && more; i++) {
		CHECK_ERR(spool_compact(s, &more), ERR_OK);
	}
	CHECK(!more);
	CHECK_U64(count_segments(s), SPOOL_SEGMENTS_KEPT);
	CHECK_U64(spool_oldest(s), ids[0]); /* it may still come back */
	check_all(s, ids);
	CHECK_ERR(spool_compact(s, &more), ERR_OK);
	CHECK_U64(count_segments(s), SPOOL_SEGMENTS_KEPT);
	spool_close(&s);
	s = open_spool();
	check_reopened(ids);
	check_all(s, ids);
	for (size_t i = 0; i < SEGMENTS; i++) {
		spool_done(s, ids[i], 0);
	}
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_close(&s);
	s = open_spool();
	CHECK_U64(seen.n, 0);
	spool_close(&s);
	remove_folder();
}

/* What ended in a segment is noted in later ones: they stay as long as it does. */
static void
notes_stay_as_long_as_what_they_are_about(void)
{
	uint64_t stays = 0, ended = 0, filler = 0;
	fresh_folder();
	struct spool *s = open_spool();
	CHECK_ERR(stage(s, S("stays"), &stays), ERR_OK);
	CHECK_ERR(stage(s, S("ends"), &ended), ERR_OK);
	CHECK_ERR(spool_flush(s), ERR_OK);
	s->active = NULL;
	CHECK_ERR(stage(s, S("filler"), &filler), ERR_OK);
	spool_done(s, ended, SPOOL_DONE_ALL);
	CHECK_ERR(spool_flush(s), ERR_OK);
	s->active = NULL;
	spool_done(s, filler, SPOOL_DONE_ALL);
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_close(&s);
	s = open_spool();
	CHECK(seen.n == 1 && times_seen(stays) == 1);
	spool_close(&s);
	s = open_spool();
	CHECK(seen.n == 1 && times_seen(stays) == 1);
	spool_done(s, stays, SPOOL_DONE_ALL);
	CHECK_ERR(spool_flush(s), ERR_OK);
	CHECK_U64(count_segments(s), 1); /* the one that is written to */
	spool_close(&s);
	remove_folder();
}

static void
names_of(const struct segment *seg, char log[32], char kept[32])
{
	snprintf(log, 32, "%010u.log", seg->number);
	snprintf(kept, 32, "kept-%u", seg->number);
}

/*
 * The crash comes before the old segment goes, and the new record is torn at `cut` octets before
 * its end (0: whole).
 */
static void
crash_with_both(uint64_t cut)
{
	uint64_t ids[SEGMENTS];
	char log[32], kept[32], newest[32], ignored[32];
	bool more;
	int fd = -1;
	fresh_folder();
	struct spool *s = pinned(ids);
	names_of(LIST_ENTRY(s->segments.next, struct segment, node), log, kept);
	CHECK_ERR(sys_file_link(dir, str_from(log), dir, str_from(kept)), ERR_OK);
	CHECK_ERR(spool_compact(s, &more), ERR_OK);
	names_of(s->active, newest, ignored);
	uint64_t end = s->active->end;
	spool_close(&s);
	CHECK_ERR(sys_file_rename(dir, str_from(kept), dir, str_from(log)), ERR_OK);
	CHECK_ERR(sys_file_open(dir, str_from(newest), SYS_READ | SYS_WRITE, &fd), ERR_OK);
	CHECK_ERR(sys_file_truncate(fd, end - cut), ERR_OK);
	CHECK_ERR(sys_file_truncate(fd, SPOOL_SEGMENT_OCTETS), ERR_OK);
	sys_close(&fd);
	s = open_spool();
	check_reopened(ids);
	check_all(s, ids);
	spool_done(s, ids[0], 0); /* the copy must not bring it back */
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_close(&s);
	s = open_spool();
	CHECK_U64(times_seen(ids[0]), 0);
	CHECK_U64(seen.n, SEGMENTS - 1);
	spool_close(&s);
	remove_folder();
}

static void
a_crash_finds_both_records(void)
{
	static const uint64_t cuts[] = { 0, 1, 10, 51, 90, 140 };
	for (size_t i = 0; i < LEN(cuts); i++) {
		crash_with_both(cuts[i]);
	}
}

static void
a_failed_move_moves_nothing(void)
{
	uint64_t ids[SEGMENTS];
	bool more;
	fresh_folder();
	struct spool *s = pinned(ids);
	unsigned failed = 0;
	for (uint64_t n = 1; n < 25; n++) {
		sys_fail_after(n, EIO);
		failed += spool_compact(s, &more) != ERR_OK;
		sys_fail_after(0, 0);
		check_all(s, ids);
	}
	CHECK(failed > 3);
	spool_close(&s);
	s = open_spool();
	check_reopened(ids);
	spool_close(&s);
	remove_folder();
}

static void
an_unreadable_entry_stays(void)
{
	uint64_t ids[SEGMENTS];
	bool more = true;
	fresh_folder();
	struct spool *s = pinned(ids);
	const struct entry *e = map_get(s->entries, ids[0]);
	CHECK_ERR(sys_file_write(e->segment->fd, e->body_at, S("S")), ERR_OK);
	for (int i = 0; i < 50 && more; i++) {
		CHECK_ERR(spool_compact(s, &more), ERR_OK);
	}
	CHECK(!more);
	CHECK_U64(spool_live(s), SEGMENTS);
	spool_close(&s);
	remove_folder();
}

/* ---- failing disks ---- */

/* A sync that failed once may succeed the next time and say nothing of what it lost. */
static void
a_failed_sync_is_not_tried_again(void)
{
	uint64_t first = 0, second = 0, third = 0;
	fresh_folder();
	struct spool *s = open_spool();
	CHECK_ERR(stage(s, S("first"), &first), ERR_OK);
	s->active->end = SPOOL_SEGMENT_OCTETS - s->out.n; /* the next one needs a new segment */
	sys_fail_after(2, EIO);                           /* the write, then the sync */
	CHECK_ERR(stage(s, S("second"), &second), ERR_IO);
	sys_fail_after(0, 0);
	CHECK_ERR(stage(s, S("second"), &second), ERR_IO);
	CHECK_ERR(spool_flush(s), ERR_IO);
	CHECK_U64(spool_live(s), 0);
	CHECK_ERR(stage(s, S("third"), &third), ERR_OK);
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_close(&s);
	s = open_spool();
	CHECK(seen.n == 1 && times_seen(third) == 1);
	spool_close(&s);
	remove_folder();
}

/* Three messages, the second on the border of two segments; the n-th call fails. */
static void
fail_at(uint64_t n, int errnum)
{
	uint64_t ids[3] = { 0 };
	enum err said[3], flushed;
	fresh_folder();
	struct spool *s = open_spool();
	CHECK_ERR(stage(s, S("zeroth"), &ids[0]), ERR_OK);
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_done(s, ids[0], 0);
	sys_fail_after(n, errnum);
	said[0] = stage(s, S("first"), &ids[0]);
	if (s->active != NULL) {
		s->active->end = MAX(s->active->end, (uint64_t)SPOOL_SEGMENT_OCTETS - 300);
	}
	said[1] = stage(s, S("second, a little longer"), &ids[1]);
	said[2] = stage(s, S("third"), &ids[2]);
	flushed = spool_flush(s);
	sys_fail_after(0, 0);
	spool_close(&s); /* as after SIGKILL */
	s = open_spool();
	for (size_t i = 0; i < 3; i++) {
		bool in = said[i] == ERR_OK && flushed == ERR_OK;
		CHECK(said[i] != ERR_OK || times_seen(ids[i]) == in);
	}
	spool_close(&s);
	remove_folder();
}

static void
nothing_is_lost_or_doubled_by_a_failure(void)
{
	static const int errnums[] = { EIO, ENOSPC };
	for (size_t k = 0; k < LEN(errnums); k++) {
		for (uint64_t n = 1; n < 20; n++) {
			fail_at(n, errnums[k]);
		}
	}
}

static void
damage_head(const char *name, uint64_t at)
{
	int fd = -1;
	CHECK_ERR(sys_file_open(dir, str_from(name), SYS_READ | SYS_WRITE, &fd), ERR_OK);
	CHECK_ERR(sys_file_write(fd, at, S("damaged sector")), ERR_OK);
	sys_close(&fd);
}

static void
a_bad_sector_does_not_cost_a_segment(void)
{
	uint64_t id = 0;
	char name[32], kept[32];
	struct spool_report report;
	struct sys_stat st;
	fresh_folder();
	struct spool *s = open_spool();
	CHECK_ERR(stage(s, S("x"), &id), ERR_OK);
	CHECK_ERR(spool_flush(s), ERR_OK);
	names_of(s->active, name, kept);
	spool_close(&s);
	damage_head(name, 0);
	s = open_spool();
	CHECK_U64(times_seen(id), 1);
	spool_close(&s);
	damage_head(name, SPOOL_HEAD_AGAIN);
	s = open_spool();
	CHECK_U64(seen.n, 0);
	spool_report(s, &report);
	CHECK_U64(report.set_aside, 1);
	snprintf(strstr(name, ".log"), 5, ".bad");
	CHECK_ERR(sys_file_stat(dir, str_from(name), &st), ERR_OK);
	spool_close(&s);
	remove_folder();
}

TEST_MAIN(old_segments_go, notes_stay_as_long_as_what_they_are_about, a_crash_finds_both_records,
    a_failed_move_moves_nothing, an_unreadable_entry_stays, a_failed_sync_is_not_tried_again,
    nothing_is_lost_or_doubled_by_a_failure, a_bad_sector_does_not_cost_a_segment)
