/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a connection: dialling place after place, resting, leaving, and what it counts for.
 * Connections are freed at the end of the turn, never in their own callbacks.
 */
#include "svc/send/conn.h"
#include "base/mem.h"
#include "reach/operator.h"
#include "sys/sys.h"

static void on_event(void *ctx, unsigned events);
static void on_timer(void *ctx);

/* --- operators ----------------------------------------------------------------------------- */

static void
count_for(struct svc_send_conn *c, struct svc_send_operator *o)
{
	c->op = o;
	o->in_use++;
}

static void
uncount(struct svc_send_conn *c)
{
	if (c->op != NULL) {
		c->op->in_use--;
		svc_send_operator_drop(c->op);
		c->op = NULL;
	}
}

/* A host may be somebody else's than the route's best one: it counts for whom it is. */
static void
count_for_host(struct svc_send_conn *c)
{
	struct svc_send *sv = c->server;
	str name = reach_operator(sv->rules, c->host->name);
	if (c->op != NULL && str_ieq(c->op->name, name)) {
		return;
	}
	struct svc_send_operator *o = svc_send_operator_hold(&sv->pace, name);
	if (o != NULL) {
		svc_send_route_next(sv, c->op); /* at the end of the turn it has a place more */
		uncount(c);
		count_for(c, o);
	}
}

/* --- letters ------------------------------------------------------------------------------- */

struct svc_send_letter *
svc_send_conn_take(struct svc_send_conn *c)
{
	struct svc_send_route *r = c->route;
	if (r == NULL || list_empty(&r->waiting)) {
		return NULL;
	}
	struct svc_send_letter *l = LIST_ENTRY(r->waiting.next, struct svc_send_letter, node);
	list_remove(&l->node);
	r->waiting_n--;
	l->state = SVC_SEND_CARRIED;
	l->conn = c;
	c->letter = l;
	return l;
}

void
svc_send_conn_give_back(struct svc_send_conn *c)
{
	struct svc_send_letter *l = c->letter;
	struct svc_send_route *r = c->route;
	c->letter = NULL;
	l->conn = NULL;
	l->state = SVC_SEND_WAITING;
	list_push(r->waiting.next, &l->node); /* before the first: the list is circular */
	r->waiting_n++;
}

/* --- closing ------------------------------------------------------------------------------- */

static void
close_socket(struct svc_send_conn *c)
{
	int fd = c->watch.fd;
	if (c->tls_on) {
		svc_common_tls_end(&c->tls.io);
		svc_send_tls_done(&c->tls);
	}
	if (c->engine_on) {
		smtpc_done(&c->engine);
	}
	if (fd >= 0) {
		sys_watch_stop(c->server->sc->loop, &c->watch);
		sys_close(&fd);
		c->watch.fd = -1;
	}
	sys_timer_stop(&c->timer);
	c->engine_on = c->tls_on = false;
	arena_reset(c->arena);
}

static void
leave_route(struct svc_send_conn *c)
{
	struct svc_send_route *r = c->route;
	if (r != NULL) {
		r->conns_n--;
		r->ready_n -= c->ready;
		c->route = NULL;
		c->host = NULL;
		svc_send_route_drop(r);
	}
}

void
svc_send_conn_down(struct svc_send_conn *c)
{
	struct svc_send *sv = c->server;
	if (c->state == SVC_SEND_GONE) {
		return;
	}
	ASSERT(c->letter == NULL);
	close_socket(c);
	list_remove(&c->idle_all);
	list_remove(&c->idle_op);
	struct svc_send_route *r = c->route;
	struct svc_send_operator *o = c->op;
	c->state = SVC_SEND_GONE;
	list_remove(&c->all);
	list_push(&sv->dead, &c->all);
	sys_task_schedule(sv->sc->loop, &sv->bury);
	sv->conns_n--;
	if (o != NULL) {
		o->holders++; /* until its other routes had their turn */
	}
	uncount(c);
	if (r != NULL) {
		svc_send_route_hold(r);
		leave_route(c);
		svc_send_route_pump(r);
		svc_send_route_drop(r);
	}
	svc_send_route_next(sv, o);
	if (o != NULL) {
		svc_send_operator_drop(o);
	}
}

void
svc_send_conn_bury(struct svc_send *sv)
{
	LIST_EACH(it, &sv->dead) {
		struct svc_send_conn *c = LIST_ENTRY(it, struct svc_send_conn, all);
		list_remove(it);
		arena_free(&c->arena);
		mem_drop(c);
	}
}

