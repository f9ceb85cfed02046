/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What servers have to prove: DANE (RFC 7672), MTA-STS (RFC 8461), REQUIRETLS (RFC 8689), and
 * letters that nothing of this may stop.
 */
#include "proto/dns/dns.h"
#include "svc/send/world_test.h"
#include "sys/sys.h"

#define SEC DNS_SECURE

/* The TLSA rows are filled in by each case. */
static struct world_name names[] = {
	{ "_25._tcp.mx1.test", DNS_TLSA, ERR_OK, SEC, NULL, false },
	{ "_25._tcp.mx2.test", DNS_TLSA, ERR_OK, SEC, NULL, false },
	{ "mx1.test", DNS_A, ERR_OK, SEC, "127.0.1.1", false },
	{ "mx1.test", DNS_AAAA, ERR_OK, SEC, NULL, false },
	{ "mx2.test", DNS_A, ERR_OK, SEC, "127.0.1.2", false },
	{ "mx2.test", DNS_AAAA, ERR_OK, SEC, NULL, false },
	{ "mx3.test", DNS_A, ERR_OK, 0, "127.0.1.3", false },
	{ "mx4.test", DNS_A, ERR_OK, 0, "127.0.1.4", false },
	{ "sec.test", DNS_MX, ERR_OK, SEC, "10 mx1.test", false },
	{ "two.test", DNS_MX, ERR_OK, SEC, "10 mx1.test;20 mx2.test", false },
	{ "ins.test", DNS_MX, ERR_OK, 0, "10 mx3.test", false },
	{ "sts.test", DNS_MX, ERR_OK, 0, "10 mx3.test;20 mx4.test", false },
	{ "_mta-sts.sts.test", DNS_TXT, ERR_OK, 0, "v=STSv1; id=1;", false },
	{ "mta-sts.sts.test", DNS_A, ERR_OK, 0, "127.0.0.1", false },
	{ NULL, 0, ERR_OK, 0, NULL, false },
};

static struct world w;

static void
go(const struct ipc_queue_send_letter *m)
{
	svc_send_world_send(&w, m, "a@x.test");
	svc_send_world_settle(&w);
	CHECK_U64(w.results_n, 1);
}

static void
expect(const char *result, const char *attempt)
{
	if (!CHECK(str_find(buf_view(&w.results), str_from(result)) >= 0) ||
	    !CHECK(str_find(buf_view(&w.attempts), str_from(attempt)) >= 0)) {
		printf("%s: %.*s%.*s", test_case, STR_ARG(buf_view(&w.results)),
		    STR_ARG(buf_view(&w.attempts)));
	}
}

/* --- DANE ---------------------------------------------------------------------------------- */

enum tlsa_kind { NONE, RIGHT, ANCHOR, WRONG, UNUSABLE, BROKEN, INSECURE };

struct dane_case {
	const char *name;
	enum tlsa_kind tlsa;
	const char *cert; /* names in it */
	int days;
	bool self_signed, no_tls;
	const char *result, *attempt;
};

static const struct dane_case dane_cases[] = {
	{ "no records", NONE, "x.test", -1, true, false, ":1/250/", "dane=0" },
	{ "3 1 1 matches", RIGHT, "mx1.test", 30, false, false, ":1/250/", "dane=1" },
	{ "3 1 1, names and dates do not count", RIGHT, "x.test", -1, true, false, ":1/250/",
	    "dane=1" },
	{ "2 0 1 matches", ANCHOR, "mx1.test", 30, false, false, ":1/250/", "dane=1" },
	{ "2 0 1, the domain's name will do", ANCHOR, "sec.test", 30, false, false, ":1/250/",
	    "dane=1" },
	{ "2 0 1, other name", ANCHOR, "x.test", 30, false, false,
	    "class=T7 mx=mx1.test 0:2/0/4.7.5",
	    "dane=4 sts=0 tls=TLSv1.3 fail=certificate-host-mismatch" },
	{ "2 0 1, expired", ANCHOR, "mx1.test", -1, false, false,
	    "class=T7 mx=mx1.test 0:2/0/4.7.5",
	    "dane=5 sts=0 tls=TLSv1.3 fail=certificate-expired" },
	{ "2 0 1, not its issuer", ANCHOR, "mx1.test", 30, true, false,
	    "class=T8 mx=mx1.test 0:2/0/4.7.5",
	    "dane=3 sts=0 tls=TLSv1.3 fail=validation-failure" },
	{ "3 1 1 of another", WRONG, "mx1.test", 30, false, false,
	    "class=T8 mx=mx1.test 0:2/0/4.7.5",
	    "dane=3 sts=0 tls=TLSv1.3 fail=validation-failure" },
	{ "none usable: TLS will do", UNUSABLE, "x.test", -1, true, false, ":1/250/", "dane=2" },
	{ "none usable, no TLS", UNUSABLE, "x.test", 30, true, true,
	    "class=T2 mx=mx1.test 0:2/0/4.7.10", "dane=6 sts=0 tls= fail=starttls-not-supported" },
	{ "records, no TLS", RIGHT, "mx1.test", 30, false, true,
	    "class=T2 mx=mx1.test 0:2/0/4.7.10", "dane=6" },
	{ "look-up fails", BROKEN, "mx1.test", 30, false, false,
	    " whole class=N5 mx=mx1.test 0:2/0/4.4.3", "dane=7" },
	{ "insecure records", INSECURE, "x.test", -1, true, false, ":1/250/", "dane=0" },
};

