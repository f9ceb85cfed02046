/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch process: keeps what send tells of each attempt (reach/journal.h), answers the
 * administrator, and sends reports to domains that ask for them: of TLS (RFC 8460), and of how
 * letters in their name came out (DMARC, RFC 7489 7.2). Read: service.c, attempts.c, admin.c,
 * report.c.
 */
#ifndef SVC_WATCH_WATCH_H
#define SVC_WATCH_WATCH_H

#include "proto/dmarc/dmarc.h"
#include "reach/classify.h"
#include "reach/journal.h"
#include "reach/report.h"
#include "svc/common/service.h"

enum {
	SVC_WATCH_SENDS_MAX = 8,
	SVC_WATCH_SCANS_MAX = 64,        /* the bound of setting scan.processes */
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
	SVC_WATCH_JSON_OCTETS = 4 << 20, /* or of XML */
	SVC_WATCH_ADDRESS_MAX = 254,     /* RFC 5321 4.5.3.1.3 */
	SVC_WATCH_REPORT_DAYS = 7,       /* kept behind us */
	SVC_WATCH_OWN_MAX = 256,         /* reports whose own sessions are left out */
	SVC_WATCH_ASK_MS = 60000,        /* for an answer of resolve or queue */
};

struct svc_watch;
struct svc_watch_letter;
struct svc_watch_report;
struct ipc_adm_watch_arrived;
struct reach_inbound;

/* What differs between reports of TLS and of DMARC. */
struct svc_watch_kind {
	const char *prefix; /* of the domain: where the record is that asks for a report */
	bool unenforced;    /* sent whatever DANE and MTA-STS say */
	/* Read the TXT records, each joined, into r->to, r->record. Not OK: no report is wanted. */
	enum err (*read)(struct svc_watch_report *r, const str *texts, size_t n);
	/* As svc_watch_letter_make. */
	enum err (*make)(struct svc_watch *w, struct svc_watch_letter *l);
};
extern const struct svc_watch_kind svc_watch_tls, svc_watch_dmarc;

/* Somebody a report goes to. */
struct svc_watch_to {
	uint64_t request;    /* to resolve, whether he wants it; 0: need not be asked, or was */
	uint64_t octets_max; /* of the compressed report; 0: no limit */
	bool no;             /* he does not */
	bool settled;        /* queue has his letter, or he gets none */
	size_t n;
	char address[SVC_WATCH_ADDRESS_MAX];
};

/* One report under way. domain.n == 0: a free place. */
struct svc_watch_report {
	struct svc_watch *w;
	enum reach_report_kind kind;
	uint64_t request; /* to resolve, then of the last letter to queue; unique */
	int64_t day;
	size_t domain_n;
	char domain[256];
	size_t record_n; /* DMARC: the policy, as published */
	char record[DMARC_RECORD_MAX];
	struct svc_watch_to to[SVC_WATCH_RUA_MAX];
	size_t to_n, checks;  /* checks: those that resolve is asked about */
	size_t waiting, sent; /* letters handed to queue, and taken by it */
	bool asking;          /* resolve has the question for the record */
	bool late;            /* not all letters could be handed to queue yet */
	struct sys_timer deadline;
};

struct svc_watch {
	struct svc_common *sc;
	struct reach_journal *journal;
	const struct reach_rules *rules;
	struct arena *scratch;
	struct buf out;
	struct svc_common_link sends[SVC_WATCH_SENDS_MAX];
	struct svc_common_link queue, resolve, scans[SVC_WATCH_SCANS_MAX];

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
	uint64_t judged; /* letters of domains that ask for DMARC reports */
	uint64_t reports_sent, reports_unwanted, reports_failed, reports_https;
};

/* attempts.c: the edge send_watch and the transaction. */
void svc_watch_attempts_init(struct svc_watch *w);
enum err svc_watch_from_send(struct svc_common_link *from, str datagram, int *fd);
/* Begin a transaction, if none is open; close the open one, if there is one. */
enum err svc_watch_begin(struct svc_watch *w);
void svc_watch_commit(struct svc_watch *w);
/* A row was added to it, or, not ERR_OK, could not be: then it is lost as a whole. */
void svc_watch_added(struct svc_watch *w, const char *what, enum err e);

/* inbound.c: the edge smtp_watch, and what the administrator asks of it. */
enum err svc_watch_inbound_start(struct svc_watch *w);
enum err svc_watch_from_smtp(struct svc_common_link *from, str datagram, int *fd);
void svc_watch_inbound_commit(struct svc_watch *w);
enum err svc_watch_inbound_find(struct svc_watch *w, struct sys_chan *from,
    const struct ipc_adm_watch_arrived *m);

/* admin.c: postern attempts, postern why. */
enum err svc_watch_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd);

/* dmarc.c: the edge scan_watch. */
enum err svc_watch_from_scan(struct svc_common_link *from, str datagram, int *fd);

/*
 * report.c: when a report is due and whom to ask; letter.c, dmarc.c: what it says. An address that
 * a record names goes into r->to; false: it is none, or there are too many.
 */
struct svc_watch_to *svc_watch_report_to(struct svc_watch_report *r, str mailto);
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
