/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of this folder: a place for a database, and its removal with all that lies beside.
 */
#ifndef REACH_PLACE_TEST_H
#define REACH_PLACE_TEST_H

#include "base/buf.h"
#include "sys/file.h"
#include "sys/random.h"

/* A name nobody has; place_done frees it. */
static inline void
place_init(struct buf *path)
{
	buf_init(path, 500);
	buf_printf(path, "/tmp/postern-reach-%016llx.db", (unsigned long long)sys_random_u64());
}

/* Nobody has it open any more. */
static inline void
place_done(struct buf *path)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	size_t n = path->n;
	for (size_t i = 0; i < LEN(tails); i++) {
		buf_truncate(path, n);
		buf_cstr(path, tails[i]);
		(void)(sys_file_unlink(SYS_CWD, buf_view(path)) == ERR_OK);
	}
	buf_done(path);
}

#endif
