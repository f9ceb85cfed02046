/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The played parent, auth, login and queue of the accounts service's tests.
 */
#include "svc/accounts/world_test.h"

#include <signal.h>

#include "base/mem.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sock.h"
#include "sys/sys.h"

enum { PATIENCE_MS = 30000 };

struct world w;

/* ---- beginning and end ---- */

void
world_wire(const char *edge)
{
	int pair[2] = { -1, -1 };
	int *end = strcmp(edge, "accounts_auth") == 0 ? &w.auth
	    : strcmp(edge, "login_accounts") == 0     ? &w.login
	    : strcmp(edge, "accounts_policy") == 0    ? &w.policy
						      : &w.queue;
	sys_close(end);
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	*end = pair[0];
	CHECK_ERR(svc_common_wire(&w.sc, str_from(edge), 0, pair[1]), ERR_OK);
}

void
world_reload(void)
{
	svc_accounts_service.on_reload(&w.sc);
}

void
world_park_after(int64_t ms)
{
	w.conf.imap_park_after = ms;
	world_reload();
}

void
world_new(void)
{
	char text[200], path[100];
	signal(SIGPIPE, SIG_IGN);
	w = (struct world){ .auth = -1, .login = -1, .queue = -1, .policy = -1, .slot = -1 };
	snprintf(w.folder, sizeof w.folder, "/tmp/postern-accounts-XXXXXX");
	CHECK(mkdtemp(w.folder) != NULL);
	snprintf(path, sizeof path, "%s/accounts", w.folder);
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(path), 0700), ERR_OK);
	w.arena = arena_new(NULL, "world", 64 << 20, 0);
	snprintf(text, sizeof text, "hostname mail.example.org\ndomain example.org\nstate %s\n",
	    w.folder);
	CHECK_ERR(conf_parse(str_from(text), w.arena, NULL, NULL, &w.conf), ERR_OK);
	buf_init(&w.in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w.out, SYS_CHAN_MESSAGE_MAX);
	CHECK_ERR(sys_loop_new(&w.sc.loop), ERR_OK);
	w.sc.arena = w.arena;
	w.sc.conf = &w.conf;
	w.sc.service = &svc_accounts_service;
	w.sc.boot_id = S("boot");
	CHECK_ERR(svc_accounts_service.init(&w.sc), ERR_OK);
	w.s = w.sc.ctx;
	world_wire("accounts_auth");
	world_wire("login_accounts");
	world_wire("queue_accounts");
	CHECK_ERR(svc_accounts_service.start(&w.sc), ERR_OK);
}

void
world_free(void)
{
	svc_accounts_free(w.s);
	CHECK_U64(w.s->sessions + w.s->deliveries + w.s->syncers + w.s->late_n, 0);
	sys_close(&w.auth);
	sys_close(&w.login);
	sys_close(&w.queue);
	sys_close(&w.policy);
	sys_loop_free(&w.sc.loop);
	buf_done(&w.in);
	buf_done(&w.out);
	arena_free(&w.arena);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(w.folder)), ERR_OK);
}

/* ---- listening ---- */

static enum err
on_attached(void *ctx, const struct ipc_login_accounts_attached *m, int *fd)
{
	ASSERT(w.attached_n < WORLD_HEARD_MAX);
	w.attached[w.attached_n++] = *m;
	return ERR_OK;
}

static enum err
on_get(void *ctx, const struct ipc_accounts_auth_account_get *m, int *fd)
{
	ASSERT(w.questions_n < WORLD_HEARD_MAX);
	w.questions[w.questions_n++] = *m;
	return ERR_OK;
}

static enum err
on_ended(void *ctx, const struct ipc_queue_accounts_ended *m, int *fd)
{
	ASSERT(w.ended_n < WORLD_HEARD_MAX);
	w.ended[w.ended_n++] = *m;
	return ERR_OK;
}

static enum err
on_synced(void *ctx, const struct ipc_queue_accounts_synced *m, int *fd)
{
	w.syncs++;
	for (size_t i = 0; i < m->results_n; i++) {
		w.synced[w.synced_n++] = m->results[i];
	}
	return ERR_OK;
}

