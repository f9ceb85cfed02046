/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope address: SMTP paths and mailboxes, and the canonical form. The RFC 5322 list
 * parser is in address_list.c, domain names in address_domain.c. Start with mail_path_parse.
 *
 *	Path        = "<" [ A-d-l ":" ] Mailbox ">"
 *	A-d-l       = "@" Domain *( "," "@" Domain )
 *	Mailbox     = Local-part "@" ( Domain / address-literal )
 *	Local-part  = Dot-string / Quoted-string
 */
#include "mail/address.h"
#include "base/codec.h"
#include "mail/mail_priv.h"

/* What is left of the input, and where the local part is written. */
struct path_cur {
	str in;
	unsigned flags;
};

static bool
at(const struct path_cur *c, char ch)
{
	return c->in.n > 0 && c->in.p[0] == ch;
}

static bool
eat(struct path_cur *c, char ch)
{
	if (!at(c, ch)) {
		return false;
	}
	c->in = str_from_off(c->in, 1);
	return true;
}

bool
mail_is_atext(unsigned char c)
{
	/* RFC 5322 3.2.3; octets beyond ASCII by RFC 6532 3.2 */
	static const char other[] = "!#$%&'*+-/=?^_`{|}~";
	return ascii_is_alnum((char)c) || c >= 0x80 || (c != 0 && strchr(other, c) != NULL);
}

/* Quoted-string = DQUOTE *( %d32-33 / %d35-91 / %d93-126 / UTF8 / "\" %d32-126 ) DQUOTE */
static enum err
quoted_local(struct path_cur *c, struct buf *local)
{
	while (c->in.n > 0 && !at(c, '"')) {
		eat(c, '\\');
		unsigned char ch = c->in.n > 0 ? (unsigned char)c->in.p[0] : 0;
		if (ch < 0x20 || ch == 0x7f) {
			return ERR_SYNTAX;
		}
		buf_ch(local, (char)ch);
		c->in = str_from_off(c->in, 1);
	}
	return eat(c, '"') && local->n > 0 ? ERR_OK : ERR_SYNTAX;
}

static enum err
dot_local(struct path_cur *c, struct buf *local)
{
	size_t n = 0;
	while (n < c->in.n && (mail_is_atext((unsigned char)c->in.p[n]) || c->in.p[n] == '.')) {
		n++;
	}
	buf_add(local, c->in.p, n);
	c->in = str_from_off(c->in, n);
	return n > 0 ? ERR_OK : ERR_SYNTAX;
}

/* Octets of a domain name: everything that can stand in one; the labels are checked afterwards. */
static str
take_domain(struct path_cur *c)
{
	size_t n = 0;
	if (at(c, '[')) {
		ptrdiff_t end = str_chr(c->in, ']');
		n = end < 0 ? 0 : (size_t)end + 1;
	} else {
		while (n < c->in.n && mail_is_domain_octet((unsigned char)c->in.p[n])) {
			n++;
		}
	}
	str d = str_sub(c->in, 0, n);
	c->in = str_from_off(c->in, n);
	return d;
}

static enum err
charset_check(str s, unsigned flags, bool *utf8)
{
	if (str_is_ascii(s)) {
		return ERR_OK;
	}
	*utf8 = true;
	return (flags & MAIL_PATH_UTF8) != 0 && utf8_valid(s) ? ERR_OK : ERR_CHARSET;
}

