/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edge send_keys: who signs for a domain, and the signatures. What is signed is a digest: this
 * process never sees mail.
 */
#include "ipc/send_keys.h"
#include "svc/keys/keys.h"

static size_t
put_signers(const struct svc_keys_domain *d, struct ipc_send_keys_signer *to, size_t room)
{
	size_t n = 0;
	for (struct list *it = d->keys.next; it != &d->keys && n < room; it = it->next) {
		const struct svc_keys_key *key = LIST_ENTRY(it, struct svc_keys_key, same);
		if (key->state == SVC_KEYS_ACTIVE) {
			to[n++] = (struct ipc_send_keys_signer){
				.selector = str_from(key->selector),
				.algorithm = (uint8_t)key->algorithm
			};
		}
	}
	return n;
}

static enum err
on_signers(void *ctx, const struct ipc_send_keys_signers *m, int *fd)
{
	const struct svc_common_link *from = ctx;
	struct svc_keys *k = from->sc->ctx;
	struct ipc_send_keys_signer rows[4];
	struct ipc_send_keys_signers_are a = {
		.request = m->request, .result = ERR_NOTFOUND, .signers = rows
	};
	const struct svc_keys_domain *d = svc_keys_table_signers(k, m->domain, &a.domain);
	if (d != NULL) {
		a.result = ERR_OK;
		a.signers_n = put_signers(d, rows, LEN(rows));
	}
	buf_reset(&k->out);
	ipc_send_keys_signers_are_put(&k->out, &a);
	return svc_common_link_send(from, &k->out, -1);
}

/* By an active key; by a retiring one for whoever asked for the signers a moment ago. */
static enum err
sign(struct svc_keys *k, const struct ipc_send_keys_sign *m, struct svc_keys_octets *ret)
{
	struct svc_keys_key *key = svc_keys_table_find(k, m->domain, m->selector);
	if (key == NULL || key->algorithm != m->algorithm ||
	    (key->state != SVC_KEYS_ACTIVE && key->state != SVC_KEYS_RETIRING)) {
		return ERR_NOTFOUND;
	}
	TRY(svc_keys_crypto_sign(key->pkey, key->algorithm, m->digest, ret));
	key->signatures++;
	return ERR_OK;
}

static enum err
on_sign(void *ctx, const struct ipc_send_keys_sign *m, int *fd)
{
	const struct svc_common_link *from = ctx;
	struct svc_keys *k = from->sc->ctx;
	struct svc_keys_octets octets = { 0 };
	struct ipc_send_keys_signature a = { .request = m->request };
	a.result = sign(k, m, &octets);
	a.octets = str_make(octets.p, a.result == ERR_OK ? octets.n : 0);
	k->count.dkim += a.result == ERR_OK;
	k->count.refused += a.result != ERR_OK;
	buf_reset(&k->out);
	ipc_send_keys_signature_put(&k->out, &a);
	return svc_common_link_send(from, &k->out, -1);
}

enum err
svc_keys_on_send(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_send_keys_at_keys handlers = { .signers = on_signers,
		.sign = on_sign };
	struct svc_keys *k = from->sc->ctx;
	arena_reset(k->scratch);
	return ipc_send_keys_keys_dispatch(&handlers, from, datagram, fd, k->scratch);
}
