/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits of operators: they grow with praise, halve when it is too much, and never end.
 */
#include "base/test.h"
#include "svc/send/limits.h"
#include "svc/send/pace.h"

static const uint8_t key[16] = { 1 };
static struct svc_send_pace p;

static void
open_pace(uint32_t most)
{
	p = (struct svc_send_pace){ .most = most };
	CHECK_ERR(svc_send_pace_init(&p, key), ERR_OK);
}

/* How many connections it gets. */
static uint32_t
allowed(struct svc_send_operator *o)
{
	uint32_t before = o->in_use, n = 0;
	for (o->in_use = 0; svc_send_operator_free(&p, o); o->in_use++) {
		n++;
	}
	o->in_use = before;
	return n;
}

static void
grows_and_halves(void)
{
	open_pace(20);
	struct svc_send_operator *o = svc_send_operator_hold(&p, S("mail.test"));
	CHECK_U64(allowed(o), 5);
	for (int i = 0; i < 7; i++) {
		svc_send_operator_praise(&p, o);
	}
	CHECK_U64(allowed(o), 6); /* one more for about as many letters as there were */
	for (int i = 0; i < 1000; i++) {
		svc_send_operator_praise(&p, o);
	}
	CHECK_U64(allowed(o), 20);
	o->in_use = 20;
	svc_send_operator_slow(&p, o, 5000);
	CHECK_U64(allowed(o), 10);
	svc_send_operator_slow(&p, o, 5900); /* the same wave of refusals */
	CHECK_U64(allowed(o), 10);
	o->in_use = 4; /* fewer than allowed, and that was too much */
	svc_send_operator_slow(&p, o, 6000);
	CHECK_U64(allowed(o), 2);
	for (int64_t t = 7000; t < 30000; t += 1000) {
		svc_send_operator_slow(&p, o, t);
	}
	CHECK_U64(allowed(o), 1);
	svc_send_operator_drop(o);
	svc_send_pace_done(&p);
}

static void
a_setting_bounds_it(void)
{
	open_pace(2);
	struct svc_send_operator *o = svc_send_operator_hold(&p, S("mail.test"));
	CHECK_U64(allowed(o), 2);
	p.most = 1;
	CHECK_U64(allowed(o), 1);
	svc_send_operator_drop(o);
	svc_send_pace_done(&p);
}

static void
those_nobody_holds_make_room(void)
{
	char name[32];
	struct svc_send_operator *kept = NULL;
	open_pace(20);
	for (unsigned i = 0; i < SVC_SEND_OPERATORS_MAX * 2; i++) {
		int n = snprintf(name, sizeof name, "mail%u.test", i);
		struct svc_send_operator *o = svc_send_operator_hold(&p, str_make(name, (size_t)n));
		CHECK(o != NULL);
		if (i == 7) {
			kept = o;
		} else {
			svc_send_operator_drop(o);
		}
	}
	CHECK(map_count(p.operators) <= SVC_SEND_OPERATORS_MAX);
	CHECK_STR(kept->name, S("mail7.test"));
	CHECK(svc_send_operator_hold(&p, S("mail7.test")) == kept);
	svc_send_operator_drop(kept);
	svc_send_operator_drop(kept);
	svc_send_pace_done(&p);
}

TEST_MAIN(grows_and_halves, a_setting_bounds_it, those_nobody_holds_make_room)