static void
set_tlsa(enum tlsa_kind kind)
{
	static char room[160];
	struct world_name *row = &names[0];
	*row = (struct world_name){ "_25._tcp.mx1.test", DNS_TLSA, ERR_OK, SEC, NULL, false };
	switch (kind) {
	case RIGHT: row->data = svc_send_world_tlsa(&w, 0, false); break;
	case ANCHOR: row->data = svc_send_world_tlsa(&w, 0, true); break;
	case WRONG: row->data = svc_send_world_tlsa(&w, 1, false); break;
	case UNUSABLE: row->data = "1 1 1 00;3 1 9 00"; break;
	case BROKEN:
		row->result = ERR_CORRUPT;
		row->trust = DNS_BOGUS;
		break;
	case INSECURE:
		snprintf(room, sizeof room, "%s", svc_send_world_tlsa(&w, 1, false));
		row->data = room;
		row->trust = DNS_INSECURE;
		break;
	default: break;
	}
}

static void
dane_decides(void)
{
	for (size_t i = 0; i < LEN(dane_cases); i++) {
		const struct dane_case *c = &dane_cases[i];
		struct ipc_queue_send_letter m = svc_send_world_letter(1, "sec.test");
		test_case = c->name;
		svc_send_world_open(&w, names);
		svc_send_world_certificate(&w, 0, c->cert, c->days, c->self_signed);
		w.server[0].say.no_tls = c->no_tls;
		set_tlsa(c->tlsa);
		go(&m);
		expect(c->result, c->attempt);
		CHECK_U64(w.server[0].letters, str_eq(str_from(c->result), S(":1/250/")));
		CHECK(c->result[0] == ':' || str_find(buf_view(&w.server[0].heard), S("MAIL")) < 0);
		svc_send_world_close(&w);
	}
	set_tlsa(NONE);
}

/* The first host does not match; the second has no records and takes the letter. */
static void
a_mismatch_goes_on_to_the_next_host(void)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "two.test");
	test_case = "next host";
	svc_send_world_open(&w, names);
	set_tlsa(WRONG);
	go(&m);
	CHECK_U64(w.server[0].letters, 0);
	CHECK_U64(w.server[1].letters, 1);
	svc_send_world_close(&w);
	set_tlsa(NONE);
}

static void
dane_is_off_where_it_is_turned_off(void)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "sec.test");
	svc_send_world_open(&w, names);
	set_tlsa(WRONG);
	w.sv->set.dane = false;
	go(&m);
	expect(":1/250/", "dane=0");
	svc_send_world_close(&w);
	set_tlsa(NONE);
}

/* --- MTA-STS ------------------------------------------------------------------------------- */

struct sts_case {
	const char *name;
	uint8_t mode;
	const char *mx, *cert;
	int days;
	bool self_signed, no_tls;
	const char *result, *attempt;
	unsigned third, fourth; /* letters of the two hosts */
};

#define TESTING 1
#define ENFORCE 2

static const struct sts_case sts_cases[] = {
	{ "good", ENFORCE, "*.test", "mx3.test", 30, false, false, ":1/250/", "sts=1", 1, 0 },
	{ "one host is not listed", ENFORCE, "mx4.test", "mx3.test", 30, false, false, ":1/250/",
	    "sts=1", 0, 1 },
	{ "none is listed", ENFORCE, "mail.other.test", "mx3.test", 30, false, false,
	    " whole class=T", "sts=2", 0, 0 },
	{ "first untrusted, second good", ENFORCE, "*.test", "mx3.test", 30, true, false, ":1/250/",
	    "sts=4 tls=TLSv1.3 fail=certificate-not-trusted", 0, 1 },
	{ "other name", ENFORCE, "mx3.test", "x.test", 30, false, false, "class=T7",
	    "sts=5 tls=TLSv1.3 fail=certificate-host-mismatch", 0, 0 },
	{ "expired", ENFORCE, "mx3.test", "mx3.test", -1, false, false, "class=T7",
	    "fail=certificate-expired", 0, 0 },
	{ "no TLS", ENFORCE, "mx3.test", "mx3.test", 30, false, true, "class=T2",
	    "sts=3 tls= fail=starttls-not-supported", 0, 0 },
	{ "testing: untrusted is told, and goes", TESTING, "*.test", "mx3.test", 30, true, false,
	    ":1/250/", "sts=4 tls=TLSv1.3 fail=certificate-not-trusted", 1, 0 },
	{ "testing: good", TESTING, "*.test", "mx3.test", 30, false, false, ":1/250/",
	    "sts=1 tls=TLSv1.3 fail=\n", 1, 0 },
	{ "no policy", 0, "", "x.test", -1, true, false, ":1/250/", "sts=0", 1, 0 },
};

