/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEARCH (RFC 9051 6.4.4, 7.3.4; 4731; 5182; 6203; 7162 3.1.5; 9394). How a program is run, and the
 * other commands that run one: search/. UIDBATCHES: limit/.
 */
#include "svc/account/imap/search/search.h"

#include "svc/account/imap/limit.h"
#include "svc/account/imap/qresync.h"

/* "* SEARCH 2 84 882 (MODSEQ 917162500)" (RFC 3501 7.2.5, 7162 3.1.5) */
static void
put_search(struct svc_account_imap_result *r)
{
	struct buf *out = &r->s->out;
	buf_cstr(out, "* SEARCH");
	for (size_t i = 0; i < r->found.n; i++) {
		for (uint64_t uid = r->found.v[i].lo; uid <= r->found.v[i].hi; uid++) {
			buf_ch(out, ' ');
			buf_u64(out, svc_account_imap_search_result_number(r, (uint32_t)uid));
			svc_account_imap_breathe(r->s);
		}
	}
	if (r->args->program.has_modseq && r->min != 0) {
		buf_printf(out, " (MODSEQ %llu)", (unsigned long long)r->highest);
	}
	buf_cstr(out, "\r\n");
}

static enum err
answer(struct svc_account_imap_result *r)
{
	if (r->args->extended || (r->s->enabled & IMAP_ENABLED_REV2) != 0) {
		unsigned ret = r->args->extended ? r->args->ret : (unsigned)IMAP_RETURN_ALL;
		return svc_account_imap_search_result_answer(r, ret);
	}
	TRY(store_set_err(&r->found));
	put_search(r);
	return ERR_OK;
}

static enum err
search(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct imap_search_args *args = &cmd->u.search;
	struct svc_account_imap_result r = {
		.s = s, .args = args, .box = &s->box, .uid = cmd->uid, .tag = cmd->tag
	};
	TRY(svc_account_imap_search_begin(s, &args->program));
	enum err e = svc_account_imap_search_result_run(&r, &args->program);
	e = e == ERR_OK ? answer(&r) : e;
	store_set_done(&r.found);
	return e;
}

enum err
svc_account_imap_cmd_search(struct svc_account_imap *s, struct imap_command *cmd)
{
	if (cmd->u.search.charset && (s->enabled & IMAP_ENABLED_UTF8) != 0) {
		return ERR_BADSTATE; /* RFC 6855 3 */
	}
	enum err e = svc_account_imap_refresh(s, svc_account_imap_may_expunge(cmd), NULL);
	if (e == ERR_OK && s->state == IMAP_SELECTED) {
		e = search(s, cmd);
		svc_account_imap_search_result_failed(s, cmd->u.search.ret, e);
	}
	return e;
}

enum err
svc_account_imap_cmd_sort(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_search_sort(s, cmd);
}

enum err
svc_account_imap_cmd_thread(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_search_thread(s, cmd);
}

enum err
svc_account_imap_cmd_esearch(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_search_mailboxes(s, cmd);
}

enum err
svc_account_imap_cmd_uidbatches(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_limit_batches(s, &cmd->u.batches);
}
