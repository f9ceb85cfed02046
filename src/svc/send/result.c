/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results: told to queue, or kept until it can hear. When the channel was lost while a connection
 * had a letter, queue (perhaps a new process) gives that letter again under another job. It is not
 * sent twice for that: the letter under way, or the result that is kept, is given the new job.
 */
#include "ipc/queue_send.h"
#include "svc/send/send.h"
#include "svc/send/route.h"
#include "svc/send/sign.h"

static void
count(struct svc_send *sv, uint8_t verdict)
{
	sv->count.delivered += verdict == SVC_SEND_DELIVERED;
	sv->count.retried += verdict == SVC_SEND_RETRY;
	sv->count.failed += verdict == SVC_SEND_FAILED;
}

/* ERR_UNAVAILABLE, ERR_BUSY: not now. */
static enum err
tell(struct svc_send_letter *l)
{
	struct svc_send *sv = l->server;
	struct ipc_queue_send_outcome outcomes[SVC_SEND_RCPTS_MAX];
	bool all_well = true;
	for (size_t i = 0; i < l->rcpts_n; i++) {
		const struct svc_send_outcome *o = &l->rcpts[i].outcome;
		uint8_t v = o->verdict == 0 ? SVC_SEND_RETRY : o->verdict;
		outcomes[i] = (struct ipc_queue_send_outcome){ .rcpt = l->rcpts[i].rcpt,
			.verdict = v,
			.code = o->code,
			.enhanced = o->enhanced,
			.reply = o->reply };
		all_well &= v == SVC_SEND_DELIVERED;
	}
	struct ipc_queue_send_result m = { .job = l->job,
		.entry = l->entry,
		.whole_domain = l->whole_domain,
		.uncertain = l->uncertain,
		.relayed_dsn = l->relayed_dsn && !l->undone_dsn,
		.class = all_well ? S("") : l->class,
		.mx = l->mx,
		.peer_ip = l->has_peer ? str_make(l->peer_ip, 16) : S(""),
		.outcomes = outcomes,
		.outcomes_n = l->rcpts_n };
	if (sv->queue.chan == NULL || l->orphan) {
		return ERR_UNAVAILABLE;
	}
	buf_reset(&sv->out);
	ipc_queue_send_result_put(&sv->out, &m);
	return svc_common_link_send(&sv->queue, &sv->out, -1);
}

/* --- owed ---------------------------------------------------------------------------------- */

static void
forget(struct svc_send_letter *l)
{
	struct arena *a = l->arena; /* the letter lies in it */
	list_remove(&l->all);
	l->server->owed_n--;
	arena_free(&a);
}

static void
owe(struct svc_send_letter *l)
{
	struct svc_send *sv = l->server;
	if (sv->owed_n >= SVC_SEND_OWED_MAX) {
		sv->count.results_lost++;
		forget(LIST_ENTRY(sv->owed.next, struct svc_send_letter, all));
	}
	l->owed_ms = sys_loop_now_ms(sv->sc->loop);
	list_push(&sv->owed, &l->all);
	sv->owed_n++;
}

void
svc_send_pay_owed(struct svc_send *sv)
{
	LIST_EACH(it, &sv->owed) {
		struct svc_send_letter *l = LIST_ENTRY(it, struct svc_send_letter, all);
		if (tell(l) == ERR_OK) {
			forget(l);
		}
	}
}

void
svc_send_owed_orphan(struct svc_send *sv)
{
	LIST_EACH(it, &sv->owed) {
		LIST_ENTRY(it, struct svc_send_letter, all)->orphan = true;
	}
}

void
svc_send_owed_drop(struct svc_send *sv, int64_t older_than_ms)
{
	LIST_EACH(it, &sv->owed) {
		struct svc_send_letter *l = LIST_ENTRY(it, struct svc_send_letter, all);
		if (l->owed_ms < older_than_ms) {
			sv->count.results_lost++;
			forget(l);
		}
	}
}

/* --- finishing ----------------------------------------------------------------------------- */

void
svc_send_letter_finish(struct svc_send_letter *l)
{
	struct svc_send *sv = l->server;
	if (l->state == SVC_SEND_SIGNING) {
		svc_send_sign_forget(l);
	}
	svc_send_route_leave(l);
	for (size_t i = 0; i < l->rcpts_n; i++) {
		count(sv, l->rcpts[i].outcome.verdict);
	}
	sv->count.uncertain += l->uncertain;
	enum err e = tell(l);
	svc_send_letter_let_go(l);
	sv->orphans_n -= l->orphan;
	if (e == ERR_OK) {
		struct arena *a = l->arena; /* the letter lies in it */
		arena_free(&a);
	} else {
		owe(l);
	}
	svc_send_maybe_exit(sv);
}

/* --- the same letter again ----------------------------------------------------------------- */

static bool
is_same(const struct svc_send_letter *l, const struct ipc_queue_send_letter *m)
{
	bool same = l->orphan && l->entry == m->entry && l->rcpts_n == m->rcpts_n &&
	    str_eq(l->domain, m->domain);
	for (size_t i = 0; i < m->rcpts_n && same; i++) {
		same = l->rcpts[i].rcpt == m->rcpts[i].rcpt;
	}
	return same;
}

static struct svc_send_letter *
find_same(const struct list *in, const struct ipc_queue_send_letter *m)
{
	LIST_EACH(it, in) {
		struct svc_send_letter *l = LIST_ENTRY(it, struct svc_send_letter, all);
		if (is_same(l, m)) {
			return l;
		}
	}
	return NULL;
}

bool
svc_send_adopt(struct svc_send *sv, const struct ipc_queue_send_letter *m)
{
	struct svc_send_letter *l = sv->owed_n > 0 ? find_same(&sv->owed, m) : NULL;
	if (l != NULL) {
		l->job = m->job;
		l->orphan = false;
		svc_send_pay_owed(sv);
		return true;
	}
	l = sv->orphans_n > 0 ? find_same(&sv->letters, m) : NULL;
	if (l == NULL || map_set(sv->jobs, m->job, l) != ERR_OK) {
		return false;
	}
	l->job = m->job;
	l->orphan = false;
	sv->orphans_n--;
	return true;
}
