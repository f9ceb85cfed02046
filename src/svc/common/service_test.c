/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service driven by hand over its control channel: what it answers, and that everything out of
 * order ends it. This program is both sides; as the service it is called "postern-test".
 */
#include "base/test.h"
#include "conf/conf.h"
#include "ipc/parent_child.h"
#include "svc/common/service.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

/* --- as the service ------------------------------------------------------------------------ */

static unsigned wires, reloads, admins_gone;
static bool left_over;

static enum err
profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	return str_eq(sc->conf->hostname, S("bad.profile")) ? ERR_BUG : ERR_OK;
}

static enum err
on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd)
{
	wires++;
	close(fd);
	return str_eq(edge, S("bad")) ? ERR_NOMEM : ERR_OK;
}

static enum err
on_listen(struct svc_common *sc, enum sys_protocol protocol, int fd)
{
	close(fd);
	return ERR_OK;
}

/* In the program's own data, channels' included. It is read past what each variable has. */
__attribute__((no_sanitize("address", "undefined"))) static bool
has_in_data(str what)
{
	extern const char __data_start[], _end[];
	for (uintptr_t at = (uintptr_t)__data_start; at + what.n <= (uintptr_t)_end; at++) {
		const volatile char *p = (const volatile char *)at;
		size_t n = 0;
		while (n < what.n && p[n] == what.p[n]) {
			n++;
		}
		if (n == what.n) {
			return true;
		}
	}
	return false;
}

/* Who forks now passes on what it still has in memory. */
static enum err
start(struct svc_common *sc)
{
	left_over = sc->secret.n > 0 && has_in_data(sc->secret);
	return ERR_OK;
}

static void
on_reload(struct svc_common *sc)
{
	reloads++;
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	int fd = open("/etc/passwd", O_RDONLY);
	str path = svc_common_state_path(sc, S("x"));
	buf_printf(facts,
	    "wires=%u reloads=%u gone=%u open=%d secret=%zu,%d index=%u set=%.*s host=%.*s "
	    "path=%.*s",
	    wires, reloads, admins_gone, fd >= 0, sc->secret.n, left_over, sc->index,
	    STR_ARG(sc->set), STR_ARG(sc->conf->hostname), STR_ARG(path));
}

/* It never ends by itself. */
static void
on_quit(struct svc_common *sc, uint32_t grace_ms)
{
}

static enum err
on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd)
{
	return str_eq(datagram, S("bad")) ? ERR_PROTOCOL : ERR_OK;
}

static void
on_admin_closed(struct svc_common *sc, struct sys_chan *from)
{
	admins_gone++;
}

static const struct svc_common_service service = {
	.name = "test",
	.profile = profile,
	.on_wire = on_wire,
	.on_listen = on_listen,
	.start = start,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_quit = on_quit,
	.on_admin = on_admin,
	.on_admin_closed = on_admin_closed,
};

/* --- as its parent ------------------------------------------------------------------------- */

static struct sys_child child;
static int chan = -1;
static struct buf out, in;
static struct arena *arena;
static bool is_ready;
static char facts[1000];

static enum err
on_ready(void *ctx, const struct ipc_parent_child_ready *m, int *fd)
{
	is_ready = true;
	CHECK((m->sandbox & 5) == 5);
	return ERR_OK;
}

static enum err
on_status_row(void *ctx, const struct ipc_parent_child_status *m, int *fd)
{
	size_t n = MIN(m->facts.n, sizeof facts - 1);
	memcpy(facts, m->facts.p, n);
	facts[n] = '\0';
	CHECK_U64(m->request, 77);
	CHECK(m->fds >= 4 && m->fds < 100);
	return ERR_OK;
}

static enum err
hear(void)
{
	static const struct ipc_parent_child_at_parent handlers = {
		.ready = on_ready,
		.status = on_status_row,
	};
	int fd = -1;
	TRY(sys_chan_recv_wait(chan, &in, &fd, PATIENCE_MS));
	return ipc_parent_child_parent_dispatch(&handlers, NULL, buf_view(&in), &fd, arena);
}

static void
begin(void)
{
	int fds[2];
	const char *const argv[] = { "postern-test", NULL };
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	struct sys_spawn what = { .program = S("/proc/self/exe"),
		.argv = argv,
		.fds = &fds[1],
		.fds_n = 1,
		.log_fd = -1,
		.change_user = geteuid() == 0,
		.uid = 65534,
		.gid = 65534 };
	CHECK_ERR(sys_spawn(&what, &child), ERR_OK);
	sys_close(&fds[1]);
	chan = fds[0];
	is_ready = false;
	facts[0] = '\0';
}

