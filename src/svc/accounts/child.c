/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forked processes: started with one control channel, watched through a pidfd, told of changes of
 * their account by their siblings through us. Start reading at svc_accounts_child_new.
 */
#include <signal.h>

#include "ipc/accounts_account.h"
#include "ipc/accounts_auth.h"
#include "ipc/queue_accounts.h"
#include "base/mem.h"
#include "store/arrivals/arrivals.h"
#include "store/care.h"
#include "svc/accounts/leave.h"
#include "svc/accounts/nursery.h"
#include "svc/accounts/sessions.h"
#include "svc/accounts/share.h"
#include "svc/accounts/teach.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { SYNC_SEND_MS = 10000 };

/* ---- families ---- */

struct svc_accounts_family *
svc_accounts_family_get(struct svc_accounts *s, uint64_t account)
{
	struct svc_accounts_family *f = map_get(s->families, account);
	if (f != NULL) {
		return f;
	}
	f = mem_zalloc(1, sizeof *f);
	if (f == NULL || map_set(s->families, account, f) != ERR_OK) {
		mem_drop(f);
		return NULL;
	}
	f->account = account;
	list_init(&f->children);
	list_init(&f->parked);
	list_push(&s->checked, &f->node);
	return f;
}

void
svc_accounts_family_tidy(struct svc_accounts *s, struct svc_accounts_family *f)
{
	if (f != NULL && list_empty(&f->children) && list_empty(&f->parked)) {
		list_remove(&f->node);
		(void)map_del(s->families, f->account);
		mem_drop(f);
	}
}

size_t
svc_accounts_sessions_of(struct svc_accounts *s, uint64_t account)
{
	const struct svc_accounts_family *f = map_get(s->families, account);
	return f == NULL ? 0 : f->sessions + f->parked_n;
}

static size_t *
count_of(struct svc_accounts *s, enum svc_accounts_kind kind)
{
	return kind == SVC_ACCOUNTS_SESSION ? &s->sessions
	    : kind == SVC_ACCOUNTS_LEFT     ? &s->left
	    : kind == SVC_ACCOUNTS_DELIVERY ? &s->deliveries
	    : kind == SVC_ACCOUNTS_GUEST    ? &s->guests
					    : &s->syncers;
}

/* ---- the end of a process ---- */

/* Its watch is stopped already: see on_ended. */
static void
child_free(struct svc_accounts_child *c)
{
	struct svc_accounts *s = c->s;
	(*count_of(s, c->kind))--;
	if (c->kind == SVC_ACCOUNTS_SESSION) {
		(void)map_del(s->live, c->ident.session);
	}
	svc_accounts_left(s, &c->leaving, c->ident.session);
	svc_accounts_parked_child_gone(c);
	svc_accounts_questions_drop(s, c);
	sys_timer_stop(&c->leave);
	sys_chan_free(&c->control);
	list_remove(&c->node);
	list_remove(&c->sibling);
	if (c->family != NULL) {
		c->family->sessions -= c->kind == SVC_ACCOUNTS_SESSION;
		svc_accounts_family_tidy(s, c->family);
	}
	mem_drop(c);
	if (s->quitting && list_empty(&s->children)) {
		svc_common_exit(s->sc);
	}
}

/* ERR_NOTFOUND: it is gone already, which is what we want. */
static void
child_kill(struct svc_accounts_child *c)
{
	c->killed = true;
	(void)(sys_child_signal(&c->process, SIGKILL) == ERR_OK);
}

/* How it ended, in the words of queue_accounts.ended: a crash is told from a kill from outside. */
static enum err
verdict(const struct sys_child_end *end)
{
	static const int crashes[] = { SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGSYS };
	if (!end->signalled) {
		return end->code == SVC_ACCOUNT_DONE ? ERR_OK : ERR_UNAVAILABLE;
	}
	for (size_t i = 0; i < LEN(crashes); i++) {
		if (end->code == crashes[i]) {
			return ERR_BUG;
		}
	}
	return ERR_UNAVAILABLE;
}

