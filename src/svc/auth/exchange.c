/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping exchanges: made on request, found by client and number, ended by an outcome, by age, or
 * with their client. What is inside a message is the mechanisms' business.
 */
#include "svc/auth/exchange_priv.h"

#include "base/map.h"
#include "base/mem.h"

enum { MAGIC = 0x45584348 };

struct key {
	uint64_t client, request;
};

static struct key
key_of(const struct svc_auth_client *client, uint64_t request)
{
	return (struct key){ (uintptr_t)client, request };
}

static struct svc_auth_exchange *
find(struct svc_auth *a, const struct svc_auth_client *client, uint64_t request)
{
	struct key key = key_of(client, request);

	return map_get_str(a->exchanges, str_make(&key, sizeof(key)));
}

static uint32_t
scope_of(enum sys_protocol protocol)
{
	switch (protocol) {
	case SYS_SUBMISSION:
	case SYS_SUBMISSIONS: return DIRECTORY_SCOPE_SMTP;
	case SYS_IMAP:
	case SYS_IMAPS: return DIRECTORY_SCOPE_IMAP;
	case SYS_POP3:
	case SYS_POP3S: return DIRECTORY_SCOPE_POP3;
	case SYS_MANAGESIEVE: return DIRECTORY_SCOPE_SIEVE;
	default: return 0; /* nobody logs in to the MX port */
	}
}

static void
say_refused(const struct svc_auth_client *client, uint64_t request, enum err why)
{
	struct svc_auth_outcome outcome = { .result = why };

	client->done(client, request, &outcome);
}

/* The mechanism, if this session is offered it. */
static enum err
choose(struct svc_auth *a, const struct svc_auth_request *r, enum sasl_mechanism *ret)
{
	struct sasl_offer offer = {
		.tls = r->session.tls,
		.binding = r->session.exporter.n > 0,
		.cram_md5 = a->settings.cram_md5,
	};
	enum sasl_mechanism m = sasl_mechanism_find(r->mechanism);

	if (m == SASL_MECHANISMS || scope_of(r->session.protocol) == 0 ||
	    !sasl_mechanism_offered(m, &offer)) {
		return ERR_UNSUPPORTED;
	}
	*ret = m;
	return ERR_OK;
}

static struct svc_auth_exchange *
make(struct svc_auth *a, const struct svc_auth_request *r)
{
	struct arena *arena = arena_new(a->arena, "exchange", SVC_AUTH_EXCHANGE_OCTETS, ARENA_WIPE);
	struct key key = key_of(r->client, r->request);
	struct svc_auth_exchange *x;

	if (arena == NULL) {
		return NULL;
	}
	x = ARENA_NEW(arena, struct svc_auth_exchange);
	if (x == NULL || map_set_str(a->exchanges, str_make(&key, sizeof(key)), x) != ERR_OK) {
		arena_free(&arena);
		return NULL;
	}
	x->magic = MAGIC;
	x->auth = a;
	x->arena = arena;
	x->client = r->client;
	x->request = r->request;
	x->session = r->session;
	x->scope = scope_of(r->session.protocol);
	x->deadline_ms = a->now_ms + SVC_AUTH_EXCHANGE_MS;
	list_init(&x->node);
	list_push(&a->by_age, &x->node);
	return x;
}

static void
dispatch(struct svc_auth_exchange *x, str data)
{
	if (++x->steps > SASL_STEPS_MAX) {
		svc_auth_outcome_refused(x, ERR_SYNTAX);
		return;
	}
	switch (x->mechanism) {
	case SASL_PLAIN: svc_auth_plain_step(x, data); return;
	case SASL_LOGIN: svc_auth_login_step(x, data); return;
	case SASL_CRAM_MD5: svc_auth_cram_step(x, data); return;
	default: svc_auth_scram_step(x, data); return;
	}
}

/* Without the client's first message: ask for it, each mechanism in its way. */
static void
open_dialogue(struct svc_auth_exchange *x)
{
	if (x->mechanism == SASL_CRAM_MD5) {
		svc_auth_cram_begin(x);
	} else if (x->mechanism == SASL_LOGIN) {
		svc_auth_exchange_challenge(x, S("Username:"), SVC_AUTH_AWAIT_USER);
	} else {
		svc_auth_exchange_challenge(x, S(""), SVC_AUTH_AWAIT_FIRST);
	}
}

