/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivering: a lane per account. A bounded number of lanes work at a time; the others collect
 * letters, so that under load an account is opened once for many. A lane whose process failed
 * rests, a letter that kills its process three times alone is held. Start reading at
 * svc_queue_lane_add.
 */
#include "ipc/queue_account.h"
#include "ipc/queue_accounts.h"
#include "base/mem.h"
#include "svc/queue/queue.h"
#include "svc/queue/remote/remote.h"
#include "sys/file.h"
#include "sys/sys.h"

static void lane_kick(struct svc_queue_lane *lane);
static enum err lane_pump(struct svc_queue_lane *lane);
static void lane_broke(struct svc_queue_lane *lane, enum err why);

/* From the settings, also when they change. */
void
svc_queue_limits(struct svc_queue *q)
{
	uint64_t asked = q->sc->conf->queue_deliveries;
	q->limit = asked != 0 ? (size_t)asked : 2 * (size_t)sys_cores();
}

void
svc_queue_letter_free(struct svc_queue_letter *l)
{
	struct svc_queue *q = l->parcel->q;
	if (l->lane != NULL) {
		l->lane->suspect = l->lane->suspect == l ? NULL : l->lane->suspect;
		l->lane->letters--;
		q->held -= l->where == SVC_QUEUE_HELD;
		q->unsynced -= l->where == SVC_QUEUE_DELIVERED;
	} else {
		svc_queue_remote_unlink(l);
	}
	q->letters--;
	list_remove(&l->node);
	list_remove(&l->mates);
	svc_queue_parcel_tidy(l->parcel);
	mem_drop(l);
}

/* Leave the list or count that the state stands for. */
static void
lane_set(struct svc_queue_lane *lane, enum svc_queue_lane_state state)
{
	struct svc_queue *q = lane->q;
	list_remove(&lane->node);
	q->working -= lane->state == LANE_WORKING;
	q->lingering_n -= lane->state == LANE_LINGER;
	lane->state = state;
	q->working += state == LANE_WORKING;
	q->lingering_n += state == LANE_LINGER;
	if (state == LANE_READY || state == LANE_LINGER) {
		list_push(state == LANE_READY ? &q->ready : &q->lingering, &lane->node);
	}
	if (state == LANE_READY || lane->state != LANE_WORKING) {
		sys_task_schedule(q->sc->loop, &q->start);
	}
}

static void
lane_close(struct svc_queue_lane *lane)
{
	sys_chan_free(&lane->chan);
	lane->asking = false;
	lane->last_job = lane->job != 0 ? lane->job : lane->last_job;
	lane->job = 0;
}

/* Take back what the process had in hand: it may or may not be in the mailbox. */
static void
lane_take_back(struct svc_queue_lane *lane)
{
	struct list back;
	list_init(&back);
	lane->suspect = lane->sent_n == 1
	    ? LIST_ENTRY(lane->sent.next, struct svc_queue_letter, node)
	    : NULL;
	LIST_EACH(it, &lane->sent) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		l->replay = true;
		l->where = SVC_QUEUE_WAITING;
	}
	list_move(&lane->sent, &back);
	list_move(&lane->waiting, &back);
	list_move(&back, &lane->waiting);
	lane->sent_n = 0;
	lane->sent_octets = 0;
}

/* The last process crashed with one letter in hand: after a few times it is held for the operator.
 */
static void
lane_blame(struct svc_queue_lane *lane)
{
	struct svc_queue_letter *l = lane->suspect;
	if (l == NULL || l->where != SVC_QUEUE_WAITING || ++l->crashes < SVC_QUEUE_CRASHES_MAX) {
		return;
	}
	l->where = SVC_QUEUE_HELD;
	lane->q->held++;
	list_remove(&l->node);
	list_push(&lane->held, &l->node);
	LOG(QUEUE_HELD, F_ID("entry", l->parcel->entry), F_U64("account", lane->account));
}

