/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many connections an operator gets. Additive increase: about one more for as many letters as
 * there are connections allowed; halving when the operator says that it is too much (421, a 4xx
 * before or at MAIL), at most once a second. Pure counting: the time comes in.
 */
#ifndef SVC_SEND_PACE_H
#define SVC_SEND_PACE_H

#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"

struct svc_send_pace {
	struct map *operators;
	uint32_t most; /* per operator: setting send.concurrency */
	uint64_t halvings;
};

/* Lives as long as somebody holds it; then until room is needed. */
struct svc_send_operator {
	struct list waiting; /* routes that would like a connection, first come first served */
	struct list idle;    /* connections without a letter, the oldest first */
	uint32_t holders, in_use;
	uint32_t limit_milli; /* connections allowed, in thousandths */
	int64_t halved_ms;
	str name; /* behind the struct */
};

/* hash_key: 16 random octets. ERR_NOMEM. */
enum err svc_send_pace_init(struct svc_send_pace *p, const uint8_t *hash_key);
void svc_send_pace_done(struct svc_send_pace *p);

/*
 * The operator of that name, held.
 *
 * Limits  SVC_SEND_OPERATORS_MAX, of which those that nobody holds make room
 * Errors  NULL: no memory, or all are held
 */
struct svc_send_operator *svc_send_operator_hold(struct svc_send_pace *p, str name);
void svc_send_operator_drop(struct svc_send_operator *o);

/* May it have one more connection now? */
bool svc_send_operator_free(const struct svc_send_pace *p, const struct svc_send_operator *o);
/* A letter was taken well; it said that it has enough. */
void svc_send_operator_praise(const struct svc_send_pace *p, struct svc_send_operator *o);
void svc_send_operator_slow(struct svc_send_pace *p, struct svc_send_operator *o, int64_t now_ms);

#endif
