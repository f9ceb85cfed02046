/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process keys over real channels, with a played send, gate and administrator: keys are made,
 * published, replaced and revoked, survive restarts, damage and a crash in the middle, and what
 * they sign verifies.
 */
#include "base/codec.h"
#include "base/mem.h"
#include "base/test.h"
#include "ipc/adm_keys.h"
#include "ipc/gate_keys.h"
#include "ipc/send_keys.h"
#include "proto/dkim/key.h"
#include "svc/keys/file.h"
#include "svc/keys/keys.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

struct world {
	char folder[64];
	struct svc_common sc;
	struct conf conf;
	struct svc_keys *k;
	int send, gate, admin; /* our ends */
	struct sys_chan *admin_chan;
	struct arena *arena;
	struct buf in, out;
	/* the last answers */
	enum err result;
	uint64_t count;
	char domain[256], selector[4][64];
	uint8_t algorithm[4];
	size_t signers;
	struct svc_keys_octets octets;
	struct ipc_adm_keys_key rows[64];
	size_t rows_n;
	bool more;
};

static void
turn(struct world *w)
{
	for (int i = 0; i < 3; i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, 0), ERR_OK);
	}
}

static enum err
on_admin_message(void *ctx, str datagram, int *fd)
{
	struct world *w = ctx;
	return svc_keys_on_admin(&w->sc, w->admin_chan, datagram, fd);
}

static void
on_admin_gone(void *ctx, enum err why)
{
	struct world *w = ctx;
	sys_chan_free(&w->admin_chan);
}

static void
start(struct world *w)
{
	struct sys_chan_handler h = {
		.on_message = on_admin_message, .on_closed = on_admin_gone, .ctx = w
	};
	int pair[2], folder = -1;
	CHECK_ERR(sys_loop_new(&w->sc.loop), ERR_OK);
	w->sc.conf = &w->conf;
	w->sc.service = &svc_keys_service;
	w->sc.arena = arena_new(NULL, "test", 4 << 20, 0);
	w->k = mem_zalloc(1, sizeof *w->k);
	w->sc.ctx = w->k;
	buf_init(&w->k->out, SYS_CHAN_MESSAGE_MAX);
	w->k->scratch = arena_new(w->sc.arena, "message", 1 << 20, 0);
	CHECK_ERR(sys_dir_open(SYS_CWD, str_from(w->folder), &folder), ERR_OK);
	CHECK_ERR(svc_keys_table_init(w->k, &w->sc, folder), ERR_OK);
	CHECK_ERR(svc_keys_table_load(w->k), ERR_OK);
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("send_keys"), 0, pair[0]), ERR_OK);
	w->send = pair[1];
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("gate_keys"), 0, pair[0]), ERR_OK);
	w->gate = pair[1];
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(sys_chan_new(w->sc.loop, pair[0], &h, &w->admin_chan), ERR_OK);
	w->admin = pair[1];
}

static void
stop(struct world *w)
{
	sys_close(&w->send);
	sys_close(&w->gate);
	sys_close(&w->admin);
	sys_chan_free(&w->admin_chan);
	svc_common_links_close(&w->sc);
	svc_keys_tls_done(&w->k->tls);
	svc_keys_table_done(w->k);
	buf_done(&w->k->out);
	MEM_FREE(w->k);
	sys_loop_free(&w->sc.loop);
	arena_free(&w->sc.arena);
}

static void
restart(struct world *w)
{
	stop(w);
	start(w);
}

static void
open_world(struct world *w)
{
	*w = (struct world){ .folder = "keys-test-XXXXXX",
		.conf = { .dkim_settle = 3600000, .dkim_keep = 7 * 86400000ull } };
	CHECK(mkdtemp(w->folder) != NULL);
	w->arena = arena_new(NULL, "answers", 1 << 20, 0);
	buf_init(&w->in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w->out, SYS_CHAN_MESSAGE_MAX);
	start(w);
}

static void
close_world(struct world *w)
{
	stop(w);
	buf_done(&w->in);
	buf_done(&w->out);
	arena_free(&w->arena);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(w->folder)), ERR_OK);
}

