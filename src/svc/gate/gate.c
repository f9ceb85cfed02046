/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's state: built before the sandbox, taken apart at the end. Settings that reload may
 * change are read in svc_gate_settings or straight from g->sc->conf.
 */
#include "svc/gate/gate.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "svc/gate/manners.h"
#include "svc/gate/provider.h"
#include "sys/random.h"
#include "sys/sys.h"

static void
reap(void *ctx)
{
	struct svc_gate *g = ctx;
	LIST_EACH(it, &g->dead) {
		struct svc_gate_conn *c = LIST_ENTRY(it, struct svc_gate_conn, node);
		list_remove(&c->node);
		mem_drop(c);
	}
	if (g->conns_peak > SVC_GATE_TRIM_ABOVE && g->conns_n < g->conns_peak / 2) {
		mem_trim();
		g->conns_peak = g->conns_n;
	}
	if (g->quitting && g->conns_n == 0) {
		svc_common_exit(g->sc);
	}
}

static void
grace_over(void *ctx)
{
	struct svc_gate *g = ctx;
	LIST_EACH(it, &g->conns) {
		svc_gate_conn_close(LIST_ENTRY(it, struct svc_gate_conn, node), "shutdown");
	}
	sys_task_schedule(g->sc->loop, &g->reaper);
}

/* hostname lives as long as the configuration, so it is copied once. */
static enum err
init_preauth(struct svc_gate *g)
{
	str name = arena_dup(g->sc->arena, g->sc->conf->hostname);
	for (size_t i = 0; i < PREAUTH_PROTOCOLS; i++) {
		g->preauth[i] = (struct preauth_conf){ .protocol = (enum preauth_protocol)i,
			.phase = PREAUTH_PRETLS,
			.hostname = name };
	}
	return name.p == NULL ? ERR_BUDGET : ERR_OK;
}

enum err
svc_gate_settings(struct svc_gate *g)
{
	const struct conf_list *nets = &g->sc->conf->listen_proxy;
	svc_gate_certs_minimum(&g->certs, str_eq(g->sc->conf->tls_minimum, S("1.3")));
	if (nets->n > LEN(g->balancers)) {
		return ERR_CONFIG;
	}
	for (size_t i = 0; i < nets->n; i++) {
		TRY(sys_prefix_parse(nets->v[i], &g->balancers[i]));
	}
	g->balancers_n = nets->n;
	return ERR_OK;
}

enum err
svc_gate_init(struct svc_gate *g, struct svc_common *sc)
{
	uint8_t key[16];
	memset(g, 0, sizeof *g);
	g->sc = sc;
	g->spare_fd = -1;
	list_init(&g->conns);
	list_init(&g->dead);
	sys_task_init(&g->reaper, reap, g);
	sys_timer_init(&g->grace, grace_over, g);
	sys_timer_init(&g->accept_rest, svc_gate_listen_again, g);
	sys_timer_init(&g->orphans, svc_gate_park_orphans_end, g);
	sys_random(key, sizeof key);
	sys_random(&g->ids, sizeof g->ids); /* started again within a second: other numbers */
	TRY(svc_gate_bans_init(&g->bans, key));
	g->sessions = map_new(key, sc->conf->gate_connections);
	if (g->sessions == NULL) {
		return ERR_NOMEM;
	}
	buf_init(&g->message, SYS_CHAN_MESSAGE_MAX);
	buf_init(&g->gone, sc->conf->gate_connections * sizeof(uint64_t));
	TRY(svc_gate_counts_init(&g->counts, key, sc->conf->gate_connections));
	TRY(svc_gate_manners_init(g));
	TRY(svc_gate_certs_init(&g->certs, key));
	TRY(svc_gate_signer_init(&g->signer, sc));
	TRY(svc_gate_provider_load(&g->signer));
	g->tick = arena_new(sc->arena, "tick", SVC_GATE_TICK_OCTETS, 0);
	if (g->tick == NULL) {
		return ERR_NOMEM;
	}
	TRY(init_preauth(g));
	return svc_gate_settings(g);
}

/* Nothing new; who has no session yet is sent away; sessions may end by themselves until then. */
void
svc_gate_quit(struct svc_gate *g, uint32_t grace_ms)
{
	g->quitting = true;
	svc_gate_listen_stop(g);
	LIST_EACH(it, &g->conns) {
		struct svc_gate_conn *c = LIST_ENTRY(it, struct svc_gate_conn, node);
		if (c->state <= SVC_GATE_HANDSHAKE) {
			svc_gate_conn_dismiss(c, PREAUTH_CLOSE_SHUTDOWN);
		} else if (c->state == SVC_GATE_PARKED) {
			svc_gate_park_end(c, PREAUTH_CLOSE_SHUTDOWN);
		}
	}
	sys_timer_set(g->sc->loop, &g->grace, grace_ms);
	sys_task_schedule(g->sc->loop, &g->reaper);
}

void
svc_gate_done(struct svc_gate *g)
{
	svc_gate_listen_stop(g);
	sys_timer_stop(&g->grace);
	sys_timer_stop(&g->orphans);
	grace_over(g);
	g->quitting = false;
	sys_task_stop(&g->reaper);
	reap(g);
	svc_common_links_close(g->sc);
	map_free(&g->sessions);
	buf_done(&g->message);
	buf_done(&g->gone);
	svc_gate_bans_done(&g->bans);
	svc_gate_counts_done(&g->counts);
	svc_gate_manners_done(g);
	svc_gate_certs_done(&g->certs);
	svc_gate_signer_done(&g->signer);
	arena_free(&g->tick);
	sys_close(&g->spare_fd);
}
