/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table of contents of the login process: what it is handed and what it does about it.
 */
#include "svc/login/service.h"
#include "base/mem.h"
#include "svc/login/login.h"
#include "sys/sys.h"

static enum err
init(struct svc_common *sc)
{
	struct svc_login *l = mem_zalloc(1, sizeof *l);
	if (l == NULL) {
		return ERR_NOMEM;
	}
	sc->ctx = l;
	sys_raise_fd_limit();
	return svc_login_init(l, sc);
}

static void
on_reload(struct svc_common *sc)
{
	svc_login_settings(sc->ctx);
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	svc_login_status(sc->ctx, facts);
}

static void
on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	svc_login_quit(sc->ctx, grace_ms);
}

static const struct svc_common_edge edges[] = {
	{ S_INIT("gate_login"), SVC_COMMON_LINKS(struct svc_login, gates),
	    .on_message = svc_login_from_gate },
	{ S_INIT("login_auth"), SVC_COMMON_LINKS(struct svc_login, auth),
	    .on_message = svc_login_from_auth, .on_down = svc_login_auth_down },
	{ S_INIT("login_accounts"), SVC_COMMON_LINKS(struct svc_login, accounts),
	    .on_message = svc_login_from_accounts, .on_down = svc_login_accounts_down },
	{ .n = 0 },
};

const struct svc_common_service svc_login_service = {
	.name = "login",
	.profile = svc_login_profile,
	.init = init,
	.edges = edges,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_quit = on_quit,
};
