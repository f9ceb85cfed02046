/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of things: options are negotiated, then each stage is told and answered, until the
 * filter has decided. A packet is
 *
 *	OFFSET SIZE MEANING
 *	0      4    octets that follow, big-endian, at least 1
 *	4      1    command or answer
 *	5      ...  data
 */
#include "proto/milter/milter_priv.h"

#include "base/wire.h"

enum { MAGIC = 0x6d696c74, HEAD = 4 };

enum err
milter_init(struct milter *m, const struct milter_letter *letter, struct arena *arena)
{
	memset(m, 0, sizeof *m);
	m->magic = MAGIC;
	m->letter = letter;
	m->arena = arena;
	m->rcpts = arena_array(arena, letter->rcpts_n + 1, sizeof *m->rcpts);
	m->result.changes = arena_array(arena, MILTER_CHANGES_MAX, sizeof *m->result.changes);
	if (m->rcpts == NULL || m->result.changes == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < letter->rcpts_n; i++) {
		m->rcpts[i] = MILTER_ACCEPT;
	}
	m->result.rcpts = m->rcpts;
	buf_init(&m->in, HEAD + MILTER_PACKET_MAX);
	buf_init(&m->out, MILTER_OUT_MAX);
	milter_say_options(m);
	m->waiting = true;
	return ERR_OK;
}

void
milter_done(struct milter *m)
{
	buf_done(&m->in);
	buf_done(&m->out);
}

bool
milter_ended(const struct milter *m)
{
	ASSERT(m->magic == MAGIC);
	return m->result.verdict != MILTER_OPEN;
}

const struct milter_result *
milter_result(const struct milter *m)
{
	ASSERT(milter_ended(m));
	return &m->result;
}

bool
milter_waiting(const struct milter *m)
{
	return m->waiting;
}

void
milter_end(struct milter *m, enum milter_verdict v)
{
	m->result.verdict = v;
	m->waiting = false;
	milter_say_quit(m);
}

void
milter_break(struct milter *m, const char *fault)
{
	m->result.verdict = MILTER_BROKEN;
	m->result.fault = fault;
	m->waiting = false;
	buf_reset(&m->out);
}

void
milter_lost(struct milter *m)
{
	if (!milter_ended(m)) {
		milter_break(m, "the connection ended");
	}
}

/* Is there something (more) to be said in this stage? */
static bool
has_more(const struct milter *m)
{
	const struct milter_row *row = milter_row(m->stage);
	if ((m->protocol & row->skip) != 0 || m->version < row->since) {
		return false;
	}
	switch (m->stage) {
	case MILTER_RCPT: return m->at < m->letter->rcpts_n;
	case MILTER_HEADER: return m->at < m->letter->fields_n;
	case MILTER_BODY: return m->at < m->letter->body.n;
	default: return m->at == 0;
	}
}

/* A letter without recipients is refused, in the words for the last one that was. */
static bool
nobody_left(const struct milter *m)
{
	size_t n = m->letter->rcpts_n;
	return m->stage == MILTER_RCPT && n > 0 && m->result.rcpts_refused == n;
}

/* Say what can be said before the next answer is needed, as far as there is room. */
static void
advance(struct milter *m)
{
	while (!milter_ended(m) && !m->waiting && m->out.n < MILTER_OUT_PAUSE) {
		if (!has_more(m)) {
			ASSERT(m->stage < MILTER_EOM);
			m->stage++;
			m->at = 0;
			continue;
		}
		milter_say(m);
		m->waiting = (m->protocol & milter_row(m->stage)->silent) == 0;
		if (buf_err(&m->out) != ERR_OK) {
			milter_break(m, "memory was short");
		}
	}
}

void
milter_go_on(struct milter *m)
{
	m->waiting = false;
	if (m->stage == MILTER_EOM) {
		milter_end(m, MILTER_ACCEPT);
	} else if (nobody_left(m)) {
		enum milter_verdict v = MILTER_REJECT;
		for (size_t i = 0; i < m->letter->rcpts_n; i++) {
			v = m->rcpts[i] == MILTER_TEMPFAIL ? MILTER_TEMPFAIL : v;
		}
		milter_end(m, v);
	}
	advance(m);
}

str
milter_output(const struct milter *m)
{
	return buf_view(&m->out);
}

void
milter_sent(struct milter *m, size_t n)
{
	buf_consume(&m->out, n);
	advance(m);
}

/* OPTNEG: version, actions and steps it wants; lists of macros may follow, we send all we have. */
static void
on_options(struct milter *m, char letter, str data)
{
	struct rd r = rd_make(data);
	uint32_t version = rd_be32(&r), actions = rd_be32(&r), protocol = rd_be32(&r);
	if (letter != 'O' || r.bad) {
		milter_break(m, "no answer to the options");
		return;
	}
	if (version < 2 || version > MILTER_VERSION) {
		milter_break(m, "a version that was not offered");
		return;
	}
	/* It may ask for more than was offered, as rspamd does; that is refused when it comes. */
	m->version = version;
	m->actions = actions & MILTER_ACTIONS;
	m->protocol = protocol & MILTER_PROTOCOL;
	m->stage = MILTER_CONNECT;
	milter_go_on(m);
}

static void
on_packet(struct milter *m, str packet)
{
	char letter = packet.p[0];
	str data = str_from_off(packet, 1);
	m->answers++;
	if (m->answers > MILTER_ANSWERS_MAX || m->read > MILTER_READ_MAX) {
		milter_break(m, "endless answers");
	} else if (!m->waiting) {
		milter_break(m, "an answer nobody asked for");
	} else if (m->stage == MILTER_NEGOTIATE) {
		on_options(m, letter, data);
	} else {
		milter_take(m, letter, data);
	}
}

/* Octets until the packet in m->in is complete; 0: it is. UINT32_MAX: it never will be. */
static uint32_t
missing(const struct milter *m)
{
	if (m->in.n < HEAD) {
		return (uint32_t)(HEAD - m->in.n);
	}
	struct rd r = rd_make(buf_view(&m->in));
	uint32_t length = rd_be32(&r);
	if (length == 0 || length > MILTER_PACKET_MAX) {
		return UINT32_MAX;
	}
	return (uint32_t)(HEAD + length - m->in.n);
}

void
milter_feed(struct milter *m, str in)
{
	while (in.n > 0 && !milter_ended(m)) {
		str piece = str_sub(in, 0, missing(m));
		buf_str(&m->in, piece);
		m->read += piece.n;
		in = str_from_off(in, piece.n);
		uint32_t left = missing(m);
		if (buf_err(&m->in) != ERR_OK) {
			milter_break(m, "memory was short");
		} else if (left == UINT32_MAX) {
			milter_break(m, "a packet of no size or too large");
		} else if (left == 0) {
			on_packet(m, str_from_off(buf_view(&m->in), HEAD));
			buf_reset(&m->in);
		}
	}
}
