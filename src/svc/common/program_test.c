/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent of one program, played: edge parent_child from its other side.
 */
#include "svc/common/program_test.h"

#include "base/test.h"
#include "conf/conf.h"
#include "ipc/ipc.h"
#include "ipc/parent_child.h"
#include "sys/chan.h"
#include "sys/file.h"
#include "sys/sandbox.h"
#include "sys/sys.h"

enum { WAIT_MS = 20000, SETTINGS_MAX = 98304 };

static void
complain(void *ctx, unsigned line, str key, const char *what)
{
	printf("settings, line %u: %.*s: %s\n", line, STR_ARG(key), what);
}

/* What is in p->out. */
static void
tell(struct svc_common_program *p, int fd)
{
	CHECK_ERR(sys_chan_send_wait(p->control, &p->out, fd, WAIT_MS), ERR_OK);
	buf_reset(&p->out);
}

static void
spawn(struct svc_common_program *p, const char *name)
{
	const char *argv[] = { name, NULL };
	struct sys_spawn what = { .argv = argv, .fds_n = 1, .log_fd = -1 };
	struct buf path;
	int pair[2];
	buf_init(&path, 4096);
	CHECK_ERR(sys_file_program_folder(&path), ERR_OK);
	buf_printf(&path, "/../%s/postern-%s", name, name);
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	what.program = buf_view(&path);
	what.fds = &pair[1];
	CHECK_ERR(sys_spawn(&what, &p->child), ERR_OK);
	sys_close(&pair[1]);
	p->control = pair[0];
	buf_done(&path);
}

void
svc_common_program_start(struct svc_common_program *p, const char *name, const char *set,
    uint32_t index, str settings)
{
	struct conf conf;
	struct buf encoded;
	*p = (struct svc_common_program){ .arena = arena_new(NULL, "program", 4 << 20, 0) };
	buf_init(&p->in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&p->out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&encoded, SETTINGS_MAX);
	CHECK_ERR(conf_parse(settings, p->arena, complain, NULL, &conf), ERR_OK);
	conf_encode(&conf, &encoded);
	spawn(p, name);
	const struct ipc_parent_child_config m = {
		.index = index, .set = str_from(set), .settings = buf_view(&encoded)
	};
	ipc_parent_child_config_put(&p->out, &m);
	tell(p, -1);
	buf_done(&encoded);
}

void
svc_common_program_give(struct svc_common_program *p, const char *edge, uint32_t peer, int fd)
{
	const struct ipc_parent_child_wire m = {
		.edge = str_from(edge), .peer = peer, .set = S("test")
	};
	ipc_parent_child_wire_put(&p->out, &m);
	tell(p, fd);
}

int
svc_common_program_wire(struct svc_common_program *p, const char *edge, uint32_t peer)
{
	int pair[2] = { -1, -1 };
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	svc_common_program_give(p, edge, peer, pair[1]);
	return pair[0];
}

void
svc_common_program_admin(struct svc_common_program *p, int fd)
{
	ipc_parent_child_admin_put(&p->out, &(struct ipc_parent_child_admin){ .none = 0 });
	tell(p, fd);
}

static enum err
on_ready(void *ctx, const struct ipc_parent_child_ready *m, int *fd)
{
	*(uint32_t *)ctx = m->sandbox;
	return ERR_OK;
}

static enum err
on_rewire(void *ctx, const struct ipc_parent_child_rewire *m, int *fd)
{
	CHECK_STR(m->edge, *(str *)ctx);
	return ERR_OK;
}

static void
hear(struct svc_common_program *p, const struct ipc_parent_child_at_parent *handlers, void *ctx)
{
	int fd = -1;
	CHECK_ERR(sys_chan_recv_wait(p->control, &p->in, &fd, WAIT_MS), ERR_OK);
	CHECK_ERR(ipc_parent_child_parent_dispatch(handlers, ctx, buf_view(&p->in), &fd, p->arena),
	    ERR_OK);
	arena_reset(p->arena);
}

void
svc_common_program_go(struct svc_common_program *p)
{
	static const struct ipc_parent_child_at_parent handlers = { .ready = on_ready };
	uint32_t sandbox = 0;
	ipc_parent_child_go_put(&p->out, &(struct ipc_parent_child_go){ .boot_id = S("test") });
	tell(p, -1);
	hear(p, &handlers, &sandbox);
	CHECK((sandbox & SYS_STATE_NO_NEW_PRIVS) != 0 && (sandbox & SYS_STATE_SECCOMP) != 0);
	CHECK((sandbox & SYS_STATE_LANDLOCK) != 0 || sys_sandbox_landlock_abi() == 0);
}

void
svc_common_program_rewires(struct svc_common_program *p, const char *edge)
{
	static const struct ipc_parent_child_at_parent handlers = { .rewire = on_rewire };
	str want = str_from(edge);
	hear(p, &handlers, &want);
}

void
svc_common_program_quit(struct svc_common_program *p, uint32_t grace_ms)
{
	ipc_parent_child_quit_put(&p->out, &(struct ipc_parent_child_quit){ grace_ms });
	tell(p, -1);
}

static void
done(struct svc_common_program *p)
{
	sys_close(&p->control);
	buf_done(&p->in);
	buf_done(&p->out);
	arena_free(&p->arena);
}

void
svc_common_program_end(struct svc_common_program *p)
{
	struct sys_child_end end = { .signalled = true };
	CHECK_ERR(sys_child_wait(&p->child, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 0);
	done(p);
}

void
svc_common_program_kill(struct svc_common_program *p)
{
	struct sys_child_end end;
	CHECK_ERR(sys_child_signal(&p->child, 9), ERR_OK);
	CHECK_ERR(sys_child_wait(&p->child, &end), ERR_OK);
	done(p);
}
