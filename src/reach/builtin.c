/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The copy of dist/rules/replies.rules that every program carries; tool/gen-rules makes it.
 */
#include "reach/classify.h"

#include "reach/rules_text.h"

str
reach_rules_builtin(void)
{
	return (str){ rules_text, sizeof(rules_text) - 1 };
}
