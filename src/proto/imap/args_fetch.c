/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of FETCH.
 *
 *	fetch = "FETCH" SP sequence-set SP (macro / fetch-att / "(" fetch-att *(SP fetch-att) ")")
 *	        [SP "(" "CHANGEDSINCE" SP mod-sequence-value [SP "VANISHED"] ")"]
 *	fetch-att = name / ("BODY" / "BODY.PEEK") section [partial]
 *	            / "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary
 *	            / "PREVIEW" [SP "(" "LAZY" ")"]
 *	section = "[" [section-msgtext / (section-part ["." (section-msgtext / "MIME")])] "]"
 *	section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
 *	partial = "<" number64 "." nz-number64 ">"
 */
#include "proto/imap/args.h"

#include "proto/imap/write.h"

enum { MACRO_FAST = IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE };

static const struct {
	str name;
	unsigned bits;
	bool macro;
} plain[] = {
	{ S_INIT("FLAGS"), IMAP_FETCH_FLAGS, false },
	{ S_INIT("UID"), IMAP_FETCH_UID, false },
	{ S_INIT("INTERNALDATE"), IMAP_FETCH_INTERNALDATE, false },
	{ S_INIT("RFC822.SIZE"), IMAP_FETCH_SIZE, false },
	{ S_INIT("ENVELOPE"), IMAP_FETCH_ENVELOPE, false },
	{ S_INIT("BODY"), IMAP_FETCH_BODY, false },
	{ S_INIT("BODYSTRUCTURE"), IMAP_FETCH_BODYSTRUCTURE, false },
	{ S_INIT("MODSEQ"), IMAP_FETCH_MODSEQ, false },
	{ S_INIT("EMAILID"), IMAP_FETCH_EMAILID, false },
	{ S_INIT("THREADID"), IMAP_FETCH_THREADID, false },
	{ S_INIT("SAVEDATE"), IMAP_FETCH_SAVEDATE, false },
	{ S_INIT("PREVIEW"), IMAP_FETCH_PREVIEW, false },
	{ S_INIT("FAST"), MACRO_FAST, true },
	{ S_INIT("ALL"), MACRO_FAST | IMAP_FETCH_ENVELOPE, true },
	{ S_INIT("FULL"), MACRO_FAST | IMAP_FETCH_ENVELOPE | IMAP_FETCH_BODY, true },
};

static const struct {
	str name;
	enum imap_section_item item;
	bool peek, bracket;
} sectioned[] = {
	{ S_INIT("BODY"), IMAP_ITEM_BODY, false, true },
	{ S_INIT("BODY.PEEK"), IMAP_ITEM_BODY, true, true },
	{ S_INIT("BINARY"), IMAP_ITEM_BINARY, false, true },
	{ S_INIT("BINARY.PEEK"), IMAP_ITEM_BINARY, true, true },
	{ S_INIT("BINARY.SIZE"), IMAP_ITEM_BINARY_SIZE, true, true },
	{ S_INIT("RFC822"), IMAP_ITEM_RFC822, false, false },
	{ S_INIT("RFC822.HEADER"), IMAP_ITEM_RFC822_HEADER, true, false },
	{ S_INIT("RFC822.TEXT"), IMAP_ITEM_RFC822_TEXT, false, false },
};

static const struct {
	str name;
	enum imap_section_text text;
} texts[] = {
	{ S_INIT("HEADER"), IMAP_TEXT_HEADER },
	{ S_INIT("HEADER.FIELDS"), IMAP_TEXT_FIELDS },
	{ S_INIT("HEADER.FIELDS.NOT"), IMAP_TEXT_FIELDS_NOT },
	{ S_INIT("TEXT"), IMAP_TEXT_TEXT },
	{ S_INIT("MIME"), IMAP_TEXT_MIME },
};

/* Letters, digits and dots; may be empty. */
static str
take_name(struct imap_cur *c)
{
	const char *start = c->p;
	while (c->p < c->end && (ascii_is_alnum(*c->p) || *c->p == '.')) {
		c->p++;
	}
	return (str){ start, (size_t)(c->p - start) };
}

static void
parse_header_list(struct imap_cur *c, struct imap_section *s)
{
	struct imap_vec v = { .max = IMAP_SECTION_HEADERS_MAX, .size = sizeof(str) };
	imap_cur_sp(c);
	imap_cur_ch(c, '(');
	do {
		str name = imap_cur_astring(c);
		str *slot = imap_cur_ok(c) ? imap_vec_add(c, &v) : NULL;
		if (slot != NULL) {
			*slot = name;
		}
	} while (imap_cur_try(c, ' '));
	imap_cur_ch(c, ')');
	s->fields = v.p;
	s->fields_n = v.n;
}

