/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshakes whose signatures come from another process: every kind of key and version, and keys
 * that is slow, wrong, or gone. A handshake fails then, nothing else does.
 */
#include "svc/gate/testkit.h"

#include <openssl/ssl.h>

static enum err
try_tls(struct svc_gate_world *w, int version, const char *ciphers)
{
	struct svc_gate_client c;
	struct svc_gate_wish wish = { .version = version, .ciphers = ciphers };
	svc_gate_client_open(&c, svc_gate_world_connect(w, SYS_SUBMISSIONS, "192.0.2.1"), &wish);
	enum err e = svc_gate_client_handshake(w, &c);
	svc_gate_client_close(&c);
	svc_gate_world_turn(w);
	return e;
}

static void
every_kind_of_key(void)
{
	static const char *const kinds[] = { "RSA", "P-256", "P-384" };
	static const char *const ciphers[] = { NULL, "ECDHE+AESGCM",
		"ECDHE-RSA-CHACHA20-POLY1305" };
	struct svc_gate_world w;
	svc_gate_world_open(&w);
	for (size_t i = 0; i < LEN(kinds); i++) {
		test_case = kinds[i];
		svc_gate_world_certificate_of(&w, 0, "mail.example.org", kinds[i]);
		CHECK_ERR(try_tls(&w, TLS1_3_VERSION, NULL), ERR_OK);
		CHECK_ERR(try_tls(&w, TLS1_2_VERSION, ciphers[0]), ERR_OK);
		CHECK_ERR(try_tls(&w, TLS1_2_VERSION, ciphers[1]), ERR_OK);
		CHECK_ERR(try_tls(&w, TLS1_2_VERSION, ciphers[2]), i == 0 ? ERR_OK : ERR_TLS);
	}
	test_case = NULL;
	CHECK_U64(w.g->signer.signatures, 10);
	CHECK_U64(w.g->signer.failed, 0);
	svc_gate_world_close(&w);
}

/* What a client offers decides the scheme: PKCS #1 and PSS for TLS 1.2, each hash. */
static void
every_scheme(void)
{
	static const struct {
		const char *name, *kind, *list;
		int version;
		enum err want;
	} rows[] = {
		{ "PKCS #1 SHA-256", "RSA", "rsa_pkcs1_sha256", TLS1_2_VERSION, ERR_OK },
		{ "PKCS #1 SHA-384", "RSA", "rsa_pkcs1_sha384", TLS1_2_VERSION, ERR_OK },
		{ "PKCS #1 SHA-512", "RSA", "rsa_pkcs1_sha512", TLS1_2_VERSION, ERR_OK },
		{ "PSS SHA-256", "RSA", "rsa_pss_rsae_sha256", TLS1_2_VERSION, ERR_OK },
		{ "PSS SHA-384, 1.3", "RSA", "rsa_pss_rsae_sha384", TLS1_3_VERSION, ERR_OK },
		{ "PSS SHA-512, 1.3", "RSA", "rsa_pss_rsae_sha512", TLS1_3_VERSION, ERR_OK },
		{ "ECDSA SHA-384 over P-256", "P-256", "ECDSA+SHA384", TLS1_2_VERSION, ERR_OK },
		{ "ECDSA SHA-256", "P-256", "ecdsa_secp256r1_sha256", TLS1_3_VERSION, ERR_OK },
		{ "ECDSA SHA-384", "P-384", "ecdsa_secp384r1_sha384", TLS1_3_VERSION, ERR_OK },
		{ "none of ours", "P-256", "ed25519", TLS1_3_VERSION, ERR_TLS },
		{ "SHA-1", "RSA", "RSA+SHA1", TLS1_2_VERSION, ERR_TLS },
	};
	struct svc_gate_world w;
	svc_gate_world_open(&w);
	for (size_t i = 0; i < LEN(rows); i++) {
		struct svc_gate_client c;
		struct svc_gate_wish wish = { .version = rows[i].version };
		int fd = svc_gate_world_connect(&w, SYS_SUBMISSIONS, "192.0.2.1");
		test_case = rows[i].name;
		svc_gate_world_certificate_of(&w, 0, "mail.example.org", rows[i].kind);
		svc_gate_client_open(&c, fd, &wish);
		CHECK(SSL_set1_sigalgs_list(c.ssl, rows[i].list) == 1);
		svc_gate_client_close(&c);
		fd = svc_gate_world_connect(&w, SYS_SUBMISSIONS, "192.0.2.1");
		svc_gate_client_open(&c, fd, &wish);
		CHECK(SSL_set1_sigalgs_list(c.ssl, rows[i].list) == 1);
		CHECK_ERR(svc_gate_client_handshake(&w, &c), rows[i].want);
		svc_gate_client_close(&c);
		svc_gate_world_turn(&w);
	}
	test_case = NULL;
	svc_gate_world_close(&w);
}

