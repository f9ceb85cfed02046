/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counting behind test.h.
 */
#include "base/test.h"

unsigned test_passed, test_failed;
const char *test_case = "";

bool
test_check(bool ok, const char *file, int line, const char *what)
{
	if (ok) {
		test_passed++;
		return true;
	}
	test_failed++;
	printf("%s:%d: failed: %s %s\n", file, line, what, test_case);
	return false;
}

bool
test_check_err(enum err got, enum err want, const char *file, int line)
{
	if (got != want) {
		printf("got %s, want %s\n", err_name(got), err_name(want));
	}
	return test_check(got == want, file, line, "error code");
}

bool
test_check_str(str got, str want, const char *file, int line)
{
	bool ok = str_eq(got, want);
	if (!ok) {
		printf("got  (%zu) \"%.*s\"\nwant (%zu) \"%.*s\"\n", got.n, STR_ARG(got), want.n,
		    STR_ARG(want));
	}
	return test_check(ok, file, line, "text");
}

bool
test_check_u64(uint64_t got, uint64_t want, const char *file, int line)
{
	if (got != want) {
		printf("got %llu, want %llu\n", (unsigned long long)got, (unsigned long long)want);
	}
	return test_check(got == want, file, line, "number");
}

int
test_run(test_fn *const *tests, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		test_case = "";
		tests[i]();
	}
	test_check(test_passed + test_failed > 0, __FILE__, __LINE__, "a test checks something");
	printf("%u passed, %u failed\n", test_passed, test_failed);
	return test_failed != 0;
}
