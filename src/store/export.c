/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail out of an account: as mbox files (mboxrd: a '>' before every line that is From_ after any
 * number of '>') or as a Maildir++. One message in memory at a time; what cannot be read is
 * reported and left out. The names of files are dealt with here for import.c, too.
 */
#include "mail/date.h"
#include "mail/header.h"
#include "store/store_priv.h"
#include "store/transfer.h"
#include "store/transfer_priv.h"
#include "sys/file.h"
#include "sys/sys.h"

enum {
	FLUSH = 256 << 10,   /* written when so much waits */
	FILE_NAME_MAX = 240, /* octets of a file name, room for tails left */
};

const struct store_letter store_maildir_letters[5] = { { 'D', STORE_DRAFT }, { 'F', STORE_FLAGGED },
	{ 'R', STORE_ANSWERED }, { 'S', STORE_SEEN }, { 'T', STORE_DELETED } };
const struct store_letter store_mbox_letters[4] = { { 'A', STORE_ANSWERED }, { 'F', STORE_FLAGGED },
	{ 'T', STORE_DRAFT }, { 'D', STORE_DELETED } };

/* ---- file names --------------------------------------------------------------------------- */

void
store_file_encode(struct buf *out, str level, str also)
{
	for (size_t i = 0; i < level.n; i++) {
		char c = level.p[i];
		bool plain = (uint8_t)c >= 0x20 && c != 0x7f && c != '%' && c != '/' &&
		    str_chr(also, c) < 0 && (c != '.' || i > 0);
		if (plain) {
			buf_ch(out, c);
		} else {
			buf_printf(out, "%%%02X", (unsigned)(uint8_t)c);
		}
	}
}

/* ---- what both formats share -------------------------------------------------------------- */

struct export
{
	struct store *s;
	struct store_transfer *t;
	int dest;
	const struct store_mailbox *box;
	struct store_keywords keywords;
	int out; /* the mbox, or the folder cur of a Maildir */
	struct buf b;
	struct arena *a;   /* for one mailbox */
	struct arena *msg; /* for one message */
	enum err (*put)(struct export * x, const struct store_msg *m, const struct store_cold *c,
	    str text);
};

static void
skipped(struct export *x, uint32_t uid, enum err e)
{
	char line[256];
	x->t->skipped++;
	if (x->t->line != NULL) {
		int n = snprintf(line, sizeof line, "%.*s uid %u: %s",
		    (int)MIN(x->box->name.n, (size_t)150), x->box->name.p, uid, err_text(e));
		x->t->line(x->t->ctx, str_make(line, MIN((size_t)MAX(n, 0), sizeof line - 1)));
	}
}

static enum err
flush(struct export *x)
{
	TRY(buf_err(&x->b));
	enum err e = sys_file_append(x->out, buf_view(&x->b));
	buf_reset(&x->b);
	return e;
}

static enum err
export_one(struct export *x, const struct store_msg *m)
{
	struct store_cold c;
	str text;
	arena_reset(x->msg);
	enum err e = store_cold(x->s, m->id, x->msg, &c);
	if (e == ERR_OK) {
		e = store_text(x->s, m->id, &text);
	}
	if (e == ERR_NOTFOUND) {
		return ERR_OK; /* removed meanwhile */
	}
	if (e == ERR_CORRUPT) {
		skipped(x, m->uid, e);
		return ERR_OK;
	}
	TRY(e);
	TRY(x->put(x, m, &c, text));
	x->t->messages++;
	x->t->octets += text.n;
	return ERR_OK;
}

static enum err
export_messages(struct export *x)
{
	struct store_scan scan = { .mailbox = x->box->id, .lo = 1, .hi = UINT32_MAX };
	struct store_msg m[64];
	size_t n = 0;
	for (;;) {
		TRY(store_msgs(x->s, &scan, m, LEN(m), &n));
		if (n == 0) {
			return ERR_OK;
		}
		for (size_t i = 0; i < n; i++) {
			TRY(export_one(x, &m[i]));
		}
		scan.lo = m[n - 1].uid + 1;
		if (scan.lo == 0) {
			return ERR_OK;
		}
	}
}

