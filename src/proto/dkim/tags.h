/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tag lists: "v=1; a=rsa-sha256; ...", the syntax of DKIM signatures and key records, and of ARC.
 */
#ifndef PROTO_DKIM_TAGS_H
#define PROTO_DKIM_TAGS_H

#include "base/buf.h"
#include "proto/dkim/limits.h"

struct dkim_tag {
	str name, value; /* the value without white space around it; folds inside it stay */
};

struct dkim_tags {
	struct dkim_tag tag[DKIM_TAGS_MAX];
	size_t n;
};

/*
 * Split a list. Everything points into `text`.
 *
 * Errors  SYNTAX (no "=", a bad name or octet), EXISTS (a name twice), TOOMANY (limits.h)
 * RFC     6376 3.2
 */
enum err dkim_tags_parse(str text, struct dkim_tags *ret);

/* The value of a tag (names are case-sensitive); false when the list does not have it. */
bool dkim_tags_find(const struct dkim_tags *t, str name, str *ret);

/* Append a value without any white space: base64 and lists may be folded anywhere. */
void dkim_tag_bare(struct buf *out, str value);

/* The decimal number of a value of at most 12 digits (RFC 6376 3.5, t= and x=). */
bool dkim_tag_number(str value, int64_t *ret);

/* The next element of a list separated by colons, trimmed; false at the end. */
bool dkim_tag_next(str *list, str *ret);

#endif
