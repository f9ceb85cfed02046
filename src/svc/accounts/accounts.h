/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The zygote in memory: its channels, the tickets auth vouched for, and the processes it forked. It
 * never reads mail; it is the one that decides which folder a forked process may see.
 */
#ifndef SVC_ACCOUNTS_ACCOUNTS_H
#define SVC_ACCOUNTS_ACCOUNTS_H

#include "base/list.h"
#include "base/lru.h"
#include "base/map.h"
#include "conf/conf.h"
#include "svc/account/child.h"
#include "svc/accounts/seal.h"
#include "svc/common/service.h"
#include "sys/spawn.h"

enum {
	SVC_ACCOUNTS_TICKETS_MAX = 4096,
	SVC_ACCOUNTS_TICKET_MS = 30000,
	SVC_ACCOUNTS_LATE_MAX = 1024,   /* sessions that came before their tickets */
	SVC_ACCOUNTS_LATE_MS = 500,     /* how long they wait */
	SVC_ACCOUNTS_FACTS_MAX = 10000, /* accounts whose facts are remembered */
	SVC_ACCOUNTS_FACTS_MS = 60000,  /* for this long */
	SVC_ACCOUNTS_ASKED_MAX = 10000, /* questions to auth that wait for an answer */
	SVC_ACCOUNTS_ASKED_EACH = 8,    /* of them, of one process: an honest one waits for it */
	SVC_ACCOUNTS_CHILDREN_MAX = 100000,
	SVC_ACCOUNTS_GATES_MAX = 64,       /* bound of setting gate.processes */
	SVC_ACCOUNTS_PARKED_MAX = 1000000, /* beyond accounts.sessions */
	SVC_ACCOUNTS_STALE_MAX = 32,       /* kept sessions woken at a time */
	SVC_ACCOUNTS_STALE_MS = 100,       /* and how often */
	SVC_ACCOUNTS_SYNCERS_MAX = 8,
	SVC_ACCOUNTS_CHECKS_MAX = 64,    /* accounts asked about at a time when auth is back */
	SVC_ACCOUNTS_NURSERY_MS = 10000, /* the nursery has so long for an answer */
	SVC_ACCOUNTS_LEAVE_MS = 2000,    /* who was told to quit and is still there is killed */
	SVC_ACCOUNTS_NAME_MAX = 320,     /* local part 64, "@", domain 255: RFC 5321 4.5.3.1 */
	SVC_ACCOUNTS_TICKET_OCTETS = 16,
};

/* What auth says of an account. */
struct svc_accounts_facts {
	uint64_t account, quota_octets, quota_messages;
	enum err state; /* OK, NOTFOUND, DISABLED */
	int64_t until_ms;
	size_t name_n;
	char name[SVC_ACCOUNTS_NAME_MAX];
};

struct svc_accounts_ticket {
	uint64_t account, quota_octets, quota_messages;
	int64_t until_ms;
	uint32_t scope;
	size_t name_n;
	char name[SVC_ACCOUNTS_NAME_MAX];
};

enum svc_accounts_kind {
	SVC_ACCOUNTS_SESSION,
	SVC_ACCOUNTS_LEFT, /* was a session's, which rests now; about to end */
	SVC_ACCOUNTS_DELIVERY,
	SVC_ACCOUNTS_SYNCER,
	SVC_ACCOUNTS_GUEST /* in the folder of an account that shares, for a session of another */
};

struct svc_accounts_family; /* all processes of one account */
struct svc_accounts_parked; /* parked.c */

/* A gate process and the sessions that rest with it. */
struct svc_accounts_gate {
	struct svc_common_link link;
	struct svc_accounts *s;
	struct list rows; /* of svc_accounts_parked */
};

/* Whom a session process serves: what a later process of the session must be told. */
struct svc_accounts_ident {
	uint64_t session, quota_octets, quota_messages;
	int64_t granted_ms; /* when auth let it in */
	uint8_t protocol;
	size_t name_n;
	char name[SVC_ACCOUNTS_NAME_MAX];
};

