/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail servers that say what a test wants, and their certificates.
 */
#include "svc/send/server_test.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <openssl/err.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <unistd.h>

/* --- certificates -------------------------------------------------------------------------- */

static void
add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	ASSERT(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static X509 *
make_certificate(EVP_PKEY *key, const char *cn, int days)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -86400L * 30);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * days);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
	    (const unsigned char *)cn, -1, -1, 0);
	return cert;
}

static void
sign(X509 *cert, X509 *issuer, EVP_PKEY *key)
{
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	ASSERT(X509_sign(cert, key, EVP_sha256()) > 0);
}

static void
make_authority(struct world *w)
{
	BIO *pem = BIO_new(BIO_s_mem());
	char *p = NULL;
	w->ca_key = EVP_EC_gen("P-256");
	w->ca = make_certificate(w->ca_key, "test authority", 30);
	add_extension(w->ca, NID_basic_constraints, "critical,CA:TRUE");
	sign(w->ca, w->ca, w->ca_key);
	PEM_write_bio_X509(pem, w->ca);
	long n = BIO_get_mem_data(pem, &p);
	snprintf(w->ca_file, sizeof w->ca_file, "send-test-ca-%d.pem", (int)getpid());
	ASSERT(sys_file_replace(SYS_CWD, str_from(w->ca_file), str_make(p, (size_t)n)) == ERR_OK);
	BIO_free(pem);
}

void
svc_send_world_certificate(struct world *w, unsigned server, const char *names, int days,
    bool self_signed)
{
	struct server *s = &w->server[server];
	char value[300];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_free(s->cert);
	s->cert = make_certificate(key, "server", days);
	snprintf(value, sizeof value, "DNS:%s", names);
	add_extension(s->cert, NID_subject_alt_name, value);
	sign(s->cert, self_signed ? s->cert : w->ca, self_signed ? key : w->ca_key);
	SSL_CTX_free(s->tls);
	s->tls = SSL_CTX_new(TLS_server_method());
	ASSERT(SSL_CTX_use_certificate(s->tls, s->cert) == 1);
	ASSERT(SSL_CTX_use_PrivateKey(s->tls, key) == 1);
	if (!self_signed) {
		ASSERT(SSL_CTX_add1_chain_cert(s->tls, w->ca) == 1);
	}
	EVP_PKEY_free(key);
}

const char *
svc_send_world_tlsa(struct world *w, unsigned server, bool anchor)
{
	static char text[80];
	unsigned char *der = NULL, digest[32];
	X509 *cert = anchor ? w->ca : w->server[server].cert;
	int n = anchor ? i2d_X509(cert, &der) : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	struct buf b;
	ASSERT(EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL) == 1);
	OPENSSL_free(der);
	buf_init_fixed(&b, text, sizeof text - 1);
	buf_cstr(&b, anchor ? "2 0 1 " : "3 1 1 ");
	for (size_t i = 0; i < sizeof digest; i++) {
		buf_printf(&b, "%02x", digest[i]);
	}
	text[b.n] = '\0';
	return text;
}

/* --- opening ------------------------------------------------------------------------------- */

