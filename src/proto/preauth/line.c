/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From octets to whole commands, at any split: lines that end in CR LF, and the literals of IMAP
 * (RFC 9051 4.3, RFC 7888) and ManageSieve (RFC 5804 4) inside them. A command is collected in
 * x->cmd, literals in place. Nothing here knows a verb.
 *
 *	literal    = "{" number ["+"] "}" CRLF *OCTET
 */
#include "proto/preauth/preauth_priv.h"

static size_t
line_max(const struct preauth *x)
{
	static const size_t by_protocol[PREAUTH_PROTOCOLS] = {
		[PREAUTH_SMTP] = PREAUTH_SMTP_LINE_MAX,
		[PREAUTH_IMAP] = PREAUTH_IMAP_LINE_MAX,
		[PREAUTH_POP3] = PREAUTH_POP3_LINE_MAX,
		[PREAUTH_SIEVE] = PREAUTH_SIEVE_LINE_MAX,
	};
	return x->state == PREAUTH_ST_COMMAND ? by_protocol[x->conf->protocol]
					      : PREAUTH_SASL_LINE_MAX;
}

/* Could a literal follow a line that is too long to be kept? */
static bool
has_literals(const struct preauth *x)
{
	return x->conf->protocol == PREAUTH_SIEVE ||
	    (x->conf->protocol == PREAUTH_IMAP && x->state == PREAUTH_ST_COMMAND);
}

void
preauth_line_reset(struct preauth *x)
{
	buf_wipe(&x->cmd);
	x->segment = 0;
	x->literal_left = 0;
	x->literals = 0;
	x->skipping = false;
}

/* The current line up to its LF: CR LF at the end, and no CR, LF or NUL before. */
static bool
line_is_clean(str line)
{
	if (!str_ends(line, S("\r\n"))) {
		return false;
	}
	line.n -= 2;
	return str_chr(line, '\r') < 0 && str_chr(line, '\0') < 0;
}

struct literal {
	uint64_t n;
	bool sync;
};

/* Does the line (CR LF removed) announce a literal? */
static bool
literal_announced(str line, struct literal *ret)
{
	ptrdiff_t at = str_rchr(line, '{');
	if (at < 0 || !str_ends(line, S("}"))) {
		return false;
	}
	str number = str_sub(line, (size_t)at + 1, line.n - (size_t)at - 2);
	bool sync = !str_ends(number, S("+"));
	number.n -= sync ? 0 : 1;
	if (number.n == 0) {
		return false;
	}
	for (size_t i = 0; i < number.n; i++) {
		if (!ascii_is_digit(number.p[i])) {
			return false;
		}
	}
	uint64_t n;
	*ret = (struct literal){ .n = str_u64(number, &n) ? n : UINT64_MAX, .sync = sync };
	return true;
}

static bool
literal_fits(const struct preauth *x, const struct literal *l)
{
	size_t max = x->conf->protocol == PREAUTH_SIEVE ? PREAUTH_SIEVE_LITERAL_MAX
							: PREAUTH_LITERAL_MAX;
	return l->n <= max && x->literals < PREAUTH_LITERALS_MAX;
}

/* The client waits for our word before it sends the literal: ask only for one that may come now. */
static void
literal_sync(struct preauth *x, const struct literal *l)
{
	str rest;
	if (x->conf->protocol == PREAUTH_SIEVE && x->state != PREAUTH_ST_COMMAND) {
		preauth_sasl_unreadable(x);
	} else if (x->conf->protocol == PREAUTH_SIEVE) {
		preauth_refuse(x, PREAUTH_RE_SYNTAX); /* RFC 5804 4: clients send {n+} only */
	} else if (!preauth_command_wants_literal(x)) {
		preauth_command_run(x);
	} else if (!literal_fits(x, l)) {
		bool tagged = preauth_command_tag(x, &rest);
		preauth_refuse(x, tagged ? PREAUTH_RE_LITERAL_TOOBIG : PREAUTH_RE_BAD_TAG);
	} else {
		buf_str(&x->out, S("+ Ready for the literal\r\n"));
		return;
	}
	preauth_line_reset(x);
}

