/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns: each class, gaps, anchors, what is refused; and that long texts made to go wrong cost
 * steps in proportion to their length only.
 */
#include "base/test.h"
#include "reach/pattern_priv.h"

static struct arena *a;

static bool
fits(const char *pattern, const char *text)
{
	struct reach_pattern p;
	struct buf folded;
	size_t at;

	buf_init(&folded, 20000);
	reach_fold(&folded, str_from(text));
	enum err e = reach_pattern_read(str_from(pattern), a, &p, &at);
	bool yes = e == ERR_OK && reach_pattern_fits(&p, buf_view(&folded));
	buf_done(&folded);
	return yes;
}

static void
fits_as_it_should(void)
{
	static const struct {
		const char *pattern, *text;
		bool want;
	} rows[] = {
		{ "blocked using", "Client host [192.0.2.1] blocked  USING bl.example.org", true },
		{ "blocked using", "blocked", false },
		{ "a*b", "xxaxxbxx", true },
		{ "a*b", "b then a", false },
		{ "a*b*a", "ab", false },
		{ "*", "", true },
		{ "*", "anything", true },
		{ "(s<d>)", "see (S3150) there", true },
		{ "(s<d>)", "see (S) there", false },
		{ "<d>.<d>", "at 12.5", true },
		{ "by <w>.<w>", "blocked by zen.example.org", true },
		{ "by <w>.<w>", "blocked by recipient", false },
		{ "[<ip>]", "host [192.0.2.1] is", true },
		{ "[<ip>]", "host [2001:db8::1] is", true },
		{ "[<ip>]", "host [192.0.2.256] is", false },
		{ "[<ip>]", "host [a.b.c.d] is", false },
		{ "from <ip>", "from 192.0.2.1.", true },
		{ "from <ip>", "from 192.0.2.1:4711", true },
		{ "<b>ip<b>", "your IP is", true },
		{ "<b>ip<b>", "recipient", false },
		{ "<b>ip<b>", "ip", true },
		{ "<^>rp-00<d>", "RP-001 too much", true },
		{ "<^>rp-00<d>", "see RP-001", false },
		{ "later<$>", "try later", true },
		{ "later<$>", "later, not now, later", true },
		{ "later<$>", "later on", false },
		{ "<<x>", "a <x> b", true },
		{ "заблокирован", "Сервер ЗАБЛОКИРОВАН", true },
		{ "gesperrt für", "GESPERRT FÜR uns", true },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].pattern;
		CHECK(fits(rows[i].pattern, rows[i].text) == rows[i].want);
	}
	test_case = NULL;
}

static void
refuses_what_it_does_not_know(void)
{
	struct reach_pattern p;
	char many[2 * REACH_PIECES_MAX + 4];
	size_t at = 0;

	CHECK_ERR(reach_pattern_read(S("abc<q>"), a, &p, &at), ERR_SYNTAX);
	CHECK_U64(at, 3);
	CHECK_ERR(reach_pattern_read(S("abc<"), a, &p, &at), ERR_SYNTAX);
	for (size_t i = 0; i < sizeof(many); i++) {
		many[i] = i % 2 == 0 ? 'a' : '*';
	}
	CHECK_ERR(reach_pattern_read(str_make(many, sizeof(many)), a, &p, &at), ERR_TOOMANY);
}

/* A matcher that goes back would need the length to the power of the number of gaps. */
static void
costs_no_more_than_it_may(void)
{
	char text[4097];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK(!fits("a*a*a*a*a*a*a*a*a*a*b", text));
	memset(text, '1', sizeof(text) - 1);
	CHECK(!fits("<d>x", text));
	CHECK(!fits("1<d>x*<d>x", text));
	CHECK(!fits("<ip>x", text));
}

static void
addresses(void)
{
	static const struct {
		const char *text;
		size_t n;
	} rows[] = { { "192.0.2.1", 9 }, { "192.0.2.1]", 9 }, { "192.0.2.1.", 9 }, { "1.2.3", 0 },
		{ "1.2.3.4.5", 0 }, { "2001:db8::1]", 11 }, { "::1", 3 },
		{ "fe80:1:2:3:4:5:6:7", 18 }, { "12:30:45", 0 }, { "", 0 }, { "1.2.3.4x", 0 } };

	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].text;
		CHECK_U64(reach_address_at(str_from(rows[i].text), 0), rows[i].n);
	}
	test_case = NULL;
	CHECK_U64(reach_address_at(S("x192.0.2.1"), 1), 0);
}

static void
begin(void)
{
	a = arena_new(NULL, "pattern", 1 << 20, 0);
	CHECK(a != NULL);
}

static void
end(void)
{
	arena_free(&a);
	CHECK(a == NULL);
}

TEST_MAIN(begin, fits_as_it_should, refuses_what_it_does_not_know, costs_no_more_than_it_may,
    addresses, end)
