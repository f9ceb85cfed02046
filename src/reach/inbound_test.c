/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came in, in a file of its own: found by each question, newest first, in pages; forgotten by
 * age and by number, with the addresses; no Message-ID is in an octet of the file.
 */
#include "reach/inbound.h"

#include "base/test.h"
#include "reach/place_test.h"

enum { FILE_MAX = 8 << 20, NOW = 1790000000 };

struct place {
	struct buf path;
	struct reach_inbound *in;
};

static void
begin(struct place *p)
{
	place_init(&p->path);
	CHECK_ERR(reach_inbound_open(buf_view(&p->path), &p->in), ERR_OK);
}

static void
end(struct place *p)
{
	reach_inbound_close(&p->in);
	place_done(&p->path);
}

static void
add(struct place *p, uint64_t entry, int64_t at_s, str sender)
{
	static const str to[] = { S_INIT("One@example.org"), S_INIT("two@example.org") };
	const struct reach_arrival a = { .entry = entry,
		.session = 0xffffffffffffffff,
		.at_s = at_s,
		.ip = S("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1"),
		.name = S("mx.example.net"),
		.helo = S("mx"),
		.tls_version = S("TLSv1.3"),
		.sender = sender,
		.from = S("author@example.com"),
		.message_id = S("<secret.id@example.net>"),
		.end = 2,
		.code = 250,
		.enhanced = S("2.0.0"),
		.text = S("Queued"),
		.score = -1250,
		.why = S("spf=fail"),
		.size = 5000,
		.to = to,
		.to_n = LEN(to) };
	CHECK_ERR(reach_inbound_begin(p->in), ERR_OK);
	CHECK_ERR(reach_inbound_add(p->in, &a), ERR_OK);
	CHECK_ERR(reach_inbound_commit(p->in), ERR_OK);
}

struct seen {
	size_t n;
	uint64_t first, last;
	bool whole;
};

static enum err
see(void *ctx, const struct reach_arrival *a)
{
	struct seen *s = ctx;
	s->first = s->n++ == 0 ? a->id : s->first;
	s->last = a->id;
	s->whole = a->session == 0xffffffffffffffff && a->score == -1250 && a->ip.n == 16 &&
	    a->code == 250 && a->end == 2 && a->size == 5000 &&
	    str_eq(a->recipients, S("one@example.org, two@example.org")) &&
	    str_eq(a->why, S("spf=fail")) && str_eq(a->from, S("author@example.com"));
	return ERR_OK;
}

static const struct {
	const char *name;
	enum reach_inbound_by by;
	const char *text;
	uint64_t entry;
	size_t want;
} cases[] = {
	{ "a recipient, in any case", REACH_INBOUND_ADDRESS, "ONE@Example.org", 0, 2 },
	{ "the sender", REACH_INBOUND_ADDRESS, "s@example.net", 0, 1 },
	{ "the author", REACH_INBOUND_ADDRESS, "author@example.com", 0, 2 },
	{ "nobody", REACH_INBOUND_ADDRESS, "nobody@example.org", 0, 0 },
	{ "domain of the sender", REACH_INBOUND_DOMAIN, "EXAMPLE.net", 0, 1 },
	{ "domain of a recipient is none", REACH_INBOUND_DOMAIN, "example.org", 0, 0 },
	{ "queue id", REACH_INBOUND_ENTRY, "", 77, 1 },
	{ "no queue id", REACH_INBOUND_ENTRY, "", 0, 0 },
	{ "Message-ID", REACH_INBOUND_MESSAGE, "<secret.id@example.net>", 0, 2 },
	{ "Message-ID without brackets", REACH_INBOUND_MESSAGE, "secret.id@example.net", 0, 2 },
};

static void
found(void)
{
	struct place p;
	begin(&p);
	add(&p, 77, NOW, S("S@example.net"));
	add(&p, 0, NOW, S("")); /* refused, null sender */
	for (size_t i = 0; i < LEN(cases); i++) {
		struct seen s = { .whole = true };
		const struct reach_inbound_question q = { .by = cases[i].by,
			.text = str_from(cases[i].text),
			.entry = cases[i].entry,
			.max = 10 };
		test_case = cases[i].name;
		CHECK_ERR(reach_inbound_find(p.in, &q, see, &s), ERR_OK);
		CHECK_U64(s.n, cases[i].want);
		CHECK(s.whole);
	}
	test_case = NULL;
	end(&p);
}

static void
pages_and_forgetting(void)
{
	struct place p;
	struct seen s = { 0 };
	uint64_t n = 0;
	bool more = true;
	begin(&p);
	CHECK_ERR(reach_inbound_forget(p.in, NOW, 10, &more), ERR_OK);
	CHECK(!more);
	for (int64_t i = 0; i < 20; i++) {
		add(&p, (uint64_t)i + 1, NOW + i, S("s@example.net"));
	}
	struct reach_inbound_question q = {
		.by = REACH_INBOUND_ADDRESS, .text = S("s@example.net"), .max = 8
	};
	CHECK_ERR(reach_inbound_find(p.in, &q, see, &s), ERR_OK);
	CHECK(s.n == 8 && s.first == 20 && s.last == 13);
	q.before = s.last;
	s.n = 0;
	CHECK_ERR(reach_inbound_find(p.in, &q, see, &s), ERR_OK);
	CHECK(s.n == 8 && s.first == 12 && s.last == 5);
	CHECK_ERR(reach_inbound_forget(p.in, NOW + 5, 1000, &more), ERR_OK);
	CHECK_ERR(reach_inbound_count(p.in, &n), ERR_OK);
	CHECK(n == 15 && !more);
	CHECK_ERR(reach_inbound_forget(p.in, 0, 10, &more), ERR_OK);
	CHECK_ERR(reach_inbound_count(p.in, &n), ERR_OK);
	CHECK_U64(n, 10);
	q = (struct reach_inbound_question){
		.by = REACH_INBOUND_ADDRESS, .text = S("one@example.org"), .max = 100
	};
	s.n = 0;
	CHECK_ERR(reach_inbound_find(p.in, &q, see, &s), ERR_OK);
	CHECK_U64(s.n, 10);
	end(&p);
}

static void
no_message_id_in_the_file(void)
{
	struct place p;
	struct buf octets;
	begin(&p);
	add(&p, 1, NOW, S("s@example.net"));
	reach_inbound_close(&p.in);
	buf_init(&octets, FILE_MAX);
	CHECK_ERR(sys_file_load(SYS_CWD, buf_view(&p.path), &octets), ERR_OK);
	size_t n = p.path.n;
	buf_cstr(&p.path, "-wal");
	(void)(sys_file_load(SYS_CWD, buf_view(&p.path), &octets) == ERR_OK);
	buf_truncate(&p.path, n);
	CHECK(str_find(buf_view(&octets), S("mx.example.net")) > 0);
	CHECK(str_find(buf_view(&octets), S("secret.id")) < 0);
	buf_done(&octets);
	CHECK_ERR(reach_inbound_open(buf_view(&p.path), &p.in), ERR_OK);
	struct seen s = { 0 };
	const struct reach_inbound_question q = {
		.by = REACH_INBOUND_MESSAGE, .text = S("secret.id@example.net"), .max = 10
	};
	CHECK_ERR(reach_inbound_find(p.in, &q, see, &s), ERR_OK);
	CHECK_U64(s.n, 1); /* the key is the file's */
	end(&p);
}

TEST_MAIN(found, pages_and_forgetting, no_message_id_in_the_file)
