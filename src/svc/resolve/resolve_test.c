/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process between a played send and a played DNS server, which answers by the first label of a
 * name: what came of each question, the limits, the deadline, and channels that go away. What
 * DNSSEC says needs a signed zone: test/dns.
 */
#include "svc/resolve/resolve.h"

#include "base/mem.h"
#include "base/test.h"
#include "base/wire.h"
#include "conf/conf.h"
#include "ipc/adm_resolve.h"
#include "ipc/send_resolve.h"
#include "sys/sys.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unbound.h>

enum {
	TURN_MS = 20,
	PATIENT_MS = 60000,
	TURNS_MAX = 1000,
	PACKET_MAX = 512,
	HEADER = 12,
	GOT_MAX = 64
};
enum { QR = 0x80, RA = 0x80, RD = 0x01, CLASS_IN = 1, TTL = 60 };

struct got {
	uint64_t request;
	enum err result;
	uint8_t trust;
	uint16_t rcode;
	uint32_t ttl_s;
	size_t n;
	char canonical[64], why[64];
};

static struct {
	struct svc_common sc;
	struct conf conf;
	struct svc_resolve *r;
	struct sys_watch server;
	char address[32];
	str addresses[1];
	int send; /* our end of the channel */
	struct buf in, out;
	struct arena *arena;
	struct got got[GOT_MAX];
	size_t got_n;
} w;

/* --- the played server --------------------------------------------------------------------- */

static void
be16(struct buf *b, unsigned v)
{
	wr_u8(b, (uint8_t)(v >> 8));
	wr_u8(b, (uint8_t)v);
}

/* A record for `owner`, which is in the form of the wire. */
static void
put_record(struct buf *b, str owner, uint16_t type, str rdata)
{
	buf_str(b, owner);
	be16(b, type);
	be16(b, CLASS_IN);
	be16(b, 0);
	be16(b, TTL);
	be16(b, (unsigned)rdata.n);
	buf_str(b, rdata);
}

static const str target = S_INIT("\6target\4test\0");
static const str soa = S_INIT("\2ns\4test\0\2ns\4test\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1");

/* The answer section for a name that begins with `label`; how many records. */
static unsigned
put_answers(struct buf *b, str label, str name, uint16_t type)
{
	bool address = type == DNS_A;
	if (str_ieq(label, S("alias"))) {
		put_record(b, name, DNS_CNAME, target);
		put_record(b, target, DNS_A, S("\177\0\0\3"));
		return 2;
	}
	if ((str_ieq(label, S("one")) || str_ieq(label, S("target"))) && address) {
		put_record(b, name, DNS_A, S("\177\0\0\2"));
		return 1;
	}
	return 0;
}

static unsigned
rcode_of(str label)
{
	if (str_ieq(label, S("nx"))) {
		return DNS_NXDOMAIN;
	}
	if (str_ieq(label, S("refused"))) {
		return DNS_REFUSED;
	}
	return str_ieq(label, S("fail")) ? DNS_SERVFAIL : DNS_NOERROR;
}

static void
answer(int fd, str packet, const struct sockaddr_in *peer)
{
	char room[PACKET_MAX * 4];
	struct buf b;
	struct dns_name name;
	struct rd r = rd_make(str_from_off(packet, HEADER));
	size_t n = 0;
	while (n < r.n && r.p[n] != 0) {
		n += (size_t)r.p[n] + 1;
	}
	str wire = rd_bytes(&r, n + 1), label, rest;
	uint16_t type = rd_be16(&r);
	if (dns_cname(wire, &name) != ERR_OK) {
		return;
	}
	(void)str_cut(dns_name_str(&name), '.', &label, &rest);
	if (str_ieq(label, S("silent"))) {
		return;
	}
	unsigned rcode = rcode_of(label);
	buf_init_fixed(&b, room, sizeof room);
	buf_str(&b, str_sub(packet, 0, 2));
	wr_u8(&b, QR | RD);
	wr_u8(&b, (uint8_t)(RA | rcode));
	buf_str(&b, S("\0\1\0\0\0\0\0\0"));
	buf_str(&b, wire);
	be16(&b, type);
	be16(&b, CLASS_IN);
	unsigned answers = rcode == DNS_NOERROR ? put_answers(&b, label, wire, type) : 0;
	b.p[7] = (char)answers;
	if (answers == 0 && (rcode == DNS_NOERROR || rcode == DNS_NXDOMAIN)) {
		put_record(&b, S("\4test\0"), DNS_SOA, soa);
		b.p[9] = 1;
	}
	CHECK(sendto(fd, b.p, b.n, 0, (const struct sockaddr *)peer, sizeof *peer) == (ssize_t)b.n);
}

