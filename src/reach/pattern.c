/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and matching patterns. A pattern is segments with gaps between them; each segment is
 * taken where it first fits, which is right because a gap takes anything. A class takes all it can
 * and never gives back. So one pattern costs at most text times (its length + REACH_RUN_MAX).
 */
#include "reach/pattern_priv.h"

#include "base/codec.h"
#include "mail/address.h"

/* ---- folding -------------------------------------------------------------------------------- */

/* Upper to lower case where other servers write: Latin-1 letters and Cyrillic. */
static uint32_t
lower_of(uint32_t cp)
{
	if ((cp >= 0xc0 && cp <= 0xde && cp != 0xd7) || (cp >= 0x410 && cp <= 0x42f)) {
		return cp + 0x20;
	}
	return cp >= 0x400 && cp <= 0x40f ? cp + 0x50 : cp;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void
reach_fold(struct buf *out, str s)
{
	while (s.n > 0) {
		unsigned char c = (unsigned char)*s.p;

		if (c < 0x80) {
			bool blank = is_space(*s.p);
			if (!blank) {
				buf_ch(out, ascii_lower(*s.p));
			} else if (out->n == 0 || out->p[out->n - 1] != ' ') {
				buf_ch(out, ' ');
			}
			s = str_from_off(s, 1);
			continue;
		}
		uint32_t cp = utf8_next(&s);
		if (cp == UINT32_MAX) {
			buf_ch(out, (char)c);
		} else {
			utf8_put(out, lower_of(cp));
		}
	}
}

/* ---- classes -------------------------------------------------------------------------------- */

bool
reach_is_wordy(str text, size_t at)
{
	return at < text.n && (ascii_is_alnum(text.p[at]) || (unsigned char)text.p[at] >= 0x80);
}

static bool
in_word(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

static bool
in_address(char c)
{
	return ascii_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
	    c == '.';
}

static bool
is_colon_form(str s)
{
	size_t colons = 0, digits = 0;

	for (size_t i = 0; i < s.n; i++) {
		colons += s.p[i] == ':';
		digits += s.p[i] != ':';
	}
	return colons >= 2 && colons <= 8 && digits > 0 &&
	    (colons == 7 || str_find(s, S("::")) >= 0);
}

size_t
reach_address_at(str text, size_t at)
{
	size_t n = 0;

	if (at > 0 && at <= text.n && (reach_is_wordy(text, at - 1) || text.p[at - 1] == '.')) {
		return 0;
	}
	while (at + n < text.n && n < 46 && in_address(text.p[at + n])) {
		n++;
	}
	if (reach_is_wordy(text, at + n)) {
		return 0;
	}
	while (n > 0 && (text.p[at + n - 1] == '.' || text.p[at + n - 1] == ':')) {
		n--;
	}
	str s = str_sub(text, at, n);
	if (mail_is_ipv4(s) || is_colon_form(s)) {
		return n;
	}
	/* "1.2.3.4:25": an address with a port. */
	ptrdiff_t colon = str_chr(s, ':');
	s.n = colon > 0 ? (size_t)colon : 0;
	return s.n > 0 && mail_is_ipv4(s) ? s.n : 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

static const struct {
	str name;
	enum reach_piece_kind kind;
} kinds[] = {
	{ S_INIT("d>"), REACH_DIGITS },
	{ S_INIT("w>"), REACH_WORD },
	{ S_INIT("ip>"), REACH_ADDRESS },
	{ S_INIT("b>"), REACH_EDGE },
	{ S_INIT("^>"), REACH_BEGIN },
	{ S_INIT("$>"), REACH_END },
};

/* The piece at the front of `text`: how many octets of the pattern it takes; 0: unknown class. */
static size_t
read_piece(str text, struct reach_piece *ret)
{
	if (text.p[0] == '*') {
		ret->kind = REACH_GAP;
		return 1;
	}
	if (str_starts(text, S("<<"))) {
		ret->kind = REACH_LITERAL;
		ret->literal = find_make(str_sub(text, 0, 1));
		return 2;
	}
	if (text.p[0] == '<') {
		for (size_t i = 0; i < LEN(kinds); i++) {
			if (str_starts(str_from_off(text, 1), kinds[i].name)) {
				ret->kind = kinds[i].kind;
				return 1 + kinds[i].name.n;
			}
		}
		return 0;
	}
	size_t n = 0;
	while (n < text.n && text.p[n] != '*' && text.p[n] != '<') {
		n++;
	}
	ret->kind = REACH_LITERAL;
	ret->literal = find_make(str_sub(text, 0, n));
	return n;
}

enum err
reach_pattern_read(str text, struct arena *a, struct reach_pattern *ret, size_t *ret_at)
{
	struct reach_piece pieces[REACH_PIECES_MAX];
	struct reach_pattern p = { 0 };
	str kept = arena_dup(a, text);
	size_t longest = 0;

	if (kept.p == NULL) {
		return ERR_BUDGET;
	}
	for (size_t at = 0; at < kept.n;) {
		if (p.n == LEN(pieces)) {
			return ERR_TOOMANY;
		}
		struct reach_piece piece = { 0 };
		size_t n = read_piece(str_from_off(kept, at), &piece);
		if (n == 0) {
			*ret_at = at;
			return ERR_SYNTAX;
		}
		if (piece.kind == REACH_LITERAL && piece.literal.needle.n > longest) {
			longest = piece.literal.needle.n;
			p.rare = p.n;
		}
		pieces[p.n++] = piece;
		at += n;
	}
	p.rare = longest == 0 ? p.n : p.rare;
	p.v = p.n > 0 ? arena_array(a, p.n, sizeof(pieces[0])) : NULL;
	if (p.n > 0 && p.v == NULL) {
		return ERR_BUDGET;
	}
	if (p.n > 0) {
		memcpy(p.v, pieces, p.n * sizeof(pieces[0]));
	}
	*ret = p;
	return ERR_OK;
}

/* ---- matching ------------------------------------------------------------------------------- */

static size_t
run_of(str text, size_t at, bool (*is)(char))
{
	size_t n = 0;

	while (at + n < text.n && n < REACH_RUN_MAX && is(text.p[at + n])) {
		n++;
	}
	return n;
}

/* Does the piece fit at `at`? Then how many octets it takes. */
static bool
piece_fits(const struct reach_piece *p, str text, size_t at, size_t *ret_n)
{
	str rest = str_from_off(text, at);

	*ret_n = 0;
	switch (p->kind) {
	case REACH_LITERAL:
		*ret_n = p->literal.needle.n;
		return str_starts(rest, p->literal.needle);
	case REACH_DIGITS: *ret_n = run_of(text, at, ascii_is_digit); return *ret_n > 0;
	case REACH_WORD: *ret_n = run_of(text, at, in_word); return *ret_n > 0;
	case REACH_ADDRESS: *ret_n = reach_address_at(text, at); return *ret_n > 0;
	case REACH_EDGE:
		return reach_is_wordy(text, at) != (at > 0 && reach_is_wordy(text, at - 1));
	case REACH_BEGIN: return at == 0;
	case REACH_END: return at == text.n;
	case REACH_GAP: break;
	}
	return false;
}

/* All pieces of one segment, one behind the other, from `at` on. */
static bool
segment_at(const struct reach_piece *v, size_t n, str text, size_t at, size_t *ret_end)
{
	for (size_t i = 0; i < n; i++) {
		size_t took;

		if (!piece_fits(&v[i], text, at, &took)) {
			return false;
		}
		at += took;
	}
	*ret_end = at;
	return true;
}

/* The first place from *at on where the segment fits; *at moves behind it. */
static bool
segment_find(const struct reach_piece *v, size_t n, str text, size_t *at)
{
	for (size_t from = *at; from <= text.n; from++) {
		if (v[0].kind == REACH_LITERAL) {
			ptrdiff_t hit = find_in(&v[0].literal, str_from_off(text, from));
			if (hit < 0) {
				return false;
			}
			from += (size_t)hit;
		}
		if (segment_at(v, n, text, from, at)) {
			return true;
		}
		if (v[0].kind == REACH_BEGIN) {
			return false;
		}
	}
	return false;
}

bool
reach_pattern_fits(const struct reach_pattern *p, str text)
{
	size_t at = 0;

	if (p->rare < p->n && find_in(&p->v[p->rare].literal, text) < 0) {
		return false;
	}
	for (size_t i = 0; i < p->n;) {
		size_t n = 0;

		while (i + n < p->n && p->v[i + n].kind != REACH_GAP) {
			n++;
		}
		if (n > 0 && !segment_find(&p->v[i], n, text, &at)) {
			return false;
		}
		i += n + 1;
	}
	return true;
}
