/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy process: whether a peer, a sender, a recipient may go on, and what is remembered of
 * them. It asks DNS through resolve and keeps what it knows in src/policy. Read: service.c, then
 * smtp.c, session.c, rcpt.c; scan.c; submit.c.
 */
#ifndef SVC_POLICY_POLICY_H
#define SVC_POLICY_POLICY_H

#include "base/list.h"
#include "base/lru.h"
#include "base/map.h"
#include "policy/keep.h"
#include "policy/limit.h"
#include "policy/list.h"
#include "svc/common/service.h"
#include "svc/policy/limits.h"

struct svc_policy;
struct svc_policy_session;
struct svc_policy_model;
struct ipc_common_listed;
struct ipc_common_reply;
struct ipc_smtp_policy_submit;

/* ---- dns.c: questions to resolve ---- */

struct svc_policy_said {
	enum err result; /* OK, NOTFOUND, CORRUPT; anything else: no answer */
	const str *rdata;
	size_t n;
};

/* A question under way lies in its owner's struct. */
struct svc_policy_ask {
	struct svc_policy *p;
	/* Called once, when it is answered or late; it may ask again with the same struct. */
	void (*fn)(struct svc_policy_ask *ask, const struct svc_policy_said *said);
	struct sys_timer deadline;
	uint64_t request; /* 0: none under way */
};

/*
 * Ask; ask->fn is set. UNAVAILABLE, BUSY: it cannot be asked, fn is not called.
 */
enum err svc_policy_dns(struct svc_policy *p, struct svc_policy_ask *ask, str name, uint16_t type);
/* No answer is wanted any more. */
void svc_policy_dns_cancel(struct svc_policy_ask *ask);

/* ---- lists.c: DNS lists ---- */

enum svc_policy_zone_state {
	SVC_POLICY_ZONE_NEW, /* not tested yet: not used */
	SVC_POLICY_ZONE_GOOD,
	SVC_POLICY_ZONE_EMPTY,   /* off: what must be listed is not */
	SVC_POLICY_ZONE_ALL,     /* off: it lists what must not be listed */
	SVC_POLICY_ZONE_REFUSED, /* off: it does not answer us */
	SVC_POLICY_ZONE_STRANGE, /* off: answers that no list gives */
	SVC_POLICY_ZONE_STATES
};

struct svc_policy_zone;

/* Half a self-test. */
struct svc_policy_test {
	struct svc_policy_ask ask;
	struct svc_policy_zone *zone;
	struct policy_list_said said;
	bool there, failed; /* there was an answer of a list; there was none at all */
};

struct svc_policy_zone {
	struct svc_policy *p;
	struct policy_list list;
	enum svc_policy_zone_state state;
	struct svc_policy_test tests[2]; /* what must be listed, and what must not */
	struct sys_timer again;
	uint64_t queries, hits, refused, late;
	int64_t tested_s;
};

/* One thing looked up in one list. */
struct svc_policy_lookup {
	struct svc_policy_ask ask;
	struct svc_policy_zone *zone;
	str what; /* an address or a domain, as text */
	struct policy_list_said said;
	/* When it ended, however it did. */
	void (*ended)(struct svc_policy_lookup *l);
	void *ctx;
};

/* ---- the process ---- */

struct svc_policy {
	struct svc_common *sc;
	struct arena *scratch; /* one message */
	struct buf out;
	struct svc_common_link smtps[SVC_POLICY_SMTPS_MAX], scans[SVC_POLICY_SCANS_MAX];
	struct svc_common_link accounts, resolve, queue, auth;

	struct policy_keep *keep;
	struct policy_table *limits, *outgoing;
	struct policy_limit_rule rules[3][POLICY_LIMITS];         /* address, network, operator */
	struct policy_limit_rule account_rules[2][POLICY_LIMITS]; /* what is put off; alarms */
	struct sys_timer flush, tidy;
	bool failing; /* the last flush was lost: say so once */

	struct map *questions;
	uint64_t next_request;
	uint32_t late_in_a_row;
	struct svc_policy_ask probe; /* is there any DNS? */
	int64_t rest_until_ms;

	struct arena *zones_arena;
	struct svc_policy_zone *zones; /* those of addresses first */
	size_t zones_n;

	struct lru *sessions; /* of struct svc_policy_session *, by number */

	struct map *judges; /* letters that wait for lists */
	struct svc_policy_model *shared;
	struct lru *models;   /* of struct svc_policy_model *, by account */
	struct map *teachers; /* accounts that have statistics, by number */
	struct sys_timer models_flush;
	uint8_t model_key[16];

