/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection says: octets between the socket and the engine of proto/smtpc, letters into it,
 * results out of it. All that ends or moves a connection happens at the end of
 * svc_send_talk_step(), never while the engine's actions are read.
 */
#include "spool/spool.h"
#include "svc/send/conn.h"

#include <errno.h>

enum { READS_MAX = 32 };

/* --- octets -------------------------------------------------------------------------------- */

static void
lost(struct svc_send_conn *c, enum err e)
{
	if (e != ERR_EOF && c->broken == 0) {
		c->broken = c->tls_on ? c->tls.io.broken : sys_dial_broken(e);
	}
	smtpc_lost(&c->engine, e == ERR_EOF ? SMTPC_END_EOF : SMTPC_END_RESET);
}

static enum err
read_some(struct svc_send_conn *c, size_t *ret_n)
{
	char *to = c->server->in;
	if (c->tls_on) {
		return svc_common_tls_read(&c->tls.io, to, SVC_SEND_READ_MAX, ret_n);
	}
	TRY(sys_sock_read(c->watch.fd, to, SVC_SEND_READ_MAX, ret_n));
	c->received += *ret_n;
	return ERR_OK;
}

/* Everything to the engine, which may want us to act in between. */
static void
feed(struct svc_send_conn *c, str s)
{
	bool acted = true;
	while (s.n > 0 && acted) {
		size_t used = 0;
		smtpc_feed(&c->engine, s, &used);
		s = str_from_off(s, used);
		acted = svc_send_talk_actions(c) || used > 0;
	}
}

static void
read_all(struct svc_send_conn *c)
{
	for (unsigned i = 0; i < READS_MAX; i++) {
		size_t n = 0;
		enum err e = read_some(c, &n);
		if (e == ERR_AGAIN) {
			return;
		}
		if (e != ERR_OK) {
			lost(c, e);
			return;
		}
		feed(c, str_make(c->server->in, n));
		if (c->want_tls || c->failed || c->closing) {
			return;
		}
	}
	smtpc_lost(&c->engine, SMTPC_END_PROTOCOL); /* nobody has so much to say */
}

static enum err
write_some(struct svc_send_conn *c, str s, size_t *ret_n)
{
	if (c->tls_on) {
		return svc_common_tls_write(&c->tls.io, s, ret_n);
	}
	TRY(sys_sock_write(c->watch.fd, s, ret_n));
	c->sent += *ret_n;
	return ERR_OK;
}

void
svc_send_talk_flush(struct svc_send_conn *c)
{
	str out = smtpc_output(&c->engine);
	while (out.n > 0 && c->watch.fd >= 0) {
		size_t n = 0;
		enum err e = write_some(c, out, &n);
		if (e == ERR_AGAIN) {
			return;
		}
		if (e != ERR_OK) {
			lost(c, e);
			return;
		}
		smtpc_sent(&c->engine, n);
		c->wait_from_ms = sys_loop_now_ms(c->server->sc->loop);
		out = smtpc_output(&c->engine);
	}
}

/* Signatures first, then the letter as it came. */
static str
body_piece(const struct svc_send_conn *c)
{
	const struct svc_send_letter *l = c->letter;
	str part = c->body_at < l->fields.n ? str_from_off(l->fields, c->body_at)
					    : str_from_off(l->body, c->body_at - l->fields.n);
	return str_sub(part, 0, SVC_SEND_WRITE_MAX);
}

static void
pump_body(struct svc_send_conn *c)
{
	while (c->body_on) {
		size_t used = 0;
		str piece = body_piece(c);
		if (piece.n == 0) {
			c->body_on = false;
			(void)(smtpc_body_end(&c->engine) == ERR_OK); /* else actions say so */
			return;
		}
		if (smtpc_body(&c->engine, piece, &used) != ERR_OK) {
			c->body_on = false;
			return;
		}
		c->body_at += used;
		if (used < piece.n) {
			svc_send_talk_flush(c);
			if (smtpc_output(&c->engine).n > 0) {
				return;
			}
		}
	}
}

/* --- records ------------------------------------------------------------------------------- */

