/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a record header and as an envelope; what is accepted is written back unchanged.
 */
#include "spool/envelope.h"
#include "spool/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[SPOOL_KEY];
	uint8_t head_key[SPOOL_KEY];
	uint32_t number;
	str in = str_make(data, size);
	struct spool_record rec;
	struct spool_envelope env;
	struct arena *a = arena_new(NULL, "fuzz", 1 << 20, 0);
	(void)(spool_record_get(in, key, &rec) == ERR_OK);
	(void)(spool_head_get(in, &number, head_key) == ERR_OK);
	if (spool_envelope_get(in, a, &env) == ERR_OK) {
		struct arena *again = arena_new(NULL, "fuzz", 1 << 20, 0);
		struct spool_envelope back;
		struct buf out;
		buf_init(&out, 2 << 20);
		spool_envelope_put(&out, &env);
		ASSERT(spool_envelope_get(buf_view(&out), again, &back) == ERR_OK);
		ASSERT(back.rcpts_n == env.rcpts_n && str_eq(back.reverse_path, env.reverse_path));
		buf_done(&out);
		arena_free(&again);
	}
	arena_free(&a);
	return 0;
}
