/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damage and what is made of it: torn tails at every octet, bad records, wrong counters, a missing
 * or damaged or outdated index, an interrupted swap; rebuilding from packs alone.
 */
#include "base/test.h"
#include "db/db.h"
#include "store/limits.h"
#include "store/trial.h"
#include "sys/file.h"
#include "sys/sys.h"

static void
forget_index(const struct store_conf *conf)
{
	static const str names[] = { S_INIT("index.db"), S_INIT("index.db-wal"),
		S_INIT("index.db-shm") };
	int dir = -1;
	CHECK_ERR(sys_dir_open(SYS_CWD, conf->path, &dir), ERR_OK);
	for (size_t i = 0; i < LEN(names); i++) {
		(void)!sys_file_unlink(dir, names[i]);
	}
	sys_close(&dir);
}

static void
is_sound(struct store *s, uint64_t bad_records)
{
	struct store_report r = { 0 };
	CHECK_ERR(store_verify(s, &r), ERR_OK);
	CHECK_U64(r.bad_counts + r.lost + r.found, 0);
	CHECK_U64(r.bad_records, bad_records);
}

/* The last record cut at every octet, with no index to say where the end is. */
static void
torn_tails(void)
{
	struct store_conf conf = store_trial_conf("torn");
	struct store *s = store_trial_open(&conf);
	struct store_new msg = { .body = S("Subject: last\r\n\r\nshort\r\n") };
	struct store_added last;
	struct buf whole;
	struct store_msg m;
	str text;
	uint32_t first = store_trial_append(s, 1, 1, 0);
	size_t from = (size_t)store_trial_size(&conf, "packs/000001");
	CHECK_ERR(store_append(s, 1, &msg, 1, &last), ERR_OK);
	store_close(&s);
	store_trial_load(&conf, "packs/000001", &whole);
	for (size_t n = from; n <= whole.n; n++) {
		forget_index(&conf);
		store_trial_save(&conf, "packs/000001", str_make(whole.p, n));
		s = store_trial_open(&conf);
		CHECK_ERR(store_msg(s, 1, first, &m), ERR_OK);
		CHECK_ERR(store_text(s, m.id, &text), ERR_OK);
		CHECK_ERR(store_msg(s, 1, last.uid, &m), n == whole.n ? ERR_OK : ERR_NOTFOUND);
		if (n % 16 == 0) {
			is_sound(s, 0);
			CHECK(store_trial_append(s, 1, 2, 0) >= last.uid); /* life goes on */
		}
		store_close(&s);
	}
	buf_done(&whole);
	store_trial_remove(&conf);
}

static void
bad_record(void)
{
	struct store_conf conf = store_trial_conf("bad");
	struct store *s = store_trial_open(&conf);
	struct arena *a = arena_new(NULL, "bad", 1 << 16, 0);
	struct store_report r = { 0 };
	struct store_mailbox box;
	struct store_view v;
	struct store_news news;
	struct store_msg m;
	struct buf b;
	str text;
	size_t at[6];
	for (uint32_t i = 0; i < 5; i++) {
		at[i] = (size_t)store_trial_size(&conf, "packs/000001");
		CHECK_U64(store_trial_append(s, 1, i, 0), i + 1);
	}
	CHECK_ERR(store_view_init(&v, s, 1), ERR_OK);
	store_trial_load(&conf, "packs/000001", &b);
	b.p[at[3] - 2] ^= 1; /* the last octets of message 3 */
	store_trial_save(&conf, "packs/000001", buf_view(&b));
	buf_done(&b);
	CHECK_ERR(store_msg(s, 1, 3, &m), ERR_OK);
	CHECK_ERR(store_text(s, m.id, &text), ERR_CORRUPT);
	CHECK_ERR(store_verify(s, &r), ERR_OK);
	CHECK_U64(r.bad_records, 1);
	CHECK_U64(r.lost, 1);
	CHECK_U64(r.bad_counts + r.found, 0);
	r = (struct store_report){ 0 };
	CHECK_ERR(store_repair(s, &r), ERR_OK);
	CHECK_U64(r.lost, 1);
	CHECK_ERR(store_mailbox_get(s, 1, a, &box), ERR_OK);
	CHECK_U64(box.messages, 4); /* one bad record costs one message */
	CHECK_ERR(store_view_refresh(&v, true, a, &news), ERR_OK);
	CHECK_U64(news.expunged_n, 1);
	CHECK_U64(news.expunged[0], 3);
	CHECK_U64(news.exists, 4);
	is_sound(s, 1); /* the bad octets are still there */
	uint64_t octets;
	CHECK_ERR(store_compact(s, &octets), ERR_OK);
	CHECK(octets > 0);
	is_sound(s, 0);
	store_view_done(&v);
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
}

