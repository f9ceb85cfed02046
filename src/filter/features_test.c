/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters of every kind: which rules they hit, which hosts their links have; that a letter gives
 * the same features when it comes in and when it is moved later; the limits; no memory.
 */
#include "filter/filter.h"

#include "base/mem.h"
#include "base/test.h"

enum { BUDGET = 32 << 20, FAILURES_MAX = 5000 };

#define TO "To: b@example.net\r\n"
#define HOP "Received: from x.example.org by y.example.org; Tue, 1 Sep 2026 10:00:00 +0200\r\n"
#define SANE                                                             \
	HOP "From: Ann <ann@example.org>\r\n" TO                         \
	    "Subject: Lunch\r\nDate: Tue, 1 Sep 2026 10:00:00 +0200\r\n" \
	    "Message-ID: <a1@example.org>\r\n"
#define HTML SANE "Content-Type: text/html; charset=utf-8\r\n\r\n"
#define FILE_OF(name)                                                                           \
	SANE "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHere it is, see you " \
	     "soon.\r\n--b\r\nContent-Type: application/octet-stream\r\n"                       \
	     "Content-Disposition: attachment; filename=\"" name "\"\r\n\r\nx\r\n--b--\r\n"
#define WORDS \
	"we met in the garden and had tea with milk while the rain fell on the old roof again "

static const struct {
	const char *name, *letter, *hits, *hosts;
} cases[] = {
	{ "an ordinary letter", SANE "\r\nShall we have lunch?\r\n", "", "" },
	{ "nothing at all", "\r\n", "date-missing id-missing to-missing subject-missing no-hops",
	    "" },
	{ "an answer", "In-Reply-To: <x@y>\r\n" SANE "\r\nyes\r\n", "answer", "" },
	{ "a list", "List-Id: <l.example.org>\r\n" SANE "\r\nyes\r\n", "discussion", "" },
	{ "no date that can be read",
	    "Received: x\r\nFrom: a@b.example\r\n" TO "Subject: x\r\nDate: soon\r\n"
	    "Message-ID: <a@b>\r\n\r\n",
	    "date-broken", "" },
	{ "a broken identifier",
	    "Received: x\r\nFrom: a@b.example\r\n" TO "Subject: x\r\nMessage-ID: nothing\r\n"
	    "Date: Tue, 1 Sep 2026 10:00:00 +0200\r\n\r\n",
	    "id-broken", "" },
	{ "two subjects", "Subject: x\r\n" SANE "\r\n", "field-twice", "" },
	{ "a loud subject",
	    "Received: x\r\nFrom: a@b.example\r\n" TO "Subject: WIN A NEW CAR TODAY\r\n"
	    "Message-ID: <a@b>\r\nDate: Tue, 1 Sep 2026 10:00:00 +0200\r\n\r\n",
	    "subject-loud", "" },
	{ "letters set apart",
	    "Received: x\r\nFrom: a@b.example\r\n" TO "Subject: F R E E money\r\n"
	    "Message-ID: <a@b>\r\nDate: Tue, 1 Sep 2026 10:00:00 +0200\r\n\r\n",
	    "subject-gappy", "" },
	{ "a name that shows another address",
	    "Received: x\r\nFrom: \"service@bank.example\" <x@thief.example>\r\n" TO
	    "Subject: x\r\nMessage-ID: <a@b>\r\nDate: Tue, 1 Sep 2026 10:00:00 +0200\r\n\r\n",
	    "name-is-address", "" },
	{ "a name that shows the same address",
	    "Received: x\r\nFrom: \"x@thief.example\" <x@thief.example>\r\n" TO
	    "Subject: x\r\nMessage-ID: <a@b>\r\nDate: Tue, 1 Sep 2026 10:00:00 +0200\r\n\r\n",
	    "", "" },
	{ "a loud text",
	    SANE "\r\nWE HAVE THE BEST OFFER FOR YOU TODAY AND IT WILL NOT COME "
		 "AGAIN SO TAKE IT WHILE IT LASTS GOOD FRIEND OF OURS\r\n",
	    "text-loud", "" },
	{ "HTML alone", HTML "<p>" WORDS WORDS "</p>", "html-alone", "" },
	{ "an image alone", HTML "<a href=http://a.example/x><img src='http://b.example/y'></a>",
	    "html-alone image-alone links-without-text", "a.example b.example" },
	{ "a form", HTML "<form action=https://f.example/>" WORDS WORDS, "html-alone html-form",
	    "f.example" },
	{ "a script", HTML "<script>x</script>" WORDS WORDS, "html-alone html-script", "" },
	{ "broken words", HTML WORDS WORDS "vi<!-- x -->ag<!y>ra", "html-alone html-broken-words",
	    "" },
	{ "a bare address", SANE "\r\n" WORDS WORDS "http://192.0.2.1/x\r\n", "link-numeric",
	    "192.0.2.1" },
	{ "a disguised link",
	    HTML WORDS WORDS "<a href=\"http://bank.example@Evil.Example:8080/\">",
	    "html-alone link-user link-port", "evil.example" },
	{ "a coded host", HTML WORDS WORDS "<a href=\"http://%65vil.example/\">",
	    "html-alone link-coded", "evil.example" },
	{ "references, a scheme of its own, white space inside",
	    HTML WORDS WORDS "<a href='&#104;ttp://a.example/'><a href='//b.exam\r\nple'>",
	    "html-alone", "a.example b.example" },
	{ "backslashes", HTML WORDS WORDS "<a href='http:\\\\a.example\\b'>", "html-alone",
	    "a.example" },
	{ "links in text end where they end",
	    SANE "\r\n" WORDS WORDS "(see https://www.a.example/b). <http://b.example>, "
		 "http://a.example.\r\n",
	    "", "www.a.example b.example a.example" },
	{ "a link and hardly a word", SANE "\r\nsee http://a.example/\r\n", "links-without-text",
	    "a.example" },
	{ "coded without need",
	    SANE "Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8gdGhlcmU=\r\n", "text-coded",
	    "" },
	{ "a program", FILE_OF("x.exe"), "program", "" },
	{ "a program in disguise", FILE_OF("invoice.pdf .ScR"), "program-disguised", "" },
	{ "macros", FILE_OF("x.docm"), "macros", "" },
	{ "a page", FILE_OF("x.html"), "page-attached", "" },
	{ "a document", FILE_OF("my.holiday.pdf"), "", "" },
	{ "phrases", SANE "\r\nLottery winner! Act now, click here for a cash bonus.\r\n",
	    "phrases-more", "" },
	{ "the line for trying out",
	    SANE "\r\nXJS*C4JDBQADN1.NSBN3*2IDNEN*"
		 "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n",
	    "test-line", "" },
};