/* --- our ends ------------------------------------------------------------------------------ */

static enum err
got_signers(void *ctx, const struct ipc_send_keys_signers_are *m, int *fd)
{
	struct world *w = ctx;
	w->result = m->result;
	w->signers = m->signers_n;
	snprintf(w->domain, sizeof w->domain, "%.*s", STR_ARG(m->domain));
	for (size_t i = 0; i < m->signers_n && i < LEN(w->selector); i++) {
		w->algorithm[i] = m->signers[i].algorithm;
		snprintf(w->selector[i], sizeof w->selector[i], "%.*s",
		    STR_ARG(m->signers[i].selector));
	}
	return ERR_OK;
}

static void
keep_octets(struct world *w, enum err result, str octets)
{
	w->result = result;
	w->octets.n = MIN(octets.n, sizeof w->octets.p);
	memcpy(w->octets.p, octets.p == NULL ? "" : octets.p, w->octets.n);
}

static enum err
got_signature(void *ctx, const struct ipc_send_keys_signature *m, int *fd)
{
	keep_octets(ctx, m->result, m->octets);
	return ERR_OK;
}

static enum err
got_tls_signature(void *ctx, const struct ipc_gate_keys_signature *m, int *fd)
{
	keep_octets(ctx, m->result, m->octets);
	return ERR_OK;
}

static enum err
got_done(void *ctx, const struct ipc_adm_keys_done *m, int *fd)
{
	struct world *w = ctx;
	w->result = m->result;
	w->count = m->count;
	return ERR_OK;
}

static enum err
got_page(void *ctx, const struct ipc_adm_keys_page *m, int *fd)
{
	struct world *w = ctx;
	w->more = m->more;
	w->rows_n = 0;
	for (size_t i = 0; i < m->keys_n && i < LEN(w->rows); i++) {
		struct ipc_adm_keys_key *row = &w->rows[w->rows_n++];
		*row = m->keys[i];
		row->domain = arena_dup(w->arena, row->domain);
		row->selector = arena_dup(w->arena, row->selector);
		row->record = arena_dup(w->arena, row->record);
	}
	return ERR_OK;
}

/* Send w->out and take the one answer. */
static void
ask(struct world *w, int end)
{
	static const struct ipc_send_keys_at_send at_send = { .signers_are = got_signers,
		.signature = got_signature };
	static const struct ipc_gate_keys_at_gate at_gate = { .signature = got_tls_signature };
	static const struct ipc_adm_keys_at_admin at_admin = { .done = got_done, .page = got_page };
	int fd = -1;
	w->result = ERR_BUG;
	CHECK_ERR(sys_chan_send_wait(end, &w->out, -1, 0), ERR_OK);
	turn(w);
	CHECK_ERR(sys_chan_recv(end, &w->in, &fd), ERR_OK);
	arena_reset(w->arena);
	str m = buf_view(&w->in);
	enum err e = end == w->send ? ipc_send_keys_send_dispatch(&at_send, w, m, &fd, w->arena)
	    : end == w->gate        ? ipc_gate_keys_gate_dispatch(&at_gate, w, m, &fd, w->arena)
				    : ipc_adm_keys_admin_dispatch(&at_admin, w, m, &fd, w->arena);
	CHECK_ERR(e, ERR_OK);
}

static void
signers(struct world *w, str domain)
{
	struct ipc_send_keys_signers m = { .request = 1, .domain = domain };
	buf_reset(&w->out);
	ipc_send_keys_signers_put(&w->out, &m);
	ask(w, w->send);
}

static enum err
create(struct world *w, str domain, uint8_t algorithms)
{
	struct ipc_adm_keys_create m = { .request = 1, .domain = domain, .algorithms = algorithms };
	buf_reset(&w->out);
	ipc_adm_keys_create_put(&w->out, &m);
	ask(w, w->admin);
	return w->result;
}

