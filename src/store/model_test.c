/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store against a simple model in memory: thousands of random operations, with two open stores
 * on one account, a session's view that must follow, reopening, new boots, crash tails behind the
 * committed end of the pack, rebuilding and compacting in between.
 */
#include "base/mem.h"
#include "base/test.h"
#include "store/arrivals/arrivals.h"
#include "store/trial.h"
#include "sys/sys.h"

enum { BOXES = 5, MSGS = 3000, OPS = 2000, JUNK_ID = 4 };

struct mail {
	uint32_t uid, flags;
	uint64_t number, id;
};

struct box {
	uint64_t id; /* 0: does not exist */
	uint32_t uidnext;
	size_t n;
	struct mail *v; /* MSGS of them */
};

static struct model {
	struct store_conf conf;
	struct store *s[2];
	struct box box[BOXES];
	uint64_t random, numbers, entries, boots, compacted;
	struct arena *a;
	/* one session */
	struct store_view view;
	size_t watched; /* index of its mailbox */
	uint32_t *seen; /* uids by sequence number - 1 */
	size_t seen_n;
} m;

static uint64_t
rnd(uint64_t below)
{
	return store_trial_random(&m.random, below);
}

static struct store *
some_store(void)
{
	return m.s[rnd(2)];
}

static const char *const box_names[BOXES] = { "INBOX", "Junk", "w/x", "w/x/y", "z" };

static struct box *
some_box(void)
{
	struct box *b;
	do {
		b = &m.box[rnd(BOXES)];
	} while (b->id == 0);
	return b;
}

/* ---- the model side ----------------------------------------------------------------------- */

static void
model_add(struct box *b, uint32_t uid, struct mail mail)
{
	ASSERT(b->n < MSGS);
	CHECK(uid >= b->uidnext);
	mail.uid = uid;
	b->v[b->n++] = mail;
	b->uidnext = uid + 1;
}

static void
model_cut(struct box *b, const struct store_set *uids, bool only_deleted)
{
	size_t kept = 0;
	for (size_t i = 0; i < b->n; i++) {
		bool cut = (uids == NULL || store_set_has(uids, b->v[i].uid)) &&
		    (!only_deleted || (b->v[i].flags & STORE_DELETED) != 0);
		if (!cut) {
			b->v[kept++] = b->v[i];
		}
	}
	b->n = kept;
}

static void
some_uids(const struct box *b, struct store_set *uids)
{
	store_set_init(uids);
	for (uint64_t i = rnd(4) + 1; i > 0; i--) {
		uint32_t lo = (uint32_t)rnd(b->uidnext + 2) + 1;
		store_set_add(uids, lo, lo + (uint32_t)rnd(rnd(8) == 0 ? 600 : 12));
	}
}

/* ---- operations --------------------------------------------------------------------------- */

static void
op_append(void)
{
	struct box *b = some_box();
	size_t n = rnd(20) == 0 ? 150 : rnd(3) + 1;
	struct store_new msgs[150];
	struct store_added added[150];
	struct buf texts[150];
	if (b->n + n > MSGS / 2) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		buf_init(&texts[i], 1 << 20);
		store_trial_text(m.numbers + i, &texts[i]);
		msgs[i] = (struct store_new){
			.body = buf_view(&texts[i]), .flags = (uint32_t)rnd(32), .internal_s = 1000
		};
	}
	CHECK_ERR(store_append(some_store(), b->id, msgs, n, added), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		model_add(b, added[i].uid,
		    (struct mail){
			.flags = msgs[i].flags, .number = m.numbers + i, .id = added[i].id });
		buf_done(&texts[i]);
	}
	m.numbers += n;
}

/* Where a letter goes; the mailbox for junk comes back when it was deleted. */
static struct box *
box_for(bool junk)
{
	return &m.box[junk ? 1 : 0];
}

static void
found_junk(const struct store_added *added)
{
	struct box *b = &m.box[1];
	if (b->id == 0) {
		struct store_mailbox box = { 0 };
		CHECK_ERR(store_mailbox_find(m.s[0], S("Junk"), m.a, &box), ERR_OK);
		CHECK_U64(box.id, added->mailbox);
		CHECK_U64(box.special, STORE_JUNK);
		b->id = box.id;
		b->uidnext = 1;
	}
}

