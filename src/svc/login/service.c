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

static enum err
on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd)
{
	struct svc_login *l = sc->ctx;
	if (str_eq(edge, S("gate_login"))) {
		return svc_login_gate_wire(l, peer, fd);
	}
	if (str_eq(edge, S("login_auth"))) {
		return svc_login_auth_wire(l, fd);
	}
	if (str_eq(edge, S("login_accounts"))) {
		return svc_login_accounts_wire(l, fd);
	}
	sys_close(&fd);
	return ERR_UNSUPPORTED;
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

const struct svc_common_service svc_login_service = {
	.name = "login",
	.profile = svc_login_profile,
	.init = init,
	.on_wire = on_wire,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_quit = on_quit,
};
