/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern why: one answer to "what became of it?", from the queue (what waits, and why) and from
 * watch (what came in and how it ended; what was tried). The question is a queue id, a Message-ID
 * in <>, an address, a domain, or a reply of another server ("550 5.7.1 ...") whose meaning is
 * wanted.
 */
#include "ctl/client.h"
#include "ctl/outbound/watch.h"
#include "ipc/adm_queue.h"
#include "reach/classify.h"
#include "reach/operator.h"
#include "spool/spool.h"

enum { SHOWN_MAX = 20 };
enum { DELIVERED = 3 };                                   /* of adm_queue.item */
enum { BY_ADDRESS = 1, BY_DOMAIN, BY_ENTRY, BY_MESSAGE }; /* of adm_watch.arrived */

struct why {
	struct ctl *c;
	uint64_t entry; /* 0: the question is no queue id */
	str address, domain, message;
	uint64_t waiting, delivered; /* delivered: in the mailbox, not yet on disk */
	bool more;
	struct ipc_adm_queue_list next;
	enum reach_class class; /* of a letter that waits */
	bool ended;
};

/* ---- the queue ------------------------------------------------------------------------------ */

static const char *const states[] = { "unknown", "waiting", "in hand", "delivered", "held",
	"resting", "ending" };

static void
put_letter(struct why *w, const struct ipc_adm_queue_item *i)
{
	struct ctl_out *o = &w->c->out;
	char id[SPOOL_ID_TEXT];

	spool_id_text(i->entry, id);
	ctl_out_item(o);
	ctl_out_str(o, "id", str_from(id));
	ctl_out_str(o, "state", str_from(states[i->state < LEN(states) ? i->state : 0]));
	ctl_out_time(o, "received", i->received_s);
	ctl_out_time(o, "next", i->next_s);
	ctl_out_u64(o, "tries", i->tries);
	ctl_out_str(o, "class", i->class.n > 0 ? i->class : S("-"));
	ctl_out_str(o, "recipient", i->recipient);
	ctl_out_time(o, "until", i->until_s);
	ctl_out_str(o, "host", i->host);
	ctl_out_u64(o, "code", i->code);
	ctl_out_str(o, "reply", i->reply);
	ctl_out_str(o, "error", i->last == ERR_OK ? S("") : str_from(err_name(i->last)));
	ctl_out_item_end(o);
	(void)reach_class_find(i->class, &w->class);
	w->waiting += i->state != DELIVERED;
	w->delivered += i->state == DELIVERED;
}

static enum err
on_page(void *ctx, const struct ipc_adm_queue_page *m, int *fd)
{
	struct why *w = ctx;

	w->ended = true;
	w->more = m->more;
	w->next.entry = m->entry;
	w->next.rcpt = m->rcpt;
	for (size_t i = 0; i < m->items_n; i++) {
		put_letter(w, &m->items[i]);
	}
	return ERR_OK;
}

static enum err
take(struct ctl *c, void *ctx, str datagram, int *fd)
{
	static const struct ipc_adm_queue_at_admin handlers = { .page = on_page };

	return ipc_adm_queue_admin_dispatch(&handlers, ctx, datagram, fd, c->scratch);
}

static enum ctl_exit
ask_queue(struct why *w)
{
	static const struct ctl_column columns[] = {
		{ "id", "ID", 13, false },
		{ "state", "STATE", 9, false },
		{ "received", "RECEIVED", 20, false },
		{ "next", "NEXT TRY", 20, false },
		{ "tries", "TRIES", 5, true },
		{ "class", "CLASS", 5, false },
		{ "recipient", "TO", 0, false },
	};
	enum ctl_exit x = ctl_client_open(w->c, "queue");

	w->next = (struct ipc_adm_queue_list){ .request = 1 };
	w->next.which.only = w->entry;
	w->next.which.to = w->address.n > 0 ? w->address : w->domain;
	ctl_out_list(&w->c->out, "letters", columns, LEN(columns));
	do {
		w->ended = false;
		ipc_adm_queue_list_put(&w->c->msg, &w->next);
		x = x == CTL_OK ? ctl_client_ask(w->c, take, w, &w->ended, CTL_WAIT_MS) : x;
	} while (x == CTL_OK && w->more && w->waiting + w->delivered < SHOWN_MAX);
	if (x == CTL_OK) {
		ctl_out_list_end(&w->c->out);
	}
	return x;
}