static void
lane_back_off(struct svc_queue_lane *lane, enum err why)
{
	lane_close(lane);
	lane->backoff_ms = lane->backoff_ms == 0
	    ? SVC_QUEUE_BACKOFF_MIN_MS
	    : MIN(lane->backoff_ms * 2, (uint32_t)SVC_QUEUE_BACKOFF_MAX_MS);
	lane_set(lane, LANE_BACKOFF);
	LOG(QUEUE_BACKOFF, F_U64("account", lane->account), F_ERR(why),
	    F_U64("wait_ms", lane->backoff_ms));
	sys_timer_set(lane->q->sc->loop, &lane->timer, lane->backoff_ms);
}

/* Free a lane that has nothing to do and no process. Letters not durable yet count, too. */
void
svc_queue_lane_tidy(struct svc_queue_lane *lane)
{
	if (lane->state == LANE_IDLE && lane->chan == NULL && lane->letters == 0) {
		sys_timer_stop(&lane->timer);
		sys_timer_stop(&lane->rest);
		list_remove(&lane->dirty_node);
		list_remove(&lane->sync_node);
		(void)map_del(lane->q->lanes, lane->account);
		mem_drop(lane);
	}
}

static void
lane_forget(struct svc_queue_lane *lane)
{
	lane_close(lane);
	lane_set(lane, LANE_IDLE);
	sys_timer_stop(&lane->timer);
	svc_queue_lane_tidy(lane);
}

/* The end of a rest, of keeping an idle process, or of patience with one that says nothing. */
static void
on_timer(void *ctx)
{
	struct svc_queue_lane *lane = ctx;
	if (lane->state == LANE_LINGER) {
		lane_forget(lane);
	} else if (lane->state == LANE_WORKING) {
		lane_broke(lane, ERR_TIMEOUT);
	} else if (lane->state == LANE_BACKOFF) {
		lane_set(lane, LANE_IDLE);
		lane_kick(lane);
		svc_queue_lane_tidy(lane);
	}
}

/* A round is over: everything sent was answered. */
static void
lane_round_over(struct svc_queue_lane *lane)
{
	struct svc_queue *q = lane->q;
	lane->backoff_ms = 0;
	lane->one_by_one = false;
	sys_timer_stop(&lane->timer);
	if (!list_empty(&lane->waiting)) {
		lane_set(lane, LANE_READY); /* its stint is over */
		return;
	}
	lane_set(lane, LANE_LINGER);
	sys_timer_set(q->sc->loop, &lane->timer, (int64_t)q->sc->conf->queue_linger);
	if (q->lingering_n > q->sc->conf->queue_keep_open) {
		lane_forget(LIST_ENTRY(q->lingering.next, struct svc_queue_lane, node));
	}
}

/* ---- letters that fail while others pass ---- */

static void
end_rest(void *ctx)
{
	struct svc_queue_lane *lane = ctx;
	list_move(&lane->resting, &lane->waiting);
	lane_kick(lane);
}

/* One bad letter, or a full mailbox, must not hold up what comes after. */
static void
let_rest(struct svc_queue_lane *lane, struct svc_queue_letter *l, enum err why)
{
	l->where = SVC_QUEUE_WAITING;
	l->last = why;
	l->tries++;
	lane->q->failed++;
	list_remove(&l->node);
	list_push(&lane->resting, &l->node);
	if (sys_timer_is_set(&lane->rest)) {
		return;
	}
	lane->rest_ms = lane->rest_ms == 0
	    ? SVC_QUEUE_BACKOFF_MIN_MS
	    : MIN(lane->rest_ms * 2, (uint32_t)SVC_QUEUE_BACKOFF_MAX_MS);
	sys_timer_set(lane->q->sc->loop, &lane->rest, lane->rest_ms);
}

