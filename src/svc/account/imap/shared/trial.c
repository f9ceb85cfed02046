/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers of the tests about shared mailboxes; nothing of it is in a program.
 */
#include "svc/account/imap/shared/trial.h"

#include "base/test.h"
#include "store/trial.h"
#include "sys/chan.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <signal.h>

static const char *const names[] = { "one@example.org", "two@example.org" };

/* The name that a trial's folder has is good until the next one only. */
static void
keep_path(struct store_conf *conf, char room[256])
{
	CHECK(conf->path.n < 256);
	memcpy(room, conf->path.p, MIN(conf->path.n, (size_t)255));
	room[MIN(conf->path.n, (size_t)255)] = '\0';
	conf->path = str_make(room, conf->path.n);
}

static void
make_mailboxes(const struct store_conf *conf)
{
	struct store *s = store_trial_open(conf);
	uint64_t team;
	CHECK_ERR(store_mailbox_create(s, S("team"), 0, &team), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, S("other"), 0, NULL), ERR_OK);
	CHECK_ERR(store_mailbox_create(s, S("secret"), 0, NULL), ERR_OK);
	struct store_new msg = { .body = S("Subject: first\r\n\r\nof the team\r\n"),
		.flags = STORE_FLAGGED,
		.internal_s = 1700000000 };
	struct store_added added;
	CHECK_ERR(store_append(s, team, &msg, 1, &added), ERR_OK);
	msg.body = S("Subject: second\r\n\r\nalso\r\n");
	msg.flags = 0;
	CHECK_ERR(store_append(s, team, &msg, 1, &added), ERR_OK);
	store_close(&s);
}

/* The guest process: it opens the store that nobody has open here yet. */
NORETURN static void
be_guest(const struct store_conf *store, int number, const int ends[3])
{
	static struct conf conf = { .imap_append_max = 100000, .imap_idle_timeout = 1800000 };
	struct svc_account a = { .stream = ends[1],
		.control = ends[2],
		.conf = &conf,
		.name = str_from(names[number]),
		.account = (uint64_t)number + 1,
		.session = 7,
		.guest = SVC_ACCOUNT_IMAP_SHARED_TRIAL_VISITOR };
	a.store = store_trial_open(store);
	enum err e = svc_account_imap_shared_serve(&a, ends[0]);
	store_close(&a.store);
	sys_exit(e == ERR_OK ? 0 : 1);
}

static void
begin_owner(struct svc_account_imap_shared_trial *w, const char *name, int number, uint64_t quota)
{
	struct svc_account_imap_shared_owner *o = &w->owner[number];
	int chan[2], stream[2], control[2];
	bool in_child = false;
	char folder[128];
	snprintf(folder, sizeof folder, "%s-%d", name, number);
	o->conf = svc_account_imap_trial_account(folder);
	o->conf.quota_octets = quota;
	keep_path(&o->conf, o->path);
	make_mailboxes(&o->conf);
	CHECK_ERR(sys_chan_pair(chan), ERR_OK);
	CHECK_ERR(sys_sock_pair(stream), ERR_OK);
	CHECK_ERR(sys_chan_pair(control), ERR_OK);
	CHECK_ERR(sys_fork(&in_child, &o->guest), ERR_OK);
	if (in_child) {
		for (int i = 0; i < number; i++) { /* a guest lives as long as its channel */
			sys_close(&w->owner[i].chan);
			sys_close(&w->owner[i].stream);
		}
		sys_close(&chan[0]);
		sys_close(&stream[0]);
		sys_close(&control[0]);
		be_guest(&o->conf, number, (int[]){ chan[1], stream[1], control[1] });
	}
	o->chan = chan[0];
	o->stream = stream[0];
	o->control = control[0];
	sys_close(&chan[1]);
	sys_close(&stream[1]);
	sys_close(&control[1]);
}

