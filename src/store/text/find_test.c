/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search against an oracle that knows nothing of blocks: it takes each message's text anew and
 * looks plainly. Random messages come and go, random keys are asked, files are damaged, the index
 * is made again.
 */
#include "base/mem.h"
#include "base/test.h"
#include "store/care.h"
#include "store/store_priv.h"
#include "store/text/text_priv.h"
#include "store/trial.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { MESSAGES_MAX = 6000, KEYS = 5 };

static struct world {
	struct store_conf conf;
	struct store *s;
	uint64_t random, made;
	uint64_t ids[MESSAGES_MAX], hits[MESSAGES_MAX];
	uint8_t scores[MESSAGES_MAX * KEYS];
	struct mail_fuzzy fuzzy[KEYS];
	size_t n; /* ids of living messages, ascending */
	uint64_t breaths;
} w;

static const char *const words[] = { "alpha", "Beta", "\xc3\x84pfel", "apfel", "gamma delta",
	"subject: x", "caf\xc3\xa9", "zz", "\xd0\x9f\xd1\x80\xd0\xb8", "longer-word-here",
	"to:", "0815" };
static const char *const needles[] = { "alpha", "beta", "apfel", "gamma delta", "subject", "cafe",
	"z", "zz", "\xd0\xbf\xd1\x80\xd0\xb8", "word-h", "a", "0815", "nowhere", "to: beta", "",
	"alpha alpha", "image/png", ": al", "alhpa", "beta alpha", "longre apfle zz", "delta gamma",
	"0816" };

static uint64_t
any(uint64_t below)
{
	return store_trial_random(&w.random, below);
}

static const char *
any_word(void)
{
	return words[any(LEN(words))];
}

static void
put_words(struct buf *out, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		buf_printf(out, "%s%s", any_word(), any(9) == 0 ? "\r\n " : " ");
	}
	buf_cstr(out, "\r\n");
}

/* Plain, HTML, or of parts; now and then long. */
static void
any_message(struct buf *out)
{
	uint64_t kind = any(4), n = any(100) == 0 ? 40000 : any(60);
	buf_reset(out);
	buf_printf(out, "From: %s\r\nSubject: ", any_word());
	put_words(out, any(5));
	buf_printf(out, "X-Other: %s %s\r\n", any_word(), any_word());
	if (kind == 0) {
		buf_cstr(out, "Content-Type: text/html\r\n\r\n<p>alpha<b>beta</b>");
	} else if (kind == 1) {
		buf_cstr(out,
		    "Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n"
		    "Content-Type: image/png\r\n\r\nalpha\r\n--q\r\n\r\n");
	} else {
		buf_cstr(out, "\r\n");
	}
	put_words(out, n);
}

static void
add(size_t n)
{
	struct buf out;
	buf_init(&out, 1 << 22);
	for (size_t i = 0; i < n && w.n < MESSAGES_MAX; i++) {
		struct store_added added;
		any_message(&out);
		struct store_new msg = { .body = buf_view(&out), .internal_s = 1 };
		CHECK_ERR(store_append(w.s, 1, &msg, 1, &added), ERR_OK);
		w.ids[w.n++] = added.id;
	}
	buf_done(&out);
}

static uint32_t
uid_of(uint64_t id)
{
	static struct store_msg msgs[MESSAGES_MAX];
	struct store_scan scan = { .mailbox = 1, .lo = 1, .hi = UINT32_MAX };
	size_t n = 0;
	CHECK_ERR(store_msgs(w.s, &scan, msgs, LEN(msgs), &n), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		if (msgs[i].id == id) {
			return msgs[i].uid;
		}
	}
	return 0;
}

