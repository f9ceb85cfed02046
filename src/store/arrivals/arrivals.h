/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters that arrive while nobody has the account's index open: they are added to one file of the
 * account's folder, and whoever opens the index next takes them in (take.h). For processes that see
 * no mailbox: accounts opens the file, the queue adds to it, the syncer syncs it. Why this loses
 * nothing: doc/why/021-arrivals.md.
 */
#ifndef STORE_ARRIVALS_ARRIVALS_H
#define STORE_ARRIVALS_ARRIVALS_H

#include "base/err.h"
#include "base/str.h"

enum {
	STORE_ARRIVALS_OCTETS_MAX = 4 << 20,   /* of the file: taking in is one short transaction */
	STORE_ARRIVALS_LETTERS_MAX = 256,      /* half of what is set aside: store_deliver */
	STORE_ARRIVALS_MAILBOX = 1,            /* INBOX: where they go */
	STORE_ARRIVALS_LETTER_MAX = 256 << 10, /* one letter with its prefix */
};

/* All octets are borrowed for the call. */
struct store_arrival {
	uint64_t entry, oldest_live; /* as in struct store_delivery */
	uint16_t rcpt;
	bool junk; /* goes into the mailbox for junk, not into INBOX */
	int64_t internal_s, saved_s;
	str prefix, body; /* the message is one followed by the other */
};

/*
 * The file of an account, to be handed to whoever adds.
 *
 * In      account: the account's folder
 * Errors  NOTFOUND: no account that was opened before is there; CORRUPT: it is no file of ours; IO
 */
enum err store_arrivals_open(str account, int *ret_fd);

/*
 * Add one letter; durable after store_arrivals_sync. Never waits for those who take in.
 *
 * Errors  BUSY: somebody is at it, there is no room, or the head is not sound; TOOBIG (limits
 *         above); NOSPACE, IO, NOMEM. On any of them nothing was added: deliver it in the ordinary
 *         way
 */
enum err store_arrivals_add(int fd, const struct store_arrival *a);

/* What was added before the call is on disk, or in pack and index. NOTFOUND, IO, NOSPACE. */
enum err store_arrivals_sync(str account);

#endif
