/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processes.def as data: what is started, how many of it, who talks to whom.
 */
#ifndef SVC_PARENT_TABLE_H
#define SVC_PARENT_TABLE_H

#include "base/str.h"

struct conf;

struct svc_parent_row {
	str set, program, folder;
	uint32_t user;
	int stop;
};

struct svc_parent_edge {
	str name, a, b;
};

struct svc_parent_folder {
	str path;
	uint32_t user;
	unsigned mode;
};

/* The rows, in the order in which they are started. */
size_t svc_parent_table_rows(const struct svc_parent_row **ret);
size_t svc_parent_table_edges(const struct svc_parent_edge **ret);
size_t svc_parent_table_admins(const str **ret);
size_t svc_parent_table_folders(const struct svc_parent_folder **ret);

/* How many processes row i of the table has under this configuration on `cores` processors. */
uint32_t svc_parent_table_count(size_t i, const struct conf *c, unsigned cores);

#endif
