/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DKIM key as a file, state/keys/NNNNNNNNNN.key: lines of a name and a value, then the private
 * key as PEM, which other programs can read as well. A revoked one has no PEM.
 */
#ifndef SVC_KEYS_FILE_H
#define SVC_KEYS_FILE_H

#include "svc/keys/keys.h"

enum { SVC_KEYS_FILE_NAME_MAX = 32 };

/* Its name; ret points into `room`. */
str svc_keys_file_name(uint64_t serial, char room[SVC_KEYS_FILE_NAME_MAX]);
/* The serial number in a name; false: not one of ours. */
bool svc_keys_file_serial(str name, uint64_t *ret);

/*
 * The format:
 *	Postern DKIM key 1
 *	domain example.org
 *	selector p20261122a
 *	algorithm rsa-sha256          or ed25519-sha256
 *	state active                  next active retiring revoked
 *	created 1795305600            seconds since 1970; the same in changed, seen and ready
 *	changed 1795305600
 *	seen 0                        0: not yet
 *	ready 0                       0: when told
 *	-----BEGIN PRIVATE KEY-----   missing when revoked
 */

/* Append a key as text. Errors of `out`, NOMEM. */
enum err svc_keys_file_put(const struct svc_keys_key *key, struct buf *out);
/*
 * Read it back; serial and lists are the caller's. On ERR_OK ret->pkey is to be freed.
 *
 * Errors  SYNTAX: a line is missing, wrong or out of order, or the PEM is no such key; VERSION
 */
enum err svc_keys_file_get(str text, struct svc_keys_key *ret);

/* Write it so that it is there after a power cut, with the old or the new content. */
enum err svc_keys_file_write(int folder, const struct svc_keys_key *key);

#endif
