/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of GETMETADATA, SETMETADATA, and METADATA in LIST (RFC 5464, 9590).
 */
#ifndef PROTO_IMAP_METADATA_H
#define PROTO_IMAP_METADATA_H

#include "base/str.h"

enum imap_depth { IMAP_DEPTH_0, IMAP_DEPTH_1, IMAP_DEPTH_ALL };

struct imap_metadata_entry {
	str name;  /* lower case, starts with "/private" or "/shared" */
	str value; /* SETMETADATA: p is NULL for NIL */
};

struct imap_metadata_args {
	str mailbox; /* empty: the server */
	struct imap_metadata_entry *entries;
	size_t n;
	enum imap_depth depth;
	bool has_maxsize;
	uint32_t maxsize;
};

#endif