struct fault {
	str what;
	enum err channel; /* what becomes of the channel: OK it stays */
};

static void
faults(void)
{
	static const struct fault rows[] = { { S_INIT("hang"), ERR_TIMEOUT },
		{ S_INIT("lie"), ERR_PROTOCOL }, { S_INIT("spoil"), ERR_OK },
		{ S_INIT("die"), ERR_EOF } };
	for (size_t i = 0; i < LEN(rows); i++) {
		struct svc_gate_world w;
		test_case = rows[i].what.p;
		svc_gate_world_open(&w);
		w.g->signer.wait_ms = 400; /* who is not to hang may be slow */
		CHECK_ERR(try_tls(&w, TLS1_3_VERSION, NULL), ERR_OK);
		svc_gate_keys_tell(&w, rows[i].what);
		CHECK_ERR(try_tls(&w, TLS1_3_VERSION, NULL), ERR_TLS);
		bool spoilt = rows[i].channel == ERR_OK;
		CHECK(spoilt == (w.g->signer.fd >= 0));
		CHECK(sys_timer_is_set(&w.g->signer.rewire) == (i < 2));
		CHECK_ERR(try_tls(&w, TLS1_2_VERSION, NULL), spoilt ? ERR_OK : ERR_TLS);
		CHECK_U64(w.g->facts.handshakes_failed, spoilt ? 1 : 2);
		svc_gate_keys_stop(&w); /* its successor has the keys */
		svc_gate_keys_start(&w);
		svc_gate_world_certificate(&w, 0, "mail.example.org");
		CHECK(!sys_timer_is_set(&w.g->signer.rewire));
		CHECK_ERR(try_tls(&w, TLS1_3_VERSION, NULL), ERR_OK);
		svc_gate_world_close(&w);
	}
	test_case = NULL;
}

/* keys has another key than the chain's: that handshake fails, the next certificate mends it. */
static void
key_unknown_to_keys(void)
{
	struct svc_gate_world w;
	svc_gate_world_open(&w);
	svc_gate_keys_stop(&w);
	svc_gate_keys_start(&w);
	CHECK_ERR(try_tls(&w, TLS1_3_VERSION, NULL), ERR_TLS);
	CHECK_U64(w.g->signer.failed, 1);
	CHECK(w.g->signer.fd >= 0);
	svc_gate_world_certificate(&w, 0, "mail.example.org");
	CHECK_ERR(try_tls(&w, TLS1_3_VERSION, NULL), ERR_OK);
	svc_gate_world_close(&w);
}

/* Sessions that exist need no signature. */
static void
keys_gone_hurts_no_session(void)
{
	struct svc_gate_world w;
	struct svc_gate_client c;
	struct svc_gate_wish wish = { 0 };
	struct svc_gate_handed h;
	struct buf out;
	svc_gate_world_open(&w);
	buf_init(&out, 1 << 20);
	svc_gate_client_open(&c, svc_gate_world_connect(&w, SYS_SUBMISSIONS, "192.0.2.1"), &wish);
	CHECK_ERR(svc_gate_client_handshake(&w, &c), ERR_OK);
	svc_gate_world_handed(&w, w.submission, &h);
	svc_gate_keys_tell(&w, S("die"));
	svc_gate_client_send(&w, &c, S("NOOP\r\n"));
	svc_gate_world_read(&w, h.stream, &out);
	CHECK_STR(buf_view(&out), S("NOOP\r\n"));
	CHECK_ERR(try_tls(&w, TLS1_3_VERSION, NULL), ERR_TLS);
	buf_done(&out);
	svc_gate_handed_done(&h);
	svc_gate_client_close(&c);
	svc_gate_world_close(&w);
}

TEST_MAIN(every_kind_of_key, every_scheme, faults, key_unknown_to_keys, keys_gone_hurts_no_session)
