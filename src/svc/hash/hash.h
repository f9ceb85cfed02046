/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one sum this process does: PBKDF2, by OpenSSL. Start reading with main.c, which takes
 * requests and gives answers; profile.c says what the process may do, which is nothing.
 */
#ifndef SVC_HASH_HASH_H
#define SVC_HASH_HASH_H

#include "base/err.h"
#include "base/str.h"

struct svc_common;
struct sys_sandbox_profile;

enum {
	SVC_HASH_SHA1 = 1, /* as in auth_hash.def */
	SVC_HASH_SHA256 = 2,
	SVC_HASH_KEY_MAX = 32,
	SVC_HASH_ITERATIONS_MAX = 10000000, /* some seconds; nobody stored more */
	SVC_HASH_SALT_MIN = 8,
};

struct svc_hash_sum {
	unsigned algorithm;
	str password, salt;
	uint32_t iterations;
};

/*
 * Derive a key.
 *
 * Out     key: 20 octets for SHA-1, 32 for SHA-256; *ret_n says so
 * Errors  ERR_SYNTAX: unknown algorithm, no password, salt or iterations out of range; ERR_BUG:
 *         OpenSSL failed
 * RFC     8018 5.2; 5802 2.2 Hi(); 7677
 */
enum err svc_hash_derive(const struct svc_hash_sum *sum, uint8_t key[SVC_HASH_KEY_MAX],
    size_t *ret_n);

/*
 * Known answers of both algorithms. Also makes OpenSSL load what it needs, which it could not do
 * later inside the sandbox. ERR_BUG.
 */
enum err svc_hash_self_test(void);

/* The sandbox: no files, no sockets, no processes. */
enum err svc_hash_profile(struct svc_common *sc, struct sys_sandbox_profile *p);

#endif
