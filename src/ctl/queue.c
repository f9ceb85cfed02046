/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern queue: edge adm_queue.
 */
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ipc/adm_queue.h"
#include "spool/spool.h"

enum { WAITING = 1, DELIVERING, DELIVERED, HELD, STATES }; /* item.state of adm_queue.def */

struct asking {
	struct ctl *c;
	uint64_t only; /* entry to be shown; 0: all */
	bool more, ended;
	uint64_t last_entry, shown, count;
	uint16_t last_rcpt;
	struct ipc_adm_queue_counts counts;
	enum err result;
};

static const str state_names[STATES] = {
	S_INIT("unknown"),
	S_INIT("waiting"),
	S_INIT("delivering"),
	S_INIT("delivered"),
	S_INIT("held"),
};

static void
put_item(struct asking *a, const struct ipc_adm_queue_item *i)
{
	struct ctl_out *o = &a->c->out;
	char id[SPOOL_ID_TEXT];
	spool_id_text(i->entry, id);
	ctl_out_item(o);
	ctl_out_str(o, "id", str_from(id));
	ctl_out_str(o, "state", state_names[i->state < STATES ? i->state : 0]);
	ctl_out_time(o, "received", i->received_s);
	ctl_out_size(o, "size", i->size);
	ctl_out_u64(o, "tries", i->tries);
	ctl_out_str(o, "error", i->last == ERR_OK ? S("") : str_from(err_name(i->last)));
	ctl_out_str(o, "sender", i->sender.n > 0 ? i->sender : S("<>"));
	ctl_out_str(o, "recipient", i->recipient);
	ctl_out_u64(o, "account", i->account);
	ctl_out_item_end(o);
}

static enum err
on_page(void *ctx, const struct ipc_adm_queue_page *m, int *fd)
{
	struct asking *a = ctx;
	a->ended = true;
	a->more = m->more && m->items_n > 0;
	for (size_t i = 0; i < m->items_n; i++) {
		const struct ipc_adm_queue_item *item = &m->items[i];
		a->last_entry = item->entry;
		a->last_rcpt = item->rcpt;
		if (a->only != 0 && item->entry != a->only) {
			a->more = a->more && item->entry < a->only;
			continue;
		}
		a->shown++;
		put_item(a, item);
	}
	return ERR_OK;
}

static enum err
on_done(void *ctx, const struct ipc_adm_queue_done *m, int *fd)
{
	struct asking *a = ctx;
	a->ended = true;
	a->result = m->result;
	a->count = m->count;
	return ERR_OK;
}

static enum err
on_counts(void *ctx, const struct ipc_adm_queue_counts *m, int *fd)
{
	struct asking *a = ctx;
	a->ended = true;
	a->counts = *m;
	return ERR_OK;
}

static enum err
take(struct ctl *c, void *ctx, str datagram, int *fd)
{
	static const struct ipc_adm_queue_at_admin handlers = {
		.page = on_page, .done = on_done, .counts = on_counts
	};
	return ipc_adm_queue_admin_dispatch(&handlers, ctx, datagram, fd, c->scratch);
}

/* Send c->msg and wait for the answer. */
static enum ctl_exit
ask(struct asking *a, int timeout_ms)
{
	struct ctl *c = a->c;
	a->ended = false;
	enum ctl_exit x = ctl_client_send(c);
	buf_reset(&c->msg);
	while (x == CTL_OK && !a->ended) {
		x = ctl_client_next(c, take, a, timeout_ms);
	}
	return x;
}

static enum ctl_exit
list(struct asking *a)
{
	static const struct ctl_column columns[] = {
		{ "id", "ID", 13, false },
		{ "state", "STATE", 10, false },
		{ "received", "RECEIVED", 20, false },
		{ "size", "SIZE", 5, true },
		{ "tries", "TRIES", 5, true },
		{ "error", "ERROR", 8, false },
		{ "sender", "FROM", 28, false },
		{ "recipient", "TO", 0, false },
	};
	enum ctl_exit x;
	ctl_out_list(&a->c->out, "letters", columns, LEN(columns));
	do {
		struct ipc_adm_queue_list m = {
			.request = 1, .entry = a->last_entry, .rcpt = a->last_rcpt
		};
		ipc_adm_queue_list_put(&a->c->msg, &m);
		x = ask(a, CTL_WAIT_MS);
	} while (x == CTL_OK && a->more);
	if (x == CTL_OK) {
		ctl_out_list_end(&a->c->out);
	}
	return x;
}

