/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of this folder: packets out (say.c), answers in (take.c), the order of things
 * (milter.c).
 */
#ifndef PROTO_MILTER_MILTER_PRIV_H
#define PROTO_MILTER_MILTER_PRIV_H

#include "proto/milter/milter.h"

/* Bits of option negotiation that no stage has. */
enum {
	MILTER_VERSION = 6,
	MILTER_ACT_ADD = 0x1,
	MILTER_ACT_CHANGE = 0x10,
	MILTER_ACT_QUARANTINE = 0x20,
	MILTER_ACTIONS = MILTER_ACT_ADD | MILTER_ACT_CHANGE | MILTER_ACT_QUARANTINE,
	MILTER_CAN_SKIP = 0x400,
	MILTER_LEAD_SPACE = 0x100000,
	/* All stages may be left out or unanswered; no refused recipients or other sizes. */
	MILTER_PROTOCOL = 0x1ff7ff,
};

/* A row of stages.def. */
struct milter_row {
	char letter;
	uint32_t skip, silent, since;
	void (*put)(struct milter *m);
};
/* stage above NEGOTIATE. */
const struct milter_row *milter_row(enum milter_stage stage);

/* Append the packets of the present stage; they move m->at on. */
void milter_say_options(struct milter *m);
void milter_say_quit(struct milter *m);
void milter_say(struct milter *m);

/* Act on an answer in its stage; the filter was asked for it. */
void milter_take(struct milter *m, char letter, str data);

/* The filter has answered and wants to hear more. */
void milter_go_on(struct milter *m);
/* It has ended. */
void milter_end(struct milter *m, enum milter_verdict v);
/* It broke the protocol; nothing more is said. */
void milter_break(struct milter *m, const char *fault);

#endif
