/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection's two DEFLATE streams: raw, without zlib's or gzip's frame (RFC 1951).
 */
#ifndef PROTO_COMPRESS_COMPRESS_H
#define PROTO_COMPRESS_COMPRESS_H

#include "base/buf.h"

struct compress;

enum compress_how {
	COMPRESS_MORE,  /* keep what does not fill a block */
	COMPRESS_FLUSH, /* make everything given so far readable for the peer; about 5 octets */
	COMPRESS_END,   /* and end the stream with a final block: no more calls */
};

/* Errors: NOMEM. Release with compress_free. */
enum err compress_new(struct compress **ret);
/* *c becomes NULL; NULL is fine. */
void compress_free(struct compress **c);

/*
 * Compress octets for the peer.
 *
 * Out     out: appended to; with COMPRESS_MORE it may get nothing
 * Errors  what `out` gives
 */
enum err compress_put(struct compress *c, str in, enum compress_how how, struct buf *out);

/*
 * Decompress octets of the peer, at most `cap` and one block at a time: call again while octets of
 * `in` are left or `cap` came.
 *
 * Out     out: what came is appended; ret_used: octets of `in` that are done with
 * Errors  PROTOCOL: damaged, or the stream had ended before; NOMEM. No call after an error
 */
enum err compress_get(struct compress *c, str in, struct buf *out, size_t cap, size_t *ret_used);
/* The peer's stream has ended with a final block. */
bool compress_ended(const struct compress *c);

/*
 * Nothing more is to come out of the peer's stream: find where it ends, which is behind its final
 * block or behind a flush to a whole octet (an empty stored block: Z_SYNC_FLUSH, Z_FULL_FLUSH).
 *
 * Out     ret_used: octets of `in` that belong to it; those behind are no stream's
 * Errors  AGAIN: it goes on behind all of `in`; PROTOCOL: damaged, or something came out; NOMEM
 */
enum err compress_get_end(struct compress *c, str in, size_t *ret_used);

#endif
