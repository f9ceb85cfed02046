/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a configuration file: no crash, a complaint whenever it is refused, and what is
 * accepted survives encode and decode.
 */
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
count(void *ctx, unsigned line, str key, const char *what)
{
	(*(unsigned *)ctx)++;
}

/* What the parent accepted is what its children get. */
static void
hand_over(const struct conf *c)
{
	struct arena *a = arena_new(NULL, "child", 4 << 20, 0);
	struct conf again;
	struct buf one, two;
	buf_init(&one, 4 << 20);
	buf_init(&two, 4 << 20);
	conf_encode(c, &one);
	ASSERT(conf_decode(buf_view(&one), a, &again) == ERR_OK);
	conf_encode(&again, &two);
	ASSERT(str_eq(buf_view(&one), buf_view(&two)));
	buf_done(&two);
	buf_done(&one);
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(NULL, "fuzz", 4 << 20, 0);
	struct conf c, d;
	unsigned told = 0;
	enum err e = conf_parse(str_make(data, size), a, count, &told, &c);
	ASSERT(e != ERR_CONFIG || told > 0);
	if (e == ERR_OK) {
		hand_over(&c);
	}
	(void)(conf_decode(str_make(data, size), a, &d) == ERR_OK);
	arena_free(&a);
	return 0;
}
