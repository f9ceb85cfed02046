/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: sequence numbers, expunges that are held back, what vanished, conditional stores,
 * reading in parts, mailboxes that go away under a session.
 */
#include "base/test.h"
#include "store/store_priv.h"
#include "store/trial.h"

static struct arena *a;

static struct store *
open_filled(struct store_conf *conf, const char *name, size_t n)
{
	static struct store_new msgs[STORE_BATCH_MAX];
	static struct store_added added[STORE_BATCH_MAX];
	*conf = store_trial_conf(name);
	struct store *s = store_trial_open(conf);
	for (size_t i = 0; i < LEN(msgs); i++) {
		msgs[i] = (struct store_new){ .body = S("a: b\r\n\r\nx"), .flags = STORE_SEEN };
	}
	for (size_t done = 0; done < n; done += LEN(msgs)) {
		CHECK_ERR(store_append(s, 1, msgs, MIN(n - done, LEN(msgs)), added), ERR_OK);
	}
	a = arena_new(NULL, "view", 1 << 24, 0);
	return s;
}

static void
close_all(struct store *s, const struct store_conf *conf)
{
	arena_free(&a);
	store_close(&s);
	store_trial_remove(conf);
}

static void
expunge(struct store *s, uint32_t lo, uint32_t hi)
{
	struct store_range r = { lo, hi };
	struct store_set uids = { .v = &r, .n = 1 };
	CHECK_ERR(store_expunge(s, 1, &uids, false, NULL), ERR_OK);
}

static uint64_t
flag(struct store *s, uint32_t lo, uint32_t hi, uint32_t flags)
{
	struct store_range r = { lo, hi };
	struct store_set uids = { .v = &r, .n = 1 };
	struct store_change c = { .mailbox = 1, .uids = &uids, .flags = flags };
	struct store_changed changed = { 0 };
	CHECK_ERR(store_flags(s, &c, &changed, NULL), ERR_OK);
	return changed.modseq;
}

static void
numbers(void)
{
	struct store_conf conf;
	struct store *s = open_filled(&conf, "numbers", 20);
	struct store_view v;
	struct store_set set, back;
	expunge(s, 4, 6);
	expunge(s, 10, 10);
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	CHECK_U64(v.n, 16);
	CHECK_U64(v.uidnext, 21);
	static const struct {
		uint32_t seq, uid;
	} pairs[] = { { 1, 1 }, { 3, 3 }, { 4, 7 }, { 6, 9 }, { 7, 11 }, { 16, 20 }, { 0, 5 },
		{ 0, 10 }, { 0, 21 } };
	for (size_t i = 0; i < LEN(pairs); i++) {
		CHECK_U64(store_view_seq(&v, pairs[i].uid), pairs[i].seq);
		CHECK_U64(store_view_uid(&v, pairs[i].seq), pairs[i].seq == 0 ? 0 : pairs[i].uid);
	}
	CHECK_U64(store_view_seq_from(&v, 5), 4);
	CHECK_U64(store_view_seq_from(&v, 21), 17);
	CHECK_U64(store_view_seq(&v, 0), 0);
	store_set_init(&set);
	store_set_init(&back);
	store_view_uids(&v, 3, 99, &set);
	CHECK_U64(store_set_count(&set), 14);
	CHECK(set.n == 3 && set.v[0].lo == 3 && set.v[0].hi == 3 && set.v[1].lo == 7 &&
	    set.v[2].hi == 20);
	store_set_add(&set, 1, UINT32_MAX);
	store_view_seqs(&v, &set, &back);
	CHECK(back.n == 1 && back.v[0].lo == 1 && back.v[0].hi == 16);
	store_set_done(&set);
	store_set_done(&back);
	store_view_done(&v);
	CHECK_ERR(store_view_init(&v, s, 99), ERR_NOTFOUND);
	close_all(s, &conf);
}

