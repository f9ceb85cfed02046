/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting to scanners and filters, with a pause that doubles while nobody is there.
 */
#include "svc/scan/door.h"

#include "conf/conf.h"
#include "svc/common/log.h"
#include "sys/sys.h"

enum { WAIT_FIRST_MS = 100, WAIT_MAX_MS = 5000 };

enum err
svc_scan_door_init(struct svc_scan_door *d, str path, unsigned max)
{
	struct conf_socket s;
	*d = (struct svc_scan_door){ .path = path, .max = max, .wait_ms = WAIT_FIRST_MS };
	TRY(conf_socket_parse(path, &s));
	d->local = s.path;
	d->tcp.port = s.port;
	return s.path.n > 0 ? ERR_OK : sys_addr_ip_parse(s.ip, d->tcp.ip);
}

void
svc_scan_door_found(struct svc_scan_door *d, int64_t now_ms, enum err why)
{
	if (why == ERR_OK) {
		if (d->shut) {
			LOG(SCAN_HELPER_BACK, F_STR("path", d->path));
		}
		d->shut = false;
		d->wait_ms = WAIT_FIRST_MS;
		return;
	}
	d->failures++;
	if (d->shut && now_ms < d->again_ms) {
		return; /* another one of the same attempt */
	}
	d->again_ms = now_ms + d->wait_ms;
	d->wait_ms = MIN(d->wait_ms * 2, WAIT_MAX_MS);
	if (!d->shut) {
		LOG(SCAN_HELPER_GONE, F_STR("path", d->path), F_ERR(why));
	}
	d->shut = true;
}

static enum err
enter_tcp(struct svc_scan_door *d, int *ret_fd)
{
	enum err e = sys_sock_connect(&d->tcp, ret_fd);
	return e == ERR_AGAIN ? ERR_OK : e;
}

static enum err
enter_local(struct svc_scan_door *d, int64_t now_ms, int *ret_fd)
{
	enum err e = sys_sock_connect_stream(d->local, ret_fd);
	if (e == ERR_OK) {
		svc_scan_door_found(d, now_ms, ERR_OK);
	}
	return e == ERR_AGAIN ? ERR_BUSY : e;
}

enum err
svc_scan_door_enter(struct svc_scan_door *d, int64_t now_ms, int *ret_fd)
{
	if (d->shut && now_ms < d->again_ms) {
		return ERR_UNAVAILABLE;
	}
	if (d->open >= d->max) {
		return ERR_BUSY;
	}
	d->tries++;
	enum err e = d->local.n > 0 ? enter_local(d, now_ms, ret_fd) : enter_tcp(d, ret_fd);
	if (e == ERR_OK) {
		d->open++;
	} else if (e != ERR_BUSY) {
		svc_scan_door_found(d, now_ms, e);
	}
	return e;
}

void
svc_scan_door_leave(struct svc_scan_door *d, int *fd)
{
	ASSERT(d->open > 0 && *fd >= 0);
	d->open--;
	sys_close(fd);
}
