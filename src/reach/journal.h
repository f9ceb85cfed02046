/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of attempts to deliver: the attempts themselves for a while, sums per day and
 * operator for good, replies no rule knew as templates, and what TLS reports need (RFC 8460).
 * Nothing in it names a mailbox: local parts are masked before they come here and once more here,
 * Message-IDs are kept as keyed hashes. One process writes. The schema is in journal.c.
 */
#ifndef REACH_JOURNAL_H
#define REACH_JOURNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "reach/attempt.h"
#include "reach/class.h"

struct reach_journal;

enum {
	REACH_TEMPLATES_MAX = 5000, /* unknown replies; those not seen for longest go first */
	REACH_TEMPLATE_OCTETS = 300,
	REACH_FAILURES_MAX = 1000, /* rows of one TLS policy and day; more are only counted */
	REACH_FORGET_STEP = 2000,  /* attempts removed in one transaction */
};

/* One attempt. The strs are borrowed on the way in, and until the next row on the way out. */
struct reach_attempt {
	uint64_t id, entry;
	int64_t began_ms;
	uint32_t took_ms;
	str domain, message_id, operator, mx; /* message_id: in only */
	uint16_t preference;
	str peer_ip, source_ip; /* 16 octets or empty */
	uint32_t tries;
	uint16_t rcpts;
	uint8_t verdict, phase, dane, sts;
	str class, rule;
	bool unknown; /* no rule knew the reply; in only */
	bool session; /* a connection of its own, so it counts in TLS reports; in only */
	uint64_t sent, received;
	str tls_version, tls_cipher, issuer, key;
	int64_t expires_s;
	str policy_type, policy, tls_failure; /* "tlsa", "sts", "no-policy-found"; in only */
	uint16_t code;
	str enhanced, reply;
	uint32_t system_error;
	uint8_t icmp_type, icmp_code;
	uint32_t rtt_us, retransmits, unacked;
	str phases; /* "connect 0+3 banner 3+12": begun after and taken, in ms */
};

/*
 * Open, and make when it is not there.
 *
 * In      day_ms: how long a day of TLS reports is (86400000 but in tests)
 * Errors  those of db_open and db_migrate
 */
enum err reach_journal_open(str path, int64_t day_ms, struct reach_journal **ret);
void reach_journal_close(struct reach_journal **j);
/* Text of the last error of the database, for the log. */
str reach_journal_error(const struct reach_journal *j);

/*
 * Several adds in one transaction, not synced: losing the last second of them in a power cut is
 * fine. NOSPACE, IO, BUSY, CORRUPT; a failed commit has lost what was added.
 */
enum err reach_journal_begin(struct reach_journal *j);
enum err reach_journal_add(struct reach_journal *j, const struct reach_attempt *a);
enum err reach_journal_commit(struct reach_journal *j);
void reach_journal_rollback(struct reach_journal *j);

/* Remove at most REACH_FORGET_STEP attempts from before, or over `most`; *ret_more: call again. */
enum err reach_journal_forget(struct reach_journal *j, int64_t before_ms, uint64_t most,
    bool *ret_more);

/* ---- questions ------------------------------------------------------------------------------ */

enum reach_find {
	REACH_BY_DOMAIN = 1,
	REACH_BY_MX_OPERATOR,
	REACH_BY_ENTRY,
	REACH_BY_MESSAGE,
	REACH_ALL
};

struct reach_question {
	enum reach_find by;
	str text; /* domain, operator, Message-ID */
	uint64_t entry;
	uint64_t before; /* older than this id; 0: from the newest */
	size_t max;
};

/* Each gets one row; the strs are good until it returns. An error of it ends the walk. */
typedef enum err reach_each_attempt(void *ctx, const struct reach_attempt *a);
enum err reach_journal_find(struct reach_journal *j, const struct reach_question *q,
    reach_each_attempt *each, void *ctx);

struct reach_template {
	str operator, text;
	uint16_t code;
	uint8_t phase;
	uint64_t count;
	int64_t first_s, last_s;
};
typedef enum err reach_each_template(void *ctx, const struct reach_template *t);
/* Unknown replies, those seen most first. */
enum err reach_journal_unknown(struct reach_journal *j, size_t max, reach_each_template *each,
    void *ctx);

struct reach_total {
	int64_t day_s;
	str operator, class;
	uint64_t attempts, rcpts;
};
typedef enum err reach_each_total(void *ctx, const struct reach_total *t);
/* Sums of one operator, or of all (empty), from that day on; the newest day first. */
struct reach_sum {
	str operator;
	int64_t since_s;
	size_t max;
};
enum err reach_journal_sum(struct reach_journal *j, const struct reach_sum *q,
    reach_each_total *each, void *ctx);

/* How many attempts are there, and since when (0: none). */
enum err reach_journal_count(struct reach_journal *j, uint64_t *ret_n, int64_t *ret_since_ms);

/* ---- what is masked ------------------------------------------------------------------------- */

/* Append a reply with every local part replaced by "*". */
void reach_mask_locals(struct buf *out, str reply);
/*
 * Append what stays the same when a reply comes again: addresses, numbers, ids, mail addresses and
 * what follows "?" in a link are replaced by <ip>, <n>, <id>, <mail>, <q>.
 */
void reach_mask_template(struct buf *out, str reply);

#endif
