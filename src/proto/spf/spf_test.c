/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole checks over small zones: by the sections of RFC 7208. Every case is answered in both
 * orders, with every arena that is too small, and with every allocation failing once.
 */
#include "base/mem.h"
#include "base/test.h"
#include "proto/dns/dns.h"
#include "proto/spf/record.h"
#include "proto/spf/spf.h"

#define LOST "lost" /* nobody answers */

struct row {
	const char *name;
	uint16_t type;
	const char *value;
};

enum { RDATA_MAX = 64, ANSWER_MAX = 16, QUESTIONS_MAX = 300 };

static const struct row zone[] = {
	{ "plain.test", DNS_TXT, "v=spf1 ip4:192.0.2.0/24 -all" },
	{ "plain.test", DNS_TXT, "something else" },
	{ "soft.test", DNS_TXT, "V=SPF1 ~ALL" },
	{ "default.test", DNS_TXT, "v=spf1" },
	{ "two.test", DNS_TXT, "v=spf1 +all" },
	{ "two.test", DNS_TXT, "v=spf1 -all" },
	{ "ten.test", DNS_TXT, "v=spf10 -all" },
	{ "broken.test", DNS_TXT, "v=spf1 +all bogus" },
	{ "lost.test", DNS_TXT, LOST },
	{ "empty.test", DNS_A, "192.0.2.1" },
	{ "six.test", DNS_TXT, "v=spf1 ip6:2001:db8::/32 ip6:::ffff:192.0.2.1 -all" },
	{ "a.test", DNS_TXT, "v=spf1 a -all" },
	{ "a.test", DNS_A, "192.0.2.9" },
	{ "a.test", DNS_A, "192.0.2.1" },
	{ "net.test", DNS_TXT, "v=spf1 a:a.test/24//64 -all" },
	{ "alost.test", DNS_TXT, "v=spf1 a:gone.test -all" },
	{ "gone.test", DNS_A, LOST },
	{ "mx.test", DNS_TXT, "v=spf1 mx -all" },
	{ "mx.test", DNS_MX, "20 b.mx.test" },
	{ "mx.test", DNS_MX, "10 a.mx.test" },
	{ "a.mx.test", DNS_A, "198.51.100.1" },
	{ "b.mx.test", DNS_A, "192.0.2.1" },
	{ "mxlost.test", DNS_TXT, "v=spf1 mx -all" },
	{ "mxlost.test", DNS_MX, "10 gone.test" },
	{ "mxlost.test", DNS_MX, "20 b.mx.test" },
	{ "mxearly.test", DNS_TXT, "v=spf1 mx -all" },
	{ "mxearly.test", DNS_MX, "20 gone.test" },
	{ "mxearly.test", DNS_MX, "10 b.mx.test" },
	{ "nullmx.test", DNS_TXT, "v=spf1 mx -all" },
	{ "nullmx.test", DNS_MX, "0 ." },
	{ "include.test", DNS_TXT, "v=spf1 ?include:plain.test ~all" },
	{ "includes.test", DNS_TXT, "v=spf1 include:include.test include:inner.test -all" },
	{ "inner.test", DNS_TXT, "v=spf1 include:plain.test -all exp=why.test" },
	{ "noinclude.test", DNS_TXT, "v=spf1 include:empty.test +all" },
	{ "badinclude.test", DNS_TXT, "v=spf1 include:broken.test +all" },
	{ "lostinclude.test", DNS_TXT, "v=spf1 include:lost.test +all" },
	{ "self.test", DNS_TXT, "v=spf1 include:self.test -all" },
	{ "redirect.test", DNS_TXT, "v=spf1 redirect=plain.test exp=why.test" },
	{ "redirall.test", DNS_TXT, "v=spf1 redirect=plain.test ?all" },
	{ "redirno.test", DNS_TXT, "v=spf1 redirect=empty.test" },
	{ "circle.test", DNS_TXT, "v=spf1 redirect=circle.test" },
	{ "exists.test", DNS_TXT, "v=spf1 exists:%{l}.%{ir}.%{v}.x.test -all" },
	{ "user.1.2.0.192.in-addr.x.test", DNS_A, "127.0.0.2" },
	{ "long.test", DNS_TXT, "v=spf1 exists:%{l}.%{l}.%{l}.%{l}.%{l}.x.test +all" },
	{ "void.test", DNS_TXT, "v=spf1 a:n1.test a:n2.test +all" },
	{ "voids.test", DNS_TXT, "v=spf1 a:n1.test a:n2.test a:n3.test +all" },
	{ "ptr.test", DNS_TXT, "v=spf1 ptr -all" },
	{ "1.2.0.192.in-addr.arpa", DNS_PTR, "other.example" },
	{ "1.2.0.192.in-addr.arpa", DNS_PTR, "host.ptr.test" },
	{ "1.2.0.192.in-addr.arpa", DNS_PTR, "liar.p.test" },
	{ "other.example", DNS_A, "192.0.2.1" },
	{ "host.ptr.test", DNS_A, "192.0.2.1" },
	{ "liar.p.test", DNS_A, "192.0.2.77" },
	{ "p.test", DNS_TXT, "v=spf1 ptr exists:%{p}.p.test -all" },
	{ "other.example.p.test", DNS_A, "127.0.0.2" },
	{ "why.test", DNS_TXT, "%{i} may not send for %{d}: %{l} %{R} %{t} 100%%" },
	{ "exp.test", DNS_TXT, "v=spf1 -all exp=why.test" },
	{ "expfar.test", DNS_TXT, "v=spf1 -all exp=lost.test" },
	{ "expbad.test", DNS_TXT, "v=spf1 -all exp=badwhy.test" },
	{ "badwhy.test", DNS_TXT, "%{x}" },
	{ "expp.test", DNS_TXT, "v=spf1 -all exp=pwhy.test" },
	{ "pwhy.test", DNS_TXT, "you are %{p}" },
	{ "xn--bcher-kva.test", DNS_TXT, "v=spf1 a:%{o} -all" },
	{ "xn--bcher-kva.test", DNS_A, "192.0.2.1" },
	{ "utf8.test", DNS_TXT, "v=spf1 exists:%{l}.x.test redirect=%{l}.x.test" },
	{ "over.test", DNS_TXT, "v=spf1 a:n1.test a:over.test +all" },
};

