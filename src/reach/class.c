/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of class.def, texts.def and attempt.h, and looking things up in them by number, code
 * and name.
 */
#include "reach/class.h"

#include "reach/attempt.h"

static const struct reach_class_row classes[REACH_CLASS_COUNT] = {
	[REACH_NONE] = { S_INIT(""), 0, REACH_SCOPE_DESTINATION, REACH_AGENT_US, REACH_RETRY, false,
	    false, S_INIT("0.0"), S_INIT("nothing went wrong") },
#define CLASS(code, scope, agent, permanence, block, notify, status, what)                    \
	[REACH_##code] = { S_INIT(#code), #code[0], REACH_SCOPE_##scope, REACH_AGENT_##agent, \
		REACH_##permanence, (block) != 0, (notify) != 0, S_INIT(status), S_INIT(what) },
#include "reach/class.def"
#undef CLASS
};

const struct reach_class_row *
reach_class_row(enum reach_class c)
{
	ASSERT((unsigned)c < REACH_CLASS_COUNT);
	return &classes[c];
}

bool
reach_class_find(str code, enum reach_class *ret)
{
	for (size_t i = 1; i < REACH_CLASS_COUNT; i++) {
		if (str_eq(classes[i].code, code)) {
			*ret = (enum reach_class)i;
			return true;
		}
	}
	return false;
}

/* ---- names ---------------------------------------------------------------------------------- */

static const str scopes[REACH_SCOPE_COUNT] = { S_INIT("rcpt"), S_INIT("message"),
	S_INIT("from-domain"), S_INIT("our-ip"), S_INIT("our-range"), S_INIT("our-identity"),
	S_INIT("destination"), S_INIT("path"), S_INIT("ourselves") };
static const str agents[REACH_AGENT_COUNT] = { S_INIT("receiver"), S_INIT("firewall"),
	S_INIT("path"), S_INIT("list"), S_INIT("us") };
static const str permanences[REACH_PERMANENCE_COUNT] = { S_INIT("retry"), S_INIT("wait"),
	S_INIT("fix"), S_INIT("hopeless") };
static const str phases[REACH_PHASE_COUNT] = { S_INIT("dns"), S_INIT("connect"), S_INIT("banner"),
	S_INIT("ehlo"), S_INIT("starttls"), S_INIT("tls"), S_INIT("ehlo2"), S_INIT("mail"),
	S_INIT("rcpt"), S_INIT("data"), S_INIT("eod"), S_INIT("quit") };
/* RFC 8460 4.3 */
static const str results[REACH_TLS_COUNT] = { S_INIT(""), S_INIT("starttls-not-supported"),
	S_INIT("certificate-host-mismatch"), S_INIT("certificate-expired"),
	S_INIT("certificate-not-trusted"), S_INIT("validation-failure"), S_INIT("tlsa-invalid"),
	S_INIT("dnssec-invalid"), S_INIT("dane-required"), S_INIT("sts-policy-fetch-error"),
	S_INIT("sts-policy-invalid"), S_INIT("sts-webpki-invalid") };

static bool
find_in(const str *names, size_t n, str name, size_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(names[i], name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

str
reach_scope_name(enum reach_scope s)
{
	ASSERT((unsigned)s < REACH_SCOPE_COUNT);
	return scopes[s];
}

bool
reach_scope_find(str name, enum reach_scope *ret)
{
	size_t i;
	bool found = find_in(scopes, LEN(scopes), name, &i);

	if (found) {
		*ret = (enum reach_scope)i;
	}
	return found;
}

str
reach_permanence_name(enum reach_permanence p)
{
	ASSERT((unsigned)p < REACH_PERMANENCE_COUNT);
	return permanences[p];
}

str
reach_agent_name(enum reach_agent a)
{
	ASSERT((unsigned)a < REACH_AGENT_COUNT);
	return agents[a];
}

str
reach_phase_name(enum reach_phase p)
{
	ASSERT((unsigned)p < REACH_PHASE_COUNT);
	return phases[p];
}

bool
reach_phase_find(str name, enum reach_phase *ret)
{
	size_t i;
	bool found = find_in(phases, LEN(phases), name, &i);

	if (found) {
		*ret = (enum reach_phase)i;
	}
	return found;
}

str
reach_tls_name(enum reach_tls t)
{
	ASSERT((unsigned)t < REACH_TLS_COUNT);
	return results[t];
}

bool
reach_tls_find(str name, enum reach_tls *ret)
{
	size_t i;
	bool found = find_in(results, LEN(results), name, &i);

	if (found) {
		*ret = (enum reach_tls)i;
	}
	return found;
}

/* ---- words for people ------------------------------------------------------------------------ */

enum { DE, FR, EN, LANGUAGES };

enum help {
#define HELP(name, de, fr, en) HELP_##name,
#include "reach/texts.def"
#undef HELP
	HELP_COUNT
};

static const str helps[HELP_COUNT][LANGUAGES] = {
#define HELP(name, de, fr, en) [HELP_##name] = { S_INIT(de), S_INIT(fr), S_INIT(en) },
#include "reach/texts.def"
#undef HELP
};

static const struct {
	enum help help;
	str means[LANGUAGES];
} texts[REACH_CLASS_COUNT] = {
#define TEXT(code, help, de, fr, en) \
	[REACH_##code] = { HELP_##help, { S_INIT(de), S_INIT(fr), S_INIT(en) } },
#include "reach/texts.def"
#undef TEXT
};

static bool
speaks(str language, str tag)
{
	return str_istarts(language, tag) && (language.n == tag.n || language.p[tag.n] == '-');
}

struct reach_text
reach_class_text(enum reach_class c, str language)
{
	size_t l = speaks(language, S("de")) ? DE : speaks(language, S("fr")) ? FR : EN;

	ASSERT((unsigned)c < REACH_CLASS_COUNT);
	if (texts[c].means[EN].n == 0) {
		return (struct reach_text){ S(""), S("") };
	}
	return (struct reach_text){ texts[c].means[l], helps[texts[c].help][l] };
}
