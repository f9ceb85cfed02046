/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a virus scanner can make us keep.
 */
#ifndef PROTO_CLAMD_LIMITS_H
#define PROTO_CLAMD_LIMITS_H

enum {
	CLAMD_REPLY_MAX = 1024, /* octets of one reply with its NUL */
	CLAMD_NAME_MAX = 128,   /* of a signature's name, or of what it says is wrong */
	CLAMD_ASK_MAX = 32,     /* of what we say at once */
	CLAMD_ASKED_MAX =
	    1000, /* questions of one session: then a new one, for its memory's sake */
};

#endif
