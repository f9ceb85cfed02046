/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a parked session of a real account. What is taken up must write itself again, take
 * itself up again, and survive a client's next lines.
 */
#include "svc/account/imap/park.h"

#include "svc/account/imap/trial.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGES_MAX = 100000 }; /* more would only be a long answer */

static struct {
	struct store_conf account;
	struct svc_account_imap_trial trial;
	bool ready;
} world;

static void
forget(void)
{
	svc_account_imap_trial_end(&world.trial);
	svc_account_imap_trial_remove(&world.account);
}

static void
prepare(void)
{
	world.account = svc_account_imap_trial_account("parkfuzz");
	svc_account_imap_trial_begin(&world.trial, &world.account);
	for (size_t i = 0; i < 3; i++) {
		svc_account_imap_trial_append(&world.trial, "INBOX", "(k)", "Subject: x\n\nbody\n");
	}
	world.ready = true;
	(void)!atexit(forget);
}

/* A fresh session with these octets. */
static enum err
take(str octets)
{
	struct svc_account_imap_trial *t = &world.trial;
	svc_account_imap_done(&t->session);
	enum err e = svc_account_imap_init(&t->session, &t->account);
	ASSERT(e == ERR_OK);
	return svc_account_imap_park_get(&t->session, octets);
}

static void
again(void)
{
	struct buf blob, twice;
	buf_init(&blob, SVC_ACCOUNT_IMAP_PARK_MAX + 1);
	buf_init(&twice, SVC_ACCOUNT_IMAP_PARK_MAX + 1);
	if (svc_account_imap_park_put(&world.trial.session, &blob) == ERR_OK) {
		enum err e = take(buf_view(&blob));
		ASSERT(e == ERR_OK);
		e = svc_account_imap_park_put(&world.trial.session, &twice);
		ASSERT(e == ERR_OK && str_eq(buf_view(&blob), buf_view(&twice)));
	}
	buf_done(&blob);
	buf_done(&twice);
}

static enum err
open_it(struct svc_account *a)
{
	a->store = world.trial.store;
	return ERR_OK;
}

/* The same with the store closed: it opens by itself; what was refused before is refused. */
static void
doze(str octets, enum err before)
{
	struct svc_account_imap_trial *t = &world.trial;
	t->account.store = NULL;
	t->account.open = open_it;
	enum err e = take(octets);
	e = e == ERR_OK ? svc_account_imap_rouse(&t->session) : e;
	ASSERT((e == ERR_OK) == (before == ERR_OK));
	t->account.store = t->store;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!world.ready) {
		prepare();
	}
	enum err e = take(str_make(data, size));
	doze(str_make(data, size), e);
	if (e != ERR_OK) {
		return 0;
	}
	again();
	if (world.trial.session.box.view.n <= MESSAGES_MAX) {
		svc_account_imap_trial_feed(&world.trial,
		    S("DONE\r\np NOOP\r\nq FETCH 1:* FLAGS\r\n"));
	}
	return 0;
}