static void
held_back(void)
{
	struct store_conf conf;
	struct store *s = open_filled(&conf, "held", 10);
	struct store *other = store_trial_open(&conf);
	struct store_view v;
	struct store_news news;
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	expunge(other, 2, 3);
	flag(other, 3, 5, STORE_FLAGGED);
	uint32_t uid = store_trial_append(other, 1, 1, 0);
	CHECK_ERR(store_view_refresh(&v, false, a, &news), ERR_OK);
	CHECK_U64(news.expunged_n, 0);
	CHECK_U64(news.appeared, 1);
	CHECK_U64(news.exists, 11);
	CHECK_U64(news.changed_n, 2);
	CHECK_U64(news.changed[0].uid, 4);
	CHECK_U64(news.changed[1].flags, STORE_FLAGGED | STORE_SEEN);
	CHECK_U64(store_view_seq(&v, uid), 11);
	expunge(other, uid, uid); /* seen by the session, gone before it may be told of any */
	expunge(other, 9, 9);
	CHECK_ERR(store_view_refresh(&v, false, a, &news), ERR_OK);
	CHECK_U64(news.exists, 11);
	CHECK_U64(news.appeared + news.changed_n + news.expunged_n, 0);
	CHECK_ERR(store_view_refresh(&v, true, a, &news), ERR_OK);
	static const uint32_t want[] = { 11, 9, 3, 2 };
	CHECK_U64(news.expunged_n, LEN(want));
	for (size_t i = 0; i < LEN(want) && i < news.expunged_n; i++) {
		CHECK_U64(news.expunged[i], want[i]);
	}
	CHECK_U64(news.vanished_n, 3);
	CHECK_U64(news.exists, 7);
	CHECK_U64(store_view_seq(&v, 10), 7);
	CHECK_ERR(store_view_refresh(&v, true, a, &news), ERR_OK);
	CHECK_U64(news.exists, 7);
	CHECK_U64(news.appeared + news.changed_n + news.expunged_n, 0);
	store_view_done(&v);
	store_close(&other);
	close_all(s, &conf);
}

static void
mailbox_goes_away(void)
{
	struct store_conf conf;
	struct store *s = open_filled(&conf, "away", 1);
	struct store_view v;
	struct store_news news;
	uint64_t box;
	CHECK_ERR(store_mailbox_create(s, S("x"), 0, &box), ERR_OK);
	CHECK_ERR(store_view_init(&v, s, box), ERR_OK);
	CHECK_ERR(store_mailbox_rename(s, S("x"), S("y")), ERR_OK);
	CHECK_ERR(store_view_refresh(&v, true, a, &news), ERR_OK);
	CHECK(!news.gone);
	CHECK_ERR(store_mailbox_delete(s, S("y")), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, S("y"), 0, NULL), ERR_OK);
	CHECK_ERR(store_view_refresh(&v, true, a, &news), ERR_OK);
	CHECK(news.gone);
	store_view_done(&v);
	close_all(s, &conf);
}

