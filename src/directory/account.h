/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts: made, found, changed, deleted. An id is never used twice, a disabled account is never
 * enabled again, and a deleted account's address is not given to another one for a long time.
 */
#ifndef DIRECTORY_ACCOUNT_H
#define DIRECTORY_ACCOUNT_H

#include "base/arena.h"
#include "directory/directory.h"

enum directory_state {
	DIRECTORY_STATE_ACTIVE = 1,
	DIRECTORY_STATE_LOCKED,   /* may not log in; receives mail; can be unlocked */
	DIRECTORY_STATE_DISABLED, /* neither; for good */
};

enum {
	DIRECTORY_LANGUAGE_MAX = 16,
	DIRECTORY_POINTS_MAX = 1000000,     /* thousandths: a threshold that is never reached */
	DIRECTORY_TOMBSTONE_S = 30 * 86400, /* before this nobody may take over a deleted address */
	DIRECTORY_PAGE_MAX = 200,           /* rows of one list call */
};

struct directory_account {
	uint64_t id;
	str address; /* main address, canonical */
	enum directory_state state;
	uint64_t quota_octets, quota_messages; /* 0: no limit */
	bool cram_md5;                         /* opted in */
	str language; /* of notices and reports: "de"; empty: the default */
	int64_t created_s;
	int64_t junk_at, reject_at; /* thousandths of points; 0: as configured */
};

/*
 * Make an account with its main address; its credentials come separately, in the same batch.
 *
 * In      want: address canonical, quotas; id, state and created_s are not read
 *         force: take an address over that was deleted DIRECTORY_TOMBSTONE_S ago or earlier
 * Errors  ERR_NOTFOUND: the domain is not local; ERR_EXISTS: an address or alias; ERR_DENIED: it
 *         was somebody's until lately, or force is missing (see directory_tombstone)
 */
enum err directory_account_add(struct directory *d, const struct directory_account *want,
    bool force, int64_t now_s, uint64_t *ret_id);

/*
 * When the address was last somebody's that is deleted now.
 *
 * Errors  ERR_NOTFOUND: never
 */
enum err directory_tombstone(struct directory *d, str address, int64_t *ret_deleted_s);

/* By id. ret's strings live in `a`. ERR_NOTFOUND. */
enum err directory_account_get(struct directory *d, uint64_t id, struct arena *a,
    struct directory_account *ret);

/*
 * By one of its own addresses, as a person types it at log-in: any case, without "@" in the default
 * domain. Aliases and sub-addresses do not count.
 *
 * Out     ret: its strings live in `a`
 * Errors  ERR_NOTFOUND: also for text that is no address
 */
enum err directory_account_find(struct directory *d, str name, struct arena *a,
    struct directory_account *ret);

/*
 * Call `each` for accounts in the order of their addresses, at most DIRECTORY_PAGE_MAX.
 *
 * In      domain: empty for all; after: the last address seen, empty at first
 *         each: strings are borrowed for the call; an answer other than ERR_OK ends the list and is
 *         returned
 */
enum err directory_account_each(struct directory *d, str domain, str after,
    enum err (*each)(void *ctx, const struct directory_account *), void *ctx);

/* ERR_NOTFOUND; ERR_DENIED: it is disabled, and that is for good. The same state again is fine. */
enum err directory_account_state(struct directory *d, uint64_t id, enum directory_state state);
/* ERR_NOTFOUND. */
enum err directory_account_quota(struct directory *d, uint64_t id, uint64_t octets,
    uint64_t messages);
/* In  language: a tag, at most DIRECTORY_LANGUAGE_MAX octets; empty: the default. ERR_NOTFOUND. */
enum err directory_account_language(struct directory *d, uint64_t id, str language);
/*
 * From how many thousandths of points a letter is junk, or refused.
 *
 * In      at: at most DIRECTORY_POINTS_MAX either way; 0: as configured
 * Errors  ERR_NOTFOUND
 */
enum directory_threshold { DIRECTORY_JUNK_AT, DIRECTORY_REJECT_AT };
enum err directory_account_threshold(struct directory *d, uint64_t id,
    enum directory_threshold which, int64_t at);
/* Opt in or out; out removes what CRAM-MD5 needs from every credential. ERR_NOTFOUND. */
enum err directory_account_cram_md5(struct directory *d, uint64_t id, bool on);

/*
 * Delete the account: its addresses become tombstones; credentials, its part in aliases and
 * catch-alls go. The mailbox folder is not touched here.
 */
enum err directory_account_delete(struct directory *d, uint64_t id, int64_t now_s);

#endif
