/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reply says about people is not kept: local parts become "*". Words before "@" (or "%40")
 * are local parts; so are words equal to one of the transaction, unless replies are made of them.
 * Whom to write to is kept: roles like postmaster, unless the letter itself was for them.
 */
#include "base/codec.h"
#include "proto/smtpc/reply.h"

/* Local parts that say nothing about anybody, and that rules for replies look for. */
static const str common[] = { S_INIT("user"), S_INIT("users"), S_INIT("mailbox"), S_INIT("mail"),
	S_INIT("email"), S_INIT("recipient"), S_INIT("address"), S_INIT("account"),
	S_INIT("sender"), S_INIT("message"), S_INIT("postmaster"), S_INIT("abuse"), S_INIT("spam"),
	S_INIT("host"), S_INIT("server"), S_INIT("service"), S_INIT("domain"), S_INIT("policy"),
	S_INIT("error"), S_INIT("unknown"), S_INIT("the"), S_INIT("not"), S_INIT("is"),
	S_INIT("for"), S_INIT("no"), S_INIT("ok"), S_INIT("list"), S_INIT("block"),
	S_INIT("blocked"), S_INIT("quota"), S_INIT("full"), S_INIT("rejected"), S_INIT("ip"),
	S_INIT("support"), S_INIT("you"), S_INIT("your"), S_INIT("from"), S_INIT("to") };

/* Whom servers that refuse tell us to write to. RFC 2142, and what providers use. */
static const str roles[] = { S_INIT("postmaster"), S_INIT("abuse"), S_INIT("hostmaster"),
	S_INIT("webmaster"), S_INIT("noc"), S_INIT("security"), S_INIT("support"),
	S_INIT("mailmaster"), S_INIT("unblock"), S_INIT("delist"), S_INIT("delisting"),
	S_INIT("removal"), S_INIT("tosa"), S_INIT("tobr"), S_INIT("toda") };

/* atext, dots, and anything beyond ASCII. RFC 5322 3.2.3, 6531 3.3 */
static bool
is_local(char c)
{
	return ascii_is_alnum(c) || (uint8_t)c >= 0x80 ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

static bool
is_edge(char c)
{
	return strchr("'`.-*=?!", c) != NULL;
}

/* Append as printable UTF-8. */
static void
put(struct buf *out, str s)
{
	while (s.n > 0) {
		str at = s;
		uint32_t cp = utf8_next(&s);
		bool control = (cp < 0x20 && cp != '\n') || (cp >= 0x7f && cp < 0xa0);
		if (cp == '\t') {
			buf_ch(out, ' ');
		} else if (control || cp == UINT32_MAX) {
			buf_ch(out, '?');
		} else {
			buf_str(out, str_sub(at, 0, at.n - s.n));
		}
	}
}

/* Is the word a name, or the part of it before "+"? */
static bool
is_name(str word, const str *names, size_t n)
{
	for (size_t i = 0; i < LEN(common); i++) {
		if (str_ieq(word, common[i])) {
			return false;
		}
	}
	for (size_t i = 0; i < n && word.n > 0; i++) {
		str head, tail;
		str_cut(names[i], '+', &head, &tail);
		if (str_ieq(word, names[i]) || (head.n > 0 && str_ieq(word, head))) {
			return true;
		}
	}
	return false;
}

static bool
is_role(str word, const str *names, size_t n)
{
	bool role = false;
	for (size_t i = 0; i < LEN(roles); i++) {
		role |= str_ieq(word, roles[i]);
	}
	for (size_t i = 0; i < n; i++) {
		role &= !str_ieq(word, names[i]);
	}
	return role;
}

/* A word that no "@" follows: edges like quotes and full stops are not part of it. */
static void
put_word(struct buf *out, str word, const str *names, size_t n)
{
	size_t from = 0, to = word.n;
	while (from < to && is_edge(word.p[from])) {
		from++;
	}
	while (to > from && is_edge(word.p[to - 1])) {
		to--;
	}
	str core = str_sub(word, from, to - from);
	ptrdiff_t at = str_ifind(word, S("%40"));
	if (at > 0) {
		buf_ch(out, '*');
		put(out, str_from_off(word, (size_t)at));
	} else if (is_name(core, names, n)) {
		put(out, str_sub(word, 0, from));
		buf_ch(out, '*');
		put(out, str_from_off(word, to));
	} else {
		put(out, word);
	}
}

/* Octets of a quoted local part at the start of s, its quotes included; 0: there is none. */
static size_t
quoted_local(str s)
{
	for (size_t i = 1; i < s.n && s.p[i] != '\n'; i++) {
		if (s.p[i] == '"') {
			return i + 1 < s.n && s.p[i + 1] == '@' ? i + 1 : 0;
		}
		i += s.p[i] == '\\';
	}
	return 0;
}

void
smtpc_reply_mask(struct buf *out, str text, const str *names, size_t n)
{
	while (text.n > 0) {
		size_t len = 0;
		while (len < text.n && is_local(text.p[len])) {
			len++;
		}
		size_t quoted = len == 0 && text.p[0] == '"' ? quoted_local(text) : 0;
		bool local = len > 0 && len < text.n && text.p[len] == '@';
		if (quoted > 0 || (local && !is_role(str_sub(text, 0, len), names, n))) {
			buf_ch(out, '*');
		} else if (local) {
			buf_str(out, str_sub(text, 0, len));
		} else if (len > 0) {
			put_word(out, str_sub(text, 0, len), names, n);
		} else {
			put(out, str_sub(text, 0, 1));
		}
		text = str_from_off(text, quoted > 0 ? quoted : MAX(len, (size_t)1));
	}
}
