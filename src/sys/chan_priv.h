/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two system calls under chan.c and its blocking form.
 */
#ifndef SYS_CHAN_PRIV_H
#define SYS_CHAN_PRIV_H

#include "base/err.h"
#include "base/str.h"

/* Send one datagram with fd (-1: none; stays the caller's). ERR_AGAIN, ERR_EOF, ERR_BUSY, ... */
enum err sys_chan_io_send(int sock, str msg, int fd);

/*
 * Take one datagram into `room`, whose octets are written in spite of str.
 *
 * Errors  ERR_AGAIN; ERR_EOF; ERR_PROTOCOL: too long or more than one descriptor; ERR_NOFD: this
 *         process had no descriptor left for the one in the message, and the message is lost:
 *         whoever sent it sees the other end of that descriptor close
 */
enum err sys_chan_io_recv(int sock, str room, size_t *ret_n, int *ret_fd);

#endif
