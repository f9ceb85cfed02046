/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies in all languages: their shape, their length, and how a language is found.
 */
#include "proto/pop3/reply.h"

#include "base/test.h"

static void
says_every_reply(void)
{
	struct buf b;
	buf_init(&b, 4096);
	for (size_t l = 0; l < POP3_LANGUAGES; l++) {
		for (size_t i = 0; i < POP3_REPLIES; i++) {
			buf_reset(&b);
			pop3_say(&b, (enum pop3_language)l, (enum pop3_reply)i);
			str line = buf_view(&b);
			CHECK(str_starts(line, S("+OK ")) || str_starts(line, S("-ERR ")));
			CHECK(str_ends(line, S("\r\n")) && line.n <= POP3_REPLY_MAX);
			line.n -= 2;
			CHECK(str_chr(line, '\n') < 0 && str_chr(line, '\r') < 0);
		}
	}
	buf_done(&b);
}

static void
says_in_words(void)
{
	struct buf b;
	buf_init(&b, 4096);
	pop3_say(&b, POP3_EN, POP3_RE_IN_USE);
	pop3_say_number(&b, POP3_DE, POP3_RE_MESSAGES, 3);
	pop3_say_language(&b, POP3_FR);
	pop3_say_languages(&b, POP3_EN);
	CHECK_STR(buf_view(&b),
	    S("-ERR [IN-USE] Another POP3 session has this maildrop open\r\n"
	      "+OK 3 Nachrichten\r\n"
	      "+OK fr Langue chang\u00e9e\r\n"
	      "+OK Languages follow\r\nen English\r\nde Deutsch\r\nfr Fran\u00e7ais\r\n.\r\n"));
	buf_done(&b);
}

static void
finds_languages(void)
{
	static const struct {
		const char *range;
		int want; /* -1: none */
	} cases[] = {
		{ "*", POP3_EN },
		{ "en", POP3_EN },
		{ "EN", POP3_EN },
		{ "de", POP3_DE },
		{ "de-AT", POP3_DE },
		{ "de-Latn-CH-1996", POP3_DE },
		{ "fr-CA", POP3_FR },
		{ "MUL", -1 },
		{ "d", -1 },
		{ "deu", -1 },
		{ "", -1 },
		{ "-", -1 },
		{ "-de", -1 },
		{ "**", -1 },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		enum pop3_language l;
		test_case = cases[i].range;
		bool found = pop3_language_find(str_from(cases[i].range), &l);
		CHECK(found == (cases[i].want >= 0));
		CHECK(!found || (int)l == cases[i].want);
	}
}

TEST_MAIN(says_every_reply, says_in_words, finds_languages)