static void
op_deliver(void)
{
	uint64_t entry = rnd(4) == 0 && m.entries > 3 ? m.entries - rnd(3) : ++m.entries;
	bool again = entry != m.entries || rnd(8) == 0;
	struct store_added added;
	struct buf text;
	bool junk = entry % 3 == 0;
	struct box *b = box_for(junk);
	if (b->n > MSGS / 2) {
		return;
	}
	buf_init(&text, 1 << 20);
	store_trial_text(1000000 + entry, &text);
	struct store_delivery d = { .entry = 1000000 + entry,
		.rcpt = 3,
		.junk = junk,
		.replay = rnd(2) == 0,
		.oldest_live = 1000000 + (entry > 5 ? entry - 5 : 0),
		.msg.body = buf_view(&text) };
	CHECK_ERR(store_deliver(some_store(), &d, 1, &added), ERR_OK);
	CHECK_ERR(added.err, ERR_OK);
	if (junk && entry == m.entries) {
		found_junk(&added);
	}
	if (added.mailbox == b->id && added.uid >= b->uidnext) {
		CHECK(!again || entry == m.entries);
		model_add(b, added.uid, (struct mail){ .number = 1000000 + entry, .id = added.id });
	}
	if (again) { /* the same once more changes nothing */
		struct store_added same;
		CHECK_ERR(store_deliver(some_store(), &d, 1, &same), ERR_OK);
		CHECK_U64(same.uid, added.uid);
		CHECK_U64(same.id, added.id);
	}
	buf_done(&text);
}

static void
op_flags(void)
{
	struct box *b = some_box();
	struct store_set uids;
	struct store_changed changed;
	some_uids(b, &uids);
	struct store_change c = { .mailbox = b->id,
		.uids = &uids,
		.op = (enum store_flag_op)rnd(3),
		.flags = (uint32_t)rnd(32) };
	CHECK_ERR(store_flags(some_store(), &c, &changed, NULL), ERR_OK);
	for (size_t i = 0; i < b->n; i++) {
		uint32_t f = b->v[i].flags;
		if (store_set_has(&uids, b->v[i].uid)) {
			b->v[i].flags = c.op == STORE_FLAGS_ADD ? f | c.flags
			    : c.op == STORE_FLAGS_REMOVE        ? f & ~c.flags
								: c.flags;
		}
	}
	store_set_done(&uids);
}

static void
op_expunge(void)
{
	struct box *b = some_box();
	struct store_set uids, gone;
	bool only_deleted = rnd(4) != 0, all = rnd(8) == 0;
	size_t before = b->n;
	some_uids(b, &uids);
	store_set_init(&gone);
	CHECK_ERR(store_expunge(some_store(), b->id, all && only_deleted ? NULL : &uids,
		      only_deleted, &gone),
	    ERR_OK);
	model_cut(b, all && only_deleted ? NULL : &uids, only_deleted);
	CHECK_U64(store_set_count(&gone), before - b->n);
	store_set_done(&uids);
	store_set_done(&gone);
}

static void
op_copy(void)
{
	struct box *from = some_box(), *to = some_box();
	struct store_set uids, taken;
	struct store_copied done;
	bool move = rnd(2) == 0;
	some_uids(from, &uids);
	store_set_init(&taken);
	struct store_copying c = { .from = from->id, .to = to->id, .uids = &uids, .move = move };
	if (to->n > MSGS / 2) {
		store_set_done(&uids);
		return;
	}
	CHECK_ERR(store_copy(some_store(), &c, &done, &taken), ERR_OK);
	uint32_t uid = done.first;
	size_t n = from->n;
	for (size_t i = 0; i < n; i++) {
		if (store_set_has(&uids, from->v[i].uid)) {
			CHECK(store_set_has(&taken, from->v[i].uid));
			model_add(to, uid++, from->v[i]);
		}
	}
	CHECK_U64(uid - done.first, done.n);
	CHECK_U64(done.n, store_set_count(&taken));
	if (move) {
		model_cut(from, &taken, false);
	}
	store_set_done(&uids);
	store_set_done(&taken);
}

