/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator moves a bundle. One that is in hand of a send process is moved when it comes
 * back: nobody can say how far the other server is with it.
 */
#include "svc/queue/remote/remote.h"
#include "sys/clock.h"

static void
try_now(struct svc_queue_bundle *b)
{
	b->next_ms = 0;
	svc_queue_remote_put(b, SVC_QUEUE_WAITING);
	svc_queue_remote_rest(b->dest, 0);
}

/* Its time is up, because somebody says so. */
static void
fail_now(struct svc_queue_bundle *b)
{
	sys_timer_stop(&b->timer);
	b->hold = b->where == SVC_QUEUE_HELD; /* again, should there be no room for its report */
	b->parcel->q->held -= b->where == SVC_QUEUE_HELD ? b->letters_n : 0;
	b->where = SVC_QUEUE_WAITING;
	list_remove(&b->node);
	svc_queue_remote_expire(b);
}

/* What it is to do when it is back from wherever it is. */
static void
keep_wish(struct svc_queue_bundle *b, enum svc_queue_move what)
{
	b->hold = what == SVC_QUEUE_HOLD || (b->hold && what != SVC_QUEUE_RELEASE);
}

static enum err
move_sent(struct svc_queue_bundle *b, enum svc_queue_move what)
{
	keep_wish(b, what);
	svc_queue_remote_note(b); /* a restart gives it back, too */
	if (what == SVC_QUEUE_FAIL || what == SVC_QUEUE_HOLD) {
		b->fail |= what == SVC_QUEUE_FAIL;
		svc_queue_remote_cancel(b);
	}
	return ERR_BUSY;
}

enum err
svc_queue_remote_move(struct svc_queue_bundle *b, enum svc_queue_move what)
{
	bool held = b->where == SVC_QUEUE_HELD;
	if (b->where == SVC_QUEUE_ENDING) {
		keep_wish(b, what);
	}
	if (b->where == 0 || b->where == SVC_QUEUE_ENDING) {
		return ERR_BUSY;
	}
	if (b->where == SVC_QUEUE_SENT) {
		return move_sent(b, what);
	}
	if (what == SVC_QUEUE_FAIL) {
		fail_now(b);
		return ERR_OK;
	}
	if (what == SVC_QUEUE_HOLD ? held : !held && what == SVC_QUEUE_RELEASE) {
		return ERR_OK;
	}
	if (what == SVC_QUEUE_HOLD) {
		svc_queue_remote_put(b, SVC_QUEUE_HELD);
	} else {
		try_now(b);
	}
	svc_queue_remote_note(b);
	return ERR_OK;
}
