/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole conversations: what a filter answers, what it hears, what came of it. Every row runs at
 * every split point and must come out the same. Below them: what has no end, large letters.
 */
#include "base/test.h"
#include "proto/milter/milter.h"

#define P1(letter) "\0\0\0\001" letter
#define P(size, letter, data) "\0\0\0" size letter data
/* Option negotiation: version 6, changes of fields and quarantine, `steps` in three octets. */
#define OPT(steps) "\0\0\0\015O\0\0\0\006\0\0\0\061\0" steps
#define ALL OPT("\0\0\0")
#define GO P1("c")
/* Everything is skipped but the end of the letter. */
#define END OPT("\000\002\177")

static const struct milter_field fields[] = { { S_INIT("Subject"), S_INIT(" hi\r\n\tthere") },
	{ S_INIT("To"), S_INIT("b\0ob") } };
static const str rcpts[] = { S_INIT("bob@b.test"), S_INIT("eve@b.test") };
static const str args[] = { S_INIT("SIZE=10") };
static const struct milter_macro macros[] = {
	{ MILTER_CONNECT, S_INIT("j"), S_INIT("mx.b.test") },
	{ MILTER_EOM, S_INIT("i"), S_INIT("17") },
	{ MILTER_EOM, S_INIT("{none}"), S_INIT("") },
};
static const struct milter_letter letter = { .hostname = S_INIT("mx.a.test"),
	.address = S_INIT("192.0.2.1"),
	.port = 25,
	.helo = S_INIT("a.test"),
	.mail = S_INIT("alice@a.test"),
	.mail_args = args,
	.mail_args_n = 1,
	.rcpts = rcpts,
	.rcpts_n = 2,
	.fields = fields,
	.fields_n = 2,
	.body = S_INIT("body\r\n"),
	.macros = macros,
	.macros_n = 3 };

struct row {
	const char *name;
	str in;
	const char *said; /* NULL: not looked at */
	const char *result;
};

#define SAID_OPT "O\\00\\00\\00\\06\\00\\00\\001\\00\\1f\\f7\\ff "
#define SAID_END SAID_OPT "DEi|17| E "

