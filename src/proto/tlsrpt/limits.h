/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stranger's TLSRPT record may cost.
 */
#ifndef PROTO_TLSRPT_LIMITS_H
#define PROTO_TLSRPT_LIMITS_H

enum {
	TLSRPT_RUA_MAX = 4,       /* addresses a report goes to */
	TLSRPT_FIELDS_MAX = 64,   /* of a record */
	TLSRPT_ADDRESS_MAX = 254, /* RFC 5321 4.5.3.1.3 */
	TLSRPT_POLICY_LINES_MAX = 200,
};

#endif
