/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights of access control lists (RFC 4314 2.1): letters to bits and back, and the arguments of the
 * commands about them. "c" and "d" of RFC 2086 stand for "kx" and "te".
 */
#ifndef PROTO_IMAP_ACL_H
#define PROTO_IMAP_ACL_H

#include "base/buf.h"

enum {
	IMAP_RIGHT_LOOKUP = 1,    /* l */
	IMAP_RIGHT_READ = 2,      /* r */
	IMAP_RIGHT_SEEN = 4,      /* s */
	IMAP_RIGHT_WRITE = 8,     /* w */
	IMAP_RIGHT_INSERT = 16,   /* i */
	IMAP_RIGHT_POST = 32,     /* p */
	IMAP_RIGHT_CREATE = 64,   /* k */
	IMAP_RIGHT_DROP = 128,    /* x */
	IMAP_RIGHT_DELETE = 256,  /* t */
	IMAP_RIGHT_EXPUNGE = 512, /* e */
	IMAP_RIGHT_ADMIN = 1024,  /* a */
	IMAP_RIGHTS_ALL = 2047
};

enum imap_acl_mode { IMAP_ACL_SET, IMAP_ACL_ADD, IMAP_ACL_REMOVE };

struct imap_acl_args {
	str mailbox, identifier;
	enum imap_acl_mode mode; /* SETACL */
	unsigned rights;
};

/* ERR_SYNTAX: a letter that is no right (RFC 4314 3.1: never ignored). */
enum err imap_rights_parse(str s, unsigned *ret);

/* "lrswipkxteacd": "c" and "d" come along when one of their members does (RFC 4314 2.1.1). */
void imap_put_rights(struct buf *out, unsigned rights);

#endif
