/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MIME tree of one message as a flat array of parts with exact octet offsets into the message,
 * which is borrowed and never copied. Broken MIME is no error: a part that cannot be what it claims
 * becomes a leaf, as every mail reader shows it. Iterative; depth and count are bounded.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "base/arena.h"
#include "base/err.h"

enum {
	MAIL_MIME_DEPTH_MAX = 100, /* deeper parts are shown as leaves; Dovecot and peers use 100 */
	MAIL_MIME_PARTS_MAX = 10000,  /* later parts are left to the last leaf */
	MAIL_MIME_BOUNDARY_MAX = 200, /* RFC 2046 5.1.1 allows 70; some senders write more */
	MAIL_MIME_NONE = -1,          /* no such part */
};

enum mail_mime_kind { MAIL_MIME_LEAF, MAIL_MIME_MULTIPART, MAIL_MIME_MESSAGE };

struct mail_mime_part {
	int32_t parent, child, next; /* indexes; MAIL_MIME_NONE */
	uint16_t depth;              /* 0: the message itself */
	uint8_t kind;                /* enum mail_mime_kind */
	uint8_t digest;              /* child of multipart/digest: message/rfc822 by default */
	size_t header_at, header_n;  /* with the empty line */
	size_t body_at, body_n;
	uint32_t lines; /* line ends in the body */
	uint32_t children;
	str type, subtype; /* as written, borrowed; "text"/"plain" when missing or broken */
	str content_type;  /* value of Content-Type after type/subtype: the parameters, raw */
	str encoding;      /* value of Content-Transfer-Encoding, trimmed; "7bit" when missing */
};

struct mail_mime {
	str message;
	struct mail_mime_part *parts; /* parts[0] is the message; a child comes after its parent */
	uint32_t n;
	bool cut; /* a limit was reached: not everything was taken apart */
};

/*
 * Take a message apart.
 *
 * In      message: borrowed as long as `ret` is used
 * Out     ret: set only on ERR_OK; the array lives in `a`
 * Limits  MAIL_MIME_DEPTH_MAX, MAIL_MIME_PARTS_MAX: beyond them `cut` is set, nothing fails
 * Errors  ERR_BUDGET
 * RFC     2045 5, 2046 5.1, 5.2.1; 6532 3.7
 */
enum err mail_mime_parse(str message, struct arena *a, struct mail_mime *ret);

/* The part's header with its empty line; borrowed from the message. */
str mail_mime_header(const struct mail_mime *m, const struct mail_mime_part *p);
/* The part's body, still encoded; borrowed from the message. */
str mail_mime_body(const struct mail_mime *m, const struct mail_mime_part *p);

/*
 * The part IMAP calls by a section number list, such as {1, 2} for "1.2"; NULL when there is none.
 * A message that is not multipart has part 1: itself (RFC 9051 6.4.5.1).
 */
const struct mail_mime_part *mail_mime_section(const struct mail_mime *m, const uint32_t *numbers,
    size_t n);

#endif
