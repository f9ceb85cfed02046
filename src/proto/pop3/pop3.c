/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines, and the commands in them. Lines end in CR LF and nothing else, as on every port: one with
 * a bare CR, a bare LF or a NUL is refused and never carried out. At a bare LF it is refused at
 * once; what follows up to CR LF is still the same line.
 */
#include "proto/pop3/pop3.h"

#define MAGIC 0x504f5033u

enum args { ARGS_NONE, ARGS_MSG, ARGS_MSG_OPT, ARGS_MSG_LINES, ARGS_LANG_OPT };
enum state { STATE_LOGIN, STATE_SESSION };

struct row {
	str name;
	enum state state;
	enum args args;
};

static const struct row rows[POP3_VERBS] = {
#define CMD(verb, state, handler, args, grammar, rfc) \
	[POP3_##verb] = { S_INIT(#verb), STATE_##state, ARGS_##args },
#include "proto/pop3/commands.def"
#undef CMD
};

str
pop3_verb_name(enum pop3_verb verb)
{
	return rows[verb].name;
}

bool
pop3_verb_allowed(enum pop3_verb verb)
{
	return rows[verb].state == STATE_SESSION;
}

/* ---- arguments ---------------------------------------------------------------------------- */

/* number = 1*DIGIT. One that does not fit is larger than anything there is. */
static bool
take_number(str word, uint32_t *ret)
{
	uint64_t n = 0;
	for (size_t i = 0; i < word.n; i++) {
		if (!ascii_is_digit(word.p[i])) {
			return false;
		}
		n = MIN(n * 10 + (uint64_t)(word.p[i] - '0'), (uint64_t)UINT32_MAX);
	}
	*ret = (uint32_t)n;
	return word.n > 0;
}

/* SP param; false: there is none, or it is empty. */
static bool
take_word(str *args, str *ret)
{
	if (args->n < 2 || args->p[0] != ' ' || args->p[1] == ' ') {
		return false;
	}
	*args = str_from_off(*args, 1);
	ptrdiff_t sp = str_chr(*args, ' ');
	*ret = str_sub(*args, 0, sp < 0 ? args->n : (size_t)sp);
	*args = str_from_off(*args, ret->n);
	return true;
}

static bool
take_msg(str *args, struct pop3_command *c)
{
	str word;
	c->has_msg = true;
	return take_word(args, &word) && take_number(word, &c->msg);
}

static bool
take_args(enum args kind, str args, struct pop3_command *c)
{
	str word;
	bool good = true;
	switch (kind) {
	case ARGS_NONE: break;
	case ARGS_MSG: good = take_msg(&args, c); break;
	case ARGS_MSG_OPT: good = args.n == 0 || take_msg(&args, c); break;
	case ARGS_MSG_LINES:
		good = take_msg(&args, c) && take_word(&args, &word) &&
		    take_number(word, &c->lines);
		break;
	case ARGS_LANG_OPT: good = args.n == 0 || take_word(&args, &c->language); break;
	}
	return good && args.n == 0;
}

static enum err
parse(str line, struct pop3_command *c)
{
	ptrdiff_t sp = str_chr(line, ' ');
	str name = str_sub(line, 0, sp < 0 ? line.n : (size_t)sp);
	for (size_t i = 0; i < POP3_VERBS; i++) {
		if (!str_ieq(name, rows[i].name)) {
			continue;
		}
		c->verb = (enum pop3_verb)i;
		if (rows[i].state != STATE_SESSION) {
			return ERR_BADSTATE;
		}
		return take_args(rows[i].args, str_from_off(line, name.n), c) ? ERR_OK : ERR_SYNTAX;
	}
	return ERR_UNSUPPORTED;
}

/* ---- lines -------------------------------------------------------------------------------- */

void
pop3_init(struct pop3 *x)
{
	*x = (struct pop3){ .magic = MAGIC };
}

static void
be_ready(struct pop3 *x, enum err e)
{
	x->ready = true;
	x->err = e;
	x->skipping = false;
}

/* The line lies in x->line with its LF. */
static enum err
check_line(struct pop3 *x, bool crlf)
{
	if (!crlf) {
		return ERR_PROTOCOL;
	}
	x->n -= 2;
	str line = { x->line, x->n };
	return str_chr(line, '\r') < 0 && str_chr(line, '\0') < 0 ? ERR_OK : ERR_PROTOCOL;
}

void
pop3_feed(struct pop3 *x, str in, size_t *ret_used)
{
	ASSERT(x->magic == MAGIC && !x->ready);
	*ret_used = 0;
	while (*ret_used < in.n && !x->ready) {
		str rest = str_from_off(in, *ret_used);
		ptrdiff_t lf = str_chr(rest, '\n');
		str piece = str_sub(rest, 0, lf < 0 ? rest.n : (size_t)lf + 1);
		bool cr = piece.n > 1 ? piece.p[piece.n - 2] == '\r' : x->last_cr;
		bool crlf = lf >= 0 && cr;
		x->last_cr = piece.p[piece.n - 1] == '\r';
		*ret_used += piece.n;
		if (x->dropping) {
			x->dropping = !crlf;
			continue;
		}
		x->skipping = x->skipping || piece.n > sizeof x->line - x->n;
		if (!x->skipping) {
			memcpy(x->line + x->n, piece.p, piece.n);
			x->n += piece.n;
		}
		if (lf >= 0) {
			x->dropping = !crlf;
			be_ready(x, x->skipping ? ERR_TOOBIG : check_line(x, crlf));
		}
	}
}

bool
pop3_next(struct pop3 *x, struct pop3_command *ret)
{
	ASSERT(x->magic == MAGIC);
	if (!x->ready) {
		return false;
	}
	*ret = (struct pop3_command){ .err = x->err };
	if (x->err == ERR_OK) {
		ret->err = parse(str_make(x->line, x->n), ret);
	}
	x->ready = false;
	x->n = 0;
	return true;
}