void
svc_send_conn_leave(struct svc_send_conn *c)
{
	struct svc_send_route *r = c->route;
	c->state = SVC_SEND_LEAVING;
	if (r != NULL) {
		svc_send_route_hold(r);
		leave_route(c);
	}
	smtpc_quit(&c->engine);
	sys_timer_set(c->server->sc->loop, &c->timer, SVC_SEND_LINGER_MS);
	if (r != NULL) {
		svc_send_route_pump(r);
		svc_send_route_drop(r);
	}
}

static bool
may_be_used_again(const struct svc_send_conn *c)
{
	const struct svc_send *sv = c->server;
	int64_t age = sys_loop_now_ms(sv->sc->loop) - c->born_ms;
	return !sv->quitting && c->letters < sv->set.reuse_count && age < sv->set.reuse_ms &&
	    smtpc_ready(&c->engine) && smtpc_reusable(&c->engine);
}

void
svc_send_conn_rest(struct svc_send_conn *c)
{
	struct svc_send *sv = c->server;
	if (!may_be_used_again(c)) {
		svc_send_conn_leave(c);
		return;
	}
	if (svc_send_conn_take(c) != NULL) {
		svc_send_talk_letter(c);
		return;
	}
	if (sv->set.idle_ms == 0) {
		svc_send_conn_leave(c);
		return;
	}
	leave_route(c);
	c->state = SVC_SEND_IDLE;
	list_push(&sv->idle, &c->idle_all);
	list_push(&c->op->idle, &c->idle_op);
	sys_timer_set(sv->sc->loop, &c->timer, sv->set.idle_ms);
	svc_send_route_next(sv, c->op); /* whoever is in line may have its place */
}

bool
svc_send_conn_make_room(struct svc_send *sv, struct svc_send_operator *o)
{
	struct list *line = o != NULL ? &o->idle : &sv->idle;
	if (list_empty(line)) {
		return false;
	}
	struct svc_send_conn *c = o != NULL
	    ? LIST_ENTRY(line->next, struct svc_send_conn, idle_op)
	    : LIST_ENTRY(line->next, struct svc_send_conn, idle_all);
	smtpc_quit(&c->engine);
	svc_send_talk_flush(c); /* says QUIT; nobody waits for the answer */
	svc_send_conn_down(c);
	return true;
}

/* --- the trip ------------------------------------------------------------------------------ */

static const uint8_t *
source_for(const struct svc_send *sv, const uint8_t *ip)
{
	bool v4 = sys_addr_is_v4(ip);
	if (v4) {
		return sv->set.v4_source ? sv->set.v4 : NULL;
	}
	return sv->set.v6_source ? sv->set.v6 : NULL;
}

static void
forget_connection(struct svc_send_conn *c)
{
	c->has_tls = c->timed_out = c->body_on = c->want_tls = c->failed = c->closing = false;
	c->elsewhere = c->resumed_use = c->plain = c->now = false;
	c->serial++;
	c->broken = 0;
	c->dane = c->sts = 0;
	c->soft_tls = REACH_TLS_OK;
	c->sent = c->received = 0;
	c->letters = 0;
	memset(c->source, 0, sizeof c->source);
	if (c->ready) {
		c->ready = false;
		c->route->ready_n--;
	}
}

static void
note_address(struct svc_send_conn *c, bool bad)
{
	struct svc_send *sv = c->server;
	str key = str_make(c->peer, 16);
	int64_t *until = bad ? lru_put(sv->bad, key) : NULL;
	if (until != NULL) {
		*until = sys_loop_now_ms(sv->sc->loop) + SVC_SEND_BAD_ADDRESS_MS;
	} else if (!bad && lru_count(sv->bad) > 0) {
		lru_del(sv->bad, key);
	}
}

/* Start to connect to the place at c->at; false: it failed at once. */
static bool
dial(struct svc_send_conn *c)
{
	struct svc_send *sv = c->server;
	struct svc_send_place p = c->places[c->at];
	struct sys_addr to = { .port = sv->set.port };
	int fd = -1;
	c->host = &c->route->hosts[p.host];
	memcpy(to.ip, c->host->ip[p.ip], 16);
	memcpy(c->peer, to.ip, 16);
	forget_connection(c);
	count_for_host(c);
	c->state = SVC_SEND_DIALLING;
	svc_send_attempt_begin(&c->attempt, sv, REACH_PHASE_CONNECT);
	c->attempt_on = true;
	sv->count.connects++;
	enum err e = sys_dial(&to, source_for(sv, to.ip), &fd, &c->broken);
	if (e != ERR_OK && e != ERR_AGAIN) {
		note_address(c, e != ERR_NOFD && e != ERR_NOMEM);
		return false;
	}
	c->watch = (struct sys_watch){ .fd = fd, .fn = on_event, .ctx = c };
	if (sys_watch_start(sv->sc->loop, &c->watch, SYS_OUT) != ERR_OK) {
		sys_close(&fd);
		c->watch.fd = -1;
		return false;
	}
	bool more = c->at + 1 < c->places_n;
	sys_timer_set(sv->sc->loop, &c->timer, more ? sv->set.connect_ms / 3 : sv->set.connect_ms);
	return true;
}

