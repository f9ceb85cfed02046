/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts and their classes: replies of big receivers, the order of evidence, refused by name,
 * failures without a reply. The replies are our own sentences around the marks that matter.
 */
#include "base/test.h"
#include "reach/classify.h"
#include "reach/operator.h"

#include <errno.h>

static struct arena *a;
static struct reach_rules *rules;

static void
begin(void)
{
	a = arena_new(NULL, "classify", REACH_RULES_ARENA, 0);
	CHECK_ERR(reach_rules_parse(reach_rules_builtin(), a, NULL, NULL, &rules), ERR_OK);
}

static void
end(void)
{
	arena_free(&a);
	CHECK(a == NULL);
}

static struct reach_found
ask(enum reach_phase phase, const char *mx, const char *reply)
{
	static const str own[] = { S_INIT("mx.postly.example"), S_INIT("postly.example") };
	struct reach_seen seen = { .phase = phase,
		.reply = str_from(reply),
		.operator= reach_operator(rules, str_from(mx)),
		.own = own,
		.own_n = LEN(own) };
	struct reach_found found;
	uint32_t code = 0;

	CHECK(str_u32(str_sub(seen.reply, 0, 3), &code));
	seen.code = code;
	reach_classify(rules, &seen, &found);
	return found;
}

static void
check_class(const struct reach_found *found, const char *want)
{
	if (!CHECK_STR(reach_class_row(found->class)->code, str_from(want))) {
		printf("  by rule %.*s\n", STR_ARG(found->rule));
	}
}

#define BANNER REACH_PHASE_BANNER
#define MAIL REACH_PHASE_MAIL
#define RCPT REACH_PHASE_RCPT
#define EOD REACH_PHASE_EOD

