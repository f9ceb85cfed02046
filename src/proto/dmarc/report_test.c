/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregate reports: addresses with limits, a whole report octet by octet, texts that are no XML,
 * the letter around it.
 */
#include "base/test.h"
#include "proto/dmarc/report.h"

static void
addresses(void)
{
	static const struct {
		const char *rua, *want; /* mailto/limit ... others */
	} rows[] = {
		{ "mailto:a@b.test", "a@b.test/0 +0" },
		{ "MAILTO:a@b.test!10m", "a@b.test/10485760 +0" },
		{ " mailto:a@b.test!50K , mailto:c@d.test!7 ", "a@b.test/51200 c@d.test/7 +0" },
		{ "mailto:a@b.test!1g,mailto:c@d.test!2T",
		    "a@b.test/1073741824 c@d.test/2199023255552 +0" },
		{ "https://x.test/,mailto:a@b.test", "a@b.test/0 +1" },
		{ "mailto:a@b.test!,mailto:c@d.test!m,mailto:e@f.test!10x", "+0" },
		{ "mailto:a@b.test!0", "+0" },
		{ "mailto:a@b.test!99999999999999999999", "+0" },
		{ "mailto:a@b.test!99999999999t", "+0" },
		{ "mailto:", "+0" },
		{ "", "+0" },
		{ ",,", "+0" },
		{ "mailto:a@1,mailto:a@2,mailto:a@3,mailto:a@4,mailto:a@5",
		    "a@1/0 a@2/0 a@3/0 a@4/0 +0" },
	};
	char room[300];
	struct buf said;
	struct dmarc_ruas r;
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].rua;
		buf_init_fixed(&said, room, sizeof room);
		dmarc_rua_read(str_from(rows[i].rua), &r);
		for (size_t k = 0; k < r.n; k++) {
			buf_printf(&said, "%.*s/%llu ", STR_ARG(r.v[k].mailto),
			    (unsigned long long)r.v[k].octets_max);
		}
		buf_printf(&said, "+%zu", r.others);
		CHECK_STR(buf_view(&said), str_from(rows[i].want));
	}
	test_case = "";
	buf_init_fixed(&said, room, sizeof room);
	dmarc_external_name(&said, S("a.test"), S("b.test"));
	CHECK_STR(buf_view(&said), S("a.test._report._dmarc.b.test"));
}

static struct dmarc_record record;

static struct mail_report
head(void)
{
	CHECK_ERR(dmarc_record_read(S("v=DMARC1; p=reject; sp=quarantine; aspf=s; rua=mailto:a@b"),
		      &record),
	    ERR_OK);
	return (struct mail_report){ .organization = S("mail.here.test"),
		.contact = S("postmaster@here.test"),
		.id = S("86400.there.test@here.test"),
		.submitter = S("here.test"),
		.domain = S("there.test"),
		.begin_s = 86400,
		.end_s = 172799 };
}

