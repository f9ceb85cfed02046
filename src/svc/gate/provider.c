/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written against provider-keymgmt(7) and provider-signature(7). Everything about the public half
 * is asked of OpenSSL's own provider; hashing is, too. Only what TLS needs is here: signatures of a
 * text with PKCS #1, PSS with a salt as long as the hash, or ECDSA.
 */
#include "svc/gate/provider.h"

#include "base/mem.h"
#include "svc/gate/signer.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define RSA_NAMES "RSA:rsaEncryption:1.2.840.113549.1.1.1"
#define EC_NAMES "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define OURS "provider=postern"
#define THEIRS "provider=default"
#define ID_PARAM "postern-id"
#define FN(f) ((void (*)(void))(f))

enum { ID_OCTETS = 32 };

static struct svc_gate_signer *signer; /* of the process: OpenSSL's tables are global as well */

/* --- keys ---------------------------------------------------------------------------------- */

struct key {
	bool rsa;
	EVP_PKEY *public;
	uint8_t id[ID_OCTETS];
};

static struct key *
key_new(bool rsa)
{
	struct key *k = mem_zalloc(1, sizeof *k);
	if (k != NULL) {
		k->rsa = rsa;
	}
	return k;
}

static void *
key_new_rsa(void *ctx)
{
	return key_new(true);
}

static void *
key_new_ec(void *ctx)
{
	return key_new(false);
}

static void
key_free(void *key)
{
	struct key *k = key;
	if (k != NULL) {
		EVP_PKEY_free(k->public);
		mem_drop(k);
	}
}

/* Both halves and the parameters, in a way. */
static int
key_has(const void *key, int what)
{
	return ((const struct key *)key)->public != NULL;
}

static int
key_match(const void *a, const void *b, int what)
{
	return EVP_PKEY_eq(((const struct key *)a)->public, ((const struct key *)b)->public) == 1;
}

/* A public key, from a certificate that is compared with ours, or for ours with its id. */
static int
key_import(void *key, int what, const OSSL_PARAM params[])
{
	struct key *k = key;
	const OSSL_PARAM *id = OSSL_PARAM_locate_const(params, ID_PARAM);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, k->rsa ? "RSA" : "EC", THEIRS);
	bool good = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &k->public, EVP_PKEY_PUBLIC_KEY,
		(OSSL_PARAM *)(uintptr_t)params) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (good && id != NULL && id->data_size == sizeof k->id) {
		memcpy(k->id, id->data, sizeof k->id);
	}
	return good;
}

static const OSSL_PARAM *
key_import_types(int what)
{
	static const OSSL_PARAM types[] = { OSSL_PARAM_octet_string(ID_PARAM, NULL, 0),
		OSSL_PARAM_END };
	return types;
}

static int
key_get_params(void *key, OSSL_PARAM params[])
{
	return EVP_PKEY_get_params(((struct key *)key)->public, params);
}

static const OSSL_PARAM *
key_gettable_params(void *ctx)
{
	static const OSSL_PARAM types[] = { OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0), OSSL_PARAM_END };
	return types;
}

static const char *
rsa_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

static const char *
ec_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

#define KEYMGMT(new, operation)                                                               \
	{                                                                                     \
		{ OSSL_FUNC_KEYMGMT_NEW, FN(new) }, { OSSL_FUNC_KEYMGMT_FREE, FN(key_free) }, \
		    { OSSL_FUNC_KEYMGMT_HAS, FN(key_has) },                                   \
		    { OSSL_FUNC_KEYMGMT_MATCH, FN(key_match) },                               \
		    { OSSL_FUNC_KEYMGMT_IMPORT, FN(key_import) },                             \
		    { OSSL_FUNC_KEYMGMT_IMPORT_TYPES, FN(key_import_types) },                 \
		    { OSSL_FUNC_KEYMGMT_GET_PARAMS, FN(key_get_params) },                     \
		    { OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, FN(key_gettable_params) },           \
		    { OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, FN(operation) },                \
		{                                                                             \
			0                                                                     \
		}                                                                             \
	}
static const OSSL_DISPATCH rsa_keys[] = KEYMGMT(key_new_rsa, rsa_operation);
static const OSSL_DISPATCH ec_keys[] = KEYMGMT(key_new_ec, ec_operation);