static void
big_receivers(void)
{
	static const struct {
		enum reach_phase phase;
		const char *mx, *reply, *want;
	} rows[] = {
		{ EOD, "mxs.mail.ru",
		    "550 spam message rejected. See https://help.example/notspam?c=AbC", "P1" },
		{ EOD, "mxs.mail.ru", "550 postly is blocked", "P7" },
		{ RCPT, "emx.mail.ru",
		    "550 We want no mail from hosts with dynamic IP or generic DNS PTR-records",
		    "R6" },
		{ RCPT, "mxs.mail.ru",
		    "550 Message was not accepted -- invalid mailbox. Box x is gone", "U1" },
		{ EOD, "mxs.mail.ru", "550 5.7.1 No, due to domain (a.example) owner DMARC policy",
		    "A3" },
		{ RCPT, "mx.nic.ru", "451 Please try another server", "L1" },
		{ EOD, "mx.yandex.ru", "554 5.7.1 Rejected under suspicion of SPAM; see the page",
		    "P1" },
		{ EOD, "mx.yandex.ru", "554 5.7.1 Blocked by spam statistics", "R2" },
		{ RCPT, "mx.yandex.ru", "554 5.7.1 Client host [192.0.2.1] blocked using a list",
		    "R2" },
		{ RCPT, "mx.yandex.ru", "550 5.7.1 Policy rejection on the target address", "U2" },
		{ MAIL, "mx.yandex.ru",
		    "451 4.7.1 Sorry, the service is currently unavailable. Please come back later",
		    "L5" },
		{ EOD, "gmail-smtp-in.l.google.com",
		    "421-4.7.0 very low reputation of the sending IP address.\r\n421 4.7.0 Later",
		    "R2" },
		{ EOD, "gmail-smtp-in.l.google.com",
		    "421-4.7.0 very low reputation of the sending domain", "R7" },
		{ EOD, "gmail-smtp-in.l.google.com",
		    "550-5.7.1 likely suspicious due to the very low reputation of it", "R7" },
		{ EOD, "gmail-smtp-in.l.google.com",
		    "421-4.7.28 unusual rate of mail originating from your DKIM domain", "L2" },
		{ EOD, "gmail-smtp-in.l.google.com",
		    "550-5.7.28 unusual rate of mail from your IP netblock", "L2" },
		{ EOD, "gmail-smtp-in.l.google.com", "550 5.7.24 SPF record of it looks odd",
		    "A1" },
		{ EOD, "gmail-smtp-in.l.google.com", "550-5.7.25 [192.0.2.1] has no PTR", "R6" },
		{ EOD, "gmail-smtp-in.l.google.com", "550-5.7.26 the sender is unauthenticated",
		    "A4" },
		{ EOD, "gmail-smtp-in.l.google.com", "421-4.7.27 SPF did not pass", "A1" },
		{ EOD, "gmail-smtp-in.l.google.com", "421-4.7.30 DKIM did not pass", "A2" },
		{ EOD, "gmail-smtp-in.l.google.com", "421-4.7.32 not aligned", "A3" },
		{ MAIL, "gmail-smtp-in.l.google.com", "550-5.7.29 this mail was not sent over TLS",
		    "T11" },
		{ RCPT, "gmail-smtp-in.l.google.com",
		    "550-5.1.1 no account. https://support.google.com/mail/?p=NoSuchUser x", "U1" },
		{ RCPT, "gmail-smtp-in.l.google.com", "452-4.2.2 The inbox is out of storage space",
		    "U3" },
		{ MAIL, "x.olc.protection.outlook.com",
		    "550 5.7.1 [192.0.2.1]: part of their network is on our block list (S3150)",
		    "R3" },
		{ MAIL, "x.olc.protection.outlook.com", "550 5.7.1 No (AS3140)", "R3" },
		{ MAIL, "x.olc.protection.outlook.com",
		    "451 4.7.650 temporarily rate limited due to IP reputation (S775)", "L2" },
		{ MAIL, "x.olc.protection.outlook.com", "421 RP-001 too much", "L2" },
		{ MAIL, "x.olc.protection.outlook.com", "550 OU-001 no", "R2" },
		{ MAIL, "x.olc.protection.outlook.com", "550 SC-004 no", "R2" },
		{ MAIL, "x.olc.protection.outlook.com", "550 DY-001 no", "R5" },
		{ EOD, "x.olc.protection.outlook.com",
		    "550 5.7.515 Access denied, the domain in the 5322.From address", "A4" },
		{ RCPT, "e.mail.protection.outlook.com",
		    "550 5.7.606 Access denied, banned sending IP [192.0.2.1]", "R2" },
		{ RCPT, "e.mail.protection.outlook.com", "550 5.7.649 Access denied", "R2" },
		{ RCPT, "e.mail.protection.outlook.com",
		    "550 5.7.511 Access denied, banned sender[192.0.2.1]", "R2" },
		{ RCPT, "e.mail.protection.outlook.com",
		    "550 5.7.507 Access denied, rejected by recipient", "P6" },
		{ RCPT, "e.mail.protection.outlook.com",
		    "550 5.7.513 Service unavailable, using Customer Block list (AS16012607)",
		    "P6" },
		{ RCPT, "e.mail.protection.outlook.com",
		    "550 5.7.1 [192.0.2.1] blocked using Spamhaus (AS16012611)", "R1" },
		{ RCPT, "e.mail.protection.outlook.com",
		    "451 4.7.500 Access denied, please try again later", "R2" },
		{ RCPT, "e.mail.protection.outlook.com",
		    "451 4.7.899 Access denied, please try again later", "R2" },
		{ RCPT, "e.mail.protection.outlook.com",
		    "550 5.4.1 Recipient address rejected: Access denied. [x]", "U6" },
		{ RCPT, "e.mail.protection.outlook.com", "450 4.7.323 tlsa-invalid", "T8" },
		{ RCPT, "e.mail.protection.outlook.com", "450 4.7.324 dnssec-invalid", "N5" },
		{ RCPT, "e.mx.microsoft", "450 4.4.316 connection refused", "C1" },
		{ BANNER, "mta5.am0.yahoodns.net",
		    "421 4.7.0 [TSS04] put off due to unexpected volume or user complaints", "L4" },
		{ BANNER, "mta5.am0.yahoodns.net", "421 4.7.0 [TS02] no", "L2" },
		{ BANNER, "mta5.am0.yahoodns.net", "421 4.7.0 [TSS05] no", "L4" },
		{ BANNER, "mta5.am0.yahoodns.net", "421 4.7.0 [IPTS04] no", "L4" },
		{ BANNER, "mta5.am0.yahoodns.net",
		    "553 5.7.2 [TSS09] All of it, permanently. Retrying will NOT succeed", "R2" },
		{ BANNER, "mta5.am0.yahoodns.net", "553 5.7.1 [BL21] 192.0.2.1 is in Spamhaus",
		    "R1" },
		{ EOD, "mta5.am0.yahoodns.net", "554 5.7.9 Not accepted [PH01]", "P3" },
		{ BANNER, "mx00.t-online.de",
		    "554 IP=192.0.2.1 - A problem occurred. (Ask tosa@rx.t-online.de) (BL)", "R2" },
		{ BANNER, "mx00.t-online.de",
		    "554 IP=192.0.2.1 - None/bad reputation. tobr@rx.t-online.de (NOWL)", "R4" },
		{ BANNER, "mx00.t-online.de",
		    "554 IP=192.0.2.1 - Dialup IP not allowed. toda@rx.t-online.de (DIAL)", "R5" },
		{ BANNER, "mx.a.example", "554 IP=192.0.2.1 - A problem occurred. (x)", "R2" },
		{ BANNER, "mx00.gmx.net",
		    "554-gmx.net Nemesis ESMTP Service not available\r\n"
		    "554-IP address is block listed.\r\n554 https://postmaster.gmx.net/case?c=r1",
		    "R2" },
		{ RCPT, "mx-ha03.web.de", "554 bad DNS PTR resource record", "R6" },
		{ RCPT, "mx-ha03.web.de", "450 Reject due to policy violations", "R2" },
		{ RCPT, "mx-ha03.web.de", "421 Rate limit reached", "L2" },
		{ EOD, "mx01.mail.icloud.com", "450 [HCM1] Your mail was deferred", "L4" },
		{ EOD, "mx01.mail.icloud.com", "451 [BS02] Later", "L5" },
		{ EOD, "mx01.mail.icloud.com", "554 5.7.1 rejected due to listing in Spamhaus DBL",
		    "R7" },
		{ BANNER, "smtp-in.orange.fr",
		    "421 mwinf5c63 ME Trop de connexions. OFR005_104 [104]", "L3" },
		{ BANNER, "smtp-in.orange.fr", "550 mwinf5c63 Service refuse. OFR004_103 [103]",
		    "R2" },
		{ RCPT, "smtp-in.orange.fr", "550 5.1.1 Adresse invalide. OFR_416 [416]", "U1" },
		{ RCPT, "smtp-in.orange.fr", "552 5.1.1 Boite pleine. OFR_417 [417]", "U3" },
		{ BANNER, "mx1.comcast.net", "421 mx1 Slow. RL000010", "L2" },
		{ BANNER, "mx1.comcast.net", "554 mx1 BL000001 no", "R2" },
		{ BANNER, "mx1.free.fr", "550 too many spams from your ip", "R2" },
		{ RCPT, "smtp-in.sfr.fr", "550 5.7.1 Client host rejected: abus detecte GU_EIB_02",
		    "R2" },
		{ MAIL, "mx3.qq.com", "550 Ip frequency limited", "L2" },
		{ EOD, "mx3.qq.com", "550 Mail content denied", "P1" },
		{ EOD, "mx.netease.com", "554 DT:SPM 126 mx", "P1" },
		{ MAIL, "mx.netease.com", "451 RP:ORQ mx", "L2" },
		{ RCPT, "eu-smtp-in.mimecast.com",
		    "550 csi.mimecast.org Poor Reputation Sender. [x]", "R2" },
		{ BANNER, "mxa.pphosted.com",
		    "554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1", "R2" },
		{ RCPT, "d1.ess.barracudanetworks.com",
		    "550 permanent failure for one or more recipients (x@a.example:blocked)",
		    "R2" },
		{ MAIL, "ff-ip4-mx.att.net",
		    "553 5.3.0 flph1 DNSBL:ATTRBL 521< 192.0.2.1 >_is_blocked", "R2" },
		{ RCPT, "mx.a.example",
		    "554 5.7.1 no; Client host [192.0.2.1] blocked using bl.b.example", "R1" },
		{ RCPT, "mx.a.example", "450 4.2.0 <x@a.example>: Greylisted, see http://b.example",
		    "L1" },
		{ RCPT, "mx.a.example", "450 4.7.1 Client host [192.0.2.1] blocked using grey.rbl",
		    "L1" },
		{ RCPT, "mx.a.example",
		    "554 5.7.1 [192.0.2.1] blocked using zen.spamhaus.org; 127.255.255.254", "R9" },
		{ RCPT, "mx.a.example",
		    "554 5.7.1 blocked using multi.uribl.com; 127.0.0.1 -> Query Refused", "R9" },
		{ RCPT, "mx.a.example", "530 5.7.0 Must issue a STARTTLS command first", "T11" },
		{ BANNER, "mx.a.example", "554 No", "S1" },
		{ BANNER, "mx.a.example", "421 Not now", "S2" },
		{ RCPT, "mx.a.example", "556 5.1.10 no", "N3" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].reply;
		struct reach_found f = ask(rows[i].phase, rows[i].mx, rows[i].reply);
		check_class(&f, rows[i].want);
	}
	test_case = NULL;
}

