/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication-Results: the words of RFC 8601, writing the field, reading it, and finding fields
 * of strangers that claim to be ours. What the results mean is for others to know. Start with
 * mail_authres_put and mail_authres_claims.
 */
#ifndef MAIL_AUTHRES_H
#define MAIL_AUTHRES_H

#include "base/buf.h"
#include "mail/header.h"

/*
 * Results of all methods: 8601 2.7.1 (dkim, arc), 2.7.2 (spf), 2.7.3 (iprev), 2.7.4 (auth); 7489
 * 11.2 (dmarc). The numbers travel in IPC (record trust) and are kept: never change one.
 */
enum mail_authres {
	MAIL_AUTHRES_NONE = 0, /* nobody looked: not written */
	MAIL_AUTHRES_PASS = 1,
	MAIL_AUTHRES_FAIL = 2,
	MAIL_AUTHRES_SOFTFAIL = 3,
	MAIL_AUTHRES_NEUTRAL = 4,
	MAIL_AUTHRES_TEMPERROR = 5,
	MAIL_AUTHRES_PERMERROR = 6,
	MAIL_AUTHRES_POLICY = 7,
	MAIL_AUTHRES_NONE_PUBLISHED = 8, /* "none": no signature, no record */
	MAIL_AUTHRES_RESULTS
};

/* "softfail"; MAIL_AUTHRES_NONE and unknown numbers give the empty str. */
str mail_authres_word(enum mail_authres r);
/* Back, ASCII case ignored; MAIL_AUTHRES_NONE for any other word. */
enum mail_authres mail_authres_find(str word);

enum {
	MAIL_AUTHRES_PROPERTIES_MAX = 8,
	MAIL_AUTHRES_READ_MAX = 100, /* results read of one field */
	MAIL_AUTHRES_LINE = 78,      /* RFC 5322 2.1.1 */
};

/* "smtp.mailfrom=example.org"; `type` smtp, header, body, policy (RFC 8601 2.4). */
struct mail_authres_property {
	str type, name, value;
};

struct mail_authres_result {
	str method; /* "spf" */
	enum mail_authres result;
	str comment; /* written in parentheses behind the result; empty: none */
	str reason;  /* empty: none */
	size_t n;
	struct mail_authres_property property[MAIL_AUTHRES_PROPERTIES_MAX];
};

/*
 * Append one field: "Authentication-Results: ID;" with a folded line per result, and CRLF.
 * Results that nobody looked for are left out; nothing left gives "none". Values are written as
 * tokens where they are ones and quoted elsewhere; control characters become "?". UTF-8 stays.
 *
 * Errors  of the buffer alone (buf_err)
 * RFC     8601 2.2, 2.3, 4; 6532 3.2
 */
void mail_authres_put(struct buf *out, str id, const struct mail_authres_result *r, size_t n);
/* Without the name of the field and without CRLF: what follows "i=1; " in ARC (RFC 8617 4.1.1). */
void mail_authres_payload_put(struct buf *out, str id, const struct mail_authres_result *r,
    size_t n);

/*
 * Does the value of a field claim to be written by `id`? It does when any reader, however careless
 * with comments, quotes, case, escapes or white space, could take it for ours: so also when our
 * name is a word anywhere before the first semicolon.
 *
 * In      value: raw, folded or not; id: canonical domain (mail_domain_put)
 * RFC     8601 5, 7.1
 */
bool mail_authres_claims(str value, str id);

/* The next field of the header to be cut because it claims `id`; false at the end. */
bool mail_authres_forged_next(struct mail_header *h, str id, struct mail_field *ret);

/* Reading: where it stands in a payload. */
struct mail_authres_reader {
	str rest;
	size_t results;
};

/*
 * Read the authserv-id and the version.
 *
 * In      payload: value of the field; of ARC's after "i=N;"
 * Out     ret_id: appended without quotes
 * Errors  ERR_SYNTAX; ERR_UNSUPPORTED: a version other than 1; of the buffer
 * RFC     8601 2.2, 2.5
 */
enum err mail_authres_begin(str payload, struct buf *ret_id, struct mail_authres_reader *ret);

/* A result that was read. `properties` is the text behind it, to be handed to _property. */
struct mail_authres_read {
	str method, result; /* as written: tokens */
	str properties;
};
/* The next result; false at the end, at "none", or where the grammar is broken. */
bool mail_authres_next(struct mail_authres_reader *r, struct mail_authres_read *ret);
/* Append the value of "type.name" without quotes; false when the result does not have it. */
bool mail_authres_property(const struct mail_authres_read *r, str type, str name, struct buf *out);

/* --- authres_own.c: what we wrote ourselves ------------------------------------------------ */

/*
 * The newest field of a stored letter that is ours: what others wrote in our name was cut when it
 * came in.
 *
 * In      id: canonical domain
 * Out     ret_payload: value of the field, folded as it stands; empty when there is none
 */
bool mail_authres_own(str header, str id, str *ret_payload);

/* The first result of a method; MAIL_AUTHRES_NONE: it is not there. */
enum mail_authres mail_authres_of(str payload, str method);

/*
 * Does a letter come from this domain: did SPF pass for it as that of MAIL FROM, or a DKIM
 * signature of it or of a domain above it, that is no top level?
 *
 * In      payload: of a field we trust; domain: canonical
 * RFC     8601 2.7.1, 2.7.2; 3834 4 on whom to answer
 */
bool mail_authres_vouches(str payload, str domain);

#endif
