/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server offers. A keyword that is not known here is passed over.
 *
 *	ehlo-line = ehlo-keyword *( SP ehlo-param )
 *	limits    = "LIMITS" *( SP name [ "=" value ] )
 */
#include "proto/smtpc/smtpc_priv.h"

static const struct {
	str keyword;
	size_t offset; /* of the flag */
} flags[] = {
	{ S_INIT("PIPELINING"), offsetof(struct smtpc_caps, pipelining) },
	{ S_INIT("STARTTLS"), offsetof(struct smtpc_caps, starttls) },
	{ S_INIT("SIZE"), offsetof(struct smtpc_caps, size) },
	{ S_INIT("8BITMIME"), offsetof(struct smtpc_caps, eightbit) },
	{ S_INIT("SMTPUTF8"), offsetof(struct smtpc_caps, smtputf8) },
	{ S_INIT("DSN"), offsetof(struct smtpc_caps, dsn) },
	{ S_INIT("REQUIRETLS"), offsetof(struct smtpc_caps, requiretls) },
	{ S_INIT("LIMITS"), offsetof(struct smtpc_caps, limits) },
};

static const struct {
	str name;
	size_t offset;
} limits[] = {
	{ S_INIT("MAILMAX"), offsetof(struct smtpc_caps, mail_max) },
	{ S_INIT("RCPTMAX"), offsetof(struct smtpc_caps, rcpt_max) },
	{ S_INIT("RCPTDOMAINMAX"), offsetof(struct smtpc_caps, domain_max) },
};

/* RFC 9422 4: a limit of 0 or of no number is none. */
static void
limit(struct smtpc_caps *caps, str name, str value)
{
	uint32_t n;
	for (size_t i = 0; i < LEN(limits); i++) {
		if (str_ieq(limits[i].name, name) && str_u32(value, &n)) {
			memcpy((char *)caps + limits[i].offset, &n, sizeof n);
		}
	}
}

static void
parameters(struct smtpc_caps *caps, str keyword, str rest)
{
	str word, name, value;
	if (str_ieq(keyword, S("SIZE")) && !str_u64(str_trim(rest), &caps->size_max)) {
		caps->size_max = 0;
	}
	while (str_ieq(keyword, S("LIMITS")) && str_next(&rest, ' ', &word)) {
		str_cut(word, '=', &name, &value);
		limit(caps, name, value);
	}
}

void
smtpc_caps_line(struct smtpc_caps *caps, str text, bool tls)
{
	str keyword, rest;
	str_cut(text, ' ', &keyword, &rest);
	caps->mangled |= str_find(keyword, S("XXXX")) >= 0 || str_chr(keyword, '*') >= 0;
	for (size_t i = 0; i < LEN(flags); i++) {
		if (str_ieq(flags[i].keyword, keyword)) {
			*((bool *)caps + flags[i].offset) = true;
		}
	}
	parameters(caps, keyword, rest);
	caps->starttls &= !tls;  /* RFC 3207 4.2 */
	caps->requiretls &= tls; /* RFC 8689 4.1 */
}
