/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every row of the error table has a name, a sentence and a class; numbers from outside are safe.
 */
#include "base/err.h"
#include "base/test.h"

static void
every_row_is_whole(void)
{
	for (int e = 0; e < ERR_COUNT; e++) {
		str name = str_from(err_name((enum err)e)), text = str_from(err_text((enum err)e));
		test_case = name.p;
		CHECK(name.n >= 2);
		CHECK(text.n >= 4);
		for (size_t i = 0; i < name.n; i++) {
			CHECK(ascii_is_alpha(name.p[i]) && ascii_upper(name.p[i]) == name.p[i]);
		}
		CHECK(str_find(text, S("\n")) < 0);
		CHECK(err_class((enum err)e) <= ERR_CLASS_BUG);
		for (int other = 0; other < e; other++) {
			CHECK(!str_eq(name, str_from(err_name((enum err)other))));
		}
	}
}

static void
classes(void)
{
	static const struct {
		enum err e;
		enum err_class want;
	} rows[] = {
		{ ERR_OK, ERR_CLASS_NONE },
		{ ERR_AGAIN, ERR_CLASS_AGAIN },
		{ ERR_SYNTAX, ERR_CLASS_PEER },
		{ ERR_BUDGET, ERR_CLASS_TEMP },
		{ ERR_QUOTA, ERR_CLASS_PERM },
		{ ERR_NOMEM, ERR_CLASS_LOCAL },
		{ ERR_BUG, ERR_CLASS_BUG },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		CHECK(err_class(rows[i].e) == rows[i].want);
	}
	CHECK(ERR_OK == 0);
}

static void
numbers_from_outside(void)
{
	static const unsigned odd[] = { ERR_COUNT, ERR_COUNT + 1, 0x7fffffff, 0xffffffff };
	for (size_t i = 0; i < LEN(odd); i++) {
		enum err e = (enum err)odd[i];
		CHECK_STR(str_from(err_name(e)), S("UNKNOWN"));
		CHECK_STR(str_from(err_text(e)), S("unknown error"));
		CHECK(err_class(e) == ERR_CLASS_BUG);
	}
}

static enum err
tries(enum err e, int *ret_reached)
{
	TRY(e);
	*ret_reached = 1;
	return ERR_OK;
}

static void
try_returns_early(void)
{
	int reached = 0;
	CHECK_ERR(tries(ERR_BUSY, &reached), ERR_BUSY);
	CHECK_U64(reached, 0);
	CHECK_ERR(tries(ERR_OK, &reached), ERR_OK);
	CHECK_U64(reached, 1);
}

TEST_MAIN(every_row_is_whole, classes, numbers_from_outside, try_returns_early)