static struct sys_child_end
end(void)
{
	struct sys_child_end e = { true, -1 };
	CHECK_ERR(sys_wait(child.pidfd, true, PATIENCE_MS), ERR_OK);
	CHECK_ERR(sys_child_end(&child, &e), ERR_OK);
	sys_close(&chan);
	return e;
}

static void
send_out(int fd)
{
	enum err ignored = sys_chan_send_wait(chan, &out, fd, PATIENCE_MS);
	(void)ignored; /* it may have ended already: the exit code tells */
	buf_reset(&out);
}

static void
put_settings(const char *host, struct buf *settings)
{
	char text[200];
	struct conf c;
	int n = snprintf(text, sizeof text, "hostname %s\ndomain example.org\nstate /nowhere\n",
	    host);
	CHECK_ERR(conf_parse(str_make(text, (size_t)n), arena, NULL, NULL, &c), ERR_OK);
	buf_init(settings, 98304);
	conf_encode(&c, settings);
}

static void
send_config(const char *host)
{
	struct buf settings;
	put_settings(host[0] == '\0' ? "unused.example.org" : host, &settings);
	struct ipc_parent_child_config m = { .index = 3,
		.set = S("test-set"),
		.settings = host[0] == '\0' ? S("nonsense") : buf_view(&settings) };
	ipc_parent_child_config_put(&out, &m);
	send_out(-1);
	buf_done(&settings);
}

static void
send_reload(void)
{
	struct buf settings;
	put_settings("new.example.org", &settings);
	struct ipc_parent_child_reload m = { .settings = buf_view(&settings) };
	ipc_parent_child_reload_put(&out, &m);
	send_out(-1);
	buf_done(&settings);
}

static void
send_wire(str edge)
{
	struct ipc_parent_child_wire m = { .edge = edge, .peer = 1, .set = S("peer") };
	ipc_parent_child_wire_put(&out, &m);
	send_out(dup(0));
}

static void
send_listen(uint8_t protocol)
{
	struct ipc_parent_child_listen m = { .protocol = protocol };
	ipc_parent_child_listen_put(&out, &m);
	send_out(dup(0));
}

static void
send_certificate(void)
{
	struct ipc_parent_child_certificate m = { .slot = 0 };
	ipc_parent_child_certificate_put(&out, &m);
	send_out(-1);
}

static void
send_go(void)
{
	char secret[32];
	sys_random(secret, sizeof secret);
	struct ipc_parent_child_go m = { .boot_id = S("boot"),
		.secret = str_make(secret, sizeof secret) };
	ipc_parent_child_go_put(&out, &m);
	send_out(-1);
}

static void
send_status_ask(void)
{
	struct ipc_parent_child_status_ask m = { .request = 77 };
	ipc_parent_child_status_ask_put(&out, &m);
	send_out(-1);
}

static void
send_quit(void)
{
	struct ipc_parent_child_quit m = { .grace_ms = 0 };
	ipc_parent_child_quit_put(&out, &m);
	send_out(-1);
}

static void
send_ready(void)
{
	struct ipc_parent_child_ready m = { 0 };
	ipc_parent_child_ready_put(&out, &m);
	send_out(-1);
}

static void
send_octets(void)
{
	buf_cstr(&out, "garbage");
	send_out(-1);
}

static void
act(char what)
{
	switch (what) {
	case 'c': send_config("mail.example.org"); break;
	case 'n': send_config(""); break;
	case 'p': send_config("bad.profile"); break;
	case 'w': send_wire(S("some_edge")); break;
	case 'W': send_wire(S("bad")); break;
	case 'l': send_listen(SYS_IMAP); break;
	case 'L': send_listen(200); break;
	case 't': send_certificate(); break;
	case 'g': send_go(); break;
	case 'r': send_reload(); break;
	case 'R': send_ready(); break;
	case 'x': send_octets(); break;
	case 'q': send_quit(); break;
	case 'e': sys_close(&chan); break;
	default: CHECK(false);
	}
}

