/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which account folder is meant: by number, by the running server, or by the directory's file when
 * no server runs.
 */
#ifndef CTL_FIND_H
#define CTL_FIND_H

#include "ctl/table.h"

struct ctl_found {
	uint64_t account;
	uint64_t quota_octets, quota_messages; /* 0: none, or not known */
	bool known;                            /* the directory has it */
	str folder;                            /* state/accounts/NUMBER */
	str owner_of; /* the folder, or the one above when the account has no mail yet */
};

/* Find the account of ADDRESS or NUMBER. Failures are said. */
enum ctl_exit ctl_find(struct ctl *c, str name, struct ctl_found *ret);
/* The same for a number that is known. */
enum ctl_exit ctl_find_number(struct ctl *c, uint64_t account, struct ctl_found *ret);
/* All accounts that have a folder, ascending; in the arena. */
enum ctl_exit ctl_find_all(struct ctl *c, uint64_t **ret, size_t *ret_n);

#endif
