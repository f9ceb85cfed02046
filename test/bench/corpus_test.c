/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters of a file: all of them, or a reason.
 */
#include "corpus.h"

#include "base/test.h"

#include <stdio.h>

static const char *const path = "bench-corpus-test";

static const struct {
	const char *name, *in;
	enum err want;
	size_t n, longest;
} cases[] = {
	{ "two letters", "a@b.test 6\na: b\r\n 4\nhi\r\n", ERR_OK, 2, 6 },
	{ "nothing", "", ERR_CORRUPT, 0, 0 },
	{ "no number", "a@b.test x\nhi\r\n", ERR_CORRUPT, 0, 0 },
	{ "no line", "a@b.test 4", ERR_CORRUPT, 0, 0 },
	{ "too short", "a@b.test 5\nhi\r\n", ERR_CORRUPT, 0, 0 },
	{ "no end of line", "a@b.test 2\nhi", ERR_CORRUPT, 0, 0 },
	{ "rubbish behind", "a@b.test 4\nhi\r\nx", ERR_CORRUPT, 0, 0 },
};

static void
files(void)
{
	struct bench_corpus c;
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		FILE *f = fopen(path, "wb");
		CHECK(f != NULL);
		fwrite(cases[i].in, 1, strlen(cases[i].in), f);
		fclose(f);
		CHECK_ERR(bench_corpus_load(&c, path), cases[i].want);
		if (cases[i].want == ERR_OK) {
			CHECK_U64(c.n, cases[i].n);
			CHECK_U64(c.longest, cases[i].longest);
			CHECK_STR(c.letters[0].from, S("a@b.test"));
			CHECK_STR(c.letters[0].text, S("a: b\r\n"));
			CHECK_STR(c.letters[1].text, S("hi\r\n"));
			CHECK_U64(c.letters[1].from.n, 0);
		}
		bench_corpus_done(&c);
	}
	remove(path);
	CHECK_ERR(bench_corpus_load(&c, path), ERR_NOTFOUND);
	bench_corpus_done(&c);
}

TEST_MAIN(files)
