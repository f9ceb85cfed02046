/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings are exact, the first error stays, and an addition that does not fit leaves no part of
 * itself behind; on the heap and in fixed storage alike.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"

static void
stops_at_its_ceiling(void)
{
	static const size_t ceilings[] = { 0, 1, 2, 255, 256, 257, 511, 512, 513, 4096, 5000 };
	for (size_t i = 0; i < LEN(ceilings); i++) {
		struct buf b;
		buf_init(&b, ceilings[i]);
		for (size_t n = 0; n < ceilings[i]; n++) {
			buf_ch(&b, (char)n);
		}
		CHECK_ERR(buf_err(&b), ERR_OK);
		CHECK_U64(b.n, ceilings[i]);
		CHECK(b.cap <= ceilings[i]);
		buf_add(&b, "", 0);
		CHECK_ERR(buf_err(&b), ERR_OK);
		buf_ch(&b, 'x');
		CHECK_ERR(buf_err(&b), ERR_TOOBIG);
		CHECK_U64(b.n, ceilings[i]);
		bool same = true;
		for (size_t n = 0; n < b.n; n++) {
			same = same && (uint8_t)b.p[n] == (uint8_t)n;
		}
		CHECK(same);
		buf_done(&b);
	}
}

static void
error_is_sticky(void)
{
	char room[4];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	buf_cstr(&b, "abc");
	buf_cstr(&b, "de");
	CHECK_ERR(buf_err(&b), ERR_TOOBIG);
	buf_ch(&b, 'x');
	buf_u64(&b, 1);
	buf_printf(&b, "%d", 1);
	CHECK(buf_room(&b, 1) == NULL);
	CHECK(buf_room(&b, 0) == NULL);
	CHECK_STR(buf_view(&b), S("abc"));
	CHECK_ERR(buf_err(&b), ERR_TOOBIG);
	buf_reset(&b);
	CHECK_ERR(buf_err(&b), ERR_OK);
	buf_cstr(&b, "wxyz");
	CHECK_STR(buf_view(&b), S("wxyz"));
	CHECK_ERR(buf_err(&b), ERR_OK);
	buf_done(&b);
	CHECK(b.p == room);
}

static void
huge_requests_do_not_wrap(void)
{
	struct buf b;
	buf_init(&b, SIZE_MAX);
	buf_cstr(&b, "abc");
	CHECK(buf_room(&b, SIZE_MAX) == NULL);
	CHECK_ERR(buf_err(&b), ERR_TOOBIG);
	buf_done(&b);
	CHECK_U64(b.n, 0);
	CHECK_ERR(buf_err(&b), ERR_OK);
}

static void
prints_numbers(void)
{
	static const struct {
		uint64_t v;
		str want;
	} rows[] = {
		{ 0, S_INIT("0") },
		{ 9, S_INIT("9") },
		{ 10, S_INIT("10") },
		{ 4294967296, S_INIT("4294967296") },
		{ UINT64_MAX, S_INIT("18446744073709551615") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		char room[32];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		buf_u64(&b, rows[i].v);
		CHECK_STR(buf_view(&b), rows[i].want);
	}
}

static void
formats_any_length(void)
{
	char text[2000];
	memset(text, 'a', sizeof text);
	for (size_t n = 500; n < 530; n++) {
		struct buf b;
		buf_init(&b, 4096);
		buf_printf(&b, "<%.*s>", (int)n, text);
		CHECK_U64(b.n, n + 2);
		CHECK(b.p[0] == '<' && b.p[n] == 'a' && b.p[n + 1] == '>');
		buf_reset(&b);
		buf_printf(&b, "%.*s%.*s%.*s", 2000, text, 2000, text, 97, text);
		CHECK_ERR(buf_err(&b), ERR_TOOBIG);
		CHECK_U64(b.n, 0);
		buf_done(&b);
	}
}

static void
cuts_both_ends(void)
{
	struct buf b;
	buf_init(&b, 100);
	buf_consume(&b, 0);
	buf_cstr(&b, "0123456789");
	buf_consume(&b, 4);
	CHECK_STR(buf_view(&b), S("456789"));
	buf_truncate(&b, 2);
	CHECK_STR(buf_view(&b), S("45"));
	buf_consume(&b, 2);
	CHECK_STR(buf_view(&b), S(""));
	char *room = buf_room(&b, 3);
	CHECK(room != NULL);
	memcpy(room, "xyz", 3);
	buf_grow(&b, 2);
	buf_str(&b, S("!"));
	CHECK_STR(buf_view(&b), S("xy!"));
	buf_done(&b);
}

static void
wipes(void)
{
	char room[8];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	buf_cstr(&b, "secret");
	buf_truncate(&b, 1);
	buf_wipe(&b);
	CHECK_U64(b.n, 0);
	CHECK_STR(str_make(room, sizeof room), S("\0\0\0\0\0\0\0\0"));
	struct buf none;
	buf_init(&none, 10);
	buf_wipe(&none);
	CHECK(none.p == NULL);
}

TEST_MAIN(stops_at_its_ceiling, error_is_sticky, huge_requests_do_not_wrap, prints_numbers,
    formats_any_length, cuts_both_ends, wipes)
