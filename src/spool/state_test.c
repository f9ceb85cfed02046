/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States of recipients over restarts and moves, and ends that are true only with the flush they
 * belong to.
 */
#include <errno.h>

#include "spool/folder_test.h"
#include "spool/spool_priv.h"

static struct {
	size_t entries;
	unsigned left;
	bool any;
	struct spool_state second; /* of recipient 1 of the last entry, strings in `text` */
	char text[SPOOL_REPLY_MAX];
	uint16_t version_seen;
} seen;

static enum err
see(void *ctx, const struct spool_found *f)
{
	seen.entries++;
	for (size_t i = 0; i < f->envelope->rcpts_n; i++) {
		seen.left += !f->done[i];
	}
	seen.any = f->states != NULL;
	if (seen.any) {
		CHECK_U64(f->states[0].tries, 0);
		seen.second = f->states[1];
		snprintf(seen.text, sizeof seen.text, "%.*s", STR_ARG(seen.second.best.reply));
	}
	return ERR_OK;
}

static struct spool *
open_spool(void)
{
	struct spool *s = NULL;
	memset(&seen, 0, sizeof seen);
	CHECK_ERR(spool_open(dir, 1000, see, NULL, &s), ERR_OK);
	return s;
}

static enum err
stage(struct spool *s, str body, uint64_t *ret_id)
{
	struct spool_rcpt rcpts[2] = { { .account = 1, .address = S("a@example.org") },
		{ .account = 0, .address = S("b@example.net"), .junk = true } };
	struct spool_envelope e = { .reverse_path = S("from"),
		.message_id = S("1@example.org"),
		.language = S("de"),
		.requiretls = true,
		.rcpts = rcpts,
		.rcpts_n = 2 };
	struct spool_body b = { .octets = body, .fd = -1, .size = body.n };
	return spool_stage(s, &e, &b, ret_id);
}

static const struct spool_state tried = { .tries = 4,
	.next_s = 1800000000,
	.warned = true,
	.first = { .at_s = 7, .class = S_INIT("C1") },
	.best = { .at_s = 9,
	    .code = 554,
	    .class = S_INIT("S1"),
	    .enhanced = S_INIT("5.7.1"),
	    .reply = S_INIT("go away"),
	    .host = S_INIT("mx.example.net") } };

static void
states_come_back(void)
{
	uint64_t id = 0;
	fresh_folder();
	struct spool *s = open_spool();
	CHECK_ERR(stage(s, S("x"), &id), ERR_OK);
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_state(s, id, 1, &(struct spool_state){ .tries = 1 });
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_state(s, id, 1, &tried);
	spool_state(s, id, 2, &tried); /* no such recipient */
	spool_state(s, id + 1, 1, &tried);
	CHECK(spool_dirty(s));
	CHECK_ERR(spool_flush(s), ERR_OK);
	CHECK(!spool_dirty(s));
	spool_close(&s);
	for (int i = 0; i < 2; i++) {
		s = open_spool();
		CHECK(seen.entries == 1 && seen.any);
		CHECK_U64(seen.second.tries, 4);
		CHECK(seen.second.next_s == 1800000000 && seen.second.warned);
		CHECK(!seen.second.held && seen.second.first.at_s == 7);
		CHECK_U64(seen.second.best.code, 554);
		CHECK_STR(str_from(seen.text), S("go away"));
		spool_close(&s);
	}
	remove_folder();
}

static void
many_states_of_one_flush(void)
{
	uint64_t id = 0;
	fresh_folder();
	struct spool *s = open_spool();
	CHECK_ERR(stage(s, S("x"), &id), ERR_OK);
	CHECK_ERR(spool_flush(s), ERR_OK);
	for (uint32_t i = 1; i <= 5000; i++) { /* several records */
		struct spool_state state = tried;
		state.tries = i;
		spool_state(s, id, 1, &state);
	}
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_close(&s);
	s = open_spool();
	CHECK_U64(seen.second.tries, 5000);
	spool_close(&s);
	remove_folder();
}

struct moving {
	struct spool *s;
	unsigned told;
};

static void
tell(void *ctx, uint64_t entry)
{
	struct moving *m = ctx;
	m->told++;
	spool_state(m->s, entry, 1, &tried);
}

