/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domain names and address literals of mail addresses: checking, A-labels, lower case. ASCII names
 * never reach libidn2, so the usual case costs one pass.
 */
#include "base/codec.h"
#include "mail/address.h"
#include "mail/mail_priv.h"

#include <idn2.h>

bool
mail_is_domain_octet(unsigned char c)
{
	return ascii_is_alnum((char)c) || c == '-' || c == '_' || c == '.' || c >= 0x80;
}

/*
 * sub-domain = Let-dig [Ldh-str], RFC 5321 4.1.2. Underscores occur in real sender domains; a
 * hyphen at either end of a label does not name a host.
 */
static bool
label_valid(str label)
{
	if (label.n == 0 || label.n > MAIL_LABEL_MAX || label.p[0] == '-' ||
	    label.p[label.n - 1] == '-') {
		return false;
	}
	for (size_t i = 0; i < label.n; i++) {
		unsigned char c = (unsigned char)label.p[i];
		if (c == '.' || c >= 0x80 || !mail_is_domain_octet(c)) {
			return false;
		}
	}
	return true;
}

static enum err
put_ascii(struct buf *out, str domain)
{
	if (domain.n > MAIL_DOMAIN_MAX) {
		return ERR_TOOBIG;
	}
	str rest = domain, label;
	while (str_next(&rest, '.', &label)) {
		if (!label_valid(label)) {
			return ERR_SYNTAX;
		}
	}
	char *to = domain.n == 0 ? NULL : buf_room(out, domain.n);
	if (to == NULL) {
		return domain.n == 0 ? ERR_SYNTAX : buf_err(out);
	}
	for (size_t i = 0; i < domain.n; i++) {
		to[i] = ascii_lower(domain.p[i]);
	}
	buf_grow(out, domain.n);
	return ERR_OK;
}

bool
mail_is_ipv4(str s)
{
	unsigned parts = 0;
	str part;
	while (str_next(&s, '.', &part)) {
		uint32_t v;
		if (part.n > 3 || !str_u32(part, &v) || v > 255) {
			return false;
		}
		parts++;
	}
	return parts == 4;
}

static bool
is_hex_group(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);
		if (!ascii_is_digit(c) && (c < 'a' || c > 'f')) {
			return false;
		}
	}
	return s.n >= 1 && s.n <= 4;
}

/* Groups of one side of "::", an IPv4 address counting as two; 99 when it is not well formed. */
static unsigned
ipv6_groups(str s, bool last)
{
	unsigned groups = 0;
	str part;
	while (s.n > 0 && str_next(&s, ':', &part)) {
		bool v4 = last && s.p == NULL && mail_is_ipv4(part);
		if (!v4 && !is_hex_group(part)) {
			return 99;
		}
		groups += v4 ? 2 : 1;
	}
	return s.p != NULL && s.n == 0 && groups > 0 ? 99 : groups;
}

/* IPv6-addr of RFC 5321 4.1.3: eight groups, or fewer with one "::". */
static bool
is_ipv6(str s)
{
	ptrdiff_t gap = str_find(s, S("::"));
	if (gap < 0) {
		return ipv6_groups(s, true) == 8;
	}
	str head = str_sub(s, 0, (size_t)gap), tail = str_from_off(s, (size_t)gap + 2);
	return ipv6_groups(head, false) + ipv6_groups(tail, true) <= 7;
}

/* address-literal of RFC 5321 4.1.3; no general-address-literal tag was ever registered. */
static enum err
put_literal(struct buf *out, str domain)
{
	str inner = str_sub(domain, 1, domain.n < 2 ? 0 : domain.n - 2);
	bool v6 = str_istarts(inner, S("IPv6:"));
	bool valid = v6 ? is_ipv6(str_from_off(inner, 5)) : mail_is_ipv4(inner);
	if (!valid || domain.p[domain.n - 1] != ']') {
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < domain.n; i++) {
		buf_ch(out, ascii_lower(domain.p[i]));
	}
	return buf_err(out);
}

static enum err
put_idna(struct buf *out, str domain)
{
	char text[4 * MAIL_DOMAIN_MAX + 1];
	char *alabels = NULL;
	if (domain.n >= sizeof text) {
		return ERR_TOOBIG;
	}
	if (!utf8_valid(domain) || memchr(domain.p, 0, domain.n) != NULL) {
		return ERR_CHARSET;
	}
	memcpy(text, domain.p, domain.n);
	text[domain.n] = 0;
	int rc = idn2_to_ascii_8z(text, &alabels, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK) {
		return rc == IDN2_TOO_BIG_DOMAIN || rc == IDN2_TOO_BIG_LABEL ? ERR_TOOBIG
									     : ERR_CHARSET;
	}
	enum err e = put_ascii(out, str_from(alabels));
	idn2_free(alabels);
	return e;
}

enum err
mail_domain_put(struct buf *out, str domain)
{
	if (domain.n == 0) {
		return ERR_SYNTAX;
	}
	size_t start = out->n;
	enum err e;
	str undotted = domain.n > 1 && domain.p[domain.n - 1] == '.'
	    ? str_sub(domain, 0, domain.n - 1)
	    : domain;
	if (domain.p[0] == '[') {
		e = put_literal(out, domain);
	} else {
		e = str_is_ascii(domain) ? put_ascii(out, undotted) : put_idna(out, undotted);
	}
	if (e != ERR_OK) {
		buf_truncate(out, start);
	}
	return e;
}

void
mail_domain_put_unicode(struct buf *out, str domain)
{
	char text[4 * MAIL_DOMAIN_MAX + 1];
	char *ulabels = NULL;
	bool fits = domain.n > 0 && domain.n < sizeof text && memchr(domain.p, 0, domain.n) == NULL;
	if (fits) {
		memcpy(text, domain.p, domain.n);
		text[domain.n] = 0;
	}
	if (fits && idn2_to_unicode_8z8z(text, &ulabels, 0) == IDN2_OK) {
		buf_cstr(out, ulabels);
		idn2_free(ulabels);
	} else {
		buf_str(out, domain);
	}
}
