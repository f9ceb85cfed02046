/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound of the client engine: what a server can make us keep, and what we send it.
 */
#ifndef PROTO_SMTPC_LIMITS_H
#define PROTO_SMTPC_LIMITS_H

enum {
	SMTPC_LINE_MAX = 2000,        /* of a reply line with CRLF; RFC 5321 4.5.3.1.5 says 512 */
	SMTPC_REPLY_MAX = 64 << 10,   /* of all lines of one reply */
	SMTPC_KEPT_MAX = 4 << 10,     /* of a reply that is kept, masked */
	SMTPC_RESULTS_MAX = 64 << 10, /* kept replies of a transaction; later ones are cut */
	SMTPC_SHORT_MAX = 256,        /* of a reply that is kept when that is used up */
	SMTPC_RCPTS_MAX = 100,        /* of one transaction: RFC 5321 4.5.3.1.8 */
	SMTPC_ADDRESS_MAX = 1000,
	SMTPC_OUT_MAX = 256 << 10,  /* commands of one transaction in one write */
	SMTPC_OUT_PAUSE = 64 << 10, /* unsent octets of a body that stop smtpc_body() */
	SMTPC_HELO_MAX = 255,
	SMTPC_TXN_BUDGET = 512 << 10, /* arena of one transaction: addresses and replies */
};

#endif
