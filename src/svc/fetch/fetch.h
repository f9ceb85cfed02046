/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fetch process: MTA-STS policies for send. A question is answered from the cache (cache.c)
 * when it can be, else it waits for a GET (get.c); what to do is decided by mtasts_plan. Read:
 * service.c, ask.c.
 */
#ifndef SVC_FETCH_FETCH_H
#define SVC_FETCH_FETCH_H

#include "base/list.h"
#include "svc/common/service.h"
#include "svc/fetch/cache.h"
#include "svc/fetch/get.h"

struct svc_fetch;

/* An answer; strings are borrowed for the call. */
struct svc_fetch_answer {
	uint64_t request;
	enum err result;
	enum mtasts_mode mode;
	int64_t until_s;
	str failure;
	str mx; /* patterns, LF between */
};
typedef void svc_fetch_tell(void *ctx, uint32_t peer, const struct svc_fetch_answer *a);

/* A question; strings are borrowed for the call. */
struct svc_fetch_question {
	uint32_t peer;
	uint64_t request;
	str domain, id;
	const str *ips; /* 16 octets each */
	size_t ips_n;
};

/* A domain whose policy is being fetched, and who waits for it. */
struct svc_fetch_job {
	struct svc_fetch *f;
	bool used;
	struct list waits;
	uint16_t domain_n, id_n;
	char domain[256], id[MTASTS_ID_MAX];
};

struct svc_fetch {
	struct db *db;
	struct svc_fetch_client *client;
	struct arena *scratch;
	svc_fetch_tell *tell;
	void *tell_ctx;
	bool private_addresses; /* tests: loopback may be asked */
	size_t waiting;
	struct svc_fetch_job jobs[SVC_FETCH_GETS_MAX];
	/* Since the process began. */
	uint64_t questions, from_cache, fetched, failed, refused;
};

/* In      f: db, client, scratch, tell are set */
void svc_fetch_start(struct svc_fetch *f);
/*
 * Answer a question, now or later, exactly once by f->tell.
 *
 * Limits  SVC_FETCH_GETS_MAX domains at a time, SVC_FETCH_WAITS_MAX questions: beyond them what is
 *         kept is the answer, else UNAVAILABLE without a failure
 */
void svc_fetch_ask(struct svc_fetch *f, const struct svc_fetch_question *q);
/* That send process is gone. */
void svc_fetch_forget(struct svc_fetch *f, uint32_t peer);
void svc_fetch_stop(struct svc_fetch *f);

/* What the process may do. */
enum err svc_fetch_profile(struct svc_common *sc, struct sys_sandbox_profile *p);
extern const struct svc_common_service svc_fetch_service;

#endif
