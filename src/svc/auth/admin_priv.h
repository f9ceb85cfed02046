/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the admin files: a request at hand, replies, look-ups that explain themselves, and
 * requests that wait for the hash workers.
 */
#ifndef SVC_AUTH_ADMIN_PRIV_H
#define SVC_AUTH_ADMIN_PRIV_H

#include "directory/account.h"
#include "directory/domain.h"
#include "ipc/adm_auth.h"
#include "mail/address.h"
#include "svc/auth/admin.h"
#include "svc/auth/password.h"

struct svc_auth_admin {
	struct svc_auth *auth;
	enum err (*send)(void *from, const struct buf *message);
	struct arena *scratch; /* of the message at hand */
	struct buf out, text;
	void *from; /* who sent the message at hand */
	struct list ops;
	size_t ops_n, imports_n;
};

/* Whom to answer, and what to log. `account` is filled in when it is known. */
struct svc_auth_call {
	struct svc_auth_admin *admin;
	void *from;
	uint64_t request;
	const char *command;
	uint64_t account;
	bool answered;
};

/* The call for the message at hand. */
struct svc_auth_call svc_auth_call(void *ctx, uint64_t request, const char *command);

/* Send what was put into admin->out. */
void svc_auth_call_send(struct svc_auth_call *call);

/* Reply `done` with a sentence and log. Always returns ERR_OK, the handlers' answer to dispatch. */
enum err svc_auth_call_done(struct svc_auth_call *call, enum err e, const char *format, ...)
    PRINTF(3, 4);

/* The same for errors of which there is nothing special to say. */
enum err svc_auth_call_failed(struct svc_auth_call *call, enum err e);

/*
 * Canonical address or domain in the scratch arena. False: replied already.
 */
bool svc_auth_call_address(struct svc_auth_call *call, str given, str *ret);
bool svc_auth_call_domain(struct svc_auth_call *call, str given, str *ret);
/* The account of this main address. False: replied already. */
bool svc_auth_call_account(struct svc_auth_call *call, str given, struct directory_account *ret);
/* Is the password good enough? False: replied already. */
bool svc_auth_call_password(struct svc_auth_call *call, str password, str address);

/* One sentence about a new address that was refused, appended to `out`. */
void svc_auth_explain_address(struct svc_auth *a, struct buf *out, str address, enum err e);
/* One sentence about a password that was refused, never with the password. */
void svc_auth_explain_password(struct svc_auth *a, struct buf *out, enum err e);

/* A request that waits for the workers. Lies in its own wiping arena. */
struct svc_auth_op {
	struct list node;
	struct svc_auth_call call; /* from is NULL when the administrator has gone */
	struct arena *arena;
	bool import;
	struct svc_auth_verifier verifier;
	struct directory_account account;
	bool force;
	str secret; /* an app password that was made up */
	void (*finish)(struct svc_auth_op *op, enum err e);
	struct svc_auth_import *rows;
};

/* A new one, on the list. False: too many are waiting, replied already. */
bool svc_auth_op_new(struct svc_auth_call *call, bool import, struct svc_auth_op **ret);
void svc_auth_op_free(struct svc_auth_op *op);
/* Cancel what an import started. */
void svc_auth_import_cancel(struct svc_auth_op *op);

/* Salt and iterations for a new credential of an account; see README. id 0: a new account. */
enum err svc_auth_choose_salt(struct svc_auth *a, uint64_t account, bool app,
    struct directory_credential *c);

/* The handlers, a file each for what belongs together. */
#define SVC_AUTH_HANDLER(name) \
	enum err svc_auth_on_##name(void *ctx, const struct ipc_adm_auth_##name *m, int *fd)
SVC_AUTH_HANDLER(domain_add);
SVC_AUTH_HANDLER(domain_remove);
SVC_AUTH_HANDLER(domain_list);
SVC_AUTH_HANDLER(domain_set);
SVC_AUTH_HANDLER(account_add);
SVC_AUTH_HANDLER(account_list);
SVC_AUTH_HANDLER(account_show);
SVC_AUTH_HANDLER(account_password);
SVC_AUTH_HANDLER(account_state);
SVC_AUTH_HANDLER(account_delete);
SVC_AUTH_HANDLER(account_quota);
SVC_AUTH_HANDLER(account_set);
SVC_AUTH_HANDLER(account_cram_md5);
SVC_AUTH_HANDLER(account_import);
SVC_AUTH_HANDLER(app_add);
SVC_AUTH_HANDLER(app_list);
SVC_AUTH_HANDLER(app_remove);
SVC_AUTH_HANDLER(alias_add);
SVC_AUTH_HANDLER(alias_list);
SVC_AUTH_HANDLER(alias_remove);
SVC_AUTH_HANDLER(catchall_set);
SVC_AUTH_HANDLER(srs_list);
SVC_AUTH_HANDLER(srs_rotate);
SVC_AUTH_HANDLER(ban_list);
SVC_AUTH_HANDLER(ban_add);
SVC_AUTH_HANDLER(ban_remove);
SVC_AUTH_HANDLER(census_account);
SVC_AUTH_HANDLER(census_tls);
SVC_AUTH_HANDLER(census_users);

#endif
