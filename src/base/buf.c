/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing buffers with a ceiling. Growth doubles, so n additions cost O(n).
 */
#include "base/buf.h"
#include "base/mem.h"

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_init_fixed(struct buf *b, void *storage, size_t cap)
{
	*b = (struct buf){ .p = storage, .cap = cap, .max = cap, .fixed = true };
}

void
buf_done(struct buf *b)
{
	if (!b->fixed) {
		mem_drop(b->p);
		buf_init(b, b->max);
	}
	buf_reset(b);
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->err = ERR_OK;
}

void
buf_wipe(struct buf *b)
{
	if (b->p != NULL) {
		mem_wipe(b->p, b->cap);
	}
	buf_reset(b);
}

char *
buf_room(struct buf *b, size_t n)
{
	if (b->err != ERR_OK || n == 0) {
		return b->err == ERR_OK ? b->p : NULL;
	}
	if (n > b->max - b->n) {
		b->err = ERR_TOOBIG;
		return NULL;
	}
	if (n > b->cap - b->n) {
		size_t want = MAX(b->n + n, MIN(b->max, MAX(b->cap * 2, (size_t)256)));
		char *p = mem_resize(b->p, want);
		if (p == NULL) {
			b->err = ERR_NOMEM;
			return NULL;
		}
		b->p = p;
		b->cap = want;
	}
	return b->p + b->n;
}

void
buf_grow(struct buf *b, size_t n)
{
	ASSERT(n <= b->cap - b->n);
	b->n += n;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = n == 0 ? NULL : buf_room(b, n);
	if (to != NULL) {
		memcpy(to, p, n);
		b->n += n;
	}
}

void
buf_str(struct buf *b, str s)
{
	buf_add(b, s.p, s.n);
}

void
buf_cstr(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_ch(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	buf_add(b, digits + at, sizeof digits - at);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	ASSERT(n >= 0);
	if ((size_t)n < sizeof small) {
		buf_add(b, small, (size_t)n);
		return;
	}
	char *big = mem_zalloc(1, (size_t)n + 1);
	if (big == NULL) {
		b->err = b->err == ERR_OK ? ERR_NOMEM : b->err;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(big, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_add(b, big, (size_t)n);
	mem_drop(big);
}

void
buf_consume(struct buf *b, size_t n)
{
	ASSERT(n <= b->n);
	if (n != 0 && n != b->n) {
		memmove(b->p, b->p + n, b->n - n);
	}
	b->n -= n;
}

void
buf_truncate(struct buf *b, size_t n)
{
	ASSERT(n <= b->n);
	b->n = n;
}
