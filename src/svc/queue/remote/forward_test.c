/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters that are forwarded: which go together, with what reverse-path, after a restart too, and
 * who is told when they fail.
 */
#include "base/test.h"
#include "svc/queue/remote/world_test.h"

#define OURS "Authentication-Results: mx.example.org;\r\n\t"
#define REST "Received: x\r\nFrom: ann@far.test\r\n\r\nhi\r\n"
#define SRS "SRS0=aaaaaaaa=bb=far.test=ann@example.org"

static struct spool_rcpt
one(const char *address, const char *via)
{
	return (struct spool_rcpt){ .address = str_from(address),
		.original = str_from(via),
		.sender = S(SRS),
		.via = str_from(via),
		.reports = 9 };
}

/* A letter from outside. */
static void
commit(struct spool_rcpt *r, size_t n, const char *reverse_path, const char *body)
{
	const struct spool_envelope e = { .reverse_path = str_from(reverse_path),
		.received_s = sys_clock_wall_s(),
		.rcpts = r,
		.rcpts_n = n };
	CHECK_ERR(svc_queue_commit_own(w->q, &e, str_from(body), NULL), ERR_OK);
	world_go();
}

static const struct got *
find(const char *domain, const char *via)
{
	for (size_t i = 0; i < w->got_n; i++) {
		if (strcmp(w->got[i].domain, domain) == 0 && strcmp(w->got[i].via, via) == 0) {
			return &w->got[i];
		}
	}
	static const struct got none;
	CHECK(false);
	return &none;
}

static void
go_apart(void)
{
	struct spool_rcpt r[] = { one("a@b.test", "t@example.org"),
		one("c@b.test", "t@example.org"), one("d@c.test", "t@example.org"),
		one("e@b.test", "u@example.org") };
	r[0].notify = 2 | 4;
	r[1].notify = 2;
	world_open();
	commit(r, LEN(r), "ann@far.test", OURS "none\r\n" REST);
	CHECK(world_await_letters(3));
	CHECK_U64(w->got_n, 3);
	const struct got *g = find("b.test", "t@example.org");
	CHECK_U64(g->rcpts_n, 2);
	CHECK_STR(str_from(g->sender), S(SRS));
	CHECK(g->notify[0] == 4 && g->notify[1] == 1); /* never SUCCESS: RFC 3461 5.2.7.3 */
	CHECK_U64(find("b.test", "u@example.org")->rcpts_n, 1);
	CHECK_U64(find("c.test", "t@example.org")->rcpts_n, 1);
	world_restart();
	CHECK(world_await_letters(3));
	g = find("b.test", "t@example.org");
	CHECK(g->rcpts_n == 2 && strcmp(g->sender, SRS) == 0);
	for (size_t i = 0; i < 3; i++) {
		world_answer(i, 1, "", false);
	}
	CHECK(world_live() == 0 && w->reports == 0);
	world_close();
}

