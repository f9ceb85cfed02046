/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two waiting lines and a table of workers with the jobs each has. A job is always on exactly one
 * list, so cancelling is taking it off; the worker's answer then finds nobody and is dropped.
 */
#include "svc/auth/hasher.h"

#include "base/mem.h"

struct worker {
	bool up;
	struct svc_auth_hash_worker how;
	unsigned given;   /* jobs it has, cancelled ones too */
	struct list jobs; /* oldest first */
};

struct svc_auth_hasher {
	struct list waiting, bulk;
	size_t waiting_n;
	uint64_t next_id, finished;
	struct worker workers[SVC_AUTH_HASH_WORKERS];
};

struct svc_auth_hasher *
svc_auth_hasher_new(void)
{
	struct svc_auth_hasher *h = mem_zalloc(1, sizeof(*h));

	if (h == NULL) {
		return NULL;
	}
	list_init(&h->waiting);
	list_init(&h->bulk);
	for (size_t i = 0; i < LEN(h->workers); i++) {
		list_init(&h->workers[i].jobs);
	}
	return h;
}

void
svc_auth_hasher_free(struct svc_auth_hasher **hp)
{
	mem_drop(*hp);
	*hp = NULL;
}

static struct svc_auth_hash_job *
take_first(struct svc_auth_hasher *h)
{
	struct svc_auth_hash_job *job;

	if (!list_empty(&h->waiting)) {
		job = LIST_ENTRY(h->waiting.next, struct svc_auth_hash_job, node);
		h->waiting_n--;
	} else if (!list_empty(&h->bulk)) {
		job = LIST_ENTRY(h->bulk.next, struct svc_auth_hash_job, node);
	} else {
		return NULL;
	}
	list_remove(&job->node);
	return job;
}

static void
put_first(struct svc_auth_hasher *h, struct svc_auth_hash_job *job)
{
	struct list *line = job->bulk ? &h->bulk : &h->waiting;

	list_push(line->next, &job->node); /* before the first */
	h->waiting_n += !job->bulk;
}

static struct worker *
least_busy(struct svc_auth_hasher *h)
{
	struct worker *best = NULL;

	for (size_t i = 0; i < LEN(h->workers); i++) {
		struct worker *w = &h->workers[i];

		if (w->up && w->given < SVC_AUTH_HASH_DEPTH &&
		    (best == NULL || w->given < best->given)) {
			best = w;
		}
	}
	return best;
}

/* Its jobs go back to the front of their lines; one that killed several workers is given up. */
static void
retire(struct svc_auth_hasher *h, struct worker *w)
{
	w->up = false;
	w->given = 0;
	while (!list_empty(&w->jobs)) {
		struct svc_auth_hash_job *job = LIST_ENTRY(w->jobs.prev, struct svc_auth_hash_job,
		    node);

		list_remove(&job->node);
		if (++job->tries < SVC_AUTH_HASH_TRIES) {
			put_first(h, job);
		} else {
			job->id = 0;
			job->done(job->ctx, ERR_UNAVAILABLE, STR_NONE);
		}
	}
}

static void
give(struct svc_auth_hasher *h)
{
	struct worker *w;

	while ((w = least_busy(h)) != NULL) {
		struct svc_auth_hash_job *job = take_first(h);

		if (job == NULL) {
			return;
		}
		if (w->how.send(w->how.ctx, job) != ERR_OK) {
			put_first(h, job);
			retire(h, w);
			continue;
		}
		w->given++;
		list_push(&w->jobs, &job->node);
	}
}

void
svc_auth_hasher_up(struct svc_auth_hasher *h, unsigned index,
    const struct svc_auth_hash_worker *worker)
{
	ASSERT(index < SVC_AUTH_HASH_WORKERS);
	retire(h, &h->workers[index]);
	h->workers[index].how = *worker;
	h->workers[index].up = true;
	give(h);
}

void
svc_auth_hasher_down(struct svc_auth_hasher *h, unsigned index)
{
	ASSERT(index < SVC_AUTH_HASH_WORKERS);
	retire(h, &h->workers[index]);
	give(h);
}

static struct svc_auth_hash_job *
find_job(struct worker *w, uint64_t id)
{
	LIST_EACH(node, &w->jobs) {
		struct svc_auth_hash_job *job = LIST_ENTRY(node, struct svc_auth_hash_job, node);

		if (job->id == id) {
			return job;
		}
	}
	return NULL;
}

enum err
svc_auth_hasher_answer(struct svc_auth_hasher *h, unsigned index, uint64_t id, enum err result,
    str key)
{
	struct worker *w = &h->workers[index];
	struct svc_auth_hash_job *job;

	ASSERT(index < SVC_AUTH_HASH_WORKERS);
	if (!w->up || w->given == 0 || id == 0) {
		return ERR_PROTOCOL;
	}
	job = find_job(w, id);
	if (job != NULL && result == ERR_OK && key.n != (job->hash == SASL_HASH_SHA1 ? 20 : 32)) {
		return ERR_PROTOCOL;
	}
	w->given--;
	h->finished++;
	if (job != NULL) { /* else it was cancelled meanwhile */
		list_remove(&job->node);
		job->id = 0;
		job->done(job->ctx, result, key);
	}
	give(h);
	return ERR_OK;
}

enum err
svc_auth_hasher_submit(struct svc_auth_hasher *h, struct svc_auth_hash_job *job)
{
	ASSERT(job->id == 0 && job->hash != SASL_HASH_NONE);
	if (!job->bulk && h->waiting_n >= SVC_AUTH_HASH_WAITING) {
		return ERR_BUSY;
	}
	job->id = ++h->next_id;
	job->tries = 0;
	list_push(job->bulk ? &h->bulk : &h->waiting, &job->node);
	h->waiting_n += !job->bulk;
	give(h);
	return ERR_OK;
}

static bool
is_waiting(struct svc_auth_hasher *h, const struct svc_auth_hash_job *job)
{
	for (size_t i = 0; i < LEN(h->workers); i++) {
		if (find_job(&h->workers[i], job->id) == job) {
			return false;
		}
	}
	return true;
}

void
svc_auth_hasher_cancel(struct svc_auth_hasher *h, struct svc_auth_hash_job *job)
{
	if (job->id == 0) {
		return;
	}
	if (!job->bulk && is_waiting(h, job)) {
		h->waiting_n--;
	}
	list_remove(&job->node);
	job->id = 0;
}

static size_t
length(const struct list *l)
{
	size_t n = 0;

	for (const struct list *at = l->next; at != l; at = at->next) {
		n++;
	}
	return n;
}

void
svc_auth_hasher_count(const struct svc_auth_hasher *h, struct svc_auth_hasher_counts *ret)
{
	*ret = (struct svc_auth_hasher_counts){
		.waiting = h->waiting_n, .bulk = length(&h->bulk), .finished = h->finished
	};
	for (size_t i = 0; i < LEN(h->workers); i++) {
		ret->workers += h->workers[i].up;
		ret->working += h->workers[i].given;
	}
}
