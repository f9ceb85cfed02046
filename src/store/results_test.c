/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we said of a letter stays beside it: delivered one by one or taken in from arrivals, copied,
 * compacted, rebuilt with and without the old index. A letter that was appended has nothing, what
 * came before the column was there has nothing until a rebuild.
 */
#include "base/test.h"
#include "store/arrivals/arrivals.h"
#include "store/trial.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { LONG = 200000 };

#define PREFIX "Return-Path: <>\r\n"
#define OURS(score)                                                                              \
	"Authentication-Results: mail.b.test;\r\n\tspf=fail smtp.mailfrom=a.test;\r\n"           \
	"\tdkim=none;\r\n\tdmarc=fail (p=reject) header.from=a.test\r\n"                         \
	"X-Spam-Flag: YES\r\nX-Spam-Status: Yes, score=" score " required=5.000"                 \
	" dmarc-reject=7.000\r\n"                                                                \
	"Received: from mx.a.test ([192.0.2.1])\r\n\tby mail.b.test with ESMTPS (TLSv1.3 x)\r\n" \
	"\tid 1.1; Thu, 05 Nov 2026 10:00:00 +0000\r\n"
#define LETTER(score) OURS(score) "From: a@a.test\r\nSubject: x\r\n\r\nx\r\n"

/* The score of a message, in thousandths; 0: nothing is kept of it. */
static int64_t
score_of(struct store *s, uint64_t id)
{
	struct arena *a = arena_new(NULL, "results", 1 << 16, 0);
	struct mail_results r = { 0 };
	enum err e = store_results(s, id, a, &r);
	if (e == ERR_OK) {
		CHECK(r.spf == MAIL_AUTHRES_FAIL && r.dkim == MAIL_AUTHRES_NONE_PUBLISHED);
		CHECK(r.dmarc == MAIL_AUTHRES_FAIL && r.arc == MAIL_AUTHRES_NONE);
		CHECK(r.junk && r.scored);
		CHECK_STR(r.reason, S("dmarc-reject"));
	} else {
		CHECK_ERR(e, ERR_NOTFOUND);
	}
	arena_free(&a);
	return r.score;
}

static uint64_t
deliver(struct store *s, uint64_t entry, str body)
{
	const struct store_delivery d = { .entry = entry,
		.msg = { .prefix = S(PREFIX), .body = body, .internal_s = 5 } };
	struct store_added added = { 0 };
	CHECK_ERR(store_deliver(s, &d, 1, &added), ERR_OK);
	CHECK_ERR(added.err, ERR_OK);
	return added.id;
}

static uint64_t
append(struct store *s, str prefix, str body)
{
	const struct store_new msg = { .prefix = prefix, .body = body, .internal_s = 5 };
	struct store_added added = { 0 };
	CHECK_ERR(store_append(s, 1, &msg, 1, &added), ERR_OK);
	return added.id;
}

/* A body that is not kept in one piece when its header is read. */
static uint64_t
deliver_long(struct store *s, uint64_t entry)
{
	struct buf b;
	uint64_t state = 1;
	buf_init(&b, 2 * LONG);
	buf_cstr(&b, LETTER("3.000"));
	while (b.n < LONG) {
		buf_printf(&b, "%llu\r\n", (unsigned long long)store_trial_random(&state, 1 << 30));
	}
	uint64_t id = deliver(s, entry, buf_view(&b));
	buf_done(&b);
	return id;
}

static void
arrive(const struct store_conf *conf, uint64_t entry)
{
	const struct store_arrival a = { .entry = entry,
		.internal_s = 5,
		.saved_s = 7,
		.prefix = S(PREFIX),
		.body = S(LETTER("4.000")) };
	int fd = -1;
	CHECK_ERR(store_arrivals_open(conf->path, &fd), ERR_OK);
	CHECK_ERR(store_arrivals_add(fd, &a), ERR_OK);
	sys_close(&fd);
}

struct expected {
	uint64_t delivered, submitted, appended, lengthy, arrived;
};

static void
all_there(struct store *s, const struct expected *e)
{
	CHECK_U64(score_of(s, e->delivered), 8250);
	CHECK_U64(score_of(s, e->submitted), 0);
	CHECK_U64(score_of(s, e->appended), 0);
	CHECK_U64(score_of(s, e->lengthy), 3000);
	CHECK_U64(score_of(s, e->arrived), 4000);
}

