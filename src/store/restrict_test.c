/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A restricted store: these flags in this mailbox, perhaps expunging, and nothing else. Every call
 * that changes something is tried.
 */
#include "base/test.h"
#include "store/trial.h"

static struct store_conf conf;
static struct store *s;
static struct store_set all;

static void
setup(const struct store_restriction *r)
{
	conf = store_trial_conf("restrict");
	s = store_trial_open(&conf);
	uint32_t bit;
	(void)store_trial_append(s, 1, 1, STORE_FLAGGED);
	(void)store_trial_append(s, 1, 2, STORE_DELETED);
	(void)store_trial_append(s, 2, 3, STORE_DELETED);
	CHECK_ERR(store_keyword(s, 1, S("known"), &bit), ERR_OK);
	store_set_init(&all);
	store_set_add(&all, 1, 100);
	store_restrict(s, r);
}

static void
teardown(void)
{
	store_set_done(&all);
	store_close(&s);
	store_trial_remove(&conf);
}

static uint32_t
flags_of(uint64_t mailbox, uint32_t uid)
{
	struct store_msg m = { 0 };
	CHECK_ERR(store_msg(s, mailbox, uid, &m), ERR_OK);
	return m.flags;
}

static enum err
change(uint64_t mailbox, enum store_flag_op op, uint32_t flags)
{
	struct store_changed changed;
	struct store_change c = { .mailbox = mailbox, .uids = &all, .op = op, .flags = flags };
	return store_flags(s, &c, &changed, NULL);
}

/* RFC 4314 4: a flag without its right stays as it is, and that is no error. */
static void
only_these_flags(void)
{
	setup(&(struct store_restriction){ .mailbox = 1, .flags = STORE_SEEN });
	CHECK_ERR(change(1, STORE_FLAGS_REPLACE, STORE_SEEN | STORE_ANSWERED), ERR_OK);
	CHECK_U64(flags_of(1, 1), STORE_FLAGGED | STORE_SEEN);
	CHECK_U64(flags_of(1, 2), STORE_DELETED | STORE_SEEN);
	CHECK_ERR(change(1, STORE_FLAGS_REMOVE, STORE_SEEN | STORE_FLAGGED), ERR_OK);
	CHECK_U64(flags_of(1, 1), STORE_FLAGGED);
	CHECK_ERR(change(1, STORE_FLAGS_ADD, STORE_DRAFT), ERR_OK);
	CHECK_U64(flags_of(1, 1), STORE_FLAGGED);
	CHECK_ERR(change(2, STORE_FLAGS_ADD, STORE_SEEN), ERR_DENIED);
	CHECK_U64(flags_of(2, 1), STORE_DELETED);
	teardown();
}

static void
nothing_else(void)
{
	struct store_new msg = { .body = S("Subject: x\r\n\r\nx\r\n") };
	struct store_delivery d = { .entry = 5, .msg = msg };
	struct store_added added;
	struct store_copied copied;
	struct store_copying copy = { .from = 1, .to = 2, .uids = &all };
	struct store_annotation note = { .mailbox = 1, .entry = S("/x"), .value = S("x") };
	uint32_t bit;
	setup(&(struct store_restriction){ .mailbox = 1, .flags = STORE_SEEN });
	CHECK_ERR(store_append(s, 1, &msg, 1, &added), ERR_DENIED);
	CHECK_ERR(store_deliver(s, &d, 1, &added), ERR_DENIED);
	CHECK_ERR(store_copy(s, &copy, &copied, NULL), ERR_DENIED);
	copy.move = true;
	CHECK_ERR(store_copy(s, &copy, &copied, NULL), ERR_DENIED);
	CHECK_ERR(store_expunge(s, 1, NULL, true, NULL), ERR_DENIED);
	CHECK_ERR(store_expunge(s, 2, NULL, true, NULL), ERR_DENIED);
	CHECK_ERR(store_mailbox_create(s, S("new"), 0, NULL), ERR_DENIED);
	CHECK_ERR(store_mailbox_rename(s, S("Sent"), S("new")), ERR_DENIED);
	CHECK_ERR(store_mailbox_delete(s, S("Sent")), ERR_DENIED);
	CHECK_ERR(store_subscribe(s, S("Sent"), false), ERR_DENIED);
	CHECK_ERR(store_annotate(s, &note, 1, NULL), ERR_DENIED);
	CHECK_ERR(store_keyword(s, 1, S("fresh"), &bit), ERR_DENIED);
	CHECK_ERR(store_keyword(s, 1, S("known"), &bit), ERR_OK);
	CHECK_U64(flags_of(1, 2), STORE_DELETED);
	/* one refusal excuses nothing that comes after it */
	CHECK_ERR(change(1, STORE_FLAGS_ADD, STORE_SEEN), ERR_OK);
	CHECK_ERR(store_append(s, 1, &msg, 1, &added), ERR_DENIED);
	teardown();
}

