/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS lists in use: each is tested before it is believed (RFC 5782 5), and again now and then, and
 * is off while it fails. An answer that says "you are refused" is never a listing; it switches the
 * list off at once.
 */
#include "conf/conf.h"
#include "ipc/common.h"
#include "proto/dns/dns.h"
#include "svc/policy/policy.h"
#include "sys/clock.h"

enum { LISTED, UNLISTED, ZONES_OCTETS = 1 << 20 };

str
svc_policy_lists_state(enum svc_policy_zone_state s)
{
	static const str words[SVC_POLICY_ZONE_STATES] = {
		[SVC_POLICY_ZONE_NEW] = S_INIT("untested"),
		[SVC_POLICY_ZONE_GOOD] = S_INIT("good"),
		[SVC_POLICY_ZONE_EMPTY] = S_INIT("test-entry-missing"),
		[SVC_POLICY_ZONE_ALL] = S_INIT("lists-everything"),
		[SVC_POLICY_ZONE_REFUSED] = S_INIT("refused"),
		[SVC_POLICY_ZONE_STRANGE] = S_INIT("strange-answers"),
	};

	return words[s];
}

/* ---- state ---------------------------------------------------------------------------------- */

static void
set_state(struct svc_policy_zone *z, enum svc_policy_zone_state state)
{
	bool good = state == SVC_POLICY_ZONE_GOOD;
	const struct conf *c = z->p->sc->conf;
	int64_t again = good ? (int64_t)c->lists_test
			     : MIN((int64_t)c->lists_test, (int64_t)SVC_POLICY_TEST_BAD_MS);

	if (state != z->state && good) {
		LOG(POLICY_LIST_GOOD, F_STR("zone", z->list.zone));
	} else if (state != z->state) {
		LOG(POLICY_LIST_OFF, F_STR("zone", z->list.zone),
		    F_STR("why", svc_policy_lists_state(state)));
	}
	z->state = state;
	z->tested_s = sys_clock_wall_s();
	sys_timer_set(z->p->sc->loop, &z->again, again);
}

/* What an answer says. Out: was there an entry at all? */
static bool
hear(const struct svc_policy_zone *z, const struct svc_policy_said *said,
    struct policy_list_said *ret)
{
	uint8_t ip[16];
	bool there = false;

	*ret = (struct policy_list_said){ 0 };
	for (size_t i = 0; said->result == ERR_OK && i < said->n; i++) {
		if (dns_a(said->rdata[i], ip) == ERR_OK) {
			there = true;
			policy_list_hear(&z->list, ip, ret);
		}
	}
	return there;
}

/* ---- the test ------------------------------------------------------------------------------- */

static enum svc_policy_zone_state
judge_test(const struct svc_policy_zone *z)
{
	const struct svc_policy_test *in = &z->tests[LISTED], *out = &z->tests[UNLISTED];

	if (in->said.refused || (out->said.refused && !in->there)) {
		return SVC_POLICY_ZONE_REFUSED;
	}
	if (in->said.strange || out->said.strange) {
		return SVC_POLICY_ZONE_STRANGE;
	}
	if (in->failed || out->failed) {
		return z->state; /* nobody answered: as it was */
	}
	if (out->there) {
		return SVC_POLICY_ZONE_ALL;
	}
	return in->there ? SVC_POLICY_ZONE_GOOD : SVC_POLICY_ZONE_EMPTY;
}

static void
on_test(struct svc_policy_ask *ask, const struct svc_policy_said *said)
{
	struct svc_policy_test *t = CONTAINER_OF(ask, struct svc_policy_test, ask);
	struct svc_policy_zone *z = t->zone;

	t->failed = said->result != ERR_OK && said->result != ERR_NOTFOUND;
	t->there = hear(z, said, &t->said);
	if (z->tests[LISTED].ask.request == 0 && z->tests[UNLISTED].ask.request == 0) {
		set_state(z, judge_test(z));
	}
}

static void
test_one(struct svc_policy_zone *z, size_t i)
{
	struct svc_policy_test *t = &z->tests[i];
	char text[POLICY_LIST_NAME + 1];
	struct buf name;

	svc_policy_dns_cancel(&t->ask);
	t->zone = z;
	t->ask.fn = on_test;
	t->failed = true;
	t->there = false;
	t->said = (struct policy_list_said){ 0 };
	buf_init_fixed(&name, text, sizeof text);
	if (policy_list_test_put(&name, &z->list, i == LISTED) == ERR_OK) {
		(void)(svc_policy_dns(z->p, &t->ask, buf_view(&name), DNS_A) == ERR_OK);
	}
}

