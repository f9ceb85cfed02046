/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trigram index of a very large account: which messages have three given characters in a row;
 * and, once somebody has searched for words with errors, which have a word. It only narrows down
 * where to look: what it names is looked at in the blocks like everything else, so it may name too
 * many and dead ones, but must never leave one out. Text by SQLite's FTS5, in a file of its own;
 * the one place with SQL that PostgreSQL has no words for.
 */
#include "store/text/text_priv.h"

#include "base/codec.h"
#include "base/mem.h"
#include "store/store_priv.h"
#include "sys/file.h"

enum {
	GRAMS = 1, /* what is added of a message */
	WORDS = 2,
	BATCH = 128,  /* messages per transaction */
	WORD_MIN = 3, /* octets of words that can have errors, and letters: */
	LETTERS_MAX = MAIL_FUZZY_LETTERS + 2,
	WORD_MAX = 4 * LETTERS_MAX,
	TERMS = 1024,     /* words are looked at between two breaths */
	GRAMS_MAX = 24,   /* of one needle that are asked for */
	MATCH_MAX = 1024, /* octets of such a question */
	CHARS = 3,
	LONG = 10,    /* octets of a needle that has trigrams enough */
	WORTH = 1000, /* asking about fewer messages is not worth opening the index */
};

static const struct db_migration schema[] = {
	{
	    "CREATE TABLE state(one INTEGER PRIMARY KEY, inode INTEGER NOT NULL,"
	    " last INTEGER NOT NULL, messages INTEGER NOT NULL, checked INTEGER NOT NULL);"
	    "INSERT INTO state VALUES(1, 0, 0, 0, 0);"
	    "CREATE VIRTUAL TABLE gram USING fts5(text, content='', detail=none, columnsize=0,"
	    " tokenize='trigram case_sensitive 1');",
	},
	{
	    "CREATE VIRTUAL TABLE word USING fts5(text, content='', detail=none, columnsize=0,"
	    " tokenize='ascii');"
	    "CREATE VIRTUAL TABLE term USING fts5vocab(word, 'row');"
	    "ALTER TABLE state ADD COLUMN words INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE state ADD COLUMN wanted INTEGER NOT NULL DEFAULT 0;",
	},
};

/* The row of the table state. */
struct state {
	uint64_t inode; /* of the index.db it was made by: another one may know other messages */
	uint64_t last;  /* messages up to this id are in it */
	uint64_t messages;
	int64_t checked_s;
	uint64_t words;  /* the words of messages up to this id are in it, too */
	uint64_t wanted; /* not 0: somebody has asked for words with errors */
};

static enum err
open_file(struct store *s, bool create, struct db **ret)
{
	char path[DB_PATH_MAX + 32];
	int n = snprintf(path, sizeof path, "%.*s/text/trigram.db", (int)s->path_n, s->path);
	struct db_conf conf = { .path = { path, (size_t)n }, .flags = create ? DB_CREATE : 0 };
	struct db *db = NULL;
	TRY(db_open(&conf, &db));
	enum err e = db_migrate(db, schema, LEN(schema));
	if (e != ERR_OK) {
		db_close(&db);
		return e;
	}
	*ret = db;
	return ERR_OK;
}

static enum err
load(struct db *db, struct state *ret)
{
	struct db_stmt *q = db_query(db,
	    "SELECT inode, last, messages, checked, words, wanted FROM state");
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret = (struct state){ db_u64(q, 0), db_u64(q, 1), db_u64(q, 2), db_i64(q, 3),
			db_u64(q, 4), db_u64(q, 5) };
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_CORRUPT : e;
}

/* All but `wanted`, which searches set. */
static enum err
save(struct db *db, const struct state *st)
{
	struct db_stmt *q = db_query(db,
	    "UPDATE state SET inode = ?, last = ?, messages = ?, checked = ?, words = ?");
	db_bind_u64(q, 1, st->inode);
	db_bind_u64(q, 2, st->last);
	db_bind_u64(q, 3, st->messages);
	db_bind_i64(q, 4, st->checked_s);
	db_bind_u64(q, 5, st->words);
	return db_run(q);
}

/* ---- building ----------------------------------------------------------------------------- */

static enum err
add_grams(struct store_text *t, struct db *db, uint64_t id)
{
	buf_reset(&t->out);
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		buf_str(&t->out, buf_view(&t->text.column[i]));
	}
	TRY(buf_err(&t->out));
	struct db_stmt *q = db_query(db, "INSERT INTO gram(rowid, text) VALUES(?, ?)");
	db_bind_u64(q, 1, id);
	db_bind_str(q, 2, buf_view(&t->out));
	return db_run(q);
}

