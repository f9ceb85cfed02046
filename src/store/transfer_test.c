/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of one account and into another, as mbox and as Maildir, must give the same mail. The mbox
 * reader at every split point; names of files; what other programs write.
 */
#include "base/codec.h"
#include "base/test.h"
#include "store/limits.h"
#include "store/transfer.h"
#include "store/transfer_priv.h"
#include "store/trial.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <unistd.h>

/* ---- names -------------------------------------------------------------------------------- */

static void
file_names(void)
{
	static const struct {
		str level, also, want;
	} cases[] = {
		{ S_INIT("plain"), S_INIT(""), S_INIT("plain") },
		{ S_INIT(".."), S_INIT(""), S_INIT("%2E.") },
		{ S_INIT("a/b%c"), S_INIT(""), S_INIT("a%2Fb%25c") },
		{ S_INIT("v1.0"), S_INIT("."), S_INIT("v1%2E0") },
		{ S_INIT("Entw\xc3\xbcrfe"), S_INIT(""), S_INIT("Entw\xc3\xbcrfe") },
		{ S_INIT("a\x01\x7f"), S_INIT(""), S_INIT("a%01%7F") },
	};
	char one[100], two[100];
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b, d;
		buf_init_fixed(&b, one, sizeof one);
		buf_init_fixed(&d, two, sizeof two);
		store_file_encode(&b, cases[i].level, cases[i].also);
		CHECK_STR(buf_view(&b), cases[i].want);
		store_file_decode(&d, buf_view(&b));
		CHECK_STR(buf_view(&d), cases[i].level);
	}
	struct buf d;
	buf_init_fixed(&d, two, sizeof two);
	store_file_decode(&d, S("100%, %zz %4"));
	CHECK_STR(buf_view(&d), S("100%, %zz %4"));
}

static void
utf7_names(void)
{
	static const struct {
		const char *in, *want; /* NULL: refused */
	} cases[] = {
		{ "Trash", "Trash" },
		{ "Entw&APw-rfe", "Entw\xc3\xbcrfe" },
		{ "a&-b", "a&b" },
		{ "&U,BTFw-", "\xe5\x8f\xb0\xe5\x8c\x97" },
		{ "&2D3cKQ-", "\xf0\x9f\x90\xa9" },
		{ "&", NULL },
		{ "&APw", NULL },
		{ "&AP*-", NULL },
		{ "&2D0-", NULL },
		{ "&3Ck-", NULL },
	};
	char storage[100];
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b;
		test_case = cases[i].in;
		buf_init_fixed(&b, storage, sizeof storage);
		enum err e = store_utf7_decode(&b, str_from(cases[i].in));
		CHECK_ERR(e, cases[i].want == NULL ? ERR_SYNTAX : ERR_OK);
		if (cases[i].want != NULL) {
			CHECK_STR(buf_view(&b), str_from(cases[i].want));
		}
	}
	test_case = NULL;
}

/* ---- the mbox reader ---------------------------------------------------------------------- */

static enum err
note_letter(void *ctx, struct store_letter_in *in)
{
	struct buf *out = ctx;
	buf_printf(out, "[%lld%s|", (long long)(in->date_s == INT64_MIN ? -1 : in->date_s),
	    in->too_big ? " too big" : "");
	for (size_t i = 0; i < in->text.n; i++) {
		char c = in->text.p[i];
		buf_cstr(out, c == '\r' ? "\\r" : c == '\n' ? "\\n" : "");
		buf_add(out, &c, c != '\r' && c != '\n');
	}
	buf_cstr(out, "]");
	return ERR_OK;
}

static const struct {
	const char *name, *in, *want; /* NULL: SYNTAX */
} mboxes[] = {
	{ "empty", "", "" },
	{ "empty lines", "\n\n", "" },
	{ "no mbox", "Subject: x\n\n", NULL },
	{ "one", "From a Thu Jan  1 00:00:05 1970\na: b\n\nbody\n\n",
	    "[5|a: b\\r\\n\\r\\nbody\\r\\n]" },
	{ "crlf", "From a Thu Jan  1 00:00:05 1970\r\na: b\r\n\r\nbody\r\n\r\n",
	    "[5|a: b\\r\\n\\r\\nbody\\r\\n]" },
	{ "no end", "From a\na: b\n\nbody", "[-1|a: b\\r\\n\\r\\nbody\\r\\n]" },
	{ "two", "From a\nx\n\nFrom b Fri Jan  2 00:00 UTC 1970\ny\n",
	    "[-1|x\\r\\n][86400|y\\r\\n]" },
	{ "quoted", "From a\n\n>From x\n>>From y\n>Fro\n> From\n\n",
	    "[-1|\\r\\nFrom x\\r\\n>From y\\r\\n>Fro\\r\\n> From\\r\\n]" },
	{ "From in a paragraph", "From a\n\nx\nFrom here on\n\n",
	    "[-1|\\r\\nx\\r\\nFrom here on\\r\\n]" },
	{ "empty lines kept", "From a\n\n\n\nx\n\n\n\nFrom b\ny\n",
	    "[-1|\\r\\n\\r\\n\\r\\nx\\r\\n\\r\\n\\r\\n][-1|y\\r\\n]" },
	{ "bare cr", "From a\nx\ry\r\r\n\n", "[-1|x\\ry\\r\\r\\n]" },
	{ "empty letter", "From a\n\nFrom b\n\n", "[-1|][-1|]" },
};

