/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole file in memory before the workers are forked, and where each letter lies in it.
 */
#include "corpus.h"

#include "base/mem.h"

#include <stdio.h>

/* The next letter of `rest`. */
static enum err
take(str *rest, struct bench_corpus_letter *ret)
{
	const char *lf = memchr(rest->p, '\n', rest->n);
	const char *space = lf == NULL ? NULL : memchr(rest->p, ' ', (size_t)(lf - rest->p));
	uint32_t octets;
	if (space == NULL || !str_u32(str_make(space + 1, (size_t)(lf - space - 1)), &octets)) {
		return ERR_CORRUPT;
	}
	str from = str_make(rest->p, (size_t)(space - rest->p));
	*rest = str_from_off(*rest, (size_t)(lf + 1 - rest->p));
	if (octets > rest->n || octets < 2 || memcmp(rest->p + octets - 2, "\r\n", 2) != 0) {
		return ERR_CORRUPT;
	}
	*ret = (struct bench_corpus_letter){ from, str_sub(*rest, 0, octets) };
	*rest = str_from_off(*rest, octets);
	return ERR_OK;
}

/* Twice: count, then keep. */
static enum err
take_all(struct bench_corpus *c, str rest)
{
	struct bench_corpus_letter l;
	size_t n = 0;
	while (rest.n > 0) {
		TRY(take(&rest, &l));
		if (n >= BENCH_CORPUS_MAX) {
			return ERR_TOOBIG;
		}
		if (c->letters != NULL) {
			c->letters[n] = l;
		}
		n++;
		c->longest = MAX(c->longest, l.text.n);
	}
	c->n = n;
	return n > 0 ? ERR_OK : ERR_CORRUPT;
}

static enum err
read_all(FILE *f, char **ret, size_t *ret_n)
{
	if (fseek(f, 0, SEEK_END) != 0) {
		return ERR_IO;
	}
	long n = ftell(f);
	if (n < 0 || fseek(f, 0, SEEK_SET) != 0) {
		return ERR_IO;
	}
	if ((unsigned long)n > BENCH_CORPUS_OCTETS) {
		return ERR_TOOBIG;
	}
	*ret = mem_zalloc(1, (size_t)n + 1);
	if (*ret == NULL) {
		return ERR_NOMEM;
	}
	*ret_n = fread(*ret, 1, (size_t)n, f);
	return *ret_n == (size_t)n ? ERR_OK : ERR_IO;
}

enum err
bench_corpus_load(struct bench_corpus *c, const char *path)
{
	size_t n = 0;
	*c = (struct bench_corpus){ 0 };
	FILE *f = fopen(path, "rb");
	if (f == NULL) {
		return ERR_NOTFOUND;
	}
	enum err e = read_all(f, &c->octets, &n);
	fclose(f);
	str all = str_make(c->octets, n);
	TRY(e);
	TRY(take_all(c, all));
	c->letters = mem_zalloc(c->n, sizeof *c->letters);
	return c->letters == NULL ? ERR_NOMEM : take_all(c, all);
}

void
bench_corpus_done(struct bench_corpus *c)
{
	MEM_FREE(c->letters);
	MEM_FREE(c->octets);
}