static enum err
make_folder(int at, str name)
{
	enum err e = sys_dir_make(at, name, 0700);
	return e == ERR_EXISTS ? ERR_OK : e;
}

/* Every mailbox that exists, each with a fresh arena. */
static enum err
each_mailbox(struct export *x, enum err (*fn)(struct export *))
{
	struct arena *list = arena_new(NULL, "export", 64 << 20, 0);
	struct store_mailbox *v = NULL;
	size_t n = 0;
	enum err e = list == NULL ? ERR_NOMEM : store_mailboxes(x->s, list, &v, &n);
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		if (v[i].id == 0) {
			continue;
		}
		x->box = &v[i];
		arena_reset(x->a);
		e = store_keywords(x->s, v[i].id, x->a, &x->keywords);
		if (e == ERR_OK) {
			e = fn(x);
		}
		if (e == ERR_NOTFOUND) {
			e = ERR_OK; /* deleted meanwhile */
		}
		x->t->mailboxes += e == ERR_OK;
	}
	arena_free(&list);
	return e;
}

static enum err
export_with(struct export *x, str dest, enum err (*fn)(struct export *))
{
	TRY(make_folder(SYS_CWD, dest));
	TRY(sys_dir_open(SYS_CWD, dest, &x->dest));
	buf_init(&x->b, 2 * (size_t)STORE_MESSAGE_MAX + (4 << 20));
	x->a = arena_new(NULL, "export mailbox", 1 << 20, 0);
	x->msg = arena_new(NULL, "export message", 4 << 20, 0);
	enum err e = x->a == NULL || x->msg == NULL ? ERR_NOMEM : each_mailbox(x, fn);
	arena_free(&x->a);
	arena_free(&x->msg);
	buf_done(&x->b);
	sys_close(&x->dest);
	return e;
}

/* ---- mbox --------------------------------------------------------------------------------- */