/* Can a word of a query be this with errors or another ending? Keys and signatures cannot. */
static bool
has_few_letters(str word)
{
	size_t n = 0;
	for (size_t i = 0; i < word.n && n <= LETTERS_MAX; i++) {
		n += ((uint8_t)word.p[i] & 0xc0) != 0x80;
	}
	return word.n >= WORD_MIN && word.n <= WORD_MAX && n <= LETTERS_MAX;
}

static void
put_words(struct buf *out, str column)
{
	str word;
	while (mail_fuzzy_next(&column, &word)) {
		if (has_few_letters(word)) {
			buf_str(out, word);
			buf_ch(out, ' ');
		}
	}
}

static enum err
add_words(struct store_text *t, struct db *db, uint64_t id)
{
	buf_reset(&t->out);
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		put_words(&t->out, buf_view(&t->text.column[i]));
	}
	TRY(buf_err(&t->out));
	struct db_stmt *q = db_query(db, "INSERT INTO word(rowid, text) VALUES(?, ?)");
	db_bind_u64(q, 1, id);
	db_bind_str(q, 2, buf_view(&t->out));
	return db_run(q);
}

static enum err
add_message(struct store_text *t, struct db *db, uint64_t id, unsigned what)
{
	enum err e = store_text_read(t, id);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	TRY((what & GRAMS) != 0 ? add_grams(t, db, id) : ERR_OK);
	return (what & WORDS) != 0 ? add_words(t, db, id) : ERR_OK;
}

static enum err
add_batch(struct store_text *t, struct db *db, const struct store_text_ids *ids, struct state *st,
    unsigned what)
{
	for (size_t i = 0; i < MIN(ids->n, (size_t)BATCH); i++) {
		TRY(add_message(t, db, ids->v[i], what));
		st->words = (what & WORDS) != 0 ? ids->v[i] : st->words;
		if ((what & GRAMS) != 0) {
			st->last = ids->v[i];
			st->messages++;
		}
	}
	if (what == WORDS && ids->n <= BATCH) {
		st->words = st->last; /* no other has any */
	}
	return save(db, st);
}

static enum err
empty(struct db *db)
{
	TRY(db_run(db_query(db, "INSERT INTO word(word) VALUES('delete-all')")));
	return db_run(db_query(db, "INSERT INTO gram(gram) VALUES('delete-all')"));
}

/* More than a quarter names messages that are gone. */
static enum err
is_stale(struct store *s, struct state *st, bool *ret)
{
	uint64_t live = 0;
	int64_t now = store_now(s);
	*ret = st->messages > 0 && st->inode != s->inode;
	if (*ret || (now - st->checked_s < STORE_TEXT_LOOK_S && st->checked_s <= now)) {
		return ERR_OK;
	}
	TRY(store_text_count(s, 0, st->last, st->messages, &live));
	st->checked_s = now;
	*ret = live + st->messages / 4 < st->messages;
	return ERR_OK;
}

/*
 * What comes next, and of which messages: those behind both, or the words of those that have none,
 * if they are wanted.
 */
static enum err
next_batch(struct store_text *t, const struct state *st, uint64_t mark, struct store_text_ids *ids,
    unsigned *ret_what)
{
	bool both = st->wanted != 0 && st->words == st->last;
	*ret_what = both ? GRAMS | WORDS : GRAMS;
	TRY(store_text_ids(t->store, st->last, mark, ids));
	if (ids->n < BATCH && st->wanted != 0 && st->words < st->last) {
		*ret_what = WORDS;
		return store_text_ids(t->store, st->words, st->last, ids);
	}
	ids->n = ids->n < BATCH ? 0 : ids->n;
	return ERR_OK;
}

static enum err
build(struct store_text *t, struct db *db, uint64_t mark, bool *ret_more)
{
	struct state st;
	struct store_text_ids ids;
	bool stale = false;
	unsigned what;
	TRY(load(db, &st));
	TRY(is_stale(t->store, &st, &stale));
	if (stale) {
		st = (struct state){ .wanted = st.wanted };
	}
	TRY(next_batch(t, &st, mark, &ids, &what));
	if (!stale && ids.n == 0 && what != WORDS) {
		return ERR_OK;
	}
	TRY(db_begin(db, DB_WRITE));
	enum err e = stale ? empty(db) : ERR_OK;
	if (e == ERR_OK) {
		st.inode = t->store->inode;
		st.checked_s = store_now(t->store);
		e = add_batch(t, db, &ids, &st, what);
	}
	if (e != ERR_OK) {
		db_rollback(db);
		return e;
	}
	*ret_more = ids.n >= 2 * BATCH || (st.wanted != 0 && st.words < st.last);
	return db_commit(db);
}

