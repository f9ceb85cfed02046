/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY from a shared mailbox into one's own: the guest sends the messages, the visitor's process
 * appends them. When one cannot be appended, those before are taken back (RFC 9051 6.4.7).
 */
#include "svc/account/imap/session.h"

#include "ipc/account_guest.h"
#include "proto/imap/seqset.h"
#include "store/limits.h"
#include "svc/account/imap/describe.h"
#include "sys/chan.h"

enum { PIECE = 65536, SEND_MS = 60000 };

struct svc_account_imap_letters {
	uint64_t to;
	struct ipc_account_guest_letter now; /* its texts are not used */
	uint32_t flags;
	struct buf octets;
	struct store_set from, added;
	uint32_t uidvalidity;
	enum err err;
};

/* ---- the visitor ---- */

/* Keywords that find no room in the target are dropped, as in a copy of one's own. */
static uint32_t
flags_of(struct svc_account_imap *s, const struct svc_account_imap_letters *l,
    const struct ipc_account_guest_letter *m)
{
	uint32_t flags = m->flags & STORE_SYSTEM_FLAGS, bit;
	str rest = m->keywords, name;
	while (rest.n > 0 && str_next(&rest, 0, &name)) {
		if (name.n > 0 && store_keyword(s->store, l->to, name, &bit) == ERR_OK) {
			flags |= bit;
		}
	}
	return flags;
}

static enum err
append(struct svc_account_imap *s, struct svc_account_imap_letters *l)
{
	struct store_added added;
	struct store_new msg = { .flags = l->flags, .internal_s = l->now.internal_s };
	struct arena *a = arena_new(s->arena, "letter", SVC_ACCOUNT_IMAP_SCRATCH / 2, 0);
	enum err e = a == NULL ? ERR_NOMEM : buf_err(&l->octets);
	e = e == ERR_OK ? svc_account_imap_describe(a, buf_view(&l->octets), &msg) : e;
	e = e == ERR_OK ? store_append(s->store, l->to, &msg, 1, &added) : e;
	arena_free(&a);
	buf_reset(&l->octets);
	if (e == ERR_OK) {
		store_set_add(&l->from, l->now.uid, l->now.uid);
		store_set_add(&l->added, added.uid, added.uid);
		l->uidvalidity = added.uidvalidity;
	}
	return e;
}

enum err
svc_account_imap_shared_on_letter(void *ctx, const struct ipc_account_guest_letter *m, int *fd)
{
	struct svc_account_imap *s = ctx;
	struct svc_account_imap_letters *l = s->shared.letters;
	if (l == NULL || l->octets.n != 0 || m->size == 0) {
		return ERR_PROTOCOL;
	}
	l->now = *m;
	l->flags = l->err == ERR_OK ? flags_of(s, l, m) : 0;
	return ERR_OK;
}

enum err
svc_account_imap_shared_on_piece(void *ctx, const struct ipc_account_guest_piece *m, int *fd)
{
	struct svc_account_imap *s = ctx;
	struct svc_account_imap_letters *l = s->shared.letters;
	if (l == NULL || m->octets.n == 0 || m->octets.n > l->now.size - l->octets.n) {
		return ERR_PROTOCOL;
	}
	buf_str(&l->octets, m->octets);
	TRY(buf_err(&l->octets));
	if (l->octets.n == l->now.size) {
		enum err e = l->err == ERR_OK ? append(s, l) : ERR_OK;
		l->err = l->err == ERR_OK ? e : l->err;
		l->now.size = 0;
		buf_reset(&l->octets);
	}
	return ERR_OK;
}

static void
put_set(struct buf *out, const struct store_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		buf_printf(out, i > 0 ? ",%u" : "%u", set->v[i].lo);
		if (set->v[i].hi != set->v[i].lo) {
			buf_printf(out, ":%u", set->v[i].hi);
		}
	}
}

static enum err
finish(struct svc_account_imap *s, struct svc_account_imap_letters *l, enum err e)
{
	e = e == ERR_OK ? l->err : e;
	e = e == ERR_OK ? store_set_err(&l->added) : e;
	if (l->added.n == 0) {
		return e;
	}
	if (e != ERR_OK) {
		(void)!store_expunge(s->store, l->to, &l->added, false, NULL);
	} else {
		buf_printf(&s->code, "COPYUID %u ", l->uidvalidity);
		put_set(&s->code, &l->from);
		buf_ch(&s->code, ' ');
		put_set(&s->code, &l->added);
	}
	svc_account_imap_changed(s, l->to);
	return e;
}