static void
open_visit(struct svc_account_imap_shared_trial *w, int number)
{
	struct svc_account_imap_visit *v = &w->v.session.shared.visits[number];
	*v = (struct svc_account_imap_visit){ .owner = (uint64_t)number + 1,
		.name_n = strlen(names[number]),
		.chan = w->owner[number].chan,
		.stream = w->owner[number].stream,
		.open = true };
	memcpy(v->name, names[number], v->name_n);
}

void
svc_account_imap_shared_trial_begin(struct svc_account_imap_shared_trial *w, const char *name,
    uint64_t quota_octets)
{
	*w = (struct svc_account_imap_shared_trial){ 0 };
	for (int i = 0; i < SVC_ACCOUNT_IMAP_SHARED_TRIAL_OWNERS; i++) {
		begin_owner(w, name, i, quota_octets);
	}
	for (int i = 0; i < SVC_ACCOUNT_IMAP_SHARED_TRIAL_OWNERS; i++) {
		svc_account_imap_trial_begin(&w->owner[i].trial, &w->owner[i].conf);
		w->owner[i].trial.account.name = str_from(names[i]);
	}
	w->conf = svc_account_imap_trial_account(name);
	keep_path(&w->conf, w->path);
	svc_account_imap_trial_begin(&w->v, &w->conf);
	w->v.account.name = S("visitor@example.org");
	w->v.account.account = SVC_ACCOUNT_IMAP_SHARED_TRIAL_VISITOR;
	for (int i = 0; i < SVC_ACCOUNT_IMAP_SHARED_TRIAL_OWNERS; i++) {
		open_visit(w, i);
	}
}

void
svc_account_imap_shared_trial_end(struct svc_account_imap_shared_trial *w)
{
	struct sys_child_end end;
	svc_account_imap_trial_end(&w->v);
	for (int i = 0; i < SVC_ACCOUNT_IMAP_SHARED_TRIAL_OWNERS; i++) {
		struct svc_account_imap_shared_owner *o = &w->owner[i];
		if (o->guest.pidfd >= 0) {
			CHECK_ERR(sys_child_wait(&o->guest, &end), ERR_OK);
		}
		svc_account_imap_trial_end(&o->trial);
		sys_close(&o->control);
		svc_account_imap_trial_remove(&o->conf);
	}
	svc_account_imap_trial_remove(&w->conf);
}

void
svc_account_imap_shared_trial_give(struct svc_account_imap_shared_trial *w, int owner,
    const char *mailbox, const char *rights)
{
	struct store *s = w->owner[owner].trial.store;
	struct arena *a = arena_new(NULL, "give", 1 << 16, 0);
	struct store_mailbox m = { 0 };
	CHECK_ERR(store_mailbox_find(s, str_from(mailbox), a, &m), ERR_OK);
	struct store_annotation one = { .mailbox = m.id,
		.entry = S("acl:visitor@example.org"),
		.value = arena_printf(a, "%d %s", SVC_ACCOUNT_IMAP_SHARED_TRIAL_VISITOR, rights) };
	if (rights[0] == '\0') {
		one.value = STR_NONE;
	}
	CHECK_ERR(store_annotate(s, &one, 1, NULL), ERR_OK);
	arena_free(&a);
}

void
svc_account_imap_shared_trial_kill(struct svc_account_imap_shared_trial *w, int owner)
{
	struct sys_child_end end;
	CHECK_ERR(sys_child_signal(&w->owner[owner].guest, SIGKILL), ERR_OK);
	CHECK_ERR(sys_child_wait(&w->owner[owner].guest, &end), ERR_OK);
	CHECK(end.signalled && end.code == SIGKILL);
}

void
svc_account_imap_shared_trial_v(struct svc_account_imap_shared_trial *w, const char *send,
    const char *want)
{
	svc_account_imap_trial_turn(&w->v, send, want);
}

void
svc_account_imap_shared_trial_o(struct svc_account_imap_shared_trial *w, const char *send,
    const char *want)
{
	svc_account_imap_trial_turn(&w->owner[0].trial, send, want);
}
