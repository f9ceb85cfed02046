/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of this folder: POP3 clients of one real account in a temporary folder. Lines are
 * fed to the session, and what it wrote is compared.
 */
#ifndef SVC_ACCOUNT_POP3_TRIAL_H
#define SVC_ACCOUNT_POP3_TRIAL_H

#include "conf/conf.h"
#include "svc/account/pop3/session.h"

struct svc_account_pop3_trial {
	struct conf conf;
	struct svc_account account;
	struct store *store;
	struct svc_account_pop3 session;
	int client, accounts; /* the far ends of stream and control */
	struct buf got;
};

/* A fresh account; remove it with store_trial_remove. */
struct store_conf svc_account_pop3_trial_account(const char *name);
/* A message with LF line ends (made CRLF), or exactly as given, into INBOX. */
void svc_account_pop3_trial_append(struct store *s, const char *message, bool exact);

/* A client that has not opened the maildrop yet. Checks fail when that fails. */
void svc_account_pop3_trial_begin(struct svc_account_pop3_trial *t, const struct store_conf *conf);
/* The end of the session and its process, whatever it had open. */
void svc_account_pop3_trial_end(struct svc_account_pop3_trial *t);

/* Open the maildrop; the reply. */
str svc_account_pop3_trial_open(struct svc_account_pop3_trial *t);
/* Feed octets, take what was written; the view is good until the next call. */
str svc_account_pop3_trial_feed(struct svc_account_pop3_trial *t, str octets);
/* Feed a line (CRLF is added), check the answer, whose lines end in LF here. */
void svc_account_pop3_trial_turn(struct svc_account_pop3_trial *t, const char *send,
    const char *want);

#endif