static void
orders(void)
{
	static const struct {
		const char *name, *steps;
		bool ready;
		int code;
	} cases[] = {
		{ "quit before anything", "q", false, 0 },
		{ "quit while handed over", "cq", false, 0 },
		{ "all in order, then the parent goes", "cwlge", true, 1 },
		{ "wire while running", "cgwe", true, 1 },
		{ "go first", "g", false, 1 },
		{ "wire first", "w", false, 1 },
		{ "listen first", "l", false, 1 },
		{ "config twice", "cc", false, 1 },
		{ "go twice", "cgg", true, 1 },
		{ "reload before go", "cr", false, 1 },
		{ "unknown settings", "n", false, 1 },
		{ "refusing profile", "pg", false, 1 },
		{ "wire that fails", "cW", false, 1 },
		{ "unknown protocol", "cL", false, 1 },
		{ "certificate for one that takes none", "ct", false, 1 },
		{ "a message of its own", "cR", false, 1 },
		{ "garbage", "cgx", true, 1 },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		begin();
		bool heard = false;
		for (const char *s = cases[i].steps; *s != '\0'; s++) {
			act(*s);
			if (*s == 'g' && cases[i].ready && !heard) {
				CHECK_ERR(hear(), ERR_OK);
				heard = true;
			}
		}
		struct sys_child_end e = end();
		CHECK(!e.signalled);
		CHECK_U64(e.code, cases[i].code);
		CHECK(is_ready == cases[i].ready);
	}
	test_case = "";
}

static void
answers(void)
{
	begin();
	send_config("mail.example.org");
	send_wire(S("some_edge"));
	send_go();
	CHECK_ERR(hear(), ERR_OK);
	send_reload();
	send_status_ask();
	CHECK_ERR(hear(), ERR_OK);
	CHECK_STR(str_from(facts),
	    S("wires=1 reloads=1 gone=0 open=0 secret=32,0 index=3 set=test-set "
	      "host=new.example.org path=/nowhere/x"));
	send_quit(); /* it does not end by itself: its grace does */
	struct sys_child_end e = end();
	CHECK(!e.signalled && e.code == 0);
}

/* The 17th administrator is closed at once; a rude one is closed; a place that is free is used. */
static void
administrators(void)
{
	enum { MANY = SVC_COMMON_ADMINS_MAX + 1 };
	char path[64];
	int listener = -1, fd = -1, clients[MANY];
	snprintf(path, sizeof path, "service_test.%016llx", (unsigned long long)sys_random_u64());
	CHECK_ERR(sys_sock_listen_local(str_from(path), 0600, &listener), ERR_OK);
	begin();
	send_config("mail.example.org");
	struct ipc_parent_child_admin m = { 0 };
	ipc_parent_child_admin_put(&out, &m);
	send_out(listener);
	send_go();
	CHECK_ERR(hear(), ERR_OK);
	for (size_t i = 0; i < MANY; i++) {
		CHECK_ERR(sys_sock_connect_local(str_from(path), &clients[i]), ERR_OK);
	}
	CHECK_ERR(sys_chan_recv_wait(clients[MANY - 1], &in, &fd, PATIENCE_MS), ERR_EOF);
	buf_cstr(&out, "bad");
	CHECK_ERR(sys_chan_send_wait(clients[0], &out, -1, 0), ERR_OK);
	CHECK_ERR(sys_chan_recv_wait(clients[0], &in, &fd, PATIENCE_MS), ERR_EOF);
	sys_close(&clients[MANY - 1]);
	CHECK_ERR(sys_sock_connect_local(str_from(path), &clients[MANY - 1]), ERR_OK);
	CHECK_ERR(sys_chan_send_wait(clients[MANY - 1], &out, -1, 0), ERR_OK);
	CHECK_ERR(sys_chan_recv_wait(clients[MANY - 1], &in, &fd, PATIENCE_MS), ERR_EOF);
	buf_reset(&out);
	send_status_ask();
	CHECK_ERR(hear(), ERR_OK);
	CHECK(strstr(facts, "gone=2") != NULL);
	for (size_t i = 0; i < MANY; i++) {
		sys_close(&clients[i]);
	}
	sys_close(&chan);
	struct sys_child_end e = end();
	CHECK(!e.signalled);
	CHECK_ERR(sys_file_unlink(SYS_CWD, str_from(path)), ERR_OK);
}

int
main(int argc, char **argv)
{
	static test_fn *const tests[] = { orders, answers, administrators };
	if (strcmp(argv[0], "postern-test") == 0) {
		return svc_common_main(argc, argv, &service);
	}
	arena = arena_new(NULL, "test", 64 << 20, 0);
	buf_init(&out, IPC_MESSAGE_MAX);
	buf_init(&in, IPC_MESSAGE_MAX);
	int failed = test_run(tests, LEN(tests));
	buf_done(&out);
	buf_done(&in);
	arena_free(&arena);
	return failed;
}
