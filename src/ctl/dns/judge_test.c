/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers beside what is wanted: each kind good, other, wrong; and what counts as a finding.
 */
#include "ctl/dns/judge.h"

#include "base/test.h"

enum { RDATA_MAX = 2048, RECORDS_MAX = 3 };

struct texts {
	const char *name;
	enum ctl_dns_kind kind;
	const char *want;
	const char *got[RECORDS_MAX];
	enum ctl_dns_status status;
};

static const struct texts texts[] = {
	{ "the same", CTL_DNS_SPF, "v=spf1 mx -all", { "v=spf1 mx -all" }, CTL_DNS_GOOD },
	{ "among others", CTL_DNS_SPF, "v=spf1 mx -all", { "x", "v=spf1 mx -all" }, CTL_DNS_GOOD },
	{ "none", CTL_DNS_SPF, "v=spf1 mx -all", { "v=spf10 mx -all" }, CTL_DNS_MISSING },
	{ "two", CTL_DNS_SPF, "v=spf1 mx -all", { "v=spf1 mx -all", "v=spf1 a -all" },
	    CTL_DNS_WRONG },
	{ "another", CTL_DNS_SPF, "v=spf1 mx -all", { "v=spf1 ip4:192.0.2.1 ~all" },
	    CTL_DNS_OTHER },
	{ "redirect", CTL_DNS_SPF, "v=spf1 mx -all", { "V=SPF1 redirect=x.test" }, CTL_DNS_OTHER },
	{ "everybody", CTL_DNS_SPF, "v=spf1 mx -all", { "v=spf1 mx +all" }, CTL_DNS_WRONG },
	{ "everybody, bare", CTL_DNS_SPF, "v=spf1 mx -all", { "v=spf1 all" }, CTL_DNS_WRONG },
	{ "nobody", CTL_DNS_SPF, "v=spf1 mx -all", { "v=spf1 -all" }, CTL_DNS_WRONG },
	{ "reject", CTL_DNS_DMARC, "v=DMARC1; p=reject", { "v=DMARC1;p=reject;pct=100" },
	    CTL_DNS_GOOD },
	{ "quarantine", CTL_DNS_DMARC, "v=DMARC1; p=reject", { "v=DMARC1; p = Quarantine" },
	    CTL_DNS_GOOD },
	{ "none of DMARC", CTL_DNS_DMARC, "v=DMARC1; p=reject", { "v=DMARC1; p=none" },
	    CTL_DNS_WRONG },
	{ "no policy", CTL_DNS_DMARC, "v=DMARC1; p=reject", { "v=DMARC1" }, CTL_DNS_WRONG },
	{ "only sp", CTL_DNS_DMARC, "v=DMARC1; p=reject", { "v=DMARC1; sp=reject" },
	    CTL_DNS_WRONG },
	{ "key with spaces", CTL_DNS_DKIM, "v=DKIM1; k=rsa; p=abc", { "k=rsa; p=a b c" },
	    CTL_DNS_GOOD },
	{ "another key", CTL_DNS_DKIM, "v=DKIM1; p=abc", { "v=DKIM1; p=abd" }, CTL_DNS_WRONG },
	{ "revoked", CTL_DNS_DKIM, "v=DKIM1; p=abc", { "v=DKIM1; p=" }, CTL_DNS_WRONG },
	{ "no key", CTL_DNS_DKIM, "v=DKIM1; p=abc", { "hello" }, CTL_DNS_WRONG },
	{ "another id", CTL_DNS_STS, "v=STSv1; id=1", { "v=STSv1; id=2;" }, CTL_DNS_GOOD },
	{ "two policies", CTL_DNS_STS, "v=STSv1; id=1", { "v=STSv1; id=1", "v=STSv1; id=2" },
	    CTL_DNS_WRONG },
	{ "reports elsewhere", CTL_DNS_TLSRPT, "v=TLSRPTv1; rua=mailto:a@b",
	    { "v=TLSRPTv1; rua=https://c" }, CTL_DNS_GOOD },
	{ "no reports", CTL_DNS_TLSRPT, "v=TLSRPTv1; rua=mailto:a@b", { "v=TLSRPTv2" },
	    CTL_DNS_MISSING },
};

