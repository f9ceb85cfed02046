/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to the code of the fetch process, for tests: cache, GET and decision without the
 * process around them. Prints the answer on one line. For test/fetch/run.
 *
 *	usage: try PORT CA.PEM CACHE.DB TIMEOUT_MS DOMAIN ID ADDRESS...
 */
#include "base/mem.h"
#include "svc/fetch/fetch.h"
#include "sys/file.h"
#include "sys/sock.h"

enum { FIRST_ADDRESS = 7, CA_MAX = 1 << 20 };

static struct sys_loop *loop;
static bool told;

static void
tell(void *ctx, uint32_t peer, const struct svc_fetch_answer *a)
{
	char room[8192];
	struct buf line;
	buf_init_fixed(&line, room, sizeof room);
	buf_printf(&line, "%s %d %.*s [", err_name(a->result), a->mode, STR_ARG(a->failure));
	for (size_t i = 0; i < a->mx.n; i++) {
		buf_ch(&line, a->mx.p[i] == '\n' ? ' ' : a->mx.p[i]);
	}
	buf_str(&line, S("]\n"));
	ASSERT(sys_file_append(1, buf_view(&line)) == ERR_OK);
	told = true;
	sys_loop_stop(loop);
}

static enum err
run(char **argv, str *ips, size_t ips_n)
{
	struct svc_fetch f = { .tell = tell, .private_addresses = true };
	struct buf ca;
	uint32_t port = 0, timeout = 0;
	ASSERT(str_u32(str_from(argv[1]), &port) && str_u32(str_from(argv[4]), &timeout));
	buf_init(&ca, CA_MAX);
	TRY(sys_loop_new(&loop));
	TRY(sys_file_load(SYS_CWD, str_from(argv[2]), &ca));
	const struct svc_fetch_get_conf conf = {
		.port = (uint16_t)port, .timeout_ms = timeout, .ca = buf_view(&ca)
	};
	TRY(svc_fetch_client_new(&conf, loop, &f.client));
	TRY(svc_fetch_cache_open(str_from(argv[3]), &f.db));
	f.scratch = arena_new(NULL, "try", SVC_FETCH_SCRATCH, 0);
	svc_fetch_start(&f);
	const struct svc_fetch_question q = { .request = 1,
		.domain = str_from(argv[5]),
		.id = str_from(argv[6]),
		.ips = ips,
		.ips_n = ips_n };
	svc_fetch_ask(&f, &q);
	enum err e = told ? ERR_OK : sys_loop_run(loop);
	svc_fetch_stop(&f);
	arena_free(&f.scratch);
	buf_done(&ca);
	sys_loop_free(&loop);
	return e;
}

int
main(int argc, char **argv)
{
	static uint8_t rooms[SVC_FETCH_ADDRESSES_MAX][16];
	str ips[SVC_FETCH_ADDRESSES_MAX];
	size_t n = 0;
	ASSERT(argc >= FIRST_ADDRESS);
	for (int i = FIRST_ADDRESS; i < argc && n < LEN(ips); i++) {
		ASSERT(sys_addr_ip_parse(str_from(argv[i]), rooms[n]) == ERR_OK);
		ips[n] = str_make(rooms[n], sizeof rooms[n]);
		n++;
	}
	return run(argv, ips, n) == ERR_OK ? 0 : 1;
}
