/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Five bounded tables: failures per network, failures and slots per name, addresses of late
 * log-ins, hashes of wrong passwords, bans. An address is watched at two widths, alone and as a
 * network; the wider one is never banned when somebody there logged in lately.
 */
#include "svc/auth/guard.h"

#include "base/codec.h"
#include "base/lru.h"
#include "base/mem.h"

enum { MAGIC = 0x47554152, WIDTHS = 2, TRUSTED_MAX = 256, SECRET_MAX = 4096 };

/* Only bans are stored, and know the wall clock: all else here must not stay when that jumps. */
enum { WINDOW_MS = SVC_AUTH_GUARD_WINDOW_S * 1000, KNOWN_MS = SVC_AUTH_GUARD_KNOWN_S * 1000 };

struct failures {
	uint32_t n;
	uint32_t pending; /* attempts that are being looked at */
	int64_t first_ms;
};

struct name {
	uint32_t n;
	int64_t first_ms;
	int64_t slot_until_ms[SVC_AUTH_GUARD_SLOTS];
	uint32_t slot_of[SVC_AUTH_GUARD_SLOTS];     /* whose it is or was: a hash of the network */
	uint32_t slot_ticket[SVC_AUTH_GUARD_SLOTS]; /* the attempt that has or had it */
};

struct since {
	int64_t at_ms;
};

struct svc_auth_guard {
	uint32_t magic;
	struct svc_auth_guard_conf conf;
	struct sys_prefix trusted[TRUSTED_MAX];
	struct lru *prefixes, *names, *known, *secrets, *bans;
	uint8_t secret_key[16];
	uint32_t tickets; /* the last one given out */
};

struct svc_auth_guard *
svc_auth_guard_new(const uint8_t key[32])
{
	struct svc_auth_guard *g = mem_zalloc(1, sizeof(*g));

	if (g == NULL) {
		return NULL;
	}
	g->magic = MAGIC;
	g->conf.ban_after = g->conf.ban_after_prefix = UINT32_MAX;
	memcpy(g->secret_key, key + 16, sizeof(g->secret_key));
	g->prefixes = lru_new(key, SVC_AUTH_GUARD_PREFIXES, sizeof(struct failures), NULL);
	g->names = lru_new(key, SVC_AUTH_GUARD_NAMES, sizeof(struct name), NULL);
	g->known = lru_new(key, SVC_AUTH_GUARD_KNOWN, sizeof(struct since), NULL);
	g->secrets = lru_new(key, SVC_AUTH_GUARD_SECRETS, sizeof(struct since), NULL);
	g->bans = lru_new(key, SVC_AUTH_GUARD_BANS, sizeof(struct svc_auth_ban), NULL);
	if (g->prefixes == NULL || g->names == NULL || g->known == NULL || g->secrets == NULL ||
	    g->bans == NULL) {
		svc_auth_guard_free(&g);
	}
	return g;
}

void
svc_auth_guard_free(struct svc_auth_guard **gp)
{
	struct svc_auth_guard *g = *gp;

	if (g == NULL) {
		return;
	}
	ASSERT(g->magic == MAGIC);
	lru_free(&g->prefixes);
	lru_free(&g->names);
	lru_free(&g->known);
	lru_free(&g->secrets);
	lru_free(&g->bans);
	mem_wipe(g, sizeof(*g));
	MEM_FREE(*gp);
}

enum err
svc_auth_guard_configure(struct svc_auth_guard *g, const struct svc_auth_guard_conf *conf)
{
	if (conf->trusted_n > TRUSTED_MAX) {
		return ERR_TOOMANY;
	}
	for (size_t i = 0; i < conf->trusted_n; i++) {
		g->trusted[i] = conf->trusted[i];
	}
	g->conf = *conf;
	g->conf.trusted = g->trusted;
	return ERR_OK;
}

/* ---- keys --------------------------------------------------------------------------------- */

static str
prefix_key(const struct sys_prefix *p, uint8_t storage[17])
{
	memcpy(storage, p->ip, 16);
	storage[16] = p->bits;
	return str_make(storage, 17);
}

/* The address alone (width 0: IPv4 /32, IPv6 /64) or its network (width 1: /24, /48). */
static struct sys_prefix
at_width(const uint8_t *ip, int width)
{
	return width == 0 ? sys_prefix_of(ip, 32, 64) : sys_prefix_of(ip, 24, 48);
}

static bool
overlaps(const struct sys_prefix *a, const struct sys_prefix *b)
{
	return sys_prefix_contains(a, b->ip) || sys_prefix_contains(b, a->ip);
}

