/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of policy_test.c: DNS out of a table, answers remembered, notices acknowledged.
 */
#include "svc/policy/world_test.h"

#include "base/codec.h"
#include "ipc/policy_auth.h"
#include "ipc/policy_queue.h"
#include "ipc/policy_resolve.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

struct world world;

/* ---- DNS ------------------------------------------------------------------------------------ */

static void
put_rdata(struct buf *out, const struct world_name *n)
{
	uint8_t ip[16];

	if (n->type == DNS_A && sys_addr_ip_parse(str_from(n->data), ip) == ERR_OK) {
		buf_add(out, ip + 12, 4);
	} else if (n->type == DNS_TXT) {
		CHECK_ERR(dns_txt_put(out, str_from(n->data)), ERR_OK);
	} else {
		CHECK_ERR(dns_name_put(out, str_from(n->data)), ERR_OK);
	}
}

static enum err
on_query(void *ctx, const struct ipc_policy_resolve_query *m, int *fd)
{
	struct ipc_common_dns_record record[4];
	struct buf rdata[4];
	struct ipc_policy_resolve_answer a = { .request = m->request, .records = record };
	bool silent = false, exists = false;

	world.questions++;
	for (const struct world_name *n = world.names; n != NULL && n->name != NULL; n++) {
		if (!str_ieq(m->name, str_from(n->name))) {
			continue;
		}
		exists = true;
		silent = silent || (n->data != NULL && strcmp(n->data, "-") == 0);
		if (n->type == m->type && !silent && a.records_n < LEN(record)) {
			buf_init(&rdata[a.records_n], 1000);
			put_rdata(&rdata[a.records_n], n);
			record[a.records_n] = (struct ipc_common_dns_record){
				buf_view(&rdata[a.records_n])
			};
			a.records_n++;
		}
	}
	a.answer.result = exists ? ERR_OK : ERR_NOTFOUND;
	if (!silent) {
		buf_reset(&world.out);
		ipc_policy_resolve_answer_put(&world.out, &a);
		CHECK_ERR(sys_chan_send_wait(world.ends[RESOLVE], &world.out, -1, 1000), ERR_OK);
		buf_reset(&world.out);
	}
	for (size_t i = 0; i < a.records_n; i++) {
		buf_done(&rdata[i]);
	}
	return ERR_OK;
}

/* ---- answers -------------------------------------------------------------------------------- */

static str
keep(str s)
{
	return s.n == 0 ? S("") : arena_dup(world.arena, s);
}

static enum err
on_judged(void *ctx, const struct ipc_smtp_policy_judged *m, int *fd)
{
	world.judged = *m;
	world.judged_n++;
	world.judged.reply.text = keep(m->reply.text);
	world.judged.trust.name = keep(m->trust.name);
	world.judged.trust.spf_domain = keep(m->trust.spf_domain);
	world.judged.trust.spf_why = keep(m->trust.spf_why);
	if (m->listed_n > 0) {
		struct ipc_common_listed *l = arena_array(world.arena, m->listed_n, sizeof *l);
		for (size_t i = 0; i < m->listed_n; i++) {
			l[i] = m->listed[i];
			l[i].zone = keep(l[i].zone);
			l[i].what = keep(l[i].what);
			l[i].answer = keep(l[i].answer);
		}
		world.judged.listed = l;
	}
	return ERR_OK;
}

static enum err
on_replied(void *ctx, const struct ipc_smtp_policy_replied *m, int *fd)
{
	world.replied = *m;
	world.replied_n++;
	return ERR_OK;
}

static enum err
on_letter(void *ctx, const struct ipc_scan_policy_judged *m, int *fd)
{
	world.letter = *m;
	world.letters_n++;
	world.letter.opinions = arena_array(world.arena, m->opinions_n + 1, sizeof *m->opinions);
	world.letter.fame = arena_array(world.arena, m->fame_n + 1, sizeof *m->fame);
	for (size_t i = 0; i < m->opinions_n; i++) {
		world.letter.opinions[i] = m->opinions[i];
	}
	for (size_t i = 0; i < m->fame_n; i++) {
		world.letter.fame[i] = m->fame[i];
	}
	return ERR_OK;
}

/* queue says so */
void
world_released(uint64_t account, uint32_t mark)
{
	const struct ipc_policy_queue_released m = { .account = account, .mark = mark };

	buf_reset(&world.out);
	ipc_policy_queue_released_put(&world.out, &m);
	CHECK_ERR(sys_chan_send_wait(world.ends[QUEUE], &world.out, -1, 1000), ERR_OK);
	buf_reset(&world.out);
}

static enum err
on_hold(void *ctx, const struct ipc_policy_queue_hold *m, int *fd)
{
	world.holds += m->on;
	world.releases += !m->on;
	world.mark = m->mark;
	if (!m->on && !world.deaf) {
		world_released(m->account, m->mark);
	}
	return ERR_OK;
}