/* --- signatures ---------------------------------------------------------------------------- */

struct op {
	const struct key *key; /* lives as long as the EVP_PKEY that OpenSSL holds */
	EVP_MD *hash;
	EVP_MD_CTX *text; /* hashed so far, when it comes in pieces */
	bool pss;
};

static void *
op_new(void *ctx, const char *properties)
{
	return mem_zalloc(1, sizeof(struct op));
}

static void
op_free(void *op)
{
	struct op *o = op;
	if (o != NULL) {
		EVP_MD_free(o->hash);
		EVP_MD_CTX_free(o->text);
		mem_drop(o);
	}
}

/* OpenSSL ends a copy, so that the text could go on. */
static void *
op_copy(void *op)
{
	const struct op *from = op;
	struct op *o = op_new(NULL, NULL);
	if (o == NULL) {
		return NULL;
	}
	o->key = from->key;
	o->pss = from->pss;
	o->text = EVP_MD_CTX_new();
	o->hash = from->hash != NULL && EVP_MD_up_ref(from->hash) == 1 ? from->hash : NULL;
	if (o->text == NULL || EVP_MD_CTX_copy_ex(o->text, from->text) != 1) {
		op_free(o);
		return NULL;
	}
	return o;
}

static bool
is_text(const OSSL_PARAM *p, const char *text)
{
	return p->data_type == OSSL_PARAM_UTF8_STRING && strcmp(p->data, text) == 0;
}

/* Only what TLS asks for; anything else must not pass unnoticed. */
static int
op_set_params(void *op, const OSSL_PARAM params[])
{
	struct op *o = op;
	const OSSL_PARAM *p = params == NULL
	    ? NULL
	    : OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	int number = 0;
	if (p != NULL) {
		bool known = is_text(p, "pss") || is_text(p, "pkcs1") ||
		    (OSSL_PARAM_get_int(p, &number) == 1 &&
			(number == RSA_PKCS1_PSS_PADDING || number == RSA_PKCS1_PADDING));
		if (!known) {
			return 0;
		}
		o->pss = is_text(p, "pss") || number == RSA_PKCS1_PSS_PADDING;
	}
	p = params == NULL ? NULL
			   : OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	if (p == NULL || is_text(p, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST)) {
		return 1;
	}
	return OSSL_PARAM_get_int(p, &number) == 1 && number == RSA_PSS_SALTLEN_DIGEST;
}

static const OSSL_PARAM *
op_settable_params(void *op, void *ctx)
{
	static const OSSL_PARAM types[] = { OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE,
						NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0), OSSL_PARAM_END };
	return types;
}

static int
op_init(void *op, const char *hash, void *key, const OSSL_PARAM params[])
{
	struct op *o = op;
	EVP_MD_free(o->hash);
	EVP_MD_CTX_free(o->text);
	o->hash = hash == NULL ? NULL : EVP_MD_fetch(NULL, hash, THEIRS);
	o->text = EVP_MD_CTX_new();
	o->key = key != NULL ? key : o->key;
	o->pss = false;
	if (o->hash == NULL || o->text == NULL || o->key == NULL ||
	    EVP_DigestInit_ex2(o->text, o->hash, NULL) != 1) {
		return 0;
	}
	return op_set_params(o, params);
}

