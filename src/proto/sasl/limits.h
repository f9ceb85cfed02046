/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound of this folder, each with its reason.
 */
#ifndef PROTO_SASL_LIMITS_H
#define PROTO_SASL_LIMITS_H

enum {
	SASL_MECHANISM_MAX = 20,  /* RFC 4422 3.1 */
	SASL_MESSAGE_MAX = 12288, /* RFC 4954 4 asks for 12288 octets of base64; decoded is less */
	SASL_BASE64_MAX = 12288,  /* one response line without its CRLF */
	SASL_USER_MAX = 320,      /* longest address we store, 64 + 1 + 255 */
	SASL_PASSWORD_MAX = 1000, /* RFC 4616 2 allows more; nobody types it */
	SASL_NONCE_MAX = 256,     /* of a SCRAM client; ours are 24 */
	SASL_STEPS_MAX = 5, /* client messages in one exchange, LOGIN with empty ones included */
	SASL_ITERATIONS_MIN = 4096,     /* RFC 5802 5.1, RFC 7677 4 */
	SASL_ITERATIONS_MAX = 10000000, /* a mistyped setting must not stop log-ins for minutes */
	SASL_SALT_OCTETS = 16,
	SASL_KEY_MAX = 32, /* SHA-256 */
};

#endif