static void
judges_texts(void)
{
	for (size_t i = 0; i < LEN(texts); i++) {
		struct buf want, got[RECORDS_MAX], note;
		str rdata[RECORDS_MAX];
		size_t n = 0;
		test_case = texts[i].name;
		buf_init(&want, RDATA_MAX);
		buf_init(&note, RDATA_MAX);
		CHECK_ERR(dns_txt_put(&want, str_from(texts[i].want)), ERR_OK);
		for (; n < RECORDS_MAX && texts[i].got[n] != NULL; n++) {
			buf_init(&got[n], RDATA_MAX);
			CHECK_ERR(dns_txt_put(&got[n], str_from(texts[i].got[n])), ERR_OK);
			rdata[n] = buf_view(&got[n]);
		}
		const struct ctl_dns_want w = {
			.kind = texts[i].kind, .type = DNS_TXT, .rdata = buf_view(&want)
		};
		const struct ctl_dns_answer a = { .rdata = rdata, .n = n };
		enum ctl_dns_status s = ctl_dns_judge(&w, &a, &note);
		CHECK_U64(s, texts[i].status);
		CHECK((note.n > 0) == (s == CTL_DNS_WRONG || s == CTL_DNS_OTHER));
		for (size_t k = 0; k < n; k++) {
			buf_done(&got[k]);
		}
		buf_done(&want);
		buf_done(&note);
	}
}

static const struct {
	const char *name;
	enum ctl_dns_kind kind;
	str want, got;
	uint8_t trust;
	enum ctl_dns_status status;
} records[] = {
	{ "mx", CTL_DNS_MX, S_INIT("\0\012\2mx\1a\0"), S_INIT("\0\024\2MX\1A\0"), DNS_INSECURE,
	    CTL_DNS_GOOD },
	{ "mx elsewhere", CTL_DNS_MX, S_INIT("\0\012\2mx\1a\0"), S_INIT("\0\012\2mx\1b\0"),
	    DNS_INSECURE, CTL_DNS_WRONG },
	{ "null mx", CTL_DNS_MX, S_INIT("\0\012\2mx\1a\0"), S_INIT("\0\0\0"), DNS_INSECURE,
	    CTL_DNS_WRONG },
	{ "srv, other weight", CTL_DNS_SRV, S_INIT("\0\0\0\1\3\341\1m\0"),
	    S_INIT("\0\5\0\6\3\341\1m\0"), DNS_INSECURE, CTL_DNS_GOOD },
	{ "srv, other port", CTL_DNS_SRV, S_INIT("\0\0\0\1\3\341\1m\0"),
	    S_INIT("\0\0\0\1\3\342\1m\0"), DNS_INSECURE, CTL_DNS_WRONG },
	{ "tlsa", CTL_DNS_TLSA, S_INIT("\3\1\1x"), S_INIT("\3\1\1x"), DNS_SECURE, CTL_DNS_GOOD },
	{ "tlsa unsigned", CTL_DNS_TLSA, S_INIT("\3\1\1x"), S_INIT("\3\1\1x"), DNS_INSECURE,
	    CTL_DNS_OTHER },
	{ "tlsa stale", CTL_DNS_TLSA, S_INIT("\3\1\1x"), S_INIT("\3\1\1y"), DNS_SECURE,
	    CTL_DNS_WRONG },
	{ "next tlsa", CTL_DNS_TLSA_NEXT, S_INIT("\3\1\1x"), S_INIT("\3\1\1x"), DNS_SECURE,
	    CTL_DNS_GOOD },
	{ "next tlsa, not yet", CTL_DNS_TLSA_NEXT, S_INIT("\3\1\1x"), S_INIT("\3\1\1y"), DNS_SECURE,
	    CTL_DNS_MISSING },
	{ "caa", CTL_DNS_CAA, S_INIT("\0\5issueca.a"), S_INIT("\0\5ISSUECA.a; x=y"), DNS_SECURE,
	    CTL_DNS_GOOD },
	{ "caa forbids", CTL_DNS_CAA, S_INIT("\0\5issueca.a"), S_INIT("\0\5issueca.b"), DNS_SECURE,
	    CTL_DNS_WRONG },
	{ "caa of another kind", CTL_DNS_CAA, S_INIT("\0\5issueca.a"), S_INIT("\0\5iodefx"),
	    DNS_SECURE, CTL_DNS_OTHER },
	{ "reverse", CTL_DNS_REVERSE, S_INIT("\1m\1a\0"), S_INIT("\1M\1a\0"), DNS_SECURE,
	    CTL_DNS_GOOD },
	{ "another name", CTL_DNS_REVERSE, S_INIT("\1m\1a\0"), S_INIT("\1n\1a\0"), DNS_SECURE,
	    CTL_DNS_WRONG },
	{ "any address", CTL_DNS_ADDRESS, S_INIT(""), S_INIT("\300\0\2\1"), DNS_SECURE,
	    CTL_DNS_GOOD },
	{ "malformed", CTL_DNS_MX, S_INIT("\0\012\2mx\1a\0"), S_INIT("\0"), DNS_SECURE,
	    CTL_DNS_WRONG },
};