static void
report_end(struct svc_accounts_child *c, const struct sys_child_end *end)
{
	struct svc_accounts *s = c->s;
	enum err e = verdict(end);
	if (e != ERR_OK) {
		svc_accounts_slot_forget(s, c->account); /* it may not have told all */
	}
	if (end->signalled && !c->killed) {
		s->crashed++;
		LOG(ACCOUNTS_CHILD_DIED, F_U64("account", c->account), F_I64("signal", end->code));
	}
	if (c->kind == SVC_ACCOUNTS_DELIVERY) {
		svc_accounts_ended(s, c->account, c->job, e);
	} else if (c->kind == SVC_ACCOUNTS_SYNCER && e != ERR_OK) {
		svc_accounts_synced_nothing(s, c->job);
	}
}

/*
 * The watch is stopped before the descriptor is closed: a process that we forked a moment ago may
 * still hold a copy, and the kernel would go on telling us about a child that is freed.
 */
static void
on_ended(void *ctx, unsigned events)
{
	struct svc_accounts_child *c = ctx;
	struct sys_child_end end;
	sys_watch_stop(c->s->sc->loop, &c->watch);
	if (sys_child_wait(&c->process, &end) != ERR_OK) {
		end = (struct sys_child_end){ .code = SVC_ACCOUNT_FAILED };
		sys_close(&c->process.pidfd);
	}
	report_end(c, &end);
	child_free(c);
}

/* ---- what an account process tells us ---- */

/* One that is deaf would show stale mail, or serve an account that was taken away. */
void
svc_accounts_tell(struct svc_accounts_child *c, struct buf *message)
{
	if (c->control == NULL || sys_chan_send(c->control, message, -1) != ERR_OK) {
		child_kill(c);
	}
}

/* Of the account itself, or a guest's. */
static bool
is_session(const struct svc_accounts_child *c)
{
	return c->kind == SVC_ACCOUNTS_SESSION || c->kind == SVC_ACCOUNTS_GUEST;
}

void
svc_accounts_changed(struct svc_accounts *s, struct svc_accounts_family *f,
    const struct svc_accounts_child *from, uint64_t mailbox)
{
	struct ipc_accounts_account_notice notice = { .mailbox = mailbox };
	buf_reset(&s->out);
	ipc_accounts_account_notice_put(&s->out, &notice);
	LIST_EACH(it, &f->children) {
		struct svc_accounts_child *c = LIST_ENTRY(it, struct svc_accounts_child, sibling);
		if (c != from && is_session(c)) {
			c->notices++;
			svc_accounts_tell(c, &s->out);
		}
	}
	svc_accounts_parked_changed(s, f, mailbox);
}

static enum err
on_changed(void *ctx, const struct ipc_accounts_account_changed *m, int *fd)
{
	struct svc_accounts_child *from = ctx;
	svc_accounts_changed(from->s, from->family, from, m->mailbox);
	return ERR_OK;
}

/* Which account it speaks for is ours to say, not its. */
static enum err
on_usage(void *ctx, const struct ipc_accounts_account_usage *m, int *fd)
{
	struct svc_accounts_child *c = ctx;
	struct ipc_accounts_auth_usage usage = {
		.account = c->account, .octets = m->octets, .messages = m->messages
	};
	svc_accounts_slot_usage(c->s, c->account,
	    (struct svc_accounts_usage){ m->octets, m->messages });
	buf_reset(&c->s->out);
	ipc_accounts_auth_usage_put(&c->s->out, &usage);
	(void)(svc_common_link_send(&c->s->auth, &c->s->out, -1) == ERR_OK);
	return ERR_OK;
}

