/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refused by name (class P7): one of our own names stands close to a verb of blocking, and nothing
 * in the reply points to an address, a blocklist or the greeting name: those are other classes.
 */
#include "reach/operator.h"
#include "reach/rules_priv.h"

enum {
	NEAR = 40,    /* octets between name and verb */
	NAME_MIN = 4, /* a shorter name is found in too many words */
};

static bool
has_address(str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (reach_address_at(text, i) > 0) {
			return true;
		}
	}
	return false;
}

static bool
has_any(const struct reach_words *w, str text)
{
	for (size_t i = 0; i < w->n; i++) {
		if (str_find(text, w->v[i]) >= 0) {
			return true;
		}
	}
	return false;
}

/* Is the name at `at` the domain of a mail address? Then the address is what they speak of. */
static bool
in_mail_address(str text, size_t at)
{
	while (at > 0 &&
	    (reach_is_wordy(text, at - 1) || text.p[at - 1] == '.' || text.p[at - 1] == '-' ||
		text.p[at - 1] == '_')) {
		at--;
	}
	return at > 0 && text.p[at - 1] == '@';
}

/* `name` in any case as a whole word of the folded text, with a verb near it. */
static bool
name_and_verb(const struct reach_words *verbs, str text, str name)
{
	for (size_t from = 0; from + name.n <= text.n; from++) {
		ptrdiff_t hit = str_ifind(str_from_off(text, from), name);
		if (hit < 0) {
			return false;
		}
		from += (size_t)hit;
		if ((from > 0 && reach_is_wordy(text, from - 1)) ||
		    reach_is_wordy(text, from + name.n) || in_mail_address(text, from)) {
			continue;
		}
		size_t begin = from > NEAR ? from - NEAR : 0;
		str around = str_sub(text, begin, from - begin + name.n + NEAR);
		if (has_any(verbs, around)) {
			return true;
		}
	}
	return false;
}

/* What people call a provider by: "example" of "mx.example.org" is the label before the suffix. */
static str
brand_of(str domain)
{
	str registrable = reach_operator(NULL, domain);
	str label, rest;

	return str_cut(registrable, '.', &label, &rest) ? label : STR_NONE;
}

bool
reach_named(const struct reach_rules *r, const struct reach_seen *seen, str text)
{
	if (seen->own_n == 0 || has_any(&r->vetoes, text) || has_address(text)) {
		return false;
	}
	for (size_t i = 0; i < seen->own_n; i++) {
		str brand = brand_of(seen->own[i]);

		if (seen->own[i].n >= NAME_MIN && name_and_verb(&r->verbs, text, seen->own[i])) {
			return true;
		}
		if (brand.n >= NAME_MIN && name_and_verb(&r->verbs, text, brand)) {
			return true;
		}
	}
	return false;
}
