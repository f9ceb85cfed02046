/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open journal, between journal.c and report.c.
 */
#ifndef REACH_JOURNAL_PRIV_H
#define REACH_JOURNAL_PRIV_H

#include "db/db.h"
#include "reach/report.h"

struct reach_journal {
	struct db *db;
	uint8_t key[16]; /* of the hashes of Message-IDs */
	int64_t day_ms;
	struct buf text;
	uint64_t templates_added;
};

/* The attempt's session in the tables of reports. */
enum err reach_report_add(struct reach_journal *j, const struct reach_attempt *a);

#endif