/* What is known of the connection, into the attempt under way. */
static void
see_connection(struct svc_send_conn *c)
{
	struct svc_send_attempt *a = &c->attempt;
	a->letter = c->letter;
	a->route = c->route;
	a->host = c->host;
	a->has_peer = true;
	memcpy(a->peer, c->peer, 16);
	memcpy(a->source, c->source, 16);
	a->has_tls = c->has_tls;
	a->tls = c->facts;
	a->tls.issuer.p = c->facts.issuer.n > 0 ? a->tls.issuer_text : NULL;
	a->dane = c->dane;
	a->sts = c->sts;
	a->soft_tls = c->soft_tls;
	if (c->watch.fd >= 0) {
		sys_dial_info(c->watch.fd, &a->info);
	}
	struct reach_seen *s = &a->seen;
	uint64_t sent = c->tls_on ? c->sent + c->tls.io.written : c->sent;
	uint64_t received = c->tls_on ? c->received + c->tls.io.read : c->received;
	s->sent = sent - c->sent_before;
	s->received = received - c->received_before;
	s->system_error = c->broken;
	s->timed_out = c->timed_out;
	s->retransmits = a->info.retransmits;
	s->unacked = a->info.unacked;
	s->tls_expected = c->host->dane != DANE_DEMAND_NONE || c->route->sts == MTASTS_ENFORCE;
	s->garbled |= c->engine_on && smtpc_caps(&c->engine)->mangled;
}

static void
see_reply(struct reach_seen *s, const struct smtpc_reply *r)
{
	s->code = r->code;
	s->enhanced = r->enhanced;
	s->reply = r->lines;
}

void
svc_send_talk_record(struct svc_send_conn *c)
{
	struct svc_send_attempt *a = &c->attempt;
	struct svc_send *sv = c->server;
	if (!c->attempt_on || c->letter == NULL) {
		return;
	}
	c->attempt_on = false;
	a->rcpts = svc_send_letter_open(c->letter);
	see_connection(c);
	a->seen.phase = REACH_PHASE_CONNECT;
	if (c->failed) {
		a->seen.phase = (enum reach_phase)c->end.phase;
		a->seen.closed = c->end.end == SMTPC_END_EOF;
		a->seen.garbled |= c->end.end == SMTPC_END_PROTOCOL;
		if (c->end.end == SMTPC_END_REFUSED) {
			see_reply(&a->seen, smtpc_last(&c->engine));
		} else if (c->end.end == SMTPC_END_INJECTED) {
			a->seen.tls = REACH_TLS_VALIDATION;
			a->seen.garbled = true;
			a->sentence = S("said more than it was asked before TLS began");
		}
	}
	if (c->letter->requiretls && a->seen.tls != REACH_TLS_OK) { /* RFC 8689 4.2.1 */
		a->verdict = SVC_SEND_FAILED;
		a->seen.enhanced = S("5.7.10");
	}
	svc_send_attempt_end(a, sv);
	svc_send_letter_note_all(c->letter, &a->outcome);
	svc_send_attempt_credit(a, c->letter);
	if (a->seen.code >= 400 && c->op != NULL) {
		svc_send_operator_slow(&sv->pace, c->op, sys_loop_now_ms(sv->sc->loop));
	}
}

/* --- results ------------------------------------------------------------------------------- */

/* Could another host take what this one did not? Never once it may have taken it. */
static bool
is_worth_moving(const struct svc_send_conn *c, const struct smtpc_result *r, bool uncertain)
{
	bool other = false;
	for (size_t i = c->at + 1; i < c->places_n; i++) {
		other |= c->places[i].host != c->places[c->at].host;
	}
	if (!other || uncertain || r->verdict == SMTPC_DELIVERED) {
		return false;
	}
	bool lack = r->lack == SMTPC_LACK_SMTPUTF8 || r->lack == SMTPC_LACK_REQUIRETLS ||
	    r->lack == SMTPC_LACK_SIZE || r->lack == SMTPC_LACK_LOST ||
	    r->lack == SMTPC_LACK_PROTOCOL;
	bool later = r->verdict == SMTPC_RETRY && (r->phase == SMTPC_PHASE_MAIL || r->code == 421);
	return lack || later;
}

/* The recipient whose fate tells most: refused, then later, then taken; -1: all again. */
static ptrdiff_t
most_telling(const struct smtpc_done *d)
{
	ptrdiff_t best = -1;
	for (size_t i = 0; i < d->n; i++) {
		const struct smtpc_result *r = &d->results[i];
		bool better = best < 0 || r->verdict > d->results[best].verdict;
		if (better && !r->again) {
			best = (ptrdiff_t)i;
		}
	}
	return best;
}

