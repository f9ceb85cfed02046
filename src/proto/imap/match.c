/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Greedy matching with two places to come back to: behind the last "*" and behind the last "%"
 * after it. A later wildcard makes earlier ones of its kind final, so each is only ever moved
 * forward.
 */
#include "proto/imap/match.h"

/* Where a wildcard stands in the pattern (after it) and how far of the name it has eaten. */
struct retry {
	bool set;
	size_t pattern, name;
};

static bool
retry_percent(struct retry *r, str name, size_t *i, size_t *j)
{
	if (!r->set || r->name >= name.n || name.p[r->name] == '/') {
		return false;
	}
	*i = r->pattern;
	*j = ++r->name;
	return true;
}

static bool
retry_star(struct retry *r, str name, size_t *i, size_t *j)
{
	if (!r->set || r->name >= name.n) {
		return false;
	}
	*i = r->pattern;
	*j = ++r->name;
	return true;
}

static bool
match_octets(str pattern, str name)
{
	struct retry percent = { 0 }, star = { 0 };
	size_t i = 0, j = 0;
	while (i < pattern.n || j < name.n) {
		char p = i < pattern.n ? pattern.p[i] : '\0';
		if (i < pattern.n && p == '*') {
			star = (struct retry){ true, ++i, j };
			percent.set = false;
		} else if (i < pattern.n && p == '%') {
			percent = (struct retry){ true, ++i, j };
		} else if (i < pattern.n && j < name.n && p == name.p[j]) {
			i++;
			j++;
		} else if (!retry_percent(&percent, name, &i, &j)) {
			percent.set = false;
			if (!retry_star(&star, name, &i, &j)) {
				return false;
			}
		}
	}
	return true;
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
