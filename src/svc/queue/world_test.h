/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a queue process between a played smtp, a played accounts service and a played delivery
 * process, and what they heard.
 */
#ifndef SVC_QUEUE_WORLD_TEST_H
#define SVC_QUEUE_WORLD_TEST_H

#include "svc/queue/start_test.h"

/* One played world: the queue, and our ends of its channels. */
struct queue_world {
	char folder[64];
	struct svc_common sc;
	struct conf conf;
	struct svc_queue *q;
	int smtp, accounts, account; /* account: the process the queue opened last */
	uint64_t job, opened_account;
	struct buf in, out;
	struct arena *arena;
	int64_t last_sync_n, last_sync_left;
	int slot; /* what to hand out when the queue asks; -1: nothing */
	uint64_t slot_account, slots, arrived;
	bool slot_silent; /* do not even answer */
	bool junk;        /* what is committed */
	uint64_t sync_job, sync_ids[8];
	struct {
		uint64_t entry;
		uint16_t rcpt;
		bool replay, junk;
		char body[64];
		uint64_t crc, file_inode;
	} got[64];
	size_t got_n;
	struct {
		uint64_t txn, entry;
		enum err result;
	} answers[64];
	size_t answers_n;
};

/* A queue in a folder of its own under the current one; the caller frees it, folder and all. */
struct queue_world *queue_world_new(void);
void queue_world_free(struct queue_world *w);
/* End it as SIGKILL would, without quit or flush; start it again on the same folder. */
void queue_world_kill(struct queue_world *w);
void queue_world_start(struct queue_world *w);
/* Five turns of its loop, without waiting. */
void queue_world_turn(struct queue_world *w);
/* The same, and what it says to us meanwhile is taken: at most 64 letters and answers. */
void queue_world_read(struct queue_world *w);

/* As smtp: a message inline, for account 0 one without recipients. */
void queue_world_commit(struct queue_world *w, uint64_t txn, uint64_t account, str body);
/* One with a file, to two recipients of account 7. Out: the file; ret_crc: of the whole. */
uint64_t queue_world_commit_file(struct queue_world *w, str above, bool sealed, uint64_t *ret_crc);
/* As the delivery process: what became of got[i]. */
void queue_world_answer(struct queue_world *w, size_t i, enum err result);
/* As accounts: the delivery process has ended; the sync it was asked for is over. */
void queue_world_ended(struct queue_world *w, enum err result);
void queue_world_synced(struct queue_world *w, enum err result);

#endif
