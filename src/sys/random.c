/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getrandom by system call number: the C library's header of that name is hidden by our random.h.
 */
#include "sys/random.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

void
sys_random(void *out, size_t n)
{
	uint8_t *p = out;
	while (n > 0) {
		long got = syscall(SYS_getrandom, p, MIN(n, (size_t)256), 0);
		ASSERT(got > 0 || errno == EINTR);
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		}
	}
}

uint64_t
sys_random_u64(void)
{
	uint64_t v;
	sys_random(&v, sizeof v);
	return v;
}
