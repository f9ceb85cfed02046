/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a password: from the terminal, twice and unseen; from standard input; or from a file.
 * Never from the command line, where every user of the machine can read it.
 */
#ifndef CTL_PASSWORD_H
#define CTL_PASSWORD_H

#include "ctl/table.h"

enum { CTL_PASSWORD_MAX = 1000 }; /* as adm_auth.def */

/*
 * Read the password an account is to have.
 *
 * In      again: ask twice at a terminal, because nobody can correct a typing mistake later
 * Out     ret: in the wiping arena
 * Limits  CTL_PASSWORD_MAX octets, one line
 */
enum ctl_exit ctl_password(struct ctl *c, bool again, str *ret);

#endif
