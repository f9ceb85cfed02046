/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage milter with a played filter: every kind of answer and what becomes of the letter, filters
 * that are not there, too slow, or confused.
 */
#include "svc/scan/helper_test.h"

#include "sys/sys.h"

#define MAIL "From: ann@example.com\r\nX-A: 1\r\nX-A: 2\r\nSubject: x\r\n\r\nbody\r\n"
/* Nothing but the end of the letter, or recipients and the end. */
#define OPT(steps) "\0\0\0\015O\0\0\0\006\0\0\0\061\0" steps
#define END OPT("\000\002\177")
#define FIELDS OPT("\000\002\137")
#define RCPTS OPT("\000\002\167")
#define GO "\0\0\0\001c"

static struct {
	str options, rcpt, end; /* answers; empty: none, ever */
	str rcpt_next;          /* from the second recipient on */
	unsigned letters, rcpts;
	char fields[2000]; /* data of header packets, NUL as "|" */
	size_t fields_n;
} play;
static struct helper filter;
static struct scan_world w;
static const struct svc_scan_stage *const stages[SVC_SCAN_STAGES] = {
	[SVC_SCAN_MILTER] = &svc_scan_milter_stage
};

static void
note_field(str data)
{
	for (size_t i = 0; i < data.n && play.fields_n < sizeof play.fields; i++) {
		play.fields[play.fields_n++] = data.p[i] == '\0' ? '|' : data.p[i];
	}
}

/* Packets one by one; macros and QUIT are not answered. */
static bool
on_data(struct helper_conn *c)
{
	for (;;) {
		str in = buf_view(&c->in);
		size_t n = in.n < 4 ? SIZE_MAX : (uint8_t)in.p[2] * 256U + (uint8_t)in.p[3] + 4;
		if (in.n < n) {
			return true;
		}
		char letter = in.p[4];
		if (letter == 'L') {
			note_field(str_sub(in, 5, n - 5));
		}
		buf_consume(&c->in, n);
		str say = letter == 'O' ? play.options
		    : letter == 'R'     ? play.rcpts++ == 0 ? play.rcpt : play.rcpt_next
		    : letter == 'E'     ? play.end
		    : letter == 'L'     ? S(GO)
					: STR_NONE;
		play.letters += letter == 'E' ? 1 : 0;
		if (say.n > 0) {
			helper_say(c, say);
		}
		if (letter == 'Q') {
			return false;
		}
	}
}

static void
begin_at(const char *rule, void (*init)(struct helper *, bool (*)(struct helper_conn *)))
{
	static str path;
	memset(&play, 0, sizeof play);
	play.options = S(END);
	play.end = S(GO);
	init(&filter, on_data);
	path = str_from(filter.path);
	svc_scan_world_outside(&w);
	w.conf.milter_sockets = (struct conf_list){ &path, 1 };
	w.conf.milter_absent = str_from(rule);
	w.conf.milter_deadline = 60000;
	svc_scan_world_start(&w, stages);
	helper_listen(&filter, w.sc.loop);
}

static void
begin(const char *rule)
{
	begin_at(rule, helper_init);
}

static void
end(void)
{
	helper_done(&filter); /* while its loop is there */
	svc_scan_world_close(&w);
}

/* A letter for two, of which the second is account 8. */
static void
send(uint64_t request, bool submission)
{
	static struct ipc_smtp_scan_target two[] = {
		{ .account = 7, .address = S_INIT("user@example.org") },
		{ .account = 8, .address = S_INIT("other@example.org") },
	};
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(request, S(MAIL));
	m.submission = submission;
	m.targets = two;
	m.targets_n = LEN(two);
	svc_scan_world_send(&w, &m);
}

static bool
has(const struct buf *b, const char *what)
{
	bool found = str_find(buf_view(b), str_from(what)) >= 0;
	if (!found) {
		CHECK_STR(buf_view(b), str_from(what));
	}
	return found;
}

struct row {
	const char *name;
	str options, rcpt, end;
	bool submission;
	const char *verdict, *header, *why; /* parts of them; NULL: not looked at */
};

