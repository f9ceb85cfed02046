/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing, one job per message: all letters of one entry wait for the same job, and its result is
 * kept for those that come later. A job asks keys who signs for the domain of From, hashes the
 * message once, asks for one signature per key, and ends all its letters. Letters that an address
 * forwards have a job of their own: a seal (seal.c), two signatures by one key. Without keys a job
 * waits, at most SVC_SEND_ASK_MS; then its letters go back to queue.
 */
#include "svc/send/sign.h"

#include "base/lru.h"
#include "base/map.h"
#include "base/mem.h"
#include "ipc/send_keys.h"
#include "mail/address.h"
#include "spool/spool.h"
#include "svc/send/seal.h"
#include "svc/send/send.h"
#include "svc/send/sign_text.h"
#include "sys/clock.h"
#include "sys/random.h"

enum {
	SIGNERS_MAX = 4,                       /* as send_keys.def */
	CACHE_MAX = 4096,                      /* entries, 1 to 3 KB each */
	CACHE_S = 3600,                        /* a key may be revoked: sign anew after this */
	FIELD_MAX = DKIM_FIELD_MAX,            /* octets of one field */
	SCRATCH_OCTETS = 4 << 20,              /* addresses of a From field, fields of a header */
	SEAL_MAX = 2 * FIELD_MAX + (16 << 10), /* of a set of ARC */
	KEY_MAX = 8 + MAIL_CANONICAL_MAX,
};

enum stage { WAITS, ASKED, SIGNS }; /* no channel; who signs?; signatures */

struct signer {
	uint64_t request; /* 0: answered */
	struct buf field; /* without b= until it is */
	bool good;
	enum dkim_algorithm algorithm;
	char selector[64];
	uint8_t digest[32];
};

struct job {
	struct svc_send *sv;
	uint64_t entry;
	struct svc_send_seal *seal; /* NULL: signatures */
	struct list node;           /* in signing.jobs */
	struct list letters;        /* struct waiter */
	struct sys_timer timer;
	enum stage stage;
	bool again; /* its keys went while it asked: once more from the start */
	uint64_t request;
	char domain[MAIL_DOMAIN_MAX + 1];
	char signer_domain[MAIL_DOMAIN_MAX + 1]; /* d= */
	char key_room[KEY_MAX];                  /* entry, and for whom it is forwarded */
	str key;
	struct signer signers[SIGNERS_MAX];
	size_t signers_n;
};

/* A letter's place in its job; lives in the letter's arena. */
struct waiter {
	struct list node;
	struct svc_send_letter *letter;
	struct job *job; /* NULL: it has ended, this letter's turn comes */
};

struct kept {
	int64_t until_ms;
	uint64_t octets; /* of the message: another one is not it */
	struct buf fields;
};

struct signing {
	struct list jobs;
	struct map *by_key, *by_request; /* -> struct job */
	struct lru *cache;
	struct arena *scratch;
	uint64_t next_request;
	struct svc_send_sign_counts counts;
};

static struct signing *
of(const struct svc_send *sv)
{
	return sv->signing;
}

static void
drop_kept(void *value)
{
	buf_done(&((struct kept *)value)->fields);
}

enum err
svc_send_sign_init(struct svc_send *sv)
{
	uint8_t key[16];
	struct signing *s = mem_zalloc(1, sizeof *s);
	if (s == NULL) {
		return ERR_NOMEM;
	}
	sys_random(key, sizeof key);
	list_init(&s->jobs);
	s->scratch = arena_new(sv->sc->arena, "signing", SCRATCH_OCTETS, 0);
	s->cache = lru_new(key, CACHE_MAX, sizeof(struct kept), drop_kept);
	s->by_key = map_new(key, SVC_SEND_LETTERS_MAX);
	s->by_request = map_new(key, SIGNERS_MAX * (size_t)SVC_SEND_LETTERS_MAX);
	s->next_request = 1;
	sv->signing = s;
	bool all = s->scratch != NULL && s->cache != NULL && s->by_key != NULL &&
	    s->by_request != NULL;
	return all ? ERR_OK : ERR_NOMEM;
}

/* Answers to what it has asked will find nobody. */
static void
forget_requests(struct job *j)
{
	struct signing *s = of(j->sv);
	(void)map_del(s->by_request, j->request);
	for (size_t i = 0; i < j->signers_n; i++) {
		(void)map_del(s->by_request, j->signers[i].request);
		buf_done(&j->signers[i].field);
	}
	j->request = 0;
	j->signers_n = 0;
}

