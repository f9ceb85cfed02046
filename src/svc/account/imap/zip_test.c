/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COMPRESS=DEFLATE (RFC 4978): a client with its own two streams talks to a session whose octets
 * are compressed; every answer can be read as soon as it is there.
 */
#include "svc/account/imap/trial.h"

#include "base/mem.h"
#include "base/test.h"
#include "ipc/accounts_account.h"
#include "proto/compress/compress.h"
#include "svc/account/imap/leave.h"
#include "sys/chan.h"
#include "sys/sock.h"
#include "sys/sys.h"

enum { PIECE = 65536, BIG = 1 << 20 };

struct fixture {
	struct store_conf conf;
	struct svc_account_imap_trial t;
	struct compress *streams; /* of the client */
	struct buf wire, got;
};

static void
setup(struct fixture *f, const char *name)
{
	*f = (struct fixture){ .conf = svc_account_imap_trial_account(name) };
	svc_account_imap_trial_begin(&f->t, &f->conf);
	CHECK_ERR(compress_new(&f->streams), ERR_OK);
	buf_init(&f->wire, 8u << 20);
	buf_init(&f->got, 8u << 20);
}

static void
teardown(struct fixture *f)
{
	compress_free(&f->streams);
	buf_done(&f->wire);
	buf_done(&f->got);
	svc_account_imap_trial_end(&f->t);
	svc_account_imap_trial_remove(&f->conf);
}

/* What the session wrote since the last time, as the client reads it. */
static str
receive(struct fixture *f)
{
	buf_reset(&f->wire);
	buf_reset(&f->got);
	size_t n, used, before;
	char *room = buf_room(&f->wire, BIG);
	while (room != NULL && sys_sock_read(f->t.client, room, BIG, &n) == ERR_OK) {
		buf_grow(&f->wire, n);
		room = buf_room(&f->wire, BIG);
	}
	str in = buf_view(&f->wire);
	do {
		before = f->got.n;
		CHECK_ERR(compress_get(f->streams, in, &f->got, PIECE, &used), ERR_OK);
		in = str_from_off(in, used);
	} while (in.n > 0 || f->got.n - before == PIECE);
	return buf_view(&f->got);
}

/* Send a piece of octets at a time; then flush as the session does before it waits. */
static str
say(struct fixture *f, str octets, size_t step)
{
	struct buf out;
	buf_init(&out, 8u << 20);
	CHECK_ERR(compress_put(f->streams, octets, COMPRESS_FLUSH, &out), ERR_OK);
	for (size_t at = 0; at < out.n; at += step) {
		svc_account_imap_take(&f->t.session, str_sub(buf_view(&out), at, step));
	}
	svc_account_imap_flush(&f->t.session);
	buf_done(&out);
	return receive(f);
}

static void
turns_on(struct fixture *f)
{
	svc_account_imap_trial_turn(&f->t, "c compress deflate", "c OK COMPRESS done\n");
}

static void
talks(void)
{
	struct fixture f;
	setup(&f, "zip");
	svc_account_imap_trial_append(&f.t, "INBOX", "()", "Subject: a\n\nb\n");
	turns_on(&f);
	for (size_t step = 1; step < 40; step += 13) {
		svc_account_imap_trial_like(say(&f, S("a NOOP\r\nb STATUS INBOX (MESSAGES)\r\n"),
						step),
		    "a OK NOOP done\n* STATUS INBOX (MESSAGES 1)\nb OK STATUS done\n");
	}
	svc_account_imap_trial_like(say(&f, S("a COMPRESS DEFLATE\r\n"), PIECE),
	    "a BAD [COMPRESSIONACTIVE] compression is on already\n");
	CHECK(!f.t.session.quit);
	svc_account_imap_trial_like(say(&f, S("a LOGOUT\r\n"), PIECE),
	    "* BYE logging out\na OK LOGOUT done\n");
	teardown(&f);
}

/* News in IDLE can be read at once, and an empty flush writes nothing. */
static void
idles(void)
{
	struct fixture f;
	struct svc_account_imap_trial other;
	setup(&f, "zip-idle");
	turns_on(&f);
	CHECK(str_ends(say(&f, S("a SELECT INBOX\r\n"), PIECE), S("SELECT done\r\n")));
	svc_account_imap_trial_like(say(&f, S("b IDLE\r\n"), PIECE), "+ idling\n");
	svc_account_imap_flush(&f.t.session);
	(void)receive(&f);
	CHECK_U64(f.wire.n, 0);
	svc_account_imap_trial_begin(&other, &f.conf);
	svc_account_imap_trial_append(&other, "INBOX", "()", "Subject: a\n\nb\n");
	f.t.session.dirty = true;
	svc_account_imap_take_news(&f.t.session);
	svc_account_imap_flush(&f.t.session);
	svc_account_imap_trial_like(receive(&f), "* 1 EXISTS\n");
	svc_account_imap_trial_like(say(&f, S("DONE\r\n"), PIECE), "b OK IDLE done\n");
	svc_account_imap_trial_end(&other);
	teardown(&f);
}

