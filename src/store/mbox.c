/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an mbox, fed in any pieces: letters begin with a From_ line at the start or behind an
 * empty line; mboxrd quoting is undone, line ends become CRLF. Also the names of files that
 * import.c meets. Pure.
 */
#include "mail/date.h"
#include "store/limits.h"
#include "store/transfer_priv.h"

#include "base/codec.h"

/* ---- names -------------------------------------------------------------------------------- */

void
store_file_decode(struct buf *out, str name)
{
	while (name.n > 0) {
		size_t before = out->n;
		bool hex = name.n >= 3 && name.p[0] == '%' &&
		    hex_decode(out, str_sub(name, 1, 2)) == ERR_OK && out->n == before + 1;
		if (!hex) {
			buf_ch(out, name.p[0]);
		}
		name = str_from_off(name, hex ? 3 : 1);
	}
}

/* The value of a character of modified base64, or -1. */
static int
digit_of(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
	return (int)str_chr(str_make(digits, 64), c);
}

struct utf16 {
	uint32_t bits;
	unsigned have;
	uint32_t high; /* a leading surrogate that waits */
};

/* Take 16 bits. False for surrogates out of place. */
static bool
take_unit(struct utf16 *u, struct buf *out)
{
	uint32_t unit = u->bits >> (u->have - 16) & 0xffff;
	u->have -= 16;
	if (unit >= 0xd800 && unit < 0xdc00) {
		bool ok = u->high == 0;
		u->high = unit;
		return ok;
	}
	if (unit >= 0xdc00 && unit < 0xe000) {
		bool ok = u->high != 0;
		utf8_put(out, 0x10000 + ((u->high & 0x3ff) << 10) + (unit & 0x3ff));
		u->high = 0;
		return ok;
	}
	utf8_put(out, unit);
	return u->high == 0;
}

/* What is between '&' and '-'. */
static bool
decode_run(struct buf *out, str run)
{
	struct utf16 u = { 0 };
	if (run.n == 0) {
		buf_ch(out, '&');
		return true;
	}
	for (size_t i = 0; i < run.n; i++) {
		int d = digit_of(run.p[i]);
		if (d < 0) {
			return false;
		}
		u.bits = u.bits << 6 | (uint32_t)d;
		u.have += 6;
		if (u.have >= 16 && !take_unit(&u, out)) {
			return false;
		}
	}
	return u.high == 0 && u.have < 6;
}

enum err
store_utf7_decode(struct buf *out, str name)
{
	while (name.n > 0) {
		str plain, run;
		bool more = str_cut(name, '&', &plain, &name);
		buf_str(out, plain);
		if (more && (!str_cut(name, '-', &run, &name) || !decode_run(out, run))) {
			return ERR_SYNTAX;
		}
	}
	return buf_err(out);
}

/* ---- the From_ line ----------------------------------------------------------------------- */

static int
month_of(str word)
{
	static const str months[] = { S_INIT("Jan"), S_INIT("Feb"), S_INIT("Mar"), S_INIT("Apr"),
		S_INIT("May"), S_INIT("Jun"), S_INIT("Jul"), S_INIT("Aug"), S_INIT("Sep"),
		S_INIT("Oct"), S_INIT("Nov"), S_INIT("Dec") };
	for (int i = 0; i < (int)LEN(months); i++) {
		if (str_ieq(word, months[i])) {
			return i + 1;
		}
	}
	return 0;
}

static str
next_word(str *s)
{
	str word = STR_NONE;
	*s = str_trim(*s);
	(void)str_cut(*s, ' ', &word, s);
	return word;
}

/* "hh:mm" or "hh:mm:ss" as seconds of the day, -1 if it is none. */
static int64_t
time_of(str word)
{
	uint32_t part[3] = { 0 };
	str piece;
	size_t n = 0;
	while (n < 3 && str_next(&word, ':', &piece)) {
		if (!str_u32(piece, &part[n++])) {
			return -1;
		}
	}
	bool ok = n >= 2 && part[0] < 24 && part[1] < 60 && part[2] <= 60;
	return ok ? (int64_t)part[0] * 3600 + part[1] * 60 + MIN(part[2], 59u) : -1;
}

