/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection's two DEFLATE streams: raw, without zlib's or gzip's frame (RFC 1951).
 */
#ifndef PROTO_COMPRESS_COMPRESS_H
#define PROTO_COMPRESS_COMPRESS_H

#include "base/buf.h"

struct compress;

/* Errors: NOMEM. Release with compress_free. */
enum err compress_new(struct compress **ret);
/* *c becomes NULL; NULL is fine. */
void compress_free(struct compress **c);

/*
 * Compress octets for the peer.
 *
 * In      flush: make everything given so far readable for the peer (costs about 5 octets)
 * Out     out: appended to; without flush it may get nothing
 * Errors  what `out` gives
 */
enum err compress_put(struct compress *c, str in, bool flush, struct buf *out);

/*
 * Decompress octets of the peer, at most `cap` at a time: call again while octets of
 * `in` are left or `cap` came.
 *
 * Out     out: what came is appended; ret_used: octets of `in` that are done with
 * Errors  PROTOCOL: damaged, or the stream's end; NOMEM. No call after an error
 */
enum err compress_get(struct compress *c, str in, struct buf *out, size_t cap, size_t *ret_used);

#endif
