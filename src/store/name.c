/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailbox names: UTF-8, levels separated by '/', INBOX in any case (RFC 9051 5.1). No other
 * meaning is given to any character here.
 */
#include "store/store_priv.h"

#include "base/codec.h"

static bool
allowed(uint32_t cp)
{
	/* C0, DEL and C1 controls, and the line separators of RFC 5198 2 */
	return cp >= 0x20 && cp != 0x7f && (cp < 0x80 || cp > 0x9f) && cp != 0x2028 &&
	    cp != 0x2029 && cp != UINT32_MAX;
}

static bool
all_allowed(str s)
{
	while (s.n > 0) {
		if (!allowed(utf8_next(&s))) {
			return false;
		}
	}
	return true;
}

/* The first level is INBOX in whatever case. */
static bool
is_inbox(str name)
{
	str head, tail;
	(void)str_cut(name, '/', &head, &tail);
	return str_ieq(head, S("INBOX"));
}

enum err
store_name_check(str name, struct buf *out)
{
	size_t depth = 0;
	if (name.n > 1 && name.p[name.n - 1] == '/') {
		name.n--; /* RFC 9051 6.3.4: a client's way to say that there will be inferiors */
	}
	if (name.n > STORE_NAME_MAX) {
		return ERR_TOOBIG;
	}
	if (name.n == 0 || name.p[0] == '/' || str_ends(name, S("/")) ||
	    str_find(name, S("//")) >= 0 || !utf8_valid(name) || !all_allowed(name)) {
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < name.n; i++) {
		depth += name.p[i] == '/';
	}
	if (depth >= STORE_DEPTH_MAX) {
		return ERR_TOOBIG;
	}
	buf_reset(out);
	buf_str(out, is_inbox(name) ? S("INBOX") : str_sub(name, 0, 5));
	buf_str(out, str_from_off(name, 5));
	return buf_err(out);
}

int
store_name_cmp(str a, str b)
{
	bool inbox_a = is_inbox(a), inbox_b = is_inbox(b);
	if (inbox_a != inbox_b) {
		return inbox_a ? -1 : 1;
	}
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		unsigned ca = a.p[i] == '/' ? 0 : (uint8_t)a.p[i];
		unsigned cb = b.p[i] == '/' ? 0 : (uint8_t)b.p[i];
		if (ca != cb) {
			return ca < cb ? -1 : 1;
		}
	}
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

bool
store_name_below(str name, str parent)
{
	return name.n > parent.n && name.p[parent.n] == '/' && str_starts(name, parent);
}
