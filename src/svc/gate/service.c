/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table of contents of the gate process: what it is handed and what it does about it.
 */
#include "svc/gate/service.h"
#include "base/mem.h"
#include "svc/gate/gate.h"
#include "sys/sys.h"

static enum err
init(struct svc_common *sc)
{
	struct svc_gate *g = mem_zalloc(1, sizeof *g);
	if (g == NULL) {
		return ERR_NOMEM;
	}
	sc->ctx = g;
	sys_raise_fd_limit();
	return svc_gate_init(g, sc);
}

/* In the order of enum svc_gate_service; smtp processes are on two rows, by their set. */
static const struct svc_common_edge edges[] = {
	{ S_INIT("gate_smtp"), SVC_COMMON_LINKS(struct svc_gate, services[SVC_GATE_MX].list),
	    .on_message = svc_gate_from_peer },
	{ S_INIT("gate_smtp"),
	    SVC_COMMON_LINKS(struct svc_gate, services[SVC_GATE_SUBMISSION].list),
	    .on_message = svc_gate_from_peer },
	{ S_INIT("gate_login"), SVC_COMMON_LINKS(struct svc_gate, services[SVC_GATE_LOGIN].list),
	    .on_message = svc_gate_from_peer },
	{ S_INIT("gate_auth"), SVC_COMMON_LINKS(struct svc_gate, auth),
	    .on_message = svc_gate_from_auth },
	{ S_INIT("gate_accounts"), SVC_COMMON_LINKS(struct svc_gate, accounts),
	    .on_message = svc_gate_from_accounts, .on_up = svc_gate_accounts_up,
	    .on_down = svc_gate_accounts_down, .on_drained = svc_gate_accounts_drained },
	{ .n = 0 },
};

static enum err
on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd)
{
	struct svc_gate *g = sc->ctx;
	if (str_eq(edge, S("gate_keys"))) {
		svc_gate_signer_wire(&g->signer, peer, fd); /* it waits for answers */
		return ERR_OK;
	}
	if (str_eq(set, S("smtp-submission"))) {
		return svc_common_wire_row(sc, &edges[SVC_GATE_SUBMISSION], peer, fd);
	}
	return svc_common_wire(sc, edge, peer, fd);
}

static enum err
on_listen(struct svc_common *sc, enum sys_protocol protocol, int fd)
{
	return svc_gate_listen(sc->ctx, protocol, fd);
}

/*
 * The key is none of ours, and empty. A chain that cannot be used is reported; what was there
 * before goes on serving.
 */
static enum err
on_certificate(struct svc_common *sc, uint32_t slot, str chain, str key)
{
	struct svc_gate *g = sc->ctx;
	const char *why = "";
	enum err e = svc_gate_certs_load(&g->certs, slot, chain, &why);
	if (e != ERR_OK) {
		LOG(GATE_CERTIFICATE_BAD, F_U64("slot", slot), F_ERR(e), F_CSTR("why", why));
		return e;
	}
	LOG(GATE_CERTIFICATE, F_U64("slot", slot), F_I64("until_s", g->certs.until_s[slot]));
	return ERR_OK;
}

static enum err
start(struct svc_common *sc)
{
	return svc_gate_listen_start(sc->ctx);
}

static void
on_reload(struct svc_common *sc)
{
	enum err e = svc_gate_settings(sc->ctx);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "reload"), F_ERR(e));
	}
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	svc_gate_status(sc->ctx, facts);
}

static void
on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	svc_gate_quit(sc->ctx, grace_ms);
}

const struct svc_common_service svc_gate_service = {
	.name = "gate",
	.profile = svc_gate_profile,
	.init = init,
	.start = start,
	.edges = edges,
	.on_wire = on_wire,
	.on_listen = on_listen,
	.on_certificate = on_certificate,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_quit = on_quit,
};
