/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One memchr per line and one vector pass per run. Bare LF is seen where it stands; bare CR by
 * counting CR against CRLF, so no second search is needed. Start with smtp_body_take.
 *
 *	data = *( [ "." ] line CRLF ) "." CRLF
 */
#include "proto/smtp/body.h"
#include "proto/smtp/limits.h"

typedef uint8_t v16 __attribute__((vector_size(16)));

void
smtp_body_init(struct smtp_body *b)
{
	*b = (struct smtp_body){ .at = SMTP_AT_BEGIN };
}

bool
smtp_body_bare(const struct smtp_body *b)
{
	return b->bare_lf || b->bare_cr || b->cr > b->crlf + (b->at == SMTP_AT_CR);
}

static void
tally_octet(struct smtp_body *b, unsigned char c)
{
	b->cr += c == '\r';
	b->nul |= c == 0;
	b->eight_bit |= c >= 0x80;
}

/* Up to 255 blocks of 16 octets, so that the counts of a lane do not wrap. */
static void
tally_blocks(struct smtp_body *b, const char *p, size_t blocks)
{
	v16 cr = { 0 }, nul = { 0 }, bits = { 0 };
	for (size_t i = 0; i < blocks; i++) {
		v16 v;
		memcpy(&v, p + i * sizeof v, sizeof v);
		cr -= (v16)(v == '\r');
		nul |= (v16)(v == 0);
		bits |= v;
	}
	for (size_t i = 0; i < sizeof cr; i++) {
		b->cr += cr[i];
		b->nul |= nul[i] != 0;
		b->eight_bit |= bits[i] >= 0x80;
	}
}

static void
tally(struct smtp_body *b, str s)
{
	size_t at = 0;
	while (s.n - at >= sizeof(v16)) {
		size_t blocks = MIN((s.n - at) / sizeof(v16), (size_t)255);
		tally_blocks(b, s.p + at, blocks);
		at += blocks * sizeof(v16);
	}
	for (; at < s.n; at++) {
		tally_octet(b, (unsigned char)s.p[at]);
	}
	b->octets += s.n;
}

/* Count Received fields, also when the name comes in pieces. */
static void
header_line(struct smtp_body *b, const char *p, size_t n)
{
	static const char name[] = "received:";
	size_t at = b->line_octets;
	for (size_t i = 0; i < n && b->received == at && at < sizeof name - 1; i++) {
		if (ascii_lower(p[i]) != name[at]) {
			break;
		}
		b->received = ++at;
		b->hops += at == sizeof name - 1;
	}
	b->header_octets += n;
	b->header_big |= b->header_octets > SMTP_HEADER_MAX;
}

/* The line at p, or what there is of it. Out: where it ends. */
static inline const char *
take_line(struct smtp_body *b, const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));
	const char *stop = lf == NULL ? end : lf + 1;
	size_t n = (size_t)(stop - p);
	if (!b->in_body) {
		header_line(b, p, n);
	}
	b->line_octets += n;
	b->long_line |= b->line_octets > SMTP_TEXT_LINE_MAX;
	if (lf != NULL && (lf > p ? lf[-1] == '\r' : b->at == SMTP_AT_CR)) {
		b->crlf++;
		b->line_octets = 0;
		b->received = 0;
		b->at = SMTP_AT_BEGIN;
	} else {
		b->bare_lf |= lf != NULL;
		b->at = stop[-1] == '\r' ? SMTP_AT_CR : SMTP_AT_LINE;
	}
	return stop;
}

/*
 * What the octets held back before mean, now that the next one is known. Nothing held back is ever
 * missed: a dot was stuffing, and after a bare CR the message is refused anyway.
 */
static enum smtp_body_event
resume(struct smtp_body *b, const char **p, const char *end)
{
	if (b->at == SMTP_AT_DOT) {
		bool cr = **p == '\r';
		b->at = cr ? SMTP_AT_DOT_CR : SMTP_AT_LINE;
		*p += cr;
	}
	if (*p == end) {
		return SMTP_BODY_MORE;
	}
	if (b->at == SMTP_AT_DOT_CR || b->at == SMTP_AT_EMPTY_CR) {
		bool lf = **p == '\n';
		bool empty = b->at == SMTP_AT_EMPTY_CR;
		b->at = lf ? SMTP_AT_BEGIN : SMTP_AT_LINE;
		b->bare_cr |= !lf;
		*p += lf;
		b->in_body |= lf && empty;
		b->octets += lf && empty ? 2 : 0;
		return !lf ? SMTP_BODY_MORE : empty ? SMTP_BODY_HEADER_END : SMTP_BODY_END;
	}
	return SMTP_BODY_MORE;
}

enum smtp_body_event
smtp_body_take(struct smtp_body *b, str in, str *ret_piece, size_t *ret_used)
{
	const char *p = in.p, *end = in.p + in.n;
	enum smtp_body_event event = resume(b, &p, end);
	const char *start = p, *stop = p;
	while (event == SMTP_BODY_MORE && p < end && b->at != SMTP_AT_DOT &&
	    b->at != SMTP_AT_EMPTY_CR) {
		if (b->at == SMTP_AT_BEGIN && *p == '.') {
			b->at = SMTP_AT_DOT;
			p++;
		} else if (b->at == SMTP_AT_BEGIN && !b->in_body && *p == '\r') {
			/* Perhaps the empty line: decided in resume(). */
			b->at = SMTP_AT_EMPTY_CR;
			p++;
		} else {
			stop = p = take_line(b, p, end);
		}
	}
	*ret_piece = str_make(start, (size_t)(stop - start));
	*ret_used = (size_t)(p - in.p);
	tally(b, *ret_piece);
	b->header_eight_bit = b->in_body ? b->header_eight_bit : b->eight_bit;
	return event;
}