static enum err
on_notice(void *ctx, const struct ipc_policy_queue_notice *m, int *fd)
{
	const struct ipc_policy_queue_noticed done = { .txn = m->txn, .result = ERR_OK };

	world.notices++;
	CHECK(str_find(m->body, S("\r\n\r\n")) > 0 && str_find(m->body, S("Konto")) > 0);
	CHECK(str_find(m->body, S("compte")) > 0 && str_find(m->body, S("account")) > 0);
	CHECK(utf8_valid(m->body));
	bool owner = m->accounts_n == 1 && m->accounts[0].id == 9;
	CHECK(owner || (m->accounts_n == 2 && m->accounts[0].id == 1 && m->accounts[1].id == 2));
	CHECK_STR(m->recipient, owner ? S("owner@here.test") : S("postmaster@here.test"));
	buf_reset(&world.out);
	ipc_policy_queue_noticed_put(&world.out, &done);
	CHECK_ERR(sys_chan_send_wait(world.ends[QUEUE], &world.out, -1, 1000), ERR_OK);
	buf_reset(&world.out);
	return ERR_OK;
}

/* Two read postmaster's mail. */
static enum err
on_find(void *ctx, const struct ipc_policy_auth_find *m, int *fd)
{
	struct ipc_common_id readers[] = { { 1 }, { 2 } };
	const struct ipc_policy_auth_found found = {
		.request = m->request, .accounts = readers, .accounts_n = LEN(readers)
	};

	CHECK_STR(m->address, S("postmaster@here.test"));
	buf_reset(&world.out);
	ipc_policy_auth_found_put(&world.out, &found);
	CHECK_ERR(sys_chan_send_wait(world.ends[AUTH], &world.out, -1, 1000), ERR_OK);
	buf_reset(&world.out);
	return ERR_OK;
}

static enum err
dispatch(size_t end, str datagram, int *fd)
{
	static const struct ipc_smtp_policy_at_smtp smtp = { .judged = on_judged,
		.replied = on_replied };
	static const struct ipc_scan_policy_at_scan scan = { .judged = on_letter };
	static const struct ipc_policy_queue_at_queue queue = { .hold = on_hold,
		.notice = on_notice };
	static const struct ipc_policy_auth_at_auth auth = { .find = on_find };
	static const struct ipc_policy_resolve_at_resolve resolve = { .query = on_query };

	switch (end) {
	case SMTP: return ipc_smtp_policy_smtp_dispatch(&smtp, NULL, datagram, fd, world.arena);
	case SCAN: return ipc_scan_policy_scan_dispatch(&scan, NULL, datagram, fd, world.arena);
	case QUEUE: return ipc_policy_queue_queue_dispatch(&queue, NULL, datagram, fd, world.arena);
	case AUTH: return ipc_policy_auth_auth_dispatch(&auth, NULL, datagram, fd, world.arena);
	case RESOLVE:
		return ipc_policy_resolve_resolve_dispatch(&resolve, NULL, datagram, fd,
		    world.arena);
	default: return ERR_PROTOCOL;
	}
}

/* Turn the process, and play the others, until nothing moves. */
void
world_turn(void)
{
	for (int quiet = 0; quiet < 3;) {
		int fd = -1;
		bool moved = false;
		CHECK_ERR(sys_loop_turn(world.sc.loop, 0), ERR_OK);
		for (size_t i = 0; i < ENDS; i++) {
			while (world.ends[i] >= 0 &&
			    sys_chan_recv(world.ends[i], &world.in, &fd) == ERR_OK) {
				CHECK_ERR(dispatch(i, buf_view(&world.in), &fd), ERR_OK);
				moved = true;
			}
		}
		quiet = moved ? 0 : quiet + 1;
	}
}

/* ---- the world ------------------------------------------------------------------------------ */

static void
wire(size_t end)
{
	static const char *const edges[ENDS] = { "smtp_policy", "scan_policy", "accounts_policy",
		"policy_queue", "policy_resolve", "policy_auth" };
	int ends[2];

	CHECK_ERR(sys_chan_pair(ends), ERR_OK);
	CHECK_ERR(svc_common_wire(&world.sc, str_from(edges[end]), 0, ends[0]), ERR_OK);
	sys_close(&world.ends[end]);
	world.ends[end] = ends[1];
}

static enum err
on_admin_message(void *ctx, str datagram, int *fd)
{
	return svc_policy_service.on_admin(&world.sc, world.admin_chan, datagram, fd);
}

static void
on_admin_closed(void *ctx, enum err why)
{
	sys_chan_free(&world.admin_chan);
}

void
world_start(void)
{
	const struct sys_chan_handler admin = { .on_message = on_admin_message,
		.on_closed = on_admin_closed };
	int ends[2];

	CHECK_ERR(sys_loop_new(&world.sc.loop), ERR_OK);
	world.sc.arena = arena_new(NULL, "process", 64 << 20, 0);
	world.sc.conf = &world.conf;
	world.sc.service = &svc_policy_service;
	world.sc.starting = true;
	CHECK_ERR(svc_policy_service.init(&world.sc), ERR_OK);
	world.p = world.sc.ctx;
	for (size_t i = 0; i < ENDS; i++) {
		world.ends[i] = -1;
		wire(i);
	}
	CHECK_ERR(sys_chan_pair(ends), ERR_OK);
	CHECK_ERR(sys_chan_new(world.sc.loop, ends[0], &admin, &world.admin_chan), ERR_OK);
	world.admin = ends[1];
	CHECK_ERR(svc_policy_service.start(&world.sc), ERR_OK);
	svc_common_links_start(&world.sc);
	world_turn();
}

