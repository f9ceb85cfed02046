/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envelope to octets and back, field by field in the order of the struct.
 */
#include "spool/envelope.h"

void
spool_envelope_put(struct buf *out, const struct spool_envelope *e)
{
	wr_u64(out, e->session);
	wr_u64(out, e->account);
	wr_u8(out, e->submission);
	wr_u8(out, e->smtputf8);
	wr_u8(out, e->body8bit);
	wr_u8(out, e->ret);
	wr_i64(out, e->received_s);
	wr_str(out, e->reverse_path);
	wr_str(out, e->envid);
	wr_str(out, e->peer_ip);
	wr_str(out, e->message_id);
	wr_str(out, e->language);
	wr_u8(out, e->requiretls);
	wr_u8(out, e->unenforced);
	wr_u32(out, (uint32_t)e->rcpts_n);
	for (size_t i = 0; i < e->rcpts_n; i++) {
		const struct spool_rcpt *r = &e->rcpts[i];
		wr_u64(out, r->account);
		wr_str(out, r->address);
		wr_str(out, r->detail);
		wr_str(out, r->original);
		wr_str(out, r->orcpt);
		wr_u8(out, r->notify);
		wr_u8(out, r->junk);
		wr_str(out, r->sender);
		wr_str(out, r->via);
		wr_u64(out, r->reports);
	}
}

static void
get_rcpt(struct rd *r, uint16_t version, struct spool_rcpt *ret)
{
	ret->account = rd_u64(r);
	ret->address = rd_str(r, SPOOL_PATH_MAX);
	ret->detail = rd_str(r, SPOOL_PATH_MAX);
	ret->original = rd_str(r, SPOOL_PATH_MAX);
	ret->orcpt = rd_str(r, SPOOL_PATH_MAX);
	ret->notify = rd_u8(r);
	ret->junk = version >= 3 && rd_u8(r) != 0;
	if (version >= 4) {
		ret->sender = rd_str(r, SPOOL_PATH_MAX);
		ret->via = rd_str(r, SPOOL_PATH_MAX);
		ret->reports = rd_u64(r);
	}
}

/* What stands in front of the recipients. */
static struct spool_envelope
get_head(struct rd *r, uint16_t version)
{
	struct spool_envelope e = { 0 };
	e.session = rd_u64(r);
	e.account = rd_u64(r);
	e.submission = rd_u8(r) != 0;
	e.smtputf8 = rd_u8(r) != 0;
	e.body8bit = rd_u8(r) != 0;
	e.ret = rd_u8(r);
	e.received_s = rd_i64(r);
	e.reverse_path = rd_str(r, SPOOL_PATH_MAX);
	e.envid = rd_str(r, SPOOL_PATH_MAX);
	e.peer_ip = rd_str(r, 16);
	if (version >= 2) {
		e.message_id = rd_str(r, SPOOL_MESSAGE_ID_MAX);
		e.language = rd_str(r, SPOOL_LANGUAGE_MAX);
		e.requiretls = rd_u8(r) != 0;
		e.unenforced = rd_u8(r) != 0;
	}
	e.rcpts_n = rd_u32(r);
	return e;
}

enum err
spool_envelope_get(str text, uint16_t version, struct arena *a, struct spool_envelope *ret)
{
	struct rd r = rd_make(text);
	struct spool_envelope e = get_head(&r, version);
	if (r.bad || e.rcpts_n == 0 || e.rcpts_n > SPOOL_RCPTS_MAX) {
		return ERR_SYNTAX;
	}
	e.rcpts = arena_array(a, e.rcpts_n, sizeof *e.rcpts);
	if (e.rcpts == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < e.rcpts_n; i++) {
		get_rcpt(&r, version, &e.rcpts[i]);
	}
	TRY(rd_end(&r));
	*ret = e;
	return ERR_OK;
}
