/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a domain must, should and may publish, from the configuration, the certificates and the DKIM
 * keys. `dns records` writes it, `dns check` compares with it.
 */
#ifndef CTL_DNS_WANT_H
#define CTL_DNS_WANT_H

#include "ctl/ctl.h"
#include "ctl/dns/ask.h"

enum ctl_dns_kind {
	CTL_DNS_ADDRESS, /* the server has an address: rdata is empty, any will do */
	CTL_DNS_REVERSE,
	CTL_DNS_MX,
	CTL_DNS_SPF,
	CTL_DNS_DKIM,
	CTL_DNS_DMARC,
	CTL_DNS_TLSA,
	CTL_DNS_TLSA_NEXT, /* of a key that is not used yet */
	CTL_DNS_TLSRPT,
	CTL_DNS_STS,
	CTL_DNS_SRV,
	CTL_DNS_CAA,
	CTL_DNS_POINTER, /* a name that must lead somewhere */
	CTL_DNS_KINDS,
};

/* What its absence means. What is there and wrong is always a finding. */
enum ctl_dns_level {
	CTL_DNS_NEEDED,   /* mail does not work */
	CTL_DNS_ADVISED,  /* mail is refused, marked or unprotected somewhere */
	CTL_DNS_OPTIONAL, /* a convenience, or needs something beside DNS */
};

struct ctl_dns_want {
	enum ctl_dns_kind kind;
	enum ctl_dns_level level;
	str name;
	uint16_t type;
	str rdata;
	const char *why;
};

enum { CTL_DNS_WANTS_MAX = CTL_DNS_QUESTIONS_MAX };

struct ctl_dns_plan {
	struct ctl *c;
	str domain, host;      /* A-labels */
	str policy, policy_id; /* of MTA-STS */
	struct ctl_dns_want v[CTL_DNS_WANTS_MAX];
	size_t n;
	bool no_keys;        /* the server has no DKIM key for the domain */
	bool full;           /* more than fits; or no memory */
	const char *unknown; /* what could not be found out; NULL: nothing */
};

/*
 * All of it for the domain of the command line. The DKIM keys come from the running server when
 * there is one; the channel of `c` is then another one.
 *
 * Limits  CTL_DNS_WANTS_MAX records
 * Errors  CTL_USAGE: not a domain; CTL_FAILED: no memory
 */
enum ctl_exit ctl_dns_plan_make(struct ctl *c, struct ctl_dns_plan *p);

/* Append a record; rdata is copied. Sets p->full when that fails. */
void ctl_dns_plan_add(struct ctl_dns_plan *p, const struct ctl_dns_want *w);

/* One name below another: "_dmarc" and "example.org"; an empty label gives the name itself. */
str ctl_dns_below(struct ctl_dns_plan *p, const char *labels, str name);

/* want_tls.c: TLSA records of the certificates and next keys, CAA of who issued them. */
void ctl_dns_plan_tls(struct ctl_dns_plan *p);

/*
 * Tell keys that this DKIM record ("s1._domainkey.example.org") is in DNS as it should be. The
 * channel of `c` must be the one to keys. Out: CTL_OK, or it was said why not.
 */
enum ctl_exit ctl_dns_tell_seen(struct ctl *c, str name, uint32_t ttl_s);

/* "example.org. MX 10 mail.example.org.", in the arena of the run. */
str ctl_dns_want_text(struct ctl *c, const struct ctl_dns_want *w);

#endif
