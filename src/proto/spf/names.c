/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: made of domain-specs, and those of MX and PTR answers whose addresses are asked for. The
 * peer's validated names (RFC 7208 5.5) serve ptr and %{p}, and are asked for once.
 */
#include "proto/spf/spf_priv.h"

bool
spf_name_valid(str name)
{
	str label;
	if (name.n == 0 || name.n > SPF_NAME_MAX) {
		return false;
	}
	while (str_next(&name, '.', &label)) {
		if (label.n == 0 || label.n > DNS_LABEL_MAX) {
			return false;
		}
	}
	return true;
}

/* Labels from the left go until it fits (RFC 7208 7.3, last but two). */
static str
cut_to_fit(str name)
{
	name.n -= name.n > 0 && name.p[name.n - 1] == '.';
	while (name.n > SPF_NAME_MAX) {
		ptrdiff_t dot = str_chr(name, '.');
		if (dot < 0) {
			return STR_NONE;
		}
		name = str_from_off(name, (size_t)dot + 1);
	}
	return name;
}

str
spf_expand(struct spf *s, str spec)
{
	struct buf out;
	str ret = STR_NONE;
	buf_init(&out, SPF_EXPANSION_MAX);
	s->values.domain = spf_top(s)->domain;
	s->values.validated = spf_names_best(s, s->values.domain);
	spf_macro_expand(&out, spec, &s->values);
	str name = cut_to_fit(buf_view(&out));
	if (buf_err(&out) == ERR_TOOBIG) {
		spf_end(s, MAIL_AUTHRES_PERMERROR, "macros expand to too much");
	} else if (buf_err(&out) == ERR_OK && spf_name_valid(name)) {
		ret = arena_dup(s->a, name);
	}
	if (buf_err(&out) == ERR_NOMEM || (ret.p == NULL && spf_name_valid(name))) {
		spf_end(s, MAIL_AUTHRES_TEMPERROR, "out of memory");
	}
	buf_done(&out);
	return ret;
}

/* --- the peer's names -------------------------------------------------------------------- */

static void
step_validated(struct spf *s)
{
	for (size_t i = 0; i < s->lookups_n; i++) {
		if (s->lookup[i].outcome == SPF_HIT) {
			s->validated[s->validated_n++] = s->lookup[i].name;
		}
	}
	s->known = true;
	s->next = s->resume;
}

static void
step_pointers(struct spf *s)
{
	if (s->lookup[0].outcome != SPF_HIT || s->names_n == 0) {
		s->known = true;
		s->next = s->resume;
		return;
	}
	spf_lookups_reset(s);
	spf_names_addresses(s, step_validated);
}

void
spf_names_ask(struct spf *s, spf_fn *resume)
{
	char storage[DNS_NAME_MAX];
	struct buf name;
	buf_init_fixed(&name, storage, sizeof storage);
	dns_reverse_put(&name, s->ip);
	str copy = arena_dup(s->a, buf_view(&name));
	if (copy.p == NULL) {
		spf_end(s, MAIL_AUTHRES_TEMPERROR, "out of memory");
		return;
	}
	s->resume = resume;
	s->names_n = 0;
	spf_lookups_reset(s);
	spf_lookup_add(s, copy, DNS_PTR);
	spf_wait(s, step_pointers);
}

bool
spf_names_need(struct spf *s, str text, spf_fn *resume)
{
	if (s->known || !spf_macro_has(text, "p")) {
		return false;
	}
	spf_names_ask(s, resume);
	return true;
}

static bool
is_within(str name, str domain)
{
	if (name.n <= domain.n) {
		return str_ieq(name, domain);
	}
	size_t at = name.n - domain.n;
	return name.p[at - 1] == '.' && str_ieq(str_from_off(name, at), domain);
}

bool
spf_names_within(const struct spf *s, str domain)
{
	for (size_t i = 0; i < s->validated_n; i++) {
		if (is_within(s->validated[i], domain)) {
			return true;
		}
	}
	return false;
}

/* The domain itself, else a name below it, else any (RFC 7208 7.3). */
str
spf_names_best(const struct spf *s, str domain)
{
	str best = s->validated_n > 0 ? s->validated[0] : S("");
	for (size_t i = s->validated_n; i > 0; i--) {
		str name = s->validated[i - 1];
		bool better = is_within(name, domain) && !str_ieq(best, domain);
		best = better || str_ieq(name, domain) ? name : best;
	}
	return best;
}

/* --- hosts ------------------------------------------------------------------------------- */

void
spf_names_addresses(struct spf *s, spf_fn *after)
{
	uint16_t type = spf_ip_is4(s->ip) ? DNS_A : DNS_AAAA;
	size_t n = MIN(s->names_n, (size_t)SPF_NAMES_MAX);
	for (size_t i = 0; i < n; i++) {
		/* Nobody's host has octets that need escapes: such a name has no address. */
		bool plain = str_chr(s->names[i].name, '\\') < 0;
		spf_lookup_add(s, plain ? s->names[i].name : STR_NONE, type);
	}
	spf_wait(s, after);
}
