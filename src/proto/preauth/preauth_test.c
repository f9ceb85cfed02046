/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations as a table, each run whole, octet by octet and at every split point; the state x
 * verb matrix over commands.def; limits; the octets behind STARTTLS; failing memory.
 */
#include "base/codec.h"
#include "base/mem.h"
#include "base/test.h"
#include "proto/preauth/preauth_priv.h"

/* The first only with channel binding. */
static const str mechanisms[] = { S_INIT("SCRAM-SHA-256-PLUS"), S_INIT("SCRAM-SHA-256"),
	S_INIT("PLAIN") };

static struct preauth_conf
conf_of(enum preauth_protocol protocol, enum preauth_phase phase, bool binding)
{
	return (struct preauth_conf){ .protocol = protocol,
		.phase = phase,
		.hostname = S("h"),
		.mechanisms = mechanisms + !binding,
		.mechanisms_n = LEN(mechanisms) - !binding };
}

/*
 * One run. `answers` is what auth says, a letter each: c challenge "chal", e empty challenge, o OK,
 * f OK with last word "fin", a wrong, l wrong but told later, d disabled, u unavailable. Everything
 * the engine puts out and asks for goes to `log`.
 */
struct run {
	struct preauth x;
	const char *answers;
	struct buf log;
	bool attach_fails;
};

static void
answer_sasl(struct run *r)
{
	char c = *r->answers == '\0' ? 'u' : *r->answers++;
	str final = S("fin");
	switch (c) {
	case 'c': preauth_answer_challenge(&r->x, S("chal")); break;
	case 'e': preauth_answer_challenge(&r->x, S("")); break;
	case 'o':
	case 'f': preauth_answer_done(&r->x, ERR_OK, c == 'f' ? &final : NULL, 0); break;
	default:
		preauth_answer_done(&r->x,
		    c == 'a' || c == 'l' ? ERR_AUTH
			: c == 'd'       ? ERR_DISABLED
					 : ERR_UNAVAILABLE,
		    NULL, c == 'l' ? 500 : 0);
		break;
	}
}

static void
log_out(struct run *r)
{
	buf_str(&r->log, buf_view(preauth_out(&r->x)));
	buf_reset(preauth_out(&r->x));
}

static void
log_sasl(struct run *r, const char *what, const struct preauth_action *a)
{
	buf_printf(&r->log, "<%s %.*s ", what, STR_ARG(a->mechanism));
	for (size_t i = 0; i < a->data.n; i++) {
		buf_ch(&r->log, a->data.p[i] == '\0' ? '|' : a->data.p[i]);
	}
	buf_cstr(&r->log, a->has_data ? ">" : "->");
}

static void
act(struct run *r, const struct preauth_action *a)
{
	switch (a->kind) {
	case PREAUTH_ACT_STARTTLS: buf_cstr(&r->log, "<TLS>"); break;
	case PREAUTH_ACT_SASL_START:
	case PREAUTH_ACT_SASL_STEP:
		log_sasl(r, a->kind == PREAUTH_ACT_SASL_START ? "START" : "STEP", a);
		answer_sasl(r);
		break;
	case PREAUTH_ACT_SASL_ABORT: buf_cstr(&r->log, "<ABORT>"); break;
	case PREAUTH_ACT_DELAY:
		buf_printf(&r->log, "<DELAY %d>", (int)a->until_ms);
		preauth_step(&r->x, a->until_ms - 1);
		CHECK(preauth_out(&r->x)->n == 0);
		preauth_step(&r->x, a->until_ms);
		break;
	case PREAUTH_ACT_ATTACH:
		buf_printf(&r->log, "<ATTACH %.*s>", STR_ARG(a->data));
		preauth_answer_attach(&r->x, r->attach_fails ? ERR_BUSY : ERR_OK);
		break;
	case PREAUTH_ACT_CLOSE:
		buf_printf(&r->log, "<CLOSE %s>", preauth_close_name(a->why));
		break;
	}
}

