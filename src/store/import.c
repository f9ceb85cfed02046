/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail into an account, from mbox files and Maildirs of any program. Letters are collected into
 * batches of some megabytes, each one durable transaction. What cannot be used is reported and
 * passed over. Start reading with store_import.
 */
#include "base/mem.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/msgid.h"
#include "store/store_priv.h"
#include "store/transfer.h"
#include "store/transfer_priv.h"
#include "sys/file.h"
#include "sys/sys.h"

enum {
	BATCH = 64,
	BATCH_OCTETS = 8 << 20,
	READ_OCTETS = 256 << 10,
	NAMES_OCTETS = 256 << 20, /* of all file names of one folder or tree */
};

struct import {
	struct store *s;
	struct store_transfer *t;
	uint64_t mailbox;    /* being filled */
	struct arena *names; /* for the whole import */
	struct arena *batch; /* for the batch */
	struct store_new msgs[BATCH];
	struct buf texts[BATCH];
	struct store_added added[BATCH];
	size_t n, octets;
};

static void
passed_over(struct import *im, str what, enum err e)
{
	char line[300];
	im->t->skipped++;
	if (im->t->line != NULL) {
		int n = snprintf(line, sizeof line, "%.*s: %s", (int)MIN(what.n, (size_t)200),
		    what.p, err_text(e));
		im->t->line(im->t->ctx, str_make(line, MIN((size_t)MAX(n, 0), sizeof line - 1)));
	}
}

/* ---- the batch ---------------------------------------------------------------------------- */

static void
drop_batch(struct import *im)
{
	for (size_t i = 0; i < im->n; i++) {
		buf_done(&im->texts[i]);
	}
	im->n = im->octets = 0;
	arena_reset(im->batch);
}

static enum err
flush(struct import *im)
{
	enum err e = im->n == 0 ? ERR_OK
				: store_append(im->s, im->mailbox, im->msgs, im->n, im->added);
	if (e == ERR_OK) {
		im->t->messages += im->n;
		im->t->octets += im->octets;
	}
	drop_batch(im);
	return e;
}

/* What the thread is found by. */
static void
take_ids(struct import *im, str header, struct store_new *msg)
{
	static const str fields[] = { S_INIT("References"), S_INIT("In-Reply-To") };
	struct mail_field f;
	struct buf value;
	str id, *refs = arena_array(im->batch, STORE_REFS_MAX, sizeof *refs);
	buf_init(&value, 64 << 10);
	if (mail_header_find(header, S("Message-ID"), &f)) {
		mail_header_unfold(&value, f.value);
		str all = buf_view(&value);
		msg->message_id = mail_msgid_next(&all, &id) ? arena_dup(im->batch, id) : STR_NONE;
	}
	for (size_t i = 0; i < LEN(fields) && refs != NULL; i++) {
		buf_reset(&value);
		if (mail_header_find(header, fields[i], &f)) {
			mail_header_unfold(&value, f.value);
		}
		str all = buf_view(&value);
		while (mail_msgid_next(&all, &id)) {
			if (msg->refs_n == STORE_REFS_MAX) { /* the newest are the last */
				memmove(refs, refs + 1, (STORE_REFS_MAX - 1) * sizeof *refs);
				msg->refs_n--;
			}
			refs[msg->refs_n++] = arena_dup(im->batch, id);
		}
	}
	msg->refs = refs;
	buf_done(&value);
}

static int64_t
date_of_header(struct import *im, str header)
{
	struct mail_field f;
	struct mail_date d = { .unix_s = store_now(im->s) };
	if (mail_header_find(header, S("Date"), &f)) {
		(void)!mail_date_parse(f.value, &d);
	}
	return d.unix_s;
}

/* Takes the octets over. */
static enum err
add_letter(struct import *im, struct buf *text, uint32_t flags, int64_t date_s)
{
	str octets = buf_view(text);
	size_t header_n = mail_header_length(octets);
	str header = str_sub(octets, 0, header_n);
	struct store_new *msg = &im->msgs[im->n];
	*msg = (struct store_new){ .body = octets,
		.header_octets = (uint32_t)header_n,
		.flags = flags,
		.internal_s = date_s != INT64_MIN ? date_s : date_of_header(im, header) };
	take_ids(im, header, msg);
	im->texts[im->n++] = *text;
	im->octets += octets.n;
	buf_init(text, text->max);
	return im->n == BATCH || im->octets >= BATCH_OCTETS ? flush(im) : ERR_OK;
}

