/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to clamd, and its answers at every split point. Texts were heard from clamd 1.4, or
 * stand in clamd(8).
 */
#include "base/test.h"
#include "proto/clamd/clamd.h"

struct answer {
	const char *name;
	str in;
	enum clamd_question q;
	enum err want;
	enum clamd_verdict verdict;
	str text;
};

static const struct answer answers[] = {
	{ "clean", S_INIT("1: fd[10]: OK\0"), CLAMD_SCAN, ERR_OK, CLAMD_CLEAN, S_INIT("") },
	{ "clean stream", S_INIT("1: stream: OK\0"), CLAMD_SCAN, ERR_OK, CLAMD_CLEAN, S_INIT("") },
	{ "found", S_INIT("1: fd[10]: Local.Eicar.NDB.UNOFFICIAL FOUND\0"), CLAMD_SCAN, ERR_OK,
	    CLAMD_FOUND, S_INIT("Local.Eicar.NDB.UNOFFICIAL") },
	{ "found, stream", S_INIT("1: stream: Win.Test.EICAR_HDB-1 FOUND\0"), CLAMD_SCAN, ERR_OK,
	    CLAMD_FOUND, S_INIT("Win.Test.EICAR_HDB-1") },
	{ "found, with details",
	    S_INIT("1: fd[10]: Eicar(44d88612fea8a8f36de82e1278abb02f:68) FOUND\0"), CLAMD_SCAN,
	    ERR_OK, CLAMD_FOUND, S_INIT("Eicar") },
	{ "a name of odd octets", S_INIT("1: fd[10]: a\r\nb\xff\"\\ FOUND\0"), CLAMD_SCAN, ERR_OK,
	    CLAMD_FOUND, S_INIT("a??b???") },
	{ "no name", S_INIT("1: fd[10]:  FOUND\0"), CLAMD_SCAN, ERR_OK, CLAMD_FOUND,
	    S_INIT("unnamed") },
	{ "a virus called OK", S_INIT("1: fd[10]: OK FOUND\0"), CLAMD_SCAN, ERR_OK, CLAMD_FOUND,
	    S_INIT("OK") },
	{ "error", S_INIT("1: fd[10]: Can't allocate memory ERROR\0"), CLAMD_SCAN, ERR_OK,
	    CLAMD_FAILED, S_INIT("Can't allocate memory") },
	{ "error without a target", S_INIT("1: No file descriptor received. ERROR\0"), CLAMD_SCAN,
	    ERR_OK, CLAMD_FAILED, S_INIT("No file descriptor received.") },
	{ "size limit", S_INIT("1: INSTREAM size limit exceeded. ERROR\0"), CLAMD_SCAN, ERR_OK,
	    CLAMD_FAILED, S_INIT("INSTREAM size limit exceeded.") },
	{ "unknown", S_INIT("1: UNKNOWN COMMAND\0"), CLAMD_SCAN, ERR_OK, CLAMD_FAILED,
	    S_INIT("UNKNOWN COMMAND") },
	{ "pong", S_INIT("1: PONG\0"), CLAMD_PING, ERR_OK, CLAMD_PONG, S_INIT("") },
	{ "version", S_INIT("1: ClamAV 1.4.6\0"), CLAMD_VERSION, ERR_OK, CLAMD_PROGRAM,
	    S_INIT("ClamAV 1.4.6") },
	{ "no version", S_INIT("1: COMMAND UNAVAILABLE\0"), CLAMD_VERSION, ERR_OK, CLAMD_FAILED,
	    S_INIT("COMMAND UNAVAILABLE") },
	{ "not complete", S_INIT("1: fd[10]: OK"), CLAMD_SCAN, ERR_AGAIN, 0, S_INIT("") },
	{ "nothing", S_INIT(""), CLAMD_SCAN, ERR_AGAIN, 0, S_INIT("") },
	{ "no id", S_INIT("fd[10]: OK\0"), CLAMD_SCAN, ERR_PROTOCOL, 0, S_INIT("") },
	{ "another id", S_INIT("2: fd[10]: OK\0"), CLAMD_SCAN, ERR_PROTOCOL, 0, S_INIT("") },
	{ "an id too large", S_INIT("4294967297: fd[10]: OK\0"), CLAMD_SCAN, ERR_PROTOCOL, 0,
	    S_INIT("") },
	{ "no target", S_INIT("1: OK\0"), CLAMD_SCAN, ERR_PROTOCOL, 0, S_INIT("") },
	{ "another target", S_INIT("1: /etc: OK\0"), CLAMD_SCAN, ERR_PROTOCOL, 0, S_INIT("") },
	{ "OK and more", S_INIT("1: fd[10]: OK.\0"), CLAMD_SCAN, ERR_PROTOCOL, 0, S_INIT("") },
	{ "OK in lower case", S_INIT("1: fd[10]: ok\0"), CLAMD_SCAN, ERR_PROTOCOL, 0, S_INIT("") },
	{ "FOUND without a target", S_INIT("1: Eicar FOUND\0"), CLAMD_SCAN, ERR_PROTOCOL, 0,
	    S_INIT("") },
	{ "empty", S_INIT("\0"), CLAMD_SCAN, ERR_PROTOCOL, 0, S_INIT("") },
	{ "pong to a scan", S_INIT("1: PONG\0"), CLAMD_SCAN, ERR_PROTOCOL, 0, S_INIT("") },
	{ "OK to a ping", S_INIT("1: fd[10]: OK\0"), CLAMD_PING, ERR_PROTOCOL, 0, S_INIT("") },
	{ "a newline for NUL", S_INIT("1: fd[10]: OK\n\0"), CLAMD_SCAN, ERR_PROTOCOL, 0,
	    S_INIT("") },
};