static void
expunging_and_keywords(void)
{
	struct store_msg m;
	uint32_t bit;
	setup(&(struct store_restriction){
	    .mailbox = 1, .flags = ~(uint32_t)(STORE_SEEN | STORE_DELETED), .expunge = true });
	CHECK_ERR(store_keyword(s, 1, S("fresh"), &bit), ERR_OK);
	CHECK_ERR(store_keyword(s, 2, S("fresh"), &bit), ERR_DENIED);
	CHECK_ERR(store_expunge(s, 2, NULL, true, NULL), ERR_DENIED);
	CHECK_ERR(store_expunge(s, 1, NULL, true, NULL), ERR_OK);
	CHECK_ERR(store_msg(s, 1, 2, &m), ERR_NOTFOUND);
	store_restrict(s, &(struct store_restriction){ 0 });
	CHECK_ERR(change(1, STORE_FLAGS_ADD, STORE_FLAGGED), ERR_DENIED);
	CHECK_ERR(store_expunge(s, 1, NULL, true, NULL), ERR_DENIED);
	teardown();
}

/* What insert allows: new messages, copies out of the mailbox, moves where it may expunge. */
static void
insert_here(void)
{
	struct store_new msg = { .body = S("Subject: x\r\n\r\nx\r\n"),
		.flags = STORE_SEEN | STORE_DELETED | STORE_FLAGGED };
	struct store_added added = { 0 };
	struct store_copied copied = { 0 };
	struct store_copying copy = { .from = 1, .to = 2, .uids = &all };
	struct store_replacing replacing = { .from = 1, .uid = 1, .to = 2, .msg = &msg };
	struct store_restriction r = {
		.mailbox = 1, .insert = 2, .insert_flags = STORE_SEEN | STORE_FLAGGED
	};
	uint32_t bit;
	setup(&r);
	CHECK_ERR(store_append(s, 1, &msg, 1, &added), ERR_DENIED);
	CHECK_ERR(store_append(s, 3, &msg, 1, &added), ERR_DENIED);
	CHECK_ERR(store_append(s, 2, &msg, 1, &added), ERR_OK);
	CHECK_U64(flags_of(2, added.uid), STORE_SEEN | STORE_FLAGGED);
	CHECK_ERR(store_keyword(s, 2, S("fresh"), &bit), ERR_DENIED);
	CHECK_ERR(store_copy(s, &copy, &copied, NULL), ERR_OK);
	CHECK_U64(copied.n, 2);
	CHECK_U64(flags_of(2, copied.first), STORE_FLAGGED);
	CHECK_U64(flags_of(2, copied.first + 1), 0);
	copy.move = true;
	CHECK_ERR(store_copy(s, &copy, &copied, NULL), ERR_DENIED);
	CHECK_ERR(store_replace(s, &replacing, &added), ERR_DENIED);
	copy = (struct store_copying){ .from = 3, .to = 2, .uids = &all };
	CHECK_ERR(store_copy(s, &copy, &copied, NULL), ERR_DENIED);
	copy = (struct store_copying){ .from = 1, .to = 3, .uids = &all };
	CHECK_ERR(store_copy(s, &copy, &copied, NULL), ERR_DENIED);
	CHECK_ERR(store_expunge(s, 2, NULL, true, NULL), ERR_DENIED);
	CHECK_ERR(change(2, STORE_FLAGS_ADD, STORE_FLAGGED), ERR_DENIED);
	CHECK_U64(flags_of(1, 1), STORE_FLAGGED);
	teardown();
}

