/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader as a conversation: octets in, a transcript of actions out. Every case runs whole,
 * octet by octet, and cut in two at every place; all transcripts must be the same.
 */
#include "proto/imap/reader.h"

#include "base/test.h"

struct run {
	struct imap_reader reader;
	struct arena *arena;
	struct buf out;   /* the transcript */
	bool in_body;     /* joins BODY pieces */
	uint64_t accepts; /* largest APPEND taken */
};

/* " M" per message begun, "5" with flag bits 5, " U'...'" per URL; a message alone is not noted. */
static void
note_steps(struct run *r, const struct imap_append *append)
{
	for (size_t i = 0; i < append->n; i++) {
		const struct imap_append_step *step = &append->steps[i];
		if (step->kind == IMAP_STEP_URL) {
			buf_printf(&r->out, " U'%.*s'", STR_ARG(step->url));
		} else if (append->messages > 1 || step->catenate) {
			buf_printf(&r->out, " M%u", step->flags.bits);
		}
	}
}

static void
note_action(struct run *r, const struct imap_action *act)
{
	static const char *const names[] = { "COMMAND", "CONTINUE", "APPEND", "BODY", "END",
		"REFUSE", "BYE" };
	if (act->kind == IMAP_DO_BODY) {
		if (!r->in_body) {
			buf_cstr(&r->out, "BODY:");
		}
		r->in_body = true;
		buf_str(&r->out, act->body);
		return;
	}
	if (r->in_body) {
		buf_ch(&r->out, '|');
		r->in_body = false;
	}
	buf_printf(&r->out, "%s:", names[act->kind]);
	switch (act->kind) {
	case IMAP_DO_COMMAND: buf_str(&r->out, act->raw); break;
	case IMAP_DO_APPEND:
		buf_printf(&r->out, "%.*s %.*s %u %d%d%d", STR_ARG(act->tag),
		    STR_ARG(act->append->mailbox), (unsigned)act->append->size, act->append->sync,
		    act->append->literal8, act->append->where == IMAP_APPEND_UTF8);
		note_steps(r, act->append);
		break;
	case IMAP_DO_APPEND_END:
		buf_printf(&r->out, "%.*s %s", STR_ARG(act->tag), err_name(act->err));
		note_steps(r, act->append);
		break;
	case IMAP_DO_REFUSE:
		buf_printf(&r->out, "%.*s %s", STR_ARG(act->tag), err_name(act->err));
		break;
	default: break;
	}
	buf_ch(&r->out, '|');
}

static void
take_actions(struct run *r)
{
	struct imap_action act;
	while (imap_reader_next(&r->reader, &act)) {
		note_action(r, &act);
		if (act.kind == IMAP_DO_APPEND) {
			imap_reader_append(&r->reader, act.append->size <= r->accepts);
		} else if (act.kind != IMAP_DO_BODY && act.kind != IMAP_DO_CONTINUE) {
			imap_reader_reset(&r->reader);
		}
	}
}

static void
feed(struct run *r, str in)
{
	while (in.n > 0) {
		size_t used;
		imap_reader_feed(&r->reader, in, &used);
		take_actions(r);
		if (used == 0) {
			return; /* after BYE */
		}
		in = str_from_off(in, used);
	}
}

static void
begin(struct run *r)
{
	*r = (struct run){ .accepts = 20 };
	r->arena = arena_new(NULL, "command", IMAP_COMMAND_BUDGET, 0);
	imap_reader_init(&r->reader, r->arena);
	buf_init(&r->out, 1u << 20);
}

static void
finish(struct run *r)
{
	imap_reader_done(&r->reader);
	arena_free(&r->arena);
	buf_done(&r->out);
}

