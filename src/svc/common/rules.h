/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules for what other servers reply, as the settings name them. Linked by svc_common_rules_dep
 * alone: send and watch need them.
 */
#ifndef SVC_COMMON_RULES_H
#define SVC_COMMON_RULES_H

#include "base/err.h"

struct reach_rules;
struct svc_common;

/*
 * Read the file the settings name, or what is built in. Outside the sandbox: it may lie anywhere.
 * Lines that cannot be read are logged and left out.
 *
 * Out     ret: lives as long as the process
 * Errors  as reach_rules_load
 */
enum err svc_common_rules(struct svc_common *sc, const struct reach_rules **ret);

#endif
