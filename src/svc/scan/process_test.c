/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real program, postern-scan, inside its sandbox; this test plays its parent and peers. What
 * the kernel would forbid shows here and nowhere else. Last, what a signed letter of 4 KB costs.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/codec.h"
#include "ipc/parent_child.h"
#include "mail/header.h"
#include "svc/scan/crypto.h"
#include "svc/scan/world_test.h"
#include "sys/file.h"
#include "sys/sandbox.h"
#include "sys/spawn.h"
#include "sys/sys.h"

enum { WAIT_MS = 20000, LETTERS = 400, KEY_BITS = 2048, NOW = 1700000000 };

static struct scan_world w;
static struct sys_child child;
static int control = -1;
static struct buf letter;
static char record[1000];

/* --- a letter ------------------------------------------------------------------------------ */

static void
make_record(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	struct buf b;
	int n = i2d_PUBKEY(key, &der);
	CHECK(n > 0);
	buf_init_fixed(&b, record, sizeof record - 1);
	buf_cstr(&b, "v=DKIM1; k=rsa; p=");
	base64_encode(&b, str_make(der, (size_t)n));
	CHECK_ERR(buf_err(&b), ERR_OK);
	OPENSSL_free(der);
}

static void
sign(EVP_PKEY *key, str octets, struct buf *field)
{
	struct svc_scan_bodies bodies;
	struct buf input;
	uint8_t sig[KEY_BITS / 8];
	size_t n = sizeof sig;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	str body = str_from_off(octets, mail_header_length(octets));
	CHECK_ERR(svc_scan_hash_bodies(body, 1U << DKIM_RELAXED, &bodies), ERR_OK);
	const struct dkim_signer who = { .domain = S("example.com"),
		.selector = S("sel"),
		.algorithm = DKIM_RSA_SHA256,
		.now_s = NOW,
		.body_hash = bodies.hash[DKIM_RELAXED] };
	buf_init(&input, 1 << 20);
	CHECK_ERR(dkim_sign(&who, octets, w.sc.arena, field, &input), ERR_OK);
	CHECK(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
	CHECK(EVP_DigestSign(ctx, sig, &n, (const uint8_t *)input.p, input.n) == 1);
	dkim_sign_finish(field, str_make(sig, n));
	EVP_MD_CTX_free(ctx);
	buf_done(&input);
}

/* About 4 KB as people write: two alternatives, some links. */
static void
make_letter(void)
{
	static const char *const sentences[] = { "The committee will meet on Thursday at ten.",
		"Please find the agenda of the last three months below.",
		"We have changed the room because of the repairs in the cellar.",
		"Whoever cannot come may send his notes to the secretary." };
	EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_init(&letter, 1 << 20);
	buf_cstr(&b,
	    "Received: from inner.example.com by mx.example.com; "
	    "Tue, 14 Nov 2023 22:13:20 +0000\r\n"
	    "From: Ann Example <ann@example.com>\r\nTo: user@example.org\r\n"
	    "Subject: Meeting on Thursday\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
	    "Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/alternative; boundary=\"b1\"\r\n\r\n"
	    "--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
	for (unsigned i = 0; i < 24; i++) {
		buf_printf(&b, "%s Item %u of the list.\r\n", sentences[i % LEN(sentences)], i);
	}
	buf_cstr(&b, "--b1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n");
	for (unsigned i = 0; i < 18; i++) {
		buf_printf(&b, "<p>%s <a href=\"https://www%u.example.com/x\">Item</a></p>\r\n",
		    sentences[i % LEN(sentences)], i % 3);
	}
	buf_cstr(&b, "</body></html>\r\n--b1--\r\n");
	make_record(key);
	sign(key, buf_view(&b), &letter);
	buf_str(&letter, buf_view(&b));
	EVP_PKEY_free(key);
	buf_done(&b);
}

/* --- the parent ---------------------------------------------------------------------------- */

static void
complain(void *ctx, unsigned line, str key, const char *what)
{
	printf("settings, line %u: %.*s: %s\n", line, STR_ARG(key), what);
}

/* One message of the parent; fd is taken. */
#define TELL(name, fd, ...)                                                          \
	do {                                                                         \
		struct ipc_parent_child_##name m_ = { __VA_ARGS__ };                 \
		buf_reset(&w.out);                                                   \
		ipc_parent_child_##name##_put(&w.out, &m_);                          \
		CHECK_ERR(sys_chan_send_wait(control, &w.out, fd, WAIT_MS), ERR_OK); \
		buf_reset(&w.out);                                                   \
	} while (0)

static int
wire(const char *edge)
{
	int pair[2] = { -1, -1 };
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	TELL(wire, pair[1], .edge = str_from(edge), .peer = 0, .set = S("test"));
	return pair[0];
}

static void
make_settings(struct buf *settings)
{
	struct conf conf;
	str text = S("hostname mx.example.org\ndomain example.org\nstate /nowhere\n"
		     "log /dev/null\n");
	CHECK_ERR(conf_parse(text, w.sc.arena, complain, NULL, &conf), ERR_OK);
	conf_encode(&conf, settings);
}

static enum err
on_ready(void *ctx, const struct ipc_parent_child_ready *m, int *fd)
{
	*(uint32_t *)ctx = m->sandbox;
	return ERR_OK;
}

static void
spawn(void)
{
	const char *argv[] = { "postern-scan", NULL };
	struct sys_spawn what = { .argv = argv, .fds_n = 1, .log_fd = -1 };
	struct buf path;
	int pair[2];
	buf_init(&path, 4096);
	CHECK_ERR(sys_file_program_folder(&path), ERR_OK);
	buf_cstr(&path, "/postern-scan");
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	what.program = buf_view(&path);
	what.fds = &pair[1];
	CHECK_ERR(sys_spawn(&what, &child), ERR_OK);
	sys_close(&pair[1]);
	control = pair[0];
	buf_done(&path);
}

static void
start(void)
{
	static const struct ipc_parent_child_at_parent handlers = { .ready = on_ready };
	struct buf settings;
	uint32_t sandbox = 0;
	int fd = -1;
	buf_init(&settings, 98304);
	make_settings(&settings);
	spawn();
	TELL(config, -1, .index = 0, .set = S("scan"), .settings = buf_view(&settings));
	w.smtp = wire("smtp_scan");
	w.policy = wire("scan_policy");
	w.resolve = wire("scan_resolve");
	TELL(go, -1, .boot_id = S("test"));
	CHECK_ERR(sys_chan_recv_wait(control, &w.in, &fd, WAIT_MS), ERR_OK);
	CHECK_ERR(ipc_parent_child_parent_dispatch(&handlers, &sandbox, buf_view(&w.in), &fd,
		      w.scratch),
	    ERR_OK);
	CHECK((sandbox & SYS_STATE_NO_NEW_PRIVS) != 0 && (sandbox & SYS_STATE_SECCOMP) != 0);
	CHECK((sandbox & SYS_STATE_LANDLOCK) != 0 || sys_sandbox_landlock_abi() == 0);
	buf_done(&settings);
}

/* --- what it does -------------------------------------------------------------------------- */

static void
looks(void)
{
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, buf_view(&letter));
	svc_scan_world_send(&w, &m);
	svc_scan_world_wait(&w, 1);
	svc_scan_world_send_file(&w, &m, buf_view(&letter));
	svc_scan_world_wait(&w, 2);
	CHECK(str_find(buf_view(&w.whys), S("dkim=pass")) >= 0);
	CHECK(str_find(buf_view(&w.whys), S("dmarc=pass")) >= 0);
	CHECK(str_find(buf_view(&w.headers), S("dkim=pass")) >= 0);
	CHECK(str_find(buf_view(&w.judges), S("domain=example.com aligned ")) >= 0);
	printf("%.*s", STR_ARG(buf_view(&w.headers)));
}

/* Nanoseconds of CPU it has used. */
static uint64_t
used_ns(void)
{
	char path[64];
	struct buf b;
	str first, rest;
	uint64_t ns = 0;
	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)child.pid);
	buf_init(&b, 4096);
	CHECK_ERR(sys_file_load(SYS_CWD, str_from(path), &b), ERR_OK);
	CHECK(str_cut(buf_view(&b), ' ', &first, &rest) && str_u64(first, &ns));
	buf_done(&b);
	return ns;
}

