/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of the engine: lines, dispatch, states, actions. What a verb does is in the file of
 * that verb; what the server says is in replies.def. Start with smtp_feed.
 */
#include "proto/smtp/smtp.h"
#include "base/mem.h"
#include "proto/smtp/smtp_priv.h"

#define FROM(state) [SMTP_##state]
#define TO(state) (1u << SMTP_##state)

/* Which state may follow which. CLOSED may follow all of them. */
static const unsigned legal[SMTP_STATES] = {
	FROM(START) = TO(START) | TO(READY),
	FROM(READY) = TO(READY) | TO(MAIL) | TO(AUTH),
	FROM(MAIL) = TO(READY) | TO(RCPT),
	FROM(RCPT) = TO(READY) | TO(RCPT) | TO(DATA),
	FROM(DATA) = TO(READY) | TO(FINAL),
	FROM(FINAL) = TO(READY),
	FROM(AUTH) = TO(READY) | TO(AUTH),
	FROM(CLOSED) = 0,
};

static const struct smtp_command_row commands[] = {
#define CMD(verb, states, flags, handler, max, grammar, rfc) \
	[SMTP_CMD_##verb] = { S_INIT(#verb), states, flags, smtp_do_##handler, max, grammar, rfc },
#include "proto/smtp/commands.def"
#undef CMD
};
static_assert(LEN(commands) == SMTP_COMMANDS, "a row for every command");

const struct smtp_command_row *
smtp_command_row(enum smtp_command c)
{
	ASSERT(c < SMTP_COMMANDS);
	return &commands[c];
}

enum err
smtp_init(struct smtp *s, const struct smtp_conf *conf, const struct smtp_peer *peer,
    struct arena *arena)
{
	*s = (struct smtp){ .magic = SMTP_MAGIC, .conf = conf, .peer = *peer, .arena = arena };
	s->txn_arena = arena_new(arena, "transaction", SMTP_TXN_BUDGET, 0);
	if (s->txn_arena == NULL) {
		return ERR_BUDGET;
	}
	s->verb = S("");
	s->hold_at = SIZE_MAX;
	buf_init(&s->line, SMTP_AUTH_LINE_MAX);
	buf_init(&s->secret, SMTP_AUTH_LINE_MAX);
	buf_init(&s->out, SMTP_OUT_MAX);
	smtp_enter(s, SMTP_START);
	if (peer->checked) {
		s->wait = SMTP_WAIT_PEER;
		smtp_act(s, (struct smtp_action){ .kind = SMTP_ASK_PEER });
	} else if (!peer->greeted) {
		smtp_reply(s, SMTP_REPLY_GREETING, conf->hostname);
	}
	return ERR_OK;
}

void
smtp_done(struct smtp *s)
{
	ASSERT(s->magic == SMTP_MAGIC);
	buf_wipe(&s->line);
	buf_wipe(&s->secret);
	buf_done(&s->line);
	buf_done(&s->secret);
	buf_done(&s->out);
	buf_done(&s->txn.header);
	buf_done(&s->txn.added);
	arena_free(&s->txn_arena);
	s->magic = 0;
}

void
smtp_act(struct smtp *s, struct smtp_action action)
{
	ASSERT(s->actions_n < LEN(s->actions));
	s->actions[(s->actions_first + s->actions_n++) % LEN(s->actions)] = action;
}

bool
smtp_next(struct smtp *s, struct smtp_action *ret)
{
	ASSERT(s->magic == SMTP_MAGIC);
	const struct smtp_action *first = &s->actions[s->actions_first];
	if (s->actions_n == 0 || (first->kind == SMTP_CLOSE && s->wait == SMTP_WAIT_DELAY)) {
		return false;
	}
	*ret = *first;
	s->actions_first = (s->actions_first + 1) % LEN(s->actions);
	s->actions_n--;
	return true;
}

/* Actions that speak of the transaction, or carry octets of it, go with it. */
static void
drop_actions(struct smtp *s)
{
	static const unsigned kinds = 1u << SMTP_ASK_RCPT | 1u << SMTP_ASK_SENDER |
	    1u << SMTP_ASK_PEER | 1u << SMTP_ASK_POLICY | 1u << SMTP_ASK_SCAN | 1u << SMTP_TRACE |
	    1u << SMTP_BODY | 1u << SMTP_COMMIT;
	unsigned n = s->actions_n;
	s->actions_n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct smtp_action a = s->actions[(s->actions_first + i) % LEN(s->actions)];
		if ((kinds & 1u << a.kind) == 0) {
			smtp_act(s, a);
		}
	}
}