static void
conditional(void)
{
	struct store_conf conf;
	struct store *s = open_filled(&conf, "conditional", 9);
	struct store_set modified;
	struct store_msg m[9];
	size_t n;
	struct store_changed changed;
	uint64_t since = flag(s, 1, 3, STORE_FLAGGED);
	CHECK_U64(flag(s, 1, 3, STORE_FLAGGED), 0); /* nothing changed: no new modseq */
	uint64_t later = flag(s, 2, 2, STORE_ANSWERED);
	struct store_range all = { 1, UINT32_MAX };
	struct store_set uids = { .v = &all, .n = 1 };
	struct store_change c = { .mailbox = 1,
		.uids = &uids,
		.flags = STORE_DELETED,
		.conditional = true,
		.unchanged_since = since };
	store_set_init(&modified);
	CHECK_ERR(store_flags(s, &c, &changed, &modified), ERR_OK);
	CHECK(modified.n == 1 && modified.v[0].lo == 2 && modified.v[0].hi == 2);
	CHECK(changed.modseq > later);
	CHECK_U64(changed.before, later);
	struct store_scan scan = { .mailbox = 1, .lo = 1, .hi = 9, .since = later };
	CHECK_ERR(store_msgs(s, &scan, m, 9, &n), ERR_OK);
	CHECK_U64(n, 8);
	scan.since = changed.modseq;
	CHECK_ERR(store_msgs(s, &scan, m, 9, &n), ERR_OK);
	CHECK_U64(n, 0);
	c = (struct store_change){
		.mailbox = 1, .uids = &uids, .op = STORE_FLAGS_REPLACE, .flags = 0
	};
	CHECK_ERR(store_flags(s, &c, &changed, NULL), ERR_OK);
	CHECK_ERR(store_msg(s, 1, 5, &m[0]), ERR_OK);
	CHECK_U64(m[0].flags, 0);
	c.mailbox = 77;
	CHECK_ERR(store_flags(s, &c, &changed, NULL), ERR_NOTFOUND);
	store_set_done(&modified);
	close_all(s, &conf);
}

/* A change of the session's own is not told again; one of another in between still is. */
static void
own_changes(void)
{
	struct store_conf conf;
	struct store *s = open_filled(&conf, "own", 20);
	struct store_view v;
	struct store_news news;
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	struct store_changed mine = { .before = v.modseq, .modseq = flag(s, 2, 5, STORE_FLAGGED) };
	store_view_changed(&v, &mine);
	CHECK_U64(v.modseq, mine.modseq);
	CHECK_ERR(store_view_refresh(&v, true, a, &news), ERR_OK);
	CHECK_U64(news.changed_n, 0);
	uint64_t other = flag(s, 7, 7, STORE_DELETED);
	mine = (struct store_changed){ .before = other, .modseq = flag(s, 9, 9, STORE_FLAGGED) };
	store_view_changed(&v, &mine); /* the view does not know of message 7 */
	expunge(s, 1, 1);
	CHECK_ERR(store_view_refresh(&v, true, a, &news), ERR_OK);
	CHECK_U64(news.changed_n, 2);
	CHECK_U64(news.expunged_n, 1);
	store_view_done(&v);
	close_all(s, &conf);
}

static void
first_unseen(void)
{
	struct store_conf conf;
	struct store *s = open_filled(&conf, "unseen", 1100);
	struct store_view v;
	uint32_t seq = 9;
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	CHECK_ERR(store_view_first_unseen(&v, &seq), ERR_OK);
	CHECK_U64(seq, 0);
	store_view_done(&v);
	store_trial_append(s, 1, 1, 0);
	expunge(s, 5, 6);
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	CHECK_ERR(store_view_first_unseen(&v, &seq), ERR_OK);
	CHECK_U64(seq, 1099);
	struct store_range third = { 3, 3 }; /* the view has seen other pages than there are now */
	struct store_set uids = { .v = &third, .n = 1 };
	struct store_change unsee = { 1, &uids, STORE_FLAGS_REMOVE, STORE_SEEN, false, 0 };
	struct store_changed changed;
	CHECK_ERR(store_flags(s, &unsee, &changed, NULL), ERR_OK);
	CHECK_ERR(store_view_first_unseen(&v, &seq), ERR_OK);
	CHECK_U64(seq, 3);
	store_view_done(&v);
	close_all(s, &conf);
}

/* ---- maps that were left ------------------------------------------------------------------ */

/* Take the rows of pages away, or bring them back: who reads them finds nothing. */
static void
hide_pages(struct store *s, bool hide)
{
	CHECK_ERR(db_exec(s->db,
		      hide ? "CREATE TABLE away AS SELECT * FROM page; DELETE FROM page"
			   : "INSERT INTO page SELECT * FROM away; DROP TABLE away"),
	    ERR_OK);
}

