/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TLS must and must not do: versions, ciphers, renegotiation, tickets, SNI, certificates that
 * change under way, channel bindings.
 */
#include "svc/gate/testkit.h"

#include "ipc/common.h"

#include <openssl/ssl.h>

/* Connect to the implicit TLS port for submission with these wishes. */
static enum err
try_tls(struct svc_gate_world *w, const struct svc_gate_wish *wish, struct svc_gate_client *c)
{
	svc_gate_client_open(c, svc_gate_world_connect(w, SYS_SUBMISSIONS, "192.0.2.1"), wish);
	return svc_gate_client_handshake(w, c);
}

struct tls_case {
	const char *name;
	struct svc_gate_wish wish;
	enum err want;
};

static const struct tls_case cases[] = {
	{ "TLS 1.3", { .version = TLS1_3_VERSION }, ERR_OK },
	{ "TLS 1.2", { .version = TLS1_2_VERSION }, ERR_OK },
	{ "TLS 1.1", { .version = TLS1_1_VERSION }, ERR_TLS },
	{ "TLS 1.0", { .version = TLS1_VERSION }, ERR_TLS },
	{ "CBC", { TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", NULL }, ERR_TLS },
	{ "CBC with SHA-256", { TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", NULL }, ERR_TLS },
	{ "no forward secrecy", { TLS1_2_VERSION, "AES128-GCM-SHA256", NULL }, ERR_TLS },
	{ "no encryption", { TLS1_2_VERSION, "ECDHE-ECDSA-NULL-SHA", NULL }, ERR_TLS },
	{ "ChaCha20", { TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", NULL }, ERR_OK },
};

static void
only_modern_tls(void)
{
	struct svc_gate_world w;
	svc_gate_world_open(&w);
	uint64_t good = 0;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct svc_gate_client c;
		test_case = cases[i].name;
		CHECK_ERR(try_tls(&w, &cases[i].wish, &c), cases[i].want);
		good += cases[i].want == ERR_OK;
		CHECK_U64(w.g->facts.handshakes, good);
		CHECK_U64(w.g->facts.handshakes_failed, i + 1 - good);
		svc_gate_client_close(&c);
		svc_gate_world_turn(&w);
	}
	svc_gate_world_close(&w);
}

static void
the_oldest_version_can_be_1_3(void)
{
	struct svc_gate_world w;
	struct svc_gate_client c;
	struct svc_gate_wish old = { .version = TLS1_2_VERSION }, now = { 0 };
	svc_gate_world_open(&w);
	for (int i = 0; i < 2; i++) { /* a certificate that was there, and one that came later */
		w.conf.tls_minimum = S("1.3");
		CHECK_ERR(svc_gate_settings(w.g), ERR_OK);
		CHECK_ERR(try_tls(&w, &old, &c), ERR_TLS);
		svc_gate_client_close(&c);
		CHECK_ERR(try_tls(&w, &now, &c), ERR_OK);
		svc_gate_client_close(&c);
		svc_gate_world_certificate(&w, 0, "mail.example.org");
	}
	CHECK_ERR(try_tls(&w, &old, &c), ERR_TLS);
	svc_gate_client_close(&c);
	w.conf.tls_minimum = S("1.2");
	CHECK_ERR(svc_gate_settings(w.g), ERR_OK);
	CHECK_ERR(try_tls(&w, &old, &c), ERR_OK);
	svc_gate_client_close(&c);
	svc_gate_world_close(&w);
}

static void
renegotiation_is_refused(void)
{
	struct svc_gate_world w;
	struct svc_gate_client c;
	struct svc_gate_wish wish = { .version = TLS1_2_VERSION };
	struct buf out;
	svc_gate_world_open(&w);
	buf_init(&out, 1 << 20);
	CHECK_ERR(try_tls(&w, &wish, &c), ERR_OK);
	CHECK(SSL_renegotiate(c.ssl) == 1);
	CHECK(svc_gate_client_handshake(&w, &c) != ERR_OK);
	CHECK_U64(w.g->facts.handshakes, 1);
	svc_gate_client_close(&c);
	svc_gate_world_close(&w);
	buf_done(&out);
}

static void
there_are_no_tickets(void)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct svc_gate_world w;
	struct buf out;
	svc_gate_world_open(&w);
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < LEN(versions); i++) {
		struct svc_gate_wish wish = { .version = versions[i] };
		struct svc_gate_client c;
		CHECK_ERR(try_tls(&w, &wish, &c), ERR_OK);
		svc_gate_client_read(&w, &c, &out);
		CHECK_U64(SSL_SESSION_has_ticket(SSL_get_session(c.ssl)), 0);
		CHECK_U64(c.tickets, i == 0 ? c.tickets : 0);
		CHECK_U64(SSL_get_session(c.ssl) == NULL ||
			SSL_SESSION_is_resumable(SSL_get_session(c.ssl)) == 0,
		    1);
		svc_gate_client_close(&c);
	}
	svc_gate_world_close(&w);
	buf_done(&out);
}

/* Which certificate does a client get that asks for `sni`? */
static void
expect_name(struct svc_gate_world *w, const char *sni, const char *want)
{
	struct svc_gate_wish wish = { .sni = sni };
	struct svc_gate_client c;
	struct buf name;
	buf_init(&name, 300);
	test_case = sni == NULL ? "no SNI" : sni;
	CHECK_ERR(try_tls(w, &wish, &c), ERR_OK);
	svc_gate_client_name(&c, &name);
	CHECK_STR(buf_view(&name), str_from(want));
	svc_gate_client_close(&c);
	buf_done(&name);
}

static void
sni_chooses(void)
{
	struct svc_gate_world w;
	svc_gate_world_open(&w);
	svc_gate_world_certificate(&w, 1, "mx.example.net,*.example.net");
	svc_gate_world_certificate(&w, 2, "Smtp.Example.COM,mx.example.net,www.example.net");
	expect_name(&w, NULL, "mail.example.org");
	expect_name(&w, "mail.example.org", "mail.example.org");
	expect_name(&w, "mx.example.net", "mx.example.net");
	expect_name(&w, "MX.EXAMPLE.NET", "mx.example.net");
	expect_name(&w, "any.example.net", "mx.example.net");
	expect_name(&w, "www.example.net", "Smtp.Example.COM"); /* exact beats wildcard */
	expect_name(&w, "a.b.example.net", "mail.example.org"); /* one label only */
	expect_name(&w, "example.net", "mail.example.org");
	expect_name(&w, "smtp.example.com", "Smtp.Example.COM");
	expect_name(&w, "unknown.test", "mail.example.org");
	svc_gate_world_close(&w);
}

static void
sni_never_reads_beyond_its_name(void)
{
	struct svc_gate_world w;
	char longest[300];
	svc_gate_world_open(&w);
	memset(longest, 'a', sizeof longest);
	CHECK_U64(svc_gate_certs_find(&w.g->certs, str_make(longest, 255)), 0);
	CHECK_U64(svc_gate_certs_find(&w.g->certs, str_make(longest, 300)), 0);
	CHECK_U64(svc_gate_certs_find(&w.g->certs, S(".")), 0);
	CHECK_U64(svc_gate_certs_find(&w.g->certs, S(".example.org")), 0);
	CHECK_U64(svc_gate_certs_find(&w.g->certs, S("*")), 0);
	svc_gate_world_close(&w);
}

static void
certificates_change_under_way(void)
{
	struct svc_gate_world w;
	struct svc_gate_client old;
	struct svc_gate_wish wish = { 0 };
	struct svc_gate_handed h;
	struct buf out;
	svc_gate_world_open(&w);
	buf_init(&out, 1 << 20);
	CHECK_ERR(try_tls(&w, &wish, &old), ERR_OK);
	svc_gate_world_handed(&w, w.submission, &h);
	svc_gate_world_certificate(&w, 0, "new.example.org");
	expect_name(&w, "mail.example.org", "new.example.org");
	svc_gate_client_send(&w, &old, S("NOOP\r\n"));
	svc_gate_world_read(&w, h.stream, &out);
	CHECK_STR(buf_view(&out), S("NOOP\r\n"));
	svc_gate_handed_done(&h);
	svc_gate_client_close(&old);
	svc_gate_world_close(&w);
	buf_done(&out);
}

static void
bad_certificates_leave_the_old_one(void)
{
	static const str bad[] = { S_INIT(""), S_INIT("nonsense"),
		S_INIT("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") };
	struct svc_gate_world w;
	svc_gate_world_open(&w);
	for (size_t i = 0; i < LEN(bad); i++) {
		const char *why = NULL;
		CHECK(svc_gate_certs_load(&w.g->certs, 0, bad[i], &why) != ERR_OK);
		CHECK(why != NULL);
	}
	const char *why = NULL;
	CHECK_ERR(svc_gate_certs_load(&w.g->certs, SVC_GATE_CERTIFICATES_MAX, bad[0], &why),
	    ERR_TOOMANY);
	expect_name(&w, NULL, "mail.example.org");
	svc_gate_world_close(&w);
}

static void
check_bindings(struct svc_gate_world *w, struct svc_gate_client *c)
{
	uint8_t want[32], hash[64];
	unsigned n = 0;
	struct svc_gate_handed h;
	svc_gate_world_handed(w, w->submission, &h);
	CHECK(SSL_export_keying_material(c->ssl, want, sizeof want, "EXPORTER-Channel-Binding", 24,
		  want, 0, 1) == 1);
	CHECK_STR(h.about->exporter, str_make(want, sizeof want));
	X509 *cert = SSL_get1_peer_certificate(c->ssl);
	CHECK(X509_digest(cert, EVP_sha256(), hash, &n) == 1);
	CHECK_STR(h.about->endpoint, str_make(hash, n));
	X509_free(cert);
	svc_gate_handed_done(&h);
}

static void
channel_bindings_are_told(void)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct svc_gate_world w;
	svc_gate_world_open(&w);
	for (size_t i = 0; i < LEN(versions); i++) {
		struct svc_gate_wish wish = { .version = versions[i] };
		struct svc_gate_client c;
		CHECK_ERR(try_tls(&w, &wish, &c), ERR_OK);
		check_bindings(&w, &c);
		svc_gate_client_close(&c);
	}
	svc_gate_world_close(&w);
}

/* TLS 1.2 without extended master secret: the exporter would bind nothing (RFC 9266 2). */
static void
no_exporter_without_extended_master_secret(void)
{
	struct svc_gate_world w;
	struct svc_gate_client c;
	struct svc_gate_handed h;
	struct svc_gate_wish wish = { .version = TLS1_2_VERSION };
	svc_gate_world_open(&w);
	svc_gate_client_open(&c, svc_gate_world_connect(&w, SYS_SUBMISSIONS, "192.0.2.1"), &wish);
	SSL_set_options(c.ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	CHECK_ERR(svc_gate_client_handshake(&w, &c), ERR_OK);
	svc_gate_world_handed(&w, w.submission, &h);
	CHECK(h.stream >= 0);
	CHECK_U64(h.about->exporter.n, 0);
	CHECK_U64(h.about->endpoint.n, 32);
	svc_gate_handed_done(&h);
	svc_gate_client_close(&c);
	svc_gate_world_close(&w);
}

TEST_MAIN(only_modern_tls, the_oldest_version_can_be_1_3, renegotiation_is_refused,
    there_are_no_tickets, sni_chooses, sni_never_reads_beyond_its_name,
    certificates_change_under_way, bad_certificates_leave_the_old_one, channel_bindings_are_told,
    no_exporter_without_extended_master_secret)
