/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequence sets: what parses, what resolving makes of it, and writing.
 */
#include "proto/imap/seqset.h"

#include "base/test.h"
#include "proto/imap/limits.h"

/* Resolve with `max`, write as text. */
static void
dump(struct buf *out, struct imap_seqset *set, uint32_t max)
{
	imap_seqset_resolve(set, max);
	for (size_t i = 0; i < set->n; i++) {
		buf_printf(out, "%s%u:%u", i == 0 ? "" : ",", set->r[i].lo, set->r[i].hi);
	}
}

static void
parses_and_resolves(void)
{
	static const struct {
		const char *in;
		uint32_t max;
		const char *want; /* NULL: ERR_SYNTAX */
	} cases[] = {
		{ "1", 9, "1:1" },
		{ "2,4:7,9,12:*", 15, "2:2,4:7,9:9,12:15" }, /* RFC 9051 9, seq-range */
		{ "*:4,5:7", 10, "4:10" },
		{ "3291:*", 100, "100:3291" },
		{ "4:2", 9, "2:4" },
		{ "*", 7, "7:7" },
		{ "*:*", 7, "7:7" },
		{ "1,2,3", 9, "1:3" },
		{ "5,1,3,2:4", 9, "1:5" },
		{ "4294967295,4294967294:*", 9, "9:4294967295" },
		{ "1:4294967295,2", 9, "1:4294967295" },
		{ "", 9, NULL },
		{ "0", 9, NULL },
		{ "01", 9, NULL },
		{ "1,", 9, NULL },
		{ ",1", 9, NULL },
		{ "1:", 9, NULL },
		{ ":1", 9, NULL },
		{ "1:2:3", 9, NULL },
		{ "a", 9, NULL },
		{ "-1", 9, NULL },
		{ "4294967296", 9, NULL },
		{ "1,$", 9, NULL },
		{ "**", 9, NULL },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].in;
		struct arena *a = arena_new(NULL, "test", 1u << 20, 0);
		struct imap_seqset set;
		enum err e = imap_seqset_parse(a, str_from(cases[i].in), &set);
		CHECK_ERR(e, cases[i].want == NULL ? ERR_SYNTAX : ERR_OK);
		if (e == ERR_OK && cases[i].want != NULL) {
			struct buf b;
			buf_init(&b, 1000);
			dump(&b, &set, cases[i].max);
			CHECK_STR(buf_view(&b), str_from(cases[i].want));
			buf_done(&b);
		}
		arena_free(&a);
	}
}

static void
knows_the_saved_result(void)
{
	struct arena *a = arena_new(NULL, "test", 1u << 20, 0);
	struct imap_seqset set;
	CHECK_ERR(imap_seqset_parse(a, S("$"), &set), ERR_OK);
	CHECK(set.saved && set.n == 0);
	arena_free(&a);
}

static void
limits_ranges(void)
{
	struct arena *a = arena_new(NULL, "test", 1u << 20, 0);
	struct buf b;
	buf_init(&b, 1u << 20);
	for (size_t i = 0; i < IMAP_SET_RANGES_MAX; i++) {
		buf_cstr(&b, i == 0 ? "1" : ",1");
	}
	struct imap_seqset set;
	CHECK_ERR(imap_seqset_parse(a, buf_view(&b), &set), ERR_OK);
	imap_seqset_resolve(&set, 5);
	CHECK_U64(set.n, 1);
	buf_cstr(&b, ",1");
	CHECK_ERR(imap_seqset_parse(a, buf_view(&b), &set), ERR_TOOMANY);
	buf_done(&b);
	arena_free(&a);
}

static void
asks(void)
{
	struct arena *a = arena_new(NULL, "test", 1u << 20, 0);
	struct imap_seqset set;
	CHECK_ERR(imap_seqset_parse(a, S("9,2:4,20:*"), &set), ERR_OK);
	CHECK_U64(imap_seqset_largest(&set), 20);
	CHECK(imap_seqset_has_star(&set));
	imap_seqset_resolve(&set, 22);
	static const uint32_t in[] = { 2, 3, 4, 9, 20, 22 },
			      out[] = { 1, 5, 8, 10, 19, 23, UINT32_MAX };
	for (size_t i = 0; i < LEN(in); i++) {
		CHECK(imap_seqset_has(&set, in[i]));
	}
	for (size_t i = 0; i < LEN(out); i++) {
		CHECK(!imap_seqset_has(&set, out[i]));
	}
	arena_free(&a);
}

static void
writes(void)
{
	static const struct {
		uint32_t v[8];
		const char *want;
	} cases[] = {
		{ { 0 }, "" },
		{ { 5 }, "5" },
		{ { 1, 2, 3 }, "1:3" },
		{ { 1, 2, 4, 6, 7 }, "1:2,4,6:7" },
		{ { 4294967294, 4294967295 }, "4294967294:4294967295" },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b;
		buf_init(&b, 1000);
		struct imap_set_writer w = { .out = &b };
		for (size_t j = 0; cases[i].v[j] != 0; j++) {
			imap_set_writer_put(&w, cases[i].v[j]);
		}
		imap_set_writer_end(&w);
		CHECK_STR(buf_view(&b), str_from(cases[i].want));
		buf_done(&b);
	}
}

TEST_MAIN(parses_and_resolves, knows_the_saved_result, limits_ranges, asks, writes)
