/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random octets from the kernel, fit for keys and tickets. A kernel that cannot give them ends the
 * process: nobody may go on with guessable secrets.
 */
#ifndef SYS_RANDOM_H
#define SYS_RANDOM_H

/* Fill n octets. */
void sys_random(void *out, size_t n);
/* 64 random bits. */
uint64_t sys_random_u64(void);

#endif