static const struct row rows[] = {
	{ "everything", S_INIT(ALL GO GO GO GO GO GO GO GO GO GO GO),
	    SAID_OPT "DCj|mx.b.test| Cmx.a.test|4\\00\\19192.0.2.1| Ha.test| "
		     "DM{mail_addr}|alice@a.test| M<alice@a.test>|SIZE=10| "
		     "DR{rcpt_addr}|bob@b.test| R<bob@b.test>| "
		     "DR{rcpt_addr}|eve@b.test| R<eve@b.test>| T "
		     "LSubject|hi\\0a\\09there| LTo|bob| N Bbody\\0d\\0a DEi|17| E Q ",
	    "accept" },
	{ "only the end", S_INIT(END GO), SAID_END "Q ", "accept" },
	{ "leading space", S_INIT(OPT("\020\002\137") GO GO GO),
	    SAID_OPT "LSubject| hi\\0a\\09there| LTo|bob| DEi|17| E Q ", "accept" },
	{ "silent steps", S_INIT(OPT("\014\362\200") GO),
	    SAID_OPT "DCj|mx.b.test| Cmx.a.test|4\\00\\19192.0.2.1| Ha.test| "
		     "DM{mail_addr}|alice@a.test| M<alice@a.test>|SIZE=10| "
		     "DR{rcpt_addr}|bob@b.test| R<bob@b.test>| "
		     "DR{rcpt_addr}|eve@b.test| R<eve@b.test>| "
		     "LSubject|hi\\0a\\09there| LTo|bob| N Bbody\\0d\\0a DEi|17| E Q ",
	    "accept" },
	{ "version 2 has no DATA", S_INIT("\0\0\0\015O\0\0\0\002\0\0\0\001\0\0\0\167" GO GO GO),
	    SAID_OPT "DR{rcpt_addr}|bob@b.test| R<bob@b.test>| "
		     "DR{rcpt_addr}|eve@b.test| R<eve@b.test>| DEi|17| E Q ",
	    "accept" },
	{ "lists of macros", S_INIT("\0\0\0\023O\0\0\0\006\0\0\0\061\0\0\002\177\0\0\0\001j\0" GO),
	    SAID_END "Q ", "accept" },
	{ "a letter taken at once", S_INIT(ALL P1("a")), NULL, "accept" },
	{ "a peer refused", S_INIT(ALL P1("r")), NULL, "reject" },
	{ "a peer put off", S_INIT(ALL P1("t")), NULL, "tempfail" },
	{ "closing", S_INIT(ALL P1("4")), NULL, "tempfail" },
	{ "failing", S_INIT(ALL P1("f")), NULL, "tempfail" },
	{ "discarded", S_INIT(END P1("d")), SAID_END "Q ", "discard" },
	{ "refused", S_INIT(END P1("r")), NULL, "reject" },
	{ "put off", S_INIT(END P1("t")), NULL, "tempfail" },
	{ "refused in words", S_INIT(END P("\024", "y", "550 5.7.1 100%% no\0")), NULL,
	    "reject 550 5.7.1 '100% no'" },
	{ "put off in words", S_INIT(END P("\013", "y", "451 later\0")), NULL,
	    "tempfail 451  'later'" },
	{ "in two lines", S_INIT(END P("\036", "y", "554-5.7.1 one\r\n554 5.7.1 two\0")), NULL,
	    "reject 554 5.7.1 'one two'" },
	{ "a code alone", S_INIT(END P("\005", "y", "550\0")), NULL, "reject 550  ''" },
	{ "the class of another code", S_INIT(END P("\015", "y", "550 4.7.1 x\0")), NULL,
	    "reject 550  '4.7.1 x'" },
	{ "odd octets in words", S_INIT(END P("\015", "y", "550 a\033\tb\377\"\r\0")), NULL,
	    "reject 550  'a? b?\"'" },
	{ "words that take it", S_INIT(END P("\010", "y", "250 ok\0")), NULL, "broken" },
	{ "words without a code", S_INIT(END P("\004", "y", "no\0")), NULL, "broken" },
	{ "words without an end", S_INIT(END P("\004", "y", "550")), NULL, "broken" },
	{ "two codes", S_INIT(END P("\021", "y", "550-a\r\n551 b\0\0\0\0")), NULL, "broken" },
	{ "no words", S_INIT(END P("\002", "y", "\0")), NULL, "broken" },
	{ "one recipient refused", S_INIT(OPT("\000\002\167") GO P1("r") GO), NULL,
	    "accept rcpts=ar" },
	{ "both refused", S_INIT(OPT("\000\002\167") P1("r") P("\011", "y", "550 two\0")),
	    SAID_OPT "DR{rcpt_addr}|bob@b.test| R<bob@b.test>| "
		     "DR{rcpt_addr}|eve@b.test| R<eve@b.test>| Q ",
	    "reject 550  'two' rcpts=rr" },
	{ "one refused, one put off", S_INIT(OPT("\000\002\167") P1("t") P1("r")), NULL,
	    "tempfail rcpts=tr" },
	{ "still busy", S_INIT(END P1("p") P1("p") GO), SAID_END "Q ", "accept" },
	{ "no more of the body", S_INIT(OPT("\000\002\157") P1("s") GO),
	    SAID_OPT "Bbody\\0d\\0a DEi|17| E Q ", "accept" },
	{ "no more of what is no body", S_INIT(END P1("s")), NULL, "broken" },
	{ "quarantine", S_INIT(END P("\006", "q", "why?\0") GO), NULL, "accept quarantine='why?'" },
	{ "quarantine without an end", S_INIT(END P("\003", "q", "no")), NULL, "broken" },
	{ "a field added", S_INIT(END P("\007", "h", "X-A\0b\0") GO), NULL, "accept +X-A=b" },
	{ "a field put in", S_INIT(END P("\013", "i", "\0\0\0\002X-A\0b\0") GO), NULL,
	    "accept ^2 X-A=b" },
	{ "a field changed and one removed",
	    S_INIT(END P("\015", "m", "\0\0\0\001Subj\0 b\0") P("\012", "m", "\0\0\0\003To\0\0x")),
	    NULL, "broken" },
	{ "a field changed", S_INIT(END P("\014", "m", "\0\0\0\001Subj\0b\0") GO), NULL,
	    "accept ~1 Subj=b" },
	{ "a field removed", S_INIT(END P("\011", "m", "\0\0\0\003To\0\0") GO), NULL,
	    "accept ~3 To=" },
	{ "a field folded", S_INIT(END P("\015", "h", "X-A\0 b;\n\tc\n\0") GO), NULL,
	    "accept +X-A=b;\\0d\\0a\\09c" },
	{ "a field folded with CRLF", S_INIT(END P("\013", "h", "X-A\0b\r\n c\0") GO), NULL,
	    "accept +X-A=b\\0d\\0a c" },
	{ "an empty line put in", S_INIT(END P("\014", "h", "X-A\0b\n \n\nc\0") GO), NULL,
	    "accept unwanted=1" },
	{ "another field put in", S_INIT(END P("\013", "h", "X-A\0b\nC:d\0") GO), NULL,
	    "accept unwanted=1" },
	{ "a bare CR put in", S_INIT(END P("\011", "h", "X-A\0b\rc\0") GO), NULL,
	    "accept unwanted=1" },
	{ "a name that is none", S_INIT(END P("\010", "h", "X A:\0b\0") GO), NULL,
	    "accept unwanted=1" },
	{ "no name", S_INIT(END P("\004", "h", "\0b\0") GO), NULL, "accept unwanted=1" },
	{ "no value", S_INIT(END P("\005", "h", "X-A\0") GO), NULL, "broken" },
	{ "the field before the first changed", S_INIT(END P("\012", "m", "\0\0\0\000To\0x\0") GO),
	    NULL, "accept unwanted=1" },
	{ "a place cut short", S_INIT(END P("\003", "i", "\0\0")), NULL, "broken" },
	{ "what was not offered",
	    S_INIT(END P("\003", "b", "hi") P("\005", "+", "<x>\0") P("\005", "-", "<x>\0")
		    P("\005", "e", "<x>\0") P("\005", "2", "<x>\0") GO),
	    NULL, "accept unwanted=5" },
	{ "a field before the end", S_INIT(ALL P("\007", "h", "X-A\0b\0")), NULL, "broken" },
	{ "an answer nobody knows", S_INIT(END P1("?")), NULL, "broken" },
	{ "macros again", S_INIT(END P1("l")), NULL, "broken" },
	{ "no options", S_INIT(GO), NULL, "broken" },
	{ "options cut short", S_INIT(P("\005", "O", "\0\0\0\006")), NULL, "broken" },
	{ "version 7", S_INIT("\0\0\0\015O\0\0\0\007\0\0\0\0\0\0\0\0"), NULL, "broken" },
	{ "version 1", S_INIT("\0\0\0\015O\0\0\0\001\0\0\0\0\0\0\0\0"), NULL, "broken" },
	{ "options twice", S_INIT(END END), NULL, "broken" },
	{ "a packet of no size", S_INIT(END "\0\0\0\0"), NULL, "broken" },
	{ "a packet too large", S_INIT(END "\0\001\0\001"), NULL, "broken" },
	{ "a packet much too large", S_INIT(END "\377\377\377\377"), NULL, "broken" },
	{ "a stream cut short", S_INIT(END "\0\0\0"), NULL, "broken" },
	{ "nothing at all", S_INIT(""), SAID_OPT, "broken" },
};