enum { IN_ORDER = 400, DAMAGED = 150, EXPUNGED = 151 };

/* Message i of the held read: whole, but for the damaged one and the one that is gone. */
static void
check_one_of_many(struct store *s, uint64_t id, uint32_t i)
{
	char want[64];
	struct store_cold cold;
	str text;
	enum err e = i == DAMAGED ? ERR_CORRUPT : i == EXPUNGED ? ERR_NOTFOUND : ERR_OK;
	CHECK_ERR(store_hold(s), ERR_OK);
	CHECK_ERR(store_cold(s, id, NULL, &cold), i == EXPUNGED ? ERR_NOTFOUND : ERR_OK);
	CHECK_ERR(store_text(s, id, &text), e);
	if (e == ERR_OK) {
		int n = snprintf(want, sizeof want, "Subject: %u\r\n\r\nin order\r\n", i);
		CHECK_STR(text, str_make(want, (size_t)n));
		CHECK_ERR(store_header(s, id, &text), ERR_OK);
		CHECK_U64(text.n, (size_t)n - 10);
		CHECK_U64(cold.size, (size_t)n);
	}
}

/* Many messages in order come from pieces read ahead; damage still costs one message. */
static void
in_order(void)
{
	struct store_conf conf = store_trial_conf("order");
	struct store *s = store_trial_open(&conf);
	uint64_t ids[IN_ORDER];
	size_t bad = 0;
	struct buf b;
	for (uint32_t i = 0; i < IN_ORDER; i++) {
		char octets[64];
		int n = snprintf(octets, sizeof octets, "Subject: %u\r\n\r\nin order\r\n", i);
		struct store_new msg = { .body = str_make(octets, (size_t)n) };
		struct store_added added;
		CHECK_ERR(store_append(s, 1, &msg, 1, &added), ERR_OK);
		bad = i == DAMAGED ? (size_t)store_trial_size(&conf, "packs/000001") - 2 : bad;
		ids[i] = added.id;
	}
	store_trial_load(&conf, "packs/000001", &b);
	b.p[bad] ^= 1;
	store_trial_save(&conf, "packs/000001", buf_view(&b));
	buf_done(&b);
	struct store_range gone = { EXPUNGED + 1, EXPUNGED + 1 };
	struct store_set uids = { .v = &gone, .n = 1 };
	CHECK_ERR(store_expunge(s, 1, &uids, false, NULL), ERR_OK);
	for (uint32_t step = 1; step < 40; step += 19) { /* all, and few of many */
		for (uint32_t i = 0; i < IN_ORDER; i += step) {
			check_one_of_many(s, ids[i], i);
		}
	}
	CHECK_ERR(store_hold(s), ERR_OK);
	check_one_of_many(s, ids[7], 7);
	gone = (struct store_range){ 9, 9 }; /* a change in between: nothing old is answered */
	CHECK_ERR(store_expunge(s, 1, &uids, false, NULL), ERR_OK);
	str text;
	CHECK_ERR(store_text(s, ids[8], &text), ERR_NOTFOUND);
	store_release(s);
	store_close(&s);
	store_trial_remove(&conf);
}

