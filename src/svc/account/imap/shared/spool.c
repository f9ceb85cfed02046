/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets go to the file as they come, and the store reads them from there through a map: a message
 * is never whole in this process's own memory. Nothing is in the mailbox before svc_..._store.
 */
#include "svc/account/imap/shared/spool.h"

#include "ipc/account_guest.h"
#include "store/limits.h"
#include "svc/account/imap/describe.h"
#include "svc/account/imap/session.h"
#include "sys/file.h"
#include "sys/sys.h"

struct svc_account_imap_spooled {
	uint64_t off;
	uint32_t size, flags;
	int64_t internal_s;
	str keywords; /* NUL behind each; often those of the message before */
};

enum err
svc_account_imap_shared_spool_begin(struct svc_account_imap *s,
    struct svc_account_imap_spool *spool, uint64_t mailbox, uint64_t octets)
{
	struct store_quota q;
	TRY(store_quota(s->store, &q));
	uint64_t left = q.octets_max == 0 ? UINT64_MAX : q.octets_max - MIN(q.octets, q.octets_max);
	if (octets > left || left == 0) {
		return ERR_QUOTA;
	}
	if (octets > SVC_ACCOUNT_IMAP_SPOOL_MAX) {
		return ERR_TOOBIG;
	}
	*spool = (struct svc_account_imap_spool){ .fd = -1, .mailbox = mailbox, .room = left };
	TRY(store_temp(s->store, &spool->fd));
	spool->arena = arena_new(s->arena, "spool", SVC_ACCOUNT_IMAP_SPOOL_BUDGET, 0);
	if (spool->arena == NULL) {
		sys_close(&spool->fd);
		return ERR_NOMEM;
	}
	return ERR_OK;
}

void
svc_account_imap_shared_spool_done(struct svc_account_imap_spool *spool)
{
	if (spool->arena != NULL) {
		sys_close(&spool->fd);
		arena_free(&spool->arena);
	}
	*spool = (struct svc_account_imap_spool){ .fd = -1 };
}

/* ---- coming in ---------------------------------------------------------------------------- */

static enum err
one_more(struct svc_account_imap_spool *spool)
{
	if (spool->n == SVC_ACCOUNT_IMAP_SPOOL_LETTERS) {
		return ERR_TOOMANY;
	}
	struct svc_account_imap_spooled *v = arena_grow(spool->arena, spool->v, spool->n,
	    &spool->cap, sizeof *v);
	if (v == NULL) {
		return ERR_BUDGET;
	}
	spool->v = v;
	return ERR_OK;
}

static enum err
keep_facts(struct svc_account_imap_spool *spool, const struct ipc_account_guest_parcel *m)
{
	if (m->size > spool->room - spool->octets) {
		return ERR_QUOTA;
	}
	if (m->size > STORE_MESSAGE_MAX || m->size > SVC_ACCOUNT_IMAP_SPOOL_MAX - spool->octets) {
		return ERR_TOOBIG;
	}
	TRY(one_more(spool));
	str before = spool->n > 0 ? spool->v[spool->n - 1].keywords : STR_NONE;
	str words = str_eq(before, m->keywords) ? before : arena_dup(spool->arena, m->keywords);
	if (words.p == NULL && m->keywords.n > 0) {
		return ERR_BUDGET;
	}
	spool->v[spool->n++] = (struct svc_account_imap_spooled){ .off = spool->octets,
		.size = m->size,
		.flags = m->flags & STORE_SYSTEM_FLAGS,
		.internal_s = m->internal_s,
		.keywords = words };
	return ERR_OK;
}

enum err
svc_account_imap_shared_spool_letter(struct svc_account_imap_spool *spool,
    const struct ipc_account_guest_parcel *m)
{
	if (spool->arena == NULL || spool->left != 0 || m->size == 0) {
		return ERR_PROTOCOL;
	}
	spool->left = m->size;
	if (spool->err == ERR_OK) {
		spool->err = keep_facts(spool, m);
	}
	return ERR_OK;
}

