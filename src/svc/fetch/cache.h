/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies that were fetched, until their max_age, and the last failure to fetch one. A row per
 * domain in state/fetch/policies.db.
 */
#ifndef SVC_FETCH_CACHE_H
#define SVC_FETCH_CACHE_H

#include "base/arena.h"
#include "db/db.h"
#include "proto/mtasts/mtasts.h"

struct svc_fetch_entry {
	struct mtasts_kept kept;
	enum mtasts_mode mode;
	str mx;      /* patterns, LF between */
	str failure; /* of the last fetch that failed; empty: the last one did not */
};

/*
 * Open the database and bring it to this program's schema.
 *
 * Errors  those of db_open and db_migrate
 */
enum err svc_fetch_cache_open(str path, struct db **ret);

/* Out: ret, strings in `a`. ERR_NOTFOUND: nothing is known of the domain (ret is empty). */
enum err svc_fetch_cache_find(struct db *db, str domain, struct arena *a,
    struct svc_fetch_entry *ret);
/* A policy was fetched: it replaces what was there. Durable. */
enum err svc_fetch_cache_keep(struct db *db, str domain, str id, const struct mtasts_policy *p,
    int64_t now_s);
/* A fetch failed; a policy that is kept stays as it is. */
enum err svc_fetch_cache_failed(struct db *db, str domain, str id, str failure, int64_t now_s);
/* Forget what has ended, and the oldest beyond SVC_FETCH_ROWS_MAX. */
enum err svc_fetch_cache_prune(struct db *db, int64_t now_s);

#endif
