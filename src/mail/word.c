/* SPDX-License-Identifier: Apache-2.0 */
/*
 * =?charset?encoding?text?= : found, cut, decoded. Adjacent words of one charset and encoding are
 * decoded as one run, because senders split inside multi-byte characters.
 *
 *	encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="
 *	                                                               (RFC 2047 2, 2231 5)
 */
#include "mail/word.h"
#include "mail/charset.h"
#include "mail/transfer.h"

enum { WORD_MAX = 4096 }; /* RFC 2047 2 allows 75; be generous, but end */

struct word {
	str charset, text;
	bool base64;
	size_t n; /* octets of the whole word */
};

/*
 * Where encoded text ends: at "?="; -1: another word begins before, or nothing ends it. Looking
 * further at each of many beginnings would take a square of time.
 */
static ptrdiff_t
text_end(str s)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		bool ends = s.p[i] == '?' && s.p[i + 1] == '=';
		bool begins = s.p[i] == '=' && s.p[i + 1] == '?';
		if (ends) {
			return (ptrdiff_t)i;
		}
		if (begins && (i + 2 >= s.n || s.p[i + 2] != '=')) {
			return -1;
		}
	}
	return -1;
}

/* An encoded word at the very start of `s`. */
static bool
word_at(str s, struct word *ret)
{
	str rest = str_from_off(str_sub(s, 0, WORD_MAX), 2), charset, encoding;
	if (!str_starts(s, S("=?")) || !str_cut(rest, '?', &charset, &rest) ||
	    !str_cut(rest, '?', &encoding, &rest)) {
		return false;
	}
	ptrdiff_t end = text_end(rest);
	bool b = str_ieq(encoding, S("b")), q = str_ieq(encoding, S("q"));
	if (end < 0 || charset.n == 0 || (!b && !q) || str_chr(charset, ' ') >= 0) {
		return false;
	}
	str language;
	str_cut(charset, '*', &ret->charset, &language);
	ret->text = str_sub(rest, 0, (size_t)end);
	if (str_chr(ret->text, '\n') >= 0) {
		return false;
	}
	ret->base64 = b;
	ret->n = (size_t)(ret->text.p + ret->text.n + 2 - s.p);
	return true;
}

/* The Q encoding: quoted-printable with '_' for space and no line structure (RFC 2047 4.2). */
static void
decode_q(struct buf *out, str in)
{
	size_t start = out->n;
	mail_transfer_decode(out, MAIL_TRANSFER_QP, in);
	for (size_t i = start; i < out->n; i++) {
		if (out->p[i] == '_') {
			out->p[i] = ' ';
		}
	}
}

static bool
q_has_escaped_underscore(str in)
{
	return str_ifind(in, S("=5f")) >= 0;
}

/* As decode_q, where the text holds an escaped underscore that must stay one. */
static void
decode_q_slowly(struct buf *out, str in)
{
	str piece;
	bool first = true;
	while (str_next(&in, '_', &piece)) {
		if (!first) {
			buf_ch(out, ' ');
		}
		first = false;
		mail_transfer_decode(out, MAIL_TRANSFER_QP, piece);
	}
}

static void
add_raw(struct buf *raw, const struct word *w)
{
	if (w->base64) {
		mail_transfer_decode(raw, MAIL_TRANSFER_BASE64, w->text);
	} else if (q_has_escaped_underscore(w->text) || str_chr(w->text, ' ') >= 0) {
		decode_q_slowly(raw, w->text);
	} else {
		decode_q(raw, w->text);
	}
}

static size_t
blank_run(str s)
{
	size_t n = 0;
	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t' || s.p[n] == '\r' || s.p[n] == '\n')) {
		n++;
	}
	return n;
}

/* Decode the run of words that starts with `w` at *text; moves *text behind the last of them. */
static void
decode_run(struct buf *out, str *text, struct word w)
{
	struct buf raw;
	buf_init(&raw, 1 << 20);
	str charset = w.charset;
	for (;;) {
		add_raw(&raw, &w);
		*text = str_from_off(*text, w.n);
		str behind = str_from_off(*text, blank_run(*text));
		struct word next;
		if (!word_at(behind, &next)) {
			break;
		}
		*text = behind;
		if (!str_ieq(next.charset, charset) || next.base64 != w.base64) {
			mail_charset_decode(out, charset, buf_view(&raw));
			buf_reset(&raw);
			charset = next.charset;
		}
		w = next;
	}
	mail_charset_decode(out, charset, buf_view(&raw));
	buf_done(&raw);
}

void
mail_word_decode(struct buf *out, str text)
{
	while (text.n > 0) {
		ptrdiff_t at = str_find(text, S("=?"));
		size_t plain = at < 0 ? text.n : (size_t)at;
		struct word w;
		if (plain > 0) {
			mail_charset_decode(out, S("utf-8"), str_sub(text, 0, plain));
			text = str_from_off(text, plain);
		} else if (word_at(text, &w)) {
			decode_run(out, &text, w);
		} else {
			buf_str(out, S("=?"));
			text = str_from_off(text, 2);
		}
	}
}
