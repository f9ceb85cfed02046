/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as an address, an address with port, and a network, as settings and the ban list write
 * them: what is accepted has a text form, and that reads back as the same.
 */
#include "sys/sock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 64 };

static void
one_ip(str in)
{
	char room[TEXT_MAX];
	uint8_t ip[16], again[16];
	struct buf b;
	if (sys_addr_ip_parse(in, ip) == ERR_OK) {
		buf_init_fixed(&b, room, sizeof room);
		sys_addr_ip_text(&b, ip);
		ASSERT(sys_addr_ip_parse(buf_view(&b), again) == ERR_OK);
		ASSERT(sys_addr_ip_eq(ip, again));
	}
}

static void
one_address(str in)
{
	char room[TEXT_MAX];
	struct sys_addr a, again;
	struct buf b;
	if (sys_addr_parse(in, 25, &a) == ERR_OK) {
		ASSERT(a.port != 0);
		buf_init_fixed(&b, room, sizeof room);
		sys_addr_text(&b, &a);
		ASSERT(sys_addr_parse(buf_view(&b), 26, &again) == ERR_OK);
		ASSERT(sys_addr_ip_eq(a.ip, again.ip) && a.port == again.port);
	}
}

static void
one_network(str in)
{
	char room[TEXT_MAX];
	struct sys_prefix p, again;
	struct buf b;
	if (sys_prefix_parse(in, &p) == ERR_OK) {
		ASSERT(p.bits <= 128 && sys_prefix_contains(&p, p.ip));
		buf_init_fixed(&b, room, sizeof room);
		sys_prefix_text(&b, &p);
		ASSERT(sys_prefix_parse(buf_view(&b), &again) == ERR_OK);
		ASSERT(sys_prefix_eq(&p, &again));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_make(data, size);
	one_ip(in);
	one_address(in);
	one_network(in);
	return 0;
}