static enum err
look(struct arena *a, str letter, int64_t received_s, struct filter_seen *ret)
{
	struct mail_mime m;
	TRY(mail_mime_parse(letter, a, &m));
	return filter_features(&m, S("mx.example.net"), received_s, a, ret);
}

/* The words of the rules, sorted as rules.def has them. */
static str
hits_of(struct arena *a, const struct filter_seen *seen)
{
	str text = S("");
	for (uint32_t r = 0; r < FILTER_RULES; r++) {
		for (uint32_t i = 0; i < seen->hits_n; i++) {
			if (seen->hits[i] == r) {
				text = arena_printf(a, "%.*s%s%s", STR_ARG(text),
				    text.n > 0 ? " " : "", filter_rule_row(r)->word);
			}
		}
	}
	return text;
}

static str
hosts_of(struct arena *a, const struct filter_seen *seen)
{
	str text = S("");
	for (uint32_t i = 0; i < seen->hosts_n; i++) {
		text = arena_printf(a, "%.*s%s%.*s", STR_ARG(text), i > 0 ? " " : "",
		    STR_ARG(seen->hosts[i]));
	}
	return text;
}

static void
every_letter(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct arena *a = arena_new(NULL, "test", BUDGET, 0);
		struct filter_seen seen;
		test_case = cases[i].name;
		CHECK_ERR(look(a, str_from(cases[i].letter), 0, &seen), ERR_OK);
		CHECK_STR(hits_of(a, &seen), str_from(cases[i].hits));
		CHECK_STR(hosts_of(a, &seen), str_from(cases[i].hosts));
		arena_free(&a);
	}
	test_case = NULL;
}

static void
dates(void)
{
	static const struct {
		int64_t at;
		const char *want;
	} when[] = { { 1788249600, "" }, { 1788249600 - 3 * 86400, "date-ahead" },
		{ 1788249600 + 30 * 86400, "date-old" } };
	for (size_t i = 0; i < LEN(when); i++) {
		struct arena *a = arena_new(NULL, "test", BUDGET, 0);
		struct filter_seen seen;
		CHECK_ERR(look(a, S(SANE "\r\nhello\r\n"), when[i].at, &seen), ERR_OK);
		CHECK_STR(hits_of(a, &seen), str_from(when[i].want));
		arena_free(&a);
	}
}

