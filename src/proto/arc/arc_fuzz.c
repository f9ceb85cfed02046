/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message whose chain is verified as if every signature were good, and sealed on top. What we
 * seal has the structure we promise: one set more, and open when the chain was.
 */
#include "mail/header.h"
#include "proto/arc/arc.h"

enum { ROOM = 4 << 20, INPUT_MAX = 256 << 10, NOW = 1000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum arc_status
try_verify(struct arc_verify *v, str header, struct arena *a)
{
	static const struct dkim_proof good = { .readable = true, .bits = 2048, .good = true };
	const char *why;
	struct buf out;
	if (arc_verify_begin(v, header, NOW, a) != ERR_OK) {
		return ARC_FAIL;
	}
	buf_init(&out, ROOM);
	for (size_t i = 0; i < v->checks_n; i++) {
		ASSERT(v->check[i].name.n > 0 && v->check[i].domain.n > 0);
		buf_reset(&out);
		if (arc_verify_input(v, &v->check[i], &out, a) == ERR_OK) {
			dkim_check_proof(&v->check[i], &good);
		}
	}
	buf_done(&out);
	enum arc_status status = arc_verify_result(v, &why);
	ASSERT(status != ARC_OPEN && (status == ARC_FAIL) == (why[0] != 0));
	return status;
}

static void
try_seal(str header, str payload, enum arc_status chain, struct arena *a)
{
	static const uint8_t hash[DKIM_BODY_HASH];
	static struct arc_seal s;
	static struct arc_verify again;
	const struct arc_sealer who = { .domain = S("us.test"),
		.selector = S("sel"),
		.now_s = NOW,
		.body_hash = hash,
		.payload = payload,
		.chain = chain };
	struct buf input, out;
	buf_init(&input, ROOM);
	buf_init(&out, ROOM);
	if (arc_seal_begin(&s, &who, header, a, &input) == ERR_OK &&
	    arc_seal_message(&s, S("mmm"), &input) == ERR_OK &&
	    arc_seal_end(&s, S("sss"), &out) == ERR_OK) {
		buf_str(&out, header);
		if (buf_err(&out) == ERR_OK &&
		    arc_verify_begin(&again, buf_view(&out), NOW, a) == ERR_OK) {
			bool open = arc_verify_result(&again, NULL) == ARC_OPEN;
			ASSERT(again.n == s.instance);
			ASSERT(open == (s.who.chain != ARC_FAIL));
		}
	}
	buf_done(&input);
	buf_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arc_verify v;
	if (size > INPUT_MAX) {
		return 0;
	}
	struct arena *a = arena_new(NULL, "fuzz", 64 << 20, 0);
	str in = str_make(data, size);
	size_t n = mail_header_length(in);
	enum arc_status status = try_verify(&v, in, a);
	try_seal(str_sub(in, 0, n), str_from_off(in, n), status, a);
	try_seal(str_sub(in, 0, n), S("us.test; none"), status, a);
	arena_free(&a);
	return 0;
}
