/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared inside src/sys only.
 */
#ifndef SYS_SYS_PRIV_H
#define SYS_SYS_PRIV_H

#include "base/err.h"
#include "base/str.h"

enum { SYS_PATH_MAX = 4096 };

/* True when a test asked for this call to fail; errno is set then. */
bool sys_must_fail(void);

/* Copy a path and end it with NUL. ERR_SYNTAX: it holds one; ERR_TOOBIG. */
enum err sys_path(str path, char out[SYS_PATH_MAX]);

#endif
