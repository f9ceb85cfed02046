/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes: names, creating, deleting, renaming, subscribing, the list; keywords; quota; a new
 * boot.
 */
#include "base/test.h"
#include "store/limits.h"
#include "store/trial.h"

static void
names(void)
{
	static const struct {
		const char *name;
		str in;
		enum err want;
	} cases[] = {
		{ "plain", S_INIT("Work"), ERR_OK },
		{ "levels", S_INIT("a/b/c"), ERR_OK },
		{ "one trailing slash", S_INIT("b/"), ERR_OK },
		{ "utf-8", S_INIT("Entw\xc3\xbcrfe"), ERR_OK },
		{ "empty", S_INIT(""), ERR_SYNTAX },
		{ "slash", S_INIT("/"), ERR_SYNTAX },
		{ "leading slash", S_INIT("/a"), ERR_SYNTAX },
		{ "empty level", S_INIT("a//b"), ERR_SYNTAX },
		{ "two trailing", S_INIT("a//"), ERR_SYNTAX },
		{ "control", S_INIT("a\x01"), ERR_SYNTAX },
		{ "nul", S_INIT("a\0b"), ERR_SYNTAX },
		{ "del", S_INIT("a\x7f"), ERR_SYNTAX },
		{ "c1", S_INIT("a\xc2\x85"), ERR_SYNTAX },
		{ "latin-1", S_INIT("Entw\xfcrfe"), ERR_SYNTAX },
		{ "inbox", S_INIT("iNBOX"), ERR_EXISTS },
		{ "there already", S_INIT("Trash"), ERR_EXISTS },
		{ "below inbox", S_INIT("inbox/x"), ERR_OK },
		{ "below inbox again", S_INIT("INBOX/x"), ERR_EXISTS },
		{ "like inbox", S_INIT("inboxes"), ERR_OK },
	};
	struct store_conf conf = store_trial_conf("names");
	struct store *s = store_trial_open(&conf);
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		CHECK_ERR(store_mailbox_create(s, cases[i].in, 0, NULL), cases[i].want);
	}
	test_case = NULL;
	char deep[2002];
	memset(deep, 'x', sizeof deep);
	CHECK_ERR(store_mailbox_create(s, str_make(deep, 1000), 0, NULL), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, str_make(deep, 1001), 0, NULL), ERR_TOOBIG);
	for (size_t i = 1; i < sizeof deep; i += 2) {
		deep[i] = '/';
	}
	CHECK_ERR(store_mailbox_create(s, str_make(deep, 99), 0, NULL), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, str_make(deep, 101), 0, NULL), ERR_TOOBIG);
	store_close(&s);
	store_trial_remove(&conf);
}

/* "name" for a mailbox, "(name)" for one that does not exist, * subscribed, + children. */
static void
list_is(struct store *s, const char *want)
{
	struct arena *a = arena_new(NULL, "list", 1 << 20, 0);
	struct store_mailbox *v = NULL;
	size_t n = 0;
	struct buf b;
	buf_init(&b, 10000);
	CHECK_ERR(store_mailboxes(s, a, &v, &n), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&b, "%s%s%.*s%s%s%s", i == 0 ? "" : " ", v[i].id == 0 ? "(" : "",
		    STR_ARG(v[i].name), v[i].id == 0 ? ")" : "", v[i].subscribed ? "*" : "",
		    v[i].children ? "+" : "");
	}
	CHECK_STR(buf_view(&b), str_from(want));
	buf_done(&b);
	arena_free(&a);
}

