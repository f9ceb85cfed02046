/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command's end of the administrators' sockets in state/run: connect, ask, take answers.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "base/err.h"
#include "base/str.h"
#include "ctl/table.h"

/* Connect to "parent", "auth" or "queue"; c->fd. CTL_NO_SERVER after saying what to do. */
enum ctl_exit ctl_client_open(struct ctl *c, const char *service);
/* The same without saying anything. ERR_NOTFOUND, ERR_UNAVAILABLE: nobody is there; ERR_DENIED. */
enum err ctl_client_try(struct ctl *c, const char *service);

/* A generated dispatch function over a handler table of the caller's. */
typedef enum err ctl_client_take(struct ctl *c, void *ctx, str datagram, int *fd);

/* Send c->msg. */
enum ctl_exit ctl_client_send(struct ctl *c);
/* Wait for one message and give it to `take`. */
enum ctl_exit ctl_client_next(struct ctl *c, ctl_client_take *take, void *ctx, int timeout_ms);
/* Send c->msg, which is wiped, and take messages until one of them has set *ended. */
enum ctl_exit ctl_client_ask(struct ctl *c, ctl_client_take *take, void *ctx, const bool *ended,
    int timeout_ms);

#endif
