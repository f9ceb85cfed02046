/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of words (filter/model.h): one table for all accounts, and one for each that teaches.
 * A bounded number of the latter is in memory. What was learned reaches the database once a minute.
 */
#include "base/codec.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "filter/model.h"
#include "policy/learned.h"
#include "svc/policy/policy.h"
#include "sys/random.h"

enum { ACCOUNTS_MAX = 10000000 };

struct svc_policy_model {
	struct svc_policy *p;
	uint64_t account; /* 0: all */
	struct filter_model *m;
	bool changed;
};

static void
failed(struct svc_policy *p, const char *what, enum err e)
{
	LOG(POLICY_DATABASE, F_CSTR("what", what), F_ERR(e),
	    F_STR("detail", policy_keep_error(p->keep)));
}

static void
write_model(struct svc_policy_model *s)
{
	const uint32_t now_learned[2] = { svc_policy_now(), filter_model_learned(s->m) };
	struct buf blob;

	if (!s->changed) {
		return;
	}
	s->changed = false;
	buf_init(&blob, FILTER_MODEL_BLOB_MAX);
	filter_model_put(s->m, &blob);
	enum err e = buf_err(&blob);
	e = e == ERR_OK ? policy_learned_write(s->p->keep, s->account, buf_view(&blob), now_learned)
			: e;
	if (e != ERR_OK) {
		failed(s->p, "statistics", e);
	}
	buf_done(&blob);
}

static void
model_free(struct svc_policy_model *s)
{
	if (s != NULL) {
		write_model(s);
		filter_model_free(&s->m);
		mem_drop(s);
	}
}

static void
drop(void *value)
{
	model_free(*(struct svc_policy_model **)value);
}

/* From the database, or empty; damaged ones begin anew and the log says so. */
static struct svc_policy_model *
model_new(struct svc_policy *p, uint64_t account)
{
	struct svc_policy_model *s = mem_zalloc(1, sizeof *s);
	struct buf blob;

	if (s == NULL) {
		return NULL;
	}
	s->p = p;
	s->account = account;
	buf_init(&blob, FILTER_MODEL_BLOB_MAX);
	enum err e = policy_learned_read(p->keep, account, &blob);
	e = e == ERR_OK ? filter_model_get(buf_view(&blob), p->model_key, &s->m) : e;
	buf_done(&blob);
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		failed(p, "statistics, which begin anew", e);
	}
	if (e != ERR_OK) {
		e = filter_model_new(account == 0 ? FILTER_MODEL_SHARED : FILTER_MODEL_OWN,
		    p->model_key, &s->m);
	}
	if (e != ERR_OK) {
		MEM_FREE(s);
	}
	return s;
}

static struct svc_policy_model *
model_of(struct svc_policy *p, uint64_t account)
{
	str key = str_make(&account, sizeof account);
	struct svc_policy_model **place;

	if (account == 0) {
		return p->shared;
	}
	place = lru_get(p->models, key);
	if (place != NULL) {
		return *place;
	}
	struct svc_policy_model *s = model_new(p, account);
	place = s == NULL ? NULL : lru_put(p->models, key);
	if (place == NULL) {
		model_free(s);
		return NULL;
	}
	*place = s;
	return s;
}

/* ---- learning and asking -------------------------------------------------------------------- */

void
svc_policy_learn(struct svc_policy *p, uint64_t account, str features, const bool junk_undo[2])
{
	struct svc_policy_model *s = model_of(p, account);
	enum err e = s == NULL ? ERR_NOMEM
			       : filter_model_learn(s->m, features, junk_undo[0], junk_undo[1]);

	if (e != ERR_OK) {
		return;
	}
	s->changed = true;
	p->learned++;
	if (account != 0 && map_get(p->teachers, account) == NULL) {
		(void)(map_set(p->teachers, account, p) == ERR_OK);
	}
}

int64_t
svc_policy_learn_words(struct svc_policy *p, uint64_t account, str features, uint32_t *ret_learned)
{
	bool any = account == 0 || map_get(p->teachers, account) != NULL;
	struct svc_policy_model *s = any ? model_of(p, account) : NULL;

	*ret_learned = s == NULL ? 0 : filter_model_learned(s->m);
	return s == NULL || features.n == 0 ? 0 : filter_model_words(s->m, features);
}

void
svc_policy_learn_forget(struct svc_policy *p, uint64_t account)
{
	struct svc_policy_model **place = lru_get(p->models, str_make(&account, sizeof account));

	if (place != NULL) {
		(*place)->changed = false;
		lru_del(p->models, str_make(&account, sizeof account));
	}
	(void)map_del(p->teachers, account);
	enum err e = policy_learned_drop(p->keep, account);
	if (e != ERR_OK) {
		failed(p, "forget", e);
	}
}

/* ---- life ----------------------------------------------------------------------------------- */

static void
write_all(struct svc_policy *p)
{
	struct svc_policy_model **at = NULL;
	str key;

	write_model(p->shared);
	while ((at = lru_next(p->models, at, &key)) != NULL) {
		write_model(*at);
	}
}

static void
on_flush(void *ctx)
{
	struct svc_policy *p = ctx;

	write_all(p);
	sys_timer_set(p->sc->loop, &p->models_flush, SVC_POLICY_LEARNED_MS);
}

static enum err
take_teacher(void *ctx, uint64_t account)
{
	struct svc_policy *p = ctx;

	return account == 0 ? ERR_OK : map_set(p->teachers, account, p);
}

/* A key of its own, made of the installation's secret. */
static void
make_key(struct svc_policy *p)
{
	const uint8_t *secret = policy_keep_secret(p->keep);
	const uint64_t halves[2] = { siphash(secret, S("statistics of words, 1")),
		siphash(secret, S("statistics of words, 2")) };

	static_assert(sizeof halves == FILTER_MODEL_KEY, "a key");
	memcpy(p->model_key, halves, sizeof halves);
}

enum err
svc_policy_learn_start(struct svc_policy *p)
{
	uint8_t key[16];

	sys_random(key, sizeof key);
	make_key(p);
	p->models = lru_new(key, (size_t)p->sc->conf->filter_models,
	    sizeof(struct svc_policy_model *), drop);
	p->teachers = map_new(key, ACCOUNTS_MAX);
	p->shared = p->models == NULL || p->teachers == NULL ? NULL : model_new(p, 0);
	if (p->shared == NULL) {
		return ERR_NOMEM;
	}
	TRY(policy_learned_each(p->keep, take_teacher, p));
	sys_timer_init(&p->models_flush, on_flush, p);
	sys_timer_set(p->sc->loop, &p->models_flush, SVC_POLICY_LEARNED_MS);
	return ERR_OK;
}

void
svc_policy_learn_stop(struct svc_policy *p)
{
	sys_timer_stop(&p->models_flush);
	lru_free(&p->models);
	model_free(p->shared);
	p->shared = NULL;
	map_free(&p->teachers);
}
