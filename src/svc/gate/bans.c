/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ban table: a map from (bits, masked address) to an end. Expired entries go when room is
 * needed or when they are looked at through svc_gate_bans_set.
 */
#include "svc/gate/bans.h"
#include "base/mem.h"
#include "svc/gate/limits.h"

struct ban {
	uint8_t key[17];
	int64_t until_s;
};

/* All bits behind the prefix are zero, whatever the caller sent. */
static void
make_key(uint8_t key[17], const uint8_t ip[16], unsigned bits)
{
	key[0] = (uint8_t)bits;
	for (unsigned i = 0; i < 16; i++) {
		unsigned left = bits > i * 8 ? MIN(bits - i * 8, 8u) : 0;
		key[i + 1] = (uint8_t)(ip[i] & (0xff00u >> left));
	}
}

static str
key_str(const uint8_t key[17])
{
	return str_make(key, 17);
}

enum err
svc_gate_bans_init(struct svc_gate_bans *b, const uint8_t key[16])
{
	*b = (struct svc_gate_bans){ .map = map_new(key, SVC_GATE_BANS_MAX) };
	return b->map == NULL ? ERR_NOMEM : ERR_OK;
}

static void
drop(struct svc_gate_bans *b, struct ban *ban)
{
	b->lengths[ban->key[0]]--;
	map_del_str(b->map, key_str(ban->key));
	mem_drop(ban);
}

struct sweep {
	struct svc_gate_bans *b;
	int64_t now_s;
};

static void
drop_expired(void *value, void *ctx)
{
	struct ban *ban = value;
	struct sweep *sweep = ctx;
	if (ban->until_s <= sweep->now_s) {
		drop(sweep->b, ban);
	}
}

void
svc_gate_bans_clear(struct svc_gate_bans *b)
{
	struct sweep all = { b, INT64_MAX };
	map_each(b->map, drop_expired, &all);
}

void
svc_gate_bans_done(struct svc_gate_bans *b)
{
	if (b->map != NULL) {
		svc_gate_bans_clear(b);
		map_free(&b->map);
	}
}

static enum err
add(struct svc_gate_bans *b, const uint8_t key[17], int64_t until_s)
{
	struct ban *ban = mem_zalloc(1, sizeof *ban);
	if (ban == NULL) {
		return ERR_NOMEM;
	}
	memcpy(ban->key, key, sizeof ban->key);
	ban->until_s = until_s;
	enum err e = map_set_str(b->map, key_str(ban->key), ban);
	if (e != ERR_OK) {
		mem_drop(ban);
		return e;
	}
	b->lengths[key[0]]++;
	return ERR_OK;
}

enum err
svc_gate_bans_set(struct svc_gate_bans *b, const struct sys_prefix *p, int64_t until_s,
    int64_t now_s)
{
	uint8_t key[17];
	if (p->bits > 128) {
		return ERR_SYNTAX;
	}
	make_key(key, p->ip, p->bits);
	struct ban *ban = map_get_str(b->map, key_str(key));
	if (until_s <= now_s) {
		if (ban != NULL) {
			drop(b, ban);
		}
		return ERR_OK;
	}
	if (ban != NULL) {
		ban->until_s = until_s;
		return ERR_OK;
	}
	if (map_count(b->map) >= SVC_GATE_BANS_MAX) {
		struct sweep sweep = { b, now_s };
		map_each(b->map, drop_expired, &sweep);
	}
	return add(b, key, until_s);
}

bool
svc_gate_bans_hit(const struct svc_gate_bans *b, const uint8_t ip[16], int64_t now_s)
{
	for (unsigned bits = 0; bits <= 128; bits++) {
		uint8_t key[17];
		if (b->lengths[bits] == 0) {
			continue;
		}
		make_key(key, ip, bits);
		const struct ban *ban = map_get_str(b->map, key_str(key));
		if (ban != NULL && ban->until_s > now_s) {
			return true;
		}
	}
	return false;
}

size_t
svc_gate_bans_count(const struct svc_gate_bans *b)
{
	return map_count(b->map);
}
