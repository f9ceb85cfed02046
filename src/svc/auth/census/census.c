/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log-ins wait in an array in the order of their time; what is written leaves from its front.
 */
#include "svc/auth/census/census.h"

#include "base/mem.h"
#include "directory/census.h"
#include "svc/common/log.h"

enum { TLS_MAX = 16, CIPHER_MAX = 64, MECHANISM_MAX = 32 };

struct waiting {
	uint64_t session, account;
	int64_t came_ms, came_s;
	enum sys_protocol protocol;
	struct sys_prefix prefix;
	uint8_t tls_n, cipher_n, mechanism_n, client_n;
	char tls[TLS_MAX], cipher[CIPHER_MAX], mechanism[MECHANISM_MAX];
	char client[DIRECTORY_CENSUS_CLIENT_MAX];
};

struct svc_auth_census {
	size_t n;
	int64_t expired_s, kept_s; /* when, and by which setting */
	struct waiting v[SVC_AUTH_CENSUS_MAX];
};

struct svc_auth_census *
svc_auth_census_new(void)
{
	return mem_zalloc(1, sizeof(struct svc_auth_census));
}

void
svc_auth_census_free(struct svc_auth_census **c)
{
	mem_drop(*c);
	*c = NULL;
}

/* Cut, and anything but printable ASCII becomes "?". */
static uint8_t
copy(char *to, size_t room, str from)
{
	size_t n = MIN(from.n, room);
	for (size_t i = 0; i < n; i++) {
		to[i] = from.p[i] >= ' ' && from.p[i] <= '~' ? from.p[i] : '?';
	}
	return (uint8_t)n;
}

void
svc_auth_census_login(struct svc_auth *a, uint64_t account, const struct svc_auth_session *s,
    str mechanism)
{
	if (a->settings.census_s == 0) {
		return;
	}
	if (a->census->n == SVC_AUTH_CENSUS_MAX) {
		svc_auth_census_write(a, true);
	}
	struct waiting *w = &a->census->v[a->census->n++];
	*w = (struct waiting){ .session = s->id,
		.account = account,
		.came_ms = a->now_ms,
		.came_s = a->now_s - a->now_s % SVC_AUTH_CENSUS_HOUR_S,
		.protocol = s->protocol,
		.prefix = sys_prefix_of(s->peer.ip, SVC_AUTH_CENSUS_V4_BITS,
		    SVC_AUTH_CENSUS_V6_BITS) };
	w->tls_n = copy(w->tls, sizeof(w->tls), s->tls_version);
	w->cipher_n = copy(w->cipher, sizeof(w->cipher), s->tls_cipher);
	w->mechanism_n = copy(w->mechanism, sizeof(w->mechanism), mechanism);
}

void
svc_auth_census_client(struct svc_auth *a, uint64_t session, uint64_t account, str name)
{
	for (size_t i = a->census->n; i > 0; i--) { /* most likely it is one of the last */
		struct waiting *w = &a->census->v[i - 1];
		if (w->session == session && w->account == account) {
			w->client_n = copy(w->client, sizeof(w->client), name);
			return;
		}
	}
}

static enum err
write_one(struct svc_auth *a, const struct waiting *w)
{
	struct directory_census_row r = { .account = w->account,
		.protocol = sys_protocol_row(w->protocol)->name,
		.tls = str_make(w->tls, w->tls_n),
		.cipher = str_make(w->cipher, w->cipher_n),
		.mechanism = str_make(w->mechanism, w->mechanism_n),
		.client = str_make(w->client, w->client_n),
		.bits = w->prefix.bits,
		.last_s = w->came_s,
		.times = 1 };
	memcpy(r.ip, w->prefix.ip, sizeof(r.ip));
	return directory_census_add(a->directory, &r);
}

static enum err
write_first(struct svc_auth *a, size_t n)
{
	TRY(directory_begin(a->directory));
	enum err e = ERR_OK;
	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		e = write_one(a, &a->census->v[i]);
	}
	if (e == ERR_OK) {
		return directory_commit(a->directory);
	}
	directory_cancel(a->directory);
	return e;
}

static void
expire(struct svc_auth *a)
{
	int64_t kept_s = a->settings.census_s;
	int64_t before_s = kept_s == 0 ? INT64_MAX : a->now_s - kept_s;
	enum err e = directory_census_expire(a->directory, before_s);
	a->census->expired_s = a->now_s;
	a->census->kept_s = kept_s;
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "expire the census"), F_ERR(e));
	}
}

void
svc_auth_census_write(struct svc_auth *a, bool all)
{
	struct svc_auth_census *c = a->census;
	size_t n = 0;
	while (n < c->n && (all || c->v[n].came_ms <= a->now_ms - SVC_AUTH_CENSUS_HOLD_MS)) {
		n++;
	}
	enum err e = n == 0 ? ERR_OK : write_first(a, n);
	if (e != ERR_OK) { /* they are not worth a second try */
		LOG(FAILED, F_CSTR("what", "write the census"), F_ERR(e));
	}
	c->n -= n;
	memmove(c->v, c->v + n, c->n * sizeof(c->v[0]));
	if (a->now_s - c->expired_s >= SVC_AUTH_CENSUS_EXPIRE_EVERY_S ||
	    a->settings.census_s != c->kept_s) {
		expire(a);
	}
}
