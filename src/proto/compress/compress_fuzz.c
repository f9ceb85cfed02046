/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as the peer's stream; and the same octets put and got again are the same.
 */
#include "proto/compress/compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAP = 4096, ROUNDS = 2000 };

static void
read_any(struct compress *c, str in)
{
	struct buf out;
	size_t used = 0;
	enum err e = ERR_OK;
	buf_init(&out, CAP);
	for (unsigned i = 0; e == ERR_OK && i < ROUNDS && (in.n > 0 || out.n == CAP); i++) {
		buf_reset(&out);
		e = compress_get(c, in, &out, CAP, &used);
		ASSERT(e != ERR_OK || (used <= in.n && out.n <= CAP));
		in = str_from_off(in, e == ERR_OK ? used : in.n);
	}
	buf_done(&out);
}

/* The end that is found is in `in`, and nothing is found twice. */
static void
end_any(struct compress *c, str in)
{
	size_t used = 0;
	enum err e = compress_get_end(c, in, &used);
	ASSERT(e == ERR_OK || e == ERR_AGAIN || e == ERR_PROTOCOL);
	ASSERT(used <= in.n);
}

static void
there_and_back(struct compress *c, str in)
{
	struct buf wire, out;
	size_t used = 0;
	buf_init(&wire, in.n * 2 + 65536);
	buf_init(&out, in.n + CAP);
	ASSERT(compress_put(c, in, COMPRESS_FLUSH, &wire) == ERR_OK);
	str rest = buf_view(&wire);
	size_t before;
	do {
		before = out.n;
		ASSERT(compress_get(c, rest, &out, CAP, &used) == ERR_OK);
		rest = str_from_off(rest, used);
	} while (rest.n > 0 || out.n - before == CAP);
	ASSERT(str_eq(buf_view(&out), in));
	buf_reset(&wire);
	ASSERT(compress_put(c, STR_NONE, COMPRESS_END, &wire) == ERR_OK);
	rest = buf_view(&wire);
	ASSERT(compress_get_end(c, rest, &used) == ERR_OK); /* the flush above has ended it */
	buf_done(&wire);
	buf_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct compress *a = NULL, *b = NULL, *d = NULL;
	str in = str_make(data, size);
	ASSERT(compress_new(&a) == ERR_OK && compress_new(&b) == ERR_OK);
	ASSERT(compress_new(&d) == ERR_OK);
	end_any(d, in);
	compress_free(&d);
	there_and_back(b, in);
	read_any(a, in);
	compress_free(&a);
	compress_free(&b);
	return 0;
}