static const struct {
	const char *in, *want;
} cases[] = {
	{ "a NOOP\r\n", "COMMAND:a NOOP|" },
	{ "a NOOP\r\nb NOOP\r\n", "COMMAND:a NOOP|COMMAND:b NOOP|" },
	{ "\r\n", "COMMAND:|" },
	/* behind a bare LF nothing is a command */
	{ "a NOOP\n", "" },
	{ "a NOOP\nb DELETE x\r\nc NOOP\r\n", "REFUSE:a SYNTAX|COMMAND:c NOOP|" },
	{ "a NOOP\nb X {5+}\r\nhello\r\nc NOOP\r\n", "REFUSE:a SYNTAX|COMMAND:c NOOP|" },
	{ "a APPEND x {1+}\r\ny\nb NOOP\r\nc NOOP\r\n",
	    "APPEND:a x 1 000|BODY:y|END:a SYNTAX|COMMAND:c NOOP|" },
	{ "a NOOP\rb\r\n", "COMMAND:a NOOP\rb|" },
	{ "A001 LOGIN {11}\r\nFRED FOOBAR {7}\r\nfat man\r\n",
	    "CONTINUE:|CONTINUE:|COMMAND:A001 LOGIN {11}\r\nFRED FOOBAR {7}\r\nfat man|" },
	{ "a SELECT {5+}\r\nINBOX\r\nb NOOP\r\n",
	    "COMMAND:a SELECT {5+}\r\nINBOX|COMMAND:b NOOP|" },
	{ "a SELECT {0+}\r\n\r\n", "COMMAND:a SELECT {0+}\r\n|" },
	{ "a SELECT {0}\r\n\r\n", "CONTINUE:|COMMAND:a SELECT {0}\r\n|" },
	{ "a SELECT {4+}\r\n\r\n\r\n\r\n", "COMMAND:a SELECT {4+}\r\n\r\n\r\n|" },
	{ "a X ~{3+}\r\nabc\r\n", "COMMAND:a X ~{3+}\r\nabc|" },
	{ "a X {}\r\n", "COMMAND:a X {}|" },
	{ "a X {a}\r\n", "COMMAND:a X {a}|" },
	{ "{3}\r\n", "CONTINUE:|" },
	{ "a X {65537}\r\nb NOOP\r\n", "REFUSE:a TOOBIG|COMMAND:b NOOP|" },
	{ "a X {99999999999999999999999}\r\nb NOOP\r\n", "REFUSE:a TOOBIG|COMMAND:b NOOP|" },
	{ "a X {99999999+}\r\nb NOOP\r\n", "BYE:|" },
	{ "a APPEND x {5}\r\nHello\r\n", "APPEND:a x 5 100|BODY:Hello|END:a OK|" },
	{ "a APPEND x {0}\r\n\r\nb NOOP\r\n", "APPEND:a x 0 100|END:a OK|COMMAND:b NOOP|" },
	{ "a append {1}\r\nx (\\Seen) {5+}\r\nHello\r\nb NOOP\r\n",
	    "CONTINUE:|APPEND:a x 5 000|BODY:Hello|END:a OK|COMMAND:b NOOP|" },
	{ "a APPEND x UTF8 (~{5+}\r\nHello)\r\n", "APPEND:a x 5 011|BODY:Hello|END:a OK|" },
	{ "a APPEND x UTF8 (~{5+}\r\nHello\r\nb NOOP\r\n",
	    "APPEND:a x 5 011|BODY:Hello|END:a SYNTAX|COMMAND:b NOOP|" },
	{ "a APPEND x UTF8 ({5}\r\nb NOOP\r\n", "REFUSE:a SYNTAX|COMMAND:b NOOP|" },
	{ "a APPEND x ~{5+}\r\nHello\r\n", "APPEND:a x 5 010|BODY:Hello|END:a OK|" },
	/* refused by the executor: a waiting client starts anew, a streaming one is read past */
	{ "a APPEND x {21}\r\nb NOOP\r\n", "APPEND:a x 21 100|COMMAND:b NOOP|" },
	{ "a APPEND x {21+}\r\n123456789012345678901\r\nb NOOP\r\n",
	    "APPEND:a x 21 000|COMMAND:b NOOP|" },
	{ "a APPEND x {21+}\r\n123456789012345678901 {7+}\r\nd NOOP\n\r\nb NOOP\r\n",
	    "APPEND:a x 21 000|COMMAND:b NOOP|" },
	{ "a APPEND x {99999999999+}\r\nb NOOP\r\n", "APPEND:a x 1215752191 000|BYE:|" },
	/* several messages in one command (RFC 3502), never read as commands */
	{ "a APPEND x {3+}\r\nabc (\\Seen) {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n",
	    "APPEND:a x 3 000|BODY:abc|APPEND:a x 8 000 M8|BODY:b NOOP\r\n|END:a OK|"
	    "COMMAND:c NOOP|" },
	{ "a APPEND x {3}\r\nabc (\\Seen) {8}\r\nb NOOP\r\n\r\nc NOOP\r\n",
	    "APPEND:a x 3 100|BODY:abc|APPEND:a x 8 100 M8|BODY:b NOOP\r\n|END:a OK|"
	    "COMMAND:c NOOP|" },
	{ "a APPEND x {3+}\r\nabc {3+}\r\ndef ~{0+}\r\n\r\nc NOOP\r\n",
	    "APPEND:a x 3 000|BODY:abc|APPEND:a x 3 000 M0|BODY:def|APPEND:a x 0 010 M0|END:a "
	    "OK|COMMAND:c NOOP|" },
	{ "a APPEND x UTF8 (~{3+}\r\nabc) \"17-Jul-1996 02:44:25 -0700\" {1+}\r\nd\r\n",
	    "APPEND:a x 3 011|BODY:abc|APPEND:a x 1 000 M0|BODY:d|END:a OK|" },
	/* the executor refuses the second: the whole command passes in silence */
	{ "a APPEND x {3+}\r\nabc {21+}\r\n123456789012345678901 {4+}\r\nd X\n\r\n"
	  "b NOOP\r\n",
	    "APPEND:a x 3 000|BODY:abc|APPEND:a x 21 000 M0|COMMAND:b NOOP|" },
	{ "a APPEND x {3+}\r\nabc {21}\r\nb NOOP\r\n",
	    "APPEND:a x 3 000|BODY:abc|APPEND:a x 21 100 M0|COMMAND:b NOOP|" },
	/* wrong in the middle */
	{ "a APPEND x {3+}\r\nabc bad {8+}\r\nb NOOP\r\n {3+}\r\nxyz\r\nc NOOP\r\n",
	    "APPEND:a x 3 000|BODY:abc|END:a SYNTAX|COMMAND:c NOOP|" },
	{ "a APPEND x {3+}\r\nabc bad {8}\r\nc NOOP\r\n",
	    "APPEND:a x 3 000|BODY:abc|END:a SYNTAX|COMMAND:c NOOP|" },
	{ "a APPEND x {3+}\r\nabc{3+}\r\nabc\r\nc NOOP\r\n",
	    "APPEND:a x 3 000|BODY:abc|END:a SYNTAX|COMMAND:c NOOP|" },
	{ "a APPEND x {3+}\r\nabc \r\nc NOOP\r\n",
	    "APPEND:a x 3 000|BODY:abc|END:a SYNTAX|COMMAND:c NOOP|" },
	/* CATENATE (RFC 4469 5) */
	{ "a APPEND x CATENATE (URL /y TEXT {3+}\r\nabc URL {2+}\r\n/z TEXT {1+}\r\nd)\r\n",
	    "APPEND:a x 3 000 M0 U'/y'|BODY:abc|APPEND:a x 1 000 U'/z'|BODY:d|END:a OK|" },
	{ "a APPEND x CATENATE (TEXT {3}\r\nabc URL {2}\r\n/z)\r\nb NOOP\r\n",
	    "APPEND:a x 3 100 M0|BODY:abc|CONTINUE:|END:a OK U'/z'|COMMAND:b NOOP|" },
	{ "a APPEND x (\\Seen) CATENATE (URL /y) (\\Draft) CATENATE (URL /z)\r\n",
	    "COMMAND:a APPEND x (\\Seen) CATENATE (URL /y) (\\Draft) CATENATE (URL /z)|" },
	{ "a APPEND x CATENATE (URL /y) {1+}\r\na CATENATE (TEXT {1+}\r\nb) {1+}\r\nc\r\n",
	    "APPEND:a x 1 000 M0 U'/y' M0|BODY:a|APPEND:a x 1 000 M0|BODY:b|APPEND:a x 1 000 "
	    "M0|BODY:c|END:a OK|" },
	{ "a APPEND x CATENATE (TEXT {1+}\r\nb\r\nc NOOP\r\n",
	    "APPEND:a x 1 000 M0|BODY:b|END:a SYNTAX|COMMAND:c NOOP|" },
	{ "a APPEND x CATENATE ({1+}\r\nb)\r\nc NOOP\r\n", "REFUSE:a SYNTAX|COMMAND:c NOOP|" },
	{ "a APPEND x CATENATE (URL /y {1+}\r\nb)\r\nc NOOP\r\n",
	    "REFUSE:a SYNTAX|COMMAND:c NOOP|" },
	/* REPLACE (RFC 8508): one message */
	{ "a REPLACE 4 x {3+}\r\nabc\r\n", "APPEND:a x 3 000|BODY:abc|END:a OK|" },
	{ "a UID REPLACE 4 {1+}\r\nx {3+}\r\nabc\r\n", "APPEND:a x 3 000|BODY:abc|END:a OK|" },
	{ "a REPLACE 4 x {3+}\r\nabc {1+}\r\nd\r\nc NOOP\r\n",
	    "APPEND:a x 3 000|BODY:abc|END:a SYNTAX|COMMAND:c NOOP|" },
	{ "a REPLACE 0 x {3+}\r\nabc\r\n", "REFUSE:a SYNTAX|" },
	{ "a APPEND x {3+}\r\nabc garbage\r\nc NOOP\r\n",
	    "APPEND:a x 3 000|BODY:abc|END:a SYNTAX|COMMAND:c NOOP|" },
	{ "a APPEND x bad {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n", "REFUSE:a SYNTAX|COMMAND:c NOOP|" },
	{ "a APPEND x bad {8}\r\nc NOOP\r\n", "REFUSE:a SYNTAX|COMMAND:c NOOP|" },
	{ "a APPEND &- {3}\r\nabc\r\n", "APPEND:a & 3 100|BODY:abc|END:a OK|" },
	{ "a APPEND & {3}\r\nc NOOP\r\n", "REFUSE:a CHARSET|COMMAND:c NOOP|" },
};

