/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs that CATENATE takes, and those it does not.
 */
#include "proto/imap/url.h"

#include "base/test.h"
#include "proto/imap/limits.h"

static const struct {
	const char *in, *want; /* want: "mailbox uidvalidity uid BODY[...]<...> length" */
	enum err err;
} cases[] = {
	{ "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER",
	    "'Drafts' 385759045 20 BODY[HEADER] 0", ERR_OK },
	{ "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME",
	    "'Drafts' 385759045 20 BODY[1.MIME] 0", ERR_OK },
	{ "/INBOX;UIDVALIDITY=785799047/;UID=113330/;section=1.5.9",
	    "'INBOX' 785799047 113330 BODY[1.5.9] 0", ERR_OK },
	{ "/Drafts/;UID=3002", "'Drafts' 0 3002 BODY[] 0", ERR_OK },
	{ "/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024",
	    "'gray-council' 385759045 20 BODY[]<0> 1024", ERR_OK },
	{ "/x/;uid=1/;SECTION=2/;partial=7", "'x' 0 1 BODY[2]<7> 9223372036854775807", ERR_OK },
	{ "/inbox/a%2Fb/;UID=1", "'INBOX/a/b' 0 1 BODY[] 0", ERR_OK },
	{ "/~peter/%E6%97%A5%20x%3B/;UID=1", "'~peter/\xe6\x97\xa5 x;' 0 1 BODY[] 0", ERR_OK },
	{ "/x/;UID=1/;SECTION=HEADER.FIELDS%20(From%20To)",
	    "'x' 0 1 BODY[HEADER.FIELDS (From To)] 0", ERR_OK },
	{ ";UID=5", "'' 0 5 BODY[] 0", ERR_OK },
	{ "/;UID=5/;SECTION=TEXT", "'' 0 5 BODY[TEXT] 0", ERR_OK },
	{ "imap://u@server/x/;UID=1", NULL, ERR_UNSUPPORTED },
	{ "//server/x/;UID=1", NULL, ERR_UNSUPPORTED },
	{ "x/;UID=1", NULL, ERR_UNSUPPORTED },
	{ "/x", NULL, ERR_UNSUPPORTED },
	{ "", NULL, ERR_UNSUPPORTED },
	{ "/x?SUBJECT%20y", NULL, ERR_UNSUPPORTED },
	{ "/x/;UID=1;URLAUTH=anonymous", NULL, ERR_SYNTAX },
	{ "/x/;UID=1/;URLAUTH=anonymous", NULL, ERR_UNSUPPORTED },
	{ "/x/;UID=1/;SECTION=1;URLAUTH=user+x:INTERNAL:0", NULL, ERR_UNSUPPORTED },
	{ "/x/;UID=1/;SECTION=1;EXPIRE=x", NULL, ERR_UNSUPPORTED },
	{ "/x/;UID=0", NULL, ERR_SYNTAX },
	{ "/x/;UID=", NULL, ERR_SYNTAX },
	{ "/x/;UID=4294967296", NULL, ERR_SYNTAX },
	{ "/x/;UID=1:2", NULL, ERR_SYNTAX },
	{ "/x;UIDVALIDITY=x/;UID=1", NULL, ERR_SYNTAX },
	{ "/;UIDVALIDITY=1/;UID=1", NULL, ERR_SYNTAX },
	{ "/x;FOO=1/;UID=1", NULL, ERR_SYNTAX },
	{ "/a b/;UID=1", NULL, ERR_SYNTAX },
	{ "/a%2/;UID=1", NULL, ERR_SYNTAX },
	{ "/a%zz/;UID=1", NULL, ERR_SYNTAX },
	{ "/a%/;UID=1", NULL, ERR_SYNTAX },
	{ "/%ff/;UID=1", NULL, ERR_CHARSET },
	{ "/x/;UID=1/;SECTION=", NULL, ERR_SYNTAX },
	{ "/x/;UID=1/;SECTION=MIME", NULL, ERR_SYNTAX },
	{ "/x/;UID=1/;SECTION=1]", NULL, ERR_SYNTAX },
	{ "/x/;UID=1/;SECTION=1%5D", NULL, ERR_SYNTAX },
	{ "/x/;UID=1/;PARTIAL=1.0", NULL, ERR_SYNTAX },
	{ "/x/;UID=1/;PARTIAL=x", NULL, ERR_SYNTAX },
};

static void
parses(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].in;
		struct arena *a = arena_new(NULL, "test", 65536, 0);
		struct imap_url url;
		enum err e = imap_url_parse(a, str_from(cases[i].in), &url);
		CHECK_ERR(e, cases[i].err);
		if (e == ERR_OK) {
			struct buf b;
			buf_init(&b, 4096);
			buf_printf(&b, "'%.*s' %u %u ", STR_ARG(url.mailbox), url.uidvalidity,
			    url.uid);
			imap_section_name_put(&b, &url.section);
			buf_printf(&b, " %llu", (unsigned long long)url.section.length);
			CHECK_STR(buf_view(&b), str_from(cases[i].want));
			buf_done(&b);
		}
		arena_free(&a);
	}
}

static void
long_ones(void)
{
	static char room[IMAP_URL_MAX + 100];
	struct buf b;
	struct imap_url url;
	struct arena *a = arena_new(NULL, "test", 65536, 0);
	buf_init_fixed(&b, room, sizeof room);
	buf_ch(&b, '/');
	while (b.n < IMAP_URL_MAX) {
		buf_ch(&b, 'x');
	}
	buf_cstr(&b, "/;UID=1");
	CHECK_ERR(imap_url_parse(a, buf_view(&b), &url), ERR_TOOBIG);
	arena_free(&a);
}

static void
puts_safely(void)
{
	struct buf b;
	buf_init(&b, 1000);
	imap_url_put(&b, S("/a]b c\\\r\n\xff/;UID=1"));
	CHECK_STR(buf_view(&b), S("/a%5Db%20c%5C%0D%0A%FF/;UID=1"));
	buf_done(&b);
}

TEST_MAIN(parses, long_ones, puts_safely)
