/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A played scanner or filter: a UNIX socket in a folder of its own, served on the loop of the scan
 * process under test. What came is given to a function that says what is answered.
 */
#ifndef SVC_SCAN_HELPER_TEST_H
#define SVC_SCAN_HELPER_TEST_H

#include "svc/scan/world_test.h"

enum { HELPER_CONNS = 64 };

struct helper;

struct helper_conn {
	struct helper *all;
	struct sys_watch watch; /* fd -1: free */
	struct buf in;          /* octets not used yet */
	int passed;             /* the last descriptor that came along; -1: none */
};

struct helper {
	struct sys_loop *loop;
	char folder[64], path[96]; /* path: as in settings */
	uint16_t port;             /* 0: a UNIX socket */
	struct sys_watch listener; /* fd -1: not there */
	struct helper_conn conns[HELPER_CONNS];
	unsigned accepted, open;
	/* Use octets of c->in; answer with helper_say. False: hang up. */
	bool (*on_data)(struct helper_conn *c);
};

/* Make the folder; nobody listens yet. */
void helper_init(struct helper *h, bool (*on_data)(struct helper_conn *c));
/* The same at a free TCP port. */
void helper_init_tcp(struct helper *h, bool (*on_data)(struct helper_conn *c));
/* Begin to listen on this loop; backlog as small as may be. */
void helper_listen(struct helper *h, struct sys_loop *loop);
/* As if it were killed: the socket stays, nobody is there. */
void helper_kill(struct helper *h);
/* Kill it and remove the folder. */
void helper_done(struct helper *h);
/* To nobody when the other side has gone. */
void helper_say(struct helper_conn *c, str s);

#endif