/* --- DNS ------------------------------------------------------------------------------------- */

struct reply {
	enum err result;
	size_t n;
	char storage[ANSWER_MAX][2 * DNS_STRING_MAX];
	str rdata[ANSWER_MAX];
};

static void
add_rdata(struct reply *r, const struct row *row)
{
	struct buf b;
	uint8_t ip[16];
	str value = str_from(row->value), host, number;
	uint32_t preference = 0;
	buf_init_fixed(&b, r->storage[r->n], sizeof r->storage[r->n]);
	switch (row->type) {
	case DNS_A:
		CHECK(spf_ip4_read(value, ip));
		buf_add(&b, ip + 12, 4);
		break;
	case DNS_MX:
		CHECK(str_cut(value, ' ', &number, &host) && str_u32(number, &preference));
		CHECK_ERR(dns_mx_put(&b, (uint16_t)preference, host), ERR_OK);
		break;
	case DNS_PTR: CHECK_ERR(dns_name_put(&b, value), ERR_OK); break;
	default: CHECK_ERR(dns_txt_put(&b, value), ERR_OK); break;
	}
	r->rdata[r->n++] = buf_view(&b);
}

static void
look_up(struct reply *r, const struct spf_question *q)
{
	r->result = ERR_NOTFOUND;
	r->n = 0;
	for (size_t i = 0; i < LEN(zone); i++) {
		if (!str_eq(str_from(zone[i].name), q->name)) {
			continue;
		}
		r->result = r->result == ERR_NOTFOUND ? ERR_OK : r->result;
		if (zone[i].type == q->type && str_eq(str_from(zone[i].value), S(LOST))) {
			r->result = ERR_AGAIN;
		} else if (zone[i].type == q->type) {
			add_rdata(r, &zone[i]);
		}
	}
}