static void
mbox_at_every_split(void)
{
	for (size_t i = 0; i < LEN(mboxes); i++) {
		str in = str_from(mboxes[i].in);
		test_case = mboxes[i].name;
		for (size_t cut = 0; cut <= in.n; cut++) {
			struct store_mbox_reader r;
			struct buf out;
			buf_init(&out, 10000);
			store_mbox_init(&r, note_letter, &out);
			enum err e = store_mbox_feed(&r, str_sub(in, 0, cut));
			e = e == ERR_OK ? store_mbox_feed(&r, str_from_off(in, cut)) : e;
			enum err end = store_mbox_end(&r);
			e = e == ERR_OK ? end : e;
			CHECK_ERR(e, mboxes[i].want == NULL ? ERR_SYNTAX : ERR_OK);
			if (mboxes[i].want != NULL) {
				CHECK_STR(buf_view(&out), str_from(mboxes[i].want));
			}
			buf_done(&out);
		}
	}
	test_case = NULL;
}

static enum err
check_long(void *ctx, struct store_letter_in *in)
{
	size_t *want = ctx;
	CHECK_U64(in->text.n, *want + 2);
	CHECK(str_ends(buf_view(&in->text), S(" From x\r\n")));
	return ERR_OK;
}

/* Lines longer than what is kept of one; "From " in their middle is not a separator. */
static void
long_lines(void)
{
	static const size_t sizes[] = { STORE_LINE_MAX - 8, STORE_LINE_MAX, 3 * STORE_LINE_MAX };
	for (size_t i = 0; i < LEN(sizes); i++) {
		struct store_mbox_reader r;
		size_t want = sizes[i] + 7;
		struct buf b;
		buf_init(&b, 1 << 20);
		buf_cstr(&b, "From a\n");
		memset(buf_room(&b, sizes[i]), '\r', sizes[i]);
		buf_grow(&b, sizes[i]);
		buf_cstr(&b, " From x\n");
		store_mbox_init(&r, check_long, &want);
		CHECK_ERR(store_mbox_feed(&r, buf_view(&b)), ERR_OK);
		CHECK_ERR(store_mbox_end(&r), ERR_OK);
		buf_done(&b);
	}
}

/* ---- round trips -------------------------------------------------------------------------- */

static void
dump_keywords(const struct store_keywords *k, uint32_t flags, struct buf *out)
{
	static const str known[] = { S_INIT("$Label"), S_INIT("other") };
	for (size_t w = 0; w < LEN(known) * k->n; w++) {
		bool has = (flags & 1u << (STORE_KEYWORD_BIT + w % k->n)) != 0;
		if (has && str_eq(k->name[w % k->n], known[w / k->n])) {
			buf_printf(out, " %.*s", STR_ARG(known[w / k->n]));
		}
	}
	buf_ch(out, '\n');
}

static void
dump_box(struct store *s, const struct store_mailbox *box, struct arena *a, struct buf *out)
{
	struct store_scan scan = { .mailbox = box->id, .lo = 1, .hi = UINT32_MAX };
	struct store_keywords k;
	struct store_msg m;
	size_t got = 0;
	buf_printf(out, "%.*s\n", STR_ARG(box->name));
	CHECK_ERR(store_keywords(s, box->id, a, &k), ERR_OK);
	while (CHECK_ERR(store_msgs(s, &scan, &m, 1, &got), ERR_OK) && got == 1) {
		struct store_cold c;
		str text;
		CHECK_ERR(store_cold(s, m.id, a, &c), ERR_OK);
		CHECK_ERR(store_text(s, m.id, &text), ERR_OK);
		buf_printf(out,
		    " %u flags=%x date=%lld"
		    " crc=%08x",
		    m.size, m.flags & STORE_SYSTEM_FLAGS, (long long)c.internal_s,
		    crc32c(0, text.p, text.n));
		dump_keywords(&k, m.flags, out);
		scan.lo = m.uid + 1;
	}
}

