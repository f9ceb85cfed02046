/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery into one account: take all letters that wait, write them in one transaction, answer
 * each, tell the sessions. Nothing is synced here; the queue keeps every letter until the syncer
 * was through.
 */
#include "ipc/accounts_account.h"
#include "ipc/queue_account.h"
#include "base/arena.h"
#include "mail/header.h"
#include "mail/msgid.h"
#include "store/store.h"
#include "svc/account/account.h"
#include "svc/account/child.h"
#include "sys/chan.h"
#include "sys/file.h"
#include "sys/sys.h"

enum {
	BATCH = 64,
	BATCH_OCTETS = 8 << 20, /* of arena: the queue keeps no more than 4 MB in our hands */
	REFS_MAX = 20,          /* of References, the youngest that name the thread */
	SEND_WAIT_MS = 60000,
};

struct batch {
	struct svc_account *a;
	int queue;
	struct arena *arena;
	struct buf in, out;
	struct store_delivery list[BATCH];
	struct store_added added[BATCH];
	const void *maps[BATCH];
	uint64_t map_sizes[BATCH];
	size_t n;
	bool quit;
};

/* The identifiers a thread is found by: References, or else In-Reply-To. */
static void
take_refs(struct batch *b, str header, struct store_new *msg)
{
	struct mail_field f;
	struct buf value;
	buf_init(&value, 65536);
	if (mail_header_find(header, S("References"), &f) ||
	    mail_header_find(header, S("In-Reply-To"), &f)) {
		mail_header_unfold(&value, f.value);
	}
	str *refs = arena_array(b->arena, REFS_MAX, sizeof *refs);
	str text = buf_view(&value), id;
	while (refs != NULL && mail_msgid_next(&text, &id)) {
		if (msg->refs_n == REFS_MAX) {
			memmove(refs, refs + 1, (REFS_MAX - 1) * sizeof *refs);
			msg->refs_n--;
		}
		refs[msg->refs_n] = arena_dup(b->arena, id);
		msg->refs_n += refs[msg->refs_n].p != NULL;
	}
	msg->refs = refs;
	buf_done(&value);
}

/* Our own fields, which may stand before the body, can be a Message-ID too. */
static void
take_ids(struct batch *b, struct store_new *msg)
{
	struct mail_field f;
	str header = str_sub(msg->body, 0, mail_header_length(msg->body)), id;
	if (mail_header_find(header, S("Message-ID"), &f) ||
	    mail_header_find(msg->prefix, S("Message-ID"), &f)) {
		str value = f.value;
		msg->message_id = mail_msgid_next(&value, &id) ? id : STR_NONE;
	}
	take_refs(b, header, msg);
}

/* The octets: copied from the datagram, or the sealed memory file mapped. */
static enum err
take_body(struct batch *b, const struct ipc_queue_account_deliver *m, int fd, str *ret)
{
	struct sys_stat st;
	if (fd < 0) {
		*ret = arena_dup(b->arena, m->body);
		return m->body.n != m->size ? ERR_PROTOCOL : ret->p == NULL ? ERR_BUDGET : ERR_OK;
	}
	TRY(sys_file_stat_fd(fd, &st));
	if (!sys_file_is_sealed(fd) || st.size == 0 || m->body.n > m->size ||
	    st.size != m->size - m->body.n) {
		return ERR_PROTOCOL;
	}
	TRY(sys_file_map(fd, 0, (size_t)st.size, &b->maps[b->n]));
	b->map_sizes[b->n] = st.size;
	*ret = str_make(b->maps[b->n], (size_t)st.size);
	return ERR_OK;
}

/* What is to stand above the octets. */
static enum err
take_prefix(struct batch *b, const struct ipc_queue_account_deliver *m, int fd, str *ret)
{
	str path = arena_printf(b->arena, "Return-Path: <%.*s>\r\n", STR_ARG(m->reverse_path));
	size_t above = fd < 0 ? 0 : m->body.n;
	char *p = above > 0 ? arena_alloc(b->arena, path.n + above) : NULL;
	if (path.p == NULL || (above > 0 && p == NULL)) {
		return ERR_BUDGET;
	}
	*ret = path;
	if (above > 0) {
		memcpy(p, path.p, path.n);
		memcpy(p + path.n, m->body.p, above);
		*ret = str_make(p, path.n + above);
	}
	return ERR_OK;
}

static enum err
on_deliver(void *ctx, const struct ipc_queue_account_deliver *m, int *fd)
{
	struct batch *b = ctx;
	struct store_delivery *d = &b->list[b->n];
	*d = (struct store_delivery){ .entry = m->entry,
		.rcpt = m->rcpt,
		.replay = m->replay,
		.junk = m->junk,
		.oldest_live = m->oldest_live,
		.msg = { .internal_s = m->received_s } };
	TRY(take_body(b, m, *fd, &d->msg.body));
	TRY(take_prefix(b, m, *fd, &d->msg.prefix));
	take_ids(b, &d->msg);
	b->n++;
	return ERR_OK;
}