static enum err
activate(struct world *w, str domain, str selector)
{
	struct ipc_adm_keys_activate m = { .request = 1, .domain = domain, .selector = selector };
	buf_reset(&w->out);
	ipc_adm_keys_activate_put(&w->out, &m);
	ask(w, w->admin);
	return w->result;
}

static enum err
revoke(struct world *w, str domain, str selector)
{
	struct ipc_adm_keys_revoke m = { .request = 1, .domain = domain, .selector = selector };
	buf_reset(&w->out);
	ipc_adm_keys_revoke_put(&w->out, &m);
	ask(w, w->admin);
	return w->result;
}

static enum err
seen(struct world *w, str domain, str selector, uint32_t ttl_s)
{
	struct ipc_adm_keys_seen m = {
		.request = 1, .domain = domain, .selector = selector, .ttl_s = ttl_s
	};
	buf_reset(&w->out);
	ipc_adm_keys_seen_put(&w->out, &m);
	ask(w, w->admin);
	return w->result;
}

static void
list_after(struct world *w, str domain, uint64_t after)
{
	struct ipc_adm_keys_list m = { .request = 1, .domain = domain, .after = after };
	buf_reset(&w->out);
	ipc_adm_keys_list_put(&w->out, &m);
	ask(w, w->admin);
}

static enum err
sign(struct world *w, str selector, uint8_t algorithm, str digest)
{
	struct ipc_send_keys_sign m = { .request = 1,
		.domain = S("example.org"),
		.selector = selector,
		.algorithm = algorithm,
		.digest = digest };
	buf_reset(&w->out);
	ipc_send_keys_sign_put(&w->out, &m);
	ask(w, w->send);
	return w->result;
}

/* --- checks -------------------------------------------------------------------------------- */

static const char text[] = "what is signed";

static str
digest_of(uint8_t room[32])
{
	CHECK(EVP_Digest(text, sizeof text - 1, room, NULL, EVP_sha256(), NULL) == 1);
	return str_make(room, 32);
}

/* Does the key of the published record verify the signature in w? */
static bool
record_verifies(struct world *w, str record, str digest)
{
	static struct dkim_key public;
	CHECK_ERR(dkim_key_read(record, &public), ERR_OK);
	const unsigned char *der = public.octets;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool rsa = public.type == DKIM_KEY_RSA;
	EVP_PKEY *key = rsa
	    ? d2i_PUBKEY(NULL, &der, (long)public.octets_n)
	    : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public.octets, public.octets_n);
	CHECK(key != NULL);
	CHECK(EVP_DigestVerifyInit(ctx, NULL, rsa ? EVP_sha256() : NULL, NULL, key) == 1);
	bool good = rsa ? EVP_DigestVerify(ctx, w->octets.p, w->octets.n,
			      (const unsigned char *)text, sizeof text - 1) == 1
			: EVP_DigestVerify(ctx, w->octets.p, w->octets.n,
			      (const unsigned char *)digest.p, digest.n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good;
}

static uint8_t
state_of(struct world *w, size_t row)
{
	list_after(w, S(""), 0);
	return row < w->rows_n ? w->rows[row].state : 0;
}