/* Fill another mailbox from now on, made if it is missing. */
static enum err
aim(struct import *im, str name)
{
	struct store_mailbox box;
	TRY(flush(im));
	enum err e = store_mailbox_find(im->s, name, im->batch, &box);
	im->mailbox = e == ERR_OK ? box.id : 0;
	if (e == ERR_NOTFOUND) {
		e = store_mailbox_create(im->s, name, 0, &im->mailbox);
	}
	im->t->mailboxes += e == ERR_OK;
	return e;
}

/* A mailbox name or a keyword that is no good here costs only what hangs on it. */
static bool
is_survivable(enum err e)
{
	return e == ERR_SYNTAX || e == ERR_TOOBIG || e == ERR_TOOMANY || e == ERR_CORRUPT;
}

static enum err
add_keyword(struct import *im, str name, uint32_t *flags)
{
	uint32_t bit = 0;
	enum err e = name.n == 0 ? ERR_SYNTAX : store_keyword(im->s, im->mailbox, name, &bit);
	*flags |= bit;
	return is_survivable(e) ? ERR_OK : e;
}

/* ---- mbox --------------------------------------------------------------------------------- */

static uint32_t
flags_of(const struct store_letter *letters, size_t n, str text)
{
	uint32_t flags = 0;
	for (size_t i = 0; i < n; i++) {
		if (str_chr(text, letters[i].letter) >= 0) {
			flags |= letters[i].flag;
		}
	}
	return flags;
}

/* True for a field that is about the mbox, not of the letter; its meaning is taken. */
static enum err
take_status(struct import *im, const struct mail_field *f, uint32_t *flags, bool *ret_is)
{
	*ret_is = true;
	if (str_ieq(f->name, S("Status"))) {
		*flags |= str_chr(f->value, 'R') >= 0 ? STORE_SEEN : 0;
	} else if (str_ieq(f->name, S("X-Status"))) {
		*flags |= flags_of(store_mbox_letters, LEN(store_mbox_letters), f->value);
	} else if (str_ieq(f->name, S("X-Keywords"))) {
		str rest = str_trim(f->value), word;
		while (rest.n > 0) {
			(void)str_cut(str_trim(rest), ' ', &word, &rest);
			TRY(add_keyword(im, word, flags));
		}
	} else {
		*ret_is = false;
	}
	return ERR_OK;
}

/* The letter without its status fields. */
static enum err
without_status(struct import *im, str text, struct buf *out, uint32_t *flags)
{
	struct mail_header it = mail_header_make(text);
	struct mail_field f;
	bool is;
	buf_init(out, STORE_MESSAGE_MAX);
	while (mail_header_next(&it, &f)) {
		TRY(take_status(im, &f, flags, &is));
		if (!is) {
			buf_str(out, f.raw);
		}
	}
	buf_str(out, str_from_off(text, it.at));
	return buf_err(out);
}

static enum err
take_mbox_letter(void *ctx, struct store_letter_in *in)
{
	struct import *im = ctx;
	struct buf text;
	uint32_t flags = 0;
	if (in->too_big) {
		passed_over(im, S("a letter"), ERR_TOOBIG);
		return ERR_OK;
	}
	enum err e = without_status(im, buf_view(&in->text), &text, &flags);
	if (e == ERR_OK) {
		e = add_letter(im, &text, flags, in->date_s);
	}
	buf_done(&text);
	return e;
}

