/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters: taken from queue, signed, given to their route, and told about. When the channel to
 * queue is lost, queue knows that everything is open again: letters that are not on their way are
 * dropped, those that are go on: result.c says what becomes of them.
 */
#include "base/mem.h"
#include "ipc/queue_send.h"
#include "spool/spool.h"
#include "svc/send/conn.h"
#include "svc/send/route.h"
#include "svc/send/sign.h"
#include "sys/file.h"
#include "sys/sys.h"

/* --- taking -------------------------------------------------------------------------------- */

static bool
copy(struct arena *a, str from, str *to)
{
	*to = arena_dup(a, from);
	return to->p != NULL;
}

static bool
copy_rcpts(struct svc_send_letter *l, const struct ipc_queue_send_letter *m)
{
	l->rcpts = arena_array(l->arena, m->rcpts_n, sizeof *l->rcpts);
	l->rcpts_n = m->rcpts_n;
	bool ok = l->rcpts != NULL;
	for (size_t i = 0; i < m->rcpts_n && ok; i++) {
		l->rcpts[i].rcpt = m->rcpts[i].rcpt;
		l->rcpts[i].notify = m->rcpts[i].notify;
		ok = copy(l->arena, m->rcpts[i].address, &l->rcpts[i].address) &&
		    copy(l->arena, m->rcpts[i].orcpt, &l->rcpts[i].orcpt);
	}
	return ok;
}

/* The body: copied, or a sealed file that is mapped (nobody can cut it under us). */
static enum err
take_body(struct svc_send_letter *l, const struct ipc_queue_send_letter *m, int fd)
{
	struct sys_stat st;
	if (fd < 0) {
		char *p = mem_zalloc(1, m->body.n + 1);
		if (p == NULL) {
			return ERR_NOMEM;
		}
		memcpy(p, m->body.p, m->body.n);
		l->body = str_make(p, m->body.n);
		return ERR_OK;
	}
	const void *p = NULL;
	if (!sys_file_is_sealed(fd)) {
		return ERR_DENIED;
	}
	TRY(sys_file_stat_fd(fd, &st));
	if (st.size == 0 || st.size > SVC_SEND_BODIES_MAX) {
		return ERR_TOOBIG;
	}
	TRY(sys_file_map(fd, 0, st.size, &p));
	l->body = str_make(p, st.size);
	l->mapped = true;
	return ERR_OK;
}

void
svc_send_letter_let_go(struct svc_send_letter *l)
{
	struct svc_send *sv = l->server;
	sv->bodies -= l->body.n;
	sv->letters_n--;
	list_remove(&l->all);
	if (map_get(sv->jobs, l->job) == l) {
		(void)map_del(sv->jobs, l->job);
	}
	if (l->mapped) {
		sys_file_unmap(l->body.p, l->body.n);
	} else {
		mem_drop((void *)(uintptr_t)l->body.p);
	}
	l->body = STR_NONE;
	l->mapped = false;
}

static void
free_letter(struct svc_send_letter *l)
{
	struct arena *a = l->arena; /* the letter lies in it */
	svc_send_letter_let_go(l);
	arena_free(&a);
}

static enum err
new_letter(struct svc_send *sv, const struct ipc_queue_send_letter *m, int fd,
    struct svc_send_letter **ret)
{
	bool full = sv->letters_n >= SVC_SEND_LETTERS_MAX ||
	    sv->bodies + m->size > SVC_SEND_BODIES_MAX;
	struct arena *a = full ? NULL : arena_new(NULL, "letter", SVC_SEND_LETTER_BUDGET, 0);
	struct svc_send_letter *l = a == NULL ? NULL : ARENA_NEW(a, struct svc_send_letter);
	if (l == NULL) {
		arena_free(&a);
		return full ? ERR_BUSY : ERR_NOMEM;
	}
	*l = (struct svc_send_letter){ .server = sv,
		.arena = a,
		.job = m->job,
		.entry = m->entry,
		.ret = m->ret,
		.smtputf8 = m->smtputf8,
		.body8bit = m->body8bit,
		/* Reports go out even so: RFC 8689 4.2.1, 5. */
		.requiretls = m->requiretls && m->reverse_path.n > 0,
		.unenforced = m->unenforced,
		.tries = m->tries,
		.received_s = m->received_s };
	list_init(&l->node);
	enum err e = take_body(l, m, fd);
	sv->bodies += l->body.n;
	sv->letters_n++;
	list_push(&sv->letters, &l->all);
	bool ok = e == ERR_OK && copy(a, m->domain, &l->domain) &&
	    copy(a, m->reverse_path, &l->reverse_path) && copy(a, m->via, &l->via) &&
	    copy(a, m->message_id, &l->message_id) && copy(a, m->envid, &l->envid) &&
	    copy_rcpts(l, m);
	if (!ok || map_set(sv->jobs, l->job, l) != ERR_OK) {
		free_letter(l);
		return e == ERR_OK ? ERR_NOMEM : e;
	}
	*ret = l;
	return ERR_OK;
}

/* --- giving back -------------------------------------------------------------------------- */