static void
who_hears_of_it(void)
{
	static const struct {
		const char *name, *from, *body;
		uint8_t notify;
		bool outside;
		size_t reports;
	} rows[] = {
		{ "SPF", "ann@far.test", OURS "spf=pass smtp.mailfrom=far.test\r\n" REST, 0, true,
		    0 },
		{ "DKIM", "ann@Far.TEST", OURS "dkim=pass header.d=far.test\r\n" REST, 0, true, 0 },
		{ "nothing", "ann@far.test", OURS "none\r\n" REST, 0, false, 1 },
		{ "another's word", "ann@far.test",
		    "Authentication-Results: mx.far.test; spf=pass smtp.mailfrom=far.test\r\n" REST,
		    0, false, 1 },
		{ "null reverse-path", "", OURS "spf=pass smtp.helo=far.test\r\n" REST, 0, false,
		    1 },
		{ "never", "ann@far.test", OURS "spf=pass smtp.mailfrom=far.test\r\n" REST, 1,
		    false, 0 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct spool_rcpt r[] = { one("secret@b.test", "t@example.org"),
			one("secret2@b.test", "t@example.org") };
		r[0].notify = r[1].notify = rows[i].notify;
		test_case = rows[i].name;
		world_open();
		commit(r, LEN(r), rows[i].from, rows[i].body);
		CHECK(world_await_letters(1));
		world_answer(0, 3, "U1", false);
		CHECK(!rows[i].outside || world_await_letters(2));
		CHECK_U64(w->got_n, rows[i].outside ? 2 : 1);
		CHECK_U64(w->reports, rows[i].reports);
		if (rows[i].outside) {
			CHECK_STR(str_from(w->got[1].domain), S("far.test"));
			CHECK(w->got[1].sender[0] == 0 && w->got[1].via[0] == 0);
			CHECK(strstr(w->sent, "t@example.org") != NULL);
			CHECK(strstr(w->sent, "secret") == NULL);
			world_answer(1, 3, "U1", false); /* and no report about the report */
		} else if (rows[i].reports > 0) {
			CHECK_U64(w->report_account, 9);
			CHECK(world_report_has("secret@b.test") &&
			    world_report_has("secret2@b.test"));
		}
		CHECK_U64(world_live(), rows[i].reports); /* the report, until it is synced */
		world_close();
	}
	test_case = NULL;
}

/* A letter of the MX in the name of a domain of ours: its report stays here. */
static void
ours_hears_here(void)
{
	static const struct {
		const char *name, *body;
		uint64_t account;
		size_t reports;
	} rows[] = {
		{ "ours", OURS "spf=pass smtp.mailfrom=example.org\r\n" REST, 9, 1 },
		{ "ours, whoever that is", OURS "spf=pass smtp.mailfrom=example.org\r\n" REST, 0,
		    0 },
		{ "it may be forged", OURS "spf=fail smtp.mailfrom=example.org\r\n" REST, 9, 0 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct spool_rcpt r = one("a@b.test", "t@example.org");
		r.sender = S("bob@Example.org"); /* as it came: it is not rewritten */
		r.reports = rows[i].account;
		test_case = rows[i].name;
		world_open();
		commit(&r, 1, "bob@Example.org", rows[i].body);
		CHECK(world_await_letters(1));
		world_answer(0, 3, "U1", false);
		world_go();
		CHECK_U64(w->got_n, 1); /* nothing leaves */
		CHECK_U64(w->reports, rows[i].reports);
		if (rows[i].reports > 0) {
			CHECK_U64(w->report_account, 9);
			CHECK(world_report_has("To: <bob@example.org>"));
			CHECK(world_report_has("a@b.test"));
		}
		CHECK_U64(world_live(), rows[i].reports);
		world_close();
	}
	test_case = NULL;
}

/* Nobody is told of what is late, and where nobody may be told the letter ends all the same. */
static void
nobody_hears(void)
{
	struct spool_rcpt r = one("a@b.test", "t@example.org");
	r.reports = 0;
	world_open();
	commit(&r, 1, "", OURS "none\r\n" REST);
	CHECK(world_await_letters(1));
	world_answer(0, 2, "S1", true);
	CHECK(w->reports == 0 && w->q->remote->notices_n == 0);
	LIST_EACH(it, &w->q->parcels) {
		struct svc_queue_parcel *p = LIST_ENTRY(it, struct svc_queue_parcel, node);
		LIST_EACH(at, &p->letters) {
			struct svc_queue_letter *l = LIST_ENTRY(at, struct svc_queue_letter, mates);
			CHECK_ERR(svc_queue_remote_move(l->bundle, SVC_QUEUE_FAIL), ERR_OK);
			break;
		}
		break;
	}
	world_go();
	CHECK(world_live() == 0 && w->reports == 0 && w->got_n == 1);
	world_close();
}

TEST_MAIN(go_apart, who_hears_of_it, ours_hears_here, nobody_hears)
