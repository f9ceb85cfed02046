/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pattern octet by octet over all places in the name that it may have come to. Going back to
 * the last wildcard instead is quicker for most patterns, but where both kinds stand it can take
 * the cube of the length: seconds for one name.
 */
#include "proto/imap/match.h"

/* Places in the name: reach[j] when the pattern so far may have eaten its first j octets. */
struct places {
	bool reach[IMAP_MATCH_NAME_MAX + 1];
	size_t lo, hi; /* the first and the last of them */
};

static void
take_wildcard(struct places *p, str name, char c)
{
	for (size_t j = p->lo + 1; j <= name.n; j++) {
		bool eats = p->reach[j - 1] && (c == '*' || name.p[j - 1] != '/');
		p->reach[j] = p->reach[j] || eats;
		p->hi = p->reach[j] ? MAX(p->hi, j) : p->hi;
	}
}

/* False: nowhere. */
static bool
take_octet(struct places *p, str name, char c)
{
	size_t lo = SIZE_MAX, hi = 0;
	for (size_t j = MIN(p->hi + 1, name.n); j > p->lo; j--) {
		p->reach[j] = p->reach[j - 1] && name.p[j - 1] == c;
		if (p->reach[j]) {
			lo = j;
			hi = MAX(hi, j);
		}
	}
	p->reach[p->lo] = false;
	p->lo = lo;
	p->hi = hi;
	return lo != SIZE_MAX;
}

static bool
match_octets(str pattern, str name)
{
	struct places p = { .lo = 0 };
	if (name.n > IMAP_MATCH_NAME_MAX) {
		return false;
	}
	p.reach[0] = true;
	for (size_t i = 0; i < pattern.n; i++) {
		char c = pattern.p[i];
		if (c == '*' || c == '%') {
			take_wildcard(&p, name, c);
		} else if (!take_octet(&p, name, c)) {
			return false;
		}
	}
	return p.reach[name.n];
}

static bool
is_inbox(str s)
{
	return str_istarts(s, S("INBOX")) &&
	    (s.n == 5 || s.p[5] == '/' || s.p[5] == '*' || s.p[5] == '%');
}

bool
imap_match(str pattern, str name)
{
	if (is_inbox(pattern) && is_inbox(name)) {
		return match_octets(str_from_off(pattern, 5), str_from_off(name, 5));
	}
	return match_octets(pattern, name);
}
