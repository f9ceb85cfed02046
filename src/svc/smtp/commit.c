/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finished message goes to queue, and its answer to the peer. From COMMIT on the message is
 * queue's: when the answer is lost the peer is told to try again, and may so deliver twice,
 * never lose.
 */
#include "ipc/smtp_queue.h"
#include "spool/spool.h"
#include "svc/smtp/server.h"

enum { TO_LOG_MAX = 200 };

/* One entry for each account or address behind each recipient; junk is not forwarded. */
static size_t
flatten(struct svc_smtp *sv, const struct smtp_txn *t)
{
	size_t n = 0;
	for (const struct smtp_rcpt *r = t->rcpts; r != NULL; r = r->next) {
		for (size_t i = 0; i < r->targets_n; i++) {
			if (r->targets[i].via.n > 0 && r->targets[i].junk) {
				continue;
			}
			ASSERT(n < SMTP_TARGETS_MAX);
			sv->rcpts[n++] = (struct ipc_common_rcpt){ .account = r->targets[i].account,
				.address = r->targets[i].address,
				.detail = r->targets[i].detail,
				.original = r->address,
				.orcpt = r->orcpt,
				.notify = r->notify,
				.junk = r->targets[i].junk,
				.sender = r->targets[i].sender,
				.via = r->targets[i].via,
				.reports = r->targets[i].reports };
		}
	}
	return n;
}

/*
 * Some programs say SMTPUTF8 with every message. Only those that need it are refused by servers
 * that do not offer it: RFC 6531 3.4. What stands in addresses send sees by itself.
 */
static bool
needs_utf8(const struct smtp_txn *t)
{
	return t->smtputf8 && t->body.header_eight_bit;
}

static void
put(struct svc_smtp_session *x, const struct smtp_txn *t, str octets)
{
	struct svc_smtp *sv = x->server;
	const struct ipc_smtp_queue_commit m = { .txn = x->request,
		.session = x->info.id,
		.submission = x->engine.peer.submission,
		.account = x->engine.account,
		.reverse_path = t->reverse_path,
		.smtputf8 = needs_utf8(t),
		.body8bit = t->body8bit || t->body.eight_bit,
		.envid = t->envid,
		.ret = t->ret,
		.peer_ip = x->info.peer_ip,
		.message_id = t->message_id.n > 0 ? t->message_id : x->facts.message_id,
		.language = x->engine.account_language,
		.requiretls = t->requiretls,
		.received_s = x->engine.wall_s,
		.rcpts = sv->rcpts,
		.rcpts_n = flatten(sv, t),
		.size = x->body.size,
		.body = octets };
	buf_reset(&sv->out);
	ipc_smtp_queue_commit_put(&sv->out, &m);
}

static enum err
send(struct svc_smtp_session *x)
{
	struct svc_smtp *sv = x->server;
	str octets;
	int fd;
	if (sv->queue.chan == NULL) {
		return ERR_UNAVAILABLE;
	}
	TRY(svc_smtp_body_give(&x->body, &octets, &fd));
	put(x, smtp_txn(&x->engine), octets);
	return svc_common_link_send(&sv->queue, &sv->out, fd);
}

void
svc_smtp_commit(struct svc_smtp_session *x)
{
	x->request = svc_smtp_session_request(x);
	x->stored = x->body.size;
	enum err e = x->engine.txn.failed != ERR_OK ? x->engine.txn.failed : send(x);
	svc_smtp_body_reset(&x->body);
	if (e != ERR_OK) {
		LOG(SMTP_NOT_STORED, F_ID("session", x->info.id), F_U64("txn", x->engine.txns),
		    F_ERR(e));
		x->request = 0;
		smtp_answer_commit(&x->engine, e, S(""));
	}
}

/* "a@b,c@d", as many as fit; the log says how many there are. */
static void
put_recipients(struct buf *b, const struct smtp_txn *t)
{
	for (const struct smtp_rcpt *r = t->rcpts; r != NULL; r = r->next) {
		if (b->n + r->address.n + 1 > TO_LOG_MAX) {
			return;
		}
		buf_cstr(b, b->n > 0 ? "," : "");
		buf_str(b, r->address);
	}
}

