/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small pure encodings used everywhere: base64 (RFC 4648, strict: no white space, canonical
 * padding), hex, UTF-8 (RFC 3629: no surrogates, no overlong forms), CRC-32C and SipHash-2-4.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/buf.h"

/* Append `in` encoded, padded, without line breaks. */
void base64_encode(struct buf *out, str in);

/*
 * Append the decoded octets; on any error `out` keeps the contents it had.
 *
 * Errors  ERR_SYNTAX: not canonical; ERR_TOOBIG, ERR_NOMEM: of the buffer, sticky
 * RFC     4648 4, 3.3, 3.5
 */
enum err base64_decode(struct buf *out, str in);

/* Append two lower-case digits per octet; back again, either case, errors as base64_decode. */
void hex_encode(struct buf *out, str in);
enum err hex_decode(struct buf *out, str in);

/* How many octets at the front are below 0x80; eight at a time. */
size_t ascii_span(str s);
/* Is it well-formed throughout? The empty str is. */
bool utf8_valid(str s);
/* Next code point of *s (s->n > 0), moving it on; UINT32_MAX for a bad octet, which is skipped. */
uint32_t utf8_next(str *s);
/* May a terminal or a log show it as it is? No control, no end of a line, no turn of direction. */
bool utf8_is_shown(uint32_t cp);
/* Append a code point; what is none (a surrogate, above U+10FFFF) becomes U+FFFD. */
void utf8_put(struct buf *out, uint32_t cp);

/* CRC-32C (Castagnoli) of n octets, going on from `crc`; start with 0. Finds accidents only. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
/* SipHash-2-4: a hash that strangers cannot aim without the key. */
uint64_t siphash(const uint8_t key[16], str s);

#endif
