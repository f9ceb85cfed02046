/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Annotations: set, changed, removed, all or none; limits; renamed and deleted mailboxes; news for
 * other sessions; what a rebuild restores with and without the old index.
 */
#include "base/test.h"
#include "store/limits.h"
#include "store/trial.h"
#include "sys/file.h"
#include "sys/sys.h"

static struct store_conf conf;
static struct store *s;
static struct arena *a;

static void
setup(const char *name)
{
	conf = store_trial_conf(name);
	s = store_trial_open(&conf);
	a = arena_new(NULL, "annotations", 1 << 24, 0);
}

static void
teardown(void)
{
	store_close(&s);
	arena_free(&a);
	store_trial_remove(&conf);
}

static enum err
set(uint64_t mailbox, const char *entry, const char *value)
{
	struct store_annotation one = { .mailbox = mailbox,
		.entry = str_from(entry),
		.value = value == NULL ? STR_NONE : str_from(value) };
	return store_annotate(s, &one, 1, NULL);
}

/* "entry=value ..." of a mailbox. */
static void
are(uint64_t mailbox, const char *start, const char *want)
{
	struct store_annotation_list list;
	struct buf b;
	buf_init(&b, 100000);
	CHECK_ERR(store_annotations(s, mailbox, str_from(start), a, &list), ERR_OK);
	for (size_t i = 0; i < list.n; i++) {
		buf_printf(&b, "%s%.*s=%.*s", i == 0 ? "" : " ", STR_ARG(list.v[i].entry),
		    STR_ARG(list.v[i].value));
	}
	CHECK_STR(buf_view(&b), str_from(want));
	buf_done(&b);
}

static void
set_and_removed(void)
{
	setup("annotate");
	CHECK_ERR(set(1, "/shared/comment", "one"), ERR_OK);
	CHECK_ERR(set(1, "/private/comment", ""), ERR_OK);
	CHECK_ERR(set(0, "/private/x", "account"), ERR_OK);
	CHECK_ERR(set(1, "acl:b", "lr"), ERR_OK);
	are(1, "/", "/private/comment= /shared/comment=one");
	are(1, "acl:", "acl:b=lr");
	are(1, "", "/private/comment= /shared/comment=one acl:b=lr");
	are(0, "", "/private/x=account");
	CHECK_ERR(set(1, "/shared/comment", "two"), ERR_OK);
	CHECK_ERR(set(1, "/private/comment", NULL), ERR_OK);
	CHECK_ERR(set(1, "/private/never", NULL), ERR_OK);
	are(1, "/", "/shared/comment=two");
	CHECK_ERR(set(99, "/shared/comment", "nowhere"), ERR_NOTFOUND);
	teardown();
}

/* RFC 5464 4.3: when one cannot be set, none is. */
static void
all_or_none(void)
{
	static char big[STORE_ANNOTATION_VALUE_MAX + 1];
	setup("annotate");
	struct store_annotation two[] = { { .mailbox = 1, .entry = S("/a"), .value = S("1") },
		{ .mailbox = 1, .entry = S("/b"), .value = str_make(big, sizeof big) } };
	memset(big, 'x', sizeof big);
	CHECK_ERR(store_annotate(s, two, 2, NULL), ERR_TOOBIG);
	are(1, "", "");
	two[1].value.n--;
	CHECK_ERR(store_annotate(s, two, 2, NULL), ERR_OK);
	teardown();
}

static void
limits(void)
{
	char name[32];
	setup("annotate");
	for (int i = 0; i < STORE_ANNOTATIONS_MAX; i++) {
		(void)snprintf(name, sizeof name, "/shared/%d", i);
		CHECK_ERR(set(1, name, "x"), ERR_OK);
	}
	CHECK_ERR(set(1, "/shared/more", "x"), ERR_TOOMANY);
	CHECK_ERR(set(1, "/shared/5", "changed"), ERR_OK);
	CHECK_ERR(set(1, "/shared/5", NULL), ERR_OK);
	CHECK_ERR(set(1, "/shared/more", "takes the room of 5"), ERR_OK);
	CHECK_ERR(set(1, "/shared/5", "x"), ERR_TOOMANY);
	CHECK_ERR(set(0, "/shared/5", "x"), ERR_OK);
	teardown();
}

static void
octets_limit(void)
{
	static char big[STORE_ANNOTATION_VALUE_MAX];
	char name[32];
	enum err e = ERR_OK;
	int n = 0;
	setup("annotate");
	memset(big, 'x', sizeof big);
	for (; n < 1000 && e == ERR_OK; n++) {
		struct store_annotation one = { .mailbox = 1 + (uint64_t)n % 6,
			.value = str_make(big, sizeof big) };
		(void)snprintf(name, sizeof name, "/shared/%d", n);
		one.entry = str_from(name);
		e = store_annotate(s, &one, 1, NULL);
	}
	CHECK_ERR(e, ERR_TOOMANY);
	CHECK_U64((uint64_t)n, STORE_ANNOTATION_OCTETS_MAX / STORE_ANNOTATION_VALUE_MAX);
	teardown();
}