/* Remove about `part` of a hundred. */
static void
drop(uint64_t part)
{
	static struct store_msg msgs[MESSAGES_MAX];
	struct store_scan scan = { .mailbox = 1, .lo = 1, .hi = UINT32_MAX };
	struct store_set uids;
	size_t n = 0, kept = 0;
	store_set_init(&uids);
	CHECK_ERR(store_msgs(w.s, &scan, msgs, LEN(msgs), &n), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		if (any(100) < part) {
			store_set_add(&uids, msgs[i].uid, msgs[i].uid);
		} else {
			w.ids[kept++] = msgs[i].id;
		}
	}
	w.n = kept;
	CHECK_ERR(store_expunge(w.s, 1, &uids, false, NULL), ERR_OK);
	store_set_done(&uids);
}

/* ---- the oracle --------------------------------------------------------------------------- */

static bool
field_has(str column, const struct store_text_key *key)
{
	str line;
	while (str_next(&column, '\n', &line)) {
		str name, rest;
		if (line.n > 0 && line.p[0] != MAIL_TEXT_PART && str_cut(line, ':', &name, &rest) &&
		    str_eq(name, key->name) && str_find(rest, key->needle) >= 0) {
			return true;
		}
	}
	return false;
}

/* The fields of that name, one behind another. */
static void
look_at_fields(str column, const struct store_text_key *key, struct mail_fuzzy_found *found)
{
	str line;
	while (str_next(&column, '\n', &line)) {
		str name, rest;
		if (line.n > 0 && line.p[0] != MAIL_TEXT_PART && str_cut(line, ':', &name, &rest) &&
		    str_eq(name, key->name)) {
			mail_fuzzy_look(key->fuzzy, rest, 100, found);
		}
	}
}

static unsigned
score(const struct mail_text *t, const struct store_text_key *key)
{
	struct mail_fuzzy_found found = { 0 };
	str body = buf_view(&t->column[MAIL_TEXT_BODY]);
	str main = buf_view(&t->column[MAIL_TEXT_MAIN]),
	    other = buf_view(&t->column[MAIL_TEXT_FIELDS]);
	if (key->where == STORE_TEXT_FIELD) {
		look_at_fields(main, key, &found);
		look_at_fields(other, key, &found);
	} else if (key->where == STORE_TEXT_BODY) {
		mail_fuzzy_look(key->fuzzy, body, 100, &found);
	} else { /* doc/why/029 */
		mail_fuzzy_look(key->fuzzy, main, 100, &found);
		mail_fuzzy_look(key->fuzzy, body, 70, &found);
		mail_fuzzy_look(key->fuzzy, other, 50, &found);
	}
	return mail_fuzzy_score(key->fuzzy, &found);
}

static bool
has(const struct mail_text *t, const struct store_text_key *key)
{
	str body = buf_view(&t->column[MAIL_TEXT_BODY]);
	str main = buf_view(&t->column[MAIL_TEXT_MAIN]),
	    other = buf_view(&t->column[MAIL_TEXT_FIELDS]);
	switch (key->where) {
	case STORE_TEXT_BODY: return str_find(body, key->needle) >= 0;
	case STORE_TEXT_FIELD: return field_has(main, key) || field_has(other, key);
	case STORE_TEXT_ANY: break;
	}
	return str_find(main, key->needle) >= 0 || str_find(other, key->needle) >= 0 ||
	    str_find(body, key->needle) >= 0;
}

/* Out: scores, by slot */
static uint64_t
oracle(uint64_t id, const struct store_text_key *keys, size_t n, uint8_t *scores)
{
	struct arena *a = arena_new(NULL, "oracle", 8 << 20, 0);
	struct mail_text t;
	uint64_t hits = 0;
	str octets;
	mail_text_init(&t);
	if (store_text(w.s, id, &octets) == ERR_OK) {
		CHECK_ERR(mail_text_read(&t, octets, a), ERR_OK);
		for (size_t k = 0; k < n; k++) {
			unsigned got = keys[k].fuzzy != NULL ? score(&t, &keys[k]) : 0;
			hits |= (uint64_t)(keys[k].fuzzy != NULL ? got > 0 : has(&t, &keys[k]))
			    << k;
			scores[keys[k].slot] = (uint8_t)MAX(got, (unsigned)scores[keys[k].slot]);
		}
	}
	mail_text_done(&t);
	arena_free(&a);
	return hits;
}

