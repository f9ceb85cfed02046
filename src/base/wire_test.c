/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written is read back; every cut of a good message fails, and stays failed with zeros.
 */
#include "base/test.h"
#include "base/wire.h"

static void
write_all(struct buf *b)
{
	wr_u8(b, 0x12);
	wr_u16(b, 0x3456);
	wr_u32(b, 0x789abcde);
	wr_u64(b, 0xf0123456789abcde);
	wr_i64(b, -2);
	wr_str(b, S("text"));
	wr_str(b, STR_NONE);
	buf_str(b, S("\x01\x02\x03\x04\x05\x06raw"));
}

static void
reads_what_was_written(void)
{
	char room[128];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	write_all(&b);
	struct rd r = rd_make(buf_view(&b));
	CHECK_U64(rd_u8(&r), 0x12);
	CHECK_U64(rd_u16(&r), 0x3456);
	CHECK_U64(rd_u32(&r), 0x789abcde);
	CHECK_U64(rd_u64(&r), 0xf0123456789abcde);
	CHECK(rd_i64(&r) == -2);
	CHECK_STR(rd_str(&r, 4), S("text"));
	CHECK_STR(rd_str(&r, 0), S(""));
	CHECK_U64(rd_be16(&r), 0x0102);
	CHECK_U64(rd_be32(&r), 0x03040506);
	CHECK_ERR(rd_end(&r), ERR_SYNTAX);
	CHECK_STR(rd_bytes(&r, 3), S("raw"));
	CHECK_ERR(rd_end(&r), ERR_OK);
}

static void
octets_are_little_endian(void)
{
	char room[64];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	wr_u16(&b, 0x0102);
	wr_u32(&b, 0x03040506);
	wr_str(&b, S("ab"));
	CHECK_STR(buf_view(&b),
	    S("\x02\x01\x06\x05\x04\x03\x02\x00\x00\x00"
	      "ab"));
}

static void
every_cut_fails(void)
{
	char room[128];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	write_all(&b);
	for (size_t n = 0; n < b.n; n++) {
		struct rd r = rd_make(str_sub(buf_view(&b), 0, n));
		rd_u8(&r);
		rd_u16(&r);
		rd_u32(&r);
		rd_u64(&r);
		rd_i64(&r);
		rd_str(&r, 100);
		rd_str(&r, 100);
		rd_be16(&r);
		rd_be32(&r);
		rd_bytes(&r, 3);
		CHECK_ERR(rd_end(&r), ERR_SYNTAX);
		CHECK(r.bad);
	}
}

static void
failure_stays(void)
{
	struct rd r = rd_make(S("\x01\x02\x03"));
	CHECK_U64(rd_u32(&r), 0);
	CHECK_U64(rd_u8(&r), 0);
	CHECK_U64(rd_be16(&r), 0);
	CHECK(rd_bytes(&r, 0).p == NULL);
	CHECK(rd_str(&r, 9).p == NULL);
	CHECK_ERR(rd_end(&r), ERR_SYNTAX);
}

static void
lengths_that_lie(void)
{
	static const struct {
		str in;
		size_t max;
	} rows[] = {
		{ S_INIT("\x05\0\0\0abcd"), 100 },
		{ S_INIT("\x04\0\0\0abcd"), 3 },
		{ S_INIT("\xff\xff\xff\xff"), SIZE_MAX },
		{ S_INIT("\x01\0\0"), 100 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct rd r = rd_make(rows[i].in);
		CHECK(rd_str(&r, rows[i].max).p == NULL);
		CHECK_U64(rd_u8(&r), 0);
		CHECK_ERR(rd_end(&r), ERR_SYNTAX);
	}
	struct rd r = rd_make(S("abc"));
	CHECK(rd_bytes(&r, SIZE_MAX).p == NULL);
	CHECK_ERR(rd_end(&r), ERR_SYNTAX);
}

static void
empty_input(void)
{
	struct rd r = rd_make(STR_NONE);
	CHECK_U64(rd_bytes(&r, 0).n, 0);
	CHECK_ERR(rd_end(&r), ERR_OK);
	CHECK_U64(rd_u8(&r), 0);
	CHECK_ERR(rd_end(&r), ERR_SYNTAX);
}

static void
too_long_for_its_length(void)
{
	struct buf b;
	buf_init(&b, SIZE_MAX);
	wr_str(&b, (str){ "", (size_t)UINT32_MAX + 1 });
	CHECK_ERR(buf_err(&b), ERR_TOOBIG);
	CHECK_U64(b.n, 0);
}

TEST_MAIN(reads_what_was_written, octets_are_little_endian, every_cut_fails, failure_stays,
    lengths_that_lie, empty_input, too_long_for_its_length)