/* Literals larger than any buffer, both ways; octets that do not compress. */
static void
large_literals(void)
{
	enum { N = 90000 };
	struct fixture f;
	struct buf b;
	uint64_t x = 1;
	setup(&f, "zip-large");
	buf_init(&b, 1u << 20);
	turns_on(&f);
	buf_printf(&b, "a APPEND INBOX ~{%d+}\r\nX: y\r\n\r\n", N);
	for (size_t start = b.n - 8; b.n < start + N;) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		buf_ch(&b, (char)(x >> 56));
	}
	str body = str_from_off(buf_view(&b), b.n - N);
	struct buf copy;
	buf_init(&copy, 1u << 20);
	buf_str(&copy, body);
	buf_cstr(&b, "\r\n");
	svc_account_imap_trial_like(say(&f, buf_view(&b), 1000),
	    "a OK [APPENDUID # #] APPEND done\n");
	CHECK(str_ends(say(&f, S("a SELECT INBOX\r\n"), PIECE), S("SELECT done\r\n")));
	str got = say(&f, S("a FETCH 1 (BINARY.PEEK[] RFC822.SIZE BINARY.PEEK[])\r\n"), PIECE);
	ptrdiff_t at = str_find(got, buf_view(&copy));
	CHECK(at > 0);
	CHECK(str_find(str_from_off(got, (size_t)at + N), buf_view(&copy)) > 0);
	CHECK(str_ends(got, S(")\r\na OK FETCH done\r\n")));
	buf_done(&copy);
	buf_done(&b);
	teardown(&f);
}

/* A few octets that grow to commands without end, or to a message without end. */
static void
bombs(void)
{
	struct fixture f;
	struct buf b;
	setup(&f, "zip-bomb");
	turns_on(&f);
	size_t n = SVC_ACCOUNT_IMAP_ZIP_COMMANDS_MAX + 4 * PIECE;
	char *spaces = mem_zalloc(1, n);
	memset(spaces, ' ', n);
	str got = say(&f, str_make(spaces, n), PIECE);
	CHECK(f.t.session.quit);
	CHECK_ERR(f.t.session.end, ERR_TOOBIG);
	CHECK(got.n < 1000);
	teardown(&f);
	setup(&f, "zip-bomb2");
	turns_on(&f);
	buf_init(&b, 8u << 20);
	buf_cstr(&b, "a APPEND INBOX {99999}\r\n");
	CHECK_STR(say(&f, buf_view(&b), PIECE), S("+ send it\r\n"));
	got = say(&f, str_make(spaces, n), PIECE);
	CHECK_ERR(f.t.session.end, ERR_TOOBIG);
	CHECK(f.t.session.quit);
	buf_done(&b);
	mem_drop(spaces);
	teardown(&f);
}

/* The octets that the session gives back with its stream, and those it left in it. */
static enum err
on_leave(void *ctx, const struct ipc_accounts_account_leave *m, int *fd)
{
	struct fixture *f = ctx;
	size_t n = 0;
	char room[64];
	buf_reset(&f->got);
	buf_str(&f->got, m->unread);
	if (sys_sock_read(*fd, room, sizeof room, &n) == ERR_OK) {
		buf_add(&f->got, room, n);
	}
	CHECK_STR(buf_view(&f->got), S("b LOGIN u p\r\n"));
	return ERR_OK;
}

static void
check_left(struct fixture *f)
{
	static const struct ipc_accounts_account_at_accounts handlers = { .leave = on_leave };
	struct buf in;
	int fd = -1;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	CHECK_ERR(sys_chan_recv(f->t.accounts, &in, &fd), ERR_OK);
	CHECK_ERR(ipc_accounts_account_accounts_dispatch(&handlers, f, buf_view(&in), &fd,
		      f->t.session.work),
	    ERR_OK);
	sys_close(&fd);
	buf_done(&in);
}

