/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The places of two rare octets of the needle, sixteen at a time with the vectors every x86-64 has;
 * elsewhere memchr of the rarer one. Worst case is needle times hay: both are bounded by their
 * owners.
 */
#include "base/find.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* How common an octet is in folded mail: 0 is rare. Letters in the order of European languages. */
static unsigned
commonness(uint8_t c)
{
	static const char order[] = "\n0123456789:;=<>/-_+@,.zqjxkwvbpygfmuclhdrosinate ";
	const char *at = c == 0 ? NULL : memchr(order, c, sizeof order - 1);
	if (at != NULL) {
		return 16 + (unsigned)(at - order);
	}
	return c < 0x80 ? 0 : c < 0xc0 ? 10 : 40; /* lead octets of UTF-8 repeat, the others less */
}

struct find
find_make(str needle)
{
	struct find f = { .needle = needle };
	size_t best = 0, second = needle.n > 1;
	for (size_t i = 1; i < needle.n; i++) {
		unsigned c = commonness((uint8_t)needle.p[i]);
		if (c < commonness((uint8_t)needle.p[best])) {
			second = best;
			best = i;
		} else if (i != best && c < commonness((uint8_t)needle.p[second])) {
			second = i;
		}
	}
	f.a = MIN(best, second);
	f.b = MAX(best, second);
	return f;
}

static bool
is_at(const struct find *f, const char *p)
{
	return memcmp(p, f->needle.p, f->needle.n) == 0;
}

/* One place after the other, from `at` on. */
static ptrdiff_t
find_slowly(const struct find *f, str hay, size_t at)
{
	size_t last = hay.n - f->needle.n;
	while (at <= last) {
		const char *p = hay.p + at + f->a;
		const char *hit = memchr(p, f->needle.p[f->a], last - at + 1);
		if (hit == NULL) {
			return -1;
		}
		at = (size_t)(hit - hay.p) - f->a;
		if (is_at(f, hay.p + at)) {
			return (ptrdiff_t)at;
		}
		at++;
	}
	return -1;
}

#if defined(__SSE2__)
enum { LANES = 16 };

/* A bit for each of the sixteen places from p on where both octets fit. */
static unsigned
fits(const struct find *f, const char *p, __m128i a, __m128i b)
{
	__m128i at_a = _mm_loadu_si128((const __m128i *)(const void *)(p + f->a));
	__m128i at_b = _mm_loadu_si128((const __m128i *)(const void *)(p + f->b));
	__m128i both = _mm_and_si128(_mm_cmpeq_epi8(at_a, a), _mm_cmpeq_epi8(at_b, b));
	return (unsigned)_mm_movemask_epi8(both);
}

static ptrdiff_t
find_fast(const struct find *f, str hay)
{
	const __m128i a = _mm_set1_epi8(f->needle.p[f->a]), b = _mm_set1_epi8(f->needle.p[f->b]);
	size_t places = hay.n - f->needle.n + 1, at = 0;
	for (; at + LANES <= places; at += LANES) {
		unsigned hits = fits(f, hay.p + at, a, b);
		while (hits != 0) {
			size_t i = at + (size_t)__builtin_ctz(hits);
			if (is_at(f, hay.p + i)) {
				return (ptrdiff_t)i;
			}
			hits &= hits - 1;
		}
	}
	return at < places ? find_slowly(f, hay, at) : -1;
}
#else
static ptrdiff_t
find_fast(const struct find *f, str hay)
{
	return find_slowly(f, hay, 0);
}
#endif

ptrdiff_t
find_in(const struct find *f, str hay)
{
	if (f->needle.n == 0) {
		return 0;
	}
	return f->needle.n > hay.n ? -1 : find_fast(f, hay);
}
