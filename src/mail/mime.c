/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the lines of a message with a stack of open parts. A line is compared with the
 * boundaries of the open multiparts only when it starts with "--". A part's end is the start of the
 * line end before the boundary (RFC 2046 5.1.1). Start reading at mail_mime_parse.
 */
#include "mail/mime.h"
#include "base/find.h"
#include "mail/header.h"
#include "mail/param.h"

struct open_part {
	uint32_t index;
	uint32_t last_child;
	size_t boundary_n; /* 0: not a multipart */
	bool closed;       /* its last boundary was seen: the epilogue runs */
	char boundary[MAIL_MIME_BOUNDARY_MAX];
};

struct walk {
	struct mail_mime *m;
	struct arena *a;
	uint32_t cap;
	struct open_part *stack; /* MAIL_MIME_DEPTH_MAX + 1 of them */
	struct find dashes;      /* what may begin a boundary */
	uint32_t depth;          /* open parts */
	size_t at;               /* start of the current line */
	bool in_header;
};

str
mail_mime_header(const struct mail_mime *m, const struct mail_mime_part *p)
{
	return str_sub(m->message, p->header_at, p->header_n);
}

str
mail_mime_body(const struct mail_mime *m, const struct mail_mime_part *p)
{
	return str_sub(m->message, p->body_at, p->body_n);
}

static enum err
room_for_part(struct walk *w)
{
	if (w->m->n < w->cap) {
		return ERR_OK;
	}
	uint32_t cap = w->cap == 0 ? 8 : w->cap * 4;
	struct mail_mime_part *parts = arena_array(w->a, cap, sizeof *parts);
	if (parts == NULL) {
		return ERR_BUDGET;
	}
	if (w->m->n > 0) {
		memcpy(parts, w->m->parts, w->m->n * sizeof *parts);
	}
	w->m->parts = parts;
	w->cap = cap;
	return ERR_OK;
}

static struct open_part *
top(struct walk *w)
{
	return w->depth == 0 ? NULL : &w->stack[w->depth - 1];
}

static void
link_child(struct mail_mime *m, struct open_part *outer, uint32_t child)
{
	struct mail_mime_part *p = &m->parts[outer->index];
	if (p->children++ == 0) {
		p->child = (int32_t)child;
	} else {
		m->parts[outer->last_child].next = (int32_t)child;
	}
	outer->last_child = child;
}

/* Open a part whose header starts at w->at. */
static enum err
open_part(struct walk *w)
{
	TRY(room_for_part(w));
	struct open_part *outer = top(w);
	uint32_t index = w->m->n++;
	struct mail_mime_part *p = &w->m->parts[index];
	*p = (struct mail_mime_part){ .parent = outer == NULL ? MAIL_MIME_NONE
							      : (int32_t)outer->index,
		.child = MAIL_MIME_NONE,
		.next = MAIL_MIME_NONE,
		.depth = (uint16_t)w->depth,
		.header_at = w->at };
	if (outer != NULL) {
		p->digest = w->m->parts[outer->index].kind == MAIL_MIME_MULTIPART &&
		    str_ieq(w->m->parts[outer->index].subtype, S("digest"));
		link_child(w->m, outer, index);
	}
	struct open_part *o = &w->stack[w->depth++];
	o->index = index;
	o->boundary_n = 0;
	o->closed = false;
	w->in_header = true;
	return ERR_OK;
}

static void
set_plain(struct mail_mime_part *p)
{
	p->type = p->digest ? S("message") : S("text");
	p->subtype = p->digest ? S("rfc822") : S("plain");
	p->content_type = STR_NONE;
}

/*
 * Close the innermost part: its body ends at `end`, or is empty when that lies before it. Gives the
 * end that holds for the parts around it.
 */
static size_t
close_part(struct walk *w, size_t end)
{
	struct open_part *o = &w->stack[--w->depth];
	struct mail_mime_part *p = &w->m->parts[o->index];
	if (w->in_header) {
		p->header_n = end > p->header_at ? end - p->header_at : 0;
		p->body_at = p->header_at + p->header_n;
		p->encoding = S("7bit");
		set_plain(p);
		w->in_header = false;
	}
	if (p->kind == MAIL_MIME_MULTIPART && p->children == 0) {
		p->kind = MAIL_MIME_LEAF; /* its boundary never came: somebody shall read it all the
					     same */
	}
	end = MAX(end, p->body_at);
	p->body_n = end - p->body_at;
	return end;
}

static bool
is_message_type(const struct mail_mime_part *p)
{
	return str_ieq(p->type, S("message")) &&
	    (str_ieq(p->subtype, S("rfc822")) || str_ieq(p->subtype, S("global")));
}

/* A multipart needs a usable boundary; without one it is shown as text/plain, as RFC 2045 5.2 has
 * it. */
