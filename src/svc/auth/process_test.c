/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real programs, postern-auth and two postern-hash, inside their sandboxes; this test plays
 * their parent and all their peers. What the kernel would forbid shows here and nowhere else.
 */
#include "base/test.h"
#include "directory/verdict.h"
#include "ipc/accounts_auth.h"
#include "ipc/adm_auth.h"
#include "ipc/gate_auth.h"
#include "ipc/login_auth.h"
#include "ipc/smtp_auth.h"
#include "svc/common/program_test.h"
#include "sys/chan.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sock.h"
#include "sys/sys.h"

enum { WAIT_MS = 20000, HASHES = 2 };

static struct arena *arena;
static struct buf out, in;
static char folder[64];

static struct svc_common_program auth, hash[HASHES];

/* Our ends of auth's channels. */
static int login, smtp, accounts, gate, admin = -1;

/* ---- starting ------------------------------------------------------------------------------ */

static str
settings(void)
{
	return arena_printf(arena,
	    "hostname mail.example.org\ndomain example.org\nstate %s\n"
	    "auth {\n hash-iterations 4096\n ban-after 3\n ban-time 1h\n}\n",
	    folder);
}

static void
start_hash(uint32_t i)
{
	int pair[2];

	svc_common_program_start(&hash[i], "hash", "hash", i, settings());
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	svc_common_program_give(&hash[i], "auth_hash", 0, pair[0]);
	svc_common_program_give(&auth, "auth_hash", i, pair[1]);
	svc_common_program_go(&hash[i]);
}

static void
start_all(void)
{
	str socket = arena_printf(arena, "%s/auth.sock", folder);
	int listener = -1;

	svc_common_program_start(&auth, "auth", "auth", 0, settings());
	login = svc_common_program_wire(&auth, "login_auth", 0);
	smtp = svc_common_program_wire(&auth, "smtp_auth", 0);
	accounts = svc_common_program_wire(&auth, "accounts_auth", 0);
	gate = svc_common_program_wire(&auth, "gate_auth", 0);
	CHECK_ERR(sys_sock_listen_local(socket, 0600, &listener), ERR_OK);
	svc_common_program_admin(&auth, listener);
	svc_common_program_go(&auth);
	for (uint32_t i = 0; i < HASHES; i++) {
		start_hash(i);
	}
	CHECK_ERR(sys_sock_connect_local(socket, &admin), ERR_OK);
	CHECK_ERR(sys_chan_prepare(admin), ERR_OK);
}

static void
stop_program(struct svc_common_program *p)
{
	svc_common_program_quit(p, 1000);
	svc_common_program_end(p);
}

static void
stop_all(void)
{
	stop_program(&auth);
	for (size_t i = 0; i < HASHES; i++) {
		stop_program(&hash[i]);
	}
	sys_close(&login);
	sys_close(&smtp);
	sys_close(&accounts);
	sys_close(&gate);
	sys_close(&admin);
}

/* ---- talking ------------------------------------------------------------------------------- */

/* Send a message that was put into `out`. */
static void
say(int channel)
{
	CHECK_ERR(sys_chan_send_wait(channel, &out, -1, WAIT_MS), ERR_OK);
}

/* Wait for a message; it stays in `in`. */
static void
hear(int channel)
{
	int fd = -1;

	CHECK_ERR(sys_chan_recv_wait(channel, &in, &fd, WAIT_MS), ERR_OK);
	CHECK(fd == -1);
}

static enum err
on_admin_done(void *ctx, const struct ipc_adm_auth_done *m, int *fd)
{
	*(enum err *)ctx = m->result;
	if (m->result != ERR_OK) {
		printf("administrator: %.*s\n", STR_ARG(m->text));
	}
	return ERR_OK;
}

static enum err
on_imported(void *ctx, const struct ipc_adm_auth_imported *m, int *fd)
{
	*(enum err *)ctx = m->created == 100 && m->errors_n == 0 ? ERR_OK : ERR_BUG;
	return ERR_OK;
}

static enum err
admin_answer(void)
{
	static const struct ipc_adm_auth_at_admin handlers = { .done = on_admin_done,
		.imported = on_imported };
	enum err result = ERR_BUG;
	int fd = -1;

	say(admin);
	hear(admin);
	CHECK_ERR(ipc_adm_auth_admin_dispatch(&handlers, &result, buf_view(&in), &fd, arena),
	    ERR_OK);
	return result;
}

static enum err
add_account(const char *address, const char *password)
{
	struct ipc_adm_auth_account_add m = {
		.request = 1, .address = str_from(address), .password = str_from(password)
	};

	buf_reset(&out);
	ipc_adm_auth_account_add_put(&out, &m);
	return admin_answer();
}

