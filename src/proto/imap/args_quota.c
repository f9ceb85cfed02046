/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of the quota verbs (RFC 9208 7).
 *
 *	getquota = "GETQUOTA" SP quota-root-name      quota-root-name = astring
 *	setquota = "SETQUOTA" SP quota-root-name SP "(" [setquota-res *(SP setquota-res)] ")"
 *	setquota-res = atom SP number64
 */
#include "proto/imap/args.h"

void
imap_args_getquota(struct imap_cur *c, struct imap_command *cmd)
{
	imap_cur_sp(c);
	cmd->u.quota_root = imap_cur_astring(c);
}

/* The limits are read and forgotten: nobody may set them here. */
void
imap_args_setquota(struct imap_cur *c, struct imap_command *cmd)
{
	imap_args_getquota(c, cmd);
	imap_cur_sp(c);
	imap_cur_ch(c, '(');
	for (bool first = true; imap_cur_ok(c) && !imap_cur_is(c, ')'); first = false) {
		if (!first) {
			imap_cur_sp(c);
		}
		(void)imap_cur_atom(c);
		imap_cur_sp(c);
		(void)imap_cur_number64(c);
	}
	imap_cur_ch(c, ')');
}
