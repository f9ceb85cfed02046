/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of this folder only: an account in a fresh folder below the working folder,
 * messages that are made from a number, and looking at everything.
 */
#ifndef STORE_TRIAL_H
#define STORE_TRIAL_H

#include "base/buf.h"
#include "store/care.h"

extern int64_t store_trial_now; /* the clock of trial stores */

/*
 * Remove what an earlier run left; the folder's name is static text until the next call. In memory
 * where the system has such a folder (syncing it costs nothing), or on the disk of the build.
 */
struct store_conf store_trial_conf(const char *name);
struct store_conf store_trial_conf_disk(const char *name);
/* Open it; a failed check and NULL otherwise. */
struct store *store_trial_open(const struct store_conf *conf);
void store_trial_remove(const struct store_conf *conf);

/* The octets of message `number`: a header, and a body whose size and kind depend on the number.
 * */
void store_trial_text(uint64_t number, struct buf *out);
/* Append it to a mailbox; its uid. */
uint32_t store_trial_append(struct store *s, uint64_t mailbox, uint64_t number, uint32_t flags);
/* How many messages INBOX has. */
uint32_t store_trial_count(struct store *s);
/* Deliver it to INBOX as (entry, 0). */
enum err store_trial_deliver(struct store *s, uint64_t entry, bool replay, struct store_added *ret);

/* The next number below `below` of a sequence that depends on *state alone. */
uint64_t store_trial_random(uint64_t *state, uint64_t below);

/* The octets of a file of the account, to be changed and written back. */
void store_trial_load(const struct store_conf *conf, const char *file, struct buf *out);
void store_trial_save(const struct store_conf *conf, const char *file, str octets);
/* Run SQL on the index of an account that nobody has open. */
void store_trial_sql(const struct store_conf *conf, const char *sql);
uint64_t store_trial_size(const struct store_conf *conf, const char *file);

/*
 * Everything a client can see, as text: mailboxes, messages, flags, dates, ids and a checksum of
 * each message's octets. Two accounts with the same text look the same. `modseqs`: with them.
 */
void store_trial_dump(struct store *s, bool modseqs, struct buf *out);

#endif
