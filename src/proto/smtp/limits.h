/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound of the SMTP server engine, with its RFC or reason. What an administrator may change
 * is in struct smtp_conf; these are ceilings for code.
 */
#ifndef PROTO_SMTP_LIMITS_H
#define PROTO_SMTP_LIMITS_H

enum {
	/* RFC 5321 4.5.3.1.4: 512 octets with CRLF */
	SMTP_COMMAND_MAX = 512,
	/*
	 * MAIL and RCPT: 512, and what extensions add: SIZE 26, BODY 17, SMTPUTF8 10, RET 8, ENVID
	 * 107, AUTH 500 (RFC 1870, 6152, 6531, 3461, 4954) or NOTIFY 28, ORCPT 500; return paths
	 * longer than the RFC's 256 are taken.
	 */
	SMTP_ENVELOPE_MAX = 2048,
	/* RFC 4954 4: 12288 octets, and CRLF; also taken for an AUTH command with initial response
	 */
	SMTP_AUTH_LINE_MAX = 12288 + 2,
	SMTP_VERB_MAX = 10,
	SMTP_HELO_MAX = 255,       /* RFC 5321 4.5.3.1.2 */
	SMTP_PARAMS_MAX = 10,      /* more than all extensions together define for one command */
	SMTP_ENVID_MAX = 100,      /* RFC 3461 4.4 */
	SMTP_ORCPT_MAX = 500,      /* RFC 3461 4.2 */
	SMTP_MESSAGE_ID_MAX = 250, /* bound of edge smtp_queue; a longer one is not noted */
	SMTP_TARGETS_MAX =
	    1000, /* accounts behind all recipients of a message; bound of edge smtp_queue */
	/*
	 * Octets of all recipients as they travel in `commit` of edge smtp_queue: with an inline
	 * body of 64 KB they stay below the longest message of that edge.
	 */
	SMTP_RCPT_OCTETS_MAX = 56 * 1024,

	/* RFC 5321 4.5.3.1.6 guarantees 998 and CRLF; this is far beyond what real mail does */
	SMTP_TEXT_LINE_MAX = 65536,
	SMTP_HEADER_MAX = 1024 * 1024, /* headers are read into memory by many programs */
	SMTP_HOPS_MAX = 100,           /* RFC 5321 6.3: "normally at least 100" */
	SMTP_FORWARD_HOPS_MAX = 50,    /* what we send on ourselves may go in circles sooner */
	SMTP_ORIGINS_MAX = 20,         /* different addresses in From and Sender of a submission */
	/* A refused message is read to its end to answer properly, but not for ever. */
	SMTP_EXCESS_MAX = 64 * 1024 * 1024,

	SMTP_JUNK_MAX = 100,   /* EHLO RSET NOOP VRFY HELP EXPN without a message in between */
	SMTP_UNKNOWN_FREE = 4, /* unknown recipients answered at once; lists have stale ones */
	SMTP_UNKNOWN_MAX = 20, /* then 421: somebody guesses addresses */
	SMTP_UNKNOWN_STEP_MS = 1000,   /* each one over UNKNOWN_FREE waits that much longer */
	SMTP_UNKNOWN_DELAY_MS = 10000, /* but no longer than this */

	SMTP_REPLY_ARG_MAX =
	    255,                /* octets of peer text in a reply; RFC 5321 4.5.3.1.5: 512 in all */
	SMTP_ENHANCED_MAX = 12, /* "5.999.999" and some */
	SMTP_TOLD_MAX = 400,    /* octets of a text from elsewhere; with code and CRLF below 512 */
	SMTP_OUT_PAUSE = 8 * 1024, /* unread replies that stop us from taking more commands */
	SMTP_OUT_MAX = 64 * 1024,  /* the pause, a challenge of 16 KB in base64, an EHLO reply */
	SMTP_TXN_BUDGET = 512 *
	    1024, /* octets of envelope; the header of a submission counts apart */
};

#endif
