/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edge adm_watch, asked; attempts as rows of a list.
 */
#include "ctl/outbound/watch.h"

#include "ctl/client.h"
#include "spool/spool.h"
#include "sys/sock.h"

struct call {
	struct ctl_watch *w;
	const struct ipc_adm_watch_at_admin *handlers;
};

static enum err
take(struct ctl *c, void *ctx, str datagram, int *fd)
{
	struct call *call = ctx;

	call->w->ended = true;
	return ipc_adm_watch_admin_dispatch(call->handlers, call->w, datagram, fd, c->scratch);
}

enum ctl_exit
ctl_watch_ask(struct ctl_watch *w, const struct ipc_adm_watch_at_admin *handlers)
{
	struct call call = { w, handlers };
	enum ctl_exit x;

	w->ended = false;
	x = ctl_client_ask(w->c, take, &call, &w->ended, CTL_WAIT_MS);
	if (x == CTL_OK && w->result != ERR_OK) {
		return ctl_fail(w->c, CTL_FAILED, w->result, "the journal cannot be read: %s",
		    err_text(w->result));
	}
	return x;
}

static void
remember(struct ctl_watch *w, const struct ipc_adm_watch_try *t)
{
	if (w->any && t->began_ms <= w->newest_ms) {
		return;
	}
	w->any = true;
	w->newest_ms = t->began_ms;
	if (!reach_class_find(t->class, &w->newest)) {
		w->newest = REACH_NONE;
	}
}

static enum err
on_tries(void *ctx, const struct ipc_adm_watch_tries *m, int *fd)
{
	struct ctl_watch *w = ctx;

	w->result = m->result;
	w->more = m->more && m->tries_n > 0;
	for (size_t i = 0; i < m->tries_n; i++) {
		w->last_id = m->tries[i].id;
		remember(w, &m->tries[i]);
		if (w->show != NULL) {
			w->show(w, &m->tries[i]);
		}
		w->shown++;
	}
	return ERR_OK;
}

enum ctl_exit
ctl_watch_find(struct ctl_watch *w, const struct ipc_adm_watch_find *q, uint64_t max)
{
	static const struct ipc_adm_watch_at_admin handlers = { .tries = on_tries };
	struct ipc_adm_watch_find m = *q;
	uint64_t begun = w->shown;
	enum ctl_exit x;

	w->more = false;
	do {
		ipc_adm_watch_find_put(&w->c->msg, &m);
		x = ctl_watch_ask(w, &handlers);
		m.before = w->last_id;
	} while (x == CTL_OK && w->more && w->shown - begun < max);
	return x;
}

/* ---- showing -------------------------------------------------------------------------------- */

void
ctl_watch_list(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "began", "BEGAN", 20, false },
		{ "domain", "DOMAIN", 20, false },
		{ "host", "HOST", 24, false },
		{ "outcome", "OUTCOME", 9, false },
		{ "phase", "PHASE", 8, false },
		{ "class", "CLASS", 5, false },
		{ "code", "CODE", 4, true },
		{ "reply", "REPLY", 0, false },
	};

	ctl_out_list(&c->out, "attempts", columns, LEN(columns));
}

static void
put_ip(struct ctl_out *o, const char *key, str ip)
{
	char text[64];
	struct buf b;

	if (ip.n != 16) {
		ctl_out_none(o, key);
		return;
	}
	buf_init_fixed(&b, text, sizeof text);
	sys_addr_ip_text(&b, (const uint8_t *)ip.p);
	ctl_out_str(o, key, buf_view(&b));
}

static str
outcome_of(uint8_t verdict)
{
	return verdict == REACH_DELIVERED ? S("delivered")
	    : verdict == REACH_AGAIN      ? S("deferred")
	    : verdict == REACH_FAILED     ? S("failed")
					  : S("unknown");
}

static void
put_tls(struct ctl_out *o, const struct ipc_adm_watch_try *t)
{
	ctl_out_str(o, "tls", t->tls_version);
	ctl_out_str(o, "cipher", t->tls_cipher);
	ctl_out_str(o, "issuer", t->issuer);
	ctl_out_u64(o, "dane", t->dane);
	ctl_out_u64(o, "mta_sts", t->sts);
	ctl_out_str(o, "tls_failure", t->tls_failure);
}

void
ctl_watch_put(struct ctl_watch *w, const struct ipc_adm_watch_try *t)
{
	struct ctl_out *o = &w->c->out;
	char id[SPOOL_ID_TEXT];

	spool_id_text(t->entry, id);
	ctl_out_item(o);
	ctl_out_time(o, "began", t->began_ms / 1000);
	ctl_out_str(o, "domain", t->domain);
	ctl_out_str(o, "host", t->mx.n > 0 ? t->mx : S("-"));
	ctl_out_str(o, "outcome", outcome_of(t->verdict));
	ctl_out_str(o, "phase",
	    t->phase < REACH_PHASE_COUNT ? reach_phase_name((enum reach_phase)t->phase) : S("-"));
	ctl_out_str(o, "class", t->class.n > 0 ? t->class : S("-"));
	ctl_out_u64(o, "code", t->code);
	ctl_out_str(o, "reply", t->reply);
	ctl_out_str(o, "enhanced", t->enhanced);
	ctl_out_str(o, "rule", t->rule);
	ctl_out_str(o, "id", str_from(id));
	ctl_out_str(o, "operator", t->operator);
	put_ip(o, "peer", t->peer_ip);
	put_ip(o, "source", t->source_ip);
	ctl_out_u64(o, "tries", t->tries);
	ctl_out_u64(o, "recipients", t->rcpts);
	ctl_out_u64(o, "took_ms", t->took_ms);
	ctl_out_u64(o, "system_error", t->system_error);
	ctl_out_str(o, "phases", t->phases);
	ctl_out_u64(o, "sent", t->sent);
	ctl_out_u64(o, "received", t->received);
	ctl_out_u64(o, "rtt_us", t->rtt_us);
	put_tls(o, t);
	ctl_out_item_end(o);
}

void
ctl_watch_explain(struct ctl *c, enum reach_class class)
{
	const struct reach_class_row *row = reach_class_row(class);
	struct reach_text text = reach_class_text(class, S("en"));

	if (class == REACH_NONE) {
		return;
	}
	ctl_out_str(&c->out, "class", row->code);
	ctl_out_str(&c->out, "concerns", reach_scope_name(row->scope));
	ctl_out_str(&c->out, "decided_by", reach_agent_name(row->agent));
	ctl_out_str(&c->out, "means", text.means);
	ctl_out_str(&c->out, "help", text.help);
}