static void
create_delete_rename(void)
{
	struct store_conf conf = store_trial_conf("boxes");
	struct store *s = store_trial_open(&conf);
	list_is(s, "INBOX* Archive* Drafts* Junk* Sent* Trash*");
	CHECK_ERR(store_mailbox_create(s, S("a/b/c"), 0, NULL), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, S("a-b"), 0, NULL), ERR_OK);
	list_is(s, "INBOX* Archive* Drafts* Junk* Sent* Trash* a+ a/b+ a/b/c a-b");
	CHECK_ERR(store_mailbox_delete(s, S("a/b")), ERR_OK);
	list_is(s, "INBOX* Archive* Drafts* Junk* Sent* Trash* a+ (a/b)+ a/b/c a-b");
	CHECK_ERR(store_mailbox_delete(s, S("a/b")), ERR_DENIED);
	CHECK_ERR(store_mailbox_delete(s, S("nothing")), ERR_NOTFOUND);
	CHECK_ERR(store_mailbox_delete(s, S("inbox")), ERR_DENIED);
	CHECK_ERR(store_mailbox_rename(s, S("a/b"), S("z/y")), ERR_OK);
	list_is(s, "INBOX* Archive* Drafts* Junk* Sent* Trash* a a-b z+ (z/y)+ z/y/c");
	CHECK_ERR(store_mailbox_rename(s, S("z"), S("z/q")), ERR_DENIED);
	CHECK_ERR(store_mailbox_rename(s, S("z"), S("a")), ERR_EXISTS);
	CHECK_ERR(store_mailbox_rename(s, S("z"), S("inbox")), ERR_EXISTS);
	CHECK_ERR(store_mailbox_rename(s, S("no"), S("b")), ERR_NOTFOUND);
	CHECK_ERR(store_subscribe(s, S("gone/long/ago"), true), ERR_OK);
	CHECK_ERR(store_subscribe(s, S("a"), true), ERR_OK);
	CHECK_ERR(store_subscribe(s, S("Inbox"), false), ERR_OK);
	list_is(s,
	    "INBOX Archive* Drafts* Junk* Sent* Trash* a* a-b (gone/long/ago)* z+ (z/y)+ z/y/c");
	CHECK_ERR(store_mailbox_delete(s, S("a")), ERR_OK);
	list_is(s,
	    "INBOX Archive* Drafts* Junk* Sent* Trash* (a)* a-b (gone/long/ago)* z+ (z/y)+"
	    " z/y/c");
	CHECK_ERR(store_mailbox_rename(s, S("z"), S("INBOX/deep")), ERR_OK);
	list_is(s,
	    "INBOX+ INBOX/deep+ (INBOX/deep/y)+ INBOX/deep/y/c Archive* Drafts* Junk* Sent*"
	    " Trash*"
	    " (a)* a-b (gone/long/ago)*");
	store_close(&s);
	store_trial_remove(&conf);
}

/* A name that nobody could say again would keep what lies in it for itself. */
static void
rename_too_deep(void)
{
	struct store_conf conf = store_trial_conf("deep");
	struct store *s = store_trial_open(&conf);
	struct arena *a = arena_new(NULL, "deep", 1 << 16, 0);
	struct store_mailbox m;
	char name[200];
	for (size_t i = 0; i < sizeof name; i += 2) {
		memcpy(name + i, "x/", 2);
	}
	CHECK_ERR(store_mailbox_create(s, str_make(name, 61), 0, NULL), ERR_OK); /* 31 levels */
	CHECK_ERR(store_mailbox_rename(s, S("x"), S("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u")),
	    ERR_TOOBIG);
	CHECK_ERR(store_mailbox_find(s, str_make(name, 61), a, &m), ERR_OK);
	CHECK_ERR(store_mailbox_find(s, S("a"), a, &m), ERR_NOTFOUND);
	CHECK_ERR(store_mailbox_rename(s, S("x"), S("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t")),
	    ERR_OK);
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
}

/* Parents that a rename makes count as any mailbox does. */
static void
rename_too_many(void)
{
	struct store_conf conf = store_trial_conf("many");
	struct store *s = store_trial_open(&conf);
	struct arena *a = arena_new(NULL, "many", 64 << 20, 0);
	struct store_mailbox *v = NULL;
	char from[200], to[200];
	size_t n = 0;
	enum err e = store_mailbox_create(s, S("m"), 0, NULL);
	int from_n = snprintf(from, sizeof from, "m");
	for (int i = 0; e == ERR_OK && i < 2 * STORE_MAILBOXES_MAX / STORE_DEPTH_MAX; i++) {
		int to_n = snprintf(to, sizeof to, "t%d", i);
		for (int k = 1; k < STORE_DEPTH_MAX; k++) {
			to_n += snprintf(to + to_n, sizeof to - (size_t)to_n, "/t");
		}
		e = store_mailbox_rename(s, str_make(from, (size_t)from_n),
		    str_make(to, (size_t)to_n));
		memcpy(from, to, (size_t)to_n);
		from_n = to_n;
	}
	CHECK_ERR(e, ERR_TOOMANY);
	CHECK_ERR(store_mailboxes(s, a, &v, &n), ERR_OK);
	CHECK(n <= STORE_MAILBOXES_MAX);
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
special_use(void)
{
	struct store_conf conf = store_trial_conf("special");
	struct store *s = store_trial_open(&conf);
	struct arena *a = arena_new(NULL, "special", 1 << 16, 0);
	struct store_mailbox m;
	CHECK_ERR(store_mailbox_find(s, S("Trash"), a, &m), ERR_OK);
	CHECK_U64(m.special, STORE_TRASH);
	CHECK_ERR(store_mailbox_create(s, S("x"), STORE_TRASH, NULL), ERR_DENIED);
	CHECK_ERR(store_mailbox_delete(s, S("Trash")), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, S("x"), STORE_TRASH, NULL), ERR_OK);
	CHECK_ERR(store_mailbox_find(s, S("X"), a, &m), ERR_NOTFOUND);
	CHECK_ERR(store_mailbox_find(s, S("inbox"), a, &m), ERR_OK);
	CHECK_STR(m.name, S("INBOX"));
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
}

