/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels on the loop. Messages are copied into a queue only when the socket is full. The end of a
 * channel is told from a task, so that no owner is called back from inside its own send.
 * The system calls are in chan_io.c.
 */
#include "sys/chan.h"

#include "base/mem.h"
#include "sys/chan_priv.h"
#include "sys/sys.h"

#define CHAN_MAGIC 0x4348414eu

struct out {
	struct list node;
	int fd;
	size_t n;
	char data[];
};

struct sys_chan {
	uint32_t magic;
	struct sys_loop *loop;
	struct sys_watch watch;
	struct sys_chan_handler handler;
	struct sys_task end; /* tells on_closed */
	struct list queue;
	size_t queued, queued_octets;
	bool paused, closed, was_busy;
	enum err why;
	bool *gone; /* set while a callback runs: it freed us */
};

/* All channels of a process share it: a handler has done with a datagram when it returns. */
static char datagram[SYS_CHAN_MESSAGE_MAX];

static void
drop_queue(struct sys_chan *ch)
{
	while (!list_empty(&ch->queue)) {
		struct out *o = LIST_ENTRY(ch->queue.next, struct out, node);
		list_remove(&o->node);
		sys_close(&o->fd);
		mem_drop(o);
	}
	ch->queued = ch->queued_octets = 0;
}

static void
shut(struct sys_chan *ch, enum err why)
{
	if (ch->closed) {
		return;
	}
	ch->closed = true;
	ch->why = why;
	sys_watch_stop(ch->loop, &ch->watch);
	sys_close(&ch->watch.fd);
	drop_queue(ch);
	sys_task_schedule(ch->loop, &ch->end);
}

static void
tell_closed(void *ctx)
{
	struct sys_chan *ch = ctx;
	ch->handler.on_closed(ch->handler.ctx, ch->why);
}

/* Watch for what we can use now. A paused, idle channel is not watched at all. */
static void
rewatch(struct sys_chan *ch)
{
	unsigned want = (ch->paused ? 0u : (unsigned)SYS_IN) |
	    (list_empty(&ch->queue) ? 0u : (unsigned)SYS_OUT);
	if (ch->closed) {
		return;
	}
	if (want == 0) {
		sys_watch_stop(ch->loop, &ch->watch);
	} else if (ch->watch.on) {
		sys_watch_set(ch->loop, &ch->watch, want);
	} else {
		enum err e = sys_watch_start(ch->loop, &ch->watch, want);
		if (e != ERR_OK) {
			shut(ch, e);
		}
	}
}

/* Call the owner back; false when it freed the channel. */
static bool
tell_drained(struct sys_chan *ch)
{
	bool gone = false;
	ch->was_busy = false;
	ch->gone = &gone;
	ch->handler.on_drained(ch->handler.ctx);
	if (!gone) {
		ch->gone = NULL;
	}
	return !gone;
}

/* Send what waits; false when the channel was freed. */
static bool
flush(struct sys_chan *ch)
{
	while (!list_empty(&ch->queue)) {
		struct out *o = LIST_ENTRY(ch->queue.next, struct out, node);
		enum err e = sys_chan_io_send(ch->watch.fd, str_make(o->data, o->n), o->fd);
		if (e == ERR_AGAIN) {
			return true;
		}
		if (e != ERR_OK) {
			shut(ch, e);
			return true;
		}
		list_remove(&o->node);
		ch->queued--;
		ch->queued_octets -= o->n;
		sys_close(&o->fd);
		mem_drop(o);
	}
	return !ch->was_busy || ch->handler.on_drained == NULL || tell_drained(ch);
}

/* Take one message; *ret_more says whether to try again. False when the channel was freed. */
static bool
take_one(struct sys_chan *ch, bool *ret_more)
{
	size_t n;
	int fd = -1;
	enum err e = sys_chan_io_recv(ch->watch.fd, str_make(datagram, sizeof datagram), &n, &fd);
	*ret_more = e == ERR_NOFD; /* that message is lost, the channel lives: see chan_priv.h */
	if (e != ERR_OK) {
		if (e != ERR_AGAIN && e != ERR_NOFD) {
			shut(ch, e);
		}
		return true;
	}
	bool gone = false;
	ch->gone = &gone;
	e = ch->handler.on_message(ch->handler.ctx, str_make(datagram, n), &fd);
	sys_close(&fd);
	if (gone) {
		return false;
	}
	ch->gone = NULL;
	if (e != ERR_OK) {
		shut(ch, e);
	}
	*ret_more = !ch->closed && !ch->paused;
	return true;
}

