/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's state, its end, and what it offers.
 */
#include "svc/login/login.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "sys/random.h"

static void
reap(void *ctx)
{
	struct svc_login *l = ctx;
	LIST_EACH(it, &l->dead) {
		struct svc_login_session *s = LIST_ENTRY(it, struct svc_login_session, node);
		list_remove(&s->node);
		mem_drop(s);
	}
	if (l->quitting && l->sessions_n == 0) {
		svc_common_exit(l->sc);
	}
}

static void
grace_over(void *ctx)
{
	struct svc_login *l = ctx;
	LIST_EACH(it, &l->sessions) {
		svc_login_session_close(LIST_ENTRY(it, struct svc_login_session, node), "shutdown");
	}
	sys_task_schedule(l->sc->loop, &l->reaper);
}

void
svc_login_settings(struct svc_login *l)
{
	for (unsigned binding = 0; binding < 2; binding++) {
		struct sasl_offer offer = {
			.tls = true, .binding = binding != 0, .cram_md5 = l->sc->conf->auth_cram_md5
		};
		struct svc_login_offer *to = &l->offers[binding];
		to->n = 0;
		for (enum sasl_mechanism m = 0; m < SASL_MECHANISMS; m++) {
			if (sasl_mechanism_offered(m, &offer)) {
				to->names[to->n++] = sasl_mechanism_row(m)->name;
			}
		}
		for (size_t p = 0; p < PREAUTH_PROTOCOLS; p++) {
			l->preauth[p][binding] = (struct preauth_conf){
				.protocol = (enum preauth_protocol)p,
				.phase = PREAUTH_LOGIN,
				.hostname = l->hostname,
				.mechanisms = to->names,
				.mechanisms_n = to->n
			};
		}
	}
}

enum err
svc_login_init(struct svc_login *l, struct svc_common *sc)
{
	uint8_t key[16];
	*l = (struct svc_login){ .sc = sc };
	list_init(&l->sessions);
	list_init(&l->dead);
	sys_task_init(&l->reaper, reap, l);
	sys_timer_init(&l->grace, grace_over, l);
	buf_init(&l->message, SVC_LOGIN_MESSAGE_OCTETS);
	sys_random(key, sizeof key);
	l->requests = map_new(key, SVC_LOGIN_SESSIONS_MAX);
	l->tick = arena_new(sc->arena, "tick", SVC_LOGIN_TICK_OCTETS, ARENA_WIPE);
	l->hostname = arena_dup(sc->arena, sc->conf->hostname);
	if (l->requests == NULL || l->tick == NULL || l->hostname.p == NULL) {
		return ERR_NOMEM;
	}
	svc_login_settings(l);
	return ERR_OK;
}

void
svc_login_quit(struct svc_login *l, uint32_t grace_ms)
{
	l->quitting = true;
	for (size_t i = 0; i < LEN(l->gates); i++) {
		sys_chan_free(&l->gates[i].chan);
	}
	LIST_EACH(it, &l->sessions) {
		svc_login_session_end(LIST_ENTRY(it, struct svc_login_session, node),
		    PREAUTH_CLOSE_SHUTDOWN);
	}
	sys_timer_set(l->sc->loop, &l->grace, grace_ms);
	sys_task_schedule(l->sc->loop, &l->reaper);
}

void
svc_login_done(struct svc_login *l)
{
	svc_common_links_close(l->sc);
	sys_timer_stop(&l->grace);
	grace_over(l);
	l->quitting = false;
	sys_task_stop(&l->reaper);
	reap(l);
	map_free(&l->requests);
	arena_free(&l->tick);
	buf_wipe(&l->message);
	buf_done(&l->message);
}

void
svc_login_status(struct svc_login *l, struct buf *facts)
{
	const struct svc_login_facts *f = &l->facts;
	const struct svc_common_fact rows[] = {
		{ "waiting", l->sessions_n },
		{ "sessions", f->sessions },
		{ "logins", f->logins },
		{ "failures", f->failures },
		{ "unavailable", f->unavailable },
		{ "refused", f->refused },
		{ "timeouts", f->timeouts },
	};
	svc_common_facts(facts, rows, LEN(rows));
}