static enum err
breathe(void *ctx)
{
	w.breaths++;
	return ERR_OK;
}

/* Out: how many are fuzzy */
static size_t
any_keys(struct store_text_key *keys)
{
	size_t slots = 0;
	static const str names[] = { S_INIT("subject"), S_INIT("from"), S_INIT("x-other"),
		S_INIT("content-type"), S_INIT("x-none") };
	for (size_t k = 0; k < KEYS; k++) {
		keys[k] = (struct store_text_key){ .where = (enum store_text_where)any(3),
			.name = names[any(LEN(names))],
			.needle = str_from(needles[any(LEN(needles))]) };
		if (any(3) == 0) {
			mail_fuzzy_init(&w.fuzzy[k], keys[k].needle);
			keys[k].fuzzy = &w.fuzzy[k];
			keys[k].slot = slots++;
		}
	}
	return slots;
}

/* Ask for all messages, or for some; compare each of them, or one in `step`. */
static void
ask(bool some, size_t step)
{
	static uint64_t ids[MESSAGES_MAX];
	struct store_text_key keys[KEYS];
	size_t n = 0, wrong = 0, slots = any_keys(keys);
	bool scored = slots > 0 && any(2) == 0;
	for (size_t i = 0; i < w.n; i++) {
		if (!some || any(7) == 0) {
			ids[n++] = w.ids[i];
		}
	}
	struct store_text_ask a = {
		.keys = keys, .keys_n = KEYS, .ids = ids, .n = n, .hits = w.hits, .breathe = breathe
	};
	if (scored) {
		memset(w.scores, 0, sizeof w.scores);
		a.scores = w.scores;
		a.slots = slots;
	}
	CHECK_ERR(store_text_find(w.s, &a), ERR_OK);
	for (size_t i = any(step); i < n; i += step) {
		uint8_t want[KEYS] = { 0 };
		wrong += w.hits[i] != oracle(ids[i], keys, KEYS, want);
		wrong += scored && memcmp(want, w.scores + i * slots, slots) != 0;
	}
	CHECK_U64(wrong, 0);
}

static void
begin(const char *name)
{
	memset(&w, 0, sizeof w);
	w.conf = store_trial_conf(name);
	w.s = store_trial_open(&w.conf);
	w.random = 7;
}

static void
end(void)
{
	store_close(&w.s);
	store_trial_remove(&w.conf);
}

static void
reopen(void)
{
	store_close(&w.s);
	w.s = store_trial_open(&w.conf);
}

static struct store_text_state
state(void)
{
	struct store_text_state st = { 0 };
	CHECK_ERR(store_text_state(w.s, &st), ERR_OK);
	return st;
}

/* ---- cases -------------------------------------------------------------------------------- */

/* Any order of adding, removing, asking, keeping up and opening again. */
static void
as_the_oracle(void)
{
	bool more;
	begin("find");
	for (int step = 0; step < 120; step++) {
		switch (any(6)) {
		case 0: add(any(4) == 0 ? 400 : 30); break;
		case 1: drop(any(40)); break;
		case 2: CHECK_ERR(store_text_keep_up(w.s, &more), ERR_OK); break;
		case 3: reopen(); break;
		case 4: ask(true, 3); break;
		default: ask(false, 7); break;
		}
	}
	CHECK(w.breaths > 0);
	end();
}

/* A few messages of many cost a batch, not everything; asking for all takes all. */
static void
what_is_taken(void)
{
	bool more = true;
	begin("taken");
	add(2000);
	CHECK_ERR(store_text_keep_up(w.s, &more), ERR_OK);
	CHECK(!more && state().files == 0); /* never searched: nothing is done */
	size_t all = w.n;
	w.n = 5;
	ask(false, 1);
	CHECK_U64(state().messages, STORE_TEXT_BATCH);
	CHECK_ERR(store_text_keep_up(w.s, &more), ERR_OK);
	CHECK(more);
	CHECK_U64(state().messages, 2 * STORE_TEXT_BATCH);
	w.n = all;
	ask(false, 10);
	CHECK_U64(state().pending, 0);
	add(STORE_TEXT_FEW);
	ask(false, 100);
	CHECK_U64(state().pending, STORE_TEXT_FEW); /* looked at, not taken */
	CHECK_ERR(store_text_keep_up(w.s, &more), ERR_OK);
	CHECK_U64(state().pending, 0);
	end();
}

