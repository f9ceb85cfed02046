/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch process: keeps what send tells of each attempt (reach/journal.h), answers the
 * administrator, and sends TLS reports to domains that ask for them (RFC 8460). Read: service.c,
 * attempts.c, admin.c, report.c.
 */
#ifndef SVC_WATCH_WATCH_H
#define SVC_WATCH_WATCH_H

#include "reach/classify.h"
#include "reach/journal.h"
#include "reach/report.h"
#include "svc/common/service.h"

enum {
	SVC_WATCH_SENDS_MAX = 8,
	SVC_WATCH_SMTPS_MAX = 128,       /* twice the bound of setting smtp.processes */
	SVC_WATCH_BATCH = 1000,          /* attempts of one transaction */
	SVC_WATCH_BATCH_MS = 100,        /* how long one may stay open */
	SVC_WATCH_INBOUND_MS = 500,      /* and one of letters from outside: they are many */
	SVC_WATCH_TIDY_MS = 60000,       /* between looks for attempts that are too old */
	SVC_WATCH_SCRATCH = 4 << 20,     /* one message */
	SVC_WATCH_REPORTS_MAX = 8,       /* reports under way */
	SVC_WATCH_RUA_MAX = 4,           /* addresses that one report goes to */
	SVC_WATCH_TRIES_MAX = 6,         /* of a report; RFC 8460 5.5: for 24 hours */
	SVC_WATCH_REPORT_OCTETS = 60000, /* compressed; what a message to queue has room for */
	SVC_WATCH_JSON_OCTETS = 4 << 20,
	SVC_WATCH_REPORT_DAYS = 7, /* kept behind us */
	SVC_WATCH_OWN_MAX = 256,   /* reports whose own sessions are left out */
	SVC_WATCH_ASK_MS = 60000,  /* for an answer of resolve or queue */
};

struct svc_watch;
struct ipc_adm_watch_arrived;
struct reach_inbound;

/* One report under way. domain.n == 0: a free place. */
struct svc_watch_report {
	struct svc_watch *w;
	uint64_t request; /* to resolve, then of the last letter to queue; unique */
	int64_t day;
	size_t domain_n;
	char domain[256];
	size_t waiting, sent; /* letters handed to queue, and taken by it */
	bool asking;          /* resolve has the question */
	struct sys_timer deadline;
};

struct svc_watch {
	struct svc_common *sc;
	struct reach_journal *journal;
	struct reach_rules *rules;
	struct arena *scratch;
	struct buf out;
	struct svc_common_link sends[SVC_WATCH_SENDS_MAX];
	struct svc_common_link queue, resolve;

	bool open;    /* a transaction */
	bool failing; /* the last one was lost: say so once */
	size_t batch;
	struct sys_timer commit, tidy, round;

	struct reach_inbound *inbound;
	struct svc_common_link smtps[SVC_WATCH_SMTPS_MAX];
	size_t inbound_n; /* of the open transaction; 0: none is open */
	bool inbound_failing;
	struct sys_timer inbound_commit, inbound_tidy;

	struct svc_watch_report reports[SVC_WATCH_REPORTS_MAX];
	uint64_t next_request;
	uint64_t own[SVC_WATCH_OWN_MAX]; /* entries of the last reports, in a ring */
	size_t own_at;
	int64_t delay_ms;       /* after the end of a day: another one for each server */
	int64_t hurry_until_ms; /* an administrator wants them without it */

	uint64_t inbound_total, inbound_lost;
	uint64_t attempts, lost, unknown, commits, forgotten;
	uint64_t reports_sent, reports_unwanted, reports_failed, reports_https;
};

/* attempts.c: the edge send_watch and the transaction. */
void svc_watch_attempts_init(struct svc_watch *w);
enum err svc_watch_from_send(struct svc_common_link *from, str datagram, int *fd);
/* Close the open transaction, if there is one. */
void svc_watch_commit(struct svc_watch *w);

/* inbound.c: the edge smtp_watch, and what the administrator asks of it. */
enum err svc_watch_inbound_start(struct svc_watch *w);
enum err svc_watch_from_smtp(struct svc_common_link *from, str datagram, int *fd);
void svc_watch_inbound_commit(struct svc_watch *w);
enum err svc_watch_inbound_find(struct svc_watch *w, struct sys_chan *from,
    const struct ipc_adm_watch_arrived *m);

/* admin.c: postern attempts, postern why. */
enum err svc_watch_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd);

/* report.c: TLS reports; letter.c: what they look like. */
void svc_watch_report_init(struct svc_watch *w);
enum err svc_watch_from_queue(struct svc_common_link *from, str datagram, int *fd);
enum err svc_watch_from_resolve(struct svc_common_link *from, str datagram, int *fd);
/* Look at all days that are over, at once. Out: how many domains are looked at. */
uint64_t svc_watch_report_now(struct svc_watch *w);
/* Log why the database failed, and count. */
void svc_watch_failed(struct svc_watch *w, const char *what, enum err e);

/* service.c, profile.c */
extern const struct svc_common_service svc_watch_service;
enum err svc_watch_profile(struct svc_common *sc, struct sys_sandbox_profile *p);

#endif