/* ---- watch ---------------------------------------------------------------------------------- */

static enum ctl_exit
ask_watch(struct why *w, struct ctl_watch *watch)
{
	struct ipc_adm_watch_find q = { .request = 1, .by = REACH_BY_DOMAIN, .text = w->domain };
	enum ctl_exit x = ctl_client_open(w->c, "watch");

	if (w->entry != 0) {
		q.by = REACH_BY_ENTRY;
		q.entry = w->entry;
	} else if (w->message.n > 0) {
		q.by = REACH_BY_MESSAGE;
		q.text = w->message;
	}
	ctl_watch_list(w->c);
	if (x == CTL_OK) {
		x = ctl_watch_find(watch, &q, SHOWN_MAX);
	}
	if (x == CTL_OK) {
		ctl_out_list_end(&w->c->out);
	}
	return x;
}

/* What came in: to or from an address, from a domain, or one letter. */
static enum ctl_exit
ask_arrived(struct why *w, struct ctl_watch *watch)
{
	struct ipc_adm_watch_arrived q = { .request = 1, .by = BY_DOMAIN, .text = w->domain };

	if (w->entry != 0) {
		q.by = BY_ENTRY;
		q.entry = w->entry;
	} else if (w->message.n > 0) {
		q.by = BY_MESSAGE;
		q.text = w->message;
	} else if (w->address.n > 0) {
		q.by = BY_ADDRESS;
		q.text = w->address;
	}
	return ctl_watch_arrived(watch, &q, SHOWN_MAX);
}

/* The sentence about the newest letter from outside. */
static void
conclude_arrived(struct ctl *c, const struct ctl_watch *watch)
{
	static const char *const sentences[] = { "", "it was taken and went to the inbox",
		"it was taken and went to the mailbox for junk",
		"it was refused here; the sender's server was told",
		"it was put off here; the sender's server tries again",
		"it was refused here for a virus; the sender's server was told",
		"it was taken; for some recipients it went to the mailbox for junk",
		"it was taken and forwarded to elsewhere" };
	uint8_t end = watch->arrived_end < LEN(sentences) ? watch->arrived_end : 0;

	ctl_out_str(&c->out, "arrived_answer", str_from(sentences[end]));
	ctl_out_str(&c->out, "arrived_reply", buf_view(&watch->arrived_text));
	ctl_out_str(&c->out, "arrived_why", buf_view(&watch->arrived_why));
}

/* The sentence that the lists come to. */
static void
conclude(struct why *w, const struct ctl_watch *watch)
{
	struct ctl_out *o = &w->c->out;
	bool delivered = watch->any && watch->newest == REACH_NONE;

	if (watch->arrived > 0) {
		conclude_arrived(w->c, watch);
	}
	if (w->waiting > 0) {
		ctl_out_str(o, "answer",
		    w->class == REACH_NONE ? S("it waits in the queue, without trouble so far")
					   : S("it waits in the queue; the last attempt failed"));
	} else if (w->delivered > 0) {
		ctl_out_str(o, "answer",
		    S("it is in its mailbox; the queue keeps a copy until that is on disk"));
	} else if (delivered) {
		ctl_out_str(o, "answer",
		    S("nothing waits; the last attempt was accepted by the other server"));
	} else if (watch->any) {
		ctl_out_str(o, "answer",
		    S("nothing waits; the last attempt failed, and the sender was told"));
	} else if (watch->arrived > 0) {
		ctl_out_str(o, "answer",
		    S("nothing waits, and nothing was tried at other servers"));
	} else {
		ctl_out_str(o, "answer",
		    S("nothing waits and no attempt is remembered: never seen, long ago, or "
		      "delivered to a mailbox here"));
	}
	ctl_watch_explain(w->c, w->class != REACH_NONE ? w->class : watch->newest);
}

