/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The structured values of MIME header fields: a token, then parameters. Lenient, because senders
 * are: white space, comments, missing quotes and stray semicolons are survived.
 */
#ifndef MAIL_PARAM_H
#define MAIL_PARAM_H

#include "base/buf.h"

struct mail_param {
	str name;  /* as written */
	str value; /* without quotes; backslash pairs are still in it when `quoted` */
	bool quoted;
};

/*
 * Cut "type/subtype; rest" or "token; rest". False when there is no token; subtype is empty without
 * '/'.
 *
 * Out     everything borrowed from `value`
 * RFC     2045 5.1, 2183 2
 */
bool mail_param_head(str value, str *ret_type, str *ret_subtype, str *ret_rest);

/* The next parameter of *rest; false at the end. */
bool mail_param_next(str *rest, struct mail_param *ret);

/* The first parameter of that name, ASCII case ignored; RFC 2231 pieces are not joined here. */
bool mail_param_find(str rest, str name, struct mail_param *ret);

/* Append the value with backslash pairs resolved and line ends removed. */
void mail_param_value(struct buf *out, const struct mail_param *p);

/*
 * Append a parameter's whole value in UTF-8: RFC 2231 continuations joined and decoded, RFC 2047
 * words in a quoted value decoded, too (senders do it). False when there is no such parameter.
 *
 * Limits  64 continuations
 * RFC     2231 3, 4
 */
bool mail_param_text(struct buf *out, str rest, str name);

#endif