/* A bad head: the records behind it are found again. */
static void
bad_head(void)
{
	struct store_conf conf = store_trial_conf("head");
	struct store *s = store_trial_open(&conf);
	struct store_report r = { 0 };
	struct store_msg m;
	struct buf b;
	str text;
	size_t at = 0;
	for (uint32_t i = 0; i < 5; i++) {
		at = i == 2 ? (size_t)store_trial_size(&conf, "packs/000001") : at;
		CHECK_U64(store_trial_append(s, 1, i, STORE_FLAGGED), i + 1);
	}
	store_close(&s);
	store_trial_load(&conf, "packs/000001", &b);
	b.p[at + 9] ^= 0x40;
	store_trial_save(&conf, "packs/000001", buf_view(&b));
	buf_done(&b);
	forget_index(&conf);
	CHECK_ERR(store_rebuild(&conf, &r), ERR_OK);
	CHECK(r.bad_records >= 1);
	s = store_trial_open(&conf);
	for (uint32_t uid = 1; uid <= 5; uid++) {
		CHECK_ERR(store_msg(s, 1, uid, &m), uid == 3 ? ERR_NOTFOUND : ERR_OK);
		if (uid != 3) {
			CHECK_U64(m.flags, STORE_FLAGGED);
			CHECK_ERR(store_text(s, m.id, &text), ERR_OK);
		}
	}
	store_close(&s);
	store_trial_remove(&conf);
}

static void
tamper(const struct store_conf *conf, const char *sql)
{
	char path[200];
	struct db *db = NULL;
	int n = snprintf(path, sizeof path, "%.*s/index.db", STR_ARG(conf->path));
	struct db_conf c = { .path = { path, (size_t)n } };
	CHECK_ERR(db_open(&c, &db), ERR_OK);
	CHECK_ERR(db_exec(db, sql), ERR_OK);
	db_close(&db);
}

static void
wrong_counters(void)
{
	static const char *const harms[] = {
		"UPDATE mailbox SET messages = messages + 1 WHERE id = 1",
		"UPDATE mailbox SET octets = 0 WHERE id = 1",
		"UPDATE mailbox SET uidnext = 2 WHERE id = 1",
		"UPDATE mailbox SET modseq = 0 WHERE id = 1",
		"UPDATE page SET unseen = 0, deleted = 3",
		"UPDATE page SET modseq = 0",
		"UPDATE page_data SET data = x'00'",
		"UPDATE message SET refs = 7",
		"DELETE FROM message WHERE id = (SELECT min(id) FROM message)",
		"UPDATE message SET off = off + 1 WHERE id = (SELECT max(id) FROM message)",
		"DELETE FROM page; DELETE FROM page_data; UPDATE mailbox SET messages = 0,"
		" unseen = 0,"
		" deleted = 0, octets = 0; DELETE FROM message",
	};
	for (size_t i = 0; i < LEN(harms); i++) {
		struct store_conf conf = store_trial_conf("counters");
		struct store *s = store_trial_open(&conf);
		struct buf before, after;
		struct store_report r = { 0 };
		test_case = harms[i];
		for (uint32_t n = 1; n <= 5; n++) {
			store_trial_append(s, 1, n, n == 2 ? STORE_SEEN : 0);
		}
		store_trial_dump(s, false, &before);
		tamper(&conf, harms[i]);
		CHECK_ERR(store_verify(s, &r), ERR_OK);
		CHECK(r.bad_counts + r.lost + r.found > 0);
		r = (struct store_report){ 0 };
		CHECK_ERR(store_repair(s, &r), ERR_OK);
		is_sound(s, 0);
		store_trial_dump(s, false, &after);
		CHECK_STR(buf_view(&after), buf_view(&before));
		buf_done(&before);
		buf_done(&after);
		store_close(&s);
		store_trial_remove(&conf);
	}
	test_case = NULL;
}

/* ---- from packs alone --------------------------------------------------------------------- */

static void
uids(struct store_set *t, uint32_t lo, uint32_t hi)
{
	store_set_init(t);
	store_set_add(t, lo, hi);
}