static void
fill(struct store *s, const struct store_conf *conf, struct expected *ret)
{
	struct store_msg m[8];
	const struct store_scan scan = { .mailbox = 1, .lo = 1, .hi = UINT32_MAX };
	size_t n = 0;
	ret->delivered = deliver(s, 1, S(LETTER("8.250")));
	ret->submitted = deliver(s, 2, S("Subject: x\r\n" LETTER("1.000")));
	ret->appended = append(s, S(""), S(PREFIX LETTER("9.000")));
	CHECK_U64(score_of(s, append(s, S(PREFIX), S(LETTER("9.000")))), 0);
	ret->lengthy = deliver_long(s, 3);
	arrive(conf, 4);
	CHECK_ERR(store_msgs(s, &scan, m, LEN(m), &n), ERR_OK);
	CHECK_U64(n, 6);
	ret->arrived = m[n - 1].id;
	all_there(s, ret);
}

static void
copy_out(struct store *s)
{
	struct store_copying c = { .from = 1, .move = true };
	struct store_copied copied;
	struct store_set all;
	CHECK_ERR(store_mailbox_create(s, S("Other"), 0, &c.to), ERR_OK);
	store_set_init(&all);
	store_set_add(&all, 1, 100);
	c.uids = &all;
	CHECK_ERR(store_copy(s, &c, &copied, NULL), ERR_OK);
	store_set_done(&all);
}

static void
rebuild(const struct store_conf *conf, bool with_old)
{
	struct store_report r = { 0 };
	int dir = -1;
	if (!with_old) {
		CHECK_ERR(sys_dir_open(SYS_CWD, conf->path, &dir), ERR_OK);
		CHECK_ERR(sys_file_unlink(dir, S("index.db")), ERR_OK);
		sys_close(&dir);
	}
	CHECK_ERR(store_rebuild(conf, &r), ERR_OK);
	CHECK_U64(r.messages, 6);
}

static void
stays(void)
{
	struct store_conf conf = store_trial_conf("results");
	struct store *s = store_trial_open(&conf);
	struct expected e = { 0 };
	fill(s, &conf, &e);
	copy_out(s);
	all_there(s, &e);
	for (int i = 0; i < 2; i++) {
		store_close(&s);
		rebuild(&conf, i == 0);
		s = store_trial_open(&conf);
		all_there(s, &e);
	}
	store_close(&s);
	store_trial_remove(&conf);
}

/* A pack of which most is dead is written anew; then the packs alone are left. */
static void
compacted(void)
{
	struct store_conf conf = store_trial_conf("results-compact");
	conf.pack_octets = 1000; /* the next letter goes into another pack */
	struct store *s = store_trial_open(&conf);
	struct store_set some;
	uint64_t id = deliver(s, 1, S(LETTER("8.250"))), octets = 0;
	(void)deliver_long(s, 2);
	(void)deliver(s, 3, S(LETTER("1.000")));
	store_set_init(&some);
	store_set_add(&some, 2, 2);
	CHECK_ERR(store_expunge(s, 1, &some, false, NULL), ERR_OK);
	store_set_done(&some);
	CHECK_ERR(store_compact(s, &octets), ERR_OK);
	CHECK(octets > LONG / 4);
	CHECK_U64(score_of(s, id), 8250);
	store_close(&s);
	struct store_report r = { 0 };
	CHECK_ERR(store_rebuild(&conf, &r), ERR_OK);
	s = store_trial_open(&conf);
	CHECK_U64(score_of(s, id), 8250);
	store_close(&s);
	store_trial_remove(&conf);
}

/* An index as the program before had it. */
static void
older_index(void)
{
	struct store_conf conf = store_trial_conf("results-older");
	struct store *s = store_trial_open(&conf);
	struct expected e = { 0 };
	fill(s, &conf, &e);
	store_close(&s);
	store_trial_sql(&conf, "ALTER TABLE message DROP COLUMN results; PRAGMA user_version = 4");
	s = store_trial_open(&conf);
	CHECK_U64(score_of(s, e.delivered), 0);
	CHECK_U64(score_of(s, deliver(s, 9, S(LETTER("2.000")))), 2000);
	struct store_report r = { 0 };
	store_close(&s);
	CHECK_ERR(store_rebuild(&conf, &r), ERR_OK);
	s = store_trial_open(&conf);
	all_there(s, &e);
	store_close(&s);
	store_trial_remove(&conf);
}

TEST_MAIN(stays, compacted, older_index)
