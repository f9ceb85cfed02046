/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole connections: the first octet chooses letters, TLS and the sizes of pieces, the rest is the
 * server. Asserted: what is kept stays in bounds, each transaction ends once with a result for each
 * recipient, nothing is delivered without 354 and an end of data, and a closed engine is still.
 */
#include "base/codec.h"
#include "proto/smtpc/peer.h"
#include "proto/smtpc/smtpc_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct smtpc_to to[] = { { S_INIT("bob@b.test"), S_INIT("rfc822;bob@b.test"), 2 },
	{ S_INIT("b\xc3\xb6@b.test"), S_INIT(""), 1 }, { S_INIT("eve@b.test"), S_INIT(""), 0 } };
static const struct smtpc_letter letters[] = {
	{ .reverse_path = S_INIT("alice@a.test"),
	    .envid = S_INIT("x"),
	    .ret = 1,
	    .body8bit = true,
	    .size = 18,
	    .rcpts = to,
	    .rcpts_n = 3 },
	{ .reverse_path = S_INIT(""),
	    .envid = S_INIT(""),
	    .requiretls = true,
	    .rcpts = to,
	    .rcpts_n = 1 },
	{ .reverse_path = S_INIT(""), .envid = S_INIT(""), .rcpts = to, .rcpts_n = 1 },
};

static size_t
count(const struct buf *b, str word)
{
	size_t n = 0;
	str rest = buf_view(b);
	for (ptrdiff_t at = str_find(rest, word); at >= 0; at = str_find(rest, word)) {
		rest = str_from_off(rest, (size_t)at + word.n);
		n++;
	}
	return n;
}

static void
check(const struct smtpc_peer *p)
{
	const struct smtpc *s = &p->s;
	ASSERT(s->actions_n == 0 && s->out.n == 0);
	ASSERT(s->last.lines.n <= SMTPC_KEPT_MAX && utf8_valid(s->last.lines));
	ASSERT(str_find(s->last.lines, S("bob@")) < 0 && str_chr(s->last.lines, '\x1b') < 0);
	ASSERT(s->reader.line_n < SMTPC_LINE_MAX && s->reader.octets <= SMTPC_REPLY_MAX + 1);
	ASSERT(p->closed == (s->state == SMTPC_ST_CLOSED));
	ASSERT(count(&p->done, S("{done")) <= p->next);
	ASSERT(count(&p->done, S("{failed")) <= 1 && count(&p->done, S("{close}")) <= 1);
	ASSERT(count(&p->done, S("{done d")) <= count(&p->said, S("\r\n.\r\n")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 200000) {
		return 0;
	}
	struct smtpc_peer p;
	smtpc_peer_init(&p);
	p.want_tls = (data[0] & 1) != 0;
	p.letters = &letters[(data[0] >> 1) % 3];
	p.letters_n = 3 - (data[0] >> 1) % 3;
	p.plain_replies = true;
	smtpc_peer_open(&p);
	str in = str_make(data + 1, size - 1);
	for (size_t at = 0; at < in.n;) {
		size_t n = MIN((size_t)(data[0] >> 2) * 5 + 1, in.n - at);
		smtpc_peer_give(&p, str_sub(in, at, n), n);
		check(&p);
		at += n;
	}
	smtpc_lost(&p.s, (data[0] & 4) != 0 ? SMTPC_END_TIMEOUT : SMTPC_END_EOF);
	smtpc_peer_turn(&p);
	check(&p);
	ASSERT(p.closed && count(&p.done, S("{close}")) == 1);
	smtpc_peer_done(&p);
	return 0;
}
