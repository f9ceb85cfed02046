/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help and manual pages, made from the tables.
 */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include "base/buf.h"
#include "ctl/table.h"

/* What --help and --version without or with a command print. */
enum ctl_exit ctl_help_all(struct ctl *c);
enum ctl_exit ctl_help_one(struct ctl *c, const struct ctl_command *cmd);
enum ctl_exit ctl_help_version(struct ctl *c);
/* Every setting of the configuration file. */
enum ctl_exit ctl_help_settings(struct ctl *c);

/* Append "account add ADDRESS [--quota SIZE] ...". */
void ctl_help_synopsis(struct buf *out, const struct ctl_command *cmd);
/* Append text broken at `width` columns, each line after `indent` spaces. */
void ctl_help_wrap(struct buf *out, str text, size_t indent, size_t width);

/* The whole manual page in mdoc(7): postern(8), postern.conf(5). */
void ctl_man_command(struct buf *out);
void ctl_man_settings(struct buf *out);

#endif