static void
put_asctime(struct buf *out, int64_t unix_s)
{
	static const char *const days[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	int64_t s = MIN(MAX(unix_s, (int64_t)0), (int64_t)253402300799); /* years 1970 to 9999 */
	int32_t day = (int32_t)(s / 86400);
	int y, m, d, in_day = (int)(s % 86400);
	mail_day_split(day, &y, &m, &d);
	buf_printf(out, "%s %s %2d %02d:%02d:%02d %04d", days[day % 7], months[m - 1], d,
	    in_day / 3600, in_day / 60 % 60, in_day % 60, y);
}

/* Who sent it, by the Return-Path that delivery put in front. */
static str
sender_of(str text)
{
	str head, rest;
	(void)str_cut(text, '\n', &head, &rest);
	head = str_trim(head);
	if (!str_istarts(head, S("Return-Path: <")) || !str_ends(head, S(">"))) {
		return S("MAILER-DAEMON");
	}
	str path = str_sub(head, 14, head.n - 15);
	for (size_t i = 0; i < path.n; i++) {
		if ((uint8_t)path.p[i] <= ' ' || path.p[i] == 0x7f) {
			return S("MAILER-DAEMON");
		}
	}
	return path.n == 0 ? S("MAILER-DAEMON") : path;
}

static bool
needs_quote(str line)
{
	size_t i = 0;
	while (i < line.n && line.p[i] == '>') {
		i++;
	}
	return str_starts(str_from_off(line, i), S("From "));
}

/* Lines with LF ends, quoted. The last one gets an end if it had none. */
static enum err
put_lines(struct export *x, str text)
{
	str line;
	while (text.n > 0) {
		(void)str_cut(text, '\n', &line, &text);
		if (line.n > 0 && line.p[line.n - 1] == '\r') {
			line.n--;
		}
		if (needs_quote(line)) {
			buf_ch(&x->b, '>');
		}
		buf_str(&x->b, line);
		buf_ch(&x->b, '\n');
		if (x->b.n > FLUSH) {
			TRY(flush(x));
		}
	}
	return ERR_OK;
}

static bool
is_status(str name)
{
	return str_ieq(name, S("Status")) || str_ieq(name, S("X-Status")) ||
	    str_ieq(name, S("X-Keywords"));
}

static void
put_status(struct export *x, uint32_t flags)
{
	buf_printf(&x->b, "Status: %s\n", (flags & STORE_SEEN) != 0 ? "RO" : "O");
	buf_cstr(&x->b, "X-Status: ");
	for (size_t i = 0; i < LEN(store_mbox_letters); i++) {
		if ((flags & store_mbox_letters[i].flag) != 0) {
			buf_ch(&x->b, store_mbox_letters[i].letter);
		}
	}
	buf_cstr(&x->b, "\nX-Keywords:");
	for (size_t i = 0; i < x->keywords.n; i++) {
		if ((flags & 1u << (STORE_KEYWORD_BIT + i)) != 0) {
			buf_ch(&x->b, ' ');
			buf_str(&x->b, x->keywords.name[i]);
		}
	}
	buf_ch(&x->b, '\n');
}

static enum err
put_mbox(struct export *x, const struct store_msg *m, const struct store_cold *c, str text)
{
	str header = str_sub(text, 0, mail_header_length(text));
	struct mail_header it = mail_header_make(header);
	struct mail_field f;
	buf_cstr(&x->b, "From ");
	buf_str(&x->b, sender_of(text));
	buf_ch(&x->b, ' ');
	put_asctime(&x->b, c->internal_s);
	buf_ch(&x->b, '\n');
	while (mail_header_next(&it, &f)) {
		if (!is_status(f.name)) {
			TRY(put_lines(x, f.raw));
		}
	}
	put_status(x, m->flags);
	buf_ch(&x->b, '\n');
	TRY(put_lines(x, str_from_off(text, header.n)));
	buf_ch(&x->b, '\n');
	return ERR_OK;
}

/* Open the folder above the file of this mailbox, making what is missing; *name becomes its level.
 */
static enum err
open_above(struct export *x, str *name, int *ret_fd)
{
	char storage[4 * STORE_NAME_MAX];
	struct buf b;
	str level;
	int at = -1;
	TRY(sys_dup(x->dest, &at));
	while (str_cut(*name, '/', &level, name)) {
		int next = -1;
		buf_init_fixed(&b, storage, sizeof storage);
		store_file_encode(&b, level, STR_NONE);
		enum err e = make_folder(at, buf_view(&b));
		if (e == ERR_OK) {
			e = sys_dir_open(at, buf_view(&b), &next);
		}
		sys_close(&at);
		TRY(e);
		at = next;
	}
	*name = level;
	*ret_fd = at;
	return ERR_OK;
}

static enum err
open_mbox(struct export *x)
{
	char storage[4 * STORE_NAME_MAX];
	struct buf b;
	str name = x->box->name;
	SYS_FD_AUTO int at = -1;
	TRY(open_above(x, &name, &at));
	buf_init_fixed(&b, storage, sizeof storage);
	store_file_encode(&b, name, STR_NONE);
	if (b.n > FILE_NAME_MAX) {
		buf_reset(&b);
		buf_printf(&b, "mailbox-%llu", (unsigned long long)x->box->id);
	}
	buf_cstr(&b, ".mbox");
	TRY(buf_err(&b));
	return sys_file_open(at, buf_view(&b), SYS_WRITE | SYS_NEW | SYS_APPEND, &x->out);
}

static enum err
mailbox_to_mbox(struct export *x)
{
	x->out = -1;
	TRY(open_mbox(x));
	enum err e = export_messages(x);
	if (e == ERR_OK) {
		e = flush(x);
	}
	if (e == ERR_OK) {
		e = sys_file_datasync(x->out);
	}
	buf_reset(&x->b);
	sys_close(&x->out);
	return e;
}

enum err
store_export_mbox(struct store *s, str dest, struct store_transfer *t)
{
	struct export x = { .s = s, .t = t, .dest = -1, .out = -1, .put = put_mbox };
	return export_with(&x, dest, mailbox_to_mbox);
}

/* ---- Maildir++ ---------------------------------------------------------------------------- */

static void
put_file_name(struct export *x, struct buf *name, const struct store_msg *m,
    const struct store_cold *c)
{
	buf_printf(name, "%lld.M%lluU%u.postern,S=%zu:2,",
	    (long long)MAX(c->internal_s, (int64_t)0), (unsigned long long)m->id, m->uid, x->b.n);
	for (size_t i = 0; i < LEN(store_maildir_letters); i++) {
		if ((m->flags & store_maildir_letters[i].flag) != 0) {
			buf_ch(name, store_maildir_letters[i].letter);
		}
	}
	for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++) {
		if ((m->flags & 1u << (STORE_KEYWORD_BIT + i)) != 0) {
			buf_ch(name, (char)('a' + i)); /* as listed in dovecot-keywords */
		}
	}
}