static void
on_question(void *ctx, unsigned events)
{
	char packet[PACKET_MAX];
	struct sockaddr_in peer;
	socklen_t peer_n = sizeof peer;
	ssize_t n = recvfrom(w.server.fd, packet, sizeof packet, MSG_DONTWAIT,
	    (struct sockaddr *)&peer, &peer_n);
	if (n > HEADER) {
		answer(w.server.fd, str_make(packet, (size_t)n), &peer);
	}
}

static void
serve(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at, n) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&at, &n) == 0);
	snprintf(w.address, sizeof w.address, "127.0.0.1:%u", ntohs(at.sin_port));
	w.server = (struct sys_watch){ .fn = on_question, .fd = fd };
	CHECK_ERR(sys_watch_start(w.sc.loop, &w.server, SYS_IN), ERR_OK);
}

/* --- the world ------------------------------------------------------------------------------ */

static void
wire(const char *edge, uint32_t peer)
{
	int fds[2];
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	CHECK_ERR(svc_common_wire(&w.sc, str_from(edge), peer, fds[0]), ERR_OK);
	sys_close(&w.send);
	w.send = fds[1];
}

static void
wire_send(void)
{
	wire("send_resolve", 0);
}

static void
begin(void)
{
	memset(&w, 0, sizeof w);
	w.send = -1;
	CHECK_ERR(sys_loop_new(&w.sc.loop), ERR_OK);
	serve();
	w.addresses[0] = str_from(w.address);
	w.conf = (struct conf){ .resolve_forward = { w.addresses, 1 },
		.resolve_trust_anchor = S("/nonexistent/anchor"),
		.resolve_root_hints = S("/nonexistent/hints"),
		.resolve_cache_size = 1 << 20,
		.resolve_timeout = 10000,
		.resolve_pending = 100 };
	w.sc.conf = &w.conf;
	w.sc.service = &svc_resolve_service;
	w.sc.arena = arena_new(NULL, "test", 8 << 20, 0);
	w.arena = arena_new(NULL, "world", 8 << 20, 0);
	buf_init(&w.in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w.out, SYS_CHAN_MESSAGE_MAX);
	CHECK_ERR(svc_resolve_service.init(&w.sc), ERR_OK);
	w.r = w.sc.ctx;
	CHECK_ERR(svc_resolve_service.start(&w.sc), ERR_OK);
	wire_send();
}

static void
end(void)
{
	svc_resolve_drop(&w.r->sends[0]);
	svc_common_links_close(&w.sc);
	svc_resolve_paths_done(w.r);
	CHECK_U64(w.r->pending, 0);
	lru_free(&w.r->kept);
	buf_done(&w.r->out);
	buf_done(&w.r->settings);
	sys_watch_stop(w.sc.loop, &w.server);
	sys_close(&w.server.fd);
	sys_close(&w.send);
	sys_loop_free(&w.sc.loop);
	arena_free(&w.sc.arena);
	arena_free(&w.arena);
	buf_done(&w.in);
	buf_done(&w.out);
}

static void
ask(uint64_t request, str name, uint16_t type)
{
	const struct ipc_send_resolve_query m = { .request = request, .name = name, .type = type };
	buf_reset(&w.out);
	ipc_send_resolve_query_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(w.send, &w.out, -1, 1000), ERR_OK);
}

static void
keep(char *to, size_t size, str s)
{
	snprintf(to, size, "%.*s", STR_ARG(s));
}

static enum err
on_answer(void *ctx, const struct ipc_send_resolve_answer *m, int *fd)
{
	CHECK(w.got_n < GOT_MAX);
	struct got *g = &w.got[w.got_n++];
	*g = (struct got){ .request = m->request,
		.result = m->answer.result,
		.trust = m->answer.trust,
		.rcode = m->answer.rcode,
		.ttl_s = m->answer.ttl_s,
		.n = m->records_n };
	keep(g->canonical, sizeof g->canonical, m->answer.canonical);
	keep(g->why, sizeof g->why, m->answer.why);
	return ERR_OK;
}

