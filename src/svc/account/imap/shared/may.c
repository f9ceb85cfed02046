/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a visitor may do in the owner's folder, by the owner's lists, and what the store is told of
 * it. The functions that commands call ask nothing of a session that is not a guest's.
 */
#include "svc/account/imap/shared/guest.h"

static bool
is_guest(const struct svc_account_imap *s)
{
	return s->account->guest != 0;
}

/* RFC 4314 4: one right for \Seen, one for \Deleted, one for all others. */
static uint32_t
flags_of(unsigned rights)
{
	return ((rights & IMAP_RIGHT_SEEN) != 0 ? (uint32_t)STORE_SEEN : 0) |
	    ((rights & IMAP_RIGHT_DELETE) != 0 ? (uint32_t)STORE_DELETED : 0) |
	    ((rights & IMAP_RIGHT_WRITE) != 0 ? ~(uint32_t)(STORE_SEEN | STORE_DELETED) : 0);
}

uint32_t
svc_account_imap_shared_flags_may(const struct svc_account_imap *s)
{
	return is_guest(s) ? flags_of(s->shared.rights) : UINT32_MAX;
}

uint32_t
svc_account_imap_shared_target_flags(const struct svc_account_imap *s)
{
	return is_guest(s) ? flags_of(s->shared.target_rights) : UINT32_MAX;
}

/* ---- what the store is told --------------------------------------------------------------- */

/* `names`: what it says of names, or NULL. */
static void
tell_store(struct svc_account_imap *s, const struct store_restriction *names)
{
	const struct svc_account_imap_shared *w = &s->shared;
	struct store_restriction r = { 0 };
	if (names != NULL) {
		r = *names;
	}
	r.mailbox = w->open;
	r.flags = flags_of(w->rights);
	r.expunge = (w->rights & IMAP_RIGHT_EXPUNGE) != 0;
	r.insert = w->target;
	r.insert_flags = flags_of(w->target_rights);
	store_restrict(s->store, &r);
}

void
svc_account_imap_shared_guest_restrict(struct svc_account_imap *s, uint64_t mailbox,
    unsigned rights)
{
	s->shared.open = mailbox;
	s->shared.rights = rights;
	s->shared.target = 0;
	s->shared.target_rights = 0;
	tell_store(s, NULL);
}

void
svc_account_imap_shared_guest_allow(struct svc_account_imap *s, const struct store_restriction *r)
{
	if (s->state != IMAP_SELECTED) { /* or not any more */
		s->shared.open = 0;
		s->shared.rights = 0;
	}
	tell_store(s, r);
}

static void
allow_target(struct svc_account_imap *s, uint64_t mailbox, unsigned rights)
{
	bool may = (rights & IMAP_RIGHT_INSERT) != 0;
	s->shared.target = may ? mailbox : 0;
	s->shared.target_rights = may ? rights : 0;
	tell_store(s, NULL);
}

enum err
svc_account_imap_shared_guest_check(struct svc_account_imap *s)
{
	unsigned rights = 0;
	if (s->state != IMAP_SELECTED) {
		svc_account_imap_shared_guest_restrict(s, 0, 0);
		return ERR_OK;
	}
	TRY(svc_account_imap_shared_rights(s, s->box.id, &rights));
	unsigned before = s->shared.rights;
	svc_account_imap_shared_guest_restrict(s, s->box.id, rights);
	if ((rights & IMAP_RIGHT_READ) == 0) {
		return ERR_DENIED;
	}
	return before == rights ? ERR_OK : svc_account_imap_keywords(s, true);
}

enum err
svc_account_imap_shared_guest_check_target(struct svc_account_imap *s)
{
	uint64_t target = s->shared.target;
	unsigned rights = 0;
	TRY(svc_account_imap_shared_guest_check(s));
	if (target != 0) {
		TRY(svc_account_imap_shared_rights(s, target, &rights));
	}
	allow_target(s, target, rights);
	return ERR_OK;
}

/* ---- names -------------------------------------------------------------------------------- */

enum err
svc_account_imap_shared_guest_take_name(struct svc_account_imap *s, str *name, unsigned want,
    unsigned *ret_rights)
{
	struct store_mailbox m;
	if (!str_starts(*name, s->shared.prefix)) {
		return ERR_NOTFOUND;
	}
	*name = str_from_off(*name, s->shared.prefix.n);
	TRY(store_mailbox_find(s->store, *name, s->work, &m));
	if (m.id == 0) {
		return ERR_NOTFOUND;
	}
	TRY(svc_account_imap_shared_rights(s, m.id, ret_rights));
	if ((*ret_rights & want) == want) {
		return ERR_OK;
	}
	return (*ret_rights & IMAP_RIGHT_LOOKUP) == 0
	    ? ERR_NOTFOUND
	    : svc_account_imap_fail(s, ERR_DENIED, "NOPERM", "you may not do this here");
}

enum err
svc_account_imap_shared_target(struct svc_account_imap *s, str name, struct store_mailbox *ret)
{
	unsigned rights = 0;
	enum err e = is_guest(s)
	    ? svc_account_imap_shared_guest_take_name(s, &name, IMAP_RIGHT_INSERT, &rights)
	    : ERR_OK;
	e = e == ERR_OK ? store_mailbox_find(s->store, name, s->work, ret) : e;
	if (e == ERR_NOTFOUND || (e == ERR_OK && ret->id == 0)) {
		return svc_account_imap_fail(s, ERR_NOTFOUND, "TRYCREATE", "no such mailbox");
	}
	if (e == ERR_OK && is_guest(s)) {
		allow_target(s, ret->id, rights);
	}
	return e;
}

enum err
svc_account_imap_shared_source(struct svc_account_imap *s, str name, struct store_mailbox *ret)
{
	unsigned rights;
	if (is_guest(s)) {
		TRY(svc_account_imap_shared_guest_take_name(s, &name, IMAP_RIGHT_READ, &rights));
	}
	return store_mailbox_find(s->store, name, s->work, ret);
}

enum err
svc_account_imap_shared_may_remove(struct svc_account_imap *s)
{
	const unsigned both = IMAP_RIGHT_DELETE | IMAP_RIGHT_EXPUNGE;
	return !is_guest(s) || (s->shared.rights & both) == both
	    ? ERR_OK
	    : svc_account_imap_fail(s, ERR_DENIED, "NOPERM", "you may not remove messages here");
}
