/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking out of replies what names a mailbox, and what differs each time.
 */
#include "reach/journal.h"
#include "reach/pattern_priv.h"

/* What a local part may be made of without quotes (RFC 5322 3.2.3 and the dot; UTF-8). */
static bool
in_local(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80 ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

/* Where the local part before the "@" at `at` begins. */
static size_t
local_from(str s, size_t at)
{
	size_t from = at;

	if (at > 0 && s.p[at - 1] == '"') {
		from = at - 1;
		while (from > 0 && s.p[from - 1] != '"') {
			from--;
		}
		return from > 0 ? from - 1 : 0;
	}
	while (from > 0 && in_local(s.p[from - 1])) {
		from--;
	}
	return from;
}

void
reach_mask_locals(struct buf *out, str reply)
{
	size_t done = 0;

	for (size_t i = 0; i < reply.n; i++) {
		if (reply.p[i] != '@') {
			continue;
		}
		size_t from = MAX(local_from(reply, i), done);
		buf_add(out, reply.p + done, from - done);
		if (from < i) {
			buf_ch(out, '*');
		}
		done = i;
	}
	buf_str(out, str_from_off(reply, done));
}

/* ---- templates ------------------------------------------------------------------------------- */

static bool
is_edge(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A word with at least two digits, and six octets: a queue id, a time, a session. */
static bool
is_id(str word)
{
	size_t digits = 0, other = 0;

	for (size_t i = 0; i < word.n; i++) {
		digits += ascii_is_digit(word.p[i]);
		other += !ascii_is_alnum(word.p[i]);
	}
	return word.n >= 6 && digits >= 2 && other * 3 < word.n;
}

/* One word without the marks around it. */
static void
mask_core(struct buf *out, str word)
{
	ptrdiff_t query = str_chr(word, '?');
	uint64_t n;

	if (word.n > 0 && reach_address_at(word, 0) == word.n) {
		buf_cstr(out, "<ip>");
	} else if (str_find(word, S("://")) > 0) {
		buf_str(out, str_sub(word, 0, query < 0 ? word.n : (size_t)query));
		buf_cstr(out, query < 0 ? "" : "?<q>");
	} else if (str_chr(word, '@') >= 0) {
		buf_cstr(out, "<mail>");
	} else if (str_u64(word, &n)) {
		buf_cstr(out, "<n>");
	} else if (is_id(word)) {
		buf_cstr(out, "<id>");
	} else {
		buf_str(out, word);
	}
}

/* Brackets, quotes and commas around it stay. */
static void
mask_word(struct buf *out, str word)
{
	static const char around[] = "()[]<>{}\"',;:=.!-";
	size_t front = 0, back = word.n;

	while (front < back && strchr(around, word.p[front]) != NULL) {
		front++;
	}
	while (back > front && strchr(around, word.p[back - 1]) != NULL) {
		back--;
	}
	buf_str(out, str_sub(word, 0, front));
	mask_core(out, str_sub(word, front, back - front));
	buf_str(out, str_from_off(word, back));
}

void
reach_mask_template(struct buf *out, str reply)
{
	size_t limit = out->n + REACH_TEMPLATE_OCTETS;

	for (size_t i = 0; i < reply.n && out->n < limit;) {
		size_t n = 0;

		while (i + n < reply.n && !is_edge(reply.p[i + n]) && reply.p[i + n] != '\0') {
			n++;
		}
		mask_word(out, str_sub(reply, i, n));
		i += n;
		bool gap = i < reply.n;
		while (i < reply.n && (is_edge(reply.p[i]) || reply.p[i] == '\0')) {
			i++;
		}
		if (gap && i < reply.n) {
			buf_ch(out, ' ');
		}
	}
	if (out->n > limit) {
		buf_truncate(out, limit);
	}
}