static void
record_transaction(struct svc_send_conn *c, const struct smtpc_done *d,
    const struct smtpc_result *r)
{
	struct svc_send_attempt *a = &c->attempt;
	c->attempt_on = false;
	a->rcpts = d->n;
	see_connection(c);
	a->verdict = (uint8_t)r->verdict;
	a->seen.phase = (enum reach_phase)r->phase;
	a->seen.code = r->code;
	a->seen.enhanced = r->enhanced;
	a->seen.reply = r->code != 0 ? r->reply : S("");
	bool broke = r->lack == SMTPC_LACK_LOST || r->lack == SMTPC_LACK_PROTOCOL;
	if (broke) {
		a->seen.enhanced = S("");
		a->seen.closed = c->broken == 0 && !c->timed_out;
		a->seen.garbled |= r->lack == SMTPC_LACK_PROTOCOL;
	} else if (r->lack != SMTPC_LACK_NONE) {
		a->sentence = r->reply;
	}
	svc_send_attempt_end(a, c->server);
	svc_send_attempt_credit(a, c->letter);
}

static void
note_result(struct svc_send_conn *c, size_t rcpt, const struct smtpc_result *r)
{
	char text[SVC_SEND_REPLY_MAX * 4];
	struct buf b;
	struct svc_send_outcome o = c->attempt.outcome;
	buf_init_fixed(&b, text, sizeof text);
	o.verdict = (uint8_t)r->verdict;
	if (r->code != 0) {
		smtpc_reply_text(&b, r->reply);
		o.code = r->code;
		o.enhanced = r->enhanced;
		o.reply = str_sub(buf_view(&b), 0, SVC_SEND_REPLY_MAX);
		o.rank = svc_send_attempt_rank(o.verdict, o.code);
	} else if (r->lack != SMTPC_LACK_LOST && r->lack != SMTPC_LACK_PROTOCOL) {
		o.code = 0;
		o.enhanced = r->enhanced;
		o.reply = r->reply;
	}
	svc_send_letter_note(c->letter, rcpt, &o);
}

/* The operator hears praise for what it took, and gets fewer connections when it has enough. */
static void
pace(struct svc_send_conn *c, const struct smtpc_result *r)
{
	struct svc_send *sv = c->server;
	bool enough = r->code == 421 || (r->code / 100 == 4 && r->phase != SMTPC_PHASE_RCPT);
	if (r->verdict == SMTPC_DELIVERED) {
		svc_send_operator_praise(&sv->pace, c->op);
	} else if (enough) {
		svc_send_operator_slow(&sv->pace, c->op, sys_loop_now_ms(sv->sc->loop));
	}
}

/* A peer that closed while the connection rested has not heard of the letter. */
static bool
is_stale(const struct svc_send_conn *c, const struct smtpc_result *r)
{
	return c->resumed_use && r->lack == SMTPC_LACK_LOST && r->phase <= SMTPC_PHASE_MAIL &&
	    !c->timed_out;
}

static void
finish_letter(struct svc_send_conn *c)
{
	struct svc_send_letter *l = c->letter;
	if (svc_send_letter_open(l) == 0) {
		c->letter = NULL;
		l->conn = NULL;
		svc_send_letter_finish(l);
	}
}

static void
take_results(struct svc_send_conn *c)
{
	struct svc_send_letter *l = c->letter;
	struct smtpc_done d = smtpc_results(&c->engine);
	ptrdiff_t best = most_telling(&d);
	c->body_on = false;
	if (best >= 0 && is_stale(c, &d.results[best])) {
		c->server->count.stale++;
		c->attempt_on = false;
		svc_send_conn_give_back(c);
		return;
	}
	c->resumed_use = false;
	l->heard = true;
	if (best < 0) {
		return;
	}
	record_transaction(c, &d, &d.results[best]);
	pace(c, &d.results[best]);
	l->uncertain |= d.uncertain;
	for (size_t i = 0; i < d.n; i++) {
		const struct smtpc_result *r = &d.results[i];
		if (r->again) {
			continue;
		}
		bool move = is_worth_moving(c, r, d.uncertain);
		note_result(c, c->batch[i], r);
		l->rcpts[c->batch[i]].settled = !move;
		c->elsewhere |= move;
		l->relayed_dsn |= r->verdict == SMTPC_DELIVERED && d.dsn;
		l->undone_dsn |= r->verdict == SMTPC_DELIVERED && !d.dsn;
	}
	finish_letter(c);
}

