/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling the sender. Who submitted a message here is told into the own mailbox. To a reverse-path
 * at another server only that forwarding failed is told, and only when the letter came from there:
 * forward.c. So nobody can be made to bounce mail at others.
 * There is no report about a message with a null reverse-path (RFC 5321 4.5.5), so none about a
 * report. The words come from mail/dsn.h and reach/class.h.
 */
#include "base/mem.h"
#include "svc/queue/remote/remote.h"
#include "sys/clock.h"
#include "sys/random.h"

enum { NEVER = 1, SUCCESS = 2, FAILURE = 4, DELAY = 8, RET_HDRS = 2 };
enum { STATUS_MAX = 16, REPLY_ROOM = SPOOL_REPLY_MAX + 32, KEY_MAX = 320 };

/* RFC 3461 4.1: not given, failures are told, and delays may be. */
static bool
wants(const struct svc_queue_letter *l, enum mail_dsn_action action)
{
	static const uint8_t bits[MAIL_DSN_ACTIONS] = { [MAIL_DSN_FAILED] = FAILURE,
		[MAIL_DSN_DELAYED] = DELAY,
		[MAIL_DSN_DELIVERED] = SUCCESS,
		[MAIL_DSN_RELAYED] = SUCCESS };
	bool by_default = action == MAIL_DSN_FAILED || action == MAIL_DSN_DELAYED;
	return l->notify == 0 ? by_default : (l->notify & (NEVER | bits[action])) == bits[action];
}

static bool
has_reader(const struct svc_queue_parcel *p)
{
	return p->account != 0 && p->reverse_path.n > 0;
}

/* Who hears how these letters of one message ended; they are of one bundle, or of accounts here. */
static struct svc_queue_reader
reader_of(const struct svc_queue_parcel *p, const struct list *letters, enum mail_dsn_action action)
{
	struct svc_queue_reader none = { .address = S("") };
	if (list_empty(letters)) {
		return none;
	}
	const struct svc_queue_letter *l = LIST_ENTRY(letters->next, struct svc_queue_letter, node);
	if (l->bundle != NULL && l->bundle->via.n > 0) {
		return action == MAIL_DSN_FAILED ? svc_queue_remote_forward_reader(l->bundle)
						 : none;
	}
	return has_reader(p)
	    ? (struct svc_queue_reader){ .account = p->account, .address = p->reverse_path }
	    : none;
}

/* ---- writing one ---- */

/* One report while it is written; everything in it lives in the scratch arena. */
struct writing {
	struct svc_queue *q;
	struct svc_queue_reader reader;
	struct spool_envelope e;
	struct mail_dsn dsn;
	struct mail_dsn_rcpt rcpts[MAIL_DSN_RCPTS_MAX];
};

static str
status_of(struct arena *a, const struct svc_queue_outcome *o, enum mail_dsn_action action)
{
	char kind = action == MAIL_DSN_FAILED ? '5' : action == MAIL_DSN_DELAYED ? '4' : '2';
	if (o == NULL || kind == '2') {
		return S("");
	}
	if (o->enhanced.n > 2) {
		return o->enhanced;
	}
	str status = reach_class_row(o->class)->status;
	return status.n == 0 ? S("") : arena_printf(a, "%c.%.*s", kind, STR_ARG(status));
}

/* "550 5.1.1 no such user" */
static str
reply_of(struct arena *a, const struct svc_queue_outcome *o)
{
	if (o == NULL || (o->code == 0 && o->reply.n == 0)) {
		return S("");
	}
	if (o->code == 0) {
		return o->reply;
	}
	bool twice = o->enhanced.n == 0 || str_starts(o->reply, o->enhanced);
	return arena_printf(a, "%u %.*s%s%.*s", o->code, STR_ARG(twice ? S("") : o->enhanced),
	    twice ? "" : " ", STR_ARG(o->reply));
}

