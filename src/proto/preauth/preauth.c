/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's life: states, the one action that may wait, replies, answers from outside. Lines are
 * cut in line.c, commands chosen in command.c.
 */
#include "proto/preauth/preauth_priv.h"

#define BIT(state) (1u << PREAUTH_ST_##state)

/* From which state one may go where. CLOSED is allowed from everywhere. */
static const unsigned legal[PREAUTH_STATES] = {
	[PREAUTH_ST_COMMAND] = BIT(COMMAND) | BIT(ASKED) | BIT(TLS),
	[PREAUTH_ST_ASKED] = BIT(COMMAND) | BIT(RESPONSE) | BIT(FINAL) | BIT(DELAY) | BIT(ATTACH),
	[PREAUTH_ST_RESPONSE] = BIT(COMMAND) | BIT(ASKED),
	[PREAUTH_ST_FINAL] = BIT(COMMAND) | BIT(ATTACH),
	[PREAUTH_ST_DELAY] = BIT(COMMAND),
	[PREAUTH_ST_TLS] = 0,
	[PREAUTH_ST_ATTACH] = BIT(COMMAND),
	[PREAUTH_ST_CLOSED] = 0,
};

static const struct {
	const char *name;
	enum preauth_reply_id bye; /* PREAUTH_REPLIES: nothing is said */
} closes[] = {
	[PREAUTH_CLOSE_QUIT] = { "quit", PREAUTH_REPLIES },
	[PREAUTH_CLOSE_INJECTION] = { "injection", PREAUTH_REPLIES },
	[PREAUTH_CLOSE_ERRORS] = { "errors", PREAUTH_RE_BYE_ERRORS },
	[PREAUTH_CLOSE_COMMANDS] = { "commands", PREAUTH_RE_BYE_COMMANDS },
	[PREAUTH_CLOSE_FAILURES] = { "failures", PREAUTH_RE_BYE_FAILURES },
	[PREAUTH_CLOSE_TOOBIG] = { "toobig", PREAUTH_RE_BYE_TOOBIG },
	[PREAUTH_CLOSE_MEMORY] = { "memory", PREAUTH_RE_BYE_MEMORY },
	[PREAUTH_CLOSE_TIMEOUT] = { "timeout", PREAUTH_RE_BYE_TIMEOUT },
	[PREAUTH_CLOSE_SHUTDOWN] = { "shutdown", PREAUTH_RE_BYE_SHUTDOWN },
	[PREAUTH_CLOSE_BUSY] = { "busy", PREAUTH_RE_BYE_BUSY },
	[PREAUTH_CLOSE_ENDED] = { "ended", PREAUTH_RE_BYE_ENDED },
};

static const str replies[PREAUTH_REPLIES][PREAUTH_PROTOCOLS] = {
#define REPLY(name, smtp, imap, pop3, sieve)                                                   \
	[PREAUTH_RE_##name] = { S_INIT(smtp "\r\n"), S_INIT(imap "\r\n"), S_INIT(pop3 "\r\n"), \
		S_INIT(sieve "\r\n") },
#include "proto/preauth/replies.def"
#undef REPLY
};

const char *
preauth_close_name(enum preauth_close why)
{
	return closes[why].name;
}

str
preauth_reply_text(enum preauth_protocol protocol, enum preauth_reply_id id)
{
	return replies[id][protocol];
}

str
preauth_farewell(enum preauth_protocol protocol, enum preauth_close why)
{
	enum preauth_reply_id id = closes[why].bye;
	return id == PREAUTH_REPLIES ? STR_NONE : replies[id][protocol];
}

void
preauth_init(struct preauth *x, const struct preauth_conf *conf, bool greeted)
{
	*x = (struct preauth){ .magic = PREAUTH_MAGIC, .conf = conf };
	buf_init(&x->cmd, PREAUTH_COMMAND_MAX);
	buf_init(&x->data, PREAUTH_COMMAND_MAX);
	buf_init(&x->word, PREAUTH_COMMAND_MAX);
	buf_init_fixed(&x->tag, x->tag_octets, sizeof x->tag_octets);
	buf_init(&x->out, PREAUTH_OUT_MAX);
	if (!greeted || conf->protocol == PREAUTH_SIEVE) {
		preauth_greet(x);
	}
}

void
preauth_done(struct preauth *x)
{
	ASSERT(x->magic == PREAUTH_MAGIC);
	buf_wipe(&x->cmd);
	buf_wipe(&x->data);
	buf_wipe(&x->word);
	buf_done(&x->cmd);
	buf_done(&x->data);
	buf_done(&x->word);
	buf_done(&x->out);
	*x = (struct preauth){ 0 };
}

bool
preauth_listening(const struct preauth *x)
{
	return !x->has_action &&
	    (x->state == PREAUTH_ST_COMMAND || x->state == PREAUTH_ST_RESPONSE ||
		x->state == PREAUTH_ST_FINAL);
}

void
preauth_feed(struct preauth *x, str in, int64_t now_ms, size_t *ret_used)
{
	ASSERT(x->magic == PREAUTH_MAGIC);
	size_t used = 0;
	while (used < in.n && preauth_listening(x)) {
		used += preauth_line_take(x, str_from_off(in, used));
	}
	if (x->state == PREAUTH_ST_TLS && x->has_action && used < in.n) {
		/* Plaintext that wants to be read as if it had come inside TLS: not a word more. */
		buf_reset(&x->out);
		x->has_action = false;
		preauth_close(x, PREAUTH_CLOSE_INJECTION);
	}
	*ret_used = used;
}