static bool
is_trusted(const struct svc_auth_guard *g, const struct sys_prefix *p)
{
	if (sys_addr_is_loopback(p->ip)) {
		return true;
	}
	for (size_t i = 0; i < g->conf.trusted_n; i++) {
		if (overlaps(&g->trusted[i], p)) {
			return true;
		}
	}
	return false;
}

/* Did somebody from this prefix log in lately? With a name: did its owner? */
static str
known_key(const struct sys_prefix *p, str name, char storage[512])
{
	size_t n = MIN(name.n, (size_t)400);

	(void)prefix_key(p, (uint8_t *)storage);
	if (n > 0) {
		memcpy(storage + 17, name.p, n);
	}
	return str_make(storage, 17 + n);
}

static bool
is_known(const struct svc_auth_guard *g, const struct sys_prefix *p, str name, int64_t now_ms)
{
	char storage[512];
	const struct since *since = lru_peek(g->known, known_key(p, name, storage));

	return since != NULL && now_ms - since->at_ms < KNOWN_MS;
}

static bool
is_owner_here(const struct svc_auth_guard *g, const struct svc_auth_attempt *a)
{
	struct sys_prefix p = at_width(a->ip, 0);

	return is_known(g, &p, a->name, a->now_ms);
}

/* ---- attempts ----------------------------------------------------------------------------- */

static struct name *
name_of(struct svc_auth_guard *g, const struct svc_auth_attempt *a)
{
	struct name *n = lru_put(g->names, a->name);

	if (n != NULL && n->n > 0 && a->now_ms - n->first_ms >= WINDOW_MS) {
		n->n = 0;
	}
	return n;
}

/* One more attempt from an address nobody logged in from lately. False: it has enough going on. */
static bool
take_pending(struct svc_auth_guard *g, struct svc_auth_attempt *a)
{
	struct sys_prefix p = at_width(a->ip, 0);
	struct failures *f;
	uint8_t key[17];

	if (is_trusted(g, &p) || is_known(g, &p, STR_NONE, a->now_ms)) {
		return true;
	}
	f = lru_put(g->prefixes, prefix_key(&p, key));
	if (f == NULL || f->pending >= SVC_AUTH_GUARD_PENDING) {
		return false;
	}
	f->pending++;
	a->pending = true;
	return true;
}

/* A slot of this name that the network may have; SVC_AUTH_GUARD_SLOTS: none. */
static unsigned
free_slot(const struct name *n, uint32_t network, int64_t now_ms)
{
	unsigned ret = SVC_AUTH_GUARD_SLOTS, its = 0;

	for (unsigned i = 0; i < SVC_AUTH_GUARD_SLOTS; i++) {
		if (n->slot_until_ms[i] <= now_ms) {
			ret = i;
		} else {
			its += n->slot_of[i] == network;
		}
	}
	return its < SVC_AUTH_GUARD_SLOTS_EACH ? ret : SVC_AUTH_GUARD_SLOTS;
}

/* Never 0, which is that of a slot nobody had. */
static uint32_t
take_ticket(struct svc_auth_guard *g)
{
	g->tickets = g->tickets == UINT32_MAX ? 1 : g->tickets + 1;
	return g->tickets;
}

enum err
svc_auth_guard_admit(struct svc_auth_guard *g, struct svc_auth_attempt *a)
{
	struct sys_prefix wide = at_width(a->ip, 1);
	uint8_t key[17];
	uint32_t network = (uint32_t)siphash(g->secret_key, prefix_key(&wide, key));
	struct name *n;

	a->slot = SVC_AUTH_GUARD_SLOTS; /* none */
	a->pending = false;
	if (is_owner_here(g, a)) {
		return ERR_OK;
	}
	n = name_of(g, a);
	if (n == NULL) {
		return ERR_BUSY;
	}
	unsigned slot = free_slot(n, network, a->now_ms);
	if (slot == SVC_AUTH_GUARD_SLOTS || !take_pending(g, a)) {
		return ERR_BUSY;
	}
	n->slot_until_ms[slot] = a->now_ms + SVC_AUTH_GUARD_PENDING_MS;
	n->slot_of[slot] = network;
	n->slot_ticket[slot] = a->ticket = take_ticket(g);
	a->slot = slot;
	return ERR_OK;
}

/* The attempt is over; its slot is free at until_ms, if nobody else has it by now. */
static void
end_slot(struct svc_auth_guard *g, const struct svc_auth_attempt *a, int64_t until_ms)
{
	struct name *n = a->slot < SVC_AUTH_GUARD_SLOTS ? lru_get(g->names, a->name) : NULL;
	struct sys_prefix p = at_width(a->ip, 0);
	struct failures *f;
	uint8_t key[17];

	if (n != NULL && n->slot_ticket[a->slot] == a->ticket) {
		n->slot_until_ms[a->slot] = until_ms;
	}
	f = a->pending ? lru_get(g->prefixes, prefix_key(&p, key)) : NULL;
	if (f != NULL && f->pending > 0) { /* else it made room meanwhile */
		f->pending--;
	}
}

