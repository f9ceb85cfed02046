/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions: answered from the cache, or put to a GET that others may wait for as well.
 */
#include "base/mem.h"
#include "svc/fetch/fetch.h"
#include "sys/clock.h"
#include "sys/sock.h"

struct waiting {
	struct list node;
	uint32_t peer;
	uint64_t request;
};

void
svc_fetch_start(struct svc_fetch *f)
{
	for (size_t i = 0; i < LEN(f->jobs); i++) {
		f->jobs[i].f = f;
		list_init(&f->jobs[i].waits);
	}
}

/* Networks no policy host of the Internet is in; RFC 6890. */
static bool
is_public(const uint8_t ip[16])
{
	static const struct {
		uint8_t first, second, mask;
	} v4[] = { { 0, 0, 0 }, { 10, 0, 0 }, { 127, 0, 0 }, { 100, 64, 0xc0 }, { 169, 254, 0xff },
		{ 172, 16, 0xf0 }, { 192, 168, 0xff } };
	if (!sys_addr_is_v4(ip)) {
		return (ip[0] & 0xe0) == 0x20; /* global unicast */
	}
	for (size_t i = 0; i < LEN(v4); i++) {
		if (ip[12] == v4[i].first && (ip[13] & v4[i].mask) == v4[i].second) {
			return false;
		}
	}
	return ip[12] < 224;
}

/* What is kept is the answer, with the failure beside it if there is one. */
static void
answer(struct svc_fetch *f, uint32_t peer, uint64_t request, const struct svc_fetch_entry *e)
{
	struct svc_fetch_answer a = { .request = request,
		.result = ERR_OK,
		.mode = e->mode,
		.until_s = e->kept.until_s,
		.failure = e->failure,
		.mx = e->mx };
	if (!e->kept.have || sys_clock_wall_s() >= e->kept.until_s) {
		a = (struct svc_fetch_answer){ .request = request,
			.result = e->failure.n > 0 ? ERR_UNAVAILABLE : ERR_NOTFOUND,
			.failure = e->failure,
			.mx = S("") };
	}
	f->tell(f->tell_ctx, peer, &a);
}

/* A cache that cannot be read is as good as none: mail goes on. */
static struct svc_fetch_entry
find(struct svc_fetch *f, str domain)
{
	struct svc_fetch_entry e;
	enum err err = svc_fetch_cache_find(f->db, domain, f->scratch, &e);
	if (err != ERR_OK && err != ERR_NOTFOUND) {
		LOG(FETCH_CACHE, F_STR("domain", domain), F_ERR(err));
		e = (struct svc_fetch_entry){
			.kept = { .id = S(""), .tried_id = S("") }, .mx = S(""), .failure = S("")
		};
	}
	return e;
}

static void
store_failure(struct svc_fetch_job *j, const struct svc_fetch_got *got)
{
	struct svc_fetch *f = j->f;
	str domain = str_make(j->domain, j->domain_n), id = str_make(j->id, j->id_n);
	f->failed++;
	LOG(FETCH_FAILED, F_STR("domain", domain), F_STR("failure", got->failure),
	    F_STR("detail", got->detail));
	enum err e = svc_fetch_cache_failed(f->db, domain, id, got->failure, sys_clock_wall_s());
	if (e != ERR_OK) {
		LOG(FETCH_CACHE, F_STR("domain", domain), F_ERR(e));
	}
}

static void
store_policy(struct svc_fetch_job *j, const struct mtasts_policy *p)
{
	struct svc_fetch *f = j->f;
	str domain = str_make(j->domain, j->domain_n), id = str_make(j->id, j->id_n);
	static const char *const modes[] = { "none", "testing", "enforce" };
	f->fetched++;
	LOG(FETCH_POLICY, F_STR("domain", domain), F_CSTR("mode", modes[p->mode]),
	    F_U64("max_age", p->max_age_s), F_U64("mx", p->mx_n));
	enum err e = svc_fetch_cache_keep(f->db, domain, id, p, sys_clock_wall_s());
	if (e != ERR_OK) {
		LOG(FETCH_CACHE, F_STR("domain", domain), F_ERR(e));
	}
}

/* Everybody who waits hears what is known now. */
static void
tell_all(struct svc_fetch_job *j, const struct svc_fetch_entry *e)
{
	struct svc_fetch *f = j->f;
	while (!list_empty(&j->waits)) {
		struct waiting *w = LIST_ENTRY(j->waits.next, struct waiting, node);
		list_remove(&w->node);
		f->waiting--;
		answer(f, w->peer, w->request, e);
		MEM_FREE(w);
	}
	j->used = false;
}

static void
on_got(void *ctx, const struct svc_fetch_got *got)
{
	struct svc_fetch_job *j = ctx;
	struct mtasts_policy p;
	arena_reset(j->f->scratch);
	struct svc_fetch_got bad = { .result = ERR_SYNTAX,
		.failure = S("sts-policy-invalid"),
		.detail = S("the policy file is malformed") };
	if (got->result != ERR_OK) {
		store_failure(j, got);
	} else if (mtasts_parse(got->body, &p) != ERR_OK) {
		store_failure(j, &bad);
	} else {
		store_policy(j, &p);
	}
	struct svc_fetch_entry e = find(j->f, str_make(j->domain, j->domain_n));
	tell_all(j, &e);
}

