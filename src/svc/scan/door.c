/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting to scanners and filters, with a pause that doubles while nobody is there.
 */
#include "svc/scan/door.h"

#include "svc/common/log.h"
#include "sys/sock.h"
#include "sys/sys.h"

enum { WAIT_FIRST_MS = 100, WAIT_MAX_MS = 5000 };

void
svc_scan_door_init(struct svc_scan_door *d, str path, unsigned max)
{
	*d = (struct svc_scan_door){ .path = path, .max = max, .wait_ms = WAIT_FIRST_MS };
}

static void
found_shut(struct svc_scan_door *d, int64_t now_ms, enum err why)
{
	d->failures++;
	d->again_ms = now_ms + d->wait_ms;
	d->wait_ms = MIN(d->wait_ms * 2, WAIT_MAX_MS);
	if (!d->shut) {
		LOG(SCAN_HELPER_GONE, F_STR("path", d->path), F_ERR(why));
	}
	d->shut = true;
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
	enum err e = sys_sock_connect_stream(d->path, ret_fd);
	if (e == ERR_AGAIN) {
		return ERR_BUSY;
	}
	if (e != ERR_OK) {
		found_shut(d, now_ms, e);
		return e;
	}
	if (d->shut) {
		LOG(SCAN_HELPER_BACK, F_STR("path", d->path));
	}
	d->shut = false;
	d->wait_ms = WAIT_FIRST_MS;
	d->open++;
	return ERR_OK;
}

void
svc_scan_door_leave(struct svc_scan_door *d, int *fd)
{
	ASSERT(d->open > 0 && *fd >= 0);
	d->open--;
	sys_close(fd);
}
