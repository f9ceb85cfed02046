/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zlib with our memory. Its window is the largest in both directions, as clients expect.
 */
#include "proto/compress/compress.h"

#include "base/mem.h"

#include <zlib.h>

enum {
	LEVEL = 3,    /* mail is text or cannot be compressed: more costs much and brings little */
	WINDOW = -15, /* negative: raw DEFLATE */
	MEMORY = 8,
	PIECE = 16384, /* room that is asked for at a time */
	/* z_stream.data_type behind inflate(Z_BLOCK) */
	UNUSED_BITS = 7, /* of the last octet taken */
	BLOCK_FINAL = 64,
	BLOCK_ENDED = 128,
	STORED_NOTHING = 0x0000ffff, /* LEN and NLEN of the block that a flush ends with */
};

struct compress {
	z_stream put, get;
	bool put_ready, get_ready;
	bool ended;    /* the peer's stream: its final block is over */
	uint32_t last; /* the last four octets got, the newest lowest */
};

static void *
take(void *ctx, unsigned n, unsigned size)
{
	return mem_zalloc(n, size);
}

static void
give(void *ctx, void *p)
{
	mem_drop(p);
}

enum err
compress_new(struct compress **ret)
{
	struct compress *c = mem_zalloc(1, sizeof *c);
	if (c == NULL) {
		return ERR_NOMEM;
	}
	c->put.zalloc = c->get.zalloc = take;
	c->put.zfree = c->get.zfree = give;
	c->put_ready = deflateInit2(&c->put, LEVEL, Z_DEFLATED, WINDOW, MEMORY,
			   Z_DEFAULT_STRATEGY) == Z_OK;
	c->get_ready = inflateInit2(&c->get, WINDOW) == Z_OK;
	if (!c->put_ready || !c->get_ready) {
		compress_free(&c);
		return ERR_NOMEM;
	}
	*ret = c;
	return ERR_OK;
}

void
compress_free(struct compress **c)
{
	if (*c == NULL) {
		return;
	}
	if ((*c)->put_ready) {
		(void)deflateEnd(&(*c)->put);
	}
	if ((*c)->get_ready) {
		(void)inflateEnd(&(*c)->get);
	}
	MEM_FREE(*c);
}

enum err
compress_put(struct compress *c, str in, enum compress_how how, struct buf *out)
{
	static const int flush[] = {
		[COMPRESS_MORE] = Z_NO_FLUSH,
		[COMPRESS_FLUSH] = Z_SYNC_FLUSH,
		[COMPRESS_END] = Z_FINISH,
	};
	z_stream *z = &c->put;
	ASSERT(in.n <= UINT_MAX);
	z->next_in = (Bytef *)(uintptr_t)in.p;
	z->avail_in = (unsigned)in.n;
	do {
		char *room = buf_room(out, PIECE);
		if (room == NULL) {
			return buf_err(out);
		}
		z->next_out = (Bytef *)room;
		z->avail_out = PIECE;
		int r = deflate(z, flush[how]);
		ASSERT(r == Z_OK || r == Z_BUF_ERROR || (r == Z_STREAM_END && how == COMPRESS_END));
		buf_grow(out, PIECE - z->avail_out);
	} while (z->avail_out == 0);
	return ERR_OK;
}

static enum err
judge(struct compress *c, int r)
{
	/* behind the final block the end is only said when it is asked for once more */
	c->ended = r == Z_STREAM_END ||
	    (r == Z_OK &&
		(c->get.data_type & (BLOCK_ENDED | BLOCK_FINAL)) == (BLOCK_ENDED | BLOCK_FINAL));
	return r == Z_MEM_ERROR                                  ? ERR_NOMEM
	    : r == Z_OK || r == Z_BUF_ERROR || r == Z_STREAM_END ? ERR_OK
								 : ERR_PROTOCOL;
}

static void
remember(struct compress *c, str octets)
{
	octets = str_from_off(octets, octets.n - MIN(octets.n, sizeof c->last));
	for (size_t i = 0; i < octets.n; i++) {
		c->last = c->last << 8 | (unsigned char)octets.p[i];
	}
}

enum err
compress_get(struct compress *c, str in, struct buf *out, size_t cap, size_t *ret_used)
{
	z_stream *z = &c->get;
	char *room = buf_room(out, cap);
	ASSERT(in.n <= UINT_MAX && cap <= UINT_MAX && cap > 0);
	if (room == NULL || c->ended) {
		return c->ended ? ERR_PROTOCOL : buf_err(out);
	}
	z->next_in = (Bytef *)(uintptr_t)in.p;
	z->avail_in = (unsigned)in.n;
	z->next_out = (Bytef *)room;
	z->avail_out = (unsigned)cap;
	int r = inflate(z, Z_BLOCK);
	buf_grow(out, cap - z->avail_out);
	*ret_used = in.n - z->avail_in;
	remember(c, str_sub(in, 0, *ret_used));
	return judge(c, r);
}

/*
 * Between two blocks, behind an octet that is used up, and what ended was the empty stored block of
 * a flush: its header may be in the octets before, so its last four say it.
 */
static bool
is_flushed(const struct compress *c)
{
	unsigned at = (unsigned)c->get.data_type;
	return (at & BLOCK_ENDED) != 0 && (at & UNUSED_BITS) == 0 && c->last == STORED_NOTHING;
}

/* An octet at a time, so that it is known which were the last. */
enum err
compress_get_end(struct compress *c, str in, size_t *ret_used)
{
	z_stream *z = &c->get;
	unsigned char more;
	size_t used = 0;
	bool starved = false;
	while (!c->ended && !is_flushed(c) && !starved) {
		unsigned n = used < in.n;
		z->next_in = (Bytef *)(uintptr_t)(in.p + used);
		z->avail_in = n;
		z->next_out = &more;
		z->avail_out = 1;
		TRY(judge(c, inflate(z, Z_BLOCK)));
		if (z->avail_out == 0) {
			return ERR_PROTOCOL;
		}
		remember(c, str_sub(in, used, n - z->avail_in));
		used += n - z->avail_in;
		starved = n == 0;
	}
	if (starved && !c->ended && !is_flushed(c)) {
		return ERR_AGAIN;
	}
	*ret_used = used;
	return ERR_OK;
}

bool
compress_ended(const struct compress *c)
{
	return c->ended;
}
