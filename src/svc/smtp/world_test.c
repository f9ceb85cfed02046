/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fakes of world_test.h. Recipients: "unknown" is, "big" has long texts, all others are known.
 * Senders: those of me@example.org. Log-in: PLAIN with user "me". policy puts "grey" off, refuses
 * "listed", and knows the peer as peer.test.
 */
#include "svc/smtp/world_test.h"
#include "directory/verdict.h"
#include "ipc/gate_smtp.h"
#include "ipc/smtp_policy.h"
#include "ipc/smtp_queue.h"
#include "ipc/smtp_scan.h"
#include "ipc/smtp_watch.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <unistd.h>

enum { TURNS_MAX = 20000 };

unsigned svc_smtp_world_exits, svc_smtp_world_rewires;

/* The skeleton, as far as the process calls it. */
void
svc_common_exit(struct svc_common *sc)
{
	svc_smtp_world_exits++;
}

void
svc_common_rewire(struct svc_common *sc, str edge, uint32_t peer)
{
	svc_smtp_world_rewires++;
}

str
svc_common_state_path(struct svc_common *sc, str name)
{
	return arena_printf(sc->arena, "%.*s/%.*s", STR_ARG(sc->conf->state), STR_ARG(name));
}

static void
send_from(struct world *w, int fd)
{
	ASSERT(sys_chan_send_wait(fd, &w->out, -1, 1000) == ERR_OK);
	buf_reset(&w->out);
}

/* --- auth ---------------------------------------------------------------------------------- */

static enum err
on_rcpt(void *ctx, const struct ipc_smtp_auth_rcpt *m, int *fd)
{
	struct world *w = ctx;
	struct ipc_common_rcpt target = { .account = 7,
		.address = m->address,
		.detail = S("d"),
		.original = S(""),
		.orcpt = S("") };
	struct ipc_smtp_auth_filter filter = {
		.account = 7, .junk_at = 4500, .reject_at = 9000, .domain_policy = S("mark")
	};
	bool unknown = str_starts(m->address, S("unknown"));
	bool only = str_starts(m->address, S("only")), both = str_starts(m->address, S("both"));
	struct ipc_smtp_auth_forward there = { S("f@there.test") };
	struct ipc_smtp_auth_rcpt_result r = { .request = m->request,
		.verdict = unknown ? DIRECTORY_UNKNOWN : DIRECTORY_KNOWN,
		.targets = &target,
		.targets_n = unknown || only ? 0 : 1,
		.filters = &filter,
		.filters_n = unknown || only ? 0 : 1,
		.forwards = &there,
		.forwards_n = only || both ? 1 : 0,
		.sender = m->reverse_path.n > 0 ? S("SRS@c.org") : S(""),
		.via = only || both ? m->address : S(""),
		.reports = 9 };
	w->last_request = m->request;
	if (!w->auth_silent) {
		ipc_smtp_auth_rcpt_result_put(&w->out, &r);
		send_from(w, w->auth);
	}
	return ERR_OK;
}

static enum err
on_sender(void *ctx, const struct ipc_smtp_auth_sender *m, int *fd)
{
	struct world *w = ctx;
	bool mine = m->account == 7 && str_eq(m->address, S("me@example.org"));
	struct ipc_smtp_auth_sender_result r = { .request = m->request,
		.result = mine ? ERR_OK : ERR_DENIED };
	if (!w->auth_silent) {
		ipc_smtp_auth_sender_result_put(&w->out, &r);
		send_from(w, w->auth);
	}
	return ERR_OK;
}

static enum err
on_start(void *ctx, const struct ipc_smtp_auth_sasl_start *m, int *fd)
{
	struct world *w = ctx;
	bool me = str_find(m->initial, S("\0me\0")) >= 0;
	ASSERT(m->session.id == 0xfeed && m->session.exporter.n == 32);
	struct ipc_smtp_auth_sasl_done r = { .request = m->request,
		.result = me ? ERR_OK : ERR_AUTH,
		.account = me ? 7 : 0,
		.name = S("me@example.org"),
		.ticket = S(""),
		.final = S(""),
		.delay_ms = 0 };
	struct ipc_smtp_auth_sasl_challenge c = { .request = m->request, .data = S("c") };
	w->last_request = m->request;
	if (w->auth_silent) {
		return ERR_OK;
	}
	if (m->has_initial) {
		ipc_smtp_auth_sasl_done_put(&w->out, &r);
	} else {
		ipc_smtp_auth_sasl_challenge_put(&w->out, &c);
	}
	send_from(w, w->auth);
	return ERR_OK;
}