static bool
wait_for(struct svc_fetch_job *j, const struct svc_fetch_question *q)
{
	struct svc_fetch *f = j->f;
	struct waiting *w = f->waiting < SVC_FETCH_WAITS_MAX ? mem_zalloc(1, sizeof *w) : NULL;
	if (w == NULL) {
		f->refused++;
		return false;
	}
	w->peer = q->peer;
	w->request = q->request;
	list_push(&j->waits, &w->node);
	f->waiting++;
	return true;
}

/* The job that is fetching this domain, or a free one; NULL: none is free. */
static struct svc_fetch_job *
find_job(struct svc_fetch *f, str domain)
{
	struct svc_fetch_job *empty = NULL;
	for (size_t i = 0; i < LEN(f->jobs); i++) {
		struct svc_fetch_job *j = &f->jobs[i];
		if (j->used && str_eq(str_make(j->domain, j->domain_n), domain)) {
			return j;
		}
		empty = j->used ? empty : j;
	}
	return empty;
}

/* Begin to fetch. ERR_NOTFOUND: there is no address to ask. */
static enum err
begin(struct svc_fetch_job *j, const struct svc_fetch_question *q)
{
	struct svc_fetch *f = j->f;
	str ips[SVC_FETCH_ADDRESSES_MAX];
	size_t n = 0;
	for (size_t i = 0; i < q->ips_n && n < LEN(ips); i++) {
		bool fits = q->ips[i].n == 16 &&
		    (f->private_addresses || is_public((const uint8_t *)q->ips[i].p));
		if (fits) {
			ips[n++] = q->ips[i];
		}
	}
	j->domain_n = (uint16_t)MIN(q->domain.n, sizeof j->domain);
	j->id_n = (uint16_t)MIN(q->id.n, sizeof j->id);
	memcpy(j->domain, q->domain.p, j->domain_n);
	if (j->id_n > 0) {
		memcpy(j->id, q->id.p, j->id_n);
	}
	if (n == 0) {
		return ERR_NOTFOUND;
	}
	const struct svc_fetch_want w = {
		.domain = q->domain, .ips = ips, .ips_n = n, .done = on_got, .ctx = j
	};
	enum err e = svc_fetch_get(f->client, &w);
	j->used = e == ERR_OK;
	return e;
}

/* Fetch, or find that it cannot be done; true: somebody waits for the end of it. */
static bool
fetch(struct svc_fetch *f, const struct svc_fetch_question *q, bool wait)
{
	struct svc_fetch_job *j = find_job(f, q->domain);
	if (j == NULL) {
		f->refused++;
		return false;
	}
	if (!j->used) {
		enum err e = begin(j, q);
		const struct svc_fetch_got none = { .failure = S("sts-policy-fetch-error"),
			.detail = S("no address of the policy host") };
		if (e == ERR_NOTFOUND && q->id.n > 0) {
			store_failure(j, &none);
		}
		if (e != ERR_OK) {
			return false;
		}
	}
	return wait && wait_for(j, q);
}

void
svc_fetch_ask(struct svc_fetch *f, const struct svc_fetch_question *q)
{
	arena_reset(f->scratch);
	f->questions++;
	struct svc_fetch_entry e = find(f, q->domain);
	enum mtasts_plan plan = mtasts_plan(&e.kept, q->id, sys_clock_wall_s());
	if (!svc_fetch_host_valid(q->domain)) {
		plan = MTASTS_PLAN_NO_POLICY;
	}
	if (plan == MTASTS_PLAN_FETCH && fetch(f, q, true)) {
		return;
	}
	if (plan == MTASTS_PLAN_REFRESH) {
		(void)fetch(f, q, false);
	}
	if (plan == MTASTS_PLAN_FETCH) {
		e = find(f, q->domain); /* with the failure that just happened */
	} else if (plan == MTASTS_PLAN_NO_POLICY && q->id.n == 0) {
		e.failure = S(""); /* nobody promises one any more */
	}
	f->from_cache += plan == MTASTS_PLAN_USE || plan == MTASTS_PLAN_REFRESH;
	answer(f, q->peer, q->request, &e);
}

void
svc_fetch_forget(struct svc_fetch *f, uint32_t peer)
{
	for (size_t i = 0; i < LEN(f->jobs); i++) {
		struct list *next, *head = &f->jobs[i].waits;
		for (struct list *at = head->next; at != head; at = next) {
			struct waiting *w = LIST_ENTRY(at, struct waiting, node);
			next = at->next;
			if (w->peer == peer) {
				list_remove(&w->node);
				f->waiting--;
				MEM_FREE(w);
			}
		}
	}
}

void
svc_fetch_stop(struct svc_fetch *f)
{
	svc_fetch_client_free(&f->client);
	for (uint32_t peer = 0; peer < SVC_FETCH_SENDS_MAX; peer++) {
		svc_fetch_forget(f, peer);
	}
	db_close(&f->db);
}