static void
made_published_active(void)
{
	struct world w;
	uint8_t room[32];
	str digest = digest_of(room);
	open_world(&w);
	signers(&w, S("example.org"));
	CHECK_ERR(w.result, ERR_NOTFOUND);
	CHECK_ERR(create(&w, S("Example.ORG"), 3), ERR_OK);
	CHECK_U64(w.count, 2);
	CHECK_ERR(create(&w, S("example.org"), 3), ERR_EXISTS);
	signers(&w, S("example.org"));
	CHECK_ERR(w.result, ERR_NOTFOUND); /* not published yet */
	CHECK_ERR(activate(&w, S("example.org"), S("")), ERR_OK);
	CHECK_U64(w.count, 2);
	restart(&w);
	signers(&w, S("example.org"));
	CHECK_ERR(w.result, ERR_OK);
	CHECK_U64(w.signers, 2);
	CHECK_STR(str_from(w.domain), S("example.org"));
	CHECK(strcmp(w.selector[0], w.selector[1]) != 0);
	list_after(&w, S("example.org"), 0);
	CHECK_U64(w.rows_n, 2);
	for (size_t i = 0; i < 2; i++) {
		char record[SVC_KEYS_RECORD_MAX];
		list_after(&w, S("example.org"), 0);
		CHECK_U64(w.rows[i].state, SVC_KEYS_ACTIVE);
		snprintf(record, sizeof record, "%.*s", STR_ARG(w.rows[i].record));
		CHECK_ERR(sign(&w, str_from(w.selector[i]), w.algorithm[i], digest), ERR_OK);
		CHECK(record_verifies(&w, str_from(record), digest));
		w.octets.p[5] ^= 1;
		CHECK(!record_verifies(&w, str_from(record), digest));
		CHECK_ERR(sign(&w, str_from(w.selector[i]), !w.algorithm[i], digest), ERR_NOTFOUND);
		CHECK_ERR(sign(&w, str_from(w.selector[i]), w.algorithm[i], S("short")),
		    ERR_SYNTAX);
	}
	CHECK_ERR(sign(&w, S("other"), 0, digest), ERR_NOTFOUND);
	CHECK_U64(w.k->count.dkim, 2);
	CHECK_U64(w.k->count.refused, 5);
	close_world(&w);
}

static void
signer_is_the_nearest_above(void)
{
	struct world w;
	open_world(&w);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	CHECK_ERR(create(&w, S("b.example.org"), 2), ERR_OK);
	CHECK_ERR(create(&w, S("c.example.org"), 2), ERR_OK); /* stays next */
	CHECK_ERR(activate(&w, S("example.org"), S("")), ERR_OK);
	CHECK_ERR(activate(&w, S("b.example.org"), S("")), ERR_OK);
	static const struct {
		str from, signer;
	} rows[] = {
		{ S_INIT("example.org"), S_INIT("example.org") },
		{ S_INIT("a.b.example.org"), S_INIT("b.example.org") },
		{ S_INIT("c.example.org"), S_INIT("example.org") },
		{ S_INIT("badexample.org"), S_INIT("") },
		{ S_INIT("org"), S_INIT("") },
		{ S_INIT(""), S_INIT("") },
		{ S_INIT("."), S_INIT("") },
		{ S_INIT("example.org."), S_INIT("") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].from.p;
		signers(&w, rows[i].from);
		CHECK_STR(str_from(w.domain), rows[i].signer);
		CHECK_ERR(w.result, rows[i].signer.n > 0 ? ERR_OK : ERR_NOTFOUND);
	}
	test_case = NULL;
	close_world(&w);
}

static void
rotation_takes_two_steps(void)
{
	struct world w;
	uint8_t room[32];
	str digest = digest_of(room);
	char old[64];
	open_world(&w);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	CHECK_ERR(activate(&w, S("example.org"), S("")), ERR_OK);
	signers(&w, S("example.org"));
	memcpy(old, w.selector[0], sizeof old);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	signers(&w, S("example.org"));
	CHECK_U64(w.signers, 1);
	CHECK_STR(str_from(w.selector[0]), str_from(old)); /* the old one signs on */
	CHECK_ERR(activate(&w, S("example.org"), S("")), ERR_OK);
	signers(&w, S("example.org"));
	CHECK_U64(w.signers, 1);
	CHECK(strcmp(w.selector[0], old) != 0);
	CHECK_U64(state_of(&w, 0), SVC_KEYS_RETIRING);
	CHECK_U64(w.rows[0].due_s - w.rows[0].changed_s, 7 * 86400);
	CHECK_ERR(sign(&w, str_from(old), DKIM_ED25519_SHA256, digest), ERR_OK); /* asked earlier */
	svc_keys_table_check(w.k, sys_clock_wall_s() + 7 * 86400 - 100);
	CHECK_U64(state_of(&w, 0), SVC_KEYS_RETIRING);
	svc_keys_table_check(w.k, sys_clock_wall_s() + 7 * 86400 + 1);
	CHECK_U64(state_of(&w, 0), SVC_KEYS_REVOKED);
	CHECK_STR(w.rows[0].record, S("v=DKIM1; k=ed25519; p="));
	CHECK_ERR(sign(&w, str_from(old), DKIM_ED25519_SHA256, digest), ERR_NOTFOUND);
	CHECK_ERR(activate(&w, S("example.org"), str_from(old)), ERR_BADSTATE);
	restart(&w);
	CHECK_U64(state_of(&w, 0), SVC_KEYS_REVOKED);
	CHECK_U64(w.rows_n, 2);
	svc_keys_table_check(w.k, sys_clock_wall_s() + SVC_KEYS_REVOKED_S + 1);
	CHECK_U64(state_of(&w, 0), SVC_KEYS_ACTIVE);
	CHECK_U64(w.rows_n, 1);
	close_world(&w);
}

