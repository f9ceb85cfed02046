/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of GETMETADATA, SETMETADATA and METADATA in LIST (RFC 5464 5, 9590); at the end those
 * of access control lists (RFC 4314).
 *
 *	getmetadata = "GETMETADATA" [SP options] SP mailbox [SP options] SP entries
 *	options     = "(" option *(SP option) ")"
 *	option      = "MAXSIZE" SP number / "DEPTH" SP ("0" / "1" / "infinity")
 *	entries     = entry / "(" entry *(SP entry) ")" / entry *(SP entry)
 *	setmetadata = "SETMETADATA" SP mailbox SP "(" entry SP value *(SP entry SP value) ")"
 *
 * The RFC has options before the mailbox, its examples behind it: both are read.
 */
#include "proto/imap/args.h"

#include "base/codec.h"

/* RFC 5464 3.2: what an entry name may be; "/shared" alone is only good for DEPTH. */
static bool
is_entry(str s)
{
	bool scoped = str_istarts(s, S("/shared")) || str_istarts(s, S("/private"));
	if (!scoped || str_find(s, S("//")) >= 0 || s.p[s.n - 1] == '/') {
		return false;
	}
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];
		if (ch <= 0x19 || ch >= 0x7f || ch == '*' || ch == '%') {
			return false;
		}
	}
	str rest = str_from_off(s, str_istarts(s, S("/shared")) ? 7 : 8);
	return rest.n == 0 || rest.p[0] == '/';
}

/* At least two components; at least four below vendor (RFC 5464 3.2). */
static bool
is_whole(str s)
{
	size_t parts = 0;
	for (size_t i = 0; i < s.n; i++) {
		parts += s.p[i] == '/';
	}
	str scope, rest, first, tail;
	(void)str_cut(str_from_off(s, 1), '/', &scope, &rest);
	(void)str_cut(rest, '/', &first, &tail);
	return parts >= (str_ieq(first, S("vendor")) ? 4u : 2u);
}

/* Names are compared without case: they are kept in lower case. */
static str
parse_entry(struct imap_cur *c)
{
	str s = imap_cur_astring(c);
	if (!imap_cur_ok(c)) {
		return STR_NONE;
	}
	if (s.n > IMAP_ENTRY_MAX) {
		imap_cur_fail(c, ERR_TOOBIG);
		return STR_NONE;
	}
	if (!is_entry(s)) {
		imap_cur_fail(c, ERR_SYNTAX);
		return STR_NONE;
	}
	char *p = arena_alloc(c->arena, s.n);
	if (p == NULL) {
		imap_cur_fail(c, ERR_BUDGET);
		return STR_NONE;
	}
	for (size_t i = 0; i < s.n; i++) {
		p[i] = ascii_lower(s.p[i]);
	}
	return (str){ p, s.n };
}

static void
add_entry(struct imap_cur *c, struct imap_vec *v, bool value)
{
	struct imap_metadata_entry entry = { .name = parse_entry(c) };
	if (value) {
		imap_cur_sp(c);
		entry.value = imap_cur_nstring(c);
		if (imap_cur_ok(c) && !is_whole(entry.name)) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
	}
	struct imap_metadata_entry *slot = imap_cur_ok(c) ? imap_vec_add(c, v) : NULL;
	if (slot != NULL) {
		*slot = entry;
	}
}

void
imap_parse_entries(struct imap_cur *c, bool bare, struct imap_metadata_args *ret)
{
	struct imap_vec v = { .max = IMAP_ENTRIES_MAX, .size = sizeof(struct imap_metadata_entry) };
	bool list = imap_cur_try(c, '(');
	do {
		add_entry(c, &v, false);
	} while ((list || bare) && imap_cur_try(c, ' '));
	if (list) {
		imap_cur_ch(c, ')');
	}
	ret->entries = v.p;
	ret->n = v.n;
}

static void
parse_depth(struct imap_cur *c, struct imap_metadata_args *m)
{
	if (imap_cur_word(c, S("0"))) {
		m->depth = IMAP_DEPTH_0;
	} else if (imap_cur_word(c, S("1"))) {
		m->depth = IMAP_DEPTH_1;
	} else if (imap_cur_word(c, S("INFINITY"))) {
		m->depth = IMAP_DEPTH_ALL;
	} else {
		imap_cur_fail(c, ERR_SYNTAX);
	}
}

/* "(" option *(SP option) ")", followed by SP. */
static void
parse_options(struct imap_cur *c, struct imap_metadata_args *m)
{
	imap_cur_ch(c, '(');
	do {
		if (imap_cur_word(c, S("MAXSIZE"))) {
			imap_cur_sp(c);
			m->has_maxsize = true;
			m->maxsize = imap_cur_number(c);
		} else if (imap_cur_word(c, S("DEPTH"))) {
			imap_cur_sp(c);
			parse_depth(c, m);
		} else {
			imap_cur_fail(c, ERR_SYNTAX);
		}
	} while (imap_cur_try(c, ' '));
	imap_cur_ch(c, ')');
	imap_cur_sp(c);
}

