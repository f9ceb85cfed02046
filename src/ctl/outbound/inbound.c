/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What watch knows of letters from outside, for `postern why`: refused, put off, marked, queued.
 */
#include "ctl/client.h"
#include "ctl/outbound/watch.h"
#include "spool/spool.h"
#include "sys/sock.h"

static const char *const ends[] = { "unknown", "inbox", "junk", "refused", "later", "virus",
	"some junk", "forwarded" };

static void
put_score(struct ctl_out *o, int64_t score)
{
	char room[32];
	uint64_t v = score < 0 ? 0 - (uint64_t)score : (uint64_t)score;
	int n = snprintf(room, sizeof room, "%s%llu.%03u", score < 0 ? "-" : "",
	    (unsigned long long)(v / 1000), (unsigned)(v % 1000));
	ctl_out_str(o, "score", str_make(room, (size_t)n));
}

static void
put(struct ctl_out *o, const struct ipc_adm_watch_arrival *a)
{
	char id[SPOOL_ID_TEXT], room[64];
	struct buf ip;
	spool_id_text(a->entry, id);
	buf_init_fixed(&ip, room, sizeof room);
	if (a->ip.n == 16) {
		sys_addr_ip_text(&ip, (const uint8_t *)a->ip.p);
	}
	ctl_out_item(o);
	ctl_out_time(o, "at", a->at_s);
	ctl_out_str(o, "end", str_from(ends[a->end < LEN(ends) ? a->end : 0]));
	ctl_out_u64(o, "code", a->code);
	put_score(o, a->score);
	ctl_out_str(o, "peer", buf_view(&ip));
	ctl_out_str(o, "sender", a->sender.n > 0 ? a->sender : S("<>"));
	ctl_out_str(o, "recipients", a->recipients);
	ctl_out_str(o, "id", a->entry != 0 ? str_from(id) : S(""));
	ctl_out_str(o, "why", a->why);
	ctl_out_str(o, "enhanced", a->enhanced);
	ctl_out_str(o, "reply", a->text);
	ctl_out_str(o, "name", a->name);
	ctl_out_str(o, "helo", a->helo);
	ctl_out_str(o, "tls", a->tls_version);
	ctl_out_str(o, "from", a->from);
	ctl_out_u64(o, "octets", a->size);
	ctl_out_item_end(o);
}

static void
remember(struct ctl_watch *w, const struct ipc_adm_watch_arrival *a)
{
	if (w->arrived == 0) {
		w->arrived_end = a->end;
		w->arrived_entry = a->entry;
		buf_str(&w->arrived_text, a->enhanced);
		buf_cstr(&w->arrived_text, " ");
		buf_str(&w->arrived_text, a->text);
		buf_str(&w->arrived_why, a->why);
	}
	w->arrived++;
}

static enum err
on_arrivals(void *ctx, const struct ipc_adm_watch_arrivals *m, int *fd)
{
	struct ctl_watch *w = ctx;
	w->result = m->result;
	w->more = m->more && m->list_n > 0;
	for (size_t i = 0; i < m->list_n; i++) {
		w->last_id = m->list[i].id;
		remember(w, &m->list[i]);
		put(&w->c->out, &m->list[i]);
	}
	return ERR_OK;
}

enum ctl_exit
ctl_watch_arrived(struct ctl_watch *w, const struct ipc_adm_watch_arrived *q, uint64_t max)
{
	static const struct ipc_adm_watch_at_admin handlers = { .arrivals = on_arrivals };
	static const struct ctl_column columns[] = {
		{ "at", "CAME", 20, false },
		{ "end", "END", 9, false },
		{ "code", "CODE", 4, true },
		{ "score", "SCORE", 7, true },
		{ "peer", "PEER", 15, false },
		{ "sender", "FROM", 24, false },
		{ "recipients", "TO", 24, false },
		{ "id", "ID", 13, false },
		{ "why", "WHY", 0, false },
	};
	struct ipc_adm_watch_arrived m = *q;
	enum ctl_exit x;
	buf_init(&w->arrived_text, 1000);
	buf_init(&w->arrived_why, 4000);
	ctl_out_list(&w->c->out, "arrived", columns, LEN(columns));
	do {
		ipc_adm_watch_arrived_put(&w->c->msg, &m);
		x = ctl_watch_ask(w, &handlers);
		m.before = w->last_id;
	} while (x == CTL_OK && w->more && w->arrived < max);
	if (x == CTL_OK) {
		ctl_out_list_end(&w->c->out);
	}
	return x;
}
