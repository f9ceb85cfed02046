/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strings of IMAP and ManageSieve, out of a command whose literals lie in place.
 *
 *	string    = quoted / literal
 *	quoted    = DQUOTE *(any but DQUOTE, "\", CR, LF, NUL / "\" (DQUOTE / "\")) DQUOTE
 *	literal   = "{" number ["+"] "}" CRLF *CHAR8                   ; no NUL
 *	astring   = 1*ASTRING-CHAR / string                            ; RFC 9051 9
 */
#include "proto/preauth/preauth_priv.h"

static bool
is_astring_char(char c)
{
	return c > ' ' && c < 0x7f && str_chr(S("(){%*\"\\"), c) < 0;
}

static void
skip(str *s, size_t n)
{
	*s = str_from_off(*s, n);
}

bool
preauth_arg_space(str *args)
{
	if (!str_starts(*args, S(" "))) {
		return false;
	}
	skip(args, 1);
	return true;
}

bool
preauth_arg_atom(str *args, str *ret)
{
	size_t n = 0;
	while (n < args->n && is_astring_char(args->p[n])) {
		n++;
	}
	*ret = str_sub(*args, 0, n);
	skip(args, n);
	return n > 0;
}

static bool
quoted(str *args, struct buf *out)
{
	for (size_t i = 1; i < args->n; i++) {
		char c = args->p[i];
		if (c == '"') {
			skip(args, i + 1);
			return true;
		}
		if (c == '\\') {
			i++;
			if (i >= args->n || (args->p[i] != '"' && args->p[i] != '\\')) {
				return false;
			}
		}
		buf_ch(out, args->p[i]);
	}
	return false;
}

static bool
literal(str *args, struct buf *out)
{
	ptrdiff_t close = str_chr(*args, '}');
	if (close < 0) {
		return false;
	}
	str number = str_sub(*args, 1, (size_t)close - 1),
	    rest = str_from_off(*args, (size_t)close + 1);
	number.n -= str_ends(number, S("+")) ? 1 : 0;
	uint32_t n;
	if (!str_u32(number, &n) || !str_starts(rest, S("\r\n")) || rest.n - 2 < n) {
		return false;
	}
	str octets = str_sub(rest, 2, n);
	if (str_chr(octets, '\0') >= 0) {
		return false;
	}
	buf_str(out, octets);
	*args = str_from_off(rest, (size_t)n + 2);
	return true;
}

bool
preauth_arg_string(str *args, struct buf *out)
{
	if (str_starts(*args, S("\""))) {
		return quoted(args, out);
	}
	return str_starts(*args, S("{")) && literal(args, out);
}

bool
preauth_arg_astring(str *args, struct buf *out)
{
	str atom;
	if (preauth_arg_string(args, out)) {
		return true;
	}
	if (!preauth_arg_atom(args, &atom)) {
		return false;
	}
	buf_str(out, atom);
	return true;
}