/* Feed as far as it goes; the octets not taken. */
static str
pump(struct run *r, str in)
{
	for (;;) {
		size_t used = 0;
		struct preauth_action a;
		preauth_feed(&r->x, in, 0, &used);
		in = str_from_off(in, used);
		log_out(r);
		bool acted = preauth_next(&r->x, &a);
		if (acted) {
			act(r, &a);
			log_out(r);
		}
		if (!acted && used == 0) {
			return in;
		}
	}
}

struct vector {
	const char *name;
	enum preauth_protocol protocol;
	enum preauth_phase phase;
	bool greeted, binding;
	const char *answers, *in, *want;
};

enum { G = 1, B = 2 };

static const struct vector vectors[] = {
#define V(name, protocol, phase, flags, answers, in, want)                                        \
	{ name, PREAUTH_##protocol, PREAUTH_##phase, ((flags)&G) != 0, ((flags)&B) != 0, answers, \
		in, want },
#include "proto/preauth/preauth_vectors.def"
#undef V
};

static struct preauth_conf run_conf;

static void
run_begin(struct run *r, const struct vector *v)
{
	run_conf = conf_of(v->protocol, v->phase, v->binding);
	*r = (struct run){ .answers = v->answers };
	buf_init(&r->log, 1 << 20);
	preauth_init(&r->x, &run_conf, v->greeted);
	log_out(r);
}

static void
run_end(struct run *r)
{
	preauth_done(&r->x);
	buf_done(&r->log);
}

/* Split before octet `at`, and when `step` is not 0 every `step` octets after it. */
static void
run_split(const struct vector *v, size_t at, size_t step)
{
	struct run r;
	run_begin(&r, v);
	str in = str_from(v->in), left = str_sub(in, 0, at);
	for (size_t pos = at;;) {
		left = pump(&r, left);
		if (pos >= in.n) {
			break;
		}
		size_t n = step == 0 ? in.n - pos : MIN(step, in.n - pos);
		left = (str){ left.n == 0 ? in.p + pos : left.p, left.n + n };
		pos += n;
	}
	test_case = v->name;
	CHECK_STR(buf_view(&r.log), str_from(v->want));
	run_end(&r);
}

static void
conversations_at_every_split(void)
{
	for (size_t i = 0; i < LEN(vectors); i++) {
		size_t n = strlen(vectors[i].in);
		for (size_t at = 0; at <= n; at++) {
			run_split(&vectors[i], at, 0);
		}
		run_split(&vectors[i], 0, 1);
		run_split(&vectors[i], 0, 3);
	}
}

/* Run `in` at once and compare. */
static void
expect(enum preauth_protocol protocol, enum preauth_phase phase, const char *answers, str in,
    const char *want)
{
	struct vector v = { "", protocol, phase, true, true, answers, "", "" };
	struct run r;
	run_begin(&r, &v);
	buf_reset(&r.log);
	pump(&r, in);
	CHECK_STR(buf_view(&r.log), str_from(want));
	run_end(&r);
}

static void
octets_behind_starttls_end_it(void)
{
	expect(PREAUTH_SMTP, PREAUTH_PRETLS, "", S("STARTTLS\r\nEHLO evil\r\n"),
	    "<CLOSE injection>");
	expect(PREAUTH_SMTP, PREAUTH_PRETLS, "", S("NOOP\r\nSTARTTLS\r\nX"), "<CLOSE injection>");
	expect(PREAUTH_IMAP, PREAUTH_PRETLS, "", S("a STARTTLS\r\nb LOGIN x y\r\n"),
	    "<CLOSE injection>");
	expect(PREAUTH_POP3, PREAUTH_PRETLS, "", S("STLS\r\nUSER x\r\n"), "<CLOSE injection>");
	expect(PREAUTH_SIEVE, PREAUTH_PRETLS, "", S("STARTTLS\r\n\n"), "<CLOSE injection>");
	expect(PREAUTH_SMTP, PREAUTH_PRETLS, "", S("STARTTLS\r\n"),
	    "220 2.0.0 Ready to start TLS\r\n<TLS>");
}

