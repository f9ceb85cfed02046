/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of what SASL clients send, base64 already removed: PLAIN, CRAM-MD5, and the two
 * client messages of SCRAM. Everything borrowed from the input; nothing is compared or decided
 * here.
 */
#ifndef PROTO_SASL_MESSAGE_H
#define PROTO_SASL_MESSAGE_H

#include "base/buf.h"

struct sasl_plain {
	str authzid, user, password;
};

/*
 * Parse a PLAIN message: [authzid] NUL authcid NUL passwd.
 *
 * Limits  SASL_USER_MAX each name, SASL_PASSWORD_MAX
 * Errors  ERR_SYNTAX: not two NULs, empty user or password; ERR_TOOBIG; ERR_CHARSET: not UTF-8
 * RFC     4616 2
 */
enum err sasl_plain_parse(str in, struct sasl_plain *ret);

struct sasl_cram {
	str user;
	char digest[16];
};

/*
 * Parse a CRAM-MD5 response: user SP 32 hex digits.
 *
 * Errors  ERR_SYNTAX, ERR_TOOBIG, ERR_CHARSET
 * RFC     2195 2
 */
enum err sasl_cram_parse(str in, struct sasl_cram *ret);

struct sasl_scram_first {
	char binding;      /* 'n' none, 'y' client could but thinks we cannot, 'p' used */
	str binding_name;  /* "tls-exporter" when 'p' */
	str authzid, user; /* still with =2C and =3D */
	str nonce;
	str bare; /* client-first-message-bare, part of AuthMessage */
};

/*
 * Parse the client-first-message of SCRAM.
 *
 * Limits  SASL_USER_MAX * 3 for the encoded names, SASL_NONCE_MAX
 * Errors  ERR_SYNTAX; ERR_TOOBIG; ERR_CHARSET; ERR_UNSUPPORTED: a mandatory extension "m="
 * RFC     5802 5.1, 7
 */
enum err sasl_scram_first_parse(str in, struct sasl_scram_first *ret);

/* Append a saslname with =2C and =3D turned back. ERR_SYNTAX for any other "=". RFC 5802 5.1 */
enum err sasl_name_decode(struct buf *out, str in);

struct sasl_scram_final {
	str binding; /* base64 of gs2 header and binding data */
	str nonce;
	str without_proof; /* client-final-message-without-proof, part of AuthMessage */
	char proof[32];
	size_t proof_n;
};

/*
 * Parse the client-final-message of SCRAM.
 *
 * Errors  ERR_SYNTAX: grammar, or a proof that is not 20 or 32 octets
 * RFC     5802 5.1, 7
 */
enum err sasl_scram_final_parse(str in, struct sasl_scram_final *ret);

#endif
