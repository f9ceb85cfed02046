/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels between our own processes: SOCK_SEQPACKET pairs, one datagram per message with at most
 * one descriptor. struct sys_chan lives on a loop and queues a bounded number of messages when the
 * peer is slow. The blocking functions at the end serve processes without a loop.
 *
 * A descriptor given to a send function belongs to it from then on, whatever it returns.
 */
#ifndef SYS_CHAN_H
#define SYS_CHAN_H

#include "base/buf.h"
#include "sys/loop.h"

enum {
	SYS_CHAN_MESSAGE_MAX = 131072, /* octets of one message; IPC_MESSAGE_MAX */
	SYS_CHAN_QUEUE_MAX = 4096,     /* messages waiting for a slow peer */
	SYS_CHAN_QUEUE_OCTETS = 8 * 1024 * 1024,
	SYS_CHAN_TURN_MAX = 64, /* messages taken per turn, so that one peer starves nobody */
};

struct sys_chan;

struct sys_chan_handler {
	/*
	 * A message came. Take the descriptor by copying *fd and setting it to -1; otherwise it is
	 * closed. An answer other than ERR_OK closes the channel (a generated dispatch function
	 * gives ERR_PROTOCOL), then on_closed is called.
	 */
	enum err (*on_message)(void *ctx, str datagram, int *fd);
	/*
	 * The peer is gone (ERR_EOF), broke the protocol, or the socket failed. Called once, never
	 * from inside sys_chan_send. The channel sends nothing more; free it here or later.
	 */
	void (*on_closed)(void *ctx, enum err why);
	/* May be NULL. The queue is empty again after a send said ERR_BUSY. */
	void (*on_drained)(void *ctx);
	void *ctx;
};

/*
 * A channel over fd, which it owns from now on (also when this fails).
 *
 * In      fd: SOCK_SEQPACKET; handler: copied
 * Errors  ERR_NOMEM, ERR_NOSPACE
 */
enum err sys_chan_new(struct sys_loop *loop, int fd, const struct sys_chan_handler *handler,
    struct sys_chan **ret);

/* Close and free; *ch becomes NULL; fine in the channel's own callbacks. No on_closed follows. */
void sys_chan_free(struct sys_chan **ch);

/*
 * Send one message, at once or when the peer has room.
 *
 * In      msg: copied; its sticky error is returned. fd: -1, or a descriptor that is taken
 * Errors  ERR_BUSY: queue full, nothing was queued; ERR_TOOBIG; ERR_UNAVAILABLE: the peer is gone
 */
enum err sys_chan_send(struct sys_chan *ch, const struct buf *msg, int fd);

/* Give it up as if the socket had failed so: on_closed follows, not from inside this call. */
void sys_chan_fail(struct sys_chan *ch, enum err why);

/* Stop or go on reading: back-pressure on the peer. */
void sys_chan_pause(struct sys_chan *ch, bool paused);
/* Messages waiting to be sent. */
size_t sys_chan_queued(const struct sys_chan *ch);
/* The descriptor, borrowed: for sys_sock_peer_user(). */
int sys_chan_fd(const struct sys_chan *ch);

/* A connected pair, both ends non-blocking, closed on exec, with room for the largest message. */
enum err sys_chan_pair(int ret_fds[2]);
/* Set the buffer sizes of a SEQPACKET socket so that the largest message passes. */
enum err sys_chan_prepare(int fd);

/*
 * Without a loop: take one message if one waits.
 *
 * In      in: emptied, then holds the message; ceiling at least SYS_CHAN_MESSAGE_MAX
 * Out     ret_fd: the descriptor that came along, or -1; the caller closes it
 * Errors  ERR_AGAIN: none waits; ERR_EOF: peer closed; ERR_PROTOCOL: too long, or more than one
 *         descriptor
 */
enum err sys_chan_recv(int fd, struct buf *in, int *ret_fd);
/* The same, waiting at most timeout_ms (-1: for ever). ERR_TIMEOUT. */
enum err sys_chan_recv_wait(int fd, struct buf *in, int *ret_fd, int timeout_ms);
/*
 * Send without a loop, waiting at most timeout_ms for room. `passed`: -1 or a descriptor that is
 * taken.
 */
enum err sys_chan_send_wait(int fd, const struct buf *msg, int passed, int timeout_ms);

#endif
