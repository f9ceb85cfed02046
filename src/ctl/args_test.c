/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: what they are taken for, and what is said about wrong ones.
 */
#include "ctl/args.h"

#include "base/test.h"

enum { WORDS_MAX = 8 };

static enum err
parse(const char *const *words, struct ctl_args *ret, struct buf *why)
{
	char *argv[WORDS_MAX + 2] = { (char *)(uintptr_t) "postern" };
	int argc = 1;
	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++) {
		argv[argc++] = (char *)(uintptr_t)words[i];
	}
	buf_reset(why);
	return ctl_args_parse(argc, argv, ret, why);
}

static void
right_ones(void)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *command, *first;
		size_t args;
		uint32_t given;
	} cases[] = {
		{ { "status" }, "status", "", 0, 0 },
		{ { "--json", "status" }, "status", "", 0, 1u << CTL_OPT_JSON },
		{ { "-c", "f", "domain", "add", "a.b" }, "domain add", "a.b", 1,
		    1u << CTL_OPT_CONFIG },
		{ { "domain", "--config=f", "add", "a.b" }, "domain add", "a.b", 1,
		    1u << CTL_OPT_CONFIG },
		{ { "account", "add", "a@b", "--quota", "1G", "--force" }, "account add", "a@b", 1,
		    1u << CTL_OPT_QUOTA | 1u << CTL_OPT_FORCE },
		{ { "account", "app-password", "add", "a@b", "phone" }, "account app-password add",
		    "a@b", 2, 0 },
		{ { "alias", "add", "x@b", "a@b", "c@b" }, "alias add", "x@b", 3, 0 },
		{ { "alias", "list" }, "alias list", "", 0, 0 },
		{ { "queue", "show", "--", "-x" }, "queue show", "-x", 1, 0 },
		{ { "account", "import", "-" }, "account import", "-", 1, 0 },
		{ { "help", "account", "add" }, "help", "account", 2, 0 },
		{ { "verify", "--help", "too", "many" }, "verify", "too", 2, 1u << CTL_OPT_HELP },
	};
	char room[512];
	struct buf why;
	buf_init_fixed(&why, room, sizeof room);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct ctl_args a;
		test_case = cases[i].words[0];
		CHECK_ERR(parse(cases[i].words, &a, &why), ERR_OK);
		CHECK_STR(a.command->words, str_from(cases[i].command));
		CHECK_U64(a.pos_n, cases[i].args);
		CHECK_STR(a.pos_n > 0 ? a.pos[0] : S(""), str_from(cases[i].first));
		CHECK_U64(a.given, cases[i].given);
	}
	test_case = NULL;
}

static void
wrong_ones(void)
{
	static const struct {
		const char *words[WORDS_MAX], *why;
	} cases[] = {
		{ { NULL }, "say what to do" },
		{ { "frobnicate" }, "there is no command frobnicate" },
		{ { "domain" },
		    "which of these? domain add, domain list, domain set, domain remove" },
		{ { "domain", "sing" }, "which of these? domain add" },
		{ { "domain", "add" }, "too few arguments; usage: postern domain add DOMAIN" },
		{ { "domain", "add", "a", "b" }, "too many arguments" },
		{ { "alias", "add", "a@b" }, "too few arguments" },
		{ { "status", "now" }, "too many arguments; usage: postern status" },
		{ { "status", "--verbose" }, "there is no option --verbose" },
		{ { "status", "--quota", "1G" }, "status does not take --quota" },
		{ { "account", "add", "a@b", "--quota" }, "option --quota needs a value" },
		{ { "status", "--json=yes" }, "option --json takes no value" },
		{ { "-c" }, "option -c needs a value" },
	};
	char room[512];
	struct buf why;
	buf_init_fixed(&why, room, sizeof room);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct ctl_args a;
		test_case = cases[i].why;
		CHECK_ERR(parse(cases[i].words, &a, &why), ERR_SYNTAX);
		CHECK(str_starts(buf_view(&why), str_from(cases[i].why)));
	}
	test_case = NULL;
}

static void
values(void)
{
	static const char *const apart[] = { "status", "-c", "/x y", NULL };
	static const char *const joined[] = { "--config=/a=b", "status", NULL };
	static const char *const empty[] = { "status", "--config=", NULL };
	char room[512];
	struct buf why;
	struct ctl_args a;
	buf_init_fixed(&why, room, sizeof room);
	CHECK_ERR(parse(apart, &a, &why), ERR_OK);
	CHECK_STR(a.value[CTL_OPT_CONFIG], S("/x y"));
	CHECK_ERR(parse(joined, &a, &why), ERR_OK);
	CHECK_STR(a.value[CTL_OPT_CONFIG], S("/a=b"));
	CHECK_ERR(parse(empty, &a, &why), ERR_OK);
	CHECK_STR(a.value[CTL_OPT_CONFIG], S(""));
}

static void
too_many_words(void)
{
	char *argv[CTL_ARGS_MAX + 3];
	char room[512];
	struct buf why;
	struct ctl_args a;
	buf_init_fixed(&why, room, sizeof room);
	for (size_t i = 0; i < LEN(argv); i++) {
		argv[i] = (char *)(uintptr_t) "help";
	}
	CHECK_ERR(ctl_args_parse(CTL_ARGS_MAX + 1, argv, &a, &why), ERR_OK);
	CHECK_ERR(ctl_args_parse(CTL_ARGS_MAX + 2, argv, &a, &why), ERR_SYNTAX);
	CHECK(str_starts(buf_view(&why), S("more than 128")));
}

static void
arities(void)
{
	static const struct {
		str args;
		size_t least, most;
	} cases[] = {
		{ S_INIT(""), 0, 0 },
		{ S_INIT("A"), 1, 1 },
		{ S_INIT("A B"), 2, 2 },
		{ S_INIT("A [B]"), 1, 2 },
		{ S_INIT("[A...]"), 0, CTL_ARGS_MAX },
		{ S_INIT("A B..."), 2, CTL_ARGS_MAX },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct ctl_arity got = ctl_arity(cases[i].args);
		CHECK_U64(got.least, cases[i].least);
		CHECK_U64(got.most, cases[i].most);
	}
}

TEST_MAIN(right_ones, wrong_ones, values, too_many_words, arities)