static void
test(void *ctx)
{
	struct svc_policy_zone *z = ctx;

	test_one(z, LISTED);
	test_one(z, UNLISTED);
	if (z->tests[LISTED].ask.request == 0 && z->tests[UNLISTED].ask.request == 0) {
		sys_timer_set(z->p->sc->loop, &z->again, SVC_POLICY_FLUSH_MS); /* no DNS yet */
	}
}

/* ---- looking up ----------------------------------------------------------------------------- */

static void
on_looked(struct svc_policy_ask *ask, const struct svc_policy_said *said)
{
	struct svc_policy_lookup *l = CONTAINER_OF(ask, struct svc_policy_lookup, ask);
	struct svc_policy_zone *z = l->zone;

	(void)hear(z, said, &l->said);
	z->late += said->result == ERR_TIMEOUT;
	if (l->said.refused) {
		z->refused++;
		l->said.listed = false;
		set_state(z, SVC_POLICY_ZONE_REFUSED);
	} else if (l->said.strange) {
		l->said.listed = false;
		set_state(z, SVC_POLICY_ZONE_STRANGE);
	}
	z->hits += l->said.listed;
	l->ended(l);
}

bool
svc_policy_lists_look(struct svc_policy *p, struct svc_policy_lookup *l, const uint8_t *ip)
{
	struct svc_policy_zone *z = l->zone;
	char text[POLICY_LIST_NAME + 1];
	struct buf name;

	if (z->state != SVC_POLICY_ZONE_GOOD) {
		return false;
	}
	buf_init_fixed(&name, text, sizeof text);
	enum err e = ip != NULL ? policy_list_ip_put(&name, &z->list, ip)
				: policy_list_name_put(&name, &z->list, l->what);
	l->ask.fn = on_looked;
	l->said = (struct policy_list_said){ 0 };
	e = e == ERR_OK ? svc_policy_dns(p, &l->ask, buf_view(&name), DNS_A) : e;
	z->queries += e == ERR_OK;
	return e == ERR_OK;
}

bool
svc_policy_lists_listed(const struct svc_policy_lookup *l, struct arena *a,
    struct ipc_common_listed *ret)
{
	const uint8_t *q = l->said.answer;

	if (!l->said.listed) {
		return false;
	}
	*ret = (struct ipc_common_listed){ .zone = l->zone->list.zone,
		.what = l->what,
		.answer = arena_printf(a, "%u.%u.%u.%u", q[0], q[1], q[2], q[3]),
		.points = l->said.points };
	return ret->answer.p != NULL;
}

/* ---- the settings --------------------------------------------------------------------------- */

static void
add_zone(struct svc_policy *p, str rule, bool domains)
{
	struct svc_policy_zone *z = &p->zones[p->zones_n];
	/* a rule lives in the configuration, which is replaced by the next one */
	str copy = arena_dup(p->zones_arena, rule);

	if (copy.p == NULL || policy_list_parse(copy, domains, &z->list) != ERR_OK) {
		LOG(POLICY_LIST_BAD, F_STR("rule", rule));
		return;
	}
	z->p = p;
	sys_timer_init(&z->again, test, z);
	sys_timer_set(p->sc->loop, &z->again, 0);
	p->zones_n++;
}

enum err
svc_policy_lists_start(struct svc_policy *p)
{
	const struct conf_list *by_address = &p->sc->conf->lists_address;
	const struct conf_list *by_domain = &p->sc->conf->lists_domain;

	p->zones_arena = arena_new(p->sc->arena, "lists", ZONES_OCTETS, 0);
	p->zones = p->zones_arena == NULL
	    ? NULL
	    : arena_array(p->zones_arena, SVC_POLICY_LISTS_MAX, sizeof *p->zones);
	if (p->zones == NULL) {
		return ERR_NOMEM;
	}
	p->zones_n = 0;
	for (size_t i = 0; i < by_address->n && p->zones_n < SVC_POLICY_LISTS_MAX; i++) {
		add_zone(p, by_address->v[i], false);
	}
	for (size_t i = 0; i < by_domain->n && p->zones_n < SVC_POLICY_LISTS_MAX; i++) {
		add_zone(p, by_domain->v[i], true);
	}
	return ERR_OK;
}

void
svc_policy_lists_stop(struct svc_policy *p)
{
	for (size_t i = 0; i < p->zones_n; i++) {
		sys_timer_stop(&p->zones[i].again);
		svc_policy_dns_cancel(&p->zones[i].tests[LISTED].ask);
		svc_policy_dns_cancel(&p->zones[i].tests[UNLISTED].ask);
	}
	p->zones_n = 0;
	arena_free(&p->zones_arena);
}