static void
a_retiring_key_can_be_taken_back(void)
{
	struct world w;
	char old[64];
	open_world(&w);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	CHECK_ERR(activate(&w, S("example.org"), S("")), ERR_OK);
	signers(&w, S("example.org"));
	memcpy(old, w.selector[0], sizeof old);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	CHECK_ERR(activate(&w, S("example.org"), S("")), ERR_OK);
	CHECK_ERR(activate(&w, S("example.org"), str_from(old)), ERR_OK);
	signers(&w, S("example.org"));
	CHECK_STR(str_from(w.selector[0]), str_from(old));
	CHECK_U64(w.signers, 1);
	CHECK_U64(state_of(&w, 1), SVC_KEYS_RETIRING);
	CHECK_ERR(activate(&w, S("example.org"), S("nobody")), ERR_NOTFOUND);
	CHECK_ERR(activate(&w, S("example.net"), S("")), ERR_NOTFOUND);
	close_world(&w);
}

static void
seen_in_dns_then_active(void)
{
	struct world w;
	char next[64];
	int64_t now = sys_clock_wall_s();
	open_world(&w);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	list_after(&w, S(""), 0);
	snprintf(next, sizeof next, "%.*s", STR_ARG(w.rows[0].selector));
	CHECK_U64(w.rows[0].due_s, 0);
	CHECK_ERR(seen(&w, S("example.org"), S("nobody"), 60), ERR_NOTFOUND);
	CHECK_ERR(seen(&w, S("example.org"), str_from(next), 86400), ERR_OK);
	CHECK_ERR(seen(&w, S("example.org"), str_from(next), 60), ERR_OK); /* changes nothing */
	restart(&w);
	CHECK_U64(state_of(&w, 0), SVC_KEYS_NEXT);
	CHECK(w.rows[0].due_s >= now + 86400 && w.rows[0].due_s <= now + 86400 + 600);
	svc_keys_table_check(w.k, now + 86000);
	CHECK_U64(state_of(&w, 0), SVC_KEYS_NEXT);
	svc_keys_table_check(w.k, now + 87400);
	CHECK_U64(state_of(&w, 0), SVC_KEYS_ACTIVE);
	CHECK_ERR(seen(&w, S("example.org"), str_from(next), 60), ERR_BADSTATE);
	close_world(&w);
}

static void
revoked_at_once(void)
{
	struct world w;
	struct buf file;
	open_world(&w);
	buf_init(&file, SVC_KEYS_FILE_MAX);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	CHECK_ERR(activate(&w, S("example.org"), S("")), ERR_OK);
	signers(&w, S("example.org"));
	CHECK_ERR(sys_file_load(w.k->folder, S("0000000001.key"), &file), ERR_OK);
	CHECK(str_find(buf_view(&file), S("PRIVATE KEY")) > 0);
	CHECK_ERR(revoke(&w, S("example.org"), str_from(w.selector[0])), ERR_OK);
	buf_reset(&file);
	CHECK_ERR(sys_file_load(w.k->folder, S("0000000001.key"), &file), ERR_OK);
	CHECK(str_find(buf_view(&file), S("PRIVATE KEY")) < 0);
	CHECK_ERR(revoke(&w, S("example.org"), str_from(w.selector[0])), ERR_BADSTATE);
	CHECK_ERR(revoke(&w, S("example.org"), S("x")), ERR_NOTFOUND);
	signers(&w, S("example.org"));
	CHECK_ERR(w.result, ERR_NOTFOUND);
	buf_done(&file);
	close_world(&w);
}

