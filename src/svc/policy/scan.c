/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edges scan_policy and accounts_policy: what is known of those a letter comes from, of the
 * domains in it and of its words, and what is learned when it is over. Everything is answered from
 * memory but the lists of domains, which the answer waits for.
 */
#include "ipc/accounts_policy.h"
#include "ipc/scan_policy.h"

#include "base/mem.h"
#include "conf/conf.h"
#include "filter/model.h"
#include "policy/fame.h"
#include "policy/net.h"
#include "reach/operator.h"
#include "svc/policy/policy.h"

enum { JUDGE_OCTETS = 4 << 20, FAME_MAX = 4, DAY_S = 86400 };
enum { END_INBOX = 1, END_JUNK = 2, END_VIRUS = 4 };
enum { GOOD_BELOW = 2500 }; /* thousandths: above it a letter in the inbox praises nobody */

/* A letter that waits. */
struct judge {
	struct svc_policy *p;
	struct svc_common_link *from;
	uint32_t times; /* of its channel */
	struct arena *arena;
	struct ipc_scan_policy_judged m;
	struct svc_policy_lookup *lookups;
	size_t lookups_n, open;
};

/* ---- what is known at once ------------------------------------------------------------------ */

/* The four that letters are counted under; what is not known is empty. */
struct whose {
	str of[FAME_MAX];
	char ip[16], network[POLICY_NET_TEXT];
};

static bool
take_whose(const struct svc_policy *p, struct whose *w, str ip, const str name_domain[2])
{
	struct buf network;

	*w = (struct whose){ 0 };
	if (ip.n != 16 || !svc_policy_is_stranger(p, (const uint8_t *)ip.p)) {
		return false;
	}
	memcpy(w->ip, ip.p, sizeof w->ip);
	buf_init_fixed(&network, w->network, sizeof w->network);
	policy_net_put(&network, (const uint8_t *)ip.p);
	w->of[0] = str_make(w->ip, sizeof w->ip);
	w->of[1] = buf_view(&network);
	w->of[2] = name_domain[0].n > 0 ? reach_operator(NULL, name_domain[0]) : S("");
	w->of[3] = name_domain[1];
	return true;
}

static void
take_fame(struct judge *j, const struct ipc_scan_policy_judge *m)
{
	uint32_t now_s = svc_policy_now();
	uint32_t half_s = (uint32_t)(j->p->sc->conf->fame_half / 1000);
	const str name_domain[2] = { m->name, m->aligned ? m->domain : S("") };
	struct whose w;

	j->m.fame = arena_array(j->arena, FAME_MAX, sizeof *j->m.fame);
	if (j->m.fame == NULL || !take_whose(j->p, &w, m->ip, name_domain)) {
		return;
	}
	for (size_t i = 0; i < FAME_MAX; i++) {
		struct policy_fame f = policy_fame_get(j->p->keep,
		    (enum policy_kind)(POLICY_ADDRESS + i), w.of[i], now_s, half_s);
		if (f.good > 0 || f.bad > 0) {
			j->m.fame[j->m.fame_n++] = (struct ipc_scan_policy_fame){
				.of = (uint8_t)(i + 1), .good = f.good, .bad = f.bad
			};
		}
	}
}

