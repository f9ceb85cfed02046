/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing the form of a string looks at it once and then copies it once.
 */
#include "proto/imap/write.h"

#include "base/codec.h"
#include "mail/date.h"
#include "proto/imap/command.h"
#include "proto/imap/cursor.h"
#include "proto/imap/utf7.h"

/* Longer strings go as literals: clients with small line buffers exist. */
enum { QUOTED_MAX = 4096 };

struct look {
	bool atom, quotable, high;
	size_t escapes, nuls;
};

static struct look
look_at(str s)
{
	struct look l = { .atom = s.n > 0, .quotable = s.n <= QUOTED_MAX };
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];
		l.atom = l.atom && imap_is_astring_char((char)ch);
		l.high = l.high || ch >= 0x80;
		l.nuls += ch == 0;
		l.escapes += ch == '"' || ch == '\\';
		l.quotable = l.quotable && ch != '\r' && ch != '\n';
	}
	return l;
}

void
imap_put_literal_header(struct buf *out, uint64_t n)
{
	buf_ch(out, '{');
	buf_u64(out, n);
	buf_cstr(out, "}\r\n");
}

static void
put_without_nul(struct buf *out, str s)
{
	str piece;
	while (str_next(&s, '\0', &piece)) {
		buf_str(out, piece);
	}
}

static void
put_quoted(struct buf *out, str s, size_t escapes)
{
	buf_ch(out, '"');
	if (escapes == 0) {
		put_without_nul(out, s);
	} else {
		for (size_t i = 0; i < s.n; i++) {
			if (s.p[i] == '"' || s.p[i] == '\\') {
				buf_ch(out, '\\');
			}
			if (s.p[i] != '\0') {
				buf_ch(out, s.p[i]);
			}
		}
	}
	buf_ch(out, '"');
}

void
imap_put_string(struct buf *out, str s, bool utf8)
{
	struct look l = look_at(s);
	if (l.quotable && (!l.high || (utf8 && utf8_valid(s)))) {
		put_quoted(out, s, l.escapes);
		return;
	}
	imap_put_literal_header(out, s.n - l.nuls);
	put_without_nul(out, s);
}

void
imap_put_nstring(struct buf *out, str s, bool utf8)
{
	if (s.p == NULL) {
		buf_cstr(out, "NIL");
		return;
	}
	imap_put_string(out, s, utf8);
}

void
imap_put_astring(struct buf *out, str s)
{
	if (look_at(s).atom && !str_ieq(s, S("NIL"))) {
		buf_str(out, s);
		return;
	}
	imap_put_string(out, s, false);
}

void
imap_put_mailbox(struct buf *out, str name, bool utf8)
{
	if (utf8) {
		if (look_at(name).atom) {
			imap_put_astring(out, name);
		} else {
			imap_put_string(out, name, true);
		}
		return;
	}
	struct buf wire;
	buf_init(&wire, name.n * 4 + 16);
	imap_utf7_encode(&wire, name);
	imap_put_astring(out, buf_view(&wire));
	if (buf_err(&wire) != ERR_OK && out->err == ERR_OK) {
		out->err = buf_err(&wire);
	}
	buf_done(&wire);
}

bool
imap_put_system_flags(struct buf *out, unsigned bits)
{
	static const struct {
		unsigned bit;
		str name;
	} flags[] = {
		{ IMAP_FLAG_ANSWERED, S_INIT("\\Answered ") },
		{ IMAP_FLAG_FLAGGED, S_INIT("\\Flagged ") },
		{ IMAP_FLAG_DELETED, S_INIT("\\Deleted ") },
		{ IMAP_FLAG_SEEN, S_INIT("\\Seen ") },
		{ IMAP_FLAG_DRAFT, S_INIT("\\Draft ") },
	};
	size_t before = out->n;
	for (size_t i = 0; i < LEN(flags); i++) {
		if ((bits & flags[i].bit) != 0) {
			buf_str(out, flags[i].name);
		}
	}
	if (out->n == before) {
		return false;
	}
	buf_truncate(out, out->n - 1);
	return true;
}

void
imap_put_internaldate(struct buf *out, int64_t unix_s)
{
	buf_ch(out, '"');
	mail_imap_datetime_put(out, unix_s, 0);
	buf_ch(out, '"');
}

void
imap_put_uses(struct buf *out, unsigned uses, bool sp)
{
	static const struct {
		unsigned bit;
		str name;
	} names[] = {
		{ IMAP_USE_ALL, S_INIT("\\All") },
		{ IMAP_USE_ARCHIVE, S_INIT("\\Archive") },
		{ IMAP_USE_DRAFTS, S_INIT("\\Drafts") },
		{ IMAP_USE_FLAGGED, S_INIT("\\Flagged") },
		{ IMAP_USE_JUNK, S_INIT("\\Junk") },
		{ IMAP_USE_SENT, S_INIT("\\Sent") },
		{ IMAP_USE_TRASH, S_INIT("\\Trash") },
	};
	for (size_t i = 0; i < LEN(names); i++) {
		if ((uses & names[i].bit) != 0) {
			buf_cstr(out, sp ? " " : "");
			buf_str(out, names[i].name);
			sp = true;
		}
	}
}