/* ---- a reply -------------------------------------------------------------------------------- */

static bool
is_reply(str s)
{
	uint32_t code;

	return s.n > 4 && str_u32(str_sub(s, 0, 3), &code) && code >= 400 && code <= 599 &&
	    (s.p[3] == ' ' || s.p[3] == '-');
}

static void
complain(void *ctx, unsigned line, unsigned column, const char *what)
{
	struct ctl *c = ctx;

	ctl_warn(c, "%.*s:%u:%u: %s",
	    STR_ARG(c->conf.send_rules.n > 0 ? c->conf.send_rules.v[0] : S("rules")), line, column,
	    what);
}

static enum ctl_exit
explain_reply(struct ctl *c, str reply)
{
	struct arena *a = arena_new(c->arena, "rules", REACH_RULES_ARENA, 0);
	str path = c->conf.send_rules.n > 0 ? c->conf.send_rules.v[0] : S("");
	str mx = ctl_given(&c->args, CTL_OPT_MX) ? c->args.value[CTL_OPT_MX] : S("");
	struct reach_seen seen = {
		.phase = REACH_PHASE_RCPT, .reply = reply, .own = &c->conf.hostname, .own_n = 1
	};
	struct reach_rules *rules = NULL;
	struct reach_found found;
	uint32_t code = 0;

	enum err e = a == NULL ? ERR_NOMEM : reach_rules_load(path, a, complain, c, &rules);
	if (e != ERR_OK) {
		return ctl_fail(c, CTL_FAILED, e, "the rules cannot be read: %s", err_text(e));
	}
	if (str_u32(str_sub(reply, 0, 3), &code)) {
		seen.code = code;
	}
	seen.operator= reach_operator(rules, mx);
	reach_classify(rules, &seen, &found);
	ctl_out_str(&c->out, "rule", found.rule);
	ctl_out_bool(&c->out, "known", found.evidence != REACH_BY_CODE);
	ctl_out_str(&c->out, "operator", seen.operator);
	ctl_out_str(&c->out, "hint", found.remedy);
	ctl_watch_explain(c, found.class);
	return CTL_OK;
}

/* ---- the command ---------------------------------------------------------------------------- */

/* What kind of question it is. */
static void
read_question(struct why *w, str q)
{
	ptrdiff_t at = str_rchr(q, '@');

	if (str_starts(q, S("<")) && str_ends(q, S(">"))) {
		w->message = q;
	} else if (at >= 0) {
		w->address = q;
		w->domain = str_from_off(q, (size_t)at + 1);
	} else if (!spool_id_parse(q, &w->entry) || w->entry == 0) {
		w->entry = 0;
		w->domain = q;
	}
}

enum ctl_exit
ctl_cmd_why(struct ctl *c)
{
	struct why w = { .c = c };
	struct ctl_watch watch = { .c = c, .show = ctl_watch_put };
	enum ctl_exit x = CTL_OK;

	if (is_reply(ctl_arg(c, 0))) {
		return explain_reply(c, ctl_arg(c, 0));
	}
	read_question(&w, ctl_arg(c, 0));
	if (w.message.n == 0) {
		x = ask_queue(&w);
		ctl_out_line(&c->out, "%s", "");
	}
	if (x == CTL_OK) {
		x = ask_watch(&w, &watch);
		ctl_out_line(&c->out, "%s", "");
	}
	if (x == CTL_OK) {
		x = ask_arrived(&w, &watch);
	}
	if (x == CTL_OK) {
		ctl_out_line(&c->out, "%s", "");
		conclude(&w, &watch);
	}
	return x;
}
