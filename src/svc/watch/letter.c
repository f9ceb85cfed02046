/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One report: policies and failures of the journal as JSON, compressed, in a letter.
 */
#include "svc/watch/letter.h"

#include <zlib.h>

#include "conf/conf.h"
#include "proto/tlsrpt/tlsrpt.h"
#include "svc/watch/watch.h"

enum { GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8, LETTER_OCTETS = 98304 };

struct making {
	struct svc_watch *w;
	struct buf json;
	str domain;
};

/* ---- the report ----------------------------------------------------------------------------- */

static enum err
put_failure(void *ctx, const struct reach_failure *r)
{
	struct making *m = ctx;
	struct tlsrpt_failure f = { .result = r->result,
		.source_ip = r->source_ip.n == 16 ? (const uint8_t *)r->source_ip.p : NULL,
		.peer_ip = r->peer_ip.n == 16 ? (const uint8_t *)r->peer_ip.p : NULL,
		.mx = r->mx,
		.reason = r->reason,
		.count = r->count };

	tlsrpt_failure(&m->json, &f);
	return buf_err(&m->json);
}

static enum err
put_policy(void *ctx, const struct reach_policy *r)
{
	struct making *m = ctx;
	struct tlsrpt_policy p = { .type = r->type,
		.text = r->text,
		.domain = m->domain,
		.good = r->good,
		.bad = r->bad };

	tlsrpt_policy(&m->json, &p);
	TRY(reach_report_failures(m->w->journal, r->id, put_failure, m));
	tlsrpt_policy_end(&m->json);
	return buf_err(&m->json);
}

static enum err
make_json(struct making *m, const struct tlsrpt_head *head, int64_t day)
{
	tlsrpt_begin(&m->json, head);
	TRY(reach_report_policies(m->w->journal, day, m->domain, put_policy, m));
	tlsrpt_end(&m->json);
	return buf_err(&m->json);
}

enum err
svc_watch_compress(str in, struct buf *out)
{
	z_stream z = { 0 };
	char *room = buf_room(out, SVC_WATCH_REPORT_OCTETS);

	if (room == NULL) {
		return buf_err(out);
	}
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
		Z_DEFAULT_STRATEGY) != Z_OK) {
		return ERR_NOMEM;
	}
	z.next_in = (Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)in.n;
	z.next_out = (Bytef *)room;
	z.avail_out = SVC_WATCH_REPORT_OCTETS;
	int end = deflate(&z, Z_FINISH);
	buf_grow(out, SVC_WATCH_REPORT_OCTETS - z.avail_out);
	(void)deflateEnd(&z);
	return end == Z_STREAM_END ? ERR_OK : ERR_TOOBIG;
}

/* ---- the letter ----------------------------------------------------------------------------- */

str
svc_watch_contact(struct svc_watch *w)
{
	const struct conf *c = w->sc->conf;

	if (str_chr(c->watch_contact, '@') > 0) {
		return arena_dup(w->scratch, c->watch_contact);
	}
	str domain = c->domain.n > 0 ? c->domain.v[0] : c->hostname;
	return arena_printf(w->scratch, "postmaster@%.*s", STR_ARG(domain));
}

static enum err
make_head(struct svc_watch *w, const struct svc_watch_letter *l, struct tlsrpt_head *ret)
{
	struct tlsrpt_head h = { .organization = w->sc->conf->hostname,
		.contact = svc_watch_contact(w),
		.domain = l->domain,
		.begin_s = reach_report_begin_ms(w->journal, l->day) / 1000,
		.end_s = reach_report_begin_ms(w->journal, l->day + 1) / 1000 - 1 };

	h.submitter = str_from_off(h.contact, (size_t)(str_rchr(h.contact, '@') + 1));
	h.id = arena_printf(w->scratch, "%lld.%.*s@%.*s", (long long)h.begin_s, STR_ARG(l->domain),
	    STR_ARG(h.submitter));
	if (h.contact.p == NULL || h.id.p == NULL) {
		return ERR_BUDGET;
	}
	*ret = h;
	return ERR_OK;
}

enum err
svc_watch_letter_keep(struct svc_watch *w, struct svc_watch_letter *l, const struct buf *body)
{
	TRY(buf_err(body));
	l->body = arena_dup(w->scratch, buf_view(body));
	return l->body.p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
make_letter(struct svc_watch *w, struct svc_watch_letter *l, const struct tlsrpt_head *head,
    str gzip)
{
	struct buf body;

	l->message_id = arena_printf(w->scratch, "<%zu.%.*s>", l->index, STR_ARG(head->id));
	if (l->message_id.p == NULL) {
		return ERR_BUDGET;
	}
	struct tlsrpt_letter letter = { .head = head,
		.to = l->to,
		.message_id = l->message_id,
		.boundary = S("=_tlsrpt"),
		.now_s = l->now_s,
		.gzip = gzip };
	buf_init(&body, LETTER_OCTETS);
	tlsrpt_letter(&body, &letter);
	enum err e = svc_watch_letter_keep(w, l, &body);
	buf_done(&body);
	return e;
}

enum err
svc_watch_letter_make(struct svc_watch *w, struct svc_watch_letter *l)
{
	struct making m = { .w = w, .domain = l->domain };
	struct tlsrpt_head head;
	struct buf gzip;

	TRY(make_head(w, l, &head));
	buf_init(&m.json, SVC_WATCH_JSON_OCTETS);
	buf_init(&gzip, SVC_WATCH_REPORT_OCTETS);
	enum err e = make_json(&m, &head, l->day);
	e = e == ERR_OK ? svc_watch_compress(buf_view(&m.json), &gzip) : e;
	e = e == ERR_OK ? make_letter(w, l, &head, buf_view(&gzip)) : e;
	buf_done(&m.json);
	buf_done(&gzip);
	return e;
}