/* section-part; leaves the cursor at "]", the end, or the first letter of section-text */
static void
parse_path(struct imap_cur *c, struct imap_section *s)
{
	struct imap_vec v = { .max = IMAP_SECTION_DEPTH_MAX, .size = sizeof(uint32_t) };
	while (c->p < c->end && ascii_is_digit(*c->p)) {
		uint32_t number = imap_cur_number(c);
		uint32_t *slot = imap_vec_add(c, &v);
		if (slot != NULL) {
			*slot = number;
		}
		if (number == 0) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
		if (c->p < c->end && !imap_cur_is(c, ']')) {
			imap_cur_ch(c, '.');
			if (c->p == c->end || imap_cur_is(c, ']')) {
				imap_cur_fail(c, ERR_SYNTAX);
			}
		}
	}
	s->path = v.p;
	s->path_n = v.n;
}

static void
parse_text(struct imap_cur *c, struct imap_section *s)
{
	str name = take_name(c);
	for (size_t i = 0; i < LEN(texts); i++) {
		if (str_ieq(name, texts[i].name)) {
			s->text = texts[i].text;
		}
	}
	if (s->text == IMAP_TEXT_ALL || (s->text == IMAP_TEXT_MIME && s->path_n == 0) ||
	    s->item != IMAP_ITEM_BODY) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	if (s->text == IMAP_TEXT_FIELDS || s->text == IMAP_TEXT_FIELDS_NOT) {
		parse_header_list(c, s);
	}
}

static void
parse_partial(struct imap_cur *c, struct imap_section *s)
{
	s->partial = true;
	s->offset = imap_cur_number64(c);
	imap_cur_ch(c, '.');
	s->length = imap_cur_number64(c);
	imap_cur_ch(c, '>');
	if (s->length == 0 || s->item == IMAP_ITEM_BINARY_SIZE) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
}

void
imap_parse_section_spec(struct imap_cur *c, struct imap_section *s)
{
	parse_path(c, s);
	if (imap_cur_ok(c) && c->p < c->end && !imap_cur_is(c, ']')) {
		parse_text(c, s);
	}
}

static void
parse_section(struct imap_cur *c, struct imap_section *s)
{
	imap_cur_ch(c, '[');
	imap_parse_section_spec(c, s);
	imap_cur_ch(c, ']');
	if (imap_cur_try(c, '<')) {
		parse_partial(c, s);
	}
}

static bool
add_section(struct imap_cur *c, struct imap_fetch_args *fetch, struct imap_vec *v, str name)
{
	for (size_t i = 0; i < LEN(sectioned); i++) {
		if (!str_ieq(name, sectioned[i].name) ||
		    sectioned[i].bracket != imap_cur_is(c, '[')) {
			continue;
		}
		struct imap_section s = { .item = sectioned[i].item, .peek = sectioned[i].peek };
		if (sectioned[i].bracket) {
			parse_section(c, &s);
		}
		fetch->sets_seen |= !s.peek;
		struct imap_section *slot = imap_cur_ok(c) ? imap_vec_add(c, v) : NULL;
		if (slot != NULL) {
			*slot = s;
		}
		return true;
	}
	return false;
}

/* "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"]; another list is FETCH's own modifiers. */
static void
preview_modifiers(struct imap_cur *c, struct imap_fetch_args *fetch, unsigned item)
{
	str rest = { c->p, (size_t)(c->end - c->p) };
	if (item != IMAP_FETCH_PREVIEW || !str_istarts(rest, S(" (LAZY"))) {
		return;
	}
	imap_cur_sp(c);
	imap_cur_ch(c, '(');
	do {
		if (!imap_cur_word(c, S("LAZY"))) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
	} while (imap_cur_try(c, ' '));
	imap_cur_ch(c, ')');
	fetch->items |= IMAP_FETCH_LAZY;
}

/* Macros may only stand alone (RFC 9051 6.4.5). */
static void
parse_item(struct imap_cur *c, struct imap_fetch_args *fetch, struct imap_vec *v, bool alone)
{
	str name = take_name(c);
	if (!imap_cur_is(c, '[')) {
		for (size_t i = 0; i < LEN(plain); i++) {
			if (str_ieq(name, plain[i].name) && (alone || !plain[i].macro)) {
				fetch->items |= plain[i].bits;
				preview_modifiers(c, fetch, plain[i].bits);
				return;
			}
		}
	}
	if (!add_section(c, fetch, v, name)) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
}