/* What is left is taken up without reading a row of a page, by whoever asks next, once. */
static void
left_and_taken(void)
{
	struct store_conf conf;
	struct store *s = open_filled(&conf, "left", 1100);
	struct store_view v, w;
	expunge(s, 5, 6);
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	store_view_leave(&v);
	CHECK(v.run == NULL && v.n == 0);
	hide_pages(s, true);
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	CHECK_ERR(store_view_init(&w, s, 1), ERR_OK);
	CHECK_U64(v.n, 1098);
	CHECK_U64(v.uidnext, 1101);
	CHECK_U64(store_view_uid(&v, 5), 7);
	CHECK_U64(w.n, 0);
	store_view_done(&w);
	store_view_done(&v);
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK); /* done is not left */
	CHECK_U64(v.n, 0);
	store_view_done(&v);
	hide_pages(s, false);
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	CHECK_U64(v.n, 1098);
	store_view_leave(&v);
	close_all(s, &conf);
}

static struct store_range from_3_to_5 = { 3, 5 };
static const struct store_set three = { .v = &from_3_to_5, .n = 1 };

static void
by_flags(struct store *s)
{
	flag(s, 3, 5, STORE_DELETED);
}

static void
by_unseen(struct store *s)
{
	struct store_change c = { 1, &three, STORE_FLAGS_REMOVE, STORE_SEEN, false, 0 };
	struct store_changed changed;
	CHECK_ERR(store_flags(s, &c, &changed, NULL), ERR_OK);
}

static void
by_append(struct store *s)
{
	store_trial_append(s, 1, 1, 0);
}

static void
by_delivery(struct store *s)
{
	struct store_added added;
	CHECK_ERR(store_trial_deliver(s, 77, false, &added), ERR_OK);
}

static void
by_expunge(struct store *s)
{
	expunge(s, 3, 5);
}

/* The last ones go: uidnext stays. */
static void
by_expunge_of_last(struct store *s)
{
	expunge(s, 18, 20);
}

/* As many come as go. */
static void
by_exchange(struct store *s)
{
	expunge(s, 3, 3);
	store_trial_append(s, 1, 1, STORE_SEEN);
}

static uint64_t
box_named(struct store *s, const char *name)
{
	struct store_mailbox m;
	CHECK_ERR(store_mailbox_find(s, str_from(name), a, &m), ERR_OK);
	return m.id;
}

static void
by_move(struct store *s)
{
	struct store_copied copied;
	struct store_copying c = { .from = 1, .to = box_named(s, "Trash"), .uids = &three };
	c.move = true;
	CHECK_ERR(store_copy(s, &c, &copied, NULL), ERR_OK);
}

static void
by_copy_into_itself(struct store *s)
{
	struct store_copied copied;
	struct store_copying c = { .from = 1, .to = 1, .uids = &three };
	CHECK_ERR(store_copy(s, &c, &copied, NULL), ERR_OK);
}

/* RFC 9051 6.3.6: INBOX stays, and is empty. */
static void
by_rename(struct store *s)
{
	CHECK_ERR(store_mailbox_rename(s, S("INBOX"), S("old")), ERR_OK);
}

static struct store_conf conf_left;

/* The new index has all the numbers of the old one; this one has lost the messages. */
static void
by_rebuild(struct store *s)
{
	struct store_report none = { 0 };
	struct store_quota quota;
	CHECK_ERR(store_rebuild(&conf_left, &none), ERR_OK);
	CHECK_ERR(store_quota(s, &quota), ERR_OK);
	CHECK_ERR(db_exec(s->db, "DELETE FROM page"), ERR_OK);
}

static void
by_nobody(struct store *s)
{
}

