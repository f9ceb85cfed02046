/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DMARC reports (RFC 7489 7.2): scan tells how letters came out whose author's domain asks for
 * them, they are counted in the journal without any local part, and once a day report.c has the
 * report made here. When it goes to somebody in another organization, he must want it (7.1).
 */
#include "proto/dmarc/report.h"

#include <libpsl.h>

#include "conf/conf.h"
#include "ipc/scan_watch.h"
#include "reach/dmarc.h"
#include "svc/watch/letter.h"
#include "svc/watch/watch.h"
#include "sys/sock.h"

enum { SIGNATURES_OCTETS = 4096 };

/* ---- what scan tells ------------------------------------------------------------------------ */

/* One that has white space in it would be read as another. */
static bool
is_word(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f) {
			return false;
		}
	}
	return s.n > 0;
}

static void
put_signatures(struct buf *out, const struct ipc_scan_watch_judged *m)
{
	for (size_t i = 0; i < m->signatures_n; i++) {
		const struct ipc_scan_watch_signature *s = &m->signatures[i];
		if (is_word(s->domain) && is_word(s->selector)) {
			buf_printf(out, "%.*s %.*s %.*s\n", STR_ARG(s->domain),
			    STR_ARG(s->selector), STR_ARG(mail_authres_word(s->result)));
		}
	}
}

/* RFC 7489 appendix C, PolicyOverrideType */
static str
reason_of(const struct ipc_scan_watch_judged *m)
{
	return m->sealed ? S("trusted_forwarder") : S("");
}

static enum err
on_judged(void *ctx, const struct ipc_scan_watch_judged *m, int *fd)
{
	struct svc_watch *w = ctx;
	char room[SIGNATURES_OCTETS];
	struct buf signatures;

	buf_init_fixed(&signatures, room, sizeof room);
	put_signatures(&signatures, m);
	const struct reach_judged r = { .domain = m->domain,
		.ip = m->ip,
		.from = m->from,
		.sender = m->sender,
		.disposition = dmarc_policy_word(m->disposition),
		.reason = reason_of(m),
		.dkim = m->dkim,
		.spf = m->spf,
		.helo = m->helo,
		.spf_domain = m->spf_domain,
		.spf_result = mail_authres_word(m->spf_result),
		.signatures = buf_view(&signatures) };
	if (m->disposition > DMARC_POLICY_REJECT || m->domain.n == 0 || m->ip.n != 16) {
		return ERR_PROTOCOL;
	}
	w->judged++;
	enum err e = svc_watch_begin(w);
	e = e == ERR_OK ? reach_dmarc_add(w->journal, m->at_s * 1000, &r) : e;
	svc_watch_added(w, "judged letter", e);
	return ERR_OK;
}

enum err
svc_watch_from_scan(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_scan_watch_at_watch handlers = { .judged = on_judged };
	struct svc_watch *w = from->sc->ctx;

	arena_reset(w->scratch);
	return ipc_scan_watch_watch_dispatch(&handlers, w, datagram, fd, w->scratch);
}

/* ---- who gets one --------------------------------------------------------------------------- */

/* By the list of public suffixes; a name that it does not know stands for itself. */
static str
organization(str domain)
{
	char name[SVC_WATCH_ADDRESS_MAX + 1];
	const psl_ctx_t *list = psl_builtin();

	if (domain.n == 0 || domain.n >= sizeof name || list == NULL) {
		return domain;
	}
	for (size_t i = 0; i < domain.n; i++) {
		name[i] = ascii_lower(domain.p[i]);
	}
	name[domain.n] = '\0';
	const char *found = psl_registrable_domain(list, name);
	return found == NULL ? domain : str_from_off(domain, (size_t)(found - name));
}

/* One policy there must be: with several there is none (RFC 7489 6.6.3). */
static enum err
find_policy(const str *texts, size_t n, struct dmarc_record *ret, str *ret_text)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		struct dmarc_record r;
		if (dmarc_record_read(texts[i], &r) == ERR_OK) {
			*ret = r;
			*ret_text = texts[i];
			found++;
		}
	}
	return found == 1 ? ERR_OK : ERR_NOTFOUND;
}