static void
judges_records(void)
{
	struct buf note;
	buf_init(&note, RDATA_MAX);
	for (size_t i = 0; i < LEN(records); i++) {
		const struct ctl_dns_want w = { .kind = records[i].kind, .rdata = records[i].want };
		const struct ctl_dns_answer a = {
			.trust = records[i].trust, .rdata = &records[i].got, .n = 1
		};
		test_case = records[i].name;
		buf_reset(&note);
		CHECK_U64(ctl_dns_judge(&w, &a, &note), records[i].status);
	}
	buf_done(&note);
}

static void
judges_failures(void)
{
	static const struct {
		enum err result;
		enum ctl_dns_status status;
	} cases[] = { { ERR_OK, CTL_DNS_MISSING }, { ERR_NOTFOUND, CTL_DNS_MISSING },
		{ ERR_CORRUPT, CTL_DNS_BOGUS_ZONE }, { ERR_AGAIN, CTL_DNS_UNANSWERED },
		{ ERR_UNSUPPORTED, CTL_DNS_UNANSWERED } };
	const struct ctl_dns_want w = { .kind = CTL_DNS_MX };
	struct buf note;
	buf_init(&note, RDATA_MAX);
	for (size_t i = 0; i < LEN(cases); i++) {
		const struct ctl_dns_answer a = { .result = cases[i].result };
		CHECK_U64(ctl_dns_judge(&w, &a, &note), cases[i].status);
	}
	buf_done(&note);
}

static void
knows_findings(void)
{
	static const struct {
		enum ctl_dns_kind kind;
		enum ctl_dns_level level;
		enum ctl_dns_status status;
		uint8_t trust;
		bool finding;
	} cases[] = {
		{ CTL_DNS_MX, CTL_DNS_NEEDED, CTL_DNS_GOOD, DNS_SECURE, false },
		{ CTL_DNS_MX, CTL_DNS_NEEDED, CTL_DNS_MISSING, DNS_INSECURE, true },
		{ CTL_DNS_SPF, CTL_DNS_ADVISED, CTL_DNS_OTHER, DNS_INSECURE, false },
		{ CTL_DNS_SPF, CTL_DNS_ADVISED, CTL_DNS_MISSING, DNS_INSECURE, true },
		{ CTL_DNS_SRV, CTL_DNS_OPTIONAL, CTL_DNS_MISSING, DNS_INSECURE, false },
		{ CTL_DNS_SRV, CTL_DNS_OPTIONAL, CTL_DNS_WRONG, DNS_INSECURE, true },
		{ CTL_DNS_SRV, CTL_DNS_OPTIONAL, CTL_DNS_UNANSWERED, DNS_TRUST_UNKNOWN, true },
		{ CTL_DNS_TLSA, CTL_DNS_ADVISED, CTL_DNS_MISSING, DNS_INSECURE, false },
		{ CTL_DNS_TLSA, CTL_DNS_ADVISED, CTL_DNS_MISSING, DNS_SECURE, true },
		{ CTL_DNS_TLSA_NEXT, CTL_DNS_ADVISED, CTL_DNS_MISSING, DNS_INSECURE, false },
		{ CTL_DNS_TLSA_NEXT, CTL_DNS_ADVISED, CTL_DNS_MISSING, DNS_SECURE, true },
		{ CTL_DNS_TLSA, CTL_DNS_ADVISED, CTL_DNS_BOGUS_ZONE, DNS_BOGUS, true },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		const struct ctl_dns_want w = { .kind = cases[i].kind, .level = cases[i].level };
		CHECK(ctl_dns_is_finding(&w, cases[i].status, cases[i].trust) == cases[i].finding);
	}
}

TEST_MAIN(judges_texts, judges_records, judges_failures, knows_findings)
