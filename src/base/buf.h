/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf: a growing run of octets, born with a ceiling. Going over it (or out of memory) is sticky:
 * later additions do nothing and one check at the end, buf_err(), tells. Any octets may be in it.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
	char *p;
	size_t n, cap, max;
	enum err err; /* sticky: ERR_TOOBIG or ERR_NOMEM */
	bool fixed;   /* p is the caller's storage */
};

/* An empty buffer that may grow to `max` octets on the heap; no memory is taken yet. */
void buf_init(struct buf *b, size_t max);
/* The same in the caller's storage; never grows, never frees. */
void buf_init_fixed(struct buf *b, void *storage, size_t cap);
/* Free; the buffer is as after buf_init with the same ceiling. */
void buf_done(struct buf *b);
/* Empty it and clear the error, keeping memory. */
void buf_reset(struct buf *b);
/*
 * As buf_reset, and overwrite what was there. Blocks left behind while the buffer grew are beyond
 * reach: keep secrets in buf_init_fixed storage or in a wiping arena.
 */
void buf_wipe(struct buf *b);

/* Append. An addition that does not fit leaves the buffer as it was and sets the error. */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, str s);
void buf_cstr(struct buf *b, const char *s);
void buf_ch(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t v); /* decimal */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

/* Room for n more octets, or NULL (sticky); then buf_grow(b, written). n == 0 cannot fail. */
char *buf_room(struct buf *b, size_t n) NODISCARD;
void buf_grow(struct buf *b, size_t n);

/* Drop the first n octets; the rest moves to the front. */
void buf_consume(struct buf *b, size_t n);
/* Cut to n octets (n <= b->n). */
void buf_truncate(struct buf *b, size_t n);

/* What the buffer holds; borrowed until the next change of the buffer. */
static inline str
buf_view(const struct buf *b)
{
	return (str){ b->p, b->n };
}

/* ERR_OK, or the first error since buf_init or buf_reset. */
static inline enum err
buf_err(const struct buf *b)
{
	return b->err;
}

#endif