/* All that a user can do, except changing flags later, which packs do not tell. */
static void
live_a_little(struct store *s)
{
	struct store_set some;
	struct store_copied copied;
	struct store_added added;
	uint64_t box = 0;
	uint32_t bit;
	CHECK_ERR(store_keyword(s, 1, S("$Label"), &bit), ERR_OK);
	for (uint32_t n = 1; n <= 700; n++) {
		store_trial_append(s, 1, n % 90, n % 3 == 0 ? STORE_SEEN | bit : STORE_DRAFT);
	}
	CHECK_ERR(store_trial_deliver(s, 1000, false, &added), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, S("a/b"), 0, &box), ERR_OK);
	uids(&some, 100, 650);
	struct store_copying c = { .from = 1, .to = box, .uids = &some };
	CHECK_ERR(store_copy(s, &c, &copied, NULL), ERR_OK);
	store_set_done(&some);
	uids(&some, 10, 50);
	c = (struct store_copying){ .from = 1, .to = 5, .uids = &some, .move = true };
	CHECK_ERR(store_copy(s, &c, &copied, NULL), ERR_OK);
	CHECK_ERR(store_expunge(s, 5, &some, false, NULL), ERR_OK);
	store_set_done(&some);
	CHECK_ERR(store_mailbox_rename(s, S("a"), S("z")), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, S("doomed"), 0, &c.to), ERR_OK);
	uids(&some, 60, 70);
	c.uids = &some;
	CHECK_ERR(store_copy(s, &c, &copied, NULL), ERR_OK);
	store_set_done(&some);
	CHECK_ERR(store_mailbox_delete(s, S("doomed")), ERR_OK);
	CHECK_ERR(store_subscribe(s, S("z/b"), true), ERR_OK);
	CHECK_ERR(store_subscribe(s, S("Junk"), false), ERR_OK);
	struct store_annotation note = { .mailbox = 1, .entry = S("/x"), .value = S("note") };
	CHECK_ERR(store_annotate(s, &note, 1, NULL), ERR_OK);
	CHECK_ERR(store_mailbox_rename(s, S("INBOX"), S("was inbox")), ERR_OK);
	store_trial_append(s, 1, 5, 0);
}

