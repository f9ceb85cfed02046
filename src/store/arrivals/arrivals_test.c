/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What arrives beside the index: taken in once and in order, whatever is cut, damaged, replayed or
 * failing on the way; several processes adding and taking in at once.
 */
#include "store/arrivals/arrivals.h"

#include "base/codec.h"
#include "base/mem.h"
#include "base/test.h"
#include "store/arrivals/file.h"
#include "store/trial.h"
#include "sys/file.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum { LETTERS = 5 };

/* ---- helpers ------------------------------------------------------------------------------ */

static void
letter(uint64_t entry, struct buf *body, struct store_arrival *ret)
{
	buf_init(body, 1 << 20);
	store_trial_text(entry, body);
	*ret = (struct store_arrival){ .entry = entry,
		.internal_s = 5,
		.saved_s = 77,
		.prefix = S("Return-Path: <>\r\n"),
		.body = buf_view(body) };
}

static enum err
arrive_in(const struct store_conf *conf, uint64_t entry, uint64_t oldest_live)
{
	int fd SYS_FD_AUTO = -1;
	struct store_arrival a;
	struct buf body;
	TRY(store_arrivals_open(conf->path, &fd));
	letter(entry, &body, &a);
	a.oldest_live = oldest_live;
	enum err e = store_arrivals_add(fd, &a);
	buf_done(&body);
	return e;
}

static enum err
arrive(const struct store_conf *conf, uint64_t entry)
{
	return arrive_in(conf, entry, 0);
}

static void
is_sound(struct store *s, uint32_t messages)
{
	struct store_report r = { 0 };
	CHECK_U64(store_trial_count(s), messages);
	CHECK_ERR(store_verify(s, &r), ERR_OK);
	CHECK_U64(r.bad_counts + r.lost + r.found + r.bad_records, 0);
}

/* The n-th message of INBOX is letter `entry`, octet by octet. */
static void
is_letter(struct store *s, size_t n, uint64_t entry)
{
	static struct store_msg m[64];
	struct store_scan scan = { .mailbox = 1, .lo = 1, .hi = UINT32_MAX };
	struct buf body, want;
	struct store_arrival a;
	size_t all = 0;
	str text;
	letter(entry, &body, &a);
	buf_init(&want, 1 << 20);
	buf_str(&want, a.prefix);
	buf_str(&want, a.body);
	CHECK_ERR(store_msgs(s, &scan, m, LEN(m), &all), ERR_OK);
	if (CHECK(n < all) && CHECK_ERR(store_text(s, m[n].id, &text), ERR_OK)) {
		CHECK_STR(text, buf_view(&want));
		CHECK_U64(m[n].size, want.n);
	}
	buf_done(&body);
	buf_done(&want);
}

/* An account that was opened once, as each is that letters can arrive in. */
static struct store_conf
account(const char *name)
{
	struct store_conf conf = store_trial_conf(name);
	struct store *s = store_trial_open(&conf);
	store_close(&s);
	return conf;
}

/* The queue plays it safe: every letter once more, as a replay; nothing may be there twice. */
static void
replay_all(struct store *s, uint64_t first, uint64_t n)
{
	struct store_added added;
	for (uint64_t i = first; i < first + n; i++) {
		CHECK_ERR(store_trial_deliver(s, i, true, &added), ERR_OK);
		CHECK_ERR(added.err, ERR_OK);
	}
}

/* ---- the ordinary life -------------------------------------------------------------------- */