static void
answer(struct spf *s, const struct spf_question *q)
{
	struct reply r;
	look_up(&r, q);
	spf_answer(s, q->id, &(struct spf_answer){ r.result, r.rdata, r.n });
}

/* All that is open is asked before anything is answered, the last question first if `backwards`. */
static bool
drive(struct spf *s, bool backwards)
{
	struct spf_question open[SPF_QUESTIONS_MAX];
	for (size_t turn = 0; turn < QUESTIONS_MAX && !spf_done(s); turn++) {
		size_t n = 0;
		while (n < LEN(open) && spf_want(s, &open[n])) {
			n++;
		}
		for (size_t i = 0; i < n; i++) {
			answer(s, &open[backwards ? n - 1 - i : i]);
		}
	}
	return spf_done(s);
}

/* --- cases ----------------------------------------------------------------------------------- */

static const struct check {
	const char *name, *ip, *helo, *path, *want;
	unsigned lookups, voids;
	const char *explanation;
} checks[] = {
	{ "4.6.2 match", "192.0.2.1", "h.test", "a@plain.test", "pass", 0, 0, NULL },
	{ "4.6.2 fail", "198.51.100.1", "h.test", "a@plain.test", "fail", 0, 0, "" },
	{ "4.5 case", "192.0.2.1", "h.test", "a@soft.test", "softfail", 0, 0, NULL },
	{ "4.7 default", "192.0.2.1", "h.test", "a@default.test", "neutral", 0, 0, NULL },
	{ "4.5 two records", "192.0.2.1", "h.test", "a@two.test", "permerror", 0, 0, NULL },
	{ "4.5 another version", "192.0.2.1", "h.test", "a@ten.test", "none", 0, 0, NULL },
	{ "4.6 syntax first", "192.0.2.1", "h.test", "a@broken.test", "permerror", 0, 0, NULL },
	{ "4.4 no answer", "192.0.2.1", "h.test", "a@lost.test", "temperror", 0, 0, NULL },
	{ "4.5 no record", "192.0.2.1", "h.test", "a@empty.test", "none", 0, 0, NULL },
	{ "4.3 no such name", "192.0.2.1", "h.test", "a@nothing.test", "none", 0, 0, NULL },
	{ "4.3 one label", "192.0.2.1", "h.test", "a@test", "none", 0, 0, NULL },
	{ "4.3 empty label", "192.0.2.1", "h.test", "a@x..test", "none", 0, 0, NULL },
	{ "4.3 literal", "192.0.2.1", "h.test", "a@[192.0.2.1]", "none", 0, 0, NULL },
	{ "4.3 dot at the end", "192.0.2.1", "h.test", "a@plain.test.", "pass", 0, 0, NULL },
	{ "2.4 null path", "192.0.2.1", "plain.test", "", "pass", 0, 0, NULL },
	{ "2.4 null path, helo literal", "192.0.2.1", "[192.0.2.1]", "", "none", 0, 0, NULL },
	{ "4.3 no local part", "192.0.2.1", "h.test", "plain.test", "pass", 0, 0, NULL },
	{ "5.6 ip6", "2001:db8::5", "h.test", "a@six.test", "pass", 0, 0, NULL },
	{ "5.6 mapped ip6 is no ip4", "192.0.2.1", "h.test", "a@six.test", "fail", 0, 0, NULL },
	{ "5.3 a", "192.0.2.1", "h.test", "a@a.test", "pass", 1, 0, NULL },
	{ "5.3 a, no", "192.0.2.2", "h.test", "a@a.test", "fail", 1, 0, NULL },
	{ "5.3 cidr", "192.0.2.200", "h.test", "a@net.test", "pass", 1, 0, NULL },
	{ "5.3 no AAAA", "2001:db8::1", "h.test", "a@net.test", "fail", 1, 1, NULL },
	{ "5 no answer", "192.0.2.1", "h.test", "a@alost.test", "temperror", 1, 0, NULL },
	{ "5.4 mx", "192.0.2.1", "h.test", "a@mx.test", "pass", 1, 0, NULL },
	{ "5.4 mx, no", "192.0.2.2", "h.test", "a@mx.test", "fail", 1, 0, NULL },
	{ "5.4 preferred is lost", "192.0.2.1", "h.test", "a@mxlost.test", "temperror", 1, 0,
	    NULL },
	{ "5.4 preferred matches", "192.0.2.1", "h.test", "a@mxearly.test", "pass", 1, 0, NULL },
	{ "7505 null mx", "192.0.2.1", "h.test", "a@nullmx.test", "fail", 1, 0, NULL },
	{ "5.2 include", "192.0.2.1", "h.test", "a@include.test", "neutral", 1, 0, NULL },
	{ "5.2 not included", "192.0.3.1", "h.test", "a@include.test", "softfail", 1, 0, NULL },
	{ "5.2 includes", "192.0.2.1", "h.test", "a@includes.test", "pass", 4, 0, NULL },
	{ "6.2 not the included exp", "192.0.3.1", "h.test", "a@includes.test", "fail", 4, 0, "" },
	{ "5.2 none", "192.0.2.1", "h.test", "a@noinclude.test", "permerror", 1, 0, NULL },
	{ "5.2 permerror", "192.0.2.1", "h.test", "a@badinclude.test", "permerror", 1, 0, NULL },
	{ "5.2 temperror", "192.0.2.1", "h.test", "a@lostinclude.test", "temperror", 1, 0, NULL },
	{ "4.6.4 itself", "192.0.2.1", "h.test", "a@self.test", "permerror", 11, 0, NULL },
	{ "6.1 redirect", "192.0.2.1", "h.test", "a@redirect.test", "pass", 1, 0, NULL },
	{ "6.2 not the old exp", "192.0.3.1", "h.test", "a@redirect.test", "fail", 1, 0, "" },
	{ "5.1 all beats it", "192.0.2.1", "h.test", "a@redirall.test", "neutral", 0, 0, NULL },
	{ "6.1 to none", "192.0.2.1", "h.test", "a@redirno.test", "permerror", 1, 0, NULL },
	{ "6.1 circle", "192.0.2.1", "h.test", "a@circle.test", "permerror", 11, 0, NULL },
	{ "5.7 exists", "192.0.2.1", "h.test", "user@exists.test", "pass", 1, 0, NULL },
	{ "5.7 not", "192.0.2.1", "h.test", "other@exists.test", "fail", 1, 1, NULL },
	{ "7.3 label too long", "192.0.2.1", "h.test",
	    "0123456789012345678901234567890123456789012345678901234567890123456789@exists.test",
	    "fail", 1, 0, NULL },
	{ "7.3 cut at the left", "192.0.2.1", "h.test",
	    "012345678901234567890123456789012345678901234567890123456789@long.test", "pass", 1, 1,
	    NULL },
	{ "4.6.4 two voids", "192.0.2.1", "h.test", "a@void.test", "pass", 2, 2, NULL },
	{ "4.6.4 three voids", "192.0.2.1", "h.test", "a@voids.test", "permerror", 3, 3, NULL },
	{ "5.5 ptr", "192.0.2.1", "h.test", "a@ptr.test", "pass", 1, 0, NULL },
	{ "5.5 a name that lies", "192.0.2.1", "h.test", "a@p.test", "pass", 2, 0, NULL },
	{ "5.5 no name", "192.0.2.3", "h.test", "a@ptr.test", "fail", 1, 0, NULL },
	{ "6.2 explanation", "192.0.2.1", "h.test", "joe@exp.test", "fail", 0, 0,
	    "192.0.2.1 may not send for exp.test: joe mx.example 42 100%" },
	{ "6.2 no answer", "192.0.2.1", "h.test", "a@expfar.test", "fail", 0, 0, "" },
	{ "6.2 syntax", "192.0.2.1", "h.test", "a@expbad.test", "fail", 0, 0, "" },
	{ "6.2 %{p}", "192.0.2.1", "h.test", "a@expp.test", "fail", 0, 0, "you are other.example" },
	{ "6.2 %{p}, none", "192.0.2.3", "h.test", "a@expp.test", "fail", 0, 0, "you are unknown" },
	{ "8616 U-labels", "192.0.2.1", "h.test",
	    "a@b\xc3\xbc"
	    "cher.test",
	    "pass", 1, 0, NULL },
	{ "8616 local part", "192.0.2.1", "h.test", "b\xc3\xbc@utf8.test", "neutral", 1, 0, NULL },
	{ "8616 ASCII", "192.0.2.1", "h.test", "b@utf8.test", "permerror", 2, 1, NULL },
};

