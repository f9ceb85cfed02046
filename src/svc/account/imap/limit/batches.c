/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UIDBATCHES (RFC 10022): ranges of uids that divide the selected mailbox into batches of as many
 * messages, the newest first. Each reaches down to the next one, and the last to 1, so a client
 * that goes through them misses nothing, whatever was expunged before.
 */
#include "svc/account/imap/limit.h"

#include "proto/imap/write.h"

/* The uid of the newest message of a batch, counted from 1; 0: there is no such batch. */
static uint32_t
top(const struct store_view *view, uint32_t size, uint64_t batch)
{
	uint64_t newer = (batch - 1) * size;
	return newer < view->n ? store_view_uid(view, view->n - (uint32_t)newer) : 0;
}

static void
put_batches(struct svc_account_imap *s, const struct imap_batches_args *b)
{
	const struct store_view *view = &s->box.view;
	char before = ' ';
	uint32_t hi = top(view, b->size, b->first);
	for (uint64_t i = b->first; hi != 0 && i <= b->last; i++) {
		uint32_t next = top(view, b->size, i + 1);
		buf_printf(&s->out, "%c%u:%u", before, hi, next + 1);
		before = ',';
		hi = next;
	}
}

enum err
svc_account_imap_limit_batches(struct svc_account_imap *s, const struct imap_batches_args *b)
{
	uint64_t there = ((uint64_t)s->box.view.n + b->size - 1) / b->size;
	uint64_t last = MIN(there, b->last);
	if (b->first > b->last) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "CLIENTBUG",
		    "a range of batches goes from low to high");
	}
	if (b->size < IMAP_BATCH_MIN) {
		return svc_account_imap_fail(s, ERR_TOOMANY, "TOOFEW",
		    "a batch has 500 messages at least");
	}
	if (last >= b->first && last - b->first >= IMAP_BATCHES_MAX) {
		return svc_account_imap_fail(s, ERR_TOOMANY, "TOOMANY",
		    "ask for at most 10000 batches at a time");
	}
	buf_cstr(&s->out, "* UIDBATCHES (TAG ");
	imap_put_string(&s->out, s->tag, false);
	buf_ch(&s->out, ')');
	put_batches(s, b);
	buf_cstr(&s->out, "\r\n");
	return ERR_OK;
}