enum err
svc_account_imap_shared_spool_piece(struct svc_account_imap_spool *spool, str octets)
{
	if (octets.n == 0 || octets.n > spool->left) {
		return ERR_PROTOCOL;
	}
	spool->left -= octets.n;
	if (spool->err == ERR_OK) {
		spool->err = sys_file_write(spool->fd, spool->octets, octets);
		spool->octets += octets.n;
	}
	return ERR_OK;
}

/* ---- storing ------------------------------------------------------------------------------ */

struct storing {
	struct svc_account_imap *s;
	struct svc_account_imap_spool *spool;
	const char *octets; /* of the file */
	str words;          /* the keywords that `bits` are for */
	uint32_t bits;
};

static uint32_t
keyword_bits(struct storing *t, str words)
{
	uint32_t bit;
	str rest = words, name;
	if (words.p != NULL && words.p == t->words.p) {
		return t->bits;
	}
	t->words = words;
	t->bits = 0;
	while (rest.n > 0 && str_next(&rest, 0, &name)) {
		if (name.n > 0 &&
		    store_keyword(t->s->store, t->spool->mailbox, name, &bit) == ERR_OK) {
			t->bits |= bit;
		}
	}
	return t->bits;
}

/* The scratch arena holds one message's facts; those that are kept move to the spool's. */
static enum err
keep_texts(struct storing *t, struct store_new *msg)
{
	struct arena *a = t->spool->arena;
	str *refs = arena_array(a, MAX(msg->refs_n, 1), sizeof *refs);
	if (refs == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < msg->refs_n; i++) {
		refs[i] = arena_dup(a, msg->refs[i]);
		if (refs[i].p == NULL) {
			return ERR_BUDGET;
		}
	}
	str id = arena_dup(a, msg->message_id);
	if (id.p == NULL && msg->message_id.n > 0) {
		return ERR_BUDGET;
	}
	msg->refs = refs;
	msg->message_id = id;
	bool few = t->spool->n <=
	    STORE_BATCH_MAX; /* of more, they are made when they are asked for */
	msg->envelope = few ? arena_dup(a, msg->envelope) : STR_NONE;
	msg->structure = few ? arena_dup(a, msg->structure) : STR_NONE;
	if (msg->envelope.p == NULL || msg->structure.p == NULL) {
		msg->envelope = msg->structure = STR_NONE;
	}
	return ERR_OK;
}

static enum err
describe(struct storing *t, const struct svc_account_imap_spooled *one, struct store_new *ret)
{
	struct store_new msg = { .internal_s = one->internal_s,
		.flags = one->flags | keyword_bits(t, one->keywords) };
	arena_reset(t->s->scratch);
	TRY(svc_account_imap_describe(t->s->scratch, str_make(t->octets + one->off, one->size),
	    &msg));
	TRY(keep_texts(t, &msg));
	*ret = msg;
	return ERR_OK;
}

static enum err
append_all(struct storing *t, struct store_copied *ret)
{
	struct svc_account_imap_spool *spool = t->spool;
	struct store_new *msgs = arena_array(spool->arena, spool->n, sizeof *msgs);
	struct store_added *added = arena_array(spool->arena, spool->n, sizeof *added);
	if (msgs == NULL || added == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < spool->n; i++) {
		TRY(describe(t, &spool->v[i], &msgs[i]));
	}
	TRY(store_append(t->s->store, spool->mailbox, msgs, spool->n, added));
	*ret = (struct store_copied){ added[0].uidvalidity, added[0].uid, (uint32_t)spool->n,
		added[0].modseq };
	return ERR_OK;
}

enum err
svc_account_imap_shared_spool_store(struct svc_account_imap *s,
    struct svc_account_imap_spool *spool, struct store_copied *ret)
{
	struct storing t = { .s = s, .spool = spool };
	const void *map = NULL;
	TRY(spool->err);
	if (spool->left != 0) {
		return ERR_PROTOCOL;
	}
	if (spool->n == 0) {
		*ret = (struct store_copied){ 0 };
		return ERR_OK;
	}
	TRY(sys_file_map(spool->fd, 0, (size_t)spool->octets, &map));
	t.octets = map;
	enum err e = append_all(&t, ret);
	sys_file_unmap(map, (size_t)spool->octets);
	if (e == ERR_OK) {
		svc_account_imap_changed(s, spool->mailbox);
	}
	return e;
}
