/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records and addresses, a report octet by octet, a letter's fields and parts.
 */
#include "base/codec.h"
#include "base/test.h"
#include "proto/tlsrpt/tlsrpt.h"

static void
reads_records(void)
{
	static const struct {
		const char *name;
		str records[3];
		enum err want;
		size_t mail, https;
		const char *first;
	} rows[] = {
		{ "RFC 8460 3.1.1", { S_INIT("v=TLSRPTv1;rua=mailto:reports@example.com") }, ERR_OK,
		    1, 0, "reports@example.com" },
		{ "RFC 8460 3.1.2",
		    { S_INIT("v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt") }, ERR_OK,
		    0, 1, NULL },
		{ "both", { S_INIT("v=TLSRPTv1; rua=mailto:a@b , https://c/ ,mailto:d@e;") },
		    ERR_OK, 2, 1, "a@b" },
		{ "extension", { S_INIT("v=TLSRPTv1 ; x=y ; rua=mailto:a@b") }, ERR_OK, 1, 0,
		    "a@b" },
		{ "another beside it",
		    { S_INIT("v=spf1 -all"), S_INIT("v=TLSRPTv1;rua=mailto:a@b") }, ERR_OK, 1, 0,
		    "a@b" },
		{ "two of them",
		    { S_INIT("v=TLSRPTv1;rua=mailto:a@b"), S_INIT("v=TLSRPTv1;rua=mailto:a@b") },
		    ERR_NOTFOUND, 0, 0, NULL },
		{ "no delimiter", { S_INIT("v=TLSRPTv1") }, ERR_NOTFOUND, 0, 0, NULL },
		{ "other version", { S_INIT("v=TLSRPTv2;rua=mailto:a@b") }, ERR_NOTFOUND, 0, 0,
		    NULL },
		{ "wrong case", { S_INIT("V=TLSRPTV1;rua=mailto:a@b") }, ERR_NOTFOUND, 0, 0, NULL },
		{ "no rua", { S_INIT("v=TLSRPTv1; x=y") }, ERR_SYNTAX, 0, 0, NULL },
		{ "unknown scheme", { S_INIT("v=TLSRPTv1; rua=ftp://a") }, ERR_SYNTAX, 0, 0, NULL },
		{ "many",
		    { S_INIT("v=TLSRPTv1; rua=mailto:a@b,mailto:a@b,mailto:a@b,mailto:a@b,"
			     "mailto:a@b,mailto:a@b") },
		    ERR_OK, TLSRPT_RUA_MAX, 0, "a@b" },
		{ "none", { STR_NONE }, ERR_NOTFOUND, 0, 0, NULL },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct tlsrpt_record r = { 0 };

		test_case = rows[i].name;
		CHECK_ERR(tlsrpt_record(rows[i].records, 3, &r), rows[i].want);
		CHECK_U64(r.mail_n, rows[i].mail);
		CHECK_U64(r.https, rows[i].https);
		if (rows[i].first != NULL) {
			CHECK_STR(r.mail[0], str_from(rows[i].first));
		}
	}
	test_case = NULL;
}

static void
reads_addresses(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "a@example.org", "a@example.org" },
		{ "a@example.org?subject=x", "a@example.org" },
		{ "a%21b@example.org", "a!b@example.org" },
		{ "a%2Cb@example.org", NULL },
		{ "a%0d%0ab@example.org", NULL },
		{ "a%0", NULL },
		{ "a%zz@b", NULL },
		{ "a@", NULL },
		{ "@b", NULL },
		{ "nobody", NULL },
		{ "", NULL },
		{ "a b@c", NULL },
		{ "<a@b>", NULL },
	};
	struct buf out;

	buf_init(&out, 1000);
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].in;
		buf_reset(&out);
		CHECK_ERR(tlsrpt_address(str_from(rows[i].in), &out),
		    rows[i].want == NULL ? ERR_SYNTAX : ERR_OK);
		CHECK_STR(buf_view(&out), str_from(rows[i].want == NULL ? "" : rows[i].want));
	}
	test_case = NULL;
	buf_done(&out);
}

static const struct mail_report about = { .organization = S_INIT("Example \"Mail\""),
	.contact = S_INIT("postmaster@sender.example"),
	.id = S_INIT("1790035200.example.org@sender.example"),
	.submitter = S_INIT("sender.example"),
	.domain = S_INIT("example.org"),
	.begin_s = 1790035200,
	.end_s = 1790121599 };