/* The one place where a transaction is forgotten. */
static void
txn_reset(struct smtp *s)
{
	drop_actions(s);
	if (s->txn.given && !s->txn.committed) {
		smtp_act(s, (struct smtp_action){ .kind = SMTP_DROP });
	}
	buf_done(&s->txn.header);
	buf_done(&s->txn.added);
	arena_reset(s->txn_arena);
	s->txn = (struct smtp_txn){ .reverse_path = S(""), .canonical = S(""), .envid = S("") };
	buf_init(&s->txn.header, SMTP_HEADER_MAX + SMTP_TEXT_LINE_MAX);
	buf_init(&s->txn.added, 4096);
}

void
smtp_enter(struct smtp *s, enum smtp_state to)
{
	if (s->state == SMTP_CLOSED) {
		return;
	}
	ASSERT(to == SMTP_CLOSED || (legal[s->state] & (1u << to)) != 0);
	s->state = to;
	if (to == SMTP_START || to == SMTP_READY || to == SMTP_CLOSED) {
		txn_reset(s);
	}
}

void
smtp_delay(struct smtp *s, uint32_t ms)
{
	if (ms > 0) {
		s->hold_at = s->out.n;
		s->wait = SMTP_WAIT_DELAY;
		smtp_act(s, (struct smtp_action){ .kind = SMTP_DELAY, .delay_ms = ms });
	}
}

/* A connection that is to end does so as soon as no transaction is under way. */
static bool
drained(const struct smtp *s)
{
	return s->draining && s->wait == SMTP_WAIT_NONE &&
	    (s->state == SMTP_START || s->state == SMTP_READY);
}

/* At the end of a step. */
static void
settle(struct smtp *s)
{
	if (drained(s)) {
		smtp_reply(s, SMTP_REPLY_SHUTDOWN, S(""));
	}
}

void
smtp_answered(struct smtp *s, enum smtp_wait what)
{
	ASSERT(s->magic == SMTP_MAGIC && s->wait == what);
	s->wait = SMTP_WAIT_NONE;
}

void
smtp_answer_delay(struct smtp *s)
{
	smtp_answered(s, SMTP_WAIT_DELAY);
	s->hold_at = SIZE_MAX;
}

str
smtp_output(const struct smtp *s)
{
	return str_sub(buf_view(&s->out), 0, s->hold_at);
}

void
smtp_sent(struct smtp *s, size_t n)
{
	ASSERT(n <= s->out.n && n <= s->hold_at);
	buf_consume(&s->out, n);
	if (s->hold_at != SIZE_MAX) {
		s->hold_at -= n;
	}
	if (s->out.n == 0) {
		buf_done(&s->out);
	}
}

static const struct smtp_command_row *
find_command(str verb)
{
	for (size_t i = 0; i < LEN(commands); i++) {
		if (str_ieq(commands[i].verb, verb)) {
			return &commands[i];
		}
	}
	return NULL;
}

/* What the table alone decides. Out: SMTP_REPLIES when nothing speaks against the command. */
static enum smtp_reply
table_check(struct smtp *s, const struct smtp_command_row *row, size_t line_n, str arg)
{
	if (line_n + 2 > row->max) {
		return SMTP_REPLY_LINE_LONG;
	}
	if ((row->flags & JUNK) != 0 && ++s->junk > SMTP_JUNK_MAX) {
		return SMTP_REPLY_JUNK;
	}
	if ((row->states & (1u << s->state)) == 0) {
		return SMTP_REPLY_SEQUENCE;
	}
	if ((row->flags & LOGIN) != 0 && s->peer.submission && s->account == 0) {
		return SMTP_REPLY_AUTH_NEEDED;
	}
	if ((row->flags & ARG) != 0 && arg.n == 0) {
		return SMTP_REPLY_SYNTAX;
	}
	if ((row->flags & BARE) != 0 && arg.n > 0) {
		return SMTP_REPLY_NO_ARGUMENT;
	}
	return SMTP_REPLIES;
}

static void
run_command(struct smtp *s, str line)
{
	str verb, arg;
	str_cut(line, ' ', &verb, &arg);
	arg = str_trim(arg);
	const struct smtp_command_row *row = find_command(verb);
	s->verb = row == NULL ? S("?") : row->verb;
	if (s->turned_away.verdict != 0) {
		smtp_reply_told(s, &s->turned_away, S(""), ENDS);
		return;
	}
	if (row == NULL) {
		smtp_reply(s, SMTP_REPLY_UNKNOWN, S(""));
		return;
	}
	enum smtp_reply no = table_check(s, row, line.n, arg);
	if (no == SMTP_REPLY_SYNTAX) {
		smtp_reply_syntax(s, (enum smtp_command)(row - commands));
	} else if (no != SMTP_REPLIES) {
		smtp_reply(s, no, row->verb);
	} else {
		row->fn(s, arg);
	}
}

