/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes of attempts that ended without a reply: by DNS, by the error of the socket and the phase
 * it came in, by the kind of TLS failure (RFC 8460 4.3).
 */
#include "reach/rules_priv.h"

#include <errno.h>

static const enum reach_class by_dns[] = {
	[REACH_DNS_OK] = REACH_N4,
	[REACH_DNS_NXDOMAIN] = REACH_N1,
	[REACH_DNS_NODATA] = REACH_N2,
	[REACH_DNS_NULLMX] = REACH_N3,
	[REACH_DNS_SERVFAIL] = REACH_N4,
	[REACH_DNS_BOGUS] = REACH_N5,
	[REACH_DNS_BAD_ADDRESS] = REACH_N6,
	[REACH_DNS_DISAGREE] = REACH_N7,
};

static const enum reach_class by_tls[REACH_TLS_COUNT] = {
	[REACH_TLS_NOT_SUPPORTED] = REACH_T1,
	[REACH_TLS_HOST_MISMATCH] = REACH_T7,
	[REACH_TLS_EXPIRED] = REACH_T7,
	[REACH_TLS_NOT_TRUSTED] = REACH_T7,
	[REACH_TLS_VALIDATION] = REACH_T6,
	[REACH_TLS_TLSA_INVALID] = REACH_T8,
	[REACH_TLS_DNSSEC_INVALID] = REACH_N5,
	[REACH_TLS_DANE_REQUIRED] = REACH_T8,
	[REACH_TLS_STS_FETCH] = REACH_T9,
	[REACH_TLS_STS_INVALID] = REACH_T9,
	[REACH_TLS_STS_WEBPKI] = REACH_T9,
};

/* Faults of this machine, in whatever phase; never counted against the destination. */
static bool
is_ours(const struct reach_seen *s)
{
	static const int ours[] = { EADDRNOTAVAIL, EADDRINUSE, EMFILE, ENFILE, ENOBUFS, ENOMEM,
		EACCES, EPERM, EAFNOSUPPORT, ENETDOWN, ENODEV };

	/* No route of our own: the kernel says so by itself, nothing came from the network. */
	if (s->system_error == ENETUNREACH && s->icmp_type == 0) {
		return true;
	}
	for (size_t i = 0; i < LEN(ours); i++) {
		if (s->system_error == ours[i]) {
			return true;
		}
	}
	return false;
}

static enum reach_class
connecting(const struct reach_seen *s)
{
	switch (s->system_error) {
	case ECONNREFUSED: return REACH_C2;
	case ECONNRESET:
	case ECONNABORTED: return REACH_C5;
	case 0:
	case ETIMEDOUT: return REACH_C1;
	default: return REACH_C3;
	}
}

static enum reach_class
without_greeting(const struct reach_seen *s)
{
	if (s->received > 0) {
		return s->timed_out ? REACH_S3 : REACH_S5;
	}
	if (s->timed_out || s->system_error == ETIMEDOUT) {
		return REACH_C7;
	}
	return s->system_error != 0 ? REACH_C5 : REACH_C6;
}

static enum reach_class
in_dialogue(const struct reach_seen *s)
{
	bool late = s->timed_out || s->system_error == ETIMEDOUT;
	bool stuck = s->retransmits > 0 || s->unacked > 0;

	if (late) {
		return s->phase == REACH_PHASE_EOD && stuck ? REACH_S4 : REACH_S3;
	}
	return REACH_S5;
}

static enum reach_class
of_tls(const struct reach_seen *s)
{
	bool broken = s->timed_out || s->closed || s->system_error != 0;

	if (s->identity_changed) {
		return REACH_T10;
	}
	if (s->tls == REACH_TLS_NOT_SUPPORTED) {
		if (s->code >= 400) {
			return REACH_T3;
		}
		return s->garbled ? REACH_T4 : s->tls_expected ? REACH_T2 : REACH_T1;
	}
	if (s->tls == REACH_TLS_VALIDATION || s->tls == REACH_TLS_OK) {
		enum reach_class other = s->garbled ? REACH_T4 : REACH_T6;
		return broken ? REACH_T5 : other;
	}
	return by_tls[s->tls];
}

static enum reach_class
class_of(const struct reach_seen *s)
{
	if (s->phase == REACH_PHASE_DNS) {
		return (unsigned)s->dns < LEN(by_dns) ? by_dns[s->dns] : REACH_N4;
	}
	if (is_ours(s)) {
		return REACH_C4;
	}
	if (s->tls != REACH_TLS_OK || s->phase == REACH_PHASE_TLS) {
		return of_tls(s);
	}
	switch (s->phase) {
	case REACH_PHASE_CONNECT: return connecting(s);
	case REACH_PHASE_BANNER: return s->garbled ? REACH_T4 : without_greeting(s);
	case REACH_PHASE_QUIT: return REACH_NONE;
	default: return s->garbled ? REACH_T4 : in_dialogue(s);
	}
}

void
reach_network(const struct reach_seen *seen, struct reach_found *ret)
{
	static const str ids[REACH_CLASS_COUNT] = {
		[REACH_NONE] = S_INIT(""),
#define CLASS(code, scope, agent, permanence, block, notify, status, what) \
	[REACH_##code] = S_INIT("net-" #code),
#include "reach/class.def"
#undef CLASS
	};
	enum reach_class c = class_of(seen);

	*ret = (struct reach_found){ .class = c, .rule = ids[c], .evidence = REACH_BY_NETWORK };
	ret->scope = reach_class_row(c)->scope;
}
