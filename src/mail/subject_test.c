/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base subjects: every rule of RFC 5256 2.1 and 5 alone and with the others, and a plain reading of
 * the seven steps against the fast one over many made-up subjects.
 */
#include "mail/subject.h"

#include "base/test.h"
#include "mail/charset.h"

static const struct {
	const char *name, *in, *base;
	bool reply;
} cases[] = {
	{ "nothing", "", "", false },
	{ "plain", "Hello", "Hello", false },
	{ "spaces inside become one", "a  b\t\tc\r\n d", "a b c d", false },
	{ "spaces around go", "  \t Hello \t ", "Hello", false },
	{ "only spaces", " \t ", "", false },
	{ "re", "Re: Hello", "Hello", true },
	{ "re in capitals", "RE: Hello", "Hello", true },
	{ "re without a space behind", "re:Hello", "Hello", true },
	{ "space before the colon", "Re : Hello", "Hello", true },
	{ "tab before the colon", "Re\t: Hello", "Hello", true },
	{ "fw", "Fw: Hello", "Hello", true },
	{ "fwd", "fWd: Hello", "Hello", true },
	{ "fwdd is no forward", "fwdd: Hello", "fwdd: Hello", false },
	{ "many", "Re: Fwd: RE: fw:re:Hello", "Hello", true },
	{ "re with a blob", "Re[2]: Hello", "Hello", true },
	{ "re, space, blob", "Re [2] : Hello", "Hello", true },
	{ "two blobs behind re are none", "Re[2][3]: Hello", "Re[2][3]: Hello", false },
	{ "an empty blob", "Re[]: Hello", "Hello", true },
	{ "an open blob", "Re[2: Hello", "Re[2: Hello", false },
	{ "re without a colon", "Re Hello", "Re Hello", false },
	{ "a word that starts with re", "Regarding: Hello", "Regarding: Hello", false },
	{ "re in the middle", "Hello Re: you", "Hello Re: you", false },
	{ "blob", "[list] Hello", "Hello", false },
	{ "blobs", "[a][b] [c] Hello", "Hello", false },
	{ "a blob alone stays", "[list]", "[list]", false },
	{ "of blobs alone the last stays", "[a] [b] [c]", "[c]", false },
	{ "of blobs alone the last stays, spaces gone", "[a] [b]  ", "[b]", false },
	{ "blob and re", "[list] Re: Hello", "Hello", true },
	{ "re and blob", "Re: [list] Hello", "Hello", true },
	{ "blob, re, blob, re", "[a] Re: [b] Fwd: [c] Hello", "Hello", true },
	{ "blobs before re", "[a] [b]Re: Hello", "Hello", true },
	{ "re and a blob alone", "Re: [list]", "[list]", true },
	{ "nested brackets are no blob", "[a[b]] Hello", "[a[b]] Hello", false },
	{ "blob later", "Hello [list]", "Hello [list]", false },
	{ "fwd trailer", "Hello (fwd)", "Hello", true },
	{ "fwd trailers", "Hello (fwd) (FWD)(Fwd)  ", "Hello", true },
	{ "fw trailer is none", "Hello (fw)", "Hello (fw)", false },
	{ "a trailer alone", "(fwd)", "", true },
	{ "re alone", "Re:", "", true },
	{ "re: re:", "re: re: ", "", true },
	{ "blob then trailer alone", "[a] (fwd)", "[a]", true },
	{ "wrapped forward", "[Fwd: Hello]", "Hello", true },
	{ "wrapped forward, no space", "[fwd:Hello]", "Hello", true },
	{ "wrapped twice", "[fwd: [FWD: Hello]]", "Hello", true },
	{ "re in a wrapped forward", "Re: [fwd: Re: [list] Hello (fwd)] (fwd)", "Hello", true },
	{ "wrapped, nothing in it", "[fwd:]", "", true },
	{ "wrapped, with text behind, is a blob", "[fwd: a] b", "b", false },
	{ "wrapped, not closed", "[fwd: Hello", "[fwd: Hello", false },
	{ "wrapped blobs", "[fwd: [a] [b]]", "[b]", true },
	{ "colon first", ": Hello", ": Hello", false },
	{ "letters beyond ASCII", "Re: \xc3\x84pfel", "\xc3\x84pfel", true },
	{ "other languages' prefixes stay", "AW: Hello", "AW: Hello", false },
	{ "closing bracket first", "] Hello", "] Hello", false },
};

static void
follows_the_rules(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b;
		bool reply;
		test_case = cases[i].name;
		buf_init(&b, 4096);
		buf_cstr(&b, "before");
		mail_subject_base(&b, str_from(cases[i].in), &reply);
		CHECK_ERR(buf_err(&b), ERR_OK);
		CHECK_STR(str_from_off(buf_view(&b), 6), str_from(cases[i].base));
		CHECK(reply == cases[i].reply);
		buf_done(&b);
	}
	test_case = NULL;
}

/* ---- a plain reading of the steps --------------------------------------------------------- */

static size_t
plain_blob(str s)
{
	size_t i = 1;
	if (s.n == 0 || s.p[0] != '[') {
		return 0;
	}
	while (i < s.n && s.p[i] != '[' && s.p[i] != ']') {
		i++;
	}
	if (i == s.n || s.p[i] == '[') {
		return 0;
	}
	for (i++; i < s.n && s.p[i] == ' '; i++) {
	}
	return i;
}

