/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern account: make, show, change, delete. Bulk import is in bulk.c, app passwords in app.c.
 */
#include "ctl/auth.h"
#include "ctl/ctl.h"
#include "ctl/password.h"

enum { ACTIVE = 1, LOCKED = 2, DISABLED = 3 }; /* account_row.state of adm_auth.def */

/* Without an option: what is in *octets and *messages already. */
static enum ctl_exit
read_quota(struct ctl *c, uint64_t *octets, uint64_t *messages)
{
	enum ctl_exit x = CTL_OK;
	if (ctl_given(&c->args, CTL_OPT_QUOTA)) {
		x = ctl_limit_option(c, CTL_OPT_QUOTA, true, octets);
	}
	if (x == CTL_OK && ctl_given(&c->args, CTL_OPT_QUOTA_MESSAGES)) {
		x = ctl_limit_option(c, CTL_OPT_QUOTA_MESSAGES, false, messages);
	}
	return x;
}

enum ctl_exit
ctl_cmd_account_add(struct ctl *c)
{
	struct ipc_adm_auth_account_add m = { .request = 1,
		.address = ctl_arg(c, 0),
		.quota_octets = c->conf.quota_octets,
		.quota_messages = c->conf.quota_messages,
		.force = ctl_given(&c->args, CTL_OPT_FORCE) };
	enum ctl_exit x = read_quota(c, &m.quota_octets, &m.quota_messages);
	if (x == CTL_OK) {
		x = ctl_password(c, true, &m.password);
	}
	if (x != CTL_OK) {
		return x;
	}
	ipc_adm_auth_account_add_put(&c->msg, &m);
	return ctl_auth_do(c);
}

/* Thousandths as "4.5". */
static void
put_points(struct ctl_out *o, const char *key, int64_t at)
{
	char room[32];
	int n = snprintf(room, sizeof room, "%lld.%03lld", (long long)(at / 1000),
	    (long long)(at % 1000));
	ctl_out_str(o, key, at == 0 ? S("default") : str_make(room, (size_t)n));
}

static void
put_account(struct ctl_out *o, const struct ipc_adm_auth_account_row *r)
{
	static const str states[] = { S_INIT("unknown"), S_INIT("active"), S_INIT("locked"),
		S_INIT("disabled") };
	ctl_out_str(o, "address", r->address);
	ctl_out_u64(o, "id", r->id);
	ctl_out_str(o, "state", states[r->state < LEN(states) ? r->state : 0]);
	ctl_out_limit(o, "quota_octets", r->quota_octets, true);
	ctl_out_limit(o, "quota_messages", r->quota_messages, false);
	ctl_out_bool(o, "cram_md5", r->cram_md5);
	ctl_out_time(o, "created", r->created_s);
	ctl_out_str(o, "language", r->language);
	put_points(o, "junk_at", r->junk_at);
	put_points(o, "reject_at", r->reject_at);
}

static enum err
on_accounts(void *ctx, const struct ipc_adm_auth_accounts *m, int *fd)
{
	struct ctl_auth *a = ctx;
	for (size_t i = 0; i < m->rows_n; i++) {
		ctl_out_item(&a->c->out);
		put_account(&a->c->out, &m->rows[i]);
		ctl_out_item_end(&a->c->out);
	}
	return ctl_auth_answered(a, m->next);
}

static void
ask_account_list(struct ctl *c, str after)
{
	struct ipc_adm_auth_account_list m = {
		.request = 1, .domain = ctl_arg_or_empty(c, 0), .after = after
	};
	ipc_adm_auth_account_list_put(&c->msg, &m);
}

enum ctl_exit
ctl_cmd_account_list(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "address", "ADDRESS", 40, false },
		{ "id", "NUMBER", 7, true },
		{ "state", "STATE", 8, false },
		{ "quota_octets", "QUOTA", 6, true },
		{ "quota_messages", "MESSAGES", 8, true },
		{ "created", "CREATED", 0, false },
	};
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.accounts = on_accounts };
	static const struct ctl_auth_list list = { "accounts", columns, LEN(columns), &handlers,
		ask_account_list };
	return ctl_auth_list(c, &list);
}

/* --- one account --------------------------------------------------------------------------- */

static enum err
on_account(void *ctx, const struct ipc_adm_auth_account *m, int *fd)
{
	static const struct ctl_column columns[] = { { "address", "LEADS HERE", 0, false } };
	struct ctl_auth *a = ctx;
	struct ctl_out *o = &a->c->out;
	put_account(o, &m->account);
	ctl_out_u64(o, "app_passwords", m->apps);
	ctl_out_u64(o, "iterations", m->iterations);
	ctl_out_line(o, "%s", "");
	ctl_out_list(o, "addresses", columns, LEN(columns));
	for (size_t i = 0; i < m->addresses_n; i++) {
		ctl_out_item(o);
		ctl_out_str(o, "address", m->addresses[i].name);
		ctl_out_item_end(o);
	}
	ctl_out_list_end(o);
	return ctl_auth_answered(a, S(""));
}

