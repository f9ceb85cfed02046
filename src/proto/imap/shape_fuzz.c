/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any message through the response writers: ENVELOPE, BODY, BODYSTRUCTURE and a walk over sections.
 * What is written must be well-formed: parentheses match outside of strings and literals.
 */
#include "mail/header.h"
#include "mail/mime.h"
#include "proto/imap/body.h"
#include "proto/imap/envelope.h"
#include "proto/imap/section.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the string or literal that starts at `at` ends. */
static size_t
skip_string(str s, size_t at)
{
	if (s.p[at] == '"') {
		for (at++; s.p[at] != '"'; at++) {
			at += s.p[at] == '\\';
			ASSERT(s.p[at] != '\r' && s.p[at] != '\n' && s.p[at] != '\0');
		}
		return at + 1;
	}
	size_t n = 0;
	for (at++; s.p[at] != '}'; at++) {
		ASSERT(ascii_is_digit(s.p[at]));
		n = n * 10 + (size_t)(s.p[at] - '0');
	}
	ASSERT(s.p[at + 1] == '\r' && s.p[at + 2] == '\n' && at + 3 + n <= s.n);
	return at + 3 + n;
}

static void
check_shape(str s)
{
	size_t depth = 0;
	for (size_t at = 0; at < s.n;) {
		if (s.p[at] == '"' || s.p[at] == '{') {
			at = skip_string(s, at);
			continue;
		}
		ASSERT(s.p[at] >= ' ' && s.p[at] < 0x7f);
		depth += s.p[at] == '(';
		depth -= s.p[at] == ')';
		ASSERT(depth > 0 || at + 1 == s.n);
		at++;
	}
	ASSERT(depth == 0);
}

static void
walk_sections(const struct imap_source *src)
{
	struct buf room;
	buf_init(&room, 1u << 20);
	str name = S("Subject");
	for (uint32_t i = 0; i < 6 * 2 * 4; i++) {
		uint32_t path[] = { 1 + i % 4, 1, 2 };
		struct imap_section s = {
			.item = i % 3 == 0 ? IMAP_ITEM_BINARY : IMAP_ITEM_BODY,
			.text = (enum imap_section_text)(i / 4 % 6),
			.path = path,
			.path_n = i / 24,
			.fields = &name,
			.fields_n = 1,
			.partial = true,
			.offset = i,
			.length = i * 7 + 1,
		};
		str got;
		if (imap_section_get(src, &s, &room, &got) == ERR_OK) {
			str part = imap_section_partial(&s, got);
			ASSERT(part.n <= got.n);
		}
	}
	buf_done(&room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *tree = arena_new(NULL, "tree", 16u << 20, 0);
	struct arena *scratch = arena_new(NULL, "scratch", 16u << 20, 0);
	str message = str_make(data, size);
	struct mail_mime m;
	struct buf out;
	buf_init(&out, 16u << 20);
	if (imap_envelope_put(&out, message, scratch) == ERR_OK) {
		check_shape(buf_view(&out));
	}
	if (mail_mime_parse(message, tree, &m) == ERR_OK) {
		for (int extended = 0; extended < 2; extended++) {
			buf_reset(&out);
			if (imap_body_put(&out, &m, extended != 0, scratch) == ERR_OK) {
				check_shape(buf_view(&out));
			}
		}
		struct imap_source src = { message, mail_header_length(message), &m };
		walk_sections(&src);
	}
	buf_done(&out);
	arena_free(&scratch);
	arena_free(&tree);
	return 0;
}