/* The session's strings outlive the message they came in. */
static bool
keep_session(struct svc_auth_exchange *x, const struct svc_auth_session *s)
{
	x->session.exporter = arena_dup(x->arena, s->exporter);
	x->session.tls_version = arena_dup(x->arena, s->tls_version);
	x->session.tls_cipher = arena_dup(x->arena, s->tls_cipher);
	return x->session.exporter.p != NULL && x->session.tls_version.p != NULL &&
	    x->session.tls_cipher.p != NULL;
}

void
svc_auth_exchange_start(struct svc_auth *a, const struct svc_auth_request *r)
{
	struct svc_auth_exchange *x;
	enum sasl_mechanism m;
	enum err e = choose(a, r, &m);

	a->counts.started++;
	if (e == ERR_OK && find(a, r->client, r->request) != NULL) {
		e = ERR_SYNTAX;
	}
	if (e != ERR_OK) {
		a->counts.refused++;
		say_refused(r->client, r->request, e);
		return;
	}
	x = make(a, r);
	if (x == NULL) {
		a->counts.refused++;
		say_refused(r->client, r->request, ERR_BUSY);
		return;
	}
	x->mechanism = m;
	x->await = m == SASL_LOGIN ? SVC_AUTH_AWAIT_USER : SVC_AUTH_AWAIT_FIRST;
	if (!keep_session(x, &r->session)) {
		svc_auth_outcome_refused(x, ERR_BUSY);
	} else if (!r->has_initial) {
		open_dialogue(x);
	} else if (m == SASL_CRAM_MD5) {
		svc_auth_outcome_refused(x, ERR_SYNTAX); /* the server speaks first: RFC 4954 4 */
	} else {
		dispatch(x, r->initial);
	}
}

void
svc_auth_exchange_challenge(struct svc_auth_exchange *x, str data, enum svc_auth_await next)
{
	x->await = next;
	x->client->challenge(x->client, x->request, data);
}

void
svc_auth_exchange_step(struct svc_auth *a, const struct svc_auth_client *client, uint64_t request,
    str data)
{
	struct svc_auth_exchange *x = find(a, client, request);

	if (x == NULL) {
		say_refused(client, request, ERR_TIMEOUT);
		return;
	}
	ASSERT(x->magic == MAGIC);
	if (x->await == SVC_AUTH_AWAIT_NOTHING || data.n > SASL_MESSAGE_MAX) {
		svc_auth_outcome_refused(x, ERR_SYNTAX);
		return;
	}
	dispatch(x, data);
}

void
svc_auth_exchange_abort(struct svc_auth *a, const struct svc_auth_client *client, uint64_t request)
{
	struct svc_auth_exchange *x = find(a, client, request);

	if (x != NULL) {
		svc_auth_exchange_free(x);
	}
}

void
svc_auth_exchange_client_gone(struct svc_auth *a, const struct svc_auth_client *client)
{
	LIST_EACH(node, &a->by_age) {
		struct svc_auth_exchange *x = LIST_ENTRY(node, struct svc_auth_exchange, node);

		if (x->client == client) {
			svc_auth_exchange_free(x);
		}
	}
}

void
svc_auth_exchange_revoke(struct svc_auth *a, uint64_t account)
{
	LIST_EACH(node, &a->by_age) {
		struct svc_auth_exchange *x = LIST_ENTRY(node, struct svc_auth_exchange, node);

		if (x->found && x->account.id == account) {
			svc_auth_outcome_refused(x, ERR_UNAVAILABLE);
		}
	}
}

void
svc_auth_exchange_expire(struct svc_auth *a)
{
	while (!list_empty(&a->by_age)) {
		struct svc_auth_exchange *x = LIST_ENTRY(a->by_age.next, struct svc_auth_exchange,
		    node);

		if (x->deadline_ms > a->now_ms) {
			return;
		}
		svc_auth_outcome_refused(x,
		    x->await == SVC_AUTH_AWAIT_NOTHING ? ERR_UNAVAILABLE : ERR_TIMEOUT);
	}
}

void
svc_auth_exchange_end_all(struct svc_auth *a)
{
	while (!list_empty(&a->by_age)) {
		svc_auth_exchange_free(LIST_ENTRY(a->by_age.next, struct svc_auth_exchange, node));
	}
}