/* NUL cannot stand in the table's C strings. */
static void
nul_is_refused(void)
{
	expect(PREAUTH_SMTP, PREAUTH_PRETLS, "", S("NO\0OP\r\n"),
	    "500 5.5.2 Lines must end in CR LF\r\n");
	expect(PREAUTH_IMAP, PREAUTH_LOGIN, "", S("a LOGIN {2+}\r\n\0b c\r\n"),
	    "a BAD Syntax error in arguments\r\n");
	expect(PREAUTH_POP3, PREAUTH_LOGIN, "", S("USER a\0b\r\n"),
	    "-ERR Lines must end in CR LF\r\n");
}

static void
repeat(struct buf *b, const char *what, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		buf_cstr(b, what);
	}
}

struct flood {
	enum preauth_protocol protocol;
	enum preauth_phase phase;
	const char *answers, *what;
	unsigned in_n;
	const char *reply;
	unsigned out_n;
	const char *last;
};

static const struct flood floods[] = {
	{ PREAUTH_SMTP, PREAUTH_PRETLS, "", "NOOP\r\n", 51, "250 2.0.0 OK\r\n", 50,
	    "421 4.7.0 Too many commands\r\n<CLOSE commands>" },
	{ PREAUTH_SMTP, PREAUTH_PRETLS, "", "HELO x\r\n", 11,
	    "530 5.7.0 Must issue a STARTTLS command first\r\n", 9,
	    "421 4.7.0 Too many errors\r\n<CLOSE errors>" },
	{ PREAUTH_IMAP, PREAUTH_LOGIN, "", "a X\r\n", 11,
	    "a BAD Unknown command, or not before log-in\r\n", 10,
	    "* BYE Too many errors\r\n<CLOSE errors>" },
	{ PREAUTH_POP3, PREAUTH_LOGIN, "", "\r\r\n", 30, "-ERR Lines must end in CR LF\r\n", 9,
	    "-ERR Too many errors\r\n<CLOSE errors>" },
	{ PREAUTH_IMAP, PREAUTH_LOGIN, "aaaa", "a LOGIN u p\r\n", 4,
	    "<START PLAIN |u|p>a NO [AUTHENTICATIONFAILED] Authentication failed\r\n", 3,
	    "* BYE Too many failed log-ins\r\n<CLOSE failures>" },
};

static void
counts_end_the_connection(void)
{
	for (size_t i = 0; i < LEN(floods); i++) {
		const struct flood *f = &floods[i];
		struct buf in, want;
		buf_init(&in, 1 << 16);
		buf_init(&want, 1 << 16);
		repeat(&in, f->what, f->in_n);
		repeat(&want, f->reply, f->out_n);
		buf_cstr(&want, f->last);
		buf_ch(&want, '\0');
		expect(f->protocol, f->phase, f->answers, buf_view(&in), want.p);
		buf_done(&in);
		buf_done(&want);
	}
}

/* A line of `n` octets with CR LF: `head`, then x's. */
static void
expect_line(enum preauth_protocol protocol, const char *head, size_t n, const char *want)
{
	struct buf in;
	buf_init(&in, 1 << 16);
	buf_cstr(&in, head);
	while (in.n < n - 2) {
		buf_ch(&in, 'x');
	}
	buf_cstr(&in, "\r\n");
	CHECK_U64(in.n, n);
	expect(protocol, PREAUTH_PRETLS, "", buf_view(&in), want);
	buf_done(&in);
}

static void
lines_are_bounded(void)
{
	expect_line(PREAUTH_SMTP, "NOOP ", PREAUTH_SMTP_LINE_MAX, "250 2.0.0 OK\r\n");
	expect_line(PREAUTH_SMTP, "NOOP ", PREAUTH_SMTP_LINE_MAX + 1,
	    "500 5.5.2 Line too long\r\n");
	expect_line(PREAUTH_POP3, "NOOP ", PREAUTH_POP3_LINE_MAX,
	    "-ERR Syntax error in arguments\r\n");
	expect_line(PREAUTH_POP3, "NOOP ", PREAUTH_POP3_LINE_MAX + 1, "-ERR Line too long\r\n");
	expect_line(PREAUTH_IMAP, "a NOOP ", PREAUTH_IMAP_LINE_MAX,
	    "a BAD Syntax error in arguments\r\n");
	expect_line(PREAUTH_IMAP, "a NOOP ", PREAUTH_IMAP_LINE_MAX + 1,
	    "* BYE Too much data\r\n<CLOSE toobig>");
	expect_line(PREAUTH_SIEVE, "LOGOUT ", PREAUTH_SIEVE_LINE_MAX + 1,
	    "BYE \"Too much data\"\r\n<CLOSE toobig>");
}