static void
insert_and_expunge(void)
{
	struct store_new msg = { .body = S("Subject: x\r\n\r\nx\r\n") };
	struct store_added added = { 0 };
	struct store_copied copied = { 0 };
	struct store_copying copy = { .from = 1, .to = 2, .uids = &all, .move = true };
	struct store_replacing replacing = { .from = 1, .uid = 1, .to = 2, .msg = &msg };
	struct store_keywords words = { 0 };
	struct arena *a = arena_new(NULL, "words", 1 << 16, 0);
	uint32_t bit;
	setup(&(struct store_restriction){
	    .mailbox = 1, .flags = ~(uint32_t)0, .expunge = true, .insert = 2 });
	CHECK_ERR(change(1, STORE_FLAGS_ADD, 1u << STORE_KEYWORD_BIT), ERR_OK);
	CHECK_ERR(store_replace(s, &replacing, &added), ERR_OK);
	CHECK_ERR(store_copy(s, &copy, &copied, NULL), ERR_OK);
	CHECK_U64(copied.n, 1);
	CHECK_U64(flags_of(2, copied.first), 0);
	CHECK_ERR(store_keywords(s, 2, a, &words), ERR_OK);
	CHECK_U64(words.n, 0); /* none was made for a flag that did not come along */
	store_restrict(s,
	    &(struct store_restriction){ .mailbox = 1, .insert = 2, .insert_flags = ~(uint32_t)0 });
	CHECK_ERR(store_keyword(s, 2, S("fresh"), &bit), ERR_OK);
	CHECK_ERR(store_keyword(s, 1, S("fresh"), &bit), ERR_DENIED);
	store_restrict(s, &(struct store_restriction){ 0 });
	CHECK_ERR(store_append(s, 2, &msg, 1, &added), ERR_DENIED);
	arena_free(&a);
	teardown();
}

/* ---- names -------------------------------------------------------------------------------- */

static uint64_t
id_of(const char *name)
{
	struct arena *a = arena_new(NULL, "find", 1 << 16, 0);
	struct store_mailbox m = { 0 };
	enum err e = store_mailbox_find(s, str_from(name), a, &m);
	CHECK(e == ERR_OK || e == ERR_NOTFOUND);
	arena_free(&a);
	return m.id;
}

/* Sent, with Sent/a/b and Sent/c; Drafts. */
static void
setup_names(void)
{
	struct store_annotation list[] = { { .entry = S("acl:x"), .value = S("1 lr") },
		{ .entry = S("/shared/comment"), .value = S("ours") } };
	conf = store_trial_conf("restrict-names");
	s = store_trial_open(&conf);
	store_set_init(&all);
	for (size_t i = 0; i < LEN(list); i++) {
		list[i].mailbox = id_of("Sent");
	}
	CHECK_ERR(store_annotate(s, list, LEN(list), NULL), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, S("Sent/a/b"), 0, NULL), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, S("Sent/c"), 0, NULL), ERR_OK);
}

static void
handed_down(const char *name)
{
	struct store_annotation_list list = { 0 };
	struct arena *a = arena_new(NULL, "list", 1 << 16, 0);
	test_case = name;
	CHECK_ERR(store_annotations(s, id_of(name), S(""), a, &list), ERR_OK);
	CHECK_U64(list.n, 1);
	CHECK_STR(list.v[0].entry, S("acl:x"));
	CHECK_STR(list.v[0].value, S("1 lr"));
	arena_free(&a);
}

