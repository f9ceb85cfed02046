/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Import: many accounts in one message. Rows are checked, their passwords hashed by all workers at
 * the same time (behind log-ins), then all that are good are stored in one transaction. A bad row
 * is reported and does not stop the others.
 */
#include "svc/auth/admin_priv.h"

struct row {
	struct svc_auth_op *op;
	struct svc_auth_verifier verifier;
	str address;
	enum err err;
	str text; /* what is wrong with it */
};

struct svc_auth_import {
	struct row *rows;
	size_t n, pending;
};

static void
explain(struct row *row, enum err e, void (*how)(struct row *row, struct buf *out, enum err e))
{
	char text[300];
	struct buf b;

	buf_init_fixed(&b, text, sizeof(text));
	how(row, &b, e);
	row->err = e;
	row->text = arena_dup(row->op->arena, buf_view(&b));
}

static void
address_text(struct row *row, struct buf *out, enum err e)
{
	svc_auth_explain_address(row->op->call.admin->auth, out, row->address, e);
}

static void
password_text(struct row *row, struct buf *out, enum err e)
{
	svc_auth_explain_password(row->op->call.admin->auth, out, e);
}

static void
syntax_text(struct row *row, struct buf *out, enum err e)
{
	buf_cstr(out, "this is no mail address; write it as user@domain");
}

static void
general_text(struct row *row, struct buf *out, enum err e)
{
	buf_cstr(out, err_text(e));
}

/* All rows have their keys, or an error: store and report. */
static void
store_rows(struct svc_auth_op *op, uint32_t *ret_created)
{
	struct svc_auth *a = op->call.admin->auth;

	for (size_t i = 0; i < op->rows->n; i++) {
		struct row *row = &op->rows->rows[i];
		struct directory_account want = { .address = row->address,
			.quota_octets = a->settings.quota_octets,
			.quota_messages = a->settings.quota_messages };
		enum err e = row->err;

		if (e != ERR_OK) {
			continue;
		}
		e = directory_account_add(a->directory, &want, false, a->now_s,
		    &row->verifier.credential.account);
		if (e != ERR_OK) {
			explain(row, e, address_text);
			continue;
		}
		e = directory_password_set(a->directory, &row->verifier.credential);
		if (e != ERR_OK) {
			explain(row, e, general_text);
			continue;
		}
		(*ret_created)++;
	}
}

static void
report(struct svc_auth_op *op, uint32_t created)
{
	struct ipc_adm_auth_imported reply = { .request = op->call.request, .created = created };
	struct ipc_adm_auth_import_error *errors = arena_array(op->arena, op->rows->n,
	    sizeof(errors[0]));

	for (size_t i = 0; i < op->rows->n && errors != NULL; i++) {
		const struct row *row = &op->rows->rows[i];

		if (row->err != ERR_OK) {
			errors[reply.errors_n++] = (struct ipc_adm_auth_import_error){ (uint32_t)i,
				row->err, row->text };
		}
	}
	reply.errors = errors;
	buf_reset(&op->call.admin->out);
	ipc_adm_auth_imported_put(&op->call.admin->out, &reply);
	svc_auth_call_send(&op->call);
}

static void
finish(struct svc_auth_op *op)
{
	struct directory *d = op->call.admin->auth->directory;
	uint32_t created = 0;
	enum err e = directory_begin(d);

	if (e == ERR_OK) {
		store_rows(op, &created);
		e = directory_commit(d);
	}
	if (e != ERR_OK) {
		(void)!svc_auth_call_failed(&op->call, e);
	} else {
		report(op, created);
	}
	svc_auth_op_free(op);
}

static void
on_verifier(struct svc_auth_verifier *v, enum err e)
{
	struct row *row = v->ctx;

	if (e != ERR_OK) {
		explain(row, e, general_text);
	}
	if (--row->op->rows->pending == 0) {
		finish(row->op);
	}
}

/* Check a row as far as that goes without its keys. */
static enum err
check_row(struct row *row, const struct ipc_adm_auth_import_row *from)
{
	struct svc_auth *a = row->op->call.admin->auth;
	char text[MAIL_CANONICAL_MAX];
	struct buf b;
	enum err e;

	buf_init_fixed(&b, text, sizeof(text));
	if (mail_address_canonical(&b, from->address) != ERR_OK || str_chr(buf_view(&b), '@') < 0) {
		explain(row, ERR_SYNTAX, syntax_text);
		return row->err;
	}
	row->address = arena_dup(row->op->arena, buf_view(&b));
	if (row->address.p == NULL) {
		return ERR_BUDGET;
	}
	e = svc_auth_password_judge(from->password, row->address, a->settings.password_min);
	if (e == ERR_OK) {
		e = svc_auth_password_prepare(row->op->arena, from->password,
		    &row->verifier.password);
	}
	if (e != ERR_OK) {
		explain(row, e, password_text);
	}
	return e;
}

static void
start_row(struct svc_auth_op *op, struct row *row, const struct ipc_adm_auth_import_row *from)
{
	struct svc_auth_verifier *v = &row->verifier;

	row->op = op;
	if (check_row(row, from) != ERR_OK) {
		row->err = row->err != ERR_OK ? row->err : ERR_BUDGET;
		return;
	}
	v->auth = op->call.admin->auth;
	v->bulk = true;
	v->done = on_verifier;
	v->ctx = row;
	v->credential.created_s = v->auth->now_s;
	row->err = svc_auth_choose_salt(v->auth, 0, false, &v->credential);
	if (row->err == ERR_OK) {
		row->err = svc_auth_verifier_start(v);
	}
	op->rows->pending += row->err == ERR_OK;
}

SVC_AUTH_HANDLER(account_import)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "account-import");
	struct svc_auth_op *op;

	if (m->rows_n == 0) {
		return svc_auth_call_done(&call, ERR_SYNTAX, "there is nothing to import");
	}
	if (!svc_auth_op_new(&call, true, &op)) {
		return ERR_OK;
	}
	op->rows = ARENA_NEW(op->arena, struct svc_auth_import);
	if (op->rows != NULL) {
		op->rows->rows = arena_array(op->arena, m->rows_n, sizeof(struct row));
	}
	if (op->rows == NULL || op->rows->rows == NULL) {
		(void)!svc_auth_call_failed(&op->call, ERR_BUDGET);
		svc_auth_op_free(op);
		return ERR_OK;
	}
	op->rows->n = m->rows_n;
	op->rows->pending = 1; /* ours, so that it cannot finish before all rows are started */
	for (size_t i = 0; i < m->rows_n; i++) {
		start_row(op, &op->rows->rows[i], &m->rows[i]);
	}
	if (--op->rows->pending == 0) {
		finish(op);
	}
	return ERR_OK;
}

void
svc_auth_import_cancel(struct svc_auth_op *op)
{
	if (op->rows == NULL || op->rows->rows == NULL) {
		return;
	}
	for (size_t i = 0; i < op->rows->n; i++) {
		if (op->rows->rows[i].verifier.auth != NULL) {
			svc_auth_verifier_cancel(&op->rows->rows[i].verifier);
		}
	}
}