/* Printable, NUL as a bar, other octets in hex. */
static void
show(struct buf *out, str s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];
		if (c == 0) {
			buf_ch(out, '|');
		} else if (c >= ' ' && c <= '~') {
			buf_ch(out, (char)c);
		} else {
			buf_printf(out, "\\%02x", c);
		}
	}
}

/* The packets of a stream; numbers of the options are not texts. */
static void
show_packets(struct buf *out, str s)
{
	while (s.n >= 4) {
		size_t n = (size_t)(uint8_t)s.p[2] << 8 | (uint8_t)s.p[3];
		str packet = str_sub(s, 4, n);
		for (size_t i = 0; i < packet.n; i++) {
			bool number = packet.p[0] == 'O' || (packet.p[0] == 'C' && i < 13);
			if (number && packet.p[i] == 0 && i > 10 - (packet.p[0] == 'O') * 10) {
				buf_printf(out, packet.p[0] == 'C' && i == 10 ? "|" : "\\00");
			} else {
				show(out, str_sub(packet, i, 1));
			}
		}
		buf_ch(out, ' ');
		s = str_from_off(s, 4 + n);
	}
}

static void
show_result(struct buf *out, const struct milter_result *r, size_t rcpts_n)
{
	static const char *const verdicts[] = { [MILTER_OPEN] = "open",
		[MILTER_ACCEPT] = "accept",
		[MILTER_REJECT] = "reject",
		[MILTER_TEMPFAIL] = "tempfail",
		[MILTER_DISCARD] = "discard",
		[MILTER_BROKEN] = "broken" };
	static const char *const kinds[] = { "+", "^", "~" };
	buf_cstr(out, verdicts[r->verdict]);
	if (r->verdict == MILTER_BROKEN) {
		CHECK(r->fault != NULL);
		return;
	}
	if (r->code != 0) {
		buf_printf(out, " %u %.*s '%.*s'", r->code, STR_ARG(r->enhanced), STR_ARG(r->text));
	}
	if (r->quarantine) {
		buf_printf(out, " quarantine='%.*s'", STR_ARG(r->quarantine_why));
	}
	for (size_t i = 0; i < r->changes_n; i++) {
		const struct milter_change *c = &r->changes[i];
		buf_printf(out, " %s", kinds[c->kind]);
		if (c->kind != MILTER_ADD) {
			buf_printf(out, "%u ", c->index);
		}
		show(out, c->name);
		buf_ch(out, '=');
		show(out, c->value);
	}
	for (size_t i = 0; i < rcpts_n && r->rcpts_refused > 0; i++) {
		buf_cstr(out, i == 0 ? " rcpts=" : "");
		buf_ch(out, verdicts[r->rcpts[i]][0]);
	}
	if (r->unwanted > 0) {
		buf_printf(out, " unwanted=%u", r->unwanted);
	}
}