static struct spf *
begin(struct arena *a, const struct check *c, enum spf_identity identity)
{
	struct spf_params p = { .identity = identity, .now_s = 42, .receiver = S("mx.example") };
	struct spf *s = NULL;
	str ip = str_from(c->ip);
	p.helo = str_from(c->helo);
	p.reverse_path = str_from(c->path);
	CHECK(spf_ip4_read(ip, p.ip) || spf_ip6_read(ip, p.ip));
	return spf_new(a, &p, &s) == ERR_OK ? s : NULL;
}

static void
whole_checks(void)
{
	for (size_t i = 0; i < 2 * LEN(checks); i++) {
		const struct check *c = &checks[i / 2];
		struct arena *a = arena_new(NULL, "check", SPF_BUDGET, 0);
		struct spf *s = begin(a, c, SPF_MAIL_FROM);
		test_case = c->name;
		if (!CHECK(s != NULL) || !CHECK(drive(s, i % 2 == 1))) {
			arena_free(&a);
			continue;
		}
		const struct spf_result *r = spf_result(s);
		CHECK_STR(mail_authres_word(r->result), str_from(c->want));
		CHECK_U64(r->lookups, c->lookups);
		CHECK_U64(r->voids, c->voids);
		bool error = r->result == MAIL_AUTHRES_TEMPERROR ||
		    r->result == MAIL_AUTHRES_PERMERROR;
		CHECK((r->problem.n > 0) == error);
		if (c->explanation != NULL) {
			CHECK_STR(r->explanation, str_from(c->explanation));
		}
		arena_free(&a);
	}
}

