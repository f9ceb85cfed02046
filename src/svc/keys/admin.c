/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edge adm_keys: postern dkim. Whatever changes a key is on disk before it is answered.
 */
#include "ipc/adm_keys.h"
#include "proto/dkim/key.h"
#include "svc/keys/keys.h"

enum { RSA = 1 << DKIM_RSA_SHA256, ED25519 = 1 << DKIM_ED25519_SHA256 };

struct asking {
	struct svc_keys *k;
	struct sys_chan *from;
};

static enum err
say_done(struct asking *a, uint64_t request, enum err result, size_t count)
{
	struct ipc_adm_keys_done m = { .request = request, .result = result, .count = count };
	buf_reset(&a->k->out);
	ipc_adm_keys_done_put(&a->k->out, &m);
	return sys_chan_send(a->from, &a->k->out, -1);
}

/* The TXT record to publish; of a revoked key the one that says so (RFC 6376 3.6.1). */
static str
record_of(const struct svc_keys_key *key, struct arena *a)
{
	char octets[SVC_KEYS_RECORD_MAX], text[SVC_KEYS_RECORD_MAX];
	struct buf public, record;
	buf_init_fixed(&public, octets, sizeof octets);
	buf_init_fixed(&record, text, sizeof text);
	if (key->pkey != NULL && svc_keys_crypto_public(key->pkey, &public) != ERR_OK) {
		return STR_NONE;
	}
	dkim_key_write(&record, key->algorithm == DKIM_RSA_SHA256 ? DKIM_KEY_RSA : DKIM_KEY_ED25519,
	    buf_view(&public));
	return buf_err(&record) == ERR_OK ? arena_dup(a, buf_view(&record)) : STR_NONE;
}

static void
put_row(struct asking *a, const struct svc_keys_key *key, struct ipc_adm_keys_key *to)
{
	*to = (struct ipc_adm_keys_key){ .serial = key->serial,
		.domain = str_from(key->domain),
		.selector = str_from(key->selector),
		.algorithm = (uint8_t)key->algorithm,
		.state = (uint8_t)key->state,
		.created_s = key->created_s,
		.changed_s = key->changed_s,
		.due_s = svc_keys_table_due(a->k, key),
		.seen_s = key->seen_s,
		.signatures = key->signatures,
		.record = record_of(key, a->k->scratch) };
}

static enum err
on_list(void *ctx, const struct ipc_adm_keys_list *m, int *fd)
{
	struct asking *a = ctx;
	struct ipc_adm_keys_key rows[SVC_KEYS_PAGE];
	struct ipc_adm_keys_page page = { .request = m->request, .keys = rows };
	LIST_EACH(it, &a->k->keys) {
		const struct svc_keys_key *key = LIST_ENTRY(it, struct svc_keys_key, node);
		if (key->serial <= m->after ||
		    (m->domain.n > 0 && !str_ieq(str_from(key->domain), m->domain))) {
			continue;
		}
		if (page.keys_n == SVC_KEYS_PAGE) {
			page.more = true;
			break;
		}
		put_row(a, key, &rows[page.keys_n++]);
	}
	buf_reset(&a->k->out);
	ipc_adm_keys_page_put(&a->k->out, &page);
	return sys_chan_send(a->from, &a->k->out, -1);
}

static enum err
on_create(void *ctx, const struct ipc_adm_keys_create *m, int *fd)
{
	struct asking *a = ctx;
	unsigned usual = RSA | (a->k->sc->conf->dkim_second ? ED25519 : 0);
	size_t n;
	enum err e = svc_keys_table_create(a->k, m->domain,
	    m->algorithms == 0 ? usual : m->algorithms & (RSA | ED25519), &n);
	return say_done(a, m->request, e, n);
}

static enum err
on_activate(void *ctx, const struct ipc_adm_keys_activate *m, int *fd)
{
	struct asking *a = ctx;
	size_t n;
	enum err e = svc_keys_table_activate(a->k, m->domain, m->selector, &n);
	return say_done(a, m->request, e, n);
}

static enum err
on_revoke(void *ctx, const struct ipc_adm_keys_revoke *m, int *fd)
{
	struct asking *a = ctx;
	enum err e = svc_keys_table_revoke(a->k, m->domain, m->selector);
	return say_done(a, m->request, e, e == ERR_OK);
}

static enum err
on_seen(void *ctx, const struct ipc_adm_keys_seen *m, int *fd)
{
	struct asking *a = ctx;
	enum err e = svc_keys_table_seen(a->k, m->domain, m->selector, m->ttl_s);
	return say_done(a, m->request, e, e == ERR_OK);
}

enum err
svc_keys_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd)
{
	static const struct ipc_adm_keys_at_keys handlers = { .list = on_list,
		.create = on_create,
		.activate = on_activate,
		.revoke = on_revoke,
		.seen = on_seen };
	struct asking a = { sc->ctx, from };
	arena_reset(a.k->scratch);
	return ipc_adm_keys_keys_dispatch(&handlers, &a, datagram, fd, a.k->scratch);
}