void
world_stop(void)
{
	struct svc_policy *p = world.p;

	svc_policy_stop(p);
	lru_free(&p->sessions);
	map_free(&p->questions);
	map_free(&p->judges);
	policy_table_free(&p->limits);
	policy_table_free(&p->outgoing);
	svc_common_links_close(&world.sc);
	for (size_t i = 0; i < ENDS; i++) {
		sys_close(&world.ends[i]);
	}
	sys_chan_free(&world.admin_chan);
	sys_close(&world.admin);
	buf_done(&p->out);
	sys_loop_free(&world.sc.loop);
	arena_free(&world.sc.arena);
}

void
world_begin(const struct world_name *names)
{
	static const str domains[] = { S_INIT("here.test") };

	memset(&world, 0, sizeof world);
	world.names = names;
	world.session = 100;
	world.arena = arena_new(NULL, "test", 256 << 20, 0);
	buf_init(&world.in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&world.out, SYS_CHAN_MESSAGE_MAX);
	snprintf(world.folder, sizeof world.folder, "/tmp/postern-policy-%016llx",
	    (unsigned long long)sys_random_u64());
	str text = arena_printf(world.arena,
	    "hostname mx.here.test\ndomain here.test\nstate %s\n"
	    "lists {\nwait 100ms\n}\n",
	    world.folder);
	CHECK_ERR(conf_parse(text, world.arena, NULL, NULL, &world.conf), ERR_OK);
	world.conf.domain = (struct conf_list){ domains, 1 };
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(world.folder), 0700), ERR_OK);
	CHECK_ERR(sys_dir_make(SYS_CWD, arena_printf(world.arena, "%s/policy", world.folder), 0700),
	    ERR_OK);
}

void
world_end(void)
{
	world_stop();
	buf_done(&world.in);
	buf_done(&world.out);
	arena_free(&world.arena);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(world.folder)), ERR_OK);
}

void
world_put(size_t end)
{
	CHECK_ERR(buf_err(&world.out), ERR_OK);
	CHECK_ERR(sys_chan_send_wait(world.ends[end], &world.out, -1, 1000), ERR_OK);
	buf_reset(&world.out);
	world_turn();
}

/* ---- what smtp says ------------------------------------------------------------------------- */

str
world_ip_of(const char *text)
{
	uint8_t *ip = arena_alloc(world.arena, 16);

	CHECK_ERR(sys_addr_ip_parse(str_from(text), ip), ERR_OK);
	return str_make(ip, 16);
}

uint8_t
world_peer(const char *ip)
{
	const struct ipc_smtp_policy_peer m = {
		.request = ++world.request, .session = ++world.session, .ip = world_ip_of(ip)
	};
	size_t before = world.replied_n;

	ipc_smtp_policy_peer_put(&world.out, &m);
	world_put(SMTP);
	CHECK_U64(world.replied_n, before + 1);
	CHECK_U64(world.replied.request, m.request);
	return world.replied.reply.verdict;
}

/* Out: the code, 0: it goes on; UINT16_MAX: no answer yet. */
uint16_t
world_rcpt(const char *ip, const char *from, const char *to)
{
	struct ipc_common_id account = { 7 };
	const struct ipc_smtp_policy_rcpt m = { .request = ++world.request,
		.session = world.session,
		.ip = world_ip_of(ip),
		.helo = S("mail.far.test"),
		.reverse_path = str_from(from),
		.address = str_from(to),
		.first = true,
		.accounts = &account,
		.accounts_n = 1 };
	size_t before = world.judged_n;

	ipc_smtp_policy_rcpt_put(&world.out, &m);
	world_put(SMTP);
	if (world.judged_n == before) {
		return UINT16_MAX;
	}
	CHECK_U64(world.judged.request, m.request);
	return world.judged.reply.code;
}

void
world_ended(const char *ip, uint32_t unknown)
{
	const struct ipc_smtp_policy_ended m = {
		.session = world.session, .ip = world_ip_of(ip), .unknown = unknown
	};

	ipc_smtp_policy_ended_put(&world.out, &m);
	world_put(SMTP);
}

uint16_t
world_submit(uint64_t account, const char *to)
{
	const struct ipc_smtp_policy_submit m = { .request = ++world.request,
		.account = account,
		.name = S("owner@here.test"),
		.address = str_from(to),
		.first = true };

	ipc_smtp_policy_submit_put(&world.out, &m);
	world_put(SMTP);
	CHECK_U64(world.replied.request, m.request);
	return world.replied.reply.code;
}

/* Strangers must wait, or need not. */
void
world_wait_none(bool none)
{
	world.conf.greylist_delay = none ? 0 : 180000;
}
