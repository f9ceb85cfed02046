/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text behind DATA, cut at places the first octets choose, against the plainest reader there
 * is: one octet at a time, by the letter of RFC 5321 4.5.2.
 */
#include "base/buf.h"
#include "proto/smtp/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Find CRLF.CRLF (or .CRLF at the start). Out: octets up to behind it, or n + 1. */
static size_t
plain_end(str in)
{
	if (str_starts(in, S(".\r\n"))) {
		return 3;
	}
	ptrdiff_t at = str_find(in, S("\r\n.\r\n"));
	return at < 0 ? in.n + 1 : (size_t)at + 5;
}

static bool
plain_bare(str in)
{
	for (size_t i = 0; i < in.n; i++) {
		bool after_cr = i > 0 && in.p[i - 1] == '\r';
		bool before_lf = i + 1 < in.n && in.p[i + 1] == '\n';
		if ((in.p[i] == '\n' && !after_cr) || (in.p[i] == '\r' && !before_lf)) {
			return true;
		}
	}
	return false;
}

static void
plain_unstuff(str in, struct buf *out)
{
	bool begin = true;
	for (size_t i = 0; i < in.n; i++) {
		if (!(begin && in.p[i] == '.')) {
			buf_ch(out, in.p[i]);
		}
		begin = in.p[i] == '\n' && i > 0 && in.p[i - 1] == '\r';
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4) {
		return 0;
	}
	str in = str_make(data + 3, size - 3), piece;
	struct smtp_body b;
	struct buf out, want;
	size_t at = 0, used;
	bool ended = false;
	buf_init(&out, size + 1);
	buf_init(&want, size + 1);
	smtp_body_init(&b);
	for (unsigned turn = 0; at < in.n && !ended; turn++) {
		size_t n = MIN((size_t)data[turn % 3] + 1, in.n - at);
		enum smtp_body_event e = smtp_body_take(&b, str_sub(in, at, n), &piece, &used);
		ASSERT(used > 0 && used <= n && piece.n <= used);
		ASSERT(piece.n == 0 ||
		    (piece.p >= in.p + at && piece.p + piece.n <= in.p + at + used));
		buf_str(&out, piece);
		buf_cstr(&out, e == SMTP_BODY_HEADER_END ? "\r\n" : "");
		at += used;
		ended = e == SMTP_BODY_END;
	}
	size_t end = plain_end(in);
	ASSERT(ended == (end <= in.n) && (!ended || at == end));
	if (ended) {
		str text = str_sub(in, 0, end - 3);
		ASSERT(smtp_body_bare(&b) == plain_bare(text));
		plain_unstuff(text, &want);
		ASSERT(smtp_body_bare(&b) || str_eq(buf_view(&out), buf_view(&want)));
		ASSERT(smtp_body_bare(&b) || b.octets == out.n);
		ASSERT(b.nul == (str_chr(text, 0) >= 0) || smtp_body_bare(&b));
	}
	buf_done(&out);
	buf_done(&want);
	return 0;
}
