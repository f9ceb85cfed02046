/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCRAM by libgsasl, from stored verifiers. We read the client's messages too: to know whom they
 * are about, to find the credential that fits the proof, and to insist on the channel binding
 * rules. libgsasl checks nonce, binding and proof again and has the last word.
 */
#include <gsasl.h>

#include "base/codec.h"
#include "base/mem.h"
#include "proto/sasl/message.h"
#include "svc/auth/exchange_priv.h"
#include "svc/auth/scram.h"

static enum sasl_hash
hash_of(const struct svc_auth_exchange *x)
{
	return sasl_mechanism_row(x->mechanism)->hash;
}

static bool
with_binding(const struct svc_auth_exchange *x)
{
	return (sasl_mechanism_row(x->mechanism)->flags & SASL_BINDING) != 0;
}

/* A property in the base64 text that libgsasl wants. */
static bool
set_base64(struct svc_auth_exchange *x, Gsasl_property property, str octets)
{
	char text[128];
	struct buf b;
	bool ok;

	buf_init_fixed(&b, text, sizeof(text));
	base64_encode(&b, octets);
	ok = buf_err(&b) == ERR_OK && gsasl_property_set_raw(x->gs, property, b.p, b.n) == GSASL_OK;
	mem_wipe(text, sizeof(text));
	return ok;
}

static bool
set_up_session(struct svc_auth_exchange *x)
{
	char iterations[24];
	int n = snprintf(iterations, sizeof(iterations), "%u", x->iterations);

	if (gsasl_server_start(x->auth->gsasl, sasl_mechanism_row(x->mechanism)->name.p, &x->gs) !=
	    GSASL_OK) {
		x->gs = NULL;
		return false;
	}
	if (gsasl_property_set_raw(x->gs, GSASL_SCRAM_ITER, iterations, (size_t)n) != GSASL_OK ||
	    !set_base64(x, GSASL_SCRAM_SALT, str_make(x->salt, sizeof(x->salt)))) {
		return false;
	}
	return !with_binding(x) || set_base64(x, GSASL_CB_TLS_EXPORTER, x->session.exporter);
}

/*
 * "p" belongs to the -PLUS names and only to them. "y" says: I could bind, but you seem not to. If
 * this session was offered -PLUS, somebody took it out of the list on the way (RFC 5802 6).
 */
static bool
binding_rules_kept(const struct svc_auth_exchange *x, const struct sasl_scram_first *first)
{
	if (with_binding(x)) {
		return first->binding == 'p' && str_eq(first->binding_name, S("tls-exporter"));
	}
	return first->binding == 'n' || (first->binding == 'y' && x->session.exporter.n == 0);
}

/* Give libgsasl the client's message; its answer, for the client, in the exchange's arena. */
static int
library_step(struct svc_auth_exchange *x, str data, str *ret_out)
{
	char *out = NULL;
	size_t n = 0;
	int rc = gsasl_step(x->gs, data.p, data.n, &out, &n);

	*ret_out = STR_NONE;
	if ((rc == GSASL_OK || rc == GSASL_NEEDS_MORE) && out != NULL) {
		*ret_out = arena_dup(x->arena, str_make(out, n));
		if (ret_out->p == NULL) {
			rc = GSASL_MALLOC_ERROR;
		}
	}
	gsasl_free(out);
	return rc;
}

static enum err
identify(struct svc_auth_exchange *x, const struct sasl_scram_first *first)
{
	char user_text[3 * SASL_USER_MAX], authzid_text[3 * SASL_USER_MAX];
	struct buf user, authzid;

	buf_init_fixed(&user, user_text, sizeof(user_text));
	buf_init_fixed(&authzid, authzid_text, sizeof(authzid_text));
	if (sasl_name_decode(&user, first->user) != ERR_OK ||
	    sasl_name_decode(&authzid, first->authzid) != ERR_OK || user.n > SASL_USER_MAX) {
		return ERR_SYNTAX;
	}
	TRY(svc_auth_identify(x, buf_view(&user)));
	x->doomed = !svc_auth_authzid_ok(x, buf_view(&authzid));
	(void)svc_auth_next_group(x); /* SCRAM has one salt to show: the main password's */
	return ERR_OK;
}

