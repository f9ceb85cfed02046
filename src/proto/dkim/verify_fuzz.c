/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key record, an empty line, then a message whose signatures are all verified with it. Every
 * check ends, with words for what is not a pass.
 */
#include "proto/dkim/verify.h"

enum { ROOM = 1 << 20, INPUT_MAX = 256 << 10, NOW = 1700000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
end(struct dkim_verify *v, struct dkim_check *c, str record, struct arena *a)
{
	static struct dkim_key key;
	const struct dkim_proof proof = {
		.readable = true, .bits = record.n % 2 ? 2048 : 512, .good = record.n % 3 > 0
	};
	struct buf out;
	if (!dkim_check_key(c, ERR_OK, &record, 1, &key)) {
		return;
	}
	buf_init(&out, ROOM);
	if (dkim_verify_input(v, c, &out, a) == ERR_OK) {
		dkim_check_proof(c, &proof);
	}
	buf_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dkim_verify v;
	str in = str_make(data, size), record = in, header = S("");
	ptrdiff_t at = str_find(in, S("\n\n"));
	if (size > INPUT_MAX) {
		return 0;
	}
	if (at >= 0) {
		record = str_sub(in, 0, (size_t)at);
		header = str_from_off(in, (size_t)at + 2);
	}
	struct arena *a = arena_new(NULL, "fuzz", 16 << 20, 0);
	if (dkim_verify_begin(&v, header, NOW, a) == ERR_OK) {
		ASSERT(v.n <= DKIM_SIGNATURES_MAX);
		for (size_t i = 0; i < v.n; i++) {
			struct dkim_check *c = &v.check[i];
			unsigned before = dkim_verify_bodies(&v);
			if (c->result == DKIM_OPEN) {
				ASSERT(before & (1U << c->s.body));
				dkim_check_body(c, c->s.body_hash);
				end(&v, c, record, a);
			}
			ASSERT(c->result != DKIM_OPEN);
			ASSERT((c->result == DKIM_PASS) == (c->why[0] == 0));
		}
	}
	arena_free(&a);
	return 0;
}
