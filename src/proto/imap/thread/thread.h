/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THREAD: messages are added one by one in mailbox order, then the trees of ORDEREDSUBJECT or
 * REFERENCES are built and written piece by piece. Of strings only hashes are kept (doc/why/031).
 * Everything is iterative.
 */
#ifndef PROTO_IMAP_THREAD_THREAD_H
#define PROTO_IMAP_THREAD_THREAD_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/imap/search.h"

enum imap_thread_by { IMAP_THREAD_ORDEREDSUBJECT, IMAP_THREAD_REFERENCES };

struct imap_thread_args {
	struct imap_search_args search;
	enum imap_thread_by by;
};

/* One message that was found; what it points to is borrowed for the call. */
struct imap_thread_message {
	uint32_t number;      /* what is told: sequence number or uid */
	bool reply;           /* a reply or forward by its subject */
	int64_t sent_s;       /* sent date */
	str subject;          /* base subject, prepared for i;unicode-casemap; may be empty */
	uint64_t id;          /* imap_thread_hash of its message identifier; 0: none */
	const uint64_t *refs; /* the same, oldest first; the last IMAP_THREAD_REFS_MAX count */
	size_t refs_n;
};

struct imap_thread; /* what is being built */

/*
 * Begin.
 *
 * In      a: its budget bounds everything: about 60 octets a message and 40 an identifier that is
 *         only referred to; key: 16 random octets, others for each THREAD: nobody can
 *         make two strings meet in one hash
 * Errors  ERR_BUDGET
 */
enum err imap_thread_new(struct arena *a, enum imap_thread_by by, const uint8_t *key,
    struct imap_thread **ret);

/* The hash of an identifier as mail_msgid_next gives it, of its normal form. Never 0. */
uint64_t imap_thread_hash(const struct imap_thread *t, str id);

/*
 * Add the next message of the mailbox.
 *
 * Limits  IMAP_THREAD_STEPS_MAX steps of looking for loops in all: the trees of real mail need none
 * Errors  ERR_BUDGET; ERR_TOOBIG: the references are so tangled that it would take too long
 * RFC     5256 3 (BASE.6.4.THREAD), step 1
 */
enum err imap_thread_add(struct imap_thread *t, const struct imap_thread_message *m);

/*
 * All messages are there: build the trees.
 *
 * Errors  ERR_BUDGET
 * RFC     5256 3 (BASE.6.4.THREAD), steps 2 to 6
 */
enum err imap_thread_build(struct imap_thread *t);

/*
 * Write the threads, "(3 6 (4 23)(44 7 96))", until `out` has `most` octets or a little more; go on
 * with the next call. False: all were written.
 *
 * RFC     5256 4, 5 (thread-list)
 */
bool imap_thread_put(struct imap_thread *t, struct buf *out, size_t most);

/*
 * The normal form of an identifier as mail_msgid_next gives it: quotes and escapes removed where
 * they need not be. Appends to out.
 *
 * RFC     5256 3 (Message ID); 5322 3.6.4
 */
void imap_thread_id(struct buf *out, str id);

#endif