static void
flush(struct milter *m, struct buf *said)
{
	while (milter_output(m).n > 0) {
		size_t n = MIN(milter_output(m).n, 4000);
		buf_str(said, str_sub(milter_output(m), 0, n));
		milter_sent(m, n);
	}
}

static void
run(const struct row *row, size_t cut)
{
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct milter m;
	struct buf said, text, result;
	buf_init(&said, 1 << 20);
	buf_init(&text, 1 << 20);
	buf_init(&result, 1 << 16);
	CHECK_ERR(milter_init(&m, &letter, a), ERR_OK);
	flush(&m, &said);
	milter_feed(&m, str_sub(row->in, 0, cut));
	flush(&m, &said);
	milter_feed(&m, str_from_off(row->in, cut));
	flush(&m, &said);
	milter_lost(&m);
	CHECK(milter_ended(&m) && !milter_waiting(&m));
	show_packets(&text, buf_view(&said));
	if (row->said != NULL) {
		CHECK_STR(buf_view(&text), str_from(row->said));
	}
	show_result(&result, milter_result(&m), letter.rcpts_n);
	CHECK_STR(buf_view(&result), str_from(row->result));
	milter_done(&m);
	buf_done(&said);
	buf_done(&text);
	buf_done(&result);
	arena_free(&a);
}

static void
conversations_at_every_split(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		for (size_t cut = 0; cut <= rows[i].in.n; cut++) {
			run(&rows[i], cut);
		}
	}
}

/* Feed `packet` until it has ended. Out: how often. */
static size_t
repeat(struct milter *m, str packet, size_t most)
{
	size_t n = 0;
	while (n < most && !milter_ended(m)) {
		milter_feed(m, packet);
		n++;
	}
	return n;
}

