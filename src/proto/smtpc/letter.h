/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client engine is given and gives back: a letter with its recipients, and what became of
 * each of them. No code: read smtpc.h next.
 */
#ifndef PROTO_SMTPC_LETTER_H
#define PROTO_SMTPC_LETTER_H

#include "base/str.h"

/* Where the conversation is: the words, order and numbers of enum reach_phase. */
enum smtpc_phase {
	SMTPC_PHASE_DNS, /* before there is a connection; never set here */
	SMTPC_PHASE_CONNECT,
	SMTPC_PHASE_BANNER,
	SMTPC_PHASE_EHLO,
	SMTPC_PHASE_STARTTLS,
	SMTPC_PHASE_TLS,
	SMTPC_PHASE_EHLO2,
	SMTPC_PHASE_MAIL,
	SMTPC_PHASE_RCPT,
	SMTPC_PHASE_DATA,
	SMTPC_PHASE_EOD, /* end of data was given to smtpc_output */
	SMTPC_PHASE_QUIT,
	SMTPC_PHASES
};

enum { /* DSN: the bits of record rcpt */
	SMTPC_NOTIFY_NEVER = 1,
	SMTPC_NOTIFY_SUCCESS = 2,
	SMTPC_NOTIFY_FAILURE = 4,
	SMTPC_NOTIFY_DELAY = 8,
};
enum { SMTPC_RET_FULL = 1, SMTPC_RET_HDRS = 2 };

struct smtpc_to {
	str address; /* without angle brackets */
	str orcpt;   /* type ";" xtext; may be empty */
	uint8_t notify;
};

/* A transaction to be made. Copied by smtpc_send. */
struct smtpc_letter {
	str reverse_path; /* without angle brackets; empty: the null path */
	str envid;        /* xtext; may be empty */
	uint8_t ret;
	bool smtputf8;   /* the header needs it; addresses are looked at here */
	bool body8bit;   /* octets beyond ASCII are, or may be, in it */
	bool requiretls; /* RFC 8689 */
	uint64_t size;   /* octets with CRLF line ends, without stuffed dots; 0: not known */
	const struct smtpc_to *rcpts;
	size_t rcpts_n;
};

/* The numbers of record outcome of edge queue_send. */
enum smtpc_verdict { SMTPC_DELIVERED = 1, SMTPC_RETRY, SMTPC_REFUSED };

/* Why this side, not the server, decided. Another MX host may be able to do it. */
enum smtpc_lack {
	SMTPC_LACK_NONE,
	SMTPC_LACK_SMTPUTF8,   /* 5.6.7 */
	SMTPC_LACK_REQUIRETLS, /* 5.7.30 */
	SMTPC_LACK_SIZE,       /* 5.3.4 */
	SMTPC_LACK_LIMIT,      /* 4.5.3: more recipients than it takes at once */
	SMTPC_LACK_LOST,       /* 4.4.2: the connection ended first */
	SMTPC_LACK_PROTOCOL,   /* 4.5.0: what it said is not SMTP */
	SMTPC_LACK_LOCAL, /* 4.3.0: we could not go on: memory, or the body could not be read */
	SMTPC_LACKS
};

/* What became of one recipient; strings live until the next smtpc_send or smtpc_done. */
struct smtpc_result {
	enum smtpc_verdict verdict;
	enum smtpc_phase phase; /* whose reply decided */
	enum smtpc_lack lack;
	bool again;    /* RETRY only because this transaction was full: send it anew at once */
	uint16_t code; /* 0: no reply decided */
	str enhanced;  /* "5.1.1"; made up here when lack is set; else empty when none was given */
	str reply;     /* its lines with codes, masked; lack set: a sentence of ours */
};

/* Of a transaction; valid from DONE on, as long as the strings in results. */
struct smtpc_done {
	const struct smtpc_result *results; /* in the order of the letter's recipients */
	size_t n;
	bool uncertain; /* end of data went out and no reply came: it may have arrived */
	bool dsn;       /* the server took RET, ENVID, NOTIFY and ORCPT: it answers for them */
};

#endif
