/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands as clients send them, each at every split point; every verb of the table.
 */
#include "proto/pop3/pop3.h"

#include "base/buf.h"
#include "base/test.h"

/* What the engine made of octets, as text: "verb msg lines language err;" for each command. */
static void
read_all(struct pop3 *x, str in, struct buf *out)
{
	while (in.n > 0) {
		size_t used;
		struct pop3_command c;
		pop3_feed(x, in, &used);
		in = str_from_off(in, used);
		while (pop3_next(x, &c)) {
			bool known = c.err == ERR_OK || c.err == ERR_SYNTAX ||
			    c.err == ERR_BADSTATE;
			buf_str(out, known ? pop3_verb_name(c.verb) : S("?"));
			if (c.err == ERR_OK && c.has_msg) {
				buf_printf(out, " %u", c.msg);
			}
			if (c.err == ERR_OK && c.verb == POP3_TOP) {
				buf_printf(out, " %u", c.lines);
			}
			if (c.language.n > 0) {
				buf_printf(out, " %.*s", STR_ARG(c.language));
			}
			buf_cstr(out,
			    c.err == ERR_OK                ? ";"
				: c.err == ERR_SYNTAX      ? " syntax;"
				: c.err == ERR_BADSTATE    ? " before;"
				: c.err == ERR_UNSUPPORTED ? " unknown;"
				: c.err == ERR_PROTOCOL    ? " line;"
							   : " long;");
		}
	}
}

#define A100                                                                                       \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaa"

static const struct {
	const char *name;
	str in;
	const char *want;
} cases[] = {
	{ "the verbs of RFC 1939 5",
	    S_INIT("STAT\r\nLIST\r\nLIST 2\r\nRETR 1\r\nDELE 3\r\nNOOP\r\nRSET\r\nQUIT\r\n"),
	    "STAT;LIST;LIST 2;RETR 1;DELE 3;NOOP;RSET;QUIT;" },
	{ "the optional ones", S_INIT("TOP 1 10\r\nTOP 1 0\r\nUIDL\r\nUIDL 2\r\nCAPA\r\n"),
	    "TOP 1 10;TOP 1 0;UIDL;UIDL 2;CAPA;" },
	{ "any case", S_INIT("sTaT\r\nretr 007\r\n"), "STAT;RETR 7;" },
	{ "LANG", S_INIT("LANG\r\nLANG *\r\nlang de-AT\r\n"), "LANG;LANG *;LANG de-AT;" },
	{ "only before log-in",
	    S_INIT("USER x\r\nPASS x y\r\nAPOP a b\r\nAUTH\r\nAUTH PLAIN =\r\nSTLS\r\nUTF8\r\n"),
	    "USER before;PASS before;APOP before;AUTH before;AUTH before;STLS before;"
	    "UTF8 before;" },
	{ "arguments that are wrong",
	    S_INIT("STAT 1\r\nLIST x\r\nLIST 1 2\r\nLIST \r\nLIST  1\r\nLIST 1 \r\nRETR\r\n"
		   "RETR -1\r\nRETR 1x\r\nTOP 1\r\nTOP 1 2 3\r\nTOP x 1\r\nLANG a b\r\nQUIT \r\n"),
	    "STAT syntax;LIST syntax;LIST syntax;LIST syntax;LIST syntax;LIST syntax;"
	    "RETR syntax;RETR syntax;RETR syntax;TOP syntax;TOP syntax;TOP syntax;LANG a syntax;"
	    "QUIT syntax;" },
	{ "numbers no message has",
	    S_INIT("RETR 0\r\nRETR 4294967296\r\nTOP 1 99999999999999999999999999\r\n"),
	    "RETR 0;RETR 4294967295;TOP 1 4294967295;" },
	{ "no such verbs", S_INIT("\r\nX\r\n STAT\r\nSTATS\r\nSTA\r\nSTAT\t\r\nXTND XMIT\r\n"),
	    "? unknown;? unknown;? unknown;? unknown;? unknown;? unknown;? unknown;" },
	{ "a bare LF is refused at once, and the line goes on", S_INIT("NOOP\nDELE 1\r\nSTAT\r\n"),
	    "? line;STAT;" },
	{ "a bare CR", S_INIT("NOOP\rDELE 1\r\nSTAT\r\nNO\r\r\n"), "? line;STAT;? line;" },
	{ "NUL", S_INIT("NOOP\0\r\nSTAT\r\n"), "? line;STAT;" },
	{ "as long as may be", S_INIT("LANG " A100 A100 A100 A100 A100 "aaaaa\r\n"),
	    "LANG " A100 A100 A100 A100 A100 "aaaaa;" },
	{ "longer", S_INIT("LANG " A100 A100 A100 A100 A100 "aaaaaa\r\nSTAT\r\n"), "? long;STAT;" },
	{ "longer, with a bare LF in it",
	    S_INIT(A100 A100 A100 A100 A100 A100 "\nDELE 1\r\nSTAT\r\n"), "? long;STAT;" },
	{ "not ended", S_INIT("STAT\r\nQUI"), "STAT;" },
};

static void
reads_commands(void)
{
	struct buf got;
	buf_init(&got, 65536);
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		for (size_t split = 0; split <= cases[i].in.n; split++) {
			struct pop3 x;
			pop3_init(&x);
			buf_reset(&got);
			read_all(&x, str_sub(cases[i].in, 0, split), &got);
			read_all(&x, str_from_off(cases[i].in, split), &got);
			CHECK_STR(buf_view(&got), str_from(cases[i].want));
		}
	}
	buf_done(&got);
}

static void
reads_octet_by_octet(void)
{
	struct buf got;
	buf_init(&got, 65536);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct pop3 x;
		test_case = cases[i].name;
		pop3_init(&x);
		buf_reset(&got);
		for (size_t at = 0; at < cases[i].in.n; at++) {
			read_all(&x, str_sub(cases[i].in, at, 1), &got);
		}
		CHECK_STR(buf_view(&got), str_from(cases[i].want));
	}
	buf_done(&got);
}

/* Each row of the table by its bare name: understood, or told why not. */
static void
knows_every_verb(void)
{
	struct buf line;
	buf_init(&line, 64);
	for (size_t i = 0; i < POP3_VERBS; i++) {
		struct pop3 x;
		struct pop3_command c;
		size_t used;
		str name = pop3_verb_name((enum pop3_verb)i);
		buf_reset(&line);
		buf_str(&line, name);
		buf_cstr(&line, "\r\n");
		pop3_init(&x);
		pop3_feed(&x, buf_view(&line), &used);
		CHECK(pop3_next(&x, &c));
		CHECK_U64(c.verb, i);
		CHECK(c.err == ERR_OK || c.err == ERR_SYNTAX || c.err == ERR_BADSTATE);
		CHECK((c.err == ERR_BADSTATE) != pop3_verb_allowed((enum pop3_verb)i));
	}
	buf_done(&line);
}

TEST_MAIN(reads_commands, reads_octet_by_octet, knows_every_verb)