static void
one_way(size_t i, size_t cut, size_t step)
{
	struct run r;
	begin(&r);
	str in = str_from(cases[i].in);
	feed(&r, str_sub(in, 0, cut));
	for (size_t at = cut; at < in.n; at += step) {
		feed(&r, str_sub(in, at, step));
	}
	CHECK_STR(buf_view(&r.out), str_from(cases[i].want));
	finish(&r);
}

static void
every_split(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].in;
		size_t n = strlen(cases[i].in);
		one_way(i, 0, 1);
		for (size_t cut = 0; cut <= n; cut++) {
			one_way(i, cut, n + 1);
		}
	}
}

static void
fill(struct buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_ch(b, 'x');
	}
}

/* A line over the limit is dropped with the literals it announces; the next command is served. */
static void
long_lines(void)
{
	struct buf b;
	buf_init(&b, 1u << 20);
	buf_cstr(&b, "tag NOOP ");
	fill(&b, IMAP_LINE_MAX - 9 - 2);
	buf_cstr(&b, "\r\ntag2 NOOP ");
	size_t fits = b.n;
	fill(&b, IMAP_LINE_MAX);
	buf_cstr(&b, " {9+}\r\na NOOP\r\nb\r\nc NOOP\r\n");
	static const size_t steps[] = { 1u << 20, 65536, 65535, 4096, 1000, 7 };
	for (size_t i = 0; i < LEN(steps); i++) {
		struct run r;
		begin(&r);
		for (size_t at = 0; at < b.n; at += steps[i]) {
			feed(&r, str_sub(buf_view(&b), at, steps[i]));
		}
		CHECK_STR(str_from_off(buf_view(&r.out), fits - 3),
		    S("REFUSE:tag2 TOOBIG|COMMAND:c NOOP|"));
		finish(&r);
	}
	buf_done(&b);
}