/* What must survive: names, flags, keywords, dates, octets, in order. */
static void
dump_portable(struct store *s, struct buf *out)
{
	struct arena *a = arena_new(NULL, "dump", 1 << 22, 0);
	struct store_mailbox *v = NULL;
	size_t n = 0;
	buf_init(out, 1 << 24);
	CHECK_ERR(store_mailboxes(s, a, &v, &n), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		if (v[i].id != 0) {
			dump_box(s, &v[i], a, out);
		}
	}
	arena_free(&a);
}

static void
add(struct store *s, uint64_t mailbox, str text, uint32_t flags)
{
	static int64_t date = 1700000000;
	struct store_new msg = { .body = text, .flags = flags, .internal_s = date += 3600 };
	struct store_added added;
	CHECK_ERR(store_append(s, mailbox, &msg, 1, &added), ERR_OK);
}

static void
fill(struct store *s)
{
	static const char *const names[] = { "a/b.c", "a/b", "100%", "Entw\xc3\xbcrfe/.x", "x.mbox",
		"x.mbox/y" };
	uint32_t label, other;
	uint64_t id;
	for (size_t i = 0; i < LEN(names); i++) {
		CHECK_ERR(store_mailbox_create(s, str_from(names[i]), 0, &id), ERR_OK);
		CHECK_ERR(store_keyword(s, id, S("other"), &other), ERR_OK);
		CHECK_ERR(store_keyword(s, id, S("$Label"), &label), ERR_OK);
		add(s, id, S("a: b\r\n\r\nin a box\r\n"), other | STORE_FLAGGED);
		add(s, id, S("a: b\r\n\r\nin a box too\r\n"), label | other);
	}
	for (uint32_t f = 0; f < 32; f++) {
		add(s, 1, S("a: b\r\n\r\nflags\r\n"), f);
	}
	add(s, 1,
	    S("Return-Path: <me@example.org>\r\na: b\r\n\r\nFrom me\r\n\r\nFrom"
	      " you\r\n>From\r\n>From x\r\n"),
	    0);
	add(s, 1, S("a: b\r\n c\r\n\r\n\r\n\r\n\r\n"), 0);
	add(s, 1, S("only: header\r\n\r\n"), 0);
	add(s, 1, S("\r\nno header\r\n"), 0);
	add(s, 1, S("8: \xff\xfe\r\n\r\n\x80\x81 \x01\r\n"), 0);
	for (uint64_t i = 0; i < 200; i++) {
		char body[64];
		int n = snprintf(body, sizeof body, "n: %llu\r\n\r\n", (unsigned long long)i);
		add(s, 4, str_make(body, (size_t)n), 0);
	}
}

static void
round_trip(enum err (*export)(struct store *, str, struct store_transfer *), const char *dest)
{
	struct store_conf conf = store_trial_conf("from");
	struct store *s = store_trial_open(&conf);
	struct store_transfer t = { 0 };
	struct buf before, after;
	char folder[64];
	int n = snprintf(folder, sizeof folder, "transfer_test.%s.%ld", dest, (long)getpid());
	str path = { folder, (size_t)n };
	(void)!sys_dir_remove_tree(SYS_CWD, path);
	fill(s);
	dump_portable(s, &before);
	CHECK_ERR(export(s, path, &t), ERR_OK);
	CHECK_U64(t.messages, 12 + 32 + 5 + 200);
	CHECK_U64(t.skipped, 0);
	CHECK_ERR(export(s, path, &t), ERR_EXISTS); /* never over what is there */
	store_close(&s);
	store_trial_remove(&conf);
	conf = store_trial_conf("to");
	s = store_trial_open(&conf);
	t = (struct store_transfer){ 0 };
	CHECK_ERR(store_import(s, path, S(""), &t), ERR_OK);
	CHECK_U64(t.messages, 12 + 32 + 5 + 200);
	CHECK_U64(t.skipped, 0);
	dump_portable(s, &after);
	CHECK_STR(buf_view(&after), buf_view(&before));
	buf_done(&before);
	buf_done(&after);
	store_close(&s);
	store_trial_remove(&conf);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, path), ERR_OK);
}

static void
mbox_round_trip(void)
{
	round_trip(store_export_mbox, "mbox");
}

static void
maildir_round_trip(void)
{
	round_trip(store_export_maildir, "maildir");
}

/* ---- from elsewhere ----------------------------------------------------------------------- */

static int foreign = -1;

static void
put_file(const char *path, const char *octets)
{
	int fd = -1;
	CHECK_ERR(sys_file_open(foreign, str_from(path), SYS_WRITE | SYS_NEW, &fd), ERR_OK);
	CHECK_ERR(sys_file_write(fd, 0, str_from(octets)), ERR_OK);
	sys_close(&fd);
}