static bool
has(const struct filter_seen *seen, const struct filter_seen *of)
{
	for (uint32_t i = 0, k = 0; i < of->n; i++) {
		while (k < seen->n && seen->features[k] < of->features[i]) {
			k++;
		}
		if (k == seen->n || seen->features[k] != of->features[i]) {
			return false;
		}
	}
	return true;
}

/* What is written above a letter here, and what other filters mark, changes nothing. */
static void
the_same_later(void)
{
	static const char later[] =
	    "Return-Path: <ann@example.org>\r\n"
	    "Received: from q.example.org (192.0.2.9)\r\n\tby mx.example.net with ESMTPS id 7;\r\n"
	    "\tTue, 1 Sep 2026 10:00:09 +0200\r\n"
	    "Authentication-Results: mx.example.net; spf=pass\r\n"
	    "X-Spam-Score: 3.4\r\n" SANE "\r\nShall we have lunch?\r\n";
	struct arena *a = arena_new(NULL, "test", BUDGET, 0);
	struct filter_seen first, then;
	CHECK_ERR(look(a, S(SANE "\r\nShall we have lunch?\r\n"), 0, &first), ERR_OK);
	CHECK_ERR(look(a, str_from(later), 0, &then), ERR_OK);
	/* The letter's size, as a power of two, is the one thing that may differ. */
	CHECK_U64(then.n, first.n);
	CHECK(first.n > 30);
	uint32_t differ = 0;
	for (uint32_t i = 0; i < first.n; i++) {
		struct filter_seen one = { .features = &first.features[i], .n = 1 };
		differ += !has(&then, &one);
	}
	CHECK_U64(differ, 1);
	arena_free(&a);
}

/* Case, accents and the way a text is encoded do not count; the words do. */
static void
words_are_words(void)
{
	struct arena *a = arena_new(NULL, "test", BUDGET, 0);
	struct filter_seen plain, coded, other;
	CHECK_ERR(look(a, S("\r\ngr\303\274ne B\303\244ume\r\n"), 0, &plain), ERR_OK);
	CHECK_ERR(look(a, S("\r\nGR\303\234NE  b\303\204ume\n"), 0, &coded), ERR_OK);
	CHECK_ERR(look(a, S("\r\ngraue B\303\244ume\r\n"), 0, &other), ERR_OK);
	CHECK(has(&coded, &plain));
	CHECK(!has(&other, &plain));
	arena_free(&a);
}

/* A letter of many words fills the list and no more; numbers rise. */
static void
bounded(void)
{
	struct arena *a = arena_new(NULL, "test", BUDGET, 0);
	struct buf b;
	struct filter_seen seen;
	buf_init(&b, 4 << 20);
	for (int i = 0; i < 3000; i++) {
		buf_printf(&b, "X-Field-%d: v%d\r\n", i, i);
	}
	buf_cstr(&b, "\r\n");
	for (int i = 0; i < 60000; i++) {
		buf_printf(&b, "word%d http://h%d.example/\r\n", i, i);
	}
	CHECK_ERR(look(a, buf_view(&b), 0, &seen), ERR_OK);
	CHECK_U64(seen.n, FILTER_FEATURES_MAX);
	CHECK_U64(seen.octets.n, FILTER_FEATURES_OCTETS);
	CHECK_U64(seen.hosts_n, FILTER_HOSTS_MAX);
	bool rising = true;
	for (uint32_t i = 1; i < seen.n; i++) {
		rising = rising && seen.features[i - 1] < seen.features[i];
	}
	CHECK(rising);
	buf_done(&b);
	arena_free(&a);
}

/* Each request for memory fails once: an error, never fewer features without one. */
static void
no_memory(void)
{
	static const char letter[] = HTML "<a href='http://a.example/'>Gr\303\274\303\237e</a>";
	uint32_t whole = 0;
	bool through = false;
	for (uint64_t n = 0; n < FAILURES_MAX && !through; n++) {
		struct arena *a = arena_new(NULL, "test", BUDGET, 0);
		struct filter_seen seen;
		mem_fail_after(n);
		enum err e = look(a, str_from(letter), 0, &seen);
		mem_fail_after(0);
		CHECK(e == ERR_OK || e == ERR_NOMEM || e == ERR_BUDGET);
		if (n == 0) {
			CHECK_ERR(e, ERR_OK);
			whole = seen.n;
		}
		through = n > 0 && e == ERR_OK;
		CHECK(e != ERR_OK || seen.n == whole);
		arena_free(&a);
	}
	CHECK(through);
}

TEST_MAIN(every_letter, dates, the_same_later, words_are_words, bounded, no_memory)