static void
helo_is_an_identity(void)
{
	struct check c = { "helo", "198.51.100.1", "plain.test", "a@soft.test", NULL, 0, 0, NULL };
	struct arena *a = arena_new(NULL, "check", SPF_BUDGET, 0);
	struct spf *s = begin(a, &c, SPF_HELO);
	CHECK(s != NULL && drive(s, false));
	CHECK_U64(spf_result(s)->result, MAIL_AUTHRES_FAIL);
	CHECK_STR(spf_result(s)->domain, S("plain.test"));
	CHECK_STR(spf_result(s)->mechanism, S("-all"));
	arena_free(&a);
}

/* Too little memory may only turn a result into TEMPERROR, or take the explanation. */
static void
little_memory(void)
{
	for (size_t i = 0; i < LEN(checks); i++) {
		for (size_t budget = 1024; budget < 24 * 1024; budget += 1024) {
			struct arena *a = arena_new(NULL, "check", budget, 0);
			struct spf *s = begin(a, &checks[i], SPF_MAIL_FROM);
			test_case = checks[i].name;
			if (s != NULL && CHECK(drive(s, false))) {
				enum mail_authres r = spf_result(s)->result;
				CHECK(r == MAIL_AUTHRES_TEMPERROR ||
				    str_eq(mail_authres_word(r), str_from(checks[i].want)));
			}
			arena_free(&a);
		}
	}
}

