/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast it is: a mailbox of 100,000 messages, deliveries, and searches for states. Prints times;
 * checks only that the answers are right, since machines differ.
 */
#include "base/mem.h"
#include "base/test.h"
#include "store/trial.h"
#include "sys/clock.h"

enum { MESSAGES = 100000, BATCH = 2000, BODY = 4096 };

static int64_t started;

static void
begin(void)
{
	started = sys_clock_us();
}

static void
told(const char *what, unsigned n)
{
	int64_t us = sys_clock_us() - started;
	printf("%-44s %9.3f ms", what, (double)us / 1000);
	printf(n > 1 ? ", %.1f us each\n" : "\n", (double)us / n);
}

static void
fill(struct store *s)
{
	static struct store_new msgs[BATCH];
	static struct store_added added[BATCH];
	for (size_t i = 0; i < BATCH; i++) {
		msgs[i] = (struct store_new){ .body = S("Subject: small\r\n\r\nsmall\r\n"),
			.internal_s = 1700000000,
			.flags = i % 10 == 0 ? 0 : STORE_SEEN };
	}
	begin();
	for (size_t i = 0; i < MESSAGES / BATCH; i++) {
		CHECK_ERR(store_append(s, 1, msgs, BATCH, added), ERR_OK);
	}
	told("append 100,000 small messages in batches", MESSAGES);
}

static void
fetch_flags(struct store *s, const char *label)
{
	static struct store_msg out[512];
	struct store_scan scan = { .mailbox = 1, .lo = 1, .hi = UINT32_MAX };
	size_t n = 0, total = 0, seen = 0;
	begin();
	while (store_msgs(s, &scan, out, LEN(out), &n) == ERR_OK && n > 0) {
		for (size_t i = 0; i < n; i++) {
			seen += (out[i].flags & STORE_SEEN) != 0;
		}
		total += n;
		scan.lo = out[n - 1].uid + 1;
	}
	told(label, 1);
	CHECK_U64(total, MESSAGES);
	CHECK(seen > 0);
}

static void
fetch_cold(struct store *s)
{
	struct arena *a = arena_new(NULL, "cold", 1 << 20, 0);
	static struct store_msg m[512];
	struct store_scan scan = { .mailbox = 1, .lo = 40000, .hi = UINT32_MAX };
	struct store_cold c;
	size_t n = 0;
	str text;
	CHECK_ERR(store_msgs(s, &scan, m, LEN(m), &n), ERR_OK);
	begin();
	for (size_t i = 0; i < n; i++) {
		CHECK_ERR(store_cold(s, m[i].id, a, &c), ERR_OK);
		arena_reset(a);
	}
	told("cold facts of 512", (unsigned)n);
	begin();
	for (size_t i = 0; i < n; i++) {
		CHECK_ERR(store_text(s, m[i].id, &text), ERR_OK);
	}
	told("octets of 512 small messages", (unsigned)n);
	arena_free(&a);
}

static void
select_box(struct store *s, const char *label, uint32_t want)
{
	struct store_view v;
	uint32_t seq;
	begin();
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	CHECK_ERR(store_view_first_unseen(&v, &seq), ERR_OK);
	told(label, 1);
	CHECK_U64(v.n, want);
	store_view_done(&v);
}

static void
big_mailbox(void)
{
	struct store_conf conf = store_trial_conf_disk("speed");
	struct store *s = store_trial_open(&conf);
	struct store_set uids;
	struct store_changed changed;
	fill(s);
	store_close(&s);
	begin();
	s = store_trial_open(&conf);
	told("open", 1);
	select_box(s, "select 100,000, first unseen", MESSAGES);
	fetch_flags(s, "flags of 100,000, first time");
	fetch_flags(s, "flags of 100,000, again");
	fetch_cold(s);
	store_set_init(&uids);
	store_set_add(&uids, 1000, 10999);
	struct store_change c = { .mailbox = 1, .uids = &uids, .flags = STORE_FLAGGED };
	begin();
	CHECK_ERR(store_flags(s, &c, &changed, NULL), ERR_OK);
	told("change flags of 10,000", 1);
	store_set_reset(&uids);
	for (uint32_t uid = 1; uid < MESSAGES; uid += 2) {
		store_set_add(&uids, uid, uid);
	}
	begin();
	CHECK_ERR(store_expunge(s, 1, &uids, false, NULL), ERR_OK);
	told("expunge every other of 100,000", MESSAGES / 2);
	select_box(s, "select 50,000 with holes everywhere", MESSAGES / 2);
	store_set_done(&uids);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
one_delivery(struct store *s, uint64_t entry, str body, size_t n)
{
	static struct store_delivery d[64];
	static struct store_added added[64];
	char id[48];
	for (size_t i = 0; i < n; i++) {
		int len = snprintf(id, sizeof id, "<%llu@example.org>",
		    (unsigned long long)(entry + i));
		d[i] = (struct store_delivery){ .entry = entry + i,
			.msg = { .prefix = S("Return-Path: <a@example.org>\r\n"),
			    .body = body,
			    .message_id = { id, (size_t)len },
			    .internal_s = 1700000000 } };
	}
	CHECK_ERR(store_deliver(s, d, n, added), ERR_OK);
	CHECK_ERR(added[n - 1].err, ERR_OK);
}

static void
deliveries(void)
{
	struct store_conf conf = store_trial_conf_disk("deliveries");
	struct buf b;
	uint64_t entry = 1;
	buf_init(&b, BODY * 2);
	buf_cstr(&b, "From: a@example.org\r\nSubject: hello\r\n\r\n");
	for (unsigned i = 0; b.n < BODY; i++) {
		buf_printf(&b, "line %u %x of a message that says little\r\n", i, i * 2654435761u);
	}
	begin();
	struct store *s = store_trial_open(&conf);
	told("open a new account", 1);
	begin();
	for (int i = 0; i < 2000; i++) {
		one_delivery(s, entry++, buf_view(&b), 1);
	}
	told("deliver 4 KB, account open", 2000);
	begin();
	for (int i = 0; i < 100; i++, entry += 64) {
		one_delivery(s, entry, buf_view(&b), 64);
	}
	told("deliver 4 KB, batches of 64", 6400);
	store_close(&s);
	begin();
	for (int i = 0; i < 500; i++) {
		s = store_trial_open(&conf);
		one_delivery(s, entry++, buf_view(&b), 1);
		store_close(&s);
	}
	told("open, deliver 4 KB, close", 500);
	begin();
	CHECK_ERR(store_sync(conf.path), ERR_OK);
	told("sync", 1);
	buf_done(&b);
	store_trial_remove(&conf);
}

TEST_MAIN(big_mailbox, deliveries)