/* Turn until n answers are there. */
static void
await(size_t n)
{
	static const struct ipc_send_resolve_at_send handlers = { .answer = on_answer };
	for (int i = 0; i < TURNS_MAX && w.got_n < n; i++) {
		int fd = -1;
		CHECK_ERR(sys_loop_turn(w.sc.loop, TURN_MS), ERR_OK);
		while (sys_chan_recv(w.send, &w.in, &fd) == ERR_OK) {
			arena_reset(w.arena);
			CHECK_ERR(ipc_send_resolve_send_dispatch(&handlers, NULL, buf_view(&w.in),
				      &fd, w.arena),
			    ERR_OK);
		}
	}
	CHECK_U64(w.got_n, n);
}

/* --- the tests ------------------------------------------------------------------------------ */

static void
tells_apart(void)
{
	static const struct {
		const char *name;
		uint16_t type;
		enum err result;
		uint8_t trust;
		uint16_t rcode;
		size_t n;
		const char *canonical;
	} cases[] = {
		{ "one.test", DNS_A, ERR_OK, DNS_INSECURE, 0, 1, "one.test" },
		{ "ONE.Test", DNS_A, ERR_OK, DNS_INSECURE, 0, 1, "one.test" },
		{ "one.test", DNS_AAAA, ERR_OK, DNS_INSECURE, 0, 0, "one.test" },
		{ "alias.test", DNS_A, ERR_OK, DNS_INSECURE, 0, 1, "target.test" },
		{ "nx.test", DNS_A, ERR_NOTFOUND, DNS_INSECURE, 3, 0, "nx.test" },
		{ "fail.test", DNS_A, ERR_AGAIN, DNS_TRUST_UNKNOWN, 2, 0, "fail.test" },
		{ "refused.test", DNS_A, ERR_AGAIN, DNS_TRUST_UNKNOWN, 2, 0, "refused.test" },
		{ "a..test", DNS_A, ERR_SYNTAX, DNS_TRUST_UNKNOWN, 0, 0, "" },
		{ "", DNS_A, ERR_SYNTAX, DNS_TRUST_UNKNOWN, 0, 0, "" },
		{ "a\\", DNS_A, ERR_SYNTAX, DNS_TRUST_UNKNOWN, 0, 0, "" },
	};
	begin();
	for (size_t i = 0; i < LEN(cases); i++) {
		const struct got *g = &w.got[i];
		test_case = cases[i].name;
		ask(i, str_from(cases[i].name), cases[i].type);
		await(i + 1);
		CHECK_U64(g->request, i);
		CHECK_ERR(g->result, cases[i].result);
		CHECK_U64(g->trust, cases[i].trust);
		CHECK_U64(g->rcode, cases[i].rcode);
		CHECK_U64(g->n, cases[i].n);
		CHECK_STR(str_from(g->canonical), str_from(cases[i].canonical));
		CHECK((g->why[0] != '\0') == (g->result == ERR_AGAIN || g->result == ERR_SYNTAX));
	}
	CHECK(w.got[0].ttl_s > 0 && w.got[0].ttl_s <= TTL);
	CHECK_U64(w.r->questions, LEN(cases));
	CHECK_U64(w.r->refused, 3);
	end();
}

static void
gives_up_in_time(void)
{
	begin();
	w.conf.resolve_timeout = 100;
	svc_resolve_service.on_reload(&w.sc);
	ask(1, S("silent.test"), DNS_MX);
	await(1);
	CHECK_ERR(w.got[0].result, ERR_AGAIN);
	CHECK_U64(w.got[0].rcode, 0);
	CHECK(str_starts(str_from(w.got[0].why), S("time-out")));
	CHECK_U64(w.r->late, 1);
	CHECK_U64(w.r->pending, 0);
	ask(2, S("one.test"), DNS_A); /* and goes on */
	await(2);
	CHECK_ERR(w.got[1].result, ERR_OK);
	end();
}

static void
turn(void)
{
	for (int i = 0; i < 5; i++) {
		CHECK_ERR(sys_loop_turn(w.sc.loop, TURN_MS), ERR_OK);
	}
}