/* One name, below one mailbox. */
static void
create_here(void)
{
	setup_names();
	struct store_restriction r = { .name = S("Sent/a/new/er/"), .below = id_of("Sent/a") };
	handed_down("Sent/a");
	handed_down("Sent/a/b");
	store_restrict(s, &r);
	CHECK_ERR(store_mailbox_create(s, S("Sent/a/new"), 0, NULL), ERR_DENIED);
	CHECK_ERR(store_mailbox_create(s, S("Sent/a/new/er/s"), 0, NULL), ERR_DENIED);
	CHECK_ERR(store_mailbox_create(s, S("Sent/a/new/er"), STORE_ALL, NULL), ERR_DENIED);
	CHECK_ERR(store_mailbox_create(s, S("new"), 0, NULL), ERR_DENIED);
	CHECK_ERR(store_mailbox_delete(s, S("Sent/a/b")), ERR_DENIED);
	CHECK_ERR(store_mailbox_rename(s, S("Sent/a/b"), S("Sent/a/new/er")), ERR_DENIED);
	CHECK_ERR(store_mailbox_create(s, S("Sent/a/new/er"), 0, NULL), ERR_OK);
	handed_down("Sent/a/new");
	handed_down("Sent/a/new/er");
	CHECK_ERR(store_mailbox_create(s, S("Sent/a/new/er"), 0, NULL), ERR_EXISTS);
	/* the one above has become another meanwhile, or there is none */
	r = (struct store_restriction){ .name = S("Sent/c/new"), .below = id_of("Sent/a") };
	store_restrict(s, &r);
	CHECK_ERR(store_mailbox_create(s, S("Sent/c/new"), 0, NULL), ERR_DENIED);
	r = (struct store_restriction){ .name = S("new/er") };
	store_restrict(s, &r);
	CHECK_ERR(store_mailbox_create(s, S("new/er"), 0, NULL), ERR_DENIED);
	CHECK_U64(id_of("Sent/c/new") + id_of("new") + id_of("new/er"), 0);
	teardown();
}

static void
remove_this(void)
{
	setup_names();
	store_restrict(s, &(struct store_restriction){ .remove = id_of("Sent/a") });
	CHECK_ERR(store_mailbox_delete(s, S("Sent")), ERR_DENIED);
	CHECK_ERR(store_mailbox_delete(s, S("Sent/a/b")), ERR_DENIED);
	CHECK_ERR(store_mailbox_rename(s, S("Sent/a"), S("Sent/x")), ERR_DENIED);
	CHECK_ERR(store_mailbox_create(s, S("Sent/x"), 0, NULL), ERR_DENIED);
	CHECK_ERR(store_mailbox_delete(s, S("Sent/a")), ERR_OK);
	CHECK_ERR(store_mailbox_delete(s, S("Sent/a")), ERR_DENIED); /* b is still below it */
	store_restrict(s, &(struct store_restriction){ .remove = 1 });
	CHECK_ERR(store_mailbox_delete(s, S("INBOX")), ERR_DENIED);
	CHECK(id_of("Sent/a/b") != 0 && id_of("INBOX") == 1);
	teardown();
}

static void
rename_this(void)
{
	setup_names();
	uint64_t along[1] = { id_of("Sent/a/b") }, renamed = id_of("Sent/a");
	struct store_restriction r = {
		.name = S("Drafts/a"), .below = id_of("Drafts"), .rename = renamed
	};
	store_restrict(s, &r);
	CHECK_ERR(store_mailbox_rename(s, S("Sent/a"), S("Drafts/a")), ERR_DENIED); /* b */
	r.along = along;
	r.along_n = 1;
	store_restrict(s, &r);
	CHECK_ERR(store_mailbox_create(s, S("Drafts/a"), 0, NULL), ERR_DENIED);
	CHECK_ERR(store_mailbox_delete(s, S("Sent/a")), ERR_DENIED);
	CHECK_ERR(store_mailbox_rename(s, S("Sent"), S("Drafts/a")), ERR_DENIED);
	CHECK_ERR(store_mailbox_rename(s, S("Sent/c"), S("Drafts/a")), ERR_DENIED);
	CHECK_ERR(store_mailbox_rename(s, S("INBOX"), S("Drafts/a")), ERR_DENIED);
	CHECK_ERR(store_mailbox_rename(s, S("Sent/a"), S("Drafts/b")), ERR_DENIED);
	CHECK_ERR(store_mailbox_rename(s, S("Sent/a/b"), S("Drafts/a")), ERR_DENIED);
	CHECK_ERR(store_mailbox_rename(s, S("Sent/a"), S("Drafts/a")), ERR_OK);
	CHECK_U64(id_of("Drafts/a"), renamed);
	CHECK_U64(id_of("Drafts/a/b"), along[0]);
	r = (struct store_restriction){
		.name = S("Drafts/i"), .below = id_of("Drafts"), .rename = 1
	};
	store_restrict(s, &r);
	CHECK_ERR(store_mailbox_rename(s, S("INBOX"), S("Drafts/i")), ERR_DENIED);
	CHECK_U64(id_of("Drafts/i"), 0);
	teardown();
}