struct granted {
	uint8_t ticket[16];
	uint64_t account;
};

static enum err
on_grant(void *ctx, const struct ipc_accounts_auth_grant *m, int *fd)
{
	struct granted *g = ctx;

	CHECK_U64(m->ticket.n, sizeof(g->ticket));
	memcpy(g->ticket, m->ticket.p, MIN(m->ticket.n, sizeof(g->ticket)));
	g->account = m->account;
	return ERR_OK;
}

struct answer {
	enum err result;
	uint64_t account;
	uint8_t ticket[16];
	uint32_t delay_ms;
};

static enum err
on_login_done(void *ctx, const struct ipc_login_auth_sasl_done *m, int *fd)
{
	struct answer *a = ctx;

	a->result = m->result;
	a->account = m->account;
	a->delay_ms = m->delay_ms;
	memcpy(a->ticket, m->ticket.p, MIN(m->ticket.n, sizeof(a->ticket)));
	return ERR_OK;
}

static struct answer
log_in(const char *ip, const char *user, const char *password)
{
	static const struct ipc_login_auth_at_login handlers = { .sasl_done = on_login_done };
	static uint64_t request = 1;
	uint8_t octets[16] = { 0 };
	struct answer a = { .result = ERR_BUG };
	struct ipc_login_auth_sasl_start m = {
		.request = request,
		.session = { .id = request,
		    .protocol = SYS_IMAPS,
		    .peer_ip = str_make(octets, sizeof(octets)),
		    .tls_version = S("TLSv1.3") },
		.mechanism = S("PLAIN"),
		.has_initial = true,
		.initial = arena_printf(arena, "%c%s%c%s", 0, user, 0, password),
	};
	int fd = -1;

	request++;
	CHECK_ERR(sys_addr_ip_parse(str_from(ip), octets), ERR_OK);
	buf_reset(&out);
	ipc_login_auth_sasl_start_put(&out, &m);
	say(login);
	hear(login);
	CHECK_ERR(ipc_login_auth_login_dispatch(&handlers, &a, buf_view(&in), &fd, arena), ERR_OK);
	return a;
}

struct bans {
	unsigned cleared, n;
	uint8_t bits;
};

static enum err
on_ban(void *ctx, const struct ipc_gate_auth_ban *m, int *fd)
{
	struct bans *b = ctx;

	b->n++;
	b->bits = m->bits;
	return ERR_OK;
}

static enum err
on_clear(void *ctx, const struct ipc_gate_auth_ban_clear *m, int *fd)
{
	((struct bans *)ctx)->cleared++;
	return ERR_OK;
}

static void
hear_gate(struct bans *b)
{
	static const struct ipc_gate_auth_at_gate handlers = { .ban = on_ban,
		.ban_clear = on_clear };
	int fd = -1;

	hear(gate);
	CHECK_ERR(ipc_gate_auth_gate_dispatch(&handlers, b, buf_view(&in), &fd, arena), ERR_OK);
}

static enum err
on_rcpt(void *ctx, const struct ipc_smtp_auth_rcpt_result *m, int *fd)
{
	*(unsigned *)ctx = m->verdict;
	CHECK_U64(m->targets_n, m->verdict == DIRECTORY_KNOWN);
	return ERR_OK;
}