static void
policies_decide(void)
{
	for (size_t i = 0; i < LEN(sts_cases); i++) {
		const struct sts_case *c = &sts_cases[i];
		struct ipc_queue_send_letter m = svc_send_world_letter(1, "sts.test");
		test_case = c->name;
		svc_send_world_open(&w, names);
		w.policy_mode = c->mode;
		w.policy_mx = c->mx;
		svc_send_world_certificate(&w, 2, c->cert, c->days, c->self_signed);
		w.server[2].say.no_tls = c->no_tls;
		go(&m);
		expect(c->result, c->attempt);
		CHECK_U64(w.server[2].letters, c->third);
		CHECK_U64(w.server[3].letters, c->fourth);
		svc_send_world_close(&w);
	}
}

/* fetch starts after this process: what is to be sent in between waits for it. */
static void
policies_are_waited_for(void)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "sts.test");
	svc_send_world_open(&w, names);
	w.policy_mode = ENFORCE;
	w.policy_mx = "x.test";
	svc_send_world_certificate(&w, 2, "mx3.test", 30, false);
	sys_close(&w.fetch);
	svc_send_world_settle(&w);
	w.sv->fetch.times = 0; /* as if none had ever been */
	svc_send_world_send(&w, &m, "a@x.test");
	svc_send_world_settle(&w);
	CHECK(w.results_n == 0 && w.server[2].letters == 0);
	svc_send_world_wire(&w, "send_fetch", &w.fetch);
	svc_send_world_settle(&w);
	CHECK_U64(w.results_n, 1);
	expect(" whole class=T", "sts=2");
	CHECK_U64(w.server[2].letters, 0);
	svc_send_world_close(&w);
}

/* --- REQUIRETLS, and letters that nothing stops -------------------------------------------- */

#define SAYS_REQUIRETLS "250-hello\r\n250-STARTTLS\r\n250 REQUIRETLS"

struct want_case {
	const char *name, *domain, *cert;
	bool self_signed, offers;
	const char *result;
	unsigned letters;
};

static const struct want_case requiretls_cases[] = {
	{ "all is well", "sec.test", "mx1.test", false, true, ":1/250/", 1 },
	{ "not trusted", "sec.test", "mx1.test", true, true, ":3/0/5.7.10", 0 },
	{ "not offered", "sec.test", "mx1.test", false, false, ":3/0/5.7.30", 0 },
	{ "the name is from nowhere", "ins.test", "mx3.test", false, true, ":3/0/5.7.30", 0 },
};

static void
requiretls_is_obeyed(void)
{
	for (size_t i = 0; i < LEN(requiretls_cases); i++) {
		const struct want_case *c = &requiretls_cases[i];
		struct ipc_queue_send_letter m = svc_send_world_letter(1, c->domain);
		m.requiretls = true;
		test_case = c->name;
		svc_send_world_open(&w, names);
		for (unsigned k = 0; k < WORLD_SERVERS; k++) {
			w.server[k].say.ehlo = c->offers ? SAYS_REQUIRETLS : NULL;
		}
		svc_send_world_certificate(&w, 0, c->cert, 30, c->self_signed);
		go(&m);
		expect(c->result, "");
		CHECK_U64(w.server[0].letters + w.server[2].letters, c->letters);
		svc_send_world_close(&w);
	}
}

static void
a_bounce_of_a_requiretls_letter_goes_out(void)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "ins.test");
	m.requiretls = true;
	m.reverse_path = S("");
	svc_send_world_open(&w, names);
	go(&m);
	CHECK_U64(w.server[2].letters, 1);
	svc_send_world_close(&w);
}

static void
reports_go_out_unenforced(void)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "sec.test");
	m.unenforced = true;
	svc_send_world_open(&w, names);
	set_tlsa(WRONG);
	go(&m);
	expect(":1/250/", "dane=0");
	svc_send_world_close(&w);
	set_tlsa(NONE);
}

/* A connection that proved nothing is not used for letters that want proof. */
static void
demands_do_not_mix(void)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "sec.test");
	m.unenforced = true;
	svc_send_world_open(&w, names);
	set_tlsa(RIGHT);
	go(&m);
	m = svc_send_world_letter(2, "sec.test");
	svc_send_world_send(&w, &m, "a@x.test");
	svc_send_world_settle(&w);
	CHECK_U64(w.server[0].letters, 2);
	CHECK_U64(w.server[0].connects, 2);
	CHECK_U64(w.sv->count.resumed, 0);
	CHECK(str_find(buf_view(&w.attempts), S("dane=1")) > 0);
	svc_send_world_close(&w);
	set_tlsa(NONE);
}

TEST_MAIN(dane_decides, a_mismatch_goes_on_to_the_next_host, dane_is_off_where_it_is_turned_off,
    policies_decide, policies_are_waited_for, requiretls_is_obeyed,
    a_bounce_of_a_requiretls_letter_goes_out, reports_go_out_unenforced, demands_do_not_mix)
