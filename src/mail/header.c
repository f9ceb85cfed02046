/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks a header field by field. No copying but in mail_header_unfold.
 */
#include "mail/header.h"

struct mail_header
mail_header_make(str text)
{
	return (struct mail_header){ text, 0 };
}

/* Octets of the line that starts at `at`, with its LF if it has one. */
static size_t
line_length(str text, size_t at)
{
	ptrdiff_t lf = str_chr(str_from_off(text, at), '\n');
	return lf < 0 ? text.n - at : (size_t)lf + 1;
}

static bool
is_empty_line(str text, size_t at)
{
	return at < text.n &&
	    (text.p[at] == '\n' ||
		(text.p[at] == '\r' && at + 1 < text.n && text.p[at + 1] == '\n'));
}

static str
without_line_end(str s)
{
	if (s.n > 0 && s.p[s.n - 1] == '\n') {
		s.n--;
		s.n -= s.n > 0 && s.p[s.n - 1] == '\r';
	}
	return s;
}

static void
split_name(struct mail_field *f)
{
	str line = without_line_end(f->raw);
	str name, value;
	bool starts_blank = line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
	if (starts_blank || !str_cut(line, ':', &name, &value)) {
		f->name = str_make(line.p, 0);
		f->value = line;
		return;
	}
	/* White space before the colon is obsolete syntax (RFC 5322 4.5). */
	while (name.n > 0 && (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t')) {
		name.n--;
	}
	bool valid = mail_field_name_valid(name);
	f->name = valid ? name : str_make(line.p, 0);
	f->value = valid ? value : line;
}

bool
mail_header_next(struct mail_header *h, struct mail_field *ret)
{
	if (h->at >= h->block.n || is_empty_line(h->block, h->at)) {
		return false;
	}
	size_t end = h->at + line_length(h->block, h->at);
	while (end < h->block.n && (h->block.p[end] == ' ' || h->block.p[end] == '\t')) {
		end += line_length(h->block, end);
	}
	*ret = (struct mail_field){ .raw = str_sub(h->block, h->at, end - h->at), .offset = h->at };
	split_name(ret);
	h->at = end;
	return true;
}

size_t
mail_header_length(str text)
{
	size_t at = 0;
	while (at < text.n) {
		bool last = is_empty_line(text, at);
		at += line_length(text, at);
		if (last) {
			break;
		}
	}
	return at;
}

bool
mail_header_find(str text, str name, struct mail_field *ret)
{
	struct mail_header h = mail_header_make(text);
	struct mail_field f;
	while (mail_header_next(&h, &f)) {
		if (str_ieq(f.name, name)) {
			*ret = f;
			return true;
		}
	}
	return false;
}

size_t
mail_header_count(str text, str name)
{
	struct mail_header h = mail_header_make(text);
	struct mail_field f;
	size_t n = 0;
	while (mail_header_next(&h, &f)) {
		n += str_ieq(f.name, name);
	}
	return n;
}

void
mail_header_unfold(struct buf *out, str value)
{
	str rest = str_trim(value), line;
	while (str_next(&rest, '\n', &line)) {
		if (rest.p != NULL && line.n > 0 && line.p[line.n - 1] == '\r') {
			line.n--;
		}
		buf_str(out, line);
	}
}

bool
mail_field_name_valid(str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':') {
			return false;
		}
	}
	return name.n > 0;
}
