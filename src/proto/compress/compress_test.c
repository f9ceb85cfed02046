/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ends of a connection: what one puts the other gets, however it is cut.
 */
#include "proto/compress/compress.h"

#include "base/mem.h"
#include "base/test.h"

/* Take everything out of `in`, `cap` octets at a time. */
static enum err
get_all(struct compress *c, str in, size_t cap, struct buf *out)
{
	size_t used = 0, before;
	do {
		before = out->n;
		TRY(compress_get(c, in, out, cap, &used));
		CHECK(out->n - before <= cap);
		in = str_from_off(in, used);
	} while (in.n > 0 || out->n - before == cap);
	return ERR_OK;
}

static void
every_split(void)
{
	static const char text[] =
	    "a OK FETCH done\r\n* 1 FETCH (FLAGS (\\Seen))\r\na OK FETCH done\r\n";
	str in = str_make(text, sizeof text - 1);
	for (size_t cut = 0; cut <= in.n; cut++) {
		struct compress *c = NULL;
		struct buf wire, got;
		buf_init(&wire, 65536);
		buf_init(&got, 65536);
		CHECK_ERR(compress_new(&c), ERR_OK);
		/* each flush can be read at once */
		CHECK_ERR(compress_put(c, str_sub(in, 0, cut), true, &wire), ERR_OK);
		CHECK_ERR(get_all(c, buf_view(&wire), 7, &got), ERR_OK);
		CHECK_STR(buf_view(&got), str_sub(in, 0, cut));
		buf_reset(&wire);
		CHECK_ERR(compress_put(c, str_from_off(in, cut), false, &wire), ERR_OK);
		CHECK_ERR(compress_put(c, STR_NONE, true, &wire), ERR_OK);
		for (size_t i = 0; i < wire.n; i++) {
			CHECK_ERR(get_all(c, str_sub(buf_view(&wire), i, 1), 1000, &got), ERR_OK);
		}
		CHECK_STR(buf_view(&got), in);
		buf_done(&wire);
		buf_done(&got);
		compress_free(&c);
	}
}

/* A small input that grows a thousandfold comes in pieces of the caller's size. */
static void
large(void)
{
	enum { N = 4 << 20 };
	struct compress *c = NULL;
	struct buf wire, got;
	char *zeros = mem_zalloc(1, N);
	size_t used, total = 0, calls = 0;
	buf_init(&wire, 65536);
	buf_init(&got, 65536);
	CHECK_ERR(compress_new(&c), ERR_OK);
	CHECK_ERR(compress_put(c, str_make(zeros, N), true, &wire), ERR_OK);
	CHECK(wire.n < 32768);
	str in = buf_view(&wire);
	do {
		buf_reset(&got);
		CHECK_ERR(compress_get(c, in, &got, 65536, &used), ERR_OK);
		in = str_from_off(in, used);
		total += got.n;
		calls++;
	} while (in.n > 0 || got.n == 65536);
	CHECK_U64(total, N);
	CHECK(calls >= N / 65536);
	buf_done(&wire);
	buf_done(&got);
	compress_free(&c);
	MEM_FREE(zeros);
}

static void
damaged(void)
{
	static const struct {
		const char *name;
		str in;
		enum err err;
	} cases[] = {
		{ "block type 3", S_INIT("\x07"), ERR_PROTOCOL },
		{ "stored length", S_INIT("\x00\x05\x00\x00\x00xxxxx"), ERR_PROTOCOL },
		{ "the end of the stream", S_INIT("\x03\x00"), ERR_PROTOCOL },
		{ "plain text", S_INIT("a NOOP\r\n"), ERR_PROTOCOL },
		{ "a distance before the start", S_INIT("\x4b\x04\xe2\x00"), ERR_PROTOCOL },
		{ "half a block", S_INIT("\x4b"), ERR_OK },
		{ "nothing", S_INIT(""), ERR_OK },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct compress *c = NULL;
		struct buf got;
		test_case = cases[i].name;
		buf_init(&got, 65536);
		CHECK_ERR(compress_new(&c), ERR_OK);
		CHECK_ERR(get_all(c, cases[i].in, 100, &got), cases[i].err);
		buf_done(&got);
		compress_free(&c);
	}
}

static void
without_memory(void)
{
	unsigned failed = 0;
	for (unsigned n = 1; n < 100; n++) {
		struct compress *c = NULL;
		struct buf wire;
		buf_init(&wire, 65536);
		mem_fail_after(n);
		enum err e = compress_new(&c);
		if (e == ERR_OK) {
			e = compress_put(c, S("x"), true, &wire);
			mem_fail_after(0);
		}
		mem_fail_after(0);
		CHECK(e == ERR_OK || e == ERR_NOMEM);
		failed += e != ERR_OK;
		buf_done(&wire);
		compress_free(&c);
	}
	CHECK(failed > 3 && failed < 90);
	struct compress *none = NULL;
	compress_free(&none);
}

TEST_MAIN(every_split, large, damaged, without_memory)