static void
log_outcome(const struct svc_queue_letter *l, enum err result)
{
	char id[SPOOL_ID_TEXT];
	spool_id_text(l->parcel->entry, id);
	if (result == ERR_OK) {
		LOG(QUEUE_DELIVERED, F_CSTR("queue", id), F_ID("session", l->parcel->session),
		    F_STR("from", l->parcel->reverse_path), F_STR("to", l->address),
		    F_U64("octets", l->parcel->size));
	} else {
		LOG(QUEUE_DEFERRED, F_CSTR("queue", id), F_ID("session", l->parcel->session),
		    F_STR("to", l->address), F_ERR(result), F_U64("tries", l->tries));
	}
}

static struct svc_queue_letter *
find_sent(struct svc_queue_lane *lane, uint64_t entry, uint16_t rcpt)
{
	LIST_EACH(it, &lane->sent) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		if (l->parcel->entry == entry && l->rcpt == rcpt) {
			return l;
		}
	}
	return NULL;
}

void
svc_queue_lane_delivered(struct svc_queue_lane *lane, struct svc_queue_letter *l)
{
	list_remove(&l->node);
	l->last = ERR_OK;
	l->where = SVC_QUEUE_DELIVERED;
	lane->q->delivered++;
	lane->q->unsynced++;
	list_push(&lane->delivered, &l->node);
	svc_queue_settle_dirty(lane, l->parcel->size);
	log_outcome(l, ERR_OK);
}

static enum err
on_delivered(void *ctx, const struct ipc_queue_account_delivered *m, int *fd)
{
	struct svc_queue_lane *lane = ctx;
	struct svc_queue_letter *l = find_sent(lane, m->entry, m->rcpt);
	if (l == NULL) {
		return ERR_PROTOCOL;
	}
	list_remove(&l->node);
	lane->sent_n--;
	lane->sent_octets -= l->parcel->size;
	if (m->result == ERR_OK) {
		lane->rest_ms = l->tries > 0 ? 0 : lane->rest_ms;
		lane->opened = true;
		svc_queue_lane_delivered(lane, l);
	} else {
		let_rest(lane, l, m->result);
		log_outcome(l, m->result);
	}
	enum err e = lane_pump(lane);
	if (lane->sent_n == 0 && e == ERR_OK) {
		lane_round_over(lane);
	} else {
		sys_timer_set(lane->q->sc->loop, &lane->timer, SVC_QUEUE_ANSWER_MS);
	}
	return ERR_OK;
}

static enum err
on_account_message(void *ctx, str datagram, int *fd)
{
	static const struct ipc_queue_account_at_queue handlers = { .delivered = on_delivered };
	struct svc_queue_lane *lane = ctx;
	arena_reset(lane->q->scratch);
	return ipc_queue_account_queue_dispatch(&handlers, lane, datagram, fd, lane->q->scratch);
}

/* The account process is gone while it had work, or broke the protocol: it crashed or was killed.
 */
static void
lane_broke(struct svc_queue_lane *lane, enum err why)
{
	bool had_work = !list_empty(&lane->sent);
	lane_take_back(lane);
	if (!had_work && list_empty(&lane->waiting)) {
		lane_forget(lane);
		return;
	}
	lane->q->crashes += had_work;
	lane->one_by_one |= had_work;
	lane_back_off(lane, why);
}

static void
on_account_closed(void *ctx, enum err why)
{
	lane_broke(ctx, why);
}

enum err
svc_queue_body(struct svc_queue *q, const struct svc_queue_parcel *p, str *ret_body, int *ret_fd)
{
	static char piece[SVC_QUEUE_INLINE];
	if (p->size <= SVC_QUEUE_INLINE) {
		TRY(spool_read(q->spool, p->entry, 0, piece, (size_t)p->size));
		*ret_body = str_make(piece, (size_t)p->size);
		return ERR_OK;
	}
	TRY(sys_file_memory("postern-message", ret_fd));
	enum err e = ERR_OK;
	for (uint64_t off = 0; e == ERR_OK && off < p->size; off += sizeof piece) {
		size_t n = (size_t)MIN(p->size - off, (uint64_t)sizeof piece);
		e = spool_read(q->spool, p->entry, off, piece, n);
		e = e != ERR_OK ? e : sys_file_write(*ret_fd, off, str_make(piece, n));
	}
	e = e != ERR_OK ? e : sys_file_seal(*ret_fd);
	if (e != ERR_OK) {
		sys_close(ret_fd);
	}
	return e;
}