void
svc_smtp_world_answer_login(struct world *w, uint64_t request)
{
	struct ipc_smtp_auth_sasl_done r = { .request = request,
		.result = ERR_OK,
		.account = 7,
		.name = S("me@example.org"),
		.ticket = S(""),
		.final = S("") };
	ipc_smtp_auth_sasl_done_put(&w->out, &r);
	send_from(w, w->auth);
}

void
svc_smtp_world_revoke(struct world *w, uint64_t account)
{
	struct ipc_smtp_auth_revoke m = { .account = account };
	ipc_smtp_auth_revoke_put(&w->out, &m);
	send_from(w, w->auth);
	svc_smtp_world_settle(w);
}

static enum err
on_step(void *ctx, const struct ipc_smtp_auth_sasl_step *m, int *fd)
{
	struct world *w = ctx;
	ASSERT(m->request == w->last_request);
	svc_smtp_world_answer_login(w, m->request);
	return ERR_OK;
}

static enum err
on_abort(void *ctx, const struct ipc_smtp_auth_sasl_abort *m, int *fd)
{
	struct world *w = ctx;
	ASSERT(m->request == w->last_request);
	w->aborts++;
	return ERR_OK;
}

/* --- queue --------------------------------------------------------------------------------- */

void
svc_smtp_world_wire(struct world *w, const char *edge, int *end)
{
	int pair[2];
	sys_close(end);
	ASSERT(sys_chan_pair(pair) == ERR_OK);
	ASSERT(svc_common_wire(&w->sc, str_from(edge), 0, pair[1]) == ERR_OK);
	*end = pair[0];
}

void
svc_smtp_world_answer_commit(struct world *w, enum err result)
{
	struct ipc_smtp_queue_commit_result r = {
		.txn = w->last_txn, .result = result, .entry = w->commits
	};
	ipc_smtp_queue_commit_result_put(&w->out, &r);
	send_from(w, w->queue);
}

static enum err
on_commit(void *ctx, const struct ipc_smtp_queue_commit *m, int *fd)
{
	struct world *w = ctx;
	size_t before = w->stored.n;
	buf_str(&w->stored, m->body);
	if (*fd >= 0) {
		ASSERT(m->body.n == 0 || sys_file_is_sealed(*fd));
		ASSERT(sys_file_load_fd(*fd, &w->stored) == ERR_OK);
		w->by_file++;
		w->crowned += m->body.n > 0;
	}
	ASSERT(w->stored.n - before == m->size && buf_err(&w->stored) == ERR_OK);
	buf_printf(&w->envelopes, "%d <%.*s>%s", m->submission, STR_ARG(m->reverse_path),
	    m->smtputf8 ? " utf8" : "");
	for (size_t i = 0; i < m->rcpts_n; i++) {
		buf_printf(&w->envelopes, " %.*s:%llu", STR_ARG(m->rcpts[i].original),
		    (unsigned long long)m->rcpts[i].account);
		buf_cstr(&w->envelopes, m->rcpts[i].junk ? " junk" : "");
		if (m->rcpts[i].account == 0) {
			buf_printf(&w->envelopes, "(%.*s <%.*s> %.*s %llu)",
			    STR_ARG(m->rcpts[i].address), STR_ARG(m->rcpts[i].sender),
			    STR_ARG(m->rcpts[i].via), (unsigned long long)m->rcpts[i].reports);
		}
	}
	buf_ch(&w->envelopes, '\n');
	w->last_txn = m->txn;
	w->commits++;
	if (!w->queue_silent) {
		svc_smtp_world_answer_commit(w, w->commit);
	}
	return ERR_OK;
}

/* --- policy, scan, watch ------------------------------------------------------------------- */

static enum err
on_peer(void *ctx, const struct ipc_smtp_policy_peer *m, int *fd)
{
	struct world *w = ctx;
	struct ipc_smtp_policy_replied r = { .request = m->request, .reply = w->peer_reply };
	buf_printf(&w->asked, "peer %d %u\n", m->submission, m->manners);
	if (!w->policy_silent) {
		ipc_smtp_policy_replied_put(&w->out, &r);
		send_from(w, w->policy);
	}
	return ERR_OK;
}

static struct ipc_common_reply
opinion_of(str address)
{
	if (str_starts(address, S("grey"))) {
		return (struct ipc_common_reply){ 2, 451, S("4.7.1"), S("Come back later") };
	}
	if (str_starts(address, S("listed"))) {
		return (struct ipc_common_reply){ 3, 550, S("5.7.1"), S("Listed by zone.test") };
	}
	return (struct ipc_common_reply){ .verdict = 1 };
}

