/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proves that somebody is the account's owner: one main password and app passwords, as
 * verifiers only. No password and nothing a password could be sent with is stored, except for
 * CRAM-MD5 where an account asked for it.
 */
#ifndef DIRECTORY_CREDENTIAL_H
#define DIRECTORY_CREDENTIAL_H

#include "base/arena.h"
#include "directory/directory.h"

enum {
	DIRECTORY_APPS_MAX = 15,                            /* app passwords of one account */
	DIRECTORY_CREDENTIALS_MAX = DIRECTORY_APPS_MAX + 1, /* tried at a log-in */
	DIRECTORY_APP_NAME_MAX = 100,
	DIRECTORY_SALT = 16,
};

struct directory_credential {
	uint64_t id, account;
	bool app;          /* an app password; else the main one */
	str name;          /* of an app password; unique in the account */
	uint32_t scope;    /* enum directory_scope bits */
	int64_t expires_s; /* 0: never */
	uint8_t salt[DIRECTORY_SALT];
	uint32_t iterations;
	uint8_t stored_sha256[32], server_sha256[32]; /* RFC 7677 */
	uint8_t stored_sha1[20], server_sha1[20];     /* RFC 5802 */
	bool has_cram_md5;
	uint8_t cram_md5[32]; /* both MD5 states; only where opted in */
	int64_t created_s;
	int64_t used_day; /* days since 1970; 0: never used */
};

/*
 * All of an account, the main password first, expired ones too.
 *
 * Out     ret[0 .. *ret_n); names live in `a`
 */
enum err directory_credentials(struct directory *d, uint64_t account, struct arena *a,
    struct directory_credential ret[DIRECTORY_CREDENTIALS_MAX], size_t *ret_n);

/* Set the main password: replaces the old one. id, name, scope and used_day are not read.
 * ERR_NOTFOUND: no such account. */
enum err directory_password_set(struct directory *d, const struct directory_credential *c);

/* ERR_EXISTS: the name; ERR_TOOMANY; ERR_NOTFOUND: no such account. */
enum err directory_app_add(struct directory *d, const struct directory_credential *c);
/* ERR_NOTFOUND. */
enum err directory_app_remove(struct directory *d, uint64_t account, str name);

/* Store what CRAM-MD5 needs beside the main password. ERR_NOTFOUND: it has none. */
enum err directory_cram_md5_set(struct directory *d, uint64_t account, const uint8_t context[32]);

/* Note the day a credential was used. Not durable by itself. */
enum err directory_credential_used(struct directory *d, uint64_t id, int64_t day);

#endif
