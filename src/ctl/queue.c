/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern queue: edge adm_queue.
 */
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ipc/adm_queue.h"
#include "spool/spool.h"

/* item.state of adm_queue.def */
enum { WAITING = 1, DELIVERING, DELIVERED, HELD, RESTING, ENDING, STATES };
enum { RETRY = 1, HOLD, RELEASE, FAIL }; /* move.what */

struct asking {
	struct ctl *c;
	struct ipc_adm_queue_which which;
	bool detail; /* say everything that is known */
	bool more, ended;
	uint64_t entry, shown, count, later;
	uint16_t rcpt;
	struct ipc_adm_queue_counts counts;
	enum err result;
};

static const str state_names[STATES] = {
	S_INIT("unknown"),
	S_INIT("waiting"),
	S_INIT("delivering"),
	S_INIT("delivered"),
	S_INIT("held"),
	S_INIT("resting"),
	S_INIT("ending"),
};

/* What servers elsewhere said: class, code, words, host. */
static void
put_remote(struct ctl_out *o, const struct ipc_adm_queue_item *i)
{
	ctl_out_time(o, "until", i->until_s);
	ctl_out_time(o, "attempt", i->attempt_s);
	ctl_out_u64(o, "code", i->code);
	ctl_out_str(o, "enhanced", i->enhanced);
	ctl_out_str(o, "host", i->host);
	ctl_out_str(o, "reply", i->reply);
}

/* The class of a remote one, the error of one here. */
static str
error_of(const struct ipc_adm_queue_item *i)
{
	return i->class.n > 0 ? i->class : i->last == ERR_OK ? S("") : str_from(err_name(i->last));
}

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
	ctl_out_time(o, "next", i->next_s);
	ctl_out_str(o, "error", error_of(i));
	ctl_out_str(o, "sender", i->sender.n > 0 ? i->sender : S("<>"));
	ctl_out_str(o, "recipient", i->recipient);
	ctl_out_u64(o, "account", i->account);
	if (i->account == 0) {
		put_remote(o, i);
	}
	ctl_out_item_end(o);
	if (a->detail && i->attempt_s != 0) {
		ctl_out_line(o, "              %.*s: %u %.*s %.*s", STR_ARG(i->host), i->code,
		    STR_ARG(i->enhanced), STR_ARG(i->reply));
	}
}

static enum err
on_page(void *ctx, const struct ipc_adm_queue_page *m, int *fd)
{
	struct asking *a = ctx;
	a->ended = true;
	a->more = m->more;
	a->entry = m->entry;
	a->rcpt = m->rcpt;
	a->shown += m->items_n;
	for (size_t i = 0; i < m->items_n; i++) {
		put_item(a, &m->items[i]);
	}
	return ERR_OK;
}

static enum err
on_moved(void *ctx, const struct ipc_adm_queue_moved *m, int *fd)
{
	struct asking *a = ctx;
	a->ended = true;
	a->result = a->result == ERR_OK ? m->result : a->result;
	a->count += m->count;
	a->later += m->later;
	a->more = m->more;
	a->entry = m->entry;
	a->rcpt = m->rcpt;
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
		.page = on_page, .done = on_done, .counts = on_counts, .moved = on_moved
	};
	return ipc_adm_queue_admin_dispatch(&handlers, ctx, datagram, fd, c->scratch);
}

/* Send c->msg and wait for the answer. */
static enum ctl_exit
ask(struct asking *a, int timeout_ms)
{
	a->ended = false;
	return ctl_client_ask(a->c, take, a, &a->ended, timeout_ms);
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
		{ "next", "NEXT", 20, false },
		{ "error", "ERROR", 8, false },
		{ "sender", "FROM", 28, false },
		{ "recipient", "TO", 0, false },
	};
	enum ctl_exit x;
	ctl_out_list(&a->c->out, "letters", columns, LEN(columns));
	do {
		const struct ipc_adm_queue_list m = {
			.request = 1, .which = a->which, .entry = a->entry, .rcpt = a->rcpt
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
		ctl_out_u64(&c->out, "remote", a->counts.remote);
	}
	return x;
}

enum ctl_exit
ctl_cmd_queue_count(struct ctl *c)
{
	struct asking a = { .c = c };
	return count(&a);
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

/* [ID] and the options --to and --from. */
static enum ctl_exit
read_which(struct ctl *c, struct ipc_adm_queue_which *ret)
{
	ret->to = c->args.value[CTL_OPT_TO];
	ret->from = c->args.value[CTL_OPT_FROM];
	return c->args.pos_n > 0 ? read_id(c, &ret->only) : CTL_OK;
}

enum ctl_exit
ctl_cmd_queue_list(struct ctl *c)
{
	struct asking a = { .c = c };
	enum ctl_exit x = read_which(c, &a.which);
	x = x == CTL_OK ? list(&a) : x;
	if (x == CTL_OK && a.shown > 0) {
		ctl_out_line(&c->out, "%s", "");
	}
	return x == CTL_OK ? count(&a) : x;
}

enum ctl_exit
ctl_cmd_queue_show(struct ctl *c)
{
	struct asking a = { .c = c, .detail = true };
	enum ctl_exit x = read_which(c, &a.which);
	if (x == CTL_OK) {
		x = list(&a);
	}
	return x == CTL_OK && a.shown == 0 ? not_there(c) : x;
}

/* Portion after portion, until all that is meant was moved. */
static enum ctl_exit
move(struct ctl *c, uint8_t what, const char *done)
{
	struct asking a = { .c = c };
	enum ctl_exit x = read_which(c, &a.which);
	bool everything = a.which.only == 0 && a.which.to.n == 0 && a.which.from.n == 0;
	if (x == CTL_OK && everything && what == FAIL) {
		return ctl_fail(c, CTL_USAGE, ERR_SYNTAX, "say which: an ID, --to or --from");
	}
	for (a.more = true; x == CTL_OK && a.more;) {
		const struct ipc_adm_queue_move m = { .request = 1,
			.what = what,
			.which = a.which,
			.entry = a.entry,
			.rcpt = a.rcpt };
		ipc_adm_queue_move_put(&c->msg, &m);
		x = ask(&a, CTL_WAIT_MS);
	}
	if (x == CTL_OK && a.result != ERR_OK) {
		return ctl_fail(c, CTL_FAILED, a.result, "not all were moved: %s",
		    err_text(a.result));
	}
	if (x == CTL_OK && a.which.only != 0 && a.count + a.later == 0) {
		return not_there(c);
	}
	if (x == CTL_OK) {
		ctl_out_u64(&c->out, done, a.count);
		ctl_out_u64(&c->out, "in_hand", a.later);
	}
	return x;
}

enum ctl_exit
ctl_cmd_queue_retry(struct ctl *c)
{
	return move(c, RETRY, "retried");
}

enum ctl_exit
ctl_cmd_queue_hold(struct ctl *c)
{
	return move(c, HOLD, "held");
}

enum ctl_exit
ctl_cmd_queue_release(struct ctl *c)
{
	return move(c, RELEASE, "released");
}

enum ctl_exit
ctl_cmd_queue_fail(struct ctl *c)
{
	return move(c, FAIL, "failed");
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
