/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking use of a channel: the command has nothing else to do while it waits.
 */
#include "ctl/client.h"

#include "ctl/ctl.h"
#include "sys/chan.h"
#include "sys/sock.h"
#include "sys/sys.h"

enum err
ctl_client_try(struct ctl *c, const char *service)
{
	str path = ctl_state_path(c, arena_printf(c->scratch, "run/%s.sock", service));
	if (path.p == NULL) {
		return ERR_NOMEM;
	}
	c->service = service;
	sys_close(&c->fd);
	return sys_sock_connect_local(path, &c->fd);
}

enum ctl_exit
ctl_client_open(struct ctl *c, const char *service)
{
	enum err e = ctl_client_try(c, service);
	switch (e) {
	case ERR_OK: return CTL_OK;
	case ERR_NOTFOUND:
	case ERR_UNAVAILABLE:
		return ctl_fail(c, CTL_NO_SERVER, e,
		    "no server runs on %.*s; start it with `postern -c %.*s serve`",
		    STR_ARG(c->conf.state), STR_ARG(c->conf_path));
	case ERR_DENIED:
		return ctl_fail(c, CTL_NO_SERVER, e,
		    "this user may not administer the server on %.*s; be root, or the user that "
		    "started it",
		    STR_ARG(c->conf.state));
	default:
		return ctl_fail(c, CTL_NO_SERVER, e, "cannot reach %s of the server on %.*s: %s",
		    service, STR_ARG(c->conf.state), err_text(e));
	}
}

static enum ctl_exit
lost(struct ctl *c, enum err e)
{
	if (e == ERR_EOF || e == ERR_UNAVAILABLE) {
		return ctl_fail(c, CTL_NO_SERVER, e,
		    "%s of the server closed the connection; look at `postern status` and the log",
		    c->service);
	}
	if (e == ERR_TIMEOUT) {
		return ctl_fail(c, CTL_NO_SERVER, e, "%s of the server did not answer in time",
		    c->service);
	}
	if (e == ERR_PROTOCOL || e == ERR_TOOBIG) {
		return ctl_fail(c, CTL_FAILED, e,
		    "%s of the server and this program do not understand each other; are both "
		    "version %s? `postern status` tells",
		    c->service, POSTERN_VERSION);
	}
	return ctl_fail(c, CTL_FAILED, e, "talking to %s of the server: %s", c->service,
	    err_text(e));
}

enum ctl_exit
ctl_client_send(struct ctl *c)
{
	enum err e = sys_chan_send_wait(c->fd, &c->msg, -1, CTL_WAIT_MS);
	return e == ERR_OK ? CTL_OK : lost(c, e);
}

enum ctl_exit
ctl_client_next(struct ctl *c, ctl_client_take *take, void *ctx, int timeout_ms)
{
	int fd SYS_FD_AUTO = -1;
	arena_reset(c->scratch);
	enum err e = sys_chan_recv_wait(c->fd, &c->in, &fd, timeout_ms);
	if (e == ERR_OK) {
		e = take(c, ctx, buf_view(&c->in), &fd);
	}
	return e == ERR_OK ? CTL_OK : lost(c, e);
}

enum ctl_exit
ctl_client_ask(struct ctl *c, ctl_client_take *take, void *ctx, const bool *ended, int timeout_ms)
{
	enum err e = buf_err(&c->msg);
	if (e != ERR_OK) {
		return ctl_fail(c, CTL_USAGE, e,
		    "an argument is longer than any address or name can be");
	}
	enum ctl_exit x = ctl_client_send(c);
	buf_wipe(&c->msg);
	while (x == CTL_OK && !*ended) {
		x = ctl_client_next(c, take, ctx, timeout_ms);
	}
	return x;
}