static enum err
read_mbox(struct import *im, int fd, struct buf *chunk)
{
	struct store_mbox_reader r;
	uint64_t off = 0;
	size_t n = 1;
	enum err e = ERR_OK;
	store_mbox_init(&r, take_mbox_letter, im);
	while (e == ERR_OK && n > 0) {
		buf_reset(chunk);
		char *to = buf_room(chunk, READ_OCTETS);
		e = to == NULL ? buf_err(chunk) : sys_file_read(fd, off, to, READ_OCTETS, &n);
		if (e == ERR_OK) {
			off += n;
			e = store_mbox_feed(&r, str_make(to, n));
		}
	}
	if (e != ERR_OK) {
		r.begun = false; /* nothing more of it */
		buf_reset(&r.line);
	}
	enum err end = store_mbox_end(&r);
	return e == ERR_OK ? end : e;
}

static enum err
import_mbox(struct import *im, int at, str file, str name)
{
	struct buf chunk;
	SYS_FD_AUTO int fd = -1;
	TRY(sys_file_open(at, file, SYS_READ, &fd));
	enum err e = aim(im, name);
	buf_init(&chunk, READ_OCTETS);
	if (e == ERR_OK) {
		e = read_mbox(im, fd, &chunk);
	}
	buf_done(&chunk);
	if (is_survivable(e)) {
		passed_over(im, file, e);
		return flush(im);
	}
	return e == ERR_OK ? flush(im) : e;
}

/* ---- lists of files ----------------------------------------------------------------------- */

struct names {
	struct arena *a;
	str *v;
	size_t n, cap;
};

static enum err
add_name(struct names *l, str name)
{
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 64 : l->cap * 2;
		str *v = mem_resize(l->v, cap * sizeof *v);
		if (v == NULL) {
			return ERR_NOMEM;
		}
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n] = arena_dup(l->a, name);
	return l->v[l->n++].p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
list_name(void *ctx, str name)
{
	return add_name(ctx, name);
}

/* Maildir names begin with the second they were made in: the order of arrival. */
static int
by_age(const void *a, const void *b)
{
	str x = *(const str *)a, y = *(const str *)b, head, rest;
	uint64_t s = 0, t = 0;
	(void)str_cut(x, '.', &head, &rest);
	(void)str_u64(head, &s);
	(void)str_cut(y, '.', &head, &rest);
	(void)str_u64(head, &t);
	return s < t ? -1 : s > t ? 1 : str_cmp(x, y);
}

static enum err
list_folder(struct import *im, int dir, struct names *ret)
{
	*ret = (struct names){ .a = im->names };
	enum err e = sys_dir_list(dir, list_name, ret);
	if (e == ERR_OK && ret->n > 1) {
		qsort(ret->v, ret->n, sizeof *ret->v, by_age);
	}
	return e;
}

/* ---- Maildir ------------------------------------------------------------------------------ */

/* "0 $Label1" lines: what the letters a to z mean. */
static enum err
read_letters(struct import *im, int at, uint32_t bits[26])
{
	struct buf b;
	str rest, line, number, name;
	uint32_t i;
	enum err e = ERR_OK;
	memset(bits, 0, 26 * sizeof *bits);
	buf_init(&b, 64 << 10);
	bool there = sys_file_load(at, S("dovecot-keywords"), &b) == ERR_OK;
	rest = there ? buf_view(&b) : STR_NONE;
	while (e == ERR_OK && rest.n > 0) {
		(void)str_cut(rest, '\n', &line, &rest);
		if (str_cut(line, ' ', &number, &name) && str_u32(number, &i) && i < 26) {
			e = add_keyword(im, str_trim(name), &bits[i]);
		}
	}
	buf_done(&b);
	return e;
}

static uint32_t
flags_of_name(str name, const uint32_t bits[26])
{
	ptrdiff_t at = str_find(name, S(":2,"));
	str letters = at < 0 ? STR_NONE : str_from_off(name, (size_t)at + 3);
	uint32_t flags = flags_of(store_maildir_letters, LEN(store_maildir_letters), letters);
	for (size_t i = 0; i < letters.n; i++) {
		flags |= letters.p[i] >= 'a' && letters.p[i] <= 'z' ? bits[letters.p[i] - 'a'] : 0;
	}
	return flags;
}

