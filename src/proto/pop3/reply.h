/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of the server in the language of the session (replies.def, languages.def). No reply
 * line is longer than POP3_REPLY_MAX; no text comes from anywhere else.
 */
#ifndef PROTO_POP3_REPLY_H
#define PROTO_POP3_REPLY_H

#include "base/buf.h"
#include "proto/pop3/limits.h"

enum pop3_language {
#define LANGUAGE(id, tag, name) POP3_##id,
#include "proto/pop3/languages.def"
#undef LANGUAGE
	POP3_LANGUAGES
};

enum pop3_reply {
#define REPLY(id, status, code, en, de, fr) POP3_RE_##id,
#include "proto/pop3/replies.def"
#undef REPLY
	POP3_REPLIES
};

/* "+OK text" or "-ERR [code] text" and CR LF. */
void pop3_say(struct buf *out, enum pop3_language language, enum pop3_reply id);
/* "+OK n text" and CR LF. */
void pop3_say_number(struct buf *out, enum pop3_language language, enum pop3_reply id, uint64_t n);

/* The answer to a LANG that succeeded: "+OK tag text" in that language. RFC 6856 3.2 */
void pop3_say_language(struct buf *out, enum pop3_language language);
/* The answer to LANG without argument, with its last line. RFC 6856 3.2 */
void pop3_say_languages(struct buf *out, enum pop3_language language);

/*
 * The language a range asks for: "*" is the first of the table; "de-AT" finds "de".
 *
 * RFC     6856 3.2; 4647 2.1, 3.4
 */
bool pop3_language_find(str range, enum pop3_language *ret);

#endif