void
svc_auth_guard_released(struct svc_auth_guard *g, const struct svc_auth_attempt *a)
{
	end_slot(g, a, a->now_ms);
}

/* Was this very password wrong for this name before? Notes it if not. */
static bool
is_repeated(struct svc_auth_guard *g, const struct svc_auth_attempt *a)
{
	char text[SECRET_MAX];
	struct since *since;
	uint64_t hash;
	struct buf b;

	if (a->secret.p == NULL) {
		return false;
	}
	buf_init_fixed(&b, text, sizeof(text));
	buf_str(&b, a->name);
	buf_ch(&b, '\0');
	buf_str(&b, a->secret);
	hash = siphash(g->secret_key, buf_view(&b));
	mem_wipe(text, sizeof(text));
	if (buf_err(&b) != ERR_OK) {
		return false;
	}
	since = lru_put(g->secrets, str_make(&hash, sizeof(hash)));
	if (since == NULL) {
		return false;
	}
	if (since->at_ms != 0 && a->now_ms - since->at_ms < KNOWN_MS) {
		since->at_ms = a->now_ms;
		return true;
	}
	since->at_ms = a->now_ms;
	return false;
}

static uint32_t
delay_of(const struct name *n)
{
	uint32_t steps = n == NULL || n->n == 0 ? 0 : n->n - 1;

	if (steps >= 4) {
		return SVC_AUTH_GUARD_DELAY_MAX_MS;
	}
	return (uint32_t)SVC_AUTH_GUARD_DELAY_MS << steps;
}

static int64_t
ban_length(const struct svc_auth_guard *g, uint32_t times)
{
	int64_t length = g->conf.ban_s;

	for (uint32_t i = 1; i < times && length < g->conf.ban_max_s; i++) {
		length *= 2;
	}
	return MIN(length, g->conf.ban_max_s);
}

/* Decide on a ban of p, whose failures reached the limit. */
static void
ban_prefix(struct svc_auth_guard *g, const struct sys_prefix *p, int64_t now_s,
    struct svc_auth_verdict *ret)
{
	struct svc_auth_ban ban = { .prefix = *p, .since_s = now_s, .times = 1 };
	const struct svc_auth_ban *last;
	uint8_t key[17];

	last = lru_peek(g->bans, prefix_key(p, key));
	if (last != NULL && last->until_s > now_s) {
		return; /* in force already: the gates are a moment behind */
	}
	if (last != NULL && now_s - last->until_s < g->conf.ban_max_s) {
		ban.times = last->times + 1;
	}
	ban.until_s = now_s + ban_length(g, ban.times);
	snprintf(ban.reason, sizeof(ban.reason), "log-ins");
	if (svc_auth_guard_ban(g, &ban) == ERR_OK) {
		ret->bans[ret->bans_n++] = ban;
	}
}

static void
count_prefix(struct svc_auth_guard *g, const struct svc_auth_attempt *a, int width,
    struct svc_auth_verdict *ret)
{
	uint32_t limit = width == 0 ? g->conf.ban_after : g->conf.ban_after_prefix;
	struct sys_prefix p = at_width(a->ip, width);
	struct failures *f;
	uint8_t key[17];

	if (is_trusted(g, &p) || is_known(g, &p, STR_NONE, a->now_ms)) {
		return;
	}
	f = lru_put(g->prefixes, prefix_key(&p, key));
	if (f == NULL) {
		return;
	}
	if (f->n == 0 || a->now_ms - f->first_ms >= WINDOW_MS) {
		f->n = 0;
		f->first_ms = a->now_ms;
	}
	f->n++;
	if (f->n >= limit) {
		f->n = 0;
		ban_prefix(g, &p, a->now_s, ret);
	}
}

void
svc_auth_guard_failed(struct svc_auth_guard *g, const struct svc_auth_attempt *a,
    struct svc_auth_verdict *ret)
{
	bool owner_here = is_owner_here(g, a);
	struct name *n;

	*ret = (struct svc_auth_verdict){ .repeated = is_repeated(g, a) };
	n = name_of(g, a);
	if (n != NULL && !ret->repeated && !owner_here) {
		if (n->n == 0) {
			n->first_ms = a->now_ms;
		}
		n->n++;
	}
	ret->delay_ms = owner_here ? SVC_AUTH_GUARD_DELAY_MS : delay_of(n);
	end_slot(g, a, a->now_ms + ret->delay_ms);
	if (ret->repeated) {
		return;
	}
	for (int width = 0; width < WIDTHS; width++) {
		count_prefix(g, a, width, ret);
	}
}

