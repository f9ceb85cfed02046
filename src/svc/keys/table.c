/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DKIM keys and what becomes of them. Every step is written to the key's file first; memory follows
 * when that succeeded.
 */
#include "base/mem.h"
#include "mail/address.h"
#include "svc/keys/file.h"
#include "svc/keys/keys.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

static const char *const state_names[SVC_KEYS_STATES] = { NULL, "next", "active", "retiring",
	"revoked" };
static const char *const algorithm_names[] = { "rsa-sha256", "ed25519-sha256" };

/* --- looking up ---------------------------------------------------------------------------- */

static struct svc_keys_key *
same_entry(struct list *node)
{
	return LIST_ENTRY(node, struct svc_keys_key, same);
}

static struct svc_keys_domain *
find_domain(const struct svc_keys *k, str domain)
{
	char room[MAIL_DOMAIN_MAX + 1];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	if (mail_domain_put(&b, domain) != ERR_OK) {
		return NULL;
	}
	return map_get_str(k->domains, buf_view(&b));
}

struct svc_keys_key *
svc_keys_table_find(const struct svc_keys *k, str domain, str selector)
{
	const struct svc_keys_domain *d = find_domain(k, domain);
	for (struct list *it = d == NULL ? NULL : d->keys.next; it != NULL && it != &d->keys;
	     it = it->next) {
		if (str_ieq(str_from(same_entry(it)->selector), selector)) {
			return same_entry(it);
		}
	}
	return NULL;
}

/* The key of that kind in that state; NULL: none. */
static struct svc_keys_key *
find_state(const struct svc_keys_domain *d, enum dkim_algorithm algorithm,
    enum svc_keys_state state)
{
	for (struct list *it = d->keys.next; it != &d->keys; it = it->next) {
		if (same_entry(it)->algorithm == algorithm && same_entry(it)->state == state) {
			return same_entry(it);
		}
	}
	return NULL;
}

static bool
signs(const struct svc_keys_domain *d)
{
	return find_state(d, DKIM_RSA_SHA256, SVC_KEYS_ACTIVE) != NULL ||
	    find_state(d, DKIM_ED25519_SHA256, SVC_KEYS_ACTIVE) != NULL;
}

const struct svc_keys_domain *
svc_keys_table_signers(const struct svc_keys *k, str domain, str *ret_domain)
{
	while (domain.n > 0) {
		const struct svc_keys_domain *d = map_get_str(k->domains, domain);
		if (d != NULL && signs(d)) {
			*ret_domain = domain;
			return d;
		}
		ptrdiff_t dot = str_chr(domain, '.');
		domain = dot < 0 ? STR_NONE : str_from_off(domain, (size_t)dot + 1);
	}
	return NULL;
}

int64_t
svc_keys_table_due(const struct svc_keys *k, const struct svc_keys_key *key)
{
	switch (key->state) {
	case SVC_KEYS_NEXT: return key->ready_s;
	case SVC_KEYS_RETIRING: return key->changed_s + (int64_t)(k->sc->conf->dkim_keep / 1000);
	case SVC_KEYS_REVOKED: return key->changed_s + SVC_KEYS_REVOKED_S;
	default: return 0;
	}
}

/* --- adding and removing ------------------------------------------------------------------- */

static enum err
get_domain(struct svc_keys *k, str name, struct svc_keys_domain **ret)
{
	struct svc_keys_domain *d = map_get_str(k->domains, name);
	if (d == NULL) {
		d = mem_zalloc(1, sizeof *d);
		if (d == NULL) {
			return ERR_NOMEM;
		}
		list_init(&d->keys);
		enum err e = map_set_str(k->domains, name, d);
		if (e != ERR_OK) {
			MEM_FREE(d);
			return e;
		}
	}
	*ret = d;
	return ERR_OK;
}

/* Both lists are in the order of serials; a folder is read in any order. */
static void
put_in_order(struct list *all, struct list *same, struct svc_keys_key *key)
{
	struct list *at = all->prev;
	while (at != all && LIST_ENTRY(at, struct svc_keys_key, node)->serial > key->serial) {
		at = at->prev;
	}
	list_push(at->next, &key->node);
	at = same->prev;
	while (at != same && same_entry(at)->serial > key->serial) {
		at = at->prev;
	}
	list_push(at->next, &key->same);
}