/* Twelve segments with one entry each; its state lies in the segment after the entry's. */
static void
states_move_with_their_entries(void)
{
	uint64_t ids[12];
	bool more = true;
	fresh_folder();
	struct spool *s = open_spool();
	struct moving m = { .s = s };
	spool_states_from(s, tell, &m);
	for (size_t i = 0; i < LEN(ids); i++) {
		CHECK_ERR(stage(s, S("stays"), &ids[i]), ERR_OK);
		CHECK_ERR(spool_flush(s), ERR_OK);
		s->active = NULL; /* as if it were full */
		spool_state(s, ids[i], 1, &tried);
	}
	for (int i = 0; i < 50 && more; i++) {
		CHECK_ERR(spool_compact(s, &more), ERR_OK);
	}
	CHECK(m.told > 0);
	for (size_t i = 1; i < LEN(ids); i++) {
		spool_done(s, ids[i], SPOOL_DONE_ALL);
	}
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_close(&s);
	s = open_spool();
	CHECK(seen.entries == 1 && seen.any);
	CHECK_U64(seen.second.tries, 4);
	spool_close(&s);
	remove_folder();
}

static void
ends_with_the_flush(void)
{
	uint64_t id = 0, report = 0;
	fresh_folder();
	struct spool *s = open_spool();
	CHECK_ERR(stage(s, S("x"), &id), ERR_OK);
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_done(s, id, 0);
	CHECK_ERR(stage(s, S("report"), &report), ERR_OK);
	spool_done_with_flush(s, id, 1);
	CHECK_U64(spool_live(s), 2);
	for (uint64_t n = 1; n <= 2; n++) { /* the write, the sync */
		sys_fail_after(n, EIO);
		CHECK_ERR(spool_flush(s), ERR_IO);
		sys_fail_after(0, 0);
		CHECK_U64(spool_live(s), 1); /* the report is gone, the letter is not */
		CHECK_ERR(spool_flush(s), ERR_OK);
		CHECK_U64(spool_live(s), 1);
		CHECK_ERR(stage(s, S("report"), &report), ERR_OK);
		spool_done_with_flush(s, id, 1);
	}
	CHECK_ERR(spool_flush(s), ERR_OK);
	CHECK_U64(spool_live(s), 1);
	spool_close(&s);
	s = open_spool();
	CHECK(seen.entries == 1 && seen.left == 2); /* the last report */
	spool_close(&s);
	remove_folder();
}

/* Notes of what is done are synced when that is asked for, and only then. */
static void
done_is_synced_on_demand(void)
{
	uint64_t id = 0;
	fresh_folder();
	struct spool *s = open_spool();
	CHECK_ERR(stage(s, S("x"), &id), ERR_OK);
	CHECK_ERR(spool_flush(s), ERR_OK);
	for (int asked = 0; asked < 2; asked++) {
		spool_done(s, id, (uint16_t)asked);
		if (asked == 1) {
			spool_sync_done(s);
		}
		sys_fail_after(2, EIO); /* the write, then a sync if there is one */
		CHECK_ERR(spool_flush(s), asked == 1 ? ERR_IO : ERR_OK);
		sys_fail_after(0, 0);
	}
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_sync_done(s);
	CHECK_ERR(spool_flush(s), ERR_OK); /* nothing to write, nowhere to */
	spool_close(&s);
	remove_folder();
}

/*
 * What another server has was noted, in an earlier flush that nobody had synced or in the one that
 * failed. The note outlives a disk that failed in between: else a restart, months later, sends the
 * letter once more.
 */
static void
notes_outlive_a_failing_disk(void)
{
	for (unsigned n = 0; n < 8; n++) {
		uint64_t done = 0, live = 0, taken_back = 0;
		bool before = (n & 1) != 0, commit = (n & 2) != 0;
		fresh_folder();
		struct spool *s = open_spool();
		CHECK_ERR(stage(s, S("x"), &done), ERR_OK);
		CHECK_ERR(stage(s, S("y"), &live), ERR_OK);
		CHECK_ERR(spool_flush(s), ERR_OK);
		spool_done(s, done, UINT16_MAX);
		if (before) {
			CHECK_ERR(spool_flush(s), ERR_OK);
		}
		if (commit) {
			CHECK_ERR(stage(s, S("z"), &taken_back), ERR_OK);
		}
		spool_sync_done(s);
		/* the write, if there is one, or the sync */
		sys_fail_after((n & 4) != 0 && (commit || !before) ? 2 : 1, EIO);
		CHECK_ERR(spool_flush(s), ERR_IO);
		sys_fail_after(0, 0);
		CHECK(spool_dirty(s) || commit); /* it is to be written again, or was */
		spool_sync_done(s);
		CHECK_ERR(spool_flush(s), ERR_OK);
		spool_close(&s);
		s = open_spool();
		CHECK_U64(seen.entries, 1);
		CHECK(spool_live(s) == 1 && seen.left == 2);
		spool_close(&s);
		remove_folder();
	}
}

