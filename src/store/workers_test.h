/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests with several processes on one account: start them, hear how they end, kill them in the
 * middle. A worker writes an octet into `acks` for each thing that it was told is done.
 */
#ifndef STORE_WORKERS_TEST_H
#define STORE_WORKERS_TEST_H

#include "base/test.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <signal.h>
#include <unistd.h>

/* A child's failure shows in its exit status. */
static inline void
must(bool ok)
{
	if (!ok) {
		sys_exit(1);
	}
}

typedef void worker_fn(unsigned worker, unsigned rounds, int acks);

/* A process that works and ends; living() or kill_after() reap it. */
static inline struct sys_child
start(worker_fn *work, unsigned worker, unsigned rounds, int acks)
{
	struct sys_child child = { 0 };
	bool in_child = false;
	CHECK_ERR(sys_fork(&in_child, &child), ERR_OK);
	if (in_child) {
		work(worker, rounds, acks);
		sys_exit(0);
	}
	return child;
}

/* How many of them still work; those that ended must have ended well. */
static inline unsigned
living(struct sys_child *workers, size_t n)
{
	struct sys_child_end end;
	unsigned left = 0;
	for (size_t i = 0; i < n; i++) {
		if (workers[i].pidfd >= 0 && sys_child_end(&workers[i], &end) == ERR_OK) {
			CHECK(!end.signalled && end.code == 0);
			workers[i].pidfd = -1;
		}
		left += workers[i].pidfd >= 0;
	}
	return left;
}

/* Kill it when so many octets have come, wherever it is then; how many there were in the end. */
static inline size_t
kill_after(struct sys_child *child, int acks, size_t wanted)
{
	char octets[64];
	size_t total = 0;
	ssize_t n = 1;
	struct sys_child_end end;
	while (total < wanted && n > 0) {
		n = read(acks, octets, sizeof octets);
		total += n > 0 ? (size_t)n : 0;
	}
	CHECK_ERR(sys_child_signal(child, SIGKILL), ERR_OK);
	CHECK_ERR(sys_child_wait(child, &end), ERR_OK);
	CHECK(end.signalled);
	while ((n = read(acks, octets, sizeof octets)) > 0) {
		total += (size_t)n;
	}
	return total;
}

#endif
