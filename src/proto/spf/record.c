/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records.
 *
 *	record    = "v=spf1" *( 1*SP ( directive / modifier ) ) *SP
 *	directive = [ "+" / "-" / "?" / "~" ] mechanism
 *	modifier  = name "=" macro-string         ; redirect, exp: domain-spec
 *	dual-cidr-length = [ "/" ip4 bits ] [ "//" ip6 bits ]
 */
#include "proto/spf/record.h"

#include "proto/spf/macro.h"

enum { BITS4 = 32, BITS6 = 128, NETWORK4 = 4, NETWORK6 = 6, BITS_DIGITS = 3 };

static const struct mechanism {
	str word;
	uint8_t domain;
	bool cidr, lookup;
} mechanisms[] = {
#define TERM(name, word, domain, cidr, lookup) { S_INIT(word), domain, cidr, lookup },
#include "proto/spf/terms.def"
#undef TERM
};

bool
spf_record_is(str text)
{
	static const str version = S_INIT("v=spf1");
	return str_istarts(text, version) && (text.n == version.n || text.p[version.n] == ' ');
}

/* Take "/bits" (sign "/") or "//bits" from the end of *text; *ret stays where there is none. */
static bool
take_bits(str *text, str sign, unsigned max, uint8_t *ret)
{
	size_t end = text->n;
	while (end > 0 && ascii_is_digit(text->p[end - 1])) {
		end--;
	}
	str digits = str_from_off(*text, end), head = str_sub(*text, 0, end);
	if (digits.n == 0 || !str_ends(head, sign)) {
		return true;
	}
	uint32_t v;
	bool zero = digits.n > 1 && digits.p[0] == '0';
	if (zero || digits.n > BITS_DIGITS || !str_u32(digits, &v) || v > max) {
		return false;
	}
	*ret = (uint8_t)v;
	text->n = head.n - sign.n;
	return true;
}

static bool
read_network(struct spf_term *t, str rest, bool v6)
{
	uint8_t *bits = v6 ? &t->cidr6 : &t->cidr4;
	if (rest.n == 0 || rest.p[0] != ':' ||
	    !take_bits(&rest, S("/"), v6 ? BITS6 : BITS4, bits)) {
		return false;
	}
	rest = str_from_off(rest, 1);
	return v6 ? spf_ip6_read(rest, t->ip) : spf_ip4_read(rest, t->ip);
}

/* What follows the name of a mechanism. */
static bool
read_arguments(struct spf_term *t, const struct mechanism *m, str rest)
{
	if (m->domain == NETWORK4 || m->domain == NETWORK6) {
		return read_network(t, rest, m->domain == NETWORK6);
	}
	if (m->cidr &&
	    (!take_bits(&rest, S("//"), BITS6, &t->cidr6) ||
		!take_bits(&rest, S("/"), BITS4, &t->cidr4))) {
		return false;
	}
	if (rest.n == 0) {
		return m->domain != 2;
	}
	t->domain = str_from_off(rest, 1);
	return rest.p[0] == ':' && m->domain != 0 && spf_domain_spec_valid(t->domain);
}

static enum mail_authres
qualifier(char c)
{
	switch (c) {
	case '+': return MAIL_AUTHRES_PASS;
	case '-': return MAIL_AUTHRES_FAIL;
	case '~': return MAIL_AUTHRES_SOFTFAIL;
	case '?': return MAIL_AUTHRES_NEUTRAL;
	default: return MAIL_AUTHRES_NONE;
	}
}

static bool
read_mechanism(str text, struct spf_term *ret)
{
	*ret = (struct spf_term){ .text = text, .cidr4 = BITS4, .cidr6 = BITS6 };
	ret->qualifier = qualifier(text.p[0]);
	str name = str_from_off(text, ret->qualifier == MAIL_AUTHRES_NONE ? 0 : 1);
	ret->qualifier = MAX(ret->qualifier, MAIL_AUTHRES_PASS);
	size_t n = 0;
	while (n < name.n && name.p[n] != ':' && name.p[n] != '/') {
		n++;
	}
	for (size_t i = 0; i < LEN(mechanisms); i++) {
		if (str_ieq(mechanisms[i].word, str_sub(name, 0, n))) {
			ret->word = (enum spf_word)i;
			ret->lookup = mechanisms[i].lookup;
			return read_arguments(ret, &mechanisms[i], str_from_off(name, n));
		}
	}
	return false;
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ) */
static bool
is_name(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!ascii_is_alnum(c) && c != '-' && c != '_' && c != '.') {
			return false;
		}
	}
	return s.n > 0 && ascii_is_alpha(s.p[0]);
}

static bool
read_modifier(str name, str value, struct spf_record *r)
{
	str *known = str_ieq(name, S("redirect")) ? &r->redirect
	    : str_ieq(name, S("exp"))             ? &r->explanation
						  : NULL;
	if (known == NULL) {
		return is_name(name) && spf_macro_valid(value, 0);
	}
	if (known->p != NULL) {
		return false; /* MUST NOT appear more than once (RFC 7208 6) */
	}
	*known = value;
	return spf_domain_spec_valid(value);
}

/* "=" before any ":" or "/" makes it a modifier (RFC 7208 4.6.1). */
static bool
split_modifier(str term, str *ret_name, str *ret_value)
{
	return str_cut(term, '=', ret_name, ret_value) && str_chr(*ret_name, ':') < 0 &&
	    str_chr(*ret_name, '/') < 0;
}

static bool
read_term(str term, struct spf_record *r)
{
	str name, value;
	if (split_modifier(term, &name, &value)) {
		return read_modifier(name, value, r);
	}
	if (!read_mechanism(term, &r->term[r->n])) {
		return false;
	}
	r->all = r->all || r->term[r->n].word == SPF_ALL;
	r->n++;
	return true;
}

/* The next term of *rest; false at the end. */
static bool
next_term(str *rest, str *ret)
{
	while (str_next(rest, ' ', ret)) {
		if (ret->n > 0) {
			return true;
		}
	}
	return false;
}

static bool
is_visible(str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < ' ' || text.p[i] > '~') {
			return false;
		}
	}
	return true;
}

enum err
spf_record_read(struct arena *a, str text, struct spf_record *ret, const char **ret_why)
{
	str rest = text, term;
	size_t n = 0;
	*ret = (struct spf_record){ 0 };
	if (text.n > SPF_RECORD_MAX) {
		*ret_why = "record too long";
		return ERR_TOOBIG;
	}
	if (!is_visible(text)) {
		*ret_why = "record is not ASCII text";
		return ERR_SYNTAX;
	}
	while (next_term(&rest, &term)) {
		n++;
	}
	ret->term = arena_array(a, n, sizeof *ret->term);
	if (ret->term == NULL) {
		return ERR_BUDGET;
	}
	rest = text;
	for (next_term(&rest, &term); next_term(&rest, &term);) { /* the version first */
		if (!read_term(term, ret)) {
			*ret_why = "syntax error in record";
			return ERR_SYNTAX;
		}
	}
	return ERR_OK;
}