static enum err
send_letter(struct svc_queue_lane *lane, struct svc_queue_letter *l)
{
	struct svc_queue *q = lane->q;
	struct svc_queue_parcel *p = l->parcel;
	int fd = -1;
	struct ipc_queue_account_deliver m = { .entry = p->entry,
		.rcpt = l->rcpt,
		.replay = l->replay,
		.oldest_live = spool_oldest(q->spool),
		.reverse_path = p->reverse_path,
		.address = l->address,
		.detail = l->detail,
		.junk = l->junk,
		.received_s = p->received_s,
		.size = p->size };
	if (!svc_queue_kept_body(p, &m.body, &fd)) {
		TRY(svc_queue_body(q, p, &m.body, &fd));
	}
	buf_reset(&q->out);
	ipc_queue_account_deliver_put(&q->out, &m);
	TRY(sys_chan_send(lane->chan, &q->out, fd));
	if (p->letters.next->next == &p->letters) { /* nobody else waits for it */
		svc_queue_kept_drop(p);
	}
	list_remove(&l->node);
	list_push(&lane->sent, &l->node);
	l->where = SVC_QUEUE_SENT;
	lane->sent_n++;
	lane->stint++;
	lane->sent_octets += p->size;
	return ERR_OK;
}

static bool
lane_has_room(const struct svc_queue_lane *lane)
{
	size_t most = lane->one_by_one ? 1 : SVC_QUEUE_BATCH;
	bool fair = lane->stint < SVC_QUEUE_STINT || list_empty(&lane->q->ready);
	return lane->sent_n < most && lane->sent_octets < SVC_QUEUE_BATCH_OCTETS && fair;
}

/*
 * Send what the process may have in hand. UNAVAILABLE: it is gone, its channel is about to tell;
 * BUSY: its channel is full, an answer goes on.
 */
static enum err
lane_pump(struct svc_queue_lane *lane)
{
	while (lane->chan != NULL && !list_empty(&lane->waiting) && lane_has_room(lane)) {
		struct svc_queue_letter *l = LIST_ENTRY(lane->waiting.next, struct svc_queue_letter,
		    node);
		enum err e = send_letter(lane, l);
		if (e == ERR_BUSY || e == ERR_UNAVAILABLE) {
			return e;
		}
		if (e != ERR_OK) { /* its octets cannot be read, or no memory file be made */
			let_rest(lane, l, e);
			log_outcome(l, e);
		}
	}
	return ERR_OK;
}

static enum err
lane_open(struct svc_queue_lane *lane)
{
	struct svc_queue *q = lane->q;
	int fds[2] = { -1, -1 };
	struct sys_chan_handler handler = {
		.on_message = on_account_message, .on_closed = on_account_closed, .ctx = lane
	};
	TRY(sys_chan_pair(fds));
	enum err e = sys_chan_new(q->sc->loop, fds[0], &handler, &lane->chan);
	if (e != ERR_OK) {
		sys_close(&fds[1]);
		return e;
	}
	lane->job = q->next_job++;
	struct ipc_queue_accounts_open m = { .job = lane->job, .account = lane->account };
	buf_reset(&q->out);
	ipc_queue_accounts_open_put(&q->out, &m);
	return svc_common_link_send(&q->accounts, &q->out, fds[1]);
}

