/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections on the loopback: taken, refused, from a chosen address, and what the kernel says.
 */
#include "base/test.h"
#include "sys/dial.h"
#include "sys/sys.h"

#include <errno.h>

static struct sys_addr
listen_on(int *fd)
{
	struct sys_addr a = { .port = 0 }, got = { .port = 0 };
	CHECK_ERR(sys_addr_ip_parse(S("127.0.0.1"), a.ip), ERR_OK);
	CHECK_ERR(sys_sock_listen(&a, fd), ERR_OK);
	CHECK_ERR(sys_sock_local(*fd, &got), ERR_OK);
	return got;
}

static void
connects_from_a_chosen_address(void)
{
	int listener = -1, reserve = -1, fd = -1, taken = -1, errnum = 77;
	struct sys_addr a = listen_on(&listener), peer, from = { .port = 0 };
	struct sys_dial_info info;
	CHECK_ERR(sys_addr_ip_parse(S("127.0.0.9"), from.ip), ERR_OK);
	CHECK_ERR(sys_dial(&a, from.ip, &fd, &errnum), ERR_AGAIN);
	CHECK_U64((uint64_t)errnum, 0);
	CHECK_ERR(sys_wait(fd, false, 5000), ERR_OK);
	CHECK_U64((uint64_t)sys_dial_error(fd), 0);
	CHECK_ERR(sys_dup(listener, &reserve), ERR_OK);
	CHECK_ERR(sys_sock_accept(listener, &reserve, &taken, &peer), ERR_OK);
	CHECK(sys_addr_ip_eq(peer.ip, from.ip));
	sys_dial_info(fd, &info);
	CHECK(info.rtt_us > 0);
	sys_close(&fd);
	sys_close(&taken);
	sys_close(&reserve);
	sys_close(&listener);
}

static void
hears_that_nobody_listens(void)
{
	int listener = -1, fd = -1, errnum = 0;
	struct sys_addr a = listen_on(&listener);
	sys_close(&listener);
	enum err e = sys_dial(&a, NULL, &fd, &errnum);
	if (e == ERR_AGAIN) {
		CHECK_ERR(sys_wait(fd, false, 5000), ERR_OK);
		errnum = sys_dial_error(fd);
	}
	CHECK_U64((uint64_t)errnum, ECONNREFUSED);
	sys_close(&fd);
}

static void
a_foreign_source_fails_here(void)
{
	int listener = -1, fd = -1, errnum = 0;
	struct sys_addr a = listen_on(&listener), from = { .port = 0 };
	CHECK_ERR(sys_addr_ip_parse(S("192.0.2.1"), from.ip), ERR_OK);
	CHECK(sys_dial(&a, from.ip, &fd, &errnum) != ERR_OK);
	CHECK_U64((uint64_t)errnum, EADDRNOTAVAIL);
	CHECK(fd == -1);
	sys_close(&listener);
}

static void
knows_its_own_addresses(void)
{
	static const uint8_t loopback[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	uint8_t own[SYS_DIAL_OWN_MAX][16];
	size_t n = sys_dial_own(own, LEN(own));
	bool found = false;
	for (size_t i = 0; i < n; i++) {
		found |= sys_addr_ip_eq(own[i], loopback);
	}
	CHECK(found);
	CHECK_U64(sys_dial_own(own, 1), 1);
}

TEST_MAIN(connects_from_a_chosen_address, hears_that_nobody_listens, a_foreign_source_fails_here,
    knows_its_own_addresses)