struct svc_accounts_child {
	struct svc_accounts *s;
	struct list node;    /* in svc_accounts.children */
	struct list sibling; /* in the family */
	struct svc_accounts_family *family;
	enum svc_accounts_kind kind;
	struct sys_child process;
	struct sys_watch watch; /* its pidfd */
	struct sys_timer leave; /* set when it was told to quit */
	struct sys_chan *control;
	uint64_t account, job;
	bool killed; /* by us, so its death is no news */
	struct svc_accounts_ident ident;
	struct svc_accounts_origin origin;
	uint32_t notices, lessons;            /* sent to it; it told: teach.h */
	unsigned asked;                       /* share.c: its questions to auth */
	struct svc_accounts_leaving *leaving; /* it has given its stream back */
	struct svc_accounts_parked *offer;    /* it wants to rest; NULL: not now */
	uint64_t guest;                       /* a guest: its own account */
};

struct svc_accounts_family {
	uint64_t account;
	struct list children, parked;
	struct list node; /* in svc_accounts.checked or .unchecked */
	size_t sessions, parked_n;
};

struct svc_accounts {
	struct svc_common *sc;
	struct arena *scratch;
	struct buf out;
	struct svc_common_link login, auth, queue, policy;
	struct svc_accounts_gate gates[SVC_ACCOUNTS_GATES_MAX];
	struct list late;
	size_t late_n;
	struct sys_task tickets_came;
	struct lru *tickets, *facts, *usages;
	struct map *families, *asked;
	struct list checked, unchecked; /* families; unchecked: since auth was started anew */
	size_t checks;                  /* questions about those under way */
	struct list children;
	struct map *parked; /* session id -> svc_accounts_parked */
	struct map *live;   /* session id -> svc_accounts_child */
	struct buf sealed;
	struct sys_child nursery_process;
	int nursery;    /* our end of accounts_nursery; -1: there is none */
	int nursery_ms; /* SVC_ACCOUNTS_NURSERY_MS */
	struct buf answer;
	uint8_t seal_key[32];
	size_t parked_n;
	struct sys_timer stale; /* while kept sessions are to be woken */
	uint64_t rests, resumed, park_refused;
	size_t sessions, left, deliveries, syncers, guests;
	struct list questions; /* share.c: those of sessions to auth */
	size_t questions_n;
	uint64_t next_request;
	str folder; /* state/accounts */
	struct sys_sandbox *account_sandbox, *sync_sandbox;
	bool folder_young; /* it may hold names that a power cut would take back */
	bool quitting;
	uint64_t started, crashed, refused, lessons;
};

/* The process that a link belongs to. */
static inline struct svc_accounts *
svc_accounts_of(const struct svc_common_link *l)
{
	return l->sc->ctx;
}

/* Accounts to be made durable: the first `full` of them wholly, the others' arrivals. */
struct svc_accounts_sync {
	uint64_t job, ids[512];
	size_t n, full;
};

/* folder.c: the path of an account's folder, in the caller's room. */
struct svc_accounts_path {
	char text[SVC_COMMON_PATH_MAX];
};
str svc_accounts_folder(const struct svc_accounts *s, uint64_t account,
    struct svc_accounts_path *room);

/* auth.c: tickets and facts. */
enum err svc_accounts_from_auth(struct svc_common_link *from, str datagram, int *fd);
void svc_accounts_auth_up(struct svc_common_link *l);
void svc_accounts_auth_down(struct svc_common_link *gone);
/* Ask about the next accounts in s->unchecked. */
void svc_accounts_check_more(struct svc_accounts *s);
bool svc_accounts_ticket_known(const struct svc_accounts *s, str ticket);
bool svc_accounts_ticket_take(struct svc_accounts *s, str ticket, struct svc_accounts_ticket *ret);
void svc_accounts_with_facts(struct svc_accounts *s, uint64_t account, uint64_t job, int fd);

/* attach.c: sessions from login. */
enum err svc_accounts_from_login(struct svc_common_link *from, str datagram, int *fd);
void svc_accounts_login_down(struct svc_common_link *gone);
/* A task: sessions that wait for their tickets are looked at again. */
void svc_accounts_tickets_came(void *accounts);

/* queue.c: delivery processes and syncs. */
enum err svc_accounts_from_queue(struct svc_common_link *from, str datagram, int *fd);
void svc_accounts_deliver(struct svc_accounts *s, const struct svc_accounts_facts *f, uint64_t job,
    int fd);