/* Literals that are small alone but not together. */
static void
many_literals(void)
{
	struct run r;
	begin(&r);
	struct buf b;
	buf_init(&b, IMAP_LITERAL_MAX + 100);
	feed(&r, S("a SEARCH"));
	for (size_t i = 0; i < IMAP_COMMAND_MAX / IMAP_LITERAL_MAX; i++) {
		buf_reset(&b);
		buf_printf(&b, " TEXT {%d+}\r\n", IMAP_LITERAL_MAX);
		fill(&b, IMAP_LITERAL_MAX);
		feed(&r, buf_view(&b));
	}
	feed(&r, S("\r\nb NOOP\r\n"));
	CHECK_STR(buf_view(&r.out), S("REFUSE:a TOOBIG|COMMAND:b NOOP|"));
	CHECK(r.reader.raw.cap <= 65536);
	buf_done(&b);
	finish(&r);
}

static void
too_many_literals(void)
{
	struct run r;
	begin(&r);
	feed(&r, S("a SEARCH"));
	for (size_t i = 0; i <= IMAP_LITERALS_MAX; i++) {
		feed(&r, S(" {1+}\r\nx"));
	}
	feed(&r, S("\r\nb NOOP\r\n"));
	CHECK_STR(buf_view(&r.out), S("REFUSE:a TOOMANY|COMMAND:b NOOP|"));
	finish(&r);
}

