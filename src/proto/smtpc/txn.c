/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail transaction: RSET (when one was left open), MAIL, RCPT for each recipient, DATA, the end
 * of data, and what each reply means for each recipient. These are steps with numbers: `said` of
 * them are put out, `heard` are answered; with PIPELINING all are put out at once.
 *
 *	mail = "MAIL FROM:" reverse-path *( SP esmtp-param ) CRLF
 *	rcpt = "RCPT TO:" forward-path *( SP esmtp-param ) CRLF
 */
#include "proto/smtpc/smtpc_priv.h"
#include "proto/smtpc/syntax.h"

enum smtpc_command
smtpc_txn_awaits(const struct smtpc *s)
{
	const struct smtpc_txn *t = &s->txn;
	if (t->heard >= t->data) {
		return SMTPC_CMD_DATA;
	}
	if (t->heard >= t->first_rcpt) {
		return SMTPC_CMD_RCPT;
	}
	return t->rset && t->heard == 0 ? SMTPC_CMD_RSET : SMTPC_CMD_MAIL;
}

void
smtpc_txn_reset(struct smtpc *s)
{
	arena_reset(s->txn_arena);
	s->txn = (struct smtpc_txn){ .line_start = true };
}

size_t
smtpc_txn_names(const struct smtpc *s, str *names)
{
	const struct smtpc_txn *t = &s->txn;
	size_t n = 0;
	if (s->state != SMTPC_ST_TXN && s->state != SMTPC_ST_BODY && s->state != SMTPC_ST_EOD) {
		return 0;
	}
	for (size_t i = 0; i <= t->letter.rcpts_n; i++) {
		str a = i == 0 ? t->letter.reverse_path : t->rcpts[i - 1].address;
		ptrdiff_t at = str_rchr(a, '@');
		names[n] = str_sub(a, 0, at < 0 ? 0 : (size_t)at);
		n += names[n].n > 0;
	}
	return n;
}

/* --- what became of recipients ------------------------------------------------------- */

static const struct {
	enum smtpc_verdict verdict;
	str enhanced, text;
} lacks[SMTPC_LACKS] = {
	[SMTPC_LACK_SMTPUTF8] = { SMTPC_REFUSED, S_INIT("5.6.7"),
	    S_INIT("The server does not take internationalised addresses or headers") },
	[SMTPC_LACK_REQUIRETLS] = { SMTPC_REFUSED, S_INIT("5.7.30"),
	    S_INIT("The server does not promise encryption on the rest of the way") },
	[SMTPC_LACK_SIZE] = { SMTPC_REFUSED, S_INIT("5.3.4"),
	    S_INIT("The message is larger than the server takes") },
	[SMTPC_LACK_LIMIT] = { SMTPC_RETRY, S_INIT("4.5.3"),
	    S_INIT("The server takes fewer recipients at once") },
	[SMTPC_LACK_LOST] = { SMTPC_RETRY, S_INIT("4.4.2"),
	    S_INIT("The connection to the server was lost") },
	[SMTPC_LACK_PROTOCOL] = { SMTPC_RETRY, S_INIT("4.5.0"),
	    S_INIT("The server's reply is not SMTP") },
	[SMTPC_LACK_LOCAL] = { SMTPC_RETRY, S_INIT("4.3.0"),
	    S_INIT("Delivery was interrupted on our side") },
};

/* A copy of the last reply for results, within the budget of the transaction. */
static str
kept_reply(struct smtpc *s)
{
	struct smtpc_txn *t = &s->txn;
	bool full = t->kept + s->last.lines.n > SMTPC_RESULTS_MAX;
	str lines = str_sub(s->last.lines, 0, full ? SMTPC_SHORT_MAX : SMTPC_KEPT_MAX);
	t->kept += lines.n;
	str copy = arena_dup(s->txn_arena, lines);
	return copy.p == NULL ? S("") : copy;
}

static struct smtpc_result
result_of_reply(struct smtpc *s)
{
	str enhanced = arena_dup(s->txn_arena, s->last.enhanced);
	return (struct smtpc_result){ .verdict = s->last.code / 100 == 5 ? SMTPC_REFUSED
									 : SMTPC_RETRY,
		.phase = s->phase,
		.code = s->last.code,
		.enhanced = enhanced.p == NULL ? S("") : enhanced,
		.reply = kept_reply(s) };
}

