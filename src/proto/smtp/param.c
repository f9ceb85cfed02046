/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameters of MAIL and RCPT, by params.def.
 *
 *	parameters = esmtp-param *( SP esmtp-param )
 *	esmtp-param = esmtp-keyword [ "=" esmtp-value ]
 *	xtext = *( xchar / hexchar )     ; RFC 3461 4
 */
#include "proto/smtp/param.h"
#include "proto/smtp/smtp_priv.h"

static const struct param_row {
	enum smtp_command command;
	str keyword;
	bool (*take)(struct smtp *s, str value);
	unsigned value, where;
} rows[] = {
#define PARAM(verb, keyword, id, value, where, rfc) \
	{ SMTP_CMD_##verb, S_INIT(keyword), smtp_param_##id, value, where },
#include "proto/smtp/params.def"
#undef PARAM
};
static_assert(LEN(rows) <= 32, "one bit each");

static int
find_row(const struct smtp *s, enum smtp_command c, str keyword)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		bool here = rows[i].where == EVERYWHERE || s->peer.submission;
		if (rows[i].command == c && here && str_ieq(rows[i].keyword, keyword)) {
			return (int)i;
		}
	}
	return -1;
}

/* Out: SMTP_REPLIES when it was taken. */
static enum smtp_reply
take_one(struct smtp *s, enum smtp_command c, str text, uint32_t *seen)
{
	str keyword, value;
	bool has_value = str_cut(text, '=', &keyword, &value);
	int i = s->ehlo ? find_row(s, c, keyword) : -1;
	if (i < 0) {
		return SMTP_REPLY_PARAM_UNKNOWN;
	}
	if ((*seen & (1u << i)) != 0) {
		return SMTP_REPLY_PARAM_TWICE;
	}
	*seen |= 1u << i;
	bool fits = has_value == (rows[i].value == NEEDED) && (!has_value || value.n > 0);
	return fits && rows[i].take(s, value) ? SMTP_REPLIES : SMTP_REPLY_PARAM_BAD;
}

bool
smtp_params(struct smtp *s, enum smtp_command c, str text)
{
	uint32_t seen = 0;
	str rest = text, piece;
	while (str_next(&rest, ' ', &piece)) {
		if (piece.n == 0) {
			continue;
		}
		enum smtp_reply no = take_one(s, c, piece, &seen);
		if (no != SMTP_REPLIES) {
			str keyword, value;
			str_cut(piece, '=', &keyword, &value);
			smtp_reply(s, no, str_sub(keyword, 0, 32));
			return false;
		}
	}
	return true;
}

static int
hex_value(char c)
{
	return ascii_is_digit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
smtp_xtext_valid(str s, size_t max)
{
	size_t decoded = 0;
	for (size_t i = 0; i < s.n; i++, decoded++) {
		int c = (unsigned char)s.p[i];
		if (c == '+') {
			int high = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
			c = high < 0 || low < 0 ? -1 : high * 16 + low;
			i += 2;
			if (c < ' ' || c > '~') {
				return false;
			}
		} else if (c <= ' ' || c > '~' || c == '=') {
			return false;
		}
	}
	return decoded <= max;
}