/* What a session leaves and selects again is what one sees that has never been there. */
static void
check_left(struct store *s, struct store *other)
{
	struct store_view v, w;
	struct store_news news;
	uint32_t unseen, want;
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	CHECK_ERR(store_view_init(&w, other, 1), ERR_OK);
	CHECK_U64(v.n, w.n);
	CHECK_U64(v.uidnext, w.uidnext);
	CHECK_U64(v.modseq, w.modseq);
	CHECK_U64(v.gone_modseq, w.gone_modseq);
	CHECK_U64(v.uidvalidity, w.uidvalidity);
	for (uint32_t seq = 1; seq <= w.n; seq++) {
		CHECK_U64(store_view_uid(&v, seq), store_view_uid(&w, seq));
	}
	CHECK_ERR(store_view_first_unseen(&v, &unseen), ERR_OK);
	CHECK_ERR(store_view_first_unseen(&w, &want), ERR_OK);
	CHECK_U64(unseen, want);
	CHECK_ERR(store_view_refresh(&v, true, a, &news), ERR_OK);
	CHECK_U64(news.appeared + news.changed_n + news.expunged_n, 0);
	store_view_done(&v);
	store_view_done(&w);
}

static void
left_and_changed(void)
{
	static const struct {
		const char *name;
		void (*change)(struct store *);
	} cases[] = { { "nothing", by_nobody }, { "flags", by_flags }, { "unseen", by_unseen },
		{ "append", by_append }, { "delivery", by_delivery }, { "expunge", by_expunge },
		{ "the last ones", by_expunge_of_last }, { "as many", by_exchange },
		{ "move", by_move }, { "copy", by_copy_into_itself }, { "rename", by_rename },
		{ "rebuild", by_rebuild } };
	for (size_t i = 0; i < 3 * LEN(cases); i++) {
		struct store *s = open_filled(&conf_left, "changed", 20);
		struct store *other = store_trial_open(&conf_left);
		struct store_view v;
		struct store_news news;
		test_case = cases[i / 3].name;
		CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
		if (i % 3 == 0) { /* left, then changed */
			store_view_leave(&v);
			cases[i / 3].change(other);
		} else { /* changed, told in part or in full, then left */
			cases[i / 3].change(other);
			CHECK_ERR(store_view_refresh(&v, i % 3 == 1, a, &news), ERR_OK);
			store_view_leave(&v);
		}
		check_left(s, other);
		store_close(&other);
		close_all(s, &conf_left);
	}
	test_case = NULL;
}

/* The name is the same; the mailbox is not. */
static void
left_and_made_again(void)
{
	struct store_conf conf;
	struct store *s = open_filled(&conf, "again", 1);
	struct store *other = store_trial_open(&conf);
	struct store_view v;
	uint64_t box, again;
	CHECK_ERR(store_mailbox_create(s, S("x"), 0, &box), ERR_OK);
	store_trial_append(s, box, 1, 0);
	CHECK_ERR(store_view_init(&v, s, box), ERR_OK);
	store_view_leave(&v);
	CHECK_ERR(store_mailbox_delete(other, S("x")), ERR_OK);
	CHECK_ERR(store_view_init(&v, s, box), ERR_NOTFOUND);
	CHECK_ERR(store_mailbox_create(other, S("x"), 0, &again), ERR_OK);
	CHECK_ERR(store_view_init(&v, s, again), ERR_OK);
	CHECK_U64(v.n, 0);
	store_view_leave(&v);
	store_close(&other);
	close_all(s, &conf);
}