static struct smtpc_result
result_of_lack(const struct smtpc *s, enum smtpc_lack lack)
{
	return (struct smtpc_result){ .verdict = lacks[lack].verdict,
		.phase = s->phase,
		.lack = lack,
		.again = lack == SMTPC_LACK_LIMIT,
		.enhanced = lacks[lack].enhanced,
		.reply = lacks[lack].text };
}

/* Give all recipients that have none yet this result. */
static void
settle(struct smtpc *s, struct smtpc_result r)
{
	struct smtpc_txn *t = &s->txn;
	for (size_t i = 0; i < t->letter.rcpts_n; i++) {
		if (t->results[i].verdict == 0) {
			t->results[i] = r;
		}
	}
}

void
smtpc_txn_settle_reply(struct smtpc *s)
{
	settle(s, result_of_reply(s));
}

void
smtpc_txn_settle_end(struct smtpc *s, enum smtpc_end end)
{
	static const enum smtpc_lack why[SMTPC_ENDS] = {
		[SMTPC_END_NONE] = SMTPC_LACK_LOCAL,
		[SMTPC_END_REFUSED] = SMTPC_LACK_LOST,
		[SMTPC_END_PROTOCOL] = SMTPC_LACK_PROTOCOL,
		[SMTPC_END_INJECTED] = SMTPC_LACK_PROTOCOL,
		[SMTPC_END_EOF] = SMTPC_LACK_LOST,
		[SMTPC_END_RESET] = SMTPC_LACK_LOST,
		[SMTPC_END_TIMEOUT] = SMTPC_LACK_LOST,
		[SMTPC_END_TLS] = SMTPC_LACK_LOST,
		[SMTPC_END_LOCAL] = SMTPC_LACK_LOCAL,
	};
	/* The last octet of the end of data is gone, and what came of it is not known. */
	s->txn.uncertain = s->state == SMTPC_ST_EOD && !s->txn.void_body && s->out.n == 0 &&
	    end != SMTPC_END_REFUSED;
	settle(s, result_of_lack(s, why[end]));
}

struct smtpc_done
smtpc_results(const struct smtpc *s)
{
	return (struct smtpc_done){ .results = s->txn.results,
		.n = s->txn.letter.rcpts_n,
		.uncertain = s->txn.uncertain,
		.dsn = s->caps.dsn };
}

/* --- saying it ----------------------------------------------------------------------- */

static void
say_mail(struct smtpc *s)
{
	const struct smtpc_letter *l = &s->txn.letter;
	struct buf *out = &s->out;
	buf_printf(out, "MAIL FROM:<%.*s>", STR_ARG(l->reverse_path));
	if (s->caps.size && l->size > 0) {
		buf_printf(out, " SIZE=%llu", (unsigned long long)l->size);
	}
	if (s->caps.eightbit && l->body8bit) {
		buf_str(out, S(" BODY=8BITMIME"));
	}
	if (s->txn.utf8) {
		buf_str(out, S(" SMTPUTF8"));
	}
	if (l->requiretls) {
		buf_str(out, S(" REQUIRETLS"));
	}
	if (s->caps.dsn && l->ret != 0) {
		buf_str(out, l->ret == SMTPC_RET_FULL ? S(" RET=FULL") : S(" RET=HDRS"));
	}
	if (s->caps.dsn && l->envid.n > 0) {
		buf_printf(out, " ENVID=%.*s", STR_ARG(l->envid));
	}
	buf_str(out, S("\r\n"));
}

/* RFC 3461 4.1 */
static void
say_notify(struct buf *out, uint8_t notify)
{
	static const struct {
		uint8_t bit;
		const char *word;
	} words[] = { { SMTPC_NOTIFY_SUCCESS, "SUCCESS" }, { SMTPC_NOTIFY_FAILURE, "FAILURE" },
		{ SMTPC_NOTIFY_DELAY, "DELAY" } };
	const char *before = " NOTIFY=";
	if ((notify & SMTPC_NOTIFY_NEVER) != 0) {
		buf_str(out, S(" NOTIFY=NEVER"));
		return;
	}
	for (size_t i = 0; i < LEN(words); i++) {
		if ((notify & words[i].bit) != 0) {
			buf_cstr(out, before);
			buf_cstr(out, words[i].word);
			before = ",";
		}
	}
}

