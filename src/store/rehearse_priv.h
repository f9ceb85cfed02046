/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of opening and of making an account that need no file, for rehearse.c. They are in
 * open.c.
 */
#ifndef STORE_REHEARSE_PRIV_H
#define STORE_REHEARSE_PRIV_H

#include "store/store_priv.h"

/* An open store's memory alone. NULL: none. */
struct store *store_new_empty(void);

/* What opening asks of the index. */
enum err store_open_rehearse(struct store *s);

/* The row of a new account, and then everything a new account has in its index. */
void store_account_begin(struct store_account *a);
enum err store_account_fill(struct store *s);

#endif