static enum err
attach(struct svc_keys *k, struct svc_keys_key *key)
{
	struct svc_keys_domain *d;
	if (k->keys_n == SVC_KEYS_MAX) {
		return ERR_TOOMANY;
	}
	TRY(get_domain(k, str_from(key->domain), &d));
	if (d->n == SVC_KEYS_OF_DOMAIN_MAX) {
		return ERR_TOOMANY;
	}
	put_in_order(&k->keys, &d->keys, key);
	k->last_serial = MAX(k->last_serial, key->serial);
	k->keys_n++;
	d->n++;
	return ERR_OK;
}

static void
key_free(struct svc_keys_key *key)
{
	svc_keys_crypto_free(&key->pkey);
	mem_drop(key);
}

static void
detach(struct svc_keys *k, struct svc_keys_key *key)
{
	struct svc_keys_domain *d = map_get_str(k->domains, str_from(key->domain));
	list_remove(&key->same);
	list_remove(&key->node);
	k->keys_n--;
	if (--d->n == 0) {
		mem_drop(map_del_str(k->domains, str_from(key->domain)));
	}
	key_free(key);
}

/* --- states -------------------------------------------------------------------------------- */

/* Write the key as it shall be; on success it is so. */
static enum err
change(struct svc_keys *k, struct svc_keys_key *key, enum svc_keys_state to, const char *reason)
{
	struct svc_keys_key then = *key;
	then.state = to;
	then.changed_s = sys_clock_wall_s();
	then.ready_s = 0;
	if (to == SVC_KEYS_REVOKED) {
		then.pkey = NULL;
	}
	enum err e = svc_keys_file_write(k->folder, &then);
	if (e != ERR_OK) {
		LOG(KEYS_STATE_FAILED, F_CSTR("domain", key->domain),
		    F_CSTR("selector", key->selector), F_ERR(e));
		return e;
	}
	if (to == SVC_KEYS_REVOKED) {
		svc_keys_crypto_free(&key->pkey);
	}
	key->state = to;
	key->changed_s = then.changed_s;
	key->ready_s = 0;
	LOG(KEYS_STATE, F_CSTR("domain", key->domain), F_CSTR("selector", key->selector),
	    F_CSTR("state", state_names[to]), F_CSTR("reason", reason));
	return ERR_OK;
}

/* All active ones of its kind but `key` retire. */
static enum err
retire_others(struct svc_keys *k, const struct svc_keys_key *key)
{
	const struct svc_keys_domain *d = map_get_str(k->domains, str_from(key->domain));
	for (struct list *it = d->keys.next; it != &d->keys; it = it->next) {
		struct svc_keys_key *other = same_entry(it);
		if (other != key && other->algorithm == key->algorithm &&
		    other->state == SVC_KEYS_ACTIVE) {
			TRY(change(k, other, SVC_KEYS_RETIRING, "replaced"));
		}
	}
	return ERR_OK;
}

/* The new one first: a crash in between leaves two, and the next start makes that good. */
static enum err
activate(struct svc_keys *k, struct svc_keys_key *key, const char *reason)
{
	if (key->state == SVC_KEYS_REVOKED) {
		return ERR_BADSTATE;
	}
	if (key->state != SVC_KEYS_ACTIVE) {
		TRY(change(k, key, SVC_KEYS_ACTIVE, reason));
	}
	return retire_others(k, key);
}

enum err
svc_keys_table_activate(struct svc_keys *k, str domain, str selector, size_t *ret_n)
{
	*ret_n = 0;
	if (selector.n > 0) {
		struct svc_keys_key *key = svc_keys_table_find(k, domain, selector);
		if (key == NULL) {
			return ERR_NOTFOUND;
		}
		TRY(activate(k, key, "told"));
		*ret_n = 1;
		return ERR_OK;
	}
	const struct svc_keys_domain *d = find_domain(k, domain);
	for (enum dkim_algorithm a = DKIM_RSA_SHA256; d != NULL && a <= DKIM_ED25519_SHA256; a++) {
		struct svc_keys_key *key = find_state(d, a, SVC_KEYS_NEXT);
		if (key != NULL) {
			TRY(activate(k, key, "told"));
			(*ret_n)++;
		}
	}
	return *ret_n == 0 ? ERR_NOTFOUND : ERR_OK;
}

enum err
svc_keys_table_revoke(struct svc_keys *k, str domain, str selector)
{
	struct svc_keys_key *key = svc_keys_table_find(k, domain, selector);
	if (key == NULL) {
		return ERR_NOTFOUND;
	}
	return key->state == SVC_KEYS_REVOKED ? ERR_BADSTATE
					      : change(k, key, SVC_KEYS_REVOKED, "told");
}

