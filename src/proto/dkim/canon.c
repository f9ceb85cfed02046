/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonicalization. A body is a run of line ends, white space and other octets; line ends and (when
 * relaxed) white space wait until something follows that shows they are not the last.
 */
#include "proto/dkim/canon.h"

#include "mail/header.h"

enum { BURST = 64 }; /* line ends given to the sink at once */

void
dkim_body_init(struct dkim_body *b, enum dkim_canon canon, dkim_sink *sink, void *ctx)
{
	*b = (struct dkim_body){ .canon = canon, .sink = sink, .ctx = ctx };
}

static void
give(struct dkim_body *b, str octets)
{
	b->any = true;
	b->sink(b->ctx, octets);
}

/* Something follows: what waited belongs to the body. */
static void
give_waiting(struct dkim_body *b)
{
	static const char ends[2 * BURST + 1] =
	    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
	    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
	    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
	    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
	while (b->line_ends > 0) {
		size_t n = (size_t)MIN(b->line_ends, (uint64_t)BURST);
		give(b, str_make(ends, 2 * n));
		b->line_ends -= n;
	}
	if (b->space) {
		give(b, S(" "));
		b->space = false;
	}
}

/* A CR came before; is this the rest of a line end? */
static bool
take_line_end(struct dkim_body *b, char c)
{
	b->cr = false;
	if (c == '\n') {
		b->space = false;
		b->line_ends++;
		return true;
	}
	give_waiting(b);
	give(b, S("\r"));
	return false;
}

static bool
is_plain(const struct dkim_body *b, char c)
{
	return c != '\r' && (b->canon == DKIM_SIMPLE || (c != ' ' && c != '\t'));
}

void
dkim_body_feed(struct dkim_body *b, str octets)
{
	size_t at = 0;
	while (at < octets.n) {
		char c = octets.p[at];
		if (b->cr && take_line_end(b, c)) {
			at++;
		} else if (c == '\r') {
			b->cr = true;
			at++;
		} else if (!is_plain(b, c)) {
			b->space = true;
			at++;
		} else {
			size_t from = at;
			while (at < octets.n && is_plain(b, octets.p[at])) {
				at++;
			}
			give_waiting(b);
			give(b, str_sub(octets, from, at - from));
		}
	}
}

void
dkim_body_end(struct dkim_body *b)
{
	if (b->cr) {
		(void)take_line_end(b, 0);
	}
	b->line_ends = 0;
	b->space = false;
	if (b->any || b->canon == DKIM_SIMPLE) {
		give(b, S("\r\n"));
	}
}

/* Lower-case, folds taken out, runs of white space one space, none at either end. */
static void
relax(struct buf *out, struct mail_field f)
{
	bool space = false, any = false;
	for (size_t i = 0; i < f.name.n; i++) {
		buf_ch(out, ascii_lower(f.name.p[i]));
	}
	buf_ch(out, ':');
	for (size_t i = 0; i < f.value.n; i++) {
		char c = f.value.p[i];
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			space = true;
			continue;
		}
		if (space && any) {
			buf_ch(out, ' ');
		}
		buf_ch(out, c);
		space = false;
		any = true;
	}
}

static str
without_line_end(str raw)
{
	return str_ends(raw, S("\r\n")) ? str_sub(raw, 0, raw.n - 2) : raw;
}

void
dkim_field(struct buf *out, enum dkim_canon canon, str raw, bool last)
{
	struct mail_header h = mail_header_make(raw);
	struct mail_field f;
	if (canon == DKIM_RELAXED && mail_header_next(&h, &f) && f.name.n > 0) {
		relax(out, f);
	} else {
		buf_str(out, without_line_end(raw));
	}
	if (!last) {
		buf_str(out, S("\r\n"));
	}
}
