/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report in I-JSON, RFC 8460 4.4 and 4.5, written from top to bottom into a buffer.
 */
#include "base/codec.h"
#include "mail/date.h"
#include "proto/tlsrpt/tlsrpt.h"

void
tlsrpt_json_str(struct buf *out, str s)
{
	buf_ch(out, '"');
	while (s.n > 0) {
		uint32_t cp = utf8_next(&s);
		if (cp == '"' || cp == '\\') {
			buf_ch(out, '\\');
			buf_ch(out, (char)cp);
		} else if (cp < ' ') {
			buf_printf(out, "\\u%04x", (unsigned)cp);
		} else {
			utf8_put(out, cp == UINT32_MAX ? 0xfffd : cp);
		}
	}
	buf_ch(out, '"');
}

static void
member(struct buf *out, const char *key, str v)
{
	buf_printf(out, "\"%s\":", key);
	tlsrpt_json_str(out, v);
}

static void
time_member(struct buf *out, const char *key, int64_t s)
{
	buf_printf(out, "\"%s\":\"", key);
	mail_date_put_iso(out, s);
	buf_ch(out, '"');
}

/* ",": between members and elements; the octet before tells whether one is needed. */
static void
comma(struct buf *out)
{
	char last = out->n > 0 ? out->p[out->n - 1] : '{';

	if (last != '{' && last != '[') {
		buf_ch(out, ',');
	}
}

void
tlsrpt_begin(struct buf *out, const struct mail_report *h)
{
	buf_ch(out, '{');
	member(out, "organization-name", h->organization);
	buf_cstr(out, ",\"date-range\":{");
	time_member(out, "start-datetime", h->begin_s);
	comma(out);
	time_member(out, "end-datetime", h->end_s);
	buf_cstr(out, "},");
	member(out, "contact-info", h->contact);
	comma(out);
	member(out, "report-id", h->id);
	buf_cstr(out, ",\"policies\":[");
}

/* policy-string: a JSON array of the lines. RFC 8460 4.5 */
static void
policy_lines(struct buf *out, str text)
{
	str line;

	buf_cstr(out, ",\"policy-string\":[");
	for (size_t i = 0;
	     i < TLSRPT_POLICY_LINES_MAX && text.n > 0 && str_next(&text, '\n', &line); i++) {
		line = str_trim(line);
		if (line.n > 0) {
			comma(out);
			tlsrpt_json_str(out, line);
		}
	}
	buf_ch(out, ']');
}

/* mx-host: the patterns of an MTA-STS policy, which has lines "mx: PATTERN". RFC 8461 3.2 */
static void
mx_patterns(struct buf *out, str text)
{
	str line, key, value;

	buf_cstr(out, ",\"mx-host\":[");
	for (size_t i = 0;
	     i < TLSRPT_POLICY_LINES_MAX && text.n > 0 && str_next(&text, '\n', &line); i++) {
		if (str_cut(line, ':', &key, &value) && str_ieq(str_trim(key), S("mx"))) {
			comma(out);
			tlsrpt_json_str(out, str_trim(value));
		}
	}
	buf_ch(out, ']');
}

void
tlsrpt_policy(struct buf *out, const struct tlsrpt_policy *p)
{
	comma(out);
	buf_cstr(out, "{\"policy\":{");
	member(out, "policy-type", p->type);
	if (p->text.n > 0) {
		policy_lines(out, p->text);
	}
	comma(out);
	member(out, "policy-domain", p->domain);
	if (p->text.n > 0 && str_eq(p->type, S("sts"))) {
		mx_patterns(out, p->text);
	}
	buf_printf(out,
	    "},\"summary\":{\"total-successful-session-count\":%llu,"
	    "\"total-failure-session-count\":%llu},\"failure-details\":[",
	    (unsigned long long)p->good, (unsigned long long)p->bad);
}

void
tlsrpt_policy_end(struct buf *out)
{
	buf_cstr(out, "]}");
}

void
tlsrpt_end(struct buf *out)
{
	buf_cstr(out, "]}\n");
}

/* ---- failures ------------------------------------------------------------------------------- */

/* The longest run of at least two zero groups: where it begins, how long it is. RFC 5952 4.2 */
static void
zero_run(const uint16_t groups[8], size_t *ret_at, size_t *ret_n)
{
	*ret_at = *ret_n = 0;
	for (size_t i = 0; i < 8; i++) {
		size_t n = 0;
		while (i + n < 8 && groups[i + n] == 0) {
			n++;
		}
		if (n > *ret_n && n > 1) {
			*ret_at = i;
			*ret_n = n;
		}
	}
}

static void
ip_text(struct buf *out, const uint8_t ip[16])
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	uint16_t groups[8];
	size_t at, n;

	if (memcmp(ip, mapped, sizeof(mapped)) == 0) {
		buf_printf(out, "%u.%u.%u.%u", ip[12], ip[13], ip[14], ip[15]);
		return;
	}
	for (size_t i = 0; i < 8; i++) {
		groups[i] = (uint16_t)(ip[2 * i] << 8 | ip[2 * i + 1]);
	}
	zero_run(groups, &at, &n);
	for (size_t i = 0; i < 8; i++) {
		if (n > 0 && i == at) {
			buf_cstr(out, "::");
			i += n - 1;
			continue;
		}
		bool first = i == 0 || (n > 0 && i == at + n);
		buf_printf(out, first ? "%x" : ":%x", groups[i]);
	}
}

static void
ip_member(struct buf *out, const char *key, const uint8_t *ip)
{
	if (ip != NULL) {
		buf_printf(out, ",\"%s\":\"", key);
		ip_text(out, ip);
		buf_ch(out, '"');
	}
}

void
tlsrpt_failure(struct buf *out, const struct tlsrpt_failure *f)
{
	comma(out);
	buf_ch(out, '{');
	member(out, "result-type", f->result);
	ip_member(out, "sending-mta-ip", f->source_ip);
	if (f->mx.n > 0) {
		comma(out);
		member(out, "receiving-mx-hostname", f->mx);
	}
	ip_member(out, "receiving-ip", f->peer_ip);
	buf_printf(out, ",\"failed-session-count\":%llu", (unsigned long long)f->count);
	if (f->reason.n > 0) {
		comma(out);
		member(out, "failure-reason-code", f->reason);
	}
	buf_ch(out, '}');
}