enum err
svc_keys_table_seen(struct svc_keys *k, str domain, str selector, uint32_t ttl_s)
{
	struct svc_keys_key *key = svc_keys_table_find(k, domain, selector);
	if (key == NULL) {
		return ERR_NOTFOUND;
	}
	if (key->state != SVC_KEYS_NEXT) {
		return ERR_BADSTATE;
	}
	if (key->seen_s != 0) {
		return ERR_OK; /* the first time counts */
	}
	struct svc_keys_key then = *key;
	int64_t settle_s = (int64_t)(k->sc->conf->dkim_settle / 1000);
	then.seen_s = sys_clock_wall_s();
	then.ready_s = then.seen_s + MAX(settle_s, (int64_t)ttl_s);
	TRY(svc_keys_file_write(k->folder, &then));
	key->seen_s = then.seen_s;
	key->ready_s = then.ready_s;
	return ERR_OK;
}

/* --- making -------------------------------------------------------------------------------- */

/* "p20261122a", the first letter that is free. RFC 6376 3.1 */
static enum err
choose_selector(const struct svc_keys *k, struct svc_keys_key *key)
{
	char room[SYS_CLOCK_TEXT_MAX];
	struct buf day;
	buf_init_fixed(&day, room, sizeof room);
	sys_clock_text(&day, key->created_s * 1000); /* 2026-11-22T... */
	for (char letter = 'a'; letter <= 'z'; letter++) {
		snprintf(key->selector, sizeof key->selector, "p%.4s%.2s%.2s%c", day.p, day.p + 5,
		    day.p + 8, letter);
		if (svc_keys_table_find(k, str_from(key->domain), str_from(key->selector)) ==
		    NULL) {
			return ERR_OK;
		}
	}
	return ERR_TOOMANY;
}

static enum err
fill(struct svc_keys *k, str domain, enum dkim_algorithm algorithm, struct svc_keys_key *key)
{
	memcpy(key->domain, domain.p, domain.n);
	key->algorithm = algorithm;
	key->state = SVC_KEYS_NEXT;
	key->serial = k->last_serial + 1;
	key->created_s = key->changed_s = sys_clock_wall_s();
	TRY(choose_selector(k, key));
	return svc_keys_crypto_make(algorithm, &key->pkey);
}

/* A new key, on disk. */
static enum err
make(struct svc_keys *k, str domain, enum dkim_algorithm algorithm)
{
	char name[SVC_KEYS_FILE_NAME_MAX];
	struct svc_keys_key *key = mem_zalloc(1, sizeof *key);
	if (key == NULL) {
		return ERR_NOMEM;
	}
	enum err e = fill(k, domain, algorithm, key);
	if (e == ERR_OK) {
		e = svc_keys_file_write(k->folder, key);
	}
	if (e == ERR_OK) {
		e = attach(k, key);
		if (e != ERR_OK) {
			(void)(sys_file_unlink(k->folder, svc_keys_file_name(key->serial, name)) ==
			    ERR_OK);
		}
	}
	if (e != ERR_OK) {
		key_free(key);
		return e;
	}
	LOG(KEYS_CREATED, F_CSTR("domain", key->domain), F_CSTR("selector", key->selector),
	    F_CSTR("algorithm", algorithm_names[algorithm]));
	return ERR_OK;
}

enum err
svc_keys_table_create(struct svc_keys *k, str domain, unsigned algorithms, size_t *ret_n)
{
	char room[MAIL_DOMAIN_MAX + 1];
	struct buf b;
	*ret_n = 0;
	buf_init_fixed(&b, room, sizeof room);
	TRY(mail_domain_put(&b, domain));
	str name = buf_view(&b);
	if (str_starts(name, S("[")) || name.n > 253) {
		return ERR_SYNTAX;
	}
	for (enum dkim_algorithm a = DKIM_RSA_SHA256; a <= DKIM_ED25519_SHA256; a++) {
		const struct svc_keys_domain *d = map_get_str(k->domains, name);
		bool there = d != NULL && find_state(d, a, SVC_KEYS_NEXT) != NULL;
		if ((algorithms & 1u << a) != 0 && !there) {
			TRY(make(k, name, a));
			(*ret_n)++;
		}
	}
	return *ret_n == 0 ? ERR_EXISTS : ERR_OK;
}

/* --- time ---------------------------------------------------------------------------------- */

static void
pass_time(struct svc_keys *k, struct svc_keys_key *key)
{
	char name[SVC_KEYS_FILE_NAME_MAX];
	enum err e = ERR_OK;
	switch (key->state) {
	case SVC_KEYS_NEXT: e = activate(k, key, "published"); break;
	case SVC_KEYS_RETIRING: e = change(k, key, SVC_KEYS_REVOKED, "time"); break;
	default:
		e = sys_file_unlink(k->folder, svc_keys_file_name(key->serial, name));
		if (e == ERR_OK) {
			detach(k, key);
		}
	}
	(void)e; /* it was logged, and the next look tries again */
}

