/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where rules come from: a file, or the copy of dist/rules/replies.rules that every program carries
 * (tool/gen-rules makes it).
 */
#include "reach/classify.h"

#include "reach/rules_text.h"
#include "sys/file.h"

str
reach_rules_builtin(void)
{
	return (str){ rules_text, sizeof(rules_text) - 1 };
}

enum err
reach_rules_load(str path, struct arena *a, reach_complain *complain, void *ctx,
    struct reach_rules **ret)
{
	struct buf text;

	if (path.n == 0) {
		return reach_rules_parse(reach_rules_builtin(), a, complain, ctx, ret);
	}
	buf_init(&text, REACH_RULES_FILE_MAX);
	enum err e = sys_file_load(SYS_CWD, path, &text);
	if (e == ERR_NOTFOUND) {
		if (complain != NULL) {
			complain(ctx, 1, 1, "the file is not there: the built-in rules are used");
		}
		e = reach_rules_parse(reach_rules_builtin(), a, complain, ctx, ret);
	} else if (e == ERR_OK) {
		e = reach_rules_parse(buf_view(&text), a, complain, ctx, ret);
	}
	buf_done(&text);
	return e;
}
