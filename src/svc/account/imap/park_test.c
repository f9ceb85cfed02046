/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session as octets: what comes back is what went in, what happened meanwhile is told as if the
 * session had never been away, and octets that are not right are refused.
 */
#include "svc/account/imap/park.h"

#include "base/test.h"
#include "ipc/accounts_account.h"
#include "sys/chan.h"
#include "sys/clock.h"
#include "svc/account/imap/trial.h"

static void
setup(struct svc_account_imap_two *w, const char *name)
{
	svc_account_imap_two_begin(w, name);
	svc_account_imap_two_open(w, &w->a, 6);
}

static void
put(struct svc_account_imap_trial *t, struct buf *ret)
{
	buf_init(ret, SVC_ACCOUNT_IMAP_PARK_MAX + 1);
	CHECK_ERR(svc_account_imap_park_put(&t->session, ret), ERR_OK);
}

/* What comes back writes the same octets again. */
static void
comes_back(struct svc_account_imap_trial *t)
{
	struct buf before, after;
	CHECK(svc_account_imap_may_park(&t->session));
	put(t, &before);
	svc_account_imap_trial_park(t);
	put(t, &after);
	CHECK_STR(buf_view(&after), buf_view(&before));
	buf_done(&before);
	buf_done(&after);
}

static void
every_state(void)
{
	struct svc_account_imap_two w;
	setup(&w, "states");
	comes_back(&w.a);
	a_says(&w, "1 STORE 2,5 +FLAGS (\\Deleted red)", NULL);
	a_says(&w, "2 EXPUNGE", NULL);
	comes_back(&w.a);
	a_says(&w, "3 SEARCH RETURN (SAVE) UID 3:4", NULL);
	a_says(&w, "4 ENABLE CONDSTORE IMAP4rev2", NULL);
	comes_back(&w.a);
	a_says(&w, "5 UID FETCH $ (UID)",
	    "* 2 FETCH (UID 3)\n* 3 FETCH (UID 4)\n5 OK FETCH done\n");
	a_says(&w, "6 IDLE", NULL);
	comes_back(&w.a);
	a_says(&w, "DONE", "6 OK IDLE done\n");
	a_says(&w, "7 EXAMINE INBOX", NULL);
	comes_back(&w.a);
	a_says(&w, "8 STORE 1 +FLAGS (\\Seen)", "8 NO [NOPERM] mailbox is open read-only\n");
	a_says(&w, "9 UNSELECT", NULL);
	comes_back(&w.a);
	a_says(&w, "9 FETCH 1 UID", NULL);
	CHECK_U64(w.a.session.state, IMAP_AUTH);
	svc_account_imap_two_end(&w);
}

/* Everything that happened while nobody was there, in the order the client may hear it. */
static void
news_after_a_rest(void)
{
	struct svc_account_imap_two w;
	setup(&w, "rest");
	a_says(&w, "1 STORE 2 +FLAGS.SILENT (\\Deleted)", NULL);
	b_says(&w, "1 NOOP", NULL);
	svc_account_imap_trial_park(&w.b);
	a_says(&w, "2 EXPUNGE", NULL);
	a_says(&w, "3 STORE 4 +FLAGS.SILENT (blue)", NULL);
	svc_account_imap_trial_append(&w.a, "INBOX", "()", "Subject: y\n\nbody\n");
	svc_account_imap_trial_park(&w.b);
	b_says(&w, "2 FETCH 1 UID",
	    "* 7 EXISTS\n"
	    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft blue)\n"
	    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft blue \\*)] flags "
	    "that stay\n"
	    "* 5 FETCH (UID 5 FLAGS (blue))\n"
	    "* 1 FETCH (UID 1)\n"
	    "2 OK FETCH done\n");
	svc_account_imap_trial_park(&w.b);
	b_says(&w, "3 NOOP", "* 2 EXPUNGE\n3 OK NOOP done\n");
	svc_account_imap_two_end(&w);
}

