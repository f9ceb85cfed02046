/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both address grammars over any octets. What the path parser takes has a canonical form, and that
 * form is its own; groups are balanced; strings lie within what was read.
 */
#include "mail/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
one_canonical(str text)
{
	char room[MAIL_CANONICAL_MAX], again[MAIL_CANONICAL_MAX];
	struct buf b, c;
	buf_init_fixed(&b, room, sizeof room);
	buf_init_fixed(&c, again, sizeof again);
	if (mail_address_canonical(&b, text) == ERR_OK) {
		ASSERT(mail_address_canonical(&c, buf_view(&b)) == ERR_OK);
		ASSERT(str_eq(buf_view(&b), buf_view(&c)));
	} else {
		ASSERT(b.n == 0);
	}
}

static void
one_path(struct arena *a, str in, unsigned flags)
{
	struct mail_path path;
	size_t used;
	if (mail_path_parse(a, in, flags, &path, &used) == ERR_OK) {
		char room[MAIL_CANONICAL_MAX];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		ASSERT(used <= in.n && in.p[used - 1] == '>');
		ASSERT(path.local.n <= MAIL_LOCAL_MAX);
		ASSERT(mail_address_put(&b, path.local, path.domain) == ERR_OK);
	}
}

static void
one_list(struct arena *a, str in)
{
	struct mail_address *v;
	size_t n, octets = 0;
	int open = 0;
	if (mail_addresses_parse(a, in, 0, &v, &n) != ERR_OK) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		open += v[i].kind == MAIL_ADDRESS_GROUP;
		open -= v[i].kind == MAIL_ADDRESS_GROUP_END;
		ASSERT(open == 0 || open == 1);
		octets += v[i].name.n + v[i].route.n + v[i].local.n + v[i].domain.n;
	}
	ASSERT(open == 0 && octets <= in.n);
	size_t strict_n;
	struct mail_address *w;
	if (mail_addresses_parse(a, in, MAIL_ADDRESSES_STRICT, &w, &strict_n) == ERR_OK) {
		ASSERT(strict_n == n);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_make(data, size);
	struct arena *a = arena_new(NULL, "fuzz", (size_t)16 << 20, 0);
	ASSERT(a != NULL);
	for (unsigned flags = 0; flags < 8; flags++) {
		one_path(a, in, flags);
	}
	one_canonical(in);
	one_list(a, in);
	arena_free(&a);
	return 0;
}
