/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stranger's session: what DNS says of its address, its name and its sender, asked for from its
 * first word on, and the recipients that wait for the answers.
 */
#ifndef SVC_POLICY_SESSION_H
#define SVC_POLICY_SESSION_H

#include "mail/authres.h"
#include "proto/dns/dns.h"
#include "proto/spf/spf.h"
#include "svc/policy/policy.h"

/* One SPF check. */
struct svc_policy_check;
struct svc_policy_check_ask {
	struct svc_policy_ask ask;
	struct svc_policy_check *check;
	unsigned id; /* of the machine's question */
};
struct svc_policy_check {
	struct svc_policy_session *s;
	struct spf *spf; /* NULL: not looked */
	bool ended;
	struct svc_policy_check_ask *asks; /* SPF_QUESTIONS_MAX */
};

/* A name that the address has, and whether it has that address. */
struct svc_policy_forward {
	struct svc_policy_ask ask;
	struct svc_policy_session *s;
	struct dns_name name;
};

struct svc_policy_session {
	struct svc_policy *p;
	uint64_t id;
	uint8_t ip[16];
	uint8_t manners;
	struct arena *arena, *spf_arena;
	char network[64];
	size_t network_n;

	/* The peer's name: RFC 8601 3. */
	uint8_t iprev; /* enum mail_authres; NONE: still looking */
	bool iprev_failed;
	size_t iprev_open;
	struct svc_policy_ask ptr;
	struct svc_policy_forward *forward;
	str name; /* verified; empty: not, or not yet */
	str pool; /* its operator, as the organizational domain of `name` */

	struct svc_policy_lookup *lookups;
	size_t lookups_n, lookups_open;
	str domain_looked; /* of a reverse-path */

	str helo, path; /* what the checks are about */
	bool checked;
	struct svc_policy_check checks[2]; /* MAIL FROM, HELO */

	struct list waiting; /* struct svc_policy_rcpt */
	size_t waiting_n;
	struct sys_timer deadline;
};

/* A recipient; in the message that it came in, or a copy that waits. */
struct svc_policy_rcpt {
	struct list node;
	struct svc_common_link *from;
	uint32_t
	    times; /* of the channel it came on; another one now: nobody waits for the answer */
	uint64_t request;
	str helo, reverse_path, address;
	const uint64_t *accounts;
	size_t accounts_n;
	bool first;
};

/* The session of that number, begun if there is none: then DNS is asked. NULL: no memory. */
struct svc_policy_session *svc_policy_session_get(struct svc_policy *p, uint64_t id,
    const uint8_t ip[16]);
/* The same if it is there, else NULL. */
struct svc_policy_session *svc_policy_session_find(struct svc_policy *p, uint64_t id);
/* Its channel is closed. Recipients that still wait go on. */
void svc_policy_session_end(struct svc_policy *p, uint64_t id);
enum err svc_policy_sessions_init(struct svc_policy *p);

/* Answer a recipient, now or when DNS has said what there is to know. */
void svc_policy_session_rcpt(struct svc_policy_session *s, const struct svc_policy_rcpt *r);

/* Something has ended: answer those that waited for it, if it was the last. */
void svc_policy_session_advance(struct svc_policy_session *s);

/* iprev.c: begin to look for the peer's name; stop. */
void svc_policy_iprev_begin(struct svc_policy_session *s);
void svc_policy_iprev_stop(struct svc_policy_session *s);

/* spf.c: check the names in s->helo and s->path; stop, with what is not there yet as TEMPERROR. */
void svc_policy_spf_begin(struct svc_policy_session *s);
void svc_policy_spf_stop(struct svc_policy_session *s);
bool svc_policy_spf_open(const struct svc_policy_session *s);

/* rcpt.c: decide and answer, with what is known now. */
void svc_policy_rcpt_answer(struct svc_policy_session *s, const struct svc_policy_rcpt *r);
/* No DNS, no limit, no waiting: one of ours. */
void svc_policy_rcpt_exempt(struct svc_policy *p, const struct svc_policy_rcpt *r);
/*
 * Count against all limits of a peer, those of the operator when its name is known.
 *
 * In      s: NULL: only by address and network; always: count, and refuse nothing
 */
struct svc_policy_count {
	const struct svc_policy_session *s;
	const uint8_t *ip;
	uint32_t n[POLICY_LIMITS];
	bool always;
};
bool svc_policy_rcpt_count(struct svc_policy *p, const struct svc_policy_count *c);

#endif