static struct store_text_file
last_file(void)
{
	struct store_text_file f = { 0 };
	CHECK_ERR(store_text_file_last(w.s, &f), ERR_OK);
	return f;
}

static str
file_name(const struct store_text_file *f, char room[32])
{
	return str_make(room, (size_t)snprintf(room, 32, "text/%06u", f->number));
}

/* What a crash or a bad disk can do to a file costs nothing but time. */
static void
damage(void)
{
	struct buf b;
	char room[32];
	begin("damage");
	add(700);
	ask(false, 10);
	for (int kind = 0; kind < 5; kind++) {
		struct store_text_file f = last_file();
		str name = file_name(&f, room);
		store_trial_load(&w.conf, name.p, &b);
		CHECK(b.n >= f.end && f.end > 1000);
		if (kind == 0) {
			buf_cstr(&b, "a torn block"); /* behind the end: never counted */
		} else if (kind == 1) {
			buf_truncate(&b, (size_t)f.end - 1);
		} else if (kind == 2) {
			buf_truncate(&b, 0);
		} else {
			b.p[kind == 3 ? 3 : f.end / 2] ^= 1;
		}
		store_trial_save(&w.conf, name.p, buf_view(&b));
		buf_done(&b);
		reopen();
		ask(false, 10);
		ask(true, 10);
		add(STORE_TEXT_FEW + 1);
		ask(false, 10);
	}
	struct store_text_file f = last_file();
	str gone = file_name(&f, room);
	int dir = -1;
	CHECK_ERR(sys_dir_open(SYS_CWD, w.conf.path, &dir), ERR_OK);
	CHECK_ERR(sys_file_unlink(dir, gone), ERR_OK);
	sys_close(&dir);
	ask(false, 10);
	end();
}

/* A new index knows no files: they are removed and made again. */
static void
rebuilt(void)
{
	struct store_report none = { 0 };
	begin("rebuilt");
	add(500);
	ask(false, 10);
	CHECK_U64(state().files, 1);
	store_close(&w.s);
	CHECK_ERR(store_rebuild(&w.conf, &none), ERR_OK);
	w.s = store_trial_open(&w.conf);
	CHECK_U64(state().files, 0);
	ask(false, 10);
	CHECK_U64(state().files, 1);
	CHECK_U64(last_file().number, 2);
	end();
}

/* More than a quarter dead, and a day later: the file is made again without them. */
static void
dead(void)
{
	bool more;
	begin("dead");
	add(600);
	ask(false, 10);
	uint64_t before = state().messages;
	drop(40);
	CHECK_ERR(store_text_keep_up(w.s, &more), ERR_OK);
	CHECK_U64(state().messages, before); /* looked at today already */
	store_trial_now += 2 * STORE_TEXT_LOOK_S;
	CHECK_ERR(store_text_keep_up(w.s, &more), ERR_OK);
	CHECK_U64(state().messages, w.n);
	CHECK(last_file().number == 2 && uid_of(w.ids[0]) != 0);
	ask(false, 5);
	drop(10);
	store_trial_now += 2 * STORE_TEXT_LOOK_S;
	CHECK_ERR(store_text_keep_up(w.s, &more), ERR_OK);
	CHECK(last_file().number == 2); /* less than a quarter */
	ask(false, 5);
	end();
}