static enum err
domain_part(struct arena *a, struct path_cur *c, struct mail_path *ret)
{
	str d = take_domain(c);
	TRY(charset_check(d, c->flags, &ret->utf8));
	ret->literal = d.n > 0 && d.p[0] == '[';
	char room[MAIL_DOMAIN_MAX];
	struct buf canonical;
	buf_init_fixed(&canonical, room, sizeof room);
	TRY(mail_domain_put(&canonical, d));
	ret->domain = arena_dup(a, d);
	return ret->domain.p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
local_part(struct arena *a, struct path_cur *c, struct mail_path *ret)
{
	char room[MAIL_LOCAL_MAX];
	struct buf local;
	buf_init_fixed(&local, room, sizeof room);
	TRY(eat(c, '"') ? quoted_local(c, &local) : dot_local(c, &local));
	TRY(buf_err(&local));
	TRY(charset_check(buf_view(&local), c->flags, &ret->utf8));
	ret->local = arena_dup(a, buf_view(&local));
	return ret->local.p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
mailbox(struct arena *a, struct path_cur *c, struct mail_path *ret)
{
	TRY(local_part(a, c, ret));
	if (at(c, '@')) {
		eat(c, '@');
		return domain_part(a, c, ret);
	}
	if ((c->flags & MAIL_PATH_POSTMASTER) != 0 && str_ieq(ret->local, S("postmaster"))) {
		ret->domain = S("");
		return ERR_OK;
	}
	return ERR_SYNTAX;
}

/* Source routes are to be accepted and ignored: RFC 5321 4.1.1.3, appendix C. */
static enum err
skip_route(struct path_cur *c)
{
	while (eat(c, '@')) {
		bool utf8;
		str d = take_domain(c);
		TRY(d.n == 0 ? ERR_SYNTAX : charset_check(d, c->flags, &utf8));
		if (eat(c, ':')) {
			return ERR_OK;
		}
		if (!eat(c, ',')) {
			return ERR_SYNTAX;
		}
	}
	return ERR_SYNTAX;
}

enum err
mail_path_parse(struct arena *a, str in, unsigned flags, struct mail_path *ret, size_t *ret_used)
{
	struct path_cur c = { str_sub(in, 0, MAIL_PATH_MAX), flags };
	struct mail_path path = { .local = S(""), .domain = S("") };
	if (!eat(&c, '<')) {
		return ERR_SYNTAX;
	}
	if (at(&c, '>')) {
		TRY((flags & MAIL_PATH_NULL) != 0 ? ERR_OK : ERR_SYNTAX);
	} else {
		TRY(at(&c, '@') ? skip_route(&c) : ERR_OK);
		TRY(mailbox(a, &c, &path));
	}
	if (!eat(&c, '>')) {
		return c.in.n == 0 && in.n > MAIL_PATH_MAX ? ERR_TOOBIG : ERR_SYNTAX;
	}
	*ret = path;
	*ret_used = (size_t)(c.in.p - in.p);
	return ERR_OK;
}

enum err
mail_mailbox_parse(struct arena *a, str in, unsigned flags, struct mail_path *ret)
{
	struct path_cur c = { in, flags & ~(unsigned)MAIL_PATH_NULL };
	struct mail_path path = { .local = S(""), .domain = S("") };
	if (in.n > MAIL_PATH_MAX) {
		return ERR_TOOBIG;
	}
	TRY(mailbox(a, &c, &path));
	if (c.in.n > 0) {
		return ERR_SYNTAX;
	}
	*ret = path;
	return ERR_OK;
}

/* Dot-string of RFC 5321 4.1.2: atoms with single dots between. */
static bool
is_dot_atom(str local)
{
	char before = '.';
	for (size_t i = 0; i < local.n; i++) {
		char c = local.p[i];
		if (c == '.' ? before == '.' : !mail_is_atext((unsigned char)c)) {
			return false;
		}
		before = c;
	}
	return before != '.';
}

void
mail_local_put(struct buf *out, str local)
{
	if (is_dot_atom(local)) {
		buf_str(out, local);
		return;
	}
	buf_ch(out, '"');
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\') {
			buf_ch(out, '\\');
		}
		buf_ch(out, local.p[i]);
	}
	buf_ch(out, '"');
}

enum err
mail_address_put(struct buf *out, str local, str domain)
{
	size_t start = out->n;
	if (local.n == 0 && domain.n == 0) {
		return ERR_OK;
	}
	mail_local_put(out, local);
	for (size_t i = start; i < out->n; i++) {
		out->p[i] = ascii_lower(out->p[i]);
	}
	enum err e = ERR_OK;
	if (domain.n > 0) {
		buf_ch(out, '@');
		e = mail_domain_put(out, domain);
	}
	if (e == ERR_OK) {
		return buf_err(out);
	}
	buf_truncate(out, start);
	return e;
}

enum err
mail_address_canonical(struct buf *out, str text)
{
	struct arena *a = arena_new(NULL, "address", 8192, 0);
	if (a == NULL) {
		return ERR_NOMEM;
	}
	struct mail_path path;
	enum err e = mail_mailbox_parse(a, text, MAIL_PATH_UTF8 | MAIL_PATH_POSTMASTER, &path);
	if (e == ERR_OK) {
		e = mail_address_put(out, path.local, path.domain);
	}
	arena_free(&a);
	return e;
}

void
mail_address_split(str canonical, str *ret_local, str *ret_domain)
{
	ptrdiff_t i = str_rchr(canonical, '@');
	*ret_local = i < 0 ? canonical : str_sub(canonical, 0, (size_t)i);
	*ret_domain = i < 0 ? S("") : str_from_off(canonical, (size_t)i + 1);
}

bool
mail_detail_split(str local, str delimiter, str *ret_user, str *ret_detail)
{
	ptrdiff_t i = delimiter.n == 0 ? -1 : str_find(local, delimiter);
	if (i <= 0) {
		*ret_user = local;
		*ret_detail = S("");
		return false;
	}
	*ret_user = str_sub(local, 0, (size_t)i);
	*ret_detail = str_from_off(local, (size_t)i + delimiter.n);
	return true;
}