static enum err
on_policy_rcpt(void *ctx, const struct ipc_smtp_policy_rcpt *m, int *fd)
{
	struct world *w = ctx;
	struct ipc_common_listed listed = { S("zone.test"), S("192.0.2.1"), S("127.0.0.2"), 1500 };
	struct ipc_smtp_policy_judged r = { .request = m->request,
		.reply = opinion_of(m->address),
		.trust = { .iprev = 1, .name = S("peer.test"), .spf = 2, .spf_domain = S("b.org") },
		.listed = &listed,
		.listed_n = 1 };
	buf_printf(&w->asked, "rcpt %.*s %.*s %.*s%s %zu\n", STR_ARG(m->helo),
	    STR_ARG(m->reverse_path), STR_ARG(m->address), m->first ? " first" : "", m->accounts_n);
	if (!w->policy_silent) {
		ipc_smtp_policy_judged_put(&w->out, &r);
		send_from(w, w->policy);
	}
	return ERR_OK;
}

static enum err
on_submit(void *ctx, const struct ipc_smtp_policy_submit *m, int *fd)
{
	struct world *w = ctx;
	struct ipc_smtp_policy_replied r = { .request = m->request,
		.reply = opinion_of(m->address) };
	buf_printf(&w->asked, "submit %llu %.*s%s\n", (unsigned long long)m->account,
	    STR_ARG(m->address), m->first ? " first" : "");
	ipc_smtp_policy_replied_put(&w->out, &r);
	send_from(w, w->policy);
	return ERR_OK;
}

static enum err
on_ended(void *ctx, const struct ipc_smtp_policy_ended *m, int *fd)
{
	struct world *w = ctx;
	buf_printf(&w->asked, "ended %u %u %u\n", m->messages, m->recipients, m->unknown);
	return ERR_OK;
}

static enum err
on_letter(void *ctx, const struct ipc_smtp_scan_letter *m, int *fd)
{
	struct world *w = ctx;
	size_t before = w->looked.n;
	struct ipc_smtp_scan_cut cut = { w->cut_at, w->cut_length };
	struct ipc_smtp_scan_place place = { (uint16_t)w->junk, true };
	struct ipc_smtp_scan_verdict r = { .request = m->request,
		.result = w->scan_result,
		.reply = w->verdict,
		.header = str_from(w->scan_header),
		.cuts = &cut,
		.cuts_n = w->cut_length > 0,
		.places = &place,
		.places_n = w->junk >= 0,
		.score = 4200,
		.message_id = S("id@b.org"),
		.from = S("from@b.org"),
		.why = S("spf=fail words=2.310") };
	if (*fd >= 0) {
		ASSERT(m->body.n == 0 && sys_file_load_fd(*fd, &w->looked) == ERR_OK);
		w->scanned_files++;
	} else {
		buf_str(&w->looked, m->body);
	}
	ASSERT(w->looked.n - before == m->size && m->targets_n > 0);
	ASSERT(m->submission || (m->trust.spf == 2 && m->listed_n == 1) || w->policy < 0 ||
	    w->policy_silent);
	ASSERT(m->targets[0].account == 0 ||
	    (m->targets[0].junk_at == 4500 && m->targets[0].reject_at == 9000));
	w->last_letter = m->request;
	if (!w->scan_silent) {
		ipc_smtp_scan_verdict_put(&w->out, &r);
		send_from(w, w->scan);
	}
	return ERR_OK;
}

static enum err
on_inbound(void *ctx, const struct ipc_smtp_watch_inbound *m, int *fd)
{
	struct world *w = ctx;
	buf_printf(&w->told, "%u %u %.*s <%.*s>", m->end, m->code, STR_ARG(m->enhanced),
	    STR_ARG(m->reverse_path));
	for (size_t i = 0; i < m->rcpts_n; i++) {
		buf_printf(&w->told, " %.*s", STR_ARG(m->rcpts[i].address));
	}
	buf_printf(&w->told, " %.*s %.*s %s\n", STR_ARG(m->name), STR_ARG(m->message_id),
	    m->entry != 0 ? "queued" : "-");
	return ERR_OK;
}

/* --- turning ------------------------------------------------------------------------------- */

/* What a real peer does: it closes a channel whose message it could not take. */
static void
after(struct world *w, enum err e, int *chan, int *fd)
{
	ASSERT(e == ERR_OK || w->may_fail);
	sys_close(fd);
	if (e != ERR_OK) {
		sys_close(chan);
	}
}