static const struct row rows[] = {
	{ "taken", S_INIT(END), S_INIT(""), S_INIT(GO), false, "1 OK 1/0/ score", NULL, NULL },
	{ "refused", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\001r"), false, "1 OK 3/550/5.7.1",
	    NULL, "refused" },
	{ "refused in words", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\015y554 5.6.0 x\0"), false,
	    "1 OK 3/554/5.6.0", NULL, NULL },
	{ "put off", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\001t"), false, "1 OK 2/451/4.7.1",
	    NULL, NULL },
	{ "421 would close the connection", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\007y421 x\0"),
	    false, "1 OK 2/451/4.7.1", NULL, NULL },
	{ "no code of SMTP", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\007y599 x\0"), false,
	    "1 OK 3/550/5.7.1", NULL, NULL },
	{ "discarded goes to Junk", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\001d"), false,
	    "1 OK 1/0/ junk=0,1", NULL, "discard" },
	{ "quarantine goes to Junk", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\005qbad\0" GO), false,
	    "1 OK 1/0/ junk=0,1", NULL, "quarantine" },
	{ "a field added", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\007hX-B\0v\0" GO), false,
	    "1 OK 1/0/ score", "X-B: v\r\n", NULL },
	{ "a field put in", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\013i\0\0\0\0X-B\0v\0" GO),
	    false, "1 OK 1/0/ score", "X-B: v\r\n", NULL },
	{ "the second of a name changed", S_INIT(END), S_INIT(""),
	    S_INIT("\0\0\0\013m\0\0\0\002x-a\0v\0" GO), false, "cuts=31+8", "x-a: v\r\n", NULL },
	{ "the first of a name removed", S_INIT(END), S_INIT(""),
	    S_INIT("\0\0\0\012m\0\0\0\001X-A\0\0" GO), false, "cuts=23+8", NULL, NULL },
	{ "the third of a name: there is none", S_INIT(END), S_INIT(""),
	    S_INIT("\0\0\0\013m\0\0\0\003X-A\0v\0" GO), false, "1 OK 1/0/ score=0 from",
	    "X-A: v\r\n", NULL },
	{ "the first of two refused", S_INIT(RCPTS), S_INIT("\0\0\0\001r"), S_INIT(GO), false,
	    "1 OK 1/0/ junk=0 score", NULL, "refused-some" },
	{ "the first of two, by a submitter", S_INIT(RCPTS), S_INIT("\0\0\0\001r"), S_INIT(GO),
	    true, "1 OK 3/550/5.7.1", NULL, NULL },
	{ "refused to a submitter", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\001r"), true,
	    "1 OK 3/550/5.7.1", NULL, NULL },
	{ "a submission is not junk, so it is refused", S_INIT(END), S_INIT(""),
	    S_INIT("\0\0\0\001d"), true, "1 OK 3/550/5.7.1", NULL, NULL },
	{ "confused", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\001?"), false, "1 OK 1/0/ score",
	    NULL, "milter=absent" },
	{ "no options", S_INIT(GO), S_INIT(""), S_INIT(GO), false, "1 OK 1/0/ score", NULL,
	    "milter=absent" },
	{ "a recipient to a body", S_INIT(END), S_INIT(""), S_INIT("\0\0\0\005+<x>\0" GO), false,
	    "1 OK 1/0/ score", NULL, NULL },
};

static void
answers(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct row *r = &rows[i];
		test_case = r->name;
		begin("pass");
		play.options = r->options;
		play.rcpt = r->rcpt;
		play.end = r->end;
		play.rcpt_next = S(GO);
		send(1, r->submission);
		svc_scan_world_wait(&w, 1);
		CHECK(has(&w.verdicts, r->verdict));
		CHECK(r->header == NULL || has(&w.headers, r->header));
		CHECK(r->why == NULL || has(&w.whys, r->why));
		CHECK_U64(filter.open, 0);
		end();
	}
	test_case = "";
}