static void
lane_start(struct svc_queue_lane *lane)
{
	lane_set(lane, LANE_WORKING);
	sys_timer_stop(&lane->timer);
	lane->stint = 0;
	if (svc_queue_slot_ask(lane) == ERR_OK) {
		sys_timer_set(lane->q->sc->loop, &lane->timer, SVC_QUEUE_ANSWER_MS);
		return;
	}
	enum err e = lane->chan != NULL ? ERR_OK : lane_open(lane);
	if (e != ERR_OK) {
		lane_back_off(lane, e);
		return;
	}
	if (lane_pump(lane) == ERR_OK && lane->sent_n == 0) {
		lane_round_over(lane);
		return;
	}
	sys_timer_set(lane->q->sc->loop, &lane->timer, SVC_QUEUE_ANSWER_MS);
}

void
svc_queue_lane_slotted(struct svc_queue_lane *lane, bool refused)
{
	lane->refused = refused;
	lane->asking = false;
	lane->job = 0;
	sys_timer_stop(&lane->timer);
	if (list_empty(&lane->waiting)) {
		lane_set(lane, LANE_IDLE);
		svc_queue_lane_tidy(lane);
	} else if (refused) {
		lane_start(lane);
	} else {
		lane_set(lane, LANE_READY);
	}
}

static void
start_lanes(void *ctx)
{
	struct svc_queue *q = ctx;
	size_t rounds = 2 * q->limit;
	while (q->accounts.chan != NULL && !q->quitting && q->working < q->limit &&
	    !list_empty(&q->ready) && rounds-- > 0) {
		lane_start(LIST_ENTRY(q->ready.next, struct svc_queue_lane, node));
	}
}

static void
lane_kick(struct svc_queue_lane *lane)
{
	if (list_empty(&lane->waiting)) {
		return;
	}
	if (lane->state == LANE_WORKING) {
		(void)(lane_pump(lane) == ERR_OK);
	} else if (lane->state == LANE_IDLE || lane->state == LANE_LINGER) {
		lane_set(lane, LANE_READY);
	}
}

struct svc_queue_lane *
svc_queue_lane_get(struct svc_queue *q, uint64_t account)
{
	struct svc_queue_lane *lane = map_get(q->lanes, account);
	if (lane != NULL) {
		return lane;
	}
	lane = mem_zalloc(1, sizeof *lane);
	if (lane == NULL || map_set(q->lanes, account, lane) != ERR_OK) {
		mem_drop(lane);
		return NULL;
	}
	lane->q = q;
	lane->account = account;
	struct list *lists[] = { &lane->node, &lane->dirty_node, &lane->sync_node, &lane->waiting,
		&lane->sent, &lane->delivered, &lane->syncing, &lane->held, &lane->resting };
	for (size_t i = 0; i < LEN(lists); i++) {
		list_init(lists[i]);
	}
	sys_timer_init(&lane->timer, on_timer, lane);
	sys_timer_init(&lane->rest, end_rest, lane);
	return lane;
}

void
svc_queue_lane_add(struct svc_queue_lane *lane, struct svc_queue_letter *letter)
{
	if (letter->where == SVC_QUEUE_HELD) {
		list_push(&lane->held, &letter->node);
	} else if (svc_queue_remote_suspect(letter->parcel)) {
		svc_queue_lane_hold(letter);
	} else {
		letter->where = SVC_QUEUE_WAITING;
		list_push(&lane->waiting, &letter->node);
		lane_kick(lane);
	}
}

void
svc_queue_lane_note(const struct svc_queue_letter *l)
{
	struct svc_queue *q = l->parcel->q;
	const struct spool_state s = { .held = l->where == SVC_QUEUE_HELD };
	spool_state(q->spool, l->parcel->entry, l->rcpt, &s);
	if (s.held) { /* a power cut, or a disk that fails later, must not let it go */
		spool_sync_done(q->spool);
	}
	svc_queue_flush_soon(q);
}

void
svc_queue_lane_hold(struct svc_queue_letter *l)
{
	l->parcel->q->held += l->where != SVC_QUEUE_HELD;
	l->where = SVC_QUEUE_HELD;
	list_remove(&l->node);
	list_push(&l->lane->held, &l->node);
	svc_queue_lane_note(l);
}