static void
put_rcpt(struct writing *w, const struct svc_queue_letter *l, const struct svc_queue_outcome *o,
    enum mail_dsn_action action)
{
	struct arena *a = w->q->remote->scratch;
	struct reach_text text = { S_INIT(""), S_INIT("") };
	if (o != NULL && o->class != REACH_NONE) {
		text = reach_class_text(o->class, w->e.language);
	}
	w->rcpts[w->dsn.rcpts_n++] = (struct mail_dsn_rcpt){ .action = action,
		.address = w->reader.outside ? l->bundle->via : l->address,
		.original = l->rcpt < w->e.rcpts_n ? w->e.rcpts[l->rcpt].orcpt : S(""),
		.status = status_of(a, o, action),
		.remote_mta = o == NULL ? S("") : o->host,
		.reply = reply_of(a, o),
		.last_s = o == NULL ? 0 : o->at_s,
		.until_s = l->bundle == NULL ? 0 : svc_queue_remote_expires_s(l->bundle),
		.meaning = text.means,
		.remedy = text.help };
}

/* As much of the message as a report may carry. */
static enum err
read_message(struct writing *w, const struct svc_queue_parcel *p)
{
	size_t most = w->dsn.full ? MAIL_DSN_FULL_MAX : MAIL_DSN_HEADER_MAX;
	size_t n = (size_t)MIN(p->size, (uint64_t)most);
	char *room = arena_alloc(w->q->remote->scratch, n + 1);
	if (room == NULL) {
		return ERR_BUDGET;
	}
	w->dsn.message = str_make(room, n);
	w->dsn.size = p->size;
	return spool_read(w->q->spool, p->entry, 0, room, n);
}

static enum err
begin(struct svc_queue_parcel *p, const struct svc_queue_reader *reader, struct writing **ret)
{
	struct svc_queue *q = p->q;
	struct arena *a = q->remote->scratch;
	struct writing *w = ARENA_NEW(a, struct writing);
	char *id = arena_alloc(a, SPOOL_ID_TEXT);
	if (w == NULL || id == NULL) {
		return ERR_BUDGET;
	}
	w->q = q;
	w->reader = *reader;
	TRY(spool_envelope(q->spool, p->entry, a, &w->e));
	spool_id_text(p->entry, id);
	w->dsn = (struct mail_dsn){ .language = mail_dsn_language(w->e.language),
		.hostname = q->sc->conf->hostname,
		.to = reader->address,
		.envid = w->e.envid,
		.queue_id = str_from(id),
		.now_s = sys_clock_wall_s(),
		.arrival_s = p->received_s,
		.full = w->e.ret != RET_HDRS,
		.smtputf8 = w->e.smtputf8,
		.rcpts = w->rcpts };
	sys_random(w->dsn.random, sizeof w->dsn.random);
	*ret = w;
	return read_message(w, p);
}

/* To its reader, in the queue's next flush. */
static enum err
finish(struct writing *w, const struct svc_queue_parcel *p, struct list *ending)
{
	struct svc_queue *q = w->q;
	struct spool_rcpt to = { .account = w->reader.account, .address = w->reader.address };
	const struct spool_envelope e = { .session = p->session,
		.smtputf8 = w->e.smtputf8,
		.body8bit = true,
		.received_s = w->dsn.now_s,
		.rcpts = &to,
		.rcpts_n = 1 };
	struct buf out;
	buf_init(&out, MAIL_DSN_MAX);
	enum err err = mail_dsn_put(&out, &w->dsn);
	err = err != ERR_OK ? err : svc_queue_commit_own(q, &e, buf_view(&out), ending);
	buf_done(&out);
	if (err == ERR_OK) {
		q->remote->reports++;
	}
	return err;
}

/* ---- the end of letters ---- */

static void
end_now(struct svc_queue_parcel *p, struct list *letters)
{
	LIST_EACH(it, letters) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		spool_done(p->q->spool, p->entry, l->rcpt);
		svc_queue_letter_free(l);
		p->q->done++;
	}
	svc_queue_flush_soon(p->q);
}

