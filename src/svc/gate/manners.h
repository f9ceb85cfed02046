/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manners.c for the others: a mail server waits for its greeting and for answers.
 */
#ifndef SVC_GATE_MANNERS_H
#define SVC_GATE_MANNERS_H

#include "base/err.h"
#include "base/str.h"

struct svc_gate;
struct svc_gate_conn;

/* Bits of session.manners. */
enum { SVC_GATE_EARLY = 1, SVC_GATE_HASTY = 2 };

/* Have g->behaved. ERR_NOMEM. */
enum err svc_gate_manners_init(struct svc_gate *g);
/* Free it. */
void svc_gate_manners_done(struct svc_gate *g);
/* Must this one wait for its greeting? */
bool svc_gate_manners_unknown(const struct svc_gate_conn *c);
void svc_gate_manners_wait(struct svc_gate_conn *c);
void svc_gate_manners_event(struct svc_gate_conn *c, unsigned events);
/* It sent this before TLS. */
void svc_gate_manners_octets(struct svc_gate_conn *c, str octets);
/* TLS stands: the next connection of this address need not wait. */
void svc_gate_manners_good(struct svc_gate_conn *c);

#endif