/* RFC 8437 4.1: plain octets right behind a compressed UNAUTHENTICATE, however they are cut. */
static void
leaves_at(str wire, size_t cut, size_t late)
{
	struct fixture f;
	size_t used = 0;
	setup(&f, "zip-leave");
	f.t.account.alone = false;
	turns_on(&f);
	svc_account_imap_take(&f.t.session, str_sub(wire, 0, cut));
	if (f.t.session.quit) { /* what comes later, it reads itself */
		CHECK_ERR(sys_sock_write(f.t.client, str_from_off(wire, cut), &used), ERR_OK);
	} else {
		svc_account_imap_take(&f.t.session, str_sub(wire, cut, late));
		CHECK_ERR(sys_sock_write(f.t.client, str_from_off(wire, cut + late), &used),
		    ERR_OK);
	}
	CHECK(f.t.session.leaving);
	svc_account_imap_flush(&f.t.session);
	svc_account_imap_leave(&f.t.session);
	CHECK_ERR(f.t.session.end, ERR_OK);
	check_left(&f);
	svc_account_imap_trial_like(receive(&f), "a OK UNAUTHENTICATE done\n");
	CHECK(compress_ended(f.streams)); /* ours says so itself */
	teardown(&f);
}

static void
leaves(void)
{
	static const enum compress_how hows[] = { COMPRESS_FLUSH, COMPRESS_END };
	for (size_t i = 0; i < LEN(hows); i++) {
		struct compress *c = NULL;
		struct buf wire;
		buf_init(&wire, 65536);
		CHECK_ERR(compress_new(&c), ERR_OK);
		CHECK_ERR(compress_put(c, S("a UNAUTHENTICATE\r\n"), hows[i], &wire), ERR_OK);
		size_t n = wire.n;
		buf_cstr(&wire, "b LOGIN u p\r\n");
		for (size_t cut = 0; cut <= wire.n; cut++) {
			leaves_at(buf_view(&wire), cut, wire.n);
		}
		for (size_t late = 0; late + 5 <= n; late++) { /* the end comes in a third piece */
			leaves_at(buf_view(&wire), late, n - late);
		}
		compress_free(&c);
		buf_done(&wire);
	}
}

static void
stays_one(enum compress_how how, size_t step)
{
	struct fixture f;
	struct buf wire;
	setup(&f, "zip-stays");
	f.t.account.alone = false;
	turns_on(&f);
	buf_init(&wire, 65536);
	CHECK_ERR(compress_put(f.streams, S("a UNAUTHENTICATE\r\nb LOGIN u p\r\n"), how, &wire),
	    ERR_OK);
	for (size_t at = 0; at < wire.n; at += step) {
		svc_account_imap_take(&f.t.session, str_sub(buf_view(&wire), at, step));
	}
	CHECK(!f.t.session.leaving);
	CHECK_ERR(f.t.session.end, ERR_PROTOCOL);
	CHECK(f.t.session.bye != NULL);
	buf_done(&wire);
	teardown(&f);
}

/* Commands behind UNAUTHENTICATE in the compressed stream. */
static void
stays(void)
{
	static const enum compress_how hows[] = { COMPRESS_FLUSH, COMPRESS_END };
	for (size_t i = 0; i < LEN(hows); i++) {
		for (size_t cut = 1; cut < 30; cut += 7) {
			stays_one(hows[i], cut);
		}
	}
	struct fixture f; /* a final block, and nobody has left */
	setup(&f, "zip-over");
	turns_on(&f);
	svc_account_imap_take(&f.t.session, S("\x03\x00"));
	CHECK(f.t.session.quit);
	CHECK_ERR(f.t.session.end, ERR_PROTOCOL);
	teardown(&f);
}

static void
damaged(void)
{
	struct fixture f;
	setup(&f, "zip-damaged");
	turns_on(&f);
	svc_account_imap_take(&f.t.session, S("a NOOP\r\n"));
	CHECK(f.t.session.quit);
	CHECK_ERR(f.t.session.end, ERR_PROTOCOL);
	teardown(&f);
	setup(&f, "zip-behind");
	svc_account_imap_take(&f.t.session, S("c COMPRESS DEFLATE\r\na DELETE Drafts\r\n"));
	CHECK(f.t.session.quit);
	CHECK_ERR(f.t.session.end, ERR_PROTOCOL);
	teardown(&f);
	setup(&f, "zip-unknown");
	svc_account_imap_trial_turn(&f.t, "c COMPRESS LZ4", "c BAD syntax error\n");
	svc_account_imap_trial_turn(&f.t, "c NOOP", "c OK NOOP done\n");
	teardown(&f);
}

TEST_MAIN(talks, idles, large_literals, bombs, leaves, stays, damaged)