/* --- a letter ------------------------------------------------------------------------------ */

static size_t
make_batch(struct svc_send_conn *c, struct smtpc_to *to)
{
	const struct svc_send_letter *l = c->letter;
	size_t most = MIN(smtpc_rcpts_at_once(&c->engine), (size_t)SVC_SEND_RCPTS_MAX), n = 0;
	for (size_t i = 0; i < l->rcpts_n && n < MAX(most, 1u); i++) {
		const struct svc_send_rcpt *r = &l->rcpts[i];
		if (!r->settled) {
			to[n] = (struct smtpc_to){
				.address = r->address, .orcpt = r->orcpt, .notify = r->notify
			};
			c->batch[n++] = (uint16_t)i;
		}
	}
	return n;
}

/* The engine will not say it: an address or parameter that cannot be written, or no memory. */
static void
cannot_say(struct svc_send_conn *c, enum err e)
{
	struct svc_send_letter *l = c->letter;
	bool syntax = e == ERR_SYNTAX || e == ERR_TOOBIG;
	struct svc_send_outcome o = { .verdict = syntax ? SVC_SEND_FAILED : SVC_SEND_RETRY,
		.rank = UINT8_MAX,
		.enhanced = syntax ? S("5.1.3") : S("4.3.0"),
		.reply = syntax ? S("the envelope holds what SMTP cannot say")
				: S("this server is short of memory") };
	svc_send_letter_note_all(l, &o);
	c->letter = NULL;
	l->conn = NULL;
	c->attempt_on = false;
	svc_send_letter_finish(l);
	c->now = true; /* the engine is as ready as before */
}

void
svc_send_talk_letter(struct svc_send_conn *c)
{
	struct svc_send *sv = c->server;
	const struct svc_send_letter *l = c->letter;
	struct smtpc_to to[SVC_SEND_RCPTS_MAX];
	struct smtpc_letter m = { .reverse_path = l->reverse_path,
		.envid = l->envid,
		.ret = l->ret,
		.smtputf8 = l->smtputf8,
		.body8bit = l->body8bit,
		.requiretls = l->requiretls,
		.size = l->fields.n + l->body.n,
		.rcpts = to,
		.rcpts_n = make_batch(c, to) };
	if (!c->attempt_on) {
		svc_send_attempt_begin(&c->attempt, sv, REACH_PHASE_MAIL);
		c->attempt_on = true;
		c->sent_before = c->tls_on ? c->sent + c->tls.io.written : c->sent;
		c->received_before = c->tls_on ? c->received + c->tls.io.read : c->received;
	}
	c->letters++;
	c->body_at = 0;
	c->elsewhere = false;
	if (c->plain) {
		char id[SPOOL_ID_TEXT];
		sv->count.plaintext++;
		spool_id_text(l->entry, id);
		LOG(SEND_PLAINTEXT, F_CSTR("queue", id), F_STR("to", l->rcpts[0].address),
		    F_STR("mx", c->host->name), F_IP("peer", c->peer));
	}
	enum err e = smtpc_send(&c->engine, &m);
	if (e != ERR_OK) {
		cannot_say(c, e);
	}
}

/* --- turning ------------------------------------------------------------------------------- */

bool
svc_send_talk_actions(struct svc_send_conn *c)
{
	struct smtpc_action a;
	bool any = false;
	while (smtpc_next(&c->engine, &a)) {
		any = true;
		switch (a.kind) {
		case SMTPC_READY: c->now = true; break;
		case SMTPC_STARTTLS: c->want_tls = true; break;
		case SMTPC_BODY: c->body_on = true; break;
		case SMTPC_DONE:
			if (c->letter != NULL) {
				take_results(c);
			}
			break;
		case SMTPC_FAILED:
			c->failed = true;
			c->end = a;
			break;
		case SMTPC_CLOSE: c->closing = true; break;
		}
	}
	if (c->attempt_on && !c->failed) {
		enum reach_phase phase = (enum reach_phase)smtpc_phase(&c->engine);
		svc_send_attempt_phase(&c->attempt, c->server, phase);
	}
	return any;
}

