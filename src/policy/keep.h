/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of senders: tables in memory that answer, and a database behind them that is
 * written once a second. The database mirrors the tables: a row that makes room, or is too old,
 * goes there too. Being killed costs what came since the last policy_keep_flush. Rows are keyed
 * hashes; only what an administrator must be able to read is kept as text.
 */
#ifndef POLICY_KEEP_H
#define POLICY_KEEP_H

#include "base/buf.h"
#include "policy/table.h"

struct db;

enum policy_kind {
#define KIND(name, word, what) POLICY_##name,
#include "policy/kinds.def"
#undef KIND
	POLICY_KINDS
};

/* Which of a row's numbers is what; see kinds.def. */
enum {
	POLICY_GREY_FIRST = 0,
	POLICY_GREY_TRIES,
	POLICY_GREY_LET_IN,
	POLICY_GOOD = 0,
	POLICY_BAD,
	POLICY_KNOWN_LETTERS = 0,
	POLICY_KNOWN_ACCOUNT,
	POLICY_HABIT_DAY = 0,
	POLICY_HABIT_TODAY,
	POLICY_HABIT_MEAN,
	POLICY_HABIT_CALM,
	POLICY_HELD_ACCOUNT = 0,
	POLICY_HELD_SINCE,
	POLICY_HELD_WHY,
	POLICY_HELD_HIGH,
};

enum {
	POLICY_DIRTY_MAX = 16384, /* rows of one transaction */
	POLICY_WHO_MAX = 512,     /* octets of the text of a row */
	POLICY_SWEEP = 20000,     /* places looked at by one policy_keep_tidy */
};

struct policy_keep;

struct policy_keep_conf {
	str path;
	struct {
		size_t max;      /* rows */
		uint32_t keep_s; /* after it was touched last */
	} kinds[POLICY_KINDS];
	uint32_t window_s; /* the same for rows of GREY that still wait */
};

/*
 * Open the database, or make it, and read it into memory.
 *
 * Out     ret; ret_anew: why the old database could not be read, or ERR_OK: it was set aside as
 *         PATH.damaged and everything begins anew
 * Errors  NOMEM, IO, NOSPACE, DENIED, BUSY
 */
enum err policy_keep_open(const struct policy_keep_conf *conf, uint32_t now_s,
    struct policy_keep **ret, enum err *ret_anew);
/* Flush and close. */
void policy_keep_close(struct policy_keep **k);

/* How long rows stay, from now on. Sizes stay as they were. */
void policy_keep_times(struct policy_keep *k, const struct policy_keep_conf *conf);

/* The secret of this installation, 16 octets: hashes of two servers are not alike. */
const uint8_t *policy_keep_secret(const struct policy_keep *k);
/* The database, for learned.c. */
struct db *policy_keep_db(struct policy_keep *k);

/*
 * The key of a row: of a kind, and one or two texts.
 *
 * Out     never 0
 */
uint64_t policy_keep_key(const struct policy_keep *k, enum policy_kind kind, str a, str b);

/* The row, or NULL; what is too old counts as none. It lives until the next put or drop. */
struct policy_row *policy_keep_get(const struct policy_keep *k, enum policy_kind kind, uint64_t key,
    uint32_t now_s);

/*
 * The row, made when there is none, touched, and written with the next flush.
 *
 * In      who: text for the administrator, kept when the row is new; empty: none
 */
struct policy_row *policy_keep_put(struct policy_keep *k, enum policy_kind kind, uint64_t key,
    uint32_t now_s, str who);

/* Forget a row, in memory now and in the database with the next flush. */
void policy_keep_drop(struct policy_keep *k, enum policy_kind kind, struct policy_row *row);

/* Write what has changed, in one transaction. Not OK: it is lost, and memory goes on without it. */
enum err policy_keep_flush(struct policy_keep *k);
/* Anything to write? */
bool policy_keep_dirty(const struct policy_keep *k);

/* Drop some of the rows that are too old; call it now and then. */
void policy_keep_tidy(struct policy_keep *k, uint32_t now_s);
/* Drop the rows of KNOWN of an account. */
void policy_keep_forget(struct policy_keep *k, uint64_t account);

/* One row as the administrator sees it; who is borrowed for the call. */
struct policy_seen {
	uint64_t key;
	uint32_t last_s;
	uint32_t v[4];
	str who;
};

/*
 * Rows of a kind in order of their keys.
 *
 * In      after: those behind this key; who: with this text; empty: any. fn: not ERR_OK ends it
 */
struct policy_keep_query {
	enum policy_kind kind;
	uint64_t after;
	str who;
	size_t max;
};
enum err policy_keep_list(struct policy_keep *k, const struct policy_keep_query *q,
    enum err (*fn)(void *ctx, const struct policy_seen *row), void *ctx);

/* Rows of a kind in memory; those that are too old count until they are found. */
size_t policy_keep_count(const struct policy_keep *k, enum policy_kind kind);
/* Memory of all tables. */
size_t policy_keep_octets(const struct policy_keep *k);
/* What the database said last, for the log. */
str policy_keep_error(const struct policy_keep *k);

#endif
