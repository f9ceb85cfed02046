/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a mail filter can make us keep and read, and what it is given at once.
 */
#ifndef PROTO_MILTER_LIMITS_H
#define PROTO_MILTER_LIMITS_H

enum {
	MILTER_CHUNK_MAX = 65535,  /* octets of a packet's data; what libmilter takes */
	MILTER_PACKET_MAX = 65536, /* its command letter included */
	MILTER_OUT_PAUSE = 65536,  /* unsent octets that stop further packets */
	MILTER_OUT_MAX = 262144,
	MILTER_READ_MAX = 4 << 20,  /* octets of all answers about a letter */
	MILTER_ANSWERS_MAX = 10000, /* their number, "still busy" included */
	MILTER_CHANGES_MAX = 100,   /* fields added, changed and removed */
	MILTER_KEPT_MAX = 65536,    /* octets of them and of all texts */
	MILTER_VALUE_MAX = 16384,   /* of a field a filter wants */
	MILTER_LINE_MAX = 998,      /* RFC 5322 2.1.1 */
	MILTER_TEXT_MAX = 400,      /* of the text of a reply */
	MILTER_MACRO_MAX = 1024,    /* of the value of a macro */
};

#endif
