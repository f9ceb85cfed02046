/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a recipient at another server has come: tries, the next one, what servers said. Written
 * without a sync: lost, it costs a try too early and a report less well informed, never mail. The
 * octets on disk are pure; keeping them is spool.h's.
 */
#ifndef SPOOL_STATE_H
#define SPOOL_STATE_H

#include "base/arena.h"
#include "base/wire.h"

enum {
	SPOOL_CLASS_MAX = 4,
	SPOOL_ENHANCED_MAX = 12,
	SPOOL_REPLY_MAX = 512, /* of a reply; more is cut */
	SPOOL_HOST_MAX = 255,
	SPOOL_STATE_MAX = 1700, /* octets of one item */
};

/* What one attempt ended with. at_s == 0: there was none. */
struct spool_outcome {
	int64_t at_s;
	uint16_t code; /* of the reply that decided; 0: no reply */
	str class, enhanced, reply, host;
};

struct spool_state {
	uint32_t tries;
	int64_t next_s; /* not before */
	bool held;
	bool warned;                      /* its sender was told of the delay */
	struct spool_outcome first, best; /* the first, and the most informative */
};

/*
 *	item of a state payload
 *	OFFSET SIZE MEANING
 *	0      8    entry
 *	8      2    recipient index
 *	10     4    tries
 *	14     8    not before, Unix seconds
 *	22     1    1 held, 2 warned
 *	23     ...  twice: i64 time (0: none, then nothing follows), u16 code, and the strings
 *	            class, enhanced, reply, host, each with a u32 length
 */
void spool_state_put(struct buf *out, uint64_t entry, uint16_t rcpt, const struct spool_state *s);

/*
 * Read the next item.
 *
 * Out     strings borrowed from r's octets
 * Errors  ERR_EOF: no more; ERR_SYNTAX
 */
enum err spool_state_get(struct rd *r, uint64_t *ret_entry, uint16_t *ret_rcpt,
    struct spool_state *ret);

#endif