static void
on_ready(void *ctx, unsigned events)
{
	struct sys_chan *ch = ctx;
	ASSERT(ch->magic == CHAN_MAGIC);
	if ((events & SYS_OUT) && !flush(ch)) {
		return;
	}
	bool more = (events & SYS_IN) && !ch->closed && !ch->paused;
	for (int i = 0; more && i < SYS_CHAN_TURN_MAX; i++) {
		if (!take_one(ch, &more)) {
			return;
		}
	}
	if ((events & SYS_HUP) && !(events & SYS_IN)) {
		shut(ch, ERR_EOF);
	}
	rewatch(ch);
}

enum err
sys_chan_new(struct sys_loop *loop, int fd, const struct sys_chan_handler *handler,
    struct sys_chan **ret)
{
	struct sys_chan *ch = mem_zalloc(1, sizeof *ch);
	if (ch == NULL) {
		sys_close(&fd);
		return ERR_NOMEM;
	}
	ASSERT(handler->on_message != NULL && handler->on_closed != NULL);
	*ch = (struct sys_chan){ .magic = CHAN_MAGIC, .loop = loop, .handler = *handler };
	ch->watch = (struct sys_watch){ .fn = on_ready, .ctx = ch, .fd = fd };
	list_init(&ch->queue);
	sys_task_init(&ch->end, tell_closed, ch);
	enum err e = sys_watch_start(loop, &ch->watch, SYS_IN);
	if (e != ERR_OK) {
		sys_close(&ch->watch.fd);
		mem_drop(ch);
		return e;
	}
	*ret = ch;
	return ERR_OK;
}

void
sys_chan_free(struct sys_chan **chp)
{
	struct sys_chan *ch = *chp;
	if (ch == NULL) {
		return;
	}
	ASSERT(ch->magic == CHAN_MAGIC);
	if (ch->gone != NULL) {
		*ch->gone = true;
	}
	sys_task_stop(&ch->end);
	sys_watch_stop(ch->loop, &ch->watch);
	sys_close(&ch->watch.fd);
	drop_queue(ch);
	ch->magic = 0;
	MEM_FREE(*chp);
}

static enum err
enqueue(struct sys_chan *ch, str msg, int *fd)
{
	if (ch->queued >= SYS_CHAN_QUEUE_MAX || ch->queued_octets + msg.n > SYS_CHAN_QUEUE_OCTETS) {
		ch->was_busy = true;
		return ERR_BUSY;
	}
	struct out *o = mem_zalloc(1, sizeof *o + msg.n);
	if (o == NULL) {
		return ERR_NOMEM;
	}
	o->fd = *fd;
	*fd = -1;
	o->n = msg.n;
	memcpy(o->data, msg.p, msg.n);
	list_push(&ch->queue, &o->node);
	ch->queued++;
	ch->queued_octets += msg.n;
	rewatch(ch);
	return ERR_OK;
}

static enum err
send_or_queue(struct sys_chan *ch, const struct buf *msg, int *fd)
{
	TRY(buf_err(msg));
	if (ch->closed) {
		return ERR_UNAVAILABLE;
	}
	if (msg->n == 0 || msg->n > SYS_CHAN_MESSAGE_MAX) {
		return ERR_TOOBIG;
	}
	enum err e = ERR_AGAIN;
	if (list_empty(&ch->queue)) {
		e = sys_chan_io_send(ch->watch.fd, buf_view(msg), *fd);
	}
	if (e == ERR_AGAIN) {
		e = enqueue(ch, buf_view(msg), fd);
	}
	if (e == ERR_EOF) { /* what the peer said before it went can still be read */
		return ERR_UNAVAILABLE;
	}
	return e;
}

enum err
sys_chan_send(struct sys_chan *ch, const struct buf *msg, int fd)
{
	ASSERT(ch->magic == CHAN_MAGIC);
	enum err e = send_or_queue(ch, msg, &fd);
	sys_close(&fd);
	return e;
}

void
sys_chan_fail(struct sys_chan *ch, enum err why)
{
	ASSERT(ch->magic == CHAN_MAGIC);
	shut(ch, why);
}

void
sys_chan_pause(struct sys_chan *ch, bool paused)
{
	ch->paused = paused;
	rewatch(ch);
}

size_t
sys_chan_queued(const struct sys_chan *ch)
{
	return ch->queued;
}

int
sys_chan_fd(const struct sys_chan *ch)
{
	return ch->watch.fd;
}