/* Whatever cannot be had ends the search with an error, and the next one is right. */
static void
without_memory(void)
{
	unsigned failed = 0;
	begin("nomem");
	add(200);
	struct store_text_key key = { .where = STORE_TEXT_ANY, .needle = S("alpha") };
	struct store_text_ask a = {
		.keys = &key, .keys_n = 1, .ids = w.ids, .n = w.n, .hits = w.hits
	};
	for (unsigned n = 1; n < 60; n++) {
		mem_fail_after(n);
		enum err e = store_text_find(w.s, &a);
		mem_fail_after(0);
		failed += e != ERR_OK;
		CHECK(e == ERR_OK || e == ERR_NOMEM || e == ERR_BUDGET);
	}
	CHECK(failed > 10);
	ask(false, 1);
	end();
}

static void
keep_up_fully(void)
{
	bool more = true;
	for (int i = 0; more && i < 200; i++) {
		CHECK_ERR(store_text_keep_up(w.s, &more), ERR_OK);
	}
	CHECK(!more);
}

/* How many messages the trigram index leaves for a key; SIZE_MAX: it does not help. */
static size_t
left_for(const struct store_text_key *key)
{
	static bool marks[MESSAGES_MAX];
	struct store_text_ask a = { .keys = key, .keys_n = 1, .ids = w.ids, .n = w.n };
	size_t n = 0;
	memset(marks, 0, sizeof marks);
	if (!store_text_trigram_narrow(w.s, &a, marks)) {
		return SIZE_MAX;
	}
	for (size_t i = 0; i < w.n; i++) {
		n += marks[i];
	}
	return n;
}

static size_t
narrowed(const char *needle)
{
	return left_for(&(struct store_text_key){
	    .where = STORE_TEXT_ANY, .needle = str_from(needle) });
}

static size_t
narrowed_fuzzily(const char *needle)
{
	struct mail_fuzzy f;
	mail_fuzzy_init(&f, str_from(needle));
	return left_for(&(struct store_text_key){ .needle = str_from(needle), .fuzzy = &f });
}

static void
look_fuzzily(const struct mail_fuzzy *f, const char *needle, uint64_t *hits, uint8_t *scores)
{
	struct store_text_key key = { .needle = str_from(needle), .fuzzy = f };
	struct store_text_ask a = { .keys = &key,
		.keys_n = 1,
		.ids = w.ids,
		.n = w.n,
		.hits = hits,
		.scores = scores,
		.slots = 1 };
	memset(scores, 0, w.n);
	CHECK_ERR(store_text_find(w.s, &a), ERR_OK);
}

/* With the index and without it the same is found, with the same scores. Out: how many. */
static size_t
found_fuzzily(const char *needle)
{
	static uint64_t plain[MESSAGES_MAX];
	static uint8_t plain_scores[MESSAGES_MAX];
	struct mail_fuzzy f;
	uint64_t from = w.s->trigram_from;
	size_t n = 0;
	mail_fuzzy_init(&f, str_from(needle));
	look_fuzzily(&f, needle, w.hits, w.scores);
	w.s->trigram_from = 0;
	look_fuzzily(&f, needle, plain, plain_scores);
	w.s->trigram_from = from;
	CHECK(memcmp(w.hits, plain, w.n * sizeof *plain) == 0);
	CHECK(memcmp(w.scores, plain_scores, w.n) == 0);
	for (size_t i = 0; i < w.n; i++) {
		n += w.hits[i] != 0;
	}
	return n;
}

/* One message with words that no other has. */
static void
add_rare(const char *text)
{
	struct store_added added;
	struct store_new msg = { .body = str_from(text), .internal_s = 1 };
	CHECK_ERR(store_append(w.s, 1, &msg, 1, &added), ERR_OK);
	w.ids[w.n++] = added.id;
}

