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
		CHECK_ERR(compress_put(c, str_sub(in, 0, cut), COMPRESS_FLUSH, &wire), ERR_OK);
		CHECK_ERR(get_all(c, buf_view(&wire), 7, &got), ERR_OK);
		CHECK_STR(buf_view(&got), str_sub(in, 0, cut));
		buf_reset(&wire);
		CHECK_ERR(compress_put(c, str_from_off(in, cut), COMPRESS_MORE, &wire), ERR_OK);
		CHECK_ERR(compress_put(c, STR_NONE, COMPRESS_FLUSH, &wire), ERR_OK);
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
	CHECK_ERR(compress_put(c, str_make(zeros, N), COMPRESS_FLUSH, &wire), ERR_OK);
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
		{ "behind the end of the stream", S_INIT("\x03\x00x"), ERR_PROTOCOL },
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

/* As a session does: get until the line is there, then look for the end. Adds what was used. */
static enum err
get_line(struct compress *c, str in, struct buf *got, size_t *used)
{
	size_t n = 0;
	while (!str_ends(buf_view(got), S("\r\n")) && in.n > 0) {
		TRY(compress_get(c, in, got, 100, &n));
		in = str_from_off(in, n);
		*used += n;
	}
	if (!str_ends(buf_view(got), S("\r\n"))) {
		return ERR_AGAIN;
	}
	enum err e = compress_get_end(c, in, &n);
	*used += e == ERR_OK ? n : e == ERR_AGAIN ? in.n : 0;
	return e;
}

static void
end_one(str in, size_t cut, enum err want, size_t want_used)
{
	struct compress *c = NULL;
	struct buf got;
	size_t used = 0;
	buf_init(&got, 1000);
	CHECK_ERR(compress_new(&c), ERR_OK);
	enum err e = get_line(c, str_sub(in, 0, cut), &got, &used);
	if (e == ERR_AGAIN) {
		CHECK_U64(used, cut);
		e = get_line(c, str_from_off(in, cut), &got, &used);
	}
	CHECK_ERR(e, want);
	if (want == ERR_OK) {
		CHECK_U64(used, want_used);
		CHECK_STR(buf_view(&got), S("a b\r\n"));
	}
	buf_done(&got);
	compress_free(&c);
}

/* "a b\r\n", ended in each way that can be told from what follows, at every split point. */
static void
ends(void)
{
	static const struct {
		const char *name;
		str in;      /* the stream and what follows it */
		size_t used; /* of that: the stream */
		enum err err;
	} cases[] = {
		{ "a flush",
		    S_INIT("\x4a\x54\x48\xe2\xe5\x02\x00\x00\x00\xff\xff"
			   "b c"),
		    11, ERR_OK },
		{ "a final block",
		    S_INIT("\x4b\x54\x48\xe2\xe5\x02\x00"
			   "b c"),
		    7, ERR_OK },
		{ "stored, then a flush",
		    S_INIT("\x00\x05\x00\xfa\xff"
			   "a b\r\n"
			   "\x00\x00\x00\xff\xff"
			   "b c"),
		    15, ERR_OK },
		{ "stored, final",
		    S_INIT("\x01\x05\x00\xfa\xff"
			   "a b\r\n"
			   "b c"),
		    10, ERR_OK },
		{ "an empty block and a final one",
		    S_INIT("\x00\x05\x00\xfa\xff"
			   "a b\r\n"
			   "\x02\x0c\x00"
			   "b c"),
		    13, ERR_OK },
		{ "it goes on",
		    S_INIT("\x00\x05\x00\xfa\xff"
			   "a b\r\n"
			   "\x4b\x04\x00"),
		    0, ERR_PROTOCOL },
		{ "no end", S_INIT("\x4a\x54\x48\xe2\xe5\x02\x00\x00\x00\xff"), 0, ERR_AGAIN },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		for (size_t cut = 0; cut <= cases[i].in.n; cut++) {
			end_one(cases[i].in, cut, cases[i].err, cases[i].used);
		}
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
			e = compress_put(c, S("x"), COMPRESS_FLUSH, &wire);
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

TEST_MAIN(every_split, large, damaged, ends, without_memory)