/* RFC 5321 4.1.1, 2.3.8: CRLF at the end; no control octets, NUL, bare CR or LF within. */
static bool
line_clean(str line)
{
	if (!str_ends(line, S("\r\n"))) {
		return false;
	}
	for (size_t i = 0; i + 2 < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f) {
			return false;
		}
	}
	return true;
}

static void
run_line(struct smtp *s, str line, bool too_long)
{
	bool auth = s->state == SMTP_AUTH;
	if (too_long || !line_clean(line)) {
		s->verb = auth ? S("AUTH") : S("?");
		enum smtp_reply bad = too_long ? SMTP_REPLY_LINE_LONG : SMTP_REPLY_LINE_BAD;
		if (auth) {
			smtp_auth_refuse(s,
			    too_long ? SMTP_REPLY_AUTH_LONG : SMTP_REPLY_AUTH_BASE64);
		} else {
			smtp_reply(s, bad, S(""));
		}
		return;
	}
	line = str_sub(line, 0, line.n - 2);
	if (auth) {
		smtp_auth_line(s, line);
	} else {
		run_command(s, line);
	}
}

/* Keep a part of a line until its end comes; what is too long is not kept. */
static void
keep(struct smtp *s, str part, size_t max)
{
	if (s->skipping || part.n > max - s->line.n) {
		s->skipping = true;
		buf_wipe(&s->line);
		return;
	}
	buf_str(&s->line, part);
	if (buf_err(&s->line) != ERR_OK) {
		smtp_reply(s, SMTP_REPLY_NO_MEMORY, S(""));
	}
}

/*
 * A line ends with CRLF alone. At a bare LF it is refused at once, so that nobody waits for ever,
 * but what follows is still the same line: none of it may be read as a command.
 */
static size_t
take_line(struct smtp *s, str in, bool *ret_crlf)
{
	ptrdiff_t lf = str_chr(in, '\n');
	size_t n = lf < 0 ? in.n : (size_t)lf + 1;
	*ret_crlf = lf > 0 ? in.p[lf - 1] == '\r' : lf == 0 && s->last_cr;
	s->last_cr = in.p[n - 1] == '\r';
	return n;
}

static size_t
feed_line(struct smtp *s, str in)
{
	size_t max = s->peer.submission ? SMTP_AUTH_LINE_MAX : SMTP_ENVELOPE_MAX;
	bool crlf;
	size_t n = take_line(s, in, &crlf);
	bool lf = in.p[n - 1] == '\n';
	str line = str_sub(in, 0, n);
	if (s->dropping) {
		s->dropping = !crlf;
		return n;
	}
	if (!lf || s->line.n > 0 || s->skipping) {
		keep(s, line, max);
		line = buf_view(&s->line);
	}
	if (lf) {
		bool too_long = s->skipping || line.n > max;
		s->skipping = false;
		s->dropping = !crlf;
		s->lines++;
		run_line(s, line, too_long);
		buf_wipe(&s->line);
		buf_done(&s->line);
	}
	return n;
}

static bool
may_go_on(const struct smtp *s)
{
	return s->actions_n == 0 && s->wait == SMTP_WAIT_NONE && s->state != SMTP_CLOSED &&
	    s->out.n < SMTP_OUT_PAUSE && !drained(s);
}

void
smtp_feed(struct smtp *s, str in, int64_t wall_s, size_t *ret_used)
{
	ASSERT(s->magic == SMTP_MAGIC);
	size_t used = 0;
	s->wall_s = wall_s;
	while (used < in.n && may_go_on(s)) {
		str rest = str_from_off(in, used);
		used += s->state == SMTP_DATA ? smtp_data_feed(s, rest) : feed_line(s, rest);
	}
	settle(s);
	*ret_used = used;
}

void
smtp_end(struct smtp *s, enum smtp_end why)
{
	static const enum smtp_reply replies[] = {
		[SMTP_END_TIMEOUT] = SMTP_REPLY_TIMEOUT,
		[SMTP_END_SLOW] = SMTP_REPLY_SLOW,
		[SMTP_END_MEMORY] = SMTP_REPLY_NO_MEMORY,
		[SMTP_END_SHUTDOWN] = SMTP_REPLY_SHUTDOWN,
		[SMTP_END_REVOKED] = SMTP_REPLY_REVOKED,
	};
	ASSERT(s->magic == SMTP_MAGIC && (size_t)why < LEN(replies));
	if (why == SMTP_END_SHUTDOWN && s->state != SMTP_AUTH) {
		s->draining = true;
		settle(s);
		return;
	}
	s->wait = SMTP_WAIT_NONE;
	s->hold_at = SIZE_MAX;
	s->verb = S("");
	smtp_reply(s, replies[why], S(""));
}

const struct smtp_txn *
smtp_txn(const struct smtp *s)
{
	return &s->txn;
}