/* A guest's process is not the session its owner's program has. */
static enum err
on_client(void *ctx, const struct ipc_accounts_account_client *m, int *fd)
{
	struct svc_accounts_child *c = ctx;
	struct ipc_accounts_auth_client client = {
		.session = c->ident.session, .account = c->account, .name = m->name
	};
	if (c->kind == SVC_ACCOUNTS_SESSION) {
		svc_accounts_origin_client(&c->origin, m->name);
		buf_reset(&c->s->out);
		ipc_accounts_auth_client_put(&c->s->out, &client);
		(void)(svc_common_link_send(&c->s->auth, &c->s->out, -1) == ERR_OK);
	}
	return ERR_OK;
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	static const struct ipc_accounts_account_at_accounts handlers = { .changed = on_changed,
		.usage = on_usage,
		.client = on_client,
		.leave = svc_accounts_on_leave,
		.park = svc_accounts_on_park,
		.share = svc_accounts_on_share,
		.sharers_get = svc_accounts_on_sharers_get,
		.visit = svc_accounts_on_visit,
		.learn = svc_accounts_on_learn };
	struct svc_accounts_child *c = ctx;
	arena_reset(c->s->scratch);
	return ipc_accounts_account_accounts_dispatch(&handlers, c, datagram, fd, c->s->scratch);
}

/* Usually it has ended. If not, nobody could tell it anything any more. */
static void
on_closed(void *ctx, enum err why)
{
	struct svc_accounts_child *c = ctx;
	sys_chan_free(&c->control);
	(void)(sys_child_signal(&c->process, SIGKILL) == ERR_OK);
}

/* ---- telling them to end ---- */

static void
on_leave(void *ctx)
{
	child_kill(ctx);
}

void
svc_accounts_dismiss(struct svc_accounts_child *c, uint8_t reason)
{
	struct svc_accounts *s = c->s;
	struct ipc_accounts_account_quit m = { .reason = reason };
	buf_reset(&s->out);
	ipc_accounts_account_quit_put(&s->out, &m);
	svc_accounts_tell(c, &s->out);
	if (!sys_timer_is_set(&c->leave)) {
		sys_timer_set(s->sc->loop, &c->leave, SVC_ACCOUNTS_LEAVE_MS);
	}
}

/* Deliveries go on: what was accepted for the account belongs into its mailbox. */
void
svc_accounts_revoke(struct svc_accounts *s, uint64_t account)
{
	struct svc_accounts_family *f = map_get(s->families, account);
	if (f == NULL) {
		return;
	}
	LIST_EACH(it, &f->children) {
		struct svc_accounts_child *c = LIST_ENTRY(it, struct svc_accounts_child, sibling);
		if (is_session(c)) {
			svc_accounts_dismiss(c, SVC_ACCOUNT_QUIT_REVOKED);
		}
	}
	svc_accounts_parked_revoke(s, f);
}

/*
 * The queue has given up the processes it had for this account. One that still lives might deliver
 * a letter when the mailbox has forgotten that another process did.
 */
void
svc_accounts_kill_deliveries(struct svc_accounts *s, uint64_t account)
{
	struct svc_accounts_family *f = map_get(s->families, account);
	if (f == NULL) {
		return;
	}
	LIST_EACH(it, &f->children) {
		struct svc_accounts_child *c = LIST_ENTRY(it, struct svc_accounts_child, sibling);
		if (c->kind == SVC_ACCOUNTS_DELIVERY) {
			child_kill(c);
		}
	}
}

/* Syncers end by themselves. */
void
svc_accounts_quit(struct svc_accounts *s)
{
	s->quitting = true;
	LIST_EACH(it, &s->children) {
		struct svc_accounts_child *c = LIST_ENTRY(it, struct svc_accounts_child, node);
		if (c->kind != SVC_ACCOUNTS_SYNCER) {
			svc_accounts_dismiss(c, SVC_ACCOUNT_QUIT_SHUTDOWN);
		}
	}
	if (list_empty(&s->children)) {
		svc_common_exit(s->sc);
	}
}

