/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound of the send process that is no setting. What a peer may say is bounded in
 * proto/smtpc.
 */
#ifndef SVC_SEND_LIMITS_H
#define SVC_SEND_LIMITS_H

enum {
	SVC_SEND_LETTERS_MAX = 20000,            /* in hand; more go back untouched */
	SVC_SEND_BODIES_MAX = 512 * 1024 * 1024, /* octets of all bodies in hand */
	SVC_SEND_LETTER_BUDGET = 640 * 1024,     /* envelope of 100 recipients, and their replies */
	SVC_SEND_ROUTE_BUDGET = 256 * 1024,      /* hosts, addresses, TLSA records, a policy */
	SVC_SEND_CONN_BUDGET = 256 * 1024,       /* the engine and what it keeps of replies */
	SVC_SEND_ROUTES_MAX = 20000,             /* destinations remembered */
	SVC_SEND_OPERATORS_MAX = 10000,          /* operators remembered */
	SVC_SEND_SESSIONS_MAX = 2000,            /* TLS sessions for reuse, 5 KB each */
	SVC_SEND_BAD_ADDRESSES_MAX = 10000,      /* addresses that lately did not answer */
	SVC_SEND_OWED_MAX = 4096,                /* results kept while queue is away */
	SVC_SEND_HOSTS_MAX = 16,                 /* MX hosts of a domain, the best ones */
	SVC_SEND_ADDRESSES_MAX = 8,              /* of one host, families alternating */
	SVC_SEND_TLSA_MAX = 16,                  /* of one host */
	SVC_SEND_RCPTS_MAX = 100,                /* of one letter; IPC limit */
	SVC_SEND_TRIP_MAX = 24,                  /* addresses tried before a round is over */
	SVC_SEND_REPLY_MAX = 1024,               /* of one recipient's outcome; IPC limit */

	SVC_SEND_READ_MAX = 16 * 1024,  /* octets read from a peer at once */
	SVC_SEND_WRITE_MAX = 64 * 1024, /* octets waiting for a peer to take them */
	SVC_SEND_LETTERS_PER_CONN = 8,  /* waiting ones that call for one more connection */

	SVC_SEND_ROUTE_MIN_MS = 30 * 1000,    /* a route is used at least so long */
	SVC_SEND_ROUTE_MAX_MS = 1800 * 1000,  /* and at most */
	SVC_SEND_ASK_MS = 120 * 1000,         /* resolve, keys and fetch answer within this */
	SVC_SEND_BAD_ADDRESS_MS = 600 * 1000, /* it is tried last for so long */
	SVC_SEND_SESSION_S = 3600,            /* a TLS session is not reused after this */
	SVC_SEND_HANDSHAKE_MS = 120 * 1000,   /* of TLS */
	SVC_SEND_CALM_MS = 5 * 1000,          /* after one connection more was turned away */
	SVC_SEND_OWED_MS = 600 * 1000,        /* a result waits so long for queue */
	SVC_SEND_TXN_MS = 3600 * 1000,        /* a letter has to be through by then */
	SVC_SEND_LINGER_MS = 5 * 1000,        /* for the answer to QUIT */
};

#endif