static void
op_boxes(void)
{
	size_t i = 1 + rnd(BOXES - 1);
	struct box *b = &m.box[i];
	str name = str_from(box_names[i]);
	if (b->id != 0 && i != m.watched) {
		CHECK_ERR(store_mailbox_delete(some_store(), name), ERR_OK);
		b->id = 0;
		b->n = 0;
	} else if (b->id == 0) {
		CHECK_ERR(store_mailbox_create(some_store(), name, 0, &b->id), ERR_OK);
		b->uidnext = 1;
		if (i == 3 && m.box[2].id == 0) { /* its parent came along */
			struct store_mailbox parent = { 0 };
			CHECK_ERR(store_mailbox_find(m.s[0], S("w/x"), m.a, &parent), ERR_OK);
			m.box[2].id = parent.id;
			m.box[2].uidnext = 1;
		}
	}
}

/* ---- the session -------------------------------------------------------------------------- */

static void
session_begin(void)
{
	store_view_leave(&m.view);
	m.watched = (size_t)(some_box() - m.box);
	struct box *b = &m.box[m.watched];
	CHECK_ERR(store_view_init(&m.view, m.s[0], b->id), ERR_OK);
	CHECK_U64(m.view.n, b->n);
	m.seen_n = b->n;
	for (size_t i = 0; i < b->n; i++) {
		m.seen[i] = b->v[i].uid;
		CHECK_U64(store_view_uid(&m.view, (uint32_t)i + 1), b->v[i].uid);
		CHECK_U64(store_view_seq(&m.view, b->v[i].uid), i + 1);
	}
	CHECK_U64(store_view_uid(&m.view, 0), 0);
	CHECK_U64(store_view_uid(&m.view, m.view.n + 1), 0);
}

static void
op_refresh(void)
{
	struct box *b = &m.box[m.watched];
	struct store_news news;
	bool expunges = rnd(3) != 0;
	uint64_t since = m.view.modseq;
	CHECK_ERR(store_view_refresh(&m.view, expunges, m.a, &news), ERR_OK);
	CHECK(!news.gone && !news.renewed);
	CHECK(expunges || news.expunged_n == 0);
	for (size_t i = 0; i < news.expunged_n; i++) {
		uint32_t seq = news.expunged[i];
		ASSERT(seq >= 1 && seq <= m.seen_n);
		memmove(&m.seen[seq - 1], &m.seen[seq], (m.seen_n - seq) * sizeof *m.seen);
		m.seen_n--;
	}
	CHECK_U64(news.exists, m.view.n);
	CHECK_U64(m.seen_n + news.appeared, news.exists);
	for (; m.seen_n < news.exists; m.seen_n++) {
		m.seen[m.seen_n] = store_view_uid(&m.view, (uint32_t)m.seen_n + 1);
	}
	for (size_t i = 0; i < news.changed_n; i++) {
		CHECK(news.changed[i].modseq > since &&
		    store_view_seq(&m.view, news.changed[i].uid) != 0);
	}
	if (expunges) {
		CHECK_U64(m.seen_n, b->n);
		for (size_t i = 0; i < b->n && i < m.seen_n; i++) {
			CHECK_U64(m.seen[i], b->v[i].uid);
		}
	}
	arena_reset(m.a);
}

/* ---- trouble ------------------------------------------------------------------------------ */

static void
open_both(void)
{
	static char boot[32]; /* the settings point to it */
	int n = snprintf(boot, sizeof boot, "boot-%llu", (unsigned long long)m.boots);
	m.conf.boot_id = str_make(boot, (size_t)n);
	for (int i = 0; i < 2; i++) {
		m.s[i] = store_trial_open(&m.conf);
		ASSERT(m.s[i] != NULL);
	}
}