/* RFC 5464 4.1: they follow the mailbox; INBOX keeps its own and gives a copy. */
static void
mailboxes_move(void)
{
	uint64_t id, other;
	struct store_mailbox m;
	setup("annotate");
	CHECK_ERR(store_mailbox_create(s, S("a"), 0, &id), ERR_OK);
	CHECK_ERR(set(id, "/shared/comment", "of a"), ERR_OK);
	CHECK_ERR(store_mailbox_rename(s, S("a"), S("b")), ERR_OK);
	are(id, "", "/shared/comment=of a");
	CHECK_ERR(store_mailbox_delete(s, S("b")), ERR_OK);
	are(id, "", "");
	CHECK_ERR(store_mailbox_create(s, S("b"), 0, &other), ERR_OK);
	are(other, "", "");
	CHECK_ERR(set(1, "/shared/comment", "of inbox"), ERR_OK);
	CHECK_ERR(store_mailbox_rename(s, S("INBOX"), S("old")), ERR_OK);
	CHECK_ERR(store_mailbox_find(s, S("old"), a, &m), ERR_OK);
	are(1, "", "/shared/comment=of inbox");
	are(m.id, "", "/shared/comment=of inbox");
	teardown();
}

static void
news(void)
{
	struct store_annotation_list list;
	uint64_t start = 7, middle;
	setup("annotate");
	CHECK_ERR(store_annotations_modseq(s, &start), ERR_OK);
	CHECK_U64(start, 0);
	CHECK_ERR(set(1, "/shared/a", "1"), ERR_OK);
	CHECK_ERR(store_annotations_modseq(s, &middle), ERR_OK);
	CHECK_ERR(set(2, "/shared/b", "1"), ERR_OK);
	CHECK_ERR(set(2, "acl:x", "1"), ERR_OK);
	CHECK_ERR(store_annotations_since(s, start, S("/"), a, &list), ERR_OK);
	CHECK_U64(list.n, 2);
	CHECK(list.n == 2 && list.v[0].mailbox == 1 && list.v[1].mailbox == 2 &&
	    list.v[0].value.p == NULL);
	CHECK_ERR(set(1, "/shared/a", NULL), ERR_OK);
	CHECK_ERR(store_annotations_since(s, middle, S("/"), a, &list), ERR_OK);
	CHECK(list.n == 2 && list.v[1].mailbox == 1 && str_eq(list.v[1].entry, S("/shared/a")));
	teardown();
}

static void
forget_index(void)
{
	static const str names[] = { S_INIT("index.db"), S_INIT("index.db-wal"),
		S_INIT("index.db-shm") };
	int dir = -1;
	CHECK_ERR(sys_dir_open(SYS_CWD, conf.path, &dir), ERR_OK);
	for (size_t i = 0; i < LEN(names); i++) {
		(void)!sys_file_unlink(dir, names[i]);
	}
	sys_close(&dir);
}

/* From the packs alone, from both, and from an index that was damaged. */
static void
rebuilt(void)
{
	static const char want[] = "/private/comment= /shared/comment=two acl:b=lr";
	struct store_report r = { 0 };
	uint64_t id;
	setup("annotate");
	CHECK_ERR(set(1, "/shared/comment", "one"), ERR_OK);
	CHECK_ERR(set(1, "/shared/comment", "two"), ERR_OK);
	CHECK_ERR(set(1, "/private/comment", ""), ERR_OK);
	CHECK_ERR(set(1, "/shared/gone", "x"), ERR_OK);
	CHECK_ERR(set(1, "/shared/gone", NULL), ERR_OK);
	CHECK_ERR(set(1, "acl:b", "lr"), ERR_OK);
	CHECK_ERR(set(0, "/private/x", "account"), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, S("a"), 0, &id), ERR_OK);
	CHECK_ERR(set(id, "/shared/comment", "doomed"), ERR_OK);
	CHECK_ERR(store_mailbox_delete(s, S("a")), ERR_OK);
	for (int with_index = 1; with_index >= 0; with_index--) {
		store_close(&s);
		if (!with_index) {
			forget_index();
		}
		CHECK_ERR(store_rebuild(&conf, &r), ERR_OK);
		CHECK_U64(r.bad_records, 0);
		s = store_trial_open(&conf);
		are(1, "", want);
		are(0, "", "/private/x=account");
		are(id, "", "");
		CHECK_ERR(set(1, "/shared/gone", NULL), ERR_OK);
	}
	teardown();
}

TEST_MAIN(set_and_removed, all_or_none, limits, octets_limit, mailboxes_move, news, rebuilt)
