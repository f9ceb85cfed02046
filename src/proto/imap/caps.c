/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of capabilities and the set of those denied.
 */
#include "proto/imap/caps.h"

static const struct {
	str name;
	unsigned enable;
} rows[] = {
#define CAP(name, enable, rfc) { S_INIT(name), IMAP_ENABLED_##enable },
#include "proto/imap/caps.def"
#undef CAP
};
static_assert(LEN(rows) <= IMAP_CAPS_MAX, "one bit each");

static const struct {
	enum imap_verb verb;
	str cap;
} needs[] = {
#define NEED(verb, cap) { IMAP_##verb, S_INIT(cap) },
#include "proto/imap/needs.def"
#undef NEED
};

static size_t
find(str name)
{
	size_t i = 0;
	while (i < LEN(rows) && !str_ieq(rows[i].name, name)) {
		i++;
	}
	return i;
}

static bool
is_denied(const struct imap_caps *caps, size_t i)
{
	return (caps->denied[i / 64] >> (i % 64) & 1) != 0;
}

/* The number behind "=". False: without it the capability is not there. */
static bool
has_number(str name, const struct imap_caps *caps, uint64_t *ret)
{
	bool save = str_eq(name, S("SAVELIMIT"));
	*ret = 0;
	if (str_eq(name, S("APPENDLIMIT"))) {
		*ret = caps->append_limit;
	} else if (save || str_eq(name, S("MESSAGELIMIT"))) {
		*ret = !save                   ? caps->message_limit
		    : caps->message_limit == 0 ? caps->save_limit
					       : 0;
		return *ret != 0;
	}
	return true;
}

static void
put_cap(struct buf *out, const struct imap_caps *caps, size_t i)
{
	bool denied = is_denied(caps, i);
	bool literal = str_eq(rows[i].name, S("LITERAL+"));
	uint64_t number;
	if ((denied && !literal) || !has_number(rows[i].name, caps, &number)) {
		return;
	}
	if (i > 0) {
		buf_ch(out, ' ');
	}
	buf_str(out, denied ? S("LITERAL-") : rows[i].name);
	if (number != 0) {
		buf_ch(out, '=');
		buf_u64(out, number);
	}
}

void
imap_capabilities_put(struct buf *out, const struct imap_caps *caps)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		put_cap(out, caps, i);
	}
}

bool
imap_caps_deny(struct imap_caps *caps, str name)
{
	size_t i = find(name);
	if (i == 0 || i == LEN(rows)) {
		return false;
	}
	caps->denied[i / 64] |= UINT64_C(1) << (i % 64);
	return true;
}

bool
imap_caps_has(const struct imap_caps *caps, str name)
{
	size_t i = find(name);
	return i < LEN(rows) && !is_denied(caps, i);
}

unsigned
imap_caps_enable(const struct imap_caps *caps)
{
	unsigned bits = 0;
	for (size_t i = 0; i < LEN(rows); i++) {
		bits |= is_denied(caps, i) ? 0 : rows[i].enable;
	}
	return bits;
}

bool
imap_caps_allow(const struct imap_caps *caps, enum imap_verb verb)
{
	for (size_t i = 0; i < LEN(needs); i++) {
		if (needs[i].verb == verb) {
			return imap_caps_has(caps, needs[i].cap);
		}
	}
	return true;
}

/* Does `name` follow `pattern`, case ignored? One way back per "*" is enough. */
static bool
is_like(str pattern, str name)
{
	size_t p = 0, n = 0, star = SIZE_MAX, from = 0;
	while (n < name.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = n;
		} else if (p < pattern.n && ascii_lower(pattern.p[p]) == ascii_lower(name.p[n])) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*') {
		p++;
	}
	return p == pattern.n;
}

void
imap_caps_deny_rule(struct imap_caps *caps, str rule, str account, str client)
{
	ptrdiff_t colon = str_rchr(rule, ':');
	str who = str_sub(rule, 0, colon < 0 ? 0 : (size_t)colon), name;
	if (colon < 0 || !is_like(who, str_chr(who, '@') >= 0 ? account : client)) {
		return;
	}
	str names = str_from_off(rule, (size_t)colon + 1);
	while (str_next(&names, ' ', &name)) {
		(void)(name.n > 0 && imap_caps_deny(caps, name));
	}
}

unsigned
imap_enable_bit(str name)
{
	size_t i = find(name);
	return i < LEN(rows) ? rows[i].enable : (unsigned)IMAP_ENABLED_NONE;
}
