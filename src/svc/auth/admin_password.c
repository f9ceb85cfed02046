/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that need a password's verifier: new accounts, new passwords, app passwords, CRAM-MD5.
 * Each checks all it can, waits for the workers, then changes the directory in one transaction.
 */
#include "base/codec.h"
#include "base/mem.h"
#include "svc/auth/admin_priv.h"
#include "sys/random.h"

static void
reuse(struct directory_credential *c, const struct directory_credential *old)
{
	memcpy(c->salt, old->salt, sizeof(c->salt));
	c->iterations = old->iterations;
}

enum err
svc_auth_choose_salt(struct svc_auth *a, uint64_t account, bool app, struct directory_credential *c)
{
	struct directory_credential all[DIRECTORY_CREDENTIALS_MAX];
	struct arena *arena;
	size_t n = 0;
	enum err e;

	c->account = account;
	c->iterations = a->settings.iterations;
	sys_random(c->salt, sizeof(c->salt));
	if (account == 0) {
		return ERR_OK;
	}
	arena = arena_new(a->arena, "salt", 65536, ARENA_WIPE);
	if (arena == NULL) {
		return ERR_BUDGET;
	}
	e = directory_credentials(a->directory, account, arena, all, &n);
	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		bool strong = all[i].iterations >= a->settings.iterations;

		if (app || (all[i].app && strong)) {
			reuse(c,
			    &all[i]); /* of the main password, if there is one: it comes first */
			break;
		}
	}
	mem_wipe(all, sizeof(all));
	arena_free(&arena);
	return e;
}

static void
on_verifier(struct svc_auth_verifier *v, enum err e)
{
	struct svc_auth_op *op = v->ctx;

	buf_reset(&op->call.admin->text);
	op->finish(op, e);
	svc_auth_op_free(op);
}

/* Start the workers on `password`; replies and frees the op when that fails. */
static enum err
begin(struct svc_auth_op *op, str password, void (*finish)(struct svc_auth_op *op, enum err e))
{
	struct svc_auth_call *call = &op->call;
	enum err e = svc_auth_password_prepare(op->arena, password, &op->verifier.password);

	op->finish = finish;
	op->verifier.done = on_verifier;
	if (e == ERR_CHARSET) {
		svc_auth_explain_password(op->verifier.auth, &call->admin->text, e);
		(void)!svc_auth_call_done(call, e, "%.*s", STR_ARG(buf_view(&call->admin->text)));
	} else {
		if (e == ERR_OK) {
			e = svc_auth_verifier_start(&op->verifier);
		}
		if (e == ERR_OK) {
			return ERR_OK;
		}
		(void)!svc_auth_call_failed(call, e);
	}
	svc_auth_op_free(op);
	return ERR_OK;
}

/* Copy the account into the op. */
static bool
take_account(struct svc_auth_op *op, const struct directory_account *account)
{
	op->account = *account;
	op->account.address = arena_dup(op->arena, account->address);
	if (op->account.address.p == NULL) {
		(void)!svc_auth_call_failed(&op->call, ERR_BUDGET);
		svc_auth_op_free(op);
		return false;
	}
	return true;
}

/* ---- a new account -------------------------------------------------------------------------- */

static enum err
store_account(struct svc_auth_op *op)
{
	struct svc_auth *a = op->verifier.auth;
	struct directory_credential *c = &op->verifier.credential;

	TRY(directory_account_add(a->directory, &op->account, op->force, a->now_s, &c->account));
	return directory_password_set(a->directory, c);
}

static void
finish_add(struct svc_auth_op *op, enum err e)
{
	struct directory *d = op->verifier.auth->directory;
	struct buf *text = &op->call.admin->text;

	if (e == ERR_OK) {
		e = directory_begin(d);
	}
	if (e == ERR_OK) {
		e = store_account(op);
		if (e == ERR_OK) {
			e = directory_commit(d);
		} else {
			directory_cancel(d);
		}
	}
	op->call.account = e == ERR_OK ? op->verifier.credential.account : 0;
	if (e == ERR_OK) {
		(void)!svc_auth_call_done(&op->call, e, "%.*s is account %llu",
		    STR_ARG(op->account.address), (unsigned long long)op->call.account);
	} else if (err_class(e) == ERR_CLASS_PERM) {
		svc_auth_explain_address(op->verifier.auth, text, op->account.address, e);
		(void)!svc_auth_call_done(&op->call, e, "%.*s", STR_ARG(buf_view(text)));
	} else {
		(void)!svc_auth_call_failed(&op->call, e);
	}
}