enum err
store_text_trigram_keep_up(struct store_text *t, uint64_t mark, bool *ret_more)
{
	struct db *db = NULL;
	enum err e = open_file(t->store, true, &db);
	if (e == ERR_OK) {
		e = build(t, db, mark, ret_more);
	}
	db_close(&db);
	if (e == ERR_CORRUPT || e == ERR_VERSION) {
		*ret_more = false;
		e = store_text_trigram_remove(t); /* it is made anew when there is time again */
	}
	return e;
}

/* ---- damage ------------------------------------------------------------------------------- */

enum err
store_text_trigram_remove(struct store_text *t)
{
	static const str names[] = { S_INIT("trigram.db"), S_INIT("trigram.db-wal"),
		S_INIT("trigram.db-shm") };
	for (size_t i = 0; i < LEN(names); i++) {
		enum err e = sys_file_unlink(t->dir, names[i]);
		if (e != ERR_OK && e != ERR_NOTFOUND) {
			return e;
		}
	}
	return ERR_OK;
}

/* Best effort: while it stays, searches look at everything. */
static void
remove_damaged(struct store *s)
{
	struct store_text t;
	enum err e = store_text_begin(&t, s);
	if (e == ERR_OK) {
		e = sys_file_lock(t.lock, true, true);
	}
	if (e == ERR_OK) {
		(void)(store_text_trigram_remove(&t) == ERR_OK);
		sys_file_unlock(t.lock);
	}
	store_text_end(&t);
}

/* ---- asking ------------------------------------------------------------------------------- */

/* Octets of the first three characters of s; 0 when it has fewer. */
static size_t
gram_of(str s)
{
	str rest = s;
	for (int i = 0; i < CHARS; i++) {
		if (rest.n == 0) {
			return 0;
		}
		(void)utf8_next(&rest);
	}
	return s.n - rest.n;
}

/*
 * The question for a needle: its trigrams, each quoted, all of them; of a long one only those that
 * do not overlap, which name hardly more messages. False: too short for one.
 */
static bool
put_question(struct buf *out, str needle)
{
	size_t n, grams = 0;
	int step = needle.n > LONG ? CHARS : 1;
	while ((n = gram_of(needle)) > 0 && grams < GRAMS_MAX) {
		buf_cstr(out, grams++ > 0 ? " \"" : "\"");
		for (size_t i = 0; i < n; i++) {
			buf_cstr(out, needle.p[i] == '"' ? "\"" : "");
			buf_ch(out, needle.p[i]);
		}
		buf_ch(out, '"');
		for (int i = 0; i < step && needle.n > 0; i++) {
			(void)utf8_next(&needle);
		}
	}
	return grams > 0 && buf_err(out) == ERR_OK;
}

/*
 * What a message must have as it stands for a key to be in it; empty: nothing. Of a fuzzy one that
 * is its longest word that may have no error. (An error takes up to four trigrams from a word, and
 * those that are left of words as long as people write are in most messages.)
 */
static str
certain(const struct store_text_key *key)
{
	const struct mail_fuzzy *f = key->fuzzy;
	str longest = S("");
	if (f == NULL || f->n == 0) {
		return key->needle;
	}
	for (size_t i = 0; f->needed == f->deciding && i < f->n; i++) {
		const struct mail_fuzzy_word *w = &f->word[i];
		bool must = w->decides && w->errors == 0 && w->stem == 0;
		longest = must && w->find.needle.n > longest.n ? w->find.needle : longest;
	}
	return longest;
}

/* The longest word that a message must have, if need be with errors; NULL: there is none. */
static const struct mail_fuzzy_word *
uncertain(const struct store_text_key *key)
{
	const struct mail_fuzzy *f = key->fuzzy;
	const struct mail_fuzzy_word *longest = NULL;
	for (size_t i = 0; f != NULL && f->needed == f->deciding && i < f->n; i++) {
		const struct mail_fuzzy_word *w = &f->word[i];
		bool longer = longest == NULL || w->n > longest->n;
		longest = w->decides && w->errors > 0 && longer ? w : longest;
	}
	return longest;
}

/* What is being asked for, and marked. */
struct narrowing {
	struct db *db;
	const struct store_text_ask *ask;
	bool *marks;
	size_t n;      /* marked for this key */
	uint64_t last; /* what is behind this message is not known */
};

