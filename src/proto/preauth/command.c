/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One dispatcher over commands.def for all four protocols, and the verbs that are the same in all.
 *
 *	SMTP, POP3, ManageSieve   line = verb [SP arguments] CRLF
 *	IMAP (9051 2.2.1)         line = tag SP verb [SP arguments] CRLF
 */
#include "proto/preauth/preauth_priv.h"

enum {
	PRETLS = PREAUTH_PRETLS,
	LOGIN = PREAUTH_LOGIN,
	LITERALS = PREAUTH_F_LITERALS,
	SECRET = PREAUTH_F_SECRET,
	BARE = PREAUTH_F_BARE,
};

const struct preauth_command preauth_commands[] = {
#define CMD(protocol, verb, phases, flags, handler, grammar, rfc) \
	{ PREAUTH_##protocol, S_INIT(#verb), phases, flags, preauth_do_##handler, grammar, rfc },
#include "proto/preauth/commands.def"
#undef CMD
};
const size_t preauth_commands_n = LEN(preauth_commands);

/* RFC 9051 9: tag = 1*<any ASTRING-CHAR except "+">. */
static bool
is_tag_char(char c)
{
	return c > ' ' && c < 0x7f && str_chr(S("(){%*\"\\+"), c) < 0;
}

bool
preauth_command_tag(struct preauth *x, str *ret_rest)
{
	str line = buf_view(&x->cmd), tag, rest;
	bool more = str_cut(line, ' ', &tag, &rest);
	bool good = more && tag.n > 0 && tag.n <= PREAUTH_TAG_MAX;
	for (size_t i = 0; i < tag.n && good; i++) {
		good = is_tag_char(tag.p[i]);
	}
	buf_reset(&x->tag);
	if (!good) {
		return false;
	}
	buf_str(&x->tag, tag);
	*ret_rest = rest;
	return true;
}

static const struct preauth_command *
find(enum preauth_protocol protocol, str verb)
{
	for (size_t i = 0; i < preauth_commands_n; i++) {
		const struct preauth_command *c = &preauth_commands[i];
		if (c->protocol == protocol && str_ieq(c->verb, verb)) {
			return c;
		}
	}
	return NULL;
}

/* The verb's row or NULL, and its arguments from the SP on. False: no tag. */
static bool
split(struct preauth *x, const struct preauth_command **ret_command, str *ret_args)
{
	str rest = buf_view(&x->cmd);
	if (x->conf->protocol == PREAUTH_IMAP && !preauth_command_tag(x, &rest)) {
		return false;
	}
	ptrdiff_t sp = str_chr(rest, ' ');
	size_t n = sp < 0 ? rest.n : (size_t)sp;
	*ret_command = find(x->conf->protocol, str_sub(rest, 0, n));
	*ret_args = str_from_off(rest, n);
	return true;
}

bool
preauth_command_wants_literal(struct preauth *x)
{
	const struct preauth_command *c;
	str args;
	return split(x, &c, &args) && c != NULL && (c->phases & x->conf->phase) != 0 &&
	    (c->flags & PREAUTH_F_LITERALS) != 0;
}

/* Why a command cannot be served now, or PREAUTH_REPLIES when it can. */
static enum preauth_reply_id
objection(const struct preauth *x, const struct preauth_command *c, str args)
{
	bool pretls = x->conf->phase == PREAUTH_PRETLS;
	if (c == NULL) {
		return pretls ? PREAUTH_RE_UNKNOWN_PRETLS : PREAUTH_RE_UNKNOWN;
	}
	if ((c->phases & x->conf->phase) == 0 && pretls) {
		return (c->flags & PREAUTH_F_SECRET) != 0 ? PREAUTH_RE_NEED_TLS
							  : PREAUTH_RE_UNKNOWN_PRETLS;
	}
	if ((c->phases & x->conf->phase) == 0) {
		return PREAUTH_RE_HAVE_TLS;
	}
	if ((c->flags & PREAUTH_F_BARE) != 0 && str_trim(args).n != 0) {
		return PREAUTH_RE_SYNTAX;
	}
	return PREAUTH_REPLIES;
}

void
preauth_command_run(struct preauth *x)
{
	const struct preauth_command *c;
	str args;
	if (x->commands >= PREAUTH_COMMANDS_MAX) {
		preauth_close(x, PREAUTH_CLOSE_COMMANDS);
		return;
	}
	x->commands++;
	if (!split(x, &c, &args)) {
		preauth_refuse(x, PREAUTH_RE_BAD_TAG);
		return;
	}
	enum preauth_reply_id no = objection(x, c, args);
	if (no != PREAUTH_REPLIES) {
		preauth_refuse(x, no);
		return;
	}
	c->handler(x, args);
}

void
preauth_do_noop(struct preauth *x, str args)
{
	preauth_say(x, PREAUTH_RE_OK);
}

void
preauth_do_quit(struct preauth *x, str args)
{
	preauth_say(x, PREAUTH_RE_BYE);
	if (x->conf->protocol == PREAUTH_IMAP) {
		preauth_say(x, PREAUTH_RE_BYE_DONE);
	}
	preauth_close(x, PREAUTH_CLOSE_QUIT);
}

void
preauth_do_starttls(struct preauth *x, str args)
{
	preauth_say(x, PREAUTH_RE_TLS);
	preauth_act(x, PREAUTH_ACT_STARTTLS, PREAUTH_ST_TLS);
}

void
preauth_greet(struct preauth *x)
{
	static void (*const greets[PREAUTH_PROTOCOLS])(struct preauth *) = {
		[PREAUTH_SMTP] = preauth_smtp_greet,
		[PREAUTH_IMAP] = preauth_imap_greet,
		[PREAUTH_POP3] = preauth_pop3_greet,
		[PREAUTH_SIEVE] = preauth_sieve_greet,
	};
	greets[x->conf->protocol](x);
}
