/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to strangers, and what the kernel knows about how they went. TCP has no error queue
 * (ip(7), IP_RECVERR): an ICMP error arrives as an errno, at once, and as nothing else. These
 * numbers are for records; decisions are made on enum err.
 */
#ifndef SYS_DIAL_H
#define SYS_DIAL_H

#include "sys/sock.h"

/*
 * Start to connect.
 *
 * In      source: address to come from; NULL: the kernel's choice. The port is always its choice
 * Out     ret_fd: set on ERR_OK and ERR_AGAIN (until writable, then ask sys_dial_error());
 *         ret_errno: always set, 0 when nothing failed
 */
enum err sys_dial(const struct sys_addr *to, const uint8_t *source, int *ret_fd, int *ret_errno);

/* Take the pending errno of a connection; 0: none. */
int sys_dial_error(int fd);

/* The errno that stands for an error of sys_sock_read() or sys_sock_write(); 0: none. */
int sys_dial_broken(enum err e);

/* What TCP_INFO says; all zero when the kernel does not. */
struct sys_dial_info {
	uint32_t rtt_us, retransmits, unacked;
};
void sys_dial_info(int fd, struct sys_dial_info *ret);

enum { SYS_DIAL_OWN_MAX = 64 };
/* The addresses of our own interfaces, loopback included, at most max. Out: how many. */
size_t sys_dial_own(uint8_t (*ret)[16], size_t max);

#endif