/* Line ends become CRLF. */
static enum err
with_crlf(str in, struct buf *out)
{
	str line;
	buf_init(out, STORE_MESSAGE_MAX);
	while (in.n > 0) {
		bool whole = str_cut(in, '\n', &line, &in);
		bool cr = whole && line.n > 0 && line.p[line.n - 1] == '\r';
		buf_str(out, str_sub(line, 0, line.n - cr));
		buf_str(out, whole ? S("\r\n") : STR_NONE);
	}
	return buf_err(out);
}

static enum err
import_file(struct import *im, int dir, str name, uint32_t flags)
{
	struct buf raw, text;
	struct sys_stat st;
	buf_init(&raw, STORE_MESSAGE_MAX);
	buf_init(&text, STORE_MESSAGE_MAX);
	enum err e = sys_file_stat(dir, name, &st);
	if (e == ERR_OK && !st.is_file) {
		return ERR_OK;
	}
	if (e == ERR_OK) {
		e = sys_file_load(dir, name, &raw);
	}
	if (e == ERR_OK) {
		e = with_crlf(buf_view(&raw), &text);
	}
	buf_done(&raw);
	if (e == ERR_OK) {
		int64_t ms = st.mtime_ms;
		e = add_letter(im, &text, flags, ms >= 0 ? ms / 1000 : -((999 - ms) / 1000));
	} else if (e == ERR_TOOBIG || e == ERR_IO) {
		passed_over(im, name, e);
		e = ERR_OK;
	}
	buf_done(&text);
	return e == ERR_NOTFOUND ? ERR_OK : e; /* moved by its program meanwhile */
}

static enum err
import_files(struct import *im, int at, str folder, const uint32_t bits[26])
{
	struct names files;
	SYS_FD_AUTO int dir = -1;
	enum err e = sys_dir_open(at, folder, &dir);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	e = list_folder(im, dir, &files);
	for (size_t i = 0; e == ERR_OK && i < files.n; i++) {
		if (files.v[i].p[0] != '.') {
			e = import_file(im, dir, files.v[i], flags_of_name(files.v[i], bits));
		}
	}
	mem_drop(files.v);
	return e;
}

static enum err
import_maildir(struct import *im, int at, str name)
{
	uint32_t bits[26];
	enum err e = aim(im, name);
	if (is_survivable(e)) {
		passed_over(im, name, e);
		return ERR_OK;
	}
	TRY(e);
	TRY(read_letters(im, at, bits));
	TRY(import_files(im, at, S("cur"), bits));
	TRY(import_files(im, at, S("new"), bits));
	return flush(im);
}

/* ".A.B" to "A/B"; modified UTF-7 where it is that. */
static str
name_of_folder(struct import *im, str folder)
{
	char plain[2 * STORE_NAME_MAX], decoded[2 * STORE_NAME_MAX];
	struct buf b, d;
	buf_init_fixed(&b, plain, sizeof plain);
	buf_init_fixed(&d, decoded, sizeof decoded);
	if (store_utf7_decode(&d, folder) != ERR_OK) {
		buf_reset(&d);
		buf_str(&d, folder);
	}
	str rest = str_from_off(buf_view(&d), 1), level;
	while (rest.n > 0) {
		bool more = str_cut(rest, '.', &level, &rest);
		store_file_decode(&b, level);
		buf_str(&b, more ? S("/") : STR_NONE);
	}
	return arena_dup(im->names, buf_view(&b));
}

static bool
has_folder(int at, str name)
{
	struct sys_stat st;
	return sys_file_stat(at, name, &st) == ERR_OK && st.is_folder;
}

static enum err
import_subfolder(struct import *im, int root, str folder)
{
	SYS_FD_AUTO int at = -1;
	if (folder.n < 2 || folder.p[0] != '.' || !has_folder(root, folder)) {
		return ERR_OK;
	}
	TRY(sys_dir_open(root, folder, &at));
	return has_folder(at, S("cur")) ? import_maildir(im, at, name_of_folder(im, folder))
					: ERR_OK;
}

static enum err
import_maildirs(struct import *im, int root, str into)
{
	struct names folders;
	TRY(import_maildir(im, root, into));
	enum err e = list_folder(im, root, &folders);
	for (size_t i = 0; e == ERR_OK && i < folders.n; i++) {
		e = import_subfolder(im, root, folders.v[i]);
	}
	mem_drop(folders.v);
	return e;
}

