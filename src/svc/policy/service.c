/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table of contents of the policy process.
 */
#include "svc/policy/policy.h"

static enum err
init(struct svc_common *sc)
{
	struct svc_policy *p = ARENA_NEW(sc->arena, struct svc_policy);

	if (p == NULL) {
		return ERR_NOMEM;
	}
	p->sc = sc;
	sc->ctx = p;
	p->scratch = arena_new(sc->arena, "message", SVC_POLICY_SCRATCH, 0);
	buf_init(&p->out, SYS_CHAN_MESSAGE_MAX);
	return p->scratch == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err
start(struct svc_common *sc)
{
	svc_policy_listen(sc->ctx);
	return ERR_OK;
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	const struct svc_policy *p = sc->ctx;

	buf_printf(facts, "asked=%llu\n", (unsigned long long)p->asked);
}

static void
on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	svc_common_exit(sc);
}

const struct svc_common_service svc_policy_service = {
	.name = "policy",
	.profile = svc_policy_profile,
	.init = init,
	.start = start,
	.on_wire = svc_policy_on_wire,
	.on_status = on_status,
	.on_quit = on_quit,
};
