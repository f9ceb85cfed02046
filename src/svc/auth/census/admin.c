/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the administrator asks of the census. What waits is written first, so that the answer is
 * complete.
 */
#include "directory/census.h"
#include "svc/auth/admin_priv.h"
#include "svc/auth/census/census.h"

struct rows {
	struct arena *a;
	struct ipc_adm_auth_census_row *v;
	size_t n;
};

/* A borrowed string's copy; *ok becomes false without memory. */
static str
keep(struct arena *a, str s, bool *ok)
{
	str copy = arena_dup(a, s);
	*ok = *ok && copy.p != NULL;
	return copy;
}

static enum err
add_row(void *ctx, const struct directory_census_row *r)
{
	struct rows *rows = ctx;
	struct sys_prefix prefix = { .bits = r->bits };
	char text[SYS_ADDR_TEXT_MAX];
	struct buf b;
	bool ok = true;

	memcpy(prefix.ip, r->ip, sizeof(prefix.ip));
	buf_init_fixed(&b, text, sizeof(text));
	sys_prefix_text(&b, &prefix);
	rows->v[rows->n++] = (struct ipc_adm_auth_census_row){ .protocol = keep(rows->a,
								   r->protocol, &ok),
		.tls = keep(rows->a, r->tls, &ok),
		.cipher = keep(rows->a, r->cipher, &ok),
		.mechanism = keep(rows->a, r->mechanism, &ok),
		.client = keep(rows->a, r->client, &ok),
		.prefix = keep(rows->a, buf_view(&b), &ok),
		.first_s = r->first_s,
		.last_s = r->last_s,
		.times = r->times };
	return ok ? ERR_OK : ERR_BUDGET;
}

SVC_AUTH_HANDLER(census_account)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "census-account");
	struct rows rows = { .a = call.admin->scratch };
	struct ipc_adm_auth_census_rows reply = { .request = m->request };
	struct directory_account account;

	if (!svc_auth_call_account(&call, m->address, &account)) {
		return ERR_OK;
	}
	svc_auth_census_write(call.admin->auth, true);
	rows.v = arena_array(rows.a, DIRECTORY_CENSUS_ROWS_MAX, sizeof(rows.v[0]));
	enum err e = rows.v == NULL
	    ? ERR_BUDGET
	    : directory_census_each(call.admin->auth->directory, account.id, add_row, &rows);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	reply.rows = rows.v;
	reply.rows_n = rows.n;
	ipc_adm_auth_census_rows_put(&call.admin->out, &reply);
	svc_auth_call_send(&call);
	return ERR_OK;
}

struct kinds {
	struct arena *a;
	struct ipc_adm_auth_census_kind *v;
	size_t n;
};

static enum err
add_kind(void *ctx, const struct directory_census_kind *k)
{
	struct kinds *kinds = ctx;
	bool ok = true;

	kinds->v[kinds->n++] = (struct ipc_adm_auth_census_kind){ .tls = keep(kinds->a, k->tls,
								      &ok),
		.cipher = keep(kinds->a, k->cipher, &ok),
		.accounts = k->accounts,
		.times = k->times,
		.last_s = k->last_s };
	return ok ? ERR_OK : ERR_BUDGET;
}

SVC_AUTH_HANDLER(census_tls)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "census-tls");
	struct kinds kinds = { .a = call.admin->scratch };
	struct ipc_adm_auth_census_kinds reply = { .request = m->request };

	svc_auth_census_write(call.admin->auth, true);
	kinds.v = arena_array(kinds.a, DIRECTORY_CENSUS_KINDS_MAX, sizeof(kinds.v[0]));
	enum err e = kinds.v == NULL
	    ? ERR_BUDGET
	    : directory_census_kinds(call.admin->auth->directory, add_kind, &kinds);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	reply.rows = kinds.v;
	reply.rows_n = kinds.n;
	ipc_adm_auth_census_kinds_put(&call.admin->out, &reply);
	svc_auth_call_send(&call);
	return ERR_OK;
}

struct users {
	struct arena *a;
	struct ipc_adm_auth_census_user *v;
	size_t n;
};

static enum err
add_user(void *ctx, const struct directory_census_user *u)
{
	struct users *users = ctx;
	bool ok = true;

	users->v[users->n++] = (struct ipc_adm_auth_census_user){ .address = keep(users->a,
								      u->address, &ok),
		.protocol = keep(users->a, u->protocol, &ok),
		.client = keep(users->a, u->client, &ok),
		.times = u->times,
		.last_s = u->last_s };
	return ok ? ERR_OK : ERR_BUDGET;
}

/* The cursor is the number of rows seen. */
SVC_AUTH_HANDLER(census_users)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "census-users");
	struct users users = { .a = call.admin->scratch };
	struct ipc_adm_auth_census_list reply = { .request = m->request };
	struct directory_census_whose whose = { .tls = m->tls };

	if (m->after.n > 0 && !str_u64(m->after, &whose.skip)) {
		return svc_auth_call_done(&call, ERR_SYNTAX, "the cursor of the list is damaged");
	}
	svc_auth_census_write(call.admin->auth, true);
	users.v = arena_array(users.a, DIRECTORY_CENSUS_PAGE, sizeof(users.v[0]));
	enum err e = users.v == NULL
	    ? ERR_BUDGET
	    : directory_census_users(call.admin->auth->directory, &whose, add_user, &users);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	reply.rows = users.v;
	reply.rows_n = users.n;
	if (users.n == DIRECTORY_CENSUS_PAGE) {
		reply.next = arena_printf(users.a, "%llu",
		    (unsigned long long)(whose.skip + DIRECTORY_CENSUS_PAGE));
	}
	ipc_adm_auth_census_list_put(&call.admin->out, &reply);
	svc_auth_call_send(&call);
	return ERR_OK;
}