static bool
pump_auth(struct world *w)
{
	static const struct ipc_smtp_auth_at_auth h = { .sasl_start = on_start,
		.sasl_step = on_step,
		.sasl_abort = on_abort,
		.rcpt = on_rcpt,
		.sender = on_sender };
	int fd;
	if (w->auth < 0 || sys_chan_recv(w->auth, &w->in, &fd) != ERR_OK) {
		return false;
	}
	enum err e = ipc_smtp_auth_auth_dispatch(&h, w, buf_view(&w->in), &fd, w->scratch);
	after(w, e, &w->auth, &fd);
	return true;
}

static bool
pump_queue(struct world *w)
{
	static const struct ipc_smtp_queue_at_queue h = { .commit = on_commit };
	int fd;
	if (w->queue < 0 || sys_chan_recv(w->queue, &w->in, &fd) != ERR_OK) {
		return false;
	}
	enum err e = ipc_smtp_queue_queue_dispatch(&h, w, buf_view(&w->in), &fd, w->scratch);
	after(w, e, &w->queue, &fd);
	return true;
}

static bool
pump_checks(struct world *w)
{
	static const struct ipc_smtp_policy_at_policy at_policy = {
		.peer = on_peer, .rcpt = on_policy_rcpt, .submit = on_submit, .ended = on_ended
	};
	static const struct ipc_smtp_scan_at_scan at_scan = { .letter = on_letter };
	static const struct ipc_smtp_watch_at_watch at_watch = { .inbound = on_inbound };
	int *ends[] = { &w->policy, &w->scan, &w->watch };
	bool any = false;
	for (size_t i = 0; i < LEN(ends); i++) {
		int fd;
		if (*ends[i] < 0 || sys_chan_recv(*ends[i], &w->in, &fd) != ERR_OK) {
			continue;
		}
		str m = buf_view(&w->in);
		enum err e = i == 0
		    ? ipc_smtp_policy_policy_dispatch(&at_policy, w, m, &fd, w->scratch)
		    : i == 1 ? ipc_smtp_scan_scan_dispatch(&at_scan, w, m, &fd, w->scratch)
			     : ipc_smtp_watch_watch_dispatch(&at_watch, w, m, &fd, w->scratch);
		after(w, e, ends[i], &fd);
		any = true;
	}
	return any;
}

static bool
pump_client(struct world *w)
{
	char *to = buf_room(&w->heard, 4096);
	size_t n;
	if (w->client < 0 || w->client_eof || to == NULL) {
		return false;
	}
	enum err e = sys_sock_read(w->client, to, 4096, &n);
	if (e == ERR_OK) {
		buf_grow(&w->heard, n);
	}
	w->client_eof = e != ERR_OK && e != ERR_AGAIN;
	return e == ERR_OK;
}

void
svc_smtp_world_settle(struct world *w)
{
	unsigned quiet = 0;
	for (unsigned i = 0; i < TURNS_MAX && quiet < 3; i++) {
		(void)(sys_loop_turn(w->sc.loop, 0) == ERR_OK);
		bool moved = pump_auth(w);
		moved |= pump_queue(w);
		moved |= pump_checks(w);
		moved |= pump_client(w);
		quiet = moved ? 0 : quiet + 1;
	}
	ASSERT(quiet == 3);
}

void
svc_smtp_world_say(struct world *w, str octets)
{
	unsigned stuck = 0;
	while (octets.n > 0 && stuck < 100) {
		size_t n = 0;
		enum err e = sys_sock_write(w->client, octets, &n);
		ASSERT(e == ERR_OK || e == ERR_AGAIN || e == ERR_EOF);
		octets = str_from_off(octets, e == ERR_OK ? n : 0);
		stuck = e == ERR_OK ? 0 : stuck + 1;
		svc_smtp_world_settle(w);
	}
}

void
svc_smtp_world_connect(struct world *w, enum sys_protocol protocol, bool greeted)
{
	static const uint8_t ip[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 };
	static const char exporter[32] = "binding";
	int pair[2];
	ASSERT(sys_sock_pair(pair) == ERR_OK);
	w->client = pair[0];
	w->client_eof = false;
	buf_reset(&w->heard);
	const struct ipc_gate_smtp_session m = { .session = { .id = 0xfeed,
						     .protocol = (uint8_t)protocol,
						     .greeted = greeted,
						     .peer_ip = str_make(ip, 16),
						     .peer_port = 55,
						     .local_ip = str_make(ip, 16),
						     .tls_version = S("TLSv1.3"),
						     .tls_cipher = S("TLS_AES_128_GCM_SHA256"),
						     .sni = S(""),
						     .exporter = str_make(exporter, 32),
						     .endpoint = S("") } };
	ipc_gate_smtp_session_put(&w->out, &m);
	ASSERT(sys_chan_send_wait(w->gate, &w->out, pair[1], 1000) == ERR_OK);
	buf_reset(&w->out);
	svc_smtp_world_settle(w);
}

