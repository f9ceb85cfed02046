/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a message: every part lies inside its parent, header and body touch, links are
 * sane, and decoding each leaf stays within bounds.
 */
#include "base/buf.h"
#include "base/codec.h"
#include "mail/charset.h"
#include "mail/mime.h"
#include "mail/param.h"
#include "mail/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_part(const struct mail_mime *m, uint32_t i)
{
	const struct mail_mime_part *p = &m->parts[i];
	ASSERT(p->header_at + p->header_n == p->body_at);
	ASSERT(p->body_at + p->body_n <= m->message.n);
	ASSERT(p->depth <= MAIL_MIME_DEPTH_MAX + 1);
	if (p->parent != MAIL_MIME_NONE) {
		const struct mail_mime_part *up = &m->parts[p->parent];
		ASSERT((uint32_t)p->parent < i && up->depth + 1 == p->depth);
		ASSERT(p->header_at >= up->body_at &&
		    p->body_at + p->body_n <= up->body_at + up->body_n);
	}
	ASSERT((p->kind == MAIL_MIME_LEAF) ==
	    (p->kind != MAIL_MIME_MULTIPART && p->kind != MAIL_MIME_MESSAGE));
	ASSERT(p->kind != MAIL_MIME_MESSAGE || p->children == 1);
}

static void
read_leaf(const struct mail_mime *m, const struct mail_mime_part *p)
{
	struct buf text, out;
	buf_init(&text, 1 << 20);
	buf_init(&out, 1 << 20);
	mail_transfer_decode(&text, mail_transfer_by_name(p->encoding), mail_mime_body(m, p));
	(void)mail_param_text(&out, p->content_type, S("name"));
	buf_reset(&out);
	if (mail_param_text(&out, p->content_type, S("charset"))) {
		struct buf utf8;
		buf_init(&utf8, 1 << 20);
		mail_charset_decode(&utf8, buf_view(&out), buf_view(&text));
		ASSERT(utf8_valid(buf_view(&utf8)) || buf_err(&utf8) != ERR_OK);
		buf_done(&utf8);
	}
	buf_done(&text);
	buf_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(NULL, "fuzz", 8 << 20, 0);
	struct mail_mime m;
	enum err e = mail_mime_parse(str_make(data, size), a, &m);
	for (uint32_t i = 0; e == ERR_OK && i < m.n; i++) {
		check_part(&m, i);
		if (i < 16) {
			read_leaf(&m, &m.parts[i]);
		}
	}
	arena_free(&a);
	return 0;
}