static bool
take_boundary(struct walk *w, struct mail_mime_part *p)
{
	struct mail_param param;
	struct open_part *o = top(w);
	struct buf b;
	if (!mail_param_find(p->content_type, S("boundary"), &param)) {
		return false;
	}
	buf_init_fixed(&b, o->boundary, sizeof o->boundary);
	mail_param_value(&b, &param);
	while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t')) {
		b.n--;
	}
	if (b.n == 0 || buf_err(&b) != ERR_OK) {
		return false;
	}
	o->boundary_n = b.n;
	return true;
}

static void
read_type(struct walk *w, struct mail_mime_part *p)
{
	struct mail_field f;
	str header = str_sub(w->m->message, p->header_at, p->header_n);
	p->encoding = mail_header_find(header, S("Content-Transfer-Encoding"), &f)
	    ? str_trim(f.value)
	    : S("7bit");
	if (!mail_header_find(header, S("Content-Type"), &f) ||
	    !mail_param_head(f.value, &p->type, &p->subtype, &p->content_type) ||
	    p->subtype.n == 0) {
		set_plain(p);
	}
	bool deep = w->depth > MAIL_MIME_DEPTH_MAX || w->m->n >= MAIL_MIME_PARTS_MAX;
	if (str_ieq(p->type, S("multipart"))) {
		p->kind = !deep && take_boundary(w, p) ? MAIL_MIME_MULTIPART : MAIL_MIME_LEAF;
	} else if (is_message_type(p)) {
		bool plain = str_ieq(p->encoding, S("7bit")) || str_ieq(p->encoding, S("8bit")) ||
		    str_ieq(p->encoding, S("binary")) || p->encoding.n == 0;
		p->kind = !deep && plain ? MAIL_MIME_MESSAGE : MAIL_MIME_LEAF;
	}
	w->m->cut |= deep;
}

/* The header of the innermost part ended; its body starts at `body_at`. */
static enum err
end_header(struct walk *w, size_t body_at)
{
	struct mail_mime_part *p = &w->m->parts[top(w)->index];
	p->header_n = body_at - p->header_at;
	p->body_at = body_at;
	w->in_header = false;
	read_type(w, p);
	if (p->kind != MAIL_MIME_MESSAGE) {
		return ERR_OK;
	}
	size_t line = w->at;
	w->at = body_at;
	enum err e = open_part(w);
	w->at = line;
	return e;
}

/*
 * The boundary rule: "--" boundary ["--"] and only white space behind it; `rest` is what stands
 * between the first dashes and that. 0 no, 1 next, 2 last.
 */
