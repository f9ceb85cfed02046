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
#include "store/care.h"
#include "svc/accounts/accounts.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { SYNC_SEND_MS = 10000 };

static struct svc_accounts_family *
family_get(struct svc_accounts *s, uint64_t account)
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
	return f;
}

size_t
svc_accounts_sessions_of(struct svc_accounts *s, uint64_t account)
{
	const struct svc_accounts_family *f = map_get(s->families, account);
	return f == NULL ? 0 : f->sessions;
}

static size_t *
count_of(struct svc_accounts *s, enum svc_accounts_kind kind)
{
	return kind == SVC_ACCOUNTS_SESSION ? &s->sessions
	    : kind == SVC_ACCOUNTS_DELIVERY ? &s->deliveries
					    : &s->syncers;
}

static void
child_free(struct svc_accounts_child *c)
{
	struct svc_accounts *s = c->s;
	(*count_of(s, c->kind))--;
	sys_watch_stop(s->sc->loop, &c->watch);
	sys_chan_free(&c->control);
	list_remove(&c->node);
	list_remove(&c->sibling);
	if (c->family != NULL) {
		c->family->sessions -= c->kind == SVC_ACCOUNTS_SESSION;
		if (list_empty(&c->family->children)) {
			(void)map_del(s->families, c->family->account);
			mem_drop(c->family);
		}
	}
	mem_drop(c);
	if (s->quitting && list_empty(&s->children)) {
		svc_common_exit(s->sc);
	}
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
on_ended(void *ctx, unsigned events)
{
	struct svc_accounts_child *c = ctx;
	struct svc_accounts *s = c->s;
	struct sys_child_end end;
	if (sys_child_end(&c->process, &end) != ERR_OK) {
		return;
	}
	enum err e = verdict(&end);
	if (end.signalled) {
		s->crashed++;
		LOG(ACCOUNTS_CHILD_DIED, F_U64("account", c->account), F_I64("signal", end.code));
	}
	if (c->kind == SVC_ACCOUNTS_DELIVERY) {
		svc_accounts_ended(s, c->job, e);
	} else if (c->kind == SVC_ACCOUNTS_SYNCER && s->queue != NULL && e != ERR_OK) {
		struct ipc_queue_accounts_synced m = { .job = c->job };
		buf_reset(&s->out);
		ipc_queue_accounts_synced_put(&s->out, &m);
		(void)(sys_chan_send(s->queue, &s->out, -1) == ERR_OK);
	}
	child_free(c);
}

/* ---- what an account process tells us ---- */

static void
tell(struct svc_accounts_child *c, struct buf *message)
{
	if (c->control != NULL && sys_chan_send(c->control, message, -1) != ERR_OK) {
		(void)(sys_child_signal(&c->process, SIGKILL) ==
		    ERR_OK); /* deaf: it would show stale mail */
	}
}

static enum err
on_changed(void *ctx, const struct ipc_accounts_account_changed *m, int *fd)
{
	struct svc_accounts_child *from = ctx;
	struct ipc_accounts_account_notice notice = { .mailbox = m->mailbox };
	buf_reset(&from->s->out);
	ipc_accounts_account_notice_put(&from->s->out, &notice);
	LIST_EACH(it, &from->family->children) {
		struct svc_accounts_child *c = LIST_ENTRY(it, struct svc_accounts_child, sibling);
		if (c != from && c->kind == SVC_ACCOUNTS_SESSION) {
			tell(c, &from->s->out);
		}
	}
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
	if (c->s->auth != NULL) {
		buf_reset(&c->s->out);
		ipc_accounts_auth_usage_put(&c->s->out, &usage);
		(void)(sys_chan_send(c->s->auth, &c->s->out, -1) == ERR_OK);
	}
	return ERR_OK;
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	static const struct ipc_accounts_account_at_accounts handlers = { .changed = on_changed,
		.usage = on_usage };
	struct svc_accounts_child *c = ctx;
	arena_reset(c->s->scratch);
	return ipc_accounts_account_accounts_dispatch(&handlers, c, datagram, fd, c->s->scratch);
}

static void
on_closed(void *ctx, enum err why)
{
	struct svc_accounts_child *c = ctx;
	sys_chan_free(&c->control);
	if (why != ERR_EOF) {
		(void)(sys_child_signal(&c->process, SIGKILL) == ERR_OK);
	}
}

void
svc_accounts_quit_all(struct svc_accounts *s, uint64_t account, uint8_t reason)
{
	struct ipc_accounts_account_quit m = { .reason = reason };
	buf_reset(&s->out);
	ipc_accounts_account_quit_put(&s->out, &m);
	LIST_EACH(it, &s->children) {
		struct svc_accounts_child *c = LIST_ENTRY(it, struct svc_accounts_child, node);
		if (c->kind != SVC_ACCOUNTS_SYNCER && (account == 0 || c->account == account)) {
			tell(c, &s->out);
		}
	}
}

/* ---- forking ---- */

static enum err
adopt(struct svc_accounts *s, struct svc_accounts_child *c, int control)
{
	struct sys_chan_handler handler = {
		.on_message = on_message, .on_closed = on_closed, .ctx = c
	};
	list_push(&s->children, &c->node);
	(*count_of(s, c->kind))++;
	s->started++;
	c->watch = (struct sys_watch){ .fn = on_ended, .ctx = c, .fd = c->process.pidfd };
	if (c->family != NULL) {
		list_push(&c->family->children, &c->sibling);
		c->family->sessions += c->kind == SVC_ACCOUNTS_SESSION;
	}
	enum err e = sys_watch_start(s->sc->loop, &c->watch, SYS_IN);
	if (control >= 0) {
		enum err opened = sys_chan_new(s->sc->loop, control, &handler, &c->control);
		e = e != ERR_OK ? e : opened;
	}
	if (e != ERR_OK) {
		(void)(sys_child_signal(&c->process, SIGKILL) == ERR_OK);
	}
	return e;
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
	return c;
}

NORETURN static void
in_account_child(struct svc_account_start *start)
{
	int keep[] = { start->control, start->queue, start->stream };
	if (sys_close_except(keep, LEN(keep)) != ERR_OK) {
		sys_exit(SVC_ACCOUNT_UNAVAILABLE);
	}
	svc_account_child(start);
}

static enum err
fork_account(struct svc_accounts *s, struct svc_account_start *start, struct svc_accounts_child *c)
{
	int control[2] = { -1, -1 };
	bool in_child = false;
	TRY(sys_chan_pair(control));
	start->control = control[1];
	enum err e = sys_fork(&in_child, &c->process);
	if (e == ERR_OK && in_child) {
		in_account_child(start);
	}
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
	TRY(svc_accounts_folder_make(s, folder));
	if (kind == SVC_ACCOUNTS_SESSION) { /* a delivery is not done before a syncer ran */
		TRY(svc_accounts_folder_sync(s));
	}
	if (s->sessions + s->deliveries >= SVC_ACCOUNTS_CHILDREN_MAX || s->quitting) {
		return ERR_BUSY;
	}
	struct svc_accounts_child *c = child_make(s, kind, start->account, job);
	if (c == NULL) {
		return ERR_NOMEM;
	}
	c->family = family_get(s, start->account);
	start->folder = folder;
	start->boot_id = s->sc->boot_id;
	start->conf = s->sc->conf;
	start->sandbox = s->account_sandbox;
	enum err e = c->family == NULL ? ERR_NOMEM : fork_account(s, start, c);
	if (e != ERR_OK && list_empty(&c->node)) {
		mem_drop(c); /* never ran; a family without children goes with its next child */
	}
	return list_empty(&c->node) ? e : ERR_OK;
}

/* In the forked syncer: sync each account, send one answer, end. */
NORETURN static void
in_syncer(struct svc_accounts *s, const uint64_t *ids, size_t n, uint64_t job)
{
	static struct ipc_common_result results[512];
	struct sys_sandbox_path all = { .path = s->folder, .rights = SYS_MAY_READ | SYS_MAY_WRITE };
	struct sys_sandbox_state state;
	struct ipc_queue_accounts_synced m = { .job = job, .results = results, .results_n = n };
	int queue = sys_chan_fd(s->queue);
	if (sys_close_except(&queue, 1) != ERR_OK ||
	    sys_sandbox_enter(s->sync_sandbox, &all, 1, &state) != ERR_OK) {
		sys_exit(SVC_ACCOUNT_UNAVAILABLE);
	}
	for (size_t i = 0; i < n; i++) {
		struct svc_accounts_path room;
		results[i] = (struct ipc_common_result){ .id = ids[i],
			.result = store_sync(svc_accounts_folder(s, ids[i], &room)) };
	}
	buf_reset(&s->out);
	ipc_queue_accounts_synced_put(&s->out, &m);
	sys_exit(sys_chan_send_wait(queue, &s->out, -1, SYNC_SEND_MS) == ERR_OK
		? SVC_ACCOUNT_DONE
		: SVC_ACCOUNT_FAILED);
}

enum err
svc_accounts_syncer_new(struct svc_accounts *s, const uint64_t *ids, size_t n, uint64_t job)
{
	bool in_child = false;
	if (s->syncers >= SVC_ACCOUNTS_SYNCERS_MAX || n > 512) {
		return ERR_BUSY;
	}
	TRY(svc_accounts_folder_sync(s));
	struct svc_accounts_child *c = child_make(s, SVC_ACCOUNTS_SYNCER, 0, job);
	if (c == NULL) {
		return ERR_NOMEM;
	}
	enum err e = sys_fork(&in_child, &c->process);
	if (e == ERR_OK && in_child) {
		in_syncer(s, ids, n, job);
	}
	if (e != ERR_OK) {
		mem_drop(c);
		return e;
	}
	return adopt(s, c, -1);
}