static enum err
write_end(struct svc_queue_parcel *p, struct list *letters, enum mail_dsn_action action,
    const struct svc_queue_reader *reader)
{
	struct writing *w = NULL;
	uint16_t ended[MAIL_DSN_RCPTS_MAX];
	size_t n = 0;
	TRY(begin(p, reader, &w));
	LIST_EACH(it, letters) {
		const struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		if (n == 0 || !reader->outside) { /* who does not see the copies needs no count */
			put_rcpt(w, l, l->best, action);
		}
		ended[n++] = l->rcpt;
	}
	TRY(finish(w, p, letters));
	for (size_t i = 0; i < n; i++) {
		spool_done_with_flush(p->q->spool, p->entry, ended[i]);
	}
	return ERR_OK;
}

enum err
svc_queue_remote_report_end(struct svc_queue_parcel *p, struct list *letters,
    enum mail_dsn_action action)
{
	struct list told;
	size_t n = 0;
	list_init(&told);
	arena_reset(p->q->remote->scratch);
	const struct svc_queue_reader reader = reader_of(p, letters, action);
	LIST_EACH(it, letters) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		if (reader.address.n > 0 && wants(l, action) && n < MAIL_DSN_RCPTS_MAX) {
			list_remove(&l->node);
			list_push(&told, &l->node);
			n++;
		}
	}
	if (n > 0) {
		enum err e = write_end(p, &told, action, &reader);
		if (e != ERR_OK) {
			list_move(&told, letters);
			return e;
		}
	}
	end_now(p, letters);
	return ERR_OK;
}

/* ---- letters that go on ---- */

/* Errors  ERR_NOTFOUND: nobody wants it */
static enum err
write_late(struct svc_queue_bundle *b, const struct svc_queue_outcome *why)
{
	struct svc_queue_parcel *p = b->parcel;
	const struct svc_queue_reader reader = { .account = p->account,
		.address = p->reverse_path };
	struct writing *w = NULL;
	if (!has_reader(p)) {
		return ERR_NOTFOUND;
	}
	arena_reset(p->q->remote->scratch);
	TRY(begin(p, &reader, &w));
	LIST_EACH(it, &b->letters) {
		const struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		if (wants(l, MAIL_DSN_DELAYED)) {
			const struct svc_queue_outcome *best = l->best != NULL ? l->best
									       : b->dest->last;
			put_rcpt(w, l, why != NULL ? why : best, MAIL_DSN_DELAYED);
		}
	}
	return w->dsn.rcpts_n == 0 ? ERR_NOTFOUND : finish(w, p, NULL);
}

bool
svc_queue_remote_report_late(struct svc_queue_bundle *b)
{
	enum err e = write_late(b, NULL);
	b->dest->remote->warnings += e == ERR_OK;
	return e == ERR_OK;
}

void
svc_queue_remote_report_notice(struct svc_queue_bundle *b, const struct svc_queue_outcome *why)
{
	struct svc_queue_remote *r = b->dest->remote;
	const struct reach_class_row *row = reach_class_row(why->class);
	char room[KEY_MAX];
	struct buf key;
	int64_t now_s = sys_clock_wall_s();
	if (!row->notify || !r->q->sc->conf->queue_notices || !has_reader(b->parcel)) {
		return;
	}
	buf_init_fixed(&key, room, sizeof room);
	buf_u64(&key, b->parcel->account);
	buf_ch(&key, ' ');
	buf_str(&key, row->code);
	buf_ch(&key, ' ');
	buf_str(&key, b->dest->domain);
	int64_t *last = lru_put(r->notices, buf_view(&key));
	if (last == NULL || (*last != 0 && now_s - *last < SVC_QUEUE_REMOTE_NOTICE_S)) {
		return;
	}
	enum err e = write_late(b, why);
	if (e == ERR_OK) {
		*last = now_s;
		r->notices_n++;
	}
}