static void
job_free(struct job *j)
{
	sys_timer_stop(&j->timer);
	forget_requests(j);
	(void)map_del_str(of(j->sv)->by_key, j->key);
	list_remove(&j->node);
	svc_send_seal_free(&j->seal);
	mem_drop(j);
}

void
svc_send_sign_done(struct svc_send *sv)
{
	struct signing *s = of(sv);
	if (s == NULL) {
		return;
	}
	LIST_EACH(it, &s->jobs) {
		job_free(LIST_ENTRY(it, struct job, node));
	}
	lru_free(&s->cache);
	map_free(&s->by_key);
	map_free(&s->by_request);
	arena_free(&s->scratch);
	MEM_FREE(sv->signing);
}

const struct svc_send_sign_counts *
svc_send_sign_count(const struct svc_send *sv)
{
	return &of(sv)->counts;
}

/* --- results ------------------------------------------------------------------------------- */

/* In: room for KEY_MAX octets. */
static str
key_of(const struct svc_send_letter *l, char *room)
{
	struct buf b;
	buf_init_fixed(&b, room, KEY_MAX);
	buf_add(&b, (const char *)&l->entry, sizeof l->entry);
	buf_str(&b, l->via);
	return buf_err(&b) == ERR_OK ? buf_view(&b) : str_make(room, sizeof l->entry);
}

static void
log_unsigned(struct svc_send *sv, const struct svc_send_letter *l, str domain, const char *why)
{
	char id[SPOOL_ID_TEXT];
	spool_id_text(l->entry, id);
	of(sv)->counts.unsigned_letters++;
	LOG(SEND_UNSIGNED, F_CSTR("queue", id), F_STR("domain", domain), F_CSTR("why", why));
}

/* All letters of the job, which is gone when the first of them hears of it. */
static void
end_job(struct job *j, void (*end)(struct svc_send_letter *l, str fields), str fields)
{
	struct list letters;
	list_init(&letters);
	list_move(&j->letters, &letters);
	LIST_EACH(it, &letters) {
		LIST_ENTRY(it, struct waiter, node)->job = NULL;
	}
	job_free(j);
	while (!list_empty(&letters)) {
		struct waiter *w = LIST_ENTRY(letters.next, struct waiter, node);
		struct svc_send_letter *l = w->letter;
		list_remove(&w->node);
		l->signing = NULL;
		end(l, fields);
	}
}

static void
end_unsigned(struct job *j, const char *why)
{
	LIST_EACH(it, &j->letters) {
		log_unsigned(j->sv, LIST_ENTRY(it, struct waiter, node)->letter,
		    str_from(j->domain), why);
	}
	end_job(j, svc_send_signed, S(""));
}

static void
give_back(struct svc_send_letter *l, str fields)
{
	svc_send_unsignable(l);
}

static void
end_unsignable(struct job *j, enum err why)
{
	struct signing *s = of(j->sv);
	LIST_EACH(it, &j->letters) {
		char id[SPOOL_ID_TEXT];
		spool_id_text(LIST_ENTRY(it, struct waiter, node)->letter->entry, id);
		s->counts.delayed++;
		LOG(SEND_UNSIGNABLE, F_CSTR("queue", id), F_CSTR("domain", j->domain), F_ERR(why));
	}
	end_job(j, give_back, S(""));
}

static void
keep(struct job *j, str fields, uint64_t octets)
{
	struct kept *k = lru_put(of(j->sv)->cache, j->key);
	if (k == NULL) {
		return;
	}
	buf_done(&k->fields);
	buf_init(&k->fields, SIGNERS_MAX * (size_t)FIELD_MAX);
	buf_str(&k->fields, fields);
	k->octets = octets;
	k->until_ms = buf_err(&k->fields) == ERR_OK
	    ? sys_loop_now_ms(j->sv->sc->loop) + CACHE_S * 1000
	    : 0;
}

