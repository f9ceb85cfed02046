/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access control lists of one's own mailboxes (RFC 4314), and MYRIGHTS for everybody. An entry is
 * an annotation "acl:identifier" with the value "account letters". An identifier is the main
 * address of an account of this server; its account's number decides, so an address that is given
 * to somebody else brings no rights along. The owner has all rights, always.
 */
#include "svc/account/imap/session.h"

#include "proto/imap/write.h"

/* What others can be given. Administering is the owner's, and nothing is posted to mailboxes. */
enum { GRANTABLE = IMAP_RIGHTS_ALL & ~(IMAP_RIGHT_POST | IMAP_RIGHT_ADMIN) };

static const str kind = S_INIT("acl:");

struct entry {
	str identifier; /* with "-" in front: rights that are taken away */
	uint64_t account;
	unsigned rights;
};

static bool
is_guest(const struct svc_account_imap *s)
{
	return s->account->guest != 0;
}

/* "c" and "d" are written along with any of their members (imap_put_rights), and mean no others. */
static bool
parse_letters(str letters, unsigned *ret)
{
	char room[32];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	for (size_t i = 0; i < letters.n; i++) {
		if (letters.p[i] != 'c' && letters.p[i] != 'd') {
			buf_ch(&b, letters.p[i]);
		}
	}
	return buf_err(&b) == ERR_OK && imap_rights_parse(buf_view(&b), ret) == ERR_OK;
}

static bool
parse_entry(const struct store_annotation *one, struct entry *ret)
{
	str number, letters;
	ret->identifier = str_from_off(one->entry, kind.n);
	return str_cut(one->value, ' ', &number, &letters) && str_u64(number, &ret->account) &&
	    parse_letters(letters, &ret->rights);
}

enum err
svc_account_imap_shared_rights(struct svc_account_imap *s, uint64_t mailbox, unsigned *ret)
{
	struct store_annotation_list list;
	struct entry entry;
	unsigned given = 0, taken = 0;
	if (!is_guest(s)) {
		*ret = IMAP_RIGHTS_ALL;
		return ERR_OK;
	}
	TRY(store_annotations(s->store, mailbox, kind, s->work, &list));
	for (size_t i = 0; i < list.n; i++) {
		if (parse_entry(&list.v[i], &entry) && entry.account == s->account->guest) {
			bool negative = str_starts(entry.identifier, S("-"));
			given |= negative ? 0 : entry.rights;
			taken |= negative ? entry.rights : 0;
		}
	}
	*ret = given & ~taken & GRANTABLE;
	return ERR_OK;
}

static void
put_pair(struct buf *out, str identifier, unsigned rights)
{
	buf_ch(out, ' ');
	imap_put_astring(out, identifier);
	buf_ch(out, ' ');
	if (rights == 0) {
		buf_cstr(out, "\"\"");
	}
	imap_put_rights(out, rights);
}

static void
put_name(struct svc_account_imap *s, const char *what, str name)
{
	buf_cstr(&s->out, what);
	imap_put_mailbox(&s->out, name, svc_account_imap_utf8(s));
}

enum err
svc_account_imap_shared_put_myrights(struct svc_account_imap *s, const struct store_mailbox *m)
{
	unsigned rights;
	TRY(svc_account_imap_shared_rights(s, m->id, &rights));
	put_name(s, "* MYRIGHTS ", m->name);
	buf_ch(&s->out, ' ');
	imap_put_rights(&s->out, rights);
	buf_cstr(&s->out, "\r\n");
	return ERR_OK;
}

/* A mailbox that exists; for guests: that they may see, and nothing but MYRIGHTS. */
static enum err
find(struct svc_account_imap *s, str name, struct store_mailbox *ret)
{
	TRY(store_mailbox_find(s->store, name, s->work, ret));
	return ret->id == 0 ? ERR_NOTFOUND : ERR_OK;
}

enum err
svc_account_imap_shared_myrights(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct store_mailbox m;
	TRY(find(s, cmd->u.mailbox, &m));
	m.name = svc_account_imap_shared_full_name(s, m.name);
	return svc_account_imap_shared_put_myrights(s, &m);
}

enum err
svc_account_imap_shared_getacl(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct store_mailbox m;
	struct store_annotation_list list;
	struct entry entry;
	TRY(find(s, cmd->u.mailbox, &m));
	TRY(store_annotations(s->store, m.id, kind, s->work, &list));
	put_name(s, "* ACL ", m.name);
	put_pair(&s->out, s->account->name, IMAP_RIGHTS_ALL);
	for (size_t i = 0; i < list.n; i++) {
		if (parse_entry(&list.v[i], &entry)) {
			put_pair(&s->out, entry.identifier, entry.rights);
		}
	}
	buf_cstr(&s->out, "\r\n");
	return ERR_OK;
}

/* Without "@" it is somebody of the owner's domain, as at log-in. */
static bool
is_owner(const struct svc_account_imap *s, str identifier)
{
	str local, domain;
	(void)str_cut(s->account->name, '@', &local, &domain);
	return str_eq(identifier, s->account->name) || str_eq(identifier, local);
}

