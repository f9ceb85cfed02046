/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who runs a mail server: the unit that reputation, limits and blocks are counted by. The rules
 * file has a table of MX suffixes; what is not in it counts under its registrable domain.
 */
#ifndef REACH_OPERATOR_H
#define REACH_OPERATOR_H

#include "base/str.h"

struct reach_rules;

/*
 * The operator of a mail server.
 *
 * In      rules: may be NULL (no table); mx: its host name, any case, or an address literal
 * Out     "google", or the registrable domain, or the name itself; borrowed from `rules` or `mx`,
 *         so as long as both live. The case of `mx` stays.
 */
str reach_operator(const struct reach_rules *rules, str mx);

#endif