/* Two at a time; the others wait, and mail that comes in does not wait behind all that leaves. */
static void
takes_turns(void)
{
	static const struct svc_common_edge in = { .name = S_INIT("scan_resolve") };
	begin();
	struct svc_resolve_asker *send = &w.r->sends[0], *scan = &w.r->scans[0];
	struct svc_resolve_wish silent = { .name = S("silent.test"), .type = DNS_A };
	const struct svc_resolve_wish wish = { .request = 9, .name = S("one.test"), .type = DNS_A };
	scan->link = send->link;
	scan->link.edge = &in;
	svc_resolve_asker_init(w.r, scan);
	w.r->pending_max = 2;
	for (silent.request = 1; silent.request <= 4; silent.request++) {
		w.r->timeout_ms = silent.request <= 2 ? TURN_MS : PATIENT_MS;
		svc_resolve_ask(send, &silent);
	}
	svc_resolve_ask(scan, &wish);
	CHECK_U64(w.r->pending, 5);
	CHECK_U64(w.r->asked, 2);
	await(3);
	CHECK_U64(w.got[2].request, 9);
	CHECK_ERR(w.got[2].result, ERR_OK);
	CHECK_U64(w.r->pending, 2);
	CHECK_U64(w.r->asked, 2);
	CHECK_U64(w.r->refused, 0);
	scan->link = (struct svc_common_link){ 0 };
	end();
}

static void
bounds_questions(void)
{
	begin();
	w.r->pending_max = 0;
	ask(1, S("one.test"), DNS_A);
	turn();
	w.r->pending = SVC_RESOLVE_LINE_MAX;
	ask(2, S("one.test"), DNS_A);
	await(1);
	CHECK_U64(w.got[0].request, 2);
	CHECK_ERR(w.got[0].result, ERR_AGAIN);
	CHECK(str_starts(str_from(w.got[0].why), S("too many")));
	w.r->pending = 1;
	end();
}

/* Without memory a question is answered all the same, and the next one is asked. */
static void
survives_no_memory(void)
{
	const struct svc_resolve_wish wish = { .request = 1, .name = S("one.test"), .type = DNS_A };
	begin();
	mem_fail_after(1);
	svc_resolve_ask(&w.r->sends[0], &wish);
	mem_fail_after(0);
	await(1);
	CHECK_ERR(w.got[0].result, ERR_AGAIN);
	CHECK_U64(w.r->pending, 0);
	svc_resolve_ask(&w.r->sends[0], &wish);
	await(2);
	CHECK_ERR(w.got[1].result, ERR_OK);
	end();
}

/* Closed, replaced, or broken by nonsense: its questions are gone, others go on. */
static void
forgets_with_the_channel(void)
{
	begin();
	ask(1, S("silent.test"), DNS_A);
	ask(2, S("one.test"), DNS_A);
	turn();
	sys_close(&w.send);
	turn();
	CHECK_U64(w.r->pending, 0);
	CHECK(w.r->sends[0].link.chan == NULL);
	wire_send();
	ask(3, S("silent.test"), DNS_A);
	turn();
	CHECK_U64(w.r->pending, 1);
	wire_send();
	CHECK_U64(w.r->pending, 0);
	buf_reset(&w.out);
	buf_cstr(&w.out, "nonsense");
	CHECK_ERR(sys_chan_send_wait(w.send, &w.out, -1, 1000), ERR_OK);
	turn();
	CHECK(w.r->sends[0].link.chan == NULL);
	wire_send();
	w.got_n = 0;
	ask(4, S("one.test"), DNS_A);
	await(1);
	CHECK_ERR(w.got[0].result, ERR_OK);
	end();
}

/* Whoever asks, and each of several processes alike. */
static void
serves_every_edge(void)
{
	static const struct {
		const char *edge;
		uint32_t peer;
	} rows[] = { { "scan_resolve", 0 }, { "scan_resolve", SVC_RESOLVE_SCANS_MAX - 1 },
		{ "policy_resolve", 0 }, { "watch_resolve", 0 },
		{ "send_resolve", SVC_RESOLVE_SENDS_MAX - 1 } };
	begin();
	for (size_t i = 0; i < LEN(rows); i++) {
		w.got_n = 0;
		wire(rows[i].edge, rows[i].peer);
		ask(i, S("one.test"), DNS_A);
		await(1);
		CHECK_U64(w.got[0].request, i);
		CHECK_ERR(w.got[0].result, ERR_OK);
		sys_close(&w.send);
		turn();
	}
	CHECK(w.r->scans[0].link.chan == NULL && w.r->policy[0].link.chan == NULL &&
	    w.r->watch[0].link.chan == NULL);
	CHECK(w.r->scans[SVC_RESOLVE_SCANS_MAX - 1].link.chan == NULL);
	end();
}

/* --- kept answers --------------------------------------------------------------------------- */

