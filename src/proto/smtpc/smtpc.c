/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of the client engine: states, actions, dispatch of replies by the table, the ends. What
 * a reply means is in talk.c and txn.c. Start with smtpc_feed.
 */
#include "proto/smtpc/smtpc.h"
#include "proto/smtpc/smtpc_priv.h"

#define FROM(state) [SMTPC_ST_##state]
#define TO(state) (1u << SMTPC_ST_##state)

/* Which state may follow which. CLOSED may follow all of them. */
static const unsigned legal[SMTPC_STATES] = {
	FROM(BANNER) = TO(EHLO) | TO(QUIT),
	FROM(EHLO) = TO(READY) | TO(HELO) | TO(QUIT),
	FROM(HELO) = TO(READY) | TO(QUIT),
	FROM(READY) = TO(STARTTLS) | TO(TXN) | TO(QUIT),
	FROM(STARTTLS) = TO(TLS) | TO(QUIT),
	FROM(TLS) = TO(EHLO),
	FROM(TXN) = TO(READY) | TO(BODY) | TO(EOD),
	FROM(BODY) = TO(EOD),
	FROM(EOD) = TO(READY),
	FROM(QUIT) = 0,
	FROM(CLOSED) = 0,
};

static const struct smtpc_command_row commands[] = {
#define CMD(name, text, phase, seconds, classes, handler, rfc)                                     \
	[SMTPC_CMD_##name] = { S_INIT(#name), S_INIT(text), SMTPC_PHASE_##phase, seconds, classes, \
		smtpc_on_##handler, rfc },
#include "proto/smtpc/commands.def"
#undef CMD
};
static_assert(LEN(commands) == SMTPC_COMMANDS, "a row for every command");

const struct smtpc_command_row *
smtpc_command_row(enum smtpc_command c)
{
	ASSERT(c < SMTPC_COMMANDS);
	return &commands[c];
}

enum smtpc_command
smtpc_awaits(const struct smtpc *s)
{
	switch (s->state) {
	case SMTPC_ST_BANNER: return SMTPC_CMD_BANNER;
	case SMTPC_ST_EHLO: return SMTPC_CMD_EHLO;
	case SMTPC_ST_HELO: return SMTPC_CMD_HELO;
	case SMTPC_ST_STARTTLS: return SMTPC_CMD_STARTTLS;
	case SMTPC_ST_TLS: return SMTPC_CMD_TLS;
	case SMTPC_ST_TXN: return smtpc_txn_awaits(s);
	case SMTPC_ST_BODY: return SMTPC_CMD_BLOCK;
	case SMTPC_ST_EOD: return SMTPC_CMD_EOD;
	case SMTPC_ST_QUIT: return SMTPC_CMD_QUIT;
	default: return SMTPC_CMD_NOTHING;
	}
}

enum err
smtpc_init(struct smtpc *s, const struct smtpc_conf *conf, struct arena *arena)
{
	*s = (struct smtpc){ .magic = SMTPC_MAGIC, .conf = conf, .phase = SMTPC_PHASE_BANNER };
	s->txn_arena = arena_new(arena, "client transaction", SMTPC_TXN_BUDGET, 0);
	if (s->txn_arena == NULL) {
		return ERR_BUDGET;
	}
	smtpc_reader_init(&s->reader);
	buf_init(&s->out, SMTPC_OUT_MAX);
	s->state = SMTPC_ST_BANNER;
	return ERR_OK;
}

void
smtpc_done(struct smtpc *s)
{
	ASSERT(s->magic == SMTPC_MAGIC);
	buf_done(&s->out);
	arena_free(&s->txn_arena);
	s->magic = 0;
}

static void
act(struct smtpc *s, struct smtpc_action a)
{
	ASSERT(s->actions_n < LEN(s->actions));
	s->actions[(s->actions_first + s->actions_n++) % LEN(s->actions)] = a;
}

void
smtpc_act(struct smtpc *s, enum smtpc_action_kind kind)
{
	act(s, (struct smtpc_action){ .kind = kind });
}

bool
smtpc_next(struct smtpc *s, struct smtpc_action *ret)
{
	ASSERT(s->magic == SMTPC_MAGIC);
	if (s->actions_n == 0) {
		return false;
	}
	*ret = s->actions[s->actions_first];
	s->actions_first = (s->actions_first + 1) % LEN(s->actions);
	s->actions_n--;
	return true;
}

/* What nobody can act on any more. */
static void
drop_actions(struct smtpc *s)
{
	unsigned n = s->actions_n;
	s->actions_n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct smtpc_action a = s->actions[(s->actions_first + i) % LEN(s->actions)];
		if (a.kind == SMTPC_DONE || a.kind == SMTPC_FAILED || a.kind == SMTPC_CLOSE) {
			act(s, a);
		}
	}
}

