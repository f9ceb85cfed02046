/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to auth and its answer: edge adm_auth. Used by all commands about domains, accounts,
 * aliases and bans.
 */
#ifndef CTL_AUTH_H
#define CTL_AUTH_H

#include "ctl/table.h"
#include "ipc/adm_auth.h"

/* The context of every handler of an answer. */
struct ctl_auth {
	struct ctl *c;
	void *ctx; /* the command's own */
	bool ended;
	enum err result;
	str text;        /* of done; until the next message */
	char next[1001]; /* where the next page of a list begins; empty: it was the last */
};

/* The handler of `done`, for every table. */
enum err ctl_auth_done(void *ctx, const struct ipc_adm_auth_done *m, int *fd);
/* What a handler of another answer returns: the question is answered, the next page begins there.
 */
enum err ctl_auth_answered(struct ctl_auth *a, str next);

/*
 * Send c->msg and take the one answer.
 *
 * In      handlers: .done and the kind that is expected; a->ctx is theirs
 * Out     CTL_OK, or auth's refusal after it was said
 */
enum ctl_exit ctl_auth_ask(struct ctl_auth *a, const struct ipc_adm_auth_at_admin *handlers,
    int timeout_ms);

/* The same for a question that is answered by `done` alone: its text is printed. */
enum ctl_exit ctl_auth_do(struct ctl *c);

/* A list that comes in pages. */
struct ctl_auth_list {
	const char *name;
	const struct ctl_column *columns;
	size_t columns_n;
	const struct ipc_adm_auth_at_admin
	    *handlers;                         /* print the rows, tell where the next page begins */
	void (*ask)(struct ctl *c, str after); /* put the question into c->msg */
};
/* Print all of it. */
enum ctl_exit ctl_auth_list(struct ctl *c, const struct ctl_auth_list *l);

#endif