static void
not_there(void)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		begin(pass ? "pass" : "hold");
		helper_kill(&filter);
		send(1, false);
		send(2, true);
		svc_scan_world_wait(&w, 2);
		CHECK(has(&w.verdicts, pass ? "1 OK 1/0/" : "1 OK 2/451/4.7.1"));
		CHECK(has(&w.verdicts, pass ? "2 OK 1/0/" : "2 OK 2/451/4.7.1"));
		CHECK_U64(w.scan->count.absent[SVC_SCAN_MILTER], 2);
		end();
	}
}

static void
too_slow(void)
{
	begin("hold");
	play.end = STR_NONE;
	w.conf.milter_deadline = 20;
	send(1, false);
	svc_scan_world_wait(&w, 1);
	CHECK(has(&w.verdicts, "1 OK 2/451/4.7.1"));
	w.conf.milter_deadline = 60000;
	w.conf.scan_deadline = 20;
	send(2, false);
	svc_scan_world_wait(&w, 2);
	CHECK(has(&w.verdicts, "2 OK 2/451/4.7.1"));
	svc_scan_world_settle(&w);
	CHECK_U64(filter.open, 0);
	w.conf.scan_deadline = 60000;
	send(3, false);
	svc_scan_world_settle(&w);
	CHECK_U64(filter.open, 1);
	helper_kill(&filter); /* in the middle */
	svc_scan_world_wait(&w, 3);
	CHECK(has(&w.verdicts, "3 OK 2/451/4.7.1"));
	end();
}

/* Turn until the filter has so many connections. */
static void
until_open(unsigned n)
{
	for (unsigned i = 0; i < 1000 && filter.open != n; i++) {
		svc_scan_world_settle(&w);
	}
	CHECK_U64(filter.open, n);
}

/* More letters than connections; smtp goes while they wait. */
static void
many(void)
{
	enum { LETTERS = 100 };
	begin("hold");
	for (uint64_t i = 0; i < LETTERS; i++) {
		send(i, false);
	}
	svc_scan_world_wait(&w, LETTERS);
	CHECK_U64(w.scan->count.passed, LETTERS);
	CHECK_U64(play.letters, LETTERS);
	play.end = STR_NONE;
	for (uint64_t i = 0; i < LETTERS; i++) {
		send(i, false);
	}
	until_open(16);
	sys_close(&w.smtp);
	until_open(0);
	CHECK_U64(w.scan->letters_n, 0);
	end();
}

/* Refused: the door is shut, the next letter does not wait; back: letters are shown again. */
static void
over_tcp(void)
{
	begin_at("hold", helper_init_tcp);
	send(1, false);
	svc_scan_world_wait(&w, 1);
	CHECK(has(&w.verdicts, "1 OK 1/0/"));
	CHECK_U64(play.letters, 1);
	helper_kill(&filter);
	send(2, false);
	send(3, true);
	svc_scan_world_wait(&w, 3);
	CHECK(has(&w.verdicts, "2 OK 2/451/4.7.1"));
	CHECK(has(&w.verdicts, "3 OK 2/451/4.7.1"));
	CHECK_U64(w.scan->count.absent[SVC_SCAN_MILTER], 2);
	helper_listen(&filter, w.sc.loop);
	for (uint64_t i = 4; i < 10000 && play.letters < 2; i++) {
		send(i, false);
		svc_scan_world_wait(&w, (unsigned)i);
	}
	CHECK_U64(play.letters, 2);
	end();
}

/* Filters believe what stands in our name: what a stranger wrote so is not told. */
static void
forged_fields(void)
{
	static const char octets[] =
	    "Authentication-Results: (mx) MX.example.org; dkim=pass header.d=bank.test\r\n"
	    "From: a@b.test\r\nX-Spam-Flag: NO\r\n"
	    "Authentication-Results: other.test; none\r\n\r\nx\r\n";
	begin("hold");
	play.options = S(FIELDS);
	const struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, str_from(octets));
	svc_scan_world_send(&w, &m);
	svc_scan_world_wait(&w, 1);
	CHECK(has(&w.verdicts, "1 OK 1/0/"));
	CHECK_STR(str_make(play.fields, play.fields_n),
	    S("From|a@b.test|Authentication-Results|other.test; none|"));
	end();
}

TEST_MAIN(forged_fields, over_tcp, answers, not_there, too_slow, many)
