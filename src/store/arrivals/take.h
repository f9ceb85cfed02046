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

/*
 * Write all letters into INBOX in one durable transaction of its own and empty the file. On a
 * failure they stay where they are.
 *
 * Errors  VERSION: a newer program added them; DB, IO, NOSPACE, NOMEM, BUSY
 */
enum err store_arrivals_take(struct store *s);

#endif
