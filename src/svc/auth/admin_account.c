/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts: what is answered at once. Passwords are admin_password.c's.
 */
#include "directory/account.h"

#include "directory/credential.h"
#include "svc/auth/admin_priv.h"

static struct ipc_adm_auth_account_row
row_of(const struct directory_account *a)
{
	return (struct ipc_adm_auth_account_row){
		.id = a->id,
		.address = a->address,
		.state = (uint8_t)a->state,
		.quota_octets = a->quota_octets,
		.quota_messages = a->quota_messages,
		.cram_md5 = a->cram_md5,
		.created_s = a->created_s,
		.language = a->language,
		.junk_at = a->junk_at,
		.reject_at = a->reject_at,
	};
}

struct rows {
	struct arena *a;
	struct ipc_adm_auth_account_row *v;
	size_t n;
};

static enum err
add_row(void *ctx, const struct directory_account *account)
{
	struct rows *rows = ctx;
	struct ipc_adm_auth_account_row *to = &rows->v[rows->n++];

	*to = row_of(account);
	to->address = arena_dup(rows->a, account->address);
	to->language = arena_dup(rows->a, account->language);
	return to->address.p == NULL || to->language.p == NULL ? ERR_BUDGET : ERR_OK;
}

SVC_AUTH_HANDLER(account_list)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "account-list");
	struct rows rows = { .a = call.admin->scratch };
	struct ipc_adm_auth_accounts reply = { .request = m->request };
	str domain = STR_NONE;
	enum err e;

	if (m->domain.n > 0 && !svc_auth_call_domain(&call, m->domain, &domain)) {
		return ERR_OK;
	}
	rows.v = arena_array(rows.a, DIRECTORY_PAGE_MAX, sizeof(rows.v[0]));
	if (rows.v == NULL) {
		return svc_auth_call_failed(&call, ERR_BUDGET);
	}
	e = directory_account_each(call.admin->auth->directory, domain, m->after, add_row, &rows);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	reply.rows = rows.v;
	reply.rows_n = rows.n;
	reply.next = rows.n == DIRECTORY_PAGE_MAX ? rows.v[rows.n - 1].address : STR_NONE;
	ipc_adm_auth_accounts_put(&call.admin->out, &reply);
	svc_auth_call_send(&call);
	return ERR_OK;
}

struct names {
	struct arena *a;
	struct ipc_adm_auth_name *v;
	size_t n;
};

static enum err
add_name(void *ctx, str address)
{
	struct names *names = ctx;

	names->v[names->n].name = arena_dup(names->a, address);
	return names->v[names->n++].name.p == NULL ? ERR_BUDGET : ERR_OK;
}

/* Addresses and credentials into the reply. */
static enum err
fill_in(struct svc_auth_call *call, uint64_t account, struct ipc_adm_auth_account *reply)
{
	struct directory *d = call->admin->auth->directory;
	struct names names = { .a = call->admin->scratch };
	struct directory_credential *creds;
	size_t n;

	names.v = arena_array(names.a, DIRECTORY_PAGE_MAX, sizeof(names.v[0]));
	creds = arena_array(names.a, DIRECTORY_CREDENTIALS_MAX, sizeof(creds[0]));
	if (names.v == NULL || creds == NULL) {
		return ERR_BUDGET;
	}
	TRY(directory_address_each(d, account, add_name, &names));
	TRY(directory_credentials(d, account, names.a, creds, &n));
	reply->addresses = names.v;
	reply->addresses_n = names.n;
	for (size_t i = 0; i < n; i++) {
		reply->apps += creds[i].app;
		reply->iterations = creds[i].app ? reply->iterations : creds[i].iterations;
	}
	return ERR_OK;
}

SVC_AUTH_HANDLER(account_show)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "account-show");
	struct ipc_adm_auth_account reply = { .request = m->request };
	struct directory_account account;
	enum err e;

	if (!svc_auth_call_account(&call, m->address, &account)) {
		return ERR_OK;
	}
	reply.account = row_of(&account);
	e = fill_in(&call, account.id, &reply);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	ipc_adm_auth_account_put(&call.admin->out, &reply);
	svc_auth_call_send(&call);
	return ERR_OK;
}

