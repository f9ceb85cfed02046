/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real program, postern-send, inside its sandbox; this test plays its parent and peers, and
 * the servers it delivers to. What the kernel would forbid shows here and nowhere else.
 */
#include "proto/dns/dns.h"
#include "svc/common/program_test.h"
#include "svc/send/world_test.h"
#include "sys/file.h"

#include <unistd.h>

static const struct world_name names[] = {
	{ "one.test", DNS_MX, ERR_OK, 0, "10 mx1.test", false },
	{ "mx1.test", DNS_A, ERR_OK, 0, "127.0.1.1", false },
	{ NULL, 0, ERR_OK, 0, NULL, false },
};

static struct world w;
static struct svc_common_program program;

static void
start(void)
{
	char cwd[512];
	ASSERT(getcwd(cwd, sizeof cwd) != NULL);
	str text = arena_printf(w.sc.arena,
	    "hostname out.example.org\ndomain example.org\nstate /nowhere\nsend {\nport %u\n"
	    "private-addresses yes\nca-file %s/%s\nsource-ipv4 127.0.0.7\n}\n",
	    w.port, cwd, w.ca_file);
	svc_common_program_start(&program, "send", "send", 0, text);
	w.queue = svc_common_program_wire(&program, "queue_send", 0);
	w.resolve = svc_common_program_wire(&program, "send_resolve", 0);
	w.watch = svc_common_program_wire(&program, "send_watch", 0);
	w.keys = svc_common_program_wire(&program, "send_keys", 0);
	w.fetch = svc_common_program_wire(&program, "send_fetch", 0);
	svc_common_program_go(&program);
}

/* A small letter, and one that comes as a file; over TLS, from the address that was set. */
static void
delivers(void)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "one.test");
	svc_send_world_send(&w, &m, "a@one.test");
	svc_send_world_wait(&w, 1);
	CHECK_STR(buf_view(&w.results), S("1 dsn class= mx=mx1.test 0:1/250/2.0.0\n"));
	int fd = -1;
	CHECK_ERR(sys_file_memory("letter", &fd), ERR_OK);
	CHECK_ERR(sys_file_write(fd, 0, S("From: a@b.test\r\n\r\nx\r\n")), ERR_OK);
	CHECK_ERR(sys_file_seal(fd), ERR_OK);
	svc_send_world_send_file(&w, 2, fd);
	svc_send_world_wait(&w, 2);
	CHECK_U64(w.server[0].letters, 2);
	CHECK(str_find(buf_view(&w.attempts), S("tls=TLSv1.3")) > 0);
	CHECK(str_find(buf_view(&w.server[0].peers), S("127.0.0.7")) >= 0);
}

static void
lives(void)
{
	svc_send_world_outside(&w, names);
	start();
	delivers();
	svc_common_program_quit(&program, 1000);
	svc_common_program_end(&program);
	svc_send_world_close(&w);
}

TEST_MAIN(lives)
