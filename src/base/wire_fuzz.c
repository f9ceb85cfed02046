/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading cursor driven by its own input: an octet says what to read next. It never leaves its
 * input, stays failed once failed, and counts exactly.
 */
#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_inside(str whole, str part)
{
	ASSERT(part.p == NULL || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static uint64_t
read_one(struct rd *r, str whole, uint8_t what)
{
	str s = STR_NONE;
	switch (what % 8) {
	case 0: return rd_u8(r);
	case 1: return rd_u16(r);
	case 2: return rd_u32(r);
	case 3: return rd_u64(r);
	case 4: return rd_be16(r);
	case 5: return rd_be32(r);
	case 6: s = rd_bytes(r, what / 8); break;
	default: s = rd_str(r, (size_t)what * 4); break;
	}
	check_inside(whole, s);
	return s.n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str whole = str_make(data, size);
	struct rd r = rd_make(whole);
	for (size_t steps = 0; steps <= size && r.n > 0; steps++) {
		size_t left = r.n;
		uint8_t what = rd_u8(&r);
		uint64_t v = read_one(&r, whole, what);
		ASSERT(r.n < left);
		ASSERT(!r.bad || (r.n == 0 && v == 0));
		ASSERT(r.bad == (rd_end(&r) == ERR_SYNTAX && r.n == 0));
	}
	return 0;
}
