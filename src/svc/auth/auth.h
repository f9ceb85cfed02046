/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the process, and what it tells others. Everything behind this header works without a
 * loop and without channels: main.c and peers.c bring messages in and carry these hooks out, tests
 * do the same by hand.
 */
#ifndef SVC_AUTH_AUTH_H
#define SVC_AUTH_AUTH_H

#include "base/arena.h"
#include "base/list.h"
#include "directory/directory.h"
#include "directory/ring.h"
#include "svc/auth/guard.h"
#include "svc/auth/hasher.h"

struct Gsasl;
struct svc_auth_census;
struct map;

enum {
	SVC_AUTH_TICKET_OCTETS = 16,
	SVC_AUTH_EXCHANGES_MAX = 20000,
	SVC_AUTH_EXCHANGE_MS = 120000,    /* a client that takes longer is told to start again */
	SVC_AUTH_EXCHANGE_OCTETS = 65536, /* memory of one */
	SVC_AUTH_GROUPS_MAX = 4,          /* different salts tried for one password */
	SVC_AUTH_USED_MAX = 256,          /* credentials whose day of use waits to be written */
};

struct svc_auth_settings {
	str hostname; /* in CRAM-MD5 challenges */
	uint32_t iterations;
	uint32_t password_min;
	bool cram_md5;                         /* offered */
	uint64_t quota_octets, quota_messages; /* of new accounts */
	int64_t census_s;                      /* how long the census is kept; 0: there is none */
	int64_t srs_s;                         /* a key of proto/srs is used so long; 0: any */
};

/* What accounts must know before login hands the session over. */
struct svc_auth_grant {
	str ticket;
	uint64_t account;
	str name;
	uint64_t quota_octets, quota_messages;
	uint32_t scope;
};

struct svc_auth_hooks {
	/* ERR_UNAVAILABLE: nobody can take the session. */
	enum err (*grant)(void *ctx, const struct svc_auth_grant *grant);
	/* End the account's sessions: accounts and smtp. */
	void (*revoke)(void *ctx, uint64_t account, bool deleted);
	/* Tell every gate; until_s in the past lifts. */
	void (*ban)(void *ctx, const struct svc_auth_ban *ban);
	void *ctx;
};

struct svc_auth_counts {
	uint64_t started, passed, failed, disabled, refused, bans, rcpts, senders;
};

/* forward.c; the first key is used, the others are believed until their time */
struct svc_auth_srs {
	uint8_t keys[DIRECTORY_RING_MAX][16];
	int64_t made_s[DIRECTORY_RING_MAX], until_s[DIRECTORY_RING_MAX];
	size_t n;
};

struct svc_auth {
	struct directory *directory;
	struct svc_auth_guard *guard;
	struct svc_auth_hasher *hasher;
	struct Gsasl *gsasl;
	struct svc_auth_settings settings; /* strings live as long as this */
	struct svc_auth_hooks hooks;
	uint8_t fake_secret[DIRECTORY_SECRET_OCTETS]; /* salts of users that do not exist */
	struct svc_auth_srs srs;                      /* keys of rewritten reverse-paths */
	int64_t bans_expired_s;                       /* old rows were deleted then */
	int64_t now_ms, now_s;                        /* set by whoever calls in, before it does */
	struct arena *arena;
	struct map *exchanges; /* client and request -> exchange */
	struct list by_age;    /* exchanges, oldest first */
	uint64_t used[SVC_AUTH_USED_MAX];
	size_t used_n;
	struct svc_auth_census *census;
	struct svc_auth_counts counts;
};

struct svc_auth_init {
	struct directory *directory; /* stays the caller's */
	struct svc_auth_settings settings;
	struct svc_auth_hooks hooks;
	struct arena *arena; /* lives longer than this */
	int64_t now_s;
};

/*
 * Errors  ERR_NOMEM, ERR_BUG (libgsasl), and those of the directory
 */
enum err svc_auth_start(struct svc_auth *a, const struct svc_auth_init *init);
/* Ends every exchange without an answer. */
void svc_auth_stop(struct svc_auth *a);

/* Every few seconds: end old exchanges, forget old failures, write days of use. */
void svc_auth_tick(struct svc_auth *a);

/*
 * Whoever is logged in to this account, or about to be, is out: called after every change that
 * takes a right away.
 */
void svc_auth_revoke(struct svc_auth *a, uint64_t account);
/* The same for an account that is no more: what it has taught is forgotten as well. */
void svc_auth_deleted(struct svc_auth *a, uint64_t account);

/* Note that a credential was used today. */
void svc_auth_used(struct svc_auth *a, uint64_t credential);

#endif