/* ---- a tree of mboxes --------------------------------------------------------------------- */

static bool
begins_with_from(int at, str file)
{
	char first[5];
	SYS_FD_AUTO int fd = -1;
	return sys_file_open(at, file, SYS_READ, &fd) == ERR_OK &&
	    sys_file_read_exact(fd, 0, first, sizeof first) == ERR_OK &&
	    str_eq(str_make(first, sizeof first), S("From "));
}

/* A path below the root, level by level, as a mailbox name. */
static str
name_of_path(struct import *im, str path)
{
	char storage[2 * STORE_NAME_MAX];
	struct buf b;
	str level;
	buf_init_fixed(&b, storage, sizeof storage);
	path = str_ends(path, S(".mbox")) ? str_sub(path, 0, path.n - 5) : path;
	while (path.n > 0) {
		bool more = str_cut(path, '/', &level, &path);
		store_file_decode(&b, level);
		buf_str(&b, more ? S("/") : STR_NONE);
	}
	return arena_dup(im->names, buf_view(&b));
}

/* One name found in a folder: an mbox to read now, a folder to visit later. */
static enum err
meet(struct import *im, int root, str path, struct names *folders)
{
	struct sys_stat st;
	enum err e = sys_file_stat(root, path, &st);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	if (st.is_folder) {
		bool room = folders->n < STORE_MAILBOXES_MAX;
		if (!room) {
			passed_over(im, path, ERR_TOOMANY);
		}
		return room ? add_name(folders, path) : ERR_OK;
	}
	bool mbox = st.is_file && (str_ends(path, S(".mbox")) || begins_with_from(root, path));
	return mbox ? import_mbox(im, root, path, name_of_path(im, path)) : ERR_OK;
}

static enum err
visit(struct import *im, int root, str folder, struct names *folders)
{
	struct names found;
	SYS_FD_AUTO int at = -1;
	TRY(sys_dir_open(root, folder.n == 0 ? S(".") : folder, &at));
	enum err e = list_folder(im, at, &found);
	for (size_t i = 0; e == ERR_OK && i < found.n; i++) {
		str path = folder.n == 0
		    ? found.v[i]
		    : arena_printf(im->names, "%.*s/%.*s", STR_ARG(folder), STR_ARG(found.v[i]));
		e = path.p == NULL  ? ERR_BUDGET
		    : path.n < 4000 ? meet(im, root, path, folders)
				    : ERR_OK;
	}
	mem_drop(found.v);
	return e;
}

static enum err
import_tree(struct import *im, int root)
{
	struct names folders = { .a = im->names };
	enum err e = add_name(&folders, S(""));
	for (size_t i = 0; e == ERR_OK && i < folders.n; i++) {
		e = visit(im, root, folders.v[i], &folders);
	}
	mem_drop(folders.v);
	return e;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static enum err
import_from(struct import *im, str source, str into)
{
	SYS_FD_AUTO int root = -1;
	struct sys_stat st;
	TRY(sys_file_stat(SYS_CWD, source, &st));
	if (st.is_file) {
		return import_mbox(im, SYS_CWD, source, into);
	}
	TRY(sys_dir_open(SYS_CWD, source, &root));
	return has_folder(root, S("cur")) ? import_maildirs(im, root, into) : import_tree(im, root);
}

enum err
store_import(struct store *s, str source, str into, struct store_transfer *t)
{
	struct import *im = mem_zalloc(1, sizeof *im);
	if (im == NULL) {
		return ERR_NOMEM;
	}
	im->s = s;
	im->t = t;
	im->names = arena_new(NULL, "import names", NAMES_OCTETS, 0);
	im->batch = arena_new(NULL, "import batch", 64 << 20, 0);
	enum err e = ERR_NOMEM;
	if (im->names != NULL && im->batch != NULL) {
		e = import_from(im, source, into.n == 0 ? S("INBOX") : into);
		drop_batch(im);
	}
	arena_free(&im->names);
	arena_free(&im->batch);
	mem_drop(im);
	return e;
}