static void
end_signed(struct job *j)
{
	const struct waiter *first = LIST_ENTRY(j->letters.next, struct waiter, node);
	struct buf fields;
	buf_init(&fields, SIGNERS_MAX * (size_t)FIELD_MAX);
	for (size_t i = 0; i < j->signers_n; i++) {
		if (j->signers[i].good) {
			buf_str(&fields, buf_view(&j->signers[i].field));
			of(j->sv)->counts.signatures++;
		}
	}
	if (buf_err(&fields) != ERR_OK) {
		end_unsignable(j, buf_err(&fields));
	} else {
		keep(j, buf_view(&fields), first->letter->body.n);
		end_job(j, svc_send_signed, buf_view(&fields));
	}
	buf_done(&fields);
}

/* --- asking -------------------------------------------------------------------------------- */

/* Send sv->out as `request` of that job; false: it has to wait for a better moment. */
static bool
tell(struct job *j, uint64_t request)
{
	struct svc_send *sv = j->sv;
	return sv->keys.chan != NULL && map_set(of(sv)->by_request, request, j) == ERR_OK &&
	    svc_common_link_send(&sv->keys, &sv->out, -1) == ERR_OK;
}

static void
ask_signers(struct job *j)
{
	struct ipc_send_keys_signers m = { .request = of(j->sv)->next_request++,
		.domain = str_from(j->domain) };
	forget_requests(j);
	j->request = m.request;
	buf_reset(&j->sv->out);
	ipc_send_keys_signers_put(&j->sv->out, &m);
	j->stage = tell(j, m.request) ? ASKED : WAITS;
}

static enum err
hash(struct job *j, struct signer *s, const uint8_t body_hash[DKIM_BODY_HASH], str domain)
{
	const struct waiter *first = LIST_ENTRY(j->letters.next, struct waiter, node);
	struct dkim_signer who = { .domain = domain,
		.selector = str_from(s->selector),
		.algorithm = s->algorithm,
		.now_s = sys_clock_wall_s(),
		.body_hash = body_hash };
	if (j->seal != NULL) {
		return svc_send_seal_begin(j->seal, &who, first->letter->body, j->sv->set.hostname,
		    s->digest);
	}
	arena_reset(of(j->sv)->scratch);
	return svc_send_sign_begin(&who, first->letter->body, of(j->sv)->scratch, &s->field,
	    s->digest);
}

static void
ask_signature(struct job *j, struct signer *s, str domain)
{
	struct ipc_send_keys_sign m = { .request = of(j->sv)->next_request++,
		.domain = domain,
		.selector = str_from(s->selector),
		.algorithm = (uint8_t)s->algorithm,
		.digest = str_make(s->digest, sizeof s->digest) };
	buf_reset(&j->sv->out);
	ipc_send_keys_sign_put(&j->sv->out, &m);
	s->request = m.request;
	if (!tell(j, m.request)) {
		j->stage = WAITS;
	}
}

/* d= is the domain of From or one above it. */
static bool
may_sign(str signer, str domain)
{
	return signer.n > 0 && str_ends(domain, signer) &&
	    (signer.n == domain.n || domain.p[domain.n - signer.n - 1] == '.');
}

static void
take_signers(struct job *j, const struct ipc_send_keys_signers_are *m)
{
	for (size_t i = 0; i < m->signers_n && j->signers_n < SIGNERS_MAX; i++) {
		const struct ipc_send_keys_signer *from = &m->signers[i];
		struct signer *to = &j->signers[j->signers_n];
		if (from->algorithm > DKIM_ED25519_SHA256 || from->selector.n == 0) {
			continue;
		}
		*to = (struct signer){ .algorithm = (enum dkim_algorithm)from->algorithm };
		buf_init(&to->field, j->seal == NULL ? FIELD_MAX : SEAL_MAX);
		memcpy(to->selector, from->selector.p, from->selector.n);
		j->signers_n++;
	}
}

/* A seal has one: RSA, which everybody can verify, if there is such a key. */
static void
choose_sealer(struct job *j)
{
	for (size_t i = 1; i < j->signers_n; i++) {
		if (j->signers[0].algorithm != DKIM_RSA_SHA256 &&
		    j->signers[i].algorithm == DKIM_RSA_SHA256) {
			struct signer other = j->signers[0];
			j->signers[0] = j->signers[i];
			j->signers[i] = other;
		}
	}
	while (j->signers_n > 1) {
		buf_done(&j->signers[--j->signers_n].field);
	}
}

