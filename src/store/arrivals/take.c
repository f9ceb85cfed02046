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
	bool open;               /* tail is INBOX's */
	bool empty;              /* the file goes: what is known must be on disk */
	uint64_t modseq;         /* of this transaction; 0: nothing was added */
	uint64_t oldest, lowest; /* live; in the file */
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
take_letter(struct taking *t, const struct store_arrival *a)
{
	struct store_added known;
	t->oldest = MAX(t->oldest, a->oldest_live);
	t->lowest = MIN(t->lowest, a->entry);
	enum err e = store_pair_find(t->s->db, a->entry, a->rcpt, &known);
	if (e != ERR_NOTFOUND) {
		return e; /* OK: a crash came before the file was emptied */
	}
	if (!t->open) {
		t->modseq = store_tick(t->s);
		TRY(store_tail_begin(t->s, STORE_INBOX, t->modseq, &t->tail));
		t->open = true;
	}
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
take_in(struct store *s, bool empty)
{
	struct taking t = { .s = s, .empty = empty, .lowest = UINT64_MAX };
	struct store_scan_pack sc;
	uint64_t end;
	TRY(find_end(s->arrivals, &end));
	store_scan_file(&sc, s->arrivals, STORE_ARRIVALS_HEAD, end);
	enum err e = take_all(&t, &sc);
	store_scan_leave(&sc);
	return e;
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
	TRY(store_begin_now(s, empty ? DB_DURABLE : DB_WRITE));
	TRY(store_end(s, take_in(s, empty)));
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