static enum err
feed_in_two(struct clamd *c, str in, size_t cut, struct clamd_reply *ret)
{
	size_t used;
	enum err e = clamd_feed(c, str_sub(in, 0, cut), &used, ret);
	if (e == ERR_AGAIN && cut < in.n) {
		CHECK_U64(used, cut);
		e = clamd_feed(c, str_from_off(in, cut), &used, ret);
	}
	return e;
}

static void
answers_at_every_split(void)
{
	for (size_t i = 0; i < LEN(answers); i++) {
		const struct answer *a = &answers[i];
		test_case = a->name;
		for (size_t cut = 0; cut <= a->in.n; cut++) {
			struct clamd c;
			struct clamd_reply r = { CLAMD_FAILED, STR_NONE };
			clamd_init(&c);
			CHECK(clamd_ask(&c, a->q).n > 0);
			if (!CHECK_ERR(feed_in_two(&c, a->in, cut, &r), a->want) ||
			    a->want != ERR_OK) {
				CHECK(!clamd_ready(&c));
				continue;
			}
			CHECK_U64(r.verdict, a->verdict);
			CHECK_STR(r.text, a->text);
			CHECK(clamd_ready(&c));
		}
	}
}

static void
a_session_counts(void)
{
	struct clamd c;
	struct clamd_reply r;
	size_t used;
	clamd_init(&c);
	CHECK_STR(clamd_ask(&c, CLAMD_SCAN), S("zIDSESSION\0zFILDES\0\0"));
	CHECK(!clamd_ready(&c));
	CHECK_ERR(clamd_feed(&c, S("1: fd[7]: OK\0"), &used, &r), ERR_OK);
	CHECK_STR(clamd_ask(&c, CLAMD_SCAN), S("zFILDES\0\0"));
	CHECK_ERR(clamd_feed(&c, S("2: fd[7]: A.B FOUND\0"), &used, &r), ERR_OK);
	CHECK_U64(r.verdict, CLAMD_FOUND);
	CHECK_STR(clamd_ask(&c, CLAMD_PING), S("zPING\0"));
	CHECK_ERR(clamd_feed(&c, S("3: PONG\0"), &used, &r), ERR_OK);
	CHECK_STR(clamd_ask(&c, CLAMD_VERSION), S("zVERSION\0"));
	CHECK_ERR(clamd_feed(&c, S("3: ClamAV 1.4.6\0"), &used, &r), ERR_PROTOCOL);
	CHECK(!clamd_ready(&c));
}

/* An answer must not be taken for that of the next letter. */
static void
answers_nobody_asked_for(void)
{
	struct clamd c;
	struct clamd_reply r;
	size_t used;
	clamd_init(&c);
	CHECK(clamd_ask(&c, CLAMD_SCAN).n > 0);
	str two = S("1: fd[7]: OK\0"
		    "2: fd[7]: OK\0");
	CHECK_ERR(clamd_feed(&c, two, &used, &r), ERR_OK);
	CHECK_U64(used, 13);
	CHECK_ERR(clamd_feed(&c, str_from_off(two, used), &used, &r), ERR_PROTOCOL);
	CHECK(!clamd_ready(&c));
	CHECK_ERR(clamd_feed(&c, S("2: fd[7]: OK\0"), &used, &r), ERR_PROTOCOL);
}

static void
endless_answers_end(void)
{
	char much[CLAMD_REPLY_MAX + 1];
	struct clamd c;
	struct clamd_reply r;
	size_t used;
	memset(much, 'x', sizeof much);
	clamd_init(&c);
	CHECK(clamd_ask(&c, CLAMD_SCAN).n > 0);
	CHECK_ERR(clamd_feed(&c, str_make(much, CLAMD_REPLY_MAX - 1), &used, &r), ERR_AGAIN);
	CHECK_ERR(clamd_feed(&c, S("x"), &used, &r), ERR_TOOBIG);
	CHECK_ERR(clamd_feed(&c, S("\0"), &used, &r), ERR_PROTOCOL);
	clamd_init(&c);
	CHECK(clamd_ask(&c, CLAMD_SCAN).n > 0);
	memcpy(much, "1: fd[1]: ", 10);
	memcpy(much + CLAMD_REPLY_MAX - 7, " FOUND", 7);
	CHECK_ERR(clamd_feed(&c, str_make(much, CLAMD_REPLY_MAX), &used, &r), ERR_OK);
	CHECK_U64(r.text.n, CLAMD_NAME_MAX);
}

static void
a_session_ends(void)
{
	struct clamd c;
	struct clamd_reply r;
	clamd_init(&c);
	for (unsigned i = 1; i <= CLAMD_ASKED_MAX; i++) {
		char line[64];
		size_t used;
		int n = snprintf(line, sizeof line, "%u: fd[1]: OK", i);
		CHECK(clamd_ready(&c));
		CHECK(clamd_ask(&c, CLAMD_SCAN).n > 0);
		CHECK_ERR(clamd_feed(&c, str_make(line, (size_t)n + 1), &used, &r), ERR_OK);
	}
	CHECK(!clamd_ready(&c));
}

TEST_MAIN(answers_at_every_split, a_session_counts, answers_nobody_asked_for, endless_answers_end,
    a_session_ends)