bool
preauth_next(struct preauth *x, struct preauth_action *ret)
{
	ASSERT(x->magic == PREAUTH_MAGIC);
	if (!x->has_action && buf_err(&x->out) != ERR_OK && x->state != PREAUTH_ST_CLOSED) {
		buf_reset(&x->out);
		preauth_close(x, PREAUTH_CLOSE_MEMORY);
	}
	if (!x->has_action) {
		return false;
	}
	x->has_action = false;
	*ret = x->action;
	return true;
}

struct buf *
preauth_out(struct preauth *x)
{
	return &x->out;
}

/* The one door between states. */
void
preauth_go(struct preauth *x, enum preauth_state to)
{
	ASSERT(to == PREAUTH_ST_CLOSED || (legal[x->state] & 1u << to) != 0);
	x->state = to;
}

void
preauth_act(struct preauth *x, enum preauth_kind kind, enum preauth_state to)
{
	preauth_go(x, to);
	x->action = (struct preauth_action){ .kind = kind };
	x->has_action = true;
}

void
preauth_close(struct preauth *x, enum preauth_close why)
{
	if (x->state == PREAUTH_ST_CLOSED) {
		return;
	}
	buf_str(&x->out, preauth_farewell(x->conf->protocol, why));
	preauth_act(x, PREAUTH_ACT_CLOSE, PREAUTH_ST_CLOSED);
	x->action.why = why;
}

void
preauth_end(struct preauth *x, enum preauth_close why)
{
	ASSERT(x->magic == PREAUTH_MAGIC);
	preauth_close(x, why);
}

void
preauth_say(struct preauth *x, enum preauth_reply_id id)
{
	str text = preauth_reply_text(x->conf->protocol, id);
	if (x->conf->protocol == PREAUTH_IMAP && text.p[0] != '*') {
		buf_str(&x->out, buf_view(&x->tag));
		buf_ch(&x->out, ' ');
	}
	buf_str(&x->out, text);
}

/* One reply, and the connection's end when the count is full; then only IMAP says both. */
static void
say_counted(struct preauth *x, enum preauth_reply_id id, bool full, enum preauth_close why)
{
	if (!full || x->conf->protocol == PREAUTH_IMAP) {
		preauth_say(x, id);
	}
	if (full) {
		preauth_close(x, why);
	}
}

void
preauth_refuse(struct preauth *x, enum preauth_reply_id id)
{
	x->errors++;
	say_counted(x, id, x->errors >= PREAUTH_ERRORS_MAX, PREAUTH_CLOSE_ERRORS);
}

/* Tell a failed log-in, at once or when its time has come. */
static void
tell_failure(struct preauth *x, enum preauth_reply_id id)
{
	preauth_go(x, PREAUTH_ST_COMMAND);
	if (id == PREAUTH_RE_AUTH_FAILED || id == PREAUTH_RE_AUTH_DISABLED) {
		x->failures++;
		say_counted(x, id, x->failures >= PREAUTH_FAILURES_MAX, PREAUTH_CLOSE_FAILURES);
		return;
	}
	preauth_refuse(x, id);
}

void
preauth_step(struct preauth *x, int64_t now_ms)
{
	ASSERT(x->magic == PREAUTH_MAGIC);
	if (x->state == PREAUTH_ST_DELAY && now_ms >= x->action.until_ms) {
		x->has_action = false;
		tell_failure(x, x->pending);
	}
}

static enum preauth_reply_id
failure_reply(enum err result)
{
	switch (result) {
	case ERR_AUTH:
	case ERR_SYNTAX:
	case ERR_DENIED: return PREAUTH_RE_AUTH_FAILED;
	case ERR_DISABLED: return PREAUTH_RE_AUTH_DISABLED;
	case ERR_UNSUPPORTED: return PREAUTH_RE_NO_MECHANISM;
	default: return PREAUTH_RE_UNAVAILABLE;
	}
}

void
preauth_answer_done(struct preauth *x, enum err result, const str *final, int64_t due_ms)
{
	ASSERT(x->magic == PREAUTH_MAGIC);
	if (x->state != PREAUTH_ST_ASKED) {
		return;
	}
	x->has_action = false;
	buf_wipe(&x->data);
	if (result == ERR_OK && final != NULL && final->n > 0) {
		preauth_go(x, PREAUTH_ST_FINAL);
		preauth_sasl_challenge(x, *final);
		return;
	}
	if (result == ERR_OK) {
		preauth_attach(x);
		return;
	}
	x->pending = failure_reply(result);
	if (due_ms <= 0) {
		tell_failure(x, x->pending);
		return;
	}
	preauth_act(x, PREAUTH_ACT_DELAY, PREAUTH_ST_DELAY);
	x->action.until_ms = due_ms;
}

void
preauth_answer_challenge(struct preauth *x, str challenge)
{
	ASSERT(x->magic == PREAUTH_MAGIC);
	if (x->state == PREAUTH_ST_ASKED) {
		x->has_action = false;
		buf_wipe(&x->data);
		preauth_go(x, PREAUTH_ST_RESPONSE);
		preauth_sasl_challenge(x, challenge);
	}
}

void
preauth_attach(struct preauth *x)
{
	preauth_act(x, PREAUTH_ACT_ATTACH, PREAUTH_ST_ATTACH);
	x->action.data = buf_view(&x->tag);
}

void
preauth_answer_attach(struct preauth *x, enum err result)
{
	ASSERT(x->magic == PREAUTH_MAGIC);
	if (x->state == PREAUTH_ST_ATTACH && result != ERR_OK) {
		x->has_action = false;
		tell_failure(x, PREAUTH_RE_UNAVAILABLE);
	}
}
