/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters by prefix, made at the first connection and gone with the last.
 */
#include "svc/gate/counts.h"
#include "base/mem.h"
#include "sys/sock.h"

struct svc_gate_count {
	uint8_t key[17]; /* bits, network */
	uint32_t n;
};

uint64_t
svc_gate_part_of(uint64_t all, uint64_t processes)
{
	uint64_t part = (all + processes - 1) / processes;
	return MIN(all, part + (part + 1) / 2);
}

enum err
svc_gate_counts_init(struct svc_gate_counts *c, const uint8_t key[16], size_t connections)
{
	c->map = map_new(key, connections * 2);
	return c->map == NULL ? ERR_NOMEM : ERR_OK;
}

void
svc_gate_counts_done(struct svc_gate_counts *c)
{
	map_free(&c->map);
}

static enum err
take(struct svc_gate_counts *c, struct sys_prefix p, struct svc_gate_count **ret)
{
	uint8_t key[17] = { p.bits };
	memcpy(key + 1, p.ip, 16);
	struct svc_gate_count *count = map_get_str(c->map, str_make(key, sizeof key));
	if (count != NULL) {
		count->n++;
		*ret = count;
		return ERR_OK;
	}
	count = mem_zalloc(1, sizeof *count);
	if (count == NULL) {
		return ERR_NOMEM;
	}
	memcpy(count->key, key, sizeof key);
	count->n = 1;
	if (map_set_str(c->map, str_make(key, sizeof key), count) != ERR_OK) {
		mem_drop(count);
		return ERR_NOMEM;
	}
	*ret = count;
	return ERR_OK;
}

static void
give(struct svc_gate_counts *c, struct svc_gate_count **count)
{
	if (*count != NULL && --(*count)->n == 0) {
		map_del_str(c->map, str_make((*count)->key, sizeof(*count)->key));
		mem_drop(*count);
	}
	*count = NULL;
}

void
svc_gate_counts_give(struct svc_gate_counts *c, struct svc_gate_share *s)
{
	give(c, &s->address);
	give(c, &s->network);
}

enum err
svc_gate_counts_take(struct svc_gate_counts *c, const uint8_t ip[16],
    const struct svc_gate_allowance *most, struct svc_gate_share *ret)
{
	struct svc_gate_share s = { 0 };
	enum err e = take(c, sys_prefix_of(ip, 32, 64), &s.address);
	if (e == ERR_OK) {
		e = take(c, sys_prefix_of(ip, SYS_PREFIX_V4, SYS_PREFIX_V6), &s.network);
	}
	if (e == ERR_OK && s.address->n > most->per_address) {
		e = ERR_TOOMANY;
	} else if (e == ERR_OK && s.network->n > most->per_network) {
		e = ERR_BUSY;
	}
	if (e != ERR_OK) {
		svc_gate_counts_give(c, &s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}
