/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern domain, catch-all, alias, srs: what leads to accounts, and elsewhere.
 */
#include "ctl/auth.h"
#include "ctl/ctl.h"

enum { TARGETS_MAX = 100 };

enum ctl_exit
ctl_cmd_domain_add(struct ctl *c)
{
	struct ipc_adm_auth_domain_add m = { .request = 1, .domain = ctl_arg(c, 0) };
	ipc_adm_auth_domain_add_put(&c->msg, &m);
	enum ctl_exit x = ctl_auth_do(c);
	if (x == CTL_OK) {
		ctl_out_line(&c->out, "its letters are not signed yet: `postern dkim create %.*s`",
		    STR_ARG(m.domain));
	}
	return x;
}

enum ctl_exit
ctl_cmd_domain_remove(struct ctl *c)
{
	struct ipc_adm_auth_domain_remove m = { .request = 1, .domain = ctl_arg(c, 0) };
	ipc_adm_auth_domain_remove_put(&c->msg, &m);
	return ctl_auth_do(c);
}

enum ctl_exit
ctl_cmd_domain_set(struct ctl *c)
{
	const struct ipc_adm_auth_domain_set m = { .request = 1,
		.domain = ctl_arg(c, 0),
		.name = ctl_arg(c, 1),
		.value = str_eq(ctl_arg(c, 2), S("default")) ? S("") : ctl_arg(c, 2) };
	ipc_adm_auth_domain_set_put(&c->msg, &m);
	return ctl_auth_do(c);
}

static enum err
on_domains(void *ctx, const struct ipc_adm_auth_domains *m, int *fd)
{
	static const char *const policies[] = { "default", "mark", "reject" };
	struct ctl_auth *a = ctx;
	struct ctl_out *o = &a->c->out;
	for (size_t i = 0; i < m->rows_n; i++) {
		ctl_out_item(o);
		ctl_out_str(o, "domain", m->rows[i].name);
		ctl_out_u64(o, "accounts", m->rows[i].accounts);
		ctl_out_str(o, "dmarc", str_from(policies[MIN(m->rows[i].dmarc, 2)]));
		ctl_out_str(o, "catch_all", m->rows[i].catchall);
		ctl_out_item_end(o);
	}
	return ctl_auth_answered(a, m->next);
}

static void
ask_domain_list(struct ctl *c, str after)
{
	struct ipc_adm_auth_domain_list m = { .request = 1, .after = after };
	ipc_adm_auth_domain_list_put(&c->msg, &m);
}

enum ctl_exit
ctl_cmd_domain_list(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "domain", "DOMAIN", 32, false },
		{ "accounts", "ACCOUNTS", 8, true },
		{ "dmarc", "DMARC", 8, false },
		{ "catch_all", "CATCH-ALL", 0, false },
	};
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.domains = on_domains };
	static const struct ctl_auth_list list = { "domains", columns, LEN(columns), &handlers,
		ask_domain_list };
	return ctl_auth_list(c, &list);
}

static enum ctl_exit
set_catch_all(struct ctl *c, str address)
{
	struct ipc_adm_auth_catchall_set m = {
		.request = 1, .domain = ctl_arg(c, 0), .address = address
	};
	ipc_adm_auth_catchall_set_put(&c->msg, &m);
	return ctl_auth_do(c);
}

enum ctl_exit
ctl_cmd_catch_all_set(struct ctl *c)
{
	return set_catch_all(c, ctl_arg(c, 1));
}

enum ctl_exit
ctl_cmd_catch_all_remove(struct ctl *c)
{
	return set_catch_all(c, S(""));
}

enum ctl_exit
ctl_cmd_alias_add(struct ctl *c)
{
	struct ipc_adm_auth_name targets[TARGETS_MAX];
	size_t n = c->args.pos_n - 1;
	if (n > TARGETS_MAX) {
		return ctl_fail(c, CTL_USAGE, ERR_TOOMANY, "an alias has at most %d targets",
		    TARGETS_MAX);
	}
	for (size_t i = 0; i < n; i++) {
		targets[i].name = ctl_arg(c, i + 1);
	}
	struct ipc_adm_auth_alias_add m = { .request = 1,
		.alias = ctl_arg(c, 0),
		.targets = targets,
		.targets_n = n,
		.force = ctl_given(&c->args, CTL_OPT_FORCE) };
	ipc_adm_auth_alias_add_put(&c->msg, &m);
	return ctl_auth_do(c);
}

enum ctl_exit
ctl_cmd_alias_remove(struct ctl *c)
{
	struct ipc_adm_auth_alias_remove m = {
		.request = 1, .alias = ctl_arg(c, 0), .target = ctl_arg_or_empty(c, 1)
	};
	ipc_adm_auth_alias_remove_put(&c->msg, &m);
	return ctl_auth_do(c);
}

static enum err
on_aliases(void *ctx, const struct ipc_adm_auth_aliases *m, int *fd)
{
	struct ctl_auth *a = ctx;
	struct ctl_out *o = &a->c->out;
	for (size_t i = 0; i < m->rows_n; i++) {
		ctl_out_item(o);
		ctl_out_str(o, "alias", m->rows[i].alias);
		ctl_out_str(o, "target", m->rows[i].target);
		ctl_out_item_end(o);
	}
	return ctl_auth_answered(a, m->next);
}

static void
ask_alias_list(struct ctl *c, str after)
{
	struct ipc_adm_auth_alias_list m = {
		.request = 1, .domain = ctl_arg_or_empty(c, 0), .after = after
	};
	ipc_adm_auth_alias_list_put(&c->msg, &m);
}

enum ctl_exit
ctl_cmd_alias_list(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "alias", "ALIAS", 40, false },
		{ "target", "TARGET", 0, false },
	};
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.aliases = on_aliases };
	static const struct ctl_auth_list list = { "aliases", columns, LEN(columns), &handlers,
		ask_alias_list };
	return ctl_auth_list(c, &list);
}

/* ---- keys of what aliases forward ---- */

static enum err
on_srs_keys(void *ctx, const struct ipc_adm_auth_srs_keys *m, int *fd)
{
	struct ctl_auth *a = ctx;
	struct ctl_out *o = &a->c->out;
	for (size_t i = 0; i < m->rows_n; i++) {
		ctl_out_item(o);
		ctl_out_time(o, "made", m->rows[i].made_s);
		ctl_out_time(o, "until", m->rows[i].until_s);
		ctl_out_item_end(o);
	}
	return ctl_auth_answered(a, S(""));
}

static void
ask_srs_list(struct ctl *c, str after)
{
	const struct ipc_adm_auth_srs_list m = { .request = 1 };
	ipc_adm_auth_srs_list_put(&c->msg, &m);
}

enum ctl_exit
ctl_cmd_srs_list(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "made", "MADE", 20, false },
		{ "until", "UNTIL", 20, false },
	};
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.srs_keys = on_srs_keys };
	static const struct ctl_auth_list list = { "keys", columns, LEN(columns), &handlers,
		ask_srs_list };
	return ctl_auth_list(c, &list);
}

enum ctl_exit
ctl_cmd_srs_rotate(struct ctl *c)
{
	const struct ipc_adm_auth_srs_rotate m = { .request = 1,
		.forget = ctl_given(&c->args, CTL_OPT_FOR_GOOD) };
	ipc_adm_auth_srs_rotate_put(&c->msg, &m);
	return ctl_auth_do(c);
}
