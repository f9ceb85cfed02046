/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function per kind of record. Each sees an answer that has records, all of the type asked for.
 */
#include "ctl/dns/judge.h"

enum { TEXT_MAX = 65536 };

const char *
ctl_dns_status_text(enum ctl_dns_status s)
{
	static const char *const texts[CTL_DNS_STATUSES] = { [CTL_DNS_GOOD] = "ok",
		[CTL_DNS_OTHER] = "other",
		[CTL_DNS_MISSING] = "missing",
		[CTL_DNS_WRONG] = "wrong",
		[CTL_DNS_BOGUS_ZONE] = "bogus",
		[CTL_DNS_UNANSWERED] = "unanswered" };
	return texts[s];
}

bool
ctl_dns_is_finding(const struct ctl_dns_want *w, enum ctl_dns_status s, uint8_t trust)
{
	if (s == CTL_DNS_GOOD || s == CTL_DNS_OTHER) {
		return false;
	}
	bool tlsa = w->kind == CTL_DNS_TLSA || w->kind == CTL_DNS_TLSA_NEXT;
	if (s == CTL_DNS_MISSING && tlsa && trust != DNS_SECURE) {
		return false; /* of no use in a zone that is not signed */
	}
	return s != CTL_DNS_MISSING || w->level != CTL_DNS_OPTIONAL;
}

/* --- names and numbers ---------------------------------------------------------------------- */

static bool
same_name(str rdata_a, str rdata_b)
{
	struct dns_name a, b;
	return dns_cname(rdata_a, &a) == ERR_OK && dns_cname(rdata_b, &b) == ERR_OK &&
	    str_eq(dns_name_str(&a), dns_name_str(&b));
}

static enum ctl_dns_status
judge_any(const struct ctl_dns_want *w, const struct ctl_dns_answer *a, struct buf *note)
{
	return CTL_DNS_GOOD;
}

static enum ctl_dns_status
judge_reverse(const struct ctl_dns_want *w, const struct ctl_dns_answer *a, struct buf *note)
{
	for (size_t i = 0; i < a->n; i++) {
		if (same_name(a->rdata[i], w->rdata)) {
			return CTL_DNS_GOOD;
		}
	}
	buf_cstr(note,
	    "the address has another name; ask whoever gave you the address to set ours");
	return CTL_DNS_WRONG;
}

static enum ctl_dns_status
judge_mx(const struct ctl_dns_want *w, const struct ctl_dns_answer *a, struct buf *note)
{
	struct dns_mx want, got;
	bool found = false;
	for (size_t i = 0; i < a->n; i++) {
		found = found ||
		    (dns_mx(w->rdata, &want) == ERR_OK && dns_mx(a->rdata[i], &got) == ERR_OK &&
			str_eq(dns_name_str(&want.exchange), dns_name_str(&got.exchange)));
	}
	if (!found) {
		buf_cstr(note, "mail for the domain goes elsewhere");
		return CTL_DNS_WRONG;
	}
	return CTL_DNS_GOOD;
}

static enum ctl_dns_status
judge_srv(const struct ctl_dns_want *w, const struct ctl_dns_answer *a, struct buf *note)
{
	struct dns_srv want, got;
	for (size_t i = 0; i < a->n; i++) {
		if (dns_srv(w->rdata, &want) == ERR_OK && dns_srv(a->rdata[i], &got) == ERR_OK &&
		    want.port == got.port &&
		    str_eq(dns_name_str(&want.target), dns_name_str(&got.target))) {
			return CTL_DNS_GOOD;
		}
	}
	buf_cstr(note, "mail programs are led elsewhere");
	return CTL_DNS_WRONG;
}

static enum ctl_dns_status
judge_tlsa(const struct ctl_dns_want *w, const struct ctl_dns_answer *a, struct buf *note)
{
	for (size_t i = 0; i < a->n; i++) {
		if (!str_eq(a->rdata[i], w->rdata)) {
			continue;
		}
		if (a->trust == DNS_SECURE) {
			return CTL_DNS_GOOD;
		}
		buf_cstr(note, "nobody uses it while the zone is not signed with DNSSEC");
		return CTL_DNS_OTHER;
	}
	buf_cstr(note, "the published ones are for other keys: who checks DANE sends no mail");
	return CTL_DNS_WRONG;
}