static struct svc_resolve_reply
reply_of(enum err result, uint8_t trust, uint32_t ttl_s)
{
	return (struct svc_resolve_reply){ .answer = {
					       .result = result, .trust = trust, .ttl_s = ttl_s } };
}

/* The second time nobody is asked, unless who asks is an administrator; and it says the same. */
static void
answers_from_memory(void)
{
	static const char *const names[] = { "one.test", "nx.test", "alias.test" };
	begin();
	for (size_t i = 0; i < 2 * LEN(names); i++) {
		ask(i, str_from(names[i % LEN(names)]), DNS_A);
		await(i + 1);
	}
	for (size_t i = 0; i < LEN(names); i++) {
		const struct got *first = &w.got[i], *second = &w.got[i + LEN(names)];
		CHECK_ERR(second->result, first->result);
		CHECK_U64(second->trust, first->trust);
		CHECK_U64(second->rcode, first->rcode);
		CHECK_U64(second->n, first->n);
		CHECK(second->ttl_s <= first->ttl_s);
		CHECK_STR(str_from(second->canonical), str_from(first->canonical));
	}
	CHECK_U64(w.r->from_kept, LEN(names));
	CHECK_U64(w.r->questions, 2 * LEN(names));
	CHECK_U64(w.r->missing, 2);
	ask(10, S("one.test"), DNS_AAAA); /* another type, the other path */
	await(7);
	CHECK_U64(w.r->from_kept, LEN(names));
	end();
}

/* What is not sure, or has no time to live, is not kept; what is large neither. */
static void
keeps_what_is_sure(void)
{
	static char large[SVC_RESOLVE_KEPT_OCTETS];
	struct ipc_common_dns_record record = { .rdata = str_make(large, sizeof large) };
	struct svc_resolve_question q = { .name = "a.test", .name_n = 6, .type = DNS_TXT };
	struct svc_resolve_reply out;
	begin();
	q.path = &w.r->first;
	const struct svc_resolve_reply none[] = {
		reply_of(ERR_CORRUPT, DNS_BOGUS, TTL), reply_of(ERR_AGAIN, DNS_TRUST_UNKNOWN, TTL),
		reply_of(ERR_OK, DNS_SECURE, 0),
		{ .answer = { .result = ERR_OK, .ttl_s = TTL }, .records = &record, .records_n = 1 }
	};
	for (size_t i = 0; i < LEN(none); i++) {
		svc_resolve_keep(w.r, &q, &none[i], 0);
		CHECK(!svc_resolve_kept(w.r, S("a.test"), DNS_TXT, 0, &out));
	}
	const struct svc_resolve_reply sure = reply_of(ERR_NOTFOUND, DNS_SECURE, TTL);
	q.path = &w.r->second;
	svc_resolve_keep(w.r, &q, &sure, 0);
	CHECK(!svc_resolve_kept(w.r, S("a.test"), DNS_TXT, 0, &out));
	q.path = &w.r->first;
	svc_resolve_keep(w.r, &q, &sure, 0);
	CHECK(svc_resolve_kept(w.r, S("a.test"), DNS_TXT, 0, &out));
	CHECK_ERR(out.answer.result, ERR_NOTFOUND);
	CHECK(!svc_resolve_kept(w.r, S("a.test"), DNS_A, 0, &out));
	end();
}

/* As long as its time to live, which goes on, and no longer than half a minute. */
static void
forgets_in_time(void)
{
	static const struct {
		uint32_t ttl_s;
		int64_t age_ms;
		bool kept;
		uint32_t left_s;
	} rows[] = { { 10, 0, true, 10 }, { 10, 999, true, 10 }, { 10, 9999, true, 1 },
		{ 10, 10000, false, 0 }, { 3600, 30000, true, 3570 }, { 3600, 30001, false, 0 } };
	struct svc_resolve_question q = { .name = "a.test", .name_n = 6, .type = DNS_TXT };
	struct svc_resolve_reply out;
	begin();
	q.path = &w.r->first;
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct svc_resolve_reply r = reply_of(ERR_OK, DNS_SECURE, rows[i].ttl_s);
		svc_resolve_keep(w.r, &q, &r, 5000);
		bool kept = svc_resolve_kept(w.r, S("a.test"), DNS_TXT, 5000 + rows[i].age_ms,
		    &out);
		CHECK(kept == rows[i].kept);
		CHECK(!kept || out.answer.ttl_s == rows[i].left_s);
	}
	end();
}

