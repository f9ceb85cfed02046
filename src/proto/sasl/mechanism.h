/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of SASL mechanisms and the rule which of them a session is offered. smtp and login
 * write their AUTH lists from here, auth looks names up here: one rule for all of them.
 */
#ifndef PROTO_SASL_MECHANISM_H
#define PROTO_SASL_MECHANISM_H

#include "base/buf.h"

enum sasl_mechanism {
#define SASL(id, name, hash, flags, rfc) SASL_##id,
#include "proto/sasl/mechanism.def"
#undef SASL
	SASL_MECHANISMS
};

enum sasl_hash { SASL_HASH_NONE, SASL_HASH_SHA1, SASL_HASH_SHA256 };

/* Flags of a row. */
enum { SASL_BINDING = 1, SASL_FIRST = 2, SASL_OPT_IN = 4 };

struct sasl_mechanism_row {
	str name;
	enum sasl_hash hash;
	unsigned flags;
	const char *rfc;
};

/* What decides the offer. */
struct sasl_offer {
	bool tls;      /* the session is inside TLS */
	bool binding;  /* tls-exporter data is at hand (RFC 9266) */
	bool cram_md5; /* setting auth.cram-md5 */
};

/* The row of m, which must be less than SASL_MECHANISMS. */
const struct sasl_mechanism_row *sasl_mechanism_row(enum sasl_mechanism m);

/* By name, any case; SASL_MECHANISMS when there is no such mechanism. RFC 4422 3.1 */
enum sasl_mechanism sasl_mechanism_find(str name);

/* Would a session of this kind be offered `m`? What is not offered is not accepted either. */
bool sasl_mechanism_offered(enum sasl_mechanism m, const struct sasl_offer *offer);

/*
 * Append the offered names, each with `before` in front of it: " " for SMTP's AUTH and POP3's SASL,
 * " AUTH=" for IMAP.
 */
void sasl_mechanism_list(struct buf *out, const struct sasl_offer *offer, str before);

#endif