SVC_AUTH_HANDLER(account_state)
{
	static const char *const said[] = {
		[DIRECTORY_STATE_ACTIVE] = "may log in",
		[DIRECTORY_STATE_LOCKED] = "may not log in; it still receives mail",
		[DIRECTORY_STATE_DISABLED] = "may not log in and receives no mail, for good",
	};
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "account-state");
	struct svc_auth *a = call.admin->auth;
	struct directory_account account;
	enum err e;

	if (m->state < DIRECTORY_STATE_ACTIVE || m->state > DIRECTORY_STATE_DISABLED) {
		return svc_auth_call_done(&call, ERR_SYNTAX, "there is no account state %u",
		    m->state);
	}
	if (!svc_auth_call_account(&call, m->address, &account)) {
		return ERR_OK;
	}
	e = directory_account_state(a->directory, account.id, (enum directory_state)m->state);
	if (e == ERR_DENIED) {
		return svc_auth_call_done(&call, e,
		    "%.*s is disabled, and that is for good; make a new account instead",
		    STR_ARG(account.address));
	}
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	if (m->state != DIRECTORY_STATE_ACTIVE) {
		svc_auth_revoke(a, account.id);
	}
	return svc_auth_call_done(&call, ERR_OK, "%.*s %s", STR_ARG(account.address),
	    said[m->state]);
}

SVC_AUTH_HANDLER(account_delete)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "account-delete");
	struct svc_auth *a = call.admin->auth;
	struct directory_account account;
	enum err e;

	if (!svc_auth_call_account(&call, m->address, &account)) {
		return ERR_OK;
	}
	e = directory_account_delete(a->directory, account.id, a->now_s);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	svc_auth_deleted(a, account.id);
	return svc_auth_call_done(&call, ERR_OK,
	    "%.*s is deleted; its mail stays in the folder accounts/%llu of the state folder until"
	    " you remove it, its address is nobody's for %d days",
	    STR_ARG(account.address), (unsigned long long)account.id,
	    DIRECTORY_TOMBSTONE_S / 86400);
}

SVC_AUTH_HANDLER(account_quota)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "account-quota");
	struct directory_account account;
	enum err e;

	if (m->octets > INT64_MAX || m->messages > INT64_MAX) {
		return svc_auth_call_done(&call, ERR_TOOBIG, "a quota is at most %lld; 0 is none",
		    (long long)INT64_MAX);
	}
	if (!svc_auth_call_account(&call, m->address, &account)) {
		return ERR_OK;
	}
	e = directory_account_quota(call.admin->auth->directory, account.id, m->octets,
	    m->messages);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	return svc_auth_call_done(&call, ERR_OK,
	    "%.*s may hold %llu octets and %llu messages (0: no limit); sessions that are open keep"
	    " the old quota",
	    STR_ARG(account.address), (unsigned long long)m->octets,
	    (unsigned long long)m->messages);
}

/* A language tag as far as we care: letters, digits and hyphens (RFC 5646 2.1). */
static bool
is_tag(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-') {
			return false;
		}
	}
	return s.n <= DIRECTORY_LANGUAGE_MAX;
}

/* "4.5" or "4" in thousandths; empty: 0. */
static bool
read_points(str s, int64_t *ret)
{
	str whole, part;
	uint32_t n = 0, scale = 100;

	if (!str_cut(s, '.', &whole, &part)) {
		whole = s;
		part = S("");
	}
	if (s.n > 0 && (!str_u32(whole, &n) || n > DIRECTORY_POINTS_MAX / 1000 || part.n > 3)) {
		return false;
	}
	*ret = (int64_t)n * 1000;
	for (size_t i = 0; i < part.n; i++, scale /= 10) {
		if (!ascii_is_digit(part.p[i])) {
			return false;
		}
		*ret += (part.p[i] - '0') * (int64_t)scale;
	}
	return *ret <= DIRECTORY_POINTS_MAX && (s.n == 0 || *ret > 0);
}

