/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prose from a small generator with a fixed seed: the same octets on every machine, compressible
 * about as far as real text. Each letter starts at another line of the pool.
 */
#include "letter.h"

#include "base/mem.h"

#define POOL_EXTRA_LINES 4099u /* a prime, so that starts repeat late */

static const char *const SYLLABLES[] = {
	"ka",
	"ren",
	"to",
	"mi",
	"sal",
	"ve",
	"dor",
	"un",
	"ter",
	"is",
	"lo",
	"pan",
	"gri",
	"es",
	"ba",
	"nu",
	"fel",
	"or",
	"ching",
	"da",
	"stu",
	"er",
	"mo",
	"wick",
	"al",
	"pos",
	"tern",
	"i",
	"hu",
	"sen",
};

static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* One line of words, filled up with full stops; n counts without CRLF. */
static void
write_line(char *line, size_t n, uint32_t *state)
{
	size_t at = 0;
	while (at < n) {
		const char *s = SYLLABLES[next_random(state) % LEN(SYLLABLES)];
		size_t len = MIN(strlen(s), n - at);
		memcpy(line + at, s, len);
		at += len;
		if (at < n && at > 1 && next_random(state) % 3 == 0) {
			line[at++] = ' ';
		}
	}
	memcpy(line + n, "\r\n", 2);
}

enum err
bench_letter_init(struct bench_letter *l, size_t max, const char *domain, const char *sender,
    uint64_t run)
{
	if (max > BENCH_LETTER_MAX) {
		return ERR_TOOBIG;
	}
	size_t lines = max / BENCH_LETTER_LINE + 1 + POOL_EXTRA_LINES;
	*l = (struct bench_letter){ .run = run, .domain = domain, .sender = sender };
	l->pool_n = lines * BENCH_LETTER_LINE;
	l->pool = mem_zalloc(lines, BENCH_LETTER_LINE);
	if (l->pool == NULL) {
		return ERR_NOMEM;
	}
	uint32_t state = 20481u;
	for (size_t i = 0; i < lines; i++) {
		write_line(l->pool + i * BENCH_LETTER_LINE, BENCH_LETTER_LINE - 2, &state);
	}
	return ERR_OK;
}

void
bench_letter_done(struct bench_letter *l)
{
	MEM_FREE(l->pool);
}

void
bench_letter_add(const struct bench_letter *l, uint64_t seq, uint32_t to, size_t octets,
    struct buf *out)
{
	size_t before = out->n;
	buf_printf(out,
	    "From: Load <%s>\r\n"
	    "To: User %u <user%u@%s>\r\n"
	    "Subject: letter %llu of the load generator\r\n"
	    "Date: Mon, 06 Jul 2026 10:00:00 +0200\r\n"
	    "Message-ID: <%llx.%llu@sender.test>\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n"
	    "\r\n",
	    l->sender, to, to, l->domain, (unsigned long long)seq, (unsigned long long)l->run,
	    (unsigned long long)seq);
	size_t header = out->n - before;
	size_t body = octets > header ? octets - header : 0;
	body = MAX(body / BENCH_LETTER_LINE, (size_t)1) * BENCH_LETTER_LINE;
	size_t start = (size_t)(seq % POOL_EXTRA_LINES) * BENCH_LETTER_LINE;
	buf_add(out, l->pool + start, MIN(body, l->pool_n - start));
}
