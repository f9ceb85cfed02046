/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to replies, and what is kept of them. Start with smtpc_reader_take.
 *
 *	reply = *( code "-" [text] CRLF ) code [ SP [text] ] CRLF
 *	code  = %x32-35 DIGIT DIGIT
 */
#include "proto/smtpc/reply.h"
#include "base/codec.h"

void
smtpc_reader_init(struct smtpc_reader *r)
{
	r->code = 0;
	r->fault = SMTPC_FAULT_NONE;
	r->last_cr = r->complete = r->cut = false;
	r->octets = r->line_n = 0;
	buf_init_fixed(&r->kept, r->kept_room, sizeof r->kept_room);
}

/* Add a line to what is kept, as much as fits. */
static void
keep(struct smtpc_reader *r)
{
	size_t lf = r->kept.n > 0;
	size_t room = sizeof r->kept_room - r->kept.n;
	if (r->cut || room <= lf) {
		r->cut = true;
		return;
	}
	size_t n = MIN(r->line_n, room - lf);
	if (lf) {
		buf_ch(&r->kept, '\n');
	}
	buf_add(&r->kept, r->line, n);
	r->cut = n < r->line_n;
}

/* A line is complete. True: it is the last of the reply, or wrong. */
static bool
line_done(struct smtpc_reader *r)
{
	const char *p = r->line;
	keep(r);
	r->complete = true;
	bool code = r->line_n >= 3 && p[0] >= '2' && p[0] <= '5' && ascii_is_digit(p[1]) &&
	    ascii_is_digit(p[2]) && (r->line_n == 3 || p[3] == ' ' || p[3] == '-');
	if (!code) {
		r->fault = SMTPC_FAULT_CODE;
		return true;
	}
	uint16_t n = (uint16_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
	if (r->code != 0 && r->code != n) {
		r->fault = SMTPC_FAULT_MIXED;
		return true;
	}
	r->code = n;
	return r->line_n == 3 || p[3] == ' ';
}

static enum smtpc_fault
take_octet(struct smtpc_reader *r, char c)
{
	if (++r->octets > SMTPC_REPLY_MAX) {
		return SMTPC_FAULT_ENDLESS;
	}
	if (c == '\0') {
		return SMTPC_FAULT_NUL;
	}
	if (r->last_cr != (c == '\n')) {
		return SMTPC_FAULT_BARE;
	}
	r->last_cr = c == '\r';
	if (c == '\r' || c == '\n') {
		return SMTPC_FAULT_NONE;
	}
	if (r->line_n >= SMTPC_LINE_MAX - 2) {
		return SMTPC_FAULT_LINE;
	}
	r->line[r->line_n++] = c;
	return SMTPC_FAULT_NONE;
}

void
smtpc_reader_take(struct smtpc_reader *r, str in, size_t *ret_used, str *ret_line, bool *ret_end)
{
	size_t used = 0;
	bool lf = false;
	*ret_line = STR_NONE;
	*ret_end = false;
	if (r->complete) {
		r->complete = false;
		r->line_n = 0;
	}
	while (used < in.n && !lf && r->fault == SMTPC_FAULT_NONE) {
		r->fault = take_octet(r, in.p[used]);
		lf = in.p[used] == '\n';
		used++;
	}
	*ret_used = used;
	if (r->fault != SMTPC_FAULT_NONE) {
		keep(r);
		*ret_end = true;
	} else if (lf) {
		*ret_end = line_done(r);
		*ret_line = str_make(r->line, r->line_n);
	}
}

/* The text of a line of a reply, without code. */
static str
line_text(str line)
{
	return str_from_off(line, MIN(line.n, (size_t)4));
}

void
smtpc_reply_text(struct buf *out, str lines)
{
	str line, enhanced = S("");
	bool first = true;
	while (str_next(&lines, '\n', &line)) {
		str text = line_text(line);
		if (first) {
			enhanced = smtpc_reply_enhanced(text, line.n > 0 ? line.p[0] : ' ');
		} else if (enhanced.n > 0 && str_starts(text, enhanced)) {
			text = str_trim(str_from_off(text, enhanced.n));
		}
		if (text.n > 0) {
			buf_str(out, first ? S("") : S(" "));
			buf_str(out, text);
			first = false;
		}
	}
}

void
smtpc_reply_join(struct buf *out, str lines)
{
	str code = str_sub(lines, 0, 3);
	buf_str(out, code);
	buf_str(out, lines.n > 4 ? S(" ") : S(""));
	smtpc_reply_text(out, lines);
}

/* One to three digits of *s; false: none, or more. */
static bool
take_number(str *s)
{
	size_t n = 0;
	while (n < s->n && n < 4 && ascii_is_digit(s->p[n])) {
		n++;
	}
	*s = str_from_off(*s, n);
	return n >= 1 && n <= 3;
}

static bool
take_dot(str *s)
{
	bool dot = s->n > 0 && s->p[0] == '.';
	*s = str_from_off(*s, dot);
	return dot;
}

str
smtpc_reply_enhanced(str text, char digit)
{
	if (text.n < 5 || text.p[0] != digit || text.p[1] != '.') {
		return S("");
	}
	str rest = str_from_off(text, 2);
	if (!take_number(&rest) || !take_dot(&rest) || !take_number(&rest) ||
	    (rest.n > 0 && rest.p[0] != ' ')) {
		return S("");
	}
	return str_sub(text, 0, text.n - rest.n);
}