/* PLAIN before TLS never; a SASL line beyond its limit ends the exchange, not the connection. */
static void
sasl_lines_are_bounded(void)
{
	struct buf in, want;
	buf_init(&in, 1 << 16);
	buf_init(&want, 1 << 16);
	buf_cstr(&in, "a AUTHENTICATE PLAIN\r\n");
	repeat(&in, "AAAA", PREAUTH_SASL_LINE_MAX / 4);
	buf_cstr(&in, "\r\nb NOOP\r\n");
	buf_cstr(&want,
	    "<START PLAIN ->+ \r\na BAD Response is not base64\r\n<ABORT>b OK Done\r\n");
	buf_ch(&want, '\0');
	expect(PREAUTH_IMAP, PREAUTH_LOGIN, "e", buf_view(&in), want.p);
	buf_done(&in);
	buf_done(&want);
}

static void
attach_failure_goes_on(void)
{
	struct vector v = { "", PREAUTH_IMAP, PREAUTH_LOGIN, true, false, "o", "", "" };
	struct run r;
	run_begin(&r, &v);
	r.attach_fails = true;
	pump(&r, S("a LOGIN u p\r\nb NOOP\r\n"));
	CHECK_STR(buf_view(&r.log),
	    S("<START PLAIN |u|p><ATTACH a>a NO [UNAVAILABLE] Log-in is not possible at the "
	      "moment\r\nb OK Done\r\n"));
	run_end(&r);
}

static void
pipelined_octets_stay_with_the_caller(void)
{
	struct vector v = { "", PREAUTH_IMAP, PREAUTH_LOGIN, true, false, "o", "", "" };
	struct run r;
	run_begin(&r, &v);
	str left = pump(&r, S("a LOGIN u p\r\nb SELECT INBOX\r\n"));
	CHECK_STR(left, S("b SELECT INBOX\r\n"));
	run_end(&r);
}

static void
farewells(void)
{
	CHECK_STR(preauth_farewell(PREAUTH_SMTP, PREAUTH_CLOSE_BUSY),
	    S("421 4.7.0 Too many connections\r\n"));
	CHECK_STR(preauth_farewell(PREAUTH_IMAP, PREAUTH_CLOSE_TIMEOUT),
	    S("* BYE Idle for too long\r\n"));
	CHECK_STR(preauth_farewell(PREAUTH_IMAP, PREAUTH_CLOSE_QUIT), STR_NONE);
	struct vector v = { "", PREAUTH_POP3, PREAUTH_LOGIN, true, false, "", "", "" };
	struct run r;
	run_begin(&r, &v);
	preauth_end(&r.x, PREAUTH_CLOSE_SHUTDOWN);
	preauth_end(&r.x, PREAUTH_CLOSE_TIMEOUT);
	CHECK(!preauth_listening(&r.x));
	pump(&r, S("NOOP\r\n"));
	CHECK_STR(buf_view(&r.log),
	    S("-ERR [SYS/TEMP] Service is shutting down\r\n<CLOSE shutdown>"));
	run_end(&r);
}

/* What a verb without (useful) arguments must get in a phase. */
static str
matrix_want(const struct preauth_command *c, enum preauth_phase phase)
{
	if ((c->phases & phase) != 0) {
		return STR_NONE; /* served: anything but the refusals */
	}
	if (phase == PREAUTH_LOGIN) {
		return preauth_reply_text(c->protocol, PREAUTH_RE_HAVE_TLS);
	}
	bool secret = (c->flags & PREAUTH_F_SECRET) != 0;
	return preauth_reply_text(c->protocol,
	    secret ? PREAUTH_RE_NEED_TLS : PREAUTH_RE_UNKNOWN_PRETLS);
}