/* Maps with many holes are kept only as far as there is room for them; of many the oldest goes. */
static void
left_without_room(void)
{
	enum { N = 8 * STORE_BATCH_MAX };
	struct store_conf conf;
	struct store *s = open_filled(&conf, "room", N);
	struct store_view v = { 0 };
	struct store_set odd;
	uint64_t box[STORE_MAPS + 1];
	store_view_leave(&v); /* fine on a zeroed one */
	store_set_init(&odd);
	for (uint32_t uid = 1; uid < N - 100; uid += 2) {
		store_set_add(&odd, uid, uid);
	}
	for (size_t i = 0; i < LEN(box); i++) {
		char name[2] = { (char)('a' + i), 0 };
		CHECK_ERR(store_mailbox_create(s, str_from(name), 0, &box[i]), ERR_OK);
		store_trial_append(s, box[i], 1, 0);
		CHECK_ERR(store_view_init(&v, s, box[i]), ERR_OK);
		store_view_leave(&v);
	}
	hide_pages(s, true);
	for (size_t i = 0; i < LEN(box); i++) {
		CHECK_ERR(store_view_init(&v, s, box[i]), ERR_OK);
		CHECK_U64(v.n, i > 0);
		store_view_done(&v);
	}
	hide_pages(s, false);
	CHECK_ERR(store_expunge(s, 1, &odd, false, NULL), ERR_OK);
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	CHECK(v.run_n > STORE_MAPS_RUNS);
	store_view_leave(&v);
	CHECK(v.run == NULL);
	hide_pages(s, true);
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	CHECK_U64(v.n, 0);
	store_view_done(&v);
	hide_pages(s, false);
	store_set_done(&odd);
	close_all(s, &conf);
}

static void
vanished(void)
{
	struct store_conf conf;
	struct store *s = open_filled(&conf, "vanished", 20);
	struct store_set out, known;
	struct store_mailbox box;
	CHECK_ERR(store_mailbox_get(s, 1, a, &box), ERR_OK);
	expunge(s, 3, 5);
	uint64_t since = flag(s, 9, 9, STORE_FLAGGED);
	expunge(s, 8, 8);
	store_set_init(&out);
	store_set_init(&known);
	CHECK_ERR(store_vanished(s, 1, box.modseq, NULL, &out), ERR_OK);
	CHECK(out.n == 2 && out.v[0].lo == 3 && out.v[0].hi == 5 && out.v[1].lo == 8);
	store_set_reset(&out);
	CHECK_ERR(store_vanished(s, 1, since, NULL, &out), ERR_OK);
	CHECK(out.n == 1 && out.v[0].lo == 8);
	store_set_reset(&out);
	store_set_add(&known, 4, 7);
	store_set_add(&known, 50, 60); /* never were there: not said to have vanished */
	CHECK_ERR(store_vanished(s, 1, box.modseq, &known, &out), ERR_OK);
	CHECK(out.n == 1 && out.v[0].lo == 4 && out.v[0].hi == 5);
	store_set_done(&out);
	store_set_done(&known);
	close_all(s, &conf);
}

/* The log of removals is bounded; who asks from before it begins is told everything that is not
 * there. */
static void
pruned_log(void)
{
	enum { N = 2 * STORE_GONE_MAX + 20 };
	struct store_conf conf;
	struct store *s = open_filled(&conf, "pruned", N);
	struct store_set odd, even, out;
	struct store_view v;
	struct store_news news;
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	store_set_init(&odd);
	store_set_init(&even);
	store_set_init(&out);
	for (uint32_t uid = 1; uid < N; uid += 2) {
		store_set_add(&odd, uid, uid);
		store_set_add(&even, uid + 1, uid + 1);
	}
	CHECK_ERR(store_expunge(s, 1, &odd, false, NULL), ERR_OK);
	CHECK_ERR(store_vanished(s, 1, v.modseq, NULL, &out), ERR_OK);
	CHECK_U64(store_set_count(&out), N / 2);
	CHECK_ERR(store_view_refresh(&v, true, a, &news), ERR_OK);
	CHECK_U64(news.expunged_n, N / 2);
	CHECK_U64(news.exists, N / 2);
	CHECK_U64(store_view_uid(&v, 1), 2);
	CHECK_ERR(store_expunge(s, 1, &even, false, NULL), ERR_OK);
	CHECK_ERR(store_view_refresh(&v, true, a, &news), ERR_OK);
	CHECK_U64(news.exists, 0);
	store_set_done(&odd);
	store_set_done(&even);
	store_set_done(&out);
	store_view_done(&v);
	close_all(s, &conf);
}

