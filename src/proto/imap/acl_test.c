/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights as letters, and the arguments of the commands about access control lists. RFC 4314 2.1,
 * 3.1, 7.
 */
#include "base/test.h"
#include "proto/imap/command.h"

static void
letters(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ "lr", "lr" },
		{ "rl", "lr" },
		{ "lrswida", "lrswitead" },
		{ "cda", NULL },
		{ "k", "kc" },
		{ "x", "xc" },
		{ "t", "td" },
		{ "c", "kxc" },
		{ "d", "ted" },
		{ "aektxpiwsrl", "lrswipkxteacd" },
	};
	char room[32];
	for (size_t i = 0; i < LEN(cases); i++) {
		unsigned rights = 0;
		struct buf b;
		test_case = cases[i].in;
		buf_init_fixed(&b, room, sizeof room);
		CHECK_ERR(imap_rights_parse(str_from(cases[i].in), &rights), ERR_OK);
		imap_put_rights(&b, rights);
		const char *want = cases[i].out == NULL ? "kxteacd" : cases[i].out;
		CHECK_STR(buf_view(&b), str_from(want));
	}
	test_case = NULL;
}

static void
refused_letters(void)
{
	static const char *const cases[] = { "L", "q", "lrQ", "0", "+", "l r", "\303\244" };
	for (size_t i = 0; i < LEN(cases); i++) {
		unsigned rights = 7;
		CHECK_ERR(imap_rights_parse(str_from(cases[i]), &rights), ERR_SYNTAX);
		CHECK_U64(rights, 7);
	}
}

static void
arguments(void)
{
	static const struct {
		const char *in;
		enum err want;
		enum imap_acl_mode mode;
		unsigned rights;
	} cases[] = {
		{ "a SETACL INBOX/Drafts Byron lrswikda", ERR_OK, IMAP_ACL_SET,
		    IMAP_RIGHTS_ALL & ~(unsigned)(IMAP_RIGHT_POST | IMAP_RIGHT_DROP) },
		{ "a SETACL x y +l", ERR_OK, IMAP_ACL_ADD, IMAP_RIGHT_LOOKUP },
		{ "a SETACL x y -l", ERR_OK, IMAP_ACL_REMOVE, IMAP_RIGHT_LOOKUP },
		{ "a SETACL x y \"\"", ERR_OK, IMAP_ACL_SET, 0 },
		{ "a SETACL x -y w", ERR_OK, IMAP_ACL_SET, IMAP_RIGHT_WRITE },
		{ "a SETACL x y +", ERR_OK, IMAP_ACL_ADD, 0 },
		{ "a SETACL x y lrQ", ERR_SYNTAX, 0, 0 },
		{ "a SETACL x y +-l", ERR_SYNTAX, 0, 0 },
		{ "a SETACL x \"\" l", ERR_SYNTAX, 0, 0 },
		{ "a SETACL x \"a\x01\" l", ERR_SYNTAX, 0, 0 },
		{ "a SETACL x y", ERR_SYNTAX, 0, 0 },
		{ "a SETACL x y l z", ERR_SYNTAX, 0, 0 },
		{ "a DELETEACL x y", ERR_OK, 0, 0 },
		{ "a DELETEACL x", ERR_SYNTAX, 0, 0 },
		{ "a LISTRIGHTS x y", ERR_OK, 0, 0 },
		{ "a GETACL x y", ERR_SYNTAX, 0, 0 },
		{ "a MYRIGHTS x", ERR_OK, 0, 0 },
	};
	struct arena *a = arena_new(NULL, "acl", IMAP_COMMAND_BUDGET, 0);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct imap_command cmd;
		test_case = cases[i].in;
		CHECK_ERR(imap_command_parse(a, str_from(cases[i].in), IMAP_AUTH, 0, &cmd),
		    cases[i].want);
		if (cases[i].want == ERR_OK && cmd.verb == IMAP_SETACL) {
			CHECK(cmd.u.acl.mode == cases[i].mode);
			CHECK_U64(cmd.u.acl.rights, cases[i].rights);
		}
	}
	test_case = NULL;
	arena_free(&a);
}

TEST_MAIN(letters, refused_letters, arguments)
