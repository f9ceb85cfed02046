/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many letters to many destinations, a tenth of them dead.
 */
#include <malloc.h>

#include "svc/queue/remote/world_test.h"

__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

static size_t
allocated(void)
{
	if (__sanitizer_get_current_allocated_bytes != NULL) {
		return __sanitizer_get_current_allocated_bytes();
	}
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

static void
commit_many(size_t letters, size_t dests)
{
	char name[64];
	for (size_t i = 0; i < letters; i++) {
		size_t k = i % dests;
		snprintf(name, sizeof name, "somebody.or.other@destination%05zu.%s", k,
		    k % 10 == 0 ? "dead" : "test");
		struct spool_rcpt r = { .address = str_from(name) };
		const struct spool_envelope e = world_envelope(&r, 1);
		CHECK_ERR(svc_queue_commit_own(w->q, &e, BODY, NULL), ERR_OK);
		if (i % 1000 == 999) {
			world_turn(0);
		}
	}
	world_turn(0);
}

/*
 * Many letters, a tenth of the destinations dead: the living get theirs, the dead cost a try each,
 * and a letter costs no more memory than limits.h says.
 */
static void
mass(size_t letters, size_t dests)
{
	world_open();
	w->conf.queue_retry_first = w->conf.queue_retry_max = 3600000;
	sys_close(&w->send);
	world_turn(0);
	size_t before = allocated();
	commit_many(letters, dests);
	CHECK_U64(w->q->remote->letters, letters);
	size_t each = (allocated() - before) / letters;
	CHECK(each <= SVC_QUEUE_REMOTE_LETTER_OCTETS);
	w->robot = true;
	world_wire_send();
	int64_t began = sys_clock_us();
	size_t living = letters - letters / 10;
	for (size_t i = 0; i < letters && w->taken < living; i++) {
		world_turn(0);
		world_read_send();
	}
	int64_t took = sys_clock_us() - began;
	for (size_t i = 0; i < letters && w->q->remote->sent_n > 0; i++) {
		world_turn(0);
		world_read_send();
	}
	CHECK_U64(w->taken, living);
	CHECK(w->dead_tries <= 3 * dests / 10);
	CHECK_U64(w->q->remote->letters, letters / 10);
	printf("%zu letters, %zu destinations: %zu octets each, %lld us each for the living\n",
	    letters, dests, each, (long long)(took / (int64_t)living));
	world_close();
}

static void
many(void)
{
	mass(5000, 100);
}

/* The whole of it, for who asks for it by name (POSTERN_TEST_MASS): 100,000 to 1,000. */
static void
very_many(void)
{
	if (getenv("POSTERN_TEST_MASS") != NULL) {
		mass(100000, 1000);
	}
}

TEST_MAIN(many, very_many)
