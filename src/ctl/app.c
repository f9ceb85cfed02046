/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern account app-password: passwords for one program or device each.
 */
#include "ctl/auth.h"
#include "ctl/ctl.h"
#include "directory/verdict.h"
#include "sys/clock.h"

enum { DAY_S = 86400 };

static const struct {
	str name;
	uint32_t bit;
} scopes[] = {
	{ S_INIT("imap"), DIRECTORY_SCOPE_IMAP },
	{ S_INIT("pop3"), DIRECTORY_SCOPE_POP3 },
	{ S_INIT("sieve"), DIRECTORY_SCOPE_SIEVE },
	{ S_INIT("smtp"), DIRECTORY_SCOPE_SMTP },
};

static enum ctl_exit
read_scope(struct ctl *c, uint32_t *ret)
{
	str words = c->args.value[CTL_OPT_SCOPE], word;
	*ret = 0;
	while (words.p != NULL && str_next(&words, ',', &word)) {
		size_t i = 0;
		while (i < LEN(scopes) && !str_eq(word, scopes[i].name)) {
			i++;
		}
		if (i == LEN(scopes)) {
			return ctl_fail(c, CTL_USAGE, ERR_SYNTAX,
			    "--scope is a list of imap, pop3, sieve, smtp with commas; not '%.*s'",
			    STR_ARG(word));
		}
		*ret |= scopes[i].bit;
	}
	return CTL_OK;
}

static enum err
on_secret(void *ctx, const struct ipc_adm_auth_app_secret *m, int *fd)
{
	struct ctl_auth *a = ctx;
	ctl_out_str(&a->c->out, "password", m->password);
	return ctl_auth_answered(a, S(""));
}

enum ctl_exit
ctl_cmd_app_add(struct ctl *c)
{
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.app_secret = on_secret };
	struct ctl_auth a = { .c = c };
	struct ipc_adm_auth_app_add m = {
		.request = 1, .address = ctl_arg(c, 0), .name = ctl_arg(c, 1)
	};
	enum ctl_exit x = read_scope(c, &m.scope);
	if (x == CTL_OK && ctl_given(&c->args, CTL_OPT_EXPIRES)) {
		uint64_t seconds = 0;
		x = ctl_time_option(c, CTL_OPT_EXPIRES, &seconds);
		m.expires_s = sys_clock_wall_s() + (int64_t)MIN(seconds, (uint64_t)UINT32_MAX);
	}
	if (x != CTL_OK) {
		return x;
	}
	ipc_adm_auth_app_add_put(&c->msg, &m);
	x = ctl_auth_ask(&a, &handlers, CTL_WAIT_LONG_MS);
	buf_wipe(&c->in);
	if (x == CTL_OK && !c->out.json) {
		ctl_warn(c, "this is the only time that the password is shown");
	}
	return x;
}

static str
scope_text(uint32_t scope, char *room, size_t size)
{
	struct buf b;
	buf_init_fixed(&b, room, size);
	for (size_t i = 0; i < LEN(scopes); i++) {
		if ((scope & scopes[i].bit) != 0) {
			buf_cstr(&b, b.n > 0 ? "," : "");
			buf_str(&b, scopes[i].name);
		}
	}
	return buf_view(&b);
}

static enum err
on_apps(void *ctx, const struct ipc_adm_auth_apps *m, int *fd)
{
	struct ctl_auth *a = ctx;
	struct ctl_out *o = &a->c->out;
	char room[64];
	for (size_t i = 0; i < m->rows_n; i++) {
		const struct ipc_adm_auth_app_row *r = &m->rows[i];
		ctl_out_item(o);
		ctl_out_str(o, "name", r->name);
		ctl_out_str(o, "scope", scope_text(r->scope, room, sizeof room));
		ctl_out_time(o, "created", r->created_s);
		ctl_out_time(o, "expires", r->expires_s);
		ctl_out_time(o, "used", r->used_day * DAY_S);
		ctl_out_item_end(o);
	}
	return ctl_auth_answered(a, S(""));
}

static void
ask_app_list(struct ctl *c, str after)
{
	struct ipc_adm_auth_app_list m = { .request = 1, .address = ctl_arg(c, 0) };
	ipc_adm_auth_app_list_put(&c->msg, &m);
}

enum ctl_exit
ctl_cmd_app_list(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "name", "NAME", 24, false },
		{ "scope", "SCOPE", 20, false },
		{ "created", "CREATED", 20, false },
		{ "expires", "EXPIRES", 20, false },
		{ "used", "LAST USED", 0, false },
	};
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.apps = on_apps };
	static const struct ctl_auth_list list = { "app_passwords", columns, LEN(columns),
		&handlers, ask_app_list };
	return ctl_auth_list(c, &list);
}

enum ctl_exit
ctl_cmd_app_remove(struct ctl *c)
{
	struct ipc_adm_auth_app_remove m = {
		.request = 1, .address = ctl_arg(c, 0), .name = ctl_arg(c, 1)
	};
	ipc_adm_auth_app_remove_put(&c->msg, &m);
	return ctl_auth_do(c);
}
