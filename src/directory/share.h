/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which accounts share mailboxes with which. This is only a list of where to look: what may be
 * seen and done there stands in the owner's own access control lists and is decided in the owner's
 * folder. Both are known by id, so an address that is given to somebody else brings nothing along.
 */
#ifndef DIRECTORY_SHARE_H
#define DIRECTORY_SHARE_H

#include "directory/account.h"

enum {
	DIRECTORY_SHARES_MAX = 1000,                       /* accounts one account shares with */
	DIRECTORY_SHARES_GUEST = DIRECTORY_SHARES_MAX / 2, /* up to where its guests add others */
	DIRECTORY_SHARERS_MAX = 100,                       /* shown to one guest */
};

struct directory_share {
	uint64_t owner;
	uint64_t by; /* a guest who acts for the owner; 0: the owner */
	str name;    /* of the new guest, as in directory_account_find */
	bool on;     /* begin; else only find out who it is */
};

/*
 * Begin sharing with an account, or ask who it is. Nobody can end it: without rights it means
 * nothing.
 *
 * Out     ret: the guest; its strings live in `a`
 * Errors  ERR_NOTFOUND: no such account; ERR_DENIED: it is the owner; ERR_TOOMANY; ERR_BADSTATE:
 *         the owner does not share with who acts for it
 */
enum err directory_share(struct directory *d, const struct directory_share *share, struct arena *a,
    struct directory_account *ret);

/* ERR_NOTFOUND unless `owner` shares with `guest`. */
enum err directory_share_check(struct directory *d, uint64_t owner, uint64_t guest);

/* Active accounts that share with `guest`, by address, at most DIRECTORY_SHARERS_MAX. */
enum err directory_sharers(struct directory *d, uint64_t guest,
    enum err (*each)(void *ctx, uint64_t account, str address), void *ctx);

#endif