/* What a word with errors may be in is known from the words there are. */
static void
check_words(size_t left)
{
	static const char *const rare[] = { "quokka", "qoukka", "quokkka", "quoka", "uokka",
		"wombatting", "wombtating", "wombattens", "wombta", "rakke", "raer quotde",
		"\xd1\x81\xd0\xbe\xd0\xb5\xd1\x81\xd0\xb4", "overquokka", "nobreak", "nobraek",
		"apostrophic", "apostophe" };
	for (size_t i = 0; i < LEN(rare); i++) {
		test_case = rare[i];
		CHECK(narrowed_fuzzily(rare[i]) <= left);
		(void)found_fuzzily(rare[i]);
	}
	for (size_t i = 0; i < LEN(needles); i++) {
		test_case = needles[i];
		(void)found_fuzzily(needles[i]);
	}
	test_case = NULL;
	CHECK_U64(found_fuzzily("qoukka"), 1);
	CHECK_U64(found_fuzzily("nobraek"), 1);
	CHECK_U64(found_fuzzily("wombattens"), 1);
	CHECK_U64(found_fuzzily("\xd1\x81\xd0\xbe\xd0\xb5\xd1\x81\xd0\xb4"), 1);
	CHECK(narrowed_fuzzily("alhpa") == SIZE_MAX); /* many have it */
	/* Of four words one may be missing. */
	CHECK(narrowed_fuzzily("quokka wombat overquokka nobreak") == SIZE_MAX);
}

/* A large account gets a trigram index, which leaves out nothing whatever happens to it. */
static void
large(void)
{
	memset(&w, 0, sizeof w);
	w.conf = store_trial_conf("large");
	w.conf.trigram_from = 1200;
	w.s = store_trial_open(&w.conf);
	w.random = 11;
	add(600);
	add_rare(
	    "Subject: R\xc3\xa4re \"quoted\" w\r\n\r\nquokka \xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\r\n"
	    "\xd0\xa1\xd0\xbe\xd1\x81\xd0\xb5\xd0\xb4 overquokkas,wombattings "
	    "no\xc2\xa0nobreak the apostrophe\xe2\x80\x99s\r\n");
	add(500);
	ask(false, 50);
	keep_up_fully();
	CHECK(narrowed("quokka") == SIZE_MAX); /* not large enough yet */
	add(900);
	ask(false, 50);
	keep_up_fully();
	size_t left = narrowed("quokka");
	CHECK(left >= 1 && left <= 1 + 128); /* and those that do not fill a batch */
	CHECK(narrowed("rare \"quoted\"") == left);
	CHECK(narrowed("\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2") == left);
	CHECK(narrowed("qu") == SIZE_MAX && narrowed("alpha") == SIZE_MAX);
	CHECK(narrowed_fuzzily("quokka") == SIZE_MAX); /* it may have an error */
	bool more = false;
	CHECK_ERR(store_text_keep_up(w.s, &more), ERR_OK);
	CHECK(more);
	CHECK(narrowed_fuzzily("qoukka") < w.n); /* of the others the words are not known yet */
	CHECK_U64(found_fuzzily("qoukka"), 1);
	keep_up_fully();
	check_words(left);
	CHECK(narrowed_fuzzily("quokka q4711k") <= 128);
	CHECK(narrowed_fuzzily("alpha beta gamma q4711k") == SIZE_MAX); /* need not be there */
	for (int i = 0; i < 12; i++) {
		ask(i % 2 == 1, 20);
	}
	add(50);
	add_rare("Subject: new\r\n\r\nquokka\r\n");
	CHECK_U64(found_fuzzily("qoukka"), 2);
	add(200);
	ask(false, 50);
	keep_up_fully(); /* trigrams and words at once */
	CHECK(narrowed_fuzzily("qoukka") <= 2 + 128);
	CHECK_U64(found_fuzzily("qoukka"), 2);
	struct store_text_key key = { .where = STORE_TEXT_BODY, .needle = S("quokka") };
	struct store_text_ask a = {
		.keys = &key, .keys_n = 1, .ids = w.ids, .n = w.n, .hits = w.hits
	};
	CHECK_ERR(store_text_find(w.s, &a), ERR_OK);
	CHECK(w.hits[600] == 1 && w.hits[w.n - 201] == 1 && w.hits[0] == 0);
	end();
}