static void
parts(void)
{
	struct store_conf conf;
	struct store *s = open_filled(&conf, "parts", 0);
	struct buf b;
	struct store_added added;
	str part;
	for (int kind = 0; kind < 2; kind++) { /* compresses well; not at all */
		uint64_t random = 3;
		buf_init(&b, 4 << 20);
		buf_cstr(&b, "Subject: large\r\n\r\n");
		while (b.n < 1500000) {
			uint64_t x = store_trial_random(&random, UINT64_MAX);
			if (kind == 0) {
				buf_printf(&b, "line %llu\r\n", (unsigned long long)(x % 100));
			} else {
				buf_add(&b, &x, sizeof x);
			}
		}
		struct store_new msg = { .body = buf_view(&b) };
		CHECK_ERR(store_append(s, 1, &msg, 1, &added), ERR_OK);
		CHECK_ERR(store_header(s, added.id, &part), ERR_OK);
		CHECK_STR(part, S("Subject: large\r\n\r\n"));
		static const struct {
			size_t off, n;
		} cases[] = { { 0, 1 }, { 0, 60000 }, { 50000, 20000 }, { 65530, 12 },
			{ 1400000, 999999 }, { 0, 9999999 }, { 1 << 30, 5 }, { 5, SIZE_MAX } };
		for (size_t i = 0; i < LEN(cases); i++) {
			CHECK_ERR(store_part(s, added.id, cases[i].off, cases[i].n, &part), ERR_OK);
			str want = str_sub(buf_view(&b), cases[i].off, cases[i].n);
			CHECK(str_eq(part, want));
		}
		CHECK_ERR(store_text(s, added.id, &part), ERR_OK);
		CHECK(str_eq(part, buf_view(&b)));
		buf_done(&b);
	}
	CHECK_ERR(store_text(s, 12345, &part), ERR_NOTFOUND);
	struct store_cold c;
	CHECK_ERR(store_cold(s, added.id, a, &c), ERR_OK);
	CHECK_U64(c.envelope.n, 0);
	struct store_cached cached = { added.id, S("env"), S("str\0ucture") };
	CHECK_ERR(store_cache_set(s, &cached, 1), ERR_OK);
	CHECK_ERR(store_cold(s, added.id, a, &c), ERR_OK);
	CHECK_STR(c.envelope, S("env"));
	CHECK_STR(c.structure, S("str\0ucture"));
	close_all(s, &conf);
}

static void
headers(void)
{
	static const struct {
		const char *name;
		str text, header;
	} cases[] = {
		{ "usual", S_INIT("a: b\r\n\r\nbody"), S_INIT("a: b\r\n\r\n") },
		{ "no body", S_INIT("a: b\r\n\r\n"), S_INIT("a: b\r\n\r\n") },
		{ "no empty line", S_INIT("a: b\r\n"), S_INIT("a: b\r\n") },
		{ "no header", S_INIT("\r\nbody\r\n\r\nmore"), S_INIT("\r\n") },
		{ "nothing", S_INIT(""), S_INIT("") },
	};
	struct store_conf conf;
	struct store *s = open_filled(&conf, "headers", 0);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct store_new msg = { .body = cases[i].text };
		struct store_added added;
		str got;
		test_case = cases[i].name;
		CHECK_ERR(store_append(s, 1, &msg, 1, &added), ERR_OK);
		CHECK_ERR(store_header(s, added.id, &got), ERR_OK);
		CHECK_STR(got, cases[i].header);
		CHECK_ERR(store_text(s, added.id, &got), ERR_OK);
		CHECK_STR(got, cases[i].text);
	}
	test_case = NULL;
	close_all(s, &conf);
}

TEST_MAIN(numbers, held_back, mailbox_goes_away, conditional, own_changes, first_unseen,
    left_and_taken, left_and_changed, left_and_made_again, left_without_room, vanished, pruned_log,
    parts, headers)
