/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing, searching and cutting borrowed octets. No allocation, no locale.
 */
#include "base/str.h"

int
str_icmp(str a, str b)
{
	size_t n = MIN(a.n, b.n);
	for (size_t i = 0; i < n; i++) {
		int d = (unsigned char)ascii_lower(a.p[i]) - (unsigned char)ascii_lower(b.p[i]);
		if (d != 0) {
			return d;
		}
	}
	return (a.n > b.n) - (a.n < b.n);
}

bool
str_ieq(str a, str b)
{
	return a.n == b.n && str_icmp(a, b) == 0;
}

int
str_cmp(str a, str b)
{
	size_t n = MIN(a.n, b.n);
	int d = n == 0 ? 0 : memcmp(a.p, b.p, n);
	return d != 0 ? d : (a.n > b.n) - (a.n < b.n);
}

bool
str_istarts(str s, str prefix)
{
	return s.n >= prefix.n && str_ieq(str_sub(s, 0, prefix.n), prefix);
}

bool
str_ends(str s, str suffix)
{
	return s.n >= suffix.n && str_eq(str_sub(s, s.n - suffix.n, suffix.n), suffix);
}

ptrdiff_t
str_chr(str s, char c)
{
	const char *hit = s.n == 0 ? NULL : memchr(s.p, c, s.n);
	return hit == NULL ? -1 : hit - s.p;
}

ptrdiff_t
str_rchr(str s, char c)
{
	const char *hit = s.n == 0 ? NULL : memrchr(s.p, c, s.n);
	return hit == NULL ? -1 : hit - s.p;
}

ptrdiff_t
str_find(str s, str needle)
{
	if (needle.n == 0) {
		return 0;
	}
	const char *hit = s.n == 0 ? NULL : memmem(s.p, s.n, needle.p, needle.n);
	return hit == NULL ? -1 : hit - s.p;
}

ptrdiff_t
str_ifind(str s, str needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++) {
		if (str_ieq(str_sub(s, i, needle.n), needle)) {
			return (ptrdiff_t)i;
		}
	}
	return -1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

str
str_trim(str s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1])) {
		s.n--;
	}
	return s;
}

bool
str_cut(str s, char c, str *ret_head, str *ret_tail)
{
	ptrdiff_t at = str_chr(s, c);
	if (at < 0) {
		*ret_head = s;
		*ret_tail = STR_NONE;
		return false;
	}
	*ret_head = str_sub(s, 0, (size_t)at);
	*ret_tail = str_from_off(s, (size_t)at + 1);
	return true;
}

bool
str_next(str *s, char c, str *ret_piece)
{
	if (s->p == NULL) {
		return false;
	}
	str tail;
	str_cut(*s, c, ret_piece, &tail);
	*s = tail;
	return true;
}

bool
str_u64(str s, uint64_t *ret_v)
{
	uint64_t v = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_digit(s.p[i]) || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v)) {
			return false;
		}
	}
	if (s.n == 0) {
		return false;
	}
	*ret_v = v;
	return true;
}

bool
str_u32(str s, uint32_t *ret_v)
{
	uint64_t v;
	if (!str_u64(s, &v) || v > UINT32_MAX) {
		return false;
	}
	*ret_v = (uint32_t)v;
	return true;
}

bool
str_eq_secret(str a, str b)
{
	unsigned diff = a.n != b.n;
	for (size_t i = 0; i < a.n; i++) {
		diff |= (unsigned char)a.p[i] ^ (unsigned char)(i < b.n ? b.p[i] : 0);
	}
	return diff == 0;
}