/* SignatureScheme; 0: TLS has none. RFC 8446 4.2.3 */
static uint16_t
scheme_of(const struct op *o)
{
	static const struct {
		const char *hash;
		uint16_t pkcs1, pss, ecdsa;
	} rows[] = {
		{ "SHA256", 0x0401, 0x0804, 0x0403 },
		{ "SHA384", 0x0501, 0x0805, 0x0503 },
		{ "SHA512", 0x0601, 0x0806, 0x0603 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		if (EVP_MD_is_a(o->hash, rows[i].hash)) {
			return !o->key->rsa ? rows[i].ecdsa : o->pss ? rows[i].pss : rows[i].pkcs1;
		}
	}
	return 0;
}

static int
op_update(void *op, const unsigned char *text, size_t n)
{
	return EVP_DigestUpdate(((struct op *)op)->text, text, n);
}

static int
op_final(void *op, unsigned char *to, size_t *n, size_t room)
{
	struct op *o = op;
	struct svc_gate_signature made;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_n = 0;
	if (to == NULL) { /* how long may it be? */
		*n = (size_t)EVP_PKEY_get_size(o->key->public);
		return 1;
	}
	uint16_t scheme = scheme_of(o);
	if (scheme == 0 || EVP_DigestFinal_ex(o->text, digest, &digest_n) != 1 ||
	    svc_gate_signer_sign(signer, str_make(o->key->id, ID_OCTETS), scheme,
		str_make(digest, digest_n), &made) != ERR_OK ||
	    made.n > room) {
		ERR_raise(ERR_LIB_PROV, PROV_R_FAILED_TO_SIGN);
		return 0;
	}
	memcpy(to, made.p, made.n);
	*n = made.n;
	return 1;
}

static const OSSL_DISPATCH signing[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, FN(op_new) },
	{ OSSL_FUNC_SIGNATURE_FREECTX, FN(op_free) },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, FN(op_init) },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, FN(op_update) },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, FN(op_final) },
	{ OSSL_FUNC_SIGNATURE_DUPCTX, FN(op_copy) },
	{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, FN(op_set_params) },
	{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, FN(op_settable_params) },
	{ 0 },
};

/* --- the provider -------------------------------------------------------------------------- */

static const OSSL_ALGORITHM *
query(void *ctx, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM keys[] = { { RSA_NAMES, OURS, rsa_keys, NULL },
		{ EC_NAMES, OURS, ec_keys, NULL }, { 0 } };
	static const OSSL_ALGORITHM signatures[] = { { RSA_NAMES, OURS, signing, NULL },
		{ "ECDSA", OURS, signing, NULL }, { 0 } };
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT: return keys;
	case OSSL_OP_SIGNATURE: return signatures;
	default: return NULL;
	}
}

static int
begin(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **ctx)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, FN(query) }, { 0 }
	};
	*out = functions;
	*ctx = (void *)(uintptr_t)core;
	return 1;
}

/* Whoever asks without saying of whom gets OpenSSL's own. */
enum err
svc_gate_provider_load(struct svc_gate_signer *with)
{
	static OSSL_PROVIDER *loaded[2]; /* for the life of the process */
	signer = with;
	if (loaded[0] == NULL && OSSL_PROVIDER_add_builtin(NULL, "postern", begin) == 1) {
		loaded[0] = OSSL_PROVIDER_load(NULL, "default");
		loaded[1] = OSSL_PROVIDER_load(NULL, "postern");
	}
	bool good = loaded[0] != NULL && loaded[1] != NULL &&
	    EVP_set_default_properties(NULL, "?" THEIRS) == 1;
	return good ? ERR_OK : ERR_NOMEM;
}

/* The public half as parameters, and the name keys knows it by. */
static enum err
make(EVP_PKEY *public, const char *type, uint8_t id[ID_OCTETS], EVP_PKEY **ret)
{
	OSSL_PARAM *half = NULL;
	OSSL_PARAM name[] = { OSSL_PARAM_construct_octet_string(ID_PARAM, id, ID_OCTETS),
		OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, OURS);
	bool good = ctx != NULL && EVP_PKEY_todata(public, EVP_PKEY_PUBLIC_KEY, &half) == 1;
	OSSL_PARAM *all = good ? OSSL_PARAM_merge(half, name) : NULL;
	good = all != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, ret, EVP_PKEY_KEYPAIR, all) == 1;
	OPENSSL_free(all);
	OSSL_PARAM_free(half);
	EVP_PKEY_CTX_free(ctx);
	return good ? ERR_OK : ERR_NOMEM;
}

enum err
svc_gate_provider_key(X509 *certificate, EVP_PKEY **ret)
{
	EVP_PKEY *public = X509_get0_pubkey(certificate);
	uint8_t id[ID_OCTETS];
	unsigned char *info = NULL;
	bool rsa = public != NULL && EVP_PKEY_is_a(public, "RSA");
	if (public == NULL || (!rsa && !EVP_PKEY_is_a(public, "EC"))) {
		return ERR_UNSUPPORTED;
	}
	int n = i2d_PUBKEY(public, &info);
	bool good = n > 0 && EVP_Digest(info, (size_t)n, id, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(info);
	return good ? make(public, rsa ? "RSA" : "EC", id, ret) : ERR_NOMEM;
}
