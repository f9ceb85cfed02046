/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes: made when a letter needs one, judged when all answers are there, given up when they are
 * old. Which host may be used, in what order, and what it must prove.
 */
#include "svc/send/route.h"
#include "base/codec.h"
#include "base/mem.h"
#include "reach/operator.h"
#include "svc/send/attempt.h"
#include "svc/send/conn.h"
#include "sys/clock.h"
#include "sys/random.h"

enum { KEY_MAX = 300, IMPATIENT_MS = 1000 };

/* --- life ---------------------------------------------------------------------------------- */

static void
put_key(struct buf *b, const struct svc_send_letter *l)
{
	buf_ch(b, (char)('0' + l->requiretls + 2 * l->unenforced));
	buf_str(b, l->domain);
}

static void
retire(struct svc_send_route *r)
{
	if (r->current) {
		r->current = false;
		(void)map_del_str(r->server->routes, r->key);
		svc_send_route_drop(r);
	}
}

static void
give_up(void *ctx)
{
	struct svc_send_route *r = ctx;
	if (r->state == SVC_SEND_ROUTE_READY) { /* letters wait, and all connections are busy */
		r->extra++;
		svc_send_route_pump(r);
		return;
	}
	LIST_EACH(it, &r->asks) {
		svc_send_ask_forget(LIST_ENTRY(it, struct svc_send_ask, node));
	}
	r->pending = 0;
	r->failed = REACH_DNS_SERVFAIL;
	svc_send_route_found(r);
}

static bool
plaintext_allowed(const struct svc_send *sv, const struct svc_send_route *r)
{
	const struct conf_list *list = &sv->sc->conf->send_plaintext;
	bool listed = sv->set.plaintext;
	for (size_t i = 0; i < list->n; i++) {
		listed |= str_ieq(list->v[i], r->domain);
	}
	return listed && !r->requiretls;
}

static struct svc_send_route *
new_route(struct svc_send *sv, const struct svc_send_letter *l, str key)
{
	struct arena *a = arena_new(NULL, "route", SVC_SEND_ROUTE_BUDGET, 0);
	struct svc_send_route *r = a == NULL ? NULL : ARENA_NEW(a, struct svc_send_route);
	if (r == NULL) {
		arena_free(&a);
		return NULL;
	}
	*r = (struct svc_send_route){ .server = sv,
		.arena = a,
		.key = arena_dup(a, key),
		.domain = arena_dup(a, l->domain),
		.literal = str_starts(l->domain, S("[")),
		.requiretls = l->requiretls,
		.unenforced = l->unenforced,
		.holders = 1,
		.current = true,
		.ttl_s = SVC_SEND_ROUTE_MAX_MS / 1000,
		.began_ms = sys_loop_now_ms(sv->sc->loop),
		.began_wall_ms = sys_clock_wall_ms() };
	r->plaintext = plaintext_allowed(sv, r);
	list_init(&r->dead_node);
	list_init(&r->waiting);
	list_init(&r->pace_node);
	list_init(&r->pump_node);
	list_init(&r->asks);
	sys_timer_init(&r->timer, give_up, r);
	if (map_set_str(sv->routes, key, r) != ERR_OK) {
		arena_free(&a);
		return NULL;
	}
	sys_timer_set(sv->sc->loop, &r->timer, SVC_SEND_ASK_MS);
	return r;
}

void
svc_send_route_hold(struct svc_send_route *r)
{
	r->holders++;
}

void
svc_send_route_drop(struct svc_send_route *r)
{
	struct svc_send *sv = r->server;
	ASSERT(r->holders > 0);
	if (--r->holders > 0) {
		return;
	}
	ASSERT(list_empty(&r->waiting) && !r->current);
	LIST_EACH(it, &r->asks) {
		svc_send_ask_forget(LIST_ENTRY(it, struct svc_send_ask, node));
	}
	sys_timer_stop(&r->timer);
	list_remove(&r->pace_node);
	if (r->op != NULL) {
		svc_send_operator_drop(r->op);
		r->op = NULL;
	}
	list_push(&sv->dead_routes, &r->dead_node);
	sys_task_schedule(sv->sc->loop, &sv->bury);
}

