/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole smtp process inside a test: its loop and handlers, one stream as a client behind a
 * gate, and fake auth and queue processes at the other ends of real channels. Nothing waits for
 * the clock.
 */
#ifndef SVC_SMTP_WORLD_TEST_H
#define SVC_SMTP_WORLD_TEST_H

#include "conf/conf.h"
#include "svc/smtp/server.h"

struct world {
	struct svc_common sc;
	struct conf conf;
	struct svc_smtp *sv;
	int gate, auth, queue, policy, scan, watch; /* the other ends; -1: not there */
	int client;
	struct buf heard; /* what the client read */
	bool client_eof;
	struct buf stored;    /* messages that queue took, one behind the other */
	struct buf envelopes; /* a line for each */
	unsigned by_file;     /* messages that came as a descriptor */
	unsigned crowned;     /* of these, with our fields before a sealed file */
	bool auth_silent, queue_silent;
	bool may_fail; /* memory runs out in the fakes, too */
	enum err commit;
	uint64_t commits; /* asked */
	uint64_t last_txn, last_request;
	uint64_t aborts;
	struct buf in, out;
	struct arena *scratch;
	/* policy, scan and watch; they are wired by svc_smtp_world_checks */
	struct buf asked;  /* a line for each question of policy */
	struct buf looked; /* letters that scan saw, one behind the other */
	struct buf told;   /* a line for each ending that watch heard of */
	bool policy_silent, scan_silent;
	uint64_t last_letter;
	struct ipc_common_reply peer_reply;
	unsigned scanned_files;
	struct ipc_common_reply verdict; /* of scan; 0: go on */
	enum err scan_result;
	const char *scan_header;
	uint64_t cut_at; /* and length; 0: nothing is cut */
	uint32_t cut_length;
	int junk;       /* the target that goes to Junk; -1: none */
	char state[64]; /* a folder, removed at the end */
};

/* A process with auth and queue wired, no session yet. */
void svc_smtp_world_open(struct world *w);
void svc_smtp_world_close(struct world *w);
/*
 * A session handed over by the gate; its client end is w->client (the one before is left
 * alone).
 */
void svc_smtp_world_connect(struct world *w, enum sys_protocol protocol, bool greeted);
/* Client octets, then turns until nobody has anything to do. */
void svc_smtp_world_say(struct world *w, str octets);
void svc_smtp_world_settle(struct world *w);
/* A new channel to a fake peer, as the parent makes one; the old end is closed. */
void svc_smtp_world_wire(struct world *w, const char *edge, int *end);
/* Have policy, scan and watch, too. */
void svc_smtp_world_checks(struct world *w);
/* How often the process asked the skeleton to end it, or for a new channel. */
extern unsigned svc_smtp_world_exits, svc_smtp_world_rewires;
/* Answers of the fakes that were held back. */
void svc_smtp_world_answer_commit(struct world *w, enum err result);
/* A log-in of account 7 that succeeded, whoever asked. */
void svc_smtp_world_answer_login(struct world *w, uint64_t request);
/* What auth says when an account is locked. */
void svc_smtp_world_revoke(struct world *w, uint64_t account);

#endif