static void
envelopes_are_read_again(void)
{
	uint64_t id = 0;
	struct spool_envelope e;
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	fresh_folder();
	struct spool *s = open_spool();
	CHECK_ERR(stage(s, S("x"), &id), ERR_OK);
	CHECK_ERR(spool_envelope(s, id, a, &e), ERR_NOTFOUND);
	CHECK_ERR(spool_flush(s), ERR_OK);
	CHECK_ERR(spool_envelope(s, id, a, &e), ERR_OK);
	CHECK(e.rcpts_n == 2 && e.requiretls && !e.unenforced);
	CHECK_STR(e.rcpts[1].address, S("b@example.net"));
	CHECK(!e.rcpts[0].junk && e.rcpts[1].junk);
	CHECK_STR(e.language, S("de"));
	CHECK_STR(e.message_id, S("1@example.org"));
	spool_close(&s);
	arena_free(&a);
	remove_folder();
}

/*
 * As programs before this one wrote it: without what forwarding needs, without the mark for junk,
 * and without the four fields.
 */
static void
older_versions_are_read(void)
{
	struct spool_rcpt rcpt = { .account = 3,
		.address = S("a@example.org"),
		.junk = true,
		.sender = S("SRS0=x"),
		.via = S("t@example.org"),
		.reports = 9 };
	struct spool_envelope e = { .reverse_path = S("f"), .rcpts = &rcpt, .rcpts_n = 1 }, back;
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct buf text;
	buf_init(&text, 4096);
	spool_envelope_put(&text, &e);
	size_t at = 8 + 8 + 4 + 8 + 4 + 1 + 4 + 4; /* behind peer_ip */
	CHECK_ERR(spool_envelope_get(buf_view(&text), 4, a, &back), ERR_OK);
	CHECK_STR(back.rcpts[0].sender, S("SRS0=x"));
	CHECK_STR(back.rcpts[0].via, S("t@example.org"));
	CHECK_U64(back.rcpts[0].reports, 9);
	buf_truncate(&text, text.n - 4 - 6 - 4 - 13 - 8);
	CHECK_ERR(spool_envelope_get(buf_view(&text), 3, a, &back), ERR_OK);
	CHECK(back.rcpts[0].junk && back.rcpts[0].via.n == 0 && back.rcpts[0].reports == 0);
	CHECK_ERR(spool_envelope_get(buf_view(&text), 4, a, &back), ERR_SYNTAX);
	buf_truncate(&text, text.n - 1);
	CHECK_ERR(spool_envelope_get(buf_view(&text), 2, a, &back), ERR_OK);
	CHECK(back.rcpts_n == 1 && back.rcpts[0].account == 3 && !back.rcpts[0].junk);
	CHECK_ERR(spool_envelope_get(buf_view(&text), 3, a, &back), ERR_SYNTAX);
	memmove(text.p + at, text.p + at + 10, text.n - at - 10);
	buf_truncate(&text, text.n - 10);
	CHECK_ERR(spool_envelope_get(buf_view(&text), 1, a, &back), ERR_OK);
	CHECK(back.rcpts_n == 1 && back.language.n == 0 && back.rcpts[0].account == 3);
	CHECK_ERR(spool_envelope_get(buf_view(&text), 2, a, &back), ERR_SYNTAX);
	buf_done(&text);
	arena_free(&a);
}

TEST_MAIN(states_come_back, many_states_of_one_flush, states_move_with_their_entries,
    ends_with_the_flush, done_is_synced_on_demand, notes_outlive_a_failing_disk,
    envelopes_are_read_again, older_versions_are_read)
