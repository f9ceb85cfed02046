/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a session gives its process up, and how. From the moment the offer is sent nothing is read
 * from the stream; gate takes the session over only when it holds no octet that we did not read,
 * and accounts only when we have seen every notice. So each octet and each change is seen once.
 */
#include "svc/account/imap/park.h"

#include "conf/conf.h"
#include "ipc/accounts_account.h"
#include "svc/account/imap/notify/notify.h"
#include "sys/chan.h"
#include "sys/clock.h"
#include "sys/sys.h"

/* Bits of accounts_account.park. */
enum { WATCH_MAILBOX = 1, WATCH_LIST = 2, WATCH_ANY = 4 };

void
svc_account_imap_park_init(struct svc_account_imap *s, const struct svc_account_login *login)
{
	s->park.delay_ms = (uint32_t)s->account->conf->imap_park_after;
	s->park.stream_in = login->octets;
	svc_account_imap_park_later(s);
}

void
svc_account_imap_park_later(struct svc_account_imap *s)
{
	s->park.next_ms = sys_clock_ms() + s->park.delay_ms;
}

int64_t
svc_account_imap_park_due_ms(const struct svc_account_imap *s)
{
	bool never = s->park.delay_ms == 0 || s->account->control < 0;
	return never ? s->deadline_ms : MIN(s->deadline_ms, s->park.next_ms);
}

bool
svc_account_imap_may_park(const struct svc_account_imap *s)
{
	if (s->notify != NULL && s->notify->others) {
		return false; /* what was told of each mailbox is known here alone */
	}
	if (s->shared.at != NULL) {
		return false; /* a guest process holds the selected mailbox */
	}
	return !s->quit && !s->broken && !s->dirty && s->append == NULL && s->out.n == 0 &&
	    s->zip == NULL && /* the windows of DEFLATE cannot be moved */
	    s->account->control >= 0 && imap_reader_at_rest(&s->reader);
}

/* Somebody who comes back soon each time costs a process each time: let it stay longer. */
static void
lengthen(struct svc_account_imap *s)
{
	uint32_t twice = MIN(s->park.delay_ms * 2, (uint32_t)SVC_ACCOUNT_IMAP_PARK_DELAY_MAX_MS);
	s->park.delay_ms = MAX(s->park.delay_ms, twice);
}

static void
take_delay(struct svc_account_imap *s)
{
	uint32_t shortest = (uint32_t)s->account->conf->imap_park_after;
	int64_t rest = sys_clock_ms() - s->park.since_ms;
	if (rest < (int64_t)s->park.delay_ms * SVC_ACCOUNT_IMAP_PARK_RESTED) {
		lengthen(s);
	} else {
		s->park.delay_ms = shortest;
	}
	s->park.delay_ms = shortest == 0 ? 0 : MAX(s->park.delay_ms, shortest);
}

/* Outside of IDLE, and without NOTIFY, nothing may be told, so nothing is worth waking for. */
static bool
listens(const struct svc_account_imap *s)
{
	return s->idle_tag.p != NULL || svc_account_imap_notify_pushes(s);
}

static uint8_t
watched(const struct svc_account_imap *s)
{
	bool list = (s->enabled & IMAP_ENABLED_METADATA) != 0;
	uint8_t box = s->state == IMAP_SELECTED ? WATCH_MAILBOX : 0;
	return listens(s) ? (uint8_t)(box | (list ? WATCH_LIST : 0)) : 0;
}

static enum err
offer(struct svc_account_imap *s)
{
	struct buf state, out;
	s->park.since_ms = sys_clock_ms();
	buf_init(&state, SVC_ACCOUNT_IMAP_PARK_MAX + 1);
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	enum err e = svc_account_imap_park_put(s, &state);
	if (e == ERR_OK) {
		struct ipc_accounts_account_park m = { .octets = s->park.stream_in,
			.notices = s->park.notices,
			.watch = watched(s),
			.mailbox = s->box.id,
			.deadline_ms = s->deadline_ms,
			.idle = s->idle_tag.p != NULL,
			.state = buf_view(&state) };
		ipc_accounts_account_park_put(&out, &m);
		e = sys_chan_send_wait(s->account->control, &out, -1, SVC_ACCOUNT_IMAP_NOTICE_MS);
	}
	buf_done(&state);
	buf_done(&out);
	return e;
}

/* Notices and quit may come before the answer; accounts answers always, or is gone. */
static enum err
answer(struct svc_account_imap *s)
{
	s->park.answered = false;
	while (!s->park.answered && !s->quit) {
		TRY(sys_wait(s->account->control, true, -1));
		svc_account_imap_control(s);
	}
	return s->park.answered ? s->park.answer : ERR_UNAVAILABLE;
}

bool
svc_account_imap_park(struct svc_account_imap *s)
{
	enum err e = svc_account_imap_may_park(s) ? offer(s) : ERR_BUSY;
	e = e == ERR_OK ? answer(s) : e;
	s->park.parked = e == ERR_OK;
	if (e != ERR_OK) {
		lengthen(s);
		svc_account_imap_park_later(s);
	}
	return s->park.parked;
}

enum err
svc_account_imap_rouse(struct svc_account_imap *s)
{
	if (s->store != NULL) {
		return ERR_OK;
	}
	struct rd r = rd_make(s->park.box);
	enum err e = s->account->open(s->account);
	s->store = s->account->store;
	s->texts_due = true;
	if (e == ERR_OK && s->state == IMAP_SELECTED) {
		e = svc_account_imap_park_get_box(s, &r);
		e = e == ERR_OK ? rd_end(&r) : e;
	}
	if (e != ERR_OK) {
		svc_account_imap_end(s, e, "[UNAVAILABLE] the mailbox cannot be opened now");
	}
	return e;
}

/* NOTIFY and annotations have more to look at than a mailbox that has not changed. */
static bool
may_doze(const struct svc_account_imap *s)
{
	return s->idle_tag.p != NULL && s->notify == NULL &&
	    (s->enabled & IMAP_ENABLED_METADATA) == 0;
}

enum err
svc_account_imap_resume(struct svc_account_imap *s, str blob)
{
	TRY(svc_account_imap_park_get(s, blob));
	take_delay(s);
	svc_account_imap_park_later(s);
	if (s->store == NULL && may_doze(s)) {
		s->texts_due = false;
		return ERR_OK;
	}
	TRY(svc_account_imap_rouse(s));
	s->dirty = listens(s);
	svc_account_imap_take_news(s);
	return ERR_OK;
}
