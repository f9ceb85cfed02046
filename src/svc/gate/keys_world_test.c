/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process keys for the tests: a fork with an RSA and EC signer of its own.
 */
#include "ipc/gate_keys.h"
#include "svc/gate/testkit.h"
#include "sys/chan.h"
#include "sys/sys.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <unistd.h>

enum { OUR_FD = 3, PAIRS = 64, PSS = 0x0800 };

static struct {
	struct {
		EVP_PKEY *key;
		uint8_t id[32];
	} pairs[PAIRS]; /* the youngest is first found */
	unsigned pairs_n;
	bool hang, lie, spoil;
	struct buf in, out;
} played;

static EVP_PKEY *
find_key(str id)
{
	for (unsigned i = PAIRS; i > 0; i--) {
		if (str_eq(str_make(played.pairs[i - 1].id, 32), id)) {
			return played.pairs[i - 1].key;
		}
	}
	return NULL;
}

/* The scheme's hash follows from the digest's length, its padding from the scheme. */
static bool
sign(EVP_PKEY *key, const struct ipc_gate_keys_sign *m, unsigned char *to, size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	const EVP_MD *md = m->digest.n == 32 ? EVP_sha256()
	    : m->digest.n == 48              ? EVP_sha384()
					     : EVP_sha512();
	bool good = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1;
	if (good && EVP_PKEY_is_a(key, "RSA")) {
		bool pss = (m->scheme & 0xff00) == PSS;
		good = EVP_PKEY_CTX_set_rsa_padding(ctx,
			   pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1 &&
		    (!pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
	}
	good = good && EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
	    EVP_PKEY_sign(ctx, to, n, (const unsigned char *)m->digest.p, m->digest.n) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static enum err
on_sign(void *ctx, const struct ipc_gate_keys_sign *m, int *fd)
{
	unsigned char octets[SVC_GATE_SIGNATURE_MAX] = { 0 };
	size_t n = sizeof octets;
	struct ipc_gate_keys_signature a = { .request = m->request + (played.lie ? 1 : 0) };
	EVP_PKEY *key = find_key(m->key);
	a.result = key == NULL ? ERR_NOTFOUND : sign(key, m, octets, &n) ? ERR_OK : ERR_BUG;
	octets[n / 2] ^= played.spoil ? 1 : 0;
	a.octets = str_make(octets, a.result == ERR_OK ? n : 0);
	played.spoil = false;
	buf_reset(&played.out);
	ipc_gate_keys_signature_put(&played.out, &a);
	return played.hang ? ERR_OK : sys_chan_send_wait(OUR_FD, &played.out, -1, -1);
}

static enum err
take_pair(str pem)
{
	unsigned char *info = NULL;
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	unsigned at = played.pairs_n++ % PAIRS;
	if (cert == NULL || key == NULL) {
		return ERR_SYNTAX;
	}
	int n = i2d_PUBKEY(X509_get0_pubkey(cert), &info);
	EVP_Digest(info, (size_t)n, played.pairs[at].id, NULL, EVP_sha256(), NULL);
	played.pairs[at].key = key;
	return ERR_OK;
}

static enum err
take(str m, struct arena *scratch)
{
	static const struct ipc_gate_keys_at_keys handlers = { .sign = on_sign };
	int fd = -1;
	if (str_starts(m, S("-----BEGIN"))) {
		return take_pair(m);
	}
	played.hang = played.hang || str_eq(m, S("hang"));
	played.lie = played.lie || str_eq(m, S("lie"));
	played.spoil = played.spoil || str_eq(m, S("spoil"));
	if (str_eq(m, S("die"))) {
		return ERR_EOF;
	}
	if (str_eq(m, S("hang")) || str_eq(m, S("lie")) || str_eq(m, S("spoil"))) {
		return ERR_OK;
	}
	arena_reset(scratch);
	return ipc_gate_keys_keys_dispatch(&handlers, NULL, m, &fd, scratch);
}

/* The child: nothing of the test's stays open in it, or ends would not be seen. */
static void
play(int fd)
{
	int passed = -1;
	dup2(fd, OUR_FD);
	close_range(OUR_FD + 1, UINT32_MAX, 0);
	struct arena *scratch = arena_new(NULL, "keys", 1 << 16, 0);
	buf_init(&played.in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&played.out, SYS_CHAN_MESSAGE_MAX);
	while (sys_chan_recv_wait(OUR_FD, &played.in, &passed, -1) == ERR_OK &&
	    take(buf_view(&played.in), scratch) == ERR_OK) {
	}
	_exit(0);
}

void
svc_gate_keys_start(struct svc_gate_world *w)
{
	int pair[2] = { -1, -1 };
	bool in_child = false;
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	fflush(NULL);
	CHECK_ERR(sys_fork(&in_child, &w->keys_child), ERR_OK);
	if (in_child) {
		play(pair[1]);
	}
	sys_close(&pair[1]);
	w->keys = dup(pair[0]);
	svc_gate_signer_wire(&w->g->signer, 0, pair[0]);
}

void
svc_gate_keys_tell(struct svc_gate_world *w, str what)
{
	struct buf b;
	buf_init(&b, SYS_CHAN_MESSAGE_MAX);
	buf_str(&b, what);
	CHECK_ERR(sys_chan_send_wait(w->keys, &b, -1, -1), ERR_OK);
	buf_done(&b);
}

void
svc_gate_keys_stop(struct svc_gate_world *w)
{
	struct sys_child_end end;
	sys_close(&w->keys);
	svc_gate_signer_wire(&w->g->signer, 0, -1); /* the last end: it sees that */
	CHECK_ERR(sys_child_wait(&w->keys_child, &end), ERR_OK);
}
