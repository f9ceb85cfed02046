/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one account process, from fork to exit: lock in, open the account's folder, then
 * serve a session or take deliveries. Everything it may touch is in struct svc_account_start.
 */
#ifndef SVC_ACCOUNT_CHILD_H
#define SVC_ACCOUNT_CHILD_H

#include "base/err.h"
#include "base/str.h"
#include "sys/sandbox.h"
#include "sys/sock.h"

struct conf;

struct svc_account_start {
	const struct sys_sandbox *sandbox; /* prepared by accounts */
	const struct conf *conf;
	str folder, boot_id, name;
	uint64_t account, session, quota_octets, quota_messages;
	uint64_t guest; /* 0, or the account that looks at mailboxes shared with it: see guest.h */
	int control;    /* edge accounts_account, always */
	int queue;      /* edge queue_account, or -1: then a session */
	int stream;     /* a session's octets */
	int visit;      /* a guest: edge account_guest */
	enum sys_protocol protocol;
	str tag, unread;
	int64_t granted_ms; /* when auth let the session in */
	uint64_t octets;    /* taken from the stream before us */
	str parked; /* IMAP: what the session's last process left; p == NULL: a new session */
	bool calm;  /* and since then its account has not changed: the index may stay closed */
};

/* Reasons of accounts_account.quit. */
enum {
	SVC_ACCOUNT_QUIT_SHUTDOWN = 1,
	SVC_ACCOUNT_QUIT_REVOKED = 2,
	SVC_ACCOUNT_QUIT_KILLED = 4, /* by the administrator */
};

/* Exit codes accounts understands. */
enum {
	SVC_ACCOUNT_DONE = 0,
	SVC_ACCOUNT_UNAVAILABLE = 10, /* the folder, the sandbox or the index would not open */
	SVC_ACCOUNT_FAILED = 11,      /* it ended on an error that was logged */
};

/*
 * Run in the forked process; never comes back. All other descriptors must be closed already.
 */
NORETURN void svc_account_child(const struct svc_account_start *s);

struct svc_account;

/*
 * Tell accounts how full the account is, when it has a quota, so that RCPT can be refused in time.
 * A channel that is full or gone loses nothing but that.
 */
void svc_account_tell_usage(struct svc_account *a);

/*
 * Take deliveries from the queue until it closes the channel or accounts says quit. Blocks.
 *
 * Errors  ERR_PROTOCOL: the channel broke its rules; ERR_NOMEM
 */
enum err svc_account_deliver_run(struct svc_account *a, int queue);

#endif