static void
writes_a_report(void)
{
	static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, 0, 2, 1 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	struct tlsrpt_policy sts = { .type = S("sts"),
		.text =
		    S("version: STSv1\r\nmode: testing\nmx: mx1.example.org\nmx: *.b.example\n"),
		.domain = S("example.org"),
		.good = 5326,
		.bad = 303 };
	struct tlsrpt_policy none = {
		.type = S("no-policy-found"), .domain = S("example.org"), .good = 1
	};
	struct tlsrpt_failure expired = { .result = S("certificate-expired"),
		.source_ip = v6,
		.peer_ip = v4,
		.mx = S("mx1.example.org"),
		.count = 100 };
	struct tlsrpt_failure other = {
		.result = S("validation-failure"), .reason = S("a\\b\n\xff"), .count = 203
	};
	struct buf out;

	buf_init(&out, 10000);
	tlsrpt_begin(&out, &about);
	tlsrpt_policy(&out, &sts);
	tlsrpt_failure(&out, &expired);
	tlsrpt_failure(&out, &other);
	tlsrpt_policy_end(&out);
	tlsrpt_policy(&out, &none);
	tlsrpt_policy_end(&out);
	tlsrpt_end(&out);
	CHECK_STR(buf_view(&out),
	    S("{\"organization-name\":\"Example \\\"Mail\\\"\",\"date-range\":{\"start-datetime\":"
	      "\"2026-09-22T00:00:00Z\",\"end-datetime\":\"2026-09-22T23:59:59Z\"},"
	      "\"contact-info\":\"postmaster@sender.example\",\"report-id\":"
	      "\"1790035200.example.org@sender.example\",\"policies\":[{\"policy\":{"
	      "\"policy-type\":\"sts\",\"policy-string\":[\"version: STSv1\",\"mode: testing\","
	      "\"mx: mx1.example.org\",\"mx: *.b.example\"],\"policy-domain\":\"example.org\","
	      "\"mx-host\":[\"mx1.example.org\",\"*.b.example\"]},\"summary\":{"
	      "\"total-successful-session-count\":5326,\"total-failure-session-count\":303},"
	      "\"failure-details\":[{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":"
	      "\"2001:db8::1\",\"receiving-mx-hostname\":\"mx1.example.org\",\"receiving-ip\":"
	      "\"192.0.2.1\",\"failed-session-count\":100},{\"result-type\":"
	      "\"validation-failure\",\"failed-session-count\":203,\"failure-reason-code\":"
	      "\"a\\\\b\\u000a\xef\xbf\xbd\"}]},{\"policy\":{\"policy-type\":\"no-policy-found\","
	      "\"policy-domain\":\"example.org\"},\"summary\":{"
	      "\"total-successful-session-count\":1,\"total-failure-session-count\":0},"
	      "\"failure-details\":[]}]}\n"));
	buf_done(&out);
}

static void
writes_a_letter(void)
{
	static const char *const parts[] = {
		"From: postmaster@sender.example\r\n",
		"To: reports@example.org\r\n",
		("Subject: Report Domain: example.org\r\n Submitter: sender.example\r\n"
		 " Report-ID: <1790035200.example.org@sender.example>\r\n"),
		"TLS-Report-Domain: example.org\r\n",
		"TLS-Report-Submitter: sender.example\r\n",
		"Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"=_b\"\r\n",
		"\r\n\r\n--=_b\r\nContent-Type: text/plain",
		"Content-Type: application/tlsrpt+gzip\r\n",
		"filename=\"sender.example!example.org!1790035200!1790121599.json.gz\"\r\n",
		"\r\n\r\nAAEC",
		"\r\n--=_b--\r\n",
	};
	char octets[200];
	struct buf out;

	for (size_t i = 0; i < sizeof(octets); i++) {
		octets[i] = (char)i;
	}
	struct mail_report_letter l = { .report = &about,
		.to = S("reports@example.org"),
		.message_id = S("<a@sender.example>"),
		.boundary = S("=_b"),
		.now_s = 1790130000,
		.gzip = str_make(octets, sizeof octets) };
	buf_init(&out, 10000);
	tlsrpt_letter(&out, &l);
	CHECK_ERR(buf_err(&out), ERR_OK);
	for (size_t i = 0; i < LEN(parts); i++) {
		test_case = parts[i];
		CHECK(str_find(buf_view(&out), str_from(parts[i])) >= 0);
	}
	test_case = "every line ends with CRLF and is short";
	str text = buf_view(&out), line;
	while (text.n > 0 && str_next(&text, '\n', &line)) {
		CHECK(line.n <= 79 && str_ends(line, S("\r")));
	}
	test_case = NULL;
	buf_done(&out);
}

TEST_MAIN(reads_records, reads_addresses, writes_a_report, writes_a_letter)