static void
begin_signatures(struct job *j, const struct ipc_send_keys_signers_are *m)
{
	const struct waiter *first = LIST_ENTRY(j->letters.next, struct waiter, node);
	uint8_t body_hash[DKIM_BODY_HASH];
	take_signers(j, m);
	if (j->seal != NULL) {
		choose_sealer(j);
	}
	enum err e = svc_send_sign_body(first->letter->body, body_hash);
	for (size_t i = 0; i < j->signers_n && e == ERR_OK; i++) {
		e = hash(j, &j->signers[i], body_hash, m->domain);
	}
	if (e == ERR_NOMEM) {
		end_unsignable(j, e);
		return;
	}
	if (e != ERR_OK || j->signers_n == 0) { /* a header no signature is made for: proto/dkim */
		bool chain = j->seal != NULL && e != ERR_NOTFOUND;
		end_unsigned(j, e == ERR_OK ? "no-key" : chain ? "chain" : "header");
		return;
	}
	memcpy(j->signer_domain, m->domain.p, m->domain.n);
	j->signer_domain[m->domain.n] = 0;
	j->stage = SIGNS;
	for (size_t i = 0; i < j->signers_n && j->stage == SIGNS; i++) {
		ask_signature(j, &j->signers[i], m->domain);
	}
}

/* --- answers ------------------------------------------------------------------------------- */

static enum err
on_signers_are(void *ctx, const struct ipc_send_keys_signers_are *m, int *fd)
{
	struct svc_send *sv = ctx;
	struct job *j = map_del(of(sv)->by_request, m->request);
	if (j == NULL || j->stage != ASKED || j->request != m->request) {
		return ERR_OK; /* its letters are gone */
	}
	if (m->result == ERR_NOTFOUND) {
		end_unsigned(j, "no-key");
	} else if (m->result != ERR_OK || !may_sign(m->domain, str_from(j->domain))) {
		end_unsignable(j, m->result == ERR_OK ? ERR_PROTOCOL : m->result);
	} else {
		begin_signatures(j, m);
	}
	return ERR_OK;
}

/* All have answered: what became of it? */
static void
settle(struct job *j)
{
	size_t good = 0;
	for (size_t i = 0; i < j->signers_n; i++) {
		good += j->signers[i].good;
	}
	if (good > 0) {
		end_signed(j);
	} else if (!j->again) { /* the keys were replaced in between */
		j->again = true;
		ask_signers(j);
	} else {
		end_unsignable(j, ERR_UNAVAILABLE);
	}
}

/* True: it goes on with another signature. */
static bool
take_for_seal(struct job *j, struct signer *s, str octets)
{
	bool done = true;
	enum err e = svc_send_seal_take(j->seal, octets, s->digest, &done, &s->field);
	s->good = e == ERR_OK && buf_err(&s->field) == ERR_OK;
	if (s->good && !done) {
		ask_signature(j, s, str_from(j->signer_domain));
		return true;
	}
	return false;
}

static void
take_signature(struct job *j, struct signer *s, const struct ipc_send_keys_signature *m)
{
	bool all = true;
	s->request = 0;
	s->good = m->result == ERR_OK && m->octets.n > 0;
	if (s->good && j->seal != NULL && take_for_seal(j, s, m->octets)) {
		return;
	}
	if (s->good && j->seal == NULL) {
		dkim_sign_finish(&s->field, m->octets);
		s->good = buf_err(&s->field) == ERR_OK;
	}
	for (size_t i = 0; i < j->signers_n; i++) {
		all = all && j->signers[i].request == 0;
	}
	if (all) {
		settle(j);
	}
}

static enum err
on_signature(void *ctx, const struct ipc_send_keys_signature *m, int *fd)
{
	struct svc_send *sv = ctx;
	struct job *j = map_del(of(sv)->by_request, m->request);
	for (size_t i = 0; j != NULL && j->stage == SIGNS && i < j->signers_n; i++) {
		if (j->signers[i].request == m->request) {
			take_signature(j, &j->signers[i], m);
			break;
		}
	}
	return ERR_OK;
}

enum err
svc_send_on_keys(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_send_keys_at_send handlers = { .signers_are = on_signers_are,
		.signature = on_signature };
	struct svc_send *sv = from->sc->ctx;
	arena_reset(sv->scratch);
	return ipc_send_keys_send_dispatch(&handlers, sv, datagram, fd, sv->scratch);
}

