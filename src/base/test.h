/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole unit test framework: CHECK counts, TEST_MAIN prints "N passed, N failed". A failed
 * check prints file, line and values and goes on; a program without a check has failed.
 *
 *	static void parses_empty(void) { CHECK(f() == ERR_OK); }
 *	TEST_MAIN(parses_empty, other_case)
 */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include "base/err.h"
#include "base/str.h"

extern unsigned test_passed, test_failed;
extern const char *test_case; /* set it inside table loops; printed with a failure */

#define CHECK(cond) test_check((cond), __FILE__, __LINE__, #cond)
#define CHECK_ERR(got, want) test_check_err((got), (want), __FILE__, __LINE__)
#define CHECK_STR(got, want) test_check_str((got), (want), __FILE__, __LINE__)
#define CHECK_U64(got, want) test_check_u64((uint64_t)(got), (uint64_t)(want), __FILE__, __LINE__)

/* Behind the macros; true when the check held. */
bool test_check(bool ok, const char *file, int line, const char *what);
bool test_check_err(enum err got, enum err want, const char *file, int line);
bool test_check_str(str got, str want, const char *file, int line);
bool test_check_u64(uint64_t got, uint64_t want, const char *file, int line);

typedef void test_fn(void);

/* Run all; the exit status. */
int test_run(test_fn *const *tests, size_t n);

#define TEST_MAIN(...)                                           \
	int main(void)                                           \
	{                                                        \
		static test_fn *const tests[] = { __VA_ARGS__ }; \
		return test_run(tests, LEN(tests));              \
	}

#endif
