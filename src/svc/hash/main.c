/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern-hash: takes a password, salt and number of rounds from auth, answers with the key,
 * forgets all of it. One request at a time; what waits, waits in the channel. hash.h has the sum
 * itself.
 */
#include "base/mem.h"
#include "ipc/auth_hash.h"
#include "svc/common/service.h"
#include "svc/hash/hash.h"

enum { SCRATCH_OCTETS = 16384 };

static struct hash {
	struct svc_common_link auth;
	struct arena *scratch;
	struct buf out;
	uint64_t sums;
} hash;

/* The request lies in the channel's buffer, where the next one would only cover part of it. */
static void
wipe(str s)
{
	mem_wipe((void *)(uintptr_t)s.p, s.n);
}

static enum err
on_derive(void *ctx, const struct ipc_auth_hash_derive *m, int *fd)
{
	struct svc_hash_sum sum = { m->algorithm, m->password, m->salt, m->iterations };
	struct ipc_auth_hash_derived reply = { .request = m->request };
	uint8_t key[SVC_HASH_KEY_MAX];
	size_t n = 0;
	enum err e;

	reply.result = svc_hash_derive(&sum, key, &n);
	reply.key = str_make(key, reply.result == ERR_OK ? n : 0);
	hash.sums++;
	buf_reset(&hash.out);
	ipc_auth_hash_derived_put(&hash.out, &reply);
	e = svc_common_link_send(&hash.auth, &hash.out, -1);
	wipe(m->password);
	mem_wipe(key, sizeof(key));
	buf_wipe(&hash.out);
	return e;
}

static const struct ipc_auth_hash_at_hash handlers = { .derive = on_derive };

static enum err
on_message(struct svc_common_link *from, str datagram, int *fd)
{
	return ipc_auth_hash_hash_dispatch(&handlers, NULL, datagram, fd, hash.scratch);
}

static enum err
init(struct svc_common *sc)
{
	sc->ctx = &hash;
	hash.scratch = arena_new(sc->arena, "message", SCRATCH_OCTETS, ARENA_WIPE);
	buf_init(&hash.out, SYS_CHAN_MESSAGE_MAX);
	return hash.scratch == NULL ? ERR_NOMEM : svc_hash_self_test();
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	buf_cstr(facts, "sums=");
	buf_u64(facts, hash.sums);
	buf_ch(facts, '\n');
}

static const struct svc_common_edge edges[] = {
	{ S_INIT("auth_hash"), SVC_COMMON_LINKS(struct hash, auth), .on_message = on_message },
	{ .n = 0 },
};

static const struct svc_common_service service = {
	.name = "hash",
	.init = init,
	.profile = svc_hash_profile,
	.edges = edges,
	.on_status = on_status,
};

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &service);
}
