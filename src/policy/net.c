/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prefixes of sys/sock.h, put to use.
 */
#include "policy/net.h"

#include "sys/sock.h"

void
policy_net_put(struct buf *out, const uint8_t ip[16])
{
	struct sys_prefix p = sys_prefix_of(ip, SYS_PREFIX_V4, SYS_PREFIX_V6);

	sys_prefix_text(out, &p);
}

bool
policy_net_is_private(const uint8_t ip[16])
{
	static const str networks[] = { S_INIT("10.0.0.0/8"), S_INIT("172.16.0.0/12"),
		S_INIT("192.168.0.0/16"), S_INIT("100.64.0.0/10"), S_INIT("169.254.0.0/16"),
		S_INIT("fe80::/10"), S_INIT("fc00::/7") };

	return sys_addr_is_loopback(ip) || policy_net_within(ip, networks, LEN(networks));
}

bool
policy_net_within(const uint8_t ip[16], const str *networks, size_t n)
{
	struct sys_prefix p;

	for (size_t i = 0; i < n; i++) {
		if (sys_prefix_parse(networks[i], &p) == ERR_OK && sys_prefix_contains(&p, ip)) {
			return true;
		}
	}
	return false;
}
