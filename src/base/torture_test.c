/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation fails once: each scenario is run with the first request failing, then the
 * second, and so on until it gets through. After a failure the error is told, earlier contents are
 * intact, and nothing leaks (the sanitizer looks at the end). Needs no luck and no clock.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/codec.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/test.h"
#include "base/wire.h"

enum { FAILURES_MAX = 10000 }; /* far more than any scenario asks the heap for */

static enum err
fill_buf(void)
{
	struct buf b;
	buf_init(&b, 100000);
	for (uint32_t i = 0; i < 10000; i++) {
		wr_u32(&b, i);
	}
	buf_printf(&b, "%0600d", 7);
	enum err e = buf_err(&b);
	CHECK_U64(b.n % 4, 0);
	struct rd r = rd_make(buf_view(&b));
	for (uint32_t i = 0; i < MIN(b.n / 4, (size_t)10000); i++) {
		if (rd_u32(&r) != i) {
			CHECK(false);
		}
	}
	CHECK(e == ERR_OK || e == ERR_NOMEM);
	CHECK((e == ERR_OK) == (b.n == 40600));
	buf_done(&b);
	return e;
}

static enum err
fill_map(void)
{
	static const uint8_t key[16] = { 1 };
	static int values[200];
	struct map *m = map_new(key, 1000);
	if (m == NULL) {
		return ERR_NOMEM;
	}
	enum err e = ERR_OK;
	uint64_t set = 0;
	while (set < LEN(values) && e == ERR_OK) {
		e = map_set(m, set, &values[set]);
		set += e == ERR_OK;
	}
	CHECK_U64(map_count(m), set);
	bool right = true;
	for (uint64_t i = 0; i < LEN(values); i++) {
		right = right && map_get(m, i) == (i < set ? &values[i] : NULL);
	}
	CHECK(right);
	map_free(&m);
	return e;
}

static enum err
fill_arenas(void)
{
	enum err e = ERR_NOMEM;
	struct arena *root = arena_new(NULL, "root", 1 << 20, 0);
	for (int i = 0; root != NULL && i < 20; i++) {
		struct arena *kid = arena_new(root, "kid", 1 << 16, ARENA_WIPE);
		size_t before = arena_used(root);
		if (kid == NULL) {
			break;
		}
		char *p = arena_alloc(kid, 3000);
		if (p == NULL) {
			CHECK_U64(arena_used(root), before);
			break;
		}
		memset(p, 'x', 3000);
		e = i == 19 ? ERR_OK : ERR_NOMEM;
	}
	arena_free(&root);
	return e;
}

static enum err
decode_base64(void)
{
	struct buf b;
	buf_init(&b, 10000);
	buf_cstr(&b, "kept");
	enum err before = buf_err(&b), e = ERR_OK;
	for (int i = 0; i < 300 && e == ERR_OK; i++) {
		size_t had = b.n;
		e = base64_decode(&b, S("Zm9vYmFyZm9vYmFy"));
		CHECK_U64(b.n, e == ERR_OK ? had + 12 : had);
	}
	CHECK(before != ERR_OK || str_starts(buf_view(&b), S("kept")));
	CHECK_ERR(buf_err(&b), e);
	buf_done(&b);
	return e;
}

/* Run it with the n-th request failing, n = 1, 2, ... until it succeeds; it must fail before. */
static void
fail_each(enum err (*scenario)(void), uint64_t least)
{
	uint64_t n = 1;
	enum err e = ERR_NOMEM;
	for (; n < FAILURES_MAX && e != ERR_OK; n++) {
		mem_fail_after(n);
		e = scenario();
		mem_fail_after(0);
		CHECK(e == ERR_OK || e == ERR_NOMEM);
	}
	CHECK_ERR(e, ERR_OK);
	CHECK(n > least);
}

static void
buf_survives(void)
{
	fail_each(fill_buf, 8);
}

static void
map_survives(void)
{
	fail_each(fill_map, 205);
}

static void
arena_survives(void)
{
	fail_each(fill_arenas, 40);
}

static void
decoder_survives(void)
{
	fail_each(decode_base64, 3);
}

static void
resize_keeps_the_old_block(void)
{
	char *p = mem_zalloc(1, 4);
	memcpy(p, "abc", 4);
	mem_fail_after(1);
	CHECK(mem_resize(p, 1000) == NULL);
	CHECK(str_eq(str_from(p), S("abc")));
	p = mem_resize(p, 1000);
	CHECK(str_eq(str_from(p), S("abc")));
	MEM_FREE(p);
	CHECK(p == NULL);
}

static void
sizes_do_not_wrap(void)
{
	/* Behind volatile, so that the compiler does not refuse the absurd size itself. */
	volatile size_t many = SIZE_MAX / 2;
	CHECK(mem_zalloc(many, 4) == NULL);
	void *none = mem_zalloc(0, 0);
	CHECK(none != NULL);
	mem_drop(none);
}

TEST_MAIN(buf_survives, map_survives, arena_survives, decoder_survives, resize_keeps_the_old_block,
    sizes_do_not_wrap)
