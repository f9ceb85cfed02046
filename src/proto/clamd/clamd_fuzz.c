/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with a scanner that says anything. The first octet chooses the sizes of pieces and
 * what is asked. Asserted: an answer comes once per question, a clean one ends in ": OK", texts are
 * short and printable, and after a fault nothing is an answer any more.
 */
#include "proto/clamd/clamd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct clamd_reply *r, enum clamd_question q, str taken)
{
	ASSERT(r->text.n <= CLAMD_NAME_MAX);
	for (size_t i = 0; i < r->text.n; i++) {
		ASSERT(r->text.p[i] >= ' ' && r->text.p[i] <= '~');
	}
	ASSERT((r->verdict == CLAMD_CLEAN || r->verdict == CLAMD_FOUND) <= (q == CLAMD_SCAN));
	if (r->verdict == CLAMD_CLEAN && taken.n >= 5) {
		ASSERT(str_ends(taken, S(": OK\0")));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1) {
		return 0;
	}
	struct clamd c;
	clamd_init(&c);
	str in = str_make(data + 1, size - 1);
	size_t step = (size_t)(data[0] >> 2) + 1;
	enum clamd_question q = (enum clamd_question)(data[0] % 3);
	bool broken = false;
	while (in.n > 0) {
		if (clamd_ready(&c)) {
			ASSERT(!broken && clamd_ask(&c, q).n <= CLAMD_ASK_MAX);
		}
		struct clamd_reply r = { CLAMD_FAILED, STR_NONE };
		str piece = str_sub(in, 0, step);
		size_t used = 0;
		enum err e = clamd_feed(&c, piece, &used, &r);
		ASSERT(used <= piece.n && (e != ERR_AGAIN || used == piece.n));
		if (e == ERR_OK) {
			ASSERT(!broken);
			check(&r, q, str_sub(piece, 0, used));
		}
		broken = broken || (e != ERR_OK && e != ERR_AGAIN);
		in = str_from_off(in, broken ? piece.n : used);
	}
	return 0;
}