/* Never taken: nothing but what the message says is known. */
static void
refuse(struct svc_send *sv, const struct ipc_queue_send_letter *m, enum err why)
{
	struct ipc_queue_send_outcome outcomes[SVC_SEND_RCPTS_MAX];
	struct ipc_queue_send_result r = { .job = m->job, .entry = m->entry, .outcomes = outcomes };
	for (size_t i = 0; i < m->rcpts_n && i < LEN(outcomes); i++) {
		outcomes[i] = (struct ipc_queue_send_outcome){ .rcpt = m->rcpts[i].rcpt,
			.verdict = SVC_SEND_RETRY };
		r.outcomes_n++;
	}
	char id[SPOOL_ID_TEXT];
	sv->count.refused++;
	spool_id_text(m->entry, id);
	LOG(SEND_NOT_TAKEN, F_CSTR("queue", id), F_ERR(why));
	buf_reset(&sv->out);
	ipc_queue_send_result_put(&sv->out, &r);
	if (svc_common_link_send(&sv->queue, &sv->out, -1) != ERR_OK) {
		sv->count.results_lost++;
	}
}

void
svc_send_letter_return(struct svc_send_letter *l)
{
	svc_send_letter_finish(l);
}

void
svc_send_letter_note(struct svc_send_letter *l, size_t rcpt, const struct svc_send_outcome *outcome)
{
	struct svc_send_outcome *o = &l->rcpts[rcpt].outcome;
	if (l->rcpts[rcpt].settled || outcome->rank < o->rank) {
		return;
	}
	*o = *outcome;
	o->enhanced = arena_dup(l->arena, str_sub(outcome->enhanced, 0, 12));
	o->reply = arena_dup(l->arena, str_sub(outcome->reply, 0, SVC_SEND_REPLY_MAX));
}

void
svc_send_letter_note_all(struct svc_send_letter *l, const struct svc_send_outcome *outcome)
{
	for (size_t i = 0; i < l->rcpts_n; i++) {
		svc_send_letter_note(l, i, outcome);
	}
}

size_t
svc_send_letter_open(const struct svc_send_letter *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->rcpts_n; i++) {
		n += !l->rcpts[i].settled;
	}
	return n;
}

/* --- messages ------------------------------------------------------------------------------ */

static enum err
on_letter(void *ctx, const struct ipc_queue_send_letter *m, int *fd)
{
	struct svc_send *sv = ctx;
	struct svc_send_letter *l = NULL;
	if (m->rcpts_n == 0 || map_get(sv->jobs, m->job) != NULL) {
		return ERR_PROTOCOL;
	}
	if (svc_send_adopt(sv, m)) {
		return ERR_OK;
	}
	enum err e = sv->quitting ? ERR_BUSY : new_letter(sv, m, *fd, &l);
	if (e != ERR_OK) {
		refuse(sv, m, e);
		return ERR_OK;
	}
	sv->count.letters++;
	l->state = SVC_SEND_SIGNING;
	svc_send_sign(l);
	return ERR_OK;
}

/* A letter that a connection has is finished; any other goes back untouched. */
static enum err
on_cancel(void *ctx, const struct ipc_queue_send_cancel *m, int *fd)
{
	struct svc_send *sv = ctx;
	struct svc_send_letter *l = map_get(sv->jobs, m->job);
	if (l != NULL && l->state != SVC_SEND_CARRIED) {
		svc_send_letter_return(l);
	}
	return ERR_OK;
}

enum err
svc_send_on_queue(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_queue_send_at_send handlers = { .letter = on_letter,
		.cancel = on_cancel };
	struct svc_send *sv = from->sc->ctx;
	enum err e = ipc_queue_send_send_dispatch(&handlers, sv, datagram, fd, sv->scratch);
	arena_reset(sv->scratch);
	return e;
}

static void
drop_unsent(struct svc_send_letter *l)
{
	struct svc_send *sv = l->server;
	if (l->state == SVC_SEND_CARRIED) {
		if (!l->orphan) {
			(void)map_del(sv->jobs, l->job); /* a new queue counts anew */
			l->orphan = true;
			sv->orphans_n++;
		}
		return;
	}
	if (l->state == SVC_SEND_SIGNING) {
		svc_send_sign_forget(l);
	}
	svc_send_route_leave(l);
	free_letter(l);
}

void
svc_send_queue_gone(struct svc_send *sv)
{
	LIST_EACH(it, &sv->letters) {
		drop_unsent(LIST_ENTRY(it, struct svc_send_letter, all));
	}
	svc_send_owed_orphan(sv);
	svc_send_maybe_exit(sv);
}

void
svc_send_letters_return(struct svc_send *sv)
{
	LIST_EACH(it, &sv->letters) {
		struct svc_send_letter *l = LIST_ENTRY(it, struct svc_send_letter, all);
		if (l->state != SVC_SEND_CARRIED) {
			svc_send_letter_return(l);
		}
	}
}

/* --- signatures ---------------------------------------------------------------------------- */

/* By Delivered-To we know a letter again that has been forwarded for this address: RFC 9228. */
void
svc_send_signed(struct svc_send_letter *l, str fields)
{
	l->fields = l->via.n == 0 ? arena_dup(l->arena, fields)
				  : arena_printf(l->arena, "%.*sDelivered-To: %.*s\r\n",
					STR_ARG(fields), STR_ARG(l->via));
	if (l->fields.p == NULL) {
		svc_send_unsignable(l);
		return;
	}
	l->state = SVC_SEND_WAITING;
	svc_send_route_take(l);
}

void
svc_send_unsignable(struct svc_send_letter *l)
{
	struct svc_send_outcome o = { .verdict = SVC_SEND_RETRY,
		.rank = 1,
		.enhanced = S("4.7.5"),
		.reply = S("the letter could not be signed here (DKIM)") };
	l->state = SVC_SEND_WAITING;
	svc_send_letter_note_all(l, &o);
	svc_send_letter_finish(l);
}
