/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real program, postern-smtp, inside its sandbox; this test plays its parent, a gate, auth and
 * queue. What the kernel would forbid shows here and nowhere else.
 */
#include "base/test.h"
#include "directory/verdict.h"
#include "ipc/gate_smtp.h"
#include "ipc/smtp_auth.h"
#include "ipc/smtp_queue.h"
#include "svc/common/program_test.h"
#include "sys/chan.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sock.h"
#include "sys/sys.h"

enum { WAIT_MS = 20000 };

static struct arena *arena;
static struct buf out, in, heard;
static char folder[64];
static struct svc_common_program program;
static int gate, auth, queue, client = -1;

/* ---- starting ------------------------------------------------------------------------------ */

static void
make_state(void)
{
	static const char *const folders[] = { "", "/spool", "/spool/tmp" };
	snprintf(folder, sizeof folder, "/tmp/postern-smtp-%016llx",
	    (unsigned long long)sys_random_u64());
	for (size_t i = 0; i < LEN(folders); i++) {
		str path = arena_printf(arena, "%s%s", folder, folders[i]);
		CHECK_ERR(sys_dir_make(SYS_CWD, path, 0700), ERR_OK);
	}
}

static void
start(void)
{
	str text = arena_printf(arena, "hostname mx.example.org\ndomain example.org\nstate %s\n",
	    folder);
	svc_common_program_start(&program, "smtp", "smtp-mx", 0, text);
	gate = svc_common_program_wire(&program, "gate_smtp", 0);
	auth = svc_common_program_wire(&program, "smtp_auth", 0);
	queue = svc_common_program_wire(&program, "smtp_queue", 0);
	svc_common_program_go(&program);
}

/* ---- talking ------------------------------------------------------------------------------- */

static void
connect_client(void)
{
	static const uint8_t ip[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 };
	int pair[2];
	CHECK_ERR(sys_sock_pair(pair), ERR_OK);
	client = pair[0];
	const struct ipc_gate_smtp_session m = { .session = { .id = 1,
						     .protocol = SYS_MX,
						     .peer_ip = str_make(ip, 16),
						     .local_ip = str_make(ip, 16),
						     .tls_version = S("TLSv1.3"),
						     .tls_cipher = S("x") } };
	buf_reset(&out);
	ipc_gate_smtp_session_put(&out, &m);
	CHECK_ERR(sys_chan_send_wait(gate, &out, pair[1], WAIT_MS), ERR_OK);
}

static void
say(str octets)
{
	while (octets.n > 0) {
		size_t n = 0;
		enum err e = sys_sock_write(client, octets, &n);
		if (e == ERR_AGAIN) {
			e = sys_wait(client, false, WAIT_MS);
		}
		if (!CHECK_ERR(e, ERR_OK)) {
			return;
		}
		octets = str_from_off(octets, n);
	}
}

/* Read until `what` was heard. What came before it is forgotten. */
static void
hear(const char *what)
{
	enum err e = ERR_OK;
	while (str_find(buf_view(&heard), str_from(what)) < 0 && e == ERR_OK) {
		char room[4096];
		size_t n;
		e = sys_wait(client, true, WAIT_MS);
		if (e == ERR_OK) {
			e = sys_sock_read(client, room, sizeof room, &n);
			buf_add(&heard, room, e == ERR_OK ? n : 0);
		}
	}
	test_case = what;
	CHECK_ERR(e, ERR_OK);
	buf_reset(&heard);
}

static enum err
on_rcpt(void *ctx, const struct ipc_smtp_auth_rcpt *m, int *fd)
{
	struct ipc_common_rcpt target = { .account = 7, .address = m->address };
	const struct ipc_smtp_auth_rcpt_result r = { .request = m->request,
		.verdict = DIRECTORY_KNOWN,
		.targets = &target,
		.targets_n = 1 };
	buf_reset(&out);
	ipc_smtp_auth_rcpt_result_put(&out, &r);
	return sys_chan_send_wait(auth, &out, -1, WAIT_MS);
}

static void
be_auth(void)
{
	static const struct ipc_smtp_auth_at_auth handlers = { .rcpt = on_rcpt };
	int fd = -1;
	CHECK_ERR(sys_chan_recv_wait(auth, &in, &fd, WAIT_MS), ERR_OK);
	CHECK_ERR(ipc_smtp_auth_auth_dispatch(&handlers, NULL, buf_view(&in), &fd, arena), ERR_OK);
}