/* Nobody is known by an address that anybody could have written into From. */
static void
take_opinions(struct judge *j, const struct ipc_scan_policy_judge *m)
{
	uint32_t now_s = svc_policy_now();

	j->m.words = svc_policy_learn_words(j->p, 0, m->features, &j->m.learned);
	j->m.opinions = arena_array(j->arena, m->accounts_n, sizeof *j->m.opinions);
	for (size_t i = 0; j->m.opinions != NULL && i < m->accounts_n; i++) {
		struct ipc_scan_policy_opinion *o = &j->m.opinions[j->m.opinions_n++];
		o->account = m->accounts[i].id;
		o->known = m->aligned && policy_known(j->p->keep, o->account, m->sender, now_s);
		o->words = svc_policy_learn_words(j->p, o->account, m->features, &o->learned);
	}
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void
finish(struct judge *j)
{
	struct svc_policy *p = j->p;
	struct ipc_common_listed *listed = arena_array(j->arena, SVC_POLICY_JUDGED_LISTED,
	    sizeof *listed);

	j->m.listed = listed;
	for (size_t i = 0;
	     listed != NULL && i < j->lookups_n && j->m.listed_n < SVC_POLICY_JUDGED_LISTED; i++) {
		j->m.listed_n += svc_policy_lists_listed(&j->lookups[i], j->arena,
		    &listed[j->m.listed_n]);
	}
	if (j->from->times == j->times) {
		buf_reset(&p->out);
		ipc_scan_policy_judged_put(&p->out, &j->m);
		(void)(svc_common_link_send(j->from, &j->p->out, -1) == ERR_OK);
	}
	(void)map_del(p->judges, (uint64_t)(uintptr_t)j);
	struct arena *a = j->arena; /* j lies in it */
	arena_free(&a);
}

static void
on_looked(struct svc_policy_lookup *l)
{
	struct judge *j = l->ctx;

	if (--j->open == 0) {
		finish(j);
	}
}

static void
look(struct judge *j, struct svc_policy_zone *z, str what)
{
	struct svc_policy_lookup *l = &j->lookups[j->lookups_n];

	if (j->lookups_n == SVC_POLICY_LOOKUPS_MAX) {
		return;
	}
	*l = (struct svc_policy_lookup){
		.zone = z, .what = arena_dup(j->arena, what), .ended = on_looked, .ctx = j
	};
	if (l->what.p != NULL && svc_policy_lists_look(j->p, l, NULL)) {
		j->lookups_n++;
		j->open++;
	}
}

static void
look_all(struct judge *j, const struct ipc_scan_policy_judge *m)
{
	struct svc_policy *p = j->p;

	if (p->zones_n == 0 || m->looked_n == 0) {
		return;
	}
	j->lookups = arena_array(j->arena, SVC_POLICY_LOOKUPS_MAX, sizeof *j->lookups);
	for (size_t i = 0; j->lookups != NULL && i < m->looked_n; i++) {
		for (size_t k = 0; k < p->zones_n; k++) {
			if (p->zones[k].list.domains) {
				look(j, &p->zones[k], m->looked[i].what);
			}
		}
	}
}

static enum err
on_judge(void *ctx, const struct ipc_scan_policy_judge *m, int *fd)
{
	struct svc_common_link *from = ctx;
	struct svc_policy *p = svc_policy_of(from);
	struct arena *a = arena_new(NULL, "judge", JUDGE_OCTETS, 0);
	struct judge *j = a == NULL ? NULL : ARENA_NEW(a, struct judge);

	p->letters++;
	if (j == NULL) {
		arena_free(&a);
		return ERR_OK; /* no memory: scan goes on without when its patience ends */
	}
	*j = (struct judge){ .p = p,
		.from = from,
		.times = from->times,
		.arena = a,
		.m = { .request = m->request } };
	take_fame(j, m);
	take_opinions(j, m);
	if (map_set(p->judges, (uint64_t)(uintptr_t)j, j) == ERR_OK) {
		j->open++; /* by this function */
		look_all(j, m);
		j->open--;
	}
	if (j->open == 0) {
		finish(j);
	}
	return ERR_OK;
}

static void
stop_one(void *value, void *ctx)
{
	struct judge *j = value;

	for (size_t i = 0; i < j->lookups_n; i++) {
		svc_policy_dns_cancel(&j->lookups[i].ask);
	}
	finish(j);
}

void
svc_policy_judges_stop(struct svc_policy *p)
{
	map_each(p->judges, stop_one, NULL);
}

/* ---- how it ended --------------------------------------------------------------------------- */

static void
praise(struct svc_policy *p, const struct ipc_scan_policy_ended *m)
{
	bool good = m->end == END_INBOX && m->score < GOOD_BELOW;
	bool bad = m->end >= END_JUNK && m->end <= END_VIRUS;
	const str name_domain[2] = { m->name, m->aligned ? m->domain : S("") };
	const uint32_t now_half_s[2] = { svc_policy_now(),
		(uint32_t)(p->sc->conf->fame_half / 1000) };
	struct whose w;

	if ((!good && !bad) || !take_whose(p, &w, m->ip, name_domain)) {
		return;
	}
	for (size_t i = 0; i < FAME_MAX; i++) {
		policy_fame_add(p->keep, (enum policy_kind)(POLICY_ADDRESS + i), w.of[i], good,
		    now_half_s);
	}
}

/*
 * What makes a letter a clear case can be brought along by whoever writes it: his own domain's
 * signature, a list's name. So that nobody teaches all alone, a network gives a few lessons a day.
 */
static bool
may_teach(struct svc_policy *p, const struct ipc_scan_policy_ended *m)
{
	const struct policy_limit_rule rules[POLICY_LIMITS] = { [POLICY_MESSAGES] = {
								    SVC_POLICY_LESSONS, DAY_S } };
	const str nobody[2] = { S(""), S("") };
	struct whose w;

	if (!take_whose(p, &w, m->ip, nobody)) {
		return true; /* one of ours */
	}
	const struct policy_limit_ask a = { .key = policy_keep_key(p->keep, POLICY_NETWORK, w.of[1],
						S("lesson")),
		.now_s = svc_policy_now(),
		.rules = rules,
		.n = { [POLICY_MESSAGES] = 1 } };
	return policy_limit(p->limits, &a);
}

static enum err
on_ended(void *ctx, const struct ipc_scan_policy_ended *m, int *fd)
{
	struct svc_common_link *from = ctx;
	struct svc_policy *p = svc_policy_of(from);
	uint32_t learned = 0;

	praise(p, m);
	if (m->features.n == 0 || !p->sc->conf->filter_autolearn) {
		return ERR_OK;
	}
	int64_t words = svc_policy_learn_words(p, 0, m->features, &learned);
	int lesson = filter_model_lesson(m->score, words);
	if (lesson != 0 && may_teach(p, m)) {
		const bool junk_undo[2] = { lesson > 0, false };
		svc_policy_learn(p, 0, m->features, junk_undo);
	}
	return ERR_OK;
}

enum err
svc_policy_from_scan(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_scan_policy_at_policy handlers = { .judge = on_judge,
		.ended = on_ended };
	struct svc_policy *p = svc_policy_of(from);

	arena_reset(p->scratch);
	return ipc_scan_policy_policy_dispatch(&handlers, from, datagram, fd, p->scratch);
}

/* ---- account holders teach ------------------------------------------------------------------ */

/* What one account calls junk is a lesson for its own statistics, and for those of all. */
static enum err
on_learn(void *ctx, const struct ipc_accounts_policy_learn *m, int *fd)
{
	struct svc_common_link *from = ctx;
	const bool junk_undo[2] = { m->junk, m->undo };

	if (m->account != 0 && m->features.n > 0) {
		svc_policy_learn(svc_policy_of(from), m->account, m->features, junk_undo);
		svc_policy_learn(svc_policy_of(from), 0, m->features, junk_undo);
	}
	return ERR_OK;
}

static enum err
on_forget(void *ctx, const struct ipc_accounts_policy_forget *m, int *fd)
{
	struct svc_common_link *from = ctx;

	policy_keep_forget(svc_policy_of(from)->keep, m->account);
	svc_policy_learn_forget(svc_policy_of(from), m->account);
	return ERR_OK;
}

enum err
svc_policy_from_accounts(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_accounts_policy_at_policy handlers = { .learn = on_learn,
		.forget = on_forget };
	struct svc_policy *p = svc_policy_of(from);

	arena_reset(p->scratch);
	return ipc_accounts_policy_policy_dispatch(&handlers, from, datagram, fd, p->scratch);
}
