/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened between us and one server, or with the DNS of a domain: filled in while it goes
 * on, then classified, told to watch and to the log, and made an outcome for the letter's
 * recipients.
 */
#ifndef SVC_SEND_ATTEMPT_H
#define SVC_SEND_ATTEMPT_H

#include "reach/classify.h"
#include "svc/send/route.h"

enum { SVC_SEND_RANK_LOCAL = 1 }; /* of an outcome that tells of us alone */

struct svc_send_phase {
	uint8_t phase; /* enum reach_phase */
	int64_t at_ms, took_ms;
};

struct svc_send_attempt {
	const struct svc_send_letter *letter;
	const struct svc_send_route *route;
	const struct svc_send_host *host; /* NULL: it ended in DNS */
	int64_t began_ms, began_wall_ms;
	bool has_peer;
	uint8_t peer[16], source[16];
	struct svc_send_phase phases[REACH_PHASE_COUNT];
	size_t phases_n;
	struct reach_seen seen;
	str sentence; /* ours, when no reply decided; empty: made from the class */
	bool has_tls;
	struct svc_send_tls_facts tls;
	uint8_t dane, sts;
	enum reach_tls soft_tls; /* what a policy in testing would have stopped */
	struct sys_dial_info info;
	size_t rcpts;
	uint8_t verdict; /* 0: from what was seen */

	/* set by svc_send_attempt_end */
	struct reach_found found;
	struct svc_send_outcome outcome; /* strings live in the attempt, or where seen's do */
	char enhanced_text[12], reply_text[SVC_SEND_REPLY_MAX];
};

/* It begins: in this phase. */
void svc_send_attempt_begin(struct svc_send_attempt *a, struct svc_send *sv,
    enum reach_phase phase);
/* The phase is another one from now on; nothing happens when it is the same. */
void svc_send_attempt_phase(struct svc_send_attempt *a, struct svc_send *sv,
    enum reach_phase phase);

/* It is over: classify, tell watch, log. Sets `found` and `outcome`. */
void svc_send_attempt_end(struct svc_send_attempt *a, struct svc_send *sv);

/* The route led nowhere: an attempt for each letter that waits, and their results. */
void svc_send_attempt_dns(struct svc_send_route *r);

/* How much an outcome with a reply tells. */
uint8_t svc_send_attempt_rank(uint8_t verdict, uint16_t code);

/* The letter's result is to tell of this attempt, unless it knows one that tells more. */
void svc_send_attempt_credit(const struct svc_send_attempt *a, struct svc_send_letter *l);

#endif
