/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Torture: every file operation, every allocation of ours and of the database engine fails once, in
 * each step of an account's life. Afterwards the account opens, is sound, and what was acknowledged
 * is there.
 */
#include "base/mem.h"
#include "base/test.h"
#include "db/db.h"
#include "store/limits.h"
#include "store/trial.h"
#include "sys/sys.h"

#include <errno.h>

enum { STORE_FLUSH = 1 << 20 }; /* larger payloads take another way to the file */

static struct life {
	struct store_conf conf;
	struct store *s;
	uint32_t acknowledged; /* messages that must be there */
} life;

static enum err
step_open(void)
{
	enum err e = ERR_OK;
	if (life.s == NULL) {
		e = store_open(&life.conf, &life.s);
	}
	return e;
}

static enum err
step_append(void)
{
	struct store_new msg = { .body = S("a: b\r\n\r\nappended"), .message_id = S("<1@x>") };
	struct store_added added;
	TRY(store_append(life.s, 1, &msg, 1, &added));
	life.acknowledged++;
	return ERR_OK;
}

static enum err
step_append_large(void)
{
	struct buf b;
	struct store_added added;
	uint64_t random = 1;
	buf_init(&b, 2 << 20);
	char *to = buf_room(&b, STORE_FLUSH + 5000);
	for (size_t i = 0; to != NULL && i < STORE_FLUSH + 5000; i += 8) {
		uint64_t x = store_trial_random(&random, UINT64_MAX);
		memcpy(to + i, &x, sizeof x);
	}
	buf_grow(&b, to == NULL ? 0 : STORE_FLUSH + 5000);
	struct store_new msg = { .body = buf_view(&b) };
	enum err e = buf_err(&b);
	if (e == ERR_OK) {
		e = store_append(life.s, 1, &msg, 1, &added);
	}
	life.acknowledged += e == ERR_OK;
	buf_done(&b);
	return e;
}

static enum err
step_deliver(void)
{
	struct store_delivery d[2] = {
		{ .entry = 1, .replay = true, .msg.body = S("a: b\r\n\r\none") },
		{ .entry = 2, .mailbox = 4, .msg.body = S("a: b\r\n\r\ntwo") }
	};
	struct store_added added[2];
	return store_deliver(life.s, d, 2, added);
}

static enum err
step_flags(void)
{
	struct store_range r = { 1, UINT32_MAX };
	struct store_set uids = { .v = &r, .n = 1 };
	struct store_change c = { .mailbox = 1, .uids = &uids, .flags = STORE_FLAGGED };
	struct store_changed changed;
	return store_flags(life.s, &c, &changed, NULL);
}

static enum err
step_copy(void)
{
	struct store_range r = { 1, UINT32_MAX };
	struct store_set uids = { .v = &r, .n = 1 };
	struct store_copying c = { .from = 1, .to = 5, .uids = &uids };
	struct store_copied copied;
	TRY(store_copy(life.s, &c, &copied, NULL));
	c = (struct store_copying){ .from = 5, .to = 6, .uids = &uids, .move = true };
	return store_copy(life.s, &c, &copied, NULL);
}

static enum err
step_boxes(void)
{
	uint64_t id;
	uint32_t bit;
	TRY(store_mailbox_create(life.s, S("a/b"), 0, &id));
	TRY(store_keyword(life.s, id, S("$x"), &bit));
	TRY(store_mailbox_rename(life.s, S("a"), S("c")));
	TRY(store_subscribe(life.s, S("c/b"), true));
	TRY(store_mailbox_delete(life.s, S("c/b")));
	return store_mailbox_delete(life.s, S("c"));
}

static enum err
step_read(void)
{
	struct arena *a = arena_new(NULL, "read", 1 << 20, 0);
	struct store_mailbox *list;
	struct store_view v = { 0 };
	struct store_news news;
	struct store_msg m;
	size_t n;
	str text;
	enum err e = a == NULL ? ERR_NOMEM : store_mailboxes(life.s, a, &list, &n);
	if (e == ERR_OK) {
		e = store_view_init(&v, life.s, 1);
	}
	if (e == ERR_OK) {
		e = store_view_refresh(&v, true, a, &news);
	}
	if (e == ERR_OK) {
		e = store_msg(life.s, 1, store_view_uid(&v, 1), &m);
	}
	if (e == ERR_OK) {
		e = store_text(life.s, m.id, &text);
	}
	store_view_done(&v);
	arena_free(&a);
	return e;
}