static void
whole(void)
{
	static const struct dmarc_report_signature signatures[] = {
		{ S_INIT("there.test"), S_INIT("s1"), S_INIT("pass") },
		{ S_INIT("<evil>&\"'"), S_INIT("a\r\nb\0c"), S_INIT("fail") },
	};
	const struct dmarc_report_row row = { .ip = S("2001:db8::1"),
		.count = 7,
		.disposition = S("quarantine"),
		.reason = S("local_policy"),
		.dkim = true,
		.from = S("mail.there.test"),
		.sender = S(""),
		.spf_domain = S("mx.there.test"),
		.spf_result = S("softfail"),
		.helo = true,
		.signatures = signatures,
		.n = LEN(signatures) };
	static const str want = S_INIT(
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback>\n<version>1.0</version>\n"
	    "<report_metadata>\n<org_name>mail.here.test</org_name>\n"
	    "<email>postmaster@here.test</email>\n"
	    "<report_id>86400.there.test@here.test</report_id>\n"
	    "<date_range><begin>86400</begin><end>172799</end></date_range>\n</report_metadata>\n"
	    "<policy_published>\n<domain>there.test</domain>\n<adkim>r</adkim>\n<aspf>s</aspf>\n"
	    "<p>reject</p>\n<sp>quarantine</sp>\n<pct>100</pct>\n<fo>0</fo>\n</policy_published>\n"
	    "<record>\n<row>\n<source_ip>2001:db8::1</source_ip>\n<count>7</count>\n"
	    "<policy_evaluated>\n<disposition>quarantine</disposition>\n<dkim>pass</dkim>\n"
	    "<spf>fail</spf>\n<reason><type>local_policy</type>\n</reason>\n</policy_evaluated>\n"
	    "</row>\n<identifiers>\n<envelope_from></envelope_from>\n"
	    "<header_from>mail.there.test</header_from>\n</identifiers>\n<auth_results>\n"
	    "<dkim>\n<domain>there.test</domain>\n<selector>s1</selector>\n<result>pass</result>\n"
	    "</dkim>\n<dkim>\n<domain>&lt;evil&gt;&amp;&quot;&apos;</domain>\n"
	    "<selector>abc</selector>\n<result>fail</result>\n</dkim>\n<spf>\n"
	    "<domain>mx.there.test</domain>\n<scope>helo</scope>\n<result>softfail</result>\n"
	    "</spf>\n</auth_results>\n</record>\n</feedback>\n");
	const struct mail_report h = head();
	struct buf out;
	buf_init(&out, 1 << 16);
	dmarc_report_begin(&out, &h, &record);
	dmarc_report_row(&out, &row);
	dmarc_report_end(&out);
	CHECK_STR(buf_view(&out), want);
	for (size_t max = 0; max < want.n; max++) { /* too small, it says so */
		struct buf small;
		buf_init(&small, max);
		dmarc_report_begin(&small, &h, &record);
		dmarc_report_row(&small, &row);
		dmarc_report_end(&small);
		CHECK(buf_err(&small) != ERR_OK);
		buf_done(&small);
	}
	buf_done(&out);
}

static void
long_texts(void)
{
	char text[DMARC_REPORT_TEXT + 100];
	struct buf out;
	memset(text, 'a', sizeof text);
	text[3] = (char)0xc3; /* not ASCII: left out */
	buf_init(&out, 1 << 16);
	dmarc_xml_text(&out, str_make(text, sizeof text));
	CHECK_U64(out.n, DMARC_REPORT_TEXT - 1);
	CHECK(str_chr(buf_view(&out), text[3]) < 0);
	buf_done(&out);
}

static void
letter(void)
{
	const struct mail_report h = head();
	char gzip[100];
	struct buf out;
	memset(gzip, 0, sizeof gzip);
	const struct mail_report_letter l = { .report = &h,
		.to = S("reports@there.test"),
		.message_id = S("<1@here.test>"),
		.boundary = S("=_d"),
		.now_s = 172800,
		.gzip = str_make(gzip, sizeof gzip) };
	static const char *const words[] = {
		"From: postmaster@here.test\r\nTo: reports@there.test\r\nDate: Sat, 3 Jan 1970 ",
		"\r\nSubject: Report Domain: there.test\r\n Submitter: here.test\r\n Report-ID: ",
		"Report-ID: <86400.there.test@here.test>\r\nMessage-ID: <1@here.test>\r\n",
		"Content-Type: multipart/mixed; boundary=\"=_d\"\r\n",
		"Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n",
		" filename=\"here.test!there.test!86400!172799.xml.gz\"\r\n\r\nAAAA",
		"\r\n--=_d--\r\n",
	};
	buf_init(&out, 1 << 16);
	dmarc_report_letter(&out, &l);
	CHECK_ERR(buf_err(&out), ERR_OK);
	for (size_t i = 0; i < LEN(words); i++) {
		test_case = words[i];
		CHECK(str_find(buf_view(&out), str_from(words[i])) >= 0);
	}
	test_case = "";
	str text = buf_view(&out), line;
	while (str_next(&text, '\n', &line)) {
		CHECK(line.n <= 79 && (line.n == 0 || line.p[line.n - 1] == '\r'));
	}
	buf_done(&out);
}

TEST_MAIN(addresses, whole, long_texts, letter)
