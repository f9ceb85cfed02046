/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The octets of BODY[section], BINARY[section] and the RFC822 items.
 */
#ifndef PROTO_IMAP_SECTION_H
#define PROTO_IMAP_SECTION_H

#include "proto/imap/fetch.h"

struct mail_mime;

/* A message to take sections from. */
struct imap_source {
	str message;
	size_t header_n;              /* octets of the header with its empty line */
	const struct mail_mime *mime; /* may be NULL when imap_section_needs_mime() says no */
};

/* The MIME tree is wanted: the section names a part. */
bool imap_section_needs_mime(const struct imap_section *s);
/* The header is enough (imap_source.message may be the header alone). */
bool imap_section_needs_header_only(const struct imap_section *s);

/*
 * Before anything is written: can imap_section_get give the octets? A part that is not there can.
 *
 * Errors  ERR_UNSUPPORTED: as imap_section_get
 */
enum err imap_section_check(const struct imap_source *src, const struct imap_section *s);

/*
 * Find the octets, without regard to `partial`.
 *
 * In      room: for header subsets and decoded parts; emptied first
 * Out     ret: borrowed from the message or from room
 * Errors  ERR_NOTFOUND: no such part, NIL; ERR_UNSUPPORTED: transfer encoding not known,
 *         NO [UNKNOWN-CTE]; ERR_TOOBIG, ERR_NOMEM of room
 * RFC     9051 6.4.5.1; 3516 4
 */
enum err imap_section_get(const struct imap_source *src, const struct imap_section *s,
    struct buf *room, str *ret);

/* The part of `whole` that <offset.length> asks for; all of it without partial. */
str imap_section_partial(const struct imap_section *s, str whole);

#endif