/* The same code means other things elsewhere; a token beats a phrase, a phrase beats a status. */
static void
order_of_evidence(void)
{
	static const struct {
		const char *mx, *reply, *want;
		enum reach_evidence by;
	} rows[] = {
		{ "mx.a.example", "550 5.7.30 no", "T11", REACH_BY_STATUS },
		{ "aspmx.l.google.com", "550 5.7.30 no", "A2", REACH_BY_OPERATOR },
		{ "mx.a.example", "550 5.7.29 no", "A5", REACH_BY_STATUS },
		{ "aspmx.l.google.com", "550 5.7.29 no", "T11", REACH_BY_OPERATOR },
		{ "mx.a.example", "550 5.1.1 mailbox is full", "U3", REACH_BY_PHRASE },
		{ "mx00.t-online.de", "554 user unknown (NOWL)", "R4", REACH_BY_OPERATOR },
		{ "mx.a.example", "550 5.7.1 nothing to see", "P3", REACH_BY_CODE },
		{ "mx.a.example", "550 nothing to see", "U1", REACH_BY_CODE },
		{ "mx.a.example", "451 nothing to see", "X2", REACH_BY_CODE },
		{ "mx.a.example", "550 sorry, no (#5.7.23)", "A1", REACH_BY_STATUS },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].reply;
		struct reach_found f = ask(RCPT, rows[i].mx, rows[i].reply);
		check_class(&f, rows[i].want);
		CHECK_U64(f.evidence, rows[i].by);
	}
	test_case = NULL;
}