static enum err
set_language(struct svc_auth_call *call, const struct directory_account *account, str value)
{
	if (!is_tag(value)) {
		return svc_auth_call_done(call, ERR_SYNTAX,
		    "a language is a tag like de, fr or en");
	}
	enum err e = directory_account_language(call->admin->auth->directory, account->id, value);
	if (e != ERR_OK) {
		return svc_auth_call_failed(call, e);
	}
	return svc_auth_call_done(call, ERR_OK, "%.*s is told things in: %.*s",
	    STR_ARG(account->address), STR_ARG(value.n > 0 ? value : S("the default language")));
}

static enum err
set_threshold(struct svc_auth_call *call, const struct directory_account *account,
    enum directory_threshold which, str value)
{
	int64_t at = 0;

	if (!read_points(value, &at)) {
		return svc_auth_call_done(call, ERR_SYNTAX,
		    "a threshold is a number of points like 4.5, from 0.001 to 1000, or default");
	}
	enum err e = directory_account_threshold(call->admin->auth->directory, account->id, which,
	    at);
	if (e != ERR_OK) {
		return svc_auth_call_failed(call, e);
	}
	return svc_auth_call_done(call, ERR_OK, "letters to %.*s are %s from %.*s on",
	    STR_ARG(account->address), which == DIRECTORY_JUNK_AT ? "junk" : "refused",
	    STR_ARG(value.n > 0 ? value : S("the configured points")));
}

SVC_AUTH_HANDLER(account_set)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "account-set");
	struct directory_account account;
	bool language = str_eq(m->name, S("language")), junk = str_eq(m->name, S("junk-at"));

	if (!language && !junk && !str_eq(m->name, S("reject-at"))) {
		return svc_auth_call_done(&call, ERR_SYNTAX,
		    "an account has no setting of that name");
	}
	if (!svc_auth_call_account(&call, m->address, &account)) {
		return ERR_OK;
	}
	return language ? set_language(&call, &account, m->value)
			: set_threshold(&call, &account,
			      junk ? DIRECTORY_JUNK_AT : DIRECTORY_REJECT_AT, m->value);
}

SVC_AUTH_HANDLER(app_remove)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "app-remove");
	struct svc_auth *a = call.admin->auth;
	struct directory_account account;
	enum err e;

	if (!svc_auth_call_account(&call, m->address, &account)) {
		return ERR_OK;
	}
	e = directory_app_remove(a->directory, account.id, m->name);
	if (e == ERR_NOTFOUND) {
		return svc_auth_call_done(&call, e, "%.*s has no app password named \"%.*s\"",
		    STR_ARG(account.address), STR_ARG(m->name));
	}
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	svc_auth_revoke(a, account.id);
	return svc_auth_call_done(&call, ERR_OK, "removed; the account's sessions were ended");
}

SVC_AUTH_HANDLER(app_list)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "app-list");
	struct arena *arena = call.admin->scratch;
	struct ipc_adm_auth_app_row rows[DIRECTORY_APPS_MAX];
	struct ipc_adm_auth_apps reply = { .request = m->request, .rows = rows };
	struct directory_credential *creds;
	struct directory_account account;
	size_t n = 0;
	enum err e;

	if (!svc_auth_call_account(&call, m->address, &account)) {
		return ERR_OK;
	}
	creds = arena_array(arena, DIRECTORY_CREDENTIALS_MAX, sizeof(creds[0]));
	e = creds == NULL
	    ? ERR_BUDGET
	    : directory_credentials(call.admin->auth->directory, account.id, arena, creds, &n);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	for (size_t i = 0; i < n; i++) {
		const struct directory_credential *c = &creds[i];

		if (c->app && reply.rows_n < LEN(rows)) {
			rows[reply.rows_n++] = (struct ipc_adm_auth_app_row){ c->name, c->scope,
				c->expires_s, c->created_s, c->used_day };
		}
	}
	ipc_adm_auth_apps_put(&call.admin->out, &reply);
	svc_auth_call_send(&call);
	return ERR_OK;
}