static enum err
on_usage(void *ctx, const struct ipc_accounts_auth_usage *m, int *fd)
{
	return ERR_OK;
}

static enum err
on_slotted(void *ctx, const struct ipc_queue_accounts_slotted *m, int *fd)
{
	ASSERT(w.slotted_n < WORLD_HEARD_MAX);
	w.slotted[w.slotted_n++] = *m;
	sys_close(&w.slot);
	w.slot = *fd;
	*fd = -1;
	return ERR_OK;
}

static enum err
on_client(void *ctx, const struct ipc_accounts_auth_client *m, int *fd)
{
	return ERR_OK;
}

static enum err
dispatch(int which, str m, int *fd)
{
	static const struct ipc_accounts_auth_at_auth at_auth = {
		.account_get = on_get, .client = on_client, .usage = on_usage
	};
	static const struct ipc_login_accounts_at_login at_login = { .attached = on_attached };
	static const struct ipc_queue_accounts_at_queue at_queue = {
		.ended = on_ended, .synced = on_synced, .slotted = on_slotted
	};
	struct arena *a = arena_new(w.arena, "message", 2 << 20, 0);
	enum err e = which == 0 ? ipc_accounts_auth_auth_dispatch(&at_auth, NULL, m, fd, a)
	    : which == 1        ? ipc_login_accounts_login_dispatch(&at_login, NULL, m, fd, a)
				: ipc_queue_accounts_queue_dispatch(&at_queue, NULL, m, fd, a);
	arena_free(&a);
	return e;
}

void
world_turn(void)
{
	int ends[] = { w.auth, w.login, w.queue };
	CHECK_ERR(sys_loop_turn(w.sc.loop, 2), ERR_OK);
	for (int i = 0; i < (int)LEN(ends); i++) {
		int fd = -1;
		while (ends[i] >= 0 && sys_chan_recv(ends[i], &w.in, &fd) == ERR_OK) {
			CHECK_ERR(dispatch(i, buf_view(&w.in), &fd), ERR_OK);
			sys_close(&fd);
		}
	}
}

bool
world_until(bool (*condition)(const void *ctx), const void *ctx)
{
	int64_t end = sys_clock_ms() + PATIENCE_MS;
	while (!condition(ctx)) {
		if (sys_clock_ms() > end) {
			return false;
		}
		world_turn();
	}
	return true;
}

struct counted {
	const size_t *count;
	size_t n;
};

static bool
has_come(const void *ctx)
{
	const struct counted *c = ctx;
	return *c->count >= c->n;
}

bool
world_heard(const size_t *count, size_t n)
{
	struct counted c = { count, n };
	return world_until(has_come, &c);
}

/* ---- auth and login ---- */

static void
send_to(int fd, int passed)
{
	CHECK_ERR(sys_chan_send_wait(fd, &w.out, passed, PATIENCE_MS), ERR_OK);
	buf_reset(&w.out);
}

static str
ticket_of(char ticket, char room[16])
{
	memset(room, ticket, 16);
	return str_make(room, 16);
}

void
world_grant(char ticket, uint64_t account, uint32_t scope)
{
	char room[16];
	struct ipc_accounts_auth_grant m = {
		.ticket = ticket_of(ticket, room), .account = account, .scope = scope
	};
	m.name = S("somebody@example.org");
	ipc_accounts_auth_grant_put(&w.out, &m);
	send_to(w.auth, -1);
}

void
world_revoke(uint64_t account, bool deleted)
{
	struct ipc_accounts_auth_revoke m = { .account = account, .deleted = deleted };
	ipc_accounts_auth_revoke_put(&w.out, &m);
	send_to(w.auth, -1);
}

void
world_tell_account(enum err result, bool login)
{
	struct ipc_accounts_auth_account_info m = {
		.request = w.questions[w.questions_n - 1].request,
		.result = result,
		.login = login,
		.quota_octets = w.quota,
		.since_ms = w.since_ms,
		.name = S("somebody@example.org")
	};
	ipc_accounts_auth_account_info_put(&w.out, &m);
	send_to(w.auth, -1);
}

