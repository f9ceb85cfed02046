/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Announcing and denying capabilities.
 */
#include "proto/imap/caps.h"

#include "base/test.h"

static str
announced(const struct imap_caps *caps, struct buf *b)
{
	buf_reset(b);
	buf_ch(b, ' ');
	imap_capabilities_put(b, caps);
	buf_ch(b, ' ');
	CHECK(str_find(buf_view(b), S("  ")) < 0);
	return buf_view(b);
}

static void
announces(void)
{
	struct buf b;
	struct imap_caps caps = { 0 };
	buf_init(&b, 4096);
	str all = announced(&caps, &b);
	CHECK(str_starts(all, S(" IMAP4rev1 IMAP4rev2 ")));
	CHECK(str_find(all, S(" LITERAL+ ")) > 0 && str_find(all, S(" LITERAL- ")) < 0);
	CHECK(str_find(all, S(" APPENDLIMIT ")) > 0);
	CHECK(str_find(all, S(" SEARCH=FUZZY ")) > 0);
	caps.append_limit = 12345;
	CHECK(str_find(announced(&caps, &b), S(" APPENDLIMIT=12345 ")) > 0);
	CHECK_U64(imap_enable_bit(S("condstore")), IMAP_ENABLED_CONDSTORE);
	CHECK_U64(imap_enable_bit(S("IDLE")), IMAP_ENABLED_NONE);
	buf_done(&b);
}

static void
denies(void)
{
	struct buf b;
	struct imap_caps caps = { 0 };
	buf_init(&b, 4096);
	CHECK(imap_caps_allow(&caps, IMAP_IDLE) && imap_caps_allow(&caps, IMAP_NOOP));
	CHECK(imap_caps_deny(&caps, S("idle")));
	CHECK(imap_caps_deny(&caps, S("LITERAL+")));
	CHECK(imap_caps_deny(&caps, S("IMAP4rev2")));
	CHECK(imap_caps_deny(&caps, S("REPLACE")));
	CHECK(!imap_caps_deny(&caps, S("IMAP4rev1"))); /* everybody needs one */
	CHECK(!imap_caps_deny(&caps, S("X-NONE")));
	str all = announced(&caps, &b);
	CHECK(str_starts(all, S(" IMAP4rev1 LITERAL- ")));
	CHECK(str_find(all, S(" IDLE ")) < 0 && str_find(all, S(" REPLACE ")) < 0);
	CHECK(!imap_caps_allow(&caps, IMAP_IDLE) && !imap_caps_allow(&caps, IMAP_REPLACE));
	CHECK(imap_caps_allow(&caps, IMAP_MOVE) && imap_caps_allow(&caps, IMAP_APPEND));
	CHECK(!imap_caps_has(&caps, S("IDLE")) && imap_caps_has(&caps, S("uidplus")));
	CHECK((imap_caps_enable(&caps) & IMAP_ENABLED_REV2) == 0);
	CHECK((imap_caps_enable(&caps) & IMAP_ENABLED_CONDSTORE) != 0);
	buf_done(&b);
}

static void
rules(void)
{
	static const struct {
		const char *rule;
		bool denied; /* MOVE to user@example.org with "Apple Mail" */
	} cases[] = {
		{ "user@example.org: MOVE", true },
		{ "USER@*: IDLE MOVE", true },
		{ "*@example.org:   MOVE  ", true },
		{ "*@*.org: move", true },
		{ "user@example.com: MOVE", false },
		{ "user@: MOVE", false },
		{ "apple mail: MOVE", true },
		{ "*mail: MOVE", true },
		{ "A*p*e*: MOVE", true },
		{ "*: MOVE", true },
		{ "Apple: MOVE", false },
		{ "Apple Mail 2: MOVE", false },
		{ "a: b: MOVE", false },
		{ "Apple Mail: MOVEX", false },
		{ "Apple Mail:", false },
		{ ": MOVE", false },
		{ "MOVE", false },
		{ "", false },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct imap_caps caps = { 0 };
		test_case = cases[i].rule;
		imap_caps_deny_rule(&caps, str_from(cases[i].rule), S("user@example.org"),
		    S("Apple Mail"));
		CHECK(imap_caps_has(&caps, S("MOVE")) == !cases[i].denied);
	}
}

TEST_MAIN(announces, denies, rules)