/* Take every letter that waits, up to a batch. ERR_EOF: the queue has closed. */
static enum err
collect(struct batch *b)
{
	static const struct ipc_queue_account_at_account handlers = { .deliver = on_deliver };
	struct arena *scratch = arena_new(b->arena, "decode", 1 << 20, 0);
	enum err e = scratch == NULL ? ERR_NOMEM : ERR_OK;
	while (e == ERR_OK && b->n < BATCH && arena_used(b->arena) < BATCH_OCTETS / 2) {
		int fd = -1;
		e = sys_chan_recv(b->queue, &b->in, &fd);
		if (e == ERR_OK) {
			arena_reset(scratch);
			e = ipc_queue_account_account_dispatch(&handlers, b, buf_view(&b->in), &fd,
			    scratch);
		}
		sys_close(&fd);
	}
	return e == ERR_AGAIN ? ERR_OK : e;
}

static enum err
answer_all(struct batch *b, enum err whole)
{
	for (size_t i = 0; i < b->n; i++) {
		struct ipc_queue_account_delivered m = { .entry = b->list[i].entry,
			.rcpt = b->list[i].rcpt,
			.result = whole != ERR_OK ? whole : b->added[i].err };
		buf_reset(&b->out);
		ipc_queue_account_delivered_put(&b->out, &m);
		TRY(sys_chan_send_wait(b->queue, &b->out, -1, SEND_WAIT_MS));
	}
	return ERR_OK;
}

/* Tell the account's sessions, once for each mailbox. A full channel is no loss: they look again
 * later. */
static void
tell_sessions(struct batch *b)
{
	uint64_t told = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (b->added[i].err != ERR_OK || b->added[i].mailbox == told) {
			continue;
		}
		told = b->added[i].mailbox;
		struct ipc_accounts_account_changed m = { .mailbox = told };
		buf_reset(&b->out);
		ipc_accounts_account_changed_put(&b->out, &m);
		(void)(sys_chan_send_wait(b->a->control, &b->out, -1, 0) == ERR_OK);
	}
}

/* One letter that cannot be stored must not keep the others out. */
static enum err
deliver_all(struct batch *b)
{
	enum err e = store_deliver(b->a->store, b->list, b->n, b->added);
	bool theirs = e == ERR_DB || e == ERR_IO || e == ERR_CORRUPT || e == ERR_TOOBIG;
	if (!theirs || b->n == 1) {
		return e;
	}
	for (size_t i = 0; i < b->n; i++) {
		enum err one = store_deliver(b->a->store, &b->list[i], 1, &b->added[i]);
		b->added[i].err = one != ERR_OK ? one : b->added[i].err;
	}
	return ERR_OK;
}

static void
let_go(struct batch *b)
{
	for (size_t i = 0; i < BATCH; i++) {
		if (b->maps[i] != NULL) {
			sys_file_unmap(b->maps[i], (size_t)b->map_sizes[i]);
			b->maps[i] = NULL;
		}
	}
	b->n = 0;
	arena_reset(b->arena);
}

static enum err
one_round(struct batch *b)
{
	enum err end = collect(b), e = ERR_OK;
	if (b->n > 0) {
		e = answer_all(b, deliver_all(b));
		tell_sessions(b);
		svc_account_tell_usage(b->a);
	}
	let_go(b);
	return end != ERR_OK ? end : e;
}

static enum err
on_notice(void *ctx, const struct ipc_accounts_account_notice *m, int *fd)
{
	return ERR_OK; /* we keep no state that could be stale */
}

static enum err
on_quit(void *ctx, const struct ipc_accounts_account_quit *m, int *fd)
{
	((struct batch *)ctx)->quit = true;
	return ERR_OK;
}

static enum err
read_control(struct batch *b)
{
	static const struct ipc_accounts_account_at_account handlers = { .notice = on_notice,
		.quit = on_quit };
	int fd = -1;
	enum err e = sys_chan_recv(b->a->control, &b->in, &fd);
	if (e == ERR_OK) {
		e = ipc_accounts_account_account_dispatch(&handlers, b, buf_view(&b->in), &fd,
		    b->arena);
	}
	sys_close(&fd);
	return e == ERR_AGAIN ? ERR_OK : e;
}

static enum err
run(struct batch *b)
{
	while (!b->quit) {
		struct sys_wait_item items[] = { { .fd = b->queue, .want_read = true },
			{ .fd = b->a->control, .want_read = true } };
		TRY(sys_wait_any(items, LEN(items), -1));
		if (items[1].ready_read) {
			TRY(read_control(b));
		}
		if (items[0].ready_read) {
			TRY(one_round(b));
		}
	}
	return ERR_OK;
}

enum err
svc_account_deliver_run(struct svc_account *a, int queue)
{
	static struct batch b;
	b = (struct batch){ .a = a, .queue = queue };
	b.arena = arena_new(NULL, "delivery", BATCH_OCTETS, 0);
	buf_init(&b.in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&b.out, SYS_CHAN_MESSAGE_MAX);
	enum err e = b.arena == NULL ? ERR_NOMEM : run(&b);
	let_go(&b);
	arena_free(&b.arena);
	buf_done(&b.in);
	buf_done(&b.out);
	/* the queue, or accounts, has gone: what was not answered comes again */
	return e == ERR_EOF || e == ERR_UNAVAILABLE ? ERR_OK : e;
}