static void
in_idle_it_is_told_at_once(void)
{
	struct svc_account_imap_two w;
	struct buf blob;
	setup(&w, "idle");
	b_says(&w, "1 IDLE", "+ idling\n");
	put(&w.b, &blob);
	a_says(&w, "1 STORE 1 +FLAGS.SILENT (\\Flagged)", NULL);
	svc_account_imap_done(&w.b.session);
	CHECK_ERR(svc_account_imap_init(&w.b.session, &w.b.account), ERR_OK);
	CHECK_ERR(svc_account_imap_resume(&w.b.session, buf_view(&blob)), ERR_OK);
	CHECK_STR(buf_view(&w.b.session.out), S("* 1 FETCH (UID 1 FLAGS (\\Flagged))\r\n"));
	buf_done(&blob);
	svc_account_imap_two_end(&w);
}

static void
a_mailbox_that_is_gone(void)
{
	struct svc_account_imap_two w;
	setup(&w, "gone");
	a_says(&w, "1 CREATE other", NULL);
	b_says(&w, "1 SELECT other", NULL);
	a_says(&w, "2 DELETE other", NULL);
	svc_account_imap_trial_park(&w.b);
	b_says(&w, "2 NOOP", NULL);
	CHECK(w.b.session.quit);
	svc_account_imap_two_end(&w);
}

static void
not_in_the_middle(void)
{
	struct svc_account_imap_two w;
	setup(&w, "middle");
	svc_account_imap_trial_feed(&w.a, S("1 NO"));
	CHECK(!svc_account_imap_may_park(&w.a.session));
	svc_account_imap_trial_feed(&w.a, S("OP\r\n"));
	CHECK(svc_account_imap_may_park(&w.a.session));
	svc_account_imap_trial_feed(&w.a, S("2 LOGIN {3}\r\n"));
	CHECK(!svc_account_imap_may_park(&w.a.session));
	svc_account_imap_trial_feed(&w.b, S("1 APPEND INBOX {5}\r\nab"));
	CHECK(!svc_account_imap_may_park(&w.b.session));
	svc_account_imap_two_end(&w);
}

/* Coming back soon makes the next rest come later; a long rest is forgiven. */
static void
delays(void)
{
	struct svc_account_imap_two w;
	setup(&w, "delays");
	struct svc_account_imap *s = &w.a.session;
	struct svc_account_login login = { .octets = 0 };
	w.a.conf.imap_park_after = 5000;
	svc_account_imap_park_init(s, &login);
	CHECK_U64(s->park.delay_ms, 5000);
	static const struct {
		int64_t rested_ms;
		uint32_t want;
	} steps[] = { { 0, 10000 }, { 100, 20000 }, { 79000, 40000 }, { 0, 60000 }, { 0, 60000 },
		{ 250000, 5000 }, { 19000, 10000 } };
	for (size_t i = 0; i < LEN(steps); i++) {
		struct buf blob;
		s->park.since_ms = MAX(sys_clock_ms() - steps[i].rested_ms, 0);
		bool young = sys_clock_ms() < steps[i].rested_ms; /* the machine has just started */
		put(&w.a, &blob);
		svc_account_imap_done(s);
		CHECK_ERR(svc_account_imap_init(s, &w.a.account), ERR_OK);
		CHECK_ERR(svc_account_imap_resume(s, buf_view(&blob)), ERR_OK);
		CHECK(young || s->park.delay_ms == steps[i].want);
		buf_done(&blob);
	}
	svc_account_imap_two_end(&w);
}

/* Take octets up in a session of its own. */
static enum err
taken(struct svc_account_imap_two *w, str octets)
{
	struct svc_account_imap s;
	if (!CHECK_ERR(svc_account_imap_init(&s, &w->a.account), ERR_OK)) {
		return ERR_NOMEM;
	}
	enum err e = svc_account_imap_park_get(&s, octets);
	svc_account_imap_done(&s);
	return e;
}

