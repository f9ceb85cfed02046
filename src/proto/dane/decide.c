/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of RFC 7672 2.1 and 2.2: from what DNS said to what is done. Start with dane_host.
 */
#include "proto/dane/dane.h"

/* The numbers of `trust` in record dns_answer. */
enum { TRUST_SECURE = 1, TRUST_INSECURE = 2 };

/* RFC 7672 2.1.1: an answer that there is nothing is an answer; everything else is an error. */
enum dane_dns
dane_dns(enum err result, unsigned trust, size_t records)
{
	bool answered = result == ERR_OK || result == ERR_NOTFOUND;
	bool some = result == ERR_OK && records > 0;
	if (answered && trust == TRUST_SECURE) {
		return some ? DANE_DNS_SECURE : DANE_DNS_SECURE_NONE;
	}
	if (answered && trust == TRUST_INSECURE) {
		return some ? DANE_DNS_INSECURE : DANE_DNS_INSECURE_NONE;
	}
	return DANE_DNS_ERROR;
}

enum dane_mx
dane_mx(enum dane_dns mx)
{
	static const enum dane_mx rows[DANE_DNS_STATES] = {
		[DANE_DNS_SECURE] = DANE_MX_HOSTS,
		[DANE_DNS_SECURE_NONE] = DANE_MX_IMPLICIT,
		[DANE_DNS_INSECURE] = DANE_MX_HOSTS_INSECURE,
		[DANE_DNS_INSECURE_NONE] = DANE_MX_IMPLICIT_INSECURE,
		[DANE_DNS_ERROR] = DANE_MX_DEFER,
	};
	ASSERT(mx < DANE_DNS_STATES);
	return rows[mx];
}

/* One look-up of TLSA records, the last one or with another to follow. RFC 7672 2.2, 2.2.3 */
static enum dane_step
after_tlsa(enum dane_dns answer, enum dane_step use, enum dane_step otherwise)
{
	switch (answer) {
	case DANE_DNS_SECURE: return use;
	case DANE_DNS_ERROR: return DANE_STEP_SKIP;
	default: return otherwise;
	}
}

static enum dane_step
original(const struct dane_lookup *l)
{
	if (!l->asked_original) {
		return DANE_STEP_TLSA_ORIGINAL;
	}
	return after_tlsa(l->original, DANE_STEP_USE_ORIGINAL, DANE_STEP_NONE);
}

/* "Secure CNAME": the name where it ends first, then the name itself. */
static enum dane_step
secure_host(const struct dane_lookup *l)
{
	enum dane_step step = DANE_STEP_TLSA_ORIGINAL;
	if (l->alias && !l->asked_expanded) {
		return DANE_STEP_TLSA_EXPANDED;
	}
	if (l->alias) {
		step = after_tlsa(l->expanded, DANE_STEP_USE_EXPANDED, DANE_STEP_TLSA_ORIGINAL);
	}
	return step == DANE_STEP_TLSA_ORIGINAL ? original(l) : step;
}

/* "Insecure CNAME": only where the alias itself lies in a signed zone. */
static enum dane_step
insecure_host(const struct dane_lookup *l)
{
	if (!l->alias) {
		return DANE_STEP_NONE;
	}
	switch (l->cname) {
	case DANE_DNS_STATES: return DANE_STEP_CNAME;
	case DANE_DNS_SECURE: return original(l);
	case DANE_DNS_ERROR: return DANE_STEP_SKIP;
	default: return DANE_STEP_NONE;
	}
}

enum dane_step
dane_host(const struct dane_lookup *l)
{
	switch (l->address) {
	case DANE_DNS_SECURE: return secure_host(l);
	case DANE_DNS_INSECURE: return insecure_host(l);
	case DANE_DNS_SECURE_NONE:
	case DANE_DNS_INSECURE_NONE: return DANE_STEP_UNREACHABLE;
	default: return DANE_STEP_SKIP;
	}
}

enum dane_demand
dane_demand(const struct dane_record *records, size_t n)
{
	enum dane_demand demand = n == 0 ? DANE_DEMAND_NONE : DANE_DEMAND_ENCRYPT;
	for (size_t i = 0; i < MIN(n, (size_t)DANE_RECORDS_MAX); i++) {
		if (dane_usable(&records[i])) {
			demand = DANE_DEMAND_AUTHENTICATE;
		}
	}
	return demand;
}

size_t
dane_names(str base, str next_hop, bool mx_secure, str expanded, str *names)
{
	str candidates[DANE_NAMES_MAX] = { base, mx_secure ? next_hop : S(""),
		mx_secure ? expanded : S("") };
	size_t n = 0;
	for (size_t i = 0; i < LEN(candidates); i++) {
		bool known = candidates[i].n == 0;
		for (size_t k = 0; k < n; k++) {
			known |= str_ieq(names[k], candidates[i]);
		}
		if (!known) {
			names[n++] = candidates[i];
		}
	}
	return n;
}

bool
dane_name_fits(str dns_id, str reference)
{
	if (dns_id.n == 0 || reference.n == 0) {
		return false;
	}
	if (!str_starts(dns_id, S("*."))) {
		return str_ieq(dns_id, reference);
	}
	ptrdiff_t dot = str_chr(reference, '.');
	str suffix = str_from_off(dns_id, 1);
	return dot > 0 && suffix.n > 1 && str_ieq(str_from_off(reference, (size_t)dot), suffix);
}

static const struct {
	str word, failure;
} verdicts[DANE_VERDICTS] = {
	[DANE_VERDICT_NONE] = { S_INIT("none"), S_INIT("") },
	[DANE_VERDICT_MATCHED] = { S_INIT("matched"), S_INIT("") },
	[DANE_VERDICT_UNUSABLE] = { S_INIT("unusable"), S_INIT("tlsa-invalid") },
	[DANE_VERDICT_MISMATCH] = { S_INIT("mismatch"), S_INIT("validation-failure") },
	[DANE_VERDICT_NAME] = { S_INIT("name"), S_INIT("certificate-host-mismatch") },
	[DANE_VERDICT_EXPIRED] = { S_INIT("expired"), S_INIT("certificate-expired") },
	[DANE_VERDICT_NO_TLS] = { S_INIT("no-tls"), S_INIT("starttls-not-supported") },
	[DANE_VERDICT_DNS] = { S_INIT("dns"), S_INIT("dnssec-invalid") },
};

str
dane_failure(enum dane_verdict v)
{
	ASSERT(v < DANE_VERDICTS);
	return verdicts[v].failure;
}

str
dane_word(enum dane_verdict v)
{
	ASSERT(v < DANE_VERDICTS);
	return verdicts[v].word;
}
