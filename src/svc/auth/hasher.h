/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue in front of the hash workers: slow sums never run in auth's loop. Log-ins go before
 * bulk work (imports). A worker that dies loses nothing: what it had is given to the next one.
 */
#ifndef SVC_AUTH_HASHER_H
#define SVC_AUTH_HASHER_H

#include "base/err.h"
#include "base/list.h"
#include "proto/sasl/mechanism.h"

struct svc_auth_hasher;

enum {
	SVC_AUTH_HASH_WORKERS = 64,
	SVC_AUTH_HASH_WAITING = 4096, /* log-ins that wait; more are told to come back */
	SVC_AUTH_HASH_DEPTH = 2,      /* jobs one worker has: one to do, one at hand */
	SVC_AUTH_HASH_TRIES = 3,      /* workers that may die over one job */
};

/* One sum. Lies in its owner's storage until done is called or it is cancelled. */
struct svc_auth_hash_job {
	struct list node; /* hasher's */
	uint64_t id;      /* hasher's; 0: not submitted */
	unsigned tries;   /* hasher's */
	enum sasl_hash hash;
	bool bulk;
	str password; /* prepared; borrowed until the end */
	str salt;
	uint32_t iterations;
	/* key: SaltedPassword, borrowed for the call; e: ERR_OK, or ERR_UNAVAILABLE and others. */
	void (*done)(void *ctx, enum err e, str key);
	void *ctx;
};

struct svc_auth_hash_worker {
	/* Send the job; an error means that this worker is of no use now. */
	enum err (*send)(void *ctx, const struct svc_auth_hash_job *job);
	void *ctx;
};

/* NULL: no memory. */
struct svc_auth_hasher *svc_auth_hasher_new(void) NODISCARD;
/* Nothing may be submitted any more. *h becomes NULL. */
void svc_auth_hasher_free(struct svc_auth_hasher **h);

/* A worker is there, also in the place of an older one. index < SVC_AUTH_HASH_WORKERS. */
void svc_auth_hasher_up(struct svc_auth_hasher *h, unsigned index,
    const struct svc_auth_hash_worker *worker);
/* It is gone; what it had goes to others. */
void svc_auth_hasher_down(struct svc_auth_hasher *h, unsigned index);
/* It answered job `id`. ERR_PROTOCOL: it had no such job. */
enum err svc_auth_hasher_answer(struct svc_auth_hasher *h, unsigned index, uint64_t id,
    enum err result, str key);

/* Its done is not called from inside this. ERR_BUSY: too many log-ins wait, nothing was done. */
enum err svc_auth_hasher_submit(struct svc_auth_hasher *h, struct svc_auth_hash_job *job);
/* done will not be called. Fine for a job that is not submitted. */
void svc_auth_hasher_cancel(struct svc_auth_hasher *h, struct svc_auth_hash_job *job);

struct svc_auth_hasher_counts {
	unsigned workers;
	size_t waiting, bulk, working;
	uint64_t finished;
};
/* For the status report. */
void svc_auth_hasher_count(const struct svc_auth_hasher *h, struct svc_auth_hasher_counts *ret);

#endif