static void
note_known(struct svc_auth_guard *g, const struct sys_prefix *p, str name, int64_t now_ms)
{
	char storage[512];
	struct since *since = lru_put(g->known, known_key(p, name, storage));

	if (since != NULL) {
		since->at_ms = now_ms;
	}
}

void
svc_auth_guard_succeeded(struct svc_auth_guard *g, const struct svc_auth_attempt *a)
{
	uint8_t key[17];

	end_slot(g, a, a->now_ms);
	for (int width = 0; width < WIDTHS; width++) {
		struct sys_prefix p = at_width(a->ip, width);

		note_known(g, &p, STR_NONE, a->now_ms);
		lru_del(g->prefixes, prefix_key(&p, key));
		if (width == 0) {
			note_known(g, &p, a->name, a->now_ms);
		}
	}
}

/* ---- bans --------------------------------------------------------------------------------- */

enum err
svc_auth_guard_ban(struct svc_auth_guard *g, const struct svc_auth_ban *ban)
{
	struct svc_auth_ban *slot;
	uint8_t storage[17];
	str key = prefix_key(&ban->prefix, storage);

	if (lru_peek(g->bans, key) == NULL && lru_count(g->bans) >= SVC_AUTH_GUARD_BANS) {
		return ERR_TOOMANY;
	}
	slot = lru_put(g->bans, key);
	if (slot == NULL) {
		return ERR_NOMEM;
	}
	*slot = *ban;
	return ERR_OK;
}

enum err
svc_auth_guard_unban(struct svc_auth_guard *g, const struct sys_prefix *prefix)
{
	uint8_t storage[17];
	str key = prefix_key(prefix, storage);

	if (lru_peek(g->bans, key) == NULL) {
		return ERR_NOTFOUND;
	}
	lru_del(g->bans, key);
	lru_del(g->prefixes, key);
	return ERR_OK;
}

enum err
svc_auth_guard_bans(struct svc_auth_guard *g, int64_t now_s,
    enum err (*each)(void *ctx, const struct svc_auth_ban *), void *ctx)
{
	const struct svc_auth_ban *ban = NULL;
	str key;

	while ((ban = lru_next(g->bans, ban, &key)) != NULL) {
		if (ban->until_s > now_s) {
			TRY(each(ctx, ban));
		}
	}
	return ERR_OK;
}

/* ---- forgetting --------------------------------------------------------------------------- */

/* The oldest entries come first: touched last means first out. */
static void
expire_since(struct lru *l, int64_t now_ms)
{
	const struct since *since;
	str key;

	while ((since = lru_next(l, NULL, &key)) != NULL && now_ms - since->at_ms >= KNOWN_MS) {
		lru_del(l, key);
	}
}

static void
expire_failures(struct svc_auth_guard *g, int64_t now_ms)
{
	const struct failures *f;
	str key;

	while ((f = lru_next(g->prefixes, NULL, &key)) != NULL && f->pending == 0 &&
	    (f->n == 0 || now_ms - f->first_ms >= WINDOW_MS)) {
		lru_del(g->prefixes, key);
	}
}

static bool
name_is_idle(const struct name *n, int64_t now_ms)
{
	for (size_t i = 0; i < SVC_AUTH_GUARD_SLOTS; i++) {
		if (n->slot_until_ms[i] > now_ms) {
			return false;
		}
	}
	return n->n == 0 || now_ms - n->first_ms >= WINDOW_MS;
}

void
svc_auth_guard_expire(struct svc_auth_guard *g, int64_t now_ms, int64_t now_s)
{
	const struct svc_auth_ban *ban = NULL;
	const struct name *n;
	str key;

	expire_since(g->known, now_ms);
	expire_since(g->secrets, now_ms);
	expire_failures(g, now_ms);
	while ((n = lru_next(g->names, NULL, &key)) != NULL && name_is_idle(n, now_ms)) {
		lru_del(g->names, key);
	}
	for (ban = lru_next(g->bans, NULL, &key); ban != NULL;) {
		bool over = now_s - ban->until_s >= g->conf.ban_max_s;
		str old = key;

		ban = lru_next(g->bans, ban, &key);
		if (over) {
			lru_del(g->bans, old);
		}
	}
}

void
svc_auth_guard_count(const struct svc_auth_guard *g, struct svc_auth_guard_counts *ret)
{
	*ret = (struct svc_auth_guard_counts){
		.prefixes = lru_count(g->prefixes),
		.names = lru_count(g->names),
		.known = lru_count(g->known),
		.secrets = lru_count(g->secrets),
		.bans = lru_count(g->bans),
	};
}
