/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nursery: a process of ours that was forked before there was anything to forget, and forks
 * account processes for us. It has one channel, a small heap and none of our secrets, so a fork of
 * it copies little and an account process inherits nothing. Its children are ours (CLONE_PARENT):
 * we watch, kill and reap them as if we had forked them. Why: doc/why/028-nursery.md.
 *
 * First what runs in the nursery, then what runs in accounts.
 */
#include "svc/accounts/nursery.h"

#include <signal.h>
#include <sys/prctl.h>

#include "ipc/accounts_nursery.h"
#include "base/mem.h"
#include "svc/accounts/accounts.h"
#include "sys/sys.h"

enum { HANDED_MAX = 2, CONF_BUDGET = 1 << 20, SETTINGS_MAX = 98304 };

/* accounts_nursery.start, kind. */
enum { SESSION, DELIVERY, GUEST };

struct nursery {
	struct svc_accounts *s; /* as it was when it was forked */
	int chan;
	int handed[HANDED_MAX];
	size_t handed_n;
	struct arena *conf_arena;
	const struct conf *conf;
	struct buf in, out;
};

/* ---- in the nursery ---- */

static enum err
on_conf(void *ctx, const struct ipc_accounts_nursery_conf *m, int *fd)
{
	struct nursery *n = ctx;
	struct arena *a = arena_new(NULL, "conf", CONF_BUDGET, 0);
	struct conf *conf = a == NULL ? NULL : ARENA_NEW(a, struct conf);
	enum err e = conf == NULL ? ERR_NOMEM : conf_decode(m->settings, a, conf);
	if (e != ERR_OK) {
		arena_free(&a);
		return e;
	}
	arena_free(&n->conf_arena);
	n->conf_arena = a;
	n->conf = conf;
	return ERR_OK;
}

static enum err
on_hand(void *ctx, const struct ipc_accounts_nursery_hand *m, int *fd)
{
	struct nursery *n = ctx;
	if (n->handed_n == HANDED_MAX) {
		return ERR_PROTOCOL;
	}
	n->handed[n->handed_n++] = *fd;
	*fd = -1;
	return ERR_OK;
}

/* What was handed: the queue's channel, or a stream and for a guest its visitor's channel. */
static enum err
place(const struct nursery *n, uint8_t kind, struct svc_account_start *start)
{
	if (kind > GUEST || n->handed_n != (kind == GUEST ? 2 : 1)) {
		return ERR_PROTOCOL;
	}
	start->queue = kind == DELIVERY ? n->handed[0] : -1;
	start->stream = kind == DELIVERY ? -1 : n->handed[0];
	start->visit = kind == GUEST ? n->handed[1] : -1;
	return ERR_OK;
}

NORETURN static void
in_account_child(const struct svc_account_start *start)
{
	int keep[] = { start->control, start->queue, start->stream, start->visit };
	prctl(PR_SET_NAME, "account"); /* only for who looks at the process list */
	if (sys_close_except(keep, LEN(keep)) != ERR_OK) {
		sys_exit(SVC_ACCOUNT_UNAVAILABLE);
	}
	svc_account_child(start);
}

static void
drop_handed(struct nursery *n)
{
	while (n->handed_n > 0) {
		sys_close(&n->handed[--n->handed_n]);
	}
}

static enum err
on_start(void *ctx, const struct ipc_accounts_nursery_start *m, int *fd)
{
	struct nursery *n = ctx;
	struct svc_accounts_path room;
	struct svc_account_start start = { .sandbox = n->s->account_sandbox,
		.conf = n->conf,
		.folder = svc_accounts_folder(n->s, m->account, &room),
		.boot_id = n->s->sc->boot_id,
		.name = m->name,
		.account = m->account,
		.session = m->session,
		.quota_octets = m->quota_octets,
		.quota_messages = m->quota_messages,
		.guest = m->guest,
		.control = *fd,
		.protocol = m->protocol,
		.tag = m->tag,
		.unread = m->rested ? STR_NONE : m->rest,
		.granted_ms = m->granted_ms,
		.octets = m->octets,
		.parked = m->rested ? m->rest : STR_NONE,
		.calm = m->calm };
	struct ipc_accounts_nursery_started reply = { 0 };
	struct sys_child c = { .pidfd = -1 };
	bool in_child = false;
	TRY(place(n, m->kind, &start));
	reply.result = sys_fork_sibling(&in_child, &c);
	if (in_child) {
		in_account_child(&start);
	}
	drop_handed(n);
	reply.pid = (uint32_t)c.pid;
	buf_reset(&n->out);
	ipc_accounts_nursery_started_put(&n->out, &reply);
	return sys_chan_send_wait(n->chan, &n->out, c.pidfd, -1);
}