/* Cut anywhere but between parts, and with an octet too many, it is refused. */
static void
cut_short(void)
{
	struct svc_account_imap_two w;
	struct buf blob;
	size_t whole = 0;
	setup(&w, "cut");
	a_says(&w, "1 IDLE", NULL);
	put(&w.a, &blob);
	for (size_t n = 0; n < blob.n; n++) {
		enum err e = taken(&w, str_sub(buf_view(&blob), 0, n));
		CHECK(e == ERR_OK || e == ERR_SYNTAX || e == ERR_UNSUPPORTED);
		whole += e == ERR_OK;
	}
	CHECK_U64(whole, 1); /* core and box without idle */
	CHECK_ERR(taken(&w, buf_view(&blob)), ERR_OK);
	wr_u8(&blob, 0);
	CHECK_ERR(taken(&w, buf_view(&blob)), ERR_SYNTAX);
	blob.p[0] = 2;
	CHECK_ERR(taken(&w, buf_view(&blob)), ERR_UNSUPPORTED);
	buf_done(&blob);
	svc_account_imap_two_end(&w);
}

#define CORE "\1\56\0\0\0"
#define REST \
	"\7\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0"

static void
not_right(void)
{
	static const struct {
		const char *name;
		str octets;
		enum err want;
	} cases[] = {
		{ "nothing", S_INIT(""), ERR_UNSUPPORTED },
		{ "no parts", S_INIT("\1"), ERR_SYNTAX },
		{ "core alone",
		    S_INIT("\1"
			   "\1\55\0\0\0"
			   "\0" REST),
		    ERR_OK },
		{ "selected without a mailbox",
		    S_INIT("\1"
			   "\1\55\0\0\0"
			   "\1" REST),
		    ERR_SYNTAX },
		{ "selected 2",
		    S_INIT("\1"
			   "\1\55\0\0\0"
			   "\2" REST),
		    ERR_SYNTAX },
		{ "an octet too many in a part", S_INIT("\1" CORE "\0" REST "\0"), ERR_SYNTAX },
		{ "a part twice",
		    S_INIT("\1"
			   "\1\55\0\0\0"
			   "\0" REST "\1\55\0\0\0"
			   "\0" REST),
		    ERR_SYNTAX },
		{ "a part of tomorrow",
		    S_INIT("\1"
			   "\1\55\0\0\0"
			   "\0" REST "\377\0\0\0\0"),
		    ERR_UNSUPPORTED },
		{ "a tag with a line end",
		    S_INIT("\1"
			   "\1\55\0\0\0"
			   "\0" REST "\4\2\0\0\0a\n"),
		    ERR_SYNTAX },
		{ "an empty tag",
		    S_INIT("\1"
			   "\1\55\0\0\0"
			   "\0" REST "\4\0\0\0\0"),
		    ERR_SYNTAX },
		{ "a saved result without a mailbox",
		    S_INIT("\1"
			   "\1\55\0\0\0"
			   "\0" REST "\3\3\0\0\0\1\1\1"),
		    ERR_SYNTAX },
		{ "a mailbox that is not selected",
		    S_INIT("\1"
			   "\1\55\0\0\0"
			   "\0" REST "\2\4\0\0\0\1\1\1\1"),
		    ERR_SYNTAX },
	};
	struct svc_account_imap_two w;
	setup(&w, "wrong");
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		CHECK_ERR(taken(&w, cases[i].octets), cases[i].want);
	}
	svc_account_imap_two_end(&w);
}

static void
numbers(void)
{
	static const uint32_t good[] = { 0, 1, 127, 128, 16383, 16384, 2097151, 2097152,
		UINT32_MAX };
	static const str bad[] = { S_INIT("\200"), S_INIT("\200\0"), S_INIT("\377\377\377\377\20"),
		S_INIT("\200\200\200\200\200\1"), S_INIT("") };
	struct buf b;
	buf_init(&b, 64);
	for (size_t i = 0; i < LEN(good); i++) {
		buf_reset(&b);
		svc_account_imap_park_number(&b, good[i]);
		struct rd r = rd_make(buf_view(&b));
		CHECK_U64(svc_account_imap_park_number_get(&r), good[i]);
		CHECK_ERR(rd_end(&r), ERR_OK);
	}
	for (size_t i = 0; i < LEN(bad); i++) {
		struct rd r = rd_make(bad[i]);
		CHECK_U64(svc_account_imap_park_number_get(&r), 0);
		CHECK(r.bad);
	}
	buf_done(&b);
}

