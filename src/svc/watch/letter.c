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
make_json(struct making *m, const struct mail_report *about, int64_t day)
{
	tlsrpt_begin(&m->json, about);
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

static str
contact(struct svc_watch *w)
{
	const struct conf *c = w->sc->conf;

	if (str_chr(c->watch_contact, '@') > 0) {
		return arena_dup(w->scratch, c->watch_contact);
	}
	str domain = c->domain.n > 0 ? c->domain.v[0] : c->hostname;
	return arena_printf(w->scratch, "postmaster@%.*s", STR_ARG(domain));
}

enum err
svc_watch_report_about(struct svc_watch *w, const struct svc_watch_letter *l, const char *prefix,
    struct mail_report *ret)
{
	struct mail_report r = { .organization = w->sc->conf->hostname,
		.contact = contact(w),
		.domain = l->domain,
		.begin_s = reach_report_begin_ms(w->journal, l->day) / 1000,
		.end_s = reach_report_begin_ms(w->journal, l->day + 1) / 1000 - 1 };

	r.submitter = str_from_off(r.contact, (size_t)(str_rchr(r.contact, '@') + 1));
	r.id = arena_printf(w->scratch, "%s%lld.%.*s@%.*s", prefix, (long long)r.begin_s,
	    STR_ARG(l->domain), STR_ARG(r.submitter));
	if (r.contact.p == NULL || r.id.p == NULL) {
		return ERR_BUDGET;
	}
	*ret = r;
	return ERR_OK;
}

enum err
svc_watch_letter_put(struct svc_watch *w, struct svc_watch_letter *l,
    struct mail_report_letter *letter,
    void (*put)(struct buf *out, const struct mail_report_letter *l))
{
	struct buf body;

	l->message_id = arena_printf(w->scratch, "<%zu.%.*s>", l->index,
	    STR_ARG(letter->report->id));
	if (l->message_id.p == NULL) {
		return ERR_BUDGET;
	}
	letter->to = l->to;
	letter->message_id = l->message_id;
	letter->now_s = l->now_s;
	buf_init(&body, LETTER_OCTETS);
	put(&body, letter);
	enum err e = buf_err(&body);
	l->body = e == ERR_OK ? arena_dup(w->scratch, buf_view(&body)) : STR_NONE;
	buf_done(&body);
	return e == ERR_OK && l->body.p == NULL ? ERR_BUDGET : e;
}

enum err
svc_watch_letter_make(struct svc_watch *w, struct svc_watch_letter *l)
{
	struct making m = { .w = w, .domain = l->domain };
	struct mail_report about;
	struct buf gzip;

	TRY(svc_watch_report_about(w, l, "", &about));
	buf_init(&m.json, SVC_WATCH_JSON_OCTETS);
	buf_init(&gzip, SVC_WATCH_REPORT_OCTETS);
	enum err e = make_json(&m, &about, l->day);
	e = e == ERR_OK ? svc_watch_compress(buf_view(&m.json), &gzip) : e;
	struct mail_report_letter letter = {
		.report = &about, .boundary = S("=_tlsrpt"), .gzip = buf_view(&gzip)
	};
	e = e == ERR_OK ? svc_watch_letter_put(w, l, &letter, tlsrpt_letter) : e;
	buf_done(&m.json);
	buf_done(&gzip);
	return e;
}
