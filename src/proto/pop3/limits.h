/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings of the POP3 grammar. What a session may use beyond them is in svc/account/pop3/limits.h.
 */
#ifndef PROTO_POP3_LIMITS_H
#define PROTO_POP3_LIMITS_H

enum {
	POP3_LINE_MAX = 512,  /* a command with its CR LF; RFC 2449 4: at least 255 */
	POP3_REPLY_MAX = 512, /* the first line of any reply with its CR LF; RFC 2449 3, 4 */
};

#endif