/* Until accounts closes the channel, or breaks its rules. */
NORETURN static void
serve(struct nursery *n)
{
	static const struct ipc_accounts_nursery_at_nursery handlers = {
		.conf = on_conf, .hand = on_hand, .start = on_start
	};
	enum err e = ERR_OK;
	while (e == ERR_OK) {
		int fd = -1;
		e = sys_chan_recv_wait(n->chan, &n->in, &fd, -1);
		if (e == ERR_OK) {
			arena_reset(n->s->scratch);
			e = ipc_accounts_nursery_nursery_dispatch(&handlers, n, buf_view(&n->in),
			    &fd, n->s->scratch);
		}
		sys_close(&fd);
	}
	sys_exit(e == ERR_EOF ? SVC_ACCOUNT_DONE : SVC_ACCOUNT_FAILED);
}

NORETURN static void
in_nursery(struct svc_accounts *s, int chan)
{
	static struct nursery n;
	n = (struct nursery){ .s = s, .chan = chan, .conf = s->sc->conf };
	mem_wipe(s->seal_key, sizeof s->seal_key); /* else any account could seal for any other */
	prctl(PR_SET_NAME, "nursery");
	buf_init(&n.in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&n.out, SYS_CHAN_MESSAGE_MAX);
	if (sys_close_except(&chan, 1) != ERR_OK) {
		sys_exit(SVC_ACCOUNT_UNAVAILABLE);
	}
	serve(&n);
}

/* ---- in accounts ---- */

/* ERR_NOTFOUND: it is gone already, which is what we want. */
static void
end_process(struct svc_accounts *s)
{
	struct sys_child_end end;
	if (s->nursery_process.pidfd < 0) {
		return; /* its number may be another process' by now */
	}
	(void)(sys_child_signal(&s->nursery_process, SIGKILL) == ERR_OK);
	(void)(sys_child_wait(&s->nursery_process, &end) == ERR_OK);
}

void
svc_accounts_nursery_done(struct svc_accounts *s)
{
	if (s->nursery < 0) {
		return;
	}
	sys_close(&s->nursery);
	end_process(s);
}

enum err
svc_accounts_nursery_new(struct svc_accounts *s)
{
	int pair[2] = { -1, -1 };
	bool in_child = false;
	svc_accounts_nursery_done(s);
	TRY(sys_chan_pair(pair));
	enum err e = sys_fork(&in_child, &s->nursery_process);
	if (e == ERR_OK && in_child) {
		in_nursery(s, pair[1]);
	}
	sys_close(&pair[1]);
	if (e != ERR_OK) {
		sys_close(&pair[0]);
		return e;
	}
	s->nursery = pair[0];
	return ERR_OK;
}

void
svc_accounts_nursery_conf(struct svc_accounts *s)
{
	struct buf settings;
	buf_init(&settings, SETTINGS_MAX);
	conf_encode(s->sc->conf, &settings);
	struct ipc_accounts_nursery_conf m = { .settings = buf_view(&settings) };
	buf_reset(&s->out);
	ipc_accounts_nursery_conf_put(&s->out, &m);
	enum err e = s->nursery < 0 ? ERR_UNAVAILABLE : buf_err(&settings);
	e = e == ERR_OK ? sys_chan_send_wait(s->nursery, &s->out, -1, s->nursery_ms) : e;
	if (e != ERR_OK) {
		svc_accounts_nursery_done(s); /* the next one knows what we know */
	}
	buf_done(&settings);
}