static size_t
plain_refwd(str s)
{
	static const char *const words[] = { "re", "fw", "fwd" };
	for (size_t w = 0; w < LEN(words); w++) {
		str word = str_from(words[w]);
		if (!str_istarts(s, word)) {
			continue;
		}
		for (int blob = 0; blob < 2; blob++) {
			size_t i = word.n;
			while (i < s.n && s.p[i] == ' ') {
				i++;
			}
			i += blob ? plain_blob(str_from_off(s, i)) : 0;
			if (i < s.n && s.p[i] == ':') {
				return i + 1;
			}
		}
	}
	return 0;
}

static size_t
plain_leader(str s, bool *reply)
{
	if (s.n > 0 && s.p[0] == ' ') {
		return 1;
	}
	size_t at = 0, n = 0;
	do {
		at += n;
		size_t refwd = plain_refwd(str_from_off(s, at));
		if (refwd > 0) {
			*reply = true;
			return at + refwd;
		}
		n = plain_blob(str_from_off(s, at));
	} while (n > 0);
	return 0;
}

static str
plain_base(str s, bool *reply)
{
	*reply = false;
	for (bool again = true; again;) {
		again = false;
		bool cut = true;
		while (cut) { /* 2 */
			cut = str_ends(s, S(" "));
			s.n -= cut;
			if (s.n >= 5 && str_ieq(str_from_off(s, s.n - 5), S("(fwd)"))) {
				s.n -= 5;
				cut = *reply = true;
			}
		}
		for (size_t n = 1; n > 0;) { /* 3, 4, 5 */
			n = plain_leader(s, reply);
			size_t blob = n == 0 ? plain_blob(s) : 0;
			n = blob > 0 && blob < s.n ? blob : n;
			s = str_from_off(s, n);
		}
		if (str_istarts(s, S("[fwd:")) && str_ends(s, S("]"))) { /* 6 */
			s = str_sub(s, 5, s.n - 6);
			again = *reply = true;
		}
	}
	return s;
}

static void
agrees_with_a_plain_reading(void)
{
	static const char *const pieces[] = { "re", "Fw", "fwd", ":", " ", "[", "]", "[x]", "(fwd)",
		"[fwd:", "a", "[]", "re:", "(", ")" };
	uint32_t seed = 1;
	for (int i = 0; i < 100000; i++) {
		struct buf in, out;
		bool reply = false, want_reply = false;
		char room[256], text[256];
		buf_init_fixed(&in, room, sizeof room);
		buf_init_fixed(&out, text, sizeof text);
		seed = seed * 1664525u + 1013904223u;
		for (uint32_t n = seed >> 28; n > 0; n--) {
			seed = seed * 1664525u + 1013904223u;
			const char *piece = pieces[(seed >> 16) % LEN(pieces)];
			if (*piece != ' ' || !str_ends(buf_view(&in), S(" "))) {
				buf_cstr(&in, piece);
			}
		}
		mail_subject_base(&out, buf_view(&in), &reply);
		str want = plain_base(buf_view(&in), &want_reply);
		if (!CHECK_STR(buf_view(&out), want) || !CHECK(reply == want_reply)) {
			fprintf(stderr, "for '%.*s'\n", (int)in.n, in.p);
			return;
		}
	}
}

/* A long row of blobs and of prefixes takes no longer than its length allows. */
static void
is_linear(void)
{
	struct buf in, out;
	bool reply;
	buf_init(&in, 1 << 20);
	buf_init(&out, 1 << 20);
	for (int i = 0; i < 200000; i++) {
		buf_cstr(&in, "[a]");
	}
	mail_subject_base(&out, buf_view(&in), &reply);
	CHECK_STR(buf_view(&out), S("[a]"));
	buf_reset(&in);
	buf_reset(&out);
	for (int i = 0; i < 100000; i++) {
		buf_cstr(&in, "re:[b]");
	}
	mail_subject_base(&out, buf_view(&in), &reply);
	CHECK_STR(buf_view(&out), S("[b]"));
	buf_done(&in);
	buf_done(&out);
}

static const struct {
	const char *a, *b;
	int order;
} collations[] = {
	{ "hello", "HELLO", 0 }, { "\xc3\xa4", "\xc3\x84", 0 }, /* a and A with diaeresis */
	{ "\xc3\xa4", "a\xcc\x88", 0 },                         /* composed, decomposed */
	{ "\xc3\xa4", "a", 1 },                                 /* not the bare letter */
	{ "\xc7\x84", "\xc7\x86", 0 },                          /* DZ and dz with caron */
	{ "\xef\xbc\xa1", "a", 0 },                             /* full-width A */
	{ "\xc3\x9f", "ss", 1 },                           /* sharp s has no titlecase of its own */
	{ "a", "b", -1 }, { "_", "a", 1 },                 /* titlecase: letters lie before "_" */
	{ "", "a", -1 }, { "\xce\xb1", "\xce\x91", 0 },    /* Greek alpha */
	{ "\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1", 1 }, /* Hangul syllables stay composed */
};

static void
collates_by_casemap(void)
{
	for (size_t i = 0; i < LEN(collations); i++) {
		struct buf a, b;
		buf_init(&a, 256);
		buf_init(&b, 256);
		mail_charset_casemap(&a, str_from(collations[i].a));
		mail_charset_casemap(&b, str_from(collations[i].b));
		int got = str_cmp(buf_view(&a), buf_view(&b));
		test_case = collations[i].a;
		CHECK((got > 0) - (got < 0) == collations[i].order);
		buf_done(&a);
		buf_done(&b);
	}
	test_case = NULL;
	struct buf dz;
	buf_init(&dz, 64);
	mail_charset_casemap(&dz, S("\xc7\x84"));
	CHECK_STR(buf_view(&dz), S("Dz\xcc\x8c")); /* RFC 5051 2, the example of U+01C4 */
	buf_done(&dz);
}

TEST_MAIN(follows_the_rules, agrees_with_a_plain_reading, is_linear, collates_by_casemap)