	struct list notices;
	size_t notices_n;
	uint64_t next_txn;

	uint64_t peers, rcpts, submits, letters; /* asked */
	uint64_t greylisted, let_in, exempt, known, limited, limited_accounts, holds;
	uint64_t dns_asked, dns_late, dns_refused, lost, learned;
};

/* The process that a link belongs to. */
static inline struct svc_policy *
svc_policy_of(const struct svc_common_link *l)
{
	return l->sc->ctx;
}

/* One function per edge, for the table in service.c. */
enum err svc_policy_from_smtp(struct svc_common_link *from, str datagram, int *fd);
enum err svc_policy_from_scan(struct svc_common_link *from, str datagram, int *fd);
enum err svc_policy_from_accounts(struct svc_common_link *from, str datagram, int *fd);
enum err svc_policy_from_resolve(struct svc_common_link *from, str datagram, int *fd);
enum err svc_policy_from_queue(struct svc_common_link *from, str datagram, int *fd);
enum err svc_policy_from_auth(struct svc_common_link *from, str datagram, int *fd);

/* remember.c: what is kept, and its timers. */
enum err svc_policy_remember_start(struct svc_policy *p);
/* Take the settings of limits and times. */
void svc_policy_remember_settings(struct svc_policy *p);
uint32_t svc_policy_now(void);
/* Is this peer neither ours, nor trusted, nor private? */
bool svc_policy_is_stranger(const struct svc_policy *p, const uint8_t ip[16]);

/* lists.c. Make the zones by the settings, test them, and go on testing. */
enum err svc_policy_lists_start(struct svc_policy *p);
void svc_policy_lists_stop(struct svc_policy *p);
/*
 * Look something up; zone, what, ended, ctx are set. False: this list is not in use.
 */
bool svc_policy_lists_look(struct svc_policy *p, struct svc_policy_lookup *l, const uint8_t *ip);
/* True and a record of it: what was looked up is listed. */
bool svc_policy_lists_listed(const struct svc_policy_lookup *l, struct arena *a,
    struct ipc_common_listed *ret);
/* "good", "refused", ... */
str svc_policy_lists_state(enum svc_policy_zone_state s);

/* learn.c: statistics. */
enum err svc_policy_learn_start(struct svc_policy *p);
void svc_policy_learn_stop(struct svc_policy *p);
void svc_policy_learn(struct svc_policy *p, uint64_t account, str features,
    const bool junk_undo[2]);
/* What an account's statistics (0: those of all) say; ret_learned: letters. */
int64_t svc_policy_learn_words(struct svc_policy *p, uint64_t account, str features,
    uint32_t *ret_learned);
void svc_policy_learn_forget(struct svc_policy *p, uint64_t account);

/* submit.c: what accounts send. */
void svc_policy_submit(struct svc_policy *p, const struct ipc_smtp_policy_submit *m,
    struct ipc_common_reply *ret);
/* A session of an account has ended: so many recipients did not exist. */
void svc_policy_submit_unknown(struct svc_policy *p, uint64_t account, uint32_t n);
/* Let go what is held of the account with that address. NOTFOUND. */
enum err svc_policy_submit_release(struct svc_policy *p, str address);
/* queue says: what was let go by the release of that mark is in its journal. */
void svc_policy_submit_released(struct svc_policy *p, uint64_t account, uint32_t mark);
/* Is the account of that row held; or let go, and queue has yet to say that it knows? */
bool svc_policy_submit_held(const uint32_t v[4]);
/* Why an account is held, in words. */
str svc_policy_submit_why(uint32_t why);
/* queue is there (again): tell it who is held, and what it did not say it has let go. */
void svc_policy_submit_tell(struct svc_common_link *l);

/*
 * notice.c: letters about a held account: to itself, and, account 0, to the operator, who is
 * postmaster of its domain.
 */
void svc_policy_notice(struct svc_policy *p, uint64_t account, str address, str why);
void svc_policy_notice_ended(struct svc_policy *p, uint64_t txn, enum err result);
void svc_policy_notice_stop(struct svc_policy *p);

/* admin.c: postern greylist, lists, senders. */
enum err svc_policy_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd);

/* scan.c: answer all letters that wait, with what is known. */
void svc_policy_judges_stop(struct svc_policy *p);

/* service.c, profile.c. Stop: write everything, close the database. */
void svc_policy_stop(struct svc_policy *p);
extern const struct svc_common_service svc_policy_service;
enum err svc_policy_profile(struct svc_common *sc, struct sys_sandbox_profile *p);

#endif