static void
literal_begin(struct preauth *x, const struct literal *l)
{
	if (l->sync) {
		literal_sync(x, l);
		if (x->cmd.n == 0) {
			return;
		}
	} else if (!literal_fits(x, l)) {
		preauth_close(x, PREAUTH_CLOSE_TOOBIG);
		return;
	}
	x->literals++;
	x->literal_left = (size_t)l->n;
	x->segment = x->cmd.n;
}

static void
line_refuse(struct preauth *x, enum preauth_reply_id id)
{
	if (x->state == PREAUTH_ST_COMMAND) {
		preauth_refuse(x, id);
	} else {
		preauth_sasl_unreadable(x);
	}
	preauth_line_reset(x);
}

/* A line is complete in x->cmd from x->segment on. */
static void
line_end(struct preauth *x)
{
	if (x->skipping) {
		line_refuse(x, PREAUTH_RE_LONG_LINE);
		return;
	}
	str line = str_from_off(buf_view(&x->cmd), x->segment);
	if (!line_is_clean(line)) {
		line_refuse(x, PREAUTH_RE_BAD_LINE);
		return;
	}
	line.n -= 2;
	struct literal l;
	if (has_literals(x) && literal_announced(line, &l)) {
		literal_begin(x, &l);
		return;
	}
	buf_truncate(&x->cmd, x->cmd.n - 2);
	if (x->state == PREAUTH_ST_COMMAND) {
		preauth_command_run(x);
	} else {
		preauth_sasl_response(x);
	}
	preauth_line_reset(x);
}

static void
keep(struct preauth *x, str piece)
{
	buf_add(&x->cmd, piece.p, piece.n);
	if (buf_err(&x->cmd) != ERR_OK) {
		preauth_close(x,
		    buf_err(&x->cmd) == ERR_TOOBIG ? PREAUTH_CLOSE_TOOBIG : PREAUTH_CLOSE_MEMORY);
	}
}

static void
take_literal(struct preauth *x, str piece)
{
	keep(x, piece);
	x->last_cr = false;
	x->literal_left -= piece.n;
	if (x->literal_left == 0) {
		x->segment = x->cmd.n;
	}
}

/* Does the piece end a line? Also remembers its last octet. */
static bool
ends_in_crlf(struct preauth *x, str piece)
{
	bool lf = piece.p[piece.n - 1] == '\n';
	bool cr = piece.n > 1 ? piece.p[piece.n - 2] == '\r' : x->last_cr;
	x->last_cr = piece.p[piece.n - 1] == '\r';
	return lf && cr;
}

size_t
preauth_line_take(struct preauth *x, str in)
{
	if (x->literal_left > 0) {
		str piece = str_sub(in, 0, x->literal_left);
		take_literal(x, piece);
		return piece.n;
	}
	ptrdiff_t lf = str_chr(in, '\n');
	str piece = str_sub(in, 0, lf < 0 ? in.n : (size_t)lf + 1);
	bool crlf = ends_in_crlf(x, piece);
	if (x->dropping) {
		x->dropping = !crlf;
		return piece.n;
	}
	if (!x->skipping && x->cmd.n - x->segment + piece.n > line_max(x)) {
		x->skipping = true;
	}
	if (x->skipping && has_literals(x)) {
		preauth_close(x, PREAUTH_CLOSE_TOOBIG);
		return piece.n;
	}
	if (!x->skipping) {
		keep(x, piece);
	}
	if (lf >= 0 && x->state != PREAUTH_ST_CLOSED) {
		x->dropping = !crlf; /* refused at once, but the line goes on up to CRLF */
		line_end(x);
	}
	return piece.n;
}
