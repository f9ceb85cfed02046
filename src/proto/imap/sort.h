/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SORT: the parsed criteria, and ordering messages by keys that the caller has made. Strings are
 * compared as octets: they come prepared for i;unicode-casemap (mail/charset.h).
 */
#ifndef PROTO_IMAP_SORT_H
#define PROTO_IMAP_SORT_H

#include "base/arena.h"
#include "proto/imap/limits.h"
#include "proto/imap/search.h"

enum imap_sort_by {
	IMAP_SORT_ARRIVAL,
	IMAP_SORT_CC,
	IMAP_SORT_DATE,
	IMAP_SORT_FROM,
	IMAP_SORT_SIZE,
	IMAP_SORT_SUBJECT,
	IMAP_SORT_TO,
	IMAP_SORT_DISPLAYFROM, /* RFC 5957 */
	IMAP_SORT_DISPLAYTO,
	IMAP_SORT_RELEVANCY /* RFC 6203 6 */
};

struct imap_sort_key {
	enum imap_sort_by by;
	bool reverse;
};

struct imap_sort_args {
	struct imap_search_args search;
	struct imap_sort_key keys[IMAP_SORT_KEYS_MAX];
	size_t n;
};

/*
 * What one message has for one criterion: for ARRIVAL, DATE, SIZE and RELEVANCY a number, else a
 * string that lives as long as the list.
 */
struct imap_sort_value {
	union {
		uint64_t number;
		const char *p;
	};
	uint32_t n; /* of a string */
};

/* Numbers in the order of their meaning: a date before 1970 is below one after. */
static inline uint64_t
imap_sort_date(int64_t unix_s)
{
	return (uint64_t)unix_s ^ UINT64_C(1) << 63;
}

/* The highest score first. */
static inline uint64_t
imap_sort_score(unsigned score)
{
	return IMAP_SEARCH_SCORE_MAX - MIN(score, (unsigned)IMAP_SEARCH_SCORE_MAX);
}

/* A prepared string as a value. Longer ones than 32 bits count are cut. */
struct imap_sort_value imap_sort_text(str prepared);

/* Messages to be ordered: number i has the values v[i * keys] to v[i * keys + keys - 1]. */
struct imap_sort_list {
	const struct imap_sort_key *key;
	size_t keys;
	const struct imap_sort_value *v;
	uint32_t *at; /* numbers of messages, ascending in mailbox order; sorted in place */
	size_t n;
};

/*
 * Order list->at by the criteria, the first one first; what is equal in all of them keeps mailbox
 * order. Time in proportion to n and the octets of equal strings.
 *
 * In      a: room for 40 n octets
 * Errors  ERR_BUDGET
 * RFC     5256 3 (BASE.6.4.SORT)
 */
enum err imap_sort(struct imap_sort_list *list, struct arena *a);

#endif
