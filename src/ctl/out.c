/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text is built here, JSON in json.c. Every value has two forms: what a program reads and what a
 * person reads; put() chooses.
 */
#include "ctl/out.h"

#include "base/codec.h"
#include "ctl/units.h"
#include "sys/clock.h"

enum {
	BUF_MAX = 4 << 20,
	FLUSH = 32768,
	LABEL_WIDTH = 20,
	VALUE_MAX = 160,
	SECONDS_TEXT = 19, /* "2026-11-21T19:00:00" */
};

void
ctl_out_init(struct ctl_out *o, bool json, ctl_json_sink *sink, void *ctx)
{
	*o = (struct ctl_out){ .json = json, .sink = sink, .ctx = ctx };
	buf_init(&o->b, BUF_MAX);
	ctl_json_init(&o->j, sink, ctx);
	if (json) {
		ctl_json_object(&o->j, NULL);
	}
}

void
ctl_out_flush(struct ctl_out *o)
{
	o->sink(o->ctx, buf_view(&o->b));
	buf_consume(&o->b, o->b.n);
	o->sink(o->ctx, buf_view(&o->j.b));
	buf_consume(&o->j.b, o->j.b.n);
}

enum err
ctl_out_end(struct ctl_out *o)
{
	enum err e = buf_err(&o->b);
	if (o->json) {
		e = ctl_json_end(&o->j);
	}
	o->sink(o->ctx, buf_view(&o->b));
	buf_done(&o->b);
	buf_done(&o->j.b);
	return e;
}

void
ctl_out_safe(struct buf *b, str v)
{
	while (v.n > 0) {
		str before = v;
		uint32_t cp = utf8_next(&v);
		size_t used = before.n - v.n;
		if (utf8_is_shown(cp)) {
			buf_add(b, before.p, used);
			continue;
		}
		for (size_t i = 0; i < used; i++) {
			buf_printf(b, "\\x%02x", (unsigned)(unsigned char)before.p[i]);
		}
	}
}

static size_t
columns_of(str s)
{
	size_t n = 0;
	while (s.n > 0) {
		(void)utf8_next(&s);
		n++;
	}
	return n;
}

static void
pad(struct buf *b, size_t have, size_t want)
{
	for (; have < want; have++) {
		buf_ch(b, ' ');
	}
}

static void
put_cell(struct ctl_out *o, const struct ctl_column *column, str text)
{
	size_t n = columns_of(text);
	if (o->at > 0) {
		buf_cstr(&o->b, "  ");
	}
	if (column->right) {
		pad(&o->b, n, column->width);
	}
	buf_str(&o->b, text);
	if (!column->right && o->at + 1 < o->columns_n) {
		pad(&o->b, n, column->width);
	}
	o->at++;
}

/* In a list: the next column if this is its key. Else a line of its own. */
static void
put_text(struct ctl_out *o, const char *key, str text)
{
	if (o->in_item) {
		if (o->at < o->columns_n && strcmp(o->columns[o->at].key, key) == 0) {
			put_cell(o, &o->columns[o->at], text);
		}
		return;
	}
	size_t n = strlen(key);
	for (size_t i = 0; i < n; i++) {
		buf_ch(&o->b, key[i] == '_' ? ' ' : key[i]);
	}
	buf_ch(&o->b, ':');
	pad(&o->b, n + 1, LABEL_WIDTH);
	buf_str(&o->b, text);
	buf_ch(&o->b, '\n');
}

void
ctl_out_list(struct ctl_out *o, const char *key, const struct ctl_column *columns, size_t n)
{
	o->columns = columns;
	o->columns_n = n;
	o->titled = false;
	if (o->json) {
		ctl_json_array(&o->j, key);
	}
}

void
ctl_out_item(struct ctl_out *o)
{
	if (o->json) {
		ctl_json_object(&o->j, NULL);
	} else if (!o->titled) {
		o->titled = true;
		o->at = 0;
		for (size_t i = 0; i < o->columns_n; i++) {
			put_cell(o, &o->columns[i], str_from(o->columns[i].title));
		}
		buf_ch(&o->b, '\n');
	}
	o->in_item = true;
	o->at = 0;
}

void
ctl_out_item_end(struct ctl_out *o)
{
	o->in_item = false;
	if (o->json) {
		ctl_json_close(&o->j);
		return;
	}
	buf_ch(&o->b, '\n');
	if (o->b.n >= FLUSH) {
		ctl_out_flush(o);
	}
}

void
ctl_out_list_end(struct ctl_out *o)
{
	if (o->json) {
		ctl_json_close(&o->j);
	}
}

void
ctl_out_str(struct ctl_out *o, const char *key, str v)
{
	if (o->json) {
		ctl_json_str(&o->j, key, v);
		return;
	}
	struct buf b;
	buf_init(&b, BUF_MAX);
	ctl_out_safe(&b, v);
	put_text(o, key, b.n == 0 ? S("-") : buf_view(&b));
	buf_done(&b);
}

void
ctl_out_u64(struct ctl_out *o, const char *key, uint64_t v)
{
	if (o->json) {
		ctl_json_u64(&o->j, key, v);
		return;
	}
	char room[VALUE_MAX];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	buf_u64(&b, v);
	put_text(o, key, buf_view(&b));
}

void
ctl_out_bool(struct ctl_out *o, const char *key, bool v)
{
	if (o->json) {
		ctl_json_bool(&o->j, key, v);
		return;
	}
	put_text(o, key, v ? S("yes") : S("no"));
}

void
ctl_out_size(struct ctl_out *o, const char *key, uint64_t v)
{
	if (o->json) {
		ctl_json_u64(&o->j, key, v);
		return;
	}
	char room[VALUE_MAX];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	ctl_size_put(&b, v);
	put_text(o, key, buf_view(&b));
}

void
ctl_out_limit(struct ctl_out *o, const char *key, uint64_t v, bool octets)
{
	if (v != 0) {
		octets ? ctl_out_size(o, key, v) : ctl_out_u64(o, key, v);
	} else if (o->json) {
		ctl_json_null(&o->j, key);
	} else {
		put_text(o, key, S("none"));
	}
}

void
ctl_out_time(struct ctl_out *o, const char *key, int64_t wall_s)
{
	char room[VALUE_MAX];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	if (wall_s == 0) {
		ctl_out_none(o, key);
		return;
	}
	sys_clock_text(&b, wall_s * 1000);
	buf_truncate(&b, MIN(b.n, SECONDS_TEXT)); /* without the milliseconds */
	buf_ch(&b, 'Z');
	if (o->json) {
		ctl_json_str(&o->j, key, buf_view(&b));
	} else {
		put_text(o, key, buf_view(&b));
	}
}

void
ctl_out_none(struct ctl_out *o, const char *key)
{
	if (o->json) {
		ctl_json_null(&o->j, key);
	} else {
		put_text(o, key, S("-"));
	}
}

void
ctl_out_done(struct ctl_out *o, str text)
{
	text = text.n > 0 ? text : S("done");
	if (o->json) {
		ctl_json_str(&o->j, "done", text);
	} else {
		ctl_out_safe(&o->b, text);
		buf_ch(&o->b, '\n');
	}
}

void
ctl_out_line(struct ctl_out *o, const char *fmt, ...)
{
	char room[4096];
	va_list ap;
	if (o->json) {
		return;
	}
	va_start(ap, fmt);
	int n = vsnprintf(room, sizeof room, fmt, ap);
	va_end(ap);
	ctl_out_safe(&o->b, str_make(room, MIN((size_t)MAX(n, 0), sizeof room - 1)));
	buf_ch(&o->b, '\n');
}
