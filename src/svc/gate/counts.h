/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many connections an address (IPv4 /32, IPv6 /64) and its network (IPv4 /24, IPv6 /48) have.
 * The table holds no more entries than there are connections.
 */
#ifndef SVC_GATE_COUNTS_H
#define SVC_GATE_COUNTS_H

#include "base/map.h"

struct svc_gate_counts {
	struct map *map;
};

struct svc_gate_count;

/* What one connection holds: give it back when the connection ends. */
struct svc_gate_share {
	struct svc_gate_count *address, *network;
};

struct svc_gate_allowance {
	uint64_t per_address, per_network;
};

/*
 * What one process lets in of what all of them may: its part, and half as much again, as the kernel
 * does not deal connections out evenly.
 */
uint64_t svc_gate_part_of(uint64_t all, uint64_t processes);

/* key: 16 random octets; connections: the most there can be. ERR_NOMEM. */
enum err svc_gate_counts_init(struct svc_gate_counts *c, const uint8_t key[16], size_t connections);
/* Every share has been given back. */
void svc_gate_counts_done(struct svc_gate_counts *c);

/*
 * Count one more connection of ip.
 *
 * Errors  ERR_TOOMANY: the address has its fill; ERR_BUSY: its network has; ERR_NOMEM: nothing
 * counted
 */
enum err svc_gate_counts_take(struct svc_gate_counts *c, const uint8_t ip[16],
    const struct svc_gate_allowance *most, struct svc_gate_share *ret);
/* Fine on an empty share; *s is empty afterwards. */
void svc_gate_counts_give(struct svc_gate_counts *c, struct svc_gate_share *s);

#endif