/* A message that was refused while it is on its way passes, however large it may reasonably be. */
static void
refused_message_passes(void)
{
	static char piece[10000];
	struct run r;
	begin(&r);
	memset(piece, 'x', sizeof piece);
	feed(&r, S("a APPEND x {20000000+}\r\n"));
	for (unsigned i = 0; i < 2000; i++) {
		feed(&r, str_make(piece, sizeof piece));
	}
	feed(&r, S("\r\nb NOOP\r\n"));
	CHECK_STR(buf_view(&r.out), S("APPEND:a x 20000000 000|COMMAND:b NOOP|"));
	finish(&r);
}

/* LITERAL-: only small literals may come unasked (RFC 7888 5). */
static void
literal_minus(void)
{
	static const char piece[5000] = { 'x' };
	struct run r;
	begin(&r);
	r.reader.minus = true;
	r.accepts = 10000;
	feed(&r, S("a APPEND x {4096+}\r\n"));
	feed(&r, str_make(piece, 4096));
	feed(&r, S("\r\nb APPEND x {4097}\r\n"));
	feed(&r, str_make(piece, 4097));
	feed(&r, S("\r\nc APPEND x {4097+}\r\n"));
	feed(&r, str_make(piece, 4097));
	feed(&r, S("\r\nd APPEND x {1+}\r\ny {4097+}\r\n"));
	feed(&r, str_make(piece, 4097));
	feed(&r, S("\r\ne NOOP\r\n"));
	str got = buf_view(&r.out);
	CHECK(str_starts(got, S("APPEND:a x 4096 000|BODY:x")));
	CHECK(str_find(got, S("|END:a OK|APPEND:b x 4097 100|BODY:x")) > 0);
	CHECK(str_ends(got,
	    S("|END:b OK|REFUSE:c TOOBIG|APPEND:d x 1 000|BODY:y|END:d TOOBIG|"
	      "COMMAND:e NOOP|")));
	finish(&r);
}

/* The messages of one command are counted, however they come. */
static void
too_many_messages(void)
{
	struct run r;
	begin(&r);
	feed(&r, S("a APPEND x"));
	for (size_t i = 0; i <= IMAP_APPEND_MESSAGES_MAX; i++) {
		feed(&r, S(" {1+}\r\ny"));
	}
	feed(&r, S("\r\nb NOOP\r\n"));
	CHECK(str_ends(buf_view(&r.out), S("|BODY:y|END:a TOOMANY|COMMAND:b NOOP|")));
	finish(&r);
}

TEST_MAIN(every_split, literal_minus, too_many_messages, long_lines, many_literals,
    too_many_literals, refused_message_passes)
