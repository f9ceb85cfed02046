/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller of tests. Input is given in copies of its exact size: reading too far is found.
 */
#include "proto/smtpc/peer.h"

void
smtpc_peer_init(struct smtpc_peer *p)
{
	static const struct smtpc_to to[] = { { S_INIT("bob@b.test"), S_INIT(""), 0 } };
	static const struct smtpc_letter one = { .reverse_path = S_INIT("alice@a.test"),
		.envid = S_INIT(""),
		.size = 20,
		.rcpts = to,
		.rcpts_n = 1 };
	*p = (struct smtpc_peer){ .conf = { S("mx.a.test") },
		.letters = &one,
		.letters_n = 1,
		.body = S("Subject: x\r\n\r\nhi\r\n"),
		.chunk = 7 };
}

void
smtpc_peer_open(struct smtpc_peer *p)
{
	buf_init(&p->said, 1 << 20);
	buf_init(&p->done, 1 << 20);
	p->arena = arena_new(NULL, "peer", 4 << 20, 0);
	ASSERT(p->arena != NULL);
	ASSERT(smtpc_init(&p->s, &p->conf, p->arena) == ERR_OK);
}

void
smtpc_peer_done(struct smtpc_peer *p)
{
	smtpc_done(&p->s);
	arena_free(&p->arena);
	buf_done(&p->said);
	buf_done(&p->done);
}

static void
ready(struct smtpc_peer *p)
{
	if (!smtpc_ready(&p->s)) {
		return;
	}
	if (p->want_tls && !p->s.tls && smtpc_caps(&p->s)->starttls) {
		smtpc_starttls(&p->s);
	} else if (p->next < p->letters_n && smtpc_reusable(&p->s)) {
		p->body_at = 0;
		enum err e = smtpc_send(&p->s, &p->letters[p->next++]);
		if (e != ERR_OK) {
			buf_printf(&p->done, "{send %s}", err_name(e));
			smtpc_quit(&p->s);
		}
	} else {
		smtpc_quit(&p->s);
	}
}

static void
put_result(struct smtpc_peer *p, const struct smtpc_result *r)
{
	static const char words[] = { '?', 'd', 'r', 'x' };
	ASSERT(r->verdict >= SMTPC_DELIVERED && r->verdict <= SMTPC_REFUSED);
	ASSERT((r->lack == 0) == (r->code != 0));
	ASSERT(r->reply.n <= SMTPC_KEPT_MAX);
	buf_printf(&p->done, " %c%u", words[r->verdict], r->code);
	if (r->enhanced.n > 0) {
		buf_printf(&p->done, "/%.*s", STR_ARG(r->enhanced));
	}
	if (r->again) {
		buf_str(&p->done, S("+"));
	}
	if (!p->plain_replies && r->lack == 0 && r->verdict != SMTPC_DELIVERED) {
		buf_ch(&p->done, '(');
		smtpc_reply_join(&p->done, r->reply);
		buf_ch(&p->done, ')');
	}
}

static void
act(struct smtpc_peer *p, const struct smtpc_action *a)
{
	struct smtpc_done d;
	switch (a->kind) {
	case SMTPC_READY: ready(p); break;
	case SMTPC_STARTTLS: buf_str(&p->done, S("{starttls}")); break;
	case SMTPC_BODY: break;
	case SMTPC_DONE:
		d = smtpc_results(&p->s);
		buf_str(&p->done, d.uncertain ? S("{done?") : S("{done"));
		for (size_t i = 0; i < d.n; i++) {
			put_result(p, &d.results[i]);
		}
		buf_ch(&p->done, '}');
		break;
	case SMTPC_FAILED:
		buf_printf(&p->done, "{failed %d %d %u}", a->end, a->phase,
		    smtpc_last(&p->s)->code);
		break;
	case SMTPC_CLOSE:
		ASSERT(!p->closed);
		p->closed = true;
		buf_str(&p->done, S("{close}"));
		break;
	}
}

/* Give what there is room for; end it when all was taken. */
static void
body(struct smtpc_peer *p)
{
	size_t used;
	str piece = str_sub(p->body, p->body_at, p->chunk);
	enum err e = piece.n == 0 ? smtpc_body_end(&p->s) : smtpc_body(&p->s, piece, &used);
	p->body_at += e == ERR_OK && piece.n > 0 ? used : 0;
	if (e != ERR_OK) {
		buf_printf(&p->done, "{body %s}", err_name(e));
	}
}

static bool
step(struct smtpc_peer *p)
{
	struct smtpc_action a;
	if (smtpc_next(&p->s, &a)) {
		act(p, &a);
		return true;
	}
	str out = smtpc_output(&p->s);
	buf_str(&p->said, out);
	smtpc_sent(&p->s, out.n);
	if (p->s.state == SMTPC_ST_BODY) {
		body(p);
		return true;
	}
	return out.n > 0;
}

void
smtpc_peer_turn(struct smtpc_peer *p)
{
	while (step(p)) {
	}
}

static void
give_piece(struct smtpc_peer *p, str in, size_t chunk)
{
	for (size_t at = 0; at < in.n;) {
		struct buf piece;
		size_t used = 0, n = MIN(chunk, in.n - at);
		buf_init(&piece, n);
		buf_add(&piece, in.p + at, n);
		for (size_t from = 0; from < n; from += used) {
			smtpc_feed(&p->s, str_from_off(buf_view(&piece), from), &used);
			ASSERT(used > 0 || p->s.actions_n > 0);
			smtpc_peer_turn(p);
		}
		buf_done(&piece);
		at += n;
	}
}

void
smtpc_peer_give(struct smtpc_peer *p, str in, size_t chunk)
{
	str part;
	bool more = true;
	while (more) {
		more = str_cut(in, '\x01', &part, &in);
		give_piece(p, part, chunk);
		if (more) {
			smtpc_tls_up(&p->s);
			smtpc_peer_turn(p);
		}
	}
}
