/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy process between a played smtp, scan, accounts, queue, resolve and auth, over real
 * channels. DNS is a table of the test.
 */
#ifndef SVC_POLICY_WORLD_TEST_H
#define SVC_POLICY_WORLD_TEST_H

#include "base/test.h"
#include "conf/conf.h"
#include "ipc/scan_policy.h"
#include "ipc/smtp_policy.h"
#include "svc/policy/session.h"

/* Our ends of the channels. */
enum { SMTP, SCAN, ACCOUNTS, QUEUE, RESOLVE, AUTH, ENDS };

struct world_name {
	const char *name;
	uint16_t type;
	const char *data; /* NULL: the name does not exist; "-": never answered */
};

struct world {
	char folder[64];
	struct svc_common sc;
	struct conf conf;
	struct svc_policy *p;
	int ends[ENDS], admin;
	struct sys_chan *admin_chan;
	struct buf in, out;
	struct arena *arena;
	const struct world_name *names;
	size_t questions;
	/* the last answers */
	struct ipc_smtp_policy_judged judged;
	struct ipc_smtp_policy_replied replied;
	struct ipc_scan_policy_judged letter;
	size_t judged_n, replied_n, letters_n;
	size_t holds, releases, notices;
	bool deaf; /* queue answers no release */
	uint32_t mark;
	uint64_t session, request;
};

extern struct world world;

/* A state folder, settings and DNS of its own; the last one ends the process and removes them. */
void world_begin(const struct world_name *names);
void world_start(void);
void world_stop(void);
void world_end(void);

/* Turn the process, and play the others, until nothing moves. */
void world_released(uint64_t account, uint32_t mark);
void world_turn(void);
/* Send what is in world.out to the process as one of its peers. */
void world_put(size_t end);

/* The octets of an address, in the arena. */
str world_ip_of(const char *text);
/* A new session begins; the verdict. */
uint8_t world_peer(const char *ip);
/* A recipient in it. Out: the code, 0: it goes on; UINT16_MAX: no answer yet. */
uint16_t world_rcpt(const char *ip, const char *from, const char *to);
/* The session ends. */
void world_ended(const char *ip, uint32_t unknown);
/* An account writes to an address; the code. */
uint16_t world_submit(uint64_t account, const char *to);
/* Strangers must wait, or need not. */
void world_wait_none(bool none);

#endif
