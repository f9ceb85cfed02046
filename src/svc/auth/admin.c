/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of requests, replies, and the look-ups every request begins with.
 */
#include "svc/auth/admin.h"

#include "base/mem.h"
#include "proto/sasl/limits.h"
#include "svc/auth/admin_priv.h"
#include "svc/common/log.h"
#include "sys/clock.h"

enum { SCRATCH_OCTETS = 4 << 20 };

static const struct ipc_adm_auth_at_auth handlers = {
	.domain_add = svc_auth_on_domain_add,
	.domain_remove = svc_auth_on_domain_remove,
	.domain_list = svc_auth_on_domain_list,
	.domain_set = svc_auth_on_domain_set,
	.account_add = svc_auth_on_account_add,
	.account_list = svc_auth_on_account_list,
	.account_show = svc_auth_on_account_show,
	.account_password = svc_auth_on_account_password,
	.account_state = svc_auth_on_account_state,
	.account_delete = svc_auth_on_account_delete,
	.account_quota = svc_auth_on_account_quota,
	.account_cram_md5 = svc_auth_on_account_cram_md5,
	.account_set = svc_auth_on_account_set,
	.account_import = svc_auth_on_account_import,
	.app_add = svc_auth_on_app_add,
	.app_list = svc_auth_on_app_list,
	.app_remove = svc_auth_on_app_remove,
	.alias_add = svc_auth_on_alias_add,
	.alias_list = svc_auth_on_alias_list,
	.alias_remove = svc_auth_on_alias_remove,
	.catchall_set = svc_auth_on_catchall_set,
	.srs_list = svc_auth_on_srs_list,
	.srs_rotate = svc_auth_on_srs_rotate,
	.ban_list = svc_auth_on_ban_list,
	.ban_add = svc_auth_on_ban_add,
	.ban_remove = svc_auth_on_ban_remove,
	.census_account = svc_auth_on_census_account,
	.census_tls = svc_auth_on_census_tls,
	.census_users = svc_auth_on_census_users,
};

struct svc_auth_admin *
svc_auth_admin_new(struct svc_auth *a, enum err (*send)(void *from, const struct buf *message))
{
	struct svc_auth_admin *admin = mem_zalloc(1, sizeof(*admin));

	if (admin == NULL) {
		return NULL;
	}
	admin->auth = a;
	admin->send = send;
	admin->scratch = arena_new(a->arena, "admin", SCRATCH_OCTETS, ARENA_WIPE);
	if (admin->scratch == NULL) {
		mem_drop(admin);
		return NULL;
	}
	buf_init(&admin->out, IPC_MESSAGE_MAX);
	buf_init(&admin->text, SVC_AUTH_TEXT_MAX);
	list_init(&admin->ops);
	return admin;
}

void
svc_auth_admin_free(struct svc_auth_admin **pp)
{
	struct svc_auth_admin *admin = *pp;

	if (admin == NULL) {
		return;
	}
	while (!list_empty(&admin->ops)) {
		svc_auth_op_free(LIST_ENTRY(admin->ops.next, struct svc_auth_op, node));
	}
	arena_free(&admin->scratch);
	buf_done(&admin->out);
	buf_done(&admin->text);
	MEM_FREE(*pp);
}

enum err
svc_auth_admin_message(struct svc_auth_admin *admin, void *from, str datagram, int *fd)
{
	enum err e;

	admin->from = from;
	e = ipc_adm_auth_auth_dispatch(&handlers, admin, datagram, fd, admin->scratch);
	admin->from = NULL;
	arena_reset(admin->scratch);
	return e;
}

void
svc_auth_admin_closed(struct svc_auth_admin *admin, void *from)
{
	LIST_EACH(node, &admin->ops) {
		struct svc_auth_op *op = LIST_ENTRY(node, struct svc_auth_op, node);

		if (op->call.from == from) {
			op->call.from = NULL;
		}
	}
}

/* ---- replies ------------------------------------------------------------------------------- */

struct svc_auth_call
svc_auth_call(void *ctx, uint64_t request, const char *command)
{
	struct svc_auth_admin *admin = ctx;

	buf_reset(&admin->out);
	buf_reset(&admin->text);
	return (struct svc_auth_call){ admin, admin->from, request, command, 0, false };
}