static enum err
step_expunge(void)
{
	struct store_range r = { 2, UINT32_MAX };
	struct store_set uids = { .v = &r, .n = 1 }, gone;
	store_set_init(&gone);
	enum err e = store_expunge(life.s, 5, &uids, false, &gone);
	store_set_done(&gone);
	return e;
}

static enum err
step_verify(void)
{
	struct store_report r = { 0 };
	return store_verify(life.s, &r);
}

static enum err
step_repair(void)
{
	struct store_report r = { 0 };
	return store_repair(life.s, &r);
}

static enum err
step_compact(void)
{
	uint64_t octets;
	return store_compact(life.s, &octets);
}

static enum err
step_reopen(void)
{
	store_close(&life.s);
	life.conf.boot_id = S("another boot");
	return step_open();
}

static enum err (*const steps[])(void) = { step_open, step_append, step_deliver, step_flags,
	step_copy, step_boxes, step_read, step_expunge, step_append_large, step_verify, step_repair,
	step_compact, step_deliver, step_reopen, step_append, step_read };

/* Everything is as it should be, whatever failed. */
static void
is_sound(void)
{
	struct store_report r = { 0 };
	struct arena *a = arena_new(NULL, "sound", 1 << 20, 0);
	struct store_mailbox box = { 0 };
	static struct store_msg m[64];
	struct store_scan scan = { .mailbox = 1, .lo = 1, .hi = UINT32_MAX };
	size_t n = 0;
	store_close(&life.s);
	if (CHECK_ERR(store_open(&life.conf, &life.s), ERR_OK)) {
		CHECK_ERR(store_verify(life.s, &r), ERR_OK);
		CHECK_U64(r.bad_counts + r.lost + r.bad_records, 0);
		CHECK_ERR(store_mailbox_get(life.s, 1, a, &box), ERR_OK);
		CHECK(box.messages >= life.acknowledged);
		CHECK_ERR(store_msgs(life.s, &scan, m, LEN(m), &n), ERR_OK);
		CHECK_U64(n, box.messages);
		for (size_t i = 0; i < n; i++) {
			str text;
			CHECK_ERR(store_text(life.s, m[i].id, &text), ERR_OK);
		}
	}
	arena_free(&a);
}

static void
fail_files(uint64_t n)
{
	sys_fail_after(n, EIO);
}

static void
fail_disk_full(uint64_t n)
{
	sys_fail_after(n, ENOSPC);
}

/* After whatever happened, life goes on. */
static void
go_on(void)
{
	if (life.s != NULL) {
		CHECK_ERR(step_deliver(), ERR_OK);
		CHECK_ERR(step_append(), ERR_OK);
		CHECK_ERR(step_read(), ERR_OK);
	}
}

/*
 * Live up to step `at`; in it the n-th operation fails. True when it came to that.
 */
static bool
run(void (*fail)(uint64_t), size_t at, uint64_t n)
{
	life = (struct life){ .conf = store_trial_conf("torture") };
	life.conf.pack_octets = 3000;
	for (size_t i = 0; i < at; i++) {
		CHECK_ERR(steps[i](), ERR_OK);
	}
	fail(n);
	enum err e = steps[at]();
	fail(0);
	is_sound();
	go_on();
	if (test_failed != 0) {
		printf("failing %llu of step %zu\n", (unsigned long long)n, at);
	}
	store_close(&life.s);
	store_trial_remove(&life.conf);
	return e != ERR_OK;
}

/*
 * Each n until three in a row make no difference: some failures are rightly survived. How many did.
 */
static unsigned
each(void (*fail)(uint64_t), size_t at, uint64_t by)
{
	unsigned calm = 0, failed = 0;
	for (uint64_t n = 1; calm < 3 && n < 3000 && test_failed == 0; n += by) {
		bool now = run(fail, at, n);
		calm = now ? 0 : calm + 1;
		failed += now;
	}
	return failed;
}

static void
files_fail(void)
{
	for (size_t at = 0; at < LEN(steps); at++) {
		CHECK(each(fail_files, at, 1) > 0);
		(void)each(fail_disk_full, at, 3);
	}
}

static void
memory_fails(void)
{
	for (size_t at = 0; at < LEN(steps); at++) {
		(void)each(mem_fail_after, at, 1);
	}
}

static void
engine_memory_fails(void)
{
	for (size_t at = 0; at < LEN(steps); at++) {
		(void)each(db_fail_after, at,
		    41); /* each of thousands, in steps that meet different ones */
	}
}

TEST_MAIN(files_fail, memory_fails, engine_memory_fails)
