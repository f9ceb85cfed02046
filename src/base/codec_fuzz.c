/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64, hex and UTF-8 over any octets: what decodes encodes back to the same, what fails leaves
 * the output untouched, and stepping through UTF-8 agrees with judging it whole.
 */
#include "base/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
base64_round(str in)
{
	struct buf plain, coded;
	buf_init(&plain, 1 << 20);
	buf_init(&coded, 1 << 20);
	buf_cstr(&plain, "kept");
	if (base64_decode(&plain, in) == ERR_OK) {
		base64_encode(&coded, str_from_off(buf_view(&plain), 4));
		ASSERT(str_eq(buf_view(&coded), in));
	} else {
		ASSERT(str_eq(buf_view(&plain), S("kept")));
	}
	buf_reset(&coded);
	base64_encode(&coded, in);
	buf_reset(&plain);
	enum err e = base64_decode(&plain, buf_view(&coded));
	ASSERT(e == ERR_OK && str_eq(buf_view(&plain), in));
	buf_done(&plain);
	buf_done(&coded);
}

static void
hex_round(str in)
{
	struct buf plain, coded;
	buf_init(&plain, 1 << 20);
	buf_init(&coded, 1 << 20);
	buf_cstr(&plain, "kept");
	if (hex_decode(&plain, in) == ERR_OK) {
		hex_encode(&coded, str_from_off(buf_view(&plain), 4));
		ASSERT(str_ieq(buf_view(&coded), in));
	} else {
		ASSERT(str_eq(buf_view(&plain), S("kept")));
	}
	buf_reset(&coded);
	hex_encode(&coded, in);
	buf_reset(&plain);
	enum err e = hex_decode(&plain, buf_view(&coded));
	ASSERT(e == ERR_OK && str_eq(buf_view(&plain), in));
	buf_done(&plain);
	buf_done(&coded);
}

static void
utf8_round(str in)
{
	struct buf again;
	buf_init(&again, 4 << 20);
	bool bad = false;
	for (str s = in; s.n > 0;) {
		size_t left = s.n;
		uint32_t cp = utf8_next(&s);
		ASSERT(s.n < left);
		bad = bad || cp == UINT32_MAX;
		utf8_put(&again, cp);
	}
	ASSERT(utf8_valid(in) == !bad);
	ASSERT(utf8_valid(buf_view(&again)));
	ASSERT(bad || str_eq(buf_view(&again), in));
	buf_done(&again);
}

static void
checksum_splits(str in)
{
	uint32_t whole = crc32c(0, in.p, in.n);
	size_t at = in.n / 3;
	ASSERT(crc32c(crc32c(0, in.p, at), in.p + at, in.n - at) == whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_make(data, MIN(size, (size_t)65536));
	base64_round(in);
	hex_round(in);
	utf8_round(in);
	checksum_splits(in);
	return 0;
}
