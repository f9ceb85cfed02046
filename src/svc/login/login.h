/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The login process: sessions inside TLS in which nobody has logged in yet. It owns the session's
 * stream until accounts has taken it; it sees passwords pass by, keeps none, and cannot check any.
 *
 *	gate --session--> session.c <-> proto/preauth; auth.c asks auth;
 *	                  accounts.c hands the stream on
 */
#ifndef SVC_LOGIN_LOGIN_H
#define SVC_LOGIN_LOGIN_H

#include "base/list.h"
#include "base/map.h"
#include "ipc/common.h"
#include "proto/preauth/preauth.h"
#include "proto/sasl/mechanism.h"
#include "svc/common/service.h"
#include "svc/login/limits.h"

enum { SVC_LOGIN_GATES_MAX = 64 };

enum svc_login_wait {
	SVC_LOGIN_CLIENT,   /* for the client's octets */
	SVC_LOGIN_AUTH,     /* for auth's answer */
	SVC_LOGIN_DELAY,    /* until a failure may be told */
	SVC_LOGIN_ACCOUNTS, /* for accounts to take the stream */
	SVC_LOGIN_END,      /* for the last words to be sent */
	SVC_LOGIN_DEAD,     /* closed; freed at the end of the turn */
	SVC_LOGIN_WAITS
};

struct svc_login_session {
	uint32_t magic;
	uint8_t wait;     /* enum svc_login_wait */
	struct list node; /* in login->sessions, then login->dead */
	struct svc_login *login;
	uint64_t request; /* key in login->requests; 0: none */
	struct arena *arena;
	struct ipc_common_session about; /* texts in arena */
	struct sys_watch watch;
	struct sys_timer idle, delay;
	int64_t begun_ms;
	struct preauth engine;
	struct buf in;   /* read, not yet taken by the engine */
	uint64_t octets; /* read from the stream in all */
	str mechanism;   /* of the exchange that runs; static text */
	uint8_t ticket[16];
	str tag;          /* of the command that logs in; the engine's */
	uint64_t account; /* after success */
	const char *why;
};

struct svc_login_facts {
	uint64_t sessions, logins, failures, unavailable, refused, timeouts;
};

/* What is offered: with and without channel binding. */
struct svc_login_offer {
	str names[SASL_MECHANISMS];
	size_t n;
};

struct svc_login {
	struct svc_common *sc;
	struct svc_common_link gates[SVC_LOGIN_GATES_MAX], auth, accounts;
	struct map *requests;
	uint64_t last_request;
	struct list sessions, dead;
	size_t sessions_n;
	struct sys_task reaper;
	struct sys_timer grace;
	bool quitting;
	struct arena *tick; /* decoding one message */
	struct buf message; /* encoding one; wiped */
	str hostname;
	struct svc_login_offer offers[2];
	struct preauth_conf preauth[PREAUTH_PROTOCOLS][2];
	struct svc_login_facts facts;
};

/* login.c */
enum err svc_login_init(struct svc_login *l, struct svc_common *sc);
void svc_login_done(struct svc_login *l);
/* What the configuration offers, from now on. */
void svc_login_settings(struct svc_login *l);
void svc_login_quit(struct svc_login *l, uint32_t grace_ms);
void svc_login_status(struct svc_login *l, struct buf *facts);

/* gates.c: sessions come in. */
enum err svc_login_from_gate(struct svc_common_link *from, str datagram, int *fd);

/* session.c */
/* fd is taken, whatever happens. */
void svc_login_session_new(struct svc_login *l, const struct ipc_common_session *about, int fd);
void svc_login_session_close(struct svc_login_session *s, const char *why);
void svc_login_session_end(struct svc_login_session *s, enum preauth_close why);
/* Something was answered: do what can be done now. */
void svc_login_session_step(struct svc_login_session *s);
enum preauth_protocol svc_login_preauth_protocol(unsigned protocol);

/* requests.c: who waits for which answer. */
enum err svc_login_request_new(struct svc_login_session *s);
void svc_login_request_end(struct svc_login_session *s);
struct svc_login_session *svc_login_request_find(struct svc_login *l, uint64_t request);

/* auth.c */
enum err svc_login_from_auth(struct svc_common_link *from, str datagram, int *fd);
void svc_login_auth_down(struct svc_common_link *gone);
enum err svc_login_auth_start(struct svc_login_session *s, const struct preauth_action *a);
enum err svc_login_auth_step(struct svc_login_session *s, const struct preauth_action *a);
void svc_login_auth_abort(struct svc_login_session *s);

/* accounts.c */
enum err svc_login_from_accounts(struct svc_common_link *from, str datagram, int *fd);
void svc_login_accounts_down(struct svc_common_link *gone);
enum err svc_login_attach(struct svc_login_session *s);

#endif