static void
put_folder(const char *path)
{
	CHECK_ERR(sys_dir_make(foreign, str_from(path), 0700), ERR_OK);
}

static const str foreign_path = S_INIT("transfer_test.foreign");

static void
foreign_maildir(struct store *s, struct arena *a)
{
	struct store_transfer t = { 0 };
	struct store_mailbox box;
	struct store_msg m;
	uint32_t bit;
	put_folder("cur");
	put_folder("new");
	put_folder(".Entw&APw-rfe.sub");
	put_folder(".Entw&APw-rfe.sub/cur");
	put_folder(".not a maildir");
	put_folder(".bad\xff");
	put_folder(".bad\xff/cur");
	put_file("dovecot-keywords", "0 $Label\n3 x y\n1 other\nnonsense\n");
	put_file("cur/200.x.host:2,Sab", "a: b\n\nsecond\n");
	put_file("cur/100.x.host:2,RFTDP", "a: b\r\n\r\nfirst\r\n");
	put_file("new/300.x.host", "a: b\n\nthird, no end of line");
	put_file("cur/.hidden", "no mail\n");
	put_file(".Entw&APw-rfe.sub/cur/1", "a: b\n\nsub\n");
	CHECK_ERR(store_import(s, foreign_path, S("Archive"), &t), ERR_OK);
	CHECK_U64(t.messages, 4);
	CHECK_U64(t.skipped, 1); /* the folder whose name is no UTF-8 */
	CHECK_ERR(store_mailbox_find(s, S("Archive"), a, &box), ERR_OK);
	CHECK_U64(box.messages, 3);
	CHECK_ERR(store_msg(s, box.id, 1, &m), ERR_OK);
	CHECK_U64(m.flags, STORE_ANSWERED | STORE_FLAGGED | STORE_DELETED | STORE_DRAFT);
	CHECK_U64(m.size, 15);
	CHECK_ERR(store_keyword(s, box.id, S("$Label"), &bit), ERR_OK);
	CHECK_ERR(store_msg(s, box.id, 2, &m), ERR_OK);
	CHECK((m.flags & bit) != 0 && (m.flags & STORE_SEEN) != 0);
	CHECK_ERR(store_msg(s, box.id, 3, &m), ERR_OK);
	CHECK_U64(m.flags, 0);
	CHECK_ERR(store_mailbox_find(s, S("Entw\xc3\xbcrfe/sub"), a, &box), ERR_OK);
	CHECK_U64(box.messages, 1);
}

static void
foreign_mbox(struct store *s, struct arena *a)
{
	struct store_transfer t = { 0 };
	struct store_mailbox box;
	struct store_msg m;
	uint32_t bit;
	str text;
	put_file("box",
	    "From x Thu Jan  1 00:00:05 1970\nMessage-ID: <1@x>\nStatus: RO\nX-Status: AF\n"
	    "X-Keywords:  $Label  (bad)\n\nbody\n");
	CHECK_ERR(store_import(s, S("transfer_test.foreign/box"), S("one/box"), &t), ERR_OK);
	CHECK_U64(t.messages, 1);
	CHECK_ERR(store_mailbox_find(s, S("one/box"), a, &box), ERR_OK);
	CHECK_ERR(store_keyword(s, box.id, S("$Label"), &bit), ERR_OK);
	CHECK_ERR(store_msg(s, box.id, 1, &m), ERR_OK);
	CHECK_U64(m.flags, STORE_SEEN | STORE_ANSWERED | STORE_FLAGGED | bit);
	CHECK_ERR(store_text(s, m.id, &text), ERR_OK);
	CHECK_STR(text, S("Message-ID: <1@x>\r\n\r\nbody\r\n"));
	CHECK_ERR(store_import(s, S("transfer_test.nothing"), S(""), &t), ERR_NOTFOUND);
}

static void
from_elsewhere(void)
{
	struct store_conf conf = store_trial_conf("elsewhere");
	struct store *s = store_trial_open(&conf);
	struct arena *a = arena_new(NULL, "elsewhere", 1 << 16, 0);
	(void)!sys_dir_remove_tree(SYS_CWD, foreign_path);
	CHECK_ERR(sys_dir_make(SYS_CWD, foreign_path, 0700), ERR_OK);
	CHECK_ERR(sys_dir_open(SYS_CWD, foreign_path, &foreign), ERR_OK);
	foreign_maildir(s, a);
	foreign_mbox(s, a);
	sys_close(&foreign);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, foreign_path), ERR_OK);
	arena_free(&a);
	store_close(&s);
	store_trial_remove(&conf);
}

TEST_MAIN(file_names, utf7_names, mbox_at_every_split, long_lines, mbox_round_trip,
    maildir_round_trip, from_elsewhere)
