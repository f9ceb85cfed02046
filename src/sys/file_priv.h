/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What file.c and dir.c share.
 */
#ifndef SYS_FILE_PRIV_H
#define SYS_FILE_PRIV_H

#include "sys/file.h"

/* Tell the hook, if there is one. */
void sys_file_told(enum sys_file_op op, int fd, uint64_t off, str data);

#endif
