/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three profiles. The zygote: the folder of all accounts, and forking. An account process: its own
 * folder only, no forking, no exec, no network. A syncer: opening and syncing, nothing else to say.
 */
#include "svc/accounts/accounts.h"

enum { OWN_SETS = SYS_SET_FILES | SYS_SET_SQLITE | SYS_SET_FORK };

enum err
svc_accounts_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets = OWN_SETS;
	sys_sandbox_add(p, svc_common_state_path(sc, S("accounts")), SYS_MAY_ALL);
	return ERR_OK;
}

/* The account's own folder is added when the process is forked. */
enum err
svc_accounts_profile_children(struct svc_accounts *s)
{
	static const struct sys_sandbox_profile account = { .name = "account",
		.sets = SYS_SET_FILES | SYS_SET_SQLITE };
	static const struct sys_sandbox_profile syncer = { .name = "syncer",
		.sets = SYS_SET_FILES };
	static const struct sys_sandbox_profile own = { .name = "accounts", .sets = OWN_SETS };
	TRY(sys_sandbox_prepare_inside(&own, &account, &s->account_sandbox));
	return sys_sandbox_prepare_inside(&own, &syncer, &s->sync_sandbox);
}
