/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: THREAD the plain way, as RFC 5256 tells it: strings compared, lists looked through
 * from end to end, time quadratic and worse. What thread.h makes must be the same.
 */
#ifndef PROTO_IMAP_THREAD_THREAD_PLAIN_H
#define PROTO_IMAP_THREAD_THREAD_PLAIN_H

#include "proto/imap/thread/thread.h"

enum { IMAP_THREAD_PLAIN_MAX = 200 }; /* messages, and names they refer to */

struct imap_thread_letter {
	bool reply;
	int64_t sent_s;
	str subject, id;
	const str *refs;
	size_t refs_n;
};

/* The threads of messages 1 to n as text, in `a`, which must have room. */
str imap_thread_plain(struct arena *a, enum imap_thread_by by, const struct imap_thread_letter *m,
    size_t n);

#endif