static void
costs(void)
{
	uint64_t began = used_ns();
	for (unsigned i = 0; i < LETTERS; i++) {
		struct ipc_smtp_scan_letter m = svc_scan_world_letter(i, buf_view(&letter));
		svc_scan_world_send(&w, &m);
		if (i % 20 == 19) {
			svc_scan_world_wait(&w, i - 1);
		}
	}
	svc_scan_world_wait(&w, LETTERS + 2);
	printf("%zu octets, %u us of CPU each\n", letter.n,
	    (unsigned)((used_ns() - began) / LETTERS / 1000));
}

static void
ends_when_told(void)
{
	struct sys_child_end end = { true, 0 };
	TELL(quit, -1, .grace_ms = 1000);
	CHECK_ERR(sys_child_wait(&child, &end), ERR_OK);
	CHECK(!end.signalled);
	CHECK_U64((uint64_t)end.code, 0);
}

static void
lives(void)
{
	struct scan_world_name names[] = { { "sel._domainkey.example.com", record },
		{ "_dmarc.example.com", "v=DMARC1; p=reject" }, { NULL, NULL } };
	CHECK_ERR(svc_scan_crypto_begin(), ERR_OK);
	svc_scan_world_outside(&w);
	w.names = names;
	make_letter();
	start();
	looks();
	costs();
	ends_when_told();
	sys_close(&control);
	buf_done(&letter);
	svc_scan_world_close(&w);
}

TEST_MAIN(lives)
