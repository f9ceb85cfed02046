/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of strangers, by number. What DNS says is asked for at the first word of a peer and at
 * the first recipient of a sender; recipients wait for it, at most as long as the setting lists
 * wait says, and go on with what is known then.
 */
#include "svc/policy/session.h"

#include "base/mem.h"
#include "conf/conf.h"
#include "mail/address.h"
#include "policy/net.h"
#include "sys/random.h"
#include "sys/sock.h"

static str
key_of(const uint64_t *id)
{
	return str_make(id, sizeof *id);
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void
on_looked(struct svc_policy_lookup *l)
{
	struct svc_policy_session *s = l->ctx;

	s->lookups_open--;
	svc_policy_session_advance(s);
}

/* The address in the lists of addresses, or a domain in those of domains. */
static void
look(struct svc_policy_session *s, str what, const uint8_t *ip)
{
	struct svc_policy *p = s->p;

	for (size_t i = 0; i < p->zones_n && s->lookups_n < SVC_POLICY_LISTS_MAX; i++) {
		struct svc_policy_lookup *l = &s->lookups[s->lookups_n];
		if (p->zones[i].list.domains != (ip == NULL)) {
			continue;
		}
		*l = (struct svc_policy_lookup){
			.zone = &p->zones[i], .what = what, .ended = on_looked, .ctx = s
		};
		if (svc_policy_lists_look(p, l, ip)) {
			s->lookups_n++;
			s->lookups_open++;
		}
	}
}

static void
look_address(struct svc_policy_session *s)
{
	char text[SYS_ADDR_TEXT_MAX];
	struct buf out;

	if (s->p->zones_n == 0) {
		return;
	}
	s->lookups = arena_array(s->arena, SVC_POLICY_LISTS_MAX, sizeof *s->lookups);
	buf_init_fixed(&out, text, sizeof text);
	sys_addr_ip_text(&out, s->ip);
	str what = arena_dup(s->arena, buf_view(&out));
	if (s->lookups != NULL && what.p != NULL) {
		look(s, what, s->ip);
	}
}

static void
look_domain(struct svc_policy_session *s, str path)
{
	str local, domain;

	mail_address_split(path, &local, &domain);
	if (s->lookups == NULL || domain.n == 0 || str_ieq(domain, s->domain_looked)) {
		return;
	}
	domain = arena_dup(s->arena, domain);
	if (domain.p != NULL) {
		s->domain_looked = domain;
		look(s, domain, NULL);
	}
}

static void
stop_lookups(struct svc_policy_session *s)
{
	for (size_t i = 0; i < s->lookups_n; i++) {
		svc_policy_dns_cancel(&s->lookups[i].ask);
	}
	s->lookups_open = 0;
}

/* ---- life ----------------------------------------------------------------------------------- */

static bool
is_ready(const struct svc_policy_session *s)
{
	return s->iprev != MAIL_AUTHRES_NONE && s->lookups_open == 0 && !svc_policy_spf_open(s);
}

static void
answer_all(struct svc_policy_session *s)
{
	sys_timer_stop(&s->deadline);
	s->waiting_n = 0;
	LIST_EACH(it, &s->waiting) {
		struct svc_policy_rcpt *r = LIST_ENTRY(it, struct svc_policy_rcpt, node);
		list_remove(&r->node);
		svc_policy_rcpt_answer(s, r);
		mem_drop(r);
	}
}

void
svc_policy_session_advance(struct svc_policy_session *s)
{
	if (!list_empty(&s->waiting) && is_ready(s)) {
		answer_all(s);
	}
}

static void
stop(struct svc_policy_session *s)
{
	svc_policy_iprev_stop(s);
	svc_policy_spf_stop(s);
	stop_lookups(s);
}

static void
on_deadline(void *ctx)
{
	struct svc_policy_session *s = ctx;

	stop(s);
	answer_all(s);
}

static void
session_free(struct svc_policy_session *s)
{
	stop(s);
	answer_all(s);
	arena_free(&s->arena);
	mem_drop(s);
}

static void
drop(void *value)
{
	struct svc_policy_session **s = value;

	if (*s != NULL) {
		session_free(*s);
	}
}

enum err
svc_policy_sessions_init(struct svc_policy *p)
{
	uint8_t key[16];

	sys_random(key, sizeof key);
	p->sessions = lru_new(key, SVC_POLICY_SESSIONS_MAX, sizeof(struct svc_policy_session *),
	    drop);
	p->questions = map_new(key, SVC_POLICY_QUESTIONS_MAX);
	return p->sessions == NULL || p->questions == NULL ? ERR_NOMEM : ERR_OK;
}

static struct svc_policy_session *
session_new(struct svc_policy *p, uint64_t id, const uint8_t ip[16])
{
	struct svc_policy_session *s = mem_zalloc(1, sizeof *s);
	struct buf network;

	if (s == NULL) {
		return NULL;
	}
	s->arena = arena_new(NULL, "session", SVC_POLICY_SESSION_OCTETS, 0);
	s->spf_arena = s->arena == NULL ? NULL
					: arena_new(s->arena, "spf", SVC_POLICY_SESSION_OCTETS, 0);
	if (s->spf_arena == NULL) {
		arena_free(&s->arena);
		mem_drop(s);
		return NULL;
	}
	s->p = p;
	s->id = id;
	memcpy(s->ip, ip, sizeof s->ip);
	list_init(&s->waiting);
	sys_timer_init(&s->deadline, on_deadline, s);
	buf_init_fixed(&network, s->network, sizeof s->network);
	policy_net_put(&network, ip);
	s->network_n = network.n;
	return s;
}

struct svc_policy_session *
svc_policy_session_get(struct svc_policy *p, uint64_t id, const uint8_t ip[16])
{
	struct svc_policy_session **place = lru_get(p->sessions, key_of(&id));

	if (place != NULL) {
		return *place;
	}
	place = lru_put(p->sessions, key_of(&id));
	if (place == NULL) {
		return NULL;
	}
	struct svc_policy_session *s = session_new(p, id, ip);
	*place = s;
	if (s == NULL) {
		lru_del(p->sessions, key_of(&id));
		return NULL;
	}
	svc_policy_iprev_begin(s);
	look_address(s);
	return s;
}

struct svc_policy_session *
svc_policy_session_find(struct svc_policy *p, uint64_t id)
{
	struct svc_policy_session **place = lru_get(p->sessions, key_of(&id));

	return place == NULL ? NULL : *place;
}

void
svc_policy_session_end(struct svc_policy *p, uint64_t id)
{
	lru_del(p->sessions, key_of(&id));
}

/* ---- recipients ----------------------------------------------------------------------------- */

/* Another sender or HELO than the checks are about: begin anew. */
static void
check(struct svc_policy_session *s, const struct svc_policy_rcpt *r)
{
	if (s->checked && str_eq(s->helo, r->helo) && str_eq(s->path, r->reverse_path)) {
		return;
	}
	svc_policy_spf_stop(s);
	memset(s->checks, 0, sizeof s->checks);
	arena_reset(s->spf_arena);
	s->helo = arena_dup(s->spf_arena, r->helo);
	s->path = arena_dup(s->spf_arena, r->reverse_path);
	s->checked = s->helo.p != NULL && s->path.p != NULL;
	if (s->checked) {
		svc_policy_spf_begin(s);
		look_domain(s, s->path);
	}
}

static void
wait(struct svc_policy_session *s, const struct svc_policy_rcpt *r)
{
	size_t list = r->accounts_n * sizeof *r->accounts;
	struct svc_policy_rcpt *w = mem_zalloc(1,
	    sizeof *w + list + r->address.n + r->reverse_path.n + r->helo.n);
	char *at = w == NULL ? NULL : (char *)(w + 1);

	if (w == NULL || s->waiting_n == SVC_POLICY_WAITING_MAX) {
		mem_drop(w);
		svc_policy_rcpt_answer(s, r);
		return;
	}
	*w = *r;
	list_init(&w->node);
	const void *from[] = { r->accounts, r->address.p, r->reverse_path.p, r->helo.p };
	const size_t n[] = { list, r->address.n, r->reverse_path.n, r->helo.n };
	char *to[LEN(n)];
	for (size_t i = 0; i < LEN(n); i++) {
		to[i] = at;
		if (n[i] > 0) {
			memcpy(at, from[i], n[i]);
		}
		at += n[i];
	}
	w->accounts = (const uint64_t *)(const void *)to[0];
	w->address.p = to[1];
	w->reverse_path.p = to[2];
	w->helo.p = to[3];
	list_push(&s->waiting, &w->node);
	if (s->waiting_n++ == 0) {
		sys_timer_set(s->p->sc->loop, &s->deadline, (int64_t)s->p->sc->conf->lists_wait);
	}
}

void
svc_policy_session_rcpt(struct svc_policy_session *s, const struct svc_policy_rcpt *r)
{
	check(s, r);
	if (list_empty(&s->waiting) && is_ready(s)) {
		svc_policy_rcpt_answer(s, r);
	} else {
		wait(s, r);
	}
}