/* The totals, after a list or alone. */
static enum ctl_exit
count(struct asking *a)
{
	struct ctl *c = a->c;
	struct ipc_adm_queue_count m = { .request = 1 };
	ipc_adm_queue_count_put(&c->msg, &m);
	enum ctl_exit x = ask(a, CTL_WAIT_MS);
	if (x == CTL_OK) {
		ctl_out_u64(&c->out, "waiting", a->counts.waiting);
		ctl_out_u64(&c->out, "unsynced", a->counts.unsynced);
		ctl_out_u64(&c->out, "held", a->counts.held);
	}
	return x;
}

enum ctl_exit
ctl_cmd_queue_count(struct ctl *c)
{
	struct asking a = { .c = c };
	return count(&a);
}

enum ctl_exit
ctl_cmd_queue_list(struct ctl *c)
{
	struct asking a = { .c = c };
	enum ctl_exit x = list(&a);
	if (x == CTL_OK && a.shown > 0) {
		ctl_out_line(&c->out, "%s", "");
	}
	return x == CTL_OK ? count(&a) : x;
}

static enum ctl_exit
read_id(struct ctl *c, uint64_t *ret)
{
	if (spool_id_parse(ctl_arg(c, 0), ret) && *ret != 0) {
		return CTL_OK;
	}
	return ctl_fail(c, CTL_USAGE, ERR_SYNTAX,
	    "'%.*s' is not the id of a message; `postern queue list` shows them",
	    STR_ARG(ctl_arg(c, 0)));
}

static enum ctl_exit
not_there(struct ctl *c)
{
	return ctl_fail(c, CTL_FAILED, ERR_NOTFOUND,
	    "%.*s is not in the queue; if it was, it is at rest in its mailboxes",
	    STR_ARG(ctl_arg(c, 0)));
}

enum ctl_exit
ctl_cmd_queue_show(struct ctl *c)
{
	struct asking a = { .c = c };
	enum ctl_exit x = read_id(c, &a.only);
	a.last_entry = a.only > 0 ? a.only - 1 : 0; /* the page after the one before it */
	a.last_rcpt = UINT16_MAX;
	if (x == CTL_OK) {
		x = list(&a);
	}
	return x == CTL_OK && a.shown == 0 ? not_there(c) : x;
}

enum ctl_exit
ctl_cmd_queue_retry(struct ctl *c)
{
	struct asking a = { .c = c };
	struct ipc_adm_queue_retry m = { .request = 1 };
	enum ctl_exit x = c->args.pos_n > 0 ? read_id(c, &m.entry) : CTL_OK;
	ipc_adm_queue_retry_put(&c->msg, &m);
	if (x == CTL_OK) {
		x = ask(&a, CTL_WAIT_MS);
	}
	if (x == CTL_OK && a.result == ERR_NOTFOUND) {
		return not_there(c);
	}
	if (x == CTL_OK) {
		ctl_out_u64(&c->out, "retried", a.count);
	}
	return x;
}

enum ctl_exit
ctl_cmd_queue_sync(struct ctl *c)
{
	struct asking a = { .c = c };
	struct ipc_adm_queue_sync m = { .request = 1 };
	ipc_adm_queue_sync_put(&c->msg, &m);
	enum ctl_exit x = ask(&a, CTL_WAIT_LONG_MS);
	if (x == CTL_OK && a.result != ERR_OK) {
		return ctl_fail(c, CTL_FAILED, a.result, "not synced: %s; see the log",
		    err_text(a.result));
	}
	if (x == CTL_OK) {
		ctl_out_done(&c->out, S("nothing is left to sync"));
	}
	return x;
}
