/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carrying bans from the guard to the database, the log and the gates, and back after a restart.
 */
#ifndef SVC_AUTH_BANS_H
#define SVC_AUTH_BANS_H

#include "svc/auth/auth.h"

/* The guard banned somebody: store, log, tell the gates. */
void svc_auth_ban_new(struct svc_auth *a, const struct svc_auth_ban *ban);

/*
 * The administrator bans a prefix.
 *
 * In      seconds: 0 until it is removed
 * Errors  ERR_TOOMANY, ERR_NOMEM, and those of the directory
 */
enum err svc_auth_ban_add(struct svc_auth *a, const struct sys_prefix *p, int64_t seconds);
/* The administrator lifts a ban. ERR_NOTFOUND, and those of the directory. */
enum err svc_auth_ban_remove(struct svc_auth *a, const struct sys_prefix *p);

/* Read all bans from the database into the guard. */
enum err svc_auth_bans_load(struct svc_auth *a);

#endif
