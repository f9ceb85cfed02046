/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Percentiles by nearest rank over the accepted messages. The report sorts the slots in place,
 * after all workers are gone.
 */
#include "sample.h"

#include <sys/mman.h>
#include <time.h>

uint64_t
bench_now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

struct bench_samples *
bench_samples_new(uint32_t n)
{
	if (n > BENCH_SAMPLE_MAX) {
		return NULL;
	}
	struct bench_samples *s;
	size_t octets = sizeof(*s) + n * sizeof(struct bench_sample);
	int flags = MAP_SHARED | MAP_ANONYMOUS;
	void *p = mmap(NULL, octets, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (p == MAP_FAILED) {
		return NULL;
	}
	s = p;
	s->max = n;
	return s;
}

/* JSON without escapes: what would need one, or is not printable ASCII, becomes a question mark. */
static char
plain(char c)
{
	return c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
}

void
bench_samples_fail(struct bench_samples *s, const char *during, str words)
{
	if (atomic_fetch_add(&s->errors, 1) != 0) {
		return;
	}
	snprintf(s->reason, sizeof(s->reason), "%s: %.*s", during, STR_ARG(words));
	for (char *p = s->reason; *p != '\0'; p++) {
		*p = plain(*p);
	}
}

static int
by_dot(const void *a, const void *b)
{
	const struct bench_sample *x = a, *y = b;
	return (x->dot_us > y->dot_us) - (x->dot_us < y->dot_us);
}

static int
by_whole(const void *a, const void *b)
{
	const struct bench_sample *x = a, *y = b;
	return (x->whole_us > y->whole_us) - (x->whole_us < y->whole_us);
}

/* The accepted slots, moved to the front. */
static uint32_t
gather(struct bench_samples *s)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->max; i++) {
		if (s->at[i].dot_us != 0) {
			s->at[n++] = s->at[i];
		}
	}
	return n;
}

/* Index of the nearest rank; n > 0. */
static uint32_t
rank(uint32_t n, uint32_t percent)
{
	uint64_t up = ((uint64_t)n * percent + 99) / 100;
	return (uint32_t)MAX(up, 1u) - 1;
}

void
bench_samples_report(struct bench_samples *s, double seconds, struct buf *out)
{
	static const struct bench_sample none = { 0, 0 };
	uint32_t n = gather(s);
	qsort(s->at, n, sizeof(s->at[0]), by_dot);
	uint32_t dot50 = n > 0 ? s->at[rank(n, 50)].dot_us : none.dot_us;
	uint32_t dot99 = n > 0 ? s->at[rank(n, 99)].dot_us : none.dot_us;
	qsort(s->at, n, sizeof(s->at[0]), by_whole);
	uint32_t whole50 = n > 0 ? s->at[rank(n, 50)].whole_us : none.whole_us;
	uint32_t whole99 = n > 0 ? s->at[rank(n, 99)].whole_us : none.whole_us;
	buf_printf(out,
	    "{\"accepted\": %u, \"errors\": %u, \"reason\": \"%s\", \"seconds\": %.3f, ", n,
	    atomic_load(&s->errors), s->reason, seconds);
	buf_printf(out, "\"per_second\": %.1f, \"p50_ms\": %.2f, \"p99_ms\": %.2f, ",
	    seconds > 0 ? n / seconds : 0.0, dot50 / 1000.0, dot99 / 1000.0);
	buf_printf(out, "\"whole_p50_ms\": %.2f, \"whole_p99_ms\": %.2f}\n", whole50 / 1000.0,
	    whole99 / 1000.0);
}