static void
taken_in_by_whoever_looks(void)
{
	struct store_conf conf = account("look");
	struct store *s = store_trial_open(&conf);
	struct store *other = store_trial_open(&conf);
	struct store_msg m[8];
	struct store_scan scan = { .mailbox = 1, .lo = 1, .hi = UINT32_MAX };
	struct store_added added;
	size_t n = 0;
	CHECK_U64(store_trial_count(s), 0);
	CHECK_ERR(arrive(&conf, 10), ERR_OK);
	CHECK_ERR(arrive(&conf, 11), ERR_OK);
	CHECK(store_trial_size(&conf, "arrivals") > 0);
	CHECK_U64(store_trial_count(s), 2);
	CHECK(store_trial_size(&conf, "arrivals") > 0); /* a reader does not wait for the disk */
	CHECK_U64(store_trial_count(other), 2);
	CHECK_U64(store_trial_count(s), 2);
	CHECK_ERR(store_tidy(s), ERR_OK);
	CHECK_U64(store_trial_size(&conf, "arrivals"), 0);
	CHECK_U64(store_trial_count(other), 2);
	CHECK_ERR(arrive(&conf, 10), ERR_OK); /* again, in another filling */
	CHECK_U64(store_trial_count(s), 2);
	CHECK_ERR(arrive(&conf, 11), ERR_OK);
	CHECK_U64(store_trial_count(other), 2);
	CHECK_ERR(arrive(&conf, 12), ERR_OK);
	CHECK_ERR(store_trial_deliver(other, 13, false, &added), ERR_OK); /* comes after it */
	CHECK_U64(added.uid, 4);
	CHECK_ERR(store_msgs(s, &scan, m, LEN(m), &n), ERR_OK);
	CHECK_U64(n, 4);
	for (size_t i = 0; i < n; i++) {
		is_letter(s, i, 10 + i);
		CHECK_U64(m[i].uid, i + 1);
	}
	CHECK(m[0].saved_s == 77 && m[0].modseq < m[2].modseq);
	replay_all(s, 10, 4);
	is_sound(s, 4);
	store_close(&s);
	store_close(&other);
	store_trial_remove(&conf);
}