static void
make_state(struct world *w)
{
	snprintf(w->state, sizeof w->state, "smtp-test-%d", (int)getpid());
	str state = str_from(w->state);
	(void)(sys_dir_remove_tree(SYS_CWD, state) == ERR_OK);
	ASSERT(sys_dir_make(SYS_CWD, state, 0700) == ERR_OK);
	int fd;
	ASSERT(sys_dir_open(SYS_CWD, state, &fd) == ERR_OK);
	ASSERT(sys_dir_make(fd, S("spool"), 0700) == ERR_OK);
	ASSERT(sys_dir_make(fd, S("spool/tmp"), 0700) == ERR_OK);
	sys_close(&fd);
}

void
svc_smtp_world_open(struct world *w)
{
	*w = (struct world){ .client = -1,
		.gate = -1,
		.auth = -1,
		.queue = -1,
		.policy = -1,
		.scan = -1,
		.watch = -1,
		.junk = -1,
		.scan_header = "",
		.peer_reply = { .verdict = 1 },
		.verdict = { .verdict = 1 } };
	make_state(w);
	w->conf = (struct conf){ .hostname = S("mx.example.org"),
		.state = str_from(w->state),
		.smtp_max_size = 1 << 20,
		.smtp_max_recipients = 100,
		.smtp_max_errors = 10,
		.smtp_max_transactions = 1000,
		.smtp_command_timeout = 300000,
		.smtp_data_timeout = 180000,
		.scan_absent = S("pass") };
	w->sc.service = &svc_smtp_service;
	w->sc.conf = &w->conf;
	w->sc.arena = arena_new(NULL, "test", 1 << 30, 0);
	w->scratch = arena_new(NULL, "scratch", 1 << 20, 0);
	buf_init(&w->heard, 1 << 20);
	buf_init(&w->stored, 16 << 20);
	buf_init(&w->envelopes, 1 << 20);
	buf_init(&w->in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w->out, SYS_CHAN_MESSAGE_MAX);
	ASSERT(sys_loop_new(&w->sc.loop) == ERR_OK);
	ASSERT(svc_smtp_service.init(&w->sc) == ERR_OK);
	w->sv = w->sc.ctx;
	svc_smtp_world_wire(w, "gate_smtp", &w->gate);
	svc_smtp_world_wire(w, "smtp_auth", &w->auth);
	svc_smtp_world_wire(w, "smtp_queue", &w->queue);
}

void
svc_smtp_world_checks(struct world *w)
{
	buf_init(&w->asked, 1 << 20);
	buf_init(&w->looked, 16 << 20);
	buf_init(&w->told, 1 << 20);
	svc_smtp_world_wire(w, "smtp_policy", &w->policy);
	svc_smtp_world_wire(w, "smtp_scan", &w->scan);
	svc_smtp_world_wire(w, "smtp_watch", &w->watch);
}

void
svc_smtp_world_close(struct world *w)
{
	sys_close(&w->client);
	svc_smtp_world_settle(w);
	LIST_EACH(it, &w->sv->sessions) {
		svc_smtp_session_end(LIST_ENTRY(it, struct svc_smtp_session, node), "test");
	}
	svc_smtp_world_settle(w);
	ASSERT(w->sv->living == 0 && w->sv->bodies == 0);
	sys_close(&w->gate);
	svc_smtp_world_settle(w);
	svc_smtp_done(&w->sc);
	sys_close(&w->auth);
	sys_close(&w->queue);
	sys_close(&w->policy);
	sys_close(&w->scan);
	sys_close(&w->watch);
	buf_done(&w->asked);
	buf_done(&w->looked);
	buf_done(&w->told);
	sys_loop_free(&w->sc.loop);
	arena_free(&w->scratch);
	arena_free(&w->sc.arena);
	buf_done(&w->heard);
	buf_done(&w->stored);
	buf_done(&w->envelopes);
	buf_done(&w->in);
	buf_done(&w->out);
	ASSERT(sys_dir_remove_tree(SYS_CWD, str_from(w->state)) == ERR_OK);
}