void
svc_send_keys_gone(struct svc_send *sv)
{
	LIST_EACH(it, &of(sv)->jobs) {
		LIST_ENTRY(it, struct job, node)->stage = WAITS;
	}
}

void
svc_send_keys_here(struct svc_send *sv)
{
	LIST_EACH(it, &of(sv)->jobs) {
		struct job *j = LIST_ENTRY(it, struct job, node);
		if (j->stage == WAITS) {
			ask_signers(j);
		}
	}
}

/* --- letters ------------------------------------------------------------------------------- */

static void
on_time_up(void *ctx)
{
	end_unsignable(ctx, ERR_TIMEOUT);
}

static struct job *
new_job(struct svc_send *sv, const struct svc_send_letter *l, str domain)
{
	struct job *j = mem_zalloc(1, sizeof *j);
	if (j == NULL) {
		return NULL;
	}
	j->key = key_of(l, j->key_room);
	if ((l->via.n > 0 && svc_send_seal_new(sv->sc->arena, &j->seal) != ERR_OK) ||
	    map_set_str(of(sv)->by_key, j->key, j) != ERR_OK) {
		svc_send_seal_free(&j->seal);
		MEM_FREE(j);
		return NULL;
	}
	j->sv = sv;
	j->entry = l->entry;
	memcpy(j->domain, domain.p, domain.n);
	list_init(&j->letters);
	list_push(&of(sv)->jobs, &j->node);
	sys_timer_init(&j->timer, on_time_up, j);
	sys_timer_set(sv->sc->loop, &j->timer, SVC_SEND_ASK_MS);
	return j;
}

static bool
join(struct job *j, struct svc_send_letter *l)
{
	struct waiter *w = j == NULL ? NULL : ARENA_NEW(l->arena, struct waiter);
	if (w == NULL) {
		return false;
	}
	w->letter = l;
	w->job = j;
	list_push(&j->letters, &w->node);
	l->signing = w;
	return true;
}

/* Signed before, and not too long ago. */
static bool
is_kept(struct svc_send *sv, struct svc_send_letter *l)
{
	char room[KEY_MAX];
	const struct kept *k = lru_get(of(sv)->cache, key_of(l, room));
	if (k == NULL || k->octets != l->body.n || k->until_ms <= sys_loop_now_ms(sv->sc->loop)) {
		return false;
	}
	of(sv)->counts.kept++;
	svc_send_signed(l, buf_view(&k->fields));
	return true;
}

/* The domain that signs: of the author, or of the address that forwards. */
static enum err
whose(struct svc_send *sv, const struct svc_send_letter *l, struct buf *ret_domain)
{
	str local, domain;
	if (l->via.n == 0) {
		return svc_send_sign_from(l->body, of(sv)->scratch, ret_domain);
	}
	mail_address_split(l->via, &local, &domain);
	buf_str(ret_domain, domain);
	return buf_err(ret_domain);
}

static void
start(struct svc_send *sv, struct svc_send_letter *l)
{
	char room[MAIL_DOMAIN_MAX + 1];
	struct buf domain;
	buf_init_fixed(&domain, room, MAIL_DOMAIN_MAX);
	arena_reset(of(sv)->scratch);
	enum err e = whose(sv, l, &domain);
	if (e != ERR_OK) {
		log_unsigned(sv, l, S(""), "from");
		svc_send_signed(l, S(""));
		return;
	}
	struct job *j = new_job(sv, l, buf_view(&domain));
	if (!join(j, l)) {
		if (j != NULL) {
			job_free(j);
		}
		svc_send_unsignable(l);
		return;
	}
	ask_signers(j);
}

void
svc_send_sign(struct svc_send_letter *l)
{
	struct svc_send *sv = l->server;
	if (is_kept(sv, l)) {
		return;
	}
	char room[KEY_MAX];
	struct job *j = map_get_str(of(sv)->by_key, key_of(l, room));
	if (j == NULL) {
		start(sv, l);
	} else if (!join(j, l)) {
		svc_send_unsignable(l);
	}
}

void
svc_send_sign_forget(struct svc_send_letter *l)
{
	struct waiter *w = l->signing;
	if (w == NULL) {
		return;
	}
	l->signing = NULL;
	list_remove(&w->node);
	if (w->job != NULL && list_empty(&w->job->letters)) {
		job_free(w->job);
	}
}
