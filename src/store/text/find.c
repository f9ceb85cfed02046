/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole of a search: take what is missing into blocks as far as that is worth it, look through
 * the files, then at the few messages that are in none. Damage and files that another process made
 * again lead to another try; hits are only ever added, so nothing is counted twice.
 */
#include "store/text/text_priv.h"

#include "base/mem.h"
#include "store/store_priv.h"
#include "sys/file.h"
#include "sys/sys.h"

static enum err
breathe(const struct store_text_ask *ask)
{
	return ask->breathe != NULL ? ask->breathe(ask->ctx) : ERR_OK;
}

static enum err
highest_taken(struct store *s, uint64_t *ret)
{
	struct store_text_file f = { 0 };
	enum err e = store_text_file_last(s, &f);
	*ret = f.last;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
take_one_batch(struct store_text *t, uint64_t *ret_mark)
{
	TRY(sys_file_lock(t->lock, true, true));
	enum err e = store_text_take(t, ret_mark);
	sys_file_unlock(t->lock);
	return e;
}

/*
 * Take batches until no more than a few of those asked for are missing. When most of what is
 * missing in the account is of no interest now, one batch only: quiet moments do the rest.
 */
static enum err
take_missing(struct store_text *t, const struct store_text_ask *ask)
{
	uint64_t mark = 0, pending = 0;
	TRY(highest_taken(t->store, &mark));
	size_t missing = ask->n - store_text_place_of(ask, mark + 1);
	if (missing <= STORE_TEXT_FEW && mark != 0) {
		return ERR_OK;
	}
	uint64_t most = STORE_TEXT_SHARE * (uint64_t)missing;
	TRY(store_text_count(t->store, mark, UINT64_MAX, most + 1, &pending));
	bool all = pending <= most, more = true;
	enum err e = ERR_OK;
	while (e == ERR_OK && more) {
		TRY(breathe(ask));
		e = take_one_batch(t, &mark);
		more = all && store_text_place_of(ask, mark + 1) < ask->n;
	}
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
look_at_rest(struct store_text *t, struct store_text_look *l, size_t from)
{
	for (size_t i = from; i < l->ask->n; i++) {
		TRY(breathe(l->ask));
		enum err e = store_text_read(t, l->ask->ids[i]);
		if (e == ERR_OK) {
			e = store_text_look_at(l, i, &t->text);
		}
		if (e != ERR_OK && e != ERR_NOTFOUND) {
			return e;
		}
	}
	return ERR_OK;
}

/* A file that cannot be read is made again from the messages. */
static enum err
mend(struct store_text *t, const struct store_text_file *bad)
{
	struct store_text_file now;
	TRY(sys_file_lock(t->lock, true, true));
	enum err e = store_text_file_next(t->store, bad->first - 1, &now);
	if (e == ERR_OK && now.number == bad->number) {
		e = store_text_remake(t, &now);
	}
	sys_file_unlock(t->lock);
	return e == ERR_NOTFOUND ? ERR_OK : e; /* somebody else has done it */
}

static enum err
look_at_file(struct store_text *t, struct store_text_look *l, const struct store_text_file *f)
{
	SYS_FD_AUTO int fd = -1;
	TRY(store_text_file_open(t, f->number, false, &fd));
	return store_text_look_file(l, fd, f->end);
}

/* The files that may hold ids asked for, up to the mark. */
static enum err
look_at_files(struct store_text *t, struct store_text_look *l, uint64_t mark)
{
	struct store_text_file f = { 0 };
	unsigned tries = 0;
	uint64_t after = 0;
	while (after < mark) {
		enum err e = store_text_file_next(t->store, after, &f);
		if (e == ERR_NOTFOUND) {
			return ERR_OK;
		}
		TRY(e);
		size_t from = store_text_place_of(l->ask, f.first);
		bool asked = from < l->ask->n && l->ask->ids[from] <= f.last;
		e = asked ? look_at_file(t, l, &f) : ERR_OK;
		bool bad = e == ERR_CORRUPT || e == ERR_NOTFOUND;
		if (!bad) {
			TRY(e);
			after = f.first;
		} else if (++tries > STORE_TEXT_TRIES) {
			return ERR_IO;
		} else {
			TRY(mend(t, &f));
		}
	}
	return ERR_OK;
}

/* An index that was made again meanwhile knows no files: begin anew. */
static enum err
find_in_begun(struct store_text *t, struct store_text_look *l)
{
	uint64_t mark = 0, now = 0;
	for (unsigned i = 0; i < STORE_TEXT_TRIES; i++) {
		TRY(take_missing(t, l->ask));
		TRY(highest_taken(t->store, &mark));
		TRY(look_at_files(t, l, mark));
		TRY(highest_taken(t->store, &now));
		if (now >= mark) {
			return look_at_rest(t, l, store_text_place_of(l->ask, mark + 1));
		}
	}
	return ERR_BUSY;
}

static enum err
find_plainly(struct store *s, struct store_text_ask *ask)
{
	struct store_text t;
	struct store_text_look l;
	store_text_look_init(&l, ask);
	enum err e = store_text_begin(&t, s);
	e = e == ERR_OK ? find_in_begun(&t, &l) : e;
	store_text_end(&t);
	store_text_look_done(&l);
	return e;
}

/* What another look has found of the message at `from` of its own. */
static void
take_one(struct store_text_ask *ask, size_t at, const struct store_text_ask *some, size_t from)
{
	ask->hits[at] = some->hits[from];
	if (ask->scores != NULL) {
		memcpy(ask->scores + at * ask->slots, some->scores + from * ask->slots, ask->slots);
	}
}

/* Ask about the marked messages only. */
static enum err
find_marked(struct store *s, struct store_text_ask *ask, const bool *marks)
{
	struct store_text_ask some = *ask;
	uint64_t *ids = mem_zalloc(2 * ask->n, sizeof *ids), *hits = ids + ask->n;
	if (ids == NULL) {
		return ERR_NOMEM;
	}
	some.n = 0;
	for (size_t i = 0; i < ask->n; i++) {
		ids[some.n] = ask->ids[i];
		some.n += marks[i];
	}
	some.ids = ids;
	some.hits = hits;
	if (ask->scores != NULL) {
		some.scores = mem_zalloc(ask->n * ask->slots, 1);
	}
	bool room = ask->scores == NULL || some.scores != NULL;
	enum err e = room ? find_plainly(s, &some) : ERR_NOMEM;
	for (size_t i = 0, from = 0; e == ERR_OK && i < ask->n; i++) {
		ask->hits[i] = 0;
		if (marks[i]) {
			take_one(ask, i, &some, from++);
		}
	}
	mem_drop(some.scores != ask->scores ? some.scores : NULL);
	mem_drop(ids);
	return e;
}

enum err
store_text_find(struct store *s, struct store_text_ask *ask)
{
	memset(ask->hits, 0, ask->n * sizeof *ask->hits);
	if (ask->n == 0 || ask->keys_n == 0) {
		return ERR_OK;
	}
	bool *marks = mem_zalloc(ask->n, sizeof *marks);
	if (marks == NULL) {
		return ERR_NOMEM;
	}
	store_release(s); /* a lock may have to be waited for */
	enum err e = store_text_trigram_narrow(s, ask, marks) ? find_marked(s, ask, marks)
							      : find_plainly(s, ask);
	mem_drop(marks);
	return e;
}
