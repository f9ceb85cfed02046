/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregate reports: the addresses they go to, and the XML of RFC 7489 appendix C. No tree is
 * built; elements stand in the order of the schema.
 */
#include "proto/dmarc/report.h"

#include "base/codec.h"

/* ---- to whom -------------------------------------------------------------------------------- */

static uint64_t
unit_of(char c)
{
	static const struct {
		char name;
		uint64_t octets;
	} units[] = { { 'k', 1ULL << 10 }, { 'm', 1ULL << 20 }, { 'g', 1ULL << 30 },
		{ 't', 1ULL << 40 } };
	for (size_t i = 0; i < LEN(units); i++) {
		if (ascii_lower(c) == units[i].name) {
			return units[i].octets;
		}
	}
	return 0;
}

/* "10m" */
static bool
read_size(str s, uint64_t *ret)
{
	uint64_t unit = s.n > 0 ? unit_of(s.p[s.n - 1]) : 0;
	str digits = unit > 0 ? str_sub(s, 0, s.n - 1) : s;
	uint64_t n = 0;
	return str_u64(digits, &n) && !__builtin_mul_overflow(n, MAX(unit, 1ULL), ret) && *ret > 0;
}

void
dmarc_rua_read(str rua, struct dmarc_ruas *ret)
{
	str uri;
	*ret = (struct dmarc_ruas){ 0 };
	while (ret->n < DMARC_RUA_MAX && str_next(&rua, ',', &uri)) {
		struct dmarc_rua *r = &ret->v[ret->n];
		uri = str_trim(uri);
		ptrdiff_t mark = str_rchr(uri, '!'); /* in the URI itself it is encoded */
		*r = (struct dmarc_rua){ 0 };
		if (!str_istarts(uri, S("mailto:"))) {
			ret->others += uri.n > 0;
			continue;
		}
		if (mark >= 0 && !read_size(str_from_off(uri, (size_t)mark + 1), &r->octets_max)) {
			continue;
		}
		r->mailto = str_from_off(mark >= 0 ? str_sub(uri, 0, (size_t)mark) : uri, 7);
		ret->n += r->mailto.n > 0;
	}
}

void
dmarc_external_name(struct buf *out, str domain, str receiver)
{
	buf_str(out, domain);
	buf_cstr(out, "._report._dmarc.");
	buf_str(out, receiver);
}

/* ---- XML ------------------------------------------------------------------------------------ */

static void
put_escaped(struct buf *out, char c)
{
	switch (c) {
	case '<': buf_cstr(out, "&lt;"); break;
	case '>': buf_cstr(out, "&gt;"); break;
	case '&': buf_cstr(out, "&amp;"); break;
	case '"': buf_cstr(out, "&quot;"); break;
	case '\'': buf_cstr(out, "&apos;"); break;
	default: buf_ch(out, c);
	}
}

/* Domains are ASCII by the time they come here; of anything else only that is said. */
void
dmarc_xml_text(struct buf *out, str s)
{
	for (size_t i = 0; i < MIN(s.n, (size_t)DMARC_REPORT_TEXT); i++) {
		if (s.p[i] >= ' ' && s.p[i] < 0x7f) {
			put_escaped(out, s.p[i]);
		}
	}
}

static void
element(struct buf *out, const char *name, str text)
{
	buf_printf(out, "<%s>", name);
	dmarc_xml_text(out, text);
	buf_printf(out, "</%s>\n", name);
}

static void
put_metadata(struct buf *out, const struct mail_report *h)
{
	buf_cstr(out, "<report_metadata>\n");
	element(out, "org_name", h->organization);
	element(out, "email", h->contact);
	element(out, "report_id", h->id);
	buf_printf(out,
	    "<date_range><begin>%lld</begin><end>%lld</end></date_range>\n</report_metadata>\n",
	    (long long)h->begin_s, (long long)h->end_s);
}

static void
put_policy(struct buf *out, str domain, const struct dmarc_record *r)
{
	buf_cstr(out, "<policy_published>\n");
	element(out, "domain", domain);
	element(out, "adkim", r->strict_dkim ? S("s") : S("r"));
	element(out, "aspf", r->strict_spf ? S("s") : S("r"));
	element(out, "p", dmarc_policy_word(r->p));
	element(out, "sp", dmarc_policy_word(r->sp));
	element(out, "pct", r->testing ? S("0") : S("100"));
	element(out, "fo", r->fo.n > 0 ? r->fo : S("0"));
	buf_cstr(out, "</policy_published>\n");
}

void
dmarc_report_begin(struct buf *out, const struct mail_report *h,
    const struct dmarc_record *published)
{
	buf_cstr(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback>\n"
	    "<version>1.0</version>\n");
	put_metadata(out, h);
	put_policy(out, h->domain, published);
}

static str
passed(bool yes)
{
	return yes ? S("pass") : S("fail");
}

static void
put_evaluated(struct buf *out, const struct dmarc_report_row *r)
{
	buf_cstr(out, "<row>\n");
	element(out, "source_ip", r->ip);
	buf_printf(out, "<count>%llu</count>\n<policy_evaluated>\n", (unsigned long long)r->count);
	element(out, "disposition", r->disposition);
	element(out, "dkim", passed(r->dkim));
	element(out, "spf", passed(r->spf));
	if (r->reason.n > 0) {
		buf_cstr(out, "<reason>");
		element(out, "type", r->reason);
		buf_cstr(out, "</reason>\n");
	}
	buf_cstr(out, "</policy_evaluated>\n</row>\n");
}

static void
put_results(struct buf *out, const struct dmarc_report_row *r)
{
	buf_cstr(out, "<auth_results>\n");
	for (size_t i = 0; i < MIN(r->n, (size_t)DMARC_REPORT_RESULTS); i++) {
		buf_cstr(out, "<dkim>\n");
		element(out, "domain", r->signatures[i].domain);
		element(out, "selector", r->signatures[i].selector);
		element(out, "result", r->signatures[i].result);
		buf_cstr(out, "</dkim>\n");
	}
	buf_cstr(out, "<spf>\n");
	element(out, "domain", r->spf_domain);
	element(out, "scope", r->helo ? S("helo") : S("mfrom"));
	element(out, "result", r->spf_result);
	buf_cstr(out, "</spf>\n</auth_results>\n");
}

void
dmarc_report_row(struct buf *out, const struct dmarc_report_row *r)
{
	buf_cstr(out, "<record>\n");
	put_evaluated(out, r);
	buf_cstr(out, "<identifiers>\n");
	element(out, "envelope_from", r->sender);
	element(out, "header_from", r->from);
	buf_cstr(out, "</identifiers>\n");
	put_results(out, r);
	buf_cstr(out, "</record>\n");
}

void
dmarc_report_end(struct buf *out)
{
	buf_cstr(out, "</feedback>\n");
}