/* The same letters, one account by delivery and one by arrival, look the same. */
static void
as_if_delivered(void)
{
	static const str bodies[] = {
		S_INIT("Message-ID: <a@x>\r\nSubject: one\r\n\r\none\r\n"),
		S_INIT("Message-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\n\r\ntwo\r\n"),
		S_INIT("Message-ID: <c@x>\r\nReferences: <z@x>\r\n <a@x>\r\n\r\nthree\r\n"),
		S_INIT("no header at all"),
	};
	struct buf dump;
	struct store_conf conf = account("same");
	struct store *s = store_trial_open(&conf);
	struct store_cold cold[4];
	struct store_msg m[4];
	struct store_scan scan = { .mailbox = 1, .lo = 1, .hi = UINT32_MAX };
	struct arena *a = arena_new(NULL, "cold", 1 << 16, 0);
	size_t n = 0;
	for (size_t i = 0; i < LEN(bodies); i++) {
		int fd SYS_FD_AUTO = -1;
		struct store_arrival one = { .entry = i + 1, .internal_s = 9, .body = bodies[i] };
		CHECK_ERR(store_arrivals_open(conf.path, &fd), ERR_OK);
		CHECK_ERR(store_arrivals_add(fd, &one), ERR_OK);
	}
	CHECK_ERR(store_msgs(s, &scan, m, LEN(m), &n), ERR_OK);
	CHECK_U64(n, 4);
	for (size_t i = 0; i < n; i++) {
		CHECK_ERR(store_cold(s, m[i].id, a, &cold[i]), ERR_OK);
		CHECK(cold[i].internal_s == 9 && m[i].saved_s > 0);
	}
	CHECK_U64(cold[1].thread, cold[0].thread);
	CHECK_U64(cold[2].thread, cold[0].thread);
	CHECK(cold[3].thread != cold[0].thread);
	store_trial_dump(s, true, &dump);
	buf_done(&dump);
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
limits(void)
{
	struct store_conf conf = account("limits");
	struct store *s;
	char *big = mem_zalloc(1, STORE_ARRIVALS_LETTER_MAX + 1);
	struct store_arrival a = { .entry = 1, .body = { big, STORE_ARRIVALS_LETTER_MAX + 1 } };
	int fd SYS_FD_AUTO = -1;
	uint32_t added = 0;
	CHECK_ERR(store_arrivals_open(conf.path, &fd), ERR_OK);
	CHECK_ERR(store_arrivals_add(fd, &a), ERR_TOOBIG);
	a.body.n = 70000;
	while (store_arrivals_add(fd, &a) == ERR_OK) {
		a.entry++;
		added++;
	}
	CHECK_ERR(store_arrivals_add(fd, &a), ERR_BUSY);
	CHECK(added >= 13 && store_trial_size(&conf, "arrivals") <= STORE_ARRIVALS_OCTETS_MAX);
	s = store_trial_open(&conf);
	is_sound(s, added);
	CHECK_ERR(store_tidy(s), ERR_OK);
	a.body.n = 1;
	for (uint32_t i = 0; i < STORE_ARRIVALS_LETTERS_MAX; i++) {
		a.entry++;
		CHECK_ERR(store_arrivals_add(fd, &a), ERR_OK);
	}
	CHECK_ERR(store_arrivals_add(fd, &a), ERR_BUSY);
	is_sound(s, added + STORE_ARRIVALS_LETTERS_MAX);
	CHECK_ERR(store_arrivals_add(fd, &a), ERR_BUSY);
	CHECK_ERR(store_tidy(s), ERR_OK);
	CHECK_ERR(store_arrivals_add(fd, &a), ERR_OK); /* the same letter once more */
	is_sound(s, added + STORE_ARRIVALS_LETTERS_MAX);
	store_close(&s);
	mem_drop(big);
	store_trial_remove(&conf);
}

/* Who adds never waits, and adds to nothing that is not ours. */
static void
refusals(void)
{
	struct store_conf conf = account("refusals");
	struct store *s;
	struct buf b;
	int dir = -1, fd = -1;
	CHECK_ERR(store_arrivals_open(S("no-such-account"), &fd), ERR_NOTFOUND);
	CHECK_ERR(sys_dir_open(SYS_CWD, conf.path, &dir), ERR_OK);
	CHECK_ERR(sys_file_open(dir, S("arrivals"), SYS_READ | SYS_WRITE, &fd), ERR_OK);
	CHECK_ERR(sys_file_lock(fd, true, false), ERR_OK);
	CHECK_ERR(arrive(&conf, 1), ERR_BUSY);
	sys_file_unlock(fd);
	CHECK_ERR(arrive(&conf, 1), ERR_OK);
	sys_close(&fd);
	store_trial_load(&conf, "arrivals", &b);
	b.p[20] ^= 1; /* of the end */
	store_trial_save(&conf, "arrivals", buf_view(&b));
	CHECK_ERR(arrive(&conf, 2), ERR_BUSY);
	s = store_trial_open(&conf); /* but what is sound in it comes in */
	is_sound(s, 1);
	store_close(&s);
	CHECK_ERR(sys_file_unlink(dir, S("arrivals")), ERR_OK);
	CHECK_ERR(arrive(&conf, 3), ERR_NOTFOUND);
	CHECK(symlinkat("lock", dir, "arrivals") == 0);
	CHECK(arrive(&conf, 3) != ERR_OK);
	CHECK_ERR(sys_file_unlink(dir, S("arrivals")), ERR_OK);
	CHECK_ERR(sys_dir_make(dir, S("arrivals"), 0700), ERR_OK);
	CHECK(arrive(&conf, 3) != ERR_OK);
	sys_close(&dir);
	buf_done(&b);
	store_trial_remove(&conf);
}

/* ---- crashes ------------------------------------------------------------------------------ */

/* The index has them, but the file was not emptied: at once, after more came, and long after. */
static void
not_emptied(void)
{
	for (int more = 0; more < 3; more++) {
		struct store_conf conf = account("emptied");
		struct store *s;
		struct buf file;
		struct store_delivery d = { .entry = 900, .oldest_live = 900, .msg.body = S("x") };
		struct store_added added;
		CHECK_ERR(arrive(&conf, 10), ERR_OK);
		CHECK_ERR(arrive(&conf, 11), ERR_OK);
		store_trial_load(&conf, "arrivals", &file);
		s = store_trial_open(&conf);
		is_sound(s, 2);
		CHECK_ERR(store_tidy(s), ERR_OK);
		store_trial_save(&conf, "arrivals", buf_view(&file));
		if (more > 0) { /* which forgets what it may */
			CHECK_ERR(arrive_in(&conf, 800, 800), ERR_OK);
		}
		is_sound(s, more > 0 ? 3 : 2);
		if (more == 2) {
			CHECK_ERR(store_tidy(s), ERR_OK);
			CHECK_U64(store_trial_size(&conf, "arrivals"), 0);
		}
		CHECK_ERR(store_deliver(s, &d, 1, &added), ERR_OK);
		is_sound(s, more > 0 ? 4 : 3);
		store_close(&s);
		buf_done(&file);
		store_trial_remove(&conf);
	}
}

/* Letters of a newer program wait for it, and their pairs are not forgotten meanwhile. */
static void
newer_program(void)
{
	struct store_conf conf = account("newer");
	struct store *s = store_trial_open(&conf);
	struct buf file, newer;
	struct store_delivery d = { .entry = 900, .oldest_live = 900, .msg.body = S("x") };
	struct store_added added;
	CHECK_ERR(arrive(&conf, 10), ERR_OK);
	store_trial_load(&conf, "arrivals", &file);
	CHECK_U64(store_trial_count(s), 1);
	buf_init(&newer, 1 << 20);
	buf_str(&newer, buf_view(&file));
	newer.p[8] = 2;
	uint32_t crc = crc32c(0, newer.p, 28);
	memcpy(newer.p + 28, &crc, sizeof crc);
	store_trial_save(&conf, "arrivals", buf_view(&newer));
	CHECK_ERR(store_deliver(s, &d, 1, &added), ERR_OK);
	CHECK_U64(store_trial_count(s), 2);
	CHECK_U64(store_trial_size(&conf, "arrivals"), newer.n);
	CHECK_ERR(arrive(&conf, 11), ERR_BUSY);
	store_trial_save(&conf, "arrivals", buf_view(&file));
	is_sound(s, 2);
	store_close(&s);
	buf_done(&file);
	buf_done(&newer);
	store_trial_remove(&conf);
}

/* What a power cut may leave of a file that was not synced. */
enum harm { CUT, ZEROS, HOLE, FLIP, HARMS };

static void
harm_file(const struct store_conf *conf, enum harm harm, size_t at)
{
	struct buf b;
	store_trial_load(conf, "arrivals", &b);
	at = MIN(at, b.n - 1);
	switch (harm) {
	case CUT: buf_truncate(&b, at); break;
	case ZEROS: memset(b.p + at, 0, b.n - at); break;
	case HOLE: memset(b.p + at, 0, MIN(b.n - at, (size_t)512)); break;
	default: b.p[at] ^= 4; break;
	}
	store_trial_save(conf, "arrivals", buf_view(&b));
	buf_done(&b);
}

/* One bad place costs at most the letters that touch it, and the replay brings them. */
static void
harmed(void)
{
	static const char *const names[] = { "cut", "zeros", "hole", "flip" };
	for (int harm = CUT; harm < HARMS; harm++) {
		test_case = names[harm];
		for (size_t at = 0; at < 9000 && test_failed == 0; at += at < 200 ? 1 : 97) {
			struct store_conf conf = account("harmed");
			struct store *s;
			for (uint64_t i = 1; i <= LETTERS; i++) {
				CHECK_ERR(arrive(&conf, i), ERR_OK);
			}
			harm_file(&conf, (enum harm)harm, at);
			(void)!arrive(&conf, 50); /* in the new boot, before anybody looked */
			s = store_trial_open(&conf);
			uint32_t n = store_trial_count(s);
			CHECK(harm != FLIP || n >= LETTERS - 1);
			replay_all(s, 1, LETTERS);
			replay_all(s, 50, 1);
			is_sound(s, LETTERS + 1);
			store_close(&s);
			store_trial_remove(&conf);
		}
	}
	test_case = NULL;
}

/* Somebody was killed between the record and the head: the next one writes over it. */
static void
killed_while_adding(void)
{
	struct store_conf conf = account("adding");
	struct buf one, two;
	struct store *s;
	CHECK_ERR(arrive(&conf, 1), ERR_OK);
	store_trial_load(&conf, "arrivals", &one);
	CHECK_ERR(arrive(&conf, 2), ERR_OK);
	store_trial_load(&conf, "arrivals", &two);
	for (size_t left = one.n; left <= two.n; left += 13) {
		memcpy(two.p, one.p, STORE_ARRIVALS_HEAD);
		store_trial_save(&conf, "arrivals", str_make(two.p, left));
		CHECK_ERR(arrive(&conf, 3), ERR_OK);
		s = store_trial_open(&conf);
		is_sound(s, 2);
		is_letter(s, 1, 3);
		store_close(&s);
	}
	buf_done(&one);
	buf_done(&two);
	store_trial_remove(&conf);
}

/* Numbers that a power cut may have taken back are skipped before anything is taken in. */
static void
after_a_new_boot(void)
{
	struct store_conf conf = account("boot");
	struct store *s = store_trial_open(&conf);
	struct store_added before, after;
	CHECK_ERR(store_trial_deliver(s, 1, false, &before), ERR_OK);
	store_close(&s);
	CHECK_ERR(arrive(&conf, 2), ERR_OK);
	conf.boot_id = S("boot-2");
	s = store_trial_open(&conf);
	CHECK_ERR(store_trial_deliver(s, 2, false, &after), ERR_OK);
	CHECK(after.uid > before.uid + 512 && after.id > before.id + 512);
	is_sound(s, 2);
	store_close(&s);
	store_trial_remove(&conf);
}

/* Into the mailbox for junk, also when that has to be made while they are taken in. */
static void
junk_goes_apart(void)
{
	for (int gone = 0; gone < 2; gone++) {
		struct store_conf conf = account("junk");
		struct arena *arena = arena_new(NULL, "junk", 1 << 16, 0);
		struct store *s = store_trial_open(&conf);
		struct store_mailbox box = { 0 };
		int fd SYS_FD_AUTO = -1;
		if (gone) {
			CHECK_ERR(store_mailbox_delete(s, S("Junk")), ERR_OK);
		}
		CHECK_ERR(store_arrivals_open(conf.path, &fd), ERR_OK);
		for (uint64_t i = 1; i <= 2 * LETTERS; i++) {
			struct store_arrival a;
			struct buf body;
			letter(i, &body, &a);
			a.junk = i > LETTERS;
			CHECK_ERR(store_arrivals_add(fd, &a), ERR_OK);
			buf_done(&body);
		}
		is_sound(s, LETTERS);
		is_letter(s, LETTERS - 1, LETTERS);
		CHECK_ERR(store_mailbox_find(s, S("Junk"), arena, &box), ERR_OK);
		CHECK(box.messages == LETTERS && box.special == STORE_JUNK);
		replay_all(s, 1, 2 * LETTERS);
		CHECK_ERR(store_tidy(s), ERR_OK);
		CHECK_U64(store_trial_size(&conf, "arrivals"), 0);
		store_close(&s);
		CHECK_ERR(store_rebuild(&conf, &(struct store_report){ 0 }), ERR_OK);
		s = store_trial_open(&conf);
		is_sound(s, LETTERS);
		CHECK_ERR(store_mailbox_find(s, S("Junk"), arena, &box), ERR_OK);
		CHECK(box.messages == LETTERS && box.special == STORE_JUNK);
		arena_free(&arena);
		store_close(&s);
		store_trial_remove(&conf);
	}
}

/* From the packs alone, the same; what waits, waits on. */
static void
rebuilt(void)
{
	for (int lost = 0; lost < 2; lost++) {
		struct store_conf conf = account("rebuilt");
		struct store *s = store_trial_open(&conf);
		struct store_report r = { 0 };
		struct buf before, after;
		int dir = -1;
		for (uint64_t i = 1; i <= LETTERS; i++) {
			CHECK_ERR(arrive(&conf, i), ERR_OK);
			CHECK_U64(store_trial_count(s), i);
		}
		store_trial_dump(s, false, &before);
		store_close(&s);
		CHECK_ERR(arrive(&conf, 50), ERR_OK);
		if (lost) {
			CHECK_ERR(sys_dir_open(SYS_CWD, conf.path, &dir), ERR_OK);
			CHECK_ERR(sys_file_unlink(dir, S("index.db")), ERR_OK);
			(void)!sys_file_unlink(dir, S("index.db-wal"));
			(void)!sys_file_unlink(dir, S("index.db-shm"));
			sys_close(&dir);
		}
		uint64_t waiting = store_trial_size(&conf, "arrivals");
		CHECK_ERR(store_rebuild(&conf, &r), ERR_OK);
		CHECK_U64(store_trial_size(&conf, "arrivals"), waiting);
		s = store_trial_open(&conf);
		replay_all(s, 1, LETTERS);
		replay_all(s, 50, 1);
		is_sound(s, LETTERS + 1);
		struct store_range last = { LETTERS + 1, UINT32_MAX };
		struct store_set uids = { .v = &last, .n = 1 };
		CHECK_ERR(store_expunge(s, 1, &uids, false, NULL), ERR_OK);
		store_trial_dump(s, false, &after);
		CHECK_STR(buf_view(&after), buf_view(&before));
		store_close(&s);
		buf_done(&before);
		buf_done(&after);
		store_trial_remove(&conf);
	}
}

static void
see_sync(void *seen, enum sys_file_op op, int fd, uint64_t off, str data)
{
	struct sys_stat st;
	if (op == SYS_OP_DATASYNC && sys_file_stat_fd(fd, &st) == ERR_OK) {
		*(uint64_t *)seen |= (uint64_t)1 << (st.inode & 63);
	}
}

/* A syncer that makes the whole account durable does not leave out what waits. */
static void
both_syncs(void)
{
	struct store_conf conf = account("syncs");
	struct sys_stat st = { 0 };
	int dir = -1;
	CHECK_ERR(arrive(&conf, 1), ERR_OK);
	CHECK_ERR(sys_dir_open(SYS_CWD, conf.path, &dir), ERR_OK);
	CHECK_ERR(sys_file_stat(dir, S("arrivals"), &st), ERR_OK);
	for (int all = 0; all < 2; all++) {
		uint64_t seen = 0;
		sys_file_set_hook(see_sync, &seen);
		CHECK_ERR(all ? store_sync(conf.path) : store_arrivals_sync(conf.path), ERR_OK);
		sys_file_set_hook(NULL, NULL);
		CHECK((seen >> (st.inode & 63) & 1) == 1);
	}
	sys_close(&dir);
	store_trial_remove(&conf);
}

/* ---- every operation fails once ----------------------------------------------------------- */

static bool
fail_while_taking(uint64_t n, int errnum)
{
	struct store_conf conf = account("failing");
	struct store *s = store_trial_open(&conf);
	struct store_added added;
	struct store_delivery d = { .entry = 900, .oldest_live = 900, .msg.body = S("x") };
	struct arena *a = arena_new(NULL, "count", 1 << 16, 0);
	struct store_mailbox m = { 0 };
	for (uint64_t i = 1; i <= LETTERS; i++) {
		CHECK_ERR(arrive(&conf, i), ERR_OK);
	}
	sys_fail_after(n, errnum);
	enum err e = store_mailbox_get(s, 1, a, &m);
	(void)!store_tidy(s);
	sys_fail_after(0, 0);
	CHECK(e != ERR_OK || m.messages == 0 || m.messages == LETTERS);
	bool all = e == ERR_OK && m.messages == LETTERS && store_trial_size(&conf, "arrivals") == 0;
	CHECK_ERR(store_deliver(s, &d, 1, &added), ERR_OK); /* would forget all pairs */
	is_sound(s, LETTERS + 1);
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
	return all;
}

static void
files_fail(void)
{
	static const int errnums[] = { EIO, ENOSPC };
	for (size_t k = 0; k < LEN(errnums); k++) {
		unsigned good = 0, bad = 0;
		for (uint64_t n = 1; good < 8 && n < 500 && test_failed == 0; n++) {
			bool all = fail_while_taking(n, errnums[k]);
			good = all ? good + 1 : 0;
			bad += !all;
		}
		CHECK(bad > 10 && good == 8);
	}
}

static void
adding_fails(void)
{
	for (uint64_t n = 1; n < 20; n++) {
		struct store_conf conf = account("addfail");
		struct store *s;
		struct store_added added;
		CHECK_ERR(arrive(&conf, 1), ERR_OK);
		sys_fail_after(n, ENOSPC);
		enum err e = arrive(&conf, 2);
		sys_fail_after(0, 0);
		CHECK(n > 8 || e != ERR_OK);
		s = store_trial_open(&conf);
		if (e != ERR_OK) {
			CHECK_U64(store_trial_count(s), 1);
			CHECK_ERR(store_trial_deliver(s, 2, false, &added), ERR_OK);
		}
		is_sound(s, 2);
		is_letter(s, 1, 2);
		store_close(&s);
		store_trial_remove(&conf);
	}
}

/* ---- all at once -------------------------------------------------------------------------- */

enum { ADDERS = 3, EACH = 120 };

/* What is refused goes the ordinary way; every tenth letter is replayed. */
static void
add_many(const struct store_conf *conf, unsigned worker)
{
	struct store *s = NULL;
	struct store_added added;
	if (store_open(conf, &s) != ERR_OK) {
		sys_exit(1);
	}
	for (unsigned i = 0; i < EACH; i++) {
		uint64_t entry = (uint64_t)worker * 1000 + i + 1;
		enum err e = arrive(conf, entry);
		if (e == ERR_BUSY || i % 10 == 0) {
			e = store_trial_deliver(s, entry, e == ERR_OK, &added);
		}
		if (e != ERR_OK) {
			sys_exit(2);
		}
	}
	store_close(&s);
	sys_exit(0);
}

static void
all_at_once(void)
{
	struct store_conf conf = account("together");
	struct sys_child adders[ADDERS], reader = { 0 };
	struct sys_child_end end;
	bool in_child = false;
	conf.wall_s = NULL;
	for (unsigned i = 0; i < ADDERS; i++) {
		CHECK_ERR(sys_fork(&in_child, &adders[i]), ERR_OK);
		if (in_child) {
			add_many(&conf, i);
		}
	}
	for (unsigned kills = 0; kills < 10; kills++) { /* readers that die anywhere */
		CHECK_ERR(sys_fork(&in_child, &reader), ERR_OK);
		if (in_child) {
			struct store *s = NULL;
			for (unsigned i = 0; i < 40 + kills && store_open(&conf, &s) == ERR_OK;
			     i++) {
				(void)store_trial_count(s);
				store_close(&s);
			}
			raise(SIGKILL);
		}
		CHECK_ERR(sys_child_wait(&reader, &end), ERR_OK);
	}
	for (unsigned i = 0; i < ADDERS; i++) {
		CHECK_ERR(sys_child_wait(&adders[i], &end), ERR_OK);
		CHECK(!end.signalled && end.code == 0);
	}
	struct store *s = store_trial_open(&conf);
	is_sound(s, ADDERS * EACH);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
die_after(void *left, enum sys_file_op op, int fd, uint64_t off, str data)
{
	if ((*(unsigned *)left)-- == 0) {
		raise(SIGKILL);
	}
}

/* One who takes in is killed behind each of its operations on files, over and over. */
static void
killed_while_taking(void)
{
	struct store_conf conf = account("killed");
	uint64_t entry = 0;
	conf.wall_s = NULL;
	for (unsigned round = 0; round < 60; round++) {
		struct sys_child child = { 0 };
		struct sys_child_end end;
		bool in_child = false;
		for (unsigned i = 0; i < 4; i++) {
			CHECK_ERR(arrive(&conf, ++entry), ERR_OK);
		}
		CHECK_ERR(sys_fork(&in_child, &child), ERR_OK);
		if (in_child) {
			struct store *s = NULL;
			unsigned left = round % 8;
			sys_file_set_hook(die_after, &left);
			if (store_open(&conf, &s) == ERR_OK) {
				(void)store_trial_count(s);
				(void)!store_tidy(s);
			}
			raise(SIGKILL);
		}
		CHECK_ERR(sys_child_wait(&child, &end), ERR_OK);
	}
	struct store *s = store_trial_open(&conf);
	is_sound(s, (uint32_t)entry);
	replay_all(s, 1, entry);
	is_sound(s, (uint32_t)entry);
	store_close(&s);
	store_trial_remove(&conf);
}

TEST_MAIN(taken_in_by_whoever_looks, as_if_delivered, limits, refusals, not_emptied, newer_program,
    harmed, killed_while_adding, after_a_new_boot, junk_goes_apart, rebuilt, both_syncs, files_fail,
    adding_fails, all_at_once, killed_while_taking)
