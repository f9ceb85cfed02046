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
	struct ctl_auth a = { .c = c };
	struct ipc_adm_auth_census_account m = { .request = 1, .address = ctl_arg(c, 0) };
	ipc_adm_auth_census_account_put(&c->msg, &m);
	ctl_out_list(&c->out, "sessions", columns, LEN(columns));
	enum ctl_exit x = ctl_auth_ask(&a, &handlers, CTL_WAIT_MS);
	if (x == CTL_OK) {
		ctl_out_list_end(&c->out);
	}
	return x;
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
	struct ctl_auth a = { .c = c };
	struct ipc_adm_auth_census_tls m = { .request = 1 };
	ipc_adm_auth_census_tls_put(&c->msg, &m);
	ctl_out_list(&c->out, "tls", columns, LEN(columns));
	enum ctl_exit x = ctl_auth_ask(&a, &handlers, CTL_WAIT_MS);
	if (x == CTL_OK) {
		ctl_out_list_end(&c->out);
	}
	return x;
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

static enum ctl_exit
list_users(struct ctl *c, str tls)
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
	struct ctl_auth a = { .c = c };
	enum ctl_exit x;
	ctl_out_list(&c->out, "accounts", columns, LEN(columns));
	do {
		struct ipc_adm_auth_census_users m = {
			.request = 1, .tls = tls, .after = str_from(a.next)
		};
		ipc_adm_auth_census_users_put(&c->msg, &m);
		x = ctl_auth_ask(&a, &handlers, CTL_WAIT_MS);
	} while (x == CTL_OK && a.next[0] != '\0');
	if (x == CTL_OK) {
		ctl_out_list_end(&c->out);
	}
	return x;
}

enum ctl_exit
ctl_cmd_census_tls(struct ctl *c)
{
	str tls = ctl_arg_or_empty(c, 0);
	if (tls.n > 16) {
		return ctl_fail(c, CTL_USAGE, ERR_SYNTAX,
		    "a version is written like TLSv1.2; `postern census tls` shows those in use");
	}
	return tls.n > 0 ? list_users(c, tls) : list_kinds(c);
}
