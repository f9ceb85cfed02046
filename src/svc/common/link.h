/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channels of a service to its peers. A peer comes, breaks, is started anew and wired again;
 * what is the same each time is here. A service says in a table which edges it has and where in
 * its own state (sc->ctx) their links lie, one for each process of the peer's program:
 *
 *	static const struct svc_common_edge edges[] = {
 *		{ S_INIT("send_watch"), SVC_COMMON_LINKS(struct svc_watch, sends),
 *		    .on_message = svc_watch_from_send },
 *		{ .n = 0 }
 *	};
 */
#ifndef SVC_COMMON_LINK_H
#define SVC_COMMON_LINK_H

#include "base/buf.h"

struct svc_common;
struct svc_common_edge;
struct sys_chan;

/* One peer; all zero: never wired. It must not move once it is. */
struct svc_common_link {
	struct svc_common *sc;
	const struct svc_common_edge *edge;
	struct sys_chan *chan; /* NULL: nobody is there */
	uint32_t peer;  /* its index among the processes of its program, and ours in the row */
	uint32_t times; /* it was wired so often: a late answer is for an earlier channel */
	bool up;        /* on_up was called, and on_down will be */
};

/* A row; functions but on_message may be NULL. Zero name: the end. */
struct svc_common_edge {
	str name;    /* "send_watch" */
	size_t at;   /* of the first link, from the beginning of sc->ctx */
	size_t each; /* octets from one link to the next */
	uint32_t n;
	bool secret; /* messages hold passwords: they are overwritten when they were taken */

	/* As sys_chan_handler's: a generated dispatch. Not OK: the channel is given up. */
	enum err (*on_message)(struct svc_common_link *from, str datagram, int *fd);
	/* A new channel is there, and the service has started. */
	void (*on_up)(struct svc_common_link *l);
	/* It is gone, or its successor comes: fail what is pending there. Only after on_up. */
	void (*on_down)(struct svc_common_link *l);
	/* There is room again after a send said ERR_BUSY. */
	void (*on_drained)(struct svc_common_link *l);
};

/* .at, .each and .n of links that are `member` of struct `type`: one, or an array of them. */
#define SVC_COMMON_LINKS(type, member)                                        \
	.at = offsetof(type, member), .each = sizeof(struct svc_common_link), \
	.n = sizeof(((const type *)0)->member) / sizeof(struct svc_common_link)

/* The same for links at the beginning of the elements of an array. */
#define SVC_COMMON_LINKS_IN(type, member)                                           \
	.at = offsetof(type, member), .each = sizeof(((const type *)0)->member[0]), \
	.n = sizeof(((const type *)0)->member) / sizeof(((const type *)0)->member[0])

/*
 * Take a channel by the service's table, in place of an old one. Until the service has started
 * nothing is read from it. One that broke while the peer lives is asked for anew by itself.
 *
 * In      fd: taken
 * Errors  ERR_UNSUPPORTED: no such edge; ERR_TOOMANY: no such peer; those of sys_chan_new
 */
enum err svc_common_wire(struct svc_common *sc, str edge, uint32_t peer, int fd);

/* The same by a row, where peers of one edge lie in several places. */
enum err svc_common_wire_row(struct svc_common *sc, const struct svc_common_edge *row,
    uint32_t peer, int fd);

/* As sys_chan_send; ERR_UNAVAILABLE: nobody is there. fd: -1, or taken. */
enum err svc_common_link_send(const struct svc_common_link *l, const struct buf *out, int fd);

/*
 * A message that must not be lost could not be sent: give the channel up and ask for another, whose
 * on_up begins anew. on_down follows, not from inside this call. why: not ERR_EOF
 */
void svc_common_link_fail(struct svc_common_link *l, enum err why);

/* The service has started: everything that was wired until now is read. For service.c. */
void svc_common_links_start(struct svc_common *sc);

/* Close all; on_down is not called. */
void svc_common_links_close(struct svc_common *sc);

#endif