static enum err
read_dmarc(struct svc_watch_report *r, const str *texts, size_t n)
{
	struct dmarc_record record;
	struct dmarc_ruas ruas;
	str text = STR_NONE, own = organization(str_make(r->domain, r->domain_n));

	TRY(find_policy(texts, n, &record, &text));
	dmarc_rua_read(record.rua, &ruas);
	r->w->reports_https += ruas.others;
	for (size_t i = 0; i < ruas.n; i++) {
		struct svc_watch_to *to = svc_watch_report_to(r, ruas.v[i].mailto);
		if (to == NULL) {
			continue;
		}
		str address = str_make(to->address, to->n);
		str theirs = str_from_off(address, (size_t)(str_rchr(address, '@') + 1));
		to->octets_max = ruas.v[i].octets_max;
		to->request = str_ieq(organization(theirs), own) ? 0 : 1; /* report.c asks */
	}
	if (ruas.n == 0 || text.n > sizeof r->record) {
		return ERR_NOTFOUND;
	}
	memcpy(r->record, text.p, text.n);
	r->record_n = text.n;
	return ERR_OK;
}

/* ---- the report ----------------------------------------------------------------------------- */

struct making {
	struct buf xml;
};

/* A line of put_signatures. */
static bool
next_signature(str *rest, struct dmarc_report_signature *ret)
{
	str line, tail;

	return str_next(rest, '\n', &line) && str_cut(line, ' ', &ret->domain, &tail) &&
	    str_cut(tail, ' ', &ret->selector, &ret->result);
}

static enum err
put_row(void *ctx, const struct reach_judged *r)
{
	struct making *m = ctx;
	struct dmarc_report_signature signatures[DMARC_REPORT_RESULTS];
	char text[SYS_ADDR_TEXT_MAX];
	struct buf ip;
	str rest = r->signatures;
	size_t n = 0;

	while (n < LEN(signatures) && next_signature(&rest, &signatures[n])) {
		n++;
	}
	buf_init_fixed(&ip, text, sizeof text);
	if (r->ip.n == 16) {
		sys_addr_ip_text(&ip, (const uint8_t *)r->ip.p);
	}
	const struct dmarc_report_row row = { .ip = buf_view(&ip),
		.count = r->count,
		.disposition = r->disposition,
		.reason = r->reason,
		.dkim = r->dkim,
		.spf = r->spf,
		.helo = r->helo,
		.from = r->from,
		.sender = r->sender,
		.spf_domain = r->spf_domain,
		.spf_result = r->spf_result,
		.signatures = signatures,
		.n = n };
	dmarc_report_row(&m->xml, &row);
	return buf_err(&m->xml);
}

/* As many rows as fit, compressed: all, else half of them, and so on. */
static enum err
make_gzip(struct svc_watch *w, const struct svc_watch_letter *l, const struct mail_report *about,
    struct buf *gzip)
{
	struct dmarc_record published;
	enum err e = ERR_TOOBIG;

	TRY(dmarc_record_read(l->record, &published));
	for (size_t max = REACH_DMARC_ROWS_MAX; e == ERR_TOOBIG && max > 0; max /= 2) {
		const struct reach_dmarc_rows rows = { l->day, l->domain, max };
		struct making m;
		buf_reset(gzip);
		buf_init(&m.xml, SVC_WATCH_JSON_OCTETS);
		dmarc_report_begin(&m.xml, about, &published);
		e = reach_dmarc_rows(w->journal, &rows, put_row, &m);
		dmarc_report_end(&m.xml);
		e = e == ERR_OK ? buf_err(&m.xml) : e;
		e = e == ERR_OK ? svc_watch_compress(buf_view(&m.xml), gzip) : e;
		bool fits = l->octets_max == 0 || gzip->n <= l->octets_max;
		e = e == ERR_OK && !fits ? ERR_TOOBIG : e;
		buf_done(&m.xml);
	}
	return e;
}

static enum err
make(struct svc_watch *w, struct svc_watch_letter *l)
{
	struct mail_report about;
	struct buf gzip;

	TRY(svc_watch_report_about(w, l, "dmarc.", &about));
	buf_init(&gzip, SVC_WATCH_REPORT_OCTETS);
	enum err e = make_gzip(w, l, &about, &gzip);
	struct mail_report_letter letter = {
		.report = &about, .boundary = S("=_dmarc"), .gzip = buf_view(&gzip)
	};
	e = e == ERR_OK ? svc_watch_letter_put(w, l, &letter, dmarc_report_letter) : e;
	buf_done(&gzip);
	return e;
}

const struct svc_watch_kind svc_watch_dmarc = {
	.prefix = "_dmarc.",
	.read = read_dmarc,
	.make = make,
};
