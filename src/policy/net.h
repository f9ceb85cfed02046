/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks as one customer has them: an IPv4 /24, an IPv6 /48; and addresses that are nobody's on
 * the internet.
 */
#ifndef POLICY_NET_H
#define POLICY_NET_H

#include "base/buf.h"

enum { POLICY_NET_TEXT = 64 };

/* Append "192.0.2.0/24" or "2001:db8::/48". */
void policy_net_put(struct buf *out, const uint8_t ip[16]);

/* Loopback, link-local, private (RFC 1918, 4193) or shared (RFC 6598). */
bool policy_net_is_private(const uint8_t ip[16]);

/* In one of the networks "192.0.2.0/24"? What is none is passed over. */
bool policy_net_within(const uint8_t ip[16], const str *networks, size_t n);

#endif