/* Either order; VANISHED only with UID and CHANGEDSINCE (RFC 7162 3.2.6). */
static void
fetch_modifiers(struct imap_cur *c, struct imap_fetch_args *fetch, bool uid)
{
	imap_cur_ch(c, '(');
	do {
		if (!fetch->vanished && imap_cur_word(c, S("VANISHED"))) {
			fetch->vanished = true;
		} else if (!fetch->has_changedsince && imap_cur_word(c, S("CHANGEDSINCE"))) {
			imap_cur_sp(c);
			fetch->changedsince = imap_cur_number64(c);
			fetch->has_changedsince = true;
			fetch->items |= IMAP_FETCH_MODSEQ; /* RFC 7162 3.1.4.1 */
		} else if (uid && fetch->partial.first == 0 && imap_cur_word(c, S("PARTIAL"))) {
			imap_cur_sp(c);
			fetch->partial = imap_parse_partial(c); /* RFC 9394 3.3 */
		} else {
			imap_cur_fail(c, ERR_SYNTAX);
		}
	} while (imap_cur_try(c, ' '));
	imap_cur_ch(c, ')');
	if (fetch->vanished && (!uid || !fetch->has_changedsince)) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
}

/* macro / fetch-att / "(" fetch-att *(SP fetch-att) ")" */
void
imap_parse_fetch_items(struct imap_cur *c, struct imap_fetch_args *fetch)
{
	struct imap_vec v = { .max = IMAP_FETCH_ITEMS_MAX, .size = sizeof(struct imap_section) };
	if (imap_cur_try(c, '(')) {
		do {
			parse_item(c, fetch, &v, false);
		} while (imap_cur_try(c, ' '));
		imap_cur_ch(c, ')');
	} else {
		parse_item(c, fetch, &v, true);
	}
	fetch->sections = v.p;
	fetch->n = v.n;
}

void
imap_args_fetch(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_fetch_args *fetch = &cmd->u.fetch;
	imap_cur_sp(c);
	fetch->set = imap_parse_set(c);
	imap_cur_sp(c);
	imap_parse_fetch_items(c, fetch);
	if (imap_cur_try(c, ' ')) {
		fetch_modifiers(c, fetch, cmd->uid);
	}
	fetch->items |= cmd->uid ? IMAP_FETCH_UID : 0;
}

static void
put_path(struct buf *out, const struct imap_section *s)
{
	for (size_t i = 0; i < s->path_n; i++) {
		if (i > 0) {
			buf_ch(out, '.');
		}
		buf_u64(out, s->path[i]);
	}
}

static void
put_text(struct buf *out, const struct imap_section *s)
{
	for (size_t i = 0; i < LEN(texts); i++) {
		if (s->text == texts[i].text) {
			buf_cstr(out, s->path_n > 0 ? "." : "");
			buf_str(out, texts[i].name);
		}
	}
	for (size_t i = 0; i < s->fields_n; i++) {
		buf_cstr(out, i == 0 ? " (" : " ");
		imap_put_astring(out, s->fields[i]);
	}
	buf_cstr(out, s->fields_n > 0 ? ")" : "");
}

void
imap_section_name_put(struct buf *out, const struct imap_section *s)
{
	static const struct {
		str name;
		bool bracket;
	} names[] = {
		[IMAP_ITEM_BODY] = { S_INIT("BODY["), true },
		[IMAP_ITEM_BINARY] = { S_INIT("BINARY["), true },
		[IMAP_ITEM_BINARY_SIZE] = { S_INIT("BINARY.SIZE["), true },
		[IMAP_ITEM_RFC822] = { S_INIT("RFC822"), false },
		[IMAP_ITEM_RFC822_HEADER] = { S_INIT("RFC822.HEADER"), false },
		[IMAP_ITEM_RFC822_TEXT] = { S_INIT("RFC822.TEXT"), false },
	};
	buf_str(out, names[s->item].name);
	if (names[s->item].bracket) {
		put_path(out, s);
		put_text(out, s);
		buf_ch(out, ']');
	}
	if (s->partial) {
		buf_ch(out, '<');
		buf_u64(out, s->offset);
		buf_ch(out, '>');
	}
}