static void
endless_answers_end(void)
{
	static char large[4 + MILTER_PACKET_MAX];
	const struct {
		const char *name;
		str packet;
		size_t most;
		bool ends;
	} kinds[] = {
		{ "busy for ever", S_INIT(P1("p")), MILTER_ANSWERS_MAX + 10, true },
		{ "fields without end", S_INIT(P("\007", "h", "X-A\0b\0")), MILTER_ANSWERS_MAX + 10,
		    true },
		{ "bodies without end", { large, sizeof large }, 1000, true },
	};
	large[1] = 1;
	large[4] = 'b';
	for (size_t i = 0; i < LEN(kinds); i++) {
		struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
		struct milter m;
		struct buf said;
		test_case = kinds[i].name;
		buf_init(&said, 1 << 20);
		CHECK_ERR(milter_init(&m, &letter, a), ERR_OK);
		milter_feed(&m, S(END));
		flush(&m, &said);
		CHECK(repeat(&m, kinds[i].packet, kinds[i].most) < kinds[i].most);
		CHECK(milter_ended(&m));
		CHECK_U64(milter_result(&m)->verdict, MILTER_BROKEN);
		CHECK(milter_result(&m)->changes_n <= MILTER_CHANGES_MAX);
		CHECK(arena_used(a) < 256 << 10);
		milter_done(&m);
		buf_done(&said);
		arena_free(&a);
	}
}

/* Chunks of 65535 octets; a filter that talks while it should listen is not heard. */
static void
large_letters(void)
{
	static char body[200000];
	struct milter_letter l = letter;
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct milter m;
	struct buf said;
	memset(body, 'x', sizeof body);
	l.body = str_make(body, sizeof body);
	buf_init(&said, 1 << 20);
	for (int late = 0; late < 2; late++) {
		CHECK_ERR(milter_init(&m, &l, a), ERR_OK);
		milter_feed(&m, S(OPT("\010\002\157")));
		CHECK(milter_output(&m).n >= MILTER_OUT_PAUSE);
		CHECK(milter_output(&m).n < MILTER_OUT_MAX);
		if (late == 0) {
			milter_feed(&m, S(GO));
			CHECK_U64(milter_result(&m)->verdict, MILTER_BROKEN);
			CHECK_U64(milter_output(&m).n, 0);
		} else {
			buf_reset(&said);
			flush(&m, &said);
			CHECK(milter_waiting(&m));
			CHECK(said.n > sizeof body && said.n < sizeof body + 100);
			CHECK_STR(str_sub(buf_view(&said), 17, 6), S("\0\001\0\0Bx"));
			milter_feed(&m, S(GO));
			CHECK_U64(milter_result(&m)->verdict, MILTER_ACCEPT);
		}
		milter_done(&m);
	}
	buf_done(&said);
	arena_free(&a);
}

/* A field larger than a packet is cut; memory that runs out ends it. */
static void
large_fields(void)
{
	static char value[70000];
	struct milter_letter l = letter;
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct milter m;
	memset(value, 'x', sizeof value);
	const struct milter_field one = { S("X"), str_make(value, sizeof value) };
	l.fields = &one;
	l.fields_n = 1;
	CHECK_ERR(milter_init(&m, &l, a), ERR_OK);
	milter_sent(&m, milter_output(&m).n);
	milter_feed(&m, S(OPT("\000\002\137")));
	CHECK_U64(milter_output(&m).n, 4 + 1 + MILTER_CHUNK_MAX);
	milter_sent(&m, milter_output(&m).n);
	milter_feed(&m, S(GO GO));
	CHECK_U64(milter_result(&m)->verdict, MILTER_ACCEPT);
	milter_done(&m);
	arena_free(&a);
	a = arena_new(NULL, "small", 1024, 0);
	CHECK_ERR(milter_init(&m, &letter, a), ERR_BUDGET);
	arena_free(&a);
}

TEST_MAIN(conversations_at_every_split, endless_answers_end, large_letters, large_fields)