void
smtpc_enter(struct smtpc *s, enum smtpc_state to)
{
	ASSERT(to == SMTPC_ST_CLOSED || (legal[s->state] & (1u << to)) != 0);
	s->state = to;
	enum smtpc_command c = smtpc_awaits(s);
	if (c == SMTPC_CMD_EHLO || c == SMTPC_CMD_HELO) {
		s->phase = s->tls ? SMTPC_PHASE_EHLO2 : SMTPC_PHASE_EHLO;
	} else if (c != SMTPC_CMD_NOTHING) {
		s->phase = commands[c].phase;
	}
}

void
smtpc_say(struct smtpc *s, enum smtpc_command c, str arg)
{
	buf_str(&s->out, commands[c].text);
	buf_str(&s->out, arg);
	buf_str(&s->out, S("\r\n"));
}

/* Is a transaction to be given up? */
static bool
in_transaction(const struct smtpc *s)
{
	return s->state == SMTPC_ST_TXN || s->state == SMTPC_ST_BODY || s->state == SMTPC_ST_EOD;
}

void
smtpc_finish(struct smtpc *s, enum smtpc_end end)
{
	if (s->state == SMTPC_ST_CLOSED) {
		return;
	}
	drop_actions(s);
	bool said_quit = s->state == SMTPC_ST_QUIT, in_txn = in_transaction(s);
	if (in_txn) {
		if (end == SMTPC_END_REFUSED) {
			smtpc_txn_settle_reply(s);
		}
		smtpc_txn_settle_end(s, end);
		smtpc_act(s, SMTPC_DONE);
	}
	if (!said_quit) {
		act(s, (struct smtpc_action){ SMTPC_FAILED, end, s->phase });
	}
	/* RFC 5321 3.1, 3.8: a server that refuses waits for QUIT; 421 does not */
	bool polite = end == SMTPC_END_REFUSED && s->last.code != 421 && !said_quit && !in_txn;
	if (polite) {
		smtpc_say(s, SMTPC_CMD_QUIT, S(""));
		smtpc_enter(s, SMTPC_ST_QUIT);
	} else {
		smtpc_enter(s, SMTPC_ST_CLOSED);
		smtpc_act(s, SMTPC_CLOSE);
	}
}

void
smtpc_lost(struct smtpc *s, enum smtpc_end why)
{
	ASSERT(s->magic == SMTPC_MAGIC && why < SMTPC_ENDS && why != SMTPC_END_REFUSED);
	smtpc_finish(s, why);
}

/* A reply is complete, or something that is none: keep it, masked. */
static void
keep_reply(struct smtpc *s)
{
	str names[SMTPC_RCPTS_MAX + 1];
	struct smtpc_reader *r = &s->reader;
	struct buf room;
	buf_init_fixed(&room, s->last_room, sizeof s->last_room);
	smtpc_reply_mask(&room, buf_view(&r->kept), names, smtpc_txn_names(s, names));
	str lines = buf_view(&room);
	s->last = (struct smtpc_reply){ .code = r->fault == SMTPC_FAULT_NONE ? r->code : 0,
		.fault = r->fault,
		.enhanced = S(""),
		.lines = lines,
		.cut = r->cut };
	if (lines.n > 4 && s->state > SMTPC_ST_HELO) {
		str line, rest;
		str_cut(lines, '\n', &line, &rest);
		s->last.enhanced = smtpc_reply_enhanced(str_from_off(line, 4), line.p[0]);
	}
	smtpc_reader_init(r);
	s->replies++;
}

