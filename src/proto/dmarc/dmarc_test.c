/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records and whole letters: the examples of RFC 7489 appendix B and of the tree walk's text (RFC
 * 9989 4.10), then the rules one by one. Every case is answered in both orders and with too little
 * memory.
 */
#include "base/mem.h"
#include "base/test.h"
#include "proto/dmarc/dmarc.h"
#include "proto/dns/dns.h"

enum { QUESTIONS_MAX = 100, ANSWER_MAX = 4 };

/* --- records --------------------------------------------------------------------------------- */

static void
records(void)
{
	static const struct {
		const char *text;
		enum err err;
		const char *policies; /* p/sp/np */
		bool strict_dkim, strict_spf, testing;
		char psd;
	} rows[] = {
		{ "v=DMARC1; p=none; rua=mailto:d@example.com", ERR_OK, "none/none/none", 0, 0, 0,
		    'u' },
		{ "v=DMARC1; p=quarantine; sp=reject", ERR_OK, "quarantine/reject/reject", 0, 0, 0,
		    'u' },
		{ "v=DMARC1;p=reject;sp=none;np=quarantine;", ERR_OK, "reject/none/quarantine", 0,
		    0, 0, 'u' },
		{ " v = DMARC1 ; P=Reject ; adkim = s; aspf=S", ERR_OK, "reject/reject/reject", 1,
		    1, 0, 'u' },
		{ "v=DMARC1; p=reject; t=y", ERR_OK, "reject/reject/reject", 0, 0, 1, 'u' },
		{ "v=DMARC1; p=reject; t=n; pct=50", ERR_OK, "reject/reject/reject", 0, 0, 0, 'u' },
		{ "v=DMARC1; p=reject; pct=0", ERR_OK, "reject/reject/reject", 0, 0, 1, 'u' },
		{ "v=DMARC1; p=none; psd=y", ERR_OK, "none/none/none", 0, 0, 0, 'y' },
		{ "v=DMARC1; p=none; psd=N", ERR_OK, "none/none/none", 0, 0, 0, 'n' },
		{ "v=DMARC1; p=none; psd=maybe; adkim=x", ERR_OK, "none/none/none", 0, 0, 0, 'u' },
		{ "v=DMARC1", ERR_OK, "none/none/none", 0, 0, 0, 'u' },
		{ "v=DMARC1; sp=reject", ERR_OK, "none/reject/reject", 0, 0, 0, 'u' },
		{ "v=DMARC1; rua=mailto:x@y; p=reject", ERR_OK, "reject/reject/reject", 0, 0, 0,
		    'u' },
		{ "v=DMARC1; p=reject; x; y=z; =", ERR_OK, "reject/reject/reject", 0, 0, 0, 'u' },
		{ "v=DMARC1; p=bogus; rua=mailto:x@y", ERR_OK, "none/none/none", 0, 0, 0, 'u' },
		{ "v=DMARC1; p=reject; sp=bogus; rua=mailto:x@y", ERR_OK, "none/none/none", 0, 0, 0,
		    'u' },
		{ "v=DMARC1; p=bogus; rua=x", ERR_SYNTAX, NULL, 0, 0, 0, 0 },
		{ "v=DMARC1; p=", ERR_SYNTAX, NULL, 0, 0, 0, 0 },
		{ "v=DMARC1; p=none; p=reject", ERR_SYNTAX, NULL, 0, 0, 0, 0 },
		{ "v=DMARC10; p=none", ERR_NOTFOUND, NULL, 0, 0, 0, 0 },
		{ "v=dmarc1; p=none", ERR_NOTFOUND, NULL, 0, 0, 0, 0 },
		{ "p=none; v=DMARC1", ERR_NOTFOUND, NULL, 0, 0, 0, 0 },
		{ "v=spf1 -all", ERR_NOTFOUND, NULL, 0, 0, 0, 0 },
		{ "", ERR_NOTFOUND, NULL, 0, 0, 0, 0 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct dmarc_record r;
		char storage[64];
		struct buf got;
		test_case = rows[i].text;
		if (!CHECK_ERR(dmarc_record_read(str_from(rows[i].text), &r), rows[i].err) ||
		    rows[i].err != ERR_OK) {
			continue;
		}
		buf_init_fixed(&got, storage, sizeof storage);
		buf_printf(&got, "%.*s/%.*s/%.*s", STR_ARG(dmarc_policy_word(r.p)),
		    STR_ARG(dmarc_policy_word(r.sp)), STR_ARG(dmarc_policy_word(r.np)));
		CHECK_STR(buf_view(&got), str_from(rows[i].policies));
		CHECK(r.strict_dkim == rows[i].strict_dkim && r.strict_spf == rows[i].strict_spf);
		CHECK(r.testing == rows[i].testing);
		CHECK_U64(r.psd, rows[i].psd);
	}
}

static void
many_tags(void)
{
	static char text[DMARC_RECORD_MAX + 32];
	struct dmarc_record r;
	struct buf b;
	buf_init_fixed(&b, text, sizeof text);
	buf_str(&b, S("v=DMARC1; p=reject"));
	for (size_t i = 0; i < DMARC_TAGS_MAX - 1; i++) {
		buf_str(&b, S(";x=y"));
	}
	CHECK_ERR(dmarc_record_read(buf_view(&b), &r), ERR_OK);
	buf_str(&b, S(";x=y"));
	CHECK_ERR(dmarc_record_read(buf_view(&b), &r), ERR_TOOBIG);
	memset(text, ' ', sizeof text);
	memcpy(text, "v=DMARC1;", 9);
	CHECK_ERR(dmarc_record_read(str_make(text, sizeof text), &r), ERR_TOOBIG);
}

/* --- DNS ------------------------------------------------------------------------------------- */

/* name -> text; NULL: nobody answers; "": the name exists, without TXT */
static const struct row {
	const char *name, *text;
} zone[] = {
	{ "_dmarc.example.com", "v=DMARC1; p=quarantine; sp=reject" },
	{ "_dmarc.mail.example.com", "v=DMARC1; p=none" },
	{ "_dmarc.strict.com", "v=DMARC1; p=reject; adkim=s; aspf=s" },
	{ "_dmarc.test.com", "v=DMARC1; p=reject; sp=quarantine; t=y" },
	{ "_dmarc.np.com", "v=DMARC1; p=none; sp=quarantine; np=reject" },
	{ "there.np.com", "" },
	{ "_dmarc.npsame.com", "v=DMARC1; p=none; np=reject" },
	{ "_dmarc.psd", "v=DMARC1; p=reject; sp=quarantine; psd=y" },
	{ "_dmarc.has.psd", "v=DMARC1; p=none" },
	{ "_dmarc.com", "v=spf1 -all" },
	{ "_dmarc.dept.big.org", "v=DMARC1; p=reject; psd=n" },
	{ "_dmarc.big.org", "v=DMARC1; p=none" },
	{ "_dmarc.sub.only.net", "v=DMARC1; p=reject" },
	{ "_dmarc.two.net", "v=DMARC1; p=reject" },
	{ "_dmarc.two.net", "v=DMARC1; p=none" },
	{ "_dmarc.mixed.net", "v=DMARC1; p=reject" },
	{ "_dmarc.mixed.net", "something else" },
	{ "_dmarc.broken.net", "v=DMARC1; p=bogus" },
	{ "_dmarc.x.broken.org", "v=DMARC1; p=bogus" },
	{ "_dmarc.broken.org", "v=DMARC1; p=reject" },
	{ "_dmarc.lost.net", NULL },
	{ "_dmarc.own.lost.net", "v=DMARC1; p=reject" },
	{ "_dmarc.co.uk", "v=DMARC1; p=reject" },
	{ "_dmarc.c.d.e.f.g.deep.com", "v=DMARC1; p=reject; psd=n" },
	{ "_dmarc.f.g.deep.com", "v=DMARC1; p=quarantine" },
	{ "_dmarc.xn--bcher-kva.com", "v=DMARC1; p=reject" },
};

static void
answer(struct dmarc *d, const struct dmarc_question *q)
{
	char storage[ANSWER_MAX][256];
	str rdata[ANSWER_MAX];
	struct dmarc_answer a = { ERR_NOTFOUND, rdata, 0 };
	for (size_t i = 0; i < LEN(zone); i++) {
		struct buf b;
		if (!str_eq(str_from(zone[i].name), q->name)) {
			continue;
		}
		a.result = zone[i].text == NULL ? ERR_AGAIN : ERR_OK;
		if (zone[i].text == NULL || zone[i].text[0] == 0 || q->type != DNS_TXT) {
			continue;
		}
		buf_init_fixed(&b, storage[a.n], sizeof storage[a.n]);
		CHECK_ERR(dns_txt_put(&b, str_from(zone[i].text)), ERR_OK);
		rdata[a.n++] = buf_view(&b);
	}
	dmarc_answer(d, q->id, &a);
}

static bool
drive(struct dmarc *d, bool backwards, size_t *ret_questions)
{
	struct dmarc_question open[QUESTIONS_MAX];
	*ret_questions = 0;
	for (size_t turn = 0; turn < QUESTIONS_MAX && !dmarc_done(d); turn++) {
		size_t n = 0;
		while (n < LEN(open) && dmarc_want(d, &open[n])) {
			n++;
		}
		for (size_t i = 0; i < n; i++) {
			answer(d, &open[backwards ? n - 1 - i : i]);
		}
		*ret_questions += n;
	}
	return dmarc_done(d);
}

/* A list of public suffixes: com net org uk co.uk psd. */
static bool
suffixes(void *ctx, str domain, str *ret)
{
	static const char *const list[] = { "co.uk", "com", "net", "org", "uk", "psd" };
	for (size_t i = 0; i < LEN(list); i++) {
		str suffix = str_from(list[i]);
		if (str_eq(domain, suffix)) {
			return false;
		}
		if (!str_ends(domain, suffix) || domain.p[domain.n - suffix.n - 1] != '.') {
			continue;
		}
		str head = str_sub(domain, 0, domain.n - suffix.n - 1);
		*ret = str_from_off(domain, (size_t)(str_rchr(head, '.') + 1));
		return true;
	}
	return false;
}

/* --- letters --------------------------------------------------------------------------------- */

static const struct letter {
	const char *name, *from, *spf, *dkim; /* NULL: did not pass; "~" before: temperror */
	bool list;
	const char *want; /* result policy applied tag organization */
	size_t questions;
} letters[] = {
	/* RFC 7489 B.1: identifiers in alignment */
	{ "B.1.1 SPF 1", "example.com", "example.com", NULL, 0,
	    "pass quarantine none p example.com", 2 },
	{ "B.1.1 SPF 2", "example.com", "child.example.com", NULL, 0,
	    "pass quarantine none p example.com", 3 },
	{ "B.1.1 SPF 3", "child.example.com", "example.com", NULL, 0,
	    "pass reject none sp example.com", 3 },
	{ "B.1.1 not", "example.com", "example.net", NULL, 0,
	    "fail quarantine quarantine p example.com", 2 },
	{ "B.1.2 DKIM 1", "example.com", NULL, "example.com", 0,
	    "pass quarantine none p example.com", 2 },
	{ "B.1.2 DKIM 2", "child.example.com", NULL, "example.com", 0,
	    "pass reject none sp example.com", 3 },
	{ "B.1.2 DKIM 3", "example.com", NULL, "sample.net", 0,
	    "fail quarantine quarantine p example.com", 2 },
	{ "B.2.1 no identifier", "example.com", NULL, NULL, 0,
	    "fail quarantine quarantine p example.com", 2 },
	{ "B.2.3 subdomain", "test.example.com", NULL, NULL, 0, "fail reject reject sp example.com",
	    3 },
	/* RFC 9989 4.10.2: examples of the walk */
	{ "own record, organization above", "mail.example.com", "example.com", NULL, 0,
	    "pass none none p example.com", 3 },
	{ "a.mail.example.com", "a.mail.example.com", NULL, NULL, 0,
	    "fail reject reject sp example.com", 4 },
	{ "psd=n", "a.dept.big.org", "dept.big.org", NULL, 0, "pass reject none p dept.big.org",
	    4 },
	{ "psd=n, outside", "a.dept.big.org", "big.org", NULL, 1,
	    "fail reject reject p dept.big.org", 4 },
	{ "psd=n inside another", "big.org", "dept.big.org", NULL, 1, "fail none none p big.org",
	    3 },
	{ "psd=y", "a.other.psd", "other.psd", NULL, 0, "pass quarantine none sp other.psd", 3 },
	{ "psd=y, neighbours", "a.psd", "b.psd", NULL, 0, "fail quarantine quarantine sp a.psd",
	    2 },
	{ "psd=y, own policy", "a.has.psd", NULL, NULL, 0, "fail none none p has.psd", 3 },
	{ "psd=y, the suffix itself", "psd", "psd", NULL, 0, "pass reject none p psd", 1 },
	{ "eight labels", "mail.a.b.c.d.e.f.g.deep.com", "c.d.e.f.g.deep.com", NULL, 0,
	    "pass reject none p c.d.e.f.g.deep.com", 8 },
	/* alignment */
	{ "strict, same", "strict.com", "strict.com", NULL, 0, "pass reject none p strict.com", 2 },
	{ "strict, below", "strict.com", "a.strict.com", "b.strict.com", 0,
	    "fail reject reject p strict.com", 2 },
	{ "case and U-labels",
	    "B\xc3\xbc"
	    "cher.COM",
	    "xn--BCHER-kva.com", NULL, 0, "pass reject none p xn--bcher-kva.com", 2 },
	{ "a name within a name", "example.com", "notexample.com", NULL, 0,
	    "fail quarantine quarantine p example.com", 2 },
	/* t, np */
	{ "t=y", "test.com", NULL, NULL, 0, "fail reject quarantine p test.com", 2 },
	{ "t=y, below", "a.test.com", NULL, NULL, 0, "fail quarantine none sp test.com", 3 },
	{ "np, exists", "there.np.com", NULL, NULL, 0, "fail quarantine quarantine sp np.com", 4 },
	{ "np, does not", "gone.np.com", NULL, NULL, 0, "fail reject reject np np.com", 4 },
	{ "np, itself", "np.com", NULL, NULL, 0, "fail none none p np.com", 2 },
	{ "np without sp", "gone.npsame.com", NULL, NULL, 0, "fail reject reject np npsame.com",
	    4 },
	/* records that do not count */
	{ "none", "nobody.net", "nobody.net", NULL, 0, "none none none  nobody.net", 2 },
	{ "two", "two.net", "two.net", NULL, 0, "none none none  two.net", 2 },
	{ "one of another kind", "mixed.net", NULL, NULL, 0, "fail reject reject p mixed.net", 2 },
	{ "unreadable", "broken.net", "broken.net", NULL, 0, "permerror none none  broken.net", 2 },
	{ "unreadable, parent", "x.broken.org", NULL, NULL, 0, "fail reject reject p broken.org",
	    3 },
	{ "no domain", "[192.0.2.1]", "example.com", NULL, 0, "permerror none none  ", 0 },
	{ "no answer", "lost.net", "lost.net", NULL, 0, "temperror none none  lost.net", 2 },
	{ "no answer above, same", "own.lost.net", "own.lost.net", NULL, 0,
	    "pass reject none p own.lost.net", 3 },
	{ "no answer above, parent", "own.lost.net", "lost.net", NULL, 0,
	    "temperror reject reject p own.lost.net", 3 },
	{ "no answer above, stranger", "own.lost.net", "example.com", NULL, 0,
	    "fail reject reject p own.lost.net", 3 },
	/* the list */
	{ "record below, by the walk", "sub.only.net", "only.net", NULL, 0,
	    "fail reject reject p sub.only.net", 3 },
	{ "record below, by the list", "sub.only.net", "only.net", NULL, 1,
	    "pass reject none p sub.only.net", 3 },
	{ "suffix without psd, by the walk", "a.co.uk", "b.co.uk", NULL, 0,
	    "pass reject none p co.uk", 4 },
	{ "suffix without psd, by the list", "a.co.uk", "b.co.uk", NULL, 1,
	    "fail reject reject p a.co.uk", 3 },
	/* identifiers in temperror */
	{ "temperror, aligned", "example.com", "~example.com", NULL, 0,
	    "temperror quarantine quarantine p example.com", 2 },
	{ "temperror, a stranger's", "example.com", "~example.net", NULL, 0,
	    "fail quarantine quarantine p example.com", 2 },
	{ "temperror and pass", "example.com", "~example.com", "example.com", 0,
	    "pass quarantine none p example.com", 2 },
};

static struct dmarc *
begin(struct arena *a, const struct letter *l)
{
	struct dmarc_identifier id[2];
	struct dmarc_params p = { .from = str_from(l->from), .identifiers = id };
	const char *const domain[2] = { l->spf, l->dkim };
	struct dmarc *d = NULL;
	for (size_t i = 0; i < 2; i++) {
		if (domain[i] != NULL) {
			bool temporary = domain[i][0] == '~';
			id[p.n++] = (struct dmarc_identifier){ i == 1, temporary,
				str_from(domain[i] + temporary) };
		}
	}
	p.suffix = l->list ? suffixes : NULL;
	return dmarc_new(a, &p, &d) == ERR_OK ? d : NULL;
}

static void
print(struct buf *out, const struct dmarc_result *r)
{
	buf_printf(out, "%.*s %.*s %.*s %.*s %.*s", STR_ARG(mail_authres_word(r->result)),
	    STR_ARG(dmarc_policy_word(r->policy)), STR_ARG(dmarc_policy_word(r->applied)),
	    STR_ARG(r->tag), STR_ARG(r->organization));
}

static void
whole_letters(void)
{
	for (size_t i = 0; i < 2 * LEN(letters); i++) {
		const struct letter *l = &letters[i / 2];
		char storage[256];
		struct buf got;
		size_t questions;
		struct arena *a = arena_new(NULL, "letter", DMARC_BUDGET, 0);
		struct dmarc *d = begin(a, l);
		test_case = l->name;
		buf_init_fixed(&got, storage, sizeof storage);
		if (CHECK(d != NULL) && CHECK(drive(d, i % 2 == 1, &questions))) {
			const struct dmarc_result *r = dmarc_result(d);
			print(&got, r);
			CHECK_STR(buf_view(&got), str_from(l->want));
			CHECK_U64(questions, l->questions);
			CHECK((r->record != NULL) == (r->published_at.n > 0));
			CHECK((r->spf >= 0 || r->dkim >= 0) == (r->result == MAIL_AUTHRES_PASS));
		}
		arena_free(&a);
	}
}

static bool
is_expected(const struct dmarc_result *r, const struct letter *l)
{
	str want, rest;
	(void)str_cut(str_from(l->want), ' ', &want, &rest);
	return r->result == MAIL_AUTHRES_TEMPERROR || str_eq(mail_authres_word(r->result), want);
}

/* Too little memory may only turn a result into TEMPERROR. */
static void
little_memory(void)
{
	for (size_t i = 0; i < LEN(letters); i++) {
		for (size_t budget = 4 << 10; budget < (64 << 10); budget += 2 << 10) {
			struct arena *a = arena_new(NULL, "letter", budget, 0);
			struct dmarc *d = begin(a, &letters[i]);
			size_t questions;
			test_case = letters[i].name;
			if (d != NULL && CHECK(drive(d, false, &questions))) {
				CHECK(is_expected(dmarc_result(d), &letters[i]));
			}
			arena_free(&a);
		}
	}
}

static void
failing_memory(void)
{
	for (size_t i = 0; i < LEN(letters); i++) {
		for (unsigned nth = 1; nth < 16; nth++) {
			struct arena *a = arena_new(NULL, "letter", DMARC_BUDGET, 0);
			size_t questions;
			mem_fail_after(nth);
			struct dmarc *d = a == NULL ? NULL : begin(a, &letters[i]);
			bool done = d == NULL || drive(d, false, &questions);
			mem_fail_after(0);
			test_case = letters[i].name;
			if (CHECK(done) && d != NULL) {
				CHECK(is_expected(dmarc_result(d), &letters[i]));
			}
			arena_free(&a);
		}
	}
}

/* More identifiers and names than are looked at: it ends, and nothing is aligned by chance. */
static void
many_identifiers(void)
{
	struct dmarc_identifier id[DMARC_IDENTIFIERS_MAX + 4];
	char name[LEN(id)][64];
	struct dmarc_params p = { .from = S("example.com"), .identifiers = id, .n = LEN(id) };
	struct arena *a = arena_new(NULL, "letter", DMARC_BUDGET, 0);
	struct dmarc *d;
	size_t questions;
	for (size_t i = 0; i < LEN(id); i++) {
		struct buf b;
		buf_init_fixed(&b, name[i], sizeof name[i]);
		buf_printf(&b, "a.b.c.d.e.x%zu.strict.com", i);
		id[i] = (struct dmarc_identifier){ true, false, buf_view(&b) };
	}
	p.from = S("strict.com");
	CHECK_ERR(dmarc_new(a, &p, &d), ERR_OK);
	CHECK(drive(d, false, &questions));
	CHECK_U64(dmarc_result(d)->result, MAIL_AUTHRES_FAIL);
	CHECK_U64(questions, 2);
	arena_reset(a);
	for (size_t i = 0; i < LEN(id); i++) {
		struct buf b;
		buf_init_fixed(&b, name[i], sizeof name[i]);
		buf_printf(&b, "a.b.c.d.e.x%zu.example.com", i);
		id[i].domain = buf_view(&b);
	}
	p.from = S("example.com");
	CHECK_ERR(dmarc_new(a, &p, &d), ERR_OK);
	CHECK(drive(d, false, &questions));
	CHECK_U64(dmarc_result(d)->result, MAIL_AUTHRES_PASS);
	CHECK(questions <= DMARC_NAMES_MAX);
	arena_free(&a);
}

static void
a_deadline(void)
{
	struct arena *a = arena_new(NULL, "letter", DMARC_BUDGET, 0);
	struct dmarc *d = begin(a, &letters[0]);
	struct dmarc_question q;
	CHECK(dmarc_want(d, &q));
	dmarc_answer(d, 77, &(struct dmarc_answer){ ERR_OK, NULL, 0 });
	dmarc_expire(d);
	CHECK(dmarc_done(d) && !dmarc_want(d, &q));
	CHECK_U64(dmarc_result(d)->result, MAIL_AUTHRES_TEMPERROR);
	dmarc_answer(d, q.id, &(struct dmarc_answer){ ERR_OK, NULL, 0 });
	CHECK_U64(dmarc_result(d)->result, MAIL_AUTHRES_TEMPERROR);
	arena_free(&a);
}

static void
organizations(void)
{
	struct dmarc_params p = { .suffix = suffixes };
	CHECK_STR(dmarc_organization(&p, S("a.b.co.uk")), S("b.co.uk"));
	CHECK_STR(dmarc_organization(&p, S("co.uk")), S("co.uk"));
	p.suffix = NULL;
	CHECK_STR(dmarc_organization(&p, S("a.b.co.uk")), S("a.b.co.uk"));
}

TEST_MAIN(records, many_tags, whole_letters, little_memory, failing_memory, many_identifiers,
    a_deadline, organizations)