static int
matches(const struct open_part *o, str rest)
{
	size_t n = o->boundary_n;
	bool last = rest.n == n + 2 && str_ends(rest, S("--"));
	if (n == 0 || o->closed || (rest.n != n && !last) || memcmp(rest.p, o->boundary, n) != 0) {
		return 0;
	}
	return last ? 2 : 1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The innermost open multipart whose boundary this line is; its depth or 0. */
static uint32_t
find_boundary(struct walk *w, str line, int *ret_how)
{
	str rest = str_from_off(line, 2);
	while (rest.n > 0 && is_blank(rest.p[rest.n - 1])) {
		rest.n--;
	}
	for (uint32_t d = rest.n == 0 ? 0 : w->depth; d > 0; d--) {
		*ret_how = matches(&w->stack[d - 1], rest);
		if (*ret_how != 0) {
			return d;
		}
	}
	return 0;
}

/* Where the body before a boundary line ends: without the line end that belongs to the boundary. */
static size_t
before_line_end(const struct walk *w, size_t at)
{
	const char *p = w->m->message.p;
	if (at > 0 && p[at - 1] == '\n') {
		at--;
		at -= at > 0 && p[at - 1] == '\r';
	}
	return at;
}

static enum err
take_boundary_line(struct walk *w, uint32_t depth, int how, size_t next)
{
	size_t end = before_line_end(w, w->at);
	if (w->in_header) {
		TRY(end_header(w, w->at));
		end = w->at; /* a header without its empty line: nothing of the line end was body */
	}
	while (w->depth > depth) {
		end = close_part(w, end);
	}
	if (how == 2) {
		top(w)->closed = true;
		return ERR_OK;
	}
	if (w->m->n >= MAIL_MIME_PARTS_MAX) {
		w->m->cut = true;
		top(w)->closed = true;
		return ERR_OK;
	}
	size_t line = w->at;
	w->at = next;
	enum err e = open_part(w);
	w->at = line;
	return e;
}

static enum err
take_line(struct walk *w, str line, size_t next)
{
	int how;
	if (str_starts(line, S("--"))) {
		uint32_t depth = find_boundary(w, line, &how);
		if (depth != 0) {
			return take_boundary_line(w, depth, how, next);
		}
	}
	size_t n = line.n;
	bool empty = n <= 2 && (n == 0 || line.p[n - 1] == '\n') && (n < 2 || line.p[0] == '\r');
	return w->in_header && empty ? end_header(w, next) : ERR_OK;
}

/* Bodies of leaves are skipped quickly: only lines that start with "--" can matter. */
static size_t
next_interesting(const struct walk *w)
{
	str rest = str_from_off(w->m->message, w->at);
	if (w->in_header || str_starts(rest, S("--"))) {
		return w->at;
	}
	ptrdiff_t hit = find_in(&w->dashes, rest);
	return hit < 0 ? w->m->message.n : w->at + (size_t)hit + 1;
}

static uint32_t
count_ends(const struct mail_mime *m, size_t from, size_t to)
{
	str s = str_sub(m->message, from, to > from ? to - from : 0);
	uint32_t lines = 0;
	for (ptrdiff_t at; (at = str_chr(s, '\n')) >= 0; lines++) {
		s = str_from_off(s, (size_t)at + 1);
	}
	return lines;
}

/* Those of its children are known: each octet is looked at once, however deep it lies. */
static uint32_t
lines_of(const struct mail_mime *m, const struct mail_mime_part *p)
{
	size_t at = p->body_at;
	uint32_t lines = 0;
	for (int32_t i = p->child; i != MAIL_MIME_NONE; i = m->parts[i].next) {
		const struct mail_mime_part *c = &m->parts[i];
		lines += count_ends(m, at, c->body_at) + c->lines;
		at = c->body_at + c->body_n;
	}
	return lines + count_ends(m, at, p->body_at + p->body_n);
}

static bool
has_lines(const struct mail_mime_part *p)
{
	return str_ieq(p->type, S("text")) || p->kind == MAIL_MIME_MESSAGE;
}

/* Of text and messages; what lies in a message is counted on the way. */
static void
count_lines(struct mail_mime *m)
{
	bool enclosed = false;
	for (uint32_t i = 0; i < m->n; i++) {
		enclosed |= m->parts[i].kind == MAIL_MIME_MESSAGE;
	}
	for (uint32_t i = m->n; i-- > 0;) {
		struct mail_mime_part *p = &m->parts[i];
		p->lines = enclosed || has_lines(p) ? lines_of(m, p) : 0;
	}
	for (uint32_t i = 0; enclosed && i < m->n; i++) {
		struct mail_mime_part *p = &m->parts[i];
		p->lines = has_lines(p) ? p->lines : 0;
	}
}

enum err
mail_mime_parse(str message, struct arena *a, struct mail_mime *ret)
{
	struct mail_mime m = { .message = message };
	struct walk w = { .m = &m, .a = a, .dashes = find_make(S("\n--")) };
	/* a message inside the deepest allowed part still needs its place */
	w.stack = arena_array(a, MAIL_MIME_DEPTH_MAX + 2, sizeof *w.stack);
	if (w.stack == NULL) {
		return ERR_BUDGET;
	}
	TRY(open_part(&w));
	while (w.at < message.n) {
		w.at = next_interesting(&w);
		str rest = str_from_off(message, w.at);
		ptrdiff_t lf = str_chr(rest, '\n');
		size_t n = lf < 0 ? rest.n : (size_t)lf + 1;
		if (n > 0) {
			TRY(take_line(&w, str_sub(rest, 0, n), w.at + n));
		}
		w.at += n;
	}
	if (w.in_header) {
		TRY(end_header(&w, message.n));
	}
	while (w.depth > 0) {
		(void)close_part(&w, message.n);
	}
	count_lines(&m);
	*ret = m;
	return ERR_OK;
}

/* The part with this number inside a message or multipart. */
static const struct mail_mime_part *
numbered(const struct mail_mime *m, const struct mail_mime_part *p, uint32_t number)
{
	if (p->kind != MAIL_MIME_MULTIPART) {
		return number == 1 ? p : NULL;
	}
	int32_t child = number == 0 ? MAIL_MIME_NONE : p->child;
	while (child != MAIL_MIME_NONE && --number > 0) {
		child = m->parts[child].next;
	}
	return child == MAIL_MIME_NONE ? NULL : &m->parts[child];
}

const struct mail_mime_part *
mail_mime_section(const struct mail_mime *m, const uint32_t *numbers, size_t n)
{
	const struct mail_mime_part *p = &m->parts[0];
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && p->kind == MAIL_MIME_LEAF) {
			return NULL;
		}
		if (i > 0 && p->kind == MAIL_MIME_MESSAGE) {
			p = &m->parts[p->child]; /* numbers go on inside the enclosed message */
		}
		p = numbered(m, p, numbers[i]);
		if (p == NULL) {
			return NULL;
		}
	}
	return p;
}
