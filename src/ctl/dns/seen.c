/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process keys is told which of its records are in DNS: a next key may only sign when it has
 * been seen there for as long as caches keep its absence.
 */
#include "ctl/client.h"
#include "ctl/dns/want.h"
#include "ipc/adm_keys.h"

static enum err
on_done(void *ctx, const struct ipc_adm_keys_done *m, int *fd)
{
	bool *ended = ctx;
	*ended = true;
	return ERR_OK;
}

static enum err
take(struct ctl *c, void *ctx, str datagram, int *fd)
{
	static const struct ipc_adm_keys_at_admin handlers = { .done = on_done };
	return ipc_adm_keys_admin_dispatch(&handlers, ctx, datagram, fd, c->scratch);
}

enum ctl_exit
ctl_dns_tell_seen(struct ctl *c, str name, uint32_t ttl_s)
{
	static const str between = S_INIT("._domainkey.");
	ptrdiff_t at = str_find(name, between);
	bool ended = false;
	ASSERT(at > 0);
	struct ipc_adm_keys_seen m = { .request = 1,
		.domain = str_from_off(name, (size_t)at + between.n),
		.selector = str_sub(name, 0, (size_t)at),
		.ttl_s = ttl_s };
	buf_reset(&c->msg);
	ipc_adm_keys_seen_put(&c->msg, &m);
	return ctl_client_ask(c, take, &ended, &ended, CTL_WAIT_MS);
}
