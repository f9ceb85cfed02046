/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How letters from outside ended, for `postern why`: told to watch, which forgets them after a
 * while. Lost when watch is not there; nobody waits for it. No contents, no subjects.
 */
#include "ipc/smtp_watch.h"
#include "svc/smtp/server.h"

enum { TO_MAX = 100 };

static size_t
recipients(const struct svc_smtp_session *x, str about, struct ipc_smtp_watch_to *ret)
{
	size_t n = 0;
	if (about.n > 0) {
		ret[n++].address = about;
		return n;
	}
	const struct smtp_rcpt *r = smtp_txn(&x->engine)->rcpts;
	for (; r != NULL && n < TO_MAX; r = r->next) {
		ret[n++].address = r->address;
	}
	return n;
}

void
svc_smtp_tell(struct svc_smtp_session *x, const struct svc_smtp_ended *e)
{
	struct svc_smtp *sv = x->server;
	struct ipc_smtp_watch_to to[TO_MAX];
	if (sv->watch.chan == NULL || x->engine.peer.submission) {
		return;
	}
	const struct ipc_smtp_watch_inbound m = { .at_s = x->engine.wall_s,
		.session = x->info.id,
		.entry = e->entry,
		.ip = x->info.peer_ip,
		.name = x->facts.trust.name,
		.helo = x->engine.helo,
		.tls_version = x->info.tls_version,
		.reverse_path = e->from.n > 0 ? e->from : smtp_txn(&x->engine)->canonical,
		.from = x->facts.from,
		.message_id = x->facts.message_id,
		.end = (uint8_t)e->end,
		.code = e->code,
		.enhanced = e->enhanced,
		.text = e->text,
		.score = x->facts.score,
		.why = x->facts.why,
		.size = e->entry != 0 ? x->stored : x->body.size,
		.rcpts = to,
		.rcpts_n = recipients(x, e->about, to) };
	buf_reset(&sv->out);
	ipc_smtp_watch_inbound_put(&sv->out, &m);
	if (svc_common_link_send(&sv->watch, &sv->out, -1) != ERR_OK) {
		sv->counters.untold++;
	}
}

/* `said` begins with the enhanced status code. */
static str
text_of(const struct smtp_action *a)
{
	bool both = a->enhanced.n > 0 && str_starts(a->said, a->enhanced);
	return str_trim(str_from_off(a->said, both ? a->enhanced.n : 0));
}

void
svc_smtp_tell_refused(struct svc_smtp_session *x, const struct smtp_action *a)
{
	bool rcpt = str_eq(a->verb, S("RCPT")), data = str_eq(a->verb, S("DATA"));
	const struct svc_smtp_ended e = { .end = a->code < 500 ? SVC_SMTP_LATER : SVC_SMTP_REFUSED,
		.code = a->code,
		.enhanced = a->enhanced,
		.text = text_of(a),
		.from = a->from,
		.about = a->text };
	if ((rcpt || data) && !(data && x->facts.told) && a->said.n > 0 && a->text.n > 0) {
		svc_smtp_tell(x, &e);
	}
	if (data) {
		svc_smtp_facts_reset(x);
	}
}
