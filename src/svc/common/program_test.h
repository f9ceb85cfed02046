/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the real programs inside their sandboxes: plays the parent of one. What the kernel
 * would forbid shows there and nowhere else. All waits are bounded.
 */
#ifndef SVC_COMMON_PROGRAM_TEST_H
#define SVC_COMMON_PROGRAM_TEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "sys/spawn.h"

struct svc_common_program {
	struct sys_child child;
	int control; /* our end of its channel to the parent */
	struct arena *arena;
	struct buf in, out;
};

/* Start postern-<name>; settings: the text of a configuration. */
void svc_common_program_start(struct svc_common_program *p, const char *name, const char *set,
    uint32_t index, str settings);

/* Give it a channel, or the listening socket of its administrators; fd is taken. */
void svc_common_program_give(struct svc_common_program *p, const char *edge, uint32_t peer, int fd);
void svc_common_program_admin(struct svc_common_program *p, int fd);
/* Give it one end of a new channel. Out: the other end. */
int svc_common_program_wire(struct svc_common_program *p, const char *edge, uint32_t peer);

/* Everything is handed over; it must be ready then, and locked in. */
void svc_common_program_go(struct svc_common_program *p);

/* It asks for this edge's channel once more. */
void svc_common_program_rewires(struct svc_common_program *p, const char *edge);

/* Tell it to end; wait until it has, with no error. */
void svc_common_program_quit(struct svc_common_program *p, uint32_t grace_ms);
void svc_common_program_end(struct svc_common_program *p);

/* Without asking. */
void svc_common_program_kill(struct svc_common_program *p);

#endif