static void
matrix_cell(const struct preauth_command *c, enum preauth_phase phase)
{
	char text[64];
	bool imap = c->protocol == PREAUTH_IMAP;
	int n = snprintf(text, sizeof text, "%s%.*s\r\n", imap ? "t " : "", STR_ARG(c->verb));
	struct vector v = { "", c->protocol, phase, true, true, "u", "", "" };
	struct run r;
	run_begin(&r, &v);
	buf_reset(&r.log);
	pump(&r, str_make(text, (size_t)n));
	test_case = text;
	str got = buf_view(&r.log), want = matrix_want(c, phase);
	got = imap && str_starts(got, S("t ")) ? str_from_off(got, 2) : got;
	if (want.n != 0) {
		CHECK_STR(got, want);
		CHECK_U64(r.x.errors, 1);
	} else {
		CHECK(!str_eq(got, preauth_reply_text(c->protocol, PREAUTH_RE_UNKNOWN)));
		CHECK(!str_eq(got, preauth_reply_text(c->protocol, PREAUTH_RE_UNKNOWN_PRETLS)));
		CHECK(got.n > 0);
	}
	run_end(&r);
}

/* In states that wait for somebody else no verb is even read. */
static void
matrix_deaf(const struct preauth_command *c, enum preauth_state state)
{
	struct vector v = { "", c->protocol, PREAUTH_LOGIN, true, true, "", "", "" };
	struct run r;
	run_begin(&r, &v);
	r.x.state = state;
	size_t used = 1;
	preauth_feed(&r.x, c->verb, 0, &used);
	CHECK_U64(used, 0);
	run_end(&r);
}

/* Where a SASL response is due a verb is a response, never a command. */
static void
matrix_response(const struct preauth_command *c)
{
	struct vector v = { "", c->protocol, PREAUTH_LOGIN, true, true, "e", "", "" };
	struct run r;
	run_begin(&r, &v);
	r.x.state = PREAUTH_ST_RESPONSE;
	uint8_t before = r.x.commands;
	pump(&r, c->verb);
	pump(&r, S("\r\n"));
	CHECK_U64(r.x.commands, before);
	run_end(&r);
}

static void
state_by_verb_matrix(void)
{
	static const enum preauth_state deaf[] = { PREAUTH_ST_ASKED, PREAUTH_ST_DELAY,
		PREAUTH_ST_TLS, PREAUTH_ST_ATTACH, PREAUTH_ST_CLOSED };
	for (size_t i = 0; i < preauth_commands_n; i++) {
		const struct preauth_command *c = &preauth_commands[i];
		matrix_cell(c, PREAUTH_PRETLS);
		if (c->protocol != PREAUTH_SMTP) {
			matrix_cell(c, PREAUTH_LOGIN);
			matrix_response(c);
		}
		for (size_t k = 0; k < LEN(deaf); k++) {
			matrix_deaf(c, deaf[k]);
		}
	}
}

/* Every allocation fails once: no crash, and the connection ends or the answer is complete. */
static void
memory_runs_out(void)
{
	for (uint64_t n = 1; n < 12; n++) {
		struct vector v = { "", PREAUTH_IMAP, PREAUTH_LOGIN, false, true, "cf", "", "" };
		struct run r;
		run_conf = conf_of(v.protocol, v.phase, true);
		r = (struct run){ .answers = v.answers };
		buf_init(&r.log, 1 << 16);
		CHECK(buf_room(&r.log, 8192) != NULL);
		mem_fail_after(n);
		preauth_init(&r.x, &run_conf, false);
		pump(&r, S("a LOGIN {1+}\r\nu {1+}\r\np\r\nYQ==\r\n\r\n"));
		mem_fail_after(0);
		bool closed = str_find(buf_view(&r.log), S("<CLOSE memory>")) >= 0;
		CHECK(closed || str_ends(buf_view(&r.log), S("<ATTACH a>")));
		run_end(&r);
	}
}

TEST_MAIN(conversations_at_every_split, octets_behind_starttls_end_it, nul_is_refused,
    counts_end_the_connection, lines_are_bounded, sasl_lines_are_bounded, attach_failure_goes_on,
    pipelined_octets_stay_with_the_caller, farewells, state_by_verb_matrix, memory_runs_out)
