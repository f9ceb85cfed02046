/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every message of every edge as data, generated as cases.c, for the test and the fuzz target here.
 */
#ifndef IPC_CASES_H
#define IPC_CASES_H

#include "ipc/ipc.h"

enum ipc_fill {
	IPC_FILL_EMPTY, /* zero, no octets, no items */
	IPC_FILL_SMALL, /* a few octets and items */
	IPC_FILL_LARGE, /* numbers and texts at their limits, as many items as fit */
	IPC_FILL_ITEMS, /* lists at their limits, texts empty */
	IPC_FILL_COUNT
};

struct ipc_case {
	const char *edge, *message;
	enum ipc_fd fd;
	size_t least, most; /* octets, type included; `most` may be over IPC_MESSAGE_MAX */
	size_t first_str;   /* limit of its first str field, 0: none */
	void (*build)(struct buf *out, enum ipc_fill how);
	/* Put the message with a str of n octets in its first str field. */
	void (*build_str)(struct buf *out, size_t n);
	/* Dispatch at the receiver; its handlers put what they got into *ipc_echo. */
	enum err (*dispatch)(str datagram, int *fd, struct arena *scratch);
	/* Dispatch at the sender, which must refuse it. */
	enum err (*dispatch_back)(str datagram, int *fd, struct arena *scratch);
};

extern const struct ipc_case ipc_cases[];
extern const size_t ipc_cases_n;
extern struct buf *ipc_echo;

/* n octets of some text, n <= IPC_MESSAGE_MAX + 1. */
str ipc_filler(size_t n);

#endif
