/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who lives here: domains, accounts, addresses, credentials, bans, in one database that auth alone
 * opens. Start here: opening, and the two questions SMTP asks. account.h, domain.h, alias.h and
 * credential.h hold what the administrator changes. Not for other processes: they ask auth.
 */
#ifndef DIRECTORY_DIRECTORY_H
#define DIRECTORY_DIRECTORY_H

#include "base/err.h"
#include "base/str.h"
#include "directory/verdict.h"

struct directory;

enum {
	DIRECTORY_TARGETS_MAX = 100, /* targets of one alias; lists of smtp_auth.def */
	DIRECTORY_CACHE_MAX = 50000, /* answers kept in memory */
	DIRECTORY_ADDRESS_MAX = 400, /* octets of an address; longer ones are nobody's */
	DIRECTORY_SECRET_OCTETS = 32,
};

struct directory_conf {
	str path;
	str delimiter;      /* between user and detail; empty: off. Copied */
	str default_domain; /* for a bare "postmaster" and log-in names without "@". Copied */
	size_t cache;       /* answers kept; 0: DIRECTORY_CACHE_MAX */
	uint8_t key[16];    /* random, for the cache's hash */
	bool readonly;      /* look only; tables of an older version are then ERR_DENIED */
};

/*
 * Open the database, make or upgrade its tables.
 *
 * Errors  ERR_VERSION: written by a newer program; ERR_CORRUPT, ERR_IO, ERR_NOSPACE, ERR_NOMEM,
 *         ERR_DB
 */
enum err directory_open(const struct directory_conf *conf, struct directory **ret);
/* Close and free; *d becomes NULL. */
void directory_close(struct directory **d);

/* Take new values of delimiter and default_domain. ERR_NOMEM: nothing changed. */
enum err directory_configure(struct directory *d, str delimiter, str default_domain);

/* What a failure of DMARC means for mail to a domain, whose sender asks for its refusal. */
enum directory_dmarc { DIRECTORY_DMARC_DEFAULT, DIRECTORY_DMARC_MARK, DIRECTORY_DMARC_REJECT };

/* One final account behind an address. */
struct directory_target {
	uint64_t account;
	bool full; /* over quota */
	bool disabled;
	bool locked;                /* receives, but may not log in */
	int64_t junk_at, reject_at; /* thousandths of points; 0: as configured */
};

struct directory_answer {
	enum directory_verdict verdict;
	str address; /* canonical, without detail */
	str detail;  /* lower-cased as the address is; may be empty */
	const struct directory_target *targets;
	size_t targets_n;           /* disabled accounts are left out unless all are */
	enum directory_dmarc dmarc; /* of the address's domain */
	bool lent;           /* postmaster's mail has to go somewhere: the targets do not own it */
	const str *forwards; /* where an alias leads to elsewhere: KNOWN even without targets */
	size_t forwards_n;
	size_t lost; /* such addresses whose domain is ours by now, and that are nobody's */
};

/*
 * Who is behind an address: exact address, alias, sub-address, postmaster, catch-all, in this
 * order. The address of a deleted account is nobody's: neither sub-address nor catch-all.
 *
 * In      address: as in RCPT TO, without angle brackets; borrowed for the call
 * Out     always valid; lives until the next call with this directory
 * Limits  DIRECTORY_TARGETS_MAX; answers are cached, DIRECTORY_TEMP is not
 * RFC     5321 4.5.1 (postmaster), 5233 1 (sub-address)
 */
const struct directory_answer *directory_resolve(struct directory *d, str address);

/*
 * May the account send as this address? Yes when mail to it reaches the account by its own address,
 * an alias or a catch-all, and the account is active.
 *
 * Errors  ERR_DENIED; ERR_UNAVAILABLE: the database failed
 */
enum err directory_owns(struct directory *d, uint64_t account, str address);

/*
 * The account that reads what a domain's postmaster should: behind postmaster's address, else the
 * oldest. 0: there is no account, or the database failed.
 */
uint64_t directory_postmaster(struct directory *d, str domain);

/* What an account holds now, for the verdict OVERQUOTA; kept in memory only. */
void directory_usage(struct directory *d, uint64_t account, uint64_t octets, uint64_t messages);

/*
 * Change many things durably at once: begin, any calls, commit or cancel. Calls made outside of a
 * batch are each durable by themselves. After cancel nothing of it happened.
 */
enum err directory_begin(struct directory *d);
enum err directory_commit(struct directory *d);
void directory_cancel(struct directory *d);

/* A secret of this server, made at first use and kept for ever. RFC 5802 has no word for it: see
 * auth. */
enum err directory_secret(struct directory *d, str name, uint8_t out[DIRECTORY_SECRET_OCTETS]);

/* Text of the database's last error, for the log. */
str directory_error(const struct directory *d);

#endif