/* "... Nov 21 19:00:00 [zone] 2026 ...": zones are taken for UTC. INT64_MIN: no date. */
static int64_t
date_of(str line)
{
	uint32_t day, year;
	while (line.n > 0) {
		int month = month_of(next_word(&line));
		str rest = line;
		if (month == 0 || !str_u32(next_word(&rest), &day) || day < 1 || day > 31) {
			continue;
		}
		int64_t s = time_of(next_word(&rest));
		for (int i = 0; i < 3 && s >= 0; i++) {
			str word = next_word(&rest);
			if (word.n == 4 && str_u32(word, &year) && year >= 1970) {
				return (int64_t)mail_day_of((int)year, month, (int)day) * 86400 + s;
			}
		}
	}
	return INT64_MIN;
}

/* ---- letters ------------------------------------------------------------------------------ */

void
store_mbox_init(struct store_mbox_reader *r, enum err (*each)(void *, struct store_letter_in *),
    void *ctx)
{
	*r = (struct store_mbox_reader){ .each = each, .ctx = ctx };
	buf_init(&r->line, 2 * STORE_LINE_MAX);
	buf_init(&r->in.text, STORE_MESSAGE_MAX);
}

static void
emit(struct store_mbox_reader *r, str s)
{
	if (!r->in.too_big && s.n > STORE_MESSAGE_MAX - r->in.text.n) {
		r->in.too_big = true;
	}
	if (!r->in.too_big) {
		buf_str(&r->in.text, s);
	}
}

static enum err
finish(struct store_mbox_reader *r)
{
	enum err e = ERR_OK;
	if (r->begun) {
		e = buf_err(&r->in.text);
		e = e == ERR_OK ? r->each(r->ctx, &r->in) : e;
	}
	buf_reset(&r->in.text);
	r->in.too_big = false;
	return e;
}

static bool
is_quoted(str line)
{
	size_t i = 0;
	while (i < line.n && line.p[i] == '>') {
		i++;
	}
	return i > 0 && str_starts(str_from_off(line, i), S("From "));
}

/* A line, or with `ends` false a part of one that is very long. */
static enum err
take_line(struct store_mbox_reader *r, str line, bool ends)
{
	bool start = !r->middle;
	r->middle = !ends;
	if (start && str_starts(line, S("From ")) && (r->blank || !r->begun)) {
		TRY(finish(r));
		r->begun = true;
		r->blank = false;
		r->in.date_s = date_of(str_from_off(line, 5));
		return ERR_OK;
	}
	bool empty = start && ends && line.n == 0;
	if (!r->begun) {
		return empty ? ERR_OK : ERR_SYNTAX;
	}
	if (r->blank) {
		emit(r, S("\r\n"));
	}
	r->blank = empty;
	if (!empty) {
		emit(r, str_from_off(line, start && is_quoted(line)));
		emit(r, ends ? S("\r\n") : STR_NONE);
	}
	return ERR_OK;
}

static enum err
flush_line(struct store_mbox_reader *r, bool ends)
{
	str line = buf_view(&r->line);
	bool cr = line.n > 0 &&
	    line.p[line.n - 1] == '\r'; /* of a CRLF, perhaps not all here yet */
	line.n -= cr;
	enum err e = buf_err(&r->line);
	e = e == ERR_OK ? take_line(r, line, ends) : e;
	buf_reset(&r->line);
	if (cr && !ends) {
		buf_ch(&r->line, '\r');
	}
	return e;
}

enum err
store_mbox_feed(struct store_mbox_reader *r, str octets)
{
	str piece;
	while (octets.n > 0) {
		bool ends = str_cut(octets, '\n', &piece, &octets);
		while (r->line.n + piece.n > STORE_LINE_MAX) {
			size_t n = STORE_LINE_MAX - r->line.n;
			buf_str(&r->line, str_sub(piece, 0, n));
			piece = str_from_off(piece, n);
			TRY(flush_line(r, false));
		}
		buf_str(&r->line, piece);
		if (ends) {
			TRY(flush_line(r, true));
		}
	}
	return ERR_OK;
}

enum err
store_mbox_end(struct store_mbox_reader *r)
{
	enum err e = ERR_OK;
	if (r->line.n > 0) {
		e = flush_line(r, true);
	}
	if (e == ERR_OK) {
		e = finish(r);
	}
	buf_done(&r->line);
	buf_done(&r->in.text);
	return e;
}
