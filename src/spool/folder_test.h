/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of this folder: a fresh folder below the working folder, for a spool.
 */
#ifndef SPOOL_FOLDER_TEST_H
#define SPOOL_FOLDER_TEST_H

#include "base/test.h"
#include "sys/file.h"
#include "sys/sys.h"

static int dir = -1;
static char folder[64];

/* `folder`, open as `dir`; remove_folder ends both. */
static inline void
fresh_folder(void)
{
	snprintf(folder, sizeof folder, "spool-test-XXXXXX");
	CHECK(mkdtemp(folder) != NULL);
	CHECK_ERR(sys_dir_open(SYS_CWD, str_from(folder), &dir), ERR_OK);
}

/* With all that is in it. */
static inline void
remove_folder(void)
{
	sys_close(&dir);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(folder)), ERR_OK);
}

#endif
