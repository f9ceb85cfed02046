/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GETQUOTA GETQUOTAROOT SETQUOTA (RFC 9208, 2087): an account has one quota root, "". It is asked
 * for here; the administrator sets it.
 */
#include "svc/account/imap/session.h"

#include "proto/imap/write.h"

enum { UNIT = 1024 }; /* octets of STORAGE, RFC 9208 5.1 */

/* "* QUOTA "" (STORAGE 10 512 MESSAGE 42 1000)": what is not limited is left out. */
static enum err
put_quota(struct svc_account_imap *s)
{
	struct store_quota q;
	TRY(store_quota(s->store, &q));
	buf_cstr(&s->out, "* QUOTA \"\" (");
	if (q.octets_max != 0) {
		buf_printf(&s->out, "STORAGE %llu %llu",
		    (unsigned long long)(q.octets / UNIT + (q.octets % UNIT != 0)),
		    (unsigned long long)(q.octets_max / UNIT));
	}
	if (q.messages_max != 0) {
		buf_printf(&s->out, "%sMESSAGE %llu %llu", q.octets_max != 0 ? " " : "",
		    (unsigned long long)q.messages, (unsigned long long)q.messages_max);
	}
	buf_cstr(&s->out, ")\r\n");
	return ERR_OK;
}

enum err
svc_account_imap_cmd_getquota(struct svc_account_imap *s, struct imap_command *cmd)
{
	if (cmd->u.quota_root.n > 0) {
		return svc_account_imap_fail(s, ERR_NOTFOUND, "NONEXISTENT", "no such quota root");
	}
	return put_quota(s);
}

/* The mailbox need not exist. */
enum err
svc_account_imap_cmd_getquotaroot(struct svc_account_imap *s, struct imap_command *cmd)
{
	buf_cstr(&s->out, "* QUOTAROOT ");
	imap_put_mailbox(&s->out, cmd->u.mailbox, svc_account_imap_utf8(s));
	buf_cstr(&s->out, " \"\"\r\n");
	return put_quota(s);
}

enum err
svc_account_imap_cmd_setquota(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_fail(s, ERR_DENIED, "NOPERM", "the administrator sets quotas");
}
