/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access control lists of one's own mailboxes (RFC 4314), and MYRIGHTS for everybody. An entry is
 * an annotation "acl:identifier" with the value "account letters". An identifier is the main
 * address of an account of this server; its account's number decides, so an address that is given
 * to somebody else brings no rights along. The owner has all rights, always. A guest with "a" gives
 * and takes only rights that it has itself; that is looked at in the transaction that changes them.
 */
#include "svc/account/imap/shared/guest.h"

#include "proto/imap/write.h"

/* What others can be given: nothing is posted to mailboxes. */
enum { GRANTABLE = IMAP_RIGHTS_ALL & ~IMAP_RIGHT_POST };

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

static unsigned
rights_of(uint64_t account, const struct store_annotation_list *list)
{
	struct entry entry;
	unsigned given = 0, taken = 0;
	for (size_t i = 0; i < list->n; i++) {
		if (parse_entry(&list->v[i], &entry) && entry.account == account) {
			bool negative = str_starts(entry.identifier, S("-"));
			given |= negative ? 0 : entry.rights;
			taken |= negative ? entry.rights : 0;
		}
	}
	return given & ~taken & GRANTABLE;
}

/* Those of whom this session serves. */
static unsigned
rights_here(const struct svc_account_imap *s, const struct store_annotation_list *list)
{
	return is_guest(s) ? rights_of(s->account->guest, list) : IMAP_RIGHTS_ALL;
}

