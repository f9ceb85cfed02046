/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue without its parent, for tests: what service.c does, in its order, without the sandbox.
 */
#include "svc/queue/start_test.h"
#include "base/mem.h"
#include "base/test.h"
#include "svc/queue/remote/remote.h"
#include "sys/file.h"
#include "sys/sys.h"

static const void *graves[512];
static size_t graves_n;

void
queue_test_bury(const void *p)
{
	ASSERT(graves_n < LEN(graves));
	graves[graves_n++] = p;
}

struct svc_queue *
queue_test_start(struct svc_common *sc, const char *folder)
{
	uint8_t key[16] = { 1 };
	struct svc_queue *q = mem_zalloc(1, sizeof *q);
	CHECK_ERR(sys_loop_new(&sc->loop), ERR_OK);
	sc->arena = arena_new(NULL, "test", 64 << 20, 0);
	q->sc = sc;
	sc->ctx = q;
	sc->service = &svc_queue_service;
	q->next_job = 1;
	q->scratch = arena_new(sc->arena, "message", 8 << 20, 0);
	q->lanes = map_new(key, SIZE_MAX);
	q->entries = map_new(key, SIZE_MAX);
	buf_init(&q->out, SYS_CHAN_MESSAGE_MAX);
	CHECK_ERR(sys_dir_open(SYS_CWD, str_from(folder), &q->journal), ERR_OK);
	svc_queue_lane_init(q);
	svc_queue_settle_init(q);
	svc_queue_limits(q);
	CHECK_ERR(svc_queue_remote_init(q), ERR_OK);
	CHECK_ERR(svc_queue_commit_init(q), ERR_OK);
	return q;
}

void
queue_test_kill(struct svc_queue *q)
{
	struct svc_common *sc = q->sc;
	sys_close(&q->journal);
	sys_loop_free(&sc->loop);
	queue_test_bury(q);
	queue_test_bury(sc->arena);
}
