/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sign files the way the server signs letters: send's sign.c asks svc/keys over a real channel, in
 * one process.
 *
 *	sign_mail STATE DOMAIN IN OUT
 *
 * Makes an RSA and an Ed25519 key of DOMAIN in the folder STATE, writes "NAME TAB RECORD" lines of
 * their DNS records to standard output, and every file of IN with its signatures above it to OUT.
 */
#include "base/mem.h"
#include "proto/dkim/key.h"
#include "svc/keys/keys.h"
#include "svc/send/send.h"
#include "svc/send/sign.h"
#include "sys/file.h"
#include "sys/sys.h"

enum {
	FILE_MAX = 32 << 20,
	TURNS_MAX = 1000,
	BOTH = 1 << DKIM_RSA_SHA256 | 1 << DKIM_ED25519_SHA256
};

static struct {
	struct svc_common sc, send_sc; /* two processes on one loop */
	struct conf conf;
	struct svc_keys keys;
	struct svc_send send;
	int in, out;
	str name; /* the file at hand */
	uint64_t entry;
	bool answered, good;
} t;

void
svc_send_signed(struct svc_send_letter *l, str fields)
{
	struct buf all;
	buf_init(&all, 2 * (size_t)FILE_MAX);
	buf_str(&all, fields);
	buf_str(&all, l->body);
	t.answered = true;
	t.good = fields.n > 0 && buf_err(&all) == ERR_OK &&
	    sys_file_replace(t.out, t.name, buf_view(&all)) == ERR_OK;
	buf_done(&all);
}

void
svc_send_unsignable(struct svc_send_letter *l)
{
	t.answered = true;
	t.good = false;
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	return svc_send_on_keys(&t.send.keys, datagram, fd);
}

static void
on_closed(void *ctx, enum err why)
{
	sys_chan_free(&t.send.keys.chan);
	svc_send_keys_gone(&t.send);
}

static enum err
sign_file(void *ctx, str name)
{
	struct svc_send_letter l = { .server = &t.send, .entry = ++t.entry };
	struct buf body;
	buf_init(&body, FILE_MAX);
	TRY(sys_file_load(t.in, name, &body));
	l.arena = arena_new(NULL, "letter", 1 << 16, 0);
	l.body = buf_view(&body);
	t.name = name;
	t.answered = t.good = false;
	svc_send_sign(&l);
	for (int i = 0; i < TURNS_MAX && !t.answered; i++) {
		TRY(sys_loop_turn(t.sc.loop, 1000));
	}
	if (!t.good) {
		fprintf(stderr, "%.*s: not signed\n", STR_ARG(name));
		svc_send_sign_forget(&l);
	}
	arena_free(&l.arena);
	buf_done(&body);
	return ERR_OK;
}

static enum err
connect_both(void)
{
	struct sys_chan_handler h = {
		.on_message = on_message, .on_closed = on_closed, .ctx = &t.send.keys
	};
	int pair[2];
	TRY(sys_chan_pair(pair));
	TRY(svc_common_wire(&t.sc, S("send_keys"), 0, pair[0]));
	return sys_chan_new(t.sc.loop, pair[1], &h, &t.send.keys.chan);
}

static enum err
begin(char **argv)
{
	int folder = -1;
	size_t n;
	TRY(sys_loop_new(&t.sc.loop));
	t.sc.conf = &t.conf;
	t.sc.service = &svc_keys_service;
	t.sc.ctx = &t.keys;
	t.sc.arena = arena_new(NULL, "process", 64 << 20, 0);
	t.conf = (struct conf){ .dkim_keep = 86400000 };
	TRY(sys_dir_open(SYS_CWD, str_from(argv[1]), &folder));
	TRY(sys_dir_open(SYS_CWD, str_from(argv[3]), &t.in));
	TRY(sys_dir_open(SYS_CWD, str_from(argv[4]), &t.out));
	buf_init(&t.keys.out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&t.send.out, SYS_CHAN_MESSAGE_MAX);
	t.keys.scratch = arena_new(t.sc.arena, "message", 1 << 20, 0);
	t.send.scratch = arena_new(t.sc.arena, "message", 1 << 20, 0);
	t.send.sc = t.send.keys.sc = &t.send_sc;
	t.send_sc = t.sc;
	t.send_sc.ctx = &t.send;
	TRY(svc_keys_table_init(&t.keys, &t.sc, folder));
	TRY(svc_keys_table_create(&t.keys, str_from(argv[2]), BOTH, &n));
	TRY(svc_keys_table_activate(&t.keys, str_from(argv[2]), STR_NONE, &n));
	TRY(svc_send_sign_init(&t.send));
	return connect_both();
}

static enum err
print_records(void)
{
	LIST_EACH(it, &t.keys.keys) {
		const struct svc_keys_key *key = LIST_ENTRY(it, struct svc_keys_key, node);
		struct buf public, record;
		buf_init(&public, SVC_KEYS_RECORD_MAX);
		buf_init(&record, SVC_KEYS_RECORD_MAX);
		TRY(svc_keys_crypto_public(key->pkey, &public));
		dkim_key_write(&record,
		    key->algorithm == DKIM_RSA_SHA256 ? DKIM_KEY_RSA : DKIM_KEY_ED25519,
		    buf_view(&public));
		TRY(buf_err(&record));
		printf("%s._domainkey.%s\t%.*s\n", key->selector, key->domain,
		    STR_ARG(buf_view(&record)));
		buf_done(&public);
		buf_done(&record);
	}
	return ERR_OK;
}

static void
end(void)
{
	sys_chan_free(&t.send.keys.chan);
	svc_send_sign_done(&t.send);
	svc_common_links_close(&t.sc);
	svc_keys_table_done(&t.keys);
	buf_done(&t.keys.out);
	buf_done(&t.send.out);
	sys_loop_free(&t.sc.loop);
	arena_free(&t.sc.arena);
	sys_close(&t.in);
	sys_close(&t.out);
}

int
main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: sign_mail STATE DOMAIN IN OUT\n");
		return 2;
	}
	enum err e = begin(argv);
	if (e == ERR_OK) {
		e = print_records();
	}
	if (e == ERR_OK) {
		e = sys_dir_list(t.in, sign_file, NULL);
	}
	if (e != ERR_OK) {
		fprintf(stderr, "sign_mail: %s\n", err_text(e));
		return 1;
	}
	end();
	return 0;
}
