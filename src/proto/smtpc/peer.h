/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A caller of the client engine for tests and the fuzz target: it takes TLS when offered, sends its
 * letters one after the other and says QUIT. What was said and done is kept as text. The server's
 * octets come from the test; the octet 0x01 stands for "the client has done all it can".
 */
#ifndef PROTO_SMTPC_PEER_H
#define PROTO_SMTPC_PEER_H

#include "proto/smtpc/smtpc.h"

enum { SMTPC_PEER_LETTERS = 3 };

struct smtpc_peer {
	struct smtpc_conf conf;
	struct smtpc s;
	struct arena *arena;
	bool want_tls, plain_replies, closed, done_seen;
	const struct smtpc_letter *letters;
	size_t letters_n, next;
	str body;
	size_t body_at, chunk;
	struct buf said, done; /* "{ready}" and the like */
};

/* Set want_tls, letters and body between the two; smtpc_peer_done frees both. */
void smtpc_peer_init(struct smtpc_peer *p);
void smtpc_peer_open(struct smtpc_peer *p);
void smtpc_peer_done(struct smtpc_peer *p);
/* The server says `in`, in pieces of `chunk` octets. */
void smtpc_peer_give(struct smtpc_peer *p, str in, size_t chunk);
/* Act on everything that is to be acted on. */
void smtpc_peer_turn(struct smtpc_peer *p);

#endif
