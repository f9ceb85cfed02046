/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded table of small rows by 64-bit key, for what strangers can fill: 32 octets a row and
 * nothing besides. Each key may lie in two places of eight rows; when both are full the row that
 * was touched longest ago makes room. Keys are keyed hashes (key.h), so nobody can aim at a place.
 */
#ifndef POLICY_TABLE_H
#define POLICY_TABLE_H

enum { POLICY_TABLE_VALUES = 5 };

struct policy_row {
	uint64_t key;    /* 0: no row */
	uint32_t last_s; /* when it was touched, seconds since 1970 */
	uint32_t v[POLICY_TABLE_VALUES];
};

struct policy_table;

/* It grows with its rows up to about `max` of them. NULL: no memory. */
struct policy_table *policy_table_new(size_t max) NODISCARD;
void policy_table_free(struct policy_table **t);

/* The row, or NULL. A row lives until the next put or del of the table. */
struct policy_row *policy_table_get(const struct policy_table *t, uint64_t key);

/*
 * The row, made zeroed when there is none, and touched.
 *
 * In      key: not 0
 * Out     ret_gone: the row that made room; its key is 0 when none had to
 */
struct policy_row *policy_table_put(struct policy_table *t, uint64_t key, uint32_t now_s,
    struct policy_row *ret_gone);

/* Take a row out. */
void policy_table_del(struct policy_table *t, struct policy_row *row);

/* The next row at or behind place *at, which moves on; NULL: at the end. Start with 0. */
struct policy_row *policy_table_next(struct policy_table *t, size_t *at);

/* Rows in it. */
size_t policy_table_count(const struct policy_table *t);
/* Memory it takes now. */
size_t policy_table_octets(const struct policy_table *t);

#endif
