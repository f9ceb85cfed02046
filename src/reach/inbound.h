/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of letters and recipients from outside, for a while: who, to whom, when, and how it
 * ended with the reasons; no contents, no subjects, Message-IDs as keyed hashes. A file of its own,
 * since unlike the journal of attempts it names mailboxes. One process writes. The schema is in
 * inbound.c.
 */
#ifndef REACH_INBOUND_H
#define REACH_INBOUND_H

#include "base/err.h"
#include "base/str.h"

struct reach_inbound;

enum {
	REACH_INBOUND_TO_MAX = 100,      /* recipients of one letter that are kept */
	REACH_INBOUND_TO_OCTETS = 2000,  /* of those, in an answer */
	REACH_INBOUND_FORGET_STEP = 500, /* letters removed in one transaction */
};

/* One letter, or one recipient that was refused. Borrowed as in reach/journal.h. */
struct reach_arrival {
	uint64_t id, session, entry; /* entry: queue id; 0: refused or put off */
	int64_t at_s;
	str ip; /* 16 octets */
	str name, helo, tls_version;
	str sender, from; /* canonical addresses */
	str message_id;   /* in only */
	uint8_t end;      /* as in smtp_watch.inbound */
	uint16_t code;
	str enhanced, text;
	int64_t score; /* thousandths */
	str why;
	uint64_t size;
	const str *to; /* in only */
	size_t to_n;
	str recipients; /* out only: "a@b, c@d" */
};

/* Open, and make when it is not there. Errors of db_open and db_migrate. */
enum err reach_inbound_open(str path, struct reach_inbound **ret);
void reach_inbound_close(struct reach_inbound **in);
str reach_inbound_error(const struct reach_inbound *in);

/* As in reach/journal.h: several adds in a transaction that is not synced. */
enum err reach_inbound_begin(struct reach_inbound *in);
enum err reach_inbound_add(struct reach_inbound *in, const struct reach_arrival *a);
enum err reach_inbound_commit(struct reach_inbound *in);
void reach_inbound_rollback(struct reach_inbound *in);

/* Remove at most REACH_INBOUND_FORGET_STEP letters from before, or over `most`. */
enum err reach_inbound_forget(struct reach_inbound *in, int64_t before_s, uint64_t most,
    bool *ret_more);

enum reach_inbound_by {
	REACH_INBOUND_ADDRESS = 1, /* sender, From, or recipient */
	REACH_INBOUND_DOMAIN,      /* of the sender */
	REACH_INBOUND_ENTRY,
	REACH_INBOUND_MESSAGE,
	REACH_INBOUND_BY_COUNT
};

struct reach_inbound_question {
	enum reach_inbound_by by;
	str text;
	uint64_t entry;
	uint64_t before; /* older than this id; 0: from the newest */
	size_t max;
};

/* The newest first; the strs are good until `each` returns. */
typedef enum err reach_each_arrival(void *ctx, const struct reach_arrival *a);
enum err reach_inbound_find(struct reach_inbound *in, const struct reach_inbound_question *q,
    reach_each_arrival *each, void *ctx);

/* Nearly exact. */
enum err reach_inbound_count(struct reach_inbound *in, uint64_t *ret_n);

#endif
