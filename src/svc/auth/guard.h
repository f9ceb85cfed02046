/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of failed log-ins: who is banned, who must wait, who is never banned. Pure: time comes
 * in, decisions go out; bans.c carries them to the gates and the database. All protocols count
 * together.
 */
#ifndef SVC_AUTH_GUARD_H
#define SVC_AUTH_GUARD_H

#include "base/err.h"
#include "base/str.h"
#include "sys/sock.h"

struct svc_auth_guard;

enum {
	SVC_AUTH_GUARD_PREFIXES = 65536, /* networks with failures that are remembered */
	SVC_AUTH_GUARD_NAMES = 65536,    /* accounts, existing or not */
	SVC_AUTH_GUARD_KNOWN = 65536,    /* addresses that logged in lately */
	SVC_AUTH_GUARD_SECRETS = 65536,  /* wrong passwords, as keyed hashes */
	SVC_AUTH_GUARD_BANS = 50000,
	SVC_AUTH_GUARD_SLOTS = 8, /* attempts at one account at a time, from unknown addresses */
	SVC_AUTH_GUARD_SLOTS_EACH = 6,  /* of them, for one IPv4 /24 or IPv6 /48 */
	SVC_AUTH_GUARD_PENDING = 32,    /* attempts at a time from one unknown address */
	SVC_AUTH_GUARD_WINDOW_S = 3600, /* failures are counted so long after the first */
	SVC_AUTH_GUARD_KNOWN_S =
	    86400, /* so long an address counts as the owner's after a log-in */
	SVC_AUTH_GUARD_DELAY_MS = 1000, /* answer to the first failure; doubles with each */
	SVC_AUTH_GUARD_DELAY_MAX_MS = 16000,
	SVC_AUTH_GUARD_PENDING_MS = 30000, /* a slot without an answer is free again after this */
	SVC_AUTH_GUARD_REASON_MAX = 32,
};

/* "Until it is removed": the last second of year 9999. */
#define SVC_AUTH_FOREVER_S INT64_C(253402300799)

struct svc_auth_guard_conf {
	uint32_t ban_after;        /* failures of an IPv4 address or IPv6 /64 */
	uint32_t ban_after_prefix; /* of an IPv4 /24 or IPv6 /48 */
	int64_t ban_s, ban_max_s;  /* first ban, longest ban */
	const struct sys_prefix *trusted;
	size_t trusted_n;
};

struct svc_auth_ban {
	struct sys_prefix prefix;
	int64_t since_s, until_s;
	uint32_t times; /* in a row */
	char reason[SVC_AUTH_GUARD_REASON_MAX];
};

/* key: random octets for its tables and for the hashes of wrong passwords. NULL: no memory. */
struct svc_auth_guard *svc_auth_guard_new(const uint8_t key[32]) NODISCARD;
/* *g becomes NULL. */
void svc_auth_guard_free(struct svc_auth_guard **g);

/* Copies what it needs. ERR_NOMEM: nothing changed. */
enum err svc_auth_guard_configure(struct svc_auth_guard *g, const struct svc_auth_guard_conf *conf);

/* One attempt to log in. */
struct svc_auth_attempt {
	const uint8_t *ip;
	str name;        /* canonical name that was claimed; the same for every spelling */
	str secret;      /* the wrong password when it is known; p == NULL for SCRAM and CRAM-MD5 */
	int64_t now_ms;  /* monotonic */
	int64_t now_s;   /* wall clock, for bans */
	unsigned slot;   /* set by admit, read by the others */
	uint32_t ticket; /* the same */
	bool pending;    /* the same */
};

/*
 * May this attempt be looked at now?
 *
 * Out     attempt->slot
 * Errors  ERR_BUSY: too many attempts at this account wait already, of all or of this network;
 * never for an address the owner used
 */
enum err svc_auth_guard_admit(struct svc_auth_guard *g, struct svc_auth_attempt *attempt);

struct svc_auth_verdict {
	uint32_t delay_ms;           /* answer so much later */
	bool repeated;               /* this password was wrong before: not counted again */
	struct svc_auth_ban bans[2]; /* new bans: the address, its network */
	size_t bans_n;
};

/* It failed. Counts, and may ban. */
void svc_auth_guard_failed(struct svc_auth_guard *g, const struct svc_auth_attempt *attempt,
    struct svc_auth_verdict *ret);
/* It succeeded: the address is the owner's for a day, and free of failures. */
void svc_auth_guard_succeeded(struct svc_auth_guard *g, const struct svc_auth_attempt *attempt);
/* It ended without a decision (the client left, the service was not there). */
void svc_auth_guard_released(struct svc_auth_guard *g, const struct svc_auth_attempt *attempt);

/* Put a ban in force, as it was stored or as the administrator wishes. ERR_TOOMANY, ERR_NOMEM. */
enum err svc_auth_guard_ban(struct svc_auth_guard *g, const struct svc_auth_ban *ban);
/* Lift it and forget how often. ERR_NOTFOUND. */
enum err svc_auth_guard_unban(struct svc_auth_guard *g, const struct sys_prefix *prefix);
/* Call `each` for bans in force, in no order; an answer other than ERR_OK ends it and is returned.
 */
enum err svc_auth_guard_bans(struct svc_auth_guard *g, int64_t now_s,
    enum err (*each)(void *ctx, const struct svc_auth_ban *), void *ctx);
/* Forget what is over. Call it every minute or so. */
void svc_auth_guard_expire(struct svc_auth_guard *g, int64_t now_ms, int64_t now_s);

struct svc_auth_guard_counts {
	size_t prefixes, names, known, secrets, bans;
};
/* For the status report. */
void svc_auth_guard_count(const struct svc_auth_guard *g, struct svc_auth_guard_counts *ret);

#endif
