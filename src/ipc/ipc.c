/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The field kinds of ipc.h.
 */
#include "ipc/ipc.h"

static_assert(ERR_COUNT < 256, "an error is one octet on the wire");

void
ipc_put_str(struct buf *out, str s, size_t max)
{
	if (s.n > max && out->err == ERR_OK) {
		out->err = ERR_TOOBIG;
	}
	wr_str(out, s);
}

void
ipc_put_count(struct buf *out, size_t n, size_t max)
{
	if (n > max && out->err == ERR_OK) {
		out->err = ERR_TOOBIG;
	}
	wr_u32(out, (uint32_t)n);
}

void
ipc_put_bool(struct buf *out, bool v)
{
	wr_u8(out, v ? 1 : 0);
}

void
ipc_put_err(struct buf *out, enum err e)
{
	wr_u8(out, (uint8_t)e);
}

static uint8_t
get_below(struct rd *r, unsigned limit)
{
	uint8_t v = rd_u8(r);
	if (v >= limit) {
		r->bad = true;
		r->n = 0;
		return 0;
	}
	return v;
}

bool
ipc_get_bool(struct rd *r)
{
	return get_below(r, 2) != 0;
}

enum err
ipc_get_err(struct rd *r)
{
	return (enum err)get_below(r, ERR_COUNT);
}

void *
ipc_get_list(struct rd *r, struct arena *a, const size_t limits[3], size_t *ret_n)
{
	size_t max = limits[0], item_min = limits[1], size = limits[2];
	size_t n = rd_u32(r);
	*ret_n = 0;
	if (n > max || n > r->n / MAX(item_min, (size_t)1)) {
		r->bad = true;
		r->n = 0;
		return NULL;
	}
	if (n == 0) {
		return NULL;
	}
	void *p = arena_array(a, n, size);
	if (p == NULL) {
		r->bad = true;
		r->n = 0;
		return NULL;
	}
	*ret_n = n;
	return p;
}

enum err
ipc_check_fd(enum ipc_fd rule, const int *fd)
{
	bool has = *fd >= 0;
	if ((rule == IPC_FD_NONE && has) || (rule == IPC_FD_NEEDED && !has)) {
		return ERR_PROTOCOL;
	}
	return ERR_OK;
}
