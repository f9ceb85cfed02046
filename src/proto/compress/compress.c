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
};

struct compress {
	z_stream put, get;
	bool put_ready, get_ready;
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
compress_put(struct compress *c, str in, bool flush, struct buf *out)
{
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
		int r = deflate(z, flush ? Z_SYNC_FLUSH : Z_NO_FLUSH);
		ASSERT(r == Z_OK || r == Z_BUF_ERROR);
		buf_grow(out, PIECE - z->avail_out);
	} while (z->avail_out == 0);
	return ERR_OK;
}

enum err
compress_get(struct compress *c, str in, struct buf *out, size_t cap, size_t *ret_used)
{
	z_stream *z = &c->get;
	char *room = buf_room(out, cap);
	ASSERT(in.n <= UINT_MAX && cap <= UINT_MAX && cap > 0);
	if (room == NULL) {
		return buf_err(out);
	}
	z->next_in = (Bytef *)(uintptr_t)in.p;
	z->avail_in = (unsigned)in.n;
	z->next_out = (Bytef *)room;
	z->avail_out = (unsigned)cap;
	int r = inflate(z, Z_SYNC_FLUSH);
	buf_grow(out, cap - z->avail_out);
	*ret_used = in.n - z->avail_in;
	if (r == Z_MEM_ERROR) {
		return ERR_NOMEM;
	}
	return r == Z_OK || r == Z_BUF_ERROR ? ERR_OK : ERR_PROTOCOL;
}
