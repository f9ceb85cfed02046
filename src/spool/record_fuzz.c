/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a segment's head and as a record header, as they are and with their checks put
 * right; what is accepted is written back unchanged.
 */
#include "base/codec.h"
#include "spool/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t record_key[SPOOL_KEY] = { 1, 2, 3 };

static void
one_head(str in)
{
	char room[SPOOL_HEAD];
	uint8_t key[SPOOL_KEY];
	uint32_t number;
	struct buf b;
	if (spool_head_get(in, &number, key) == ERR_OK) {
		buf_init_fixed(&b, room, sizeof room);
		spool_head_put(&b, number, key);
		ASSERT(buf_err(&b) == ERR_OK);
		ASSERT(memcmp(room + 16, in.p + 16, SPOOL_KEY) == 0);
	}
}

static void
one_record(str in)
{
	char room[SPOOL_RECORD_HEADER];
	struct spool_record r, again;
	struct buf b;
	enum err e = spool_record_get(in, record_key, &r);
	ASSERT(e == ERR_OK || e == ERR_EOF || e == ERR_CORRUPT || e == ERR_VERSION);
	if (e == ERR_OK) {
		ASSERT(r.length <= SPOOL_PAYLOAD_MAX);
		buf_init_fixed(&b, room, sizeof room);
		spool_record_put(&b, record_key, &r);
		ASSERT(spool_record_get(buf_view(&b), record_key, &again) == ERR_OK);
		ASSERT(r.type == again.type && r.version == again.version &&
		    r.entry == again.entry);
		ASSERT(r.length == again.length && r.payload_crc == again.payload_crc);
	}
}

static void
put(char *at, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		at[i] = (char)(v >> 8 * i);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char copy[SPOOL_HEAD];
	one_head(str_make(data, size));
	one_record(str_make(data, size));
	if (size == sizeof copy) {
		memcpy(copy, data, sizeof copy);
		put(copy + 32, crc32c(0, copy, 32), 4);
		one_head(str_make(copy, sizeof copy));
		put(copy + 32, siphash(record_key, str_make(copy, 32)), 8);
		one_record(str_make(copy, sizeof copy));
	}
	return 0;
}
