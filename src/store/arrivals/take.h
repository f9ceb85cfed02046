/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking in what has arrived. Private to store; store_begin does it.
 */
#ifndef STORE_ARRIVALS_TAKE_H
#define STORE_ARRIVALS_TAKE_H

#include "base/err.h"

struct store;

/* Have the file open; it is made, durably, where it is missing and `create` is set. */
enum err store_arrivals_attach(struct store *s, bool create);

/* What has arrived in this account's folder is on disk. IO, NOSPACE. */
enum err store_arrivals_sync_in(int dir);

/* Is there something in the file? */
bool store_arrivals_waiting(const struct store *s);

/* Is there something that this store has not taken in? */
bool store_arrivals_news(const struct store *s);

/*
 * Write all letters into INBOX or the mailbox for junk, in a transaction of its own. On a failure
 * they stay where they are.
 *
 * In      empty: durably, and empty the file; else they stay in it, and are passed over later
 * Errors  VERSION: a newer program added them; DB, IO, NOSPACE, NOMEM, BUSY
 */
enum err store_arrivals_take(struct store *s, bool empty);

/* The mailbox with special use Junk, within a transaction. NOTFOUND, DB. */
enum err store_arrivals_junk_find(struct store *s, uint64_t *ret_id);
/* Have one, in a durable transaction of its own. OK also when none can be made: look again. */
enum err store_arrivals_junk_make(struct store *s);

#endif
