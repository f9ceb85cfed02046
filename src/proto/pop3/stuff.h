/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The octets of a message as the body of a multi-line reply: a dot at the begin of a line is
 * doubled, and a last line that has no end gets one (RFC 1939 3). Nothing is copied: the writer
 * gives pieces that lie in the message.
 *
 * A dot behind a bare LF is doubled, too. No message that came by SMTP has one; in others it keeps
 * a reader that takes LF for a line's end from seeing the end of the reply inside a message.
 */
#ifndef PROTO_POP3_STUFF_H
#define PROTO_POP3_STUFF_H

#include "base/str.h"

struct pop3_stuff {
	bool middle;  /* not at the begin of a line */
	bool open;    /* what was given does not end in CR LF */
	bool last_cr; /* the last octet was CR */
	bool doubled; /* the dot at the begin of this line was given once already */
};

/* A zeroed struct begins a reply. */
void pop3_stuff_init(struct pop3_stuff *x);

/*
 * The next piece to send of *in, which is cut accordingly. Call until it is false, then with the
 * next octets of the message.
 *
 * Out     ret: borrowed from *in, or a constant
 */
bool pop3_stuff_next(struct pop3_stuff *x, str *in, str *ret);

/* What ends the reply: ".\r\n", with a CR LF before it when the message did not end in one. */
str pop3_stuff_end(const struct pop3_stuff *x);

/*
 * How many octets of a body are its first `lines` lines, line ends included.
 *
 * Out     all of it when there are fewer; ret_all: there are that many
 * RFC     1939 7, TOP
 */
size_t pop3_top_octets(str body, uint32_t lines, bool *ret_all);

#endif