/* As an earlier program made it: without words. */
static void
make_older(void)
{
	char path[256];
	struct db *db = NULL;
	int n = snprintf(path, sizeof path, "%.*s/text/trigram.db", STR_ARG(w.conf.path));
	struct db_conf conf = { .path = { path, (size_t)n } };
	store_close(&w.s);
	CHECK_ERR(db_open(&conf, &db), ERR_OK);
	CHECK_ERR(db_exec(db,
		      "DROP TABLE term; DROP TABLE word; ALTER TABLE state DROP COLUMN words;"
		      "ALTER TABLE state DROP COLUMN wanted; PRAGMA user_version = 1"),
	    ERR_OK);
	db_close(&db);
	w.s = store_trial_open(&w.conf);
}

/* Dead entries, another index.db, a broken file: made anew, and right meanwhile. */
static void
large_and_damaged(void)
{
	struct store_report none = { 0 };
	struct buf b;
	memset(&w, 0, sizeof w);
	w.conf = store_trial_conf("large2");
	w.conf.trigram_from = 1000;
	w.s = store_trial_open(&w.conf);
	w.random = 12;
	add_rare("\r\nquokka\r\n");
	add(2300);
	ask(false, 50);
	keep_up_fully();
	CHECK(narrowed("quokka") <= 129);
	CHECK(narrowed_fuzzily("qoukka") == SIZE_MAX);
	keep_up_fully();
	CHECK(narrowed_fuzzily("qoukka") <= 129);
	make_older();
	CHECK(narrowed("quokka") <= 129);
	CHECK(narrowed_fuzzily("qoukka") == SIZE_MAX);
	keep_up_fully();
	CHECK(narrowed_fuzzily("qoukka") <= 129);
	uint64_t first = w.ids[0];
	do {
		drop(15);
	} while (w.ids[0] != first && w.n > 1700);
	ask(false, 20);
	drop(30);
	store_trial_now += 2 * STORE_TEXT_LOOK_S;
	keep_up_fully();
	ask(false, 20);
	store_close(&w.s);
	CHECK_ERR(store_rebuild(&w.conf, &none), ERR_OK);
	w.s = store_trial_open(&w.conf);
	CHECK(narrowed("quokka") == SIZE_MAX); /* of another index.db */
	CHECK(narrowed_fuzzily("qoukka") == SIZE_MAX);
	ask(false, 20);
	keep_up_fully();
	CHECK(narrowed("quokka") <= 129);
	CHECK(narrowed_fuzzily("qoukka") <= 129);
	CHECK_U64(found_fuzzily("qoukka"), 1);
	store_close(&w.s);
	store_trial_load(&w.conf, "text/trigram.db", &b);
	for (size_t i = 0; i < b.n; i += 50) {
		b.p[i] ^= 0x55;
	}
	store_trial_save(&w.conf, "text/trigram.db", buf_view(&b));
	buf_done(&b);
	w.s = store_trial_open(&w.conf);
	ask(false, 20);
	keep_up_fully();
	keep_up_fully();
	CHECK(narrowed("quokka") <= 129);
	ask(false, 20);
	end();
}

static enum err
enough(void *ctx)
{
	return ++*(int *)ctx > 2 ? ERR_TIMEOUT : ERR_OK;
}

/* The caller can end it; what was taken until then is kept. */
static void
ended(void)
{
	int breaths = 0;
	begin("ended");
	add(1100);
	struct store_text_key key = { .where = STORE_TEXT_BODY, .needle = S("alpha") };
	struct store_text_ask a = { .keys = &key,
		.keys_n = 1,
		.ids = w.ids,
		.n = w.n,
		.hits = w.hits,
		.breathe = enough,
		.ctx = &breaths };
	CHECK_ERR(store_text_find(w.s, &a), ERR_TIMEOUT);
	CHECK_U64(state().messages, 2 * STORE_TEXT_BATCH);
	ask(false, 10);
	end();
}

TEST_MAIN(as_the_oracle, what_is_taken, damage, rebuilt, dead, without_memory, ended, large,
    large_and_damaged)
