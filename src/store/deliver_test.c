/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery: once only, replay after a crash with the octets there, bad, or missing, several in one
 * batch, threads, and adding many at once.
 */
#include "base/test.h"
#include "store/limits.h"
#include "store/trial.h"
#include "sys/sys.h"

#include <errno.h>

static uint32_t
count(struct store *s, uint64_t mailbox)
{
	struct arena *a = arena_new(NULL, "count", 1 << 16, 0);
	struct store_mailbox m = { 0 };
	CHECK_ERR(store_mailbox_get(s, mailbox, a, &m), ERR_OK);
	arena_free(&a);
	return m.messages;
}

static void
text_is(struct store *s, uint64_t id, uint64_t number)
{
	struct buf b, want;
	str text;
	buf_init(&b, 1 << 20);
	buf_init(&want, 1 << 20);
	store_trial_text(number, &b);
	buf_cstr(&want, "Return-Path: <>\r\n");
	buf_str(&want, buf_view(&b));
	if (CHECK_ERR(store_text(s, id, &text), ERR_OK)) {
		CHECK_STR(text, buf_view(&want));
	}
	buf_done(&b);
	buf_done(&want);
}

static void
once_only(void)
{
	struct store_conf conf = store_trial_conf("once");
	struct store *s = store_trial_open(&conf);
	struct store_added first, again;
	CHECK_ERR(store_trial_deliver(s, 10, false, &first), ERR_OK);
	CHECK_ERR(store_trial_deliver(s, 10, false, &again), ERR_OK);
	CHECK_ERR(store_trial_deliver(s, 10, true, &again), ERR_OK);
	CHECK_U64(again.uid, first.uid);
	CHECK_U64(again.id, first.id);
	CHECK_U64(count(s, 1), 1);
	store_close(&s);
	s = store_trial_open(&conf);
	CHECK_ERR(store_trial_deliver(s, 10, true, &again), ERR_OK);
	CHECK_U64(again.uid, first.uid);
	/* its reader removes it: a replay must not bring it back */
	CHECK_ERR(store_expunge(s, 1, NULL, false, NULL), ERR_OK);
	CHECK_ERR(store_trial_deliver(s, 10, true, &again), ERR_OK);
	CHECK_U64(count(s, 1), 0);
	store_close(&s);
	store_trial_remove(&conf);
}

/* What a power cut does to octets that were never synced. */
enum harm { CUT, ZEROS, FLIP, NO_PACK };

static void
harm_pack(const struct store_conf *conf, enum harm harm, size_t from)
{
	struct buf b;
	store_trial_load(conf, "packs/000001", &b);
	switch (harm) {
	case CUT: buf_truncate(&b, from + 40); break;
	case ZEROS: memset(b.p + from, 0, b.n - from); break;
	case FLIP: b.p[b.n - 3] ^= 4; break;
	default: buf_truncate(&b, 0); break;
	}
	store_trial_save(conf, "packs/000001", buf_view(&b));
	buf_done(&b);
}

static void
replay_mends(void)
{
	static const char *const names[] = { "cut", "zeros", "flipped bit", "empty pack" };
	for (int harm = CUT; harm <= NO_PACK; harm++) {
		struct store_conf conf = store_trial_conf("replay");
		struct store *s = store_trial_open(&conf);
		struct store_added kept, first, again, later;
		struct store_report report = { 0 };
		str text;
		test_case = names[harm];
		CHECK_ERR(store_trial_deliver(s, 9, false, &kept), ERR_OK);
		size_t from = (size_t)store_trial_size(&conf, "packs/000001");
		CHECK_ERR(store_trial_deliver(s, 10, false, &first), ERR_OK);
		store_close(&s);
		harm_pack(&conf, (enum harm)harm, from);
		s = store_trial_open(&conf);
		CHECK_ERR(store_text(s, first.id, &text), ERR_CORRUPT);
		CHECK_ERR(store_trial_deliver(s, 10, true, &again), ERR_OK);
		CHECK_ERR(again.err, ERR_OK);
		CHECK_U64(again.uid, first.uid);
		CHECK_U64(again.id, first.id);
		CHECK_ERR(store_trial_deliver(s, 9, true, &again), ERR_OK);
		CHECK_U64(again.uid, kept.uid);
		text_is(s, first.id, 10);
		text_is(s, kept.id, 9);
		CHECK_ERR(store_trial_deliver(s, 11, false, &later), ERR_OK);
		text_is(s, later.id, 11);
		CHECK_U64(count(s, 1), 3);
		CHECK_ERR(store_verify(s, &report), ERR_OK);
		CHECK_U64(report.lost + report.found + report.bad_counts, 0);
		store_close(&s);
		store_trial_remove(&conf);
	}
	test_case = NULL;
}