static unsigned
verdict(const char *address)
{
	static const struct ipc_smtp_auth_at_smtp handlers = { .rcpt_result = on_rcpt };
	struct ipc_smtp_auth_rcpt m = { .request = 5, .address = str_from(address) };
	unsigned v = 0;
	int fd = -1;

	buf_reset(&out);
	ipc_smtp_auth_rcpt_put(&out, &m);
	say(smtp);
	hear(smtp);
	CHECK_ERR(ipc_smtp_auth_smtp_dispatch(&handlers, &v, buf_view(&in), &fd, arena), ERR_OK);
	return v;
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void
logs_in_and_grants(void)
{
	static const struct ipc_accounts_auth_at_accounts handlers = { .grant = on_grant };
	struct granted granted = { .account = 0 };
	struct answer a;
	int fd = -1;

	CHECK_ERR(add_account("anna@example.org", "a good password"), ERR_OK);
	CHECK_ERR(add_account("anna@example.org", "a good password"), ERR_EXISTS);
	a = log_in("192.0.2.1", "anna@example.org", "a good password");
	CHECK_ERR(a.result, ERR_OK);
	hear(accounts);
	CHECK_ERR(ipc_accounts_auth_accounts_dispatch(&handlers, &granted, buf_view(&in), &fd,
		      arena),
	    ERR_OK);
	CHECK(granted.account == a.account && a.account == 1);
	CHECK(memcmp(granted.ticket, a.ticket, sizeof(a.ticket)) == 0);
	CHECK_U64(verdict("Anna+x@example.org"), DIRECTORY_KNOWN);
	CHECK_U64(verdict("nobody@example.org"), DIRECTORY_UNKNOWN);
	CHECK_U64(verdict("anna@example.net"), DIRECTORY_REMOTE);
}

static void
bans_who_guesses(void)
{
	struct bans b = { .n = 0 };
	struct answer a = { .result = ERR_BUG };

	hear_gate(&b);
	CHECK(b.cleared == 1 && b.n == 0);
	a = log_in("198.51.100.9", "anna@example.org", "guess one");
	CHECK_ERR(a.result, ERR_AUTH);
	CHECK_U64(a.delay_ms, 1000);
	a = log_in("198.51.100.9", "anna@example.org", "guess two");
	CHECK_U64(a.delay_ms, 2000);
	a = log_in("198.51.100.9", "nobody@example.org", "guess three");
	CHECK_ERR(a.result, ERR_AUTH);
	hear_gate(&b);
	CHECK(b.n == 1 && b.bits == 128);
}

/* A worker that dies takes nobody's log-in with it. */
static void
outlives_its_workers(void)
{
	for (uint32_t i = 0; i < HASHES; i++) {
		svc_common_program_kill(&hash[i]);
	}
	for (uint32_t i = 0; i < HASHES; i++) {
		start_hash(i);
	}
	CHECK_ERR(log_in("192.0.2.1", "anna@example.org", "a good password").result, ERR_OK);
}

static void
imports(void)
{
	struct ipc_adm_auth_import_row rows[100];
	struct ipc_adm_auth_account_import m = { .request = 2, .rows = rows, .rows_n = LEN(rows) };

	for (unsigned i = 0; i < LEN(rows); i++) {
		rows[i].address = arena_printf(arena, "user%u@example.org", i);
		rows[i].password = arena_printf(arena, "password %u", i);
	}
	buf_reset(&out);
	ipc_adm_auth_account_import_put(&out, &m);
	CHECK_ERR(admin_answer(), ERR_OK);
	CHECK_ERR(log_in("192.0.2.1", "user99@example.org", "password 99").result, ERR_OK);
}

static enum err
on_info(void *ctx, const struct ipc_accounts_auth_account_info *m, int *fd)
{
	*(enum err *)ctx = m->result;
	return ERR_OK;
}

/* An answer costs memory while it is made, and no longer: 50,000 names are more than it has. */
static void
remembers_no_questions(void)
{
	static const struct ipc_accounts_auth_at_accounts handlers = { .account_info = on_info };
	enum { AT_ONCE = 50, ROUNDS = 1000 };
	struct ipc_accounts_auth_account_get m = { .account = 2 };
	str domain = arena_printf(arena, "a%062d.b%062d.org", 0, 0);
	struct ipc_adm_auth_domain_add add = { .request = 1, .domain = domain };
	enum err result = ERR_BUG;
	int fd = -1;

	buf_reset(&out);
	ipc_adm_auth_domain_add_put(&out, &add);
	CHECK_ERR(admin_answer(), ERR_OK);
	CHECK_ERR(add_account(arena_printf(arena, "c%063d@%.*s", 0, STR_ARG(domain)).p,
		      "a good password"),
	    ERR_OK);
	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned k = 0; k < AT_ONCE; k++) {
			buf_reset(&out);
			ipc_accounts_auth_account_get_put(&out, &m);
			say(accounts);
		}
		for (unsigned k = 0; k < AT_ONCE; k++) {
			hear(accounts);
		}
	}
	CHECK_ERR(ipc_accounts_auth_accounts_dispatch(&handlers, &result, buf_view(&in), &fd,
		      arena),
	    ERR_OK);
	CHECK_ERR(result, ERR_OK);
}

/* Rubbish from a peer closes that peer's channel, and auth asks for a new one. */
static void
survives_rubbish(void)
{
	int fd = -1;

	buf_reset(&out);
	buf_cstr(&out, "rubbish");
	say(smtp);
	CHECK_ERR(sys_chan_recv_wait(smtp, &in, &fd, WAIT_MS), ERR_EOF);
	sys_close(&smtp);
	svc_common_program_rewires(&auth, "smtp_auth");
	smtp = svc_common_program_wire(&auth, "smtp_auth", 0);
	CHECK_U64(verdict("anna@example.org"), DIRECTORY_KNOWN);
}

/* ---- revocations ---------------------------------------------------------------------------- */

static uint64_t locked; /* the account */