static void
reopen(void)
{
	store_view_done(&m.view);
	store_close(&m.s[0]);
	store_close(&m.s[1]);
	if (rnd(3) == 0) { /* octets of a crashed writer behind the committed end */
		char name[64];
		struct buf b;
		unsigned pack = 0;
		for (unsigned no = 1; no < 100; no++) {
			snprintf(name, sizeof name, "packs/%06u", no);
			pack = store_trial_size(&m.conf, name) != 0 ? no : pack;
		}
		snprintf(name, sizeof name, "packs/%06u", pack);
		store_trial_load(&m.conf, name, &b);
		size_t more = (size_t)rnd(b.n); /* even sound records */
		char *to = buf_room(&b, more);
		memcpy(to, b.p, more);
		buf_grow(&b, more);
		store_trial_save(&m.conf, name, buf_view(&b));
		buf_done(&b);
	}
	m.boots += rnd(3) == 0;
	open_both();
}

static void
op_reopen(void)
{
	reopen();
	session_begin();
}

static void
op_rebuild(void)
{
	struct buf before, after;
	struct store_report report = { 0 };
	store_trial_dump(m.s[0], true, &before);
	CHECK_ERR(rnd(2) == 0 ? store_rebuild(&m.conf, &report) : store_repair(m.s[1], &report),
	    ERR_OK);
	store_trial_dump(m.s[0], true, &after); /* the open stores notice */
	CHECK_STR(buf_view(&after), buf_view(&before));
	CHECK_U64(report.bad_records + report.lost + report.found, 0);
	buf_done(&before);
	buf_done(&after);
}

static void
op_compact(void)
{
	uint64_t octets;
	CHECK_ERR(store_compact(some_store(), &octets), ERR_OK);
	m.compacted += octets;
}

/* Letters that arrive beside the index, and something that happens before anybody asks for them. */
static void
op_arrive(void)
{
	uint64_t n = rnd(4) + 1;
	struct store_added added;
	struct buf text;
	int fd SYS_FD_AUTO = -1;
	if (m.box[0].n > MSGS / 2 || m.box[1].n > MSGS / 2) {
		return;
	}
	buf_init(&text, 1 << 20);
	CHECK_ERR(store_arrivals_open(m.conf.path, &fd), ERR_OK);
	for (uint64_t i = 1; i <= n; i++) {
		store_trial_text(1000000 + m.entries + i, &text);
		struct store_arrival a = { .entry = 1000000 + m.entries + i,
			.rcpt = 3,
			.junk = (m.entries + i) % 3 == 0,
			.oldest_live = 1000000 + m.entries - MIN(m.entries, (uint64_t)5),
			.body = buf_view(&text) };
		CHECK_ERR(store_arrivals_add(fd, &a), ERR_OK);
	}
	bool anew = rnd(3) == 0;
	if (anew) {
		reopen();
	}
	for (uint64_t i = 1; i <= n; i++) { /* delivered again they tell where they are */
		store_trial_text(1000000 + ++m.entries, &text);
		struct store_delivery d = { .entry = 1000000 + m.entries,
			.rcpt = 3,
			.replay = rnd(2) == 0,
			.msg.body = buf_view(&text) };
		CHECK_ERR(store_deliver(some_store(), &d, 1, &added), ERR_OK);
		bool junk = m.entries % 3 == 0;
		if (junk) {
			found_junk(&added);
		}
		model_add(box_for(junk), added.uid,
		    (struct mail){ .number = d.entry, .id = added.id });
	}
	buf_done(&text);
	if (anew) {
		session_begin();
	}
}

/* ---- comparing ---------------------------------------------------------------------------- */

static void
compare_text(struct store *s, const struct mail *mail, const struct store_msg *msg)
{
	struct buf b;
	str text;
	buf_init(&b, 1 << 20);
	store_trial_text(mail->number, &b);
	CHECK_U64(msg->size, b.n);
	if (CHECK_ERR(store_text(s, msg->id, &text), ERR_OK)) {
		CHECK_STR(text, buf_view(&b));
	}
	if (CHECK_ERR(store_header(s, msg->id, &text), ERR_OK)) {
		CHECK_STR(text,
		    str_sub(buf_view(&b), 0, (size_t)str_find(buf_view(&b), S("\r\n\r\n")) + 4));
	}
	if (CHECK_ERR(store_part(s, msg->id, 30, 100, &text), ERR_OK)) {
		CHECK_STR(text, str_sub(buf_view(&b), 30, 100));
	}
	buf_done(&b);
}