/* Nothing is broken while it is not there; but the key must not be used before it is. */
static enum ctl_dns_status
judge_tlsa_next(const struct ctl_dns_want *w, const struct ctl_dns_answer *a, struct buf *note)
{
	for (size_t i = 0; i < a->n; i++) {
		if (str_eq(a->rdata[i], w->rdata)) {
			return CTL_DNS_GOOD;
		}
	}
	buf_cstr(note, "before the next key is used");
	return CTL_DNS_MISSING;
}

static enum ctl_dns_status
judge_caa(const struct ctl_dns_want *w, const struct ctl_dns_answer *a, struct buf *note)
{
	struct dns_caa want, got;
	bool restricted = false;
	for (size_t i = 0; i < a->n && dns_caa(w->rdata, &want) == ERR_OK; i++) {
		str issuer, parameters;
		if (dns_caa(a->rdata[i], &got) != ERR_OK || !str_ieq(got.tag, S("issue"))) {
			continue;
		}
		restricted = true;
		(void)str_cut(got.value, ';', &issuer, &parameters);
		if (str_ieq(str_trim(issuer), want.value)) {
			return CTL_DNS_GOOD;
		}
	}
	if (!restricted) { /* RFC 8659 4.2: without "issue" anybody may */
		return CTL_DNS_OTHER;
	}
	buf_cstr(note, "it forbids the issuer of our certificate: it cannot be renewed");
	return CTL_DNS_WRONG;
}

/* --- texts ---------------------------------------------------------------------------------- */

/* What marks the TXT records of a kind among the others at that name. */
static const str marks[CTL_DNS_KINDS] = {
	[CTL_DNS_SPF] = S_INIT("v=spf1"),
	[CTL_DNS_DMARC] = S_INIT("v=DMARC1"),
	[CTL_DNS_TLSRPT] = S_INIT("v=TLSRPTv1"),
	[CTL_DNS_STS] = S_INIT("v=STSv1"),
	[CTL_DNS_DKIM] = S_INIT(""),
};

static bool
has_mark(str text, str mark)
{
	str rest = str_from_off(text, mark.n);
	return str_istarts(text, mark) &&
	    (mark.n == 0 || rest.n == 0 || rest.p[0] == ' ' || rest.p[0] == ';');
}

/* The last record with the mark, in `text`; how many there are. */
static size_t
find_text(const struct ctl_dns_answer *a, str mark, struct buf *text)
{
	struct buf one;
	size_t n = 0;
	buf_init(&one, TEXT_MAX);
	for (size_t i = 0; i < a->n; i++) {
		buf_reset(&one);
		if (dns_txt(a->rdata[i], &one) == ERR_OK && has_mark(buf_view(&one), mark)) {
			n++;
			buf_reset(text);
			buf_str(text, buf_view(&one));
		}
	}
	buf_done(&one);
	return n;
}

/* The value of "tag=" in a list with semicolons, white space taken out; empty: there is none. */
static void
tag_value(str list, str tag, struct buf *out)
{
	str part, name, value;
	buf_reset(out);
	while (str_next(&list, ';', &part)) {
		if (!str_cut(part, '=', &name, &value) || !str_ieq(str_trim(name), tag)) {
			continue;
		}
		for (size_t i = 0; i < value.n; i++) {
			if (value.p[i] != ' ' && value.p[i] != '\t') {
				buf_ch(out, value.p[i]);
			}
		}
		return;
	}
}

/* Is that word in it? */
static bool
has_term(str text, const char *term)
{
	str word;
	while (str_next(&text, ' ', &word)) {
		if (str_ieq(word, str_from(term))) {
			return true;
		}
	}
	return false;
}

/* RFC 7208 4.6.2, 5: a term that lets somebody send. Whether it is us is not looked into. */
static bool
allows_some(str text)
{
	static const char *const starts[] = { "mx", "+mx", "a:", "+a:", "ip4:", "+ip4:", "ip6:",
		"+ip6:", "include:", "+include:", "redirect=", "exists:" };
	str word;
	while (str_next(&text, ' ', &word)) {
		for (size_t i = 0; i < LEN(starts); i++) {
			if (str_istarts(word, str_from(starts[i]))) {
				return true;
			}
		}
		if (str_ieq(word, S("a")) || str_ieq(word, S("+a"))) {
			return true;
		}
	}
	return false;
}

static enum ctl_dns_status
judge_spf_text(str got, struct buf *note)
{
	if (has_term(got, "+all") || has_term(got, "all") || has_term(got, "?all")) {
		buf_cstr(note, "it lets everybody send as the domain");
		return CTL_DNS_WRONG;
	}
	if (!allows_some(got)) {
		buf_cstr(note, "it lets nobody send, not even this server");
		return CTL_DNS_WRONG;
	}
	buf_cstr(note, "make sure that it covers this server's addresses");
	return CTL_DNS_OTHER;
}

