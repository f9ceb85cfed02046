/* SPDX-License-Identifier: Apache-2.0 */
/*
 * corpus: letters made beforehand, so that they may be signed and differ as real ones do. One file:
 * for each letter a line "REVERSE-PATH OCTETS" LF, then that many octets: lines with CRLF, dots
 * stuffed, without the lone dot at the end.
 */
#ifndef BENCH_CORPUS_H
#define BENCH_CORPUS_H

#include "base/err.h"
#include "base/str.h"

#define BENCH_CORPUS_MAX 1000000u /* letters */
#define BENCH_CORPUS_OCTETS (1u << 30)

struct bench_corpus_letter {
	str from, text;
};

struct bench_corpus {
	char *octets;
	struct bench_corpus_letter *letters;
	size_t n, longest;
};

/*
 * Read a corpus.
 *
 * In      path: the file
 * Out     c: call bench_corpus_done in every case
 * Limits  BENCH_CORPUS_MAX, BENCH_CORPUS_OCTETS
 * Errors  ERR_NOTFOUND; ERR_TOOBIG; ERR_CORRUPT: not as above, or no letter; ERR_NOMEM
 */
enum err bench_corpus_load(struct bench_corpus *c, const char *path) NODISCARD;
void bench_corpus_done(struct bench_corpus *c);

#endif