/* Kill and reap them all, without waiting for the loop. */
void
svc_accounts_children_done(struct svc_accounts *s)
{
	LIST_EACH(it, &s->children) {
		struct svc_accounts_child *c = LIST_ENTRY(it, struct svc_accounts_child, node);
		struct sys_child_end end;
		child_kill(c);
		sys_watch_stop(s->sc->loop, &c->watch);
		(void)(sys_child_wait(&c->process, &end) == ERR_OK);
		child_free(c);
	}
}

/* ---- forking ---- */

/* Takes control (-1: none). On failure the process is killed and reaped, and c in no list. */
static enum err
adopt(struct svc_accounts *s, struct svc_accounts_child *c, int control)
{
	struct sys_chan_handler handler = {
		.on_message = on_message, .on_closed = on_closed, .ctx = c
	};
	struct sys_child_end end;
	c->watch = (struct sys_watch){ .fn = on_ended, .ctx = c, .fd = c->process.pidfd };
	enum err e = sys_watch_start(s->sc->loop, &c->watch, SYS_IN);
	if (e != ERR_OK) {
		sys_close(&control);
	} else if (control >= 0) {
		e = sys_chan_new(s->sc->loop, control, &handler, &c->control);
	}
	if (e != ERR_OK) {
		child_kill(c);
		sys_watch_stop(s->sc->loop, &c->watch);
		(void)(sys_child_wait(&c->process, &end) == ERR_OK);
		return e;
	}
	list_push(&s->children, &c->node);
	(*count_of(s, c->kind))++;
	s->started++;
	if (c->family != NULL) {
		list_push(&c->family->children, &c->sibling);
		c->family->sessions += c->kind == SVC_ACCOUNTS_SESSION;
	}
	return ERR_OK;
}

void
svc_accounts_child_left(struct svc_accounts_child *c)
{
	c->s->sessions--;
	c->family->sessions--;
	(void)map_del(c->s->live, c->ident.session);
	c->kind = SVC_ACCOUNTS_LEFT;
	c->s->left++;
	if (!sys_timer_is_set(&c->leave)) {
		sys_timer_set(c->s->sc->loop, &c->leave, SVC_ACCOUNTS_LEAVE_MS);
	}
}

/* What parked.c needs when the session is to rest. */
static enum err
identify(struct svc_accounts_child *c, const struct svc_account_start *start)
{
	struct svc_accounts_ident *who = &c->ident;
	*who = (struct svc_accounts_ident){ .session = start->session,
		.quota_octets = start->quota_octets,
		.quota_messages = start->quota_messages,
		.granted_ms = start->granted_ms,
		.protocol = (uint8_t)start->protocol,
		.name_n = MIN(start->name.n, sizeof who->name) };
	if (who->name_n > 0) {
		memcpy(who->name, start->name.p, who->name_n);
	}
	return c->kind == SVC_ACCOUNTS_SESSION ? map_set(c->s->live, who->session, c) : ERR_OK;
}

static struct svc_accounts_child *
child_make(struct svc_accounts *s, enum svc_accounts_kind kind, uint64_t account, uint64_t job)
{
	struct svc_accounts_child *c = mem_zalloc(1, sizeof *c);
	if (c == NULL) {
		return NULL;
	}
	*c = (struct svc_accounts_child){ .s = s, .kind = kind, .account = account, .job = job };
	list_init(&c->node);
	list_init(&c->sibling);
	sys_timer_init(&c->leave, on_leave, c);
	return c;
}

static enum err
fork_account(struct svc_accounts *s, struct svc_account_start *start, struct svc_accounts_child *c)
{
	int control[2] = { -1, -1 };
	TRY(sys_chan_pair(control));
	start->control = control[1];
	enum err e = svc_accounts_nursery_fork(s, start, &c->process);
	sys_close(&control[1]);
	if (e != ERR_OK) {
		sys_close(&control[0]);
		return e;
	}
	return adopt(s, c, control[0]);
}

/*
 * Fork a session or delivery process. The descriptors in `start` stay the caller's in this process.
 *
 * Errors  ERR_BUSY: too many processes; ERR_NOMEM, ERR_NOFD, ERR_IO
 */