static void
say_rcpt(struct smtpc *s, const struct smtpc_to *to)
{
	buf_printf(&s->out, "RCPT TO:<%.*s>", STR_ARG(to->address));
	if (s->caps.dsn) {
		say_notify(&s->out, to->notify);
		if (to->orcpt.n > 0 && (s->txn.utf8 || str_is_ascii(to->orcpt))) {
			buf_printf(&s->out, " ORCPT=%.*s", STR_ARG(to->orcpt));
		}
	}
	buf_str(&s->out, S("\r\n"));
}

static void
say_step(struct smtpc *s, size_t step)
{
	const struct smtpc_txn *t = &s->txn;
	if (step >= t->data) {
		smtpc_say(s, SMTPC_CMD_DATA, S(""));
	} else if (step >= t->first_rcpt) {
		say_rcpt(s, &t->rcpts[t->order[step - t->first_rcpt]]);
	} else if (t->rset && step == 0) {
		smtpc_say(s, SMTPC_CMD_RSET, S(""));
	} else {
		say_mail(s);
	}
}

/* Without PIPELINING nothing is said that cannot succeed any more. */
static bool
hopeless(const struct smtpc_txn *t)
{
	return t->said > t->first_rcpt - 1 &&
	    (t->mail_failed || (t->said == t->data && t->accepted_n == 0));
}

/* The transaction is over; the connection goes on. */
static void
finish(struct smtpc *s)
{
	smtpc_enter(s, SMTPC_ST_READY);
	smtpc_act(s, SMTPC_DONE);
	smtpc_act(s, SMTPC_READY);
}

/* Say what can be said now; all answered and nothing left to say: done. */
static void
go_on(struct smtpc *s)
{
	struct smtpc_txn *t = &s->txn;
	while (t->said <= t->data && (s->caps.pipelining || t->said == t->heard) &&
	    (s->caps.pipelining || !hopeless(t))) {
		say_step(s, t->said++);
	}
	if (buf_err(&s->out) != ERR_OK) {
		smtpc_finish(s, SMTPC_END_LOCAL);
	} else if (t->heard == t->said) {
		finish(s);
	} else {
		s->phase = smtpc_command_row(smtpc_txn_awaits(s))->phase;
	}
}

/* --- hearing it ---------------------------------------------------------------------- */

void
smtpc_on_rset(struct smtpc *s)
{
	s->dirty = false;
	s->txn.heard++;
	go_on(s);
}

void
smtpc_on_mail(struct smtpc *s)
{
	s->txn.heard++;
	if (s->last.code / 100 == 2) {
		s->dirty = true;
	} else {
		s->txn.mail_failed = true;
		smtpc_txn_settle_reply(s);
	}
	go_on(s);
}

/* RFC 5321 4.5.3.1.10: no more recipients in this transaction, though nothing is wrong with it. */
static bool
too_many(const struct smtpc *s)
{
	str e = s->last.enhanced;
	bool code = s->last.code == 452 || s->last.code == 552;
	return code && s->txn.accepted_n > 0 && (e.n == 0 || str_ends(e, S(".5.3")));
}

void
smtpc_on_rcpt(struct smtpc *s)
{
	struct smtpc_txn *t = &s->txn;
	size_t i = t->order[t->heard++ - t->first_rcpt];
	if (t->mail_failed) {
		/* It has the reply to MAIL. */
	} else if (s->last.code / 100 == 2) {
		t->accepted_n++;
	} else {
		t->results[i] = result_of_reply(s);
		if (too_many(s)) {
			t->results[i].verdict = SMTPC_RETRY;
			t->results[i].again = true;
		}
	}
	go_on(s);
}

void
smtpc_on_data(struct smtpc *s)
{
	struct smtpc_txn *t = &s->txn;
	t->heard++;
	if (s->last.code / 100 != 3) {
		smtpc_txn_settle_reply(s);
		finish(s);
	} else if (t->accepted_n > 0) {
		smtpc_enter(s, SMTPC_ST_BODY);
		smtpc_act(s, SMTPC_BODY);
	} else {
		/* RFC 2920 3.1: nobody takes it, so nobody gets an octet of it. */
		t->void_body = true;
		smtpc_say(s, SMTPC_CMD_EOD, S(""));
		smtpc_enter(s, SMTPC_ST_EOD);
	}
}

/* A refusal in the middle of the body: the body cannot be ended without saying it was whole. */
void
smtpc_on_block(struct smtpc *s)
{
	smtpc_finish(s, SMTPC_END_REFUSED);
}

void
smtpc_on_eod(struct smtpc *s)
{
	s->dirty = false;
	struct smtpc_result r = result_of_reply(s);
	if (s->last.code / 100 == 2) {
		r.verdict = SMTPC_DELIVERED;
	}
	settle(s, r);
	finish(s);
}