/* The end of a session gives room back, unless there is none or another process is at it. */
static void
tidy(void)
{
	struct store_conf conf = store_trial_conf("tidy");
	conf.pack_octets = 20000;
	struct store *s = store_trial_open(&conf);
	struct buf before, after;
	int dir = -1, care = -1;
	for (uint32_t i = 0; i < 60; i++) {
		store_trial_append(s, 1, i, i % 4 == 0 ? 0 : STORE_DELETED);
	}
	uint64_t first = store_trial_size(&conf, "packs/000001");
	CHECK_ERR(store_tidy(s), ERR_OK);
	CHECK_U64(store_trial_size(&conf, "packs/000001"), first);
	CHECK_ERR(store_expunge(s, 1, NULL, true, NULL), ERR_OK);
	store_trial_dump(s, true, &before);
	CHECK_ERR(sys_dir_open(SYS_CWD, conf.path, &dir), ERR_OK);
	CHECK_ERR(sys_file_open(dir, S("care.lock"), SYS_READ | SYS_WRITE | SYS_CREATE, &care),
	    ERR_OK);
	CHECK_ERR(sys_file_lock(care, true, true), ERR_OK);
	CHECK_ERR(store_tidy(s), ERR_OK);
	CHECK_U64(store_trial_size(&conf, "packs/000001"), first);
	sys_close(&care);
	CHECK_ERR(store_tidy(s), ERR_OK);
	CHECK_ERR(sys_file_open(dir, S("packs/000001"), SYS_READ, &care), ERR_NOTFOUND);
	store_trial_dump(s, true, &after);
	CHECK_STR(buf_view(&after), buf_view(&before));
	is_sound(s, 0);
	buf_done(&before);
	buf_done(&after);
	sys_close(&dir);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
packs_alone(void)
{
	struct store_conf conf = store_trial_conf("alone");
	conf.pack_octets = 100000;
	struct store *s = store_trial_open(&conf);
	struct arena *a = arena_new(NULL, "alone", 1 << 16, 0);
	struct store_mailbox was, is;
	struct store_added added;
	struct buf before, after;
	struct store_report r = { 0 };
	uint64_t octets;
	live_a_little(s);
	CHECK_ERR(store_compact(s, &octets), ERR_OK);
	store_trial_dump(s, false, &before);
	CHECK_ERR(store_mailbox_get(s, 1, a, &was), ERR_OK);
	store_close(&s);
	forget_index(&conf);
	CHECK_ERR(store_rebuild(&conf, &r), ERR_OK);
	CHECK_U64(r.bad_records + r.lost, 0);
	s = store_trial_open(&conf);
	store_trial_dump(s, false, &after);
	CHECK_STR(buf_view(&after), buf_view(&before));
	is_sound(s, 0);
	CHECK_ERR(store_mailbox_get(s, 1, a, &is), ERR_OK);
	CHECK(is.uidnext >= was.uidnext && is.modseq > was.modseq);
	CHECK_ERR(store_trial_deliver(s, 1000, true, &added), ERR_OK); /* dedupe survived too */
	CHECK_ERR(store_mailbox_get(s, 1, a, &is), ERR_OK);
	CHECK_U64(is.messages, was.messages);
	buf_done(&before);
	buf_done(&after);
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
}

/* An index that is older than the packs: the mail that came since is taken in. */
static void
outdated_index(void)
{
	struct store_conf conf = store_trial_conf("outdated");
	struct store *s = store_trial_open(&conf);
	struct store_report r = { 0 };
	struct store_msg m;
	struct buf db, wal;
	uint32_t one = store_trial_append(s, 1, 1, 0);
	store_close(&s);
	store_trial_load(&conf, "index.db", &db);
	store_trial_load(&conf, "index.db-wal", &wal);
	s = store_trial_open(&conf);
	uint32_t two = store_trial_append(s, 1, 2, STORE_ANSWERED);
	store_close(&s);
	forget_index(&conf);
	store_trial_save(&conf, "index.db", buf_view(&db));
	store_trial_save(&conf, "index.db-wal", buf_view(&wal));
	CHECK_ERR(store_rebuild(&conf, &r), ERR_OK);
	CHECK_U64(r.found, 1);
	s = store_trial_open(&conf);
	CHECK_ERR(store_msg(s, 1, one, &m), ERR_OK);
	CHECK_ERR(store_msg(s, 1, two, &m), ERR_OK);
	CHECK_U64(m.flags, STORE_ANSWERED);
	is_sound(s, 0);
	buf_done(&db);
	buf_done(&wal);
	store_close(&s);
	store_trial_remove(&conf);
}

/* The program died between the two renames of the swap. */
static void
interrupted_swap(void)
{
	struct store_conf conf = store_trial_conf("swap");
	struct store *s = store_trial_open(&conf);
	struct store_report r = { 0 };
	struct store_msg m;
	int dir = -1;
	uint32_t uid = store_trial_append(s, 1, 1, 0);
	store_close(&s);
	CHECK_ERR(store_rebuild(&conf, &r), ERR_OK);
	CHECK_ERR(sys_dir_open(SYS_CWD, conf.path, &dir), ERR_OK);
	CHECK_ERR(sys_file_rename(dir, S("index.db"), dir, S("index.db.new")), ERR_OK);
	store_trial_save(&conf, "index.db-wal", S("of the old index: must not be read"));
	store_trial_save(&conf, "index.db.tmp", S("left over"));
	s = store_trial_open(&conf);
	CHECK_ERR(store_msg(s, 1, uid, &m), ERR_OK);
	is_sound(s, 0);
	store_close(&s);
	sys_close(&dir);
	store_trial_remove(&conf);
}

/* Octets of the index file overwritten: whatever is left to read is used, the mail stays. */
static void
garbled_index(void)
{
	uint64_t random = 5;
	for (int i = 0; i < 40; i++) {
		struct store_conf conf = store_trial_conf("garbled");
		struct store *s = store_trial_open(&conf);
		struct store_report r = { 0 };
		struct store_msg m;
		struct buf b;
		str text;
		for (uint32_t n = 1; n <= 30; n++) {
			store_trial_append(s, 1, n, 0);
		}
		store_close(&s);
		tamper(&conf, "PRAGMA wal_checkpoint(TRUNCATE)");
		store_trial_load(&conf, "index.db", &b);
		for (uint64_t k = store_trial_random(&random, 30) + 1; k > 0; k--) {
			size_t at = (size_t)store_trial_random(&random, b.n - 64);
			memset(b.p + at, (int)store_trial_random(&random, 256), 64);
		}
		store_trial_save(&conf, "index.db", buf_view(&b));
		buf_done(&b);
		CHECK_ERR(store_rebuild(&conf, &r), ERR_OK);
		CHECK_U64(r.bad_records, 0);
		s = store_trial_open(&conf);
		for (uint32_t uid = 1; s != NULL && uid <= 30; uid++) {
			CHECK_ERR(store_msg(s, 1, uid, &m), ERR_OK);
			CHECK_ERR(store_text(s, m.id, &text), ERR_OK);
		}
		is_sound(s, 0);
		store_close(&s);
		store_trial_remove(&conf);
	}
}

static uint64_t
mailboxes(struct store *s)
{
	struct arena *a = arena_new(NULL, "list", 1 << 16, 0);
	struct store_mailbox *list;
	uint64_t found = 0;
	size_t n = 0;
	CHECK_ERR(store_mailboxes(s, a, &list, &n), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		found += list[i].id != 0 && list[i].subscribed;
	}
	arena_free(&a);
	return found;
}

/* A crash while an account is made: none of the first mailboxes is missing, and mail stays. */
static void
half_made(void)
{
	static const char no_account[] =
	    "DELETE FROM account; DELETE FROM mailbox; DELETE FROM subscription";
	struct store_conf conf = store_trial_conf("half");
	struct store *s = store_trial_open(&conf);
	struct buf pack;
	uint64_t first = mailboxes(s);
	store_close(&s);
	store_trial_load(&conf, "packs/000001", &pack);
	for (size_t n = 0; n < pack.n; n += 13) {
		tamper(&conf, no_account);
		store_trial_save(&conf, "packs/000001", str_make(pack.p, n));
		s = store_trial_open(&conf);
		CHECK_U64(mailboxes(s), first);
		is_sound(s, 0);
		store_close(&s);
	}
	buf_done(&pack);
	s = store_trial_open(&conf);
	uint32_t uid = store_trial_append(s, 1, 1, 0);
	store_close(&s);
	tamper(&conf, no_account);
	s = store_trial_open(&conf);
	struct store_msg m;
	CHECK_ERR(store_msg(s, 1, uid, &m), ERR_OK);
	store_close(&s);
	store_trial_remove(&conf);
}

/* An index file that somebody has only just begun: it still gets its log, and with it its syncs. */
static void
begun_index(void)
{
	struct store_conf conf = store_trial_conf("begun");
	int dir = -1;
	CHECK_ERR(sys_dir_make(SYS_CWD, conf.path, 0700), ERR_OK);
	CHECK_ERR(sys_dir_open(SYS_CWD, conf.path, &dir), ERR_OK);
	sys_close(&dir);
	store_trial_save(&conf, "index.db", STR_NONE);
	struct store *s = store_trial_open(&conf);
	CHECK_U64(store_trial_append(s, 1, 1, 0), 1);
	CHECK(store_trial_size(&conf, "index.db-wal") > 0);
	store_close(&s);
	store_trial_remove(&conf);
}

TEST_MAIN(torn_tails, bad_record, in_order, bad_head, wrong_counters, tidy, packs_alone,
    outdated_index, interrupted_swap, garbled_index, half_made, begun_index)