/*
 * No place is left. A letter that was heard somewhere has its outcome. Else nobody was there for
 * the whole domain, unless another connection of it is at work now.
 */
static void
end_trip(struct svc_send_conn *c)
{
	struct svc_send_letter *l = c->letter;
	struct svc_send_route *r = c->route;
	bool heard = l->heard;
	if (!heard && r->ready_n > 0) {
		svc_send_conn_give_back(c);
		svc_send_route_calm(r);
	} else {
		c->letter = NULL;
		l->conn = NULL;
		l->whole_domain = !heard && l->rank > SVC_SEND_RANK_LOCAL;
		svc_send_route_hold(r);
		if (!heard) {
			svc_send_route_fail(r, l);
		}
		svc_send_letter_finish(l);
		svc_send_route_drop(r);
	}
	svc_send_conn_down(c);
}

static void
next_place(struct svc_send_conn *c, bool other_host)
{
	uint8_t host = c->places[c->at].host;
	do {
		c->at++;
	} while (other_host && c->at < c->places_n && c->places[c->at].host == host);
}

void
svc_send_conn_advance(struct svc_send_conn *c, bool other_host)
{
	close_socket(c);
	if (c->server->quitting) {
		c->at = c->places_n;
	}
	while (c->at < c->places_n) {
		next_place(c, other_host);
		if (c->at < c->places_n) {
			if (dial(c)) {
				return;
			}
			svc_send_talk_record(c);
			other_host = false;
		}
	}
	end_trip(c);
}

/* The first place of a trip. */
static void
set_out(struct svc_send_conn *c)
{
	if (!dial(c)) {
		svc_send_talk_record(c);
		svc_send_conn_advance(c, false);
	}
}

static struct svc_send_conn *
new_conn(struct svc_send_route *r)
{
	struct svc_send *sv = r->server;
	struct svc_send_conn *c = mem_zalloc(1, sizeof *c);
	struct arena *a = c == NULL ? NULL : arena_new(NULL, "connection", SVC_SEND_CONN_BUDGET, 0);
	if (a == NULL) {
		mem_drop(c);
		return NULL;
	}
	c->server = sv;
	c->arena = a;
	c->watch.fd = -1;
	c->route = r;
	list_init(&c->all);
	list_init(&c->idle_all);
	list_init(&c->idle_op);
	sys_timer_init(&c->timer, on_timer, c);
	list_push(&sv->conns, &c->all);
	sv->conns_n++;
	svc_send_route_hold(r);
	r->conns_n++;
	r->op->holders++;
	count_for(c, r->op);
	return c;
}

bool
svc_send_conn_new(struct svc_send_route *r)
{
	struct svc_send_conn *c = new_conn(r);
	if (c == NULL) {
		return false;
	}
	c->places_n = svc_send_route_places(r, c->places, LEN(c->places));
	ASSERT(c->places_n > 0); /* a route with an operator has a host that fits */
	(void)svc_send_conn_take(c);
	set_out(c);
	return true;
}

/* --- use again ----------------------------------------------------------------------------- */

static struct svc_send_conn *
find_idle(const struct svc_send_operator *o, str key)
{
	LIST_EACH(it, &o->idle) {
		struct svc_send_conn *c = LIST_ENTRY(it, struct svc_send_conn, idle_op);
		if (str_eq(str_make(c->key, c->key_n), key)) {
			return c;
		}
	}
	return NULL;
}

/* The trip begins where the connection is; the other places follow, should it fail. */
static void
place_at(struct svc_send_conn *c, const struct svc_send_host *h)
{
	struct svc_send_route *r = c->route;
	uint8_t index = (uint8_t)(h - r->hosts);
	size_t n = svc_send_route_places(r, c->places + 1, LEN(c->places) - 1);
	c->places[0] = (struct svc_send_place){ index, 0 };
	c->places_n = n + 1;
	c->at = 0;
}