void
svc_send_route_bury(struct svc_send *sv)
{
	LIST_EACH(it, &sv->dead_routes) {
		struct svc_send_route *r = LIST_ENTRY(it, struct svc_send_route, dead_node);
		struct arena *a = r->arena; /* the route lies in it */
		list_remove(it);
		arena_free(&a);
	}
}

static void
sweep_old(void *value, void *ctx)
{
	struct svc_send_route *r = value;
	const struct svc_send *sv = ctx;
	if (r->holders == 1 && r->until_ms <= sys_loop_now_ms(sv->sc->loop)) {
		retire(r);
	}
}

static void
sweep_any(void *value, void *ctx)
{
	struct svc_send_route *r = value;
	if (r->holders == 1) {
		retire(r);
	}
}

void
svc_send_route_sweep(struct svc_send *sv, bool any)
{
	map_each(sv->routes, any ? sweep_any : sweep_old, sv);
}

/* --- letters ------------------------------------------------------------------------------- */

void
svc_send_route_take(struct svc_send_letter *l)
{
	struct svc_send *sv = l->server;
	char room[KEY_MAX];
	struct buf key;
	buf_init_fixed(&key, room, sizeof room);
	put_key(&key, l);
	struct svc_send_route *r = map_get_str(sv->routes, buf_view(&key));
	bool fresh = r == NULL;
	if (r != NULL && r->state == SVC_SEND_ROUTE_READY &&
	    r->until_ms <= sys_loop_now_ms(sv->sc->loop)) {
		retire(r);
		fresh = true;
	}
	if (fresh && map_count(sv->routes) >= SVC_SEND_ROUTES_MAX) {
		svc_send_route_sweep(sv, true);
	}
	r = fresh ? new_route(sv, l, buf_view(&key)) : r;
	if (r == NULL) {
		svc_send_letter_return(l);
		return;
	}
	l->route = r;
	l->state = SVC_SEND_WAITING;
	list_push(&r->waiting, &l->node);
	r->waiting_n++;
	svc_send_route_hold(r);
	if (fresh) {
		svc_send_lookup(r);
	} else {
		svc_send_route_pump(r);
	}
}

void
svc_send_route_leave(struct svc_send_letter *l)
{
	struct svc_send_route *r = l->route;
	if (r == NULL) {
		return;
	}
	if (l->state == SVC_SEND_WAITING) {
		list_remove(&l->node);
		r->waiting_n--;
	}
	l->route = NULL;
	svc_send_route_drop(r);
}

void
svc_send_route_fail(struct svc_send_route *r, const struct svc_send_letter *lead)
{
	svc_send_route_hold(r);
	retire(r); /* the next round looks again */
	while (!list_empty(&r->waiting)) {
		struct svc_send_letter *l = LIST_ENTRY(r->waiting.next, struct svc_send_letter,
		    node);
		l->whole_domain = lead->whole_domain;
		l->class = lead->class;
		l->mx = arena_dup(l->arena, lead->mx);
		l->has_peer = lead->has_peer;
		memcpy(l->peer_ip, lead->peer_ip, 16);
		svc_send_letter_note_all(l, &lead->rcpts[0].outcome);
		svc_send_letter_finish(l);
	}
	svc_send_route_drop(r);
}

/* --- judging what was found ---------------------------------------------------------------- */

static const struct {
	uint8_t ip[16];
	uint8_t bits;
} not_public[] = {
#define V4(a, b, c, d, n)                                   \
	{                                                   \
		{ [10] = 0xff, 0xff, a, b, c, d }, 96 + (n) \
	}
	V4(0, 0, 0, 0, 8), /* RFC 6890, and what it lists */
	V4(10, 0, 0, 0, 8),
	V4(100, 64, 0, 0, 10),
	V4(127, 0, 0, 0, 8),
	V4(169, 254, 0, 0, 16),
	V4(172, 16, 0, 0, 12),
	V4(192, 0, 0, 0, 24),
	V4(192, 0, 2, 0, 24),
	V4(192, 168, 0, 0, 16),
	V4(198, 18, 0, 0, 15),
	V4(198, 51, 100, 0, 24),
	V4(203, 0, 113, 0, 24),
	V4(224, 0, 0, 0, 3), /* multicast and the rest above it */
#undef V4
	{ { 0 }, 96 },    /* ::, ::1 and IPv4-compatible ones */
	{ { 0x01 }, 64 }, /* 100::/64: discard */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 },
	{ { 0xfc }, 7 },
	{ { 0xfe, 0x80 }, 10 },
	{ { 0xfe, 0xc0 }, 10 },
	{ { 0xff }, 8 },
};