/* Mark the messages that a question names. TOOMANY: not worth it. */
static enum err
mark_rows(struct narrowing *x, struct db_stmt *q, str question)
{
	enum err e;
	db_bind_str(q, 1, question);
	while ((e = db_row(q)) == ERR_OK) {
		uint64_t id = db_u64(q, 0);
		size_t at = store_text_place_of(x->ask, id);
		bool asked = at < x->ask->n && x->ask->ids[at] == id;
		x->n += asked && !x->marks[at];
		if (asked) {
			x->marks[at] = true;
		}
		if (x->n > x->ask->n / 4) {
			e = ERR_TOOMANY;
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* Those that have a needle as it stands. */
static enum err
mark_exact(struct narrowing *x, str needle)
{
	char room[MATCH_MAX];
	struct buf question;
	buf_init_fixed(&question, room, sizeof room);
	if (!put_question(&question, needle)) {
		return ERR_TOOMANY;
	}
	return mark_rows(x, db_query(x->db, "SELECT rowid FROM gram WHERE gram MATCH ?"),
	    buf_view(&question));
}

/* A term has no quotation mark in it: it is a word. */
static enum err
mark_term(struct narrowing *x, str term)
{
	char room[WORD_MAX + 2];
	struct buf question;
	buf_init_fixed(&question, room, sizeof room);
	buf_ch(&question, '"');
	buf_str(&question, term);
	buf_ch(&question, '"');
	TRY(buf_err(&question));
	return mark_rows(x, db_query(x->db, "SELECT rowid FROM word WHERE word MATCH ?"),
	    buf_view(&question));
}

static enum err
breathe(const struct store_text_ask *ask, size_t n)
{
	return n % TERMS == 0 && ask->breathe != NULL ? ask->breathe(ask->ctx) : ERR_OK;
}

/* Those that have a word which fits with errors or another ending, and so begins like it. */
static enum err
mark_fitting(struct narrowing *x, const struct mail_fuzzy_word *w)
{
	char from = w->find.needle.p[0], to = (char)((uint8_t)from + 1);
	enum err e = to != 0 ? ERR_OK : ERR_TOOMANY;
	struct db_stmt *q = db_query(x->db, "SELECT term FROM term WHERE term >= ? AND term < ?");
	db_bind_str(q, 1, str_make(&from, 1));
	db_bind_str(q, 2, str_make(&to, 1));
	for (size_t n = 1; e == ERR_OK && (e = db_row(q)) == ERR_OK; n++) {
		str term = db_str(q, 0);
		e = mail_fuzzy_fits(w, term) ? mark_term(x, term) : breathe(x->ask, n);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* AGAIN: not before there is an index of words. */
static enum err
mark_key(struct narrowing *x, const struct state *st, const struct store_text_key *key)
{
	str sure = certain(key);
	const struct mail_fuzzy_word *w = sure.n > 0 ? NULL : uncertain(key);
	x->n = 0;
	if (w == NULL) {
		return mark_exact(x, sure);
	}
	if (st->words == 0) {
		return ERR_AGAIN;
	}
	x->last = MIN(x->last, st->words);
	TRY(mark_exact(x, w->find.needle));
	return mark_fitting(x, w);
}

static enum err
mark_all(struct narrowing *x, const struct state *st)
{
	const struct store_text_ask *ask = x->ask;
	x->last = st->last;
	for (size_t k = 0; k < ask->keys_n; k++) {
		TRY(mark_key(x, st, &ask->keys[k]));
	}
	for (size_t i = store_text_place_of(ask, x->last + 1); i < ask->n; i++) {
		x->marks[i] = true;
	}
	return ERR_OK;
}

/* From now on quiet moments have something to do; if this cannot be said now, the next time. */
static void
want_words(struct db *db)
{
	if (db_begin(db, DB_WRITE) == ERR_OK) {
		enum err e = db_run(db_query(db, "UPDATE state SET wanted = 1"));
		e = e == ERR_OK ? db_commit(db) : e;
		if (e != ERR_OK) {
			db_rollback(db);
		}
	}
}

static enum err
ask_file(struct store *s, struct narrowing *x)
{
	struct state st;
	TRY(db_begin(x->db, DB_READ));
	enum err e = load(x->db, &st);
	if (e == ERR_OK && (st.inode != s->inode || st.last == 0)) {
		e = ERR_NOTFOUND;
	}
	if (e == ERR_OK) {
		e = mark_all(x, &st);
	}
	db_rollback(x->db);
	if (e == ERR_AGAIN && st.wanted == 0) {
		want_words(x->db);
	}
	return e;
}

bool
store_text_trigram_narrow(struct store *s, const struct store_text_ask *ask, bool *marks)
{
	struct db *db = NULL;
	if (s->trigram_from == 0 || ask->n < WORTH || open_file(s, false, &db) != ERR_OK) {
		return false;
	}
	struct narrowing x = { .db = db, .ask = ask, .marks = marks };
	enum err e = ask_file(s, &x);
	db_close(&db);
	if (e == ERR_CORRUPT) {
		remove_damaged(s);
	}
	return e == ERR_OK; /* whatever it was, looking at everything is right */
}
