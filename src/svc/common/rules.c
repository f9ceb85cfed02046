/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the rules lie, and who hears of their mistakes. What a rule is: reach/classify.h.
 */
#include "svc/common/rules.h"

#include "conf/conf.h"
#include "reach/classify.h"
#include "svc/common/service.h"

/* Empty: the rules that are built in. */
static str
path_of(const struct svc_common *sc)
{
	return sc->conf->send_rules.n > 0 ? sc->conf->send_rules.v[0] : S("");
}

static void
complain(void *ctx, unsigned line, unsigned column, const char *what)
{
	LOG(WATCH_RULE_BAD, F_STR("file", path_of(ctx)), F_U64("line", line),
	    F_U64("column", column), F_CSTR("why", what));
}

enum err
svc_common_rules(struct svc_common *sc, const struct reach_rules **ret)
{
	struct arena *a = arena_new(sc->arena, "rules", REACH_RULES_ARENA, 0);
	struct reach_rules *rules = NULL;
	if (a == NULL) {
		return ERR_NOMEM;
	}
	TRY(reach_rules_load(path_of(sc), a, complain, sc, &rules));
	*ret = rules;
	return ERR_OK;
}
