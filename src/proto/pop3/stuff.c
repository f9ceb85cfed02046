/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dot-stuffing without copying, and counting lines for TOP.
 */
#include "proto/pop3/stuff.h"

void
pop3_stuff_init(struct pop3_stuff *x)
{
	*x = (struct pop3_stuff){ 0 };
}

bool
pop3_stuff_next(struct pop3_stuff *x, str *in, str *ret)
{
	if (in->n == 0) {
		return false;
	}
	if (!x->middle && !x->doubled && in->p[0] == '.') {
		x->doubled = true;
		*ret = S(".");
		return true;
	}
	/* Up to the LF before the next dot that has to be doubled. */
	ptrdiff_t at = str_find(*in, S("\n."));
	*ret = str_sub(*in, 0, at < 0 ? in->n : (size_t)at + 1);
	*in = str_from_off(*in, ret->n);
	char last = ret->p[ret->n - 1];
	x->last_cr = ret->n > 1 ? ret->p[ret->n - 2] == '\r' : x->last_cr;
	x->open = last != '\n' || !x->last_cr;
	x->last_cr = last == '\r';
	x->middle = last != '\n';
	x->doubled = false;
	return true;
}

str
pop3_stuff_end(const struct pop3_stuff *x)
{
	return x->open ? S("\r\n.\r\n") : S(".\r\n");
}

size_t
pop3_top_octets(str body, uint32_t lines, bool *ret_all)
{
	size_t n = 0;
	for (; lines > 0; lines--) {
		ptrdiff_t lf = str_chr(str_from_off(body, n), '\n');
		if (lf < 0) {
			*ret_all = false;
			return body.n;
		}
		n += (size_t)lf + 1;
	}
	*ret_all = true;
	return n;
}
