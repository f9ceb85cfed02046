/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accounts service, a zygote: it starts account processes, each locked into one account's
 * folder, and passes change notices between those of one account. Read next: accounts.h, attach.c,
 * queue.c, child.c.
 */
#include "svc/accounts/sessions.h"
#include "base/mem.h"
#include "store/store.h"
#include "svc/accounts/nursery.h"
#include "svc/accounts/seal.h"
#include "svc/accounts/teach.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

static enum err
make_tables(struct svc_accounts *s)
{
	uint8_t key[16];
	sys_random(key, sizeof key);
	s->tickets = lru_new(key, SVC_ACCOUNTS_TICKETS_MAX, sizeof(struct svc_accounts_ticket),
	    NULL);
	s->facts = lru_new(key, SVC_ACCOUNTS_FACTS_MAX, sizeof(struct svc_accounts_facts), NULL);
	s->usages = lru_new(key, SVC_ACCOUNTS_FACTS_MAX, sizeof(struct svc_accounts_usage), NULL);
	s->families = map_new(key, SVC_ACCOUNTS_CHILDREN_MAX);
	s->asked = map_new(key, SVC_ACCOUNTS_ASKED_MAX);
	s->parked = map_new(key, SVC_ACCOUNTS_PARKED_MAX);
	s->live = map_new(key, SVC_ACCOUNTS_CHILDREN_MAX);
	s->scratch = arena_new(s->sc->arena, "message", 2 << 20, 0);
	bool ok = s->tickets != NULL && s->facts != NULL && s->families != NULL &&
	    s->asked != NULL && s->parked != NULL && s->live != NULL && s->scratch != NULL;
	return ok && s->usages != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err
init(struct svc_common *sc)
{
	struct svc_accounts *s = ARENA_NEW(sc->arena, struct svc_accounts);
	if (s == NULL) {
		return ERR_NOMEM;
	}
	s->sc = sc;
	sc->ctx = s;
	mem_for_forks();
	s->next_request = 1;
	s->folder = svc_common_state_path(sc, S("accounts"));
	s->folder_young = true; /* we may have been started again */
	list_init(&s->children);
	list_init(&s->checked);
	list_init(&s->unchecked);
	list_init(&s->late);
	svc_accounts_parked_init(s);
	buf_init(&s->sealed, SVC_ACCOUNTS_SEALED_MAX);
	buf_init(&s->answer, SYS_CHAN_MESSAGE_MAX);
	s->nursery = -1;
	s->nursery_ms = SVC_ACCOUNTS_NURSERY_MS;
	sys_random(s->seal_key, sizeof s->seal_key);
	list_init(&s->questions);
	sys_task_init(&s->tickets_came, svc_accounts_tickets_came, s);
	buf_init(&s->out, SYS_CHAN_MESSAGE_MAX);
	store_start();
	TRY(make_tables(s));
	return svc_accounts_profile_children(s);
}

/* Inside the sandbox: now sessions and deliveries may come. */
static enum err
start(struct svc_common *sc)
{
	struct svc_accounts *s = sc->ctx;
	mem_fill_holes();
	if (sc->secret.n == sizeof s->seal_key) {
		memcpy(s->seal_key, sc->secret.p, sizeof s->seal_key);
		mem_wipe((char *)(uintptr_t)sc->secret.p, sc->secret.n); /* forks copy us */
		sc->secret = STR_NONE;
	}
	return svc_accounts_nursery_new(s);
}

static void
on_reload(struct svc_common *sc)
{
	svc_accounts_nursery_conf(sc->ctx);
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	const struct svc_accounts *s = sc->ctx;
	const struct svc_common_fact rows[] = { { "sessions", s->sessions },
		{ "resting", s->parked_n }, { "parked", s->rests }, { "woken", s->resumed },
		{ "park_refused", s->park_refused }, { "deliveries", s->deliveries },
		{ "syncers", s->syncers }, { "guests", s->guests }, { "started", s->started },
		{ "crashed", s->crashed }, { "refused", s->refused }, { "lessons", s->lessons } };
	svc_common_facts(facts, rows, LEN(rows));
}

/* Ask everyone to finish; the last one to end ends us. */
static void
on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	svc_accounts_quit(sc->ctx);
}

void
svc_accounts_free(struct svc_accounts *s)
{
	svc_accounts_children_done(s);
	for (size_t i = 0; i < LEN(s->gates); i++) {
		svc_accounts_gate_down(&s->gates[i].link);
	}
	sys_timer_stop(&s->stale);
	svc_accounts_login_down(&s->login);
	svc_accounts_auth_down(&s->auth);
	svc_common_links_close(s->sc);
	lru_free(&s->tickets);
	lru_free(&s->facts);
	lru_free(&s->usages);
	map_free(&s->families);
	map_free(&s->asked);
	map_free(&s->parked);
	map_free(&s->live);
	svc_accounts_nursery_done(s);
	buf_done(&s->answer);
	buf_done(&s->sealed);
	buf_done(&s->out);
	sys_sandbox_free(&s->account_sandbox);
	sys_sandbox_free(&s->sync_sandbox);
}

static const struct svc_common_edge edges[] = {
	{ S_INIT("login_accounts"), SVC_COMMON_LINKS(struct svc_accounts, login),
	    .on_message = svc_accounts_from_login, .on_down = svc_accounts_login_down },
	{ S_INIT("accounts_auth"), SVC_COMMON_LINKS(struct svc_accounts, auth),
	    .on_message = svc_accounts_from_auth, .on_up = svc_accounts_auth_up,
	    .on_down = svc_accounts_auth_down },
	{ S_INIT("queue_accounts"), SVC_COMMON_LINKS(struct svc_accounts, queue),
	    .on_message = svc_accounts_from_queue },
	{ S_INIT("accounts_policy"), SVC_COMMON_LINKS(struct svc_accounts, policy),
	    .on_message = svc_accounts_from_policy },
	{ S_INIT("gate_accounts"), SVC_COMMON_LINKS_IN(struct svc_accounts, gates),
	    .on_message = svc_accounts_from_gate, .on_down = svc_accounts_gate_down,
	    .on_drained = svc_accounts_gate_drained },
	{ .n = 0 },
};

const struct svc_common_service svc_accounts_service = {
	.name = "accounts",
	.profile = svc_accounts_profile,
	.init = init,
	.start = start,
	.edges = edges,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_quit = on_quit,
	.on_admin = svc_accounts_on_admin,
};
