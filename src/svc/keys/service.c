/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table of contents of the process keys: what it is handed and what it does about it.
 */
#include "base/mem.h"
#include "svc/keys/keys.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { SCRATCH_OCTETS = 256 * 1024 };

/*
 * Each kind of key makes a signature: libcrypto then loads nothing more inside the sandbox, and a
 * library that cannot sign is known now. Ed25519 is one of OpenSSL's own, nothing to be loaded.
 */
static enum err
warm_up(void)
{
	struct svc_keys_octets octets;
	EVP_PKEY *key = NULL;
	char digest[32] = { 0 };
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
		return ERR_NOMEM;
	}
	TRY(svc_keys_crypto_make(DKIM_ED25519_SHA256, &key));
	enum err e = svc_keys_crypto_sign(key, DKIM_ED25519_SHA256, str_make(digest, sizeof digest),
	    &octets);
	svc_keys_crypto_free(&key);
	return e;
}

static enum err
init(struct svc_common *sc)
{
	struct svc_keys *k = mem_zalloc(1, sizeof *k);
	int folder = -1;
	if (k == NULL) {
		return ERR_NOMEM;
	}
	sc->ctx = k;
	buf_init(&k->out, SYS_CHAN_MESSAGE_MAX);
	k->scratch = arena_new(sc->arena, "message", SCRATCH_OCTETS, 0);
	if (k->scratch == NULL) {
		return ERR_NOMEM;
	}
	TRY(warm_up());
	TRY(sys_dir_open(SYS_CWD, svc_common_state_path(sc, S("keys")), &folder));
	return svc_keys_table_init(k, sc, folder);
}

static enum err
start(struct svc_common *sc)
{
	return svc_keys_table_load(sc->ctx);
}

/* A pair that cannot be used is reported; the key there before goes on signing. */
static enum err
on_certificate(struct svc_common *sc, uint32_t slot, str chain, str key)
{
	struct svc_keys *k = sc->ctx;
	const char *why = "";
	enum err e = svc_keys_tls_load(&k->tls, slot, chain, key, &why);
	if (e != ERR_OK) {
		LOG(KEYS_CERTIFICATE_BAD, F_U64("slot", slot), F_ERR(e), F_CSTR("why", why));
	} else {
		LOG(KEYS_CERTIFICATE, F_U64("slot", slot));
	}
	mem_wipe((void *)(uintptr_t)key.p, key.n); /* in the channel's buffer */
	return e;
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	const struct svc_keys *k = sc->ctx;
	size_t active = 0, pairs = 0;
	LIST_EACH(it, &k->keys) {
		active += LIST_ENTRY(it, struct svc_keys_key, node)->state == SVC_KEYS_ACTIVE;
	}
	for (size_t i = 0; i < SVC_KEYS_SLOTS_MAX; i++) {
		pairs += k->tls.now[i].key != NULL;
	}
	buf_printf(facts,
	    "dkim_keys=%zu\ndkim_active=%zu\nbad_files=%zu\ndkim_signatures=%llu\n"
	    "tls_keys=%zu\ntls_signatures=%llu\nrefused=%llu\n",
	    k->keys_n, active, k->bad_files, (unsigned long long)k->count.dkim, pairs,
	    (unsigned long long)k->count.tls, (unsigned long long)k->count.refused);
}

static const struct svc_common_edge edges[] = {
	{ S_INIT("gate_keys"), SVC_COMMON_LINKS(struct svc_keys, gates),
	    .on_message = svc_keys_on_gate },
	{ S_INIT("send_keys"), SVC_COMMON_LINKS(struct svc_keys, sends),
	    .on_message = svc_keys_on_send },
	{ .n = 0 },
};

const struct svc_common_service svc_keys_service = {
	.name = "keys",
	.profile = svc_keys_profile,
	.init = init,
	.start = start,
	.edges = edges,
	.on_certificate = on_certificate,
	.on_status = on_status,
	.on_admin = svc_keys_on_admin,
};