bool
svc_send_is_public(const uint8_t ip[16])
{
	for (size_t i = 0; i < LEN(not_public); i++) {
		struct sys_prefix p = { .bits = not_public[i].bits };
		memcpy(p.ip, not_public[i].ip, 16);
		if (sys_prefix_contains(&p, ip)) {
			return false;
		}
	}
	return true;
}

/* IPv6 and IPv4 in turns (RFC 8305 4), without addresses that are not for the public. */
static void
order_addresses(struct svc_send_host *h)
{
	const struct svc_send *sv = h->route->server;
	for (size_t i = 0; i < SVC_SEND_ADDRESSES_MAX; i++) {
		const uint8_t *next[2] = { i < h->v6_n ? h->v6[i] : NULL,
			i < h->v4_n ? h->v4[i] : NULL };
		for (size_t k = 0; k < 2; k++) {
			if (next[k] == NULL || h->ip_n >= SVC_SEND_ADDRESSES_MAX) {
				continue;
			}
			if (!sv->set.private_addresses && !svc_send_is_public(next[k])) {
				h->bad_address = true;
				continue;
			}
			memcpy(h->ip[h->ip_n++], next[k], 16);
		}
	}
	if (h->unfit == SVC_SEND_FIT && h->ip_n == 0) {
		h->unfit = h->bad_address ? SVC_SEND_BAD_ADDRESS : SVC_SEND_NO_ADDRESS;
	}
}

static bool
is_ourselves(const struct svc_send_host *h)
{
	const struct svc_send *sv = h->route->server;
	if (str_ieq(h->name, sv->set.hostname) || str_ieq(h->name, sv->set.helo)) {
		return true;
	}
	for (size_t i = 0; i < h->ip_n && sv->set.port == 25; i++) {
		for (size_t k = 0; k < sv->own_n; k++) {
			if (sys_addr_ip_eq(h->ip[i], sv->own[k])) {
				return true;
			}
		}
	}
	return false;
}

/* RFC 5321 5.1: we, and every host that is not better than we, are left out. */
static void
cut_loop(struct svc_send_route *r)
{
	for (size_t i = 0; i < r->hosts_n; i++) {
		if (is_ourselves(&r->hosts[i])) {
			while (i > 0 && r->hosts[i - 1].preference == r->hosts[i].preference) {
				i--;
			}
			r->loop = i == 0;
			r->hosts_n = i;
			return;
		}
	}
}

/* RFC 8461 4.1; 8689 4.2.1: REQUIRETLS wants the host's name from signed DNS or a policy. */
static void
check_policies(struct svc_send_host *h)
{
	const struct svc_send_route *r = h->route;
	bool secure_mx = r->mx == DANE_MX_HOSTS || r->mx == DANE_MX_IMPLICIT;
	h->listed = !r->sts_applies || mtasts_allows(r->patterns, r->patterns_n, h->name);
	if (h->unfit != SVC_SEND_FIT) {
		return;
	}
	if (r->sts == MTASTS_ENFORCE && !h->listed && h->dane != DANE_DEMAND_AUTHENTICATE) {
		h->unfit = SVC_SEND_UNLISTED;
	} else if (r->requiretls && !secure_mx && !(r->sts_applies && h->listed)) {
		h->unfit = SVC_SEND_UNSAFE;
	}
}

static bool
any_fit(const struct svc_send_route *r)
{
	for (size_t i = 0; i < r->hosts_n; i++) {
		if (r->hosts[i].unfit == SVC_SEND_FIT) {
			return true;
		}
	}
	return false;
}

static void
set_operator(struct svc_send_route *r)
{
	const struct svc_send_host *best = &r->hosts[0];
	for (size_t i = 0; i < r->hosts_n && best->unfit != SVC_SEND_FIT; i++) {
		best = &r->hosts[i];
	}
	r->op = svc_send_operator_hold(&r->server->pace,
	    reach_operator(r->server->rules, best->name));
}

