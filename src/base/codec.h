/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small pure encodings used everywhere: base64 (RFC 4648, strict: no white space, canonical padding),
 * hex, UTF-8 checks (RFC 3629: no surrogates, no overlong forms), CRC-32C and SipHash-2-4.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/buf.h"

void base64_encode(struct buf *out, str in);
/* Append the decoded octets. ERR_SYNTAX leaves `out` as it was; ERR_TOOBIG at its ceiling. */
enum err base64_decode(struct buf *out, str in);

void hex_encode(struct buf *out, str in); /* lower case */
enum err hex_decode(struct buf *out, str in);

bool utf8_valid(str s);
/* Next code point of *s, moving it on; UINT32_MAX for an invalid octet (one octet is skipped). */
uint32_t utf8_next(str *s);
void utf8_put(struct buf *out, uint32_t cp);

uint32_t crc32c(uint32_t crc, const void *p, size_t n); /* start with 0 */
uint64_t siphash(const uint8_t key[16], str s);

#endif
