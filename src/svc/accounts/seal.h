/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a parked session leaves with gate. Gate can neither read meaning into it nor change it: the
 * seal is two SipHash-2-4 values under two keys that only accounts has, 128 bits together.
 */
#ifndef SVC_ACCOUNTS_SEAL_H
#define SVC_ACCOUNTS_SEAL_H

#include "base/buf.h"
#include "sys/sock.h"

enum {
	SVC_ACCOUNTS_SEAL_OCTETS = 16,
	SVC_ACCOUNTS_SEAL_VERSION = 2,
	SVC_ACCOUNTS_SEAL_KEY = 32,
	SVC_ACCOUNTS_STATE_MAX = 49152, /* accounts_account.park.state */
	SVC_ACCOUNTS_SEALED_MAX = 50176 /* gate_accounts.park.sealed */
};

/*
 *	OFFSET 0 SIZE 16  seal over everything behind it
 *	16  1  version 1 or 2
 *	17  8  session       25 8  account      33 8  number of this rest
 *	41  8  when auth let the session in, monotonic milliseconds
 *	49  1  protocol      50 8  quota, octets      58 8  quota, messages
 *	66  1  what is watched, as in accounts_account.park    67 8  mailbox
 *	75     name, then the state: each u32 length and octets
 *	since version 2, where it comes from:
 *	0   8  log-in, seconds since 1970    8 16  network    24 1  its bits
 *	25     version of TLS, then the program's name: each u32 length and octets
 */

/* Where a session comes from, as `postern session list` tells it. */
struct svc_accounts_origin {
	int64_t since_s; /* log-in, wall clock */
	struct sys_prefix prefix;
	uint8_t tls_n, client_n;
	char tls[16], client[64];
};

struct svc_accounts_sealed {
	uint64_t session, account, rest;
	int64_t granted_ms;
	uint8_t protocol;
	uint64_t quota_octets, quota_messages;
	uint8_t watch;
	uint64_t mailbox;
	str name, state;
	struct svc_accounts_origin origin; /* zero: sealed by version 1 */
};

/* Append. A name or state over its limit: out's error is set. */
void svc_accounts_seal(struct buf *out, const uint8_t key[SVC_ACCOUNTS_SEAL_KEY],
    const struct svc_accounts_sealed *what);

/*
 * Open.
 *
 * Out     ret: texts point into `sealed`
 * Errors  DENIED: not sealed by us; UNSUPPORTED: another version; SYNTAX
 */
enum err svc_accounts_unseal(str sealed, const uint8_t key[SVC_ACCOUNTS_SEAL_KEY],
    struct svc_accounts_sealed *ret);

#endif
