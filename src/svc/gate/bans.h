/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom to refuse at accept: networks with an end, as auth tells them. A look-up tries only the
 * prefix lengths that are in use.
 */
#ifndef SVC_GATE_BANS_H
#define SVC_GATE_BANS_H

#include "base/map.h"
#include "sys/sock.h"

struct svc_gate_bans {
	struct map *map;
	uint32_t lengths[129]; /* entries per prefix length */
};

/* key: 16 random octets. ERR_NOMEM. */
enum err svc_gate_bans_init(struct svc_gate_bans *b, const uint8_t key[16]);
void svc_gate_bans_done(struct svc_gate_bans *b);

/*
 * Ban a network until a time, or lift the ban when that time is past.
 *
 * Limits  SVC_GATE_BANS_MAX; expired ones make room first
 * Errors  ERR_SYNTAX: bits over 128; ERR_TOOMANY, ERR_NOMEM: not banned
 */
enum err svc_gate_bans_set(struct svc_gate_bans *b, const struct sys_prefix *p, int64_t until_s,
    int64_t now_s);
void svc_gate_bans_clear(struct svc_gate_bans *b);

/* Is ip in a network whose ban has not ended? */
bool svc_gate_bans_hit(const struct svc_gate_bans *b, const uint8_t ip[16], int64_t now_s);
/* Entries, expired ones included until they make room. */
size_t svc_gate_bans_count(const struct svc_gate_bans *b);

#endif