/* Messages of this size that a channel takes while nobody reads. */
static unsigned
room_of_a_channel(void)
{
	static const char octets[100];
	unsigned n = 0;
	int pair[2];

	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	buf_reset(&out);
	buf_str(&out, str_make(octets, sizeof(octets)));
	while (sys_chan_send_wait(pair[0], &out, -1, 0) == ERR_OK) {
		n++;
	}
	sys_close(&pair[0]);
	sys_close(&pair[1]);
	return n;
}

static void
lock_account(const char *address)
{
	struct ipc_adm_auth_account_state m = {
		.request = 3, .address = str_from(address), .state = 2
	};

	buf_reset(&out);
	ipc_adm_auth_account_state_put(&out, &m);
	CHECK_ERR(admin_answer(), ERR_OK);
}

static enum err
on_revoke(void *ctx, const struct ipc_accounts_auth_revoke *m, int *fd)
{
	*(uint64_t *)ctx = m->account;
	CHECK(!m->deleted);
	return ERR_OK;
}

static enum err
on_smtp_revoke(void *ctx, const struct ipc_smtp_auth_revoke *m, int *fd)
{
	*(uint64_t *)ctx = m->account;
	return ERR_OK;
}

/* Accounts reads nothing: what it is not told on this channel it is told on the next. */
static void
revocations_reach_who_was_slow(void)
{
	static const struct ipc_accounts_auth_at_accounts handlers = { .revoke = on_revoke };
	struct ipc_accounts_auth_account_get m = { .account = 1 };
	unsigned room = room_of_a_channel();
	uint64_t account = 0;
	int fd = -1;

	locked = log_in("192.0.2.1", "user5@example.org", "password 5").account;
	/* less than would break the channel by itself, then revocations over the brim */
	for (unsigned i = 0; i < SYS_CHAN_QUEUE_MAX + room / 4 * 3; i++) {
		buf_reset(&out);
		ipc_accounts_auth_account_get_put(&out, &m);
		say(accounts);
	}
	for (unsigned i = 0; i < room + 100; i++) {
		lock_account("user5@example.org");
	}
	svc_common_program_rewires(&auth, "accounts_auth");
	sys_close(&accounts);
	accounts = svc_common_program_wire(&auth, "accounts_auth", 0);
	hear(accounts);
	CHECK_ERR(ipc_accounts_auth_accounts_dispatch(&handlers, &account, buf_view(&in), &fd,
		      arena),
	    ERR_OK);
	CHECK_U64(account, locked);
}

/* Smtp's channel breaks with revocations in it. */
static void
smtp_hears_them_again(void)
{
	static const struct ipc_smtp_auth_at_smtp handlers = { .revoke = on_smtp_revoke };
	uint64_t account = 0;
	int fd = -1;
	enum err e;

	buf_reset(&out);
	buf_cstr(&out, "rubbish");
	say(smtp);
	do {
		e = sys_chan_recv_wait(smtp, &in, &fd, WAIT_MS);
	} while (e == ERR_OK);
	CHECK_ERR(e, ERR_EOF);
	sys_close(&smtp);
	svc_common_program_rewires(&auth, "smtp_auth");
	smtp = svc_common_program_wire(&auth, "smtp_auth", 0);
	hear(smtp);
	CHECK_ERR(ipc_smtp_auth_smtp_dispatch(&handlers, &account, buf_view(&in), &fd, arena),
	    ERR_OK);
	CHECK_U64(account, locked);
}

static void
everything_is_there_after_a_restart(void)
{
	struct bans b = { .n = 0 };

	stop_all();
	start_all();
	hear_gate(&b);
	hear_gate(&b);
	CHECK(b.cleared == 1 && b.n == 1 && b.bits == 128);
	CHECK_U64(verdict("user99@example.org"), DIRECTORY_KNOWN);
	CHECK_ERR(log_in("192.0.2.1", "anna@example.org", "a good password").result, ERR_OK);
	CHECK_ERR(log_in("192.0.2.1", "anna@example.org", "another").result, ERR_AUTH);
}

static void
processes(void)
{
	arena = arena_new(NULL, "test", 64 << 20, 0);
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	snprintf(folder, sizeof(folder), "/tmp/postern-auth-%016llx",
	    (unsigned long long)sys_random_u64());
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(folder), 0700), ERR_OK);
	start_all();
	logs_in_and_grants();
	bans_who_guesses();
	outlives_its_workers();
	remembers_no_questions();
	imports();
	survives_rubbish();
	revocations_reach_who_was_slow();
	smtp_hears_them_again();
	everything_is_there_after_a_restart();
	stop_all();
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(folder)), ERR_OK);
	buf_done(&out);
	buf_done(&in);
	arena_free(&arena);
}

TEST_MAIN(processes)
