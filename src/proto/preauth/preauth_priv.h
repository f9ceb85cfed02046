/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share: reply and command ids generated from the tables, the states'
 * one door, and the small verbs that handlers are written in.
 */
#ifndef PROTO_PREAUTH_PREAUTH_PRIV_H
#define PROTO_PREAUTH_PREAUTH_PRIV_H

#include "proto/preauth/preauth.h"

#define PREAUTH_MAGIC 0x50524541u

enum preauth_reply_id {
#define REPLY(name, smtp, imap, pop3, sieve) PREAUTH_RE_##name,
#include "proto/preauth/replies.def"
#undef REPLY
	PREAUTH_REPLIES
};

enum preauth_flag { PREAUTH_F_LITERALS = 1, PREAUTH_F_SECRET = 2, PREAUTH_F_BARE = 4 };

/* Arguments: what follows the verb, from its SP on, CR LF removed; may hold literals. */
typedef void preauth_handler(struct preauth *x, str args);

struct preauth_command {
	enum preauth_protocol protocol;
	str verb;
	unsigned phases, flags;
	preauth_handler *handler;
	const char *grammar, *rfc;
};

/* The table, for dispatch and for the test matrix. */
extern const struct preauth_command preauth_commands[];
extern const size_t preauth_commands_n;

#define CMD(protocol, verb, phases, flags, handler, grammar, rfc) \
	preauth_handler preauth_do_##handler;
#include "proto/preauth/commands.def"
#undef CMD

/* line.c */
size_t preauth_line_take(struct preauth *x, str in);
/* Forget the command that was read; its octets are overwritten. */
void preauth_line_reset(struct preauth *x);

/* command.c */
/* A whole command lies in x->cmd, or the part up to a literal that must not be asked for. */
void preauth_command_run(struct preauth *x);
/* May the verb that begins in x->cmd be followed by a literal now? */
bool preauth_command_wants_literal(struct preauth *x);
/* Set x->tag from x->cmd as far as it is there; false: not a tag. */
bool preauth_command_tag(struct preauth *x, str *ret_rest);

/* preauth.c */
void preauth_go(struct preauth *x, enum preauth_state to);
void preauth_act(struct preauth *x, enum preauth_kind kind, enum preauth_state to);
void preauth_close(struct preauth *x, enum preauth_close why);
void preauth_say(struct preauth *x, enum preauth_reply_id id);
/* Say it and count it; the tenth ends the connection. */
void preauth_refuse(struct preauth *x, enum preauth_reply_id id);
/* Logged in. */
void preauth_attach(struct preauth *x);
str preauth_reply_text(enum preauth_protocol protocol, enum preauth_reply_id id);

/* sasl.c */
bool preauth_sasl_offered(const struct preauth *x, str mechanism, str *ret_canonical);
/* The names the client may use, separated by `between`; `prefix` before each. */
void preauth_sasl_list(const struct preauth *x, struct buf *out, str prefix, str between);
/* has_initial: `initial` is base64, or "=" for the empty one. */
void preauth_sasl_begin(struct preauth *x, str mechanism, bool has_initial, str initial);
/* The same from the arguments of AUTHENTICATE and AUTH: SP mechanism [SP initial-response]. */
void preauth_sasl_command(struct preauth *x, str args);
/* Start PLAIN with x->data = NUL user NUL password. */
void preauth_sasl_plain(struct preauth *x);
/* A whole client response line lies in x->cmd. */
void preauth_sasl_response(struct preauth *x);
void preauth_sasl_challenge(struct preauth *x, str challenge);
/* The response line cannot be read: too long, or not a line. */
void preauth_sasl_unreadable(struct preauth *x);

/* args.c */
/* One SP is taken from *args. */
bool preauth_arg_space(str *args);
/* An atom of the protocol; borrowed. */
bool preauth_arg_atom(str *args, str *ret);
/* A quoted string or literal, unescaped, appended to `out`. */
bool preauth_arg_string(str *args, struct buf *out);
/* IMAP astring, appended to `out`. */
bool preauth_arg_astring(str *args, struct buf *out);

/* command.c: the protocol's greeting; each beside its verbs. */
void preauth_greet(struct preauth *x);
void preauth_smtp_greet(struct preauth *x);
void preauth_imap_greet(struct preauth *x);
void preauth_pop3_greet(struct preauth *x);
void preauth_sieve_greet(struct preauth *x);

#endif
