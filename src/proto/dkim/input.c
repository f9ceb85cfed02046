/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The octets a header signature is made over. A name in h= takes the lowest field of that name not
 * taken yet; a name without field adds nothing, which is how the absence of a field is signed.
 */
#include "mail/header.h"
#include "proto/dkim/signature.h"
#include "proto/dkim/tags.h"

struct field {
	str name, raw;
	bool taken;
};

struct fields {
	struct field *v;
	size_t n;
};

static enum err
collect(str header, struct arena *a, struct fields *ret)
{
	struct mail_header h = mail_header_make(header);
	struct mail_field f;
	size_t n = 0;
	while (n < DKIM_FIELDS_MAX && mail_header_next(&h, &f)) {
		n++;
	}
	*ret = (struct fields){ .v = arena_array(a, n + 1, sizeof *ret->v) };
	if (ret->v == NULL) {
		return ERR_BUDGET;
	}
	h = mail_header_make(header);
	while (ret->n < n && mail_header_next(&h, &f)) {
		ret->v[ret->n++] = (struct field){ .name = f.name, .raw = f.raw };
	}
	return ERR_OK;
}

/* The lowest one that is left; NULL: none. */
static struct field *
lowest(const struct fields *fields, str name)
{
	for (size_t i = fields->n; i > 0; i--) {
		struct field *f = &fields->v[i - 1];
		if (!f->taken && str_ieq(f->name, name)) {
			return f;
		}
	}
	return NULL;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * Everything of the field but the value of b=, which points into it, and the white space around
 * that (RFC 6376 3.7).
 */
static void
put_own(struct buf *out, const struct dkim_hashed *what, struct buf *copy)
{
	str own = what->own;
	size_t from = what->b.p == NULL ? own.n : (size_t)(what->b.p - own.p);
	size_t to = from + what->b.n;
	while (from > 0 && is_space(own.p[from - 1])) {
		from--;
	}
	while (to < own.n && is_space(own.p[to])) {
		to++;
	}
	buf_str(copy, str_sub(own, 0, from));
	buf_str(copy, str_from_off(own, to));
	dkim_field(out, what->canon, buf_view(copy), true);
}

enum err
dkim_hash_input(struct buf *out, const struct dkim_hashed *what, struct arena *scratch)
{
	struct fields fields;
	struct buf copy;
	str rest = what->names, name;
	TRY(collect(what->header, scratch, &fields));
	for (size_t n = 0; n < DKIM_NAMES_MAX && dkim_tag_next(&rest, &name); n++) {
		struct field *f = lowest(&fields, name);
		if (f != NULL) {
			f->taken = true;
			dkim_field(out, what->canon, f->raw, false);
		}
	}
	buf_init(&copy, DKIM_FIELD_MAX);
	put_own(out, what, &copy);
	enum err e = buf_err(&copy);
	buf_done(&copy);
	return e == ERR_OK ? buf_err(out) : e;
}
