/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators and their limits. See pace.h.
 */
#include "svc/send/pace.h"
#include "base/mem.h"
#include "svc/send/limits.h"

enum { START_MILLI = 5000, ONE_MILLI = 1000, HALVE_MS = 1000 };

enum err
svc_send_pace_init(struct svc_send_pace *p, const uint8_t *hash_key)
{
	p->operators = map_new(hash_key, SVC_SEND_OPERATORS_MAX);
	return p->operators == NULL ? ERR_NOMEM : ERR_OK;
}

static void
free_operator(void *value, void *ctx)
{
	struct svc_send_operator *o = value;
	struct svc_send_pace *p = ctx;
	if (o->holders == 0) {
		(void)map_del_str(p->operators, o->name);
		mem_drop(o);
	}
}

void
svc_send_pace_done(struct svc_send_pace *p)
{
	if (p->operators != NULL) {
		map_each(p->operators, free_operator, p);
		ASSERT(map_count(p->operators) == 0);
	}
	map_free(&p->operators);
}

static struct svc_send_operator *
make(struct svc_send_pace *p, str name)
{
	if (map_count(p->operators) >= SVC_SEND_OPERATORS_MAX) {
		map_each(p->operators, free_operator, p);
	}
	struct svc_send_operator *o = mem_zalloc(1, sizeof *o + name.n);
	if (o == NULL) {
		return NULL;
	}
	list_init(&o->waiting);
	list_init(&o->idle);
	memcpy(o + 1, name.p, name.n);
	o->name = str_make(o + 1, name.n);
	o->limit_milli = MIN(START_MILLI, p->most * ONE_MILLI);
	if (map_set_str(p->operators, name, o) != ERR_OK) {
		MEM_FREE(o);
	}
	return o;
}

struct svc_send_operator *
svc_send_operator_hold(struct svc_send_pace *p, str name)
{
	struct svc_send_operator *o = map_get_str(p->operators, name);
	o = o == NULL ? make(p, name) : o;
	if (o != NULL) {
		o->holders++;
	}
	return o;
}

void
svc_send_operator_drop(struct svc_send_operator *o)
{
	ASSERT(o->holders > 0);
	o->holders--;
}

bool
svc_send_operator_free(const struct svc_send_pace *p, const struct svc_send_operator *o)
{
	return o->in_use < MAX(MIN(o->limit_milli / ONE_MILLI, p->most), 1u);
}

void
svc_send_operator_praise(const struct svc_send_pace *p, struct svc_send_operator *o)
{
	uint32_t more = ONE_MILLI * ONE_MILLI / MAX(o->limit_milli, ONE_MILLI);
	o->limit_milli = MIN(o->limit_milli + MAX(more, 1u), p->most * ONE_MILLI);
}

void
svc_send_operator_slow(struct svc_send_pace *p, struct svc_send_operator *o, int64_t now_ms)
{
	if (o->halved_ms != 0 && now_ms - o->halved_ms < HALVE_MS) {
		return;
	}
	/* What is in use was too much, whatever the limit was. */
	uint32_t used = MAX(o->in_use, 1u) * ONE_MILLI;
	o->limit_milli = MAX(MIN(o->limit_milli, used) / 2, ONE_MILLI);
	o->halved_ms = now_ms;
	p->halvings++;
}
