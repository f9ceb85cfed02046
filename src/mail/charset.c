/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding by generated tables, and folding for search. No locale, no loaded modules: the tables
 * are read-only data that all processes share.
 */
#include "mail/charset.h"
#include "base/codec.h"

#include "mail/charset_tables.h"

#define REPLACEMENT 0xfffdu

/* The row of a name, or -1. Names are few and short: binary search over the sorted table. */
static int
find_name(str name)
{
	size_t lo = 0, hi = LEN(charset_names);
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int d = str_icmp(charset_names[mid].name, name);
		if (d == 0) {
			return (int)mid;
		}
		if (d < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return -1;
}

bool
mail_charset_known(str name)
{
	return find_name(str_trim(name)) >= 0;
}

static void
decode_single(struct buf *out, const uint16_t table[128], str in)
{
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = (uint8_t)in.p[i];
		utf8_put(out, c < 0x80 ? c : table[c - 0x80]);
	}
}

/* Valid UTF-8 is copied; stray octets are read as windows-1252. */
static void
decode_utf8(struct buf *out, str in)
{
	if (utf8_valid(in)) {
		buf_str(out, in);
		return;
	}
	while (in.n > 0) {
		uint8_t c = (uint8_t)in.p[0];
		uint32_t cp = utf8_next(&in);
		utf8_put(out, cp != UINT32_MAX ? cp : single_tables[SINGLE_CP1252][c - 0x80]);
	}
}

static uint32_t
double_char(unsigned table, uint8_t lead, uint8_t trail)
{
	bool in_table = lead >= 0x81 && lead <= 0xfe && trail >= 0x40 && trail <= 0xfe;
	return in_table ? double_tables[table][lead - 0x81][trail - 0x40] : REPLACEMENT;
}

/* Half-width katakana: one octet in Shift_JIS, two after 0x8e in EUC-JP. */
static uint32_t
katakana(uint8_t c)
{
	return c >= 0xa1 && c <= 0xdf ? 0xff61u + c - 0xa1u : REPLACEMENT;
}

static void
decode_double(struct buf *out, unsigned table, str in)
{
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = (uint8_t)in.p[i];
		uint8_t next = i + 1 < in.n ? (uint8_t)in.p[i + 1] : 0;
		if (c < 0x80) {
			buf_ch(out, (char)c);
		} else if (table == DOUBLE_SJIS && c >= 0xa1 && c <= 0xdf) {
			utf8_put(out, katakana(c));
		} else if (table == DOUBLE_EUCJP && c == 0x8e) {
			utf8_put(out, katakana(next));
			i++;
		} else {
			uint32_t cp = double_char(table, c, next);
			utf8_put(out, cp);
			i += cp != REPLACEMENT ||
			    next >= 0x80; /* do not swallow ASCII after a bad lead */
		}
	}
}

/* RFC 1468: escape sequences choose ASCII, JIS-Roman or two-octet JIS X 0208. */
static void
decode_iso2022jp(struct buf *out, str in)
{
	bool two = false, kana = false;
	for (size_t i = 0; i < in.n; i++) {
		str rest = str_from_off(in, i);
		uint8_t c = (uint8_t)in.p[i];
		if (c == 0x1b && rest.n >= 3) {
			two = rest.p[1] == '$';
			kana = rest.p[1] == '(' && rest.p[2] == 'I';
			i += 2;
		} else if (two && c > 0x20 && c < 0x7f && rest.n >= 2) {
			utf8_put(out,
			    double_char(DOUBLE_EUCJP, c | 0x80, (uint8_t)rest.p[1] | 0x80));
			i++;
		} else if (kana && c > 0x20 && c < 0x60) {
			utf8_put(out, katakana(c | 0x80));
		} else {
			utf8_put(out, c < 0x80 ? c : REPLACEMENT);
		}
	}
}

void
mail_charset_decode(struct buf *out, str name, str in)
{
	int i = find_name(str_trim(name));
	unsigned kind = i < 0 ? (unsigned)CHARSET_UTF8 : charset_names[i].kind;
	switch (kind) {
	case CHARSET_SINGLE: decode_single(out, single_tables[charset_names[i].table], in); return;
	case CHARSET_DOUBLE: decode_double(out, charset_names[i].table, in); return;
	case CHARSET_ISO2022JP: decode_iso2022jp(out, in); return;
	default: decode_utf8(out, in);
	}
}

/* What maps some code points to other texts; the rest stay as they are. */
struct map {
	const struct map_row *rows;
	const uint16_t *blocks;
	const uint8_t *pool;
};

/* The row of a code point, or NULL when it maps to itself. */
static const struct map_row *
find_row(const struct map *m, uint32_t cp)
{
	if (cp / 256 + 1 >= MAP_BLOCKS) {
		return NULL;
	}
	int lo = m->blocks[cp / 256], hi = m->blocks[cp / 256 + 1];
	while (lo < hi) {
		int mid = (lo + hi) / 2;
		if (m->rows[mid].cp == cp) {
			return &m->rows[mid];
		}
		if (m->rows[mid].cp < cp) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return NULL;
}

/* Letters from `first` on change their case, eight octets below 0x80 at a time. */
static inline void
map_ascii(char first, char *to, str in)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t v;
	size_t i = 0;
	for (; in.n - i >= sizeof v; i += sizeof v) {
		memcpy(&v, in.p + i, sizeof v);
		uint64_t from = v + ones * (0x80u - (uint8_t)first),
			 above = v + ones * (0x80u - (uint8_t)first - 26);
		v ^= ((from ^ above) & high) >> 2;
		memcpy(to + i, &v, sizeof v);
	}
	for (; i < in.n; i++) {
		char c = in.p[i];
		to[i] = c >= first && c < first + 26 ? (char)(c ^ 0x20) : c;
	}
}

/* One loop for both: the compiler makes each of its own, as `title` is known there. */
static inline void
map_text(const struct map *m, bool title, struct buf *out, str in)
{
	while (in.n > 0) {
		size_t ascii = ascii_span(in);
		char *to = buf_room(out, in.n);
		if (to == NULL) {
			return;
		}
		map_ascii(title ? 'a' : 'A', to, str_sub(in, 0, ascii));
		buf_grow(out, ascii);
		in = str_from_off(in, ascii);
		if (in.n == 0) {
			return;
		}
		uint32_t cp = utf8_next(&in);
		const struct map_row *row = find_row(m, cp);
		if (row != NULL) {
			buf_add(out, m->pool + row->at, row->n);
		} else {
			utf8_put(out, cp == UINT32_MAX ? REPLACEMENT : cp);
		}
	}
}

void
mail_charset_fold(struct buf *out, str utf8)
{
	static const struct map fold = { fold_rows, fold_blocks, fold_pool };
	map_text(&fold, false, out, utf8);
}

void
mail_charset_casemap(struct buf *out, str utf8)
{
	static const struct map casemap = { case_rows, case_blocks, case_pool };
	map_text(&casemap, true, out, utf8);
}