static void
put_show(struct ctl *c)
{
	struct ipc_adm_auth_account_show m = { .request = 1, .address = ctl_arg(c, 0) };
	ipc_adm_auth_account_show_put(&c->msg, &m);
}

enum ctl_exit
ctl_cmd_account_show(struct ctl *c)
{
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.account = on_account };
	struct ctl_auth a = { .c = c };
	put_show(c);
	return ctl_auth_ask(&a, &handlers, CTL_WAIT_MS);
}

static enum err
on_quota(void *ctx, const struct ipc_adm_auth_account *m, int *fd)
{
	struct ctl_auth *a = ctx;
	struct ipc_adm_auth_account_quota *q = a->ctx;
	q->octets = m->account.quota_octets;
	q->messages = m->account.quota_messages;
	return ctl_auth_answered(a, S(""));
}

enum ctl_exit
ctl_cmd_account_quota(struct ctl *c)
{
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.account = on_quota };
	struct ipc_adm_auth_account_quota m = { .request = 1, .address = ctl_arg(c, 0) };
	struct ctl_auth a = { .c = c, .ctx = &m };
	put_show(c);
	enum ctl_exit x = ctl_auth_ask(&a, &handlers, CTL_WAIT_MS);
	if (x == CTL_OK) {
		x = read_quota(c, &m.octets, &m.messages);
	}
	if (x != CTL_OK) {
		return x;
	}
	if (ctl_given(&c->args, CTL_OPT_QUOTA) || ctl_given(&c->args, CTL_OPT_QUOTA_MESSAGES)) {
		ipc_adm_auth_account_quota_put(&c->msg, &m);
		x = ctl_auth_do(c);
	}
	ctl_out_limit(&c->out, "quota_octets", m.octets, true);
	ctl_out_limit(&c->out, "quota_messages", m.messages, false);
	return x;
}

enum ctl_exit
ctl_cmd_account_passwd(struct ctl *c)
{
	struct ipc_adm_auth_account_password m = { .request = 1, .address = ctl_arg(c, 0) };
	enum ctl_exit x = ctl_password(c, true, &m.password);
	if (x != CTL_OK) {
		return x;
	}
	ipc_adm_auth_account_password_put(&c->msg, &m);
	return ctl_auth_do(c);
}

enum ctl_exit
ctl_cmd_account_cram_md5(struct ctl *c)
{
	struct ipc_adm_auth_account_cram_md5 m = { .request = 1, .address = ctl_arg(c, 0) };
	m.on = str_eq(ctl_arg(c, 1), S("on"));
	if (!m.on && !str_eq(ctl_arg(c, 1), S("off"))) {
		return ctl_fail(c, CTL_USAGE, ERR_SYNTAX, "say on or off");
	}
	enum ctl_exit x = m.on ? ctl_password(c, false, &m.password) : CTL_OK;
	if (x != CTL_OK) {
		return x;
	}
	ipc_adm_auth_account_cram_md5_put(&c->msg, &m);
	return ctl_auth_do(c);
}

enum ctl_exit
ctl_cmd_account_set(struct ctl *c)
{
	const struct ipc_adm_auth_account_set m = { .request = 1,
		.address = ctl_arg(c, 0),
		.name = ctl_arg(c, 1),
		.value = str_eq(ctl_arg(c, 2), S("default")) ? S("") : ctl_arg(c, 2) };
	ipc_adm_auth_account_set_put(&c->msg, &m);
	return ctl_auth_do(c);
}

/* --- states -------------------------------------------------------------------------------- */

static enum ctl_exit
set_state(struct ctl *c, uint8_t state)
{
	struct ipc_adm_auth_account_state m = {
		.request = 1, .address = ctl_arg(c, 0), .state = state
	};
	ipc_adm_auth_account_state_put(&c->msg, &m);
	return ctl_auth_do(c);
}

enum ctl_exit
ctl_cmd_account_lock(struct ctl *c)
{
	return set_state(c, LOCKED);
}

enum ctl_exit
ctl_cmd_account_unlock(struct ctl *c)
{
	return set_state(c, ACTIVE);
}

static enum ctl_exit
want_for_good(struct ctl *c, const char *what)
{
	if (ctl_given(&c->args, CTL_OPT_FOR_GOOD)) {
		return CTL_OK;
	}
	return ctl_fail(c, CTL_USAGE, ERR_DENIED,
	    "%s cannot be taken back; say --for-good if that is meant, or lock the account instead",
	    what);
}

enum ctl_exit
ctl_cmd_account_disable(struct ctl *c)
{
	enum ctl_exit x = want_for_good(c, "disabling");
	return x == CTL_OK ? set_state(c, DISABLED) : x;
}

enum ctl_exit
ctl_cmd_account_delete(struct ctl *c)
{
	enum ctl_exit x = want_for_good(c, "deleting");
	if (x != CTL_OK) {
		return x;
	}
	struct ipc_adm_auth_account_delete m = { .request = 1, .address = ctl_arg(c, 0) };
	ipc_adm_auth_account_delete_put(&c->msg, &m);
	return ctl_auth_do(c);
}