SVC_AUTH_HANDLER(account_add)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "account-add");
	const struct svc_auth_settings *settings = &call.admin->auth->settings;
	struct directory_account want = {
		.quota_octets = m->quota_octets != 0 ? m->quota_octets : settings->quota_octets,
		.quota_messages = m->quota_messages != 0 ? m->quota_messages
							 : settings->quota_messages,
	};
	struct svc_auth_op *op;
	enum err e;

	if (want.quota_octets > INT64_MAX || want.quota_messages > INT64_MAX) {
		return svc_auth_call_done(&call, ERR_TOOBIG, "a quota is at most %lld; 0 is none",
		    (long long)INT64_MAX);
	}
	if (!svc_auth_call_address(&call, m->address, &want.address) ||
	    !svc_auth_call_password(&call, m->password, want.address) ||
	    !svc_auth_op_new(&call, false, &op) || !take_account(op, &want)) {
		return ERR_OK;
	}
	op->force = m->force;
	e = svc_auth_choose_salt(op->verifier.auth, 0, false, &op->verifier.credential);
	if (e != ERR_OK) {
		(void)!svc_auth_call_failed(&op->call, e);
		svc_auth_op_free(op);
		return ERR_OK;
	}
	return begin(op, m->password, finish_add);
}

/* ---- another password ----------------------------------------------------------------------- */

static void
finish_password(struct svc_auth_op *op, enum err e)
{
	struct svc_auth *a = op->verifier.auth;

	if (e == ERR_OK) {
		e = directory_password_set(a->directory, &op->verifier.credential);
	}
	if (e != ERR_OK) {
		(void)!svc_auth_call_failed(&op->call, e);
		return;
	}
	svc_auth_revoke(a, op->account.id);
	(void)!svc_auth_call_done(&op->call, ERR_OK,
	    "the password of %.*s is changed; its sessions were ended",
	    STR_ARG(op->account.address));
}

/* An op for an account that exists, with salt and all. */
static bool
op_for(struct svc_auth_call *call, str address, bool app, struct svc_auth_op **ret)
{
	struct directory_account account;
	struct svc_auth_op *op;
	enum err e;

	if (!svc_auth_call_account(call, address, &account) || !svc_auth_op_new(call, false, &op) ||
	    !take_account(op, &account)) {
		return false;
	}
	e = svc_auth_choose_salt(op->verifier.auth, account.id, app, &op->verifier.credential);
	if (e != ERR_OK) {
		(void)!svc_auth_call_failed(&op->call, e);
		svc_auth_op_free(op);
		return false;
	}
	*ret = op;
	return true;
}

SVC_AUTH_HANDLER(account_password)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "account-password");
	struct svc_auth_op *op;
	str address;

	if (!svc_auth_call_address(&call, m->address, &address) ||
	    !svc_auth_call_password(&call, m->password, address) ||
	    !op_for(&call, address, false, &op)) {
		return ERR_OK;
	}
	op->verifier.cram_md5 = op->account.cram_md5;
	return begin(op, m->password, finish_password);
}

/* ---- app passwords -------------------------------------------------------------------------- */

static void
finish_app(struct svc_auth_op *op, enum err e)
{
	struct ipc_adm_auth_app_secret reply = { op->call.request, op->secret };

	if (e == ERR_OK) {
		e = directory_app_add(op->verifier.auth->directory, &op->verifier.credential);
	}
	if (e == ERR_EXISTS) {
		(void)!svc_auth_call_done(&op->call, e,
		    "%.*s has an app password named \"%.*s\" already", STR_ARG(op->account.address),
		    STR_ARG(op->verifier.credential.name));
		return;
	}
	if (e == ERR_TOOMANY) {
		(void)!svc_auth_call_done(&op->call, e,
		    "%.*s has %d app passwords already; remove one first",
		    STR_ARG(op->account.address), DIRECTORY_APPS_MAX);
		return;
	}
	if (e != ERR_OK) {
		(void)!svc_auth_call_failed(&op->call, e);
		return;
	}
	buf_reset(&op->call.admin->out);
	ipc_adm_auth_app_secret_put(&op->call.admin->out, &reply);
	svc_auth_call_send(&op->call);
}

static bool
app_request_ok(struct svc_auth_call *call, const struct ipc_adm_auth_app_add *m)
{
	if (m->name.n == 0 || !utf8_valid(m->name)) {
		(void)!svc_auth_call_done(call, ERR_SYNTAX,
		    "give the app password a name, for example the program's");
		return false;
	}
	if ((m->scope & ~(uint32_t)DIRECTORY_SCOPE_ALL) != 0) {
		(void)!svc_auth_call_done(call, ERR_SYNTAX,
		    "the scope %u has unknown bits; known are 1 imap, 2 pop3, 4 sieve, 8 smtp",
		    m->scope);
		return false;
	}
	if (m->expires_s != 0 && m->expires_s <= call->admin->auth->now_s) {
		(void)!svc_auth_call_done(call, ERR_SYNTAX,
		    "the app password would have expired already; give a later time");
		return false;
	}
	return true;
}