/* A copy of fd goes along; ours stays. */
static enum err
hand(struct svc_accounts *s, int fd)
{
	struct ipc_accounts_nursery_hand m = { 0 };
	int copy = -1;
	TRY(sys_dup(fd, &copy));
	buf_reset(&s->out);
	ipc_accounts_nursery_hand_put(&s->out, &m);
	return sys_chan_send_wait(s->nursery, &s->out, copy, s->nursery_ms);
}

static uint8_t
kind_of(const struct svc_account_start *start)
{
	return start->guest != 0 ? GUEST : start->queue >= 0 ? DELIVERY : SESSION;
}

static enum err
ask(struct svc_accounts *s, const struct svc_account_start *start)
{
	struct ipc_accounts_nursery_start m = { .account = start->account,
		.session = start->session,
		.guest = start->guest,
		.quota_octets = start->quota_octets,
		.quota_messages = start->quota_messages,
		.granted_ms = start->granted_ms,
		.octets = start->octets,
		.protocol = (uint8_t)start->protocol,
		.kind = kind_of(start),
		.rested = start->parked.p != NULL,
		.calm = start->calm,
		.name = start->name,
		.tag = start->tag,
		.rest = start->parked.p != NULL ? start->parked : start->unread };
	int control = -1;
	TRY(hand(s, m.kind == DELIVERY ? start->queue : start->stream));
	if (m.kind == GUEST) {
		TRY(hand(s, start->visit));
	}
	TRY(sys_dup(start->control, &control));
	buf_reset(&s->out);
	ipc_accounts_nursery_start_put(&s->out, &m);
	return sys_chan_send_wait(s->nursery, &s->out, control, s->nursery_ms);
}

struct answer {
	enum err result;
	struct sys_child child;
};

static enum err
on_started(void *ctx, const struct ipc_accounts_nursery_started *m, int *fd)
{
	struct answer *a = ctx;
	a->result = m->result == ERR_OK && *fd < 0 ? ERR_NOFD : m->result;
	a->child = (struct sys_child){ .pid = (int32_t)m->pid, .pidfd = *fd };
	*fd = -1;
	return ERR_OK;
}

/*
 * One that does not answer in time is ended first, so that it cannot start anything later; what it
 * has said until then counts. An error of the socket says that it ended before it had read all of
 * ours (ECONNRESET, unix(7)): the last thing was to start a process, so there is none. AGAIN.
 */
static enum err
hear(struct svc_accounts *s, struct answer *ret)
{
	static const struct ipc_accounts_nursery_at_accounts handlers = { .started = on_started };
	int fd = -1;
	if (sys_wait(s->nursery, true, s->nursery_ms) != ERR_OK) {
		end_process(s);
	}
	if (sys_sock_error(s->nursery) != ERR_OK) {
		return ERR_AGAIN;
	}
	TRY(sys_chan_recv_wait(s->nursery, &s->answer, &fd, 0));
	enum err e = ipc_accounts_nursery_accounts_dispatch(&handlers, ret, buf_view(&s->answer),
	    &fd, s->scratch);
	sys_close(&fd);
	return e;
}

/* AGAIN: no process was started, and another nursery may do better. */
static enum err
try(struct svc_accounts *s, const struct svc_account_start *start, struct answer *ret)
{
	enum err e = s->nursery < 0 ? svc_accounts_nursery_new(s) : ERR_OK;
	if (e == ERR_OK) {
		e = ask(s, start) == ERR_OK ? hear(s, ret) : ERR_AGAIN;
	}
	if (e != ERR_OK) {
		svc_accounts_nursery_done(s);
	}
	return e;
}

/*
 * Somebody may have ended the nursery: another one is forked then, from a larger process. Not if it
 * may have started the process and only not said so: two would serve one stream. That one ends when
 * the caller closes its end of the control channel.
 */
enum err
svc_accounts_nursery_fork(struct svc_accounts *s, const struct svc_account_start *start,
    struct sys_child *ret)
{
	struct answer a = { .result = ERR_UNAVAILABLE };
	enum err e = try(s, start, &a);
	e = e == ERR_AGAIN ? try(s, start, &a) : e;
	*ret = a.child;
	return e == ERR_OK ? a.result : e == ERR_NOMEM || e == ERR_NOFD ? e : ERR_UNAVAILABLE;
}