/* What a whole reply means: to be told by the table what it may be, then by its handler. */
static void
reply_done(struct smtpc *s)
{
	keep_reply(s);
	const struct smtpc_command_row *row = &commands[smtpc_awaits(s)];
	if (s->state != SMTPC_ST_READY) {
		s->phase = s->state == SMTPC_ST_TXN ? row->phase : s->phase;
	}
	unsigned class = 1u << (s->last.code / 100);
	if (s->last.fault == SMTPC_FAULT_NONE && s->last.code != 421 &&
	    (row->classes & class) == 0) {
		s->last.fault = row->classes == 0 ? SMTPC_FAULT_SURPRISE : SMTPC_FAULT_CLASS;
	}
	if (s->last.fault != SMTPC_FAULT_NONE) {
		smtpc_finish(s, SMTPC_END_PROTOCOL);
	} else if (s->last.code == 421) {
		smtpc_finish(s, SMTPC_END_REFUSED);
	} else {
		row->on(s);
	}
}

static size_t
feed_line(struct smtpc *s, str in)
{
	size_t used;
	str line;
	bool end;
	smtpc_reader_take(&s->reader, in, &used, &line, &end);
	bool fine = line.p != NULL && s->reader.fault == SMTPC_FAULT_NONE;
	if (s->state == SMTPC_ST_EHLO && fine && line.p[0] == '2') {
		if (s->ehlo_lines++ > 0) {
			smtpc_caps_line(&s->caps, str_from_off(line, 4), s->tls);
		}
	}
	if (end) {
		reply_done(s);
	}
	return used;
}

void
smtpc_feed(struct smtpc *s, str in, size_t *ret_used)
{
	ASSERT(s->magic == SMTPC_MAGIC);
	size_t used = 0;
	while (used < in.n && s->actions_n == 0 && s->state != SMTPC_ST_CLOSED &&
	    s->state != SMTPC_ST_TLS) {
		used += feed_line(s, str_from_off(in, used));
	}
	if (s->state == SMTPC_ST_TLS && used < in.n) {
		smtpc_finish(s, SMTPC_END_INJECTED);
	}
	*ret_used = s->state == SMTPC_ST_CLOSED ? in.n : used;
}

str
smtpc_output(const struct smtpc *s)
{
	return buf_view(&s->out);
}

void
smtpc_sent(struct smtpc *s, size_t n)
{
	ASSERT(n <= s->out.n);
	buf_consume(&s->out, n);
	if (s->out.n == 0 && s->state != SMTPC_ST_BODY) {
		buf_done(&s->out);
	}
}

const struct smtpc_reply *
smtpc_last(const struct smtpc *s)
{
	return &s->last;
}

const struct smtpc_caps *
smtpc_caps(const struct smtpc *s)
{
	return &s->caps;
}

enum smtpc_phase
smtpc_phase(const struct smtpc *s)
{
	return s->phase;
}

bool
smtpc_ready(const struct smtpc *s)
{
	return s->state == SMTPC_ST_READY;
}

bool
smtpc_reusable(const struct smtpc *s)
{
	return s->state == SMTPC_ST_READY && (s->caps.mail_max == 0 || s->txns < s->caps.mail_max);
}

size_t
smtpc_rcpts_at_once(const struct smtpc *s)
{
	return s->caps.rcpt_max == 0 ? SMTPC_RCPTS_MAX
				     : MIN((size_t)s->caps.rcpt_max, (size_t)SMTPC_RCPTS_MAX);
}

uint32_t
smtpc_timeout_s(const struct smtpc *s)
{
	return commands[smtpc_awaits(s)].seconds;
}