enum err
svc_accounts_child_new(struct svc_accounts *s, struct svc_account_start *start,
    enum svc_accounts_kind kind, uint64_t job)
{
	struct svc_accounts_path room;
	str folder = svc_accounts_folder(s, start->account, &room);
	size_t all = s->sessions + s->left + s->deliveries + s->guests;
	if (all >= SVC_ACCOUNTS_CHILDREN_MAX || s->quitting) {
		return ERR_BUSY;
	}
	if (start->parked.p == NULL) { /* who has rested has a folder */
		TRY(svc_accounts_folder_make(s, folder));
	}
	if (kind == SVC_ACCOUNTS_SESSION) { /* a delivery is not done before a syncer ran */
		TRY(svc_accounts_folder_sync(s));
	}
	struct svc_accounts_child *c = child_make(s, kind, start->account, job);
	if (c == NULL) {
		return ERR_NOMEM;
	}
	svc_accounts_slot_forget(s, start->account);
	c->guest = start->guest;
	c->family = svc_accounts_family_get(s, start->account);
	enum err e = c->family == NULL ? ERR_NOMEM : identify(c, start);
	e = e == ERR_OK ? fork_account(s, start, c) : e;
	if (e != ERR_OK) {
		if (kind == SVC_ACCOUNTS_SESSION) {
			(void)map_del(s->live, c->ident.session);
		}
		svc_accounts_family_tidy(s, c->family);
		mem_drop(c);
	}
	return e;
}

static void
sync_all(const struct svc_accounts *s, const struct svc_accounts_sync *sync,
    struct ipc_common_result *results)
{
	for (size_t i = 0; i < sync->n; i++) {
		struct svc_accounts_path room;
		str folder = svc_accounts_folder(s, sync->ids[i], &room);
		results[i] = (struct ipc_common_result){ .id = sync->ids[i],
			.result = i < sync->full ? store_sync(folder)
						 : store_arrivals_sync(folder) };
	}
}

/* In the forked syncer: sync each account, send one answer, end. */
NORETURN static void
in_syncer(struct svc_accounts *s, const struct svc_accounts_sync *sync)
{
	static struct ipc_common_result results[512];
	struct sys_sandbox_path all = { .path = s->folder, .rights = SYS_MAY_READ | SYS_MAY_WRITE };
	struct sys_sandbox_state state;
	struct ipc_queue_accounts_synced m = {
		.job = sync->job, .results = results, .results_n = sync->n
	};
	int queue = sys_chan_fd(s->queue.chan);
	if (sys_close_except(&queue, 1) != ERR_OK ||
	    sys_sandbox_enter(s->sync_sandbox, &all, 1, &state) != ERR_OK) {
		sys_exit(SVC_ACCOUNT_UNAVAILABLE);
	}
	sync_all(s, sync, results);
	buf_reset(&s->out);
	ipc_queue_accounts_synced_put(&s->out, &m);
	sys_exit(sys_chan_send_wait(queue, &s->out, -1, SYNC_SEND_MS) == ERR_OK
		? SVC_ACCOUNT_DONE
		: SVC_ACCOUNT_FAILED);
}

enum err
svc_accounts_syncer_new(struct svc_accounts *s, const struct svc_accounts_sync *sync)
{
	bool in_child = false;
	if (s->syncers >= SVC_ACCOUNTS_SYNCERS_MAX) {
		return ERR_BUSY;
	}
	TRY(svc_accounts_folder_sync(s));
	struct svc_accounts_child *c = child_make(s, SVC_ACCOUNTS_SYNCER, 0, sync->job);
	if (c == NULL) {
		return ERR_NOMEM;
	}
	enum err e = sys_fork(&in_child, &c->process);
	if (e == ERR_OK && in_child) {
		in_syncer(s, sync);
	}
	e = e != ERR_OK ? e : adopt(s, c, -1);
	if (e != ERR_OK) {
		mem_drop(c);
	}
	return e;
}
