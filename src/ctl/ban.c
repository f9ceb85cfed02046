/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern ban: who is refused at connect.
 */
#include "ctl/auth.h"
#include "ctl/ctl.h"

static enum err
on_bans(void *ctx, const struct ipc_adm_auth_bans *m, int *fd)
{
	struct ctl_auth *a = ctx;
	struct ctl_out *o = &a->c->out;
	for (size_t i = 0; i < m->rows_n; i++) {
		const struct ipc_adm_auth_ban_row *r = &m->rows[i];
		ctl_out_item(o);
		ctl_out_str(o, "prefix", r->prefix);
		ctl_out_time(o, "since", r->since_s);
		ctl_out_time(o, "until", r->until_s);
		ctl_out_u64(o, "times", r->times);
		ctl_out_str(o, "reason", r->reason);
		ctl_out_item_end(o);
	}
	return ctl_auth_answered(a, m->next);
}

static void
ask_ban_list(struct ctl *c, str after)
{
	struct ipc_adm_auth_ban_list m = { .request = 1, .after = after };
	ipc_adm_auth_ban_list_put(&c->msg, &m);
}

enum ctl_exit
ctl_cmd_ban_list(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "prefix", "PREFIX", 24, false },
		{ "since", "SINCE", 20, false },
		{ "until", "UNTIL", 20, false },
		{ "times", "TIMES", 5, true },
		{ "reason", "REASON", 0, false },
	};
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.bans = on_bans };
	static const struct ctl_auth_list list = { "bans", columns, LEN(columns), &handlers,
		ask_ban_list };
	return ctl_auth_list(c, &list);
}

enum ctl_exit
ctl_cmd_ban_add(struct ctl *c)
{
	uint64_t seconds = 0;
	enum ctl_exit x = ctl_given(&c->args, CTL_OPT_FOR)
	    ? ctl_time_option(c, CTL_OPT_FOR, &seconds)
	    : CTL_OK;
	if (x != CTL_OK) {
		return x;
	}
	struct ipc_adm_auth_ban_add m = { .request = 1,
		.prefix = ctl_arg(c, 0),
		.seconds = (int64_t)MIN(seconds, (uint64_t)UINT32_MAX) };
	ipc_adm_auth_ban_add_put(&c->msg, &m);
	return ctl_auth_do(c);
}

enum ctl_exit
ctl_cmd_ban_remove(struct ctl *c)
{
	struct ipc_adm_auth_ban_remove m = { .request = 1, .prefix = ctl_arg(c, 0) };
	ipc_adm_auth_ban_remove_put(&c->msg, &m);
	return ctl_auth_do(c);
}