enum err
svc_account_imap_shared_rights(struct svc_account_imap *s, uint64_t mailbox, unsigned *ret)
{
	struct store_annotation_list list = { 0 };
	if (is_guest(s)) {
		TRY(store_annotations(s->store, mailbox, kind, s->work, &list));
	}
	*ret = rights_here(s, &list);
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
	imap_put_mailbox(&s->out, svc_account_imap_shared_full_name(s, name),
	    svc_account_imap_utf8(s));
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

/* A mailbox that exists; a guest's rights in it were looked at before. */
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

/* Each alone (RFC 4314 3.7), and "c" and "d" with their members (2.1.1). */
static void
put_each(struct buf *out, unsigned rights)
{
	static const struct {
		unsigned any;
		char letter;
	} letters[] = { { IMAP_RIGHT_LOOKUP, 'l' }, { IMAP_RIGHT_READ, 'r' },
		{ IMAP_RIGHT_SEEN, 's' }, { IMAP_RIGHT_WRITE, 'w' }, { IMAP_RIGHT_INSERT, 'i' },
		{ IMAP_RIGHT_CREATE, 'k' }, { IMAP_RIGHT_DROP, 'x' }, { IMAP_RIGHT_DELETE, 't' },
		{ IMAP_RIGHT_EXPUNGE, 'e' }, { IMAP_RIGHT_ADMIN, 'a' },
		{ IMAP_RIGHT_CREATE | IMAP_RIGHT_DROP, 'c' },
		{ IMAP_RIGHT_DELETE | IMAP_RIGHT_EXPUNGE, 'd' } };
	for (size_t i = 0; i < LEN(letters); i++) {
		if ((rights & letters[i].any) != 0) {
			buf_ch(out, ' ');
			buf_ch(out, letters[i].letter);
		}
	}
}

static bool
is_anyone(str identifier)
{
	return str_eq(identifier, S("anyone")) || str_eq(identifier, S("-anyone"));
}

enum err
svc_account_imap_shared_listrights(struct svc_account_imap *s, struct imap_command *cmd)
{
	const struct imap_acl_args *acl = &cmd->u.acl;
	struct store_mailbox m;
	unsigned mine;
	TRY(find(s, acl->mailbox, &m));
	TRY(svc_account_imap_shared_rights(s, m.id, &mine));
	put_name(s, "* LISTRIGHTS ", m.name);
	if (is_owner(s, acl->identifier)) {
		put_pair(&s->out, acl->identifier, IMAP_RIGHTS_ALL);
	} else {
		put_pair(&s->out, acl->identifier, 0);
		put_each(&s->out, is_anyone(acl->identifier) ? 0 : mine & GRANTABLE);
	}
	buf_cstr(&s->out, "\r\n");
	return ERR_OK;
}

/* ---- changing ----------------------------------------------------------------------------- */

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

/* One entry of a list, and what is to become of its rights. */
struct change {
	struct svc_account_imap *s;
	enum imap_acl_mode mode;
	unsigned rights;
	str identifier;   /* a main address, perhaps with "-" in front */
	uint64_t account; /* 0: whom the entry names already */
	bool none;        /* there is no such entry, and none is needed */
};

/* The account behind an identifier; its main address becomes the identifier. */
static enum err
resolve(struct change *c, bool begin)
{
	bool negative = str_starts(c->identifier, S("-"));
	struct svc_account_imap *s = c->s;
	enum err e = svc_account_imap_shared_ask_share(s, str_from_off(c->identifier, negative),
	    begin);
	if (e != ERR_OK) {
		return e;
	}
	c->account = s->shared.who.account;
	c->identifier = arena_printf(s->work, "%s%.*s", negative ? "-" : "",
	    STR_ARG(s->shared.who.name));
	return c->identifier.p == NULL ? ERR_BUDGET : ERR_OK;
}

static struct entry
entry_now(const struct change *c, const struct store_annotation_list *list)
{
	struct entry entry;
	for (size_t i = 0; i < list->n; i++) {
		if (parse_entry(&list->v[i], &entry) && str_eq(entry.identifier, c->identifier)) {
			return entry;
		}
	}
	return (struct entry){ 0 };
}

static unsigned
rights_after(const struct change *c, unsigned now)
{
	switch (c->mode) {
	case IMAP_ACL_ADD: return now | (c->rights & GRANTABLE);
	case IMAP_ACL_REMOVE: return now & ~c->rights;
	default: return c->rights & GRANTABLE;
	}
}

/*
 * What the entry becomes, by the list as it is within the transaction. An address may be somebody
 * else's by now, who then begins with nothing.
 */
static enum err
choose(void *ctx, const struct store_annotation_list *list, struct store_annotation *ret)
{
	struct change *c = ctx;
	struct entry now = entry_now(c, list);
	unsigned mine = rights_here(c->s, list);
	bool same = c->account == 0 || c->account == now.account;
	unsigned after = rights_after(c, same ? now.rights : 0);
	unsigned changed = same ? now.rights ^ after : now.rights | after;
	if ((mine & IMAP_RIGHT_ADMIN) == 0 || (changed & ~mine) != 0) {
		return ERR_DENIED;
	}
	char room[32];
	struct buf letters;
	buf_init_fixed(&letters, room, sizeof room);
	imap_put_rights(&letters, after);
	str view = buf_view(&letters);
	ret->entry = arena_printf(c->s->work, "acl:%.*s", STR_ARG(c->identifier));
	if (after != 0) {
		uint64_t account = c->account != 0 ? c->account : now.account;
		ret->value = arena_printf(c->s->work, "%llu %.*s", (unsigned long long)account,
		    STR_ARG(view));
	}
	return ret->entry.p == NULL || (after != 0 && ret->value.p == NULL) ? ERR_BUDGET : ERR_OK;
}

static enum err
save(struct change *c, uint64_t mailbox)
{
	struct svc_account_imap *s = c->s;
	struct store_annotation_choice choice = {
		.mailbox = mailbox, .start = kind, .choose = choose, .ctx = c, .a = s->work
	};
	if (is_guest(s)) {
		str entry = arena_printf(s->work, "acl:%.*s", STR_ARG(c->identifier));
		struct store_restriction one = { .annotate = mailbox, .entry = entry };
		svc_account_imap_shared_guest_allow(s, &one);
	}
	enum err e = store_annotate_by(s->store, &choice);
	if (is_guest(s)) {
		svc_account_imap_shared_guest_allow(s, NULL);
	}
	if (e == ERR_DENIED) {
		return svc_account_imap_fail(s, e, "NOPERM",
		    "you give and take only the rights that you have here");
	}
	TRY(e);
	svc_account_imap_changed(s, mailbox); /* guests look again */
	svc_account_imap_changed(s, 0);
	return ERR_OK;
}

/*
 * To take rights away, the entry is looked for as it was named, and then by the account's main
 * address: entries of accounts that are gone can be removed, too.
 */
static enum err
find_entry(struct change *c, uint64_t mailbox)
{
	struct store_annotation_list list;
	TRY(store_annotations(c->s->store, mailbox, kind, c->s->work, &list));
	if (entry_now(c, &list).identifier.n > 0) {
		return ERR_OK;
	}
	enum err e = resolve(c, false);
	c->none = e == ERR_NOTFOUND || (e == ERR_OK && entry_now(c, &list).identifier.n == 0);
	c->account = 0;
	return e == ERR_OK || e == ERR_NOTFOUND ? ERR_OK : refuse(c->s, e);
}

static enum err
change(struct change *c, uint64_t mailbox)
{
	bool gives = c->mode != IMAP_ACL_REMOVE && (c->rights & GRANTABLE) != 0;
	if (gives) {
		enum err e = resolve(c, true);
		TRY(e == ERR_OK ? e : refuse(c->s, e));
	} else {
		TRY(find_entry(c, mailbox));
	}
	return c->none ? ERR_OK : save(c, mailbox);
}

enum err
svc_account_imap_shared_setacl(struct svc_account_imap *s, struct imap_command *cmd)
{
	const struct imap_acl_args *acl = &cmd->u.acl;
	struct change c = {
		.s = s, .mode = acl->mode, .rights = acl->rights, .identifier = acl->identifier
	};
	struct store_mailbox m;
	TRY(find(s, acl->mailbox, &m));
	if (is_owner(s, acl->identifier)) {
		bool all = acl->mode == IMAP_ACL_ADD || acl->rights == IMAP_RIGHTS_ALL;
		return all && acl->mode != IMAP_ACL_REMOVE ? ERR_OK : refuse(s, ERR_DENIED);
	}
	if (is_anyone(acl->identifier)) {
		return svc_account_imap_fail(s, ERR_DENIED, "CANNOT",
		    "rights are given to single accounts here");
	}
	if (acl->rights == IMAP_RIGHT_POST && acl->mode != IMAP_ACL_REMOVE) {
		return svc_account_imap_fail(s, ERR_DENIED, "CANNOT",
		    "this right cannot be given to others");
	}
	return change(&c, m.id);
}

enum err
svc_account_imap_shared_deleteacl(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct change c = { .s = s, .mode = IMAP_ACL_SET, .identifier = cmd->u.acl.identifier };
	struct store_mailbox m;
	TRY(find(s, cmd->u.acl.mailbox, &m));
	return is_owner(s, c.identifier) ? refuse(s, ERR_DENIED) : change(&c, m.id);
}