void
svc_auth_call_send(struct svc_auth_call *call)
{
	struct svc_auth_admin *admin = call->admin;

	ASSERT(!call->answered);
	call->answered = true;
	if (call->from != NULL && admin->send(call->from, &admin->out) != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "answer administrator"));
	}
	buf_wipe(&admin->out);
}

static void
say_done(struct svc_auth_call *call, enum err e, str text)
{
	struct ipc_adm_auth_done reply = { call->request, e, text };

	LOG(AUTH_ADMIN, F_CSTR("command", call->command), F_U64("account", call->account),
	    F_ERR(e));
	buf_reset(&call->admin->out);
	ipc_adm_auth_done_put(&call->admin->out, &reply);
	svc_auth_call_send(call);
}

enum err
svc_auth_call_done(struct svc_auth_call *call, enum err e, const char *format, ...)
{
	char text[SVC_AUTH_TEXT_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say_done(call, e, str_make(text, MIN((size_t)MAX(n, 0), sizeof(text) - 1)));
	return ERR_OK;
}

enum err
svc_auth_call_failed(struct svc_auth_call *call, enum err e)
{
	if (err_class(e) == ERR_CLASS_LOCAL) {
		str why = directory_error(call->admin->auth->directory);

		LOG(AUTH_DATABASE, F_CSTR("what", call->command), F_ERR(e), F_STR("detail", why));
		return svc_auth_call_done(call, e,
		    "the directory could not be changed: %s (%.*s); nothing was done", err_text(e),
		    STR_ARG(why));
	}
	return svc_auth_call_done(call, e, "%s; nothing was done", err_text(e));
}

/* ---- look-ups ------------------------------------------------------------------------------ */

static bool
keep(struct svc_auth_call *call, str s, str *ret)
{
	*ret = arena_dup(call->admin->scratch, s);
	if (ret->p == NULL) {
		(void)!svc_auth_call_failed(call, ERR_BUDGET);
	}
	return ret->p != NULL;
}

bool
svc_auth_call_address(struct svc_auth_call *call, str given, str *ret)
{
	char text[MAIL_CANONICAL_MAX];
	struct buf b;

	buf_init_fixed(&b, text, sizeof(text));
	if (mail_address_canonical(&b, given) != ERR_OK || str_chr(buf_view(&b), '@') < 0) {
		(void)!svc_auth_call_done(call, ERR_SYNTAX,
		    "%.*s is no mail address; write it as user@domain", STR_ARG(given));
		return false;
	}
	return keep(call, buf_view(&b), ret);
}

bool
svc_auth_call_domain(struct svc_auth_call *call, str given, str *ret)
{
	char text[MAIL_CANONICAL_MAX];
	struct buf b;

	buf_init_fixed(&b, text, sizeof(text));
	if (mail_domain_put(&b, given) != ERR_OK || b.n == 0 || text[0] == '[') {
		(void)!svc_auth_call_done(call, ERR_SYNTAX,
		    "%.*s is no domain name; write it like example.org", STR_ARG(given));
		return false;
	}
	return keep(call, buf_view(&b), ret);
}

bool
svc_auth_call_account(struct svc_auth_call *call, str given, struct directory_account *ret)
{
	struct directory *d = call->admin->auth->directory;
	str address;
	enum err e;

	if (!svc_auth_call_address(call, given, &address)) {
		return false;
	}
	e = directory_account_find(d, address, call->admin->scratch, ret);
	if (e == ERR_NOTFOUND) {
		bool alias = directory_resolve(d, address)->targets_n > 0;

		(void)!svc_auth_call_done(call, e, "there is no account %.*s%s", STR_ARG(address),
		    alias ? "; it is another name of accounts, see postern alias list"
			  : "; see postern account list");
		return false;
	}
	if (e != ERR_OK) {
		(void)!svc_auth_call_failed(call, e);
		return false;
	}
	call->account = ret->id;
	return true;
}

bool
svc_auth_call_password(struct svc_auth_call *call, str password, str address)
{
	struct svc_auth *a = call->admin->auth;
	enum err e = svc_auth_password_judge(password, address, a->settings.password_min);

	if (e == ERR_OK) {
		return true;
	}
	svc_auth_explain_password(a, &call->admin->text, e);
	(void)!svc_auth_call_done(call, e, "%.*s", STR_ARG(buf_view(&call->admin->text)));
	return false;
}

void
svc_auth_explain_password(struct svc_auth *a, struct buf *out, enum err e)
{
	switch (e) {
	case ERR_TOOMANY:
		buf_printf(out,
		    "the password is too short: at least %u characters (setting password-min of"
		    " section auth)",
		    a->settings.password_min);
		return;
	case ERR_TOOBIG:
		buf_printf(out, "the password is too long: at most %d octets", SASL_PASSWORD_MAX);
		return;
	case ERR_DENIED:
		buf_cstr(out, "the password is the address itself; choose another one");
		return;
	default:
		buf_cstr(out,
		    "the password holds control characters or is not UTF-8; choose another one");
		return;
	}
}

static void
explain_tombstone(struct svc_auth *a, struct buf *out, str address)
{
	int64_t deleted_s = 0, free_s;
	char when[SYS_CLOCK_TEXT_MAX];
	struct buf date;

	if (directory_tombstone(a->directory, address, &deleted_s) != ERR_OK) {
		deleted_s = a->now_s;
	}
	free_s = deleted_s + DIRECTORY_TOMBSTONE_S;
	buf_init_fixed(&date, when, sizeof(when));
	sys_clock_text(&date, free_s * 1000);
	buf_printf(out,
	    "%.*s was the address of an account that is deleted, whose mail may still come; ",
	    STR_ARG(address));
	if (a->now_s < free_s) {
		buf_printf(out, "it may be given to another one with --force from %.10s on", when);
	} else {
		buf_cstr(out, "give it to another one with --force");
	}
}

void
svc_auth_explain_address(struct svc_auth *a, struct buf *out, str address, enum err e)
{
	str local, domain;

	mail_address_split(address, &local, &domain);
	switch (e) {
	case ERR_NOTFOUND:
		buf_printf(out,
		    "%.*s is no domain of this server; add it with: postern domain add %.*s",
		    STR_ARG(domain), STR_ARG(domain));
		return;
	case ERR_EXISTS:
		buf_printf(out, "%.*s is taken, by an account or an alias", STR_ARG(address));
		return;
	case ERR_DENIED: explain_tombstone(a, out, address); return;
	default: buf_printf(out, "%s", err_text(e)); return;
	}
}

/* ---- requests that wait -------------------------------------------------------------------- */

bool
svc_auth_op_new(struct svc_auth_call *call, bool import, struct svc_auth_op **ret)
{
	struct svc_auth_admin *admin = call->admin;
	struct svc_auth_op *op = NULL;
	struct arena *arena = NULL;

	if (admin->ops_n < SVC_AUTH_OPS_MAX &&
	    (!import || admin->imports_n < SVC_AUTH_IMPORTS_MAX)) {
		arena = arena_new(admin->auth->arena, "op", SVC_AUTH_OP_OCTETS, ARENA_WIPE);
		op = arena == NULL ? NULL : ARENA_NEW(arena, struct svc_auth_op);
	}
	if (op == NULL) {
		arena_free(&arena);
		(void)!svc_auth_call_done(call, ERR_BUSY,
		    "too many passwords are being set at the same time; try again in a moment");
		return false;
	}
	op->arena = arena;
	op->import = import;
	op->call = *call;
	op->verifier.auth = admin->auth;
	op->verifier.ctx = op;
	op->verifier.credential.created_s = admin->auth->now_s;
	list_init(&op->node);
	list_push(&admin->ops, &op->node);
	admin->ops_n++;
	admin->imports_n += import;
	*ret = op;
	return true;
}

void
svc_auth_op_free(struct svc_auth_op *op)
{
	struct svc_auth_admin *admin = op->call.admin;
	struct arena *arena = op->arena;

	svc_auth_verifier_cancel(&op->verifier);
	svc_auth_import_cancel(op);
	admin->ops_n--;
	admin->imports_n -= op->import;
	list_remove(&op->node);
	arena_free(&arena);
}