static void
first_step(struct svc_auth_exchange *x, str data)
{
	struct sasl_scram_first first;
	enum err e = sasl_scram_first_parse(data, &first);

	if (e != ERR_OK || !binding_rules_kept(x, &first)) {
		svc_auth_outcome_refused(x, ERR_SYNTAX);
		return;
	}
	e = identify(x, &first);
	if (e != ERR_OK) {
		svc_auth_outcome_refused(x, e);
		return;
	}
	x->first_bare = arena_dup(x->arena, first.bare);
	if (x->first_bare.p == NULL || !set_up_session(x)) {
		svc_auth_outcome_refused(x, ERR_BUSY);
		return;
	}
	if (library_step(x, data, &x->server_first) != GSASL_NEEDS_MORE ||
	    x->server_first.p == NULL) {
		svc_auth_outcome_refused(x, ERR_SYNTAX);
		return;
	}
	svc_auth_exchange_challenge(x, x->server_first, SVC_AUTH_AWAIT_PROOF);
}

static str
stored_key(const struct svc_auth_exchange *x, const struct directory_credential *c)
{
	if (hash_of(x) == SASL_HASH_SHA1) {
		return str_make(c->stored_sha1, sizeof(c->stored_sha1));
	}
	return str_make(c->stored_sha256, sizeof(c->stored_sha256));
}

static str
server_key(const struct svc_auth_exchange *x, const struct directory_credential *c)
{
	if (hash_of(x) == SASL_HASH_SHA1) {
		return str_make(c->server_sha1, sizeof(c->server_sha1));
	}
	return str_make(c->server_sha256, sizeof(c->server_sha256));
}

static const struct directory_credential *
matching(struct svc_auth_exchange *x, const struct sasl_scram_final *final)
{
	struct svc_auth_scram_exchange said = { x->first_bare, x->server_first,
		final->without_proof };
	str proof = str_make(final->proof, final->proof_n);
	const struct directory_credential *match = NULL;
	str fake = str_make(x->fake_key, svc_auth_hash_octets(hash_of(x)));

	(void)svc_auth_scram_proof_ok(hash_of(x), fake, &said, proof); /* never for nothing */
	for (size_t i = 0; i < x->creds_n; i++) {
		const struct directory_credential *c = &x->creds[i];

		if (svc_auth_in_group(x, c) &&
		    svc_auth_scram_proof_ok(hash_of(x), stored_key(x, c), &said, proof)) {
			match = c;
		}
	}
	return match;
}

static void
final_step(struct svc_auth_exchange *x, str data)
{
	str fake = str_make(x->fake_key, svc_auth_hash_octets(hash_of(x)));
	const struct directory_credential *c;
	struct sasl_scram_final final;
	bool set;
	str out;
	int rc;

	if (sasl_scram_final_parse(data, &final) != ERR_OK) {
		svc_auth_outcome_refused(x, ERR_SYNTAX);
		return;
	}
	c = matching(x, &final);
	set = set_base64(x, GSASL_SCRAM_STOREDKEY, c != NULL ? stored_key(x, c) : fake) &&
	    set_base64(x, GSASL_SCRAM_SERVERKEY, c != NULL ? server_key(x, c) : fake);
	rc = set ? library_step(x, data, &out) : GSASL_MALLOC_ERROR;
	if (rc == GSASL_MALLOC_ERROR) {
		svc_auth_outcome_refused(x, ERR_BUSY);
	} else if (rc != GSASL_OK || c == NULL || x->doomed) {
		svc_auth_outcome_failed(x, STR_NONE);
	} else {
		svc_auth_outcome_passed(x, c, out);
	}
}

void
svc_auth_scram_step(struct svc_auth_exchange *x, str data)
{
	if (x->await == SVC_AUTH_AWAIT_PROOF) {
		final_step(x, data);
	} else {
		first_step(x, data);
	}
}