void svc_accounts_ended(struct svc_accounts *s, uint64_t account, uint64_t job, enum err result);
void svc_accounts_synced_nothing(struct svc_accounts *s, uint64_t job);

/* slot.c: letters left in an account without a process. */
void svc_accounts_slot(struct svc_accounts *s, uint64_t account, uint64_t job);
void svc_accounts_slot_give(struct svc_accounts *s, const struct svc_accounts_facts *f,
    uint64_t job);
void svc_accounts_slot_refuse(struct svc_accounts *s, uint64_t account, uint64_t job);
void svc_accounts_slot_used(struct svc_accounts *s, uint64_t account);
struct svc_accounts_usage { /* of an account at rest, as its last process said */
	uint64_t octets, messages;
};
void svc_accounts_slot_usage(struct svc_accounts *s, uint64_t account, struct svc_accounts_usage u);
void svc_accounts_slot_forget(struct svc_accounts *s, uint64_t account);
/* Make an account's folder if it is not there; svc_accounts_folder_sync makes its name last. */
enum err svc_accounts_folder_make(struct svc_accounts *s, str folder);
/* One sync, only when a folder was made since the last one. IO, NOSPACE, NOFD. */
enum err svc_accounts_folder_sync(struct svc_accounts *s);

/* child.c: forking, reaping, notices. */
enum err svc_accounts_child_new(struct svc_accounts *s, struct svc_account_start *start,
    enum svc_accounts_kind kind, uint64_t job);
enum err svc_accounts_syncer_new(struct svc_accounts *s, const struct svc_accounts_sync *sync);
/* Tell the sessions, resting ones too, except `from` (NULL: all). May free the family. */
void svc_accounts_changed(struct svc_accounts *s, struct svc_accounts_family *f,
    const struct svc_accounts_child *from, uint64_t mailbox);
size_t svc_accounts_sessions_of(struct svc_accounts *s, uint64_t account);
void svc_accounts_revoke(struct svc_accounts *s, uint64_t account);
void svc_accounts_kill_deliveries(struct svc_accounts *s, uint64_t account);
void svc_accounts_quit(struct svc_accounts *s);
void svc_accounts_children_done(struct svc_accounts *s);
/* Send one message; who cannot hear is killed. */
void svc_accounts_tell(struct svc_accounts_child *c, struct buf *message);
/* Its session rests: the process counts as one no more. */
void svc_accounts_child_left(struct svc_accounts_child *c);
/* Make or find it; NULL: no memory. */
struct svc_accounts_family *svc_accounts_family_get(struct svc_accounts *s, uint64_t account);
/* Forget the family when nobody is in it. */
void svc_accounts_family_tidy(struct svc_accounts *s, struct svc_accounts_family *f);

/* parked.c: sessions without a process. */
struct ipc_accounts_account_park;
void svc_accounts_parked_init(struct svc_accounts *s);
enum err svc_accounts_from_gate(struct svc_common_link *from, str datagram, int *fd);
void svc_accounts_gate_drained(struct svc_common_link *l);
void svc_accounts_gate_down(struct svc_common_link *gone);
enum err svc_accounts_on_park(void *child, const struct ipc_accounts_account_park *m, int *fd);
void svc_accounts_parked_changed(struct svc_accounts *s, struct svc_accounts_family *f,
    uint64_t mailbox);
/* Auth knows it: of its kept sessions those let in since then go on. May free the family. */
void svc_accounts_parked_prove(struct svc_accounts *s, uint64_t account, int64_t since_ms);
/* The process is gone; its offer stands or falls with gate's answer. */
void svc_accounts_parked_child_gone(struct svc_accounts_child *c);
/* May free the family. */
void svc_accounts_parked_revoke(struct svc_accounts *s, struct svc_accounts_family *f);
/* profile.c: this process, and what a forked one may still do. */
enum err svc_accounts_profile(struct svc_common *sc, struct sys_sandbox_profile *p);
enum err svc_accounts_profile_children(struct svc_accounts *s);
extern const struct svc_common_service svc_accounts_service; /* service.c */
void svc_accounts_free(struct svc_accounts *s);              /* for tests: ends every process */

#endif