/* An option starts with a letter, an entry with "/" or a quote. */
static bool
options_follow(const struct imap_cur *c)
{
	return imap_cur_is(c, '(') && c->end - c->p > 1 && ascii_is_alpha(c->p[1]);
}

void
imap_args_getmetadata(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_metadata_args *m = &cmd->u.metadata;
	imap_cur_sp(c);
	if (options_follow(c)) {
		parse_options(c, m);
	}
	m->mailbox = imap_cur_mailbox(c);
	imap_cur_sp(c);
	if (options_follow(c)) {
		parse_options(c, m);
	}
	imap_parse_entries(c, true, m);
	for (size_t i = 0; i < m->n && imap_cur_ok(c); i++) {
		if (m->depth == IMAP_DEPTH_0 && !is_whole(m->entries[i].name)) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
	}
}

void
imap_args_setmetadata(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_metadata_args *m = &cmd->u.metadata;
	struct imap_vec v = { .max = IMAP_ENTRIES_MAX, .size = sizeof(struct imap_metadata_entry) };
	imap_cur_sp(c);
	m->mailbox = imap_cur_mailbox(c);
	imap_cur_sp(c);
	imap_cur_ch(c, '(');
	do {
		add_entry(c, &v, true);
	} while (imap_cur_try(c, ' '));
	imap_cur_ch(c, ')');
	m->entries = v.p;
	m->n = v.n;
}

/* ---- access control lists (RFC 4314 7) ---------------------------------------------------- */

/*
 *	setacl     = "SETACL" SP mailbox SP identifier SP mod-rights
 *	mod-rights = astring    ; ["+" / "-"] rights
 *	deleteacl, listrights: SP mailbox SP identifier
 */
static const struct {
	char letter;
	unsigned bits;
} letters[] = {
	{ 'l', IMAP_RIGHT_LOOKUP },
	{ 'r', IMAP_RIGHT_READ },
	{ 's', IMAP_RIGHT_SEEN },
	{ 'w', IMAP_RIGHT_WRITE },
	{ 'i', IMAP_RIGHT_INSERT },
	{ 'p', IMAP_RIGHT_POST },
	{ 'k', IMAP_RIGHT_CREATE },
	{ 'x', IMAP_RIGHT_DROP },
	{ 't', IMAP_RIGHT_DELETE },
	{ 'e', IMAP_RIGHT_EXPUNGE },
	{ 'a', IMAP_RIGHT_ADMIN },
	{ 'c', IMAP_RIGHT_CREATE | IMAP_RIGHT_DROP },
	{ 'd', IMAP_RIGHT_DELETE | IMAP_RIGHT_EXPUNGE },
};

enum err
imap_rights_parse(str s, unsigned *ret)
{
	unsigned rights = 0;
	for (size_t i = 0; i < s.n; i++) {
		size_t at = 0;
		while (at < LEN(letters) && letters[at].letter != s.p[i]) {
			at++;
		}
		if (at == LEN(letters)) {
			return ERR_SYNTAX;
		}
		rights |= letters[at].bits;
	}
	*ret = rights;
	return ERR_OK;
}

void
imap_put_rights(struct buf *out, unsigned rights)
{
	for (size_t i = 0; i < LEN(letters); i++) {
		if ((rights & letters[i].bits) != 0) {
			buf_ch(out, letters[i].letter);
		}
	}
}

/* RFC 4314 3: what cannot be prepared is BAD. Ours are addresses: ASCII letters in lower case. */
static str
parse_identifier(struct imap_cur *c)
{
	str s = imap_cur_astring(c);
	if (!imap_cur_ok(c)) {
		return STR_NONE;
	}
	if (s.n == 0 || s.n > IMAP_IDENTIFIER_MAX || !utf8_valid(s)) {
		imap_cur_fail(c, ERR_SYNTAX);
		return STR_NONE;
	}
	char *p = arena_alloc(c->arena, s.n);
	if (p == NULL) {
		imap_cur_fail(c, ERR_BUDGET);
		return STR_NONE;
	}
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
		p[i] = ascii_lower(s.p[i]);
	}
	return (str){ p, s.n };
}

void
imap_args_acl(struct imap_cur *c, struct imap_command *cmd)
{
	imap_cur_sp(c);
	cmd->u.acl.mailbox = imap_cur_mailbox(c);
	imap_cur_sp(c);
	cmd->u.acl.identifier = parse_identifier(c);
}

void
imap_args_setacl(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_acl_args *acl = &cmd->u.acl;
	imap_args_acl(c, cmd);
	imap_cur_sp(c);
	str rights = imap_cur_astring(c);
	if (str_starts(rights, S("+"))) {
		acl->mode = IMAP_ACL_ADD;
	} else if (str_starts(rights, S("-"))) {
		acl->mode = IMAP_ACL_REMOVE;
	}
	rights = str_from_off(rights, acl->mode == IMAP_ACL_SET ? 0 : 1);
	if (imap_cur_ok(c) && imap_rights_parse(rights, &acl->rights) != ERR_OK) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
}
