/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text behind DATA on its way out: dots stuffed at line starts, CRLF and nothing else as line
 * end. Works line by line on runs, one copy into the output.
 *
 *	data = *( [ "." ] line CRLF ) "." CRLF
 */
#include "proto/smtpc/smtpc_priv.h"

/* Is there a CR in the run that no LF of it follows, or could follow in the next one? */
static bool
bare_cr(str run)
{
	ptrdiff_t cr = str_chr(run, '\r');
	return cr >= 0 && (size_t)cr + 1 < run.n;
}

/* The line at the start of `in`, or what there is of it; 0: it is malformed. */
static size_t
take_line(struct smtpc_txn *t, struct buf *out, str in)
{
	const char *lf = memchr(in.p, '\n', in.n);
	size_t n = lf == NULL ? in.n : (size_t)(lf - in.p) + 1;
	str text = str_sub(in, 0, lf == NULL ? n : n - 1);
	bool cr_before = text.n > 0 ? text.p[text.n - 1] == '\r' : t->last_cr;
	if (bare_cr(text) || (t->last_cr && text.n > 0) || (lf != NULL && !cr_before)) {
		return 0;
	}
	if (t->line_start && in.p[0] == '.') {
		buf_ch(out, '.');
	}
	buf_add(out, in.p, n);
	t->line_start = lf != NULL;
	t->last_cr = lf == NULL && cr_before;
	return n;
}

enum err
smtpc_body(struct smtpc *s, str in, size_t *ret_used)
{
	ASSERT(s->magic == SMTPC_MAGIC);
	*ret_used = 0;
	if (s->state != SMTPC_ST_BODY) {
		return ERR_BADSTATE;
	}
	size_t room = s->out.n < SMTPC_OUT_PAUSE ? SMTPC_OUT_PAUSE - s->out.n : 0;
	str piece = str_sub(in, 0, room);
	size_t used = 0;
	while (used < piece.n) {
		size_t n = take_line(&s->txn, &s->out, str_from_off(piece, used));
		if (n == 0) {
			smtpc_finish(s, SMTPC_END_LOCAL);
			return ERR_SYNTAX;
		}
		used += n;
	}
	if (buf_err(&s->out) != ERR_OK) {
		smtpc_finish(s, SMTPC_END_LOCAL);
		return buf_err(&s->out);
	}
	*ret_used = used;
	return ERR_OK;
}

enum err
smtpc_body_end(struct smtpc *s)
{
	ASSERT(s->magic == SMTPC_MAGIC);
	if (s->state != SMTPC_ST_BODY) {
		return ERR_BADSTATE;
	}
	if (s->txn.last_cr) {
		smtpc_finish(s, SMTPC_END_LOCAL);
		return ERR_SYNTAX;
	}
	if (!s->txn.line_start) {
		buf_str(&s->out, S("\r\n"));
	}
	smtpc_say(s, SMTPC_CMD_EOD, S(""));
	if (buf_err(&s->out) != ERR_OK) {
		smtpc_finish(s, SMTPC_END_LOCAL);
		return buf_err(&s->out);
	}
	smtpc_enter(s, SMTPC_ST_EOD);
	return ERR_OK;
}