static void
refuses_what_is_no_domain(void)
{
	static const str bad[] = { S_INIT(""), S_INIT("[192.0.2.1]"), S_INIT("a b"), S_INIT("-"),
		S_INIT("a..b"), S_INIT("x/../y") };
	struct world w;
	open_world(&w);
	for (size_t i = 0; i < LEN(bad); i++) {
		test_case = bad[i].p;
		CHECK(create(&w, bad[i], 2) != ERR_OK);
		CHECK_U64(w.count, 0);
	}
	test_case = NULL;
	list_after(&w, S(""), 0);
	CHECK_U64(w.rows_n, 0);
	close_world(&w);
}

/* Two active keys are what a crash in the middle of an activation leaves behind. */
static void
crash_between_two_files(void)
{
	struct world w;
	struct buf file;
	open_world(&w);
	buf_init(&file, SVC_KEYS_FILE_MAX);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	CHECK_ERR(activate(&w, S("example.org"), S("")), ERR_OK);
	CHECK_ERR(sys_file_load(w.k->folder, S("0000000001.key"), &file), ERR_OK);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	CHECK_ERR(activate(&w, S("example.org"), S("")), ERR_OK);
	CHECK_ERR(sys_file_replace(w.k->folder, S("0000000001.key"), buf_view(&file)), ERR_OK);
	CHECK_ERR(sys_file_replace(w.k->folder, S("0000000003.key.new"), S("half")), ERR_OK);
	restart(&w);
	CHECK_U64(state_of(&w, 0), SVC_KEYS_RETIRING);
	CHECK_U64(state_of(&w, 1), SVC_KEYS_ACTIVE);
	CHECK_U64(w.k->bad_files, 0);
	buf_done(&file);
	close_world(&w);
}

/* Cut anywhere and with any line wrong, a file is refused or says the same; the others serve. */
static void
damaged_files_cost_themselves(void)
{
	struct world w;
	struct buf file, copy;
	open_world(&w);
	buf_init(&file, SVC_KEYS_FILE_MAX);
	buf_init(&copy, SVC_KEYS_FILE_MAX);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	CHECK_ERR(create(&w, S("example.net"), 2), ERR_OK);
	CHECK_ERR(activate(&w, S("example.net"), S("")), ERR_OK);
	CHECK_ERR(sys_file_load(w.k->folder, S("0000000001.key"), &file), ERR_OK);
	for (size_t n = 0; n < file.n - 1; n++) {
		struct svc_keys_key key;
		enum err e = svc_keys_file_get(str_make(file.p, n), &key);
		CHECK(e == ERR_SYNTAX || e == ERR_VERSION);
	}
	for (size_t at = 0; at < 200; at++) {
		struct svc_keys_key key = { 0 };
		buf_reset(&copy);
		buf_str(&copy, buf_view(&file));
		copy.p[at] = copy.p[at] == '\n' ? ' ' : '\n';
		CHECK(svc_keys_file_get(buf_view(&copy), &key) != ERR_OK);
	}
	CHECK_ERR(sys_file_replace(w.k->folder, S("0000000001.key"), S("Postern DKIM key 2\n")),
	    ERR_OK);
	restart(&w);
	CHECK_U64(w.k->bad_files, 1);
	list_after(&w, S(""), 0);
	CHECK_U64(w.rows_n, 1);
	signers(&w, S("example.net"));
	CHECK_ERR(w.result, ERR_OK);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	CHECK_ERR(sys_file_load(w.k->folder, S("0000000003.key"), &file), ERR_OK); /* not over 1 */
	buf_done(&file);
	buf_done(&copy);
	close_world(&w);
}

