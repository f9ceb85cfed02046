/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RDATA of DNS records, decoded and written. Names in RDATA are whole (no compression pointers):
 * that is how resolve hands them on. Names as text are in lower case, without the dot at the end;
 * the root is the empty text. Messages, sections and DNSSEC are the business of the library that
 * resolve uses. Read next: names.c, rdata.c, text.c.
 */
#ifndef PROTO_DNS_DNS_H
#define PROTO_DNS_DNS_H

#include "base/buf.h"
#include "proto/dns/limits.h"

enum dns_type {
#define TYPE(name, number, fields) DNS_##name = (number),
#include "proto/dns/types.def"
#undef TYPE
};

/* RFC 1035 4.1.1 and the IANA registry. */
enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
};

/* `trust` of ipc record dns_answer: RFC 4035 4.3. */
enum dns_trust {
	DNS_SECURE = 1,
	DNS_INSECURE = 2,
	DNS_BOGUS = 3,
	DNS_TRUST_UNKNOWN = 4, /* no answer that could be judged */
};

struct dns_name {
	uint16_t n;
	char text[DNS_NAME_MAX];
};

struct dns_mx {
	uint16_t preference;
	struct dns_name exchange; /* n == 0: null MX, no mail here (RFC 7505 3) */
};

struct dns_srv {
	uint16_t priority, weight, port;
	struct dns_name target; /* n == 0: decidedly not offered (RFC 2782, Target) */
};

struct dns_tlsa {
	uint8_t usage, selector, matching;
	str data; /* borrowed */
};

struct dns_caa {
	uint8_t flags;  /* 128: critical */
	str tag, value; /* borrowed */
};

/*
 * One record of the type in the name.
 *
 * In      rdata: all of it, names not compressed; borrowed
 * Out     ret, ret_ip: set only on ERR_OK; IPv4 as v4-mapped
 * Limits  DNS_NAME_MAX octets of a name as text
 * Errors  ERR_SYNTAX: too short, too long, a pointer, a label over 63; ERR_TOOBIG: a name whose
 *         text is longer, or RDATA over DNS_RDATA_MAX
 * RFC     1035 3.3, 3.4; 3596 2.2; 2782; 6698 2.1; 8659 4.1
 */
enum err dns_a(str rdata, uint8_t ret_ip[16]);
enum err dns_aaaa(str rdata, uint8_t ret_ip[16]);
enum err dns_mx(str rdata, struct dns_mx *ret);
enum err dns_cname(str rdata, struct dns_name *ret);
enum err dns_ptr(str rdata, struct dns_name *ret);
enum err dns_srv(str rdata, struct dns_srv *ret);
enum err dns_tlsa(str rdata, struct dns_tlsa *ret);
enum err dns_caa(str rdata, struct dns_caa *ret);

/*
 * Append the character strings of a TXT record, joined without anything between them.
 *
 * Errors  ERR_SYNTAX: no string at all, or one that goes beyond the end; ERR_TOOBIG, ERR_NOMEM:
 *         of the buffer, sticky. `out` then holds what it held
 * RFC     1035 3.3.14; 7208 3.3; 6376 3.6.2.2
 */
enum err dns_txt(str rdata, struct buf *out);

/*
 * Append the record as it stands in a zone file behind its type: names with a dot at the end,
 * strings quoted, what types.def does not know as \# octets.
 *
 * Errors  as the decoders; `out` then holds what it held. ERR_TOOBIG, ERR_NOMEM: of the buffer
 * RFC     1035 5.1; 3597 5
 */
enum err dns_text_put(struct buf *out, uint16_t type, str rdata);

/* "MX", or "TYPE65280" for what types.def does not know (RFC 3597 5). */
void dns_type_put(struct buf *out, uint16_t type);
/* Back, in either case. ERR_NOTFOUND. */
enum err dns_type_find(str name, uint16_t *ret);

/* As a str, borrowed from the struct. */
static inline str
dns_name_str(const struct dns_name *n)
{
	return (str){ n->text, n->n };
}

/*
 * Writing RDATA, for comparing and for tests. Names as text, with or without the dot at the end;
 * \DDD and \c are understood.
 *
 * Errors  ERR_SYNTAX: an empty or too long label, a bad escape; ERR_TOOBIG: a name over
 *         DNS_WIRE_MAX; of the buffer. `out` then holds what it held
 * RFC     1035 3.1, 5.1
 */
enum err dns_name_put(struct buf *out, str name);
enum err dns_mx_put(struct buf *out, uint16_t preference, str exchange);
enum err dns_srv_put(struct buf *out, const uint16_t priority_weight_port[3], str target);
/*
 * In strings of 255 octets; an empty text is one empty string.
 *
 * Errors  ERR_TOOBIG: over DNS_RDATA_MAX; of the buffer
 */
enum err dns_txt_put(struct buf *out, str text);
void dns_tlsa_put(struct buf *out, const struct dns_tlsa *t);
/* Errors  ERR_SYNTAX: no tag, or one of more than 255 octets; of the buffer. */
enum err dns_caa_put(struct buf *out, const struct dns_caa *c);

/*
 * Names to ask for: the address in reverse below in-addr.arpa or ip6.arpa (RFC 1035 3.5; 3596
 * 2.5), and where the TLSA records of a TCP service are: "_25._tcp.mx.example" (RFC 6698 3).
 */
void dns_reverse_put(struct buf *out, const uint8_t ip[16]);
void dns_tlsa_name_put(struct buf *out, uint16_t port, str host);

#endif