/* "1:3,$" and so on as the command had it. */
static enum err
set_text(struct svc_account_imap *s, const struct imap_command *cmd, str *ret)
{
	const struct imap_seqset *set = &cmd->u.copy.set;
	struct buf b;
	buf_init(&b, PIECE);
	if (set->saved) {
		buf_ch(&b, '$');
	}
	for (size_t i = 0; i < set->n && !set->saved; i++) {
		uint32_t ends[] = { set->r[i].lo, set->r[i].hi };
		buf_cstr(&b, i > 0 ? "," : "");
		for (size_t k = 0; k < LEN(ends); k++) {
			buf_cstr(&b, k > 0 ? ":" : "");
			buf_printf(&b, ends[k] == 0 ? "*" : "%u", ends[k]);
		}
	}
	enum err e = buf_err(&b);
	*ret = e == ERR_OK ? arena_dup(s->work, buf_view(&b)) : STR_NONE;
	buf_done(&b);
	return e != ERR_OK ? e : ret->p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
fetch_letters(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct svc_account_imap_visit *v = s->shared.at;
	struct ipc_account_guest_copy m = { .uid = cmd->uid };
	struct buf out;
	TRY(set_text(s, cmd, &m.set));
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	ipc_account_guest_copy_put(&out, &m);
	v->done = false;
	enum err e = sys_chan_send_wait(v->chan, &out, -1, SEND_MS);
	buf_done(&out);
	e = e == ERR_OK ? svc_account_imap_shared_visit_pump(s, v) : e;
	if (e != ERR_OK || v->ended) {
		svc_account_imap_end(s, ERR_OK, "the shared mailbox is not available any more");
		return ERR_BUSY;
	}
	return v->result;
}

enum err
svc_account_imap_shared_visit_copy(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct svc_account_imap_letters l = { 0 };
	struct store_mailbox m;
	enum err e = store_mailbox_find(s->store, cmd->u.copy.mailbox, s->work, &m);
	if (e == ERR_NOTFOUND || (e == ERR_OK && m.id == 0)) {
		return svc_account_imap_fail(s, ERR_NOTFOUND, "TRYCREATE", "no such mailbox");
	}
	TRY(e);
	l.to = m.id;
	buf_init(&l.octets, STORE_MESSAGE_MAX);
	store_set_init(&l.from);
	store_set_init(&l.added);
	s->shared.letters = &l;
	e = finish(s, &l, fetch_letters(s, cmd));
	s->shared.letters = NULL;
	buf_done(&l.octets);
	store_set_done(&l.from);
	store_set_done(&l.added);
	return e;
}

/* ---- the guest ---- */

static enum err
send(int chan, struct buf *out)
{
	enum err e = sys_chan_send_wait(chan, out, -1, SEND_MS);
	buf_reset(out);
	return e;
}

static enum err
send_one(struct svc_account_imap *s, int chan, uint32_t uid, struct buf *out)
{
	struct store_msg m;
	struct store_cold cold;
	struct buf words;
	char room[4096];
	str text;
	arena_reset(s->scratch);
	enum err e = store_msg(s->store, s->box.id, uid, &m);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e; /* it went meanwhile */
	}
	TRY(store_cold(s->store, m.id, s->scratch, &cold));
	TRY(store_text(s->store, m.id, &text));
	buf_init_fixed(&words, room, sizeof room);
	for (size_t i = 0; i < s->box.keywords.n; i++) {
		if ((m.flags >> (STORE_KEYWORD_BIT + i) & 1) != 0) {
			buf_str(&words, s->box.keywords.name[i]);
			buf_ch(&words, 0);
		}
	}
	struct ipc_account_guest_letter letter = { .uid = uid,
		.flags = m.flags & STORE_SYSTEM_FLAGS,
		.internal_s = cold.internal_s,
		.size = (uint32_t)text.n,
		.keywords = buf_view(&words) };
	if (text.n == 0) {
		return ERR_OK;
	}
	ipc_account_guest_letter_put(out, &letter);
	TRY(send(chan, out));
	for (size_t at = 0; at < text.n; at += PIECE) {
		struct ipc_account_guest_piece piece = { str_sub(text, at, PIECE) };
		ipc_account_guest_piece_put(out, &piece);
		TRY(send(chan, out));
	}
	return ERR_OK;
}

enum err
svc_account_imap_shared_send_letters(struct svc_account_imap *s, int chan, str set, bool uid)
{
	struct imap_seqset seqs;
	struct store_set uids;
	struct buf out;
	TRY(imap_seqset_parse(s->work, set, &seqs));
	enum err e = svc_account_imap_uids(s, &seqs, uid, &uids);
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	for (uint32_t seq = 1; e == ERR_OK && seq <= s->box.view.n; seq++) {
		uint32_t one = store_view_uid(&s->box.view, seq);
		e = store_set_has(&uids, one) ? send_one(s, chan, one, &out) : ERR_OK;
	}
	buf_done(&out);
	store_set_done(&uids);
	return e;
}
