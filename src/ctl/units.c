/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table per kind; the smallest unit stands last.
 */
#include "ctl/units.h"

struct unit {
	str name;
	uint64_t factor;
};

static const struct unit sizes[] = {
	{ S_INIT("T"), 1ull << 40 },
	{ S_INIT("G"), 1ull << 30 },
	{ S_INIT("M"), 1ull << 20 },
	{ S_INIT("K"), 1ull << 10 },
	{ S_INIT(""), 1 },
};

static const struct unit times[] = {
	{ S_INIT("d"), 86400 },
	{ S_INIT("h"), 3600 },
	{ S_INIT("m"), 60 },
	{ S_INIT("s"), 1 },
};

static bool
parse(str s, const struct unit *units, size_t n, uint64_t *ret)
{
	size_t digits = 0;
	uint64_t v;
	while (digits < s.n && ascii_is_digit(s.p[digits])) {
		digits++;
	}
	if (!str_u64(str_sub(s, 0, digits), &v)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (str_ieq(str_from_off(s, digits), units[i].name)) {
			if (v > UINT64_MAX / units[i].factor) {
				return false;
			}
			*ret = v * units[i].factor;
			return true;
		}
	}
	return false;
}

bool
ctl_size_parse(str s, uint64_t *ret_octets)
{
	return parse(s, sizes, LEN(sizes), ret_octets);
}

bool
ctl_time_parse(str s, uint64_t *ret_s)
{
	return parse(s, times, LEN(times), ret_s);
}

void
ctl_size_put(struct buf *out, uint64_t octets)
{
	size_t i = 0;
	while (i + 1 < LEN(sizes) && octets < sizes[i].factor) {
		i++;
	}
	uint64_t whole = octets / sizes[i].factor;
	uint64_t tenths = octets % sizes[i].factor /
	    (sizes[i].factor > 1 ? sizes[i].factor / 10 : 1);
	buf_u64(out, whole);
	if (sizes[i].factor > 1 && whole < 10) {
		buf_printf(out, ".%u", (unsigned)MIN(tenths, 9));
	}
	buf_str(out, sizes[i].name);
}
