/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a log-in is about. For a name that does not exist, and for an account without a usable
 * password, everything that is not there is made up from a server secret, so that the dialogue and
 * its cost are those of an account that does: names cannot be tried out.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/mem.h"
#include "mail/address.h"
#include "svc/auth/exchange_priv.h"

/* 32 octets that depend on the server's secret, the label and the name, and on nothing else. */
static void
make_believe(const struct svc_auth_exchange *x, str label, uint8_t out[32])
{
	char text[SASL_USER_MAX + 128];
	struct buf b;
	unsigned n = 0;

	buf_init_fixed(&b, text, sizeof(text));
	buf_str(&b, label);
	buf_ch(&b, '\0');
	buf_str(&b, x->attempt.name);
	ASSERT(buf_err(&b) == ERR_OK);
	ASSERT(HMAC(EVP_sha256(), x->auth->fake_secret, (int)sizeof(x->auth->fake_secret),
		   (const unsigned char *)b.p, b.n, out, &n) != NULL);
}

/* One spelling for the guard's tables: the main address, else as canonical as the text allows. */
static enum err
spell(struct svc_auth_exchange *x, str user)
{
	char text[MAIL_CANONICAL_MAX + 16];
	struct buf b;

	buf_init_fixed(&b, text, SASL_USER_MAX);
	if (x->found) {
		buf_str(&b, x->account.address);
	} else if (mail_address_canonical(&b, user) != ERR_OK) {
		buf_reset(&b);
		for (size_t i = 0; i < user.n; i++) {
			buf_ch(&b, ascii_lower(user.p[i]));
		}
	}
	x->attempt.name = arena_dup(x->arena, str_sub(buf_view(&b), 0, SASL_USER_MAX));
	return x->attempt.name.p == NULL ? ERR_BUDGET : ERR_OK;
}

/* Keep what may be used here and now. */
static enum err
load_credentials(struct svc_auth_exchange *x)
{
	size_t n = 0, kept = 0;

	x->creds = arena_array(x->arena, DIRECTORY_CREDENTIALS_MAX, sizeof(x->creds[0]));
	if (x->creds == NULL) {
		return ERR_BUDGET;
	}
	TRY(directory_credentials(x->auth->directory, x->account.id, x->arena, x->creds, &n));
	for (size_t i = 0; i < n; i++) {
		const struct directory_credential *c = &x->creds[i];
		bool expired = c->expires_s != 0 && c->expires_s <= x->auth->now_s;

		if (!expired && (c->scope & x->scope) != 0) {
			x->creds[kept++] = *c;
		}
	}
	x->creds_n = kept;
	return ERR_OK;
}

static enum err
load(struct svc_auth_exchange *x, str user)
{
	enum err e = directory_account_find(x->auth->directory, user, x->arena, &x->account);

	if (e == ERR_NOTFOUND) {
		return load_credentials(x); /* account 0 has none; the look is the same */
	}
	TRY(e);
	x->found = true;
	return load_credentials(x);
}

enum err
svc_auth_identify(struct svc_auth_exchange *x, str user)
{
	uint8_t salt[32];
	enum err e = load(x, user);

	if (e != ERR_OK) {
		return e == ERR_BUDGET ? e : ERR_UNAVAILABLE;
	}
	TRY(spell(x, user));
	x->attempt.ip = x->session.peer.ip;
	x->attempt.now_ms = x->auth->now_ms;
	x->attempt.now_s = x->auth->now_s;
	TRY(svc_auth_guard_admit(x->auth->guard, &x->attempt));
	x->admitted = true;
	make_believe(x, S("salt"), salt);
	memcpy(x->salt, salt, sizeof(x->salt));
	make_believe(x, S("key"), x->fake_key);
	x->iterations = x->auth->settings.iterations;
	return ERR_OK;
}

bool
svc_auth_authzid_ok(struct svc_auth_exchange *x, str authzid)
{
	struct directory_account other;

	if (authzid.n == 0) {
		return true;
	}
	return directory_account_find(x->auth->directory, authzid, x->arena, &other) == ERR_OK &&
	    x->found && other.id == x->account.id;
}

bool
svc_auth_in_group(const struct svc_auth_exchange *x, const struct directory_credential *c)
{
	return c->iterations == x->iterations && memcmp(c->salt, x->salt, sizeof(c->salt)) == 0;
}

bool
svc_auth_next_group(struct svc_auth_exchange *x)
{
	size_t first = 0;

	while (first < x->creds_n && x->tried[first]) {
		first++;
	}
	if (x->groups == SVC_AUTH_GROUPS_MAX || (first == x->creds_n && x->groups > 0)) {
		return false;
	}
	x->groups++;
	if (first == x->creds_n) {
		return true; /* nothing usable: the make-believe salt, once */
	}
	memcpy(x->salt, x->creds[first].salt, sizeof(x->salt));
	x->iterations = x->creds[first].iterations;
	for (size_t i = first; i < x->creds_n; i++) {
		x->tried[i] = x->tried[i] || svc_auth_in_group(x, &x->creds[i]);
	}
	return true;
}