enum err
svc_account_imap_shared_listrights(struct svc_account_imap *s, struct imap_command *cmd)
{
	const struct imap_acl_args *acl = &cmd->u.acl;
	struct store_mailbox m;
	bool nobody = str_eq(acl->identifier, S("anyone")) || str_eq(acl->identifier, S("-anyone"));
	TRY(find(s, acl->mailbox, &m));
	put_name(s, "* LISTRIGHTS ", m.name);
	if (is_owner(s, acl->identifier)) {
		put_pair(&s->out, acl->identifier, IMAP_RIGHTS_ALL);
	} else {
		put_pair(&s->out, acl->identifier, 0);
		buf_cstr(&s->out, nobody ? "" : " l r s w i k x t e c d");
	}
	buf_cstr(&s->out, "\r\n");
	return ERR_OK;
}

/* ---- changing ----------------------------------------------------------------------------- */

/* The rights an identifier has in the list now; 0 when it is not there. */
static enum err
rights_in_list(struct svc_account_imap *s, uint64_t mailbox, str identifier, unsigned *ret)
{
	struct store_annotation_list list;
	struct entry entry;
	*ret = 0;
	TRY(store_annotations(s->store, mailbox, kind, s->work, &list));
	for (size_t i = 0; i < list.n; i++) {
		if (parse_entry(&list.v[i], &entry) && str_eq(entry.identifier, identifier)) {
			*ret = entry.rights;
		}
	}
	return ERR_OK;
}

static enum err
save(struct svc_account_imap *s, uint64_t mailbox, const struct entry *entry)
{
	struct buf letters;
	char room[32];
	buf_init_fixed(&letters, room, sizeof room);
	imap_put_rights(&letters, entry->rights);
	str view = buf_view(&letters);
	struct store_annotation one = { .mailbox = mailbox,
		.entry = arena_printf(s->work, "acl:%.*s", STR_ARG(entry->identifier)),
		.value = arena_printf(s->work, "%llu %.*s", (unsigned long long)entry->account,
		    STR_ARG(view)) };
	if (one.entry.p == NULL || one.value.p == NULL) {
		return ERR_BUDGET;
	}
	if (entry->rights == 0) {
		one.value = STR_NONE;
	}
	TRY(store_annotate(s->store, &one, 1, NULL));
	svc_account_imap_changed(s, mailbox); /* guests look again */
	svc_account_imap_changed(s, 0);
	return ERR_OK;
}

static enum err
refuse(struct svc_account_imap *s, enum err e)
{
	switch (e) {
	case ERR_NOTFOUND:
		return svc_account_imap_fail(s, e, "NONEXISTENT", "no such account here");
	case ERR_UNAVAILABLE:
		return svc_account_imap_fail(s, e, "UNAVAILABLE", "cannot be done now, try again");
	case ERR_DENIED:
		return svc_account_imap_fail(s, e, "CANNOT", "the owner has all rights, always");
	default: return e;
	}
}

/* The account behind an identifier; its main address becomes the identifier. */
static enum err
resolve(struct svc_account_imap *s, str identifier, struct entry *ret)
{
	bool negative = str_starts(identifier, S("-"));
	enum err e = svc_account_imap_shared_ask_share(s, str_from_off(identifier, negative), true);
	if (e != ERR_OK) {
		return refuse(s, e);
	}
	ret->account = s->shared.who.account;
	ret->identifier = arena_printf(s->work, "%s%.*s", negative ? "-" : "",
	    STR_ARG(s->shared.who.name));
	return ret->identifier.p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
set(struct svc_account_imap *s, const struct imap_acl_args *acl, uint64_t mailbox)
{
	struct entry entry = { .identifier = acl->identifier };
	unsigned now, want = acl->rights & GRANTABLE;
	bool adds = acl->mode != IMAP_ACL_REMOVE && want != 0;
	if (acl->rights != 0 && want == 0 && acl->mode != IMAP_ACL_REMOVE) {
		return svc_account_imap_fail(s, ERR_DENIED, "CANNOT",
		    "these rights cannot be given to others");
	}
	if (adds) {
		TRY(resolve(s, acl->identifier, &entry));
	}
	TRY(rights_in_list(s, mailbox, entry.identifier, &now));
	entry.rights = acl->mode == IMAP_ACL_SET ? want
	    : acl->mode == IMAP_ACL_ADD          ? now | want
						 : now & ~acl->rights;
	if (entry.rights != 0 && entry.account == 0) { /* fewer than before */
		TRY(resolve(s, acl->identifier, &entry));
	}
	return save(s, mailbox, &entry);
}

enum err
svc_account_imap_shared_setacl(struct svc_account_imap *s, struct imap_command *cmd)
{
	const struct imap_acl_args *acl = &cmd->u.acl;
	struct store_mailbox m;
	TRY(find(s, acl->mailbox, &m));
	if (is_owner(s, acl->identifier)) {
		bool all = acl->mode == IMAP_ACL_ADD || acl->rights == IMAP_RIGHTS_ALL;
		return all && acl->mode != IMAP_ACL_REMOVE ? ERR_OK : refuse(s, ERR_DENIED);
	}
	if (str_eq(acl->identifier, S("anyone")) || str_eq(acl->identifier, S("-anyone"))) {
		return svc_account_imap_fail(s, ERR_DENIED, "CANNOT",
		    "rights are given to single accounts here");
	}
	return set(s, acl, m.id);
}

/* Entries of accounts that are gone can be removed, so nobody is asked who it is. */
enum err
svc_account_imap_shared_deleteacl(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct store_mailbox m;
	struct entry entry = { .identifier = cmd->u.acl.identifier };
	TRY(find(s, cmd->u.acl.mailbox, &m));
	if (is_owner(s, entry.identifier)) {
		return refuse(s, ERR_DENIED);
	}
	return save(s, m.id, &entry);
}
