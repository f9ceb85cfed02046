/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolve process: questions come in over channels, libunbound answers them in a thread of its
 * own, answers go back with their DNSSEC state. A path is one libunbound context: the first is for
 * mail, the second (setting second-forward) only for comparing. Read: service.c, ask.c, answer.c,
 * path.c.
 */
#ifndef SVC_RESOLVE_RESOLVE_H
#define SVC_RESOLVE_RESOLVE_H

#include "base/list.h"
#include "base/lru.h"
#include "ipc/common.h"
#include "proto/dns/dns.h"
#include "svc/common/service.h"
#include "svc/resolve/limits.h"

struct conf;
struct ub_ctx;
struct ub_result;
struct svc_resolve;

/* Whoever asks: a process, or an administrator (link.edge NULL, link.chan borrowed). */
struct svc_resolve_asker {
	struct svc_common_link link;
	struct svc_resolve *all;
	bool out; /* asks for mail that leaves */
	uint32_t pending;
	struct list questions;
};

struct svc_resolve_path {
	struct svc_resolve *all;
	struct ub_ctx *ub; /* NULL: this path is not set up */
	struct sys_watch watch;
};

/* One question under way. Freed with its answer, its asker or its deadline. */
struct svc_resolve_question {
	struct list node; /* of its asker */
	struct list turn; /* in the line until libunbound has it */
	bool asked;
	struct svc_resolve_asker *asker;
	struct svc_resolve_path *path;
	struct sys_timer deadline;
	uint64_t request;
	int64_t began_ms;
	int ticket; /* libunbound's number for it */
	uint16_t type;
	uint16_t name_n;
	char name[DNS_NAME_MAX + 1];
};

/* What one question wants to know. */
struct svc_resolve_wish {
	uint64_t request;
	str name;
	uint16_t type;
	bool second;
};

/* An answer on its way out; strings are borrowed. */
struct svc_resolve_reply {
	struct ipc_common_dns_answer answer;
	struct ipc_common_dns_record *records;
	size_t records_n;
};

struct svc_resolve {
	struct svc_common *sc;
	struct svc_resolve_path first, second;
	struct svc_resolve_asker sends[SVC_RESOLVE_SENDS_MAX];
	struct svc_resolve_asker scans[SVC_RESOLVE_SCANS_MAX];
	struct svc_resolve_asker watch[1], policy[1];
	struct svc_resolve_asker admins[SVC_COMMON_ADMINS_MAX];
	struct lru *kept;      /* answers of the first path, for processes: kept.c */
	struct arena *scratch; /* one message or answer */
	struct buf out;
	struct buf settings;  /* of this section when the process began */
	bool validating;      /* there is something to trust */
	struct list lines[2]; /* questions that wait for their turn: those of send are in [1] */
	size_t next_line;
	size_t pending; /* all questions */
	size_t asked, pending_max;
	int64_t timeout_ms;
	/* Since the process began. */
	uint64_t questions, secure, insecure, bogus, missing, failed, late, refused, dropped;
	uint64_t from_kept;
};

/* --- path.c: libunbound ---------------------------------------------------------------------- */

/*
 * Set up both paths by the settings. Reads the trust anchor and the root hints: before the sandbox.
 *
 * Out     r->validating, r->first, r->second; nothing is asked and no thread exists yet
 * Errors  ERR_CONFIG: libunbound refuses a setting or a file; ERR_NOMEM
 */
enum err svc_resolve_paths_init(struct svc_resolve *r);
/* Begin the threads and take answers from now on. ERR_NOMEM, ERR_NOSPACE, ERR_CONFIG. */
enum err svc_resolve_paths_start(struct svc_resolve *r);
/* The root hints are a file, and they are needed: nobody to forward to. */
bool svc_resolve_needs_hints(const struct conf *c);
void svc_resolve_paths_done(struct svc_resolve *r);

/* --- ask.c: questions ------------------------------------------------------------------------ */

/* Somebody may ask from now on: no question yet. */
void svc_resolve_asker_init(struct svc_resolve *r, struct svc_resolve_asker *a);

/*
 * Ask, or answer at once what cannot be asked. The answer goes to a->link.
 *
 * Limits  libunbound has r->pending_max questions at a time, the others wait for their turn;
 *         SVC_RESOLVE_LINE_MAX, SVC_RESOLVE_ADMIN_MAX of one administrator: beyond them the answer
 *         is AGAIN
 */
void svc_resolve_ask(struct svc_resolve_asker *a, const struct svc_resolve_wish *w);

/* Its channel is gone: its questions are forgotten. */
void svc_resolve_drop(struct svc_resolve_asker *a);

/* --- answer.c: from libunbound's result to the message --------------------------------------- */

/*
 * Judge a result.
 *
 * In      err: libunbound's; res: may be NULL; q: the question
 * Out     ret: strings borrowed from res, q and `a`
 */
void svc_resolve_judge(struct arena *a, const struct svc_resolve_question *q, int err,
    const struct ub_result *res, struct svc_resolve_reply *ret);

/* --- kept.c: answers kept ready for half a minute -------------------------------------------- */

/* No answer yet. ERR_NOMEM. Never freed but by tests: lru_free. */
enum err svc_resolve_kept_init(struct svc_resolve *r);
/* Keep what libunbound answered, if it may be believed and has time to live. */
void svc_resolve_keep(struct svc_resolve *r, const struct svc_resolve_question *q,
    const struct svc_resolve_reply *reply, int64_t now_ms);
/*
 * The answer that is kept, its time to live shortened by its age.
 *
 * Out     false: none; ret: strings borrowed until the next svc_resolve_keep, arrays in r->scratch
 */
bool svc_resolve_kept(struct svc_resolve *r, str name, uint16_t type, int64_t now_ms,
    struct svc_resolve_reply *ret);

/* --- service.c, admin.c, profile.c ----------------------------------------------------------- */

/* A message of an administrator, and his end. ERR_PROTOCOL: it cannot be decoded. */
enum err svc_resolve_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd);
void svc_resolve_on_admin_closed(struct svc_common *sc, struct sys_chan *from);
/* What the process may do. ERR_SYNTAX: a forwarder that is no address. */
enum err svc_resolve_profile(struct svc_common *sc, struct sys_sandbox_profile *p);

extern const struct svc_common_service svc_resolve_service;

#endif