/* The index itself was lost with everything unsynced: what the packs have is found again. */
static void
index_is_lost(void)
{
	struct store_conf conf = store_trial_conf("lost");
	struct store *s = store_trial_open(&conf);
	struct store_added first, again;
	CHECK_ERR(store_trial_deliver(s, 10, false, &first), ERR_OK);
	store_close(&s);
	store_trial_save(&conf, "index.db", S(""));
	store_trial_save(&conf, "index.db-wal", S(""));
	s = store_trial_open(&conf);
	CHECK_U64(count(s, 1), 1);
	text_is(s, first.id, 10);
	CHECK_ERR(store_trial_deliver(s, 10, true, &again), ERR_OK);
	CHECK_U64(again.uid, first.uid);
	CHECK_U64(count(s, 1), 1);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
oldest_live(void)
{
	struct store_conf conf = store_trial_conf("oldest");
	struct store *s = store_trial_open(&conf);
	struct store_added r[3];
	struct store_delivery d[3] = {
		{ .entry = 5, .msg.body = S("a: b\r\n\r\n1") },
		{ .entry = 6, .msg.body = S("a: b\r\n\r\n2") },
		{ .entry = 6, .rcpt = 1, .msg.body = S("a: b\r\n\r\n3") },
	};
	CHECK_ERR(store_deliver(s, d, 3, r), ERR_OK);
	CHECK_U64(count(s, 1), 3);
	CHECK(r[1].uid != r[2].uid);
	d[0].oldest_live = 6; /* 5 is done everywhere, so its number will not come again */
	d[0].entry = 7;
	CHECK_ERR(store_deliver(s, d, 3, r), ERR_OK);
	CHECK_U64(count(s, 1), 4);
	d[0].entry = 5;
	CHECK_ERR(store_deliver(s, d, 1, r), ERR_OK);
	CHECK_U64(count(s, 1), 5);
	store_close(&s);
	store_trial_remove(&conf);
}

/* What the syncer does; nobody has the account open in this process. */
static void
syncing(void)
{
	struct store_conf conf = store_trial_conf("sync");
	struct store *s = store_trial_open(&conf);
	struct store_added added;
	CHECK_ERR(store_trial_deliver(s, 1, false, &added), ERR_OK);
	store_close(&s);
	CHECK_ERR(store_sync(conf.path), ERR_OK);
	for (uint64_t n = 1; n < 40; n++) { /* whatever cannot be synced is told */
		sys_fail_after(n, EIO);
		enum err e = store_sync(conf.path);
		sys_fail_after(0, 0);
		CHECK(e == ERR_IO || (e == ERR_OK && n > 8));
	}
	store_trial_remove(&conf);
	CHECK_ERR(store_sync(conf.path), ERR_NOTFOUND);
}

static void
batches(void)
{
	struct store_conf conf = store_trial_conf("batches");
	struct store *s = store_trial_open(&conf);
	struct store_added r[4];
	struct store_delivery d[4] = {
		{ .entry = 1, .msg.body = S("a: b\r\n\r\n1") },
		{ .entry = 2, .mailbox = 4, .msg.body = S("a: b\r\n\r\n2") },
		{ .entry = 1, .msg.body = S("a: b\r\n\r\n1") }, /* twice in one batch */
		{ .entry = 3, .mailbox = 999, .msg.body = S("a: b\r\n\r\n3") }, /* gone: INBOX */
	};
	CHECK_ERR(store_deliver(s, d, 4, r), ERR_OK);
	CHECK_U64(r[2].uid, r[0].uid);
	CHECK_U64(r[1].mailbox, 4);
	CHECK_U64(r[3].mailbox, 1);
	CHECK_U64(count(s, 1), 2);
	CHECK_U64(count(s, 4), 1);
	static struct store_new many[1500]; /* several pages, numbers reserved again in between */
	static struct store_added added[1500];
	for (size_t i = 0; i < LEN(many); i++) {
		many[i] = (struct store_new){ .body = S("a: b\r\n\r\nx") };
	}
	CHECK_ERR(store_append(s, 5, many, LEN(many), added), ERR_OK);
	CHECK_U64(added[1499].uid, 1500);
	CHECK_U64(count(s, 5), 1500);
	CHECK_ERR(store_append(s, 77, many, 1, added), ERR_NOTFOUND);
	CHECK_ERR(store_append(s, 5, many, STORE_APPEND_MAX + 1, added), ERR_TOOMANY);
	store_close(&s);
	store_trial_remove(&conf);
}

static uint64_t
thread_of(struct store *s, const char *own, const char *refs)
{
	struct arena *a = arena_new(NULL, "thread", 1 << 16, 0);
	struct store_added added = { 0 };
	struct store_cold cold = { 0 };
	str list[8], rest = str_from(refs);
	struct store_new msg = {
		.body = S("a: b\r\n\r\n"), .message_id = str_from(own), .refs = list
	};
	while (rest.n > 0 && str_next(&rest, ' ', &list[msg.refs_n])) {
		msg.refs_n++;
	}
	CHECK_ERR(store_append(s, 1, &msg, 1, &added), ERR_OK);
	CHECK_ERR(store_cold(s, added.id, a, &cold), ERR_OK);
	arena_free(&a);
	return cold.thread;
}

static void
threads(void)
{
	struct store_conf conf = store_trial_conf("threads");
	struct store *s = store_trial_open(&conf);
	uint64_t one = thread_of(s, "<1@x>", "");
	CHECK_U64(thread_of(s, "<2@x>", "<1@x>"), one);
	CHECK_U64(thread_of(s, "<3@x>", "<0@x> <2@x>"), one);
	CHECK(thread_of(s, "<4@x>", "<other@x>") != one);
	uint64_t reply = thread_of(s, "<6@x>", "<5@x>"); /* the answer comes first */
	CHECK_U64(thread_of(s, "<5@x>", ""), reply);
	CHECK(thread_of(s, "", "") != thread_of(s, "", ""));
	CHECK_U64(thread_of(s, "1@x", ""), one); /* the brackets do not matter */
	store_close(&s);
	store_trial_remove(&conf);
}

/* By its use, not by its name; made, adopted, or INBOX when there is none. */
static enum err
deliver_junk(struct store *s, uint64_t entry, struct store_added *ret)
{
	struct store_delivery d[2] = {
		{ .entry = entry, .junk = true, .msg.body = S("a: b\r\n\r\n1") },
		{ .entry = entry, .rcpt = 1, .msg.body = S("a: b\r\n\r\n2") },
	};
	return store_deliver(s, d, 2, ret);
}

static struct store_mailbox
junk_of(struct store *s, struct arena *a)
{
	struct store_mailbox *list, found = { 0 };
	size_t n = 0;
	CHECK_ERR(store_mailboxes(s, a, &list, &n), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		found = (list[i].special & STORE_JUNK) != 0 ? list[i] : found;
	}
	return found;
}

static void
junk(void)
{
	struct store_conf conf = store_trial_conf("junk");
	struct store *s = store_trial_open(&conf);
	struct arena *a = arena_new(NULL, "junk", 1 << 18, 0);
	struct store_added r[2], again[2];
	CHECK_ERR(store_mailbox_rename(s, S("Junk"), S("Spam")), ERR_OK);
	CHECK_ERR(deliver_junk(s, 1, r), ERR_OK);
	CHECK_STR(junk_of(s, a).name, S("Spam"));
	CHECK_U64(r[0].mailbox, junk_of(s, a).id);
	CHECK_U64(r[1].mailbox, 1);
	CHECK_ERR(store_mailbox_delete(s, S("Spam")), ERR_OK);
	CHECK_ERR(deliver_junk(s, 2, r), ERR_OK); /* made */
	CHECK_STR(junk_of(s, a).name, S("Junk"));
	CHECK_U64(r[0].mailbox, junk_of(s, a).id);
	CHECK_ERR(deliver_junk(s, 2, again), ERR_OK);
	CHECK(again[0].mailbox == r[0].mailbox && again[0].uid == r[0].uid);
	CHECK_U64(count(s, r[0].mailbox), 1);
	CHECK_ERR(store_mailbox_delete(s, S("Junk")), ERR_OK);
	CHECK_ERR(deliver_junk(s, 2, again), ERR_OK); /* its reader removed it: it stays away */
	CHECK_U64(junk_of(s, a).messages, 0);
	CHECK_ERR(store_mailbox_delete(s, S("Junk")), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, S("Junk"), 0, NULL), ERR_OK);
	CHECK_ERR(deliver_junk(s, 3, r), ERR_OK); /* adopted */
	CHECK_STR(junk_of(s, a).name, S("Junk"));
	CHECK_U64(r[0].mailbox, junk_of(s, a).id);
	CHECK_U64(count(s, 1), 3);
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
}

TEST_MAIN(junk, once_only, replay_mends, index_is_lost, oldest_live, syncing, batches, threads)