static void
compare_box(struct store *s, const struct box *b)
{
	static struct store_msg msgs[MSGS];
	struct store_scan scan = { .mailbox = b->id, .lo = 1, .hi = UINT32_MAX };
	struct store_mailbox box = { 0 };
	size_t n = 0;
	uint32_t unseen = 0, deleted = 0;
	CHECK_ERR(store_msgs(s, &scan, msgs, MSGS, &n), ERR_OK);
	CHECK_U64(n, b->n);
	for (size_t i = 0; i < n && i < b->n; i++) {
		CHECK_U64(msgs[i].uid, b->v[i].uid);
		CHECK_U64(msgs[i].flags, b->v[i].flags);
		CHECK_U64(msgs[i].id, b->v[i].id);
		unseen += (msgs[i].flags & STORE_SEEN) == 0;
		deleted += (msgs[i].flags & STORE_DELETED) != 0;
	}
	CHECK_ERR(store_mailbox_get(s, b->id, m.a, &box), ERR_OK);
	CHECK_U64(box.messages, b->n);
	CHECK_U64(box.unseen, unseen);
	CHECK_U64(box.deleted, deleted);
	for (int i = 0; i < 3 && n > 0 && n == b->n; i++) {
		size_t at = rnd(n);
		compare_text(s, &b->v[at], &msgs[at]);
	}
}

static void
compare(void)
{
	struct store_report report = { 0 };
	for (size_t i = 0; i < BOXES; i++) {
		if (m.box[i].id != 0) {
			compare_box(some_store(), &m.box[i]);
		}
	}
	CHECK_ERR(store_verify(some_store(), &report), ERR_OK);
	CHECK_U64(report.bad_records + report.bad_counts + report.lost + report.found, 0);
	arena_reset(m.a);
}

/* ---- the run ------------------------------------------------------------------------------ */

static const struct {
	void (*run)(void);
	unsigned weight;
} ops[] = {
	{ op_append, 20 },
	{ op_deliver, 20 },
	{ op_arrive, 6 },
	{ op_flags, 25 },
	{ op_expunge, 10 },
	{ op_copy, 12 },
	{ op_boxes, 2 },
	{ op_refresh, 20 },
	{ session_begin, 2 },
	{ op_reopen, 2 },
	{ op_rebuild, 1 },
	{ op_compact, 1 },
};

static void
some_op(void)
{
	uint64_t total = 0, pick;
	for (size_t i = 0; i < LEN(ops); i++) {
		total += ops[i].weight;
	}
	pick = rnd(total);
	for (size_t i = 0; i < LEN(ops); i++) {
		if (pick < ops[i].weight) {
			ops[i].run();
			return;
		}
		pick -= ops[i].weight;
	}
}

static void
run_seed(uint64_t seed)
{
	memset(&m, 0, sizeof m);
	m.random = seed;
	m.conf = store_trial_conf("model");
	m.conf.pack_octets = 300000;
	m.a = arena_new(NULL, "model", 1 << 24, 0);
	m.seen = mem_zalloc(MSGS * 2, sizeof *m.seen);
	for (size_t i = 0; i < BOXES; i++) {
		m.box[i].v = mem_zalloc(MSGS, sizeof(struct mail));
	}
	m.box[0].id = 1;
	m.box[0].uidnext = 1;
	m.box[1].id = JUNK_ID;
	m.box[1].uidnext = 1;
	open_both();
	session_begin();
	for (int i = 0; i < OPS && test_failed == 0; i++) {
		some_op();
		if (i % 100 == 99) {
			compare();
		}
	}
	CHECK(m.compacted > 300000);
	if (test_failed != 0) {
		printf("seed %llu\n", (unsigned long long)seed);
	}
	store_view_done(&m.view);
	store_close(&m.s[0]);
	store_close(&m.s[1]);
	for (size_t i = 0; i < BOXES; i++) {
		mem_drop(m.box[i].v);
	}
	mem_drop(m.seen);
	arena_free(&m.a);
	store_trial_remove(&m.conf);
}

static void
random_operations(void)
{
	for (uint64_t seed = 1; seed <= 3 && test_failed == 0; seed++) {
		run_seed(seed);
	}
}

TEST_MAIN(random_operations)
