/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The census: with what accounts log in, so that it is known who would be hurt before a protocol
 * is switched off. Log-ins that look alike are one row with a count. Of the address only a prefix
 * is kept, of the time only the hour; rows nobody has added to for the time of the setting go.
 */
#ifndef DIRECTORY_CENSUS_H
#define DIRECTORY_CENSUS_H

#include "directory/directory.h"

enum {
	DIRECTORY_CENSUS_ROWS_MAX = 64, /* of one account; the oldest go */
	DIRECTORY_CENSUS_KINDS_MAX = 100,
	DIRECTORY_CENSUS_PAGE = 200,
	DIRECTORY_CENSUS_CLIENT_MAX = 64, /* octets of a program's name */
};

/* One kind of log-in of one account. */
struct directory_census_row {
	uint64_t account;
	str protocol, tls, cipher, mechanism; /* "imaps", "TLSv1.3", ... */
	str client;                           /* the program's own name, or empty */
	uint8_t ip[16];                       /* prefix; bits behind it are zero */
	uint8_t bits;                         /* of 128 */
	int64_t first_s, last_s;              /* whole hours */
	uint64_t times;
};

/* Add `times` log-ins at last_s. Within a batch; more than ROWS_MAX rows: the oldest go. */
enum err directory_census_add(struct directory *d, const struct directory_census_row *row);
/* Forget what was last seen before `before_s`; nothing says "first seen" before it either. */
enum err directory_census_expire(struct directory *d, int64_t before_s);

/* The rows of an account, newest first, at most ROWS_MAX. */
enum err directory_census_each(struct directory *d, uint64_t account,
    enum err (*each)(void *ctx, const struct directory_census_row *), void *ctx);

/* How many accounts and log-ins have used a TLS version and cipher. */
struct directory_census_kind {
	str tls, cipher;
	uint64_t accounts, times;
	int64_t last_s;
};
enum err directory_census_kinds(struct directory *d,
    enum err (*each)(void *ctx, const struct directory_census_kind *), void *ctx);

/* An account that has used a TLS version, with one program and protocol. */
struct directory_census_user {
	str address, protocol, client;
	uint64_t times;
	int64_t last_s;
};
/* Whose: by version, in order of address; `skip` rows of earlier pages, at most PAGE. */
struct directory_census_whose {
	str tls;
	uint64_t skip;
};
enum err directory_census_users(struct directory *d, const struct directory_census_whose *whose,
    enum err (*each)(void *ctx, const struct directory_census_user *), void *ctx);

#endif
