/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local domains, their catch-alls, and aliases. An alias leads to accounts and to addresses
 * elsewhere, never to another alias, so there are no loops to look for in here.
 */
#ifndef DIRECTORY_DOMAIN_H
#define DIRECTORY_DOMAIN_H

#include "directory/account.h"

enum {
	DIRECTORY_DOMAINS_MAX = 100000,
	DIRECTORY_ALIAS_MAX = DIRECTORY_TARGETS_MAX,
};

/* In: canonical name (mail_domain_put). ERR_EXISTS; ERR_TOOMANY. */
enum err directory_domain_add(struct directory *d, str name, int64_t now_s);
/* ERR_NOTFOUND; ERR_DENIED: it has accounts or aliases. */
enum err directory_domain_remove(struct directory *d, str name);
/* Is it local? ERR_NOTFOUND. */
enum err directory_domain_find(struct directory *d, str name);

/* ERR_NOTFOUND: no such domain. */
enum err directory_domain_dmarc(struct directory *d, str name, enum directory_dmarc what);

struct directory_domain {
	str name;
	enum directory_dmarc dmarc;
	uint64_t accounts, aliases;
	str catchall; /* main address; empty: none */
};

/* In alphabetical order after `after`, at most DIRECTORY_PAGE_MAX; see directory_account_each. */
enum err directory_domain_each(struct directory *d, str after,
    enum err (*each)(void *ctx, const struct directory_domain *), void *ctx);
/* The numbers of one domain. ret's strings live in `a`. ERR_NOTFOUND. */
enum err directory_domain_get(struct directory *d, str name, struct arena *a,
    struct directory_domain *ret);

/* The account that gets mail to addresses nobody has; 0: none. ERR_NOTFOUND: no such domain. */
enum err directory_catchall(struct directory *d, str domain, uint64_t account);

/*
 * Let the alias lead to this account, or to this address elsewhere, too.
 *
 * In      alias: canonical address in a local domain; elsewhere: when it is not empty account is
 *         not read; canonical but for the case of its local part
 * Errors  ERR_NOTFOUND: not a local domain, or no such account; ERR_EXISTS: an account has that
 *         address, or the alias leads there already; ERR_TOOMANY: DIRECTORY_ALIAS_MAX
 *         ERR_DENIED: the address was an account's that is deleted (see directory_account_add);
 *         ERR_SYNTAX: `elsewhere` is in a local domain
 */
struct directory_alias_new {
	str alias;
	uint64_t account;
	str elsewhere;
	bool force;
	int64_t now_s;
};
enum err directory_alias_add(struct directory *d, const struct directory_alias_new *want);
/* account 0 and `elsewhere` empty: all of it. ERR_NOTFOUND. */
enum err directory_alias_remove(struct directory *d, str alias, uint64_t account, str elsewhere);

struct directory_alias {
	str alias;
	str target;       /* the account's main address */
	uint64_t account; /* 0: it is elsewhere */
};

struct directory_alias_from {
	str domain; /* empty: all */
	str alias;  /* the last row seen; empty at first */
	str target;
};

/* In the order of alias and target; see directory_account_each. */
enum err directory_alias_each(struct directory *d, const struct directory_alias_from *from,
    enum err (*each)(void *ctx, const struct directory_alias *), void *ctx);

/* Every address that leads to the account: its own, aliases. The same rules. */
enum err directory_address_each(struct directory *d, uint64_t account,
    enum err (*each)(void *ctx, str address), void *ctx);

#endif
