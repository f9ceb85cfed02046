/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern account sessions and postern census: with what people log in.
 */
#include "ctl/auth.h"
#include "ctl/ctl.h"

static enum err
on_rows(void *ctx, const struct ipc_adm_auth_census_rows *m, int *fd)
{
	struct ctl_auth *a = ctx;
	struct ctl_out *o = &a->c->out;
	for (size_t i = 0; i < m->rows_n; i++) {
		const struct ipc_adm_auth_census_row *r = &m->rows[i];
		ctl_out_item(o);
		ctl_out_str(o, "protocol", r->protocol);
		ctl_out_str(o, "tls", r->tls);
		ctl_out_str(o, "cipher", r->cipher);
		ctl_out_str(o, "mechanism", r->mechanism);
		ctl_out_str(o, "network", r->prefix);
		ctl_out_time(o, "first", r->first_s);
		ctl_out_time(o, "last", r->last_s);
		ctl_out_u64(o, "times", r->times);
		ctl_out_str(o, "program", r->client);
		ctl_out_item_end(o);
	}
	return ctl_auth_answered(a, S(""));
}

static void
ask_census_account(struct ctl *c, str after)
{
	struct ipc_adm_auth_census_account m = { .request = 1, .address = ctl_arg(c, 0) };
	ipc_adm_auth_census_account_put(&c->msg, &m);
}

enum ctl_exit
ctl_cmd_account_sessions(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "protocol", "PROTOCOL", 11, false },
		{ "tls", "TLS", 7, false },
		{ "cipher", "CIPHER", 28, false },
		{ "mechanism", "MECHANISM", 18, false },
		{ "network", "NETWORK", 18, false },
		{ "first", "FIRST", 20, false },
		{ "last", "LAST", 20, false },
		{ "times", "TIMES", 6, true },
		{ "program", "PROGRAM", 0, false },
	};
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.census_rows = on_rows };
	static const struct ctl_auth_list list = { "sessions", columns, LEN(columns), &handlers,
		ask_census_account };
	return ctl_auth_list(c, &list);
}

static enum err
on_kinds(void *ctx, const struct ipc_adm_auth_census_kinds *m, int *fd)
{
	struct ctl_auth *a = ctx;
	struct ctl_out *o = &a->c->out;
	for (size_t i = 0; i < m->rows_n; i++) {
		const struct ipc_adm_auth_census_kind *r = &m->rows[i];
		ctl_out_item(o);
		ctl_out_str(o, "tls", r->tls);
		ctl_out_str(o, "cipher", r->cipher);
		ctl_out_u64(o, "accounts", r->accounts);
		ctl_out_u64(o, "times", r->times);
		ctl_out_time(o, "last", r->last_s);
		ctl_out_item_end(o);
	}
	return ctl_auth_answered(a, S(""));
}

static void
ask_census_tls(struct ctl *c, str after)
{
	struct ipc_adm_auth_census_tls m = { .request = 1 };
	ipc_adm_auth_census_tls_put(&c->msg, &m);
}

static enum ctl_exit
list_kinds(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "tls", "TLS", 7, false },
		{ "cipher", "CIPHER", 30, false },
		{ "accounts", "ACCOUNTS", 8, true },
		{ "times", "TIMES", 8, true },
		{ "last", "LAST", 0, false },
	};
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.census_kinds = on_kinds };
	static const struct ctl_auth_list list = { "tls", columns, LEN(columns), &handlers,
		ask_census_tls };
	return ctl_auth_list(c, &list);
}

static enum err
on_list(void *ctx, const struct ipc_adm_auth_census_list *m, int *fd)
{
	struct ctl_auth *a = ctx;
	struct ctl_out *o = &a->c->out;
	for (size_t i = 0; i < m->rows_n; i++) {
		const struct ipc_adm_auth_census_user *r = &m->rows[i];
		ctl_out_item(o);
		ctl_out_str(o, "address", r->address);
		ctl_out_str(o, "protocol", r->protocol);
		ctl_out_u64(o, "times", r->times);
		ctl_out_time(o, "last", r->last_s);
		ctl_out_str(o, "program", r->client);
		ctl_out_item_end(o);
	}
	return ctl_auth_answered(a, m->next);
}

static void
ask_census_users(struct ctl *c, str after)
{
	struct ipc_adm_auth_census_users m = {
		.request = 1, .tls = ctl_arg_or_empty(c, 0), .after = after
	};
	ipc_adm_auth_census_users_put(&c->msg, &m);
}

static enum ctl_exit
list_users(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "address", "ADDRESS", 30, false },
		{ "protocol", "PROTOCOL", 11, false },
		{ "times", "TIMES", 6, true },
		{ "last", "LAST", 20, false },
		{ "program", "PROGRAM", 0, false },
	};
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.census_list = on_list };
	static const struct ctl_auth_list list = { "accounts", columns, LEN(columns), &handlers,
		ask_census_users };
	return ctl_auth_list(c, &list);
}

enum ctl_exit
ctl_cmd_census_tls(struct ctl *c)
{
	str tls = ctl_arg_or_empty(c, 0);
	if (tls.n > 16) {
		return ctl_fail(c, CTL_USAGE, ERR_SYNTAX,
		    "a version is written like TLSv1.2; `postern census tls` shows those in use");
	}
	return tls.n > 0 ? list_users(c) : list_kinds(c);
}
