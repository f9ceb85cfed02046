/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an account lives: state/accounts/<id>. An id is a number, so no name from outside is ever
 * part of a path.
 */
#include "svc/accounts/accounts.h"

str
svc_accounts_folder(const struct svc_accounts *s, uint64_t account, struct svc_accounts_path *room)
{
	int n = snprintf(room->text, sizeof room->text, "%.*s/%llu", STR_ARG(s->folder),
	    (unsigned long long)account);
	ASSERT(n > 0 && (size_t)n < sizeof room->text);
	return (str){ room->text, (size_t)n };
}
