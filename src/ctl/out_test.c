/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands print: JSON, text, units.
 */
#include "ctl/out.h"

#include "base/mem.h"
#include "base/test.h"
#include "ctl/units.h"

enum { PAGE_MAX = 4 << 20 };

static void
keep(void *ctx, str octets)
{
	buf_str(ctx, octets);
}

static void
strings_are_escaped(void)
{
	static const struct {
		str in, want;
	} cases[] = {
		{ S_INIT(""), S_INIT("[\"\"]\n") },
		{ S_INIT("plain"), S_INIT("[\"plain\"]\n") },
		{ S_INIT("a\"b\\c"), S_INIT("[\"a\\\"b\\\\c\"]\n") },
		{ S_INIT("\n\t\x01\x1f\x7f"), S_INIT("[\"\\n\\u0009\\u0001\\u001f\\u007f\"]\n") },
		{ S_INIT("\0x"), S_INIT("[\"\\u0000x\"]\n") },
		{ S_INIT("gr\xc3\xbc\xc3\x9f"), S_INIT("[\"gr\xc3\xbc\xc3\x9f\"]\n") },
		{ S_INIT("\xc2\x9b\xe2\x80\xae"), S_INIT("[\"\\u009b\\u202e\"]\n") },
		{ S_INIT("\xff!"), S_INIT("[\"\xef\xbf\xbd!\"]\n") },
		{ S_INIT("\xed\xa0\x80"), S_INIT("[\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"]\n") },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct ctl_json j;
		struct buf b;
		buf_init(&b, PAGE_MAX);
		ctl_json_init(&j, keep, &b);
		ctl_json_array(&j, NULL);
		ctl_json_str(&j, NULL, cases[i].in);
		CHECK_ERR(ctl_json_end(&j), ERR_OK);
		CHECK_STR(buf_view(&b), cases[i].want);
		buf_done(&b);
	}
}

static void
nesting(void)
{
	struct ctl_json j;
	struct buf b;
	buf_init(&b, PAGE_MAX);
	ctl_json_init(&j, keep, &b);
	ctl_json_object(&j, NULL);
	ctl_json_array(&j, "a");
	ctl_json_object(&j, NULL);
	ctl_json_close(&j);
	ctl_json_object(&j, NULL);
	ctl_json_u64(&j, "n", UINT64_MAX);
	ctl_json_bool(&j, "t", true);
	ctl_json_close(&j);
	ctl_json_close(&j);
	ctl_json_null(&j, "z");
	ctl_json_object(&j, "open"); /* the end closes it */
	CHECK_ERR(ctl_json_end(&j), ERR_OK);
	CHECK_STR(buf_view(&b),
	    S("{\"a\":[{},{\"n\":18446744073709551615,\"t\":true}],\"z\":null,\"open\":{}}\n"));
	buf_done(&b);
}

static void
long_lists_go_out_in_pieces(void)
{
	struct ctl_json j;
	struct buf b;
	size_t most = 0;
	buf_init(&b, PAGE_MAX);
	ctl_json_init(&j, keep, &b);
	ctl_json_array(&j, NULL);
	for (unsigned i = 0; i < 100000; i++) {
		ctl_json_u64(&j, NULL, i);
		most = MAX(most, j.b.n);
	}
	CHECK_ERR(ctl_json_end(&j), ERR_OK);
	CHECK(most < CTL_JSON_FLUSH + 64);
	CHECK(str_starts(buf_view(&b), S("[0,1,2,")) && str_ends(buf_view(&b), S(",99999]\n")));
	buf_done(&b);
}

static void
no_memory_is_told(void)
{
	struct ctl_json j;
	struct buf b;
	buf_init(&b, PAGE_MAX);
	ctl_json_init(&j, keep, &b);
	mem_fail_after(1);
	ctl_json_object(&j, NULL);
	mem_fail_after(0);
	CHECK_ERR(ctl_json_end(&j), ERR_NOMEM);
	buf_done(&b);
}

static const struct ctl_column columns[] = {
	{ "name", "NAME", 6, false },
	{ "n", "N", 4, true },
	{ "note", "NOTE", 0, false },
};

/* The same calls, once for each kind of reader. */
static void
say(struct ctl_out *o)
{
	ctl_out_list(o, "things", columns, LEN(columns));
	ctl_out_item(o);
	ctl_out_str(o, "name", S("a"));
	ctl_out_u64(o, "n", 7);
	ctl_out_u64(o, "more", 8); /* no column */
	ctl_out_str(o, "note", S(""));
	ctl_out_item_end(o);
	ctl_out_item(o);
	ctl_out_str(o, "name", S("\x1b[2Jlonger"));
	ctl_out_limit(o, "n", 0, false);
	ctl_out_str(o, "note", S("gr\xc3\xbc\xc3\x9f"));
	ctl_out_item_end(o);
	ctl_out_list_end(o);
	ctl_out_line(o, "%s", "for people");
	ctl_out_line(o, "%s", "\x1b]0;x\rsaid\xc2\x9b");
	ctl_out_bool(o, "so_it_is", true);
	ctl_out_size(o, "size", 1536);
	ctl_out_time(o, "when", 1795287600);
	ctl_out_time(o, "never", 0);
}

static void
for_people(void)
{
	struct ctl_out o;
	struct buf b;
	buf_init(&b, PAGE_MAX);
	ctl_out_init(&o, false, keep, &b);
	say(&o);
	CHECK_ERR(ctl_out_end(&o), ERR_OK);
	CHECK_STR(buf_view(&b),
	    S("NAME       N  NOTE\n"
	      "a          7  -\n"
	      "\\x1b[2Jlonger  none  gr\xc3\xbc\xc3\x9f\n"
	      "for people\n"
	      "\\x1b]0;x\\x0dsaid\\xc2\\x9b\n"
	      "so it is:           yes\n"
	      "size:               1.5K\n"
	      "when:               2026-11-21T19:00:00Z\n"
	      "never:              -\n"));
	buf_done(&b);
}

static void
for_programs(void)
{
	struct ctl_out o;
	struct buf b;
	buf_init(&b, PAGE_MAX);
	ctl_out_init(&o, true, keep, &b);
	say(&o);
	CHECK_ERR(ctl_out_end(&o), ERR_OK);
	CHECK_STR(buf_view(&b),
	    S("{\"things\":[{\"name\":\"a\",\"n\":7,\"more\":8,\"note\":\"\"},"
	      "{\"name\":\"\\u001b[2Jlonger\",\"n\":null,\"note\":\"gr\xc3\xbc\xc3\x9f\"}],"
	      "\"so_it_is\":true,\"size\":1536,"
	      "\"when\":\"2026-11-21T19:00:00Z\",\"never\":null}\n"));
	buf_done(&b);
}

static void
terminals_are_safe(void)
{
	static const struct {
		str in, want;
	} cases[] = {
		{ S_INIT("a\r\nb"), S_INIT("a\\x0d\\x0ab") },
		{ S_INIT("\xc2\x9b"), S_INIT("\\xc2\\x9b") }, /* CSI in eight bits */
		{ S_INIT("\x9b"), S_INIT("\\x9b") },
		{ S_INIT("\x7f"), S_INIT("\\x7f") },
		{ S_INIT("\xe2\x80\xa8"), S_INIT("\\xe2\\x80\\xa8") },
		{ S_INIT("\xe2\x82\xac"), S_INIT("\xe2\x82\xac") },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b;
		buf_init(&b, PAGE_MAX);
		ctl_out_safe(&b, cases[i].in);
		CHECK_STR(buf_view(&b), cases[i].want);
		buf_done(&b);
	}
}

static void
sizes_and_times(void)
{
	static const struct {
		str text;
		bool size_ok, time_ok;
		uint64_t size, time;
	} parsed[] = {
		{ S_INIT("0"), true, false, 0, 0 },
		{ S_INIT("4096"), true, false, 4096, 0 },
		{ S_INIT("10G"), true, false, 10ull << 30, 0 },
		{ S_INIT("1k"), true, false, 1024, 0 },
		{ S_INIT("90s"), false, true, 0, 90 },
		{ S_INIT("7d"), false, true, 0, 604800 },
		{ S_INIT("5m"), true, true, 5 << 20, 300 },
		{ S_INIT(""), false, false, 0, 0 },
		{ S_INIT("G"), false, false, 0, 0 },
		{ S_INIT("-1G"), false, false, 0, 0 },
		{ S_INIT("1.5G"), false, false, 0, 0 },
		{ S_INIT("99999999999T"), false, false, 0, 0 },
		{ S_INIT("99999999999999999999"), false, false, 0, 0 },
	};
	for (size_t i = 0; i < LEN(parsed); i++) {
		uint64_t v = 0;
		CHECK(ctl_size_parse(parsed[i].text, &v) == parsed[i].size_ok);
		CHECK_U64(v, parsed[i].size);
		v = 0;
		CHECK(ctl_time_parse(parsed[i].text, &v) == parsed[i].time_ok);
		CHECK_U64(v, parsed[i].time);
	}
}

static void
sizes_for_the_eye(void)
{
	static const struct {
		uint64_t octets;
		str want;
	} cases[] = {
		{ 0, S_INIT("0") },
		{ 1023, S_INIT("1023") },
		{ 1024, S_INIT("1.0K") },
		{ 1047552, S_INIT("1023K") },
		{ 10ull << 20, S_INIT("10M") },
		{ (1ull << 30) + (512ull << 20), S_INIT("1.5G") },
		{ (2ull << 30) - 1, S_INIT("1.9G") },
		{ UINT64_MAX, S_INIT("16777215T") },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		char room[64];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		ctl_size_put(&b, cases[i].octets);
		CHECK_STR(buf_view(&b), cases[i].want);
	}
}

TEST_MAIN(strings_are_escaped, nesting, long_lists_go_out_in_pieces, no_memory_is_told, for_people,
    for_programs, terminals_are_safe, sizes_and_times, sizes_for_the_eye)
