/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 and quoted-printable as they arrive, not as they should be.
 */
#include "mail/transfer.h"

enum mail_transfer
mail_transfer_by_name(str name)
{
	static const struct {
		str name;
		enum mail_transfer enc;
	} rows[] = {
		{ S_INIT("7bit"), MAIL_TRANSFER_IDENTITY },
		{ S_INIT("8bit"), MAIL_TRANSFER_IDENTITY },
		{ S_INIT("binary"), MAIL_TRANSFER_IDENTITY },
		{ S_INIT("base64"), MAIL_TRANSFER_BASE64 },
		{ S_INIT("quoted-printable"), MAIL_TRANSFER_QP },
		{ S_INIT(""), MAIL_TRANSFER_IDENTITY },
	};
	str s = str_trim(name);
	for (size_t i = 0; i < LEN(rows); i++) {
		if (str_ieq(s, rows[i].name)) {
			return rows[i].enc;
		}
	}
	return MAIL_TRANSFER_UNKNOWN;
}

static int
base64_value(char c)
{
	if (ascii_is_alpha(c)) {
		return c >= 'a' ? c - 'a' + 26 : c - 'A';
	}
	if (ascii_is_digit(c)) {
		return c - '0' + 52;
	}
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void
decode_base64(struct buf *out, str in)
{
	uint32_t bits = 0;
	unsigned have = 0;
	for (size_t i = 0; i < in.n; i++) {
		int v = base64_value(in.p[i]);
		if (in.p[i] == '=') {
			have = 0; /* padding ends a group; concatenated encodings go on after it */
		}
		if (v < 0) {
			continue;
		}
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_ch(out, (char)(bits >> have));
		}
	}
}

static int
hex_value(char c)
{
	c = ascii_lower(c);
	return ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One line without its end; *ret_soft when it ends in "=". Trailing white space is transport
 * padding. */
static void
decode_qp_line(struct buf *out, str line, bool *ret_soft)
{
	while (line.n > 0 && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t')) {
		line.n--;
	}
	*ret_soft = line.n > 0 && line.p[line.n - 1] == '=';
	line.n -= *ret_soft;
	for (size_t i = 0; i < line.n; i++) {
		int hi = line.p[i] == '=' && i + 2 < line.n ? hex_value(line.p[i + 1]) : -1;
		int lo = hi >= 0 ? hex_value(line.p[i + 2]) : -1;
		buf_ch(out, lo >= 0 ? (char)(hi << 4 | lo) : line.p[i]);
		i += lo >= 0 ? 2 : 0;
	}
}

static void
decode_qp(struct buf *out, str in)
{
	while (in.n > 0) {
		ptrdiff_t lf = str_chr(in, '\n');
		size_t n = lf < 0 ? in.n : (size_t)lf;
		bool cr = lf > 0 && in.p[lf - 1] == '\r', soft;
		decode_qp_line(out, str_sub(in, 0, n - cr), &soft);
		if (lf >= 0 && !soft) {
			buf_str(out, cr ? S("\r\n") : S("\n"));
		}
		in = str_from_off(in, lf < 0 ? in.n : n + 1);
	}
}

void
mail_transfer_decode(struct buf *out, enum mail_transfer enc, str in)
{
	switch (enc) {
	case MAIL_TRANSFER_BASE64: decode_base64(out, in); return;
	case MAIL_TRANSFER_QP: decode_qp(out, in); return;
	default: buf_str(out, in);
	}
}