void
svc_send_route_found(struct svc_send_route *r)
{
	struct svc_send *sv = r->server;
	int64_t now = sys_loop_now_ms(sv->sc->loop);
	int64_t keep = MIN(MAX((int64_t)r->ttl_s * 1000, SVC_SEND_ROUTE_MIN_MS),
	    SVC_SEND_ROUTE_MAX_MS);
	sys_timer_stop(&r->timer);
	r->state = SVC_SEND_ROUTE_READY;
	r->took_ms = now - r->began_ms;
	r->until_ms = now + keep;
	for (size_t i = 0; i < r->hosts_n && r->failed == REACH_DNS_OK; i++) {
		order_addresses(&r->hosts[i]);
	}
	cut_loop(r);
	for (size_t i = 0; i < r->hosts_n && r->failed == REACH_DNS_OK; i++) {
		check_policies(&r->hosts[i]);
	}
	svc_send_route_hold(r);
	if (r->failed == REACH_DNS_OK && any_fit(r)) {
		set_operator(r);
	}
	if (r->op == NULL) {
		retire(r);
		svc_send_attempt_dns(r);
	} else {
		svc_send_route_pump(r);
	}
	svc_send_route_drop(r);
}

/* --- where to, and with what proof --------------------------------------------------------- */

static void
shuffle(uint8_t *v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)(sys_random_u64() % i);
		uint8_t t = v[i - 1];
		v[i - 1] = v[k];
		v[k] = t;
	}
}

/* Hosts that may be used, by preference, equal ones in any order (RFC 5321 5.1). */
static size_t
order_hosts(const struct svc_send_route *r, uint8_t to[SVC_SEND_HOSTS_MAX + 1])
{
	size_t n = 0, from = 0;
	for (size_t i = 0; i < r->hosts_n; i++) {
		if (n > from && r->hosts[to[from]].preference != r->hosts[i].preference) {
			shuffle(to + from, n - from);
			from = n;
		}
		if (r->hosts[i].unfit == SVC_SEND_FIT) {
			to[n++] = (uint8_t)i;
		}
	}
	shuffle(to + from, n - from);
	return n;
}

static bool
is_bad(struct svc_send *sv, const uint8_t *ip)
{
	const int64_t *until = lru_peek(sv->bad, str_make(ip, 16));
	return until != NULL && *until > sys_loop_now_ms(sv->sc->loop);
}

size_t
svc_send_route_places(struct svc_send_route *r, struct svc_send_place *to, size_t max)
{
	uint8_t order[SVC_SEND_HOSTS_MAX + 1];
	size_t hosts = order_hosts(r, order), n = 0;
	for (size_t i = 0; i < 2 * hosts; i++) { /* the good ones, then the bad ones */
		const struct svc_send_host *h = &r->hosts[order[i % hosts]];
		for (size_t k = 0; k < h->ip_n && n < max; k++) {
			if (is_bad(r->server, h->ip[k]) == (i >= hosts)) {
				to[n++] = (struct svc_send_place){ order[i % hosts], (uint8_t)k };
			}
		}
	}
	return n;
}

struct svc_send_proof
svc_send_route_proof(const struct svc_send_route *r, const struct svc_send_host *h)
{
	struct svc_send_proof p = { .demand = SVC_SEND_ENCRYPT, .host = h->name };
	bool secure_mx = r->mx == DANE_MX_HOSTS || r->mx == DANE_MX_IMPLICIT;
	if (r->unenforced) {
		return p;
	}
	if (h->dane == DANE_DEMAND_AUTHENTICATE) {
		p.demand = SVC_SEND_DANE;
		p.records = h->records;
		p.records_n = h->records_n;
		p.names_n = dane_names(h->base, r->domain, secure_mx, r->canonical, p.names);
	} else if (r->requiretls || (r->sts == MTASTS_ENFORCE && h->listed)) {
		p.demand = SVC_SEND_PKIX;
	}
	return p;
}

