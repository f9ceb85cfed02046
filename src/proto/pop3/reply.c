/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the table of replies to lines.
 */
#include "proto/pop3/reply.h"

struct reply {
	const char *front; /* status, space, code */
	const char *text[POP3_LANGUAGES];
};

#define FRONT_OK "+OK "
#define FRONT_ERR "-ERR "

static const struct reply replies[POP3_REPLIES] = {
#define REPLY(id, status, code, en, de, fr) \
	[POP3_RE_##id] = { FRONT_##status code, { en, de, fr } },
#include "proto/pop3/replies.def"
#undef REPLY
};

static const struct {
	str tag;
	const char *name;
} languages[POP3_LANGUAGES] = {
#define LANGUAGE(id, tag, name) [POP3_##id] = { S_INIT(tag), name },
#include "proto/pop3/languages.def"
#undef LANGUAGE
};

void
pop3_say(struct buf *out, enum pop3_language language, enum pop3_reply id)
{
	buf_cstr(out, replies[id].front);
	buf_cstr(out, replies[id].text[language]);
	buf_cstr(out, "\r\n");
}

void
pop3_say_number(struct buf *out, enum pop3_language language, enum pop3_reply id, uint64_t n)
{
	buf_cstr(out, replies[id].front);
	buf_u64(out, n);
	buf_ch(out, ' ');
	buf_cstr(out, replies[id].text[language]);
	buf_cstr(out, "\r\n");
}

void
pop3_say_language(struct buf *out, enum pop3_language language)
{
	buf_cstr(out, replies[POP3_RE_LANGUAGE].front);
	buf_str(out, languages[language].tag);
	buf_ch(out, ' ');
	buf_cstr(out, replies[POP3_RE_LANGUAGE].text[language]);
	buf_cstr(out, "\r\n");
}

void
pop3_say_languages(struct buf *out, enum pop3_language language)
{
	pop3_say(out, language, POP3_RE_LANGUAGES);
	for (size_t i = 0; i < POP3_LANGUAGES; i++) {
		buf_str(out, languages[i].tag);
		buf_ch(out, ' ');
		buf_cstr(out, languages[i].name);
		buf_cstr(out, "\r\n");
	}
	buf_cstr(out, ".\r\n");
}

static bool
find_tag(str tag, enum pop3_language *ret)
{
	for (size_t i = 0; i < POP3_LANGUAGES; i++) {
		if (str_ieq(tag, languages[i].tag)) {
			*ret = (enum pop3_language)i;
			return true;
		}
	}
	return false;
}

bool
pop3_language_find(str range, enum pop3_language *ret)
{
	if (str_eq(range, S("*"))) {
		*ret = (enum pop3_language)0;
		return true;
	}
	while (range.n > 0) {
		if (find_tag(range, ret)) {
			return true;
		}
		ptrdiff_t cut = str_rchr(range, '-');
		range.n = cut < 0 ? 0 : (size_t)cut;
	}
	return false;
}
