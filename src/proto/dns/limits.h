/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ceilings of DNS names and data, with their reasons.
 */
#ifndef PROTO_DNS_LIMITS_H
#define PROTO_DNS_LIMITS_H

enum {
	DNS_LABEL_MAX = 63,     /* RFC 1035 2.3.4 */
	DNS_WIRE_MAX = 255,     /* octets of a name with its length octets; RFC 1035 2.3.4 */
	DNS_NAME_MAX = 255,     /* of one as text; with escapes it may be longer: no host's is */
	DNS_STRING_MAX = 255,   /* one character string; RFC 1035 3.3 */
	DNS_RDATA_MAX = 65535,  /* RDLENGTH; RFC 1035 3.2.1 */
	DNS_TYPE_TEXT_MAX = 10, /* "TYPE65535" and what types.def names */
};

#endif
