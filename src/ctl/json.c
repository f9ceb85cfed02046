/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every value passes through begin(), which writes the comma and the key.
 */
#include "ctl/json.h"

#include "base/codec.h"

enum { BUF_MAX = 1 << 20 };

static void
flush(struct ctl_json *j)
{
	j->sink(j->ctx, buf_view(&j->b));
	buf_consume(&j->b, j->b.n);
}

void
ctl_json_init(struct ctl_json *j, ctl_json_sink *sink, void *ctx)
{
	*j = (struct ctl_json){ .sink = sink, .ctx = ctx };
	buf_init(&j->b, BUF_MAX);
}

static void
put_string(struct buf *b, str v)
{
	buf_ch(b, '"');
	while (v.n > 0) {
		uint32_t cp = utf8_next(&v);
		if (cp == '"' || cp == '\\') {
			buf_ch(b, '\\');
			buf_ch(b, (char)cp);
		} else if (cp == '\n') {
			buf_cstr(b, "\\n");
		} else if (cp < UINT16_MAX && !utf8_is_shown(cp)) {
			buf_printf(b, "\\u%04x", (unsigned)cp);
		} else {
			utf8_put(b, cp); /* a bad octet becomes U+FFFD there */
		}
	}
	buf_ch(b, '"');
}

static void
begin(struct ctl_json *j, const char *key)
{
	bool in_object = j->depth > 0 && j->level[j->depth - 1].close == '}';
	ASSERT(in_object == (key != NULL));
	if (j->depth > 0) {
		if (j->level[j->depth - 1].any) {
			buf_ch(&j->b, ',');
		}
		j->level[j->depth - 1].any = true;
	}
	if (key != NULL) {
		put_string(&j->b, str_from(key));
		buf_ch(&j->b, ':');
	}
	if (j->b.n >= CTL_JSON_FLUSH) {
		flush(j);
	}
}

static void
open_level(struct ctl_json *j, const char *key, char open, char close)
{
	begin(j, key);
	ASSERT(j->depth < CTL_JSON_DEPTH_MAX);
	buf_ch(&j->b, open);
	j->level[j->depth].close = close;
	j->level[j->depth].any = false;
	j->depth++;
}

void
ctl_json_object(struct ctl_json *j, const char *key)
{
	open_level(j, key, '{', '}');
}

void
ctl_json_array(struct ctl_json *j, const char *key)
{
	open_level(j, key, '[', ']');
}

void
ctl_json_close(struct ctl_json *j)
{
	ASSERT(j->depth > 0);
	buf_ch(&j->b, j->level[--j->depth].close);
}

enum err
ctl_json_end(struct ctl_json *j)
{
	while (j->depth > 0) {
		ctl_json_close(j);
	}
	buf_ch(&j->b, '\n');
	enum err e = buf_err(&j->b);
	flush(j);
	buf_done(&j->b);
	return e;
}

void
ctl_json_str(struct ctl_json *j, const char *key, str v)
{
	begin(j, key);
	put_string(&j->b, v);
}

void
ctl_json_u64(struct ctl_json *j, const char *key, uint64_t v)
{
	begin(j, key);
	buf_u64(&j->b, v);
}

void
ctl_json_bool(struct ctl_json *j, const char *key, bool v)
{
	begin(j, key);
	buf_cstr(&j->b, v ? "true" : "false");
}

void
ctl_json_null(struct ctl_json *j, const char *key)
{
	begin(j, key);
	buf_cstr(&j->b, "null");
}
