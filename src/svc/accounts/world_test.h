/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accounts service driven by hand: we are its parent, auth, login and queue. What it forks is
 * real, sandbox and store included.
 */
#ifndef SVC_ACCOUNTS_WORLD_TEST_H
#define SVC_ACCOUNTS_WORLD_TEST_H

#include "svc/accounts/accounts.h"

#include "base/test.h"
#include "ipc/accounts_auth.h"
#include "ipc/login_accounts.h"
#include "ipc/queue_account.h"
#include "ipc/queue_accounts.h"

enum { WORLD_HEARD_MAX = 128, WORLD_TEXT_MAX = 8192 };

struct world {
	char folder[64];
	struct svc_common sc;
	struct conf conf;
	struct svc_accounts *s;
	struct arena *arena;
	struct buf in, out;
	uint64_t session;       /* the last one's id; gate 0 */
	int64_t since_ms;       /* what auth says of revocations */
	int auth, login, queue; /* our ends; -1: that peer is dead */
	int policy;             /* not there before it is wired */
	/* what they heard */
	struct ipc_login_accounts_attached attached[WORLD_HEARD_MAX];
	struct ipc_accounts_auth_account_get questions[WORLD_HEARD_MAX];
	struct ipc_queue_accounts_ended ended[WORLD_HEARD_MAX];
	struct ipc_queue_account_delivered delivered[WORLD_HEARD_MAX];
	struct ipc_common_result synced[WORLD_HEARD_MAX];
	struct ipc_queue_accounts_slotted slotted[WORLD_HEARD_MAX];
	int slot;       /* the last one that came, or -1 */
	uint64_t quota; /* what auth says of every account */
	size_t slotted_n, attached_n, questions_n, ended_n, delivered_n, synced_n, syncs;
};

/* Our end of a client's stream, and all that came over it. */
struct world_client {
	int fd;
	size_t n;
	bool over;
	char text[WORLD_TEXT_MAX];
};

extern struct world w;

/* A new world in a folder of its own, everybody wired; and its end, which checks for leftovers. */
void world_new(void);
void world_free(void);
/* One of "accounts_auth", "login_accounts", "queue_accounts", "accounts_policy" is started. */
void world_wire(const char *edge);
/* What was changed in w.conf is in force. */
void world_reload(void);
/* imap.park-after of those that start from now on. */
void world_park_after(int64_t ms);
/* Turn the loop until the condition holds; false after a time no healthy machine needs. */
bool world_until(bool (*condition)(const void *ctx), const void *ctx);
void world_turn(void);

/* What auth says. A ticket is sixteen times that character. */
void world_grant(char ticket, uint64_t account, uint32_t scope);
void world_revoke(uint64_t account, bool deleted);
/* Out: the client; its session is not there before `attached` was heard. */
void world_attach(char ticket, enum sys_protocol protocol, struct world_client *ret);
/* Grant, attach, and wait for the greeting. */
void world_log_in(uint64_t account, struct world_client *ret);
void world_say(struct world_client *c, const char *line);
/* Wait for a text on the stream. */
bool world_hears(struct world_client *c, const char *text);
bool world_over(struct world_client *c);
void world_client_done(struct world_client *c);

/* Ask for a delivery process; out: our end of its channel. */
int world_open(uint64_t job, uint64_t account);
void world_tell_account(enum err result, bool login); /* answers the last account_get */
/* Hand a letter over and take the answer. */
enum err world_deliver(int process, uint64_t entry, const char *text);
bool world_closed(int process);
bool world_heard(const size_t *count, size_t n);

#endif
