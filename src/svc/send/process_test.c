/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real program, postern-send, inside its sandbox; this test plays its parent and peers, and
 * the servers it delivers to. What the kernel would forbid shows here and nowhere else.
 */
#include "conf/conf.h"
#include "ipc/parent_child.h"
#include "proto/dns/dns.h"
#include "svc/send/world_test.h"
#include "sys/file.h"
#include "sys/sandbox.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <unistd.h>

enum { WAIT_MS = 20000 };

static const struct world_name names[] = {
	{ "one.test", DNS_MX, ERR_OK, 0, "10 mx1.test", false },
	{ "mx1.test", DNS_A, ERR_OK, 0, "127.0.1.1", false },
	{ NULL, 0, ERR_OK, 0, NULL, false },
};

static struct world w;
static struct sys_child child;
static int control = -1;

static void
complain(void *ctx, unsigned line, str key, const char *what)
{
	printf("settings, line %u: %.*s: %s\n", line, STR_ARG(key), what);
}

/* One message of the parent; fd is taken. */
#define TELL(name, fd, ...)                                                          \
	do {                                                                         \
		struct ipc_parent_child_##name m_ = { __VA_ARGS__ };                 \
		buf_reset(&w.out);                                                   \
		ipc_parent_child_##name##_put(&w.out, &m_);                          \
		CHECK_ERR(sys_chan_send_wait(control, &w.out, fd, WAIT_MS), ERR_OK); \
		buf_reset(&w.out);                                                   \
	} while (0)

static int
wire(const char *edge)
{
	int pair[2] = { -1, -1 };
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	TELL(wire, pair[1], .edge = str_from(edge), .peer = 0, .set = S("test"));
	return pair[0];
}

static void
make_settings(struct buf *settings)
{
	char cwd[512];
	struct conf conf;
	ASSERT(getcwd(cwd, sizeof cwd) != NULL);
	str text = arena_printf(w.sc.arena,
	    "hostname out.example.org\ndomain example.org\nstate /nowhere\nsend {\nport %u\n"
	    "private-addresses yes\nca-file %s/%s\nsource-ipv4 127.0.0.7\n}\n",
	    w.port, cwd, w.ca_file);
	CHECK_ERR(conf_parse(text, w.sc.arena, complain, NULL, &conf), ERR_OK);
	conf_encode(&conf, settings);
}

static enum err
on_ready(void *ctx, const struct ipc_parent_child_ready *m, int *fd)
{
	*(uint32_t *)ctx = m->sandbox;
	return ERR_OK;
}

static void
start(void)
{
	static const struct ipc_parent_child_at_parent handlers = { .ready = on_ready };
	const char *argv[] = { "postern-send", NULL };
	struct sys_spawn what = { .argv = argv, .fds_n = 1, .log_fd = -1 };
	struct buf path, settings;
	int pair[2], fd = -1;
	uint32_t sandbox = 0;
	buf_init(&path, 4096);
	buf_init(&settings, 98304);
	make_settings(&settings);
	CHECK_ERR(sys_file_program_folder(&path), ERR_OK);
	buf_cstr(&path, "/postern-send");
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	what.program = buf_view(&path);
	what.fds = &pair[1];
	CHECK_ERR(sys_spawn(&what, &child), ERR_OK);
	sys_close(&pair[1]);
	control = pair[0];
	TELL(config, -1, .index = 0, .set = S("send"), .settings = buf_view(&settings));
	w.queue = wire("queue_send");
	w.resolve = wire("send_resolve");
	w.watch = wire("send_watch");
	w.keys = wire("send_keys");
	w.fetch = wire("send_fetch");
	TELL(go, -1, .boot_id = S("test"));
	CHECK_ERR(sys_chan_recv_wait(control, &w.in, &fd, WAIT_MS), ERR_OK);
	CHECK_ERR(ipc_parent_child_parent_dispatch(&handlers, &sandbox, buf_view(&w.in), &fd,
		      w.scratch),
	    ERR_OK);
	CHECK((sandbox & SYS_STATE_NO_NEW_PRIVS) != 0 && (sandbox & SYS_STATE_SECCOMP) != 0);
	CHECK((sandbox & SYS_STATE_LANDLOCK) != 0 || sys_sandbox_landlock_abi() == 0);
	buf_done(&path);
	buf_done(&settings);
}

/* A small letter, and one that comes as a file; over TLS, from the address that was set. */
static void
delivers(void)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "one.test");
	svc_send_world_send(&w, &m, "a@one.test");
	svc_send_world_wait(&w, 1);
	CHECK_STR(buf_view(&w.results), S("1 dsn class= mx=mx1.test 0:1/250/2.0.0\n"));
	struct ipc_queue_send_to to = { .address = S("a@one.test") };
	int fd = -1;
	CHECK_ERR(sys_file_memory("letter", &fd), ERR_OK);
	CHECK_ERR(sys_file_write(fd, 0, S("From: a@b.test\r\n\r\nx\r\n")), ERR_OK);
	CHECK_ERR(sys_file_seal(fd), ERR_OK);
	m = svc_send_world_letter(2, "one.test");
	m.body = S("");
	m.rcpts = &to;
	m.rcpts_n = 1;
	ipc_queue_send_letter_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(w.queue, &w.out, fd, 1000), ERR_OK);
	buf_reset(&w.out);
	svc_send_world_wait(&w, 2);
	CHECK_U64(w.server[0].letters, 2);
	CHECK(str_find(buf_view(&w.attempts), S("tls=TLSv1.3")) > 0);
	CHECK(str_find(buf_view(&w.server[0].peers), S("127.0.0.7")) >= 0);
}

static void
ends_when_told(void)
{
	struct sys_child_end end = { true, 0 };
	TELL(quit, -1, .grace_ms = 1000);
	CHECK_ERR(sys_child_wait(&child, &end), ERR_OK);
	CHECK(!end.signalled);
	CHECK_U64((uint64_t)end.code, 0);
}

static void
lives(void)
{
	svc_send_world_outside(&w, names);
	start();
	delivers();
	ends_when_told();
	sys_close(&control);
	svc_send_world_close(&w);
}

TEST_MAIN(lives)