static enum ctl_dns_status
judge_dmarc_text(str got, struct buf *note)
{
	char room[TEXT_MAX / 64];
	struct buf policy;
	buf_init_fixed(&policy, room, sizeof room);
	tag_value(got, S("p"), &policy);
	if (str_ieq(buf_view(&policy), S("reject")) ||
	    str_ieq(buf_view(&policy), S("quarantine"))) {
		return CTL_DNS_GOOD;
	}
	buf_cstr(note, "with p=none nobody refuses mail that only claims to be ours");
	return CTL_DNS_WRONG;
}

static enum ctl_dns_status
judge_dkim_text(str want, str got, struct buf *note)
{
	struct buf a, b;
	buf_init(&a, TEXT_MAX);
	buf_init(&b, TEXT_MAX);
	tag_value(want, S("p"), &a);
	tag_value(got, S("p"), &b);
	bool same = a.n > 0 && str_eq(buf_view(&a), buf_view(&b));
	if (!same) {
		buf_cstr(note,
		    b.n == 0 ? "it says that the key is revoked, or holds none"
			     : "it is another key: our signatures do not verify");
	}
	buf_done(&a);
	buf_done(&b);
	return same ? CTL_DNS_GOOD : CTL_DNS_WRONG;
}

static enum ctl_dns_status
judge_one_text(const struct ctl_dns_want *w, str want, str got, struct buf *note)
{
	if (str_eq(want, got)) {
		return CTL_DNS_GOOD;
	}
	switch (w->kind) {
	case CTL_DNS_SPF: return judge_spf_text(got, note);
	case CTL_DNS_DMARC: return judge_dmarc_text(got, note);
	case CTL_DNS_DKIM: return judge_dkim_text(want, got, note);
	default: return CTL_DNS_GOOD; /* another id, another address for reports: as you like */
	}
}

static enum ctl_dns_status
judge_text(const struct ctl_dns_want *w, const struct ctl_dns_answer *a, struct buf *note)
{
	enum ctl_dns_status s = CTL_DNS_MISSING;
	struct buf want, got;
	buf_init(&want, TEXT_MAX);
	buf_init(&got, TEXT_MAX);
	size_t n = find_text(a, marks[w->kind], &got);
	if (n > 1) {
		buf_printf(note, "there are %zu where only one may be: it counts as none", n);
		s = CTL_DNS_WRONG;
	} else if (n == 1 && dns_txt(w->rdata, &want) == ERR_OK) {
		s = judge_one_text(w, buf_view(&want), buf_view(&got), note);
	}
	buf_done(&want);
	buf_done(&got);
	return s;
}

/* --- all ------------------------------------------------------------------------------------ */

typedef enum ctl_dns_status judge_fn(const struct ctl_dns_want *w, const struct ctl_dns_answer *a,
    struct buf *note);

static judge_fn *const judges[CTL_DNS_KINDS] = {
	[CTL_DNS_ADDRESS] = judge_any,
	[CTL_DNS_REVERSE] = judge_reverse,
	[CTL_DNS_MX] = judge_mx,
	[CTL_DNS_SPF] = judge_text,
	[CTL_DNS_DKIM] = judge_text,
	[CTL_DNS_DMARC] = judge_text,
	[CTL_DNS_TLSA] = judge_tlsa,
	[CTL_DNS_TLSA_NEXT] = judge_tlsa_next,
	[CTL_DNS_TLSRPT] = judge_text,
	[CTL_DNS_STS] = judge_text,
	[CTL_DNS_SRV] = judge_srv,
	[CTL_DNS_CAA] = judge_caa,
	[CTL_DNS_POINTER] = judge_any,
};

enum ctl_dns_status
ctl_dns_judge(const struct ctl_dns_want *w, const struct ctl_dns_answer *a, struct buf *note)
{
	if (a->result == ERR_CORRUPT) {
		buf_printf(note, "DNSSEC of the zone is broken: %.*s", STR_ARG(a->why));
		return CTL_DNS_BOGUS_ZONE;
	}
	if (a->result != ERR_OK && a->result != ERR_NOTFOUND) {
		buf_printf(note, "%s", ctl_dns_result_text(a));
		return CTL_DNS_UNANSWERED;
	}
	return a->n == 0 ? CTL_DNS_MISSING : judges[w->kind](w, a, note);
}