/* --- judging results that libunbound could give --------------------------------------------- */

enum { MANY = SVC_RESOLVE_RECORDS_MAX + 20, LARGE = SVC_RESOLVE_RECORD_MAX + 1 };

static void
judges(void)
{
	static char octets[LARGE], why[] = "a reason", canon[] = "WWW.Example.";
	char *data[MANY + 1] = { NULL };
	int lens[MANY + 1] = { 0 };
	struct arena *a = arena_new(NULL, "test", SVC_RESOLVE_SCRATCH, 0);
	struct svc_resolve_question q = { .name = "example", .name_n = 7 };
	struct svc_resolve_reply reply;
	for (size_t i = 0; i < MANY; i++) {
		data[i] = octets;
		lens[i] = 4;
	}
	struct ub_result res = {
		.data = data, .len = lens, .havedata = 1, .canonname = canon, .secure = 1, .ttl = -5
	};
	svc_resolve_judge(a, &q, 0, &res, &reply);
	CHECK_ERR(reply.answer.result, ERR_OK);
	CHECK_U64(reply.answer.trust, DNS_SECURE);
	CHECK_U64(reply.answer.ttl_s, 0);
	CHECK_U64(reply.records_n, SVC_RESOLVE_RECORDS_MAX);
	CHECK_STR(reply.answer.canonical, S("www.example"));

	lens[0] = LARGE; /* left out, the others stay */
	data[2] = NULL;
	svc_resolve_judge(a, &q, 0, &res, &reply);
	CHECK_U64(reply.records_n, 1);
	data[1] = NULL; /* and never is that the same as none */
	svc_resolve_judge(a, &q, 0, &res, &reply);
	CHECK_ERR(reply.answer.result, ERR_AGAIN);

	lens[0] = 4;
	res.secure = 0;
	res.bogus = 1;
	res.why_bogus = why;
	svc_resolve_judge(a, &q, 0, &res, &reply);
	CHECK_ERR(reply.answer.result, ERR_CORRUPT);
	CHECK_U64(reply.answer.trust, DNS_BOGUS);
	CHECK_U64(reply.records_n, 0);
	CHECK_STR(reply.answer.why, S("a reason"));

	svc_resolve_judge(a, &q, UB_NOMEM, NULL, &reply);
	CHECK_ERR(reply.answer.result, ERR_AGAIN);
	CHECK(reply.answer.why.n > 0);
	arena_free(&a);
}

static enum err
ignore_message(void *ctx, str datagram, int *fd)
{
	return ERR_OK;
}

static void
ignore_end(void *ctx, enum err why)
{
}

/* A second path that is not set up; and an administrator who goes. */
static void
serves_administrators(void)
{
	int fds[2];
	struct sys_chan *from = NULL;
	const struct sys_chan_handler none = { .on_message = ignore_message,
		.on_closed = ignore_end };
	struct ipc_adm_resolve_query m = { .request = 7, .name = S("silent.test"), .type = DNS_A };
	int none_fd = -1;
	begin();
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	CHECK_ERR(sys_chan_new(w.sc.loop, fds[0], &none, &from), ERR_OK);
	buf_reset(&w.out);
	ipc_adm_resolve_query_put(&w.out, &m);
	CHECK_ERR(svc_resolve_on_admin(&w.sc, from, buf_view(&w.out), &none_fd), ERR_OK);
	CHECK_U64(w.r->pending, 1);
	m.second = true;
	buf_reset(&w.out);
	ipc_adm_resolve_query_put(&w.out, &m);
	CHECK_ERR(svc_resolve_on_admin(&w.sc, from, buf_view(&w.out), &none_fd), ERR_OK);
	CHECK_U64(w.r->pending, 1);
	CHECK_U64(w.r->refused, 1);
	CHECK_ERR(svc_resolve_on_admin(&w.sc, from, S("nonsense"), &none_fd), ERR_PROTOCOL);
	svc_resolve_on_admin_closed(&w.sc, from);
	CHECK_U64(w.r->pending, 0);
	sys_chan_free(&from);
	sys_close(&fds[1]);
	end();
}

TEST_MAIN(tells_apart, gives_up_in_time, takes_turns, bounds_questions, forgets_with_the_channel,
    judges, serves_every_edge, serves_administrators, answers_from_memory, keeps_what_is_sure,
    forgets_in_time, survives_no_memory)
