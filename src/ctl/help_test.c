/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables are complete: every command, option, exit code and setting has its texts and stands in
 * the manual pages.
 */
#include "ctl/help.h"

#include "base/test.h"
#include "conf/conf.h"

enum { PAGE_MAX = 1 << 20, SUMMARY_MAX = 76, OPTION_MAX = 80 };

static bool
has(const struct buf *page, str what)
{
	return str_find(buf_view(page), what) >= 0;
}

static void
every_command_is_told(void)
{
	const struct ctl_command *rows;
	size_t n = ctl_commands(&rows), used;
	struct buf page;
	buf_init(&page, PAGE_MAX);
	ctl_man_command(&page);
	CHECK_ERR(buf_err(&page), ERR_OK);
	CHECK(n > 35);
	for (size_t i = 0; i < n; i++) {
		char item[256];
		test_case = rows[i].summary;
		snprintf(item, sizeof item, ".It Ic %.*s%s%.*s\nTo %s.\n", STR_ARG(rows[i].words),
		    rows[i].args.n > 0 ? " Ar " : "", STR_ARG(rows[i].args), rows[i].summary);
		CHECK(has(&page, str_from(item)));
		CHECK(strlen(rows[i].summary) > 10 && strlen(rows[i].summary) <= SUMMARY_MAX);
		CHECK(rows[i].summary[strlen(rows[i].summary) - 1] != '.');
		CHECK(rows[i].details[strlen(rows[i].details) - 1] == '.');
		CHECK(rows[i].run != NULL);
	}
	for (size_t i = 0; i < n; i++) {
		str words[4], rest = rows[i].words;
		size_t words_n = 0;
		while (words_n < LEN(words) && ctl_word_next(&rest, &words[words_n])) {
			words_n++;
		}
		test_case = rows[i].summary;
		CHECK(ctl_command_find(words, words_n, &used) == &rows[i]);
		CHECK_U64(used, words_n);
	}
	test_case = NULL;
	buf_done(&page);
}

static void
every_option_is_used_and_told(void)
{
	const struct ctl_command *rows;
	size_t n = ctl_commands(&rows);
	uint32_t used = CTL_GLOBAL_OPTIONS;
	for (size_t i = 0; i < n; i++) {
		CHECK_U64(rows[i].options & CTL_GLOBAL_OPTIONS, 0);
		used |= rows[i].options;
	}
	for (unsigned o = 0; o < CTL_OPT_COUNT; o++) {
		const struct ctl_option_row *row = ctl_option_row(o);
		test_case = row->text;
		CHECK((used & 1u << o) != 0);
		CHECK(str_starts(row->spelling, S("--")));
		CHECK(strlen(row->text) > 5 && strlen(row->text) < OPTION_MAX);
	}
	test_case = NULL;
}

static void
every_exit_is_told(void)
{
	const struct ctl_exit_row *rows;
	size_t n = ctl_exits(&rows);
	struct buf page;
	buf_init(&page, PAGE_MAX);
	ctl_man_command(&page);
	for (size_t i = 0; i < n; i++) {
		char item[256];
		CHECK_U64(rows[i].code, i);
		snprintf(item, sizeof item, ".It %d\n%s.\n", (int)rows[i].code, rows[i].text);
		CHECK(has(&page, str_from(item)));
	}
	buf_done(&page);
}

static void
every_setting_is_told(void)
{
	const struct conf_row *rows;
	size_t n = conf_rows(&rows), at_start = 0, told = 0;
	struct buf page;
	buf_init(&page, PAGE_MAX);
	ctl_man_settings(&page);
	CHECK_ERR(buf_err(&page), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		at_start += rows[i].at_start;
		char item[512];
		snprintf(item, sizeof item, ".It Ic %s%s%s\n", rows[i].section,
		    rows[i].section[0] != '\0' ? " " : "", rows[i].key);
		test_case = rows[i].key;
		CHECK(has(&page, str_from(item)));
	}
	test_case = NULL;
	str mark = S("Takes force when the server is started anew.\n"), rest = buf_view(&page);
	for (ptrdiff_t at = 0; (at = str_find(rest, mark)) >= 0; told++) {
		rest = str_from_off(rest, (size_t)at + mark.n);
	}
	CHECK(at_start > 0);
	CHECK_U64(told, at_start);
	buf_done(&page);
}

static void
pages_are_mdoc(void)
{
	void (*const pages[])(struct buf *) = { ctl_man_command, ctl_man_settings };
	for (size_t i = 0; i < LEN(pages); i++) {
		struct buf page;
		str text, line;
		int lists = 0;
		buf_init(&page, PAGE_MAX);
		pages[i](&page);
		text = buf_view(&page);
		CHECK(has(&page, S("\n.Sh NAME\n")));
		while (text.n > 0 && str_next(&text, '\n', &line)) {
			lists += str_starts(line, S(".Bl ")) - str_starts(line, S(".El"));
			CHECK(lists >= 0);
			CHECK(!str_starts(line, S("'")));
			CHECK(!str_starts(line, S(".")) || ascii_is_alpha(line.p[1]) ||
			    line.p[1] == '\\');
		}
		CHECK_U64(lists, 0);
		buf_done(&page);
	}
}

static void
wraps(void)
{
	static const struct {
		str text;
		size_t indent, width;
		str want;
	} cases[] = {
		{ S_INIT("one two three"), 0, 7, S_INIT("one two\nthree\n") },
		{ S_INIT("one two three"), 2, 9, S_INIT("  one two\n  three\n") },
		{ S_INIT("a verylongword b"), 0, 4, S_INIT("a\nverylongword\nb\n") },
		{ S_INIT(""), 4, 10, S_INIT("\n") },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b;
		buf_init(&b, PAGE_MAX);
		ctl_help_wrap(&b, cases[i].text, cases[i].indent, cases[i].width);
		CHECK_STR(buf_view(&b), cases[i].want);
		buf_done(&b);
	}
}

static void
synopsis(void)
{
	str words[] = { S("account"), S("quota") };
	size_t used;
	struct buf b;
	buf_init(&b, PAGE_MAX);
	ctl_help_synopsis(&b, ctl_command_find(words, 2, &used));
	CHECK_STR(buf_view(&b),
	    S("account quota ADDRESS [--quota SIZE] [--quota-messages NUMBER]"));
	buf_done(&b);
}

TEST_MAIN(every_command_is_told, every_option_is_used_and_told, every_exit_is_told,
    every_setting_is_told, pages_are_mdoc, wraps, synopsis)