static void
log_accepted(struct svc_smtp_session *x, const char *id)
{
	char room[TO_LOG_MAX];
	struct buf to;
	const struct smtp_txn *t = smtp_txn(&x->engine);
	buf_init_fixed(&to, room, sizeof room);
	put_recipients(&to, t);
	LOG(SMTP_ACCEPTED, F_ID("session", x->info.id), F_U64("txn", x->engine.txns),
	    F_CSTR("queue", id), F_ADDR("peer", &x->peer), F_U64("account", x->engine.account),
	    F_STR("helo", x->engine.helo), F_STR("from", t->reverse_path),
	    F_STR("to", buf_view(&to)), F_U64("rcpts", t->rcpts_n), F_U64("octets", x->stored),
	    F_I64("score", x->facts.score), F_U64("junk", x->facts.junk));
}

/* Whoever was to get a copy of it elsewhere does not: the operator may want to know. */
static void
log_kept(struct svc_smtp_session *x, const char *id)
{
	size_t n = svc_smtp_forward_count(x, true);
	if (n > 0) {
		LOG(SMTP_JUNK_KEPT, F_ID("session", x->info.id), F_U64("txn", x->engine.txns),
		    F_CSTR("queue", id), F_U64("copies", n), F_I64("score", x->facts.score));
	}
}

static void
tell_accepted(struct svc_smtp_session *x, uint64_t entry)
{
	size_t junk = x->facts.junk, forwarded = svc_smtp_forward_count(x, false);
	char room[80];
	struct buf text;
	buf_init_fixed(&text, room, sizeof room);
	buf_cstr(&text, "Queued");
	if (forwarded > 0) {
		buf_printf(&text, ", %zu forwarded", forwarded);
	}
	const struct svc_smtp_ended e = { .end = smtp_txn(&x->engine)->rcpts->forwarded
		    ? SVC_SMTP_FORWARDED
		    : junk == 0                               ? SVC_SMTP_INBOX
		    : junk == smtp_txn(&x->engine)->targets_n ? SVC_SMTP_JUNK
							      : SVC_SMTP_SOME_JUNK,
		.entry = entry,
		.code = 250,
		.enhanced = S("2.0.0"),
		.text = buf_view(&text) };
	svc_smtp_tell(x, &e);
}

static enum err
on_result(void *ctx, const struct ipc_smtp_queue_commit_result *m, int *fd)
{
	struct svc_smtp *sv = ctx;
	struct svc_smtp_session *x = svc_smtp_session_answered(sv, m->txn);
	char id[SPOOL_ID_TEXT];
	if (x == NULL || x->engine.wait != SMTP_WAIT_COMMIT) {
		sv->counters.lost++;
		return ERR_OK;
	}
	spool_id_text(m->entry, id);
	if (m->result == ERR_OK) {
		sv->counters.accepted++;
		sv->counters.octets += x->stored;
		sv->counters.junk += x->facts.junk > 0;
		x->rcpts += (uint32_t)smtp_txn(&x->engine)->rcpts_n;
		log_accepted(x, id);
		log_kept(x, id);
		tell_accepted(x, m->entry);
	} else {
		LOG(SMTP_NOT_STORED, F_ID("session", x->info.id), F_U64("txn", x->engine.txns),
		    F_ERR(m->result));
	}
	if (m->result == ERR_OK) {
		svc_smtp_facts_reset(x);
	}
	smtp_answer_commit(&x->engine, m->result, str_from(id));
	svc_smtp_session_run(x);
	return ERR_OK;
}

enum err
svc_smtp_from_queue(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_smtp_queue_at_smtp handlers = { .commit_result = on_result };
	struct svc_smtp *sv = svc_smtp_of(from);
	enum err e = ipc_smtp_queue_smtp_dispatch(&handlers, sv, datagram, fd, sv->scratch);
	arena_reset(sv->scratch);
	return e;
}