/* Nothing is answered before it is written; a disk that fails changes nothing. */
static void
pages_and_ceilings(void)
{
	struct world w;
	char name[64];
	open_world(&w);
	for (unsigned i = 0; i < SVC_KEYS_PAGE + 5; i++) {
		snprintf(name, sizeof name, "d%u.example", i);
		CHECK_ERR(create(&w, str_from(name), 2), ERR_OK);
	}
	list_after(&w, S(""), 0);
	CHECK_U64(w.rows_n, SVC_KEYS_PAGE);
	CHECK(w.more);
	list_after(&w, S(""), w.rows[SVC_KEYS_PAGE - 1].serial);
	CHECK_U64(w.rows_n, 5);
	CHECK(!w.more);
	list_after(&w, S("d7.example"), 0);
	CHECK_U64(w.rows_n, 1);
	for (unsigned i = 0; i < 26; i++) {
		CHECK_ERR(create(&w, S("many.example"), 2), ERR_OK);
		CHECK_ERR(activate(&w, S("many.example"), S("")), ERR_OK);
	}
	CHECK_ERR(create(&w, S("many.example"), 2), ERR_TOOMANY); /* of one day */
	close_world(&w);
}

static void
written_before_answered(void)
{
	struct world w;
	open_world(&w);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	int folder = w.k->folder;
	w.k->folder = -1; /* every write fails */
	CHECK(activate(&w, S("example.org"), S("")) != ERR_OK);
	CHECK(create(&w, S("example.net"), 2) != ERR_OK);
	list_after(&w, S(""), 0);
	CHECK_U64(w.rows_n, 1);
	CHECK(revoke(&w, S("example.org"), w.rows[0].selector) != ERR_OK);
	CHECK(seen(&w, S("example.org"), S("nobody"), 1) != ERR_OK);
	w.k->folder = folder;
	CHECK_U64(state_of(&w, 0), SVC_KEYS_NEXT);
	CHECK_U64(w.k->keys_n, 1);
	close_world(&w);
}

/* A certificate's key over the channel of a gate; the rest is in tls_test.c. */
static void
signs_for_gates(void)
{
	struct world w;
	uint8_t room[32], id[32];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	open_world(&w);
	struct ipc_gate_keys_sign m = { .request = 1,
		.key = str_make(id, sizeof id),
		.scheme = 0x0403,
		.digest = digest_of(room) };
	CHECK_ERR(svc_keys_crypto_id(key, id), ERR_OK);
	buf_reset(&w.out);
	ipc_gate_keys_sign_put(&w.out, &m);
	ask(&w, w.gate);
	CHECK_ERR(w.result, ERR_NOTFOUND);
	CHECK_U64(w.octets.n, 0);
	w.k->tls.now[3].key = key;
	memcpy(w.k->tls.now[3].id, id, sizeof id);
	ask(&w, w.gate);
	CHECK_ERR(w.result, ERR_OK);
	CHECK(w.octets.n >= 60 && w.octets.n <= 72);
	CHECK_U64(w.k->count.tls, 1);
	CHECK_U64(w.k->count.refused, 1);
	close_world(&w);
}

/* A malformed message closes that channel, and only that. */
static void
nonsense_closes_its_channel(void)
{
	struct world w;
	int fd = -1;
	open_world(&w);
	buf_reset(&w.out);
	buf_cstr(&w.out, "\x63\x63nonsense");
	CHECK_ERR(sys_chan_send_wait(w.send, &w.out, -1, 0), ERR_OK);
	turn(&w);
	CHECK_ERR(sys_chan_recv(w.send, &w.in, &fd), ERR_EOF);
	CHECK_ERR(create(&w, S("example.org"), 2), ERR_OK);
	close_world(&w);
}

TEST_MAIN(made_published_active, signer_is_the_nearest_above, rotation_takes_two_steps,
    a_retiring_key_can_be_taken_back, seen_in_dns_then_active, revoked_at_once,
    refuses_what_is_no_domain, crash_between_two_files, damaged_files_cost_themselves,
    pages_and_ceilings, written_before_answered, signs_for_gates, nonsense_closes_its_channel)