void
svc_keys_table_check(struct svc_keys *k, int64_t now_s)
{
	LIST_EACH(it, &k->keys) {
		struct svc_keys_key *key = LIST_ENTRY(it, struct svc_keys_key, node);
		int64_t due = svc_keys_table_due(k, key);
		if (due != 0 && due <= now_s) {
			pass_time(k, key);
		}
	}
}

static void
on_check(void *ctx)
{
	struct svc_keys *k = ctx;
	svc_keys_table_check(k, sys_clock_wall_s());
	sys_timer_set(k->sc->loop, &k->check, SVC_KEYS_CHECK_MS);
}

/* --- beginning and end --------------------------------------------------------------------- */

enum err
svc_keys_table_init(struct svc_keys *k, struct svc_common *sc, int folder)
{
	uint8_t key[16];
	sys_random(key, sizeof key);
	k->sc = sc;
	k->folder = folder;
	list_init(&k->keys);
	sys_timer_init(&k->check, on_check, k);
	k->domains = map_new(key, SVC_KEYS_MAX);
	return k->domains == NULL ? ERR_NOMEM : ERR_OK;
}

void
svc_keys_table_done(struct svc_keys *k)
{
	sys_timer_stop(&k->check);
	LIST_EACH(it, &k->keys) {
		detach(k, LIST_ENTRY(it, struct svc_keys_key, node));
	}
	map_free(&k->domains);
	sys_close(&k->folder);
}

static enum err
load_key(struct svc_keys *k, str name, uint64_t serial)
{
	struct svc_keys_key *key = mem_zalloc(1, sizeof *key);
	char room[SVC_KEYS_FILE_MAX];
	struct buf text;
	buf_init_fixed(&text, room, sizeof room);
	enum err e = key == NULL ? ERR_NOMEM : sys_file_load(k->folder, name, &text);
	if (e == ERR_OK) {
		e = svc_keys_file_get(buf_view(&text), key);
	}
	buf_wipe(&text);
	if (e == ERR_OK) {
		key->serial = serial;
		e = svc_keys_table_find(k, str_from(key->domain), str_from(key->selector)) == NULL
		    ? attach(k, key)
		    : ERR_EXISTS;
	}
	if (e != ERR_OK && key != NULL) {
		key_free(key);
	}
	return e;
}

static enum err
on_file(void *ctx, str name)
{
	struct svc_keys *k = ctx;
	uint64_t serial;
	if (!svc_keys_file_serial(name, &serial)) {
		return ERR_OK; /* what a crash left half written ends in .new */
	}
	enum err e = load_key(k, name, serial);
	if (e == ERR_NOMEM) {
		return e;
	}
	if (e != ERR_OK) {
		LOG(KEYS_BAD_FILE, F_STR("file", name), F_ERR(e));
		k->bad_files++;
		k->last_serial = MAX(k->last_serial, serial);
	}
	return ERR_OK;
}

/* Of two active ones the one that became so later stays. */
static void
settle_activations(struct svc_keys *k)
{
	LIST_EACH(it, &k->keys) {
		struct svc_keys_key *key = LIST_ENTRY(it, struct svc_keys_key, node);
		const struct svc_keys_domain *d = map_get_str(k->domains, str_from(key->domain));
		struct svc_keys_key *newest = key->state == SVC_KEYS_ACTIVE ? key : NULL;
		for (struct list *o = d->keys.next; newest != NULL && o != &d->keys; o = o->next) {
			struct svc_keys_key *other = same_entry(o);
			if (other->state == SVC_KEYS_ACTIVE && other->algorithm == key->algorithm &&
			    (other->changed_s > newest->changed_s ||
				(other->changed_s == newest->changed_s &&
				    other->serial > newest->serial))) {
				newest = other;
			}
		}
		if (newest != NULL) {
			(void)(retire_others(k, newest) == ERR_OK); /* logged */
		}
	}
}

enum err
svc_keys_table_load(struct svc_keys *k)
{
	TRY(sys_dir_list(k->folder, on_file, k));
	settle_activations(k);
	svc_keys_table_check(k, sys_clock_wall_s());
	sys_timer_set(k->sc->loop, &k->check, SVC_KEYS_CHECK_MS);
	LOG(KEYS_OPEN, F_U64("dkim", k->keys_n), F_U64("bad_files", k->bad_files));
	return ERR_OK;
}
