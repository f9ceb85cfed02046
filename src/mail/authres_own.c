/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we wrote above a letter when it came in, read again when it goes on or fails.
 */
#include "mail/address.h"
#include "mail/authres.h"

bool
mail_authres_own(str header, str id, str *ret_payload)
{
	struct mail_header h = mail_header_make(header);
	struct mail_field f;
	bool found = mail_authres_forged_next(&h, id, &f);
	*ret_payload = found ? str_trim(f.value) : S("");
	return found;
}

static bool
begin(str payload, struct mail_authres_reader *r)
{
	char room[MAIL_DOMAIN_MAX + 1];
	struct buf id;
	buf_init_fixed(&id, room, sizeof room);
	return mail_authres_begin(payload, &id, r) == ERR_OK;
}

enum mail_authres
mail_authres_of(str payload, str method)
{
	struct mail_authres_reader r;
	struct mail_authres_read one;
	bool more = begin(payload, &r);
	while (more && mail_authres_next(&r, &one)) {
		if (str_ieq(one.method, method)) {
			return mail_authres_find(one.result);
		}
	}
	return MAIL_AUTHRES_NONE;
}

/* The domain of a property, canonical; what stands before an "@" does not count. */
static bool
domain_of(const struct mail_authres_read *r, str type, str name, struct buf *out)
{
	char room[MAIL_CANONICAL_MAX];
	struct buf value;
	str local, domain;
	buf_init_fixed(&value, room, sizeof room);
	if (!mail_authres_property(r, type, name, &value) || buf_err(&value) != ERR_OK) {
		return false;
	}
	mail_address_split(buf_view(&value), &local, &domain);
	return mail_domain_put(out, domain.n > 0 ? domain : buf_view(&value)) == ERR_OK;
}

/* The same domain, or, for a signature, one above it. */
static bool
is_about(const struct mail_authres_read *r, str domain)
{
	char room[MAIL_DOMAIN_MAX + 1];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	if (str_ieq(r->method, S("spf"))) {
		return domain_of(r, S("smtp"), S("mailfrom"), &b) && str_eq(buf_view(&b), domain);
	}
	if (!str_ieq(r->method, S("dkim")) || !domain_of(r, S("header"), S("d"), &b)) {
		return false;
	}
	str d = buf_view(&b);
	return str_ends(domain, d) &&
	    (domain.n == d.n || (str_chr(d, '.') > 0 && domain.p[domain.n - d.n - 1] == '.'));
}

bool
mail_authres_vouches(str payload, str domain)
{
	struct mail_authres_reader r;
	struct mail_authres_read one;
	bool more = begin(payload, &r);
	while (more && domain.n > 0 && mail_authres_next(&r, &one)) {
		if (mail_authres_find(one.result) == MAIL_AUTHRES_PASS && is_about(&one, domain)) {
			return true;
		}
	}
	return false;
}
