/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ways between UTF-8 and modified UTF-7 (RFC 3501 5.1.3). Decoding is lenient inside and then
 * compares with the encoding of its result: one place decides what is canonical.
 */
#include "proto/imap/utf7.h"

#include "base/codec.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* Bits on their way into or out of base64. */
struct bits {
	uint32_t acc;
	unsigned n;
};

static void
put_unit(struct buf *out, struct bits *b, uint16_t unit)
{
	b->acc = (b->acc << 16) | unit;
	b->n += 16;
	while (b->n >= 6) {
		b->n -= 6;
		buf_ch(out, alphabet[(b->acc >> b->n) & 63]);
	}
	b->acc &= (1u << b->n) - 1;
}

static void
put_shifted(struct buf *out, struct bits *b, uint32_t cp)
{
	if (cp >= 0x10000) {
		cp -= 0x10000;
		put_unit(out, b, (uint16_t)(0xd800 | (cp >> 10)));
		cp = 0xdc00 | (cp & 0x3ff);
	}
	put_unit(out, b, (uint16_t)cp);
}

static void
shift_out(struct buf *out, struct bits *b)
{
	if (b->n > 0) {
		buf_ch(out, alphabet[(b->acc << (6 - b->n)) & 63]);
	}
	*b = (struct bits){ 0 };
	buf_ch(out, '-');
}

void
imap_utf7_encode(struct buf *out, str utf8)
{
	struct bits b = { 0 };
	bool shifted = false;
	while (utf8.n > 0) {
		uint32_t cp = utf8_next(&utf8);
		bool direct = cp >= 0x20 && cp <= 0x7e;
		if (direct == shifted) {
			if (shifted) {
				shift_out(out, &b);
			} else {
				buf_ch(out, '&');
			}
			shifted = !shifted;
		}
		if (!direct) {
			put_shifted(out, &b, cp == UINT32_MAX ? 0xfffd : cp);
		} else {
			buf_cstr(out, cp == '&' ? "&-" : (char[2]){ (char)cp, 0 });
		}
	}
	if (shifted) {
		shift_out(out, &b);
	}
}

static bool
sextet(char ch, uint32_t *ret)
{
	const char *at = ch == '\0' ? NULL : strchr(alphabet, ch);
	*ret = at == NULL ? 0 : (uint32_t)(at - alphabet);
	return at != NULL;
}

/* One UTF-16 unit; *high keeps a leading surrogate until its partner comes. */
static bool
take_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
	bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
	if (is_low != (*high != 0)) {
		return false;
	}
	if (is_low) {
		utf8_put(out, 0x10000 + ((*high & 0x3ff) << 10) + (unit & 0x3ff));
		*high = 0;
	} else if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
	} else {
		utf8_put(out, unit);
	}
	return true;
}

/* The inside of "&...-". */
static bool
decode_shifted(struct buf *out, str in)
{
	struct bits b = { 0 };
	uint32_t high = 0, v;
	for (size_t i = 0; i < in.n; i++) {
		if (!sextet(in.p[i], &v)) {
			return false;
		}
		b.acc = (b.acc << 6) | v;
		b.n += 6;
		if (b.n >= 16) {
			b.n -= 16;
			if (!take_unit(out, (b.acc >> b.n) & 0xffff, &high)) {
				return false;
			}
			b.acc &= (1u << b.n) - 1;
		}
	}
	return high == 0;
}

static bool
decode_all(struct buf *out, str in)
{
	while (in.n > 0) {
		char ch = in.p[0];
		if (ch < 0x20 || ch > 0x7e) {
			return false;
		}
		in = str_from_off(in, 1);
		if (ch != '&') {
			buf_ch(out, ch);
			continue;
		}
		str inside;
		if (!str_cut(in, '-', &inside, &in)) {
			return false;
		}
		if (inside.n == 0) {
			buf_ch(out, '&');
		} else if (!decode_shifted(out, inside)) {
			return false;
		}
	}
	return true;
}

/* Does encoding the octets of `out` from `start` give `in` again? */
static bool
is_canonical(const struct buf *out, size_t start, str in)
{
	struct buf again;
	buf_init(&again, in.n + 8);
	imap_utf7_encode(&again, str_from_off(buf_view(out), start));
	bool same = buf_err(&again) == ERR_OK && str_eq(buf_view(&again), in);
	buf_done(&again);
	return same;
}

enum err
imap_utf7_decode(struct buf *out, str in)
{
	size_t start = out->n;
	bool ok = decode_all(out, in);
	if (buf_err(out) != ERR_OK) {
		return buf_err(out);
	}
	if (!ok || !is_canonical(out, start, in)) {
		buf_truncate(out, start);
		return ERR_CHARSET;
	}
	return ERR_OK;
}