void
svc_send_route_key(const struct svc_send_route *r, const struct svc_send_host *h, struct buf *out)
{
	static const uint8_t fixed[16] = { 0 };
	struct svc_send_proof p = svc_send_route_proof(r, h);
	buf_ch(out, (char)('0' + p.demand));
	buf_str(out, h->name);
	if (r->plaintext || p.demand == SVC_SEND_DANE) {
		buf_ch(out, r->plaintext ? '!' : '|');
		buf_str(out, r->domain);
	}
	uint64_t sum = 0;
	for (size_t i = 0; i < p.records_n; i++) {
		const struct dane_record *d = &p.records[i];
		sum = sum * 31 + siphash(fixed, d->data) + d->usage * 9u + d->selector * 3u +
		    d->matching;
	}
	buf_printf(out, "|%llx", (unsigned long long)sum);
}

/* --- connections --------------------------------------------------------------------------- */

/*
 * How many at once for the letters that wait: one until we know that anybody is there, and no more
 * for a while when one more was turned away.
 */
static uint32_t
wanted(const struct svc_send_route *r)
{
	size_t more = r->waiting_n / SVC_SEND_LETTERS_PER_CONN;
	bool calm = sys_loop_now_ms(r->server->sc->loop) < r->calm_until_ms;
	return r->proven && !calm ? (uint32_t)(1 + more) + r->extra : 1;
}

void
svc_send_route_calm(struct svc_send_route *r)
{
	r->calm_until_ms = sys_loop_now_ms(r->server->sc->loop) + SVC_SEND_CALM_MS;
	r->extra = 0;
}

static void
join(struct list *line, struct svc_send_route *r)
{
	if (list_empty(&r->pace_node)) {
		list_push(line, &r->pace_node);
	}
}

/* Room for one more; else the route stands in line for it. */
static bool
may_connect(struct svc_send_route *r)
{
	struct svc_send *sv = r->server;
	if (!svc_send_operator_free(&sv->pace, r->op) && !svc_send_conn_make_room(sv, r->op)) {
		join(&r->op->waiting, r);
		return false;
	}
	if (sv->conns_n >= sv->set.connections && !svc_send_conn_make_room(sv, NULL)) {
		join(&sv->starved, r);
		return false;
	}
	return true;
}

static void
grow_impatient(struct svc_send_route *r)
{
	if (r->waiting_n == 0) {
		r->extra = 0;
		sys_timer_stop(&r->timer);
	} else if (!sys_timer_is_set(&r->timer)) {
		sys_timer_set(r->server->sc->loop, &r->timer, IMPATIENT_MS);
	}
}

static void
connect_letters(struct svc_send_route *r)
{
	if (r->server->quitting) {
		return;
	}
	list_remove(&r->pace_node);
	while (r->waiting_n > 0) {
		if (svc_send_conn_reuse(r)) {
			continue;
		}
		if (r->conns_n >= wanted(r) || !may_connect(r) || !svc_send_conn_new(r)) {
			break;
		}
	}
	grow_impatient(r);
}

/* Done at the end of the turn: whoever finds out that there may be work is in the middle of it. */
void
svc_send_route_pump(struct svc_send_route *r)
{
	struct svc_send *sv = r->server;
	if (r->state == SVC_SEND_ROUTE_READY && r->op != NULL && list_empty(&r->pump_node)) {
		svc_send_route_hold(r);
		list_push(&sv->pumps, &r->pump_node);
		sys_task_schedule(sv->sc->loop, &sv->pump);
	}
}

void
svc_send_route_pump_all(struct svc_send *sv)
{
	struct list now;
	list_init(&now);
	list_move(&sv->pumps, &now);
	while (!list_empty(&now)) {
		struct svc_send_route *r = LIST_ENTRY(now.next, struct svc_send_route, pump_node);
		list_remove(&r->pump_node);
		connect_letters(r);
		svc_send_route_drop(r);
	}
}

static void
serve_first(struct list *line)
{
	if (!list_empty(line)) {
		struct svc_send_route *r = LIST_ENTRY(line->next, struct svc_send_route, pace_node);
		list_remove(&r->pace_node);
		svc_send_route_pump(r);
	}
}

void
svc_send_route_next(struct svc_send *sv, struct svc_send_operator *o)
{
	if (o != NULL && svc_send_operator_free(&sv->pace, o)) {
		serve_first(&o->waiting);
	}
	if (sv->conns_n < sv->set.connections) {
		serve_first(&sv->starved);
	}
}
