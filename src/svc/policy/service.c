/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table of contents of the policy process.
 */
#include "svc/policy/session.h"
#include "sys/random.h"

static enum err
init(struct svc_common *sc)
{
	struct svc_policy *p = ARENA_NEW(sc->arena, struct svc_policy);
	uint8_t key[16];

	if (p == NULL) {
		return ERR_NOMEM;
	}
	p->sc = sc;
	sc->ctx = p;
	p->next_request = 1;
	p->next_txn = 1;
	list_init(&p->notices);
	p->scratch = arena_new(sc->arena, "message", SVC_POLICY_SCRATCH, 0);
	buf_init(&p->out, SYS_CHAN_MESSAGE_MAX);
	sys_random(key, sizeof key);
	p->judges = map_new(key, SVC_POLICY_JUDGES_MAX);
	if (p->scratch == NULL || p->judges == NULL) {
		return ERR_NOMEM;
	}
	return svc_policy_sessions_init(p);
}

static enum err
start(struct svc_common *sc)
{
	struct svc_policy *p = sc->ctx;

	TRY(svc_policy_remember_start(p));
	TRY(svc_policy_learn_start(p));
	return svc_policy_lists_start(p);
}

/* Lists begin anew; what waits for their answers goes on without. */
static void
on_reload(struct svc_common *sc)
{
	struct svc_policy *p = sc->ctx;

	svc_policy_remember_settings(p);
	lru_clear(p->sessions);
	svc_policy_judges_stop(p);
	svc_policy_lists_stop(p);
	enum err e = svc_policy_lists_start(p);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "lists"), F_ERR(e));
	}
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	const struct svc_policy *p = sc->ctx;
	size_t good = 0;

	for (size_t i = 0; i < p->zones_n; i++) {
		good += p->zones[i].state == SVC_POLICY_ZONE_GOOD;
	}
	const struct svc_common_fact rows[] = { { "peers", p->peers }, { "recipients", p->rcpts },
		{ "submitted", p->submits }, { "letters", p->letters },
		{ "greylisted", p->greylisted }, { "waited", p->let_in }, { "exempt", p->exempt },
		{ "known", p->known }, { "limited", p->limited },
		{ "accounts_limited", p->limited_accounts }, { "accounts_held", p->holds },
		{ "held", p->keep == NULL ? 0 : policy_keep_count(p->keep, POLICY_HELD) },
		{ "sessions", lru_count(p->sessions) },
		{ "triplets", p->keep == NULL ? 0 : policy_keep_count(p->keep, POLICY_GREY) },
		{ "correspondents",
		    p->keep == NULL ? 0 : policy_keep_count(p->keep, POLICY_KNOWN) },
		{ "remembered_octets", p->keep == NULL ? 0 : policy_keep_octets(p->keep) },
		{ "limited_octets", p->limits == NULL ? 0 : policy_table_octets(p->limits) },
		{ "lost_transactions", p->lost }, { "lists", p->zones_n }, { "lists_good", good },
		{ "dns_asked", p->dns_asked }, { "dns_late", p->dns_late },
		{ "dns_not_asked", p->dns_refused }, { "learned", p->learned } };
	svc_common_facts(facts, rows, LEN(rows));
}

static void
on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	struct svc_policy *p = sc->ctx;

	svc_policy_stop(p);
	svc_common_exit(sc);
}

void
svc_policy_stop(struct svc_policy *p)
{
	lru_clear(p->sessions);
	svc_policy_judges_stop(p);
	svc_policy_lists_stop(p);
	svc_policy_dns_cancel(&p->probe);
	svc_policy_notice_stop(p);
	if (p->keep != NULL) {
		svc_policy_learn_stop(p);
		sys_timer_stop(&p->flush);
		sys_timer_stop(&p->tidy);
		policy_keep_close(&p->keep);
	}
}

static const struct svc_common_edge edges[] = {
	{ S_INIT("smtp_policy"), SVC_COMMON_LINKS(struct svc_policy, smtps),
	    .on_message = svc_policy_from_smtp },
	{ S_INIT("scan_policy"), SVC_COMMON_LINKS(struct svc_policy, scans),
	    .on_message = svc_policy_from_scan },
	{ S_INIT("accounts_policy"), SVC_COMMON_LINKS(struct svc_policy, accounts),
	    .on_message = svc_policy_from_accounts },
	{ S_INIT("policy_resolve"), SVC_COMMON_LINKS(struct svc_policy, resolve),
	    .on_message = svc_policy_from_resolve },
	{ S_INIT("policy_queue"), SVC_COMMON_LINKS(struct svc_policy, queue),
	    .on_message = svc_policy_from_queue, .on_up = svc_policy_submit_tell },
	{ S_INIT("policy_auth"), SVC_COMMON_LINKS(struct svc_policy, auth),
	    .on_message = svc_policy_from_auth },
	{ .n = 0 },
};

const struct svc_common_service svc_policy_service = {
	.name = "policy",
	.profile = svc_policy_profile,
	.init = init,
	.start = start,
	.edges = edges,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_quit = on_quit,
	.on_admin = svc_policy_on_admin,
};