static void
put_to_work(struct svc_send_conn *c, struct svc_send_route *r, const struct svc_send_host *h)
{
	list_remove(&c->idle_all);
	list_remove(&c->idle_op);
	c->route = r;
	c->host = h;
	svc_send_route_hold(r);
	r->conns_n++;
	r->ready_n++;
	r->proven = true;
	place_at(c, h);
	c->state = SVC_SEND_TALKING;
	c->resumed_use = true;
	c->server->count.reused++;
	(void)svc_send_conn_take(c);
	svc_send_talk_letter(c);
	svc_send_talk_step(c);
}

bool
svc_send_conn_reuse(struct svc_send_route *r)
{
	char room[SVC_SEND_KEY_MAX];
	struct buf key;
	if (list_empty(&r->op->idle)) {
		return false;
	}
	for (size_t i = 0; i < r->hosts_n; i++) {
		const struct svc_send_host *h = &r->hosts[i];
		if (h->unfit != SVC_SEND_FIT || h->preference != r->hosts[0].preference) {
			continue;
		}
		buf_init_fixed(&key, room, sizeof room);
		svc_send_route_key(r, h, &key);
		struct svc_send_conn *c = find_idle(r->op, buf_view(&key));
		if (c != NULL) {
			put_to_work(c, r, h);
			return true;
		}
	}
	return false;
}

/* --- events -------------------------------------------------------------------------------- */

static void
connected(struct svc_send_conn *c)
{
	struct sys_addr from = { .port = 0 };
	c->broken = sys_dial_error(c->watch.fd);
	if (c->broken != 0) {
		note_address(c, true);
		svc_send_talk_record(c);
		svc_send_conn_advance(c, false);
		return;
	}
	note_address(c, false);
	if (sys_sock_local(c->watch.fd, &from) == ERR_OK) {
		memcpy(c->source, from.ip, 16);
	}
	c->born_ms = sys_loop_now_ms(c->server->sc->loop);
	struct buf key;
	buf_init_fixed(&key, c->key, sizeof c->key);
	svc_send_route_key(c->route, c->host, &key);
	c->key_n = key.n;
	c->state = SVC_SEND_TALKING;
	sys_watch_set(c->server->sc->loop, &c->watch, SYS_IN);
	svc_send_talk_begin(c);
}

static void
on_event(void *ctx, unsigned events)
{
	struct svc_send_conn *c = ctx;
	switch (c->state) {
	case SVC_SEND_DIALLING: connected(c); break;
	case SVC_SEND_HANDSHAKE:
		if (svc_send_handshake_go(c)) {
			svc_send_talk_step(c);
		}
		break;
	case SVC_SEND_GONE: break;
	default: svc_send_talk(c, events); break;
	}
}

static void
on_timer(void *ctx)
{
	struct svc_send_conn *c = ctx;
	switch (c->state) {
	case SVC_SEND_DIALLING:
		c->timed_out = true;
		c->server->count.timeouts++;
		note_address(c, true);
		svc_send_talk_record(c);
		svc_send_conn_advance(c, false);
		break;
	case SVC_SEND_IDLE:
		list_remove(&c->idle_all);
		list_remove(&c->idle_op);
		svc_send_conn_leave(c);
		svc_send_talk_step(c);
		break;
	case SVC_SEND_LEAVING: svc_send_conn_down(c); break;
	default: svc_send_talk_timeout(c); break;
	}
}

/* --- the end ------------------------------------------------------------------------------- */

/* Its letter goes back to queue. */
static void
give_up(struct svc_send_conn *c)
{
	struct svc_send_letter *l = c->letter;
	if (l != NULL) {
		c->letter = NULL;
		l->conn = NULL;
		svc_send_letter_return(l);
	}
	svc_send_conn_down(c);
}

static void
quit_one(struct svc_send_conn *c)
{
	bool busy = c->letter != NULL && c->ready;
	if (busy || c->state == SVC_SEND_GONE) {
		return;
	}
	give_up(c);
}

void
svc_send_conns_quit(struct svc_send *sv)
{
	LIST_EACH(it, &sv->conns) {
		quit_one(LIST_ENTRY(it, struct svc_send_conn, all));
	}
}

void
svc_send_conns_close(struct svc_send *sv)
{
	while (!list_empty(&sv->conns)) {
		give_up(LIST_ENTRY(sv->conns.next, struct svc_send_conn, all));
	}
}
