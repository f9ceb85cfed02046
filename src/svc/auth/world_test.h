/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world for tests: a directory in memory or in a file, the core of auth, one client, and a
 * hash worker that does its sums when it is asked to. Time stands still unless it is moved.
 */
#ifndef SVC_AUTH_WORLD_TEST_H
#define SVC_AUTH_WORLD_TEST_H

#include "svc/auth/auth.h"
#include "svc/auth/exchange.h"
#include "svc/auth/password.h"

enum { WORLD_JOBS = 8, WORLD_T0 = 1800000000 };

struct world_job {
	uint64_t id;
	enum sasl_hash hash;
	char password[1000];
	size_t password_n;
	uint8_t salt[64];
	size_t salt_n;
	uint32_t iterations;
};

struct world {
	struct arena *arena;
	struct directory *directory;
	struct svc_auth auth;
	struct svc_auth_client client;
	uint64_t anna, bert, locked, gone, keyless;

	/* What happened. */
	bool over;
	struct svc_auth_outcome last;
	struct buf said, final;
	uint8_t ticket[16], granted_ticket[16];
	struct svc_auth_grant granted;
	unsigned grants, grant_at_done, bans, revokes, deleted;
	struct svc_auth_ban last_ban;
	enum err grant_result;

	/* The worker. */
	bool worker_asleep;
	struct world_job jobs[WORLD_JOBS];
	size_t jobs_n;
	uint64_t sums;
	uint32_t last_iterations;
	uint64_t request;
};

extern struct world world;

/* Everything is there: anna (CRAM-MD5 too), bert with two app passwords, a locked, a disabled
 * account. */
void world_open(void);
void world_close(void);
/* End the process and start again on the same database. */
void world_restart(void);
/* Another account; its id. */
uint64_t world_add(const char *address, const char *password);
void world_pass_time(int64_t seconds);

/* client, request and a peer address are filled in. The worker works unless asleep. */
void world_start(const struct svc_auth_request *r);
void world_step(str data);
void world_abort(void);
void world_pump(void);
void world_worker_up(void);
unsigned world_bans_in_force(void);

#endif
