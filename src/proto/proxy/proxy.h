/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binary header (version 2, no other) of the PROXY protocol: a load balancer says in front of a
 * connection who the real client is. Only the caller knows whether it may be believed.
 *
 *	OFFSET  SIZE  MEANING
 *	0       12    signature 0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A
 *	12      1     version (2) << 4, command: 0 LOCAL, 1 PROXY
 *	13      1     family << 4: 0 unspecified, 1 IPv4, 2 IPv6, 3 UNIX;
 *	              transport: 0, 1 stream, 2 datagram
 *	14      2     octets that follow, big-endian
 *	16            addresses: source, destination, source port, destination port; then TLVs
 */
#ifndef PROTO_PROXY_PROXY_H
#define PROTO_PROXY_PROXY_H

#include "base/err.h"
#include "base/str.h"
#include "proto/proxy/limits.h"

struct proxy_header {
	bool known; /* false (LOCAL, unspecified, UNIX): the connection's own ends count */
	uint8_t source_ip[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t target_ip[16];
	uint16_t source_port, target_port;
};

/*
 * How many octets the header takes as far as `in` tells: 16 while its length is not known yet. Read
 * no further than that, and nothing behind the header is touched.
 */
size_t proxy_need(str in);

/*
 * Decode a header.
 *
 * In      in: the connection's first octets
 * Out     ret, ret_used: set only on ERR_OK
 * Limits  PROXY_HEADER_MAX octets, PROXY_TLVS_MAX TLVs
 * Errors  ERR_AGAIN: incomplete, right so far; ERR_SYNTAX: not a header, a length or checksum is
 *         wrong; ERR_UNSUPPORTED: another version, command or transport; ERR_TOOBIG
 */
enum err proxy_decode(str in, struct proxy_header *ret, size_t *ret_used);

#endif
