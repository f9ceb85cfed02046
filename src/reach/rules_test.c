/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules file: what is read, what is complained about and where, that a bad row costs nothing
 * but itself; and that the file we ship is without fault.
 */
#include "base/buf.h"
#include "base/test.h"
#include "reach/classify.h"
#include "reach/operator.h"

struct said {
	unsigned n, line, column;
};

static void
listen(void *ctx, unsigned line, unsigned column, const char *what)
{
	struct said *s = ctx;

	CHECK(what != NULL && *what != '\0');
	if (s->n++ == 0) {
		s->line = line;
		s->column = column;
	}
}

static void
our_file_is_without_fault(void)
{
	struct arena *a = arena_new(NULL, "rules", REACH_RULES_ARENA, 0);
	struct reach_rules *r = NULL;
	struct said said = { 0 };

	CHECK_ERR(reach_rules_parse(reach_rules_builtin(), a, listen, &said, &r), ERR_OK);
	CHECK_U64(said.n, 0);
	CHECK(r != NULL && reach_rules_count(r) > 500);
	arena_free(&a);
}

#define GOOD "phrase good - - 5xx - U1 - 2026-01-01 test \"gone away\"\n"

static void
bad_rows_are_named_and_left_out(void)
{
	static const struct {
		const char *name, *row;
		unsigned column;
	} rows[] = {
		{ "kind", "word x - - - - U1 - 2026-01-01 t \"p\"", 1 },
		{ "columns", "phrase x - - - - U1 - 2026-01-01 t", 1 },
		{ "no quotes", "phrase x - - - - U1 - 2026-01-01 t p", 36 },
		{ "open quote", "phrase x - - - - U1 - 2026-01-01 t \"p", 36 },
		{ "id twice", "phrase good - - - - U1 - 2026-01-01 t \"p\"", 8 },
		{ "phase", "phrase x - hello - - U1 - 2026-01-01 t \"p\"", 12 },
		{ "code", "phrase x - - 5y5 - U1 - 2026-01-01 t \"p\"", 14 },
		{ "code class", "phrase x - - 250 - U1 - 2026-01-01 t \"p\"", 14 },
		{ "code length", "phrase x - - 55 - U1 - 2026-01-01 t \"p\"", 14 },
		{ "status", "status x - - - 5.7 U1 - 2026-01-01 t \"\"", 16 },
		{ "status range", "status x - - - 5.7.9-1 U1 - 2026-01-01 t \"\"", 21 },
		{ "class", "phrase x - - - - U99 - 2026-01-01 t \"p\"", 18 },
		{ "scope", "phrase x - - - - U1 moon 2026-01-01 t \"p\"", 21 },
		{ "date", "phrase x - - - - U1 - 2026-1-1 t \"p\"", 23 },
		{ "empty phrase", "phrase x - - - - U1 - 2026-01-01 t \"\"", 36 },
		{ "status with words", "status x - - - 5.7.1 U1 - 2026-01-01 t \"p\"", 40 },
		{ "class in pattern", "phrase x - - - - U1 - 2026-01-01 t \"ab<q>\"", 39 },
		{ "operator", "operator alone", 1 },
		{ "suffix", "operator one example.org", 14 },
		{ "verb", "verb is", 1 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct arena *a = arena_new(NULL, "rules", REACH_RULES_ARENA, 0);
		struct reach_rules *r = NULL;
		struct said said = { 0 };
		struct buf text;

		test_case = rows[i].name;
		buf_init(&text, 4000);
		buf_cstr(&text, "# head\n" GOOD);
		buf_cstr(&text, rows[i].row);
		buf_cstr(&text,
		    "\nphrase last - - - - U2 - 2026-01-01 t \"switched off\" \"a hint\"");
		CHECK_ERR(reach_rules_parse(buf_view(&text), a, listen, &said, &r), ERR_OK);
		CHECK_U64(said.n, 1);
		CHECK_U64(said.line, 3);
		CHECK_U64(said.column, rows[i].column);
		CHECK_U64(reach_rules_count(r), 2);
		buf_done(&text);
		arena_free(&a);
	}
	test_case = NULL;
}

static void
limits_hold(void)
{
	struct arena *a = arena_new(NULL, "rules", REACH_RULES_ARENA, 0);
	struct arena *small = arena_new(NULL, "small", 20000, 0);
	struct reach_rules *r = NULL;
	struct said said = { 0 };
	struct buf text;

	buf_init(&text, REACH_RULES_FILE_MAX + 1);
	for (unsigned i = 0; i < REACH_RULES_MAX + 5; i++) {
		buf_printf(&text, "phrase r%u - - - - U1 - 2026-01-01 t \"word%u\"\n", i, i);
	}
	CHECK_ERR(buf_err(&text), ERR_OK);
	CHECK_ERR(reach_rules_parse(buf_view(&text), a, listen, &said, &r), ERR_OK);
	CHECK_U64(reach_rules_count(r), REACH_RULES_MAX);
	CHECK_U64(said.n, 1);
	CHECK_ERR(reach_rules_parse(buf_view(&text), small, listen, &said, &r), ERR_BUDGET);
	CHECK(buf_room(&text, REACH_RULES_FILE_MAX + 1 - text.n) != NULL);
	buf_grow(&text, REACH_RULES_FILE_MAX + 1 - text.n);
	CHECK_ERR(reach_rules_parse(buf_view(&text), a, listen, &said, &r), ERR_TOOBIG);
	buf_done(&text);
	arena_free(&a);
	arena_free(&small);
}

static void
operators_are_found(void)
{
	static const struct {
		const char *mx, *want;
	} rows[] = {
		{ "gmail-smtp-in.l.google.com", "google" },
		{ "ASPMX.L.GOOGLE.COM.", "google" },
		{ "hotmail-com.olc.protection.outlook.com", "outlook" },
		{ "example-org.mail.protection.outlook.com", "eop" },
		{ "mx00.t-online.de", "t-online" },
		{ "mxs.mail.ru", "mailru" },
		{ "notgoogle.com", "notgoogle.com" },
		{ "mx1.mail.example.co.uk", "example.co.uk" },
		{ "MX.Example.ORG", "Example.ORG" },
		{ "[192.0.2.1]", "[192.0.2.1]" },
		{ "com", "com" },
		{ "", "" },
	};
	struct arena *a = arena_new(NULL, "rules", REACH_RULES_ARENA, 0);
	struct reach_rules *r = NULL;

	CHECK_ERR(reach_rules_parse(reach_rules_builtin(), a, NULL, NULL, &r), ERR_OK);
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].mx;
		CHECK_STR(reach_operator(r, str_from(rows[i].mx)), str_from(rows[i].want));
	}
	test_case = NULL;
	CHECK_STR(reach_operator(NULL, S("mx.google.com")), S("google.com"));
	arena_free(&a);
}

TEST_MAIN(our_file_is_without_fault, bad_rows_are_named_and_left_out, limits_hold,
    operators_are_found)
