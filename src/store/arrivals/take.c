/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the file into pack and index. The transaction is on disk before the file is emptied, and
 * between the two the pairs of (entry, recipient) tell what is in already: see
 * doc/why/021-arrivals.md. Start reading with store_arrivals_take.
 */
#include "store/arrivals/take.h"

#include "mail/header.h"
#include "mail/msgid.h"
#include "store/arrivals/arrivals.h"
#include "store/arrivals/file.h"
#include "store/scan.h"
#include "store/store_priv.h"
#include "sys/file.h"
#include "sys/sys.h"

static_assert((int)STORE_ARRIVALS_MAILBOX == (int)STORE_INBOX, "they go into INBOX");

struct taking {
	struct store *s;
	struct store_tail tail;
	bool open;               /* tail is that of `mailbox` */
	bool empty;              /* the file goes: what is known must be on disk */
	uint64_t modseq;         /* of this transaction; 0: nothing was added */
	uint64_t oldest, lowest; /* live; in the file */
	uint64_t mailbox, junk;  /* junk: the mailbox for it, once looked up */
	bool may_make;           /* give up when there is none, so that one can be made */
	bool no_junk;            /* there is none */
};

enum err
store_arrivals_attach(struct store *s, bool create)
{
	enum err e = sys_file_open(s->dir, S(STORE_ARRIVALS_FILE), SYS_READ | SYS_WRITE,
	    &s->arrivals);
	if (e != ERR_NOTFOUND || !create) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	TRY(sys_file_open(s->dir, S(STORE_ARRIVALS_FILE), SYS_READ | SYS_WRITE | SYS_CREATE,
	    &s->arrivals));
	return sys_file_sync(s->dir); /* syncing the file alone must be enough from now on */
}

enum err
store_arrivals_sync_in(int dir)
{
	int fd SYS_FD_AUTO = -1;
	struct sys_stat st;
	enum err e = sys_file_open(dir, S(STORE_ARRIVALS_FILE), SYS_READ | SYS_WRITE, &fd);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	TRY(sys_file_stat_fd(fd, &st));
	return st.size > 0 ? sys_file_datasync(fd) : ERR_OK;
}

bool
store_arrivals_waiting(const struct store *s)
{
	struct sys_stat st;
	return s->arrivals >= 0 && sys_file_stat_fd(s->arrivals, &st) == ERR_OK && st.size > 0;
}

/*
 * What the head tells apart: which filling, and how far; 0: nothing to be told by. A store that has
 * taken in so far remembers it, so that a reader need not wait for the disk: the file is emptied
 * when nobody waits, and until then the pairs are kept.
 */
static uint64_t
key_of_file(int fd)
{
	char head[STORE_ARRIVALS_HEAD];
	struct store_arrivals_head h;
	bool sound = sys_file_read_exact(fd, 0, head, sizeof head) == ERR_OK &&
	    store_arrivals_head_get(str_make(head, sizeof head), &h) == ERR_OK;
	return sound ? (uint64_t)h.serial << 32 | h.end : 0;
}

bool
store_arrivals_news(const struct store *s)
{
	return store_arrivals_waiting(s) && (s->taken == 0 || s->taken != key_of_file(s->arrivals));
}

/* ---- one letter --------------------------------------------------------------------------- */

/* What a thread is found by: References, or else In-Reply-To; the newest of them. */
static void
take_refs(str header, struct buf *room, str *refs, struct store_new *msg)
{
	struct mail_field f;
	if (mail_header_find(header, S("References"), &f) ||
	    mail_header_find(header, S("In-Reply-To"), &f)) {
		mail_header_unfold(room, f.value);
	}
	str text = buf_view(room), id;
	while (mail_msgid_next(&text, &id)) {
		if (msg->refs_n == STORE_REFS_MAX) {
			memmove(refs, refs + 1, (STORE_REFS_MAX - 1) * sizeof *refs);
			msg->refs_n--;
		}
		refs[msg->refs_n++] = id;
	}
	msg->refs = refs;
}

static enum err
add_letter(struct taking *t, const struct store_arrival *a)
{
	str refs[STORE_REFS_MAX], id;
	struct store_added added;
	struct mail_field f;
	struct buf room;
	struct store_delivery d = { .entry = a->entry,
		.rcpt = a->rcpt,
		.saved_s = a->saved_s,
		.msg = { .body = a->body, .internal_s = a->internal_s } };
	str header = str_sub(a->body, 0, mail_header_length(a->body));
	if (mail_header_find(header, S("Message-ID"), &f)) {
		str value = f.value;
		d.msg.message_id = mail_msgid_next(&value, &id) ? id : STR_NONE;
	}
	buf_init(&room, STORE_ARRIVALS_LETTER_MAX);
	take_refs(header, &room, refs, &d.msg);
	enum err e = store_add(t->s, &t->tail, &d, &added);
	buf_done(&room);
	return e != ERR_OK ? e : store_pair_keep(t->s->db, a->entry, a->rcpt, &added);
}