static void
sets(void)
{
	static const struct {
		const char *name;
		str octets;
		enum err want;
	} cases[] = {
		{ "none", S_INIT("\0"), ERR_OK },
		{ "one", S_INIT("\1\1\0"), ERR_OK },
		{ "two", S_INIT("\2\1\3\1\0"), ERR_OK },
		{ "zero", S_INIT("\1\0\0"), ERR_SYNTAX },
		{ "touching", S_INIT("\2\1\3\0\0"), ERR_SYNTAX },
		{ "beyond the last number", S_INIT("\1\377\377\377\377\17\1"), ERR_SYNTAX },
		{ "the last number", S_INIT("\1\377\377\377\377\17\0"), ERR_OK },
		{ "fewer than said", S_INIT("\2\1\3"), ERR_SYNTAX },
		{ "very many said", S_INIT("\377\377\377\377\17\1\0"), ERR_SYNTAX },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct store_set set;
		struct rd r = rd_make(cases[i].octets);
		test_case = cases[i].name;
		store_set_init(&set);
		CHECK_ERR(svc_account_imap_park_set_get(&r, &set), cases[i].want);
		store_set_done(&set);
	}
}

/* More holes than a blob has room for: such a session stays where it is. */
static void
too_large(void)
{
	struct svc_account_imap_two w;
	struct buf blob;
	struct store_set uids;
	setup(&w, "large");
	store_set_init(&uids);
	for (uint32_t i = 1; i < 60000; i += 2) {
		store_set_add(&uids, i, i);
	}
	struct store_view *v = &w.a.session.box.view;
	v->uidnext = 60001;
	CHECK_ERR(store_view_restore(v, w.a.store, &uids), ERR_OK);
	buf_init(&blob, SVC_ACCOUNT_IMAP_PARK_MAX + 1);
	CHECK_ERR(svc_account_imap_park_put(&w.a.session, &blob), ERR_TOOBIG);
	buf_done(&blob);
	store_set_done(&uids);
	svc_account_imap_two_end(&w);
}

/* ---- while nothing has changed the store stays closed ---- */

static struct store *closed;
static enum err opens; /* how the next opening ends */

static enum err
open_it(struct svc_account *a)
{
	a->store = opens == ERR_OK ? closed : NULL;
	return opens;
}

/* b, in IDLE, is taken up again as accounts does when it has heard of no change. */
static void
doze(struct svc_account_imap_two *w, str blob)
{
	closed = w->b.store;
	opens = ERR_OK;
	svc_account_imap_done(&w->b.session);
	w->b.account.store = NULL;
	w->b.account.open = open_it;
	CHECK_ERR(svc_account_imap_init(&w->b.session, &w->b.account), ERR_OK);
	CHECK_ERR(svc_account_imap_resume(&w->b.session, blob), ERR_OK);
}

static void
fall_asleep(struct svc_account_imap_two *w, struct buf *blob)
{
	b_says(w, "1 IDLE", "+ idling\n");
	put(&w->b, blob);
	doze(w, buf_view(blob));
	CHECK(w->b.session.store == NULL);
}