static void
refused_by_name(void)
{
	static const struct {
		const char *reply;
		bool want;
	} rows[] = {
		{ "550 postly is blocked", true },
		{ "550 5.7.1 Mail of POSTLY.EXAMPLE has been blocked", true },
		{ "550 сервис postly заблокирован", true },
		{ "550 mx.postly.example is not allowed here", true },
		{ "550 postly is blocked, see [192.0.2.1]", false },
		{ "550 postly is blocked using dnsbl.b.example", false },
		{ "550 HELO name mx.postly.example is not allowed", false },
		{ "550 the sender x@postly.example is blocked", false },
		{ "550 the sender x@mx.postly.example is blocked", false },
		{ "550 hypostlyon is blocked", false },
		{ "550 postly writes letters, many of them, and we read each; this one is blocked",
		    false },
		{ "550 somebody is blocked", false },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].reply;
		struct reach_found f = ask(EOD, "mx.a.example", rows[i].reply);
		CHECK((f.class == REACH_P7) == rows[i].want);
	}
	test_case = "legal words";
	struct reach_found f = ask(EOD, "mx.a.example", "550 По решению суда");
	CHECK_U64(f.class, REACH_P7);
	test_case = NULL;
}

static void
without_a_reply(void)
{
	static const struct {
		const char *name;
		struct reach_seen seen;
		const char *want;
	} rows[] = {
		{ "nxdomain", { .phase = REACH_PHASE_DNS, .dns = REACH_DNS_NXDOMAIN }, "N1" },
		{ "null mx", { .phase = REACH_PHASE_DNS, .dns = REACH_DNS_NULLMX }, "N3" },
		{ "bogus", { .phase = REACH_PHASE_DNS, .dns = REACH_DNS_BOGUS }, "N5" },
		{ "private", { .phase = REACH_PHASE_DNS, .dns = REACH_DNS_BAD_ADDRESS }, "N6" },
		{ "syn lost", { .phase = REACH_PHASE_CONNECT, .system_error = ETIMEDOUT }, "C1" },
		{ "our clock", { .phase = REACH_PHASE_CONNECT, .timed_out = true }, "C1" },
		{ "refused", { .phase = REACH_PHASE_CONNECT, .system_error = ECONNREFUSED }, "C2" },
		{ "unreachable",
		    { .phase = REACH_PHASE_CONNECT,
			.system_error = EHOSTUNREACH,
			.icmp_type = 3,
			.icmp_code = 13 },
		    "C3" },
		{ "net unreachable from afar",
		    { .phase = REACH_PHASE_CONNECT, .system_error = ENETUNREACH, .icmp_type = 3 },
		    "C3" },
		{ "no route of ours", { .phase = REACH_PHASE_CONNECT, .system_error = ENETUNREACH },
		    "C4" },
		{ "no address of ours",
		    { .phase = REACH_PHASE_CONNECT, .system_error = EADDRNOTAVAIL }, "C4" },
		{ "no descriptors", { .phase = REACH_PHASE_CONNECT, .system_error = EMFILE },
		    "C4" },
		{ "reset at once", { .phase = REACH_PHASE_CONNECT, .system_error = ECONNRESET },
		    "C5" },
		{ "reset before banner",
		    { .phase = REACH_PHASE_BANNER, .system_error = ECONNRESET }, "C5" },
		{ "closed before banner", { .phase = REACH_PHASE_BANNER, .closed = true }, "C6" },
		{ "silent", { .phase = REACH_PHASE_BANNER, .timed_out = true }, "C7" },
		{ "half a banner",
		    { .phase = REACH_PHASE_BANNER, .timed_out = true, .received = 3 }, "S3" },
		{ "closed at mail", { .phase = REACH_PHASE_MAIL, .closed = true }, "S5" },
		{ "reset at data", { .phase = REACH_PHASE_DATA, .system_error = ECONNRESET },
		    "S5" },
		{ "slow", { .phase = REACH_PHASE_RCPT, .timed_out = true }, "S3" },
		{ "stuck letter", { .phase = REACH_PHASE_EOD, .timed_out = true, .unacked = 4 },
		    "S4" },
		{ "no starttls",
		    { .phase = REACH_PHASE_EHLO, .tls = REACH_TLS_NOT_SUPPORTED, .code = 250 },
		    "T1" },
		{ "starttls gone",
		    { .phase = REACH_PHASE_EHLO,
			.tls = REACH_TLS_NOT_SUPPORTED,
			.tls_expected = true },
		    "T2" },
		{ "starttls refused",
		    { .phase = REACH_PHASE_STARTTLS, .tls = REACH_TLS_NOT_SUPPORTED, .code = 454 },
		    "T3" },
		{ "garbled",
		    { .phase = REACH_PHASE_EHLO, .tls = REACH_TLS_NOT_SUPPORTED, .garbled = true },
		    "T4" },
		{ "handshake reset",
		    { .phase = REACH_PHASE_TLS,
			.tls = REACH_TLS_VALIDATION,
			.system_error = ECONNRESET },
		    "T5" },
		{ "handshake alert", { .phase = REACH_PHASE_TLS, .tls = REACH_TLS_VALIDATION },
		    "T6" },
		{ "expired", { .phase = REACH_PHASE_TLS, .tls = REACH_TLS_EXPIRED }, "T7" },
		{ "tlsa", { .phase = REACH_PHASE_TLS, .tls = REACH_TLS_TLSA_INVALID }, "T8" },
		{ "sts", { .phase = REACH_PHASE_TLS, .tls = REACH_TLS_STS_FETCH }, "T9" },
		{ "another peer",
		    { .phase = REACH_PHASE_TLS,
			.tls = REACH_TLS_NOT_TRUSTED,
			.identity_changed = true },
		    "T10" },
		{ "well", { .phase = REACH_PHASE_EOD, .code = 250 }, "" },
		{ "closed after quit", { .phase = REACH_PHASE_QUIT, .closed = true }, "" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct reach_found found;

		test_case = rows[i].name;
		reach_classify(rules, &rows[i].seen, &found);
		check_class(&found, rows[i].want);
	}
	test_case = NULL;
}

static void
temporary_is_never_hopeless(void)
{
	struct reach_found f = ask(RCPT, "mx.a.example", "450 4.1.1 user unknown");

	CHECK_U64(f.class, REACH_U1);
	CHECK_U64(f.permanence, REACH_WAIT);
	f = ask(RCPT, "mx.a.example", "550 5.1.1 user unknown");
	CHECK_U64(f.permanence, REACH_HOPELESS);
	f = ask(EOD, "aspmx.l.google.com", "421-4.7.28 unusual rate of mail from your DKIM domain");
	CHECK_U64(f.scope, REACH_SCOPE_FROM_DOMAIN);
	CHECK(!reach_rules_vague(rules, f.rule));
	f = ask(EOD, "mx.a.example", "554 hm");
	CHECK(reach_rules_vague(rules, f.rule));
}

TEST_MAIN(begin, big_receivers, order_of_evidence, refused_by_name, without_a_reply,
    temporary_is_never_hopeless, end)