/* ---- an annotation ------------------------------------------------------------------------- */

struct wish {
	const char *entry, *value;
	size_t seen;
	enum err err;
};

static enum err
grant(void *ctx, const struct store_annotation_list *now, struct store_annotation *one)
{
	struct wish *w = ctx;
	w->seen = now->n;
	one->entry = str_from(w->entry);
	one->value = w->value == NULL ? STR_NONE : str_from(w->value);
	return w->err;
}

static enum err
choose(uint64_t mailbox, const char *entry, const char *value)
{
	struct arena *a = arena_new(NULL, "choose", 1 << 16, 0);
	struct wish wish = { entry, value, 0, ERR_OK };
	struct store_annotation_choice c = {
		.mailbox = mailbox, .start = S("acl:"), .choose = grant, .ctx = &wish, .a = a
	};
	enum err e = store_annotate_by(s, &c);
	arena_free(&a);
	return e;
}

/* This entry of this mailbox, chosen by those that are there. */
static void
one_entry(void)
{
	struct arena *a = arena_new(NULL, "list", 1 << 16, 0);
	struct store_annotation_list list = { 0 };
	setup_names();
	uint64_t sent = id_of("Sent"), sub = id_of("Sent/a");
	struct store_annotation plain = { .mailbox = sent, .entry = S("acl:y"), .value = S("2 l") };
	struct store_restriction r = { .annotate = sent, .entry = S("acl:y") };
	struct wish wish = { "acl:y", "2 lr", 0, ERR_PROTOCOL };
	struct store_annotation_choice refused = {
		.mailbox = sent, .start = S("acl:"), .choose = grant, .ctx = &wish, .a = a
	};
	CHECK_ERR(choose(sent, "acl:z", "3 l"), ERR_OK);
	CHECK_ERR(store_annotate_by(s, &refused), ERR_PROTOCOL);
	CHECK_U64(wish.seen, 2); /* x and z, and no METADATA */
	store_restrict(s, &r);
	CHECK_ERR(choose(sent, "acl:x", NULL), ERR_DENIED);
	CHECK_ERR(choose(sub, "acl:y", "2 lr"), ERR_DENIED);
	CHECK_ERR(store_annotate(s, &plain, 1, NULL), ERR_DENIED);
	CHECK_ERR(store_mailbox_delete(s, S("Sent/a")), ERR_DENIED);
	CHECK_ERR(choose(sent, "acl:y", "2 lr"), ERR_OK);
	CHECK_ERR(choose(sent, "acl:y", NULL), ERR_OK);
	CHECK_ERR(choose(sent, "acl:y", "2 l"), ERR_OK);
	store_restrict(s, &(struct store_restriction){ 0 });
	CHECK_ERR(choose(sent, "acl:y", NULL), ERR_DENIED);
	CHECK_ERR(choose(0, "acl:y", NULL), ERR_DENIED);
	CHECK_ERR(store_annotations(s, sent, S("acl:"), a, &list), ERR_OK);
	CHECK_U64(list.n, 3);
	CHECK_STR(list.v[1].value, S("2 l"));
	arena_free(&a);
	teardown();
}

TEST_MAIN(only_these_flags, nothing_else, expunging_and_keywords, insert_here, insert_and_expunge,
    create_here, remove_this, rename_this, one_entry)