static enum err
put_maildir(struct export *x, const struct store_msg *m, const struct store_cold *c, str text)
{
	char storage[200];
	struct buf name;
	str line;
	buf_reset(&x->b);
	while (text.n > 0) {
		bool whole = str_cut(text, '\n', &line, &text);
		bool cr = whole && line.n > 0 && line.p[line.n - 1] == '\r';
		buf_str(&x->b, str_sub(line, 0, line.n - cr));
		if (whole) {
			buf_ch(&x->b, '\n');
		}
	}
	TRY(buf_err(&x->b));
	buf_init_fixed(&name, storage, sizeof storage);
	put_file_name(x, &name, m, c);
	TRY(buf_err(&name));
	SYS_FD_AUTO int fd = -1;
	TRY(sys_file_open(x->out, buf_view(&name), SYS_WRITE | SYS_NEW, &fd));
	TRY(sys_file_write(fd, 0, buf_view(&x->b)));
	return sys_file_set_mtime(fd, c->internal_s * 1000);
}

/* ".A.B" for "A/B"; INBOX is the folder itself. */
static enum err
open_maildir(struct export *x, int *ret_fd)
{
	char storage[4 * STORE_NAME_MAX];
	struct buf b;
	str rest = x->box->name, level;
	if (x->box->id == STORE_INBOX) {
		return sys_dup(x->dest, ret_fd);
	}
	buf_init_fixed(&b, storage, sizeof storage);
	while (str_next(&rest, '/', &level)) {
		buf_ch(&b, '.');
		store_file_encode(&b, level, S("."));
	}
	if (b.n > FILE_NAME_MAX) {
		buf_reset(&b);
		buf_printf(&b, ".mailbox-%llu", (unsigned long long)x->box->id);
	}
	TRY(buf_err(&b));
	TRY(make_folder(x->dest, buf_view(&b)));
	return sys_dir_open(x->dest, buf_view(&b), ret_fd);
}

static enum err
write_small(int at, str name, str octets)
{
	SYS_FD_AUTO int fd = -1;
	TRY(sys_file_open(at, name, SYS_WRITE | SYS_NEW, &fd));
	return sys_file_write(fd, 0, octets);
}

static enum err
write_keywords(struct export *x, int at)
{
	buf_reset(&x->b);
	for (size_t i = 0; i < x->keywords.n; i++) {
		buf_printf(&x->b, "%zu %.*s\n", i, STR_ARG(x->keywords.name[i]));
	}
	TRY(buf_err(&x->b));
	return x->b.n == 0 ? ERR_OK : write_small(at, S("dovecot-keywords"), buf_view(&x->b));
}

static enum err
mailbox_to_maildir(struct export *x)
{
	SYS_FD_AUTO int at = -1;
	TRY(open_maildir(x, &at));
	TRY(make_folder(at, S("tmp")));
	TRY(make_folder(at, S("new")));
	enum err e = sys_dir_make(at, S("cur"), 0700); /* EXISTS: not into somebody's mail */
	TRY(e);
	if (x->box->id != STORE_INBOX) {
		TRY(write_small(at, S("maildirfolder"), STR_NONE));
	}
	TRY(write_keywords(x, at));
	x->out = -1;
	TRY(sys_dir_open(at, S("cur"), &x->out));
	e = export_messages(x);
	sys_close(&x->out);
	return e;
}

enum err
store_export_maildir(struct store *s, str dest, struct store_transfer *t)
{
	struct export x = { .s = s, .t = t, .dest = -1, .out = -1, .put = put_maildir };
	return export_with(&x, dest, mailbox_to_maildir);
}
