/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all generated edges share: limits, and the few field kinds that base/wire.h does not have.
 * A message is u16 type, then its fields in order, little-endian; str is u32 length and octets; err
 * and bool are one octet; a list is a u32 count and its records.
 */
#ifndef IPC_IPC_H
#define IPC_IPC_H

#include "base/arena.h"
#include "base/wire.h"

enum {
	IPC_MESSAGE_MAX = 131072,      /* octets of one message, type included */
	IPC_LIST_OCTETS = 1024 * 1024, /* memory for the lists of one decoded message */
};

/* Whether a descriptor comes with a message. */
enum ipc_fd { IPC_FD_NONE, IPC_FD_NEEDED, IPC_FD_OPTIONAL };

/* Longer than max is our own mistake: the buffer gets ERR_TOOBIG, and sending it fails. */
void ipc_put_str(struct buf *out, str s, size_t max);
/* The count of a list; more than max as above. */
void ipc_put_count(struct buf *out, size_t n, size_t max);
/* One octet, 0 or 1. */
void ipc_put_bool(struct buf *out, bool v);
/* One octet, the error's number. */
void ipc_put_err(struct buf *out, enum err e);

/* Anything but 0 and 1 is a failure of the cursor. */
bool ipc_get_bool(struct rd *r);
/* An unknown number is a failure of the cursor. */
enum err ipc_get_err(struct rd *r);

/*
 * An array for the list that comes next, of items that take at least item_min octets each.
 *
 * In      a: where it lives; size: octets of one item in memory
 * Out     *ret_n items; NULL for none or when the cursor or the budget has failed
 * Limits  max items, and no more than the rest of the message can hold
 */
void *ipc_get_list(struct rd *r, struct arena *a, const size_t limits[3], size_t *ret_n);

/* ERR_PROTOCOL when a descriptor is missing or was not expected. */
enum err ipc_check_fd(enum ipc_fd rule, const int *fd);

#endif