SVC_AUTH_HANDLER(app_add)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "app-add");
	struct directory_credential *c;
	struct svc_auth_op *op;
	struct buf secret;
	char text[64];

	if (!app_request_ok(&call, m) || !op_for(&call, m->address, true, &op)) {
		return ERR_OK;
	}
	c = &op->verifier.credential;
	c->app = true;
	c->scope = m->scope != 0 ? m->scope : DIRECTORY_SCOPE_ALL;
	c->expires_s = m->expires_s;
	c->name = arena_dup(op->arena, m->name);
	buf_init_fixed(&secret, text, sizeof(text));
	svc_auth_password_make(&secret);
	op->secret = arena_dup(op->arena, buf_view(&secret));
	mem_wipe(text, sizeof(text));
	if (c->name.p == NULL || op->secret.p == NULL) {
		(void)!svc_auth_call_failed(&op->call, ERR_BUDGET);
		svc_auth_op_free(op);
		return ERR_OK;
	}
	return begin(op, op->secret, finish_app);
}

/* ---- CRAM-MD5 ------------------------------------------------------------------------------- */

static enum err
main_credential(struct svc_auth_op *op, struct directory_credential *ret)
{
	struct directory_credential *all = arena_array(op->arena, DIRECTORY_CREDENTIALS_MAX,
	    sizeof(all[0]));
	size_t n;

	if (all == NULL) {
		return ERR_BUDGET;
	}
	TRY(directory_credentials(op->verifier.auth->directory, op->account.id, op->arena, all,
	    &n));
	if (n == 0 || all[0].app) {
		return ERR_NOTFOUND;
	}
	*ret = all[0];
	return ERR_OK;
}

static enum err
store_cram_md5(struct svc_auth_op *op)
{
	struct directory *d = op->verifier.auth->directory;
	struct directory_credential now;
	bool same;

	TRY(main_credential(op, &now));
	same = str_eq_secret(str_make(now.stored_sha256, sizeof(now.stored_sha256)),
	    str_make(op->verifier.credential.stored_sha256, sizeof(now.stored_sha256)));
	if (!same) {
		return ERR_AUTH;
	}
	TRY(directory_account_cram_md5(d, op->account.id, true));
	return directory_cram_md5_set(d, op->account.id, op->verifier.credential.cram_md5);
}

static void
finish_cram_md5(struct svc_auth_op *op, enum err e)
{
	struct svc_auth *a = op->verifier.auth;

	if (e == ERR_OK) {
		e = directory_begin(a->directory);
	}
	if (e == ERR_OK) {
		e = store_cram_md5(op);
		if (e == ERR_OK) {
			e = directory_commit(a->directory);
		} else {
			directory_cancel(a->directory);
		}
	}
	if (e == ERR_AUTH) {
		(void)!svc_auth_call_done(&op->call, e, "that is not the main password of %.*s",
		    STR_ARG(op->account.address));
	} else if (e != ERR_OK) {
		(void)!svc_auth_call_failed(&op->call, e);
	} else {
		(void)!svc_auth_call_done(&op->call, e, "%.*s may use CRAM-MD5%s",
		    STR_ARG(op->account.address),
		    a->settings.cram_md5 ? ""
					 : "; it is offered when the setting cram-md5 of section"
					   " auth is yes");
	}
}

static enum err
opt_out(struct svc_auth_call *call, str address)
{
	struct directory_account account;
	enum err e;

	if (!svc_auth_call_account(call, address, &account)) {
		return ERR_OK;
	}
	e = directory_account_cram_md5(call->admin->auth->directory, account.id, false);
	if (e != ERR_OK) {
		return svc_auth_call_failed(call, e);
	}
	return svc_auth_call_done(call, e,
	    "%.*s may not use CRAM-MD5 any more; what it needed is erased",
	    STR_ARG(account.address));
}

SVC_AUTH_HANDLER(account_cram_md5)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "account-cram-md5");
	struct directory_credential now;
	struct svc_auth_op *op;
	enum err e;

	if (!m->on) {
		return opt_out(&call, m->address);
	}
	if (m->password.n == 0) {
		return svc_auth_call_done(&call, ERR_SYNTAX,
		    "CRAM-MD5 needs the account's password once, to store what it is checked with");
	}
	if (!op_for(&call, m->address, false, &op)) {
		return ERR_OK;
	}
	e = main_credential(op, &now);
	if (e != ERR_OK) {
		(void)!svc_auth_call_failed(&op->call, e);
		svc_auth_op_free(op);
		return ERR_OK;
	}
	reuse(&op->verifier.credential, &now);
	op->verifier.cram_md5 = true;
	return begin(op, m->password, finish_cram_md5);
}