/* --- beginning it -------------------------------------------------------------------- */

static enum err
copy_letter(struct smtpc *s, const struct smtpc_letter *l)
{
	struct smtpc_txn *t = &s->txn;
	struct arena *a = s->txn_arena;
	t->rcpts = arena_array(a, l->rcpts_n, sizeof *t->rcpts);
	t->results = arena_array(a, l->rcpts_n, sizeof *t->results);
	t->order = arena_array(a, l->rcpts_n, sizeof *t->order);
	t->letter = *l;
	t->letter.rcpts = NULL;
	t->letter.rcpts_n = 0;
	t->letter.reverse_path = arena_dup(a, l->reverse_path);
	t->letter.envid = arena_dup(a, l->envid);
	bool full = t->rcpts == NULL || t->results == NULL || t->order == NULL ||
	    t->letter.reverse_path.p == NULL || t->letter.envid.p == NULL;
	for (size_t i = 0; i < l->rcpts_n && !full; i++) {
		const struct smtpc_to *to = &l->rcpts[i];
		t->rcpts[i] = (struct smtpc_to){ arena_dup(a, to->address), arena_dup(a, to->orcpt),
			to->notify };
		full = t->rcpts[i].address.p == NULL || t->rcpts[i].orcpt.p == NULL;
	}
	if (full) {
		smtpc_txn_reset(s);
		return ERR_BUDGET;
	}
	t->letter.rcpts = t->rcpts;
	t->letter.rcpts_n = l->rcpts_n;
	return ERR_OK;
}

/* What the letter needs and the server does not offer. */
static enum smtpc_lack
missing(const struct smtpc *s)
{
	const struct smtpc_letter *l = &s->txn.letter;
	if (s->caps.size && s->caps.size_max > 0 && l->size > s->caps.size_max) {
		return SMTPC_LACK_SIZE;
	}
	if (l->requiretls && !s->caps.requiretls) {
		return SMTPC_LACK_REQUIRETLS;
	}
	if ((l->smtputf8 || !str_is_ascii(l->reverse_path)) && !s->caps.smtputf8) {
		return SMTPC_LACK_SMTPUTF8;
	}
	return SMTPC_LACK_NONE;
}

/* Which recipients are said, and whether SMTPUTF8 is. */
static void
choose(struct smtpc *s)
{
	struct smtpc_txn *t = &s->txn;
	size_t n = 0, max = smtpc_rcpts_at_once(s);
	t->utf8 = t->letter.smtputf8 || !str_is_ascii(t->letter.reverse_path);
	for (size_t i = 0; i < t->letter.rcpts_n; i++) {
		bool ascii = str_is_ascii(t->rcpts[i].address);
		if (!ascii && !s->caps.smtputf8) {
			t->results[i] = result_of_lack(s, SMTPC_LACK_SMTPUTF8);
		} else if (n >= max) {
			t->results[i] = result_of_lack(s, SMTPC_LACK_LIMIT);
		} else {
			t->order[n++] = i;
			t->utf8 |= !ascii;
		}
	}
	t->rset = s->dirty;
	t->first_rcpt = (t->rset ? 1 : 0) + 1;
	t->data = t->first_rcpt + n;
}

enum err
smtpc_send(struct smtpc *s, const struct smtpc_letter *letter)
{
	ASSERT(s->magic == SMTPC_MAGIC && s->state == SMTPC_ST_READY);
	smtpc_txn_reset(s);
	if (letter->rcpts_n == 0 || letter->rcpts_n > SMTPC_RCPTS_MAX) {
		return ERR_TOOMANY;
	}
	if (!smtpc_letter_valid(letter)) {
		return ERR_SYNTAX;
	}
	enum err e = copy_letter(s, letter);
	if (e != ERR_OK) {
		return e;
	}
	s->phase = SMTPC_PHASE_MAIL;
	enum smtpc_lack lack = missing(s);
	choose(s);
	if (lack != SMTPC_LACK_NONE || s->txn.data == s->txn.first_rcpt) {
		settle(s, result_of_lack(s, lack));
		smtpc_act(s, SMTPC_DONE);
		smtpc_act(s, SMTPC_READY);
		return ERR_OK;
	}
	s->txns++;
	smtpc_enter(s, SMTPC_ST_TXN);
	go_on(s);
	return ERR_OK;
}
