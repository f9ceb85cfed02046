/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings of the SPF engine, with their reasons.
 */
#ifndef PROTO_SPF_LIMITS_H
#define PROTO_SPF_LIMITS_H

enum {
	SPF_LOOKUPS_MAX = 10,      /* terms that ask DNS; RFC 7208 4.6.4 */
	SPF_VOIDS_MAX = 2,         /* answers without records; RFC 7208 4.6.4 */
	SPF_NAMES_MAX = 10,        /* names of one MX or PTR answer; RFC 7208 4.6.4 */
	SPF_QUESTIONS_MAX = 10,    /* open at once: the addresses of those names */
	SPF_DEPTH_MAX = 11,        /* records in work: each include is a lookup */
	SPF_RECORD_MAX = 8192,     /* octets of a record; resolve gives no more */
	SPF_NAME_MAX = 253,        /* of an expanded name; RFC 7208 7.3 */
	SPF_EXPANSION_MAX = 65536, /* of a macro-string before it is cut to a name */
	SPF_VALUE_MAX = 2048,      /* of what one letter stands for: a path of 1,000 and a name */
	SPF_EXPLANATION_MAX = 400, /* octets of an explanation that we hand on */
	SPF_BUDGET = 512 << 10,    /* octets an arena should have for one check at least */
};

#endif