static enum err
find_junk(struct taking *t)
{
	enum err e = store_arrivals_junk_find(t->s, &t->junk);
	t->no_junk = e == ERR_NOTFOUND;
	if (t->no_junk && !t->may_make) {
		t->junk = STORE_INBOX;
		return ERR_OK;
	}
	return e;
}

/* Have the tail of the right mailbox open. */
static enum err
aim(struct taking *t, bool junk)
{
	if (junk && t->junk == 0) {
		TRY(find_junk(t));
	}
	uint64_t mailbox = junk ? t->junk : STORE_INBOX;
	if (t->open && t->mailbox == mailbox) {
		return ERR_OK;
	}
	if (t->open) {
		TRY(store_tail_end(t->s, &t->tail));
		t->open = false;
	}
	t->modseq = t->modseq != 0 ? t->modseq : store_tick(t->s);
	TRY(store_tail_begin(t->s, mailbox, t->modseq, &t->tail));
	t->mailbox = mailbox;
	t->open = true;
	return ERR_OK;
}

static enum err
take_letter(struct taking *t, const struct store_arrival *a)
{
	struct store_added known;
	t->oldest = MAX(t->oldest, a->oldest_live);
	t->lowest = MIN(t->lowest, a->entry);
	enum err e = store_pair_find(t->s->db, a->entry, a->rcpt, &known);
	if (e != ERR_NOTFOUND) {
		return e; /* OK: a crash came before the file was emptied */
	}
	TRY(aim(t, a->junk));
	return add_letter(t, a);
}

/* ---- all of them -------------------------------------------------------------------------- */

/* Where the letters end; when the head does not tell, the end of the file. VERSION. */
static enum err
find_end(int fd, uint64_t *ret)
{
	char head[STORE_ARRIVALS_HEAD];
	struct store_arrivals_head h;
	struct sys_stat st;
	TRY(sys_file_stat_fd(fd, &st));
	*ret = st.size;
	enum err e = sys_file_read_exact(fd, 0, head, sizeof head);
	if (e == ERR_EOF) {
		return ERR_OK;
	}
	TRY(e);
	e = store_arrivals_head_get(str_make(head, sizeof head), &h);
	*ret = e == ERR_OK ? MIN(st.size, h.end) : st.size;
	return e == ERR_CORRUPT ? ERR_OK : e;
}

static enum err
take_all(struct taking *t, struct store_scan_pack *sc)
{
	struct store_record rec;
	struct store_arrival a;
	struct store_place at;
	enum err e;
	while ((e = store_scan_next(sc, &rec, &at)) != ERR_NOTFOUND) {
		e = e != ERR_OK ? e : store_arrivals_record_get(&rec, &a);
		if (e == ERR_CORRUPT) {
			continue; /* that letter alone; if it was not synced, it comes again */
		}
		TRY(e);
		TRY(take_letter(t, &a));
	}
	if (t->open) {
		TRY(store_tail_end(t->s, &t->tail));
	}
	if (t->empty) {
		/* Some may be known by transactions that were not synced, and ours syncs the index
		 * only when it changes something. */
		(void)store_tick(t->s);
		TRY(store_log_flush(t->s));
		TRY(store_log_sync(t->s));
	}
	return t->oldest == 0 ? ERR_OK : store_pairs_forget(t->s->db, MIN(t->oldest, t->lowest));
}

static enum err
take_in(struct taking *t)
{
	struct store_scan_pack sc;
	uint64_t end;
	TRY(find_end(t->s->arrivals, &end));
	store_scan_file(&sc, t->s->arrivals, STORE_ARRIVALS_HEAD, end);
	enum err e = take_all(t, &sc);
	store_scan_leave(&sc);
	return e;
}

static enum err
take_once(struct store *s, bool empty, bool may_make, bool *ret_no_junk)
{
	struct taking t = { .s = s, .empty = empty, .may_make = may_make, .lowest = UINT64_MAX };
	TRY(store_begin_now(s, empty ? DB_DURABLE : DB_WRITE));
	enum err e = store_end(s, take_in(&t));
	*ret_no_junk = t.no_junk;
	return e;
}

/* A second time when the mailbox for junk is not there: it is made between the two. */
static enum err
take_twice(struct store *s, bool empty)
{
	bool no_junk = false;
	enum err e = take_once(s, empty, true, &no_junk);
	if (e == ERR_OK || !no_junk) {
		return e;
	}
	TRY(store_arrivals_junk_make(s));
	return take_once(s, empty, false, &no_junk);
}

/* With the file's lock held. */
static enum err
take_locked(struct store *s, bool empty)
{
	if (!store_arrivals_waiting(s)) {
		return ERR_OK; /* another process was first */
	}
	uint64_t key = key_of_file(s->arrivals);
	empty |= key == 0;
	TRY(take_twice(s, empty));
	s->taken = empty ? 0 : key;
	if (!empty) {
		return ERR_OK;
	}
	TRY(sys_file_truncate(s->arrivals, 0));
	return sys_file_datasync(s->arrivals);
}

enum err
store_arrivals_take(struct store *s, bool empty)
{
	TRY(sys_file_lock(s->arrivals, true, true));
	enum err e = take_locked(s, empty);
	sys_file_unlock(s->arrivals);
	return e;
}