static void
failing_memory(void)
{
	for (size_t i = 0; i < LEN(checks); i++) {
		for (unsigned nth = 1; nth < 24; nth++) {
			struct arena *a = arena_new(NULL, "check", SPF_BUDGET, 0);
			mem_fail_after(nth);
			struct spf *s = a == NULL ? NULL : begin(a, &checks[i], SPF_MAIL_FROM);
			bool done = s == NULL || drive(s, false);
			mem_fail_after(0);
			test_case = checks[i].name;
			CHECK(done);
			if (s != NULL && done) {
				enum mail_authres r = spf_result(s)->result;
				CHECK(r == MAIL_AUTHRES_TEMPERROR ||
				    str_eq(mail_authres_word(r), str_from(checks[i].want)));
			}
			arena_free(&a);
		}
	}
}

static void
strange_answers(void)
{
	struct arena *a = arena_new(NULL, "check", SPF_BUDGET, 0);
	struct spf *s = begin(a, &checks[0], SPF_MAIL_FROM);
	struct spf_question q, again;
	str junk[] = { S("\x05"
			 "ab"),
		S("") };
	CHECK(spf_want(s, &q));
	CHECK(!spf_want(s, &again));
	spf_answer(s, q.id + 1, &(struct spf_answer){ ERR_OK, junk, 2 });
	CHECK(!spf_done(s)); /* nobody waits for that one */
	spf_answer(s, q.id, &(struct spf_answer){ ERR_OK, junk, 2 });
	CHECK(spf_done(s)); /* broken RDATA is no record */
	CHECK_U64(spf_result(s)->result, MAIL_AUTHRES_NONE_PUBLISHED);
	spf_answer(s, q.id, &(struct spf_answer){ ERR_AGAIN, NULL, 0 });
	spf_expire(s);
	CHECK_U64(spf_result(s)->result, MAIL_AUTHRES_NONE_PUBLISHED);
	arena_free(&a);
}

static void
a_deadline(void)
{
	struct arena *a = arena_new(NULL, "check", SPF_BUDGET, 0);
	struct spf *s = begin(a, &checks[0], SPF_MAIL_FROM);
	struct spf_question q;
	CHECK(spf_want(s, &q));
	spf_expire(s);
	CHECK(spf_done(s) && !spf_want(s, &q));
	CHECK_U64(spf_result(s)->result, MAIL_AUTHRES_TEMPERROR);
	arena_reset(a);
	struct check c = { "exp", "192.0.2.1", "h.test", "a@exp.test", NULL, 0, 0, NULL };
	s = begin(a, &c, SPF_MAIL_FROM);
	CHECK(spf_want(s, &q));
	answer(s, &q);
	CHECK(!spf_done(s)); /* the explanation is asked for */
	spf_expire(s);
	CHECK_U64(spf_result(s)->result, MAIL_AUTHRES_FAIL);
	arena_free(&a);
}

/* RFC 7208 4.6.4: more than ten MX are an error. */
static void
many_names(void)
{
	struct arena *a = arena_new(NULL, "check", SPF_BUDGET, 0);
	struct check c = { "many", "192.0.2.1", "h.test", "a@mx.test", NULL, 0, 0, NULL };
	struct spf *s = begin(a, &c, SPF_MAIL_FROM);
	struct spf_question q;
	char storage[11][16];
	str rdata[11];
	for (size_t i = 0; i < LEN(rdata); i++) {
		struct buf b;
		buf_init_fixed(&b, storage[i], sizeof storage[i]);
		CHECK_ERR(dns_mx_put(&b, 1, S("b.mx.test")), ERR_OK);
		rdata[i] = buf_view(&b);
	}
	CHECK(spf_want(s, &q));
	answer(s, &q);
	CHECK(spf_want(s, &q));
	spf_answer(s, q.id, &(struct spf_answer){ ERR_OK, rdata, LEN(rdata) });
	CHECK(spf_done(s));
	CHECK_U64(spf_result(s)->result, MAIL_AUTHRES_PERMERROR);
	arena_free(&a);
}

TEST_MAIN(whole_checks, helo_is_an_identity, little_memory, failing_memory, strange_answers,
    a_deadline, many_names)