/* RFC 9051 6.3.6: renaming INBOX moves its messages and leaves it, with its inferiors, in place.
 * */
static void
rename_inbox(void)
{
	struct store_conf conf = store_trial_conf("rename");
	struct store *s = store_trial_open(&conf);
	struct arena *a = arena_new(NULL, "rename", 1 << 16, 0);
	struct store_mailbox before, m;
	CHECK_ERR(store_mailbox_create(s, S("INBOX/sub"), 0, NULL), ERR_OK);
	CHECK_U64(store_trial_append(s, 1, 7, STORE_SEEN), 1);
	CHECK_U64(store_trial_append(s, 1, 8, 0), 2);
	CHECK_ERR(store_mailbox_get(s, 1, a, &before), ERR_OK);
	CHECK_ERR(store_mailbox_rename(s, S("INBOX"), S("old/mail")), ERR_OK);
	CHECK_ERR(store_mailbox_get(s, 1, a, &m), ERR_OK);
	CHECK_U64(m.messages, 0);
	CHECK_U64(m.uidnext, 3);
	CHECK_U64(m.uidvalidity, before.uidvalidity);
	CHECK(m.modseq > before.modseq);
	CHECK_ERR(store_mailbox_find(s, S("old/mail"), a, &m), ERR_OK);
	CHECK_U64(m.messages, 2);
	CHECK_U64(m.unseen, 1);
	CHECK(m.uidvalidity > before.uidvalidity);
	list_is(s, "INBOX*+ INBOX/sub Archive* Drafts* Junk* Sent* Trash* old+ old/mail");
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
keywords(void)
{
	struct store_conf conf = store_trial_conf("keywords");
	struct store *s = store_trial_open(&conf);
	struct arena *a = arena_new(NULL, "keywords", 1 << 16, 0);
	struct store_keywords k;
	uint32_t bit, again;
	char name[8];
	CHECK_ERR(store_keyword(s, 1, S("$Junk"), &bit), ERR_OK);
	CHECK_U64(bit, 1 << STORE_KEYWORD_BIT);
	CHECK_ERR(store_keyword(s, 1, S("$junk"), &again), ERR_OK);
	CHECK_U64(again, bit);
	static const str bad[] = { S_INIT(""), S_INIT("a b"), S_INIT("\\Seen"), S_INIT("a("),
		S_INIT("a]"), S_INIT("\xc3\xa4") };
	for (size_t i = 0; i < LEN(bad); i++) {
		CHECK_ERR(store_keyword(s, 1, bad[i], &bit), ERR_SYNTAX);
	}
	for (unsigned i = 1; i < STORE_KEYWORDS_MAX; i++) {
		int n = snprintf(name, sizeof name, "k%u", i);
		CHECK_ERR(store_keyword(s, 1, str_make(name, (size_t)n), &bit), ERR_OK);
		CHECK_U64(bit, 1u << (STORE_KEYWORD_BIT + i));
	}
	CHECK_ERR(store_keyword(s, 1, S("more"), &bit), ERR_TOOMANY);
	CHECK_ERR(store_keyword(s, 2, S("more"), &bit), ERR_OK);
	CHECK_ERR(store_keyword(s, 99, S("more"), &bit), ERR_NOTFOUND);
	CHECK_ERR(store_keywords(s, 1, a, &k), ERR_OK);
	CHECK_U64(k.n, STORE_KEYWORDS_MAX);
	CHECK_STR(k.name[0], S("$Junk"));
	CHECK_STR(k.name[25], S("k25"));
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
quota(void)
{
	struct store_conf conf = store_trial_conf("quota");
	struct store *s = store_trial_open(&conf);
	struct store_new msg = { .body = S("a: b\r\n\r\n0123456789") }; /* 18 octets */
	struct store_added added;
	struct store_quota q;
	store_quota_set(s, 40, 0);
	CHECK_ERR(store_append(s, 1, &msg, 1, &added), ERR_OK);
	CHECK_ERR(store_append(s, 1, &msg, 1, &added), ERR_OK);
	CHECK_ERR(store_append(s, 1, &msg, 1, &added), ERR_QUOTA);
	CHECK_ERR(store_quota(s, &q), ERR_OK);
	CHECK_U64(q.octets, 36);
	CHECK_U64(q.messages, 2);
	CHECK_U64(q.octets_max, 40);
	struct store_range one = { 1, 1 };
	struct store_set uids = { .v = &one, .n = 1 };
	struct store_copying c = { .from = 1, .to = 2, .uids = &uids };
	struct store_copied copied;
	CHECK_ERR(store_copy(s, &c, &copied, NULL), ERR_QUOTA);
	c.move = true; /* needs no room */
	CHECK_ERR(store_copy(s, &c, &copied, NULL), ERR_OK);
	struct store_added d;
	CHECK_ERR(store_trial_deliver(s, 1, false, &d), ERR_OK);
	CHECK_ERR(d.err, ERR_QUOTA);
	store_quota_set(s, 0, 3);
	CHECK_ERR(store_trial_deliver(s, 1, false, &d), ERR_OK);
	CHECK_ERR(d.err, ERR_OK);
	CHECK_ERR(store_trial_deliver(s, 2, false, &d), ERR_OK);
	CHECK_ERR(d.err, ERR_QUOTA);
	store_quota_set(s, 0, 0);
	CHECK_ERR(store_trial_deliver(s, 2, false, &d), ERR_OK);
	CHECK_ERR(d.err, ERR_OK);
	store_close(&s);
	store_trial_remove(&conf);
}

/* Numbers that were given out before a boot are never given out after it. */
static void
new_boot(void)
{
	struct store_conf conf = store_trial_conf("boot");
	struct store *s = store_trial_open(&conf);
	struct arena *a = arena_new(NULL, "boot", 1 << 16, 0);
	struct store_mailbox m;
	struct store_msg before, after;
	uint32_t uid = store_trial_append(s, 1, 1, 0);
	CHECK_ERR(store_msg(s, 1, uid, &before), ERR_OK);
	store_close(&s);
	s = store_trial_open(&conf);
	CHECK_U64(store_trial_append(s, 1, 2, 0), uid + 1);
	store_close(&s);
	conf.boot_id = S("boot-2");
	s = store_trial_open(&conf);
	uint32_t next = store_trial_append(s, 1, 3, 0);
	CHECK(next > uid + 500 && next < uid + 5000);
	CHECK_ERR(store_msg(s, 1, next, &after), ERR_OK);
	CHECK(after.modseq > before.modseq + 500 && after.id > before.id + 500);
	CHECK_ERR(store_mailbox_get(s, 1, a, &m), ERR_OK);
	CHECK_U64(m.messages, 3);
	CHECK_U64(store_trial_append(s, 1, 4, 0), next + 1);
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
opening(void)
{
	struct store_conf conf = store_trial_conf("opening");
	struct store *s = NULL;
	conf.create = false;
	CHECK_ERR(store_open(&conf, &s), ERR_NOTFOUND);
	CHECK(s == NULL);
	conf.create = true;
	s = store_trial_open(&conf);
	struct store *two = store_trial_open(&conf); /* the same account twice */
	CHECK_U64(store_trial_append(s, 1, 1, 0), 1);
	CHECK_U64(store_trial_append(two, 1, 2, 0), 2);
	CHECK_U64(store_trial_append(s, 1, 3, 0), 3);
	store_close(&two);
	store_close(&s);
	store_close(&s);
	store_trial_save(&conf, "index.db",
	    S("this is not a database, but long enough to be one of a kind: "
	      "0123456789012345678901234567890123456789012345678901234567890123"));
	store_trial_save(&conf, "index.db-wal", S("")); /* else it still holds everything */
	s = store_trial_open(&conf);                    /* made again from the packs */
	CHECK(store_trial_append(s, 1, 4, 0) >= 4);
	struct store_msg third;
	CHECK_ERR(store_msg(s, 1, 3, &third), ERR_OK);
	store_close(&s);
	char id[STORE_ID_TEXT_MAX];
	CHECK_STR(store_id_text('M', UINT64_MAX, id), S("M18446744073709551615"));
	store_trial_remove(&conf);
}

TEST_MAIN(names, create_delete_rename, rename_too_deep, rename_too_many, special_use, rename_inbox,
    keywords, quota, new_boot, opening)