static void
opened_when_needed(void)
{
	static const struct {
		const char *send, *want;
	} cases[] = {
		{ "3 FETCH 6 UID", "* 7 EXISTS\n* 6 FETCH (UID 6)\n3 OK FETCH done\n" },
		{ "3 NOOP", "* 7 EXISTS\n3 OK NOOP done\n" },
		{ "3 APPEND INBOX {3+}\r\na\r\n",
		    "* 8 EXISTS\n3 OK [APPENDUID # 8] APPEND done\n" },
		{ "3 LOGOUT", "* BYE logging out\n3 OK LOGOUT done\n" },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct svc_account_imap_two w;
		struct buf blob, again;
		setup(&w, "doze");
		fall_asleep(&w, &blob);
		svc_account_imap_trial_append(&w.a, "INBOX", "()", "Subject: y\n\nbody\n");
		b_says(&w, "DONE", "1 OK IDLE done\n"); /* no notice has come yet */
		b_says(&w, "2 IDLE", "+ idling\n");
		b_says(&w, "DONE", "2 OK IDLE done\n");
		CHECK(w.b.session.store == NULL);
		b_says(&w, "1 IDLE", "+ idling\n");
		put(&w.b, &again);
		CHECK_U64(again.n, blob.n); /* it rests as it has rested, but for times */
		doze(&w, buf_view(&again));
		b_says(&w, "DONE", "1 OK IDLE done\n");
		b_says(&w, cases[i].send, cases[i].want);
		CHECK(w.b.session.store == closed);
		buf_done(&blob);
		buf_done(&again);
		svc_account_imap_two_end(&w);
	}
}

static void
a_notice_opens_it(void)
{
	static const uint64_t mailboxes[] = { 0, 1, 99 }; /* whatever it is about */
	for (size_t i = 0; i < LEN(mailboxes); i++) {
		struct svc_account_imap_two w;
		struct buf blob;
		setup(&w, "noticed");
		fall_asleep(&w, &blob);
		svc_account_imap_trial_append(&w.a, "INBOX", "()", "Subject: y\n\nbody\n");
		buf_reset(&blob);
		ipc_accounts_account_notice_put(&blob,
		    &(struct ipc_accounts_account_notice){ .mailbox = mailboxes[i] });
		CHECK_ERR(sys_chan_send_wait(w.b.accounts, &blob, -1, 0), ERR_OK);
		svc_account_imap_control(&w.b.session);
		svc_account_imap_take_news(&w.b.session);
		CHECK(w.b.session.store == closed);
		CHECK_STR(buf_view(&w.b.session.out), S("* 7 EXISTS\r\n"));
		buf_done(&blob);
		svc_account_imap_two_end(&w);
	}
}

static void
one_that_cannot_be_opened(void)
{
	struct svc_account_imap_two w;
	struct buf blob;
	setup(&w, "locked");
	fall_asleep(&w, &blob);
	opens = ERR_IO;
	b_says(&w, "DONE", "1 OK IDLE done\n");
	b_says(&w, "2 NOOP", "");
	CHECK(w.b.session.quit && w.b.session.end == ERR_IO);
	CHECK(str_starts(str_from(w.b.session.bye), S("[UNAVAILABLE]")));
	buf_done(&blob);
	svc_account_imap_two_end(&w);
}

/* Outside of IDLE accounts has not listened for it, and annotations are nobody's news. */
static void
opened_at_once(void)
{
	static const char *const before[] = { "1 NOOP", "1 ENABLE METADATA", "1 NOTIFY NONE" };
	for (size_t i = 0; i < LEN(before); i++) {
		struct svc_account_imap_two w;
		struct buf blob;
		setup(&w, "awake");
		b_says(&w, before[i], NULL);
		b_says(&w, i == 0 ? "2 NOOP" : "2 IDLE", NULL);
		put(&w.b, &blob);
		doze(&w, buf_view(&blob));
		CHECK(w.b.session.store == closed);
		buf_done(&blob);
		svc_account_imap_two_end(&w);
	}
}

TEST_MAIN(opened_when_needed, a_notice_opens_it, one_that_cannot_be_opened, opened_at_once,
    every_state, news_after_a_rest, in_idle_it_is_told_at_once, a_mailbox_that_is_gone,
    not_in_the_middle, delays, cut_short, not_right, numbers, sets, too_large)