/* Takes the message, compares its end with the text at ctx. */
static enum err
on_commit(void *ctx, const struct ipc_smtp_queue_commit *m, int *fd)
{
	const struct buf *want = ctx;
	const struct ipc_smtp_queue_commit_result r = {
		.txn = m->txn, .result = ERR_OK, .entry = 42
	};
	struct buf got;
	buf_init(&got, 8 << 20);
	if (*fd >= 0) {
		CHECK_ERR(sys_file_load_fd(*fd, &got), ERR_OK);
	} else {
		buf_str(&got, m->body);
	}
	CHECK_U64(got.n, m->size);
	CHECK((*fd >= 0) == (want->n > 65536));
	CHECK(str_ends(buf_view(&got), buf_view(want)));
	buf_done(&got);
	buf_reset(&out);
	ipc_smtp_queue_commit_result_put(&out, &r);
	return sys_chan_send_wait(queue, &out, -1, WAIT_MS);
}

static void
be_queue(struct buf *want)
{
	static const struct ipc_smtp_queue_at_queue handlers = { .commit = on_commit };
	int fd = -1;
	CHECK_ERR(sys_chan_recv_wait(queue, &in, &fd, WAIT_MS), ERR_OK);
	CHECK_ERR(ipc_smtp_queue_queue_dispatch(&handlers, want, buf_view(&in), &fd, arena),
	    ERR_OK);
	sys_close(&fd);
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void
send_message(size_t size)
{
	struct buf text;
	buf_init(&text, 8 << 20);
	buf_cstr(&text, "\r\n"); /* no header */
	for (unsigned i = 0; text.n < size; i++) {
		buf_printf(&text, "line %u of a text of which no two lines are the same\r\n", i);
	}
	say(S("MAIL FROM:<a@b.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"));
	be_auth();
	hear("354 ");
	say(buf_view(&text));
	say(S(".\r\n"));
	be_queue(&text);
	hear("250 2.0.0 Queued as ");
	buf_done(&text);
}

/* Rubbish from a peer closes its channel; what waited fails, and a new channel is asked for. */
static void
survives_rubbish(void)
{
	int fd = -1;
	say(S("MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\n"));
	CHECK_ERR(sys_chan_recv_wait(auth, &in, &fd, WAIT_MS), ERR_OK);
	buf_reset(&out);
	buf_cstr(&out, "rubbish");
	CHECK_ERR(sys_chan_send_wait(auth, &out, -1, WAIT_MS), ERR_OK);
	hear("451 4.3.0");
	svc_common_program_rewires(&program, "smtp_auth");
	sys_close(&auth);
	auth = svc_common_program_wire(&program, "smtp_auth", 0);
	say(S("RSET\r\n"));
	hear("250 2.0.0 OK");
}

/* Nothing stays in spool/tmp: the files had no names. */
static enum err
no_name(void *ctx, str name)
{
	CHECK_STR(name, S(""));
	return ERR_OK;
}

static void
quits(void)
{
	int tmp;
	svc_common_program_quit(&program, 10000);
	hear("421 4.3.2");
	sys_close(&client);
	svc_common_program_end(&program);
	CHECK_ERR(sys_dir_open(SYS_CWD, arena_printf(arena, "%s/spool/tmp", folder), &tmp), ERR_OK);
	CHECK_ERR(sys_dir_list(tmp, no_name, NULL), ERR_OK);
	sys_close(&tmp);
}

static void
process(void)
{
	arena = arena_new(NULL, "test", 64 << 20, 0);
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&heard, 1 << 20);
	make_state();
	start();
	connect_client();
	hear("220 mx.example.org ESMTP");
	say(S("EHLO a.test\r\n"));
	hear("250 LIMITS");
	send_message(1000);
	send_message(3 << 20);
	survives_rubbish();
	send_message(100);
	quits();
	int *const ends[] = { &gate, &auth, &queue };
	for (size_t i = 0; i < LEN(ends); i++) {
		sys_close(ends[i]);
	}
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(folder)), ERR_OK);
	buf_done(&out);
	buf_done(&in);
	buf_done(&heard);
	arena_free(&arena);
}

TEST_MAIN(process)