void
svc_send_servers_open(struct world *w)
{
	(void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes into what clients have left */
	make_authority(w);
	for (unsigned i = 0; i < WORLD_SERVERS; i++) {
		struct server *s = &w->server[i];
		struct sys_addr a = { .ip = { [10] = 0xff, 0xff, 127, 0, 1, (uint8_t)(i + 1) },
			.port = w->port };
		char name[16];
		s->listener = s->reserve = -1;
		ASSERT(sys_sock_listen(&a, &s->listener) == ERR_OK);
		ASSERT(sys_sock_local(s->listener, &a) == ERR_OK);
		w->port = a.port;
		ASSERT(sys_dup(s->listener, &s->reserve) == ERR_OK);
		buf_init(&s->taken, 16 << 20);
		buf_init(&s->heard, 1 << 20);
		buf_init(&s->peers, 1 << 20);
		snprintf(name, sizeof name, "mx%u.test", i + 1);
		svc_send_world_certificate(w, i, name, 30, false);
		for (size_t k = 0; k < WORLD_SESSIONS; k++) {
			s->sessions[k].fd = -1;
			buf_init(&s->sessions[k].in, 1 << 20);
		}
	}
}

static void
end_session(struct server_session *x)
{
	SSL_free(x->ssl);
	x->ssl = NULL;
	sys_close(&x->fd);
	buf_reset(&x->in);
	x->in_data = x->handshake = x->closing = false;
	x->letters = 0;
}

void
svc_send_world_deaf(struct world *w, unsigned server)
{
	sys_close(&w->server[server].listener);
	sys_close(&w->server[server].reserve);
}

void
svc_send_servers_close(struct world *w)
{
	for (unsigned i = 0; i < WORLD_SERVERS; i++) {
		struct server *s = &w->server[i];
		svc_send_world_deaf(w, i);
		for (size_t k = 0; k < WORLD_SESSIONS; k++) {
			end_session(&s->sessions[k]);
			buf_done(&s->sessions[k].in);
		}
		buf_done(&s->taken);
		buf_done(&s->heard);
		buf_done(&s->peers);
		SSL_CTX_free(s->tls);
		X509_free(s->cert);
	}
	X509_free(w->ca);
	EVP_PKEY_free(w->ca_key);
	(void)(sys_file_unlink(SYS_CWD, str_from(w->ca_file)) == ERR_OK);
	ERR_clear_error();
}

/* --- talking ------------------------------------------------------------------------------- */

static void
put(struct server_session *x, str s)
{
	size_t n = 0;
	ERR_clear_error();
	if (x->ssl != NULL && !x->handshake) {
		(void)SSL_write_ex(x->ssl, s.p, s.n, &n);
	} else {
		(void)(sys_sock_write(x->fd, s, &n) == ERR_OK);
	}
}

/* A reply of the script or else the usual one; "!" at its start closes after the rest. */
static void
say(struct server_session *x, const char *scripted, const char *usual)
{
	str s = str_from(scripted == NULL ? usual : scripted);
	if (str_starts(s, S("!"))) {
		x->closing = true;
		s = str_from_off(s, 1);
	}
	if (s.n > 0) {
		put(x, s);
		put(x, S("\r\n"));
	}
}

void
svc_send_world_answer(struct server_session *x, const char *reply)
{
	say(x, NULL, reply);
}

static void
say_ehlo(const struct server *s, struct server_session *x)
{
	if (s->say.ehlo != NULL) {
		say(x, s->say.ehlo, "");
	} else if (x->ssl != NULL || s->say.no_tls) {
		put(x, S("250-hello\r\n250-PIPELINING\r\n250-8BITMIME\r\n"));
		put(x, S("250-DSN\r\n250 SIZE 100000\r\n"));
	} else {
		put(x, S("250-hello\r\n250-PIPELINING\r\n250 STARTTLS\r\n"));
	}
}

static void
start_tls(struct server *s, struct server_session *x)
{
	say(x, s->say.starttls, "220 2.0.0 go");
	if (s->say.starttls != NULL) {
		return;
	}
	if (s->say.garbage_tls) {
		put(x, S("this is no handshake, whatever it is\r\n"));
		return;
	}
	x->ssl = SSL_new(s->tls);
	SSL_set_fd(x->ssl, x->fd);
	SSL_set_accept_state(x->ssl);
	x->handshake = true;
}

static void
say_rcpt(const struct server *s, struct server_session *x, str line)
{
	if (str_ifind(line, S("<bad")) >= 0) {
		say(x, NULL, "550-5.1.1 no such user\r\n550 5.1.1 here");
	} else if (str_ifind(line, S("<grey")) >= 0) {
		say(x, NULL, "451 4.7.1 greylisted, try again later");
	} else {
		say(x, s->say.rcpt, "250 2.1.5 ok");
	}
}

static void
on_line(struct server *s, struct server_session *x, str line)
{
	if (x->in_data) {
		bool end = str_eq(line, S("."));
		buf_str(&s->taken, line);
		buf_cstr(&s->taken, "\n");
		if (end) {
			x->in_data = false;
			x->letters++;
			s->letters++;
			say(x, s->say.eod, "250 2.0.0 taken");
			x->closing |= s->say.close_after != 0 && x->letters >= s->say.close_after;
		}
		return;
	}
	buf_str(&s->heard, line);
	buf_ch(&s->heard, '\n');
	if (str_istarts(line, S("EHLO")) || str_istarts(line, S("HELO"))) {
		say_ehlo(s, x);
	} else if (str_istarts(line, S("STARTTLS"))) {
		start_tls(s, x);
	} else if (str_istarts(line, S("MAIL"))) {
		say(x, s->say.mail, "250 2.1.0 ok");
	} else if (str_istarts(line, S("RCPT"))) {
		say_rcpt(s, x, line);
	} else if (str_istarts(line, S("DATA"))) {
		say(x, s->say.data, "354 go on");
		x->in_data = s->say.data == NULL;
	} else if (str_istarts(line, S("QUIT"))) {
		say(x, NULL, "!221 2.0.0 bye");
	} else {
		say(x, NULL, "250 2.0.0 ok");
	}
}

static bool
read_session(struct server_session *x)
{
	char room[16384];
	size_t n = 0;
	ERR_clear_error();
	if (x->handshake) {
		int r = SSL_do_handshake(x->ssl);
		x->handshake = r != 1;
		int why = r == 1 ? 0 : SSL_get_error(x->ssl, r);
		x->closing |= r != 1 && why != SSL_ERROR_WANT_READ;
		return r == 1;
	}
	if (x->ssl != NULL) {
		int r = SSL_read_ex(x->ssl, room, sizeof room, &n);
		x->closing |= r != 1 && SSL_get_error(x->ssl, r) != SSL_ERROR_WANT_READ;
	} else {
		enum err e = sys_sock_read(x->fd, room, sizeof room, &n);
		x->closing |= e != ERR_OK && e != ERR_AGAIN;
		n = e == ERR_OK ? n : 0;
	}
	buf_add(&x->in, room, n);
	return n > 0;
}

static bool
serve(struct server *s, struct server_session *x)
{
	bool moved = read_session(x);
	ptrdiff_t end;
	while (!x->closing && !x->handshake && (end = str_find(buf_view(&x->in), S("\r\n"))) >= 0) {
		char line[4096];
		size_t n = MIN((size_t)end, sizeof line);
		memcpy(line, x->in.p, n);
		buf_consume(&x->in, (size_t)end + 2);
		on_line(s, x, str_make(line, n));
		moved = true;
	}
	if (x->closing) {
		end_session(x);
		moved = true;
	}
	return moved;
}

static void
greet(const struct server *s, struct server_session *x)
{
	unsigned open = 0;
	for (size_t i = 0; i < WORLD_SESSIONS; i++) {
		open += s->sessions[i].fd >= 0;
	}
	if (s->say.sessions != 0 && open > s->say.sessions) {
		say(x, s->say.rude ? "!" : "!421 4.7.0 too many connections", "");
	} else {
		say(x, s->say.banner, "220 mx ESMTP");
	}
}

bool
svc_send_server_pump(struct server *s)
{
	bool moved = false;
	struct sys_addr peer;
	int fd = -1;
	unsigned now = 0;
	for (size_t i = 0; i < WORLD_SESSIONS; i++) {
		struct server_session *x = &s->sessions[i];
		if (x->fd < 0 && s->listener >= 0 &&
		    sys_sock_accept(s->listener, &s->reserve, &fd, &peer) == ERR_OK) {
			sys_addr_ip_text(&s->peers, peer.ip);
			x->fd = fd;
			s->connects++;
			greet(s, x);
			moved = true;
		}
		if (x->fd >= 0) {
			now++;
			moved |= serve(s, x);
		}
	}
	s->most = MAX(s->most, now);
	return moved;
}
