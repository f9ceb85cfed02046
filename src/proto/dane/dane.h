/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DANE for SMTP as tables: what to do with what DNS and its validation said, which TLSA records are
 * of use, and whether a server's certificates are the ones they name. Pure: the caller asks DNS,
 * does TLS and gives certificates as DER. Start with dane_host.
 */
#ifndef PROTO_DANE_DANE_H
#define PROTO_DANE_DANE_H

#include "base/err.h"
#include "base/str.h"

enum {
	DANE_RECORDS_MAX = 32, /* TLSA records of a host; more are not looked at */
	DANE_CHAIN_MAX = 16,   /* certificates of a server */
	DANE_NAMES_MAX = 3,    /* reference identifiers */
	DANE_DIGEST_MAX = 64,
};

/* One answer of DNS with its validation state. RFC 7672 2.1.1 */
enum dane_dns {
	DANE_DNS_SECURE,        /* records, validated */
	DANE_DNS_SECURE_NONE,   /* validated: there are none */
	DANE_DNS_INSECURE,      /* records from a zone that is not signed */
	DANE_DNS_INSECURE_NONE, /* none there */
	DANE_DNS_ERROR,         /* bogus, indeterminate, SERVFAIL, time-out */
	DANE_DNS_STATES
};

/* Of the words of edge send_resolve: result of dns_answer (OK, NOTFOUND, ...) and its trust. */
enum dane_dns dane_dns(enum err result, unsigned trust, size_t records);

/* What an MX answer means for the destination. RFC 7672 2.1.2, 2.2.1 */
enum dane_mx {
	DANE_MX_HOSTS,          /* its hosts, securely */
	DANE_MX_HOSTS_INSECURE, /* its hosts; DANE of one protects that hop alone */
	DANE_MX_IMPLICIT,       /* no MX: the domain is its own host, securely so */
	DANE_MX_IMPLICIT_INSECURE,
	DANE_MX_DEFER,
};
enum dane_mx dane_mx(enum dane_dns mx);

/* What is known of a host before it is connected to. */
struct dane_lookup {
	enum dane_dns address;  /* A and AAAA together: the worse of both */
	bool alias;             /* the name is a CNAME */
	enum dane_dns cname;    /* alias and address insecure: answer of a separate CNAME query */
	bool asked_expanded;    /* TLSA below the name where the CNAMEs end was asked */
	enum dane_dns expanded; /* its answer */
	bool asked_original;    /* TLSA below the name itself */
	enum dane_dns original;
};

/* The next thing to do about a host; ask again with the answer filled in. RFC 7672 2.2.2, 2.2.3 */
enum dane_step {
	DANE_STEP_CNAME,         /* ask CNAME of the name: its own zone may be signed */
	DANE_STEP_TLSA_EXPANDED, /* ask TLSA of _25._tcp.<canonical name> */
	DANE_STEP_TLSA_ORIGINAL, /* ask TLSA of _25._tcp.<name> */
	DANE_STEP_NONE,          /* DANE does not apply to this host */
	DANE_STEP_USE_EXPANDED,  /* there are TLSA records; the base domain is the canonical name */
	DANE_STEP_USE_ORIGINAL,
	DANE_STEP_UNREACHABLE, /* no addresses */
	DANE_STEP_SKIP,        /* a look-up failed: this host must not be used now */
};
/* In      cname of l is DANE_DNS_STATES as long as it was not asked */
enum dane_step dane_host(const struct dane_lookup *l);

struct dane_record {
	uint8_t usage, selector, matching;
	str data;
};

/* usage 2 or 3, selector 0 or 1, matching 0 to 2, data of the right length. RFC 7672 3.1.3, 7671 */
bool dane_usable(const struct dane_record *r);

/* What a host's secure TLSA records ask of TLS. RFC 7672 2.2 */
enum dane_demand {
	DANE_DEMAND_NONE,         /* there were none: DANE does not apply */
	DANE_DEMAND_ENCRYPT,      /* none usable: TLS, but nobody needs to be authenticated */
	DANE_DEMAND_AUTHENTICATE, /* TLS, and a record must match */
};
enum dane_demand dane_demand(const struct dane_record *records, size_t n);

/* How it ended, for records and reports; the number in the message attempt. */
enum dane_verdict {
	DANE_VERDICT_NONE, /* DANE did not apply */
	DANE_VERDICT_MATCHED,
	DANE_VERDICT_UNUSABLE, /* secure TLSA records, none usable: encrypted only */
	DANE_VERDICT_MISMATCH, /* no record matches: validation-failure of RFC 8460 */
	DANE_VERDICT_NAME,     /* trust anchor matched, name did not: certificate-host-mismatch */
	DANE_VERDICT_EXPIRED,  /* trust anchor matched, certificate out of date */
	DANE_VERDICT_NO_TLS,   /* TLSA records, but no STARTTLS */
	DANE_VERDICT_DNS,      /* look-up failed: dnssec-invalid, or no answer */
	DANE_VERDICTS
};
/* Word of RFC 8460 4.3 for a verdict; empty: nothing to report. */
str dane_failure(enum dane_verdict v);
/* One word for people and records: "matched". */
str dane_word(enum dane_verdict v);

/* A certificate as the server sent it. */
struct dane_cert {
	str der;
	str spki; /* dane_spki() */
};

/*
 * The SubjectPublicKeyInfo within a certificate, with its tag and length.
 *
 * In      der: one X.509 certificate, untrusted
 * Errors  ERR_SYNTAX
 * RFC     5280 4.1; 6698 2.1.2
 */
enum err dane_spki(str der, str *ret_spki);

/* SHA-256 (matching 1: 32 octets) or SHA-512 (2: 64); this folder may not use a crypto library. */
typedef void dane_hash(unsigned matching, str in, uint8_t out[DANE_DIGEST_MAX]);

struct dane_match {
	bool found;
	uint8_t usage;
	size_t record, cert; /* which of them */
};

/*
 * Compare a server's certificates with TLSA records. Usage 3 fits the first certificate alone and
 * is enough: names and dates must be ignored (RFC 7671 5.1, 7672 3.1.1). Usage 2 fits any of the
 * chain; the caller then verifies signatures up to that certificate (as trust anchor, partial
 * chain), dates, and one of dane_names(). Usage 3 is looked for first.
 *
 * Limits  DANE_RECORDS_MAX, DANE_CHAIN_MAX; of one usage and selector with several digests only the
 *         strongest counts (RFC 7671 9)
 */
struct dane_match dane_match(const struct dane_record *records, size_t n,
    const struct dane_cert *chain, size_t chain_n, dane_hash *hash);

/*
 * Reference identifiers for DANE-TA: the TLSA base domain, the next-hop domain, and the domain
 * where CNAMEs of the next hop end. RFC 7672 3.2.2
 *
 * In      base: TLSA base domain; next_hop: domain of the recipients; mx_secure: enum dane_mx is
 *         not insecure: else only the base domain counts; expanded: of next_hop, may be empty
 * Out     names: DANE_NAMES_MAX; returns how many
 */
size_t dane_names(str base, str next_hop, bool mx_secure, str expanded, str *names);
/* Does a DNS-ID of a certificate fit a reference identifier? "*." stands for one label. RFC 6125 */
bool dane_name_fits(str dns_id, str reference);

#endif
