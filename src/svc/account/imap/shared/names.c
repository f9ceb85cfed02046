/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE, DELETE and RENAME by a guest (RFC 4314 4: "k" on the nearest mailbox above the new name,
 * "x" on the old one). The lists are read here, the store is told of these very names and
 * mailboxes, and then the owner's handler does it. Whatever is not allowed is answered in the same
 * way, whether it is there or not.
 */
#include "svc/account/imap/shared/guest.h"

static enum err
refuse(struct svc_account_imap *s, const char *text)
{
	return svc_account_imap_fail(s, ERR_DENIED, "NOPERM", text);
}

static enum err
cannot(struct svc_account_imap *s, const char *text)
{
	return svc_account_imap_fail(s, ERR_DENIED, "CANNOT", text);
}

static bool
is_below(str name, str parent)
{
	return name.n > parent.n && str_starts(name, parent) && name.p[parent.n] == '/';
}

/* RFC 4314 4, CREATE: the nearest existing parent. None: id 0. */
static enum err
find_above(struct svc_account_imap *s, str name, struct store_mailbox *ret)
{
	*ret = (struct store_mailbox){ 0 };
	for (size_t cut = name.n; cut-- > 1;) {
		enum err e = name.p[cut] == '/'
		    ? store_mailbox_find(s->store, str_sub(name, 0, cut), s->work, ret)
		    : ERR_NOTFOUND;
		if (e != ERR_NOTFOUND) {
			return e;
		}
	}
	return ERR_OK;
}

/* A mailbox that is there but may not be seen is no answer to somebody who may create. */
static enum err
check_free(struct svc_account_imap *s, str name)
{
	struct store_mailbox m;
	unsigned rights = 0;
	enum err e = store_mailbox_find(s->store, name, s->work, &m);
	if (e == ERR_OK) {
		TRY(svc_account_imap_shared_rights(s, m.id, &rights));
		return (rights & IMAP_RIGHT_LOOKUP) != 0 ? ERR_EXISTS : ERR_DENIED;
	}
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* Cut our prefix off the name of a mailbox that is to be; where will it be? */
static enum err
take_new_name(struct svc_account_imap *s, str *name, struct store_restriction *names)
{
	struct store_mailbox above;
	unsigned rights = 0;
	static const char text[] = "you may not make a mailbox there";
	if (!str_starts(*name, s->shared.prefix)) {
		return refuse(s, text);
	}
	*name = str_from_off(*name, s->shared.prefix.n);
	if (name->n > 1 && str_ends(*name, S("/"))) {
		name->n--; /* RFC 9051 6.3.4: there will be inferiors */
	}
	TRY(find_above(s, *name, &above));
	if (above.id != 0) {
		TRY(svc_account_imap_shared_rights(s, above.id, &rights));
	}
	if ((rights & IMAP_RIGHT_CREATE) == 0) {
		return refuse(s, text);
	}
	enum err e = check_free(s, *name);
	if (e == ERR_DENIED) {
		return refuse(s, text);
	}
	names->name = *name;
	names->below = above.id;
	return e;
}

enum err
svc_account_imap_shared_guest_create(struct svc_account_imap *s, struct imap_command *c)
{
	struct store_restriction names = { 0 };
	if (c->u.create.use != 0) { /* RFC 6154 3 */
		return svc_account_imap_fail(s, ERR_DENIED, "USEATTR",
		    "special uses are the owner's");
	}
	TRY(take_new_name(s, &c->u.create.mailbox, &names));
	svc_account_imap_shared_guest_allow(s, &names);
	enum err e = svc_account_imap_cmd_create(s, c);
	svc_account_imap_shared_guest_allow(s, NULL);
	return e;
}

/* The mailbox of a name, with "x"; INBOX stays, as it does for its owner. */
static enum err
take_old_name(struct svc_account_imap *s, str *name, uint64_t *ret_id)
{
	struct store_mailbox m;
	unsigned rights;
	TRY(svc_account_imap_shared_guest_take_name(s, name, IMAP_RIGHT_DROP, &rights));
	TRY(store_mailbox_find(s->store, *name, s->work, &m));
	*name = m.name;
	*ret_id = m.id;
	return str_eq(m.name, S("INBOX")) ? cannot(s, "INBOX stays") : ERR_OK;
}

enum err
svc_account_imap_shared_guest_delete(struct svc_account_imap *s, struct imap_command *c)
{
	struct store_restriction names = { 0 };
	TRY(take_old_name(s, &c->u.mailbox, &names.remove));
	svc_account_imap_shared_guest_allow(s, &names);
	enum err e = svc_account_imap_cmd_delete(s, c);
	svc_account_imap_shared_guest_allow(s, NULL);
	return e;
}

static int
by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x == *y ? 0 : *x < *y ? -1 : 1;
}

/* What lies below goes along (RFC 9051 6.3.6), and so "x" is needed there, too. */
static enum err
take_along(struct svc_account_imap *s, str from, struct store_restriction *names)
{
	struct store_mailbox *all;
	size_t n = 0, found = 0;
	TRY(store_mailboxes(s->store, s->work, &all, &n));
	uint64_t *ids = arena_array(s->work, n + 1, sizeof *ids);
	if (ids == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned rights = 0;
		if (all[i].id == 0 || !is_below(all[i].name, from)) {
			continue;
		}
		TRY(svc_account_imap_shared_rights(s, all[i].id, &rights));
		if ((rights & IMAP_RIGHT_DROP) == 0) {
			return refuse(s, "you may not rename all that lies below it");
		}
		ids[found++] = all[i].id;
	}
	if (found > 1) {
		qsort(ids, found, sizeof *ids, by_number);
	}
	names->along = ids;
	names->along_n = found;
	return ERR_OK;
}

enum err
svc_account_imap_shared_guest_rename(struct svc_account_imap *s, struct imap_command *c)
{
	struct imap_rename_args *rename = &c->u.rename;
	struct store_restriction names = { 0 };
	TRY(take_old_name(s, &rename->from, &names.rename));
	TRY(take_along(s, rename->from, &names));
	TRY(take_new_name(s, &rename->to, &names));
	if (is_below(rename->to, rename->from)) {
		return cannot(s, "a mailbox cannot be below itself");
	}
	svc_account_imap_shared_guest_allow(s, &names);
	enum err e = svc_account_imap_cmd_rename(s, c);
	svc_account_imap_shared_guest_allow(s, NULL);
	return e;
}