/* The connection is of no more use. Where the letter stays with us, on to the next place. */
static void
fail(struct svc_send_conn *c)
{
	if (c->letter == NULL) {
		svc_send_conn_down(c);
		return;
	}
	bool was_ready = c->ready;
	if (!c->failed) {
		c->failed = true;
		c->end = (struct smtpc_action){ .end = SMTPC_END_EOF, .phase = c->phase };
	}
	svc_send_talk_record(c);
	svc_send_conn_advance(c, was_ready);
}

static void
taken_in(struct svc_send_conn *c)
{
	struct svc_send_route *r = c->route;
	c->ready = true;
	r->ready_n++;
	r->proven = true;
	svc_send_talk_letter(c);
	svc_send_route_pump(r);
}

/* The engine waits for us. */
static void
on_ready(struct svc_send_conn *c)
{
	c->now = false;
	if (!c->tls_on && !c->plain) {
		svc_send_handshake_decide(c);
	} else if (!c->ready) {
		taken_in(c);
	} else if (c->letter == NULL) {
		svc_send_conn_rest(c);
	} else if (c->elsewhere) {
		smtpc_quit(&c->engine);
		svc_send_talk_flush(c);
		c->failed = true; /* of no use for this letter */
	} else if (!smtpc_reusable(&c->engine)) {
		svc_send_conn_give_back(c); /* its other recipients, over another connection */
		svc_send_conn_leave(c);
	} else {
		svc_send_talk_letter(c);
	}
}

/* From the last reply or octet that went; an octet a second does not keep us. */
static void
set_clock(struct svc_send_conn *c)
{
	struct svc_send *sv = c->server;
	int64_t now = sys_loop_now_ms(sv->sc->loop);
	enum smtpc_phase phase = smtpc_phase(&c->engine);
	if (c->replies != c->engine.replies || phase != c->phase) {
		c->replies = c->engine.replies;
		c->phase = phase;
		c->wait_from_ms = now;
	}
	int64_t wait = MIN((int64_t)smtpc_timeout_s(&c->engine) * 1000, sv->set.reply_ms);
	int64_t until = MIN(c->wait_from_ms + wait, c->attempt.began_ms + SVC_SEND_TXN_MS);
	sys_timer_set(sv->sc->loop, &c->timer, MAX(until - now, 0));
}

/* Until only the peer can bring it further. False: it is of no more use. */
static bool
turn(struct svc_send_conn *c)
{
	bool acted = true;
	while (acted || c->now || c->want_tls) {
		if (c->failed || c->closing) {
			return false;
		}
		if (c->want_tls) {
			svc_send_handshake_begin(c);
			if (c->state == SVC_SEND_HANDSHAKE && !svc_send_handshake_go(c)) {
				return true;
			}
		} else if (c->now) {
			on_ready(c);
		}
		pump_body(c);
		svc_send_talk_flush(c);
		acted = svc_send_talk_actions(c);
	}
	return !c->failed && !c->closing;
}

void
svc_send_talk_step(struct svc_send_conn *c)
{
	if (!turn(c)) {
		fail(c);
		return;
	}
	if (c->state == SVC_SEND_HANDSHAKE) {
		return;
	}
	unsigned out = smtpc_output(&c->engine).n > 0 ? SYS_OUT : 0;
	sys_watch_set(c->server->sc->loop, &c->watch, SYS_IN | out);
	if (c->state == SVC_SEND_TALKING) {
		set_clock(c);
	}
}

void
svc_send_talk_begin(struct svc_send_conn *c)
{
	if (smtpc_init(&c->engine, c->server->engine_conf, c->arena) != ERR_OK) {
		c->broken = ENOMEM;
		svc_send_talk_record(c);
		svc_send_conn_advance(c, false);
		return;
	}
	c->engine_on = true;
	c->sent_before = c->received_before = 0;
	c->phase = SMTPC_PHASES;
	svc_send_attempt_phase(&c->attempt, c->server, REACH_PHASE_BANNER);
	svc_send_talk_step(c);
}

void
svc_send_talk(struct svc_send_conn *c, unsigned events)
{
	if ((events & (SYS_IN | SYS_HUP)) != 0) {
		read_all(c);
	}
	if (c->state != SVC_SEND_GONE && c->engine_on) {
		svc_send_talk_step(c);
	}
}

void
svc_send_talk_timeout(struct svc_send_conn *c)
{
	c->timed_out = true;
	c->server->count.timeouts++;
	c->state = SVC_SEND_TALKING;
	smtpc_lost(&c->engine, SMTPC_END_TIMEOUT);
	svc_send_talk_step(c);
}