static void
let_go(struct svc_queue_letter *l)
{
	bool blamed = l->crashes >= SVC_QUEUE_CRASHES_MAX; /* the journal does not know of it */
	list_remove(&l->node);
	l->where = SVC_QUEUE_WAITING;
	l->crashes = 0;
	l->parcel->q->held--;
	list_push(&l->lane->waiting, &l->node);
	if (!blamed) {
		svc_queue_lane_note(l);
	}
}

void
svc_queue_lane_release(struct svc_queue_letter *l)
{
	l->was_held = false;
	if (l->where == SVC_QUEUE_HELD) {
		let_go(l);
		lane_kick(l->lane);
	}
}

void
svc_queue_lane_end(struct svc_queue_letter *l)
{
	l->was_held = l->where == SVC_QUEUE_HELD;
	l->parcel->q->held -= l->was_held;
	l->where = SVC_QUEUE_ENDING;
	list_remove(&l->node);
}

void
svc_queue_lane_not_ended(struct svc_queue_letter *l)
{
	if (l->was_held) {
		svc_queue_lane_hold(l);
		return;
	}
	svc_queue_lane_add(l->lane, l);
	svc_queue_lane_note(l); /* the journal may have it as held */
}

/* The operator asks: forget the rest. What is held stays so: it was not asked for. */
void
svc_queue_lane_retry(struct svc_queue_lane *lane)
{
	sys_timer_stop(&lane->rest);
	list_move(&lane->resting, &lane->waiting);
	if (lane->state == LANE_BACKOFF) {
		sys_timer_stop(&lane->timer);
		lane_set(lane, LANE_IDLE);
	}
	lane_kick(lane);
}

/* ---- the channel to accounts ---- */

/*
 * The process of a job ended. OK: its closed channel tells the rest. BUG: it crashed. Anything
 * else: it never started or was killed from outside, which is nobody's fault.
 */
static void
job_ended(struct svc_queue *q, uint64_t account, uint64_t job, enum err result)
{
	struct svc_queue_lane *lane = map_get(q->lanes, account);
	if (result == ERR_OK || lane == NULL || job == 0) {
		return;
	}
	bool last = lane->last_job == job;
	if (lane->job == job) {
		lane_broke(lane, result);
	} else if (!last) {
		return;
	}
	lane = map_get(q->lanes, account); /* it may be gone now */
	if (result == ERR_BUG && lane != NULL) {
		lane_blame(lane);
	}
}

static enum err
on_ended(void *ctx, const struct ipc_queue_accounts_ended *m, int *fd)
{
	job_ended(ctx, m->account, m->job, m->result);
	return ERR_OK;
}

static enum err
on_synced(void *ctx, const struct ipc_queue_accounts_synced *m, int *fd)
{
	for (size_t i = 0; i < m->results_n; i++) {
		svc_queue_settle_answer(ctx, m->job, m->results[i].id, m->results[i].result);
	}
	svc_queue_settle_end(ctx, m->job);
	return ERR_OK;
}

enum err
svc_queue_from_accounts(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_queue_accounts_at_queue handlers = {
		.ended = on_ended, .synced = on_synced, .slotted = svc_queue_on_slotted
	};
	struct svc_queue *q = from->sc->ctx;
	arena_reset(q->scratch);
	return ipc_queue_accounts_queue_dispatch(&handlers, q, datagram, fd, q->scratch);
}

void
svc_queue_accounts_up(struct svc_common_link *l)
{
	struct svc_queue *q = l->sc->ctx;
	sys_task_schedule(q->sc->loop, &q->start);
}

void
svc_queue_accounts_down(struct svc_common_link *l)
{
	svc_queue_settle_lost(l->sc->ctx);
	svc_queue_slot_lost(l->sc->ctx);
}

void
svc_queue_lane_init(struct svc_queue *q)
{
	list_init(&q->parcels);
	list_init(&q->kept);
	list_init(&q->ready);
	list_init(&q->lingering);
	list_init(&q->asking);
	sys_task_init(&q->start, start_lanes, q);
}