void
world_attach(char ticket, enum sys_protocol protocol, struct world_client *ret)
{
	static const char ip[16];
	int pair[2];
	char room[16];
	struct ipc_login_accounts_attach m = { .request = 5,
		.session = { .id = ++w.session,
		    .protocol = (uint8_t)protocol,
		    .peer_ip = str_make(ip, 16),
		    .local_ip = str_make(ip, 16),
		    .tls_version = S("TLSv1.3") },
		.ticket = ticket_of(ticket, room),
		.tag = S("a1") };
	CHECK_ERR(sys_sock_pair(pair), ERR_OK);
	*ret = (struct world_client){ .fd = pair[0] };
	ipc_login_accounts_attach_put(&w.out, &m);
	send_to(w.login, pair[1]);
}

void
world_log_in(uint64_t account, struct world_client *ret)
{
	static char ticket = 'A';
	size_t before = w.attached_n;
	world_grant(++ticket, account, 1);
	world_attach(ticket, SYS_IMAPS, ret);
	CHECK(world_heard(&w.attached_n, before + 1));
	CHECK_ERR(w.attached[before].result, ERR_OK);
	CHECK(world_hears(ret, "a1 OK"));
}

/* ---- clients ---- */

static void
take_text(struct world_client *c)
{
	size_t n = 0;
	enum err e = sys_sock_read(c->fd, c->text + c->n, sizeof c->text - 1 - c->n, &n);
	if (e == ERR_OK) {
		c->n += n;
		c->text[c->n] = '\0';
	}
	c->over = c->over || (e != ERR_OK && e != ERR_AGAIN);
}

struct waiting {
	struct world_client *client;
	const char *text;
};

static bool
has_text(const void *ctx)
{
	const struct waiting *x = ctx;
	take_text(x->client);
	return x->client->over || strstr(x->client->text, x->text) != NULL;
}

bool
world_hears(struct world_client *c, const char *text)
{
	struct waiting x = { c, text };
	return world_until(has_text, &x) && strstr(c->text, text) != NULL;
}

static bool
is_over(const void *ctx)
{
	const struct waiting *x = ctx;
	take_text(x->client);
	return x->client->over;
}

bool
world_over(struct world_client *c)
{
	struct waiting x = { c, "" };
	return world_until(is_over, &x);
}

void
world_say(struct world_client *c, const char *line)
{
	c->n = 0;
	c->text[0] = '\0';
	CHECK_ERR(sys_file_append(c->fd, str_from(line)), ERR_OK);
}

void
world_client_done(struct world_client *c)
{
	sys_close(&c->fd);
}

/* ---- the queue ---- */

int
world_open(uint64_t job, uint64_t account)
{
	int pair[2];
	struct ipc_queue_accounts_open m = { .job = job, .account = account };
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	ipc_queue_accounts_open_put(&w.out, &m);
	send_to(w.queue, pair[1]);
	return pair[0];
}

static enum err
on_delivered(void *ctx, const struct ipc_queue_account_delivered *m, int *fd)
{
	*(struct ipc_queue_account_delivered *)ctx = *m;
	return ERR_OK;
}

static bool
can_read(const void *ctx)
{
	return sys_wait(*(const int *)ctx, true, 0) == ERR_OK;
}

enum err
world_deliver(int process, uint64_t entry, const char *text)
{
	static const struct ipc_queue_account_at_queue handlers = { .delivered = on_delivered };
	struct ipc_queue_account_delivered got = { .result = ERR_BUG };
	struct ipc_queue_account_deliver m = { .entry = entry,
		.oldest_live = 1,
		.reverse_path = S("from@example.net"),
		.size = strlen(text),
		.body = str_from(text) };
	int fd = -1;
	ipc_queue_account_deliver_put(&w.out, &m);
	send_to(process, -1);
	CHECK(world_until(can_read, &process));
	TRY(sys_chan_recv(process, &w.in, &fd));
	TRY(ipc_queue_account_queue_dispatch(&handlers, &got, buf_view(&w.in), &fd, w.arena));
	CHECK_U64(got.entry, entry);
	return got.result;
}

bool
world_closed(int process)
{
	int fd = -1;
	return world_until(can_read, &process) && sys_chan_recv(process, &w.in, &fd) == ERR_EOF;
}
