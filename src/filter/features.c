/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at a letter: header, structure, text, then the rules over what was counted. Start at
 * filter_features.
 */
#include "filter/filter_priv.h"

static enum err
prepare(struct filter_look *l)
{
	l->slots = arena_array(l->arena, FILTER_SLOTS, sizeof(*l->slots));
	l->seen->features = arena_array(l->arena, FILTER_FEATURES_MAX, sizeof(uint32_t));
	if (l->slots == NULL || l->seen->features == NULL) {
		return ERR_BUDGET;
	}
	l->text_left = FILTER_TEXT_MAX;
	buf_init(&l->raw, FILTER_TEXT_MAX + FILTER_HEADER_MAX);
	buf_init(&l->utf8, 4 * (size_t)FILTER_TEXT_MAX);
	buf_init(&l->plain, 4 * (size_t)FILTER_TEXT_MAX);
	return ERR_OK;
}

void
filter_note(struct filter_look *l)
{
	l->nomem |= buf_err(&l->raw) == ERR_NOMEM || buf_err(&l->utf8) == ERR_NOMEM ||
	    buf_err(&l->plain) == ERR_NOMEM;
}

static enum err
look(struct filter_look *l)
{
	l->limit = FILTER_HEADER_SHARE;
	filter_header_take(l);
	l->limit = FILTER_SHAPE_SHARE;
	filter_parts_take(l);
	filter_text_take(l);
	filter_rules_take(l);
	filter_set_sort(l);
	return l->nomem ? ERR_NOMEM : ERR_OK;
}

/* The list as octets, for the wire and for the tables. */
static enum err
write_octets(struct arena *a, struct filter_seen *seen)
{
	char *p = arena_alloc(a, 4 * (size_t)seen->n + 1);
	if (p == NULL) {
		return ERR_BUDGET;
	}
	for (uint32_t i = 0; i < seen->n; i++) {
		uint32_t little = htole32(seen->features[i]);
		memcpy(p + 4 * (size_t)i, &little, sizeof(little));
	}
	seen->octets = str_make(p, 4 * (size_t)seen->n);
	return ERR_OK;
}

enum err
filter_features(const struct mail_mime *m, str hostname, int64_t received_s, struct arena *a,
    struct filter_seen *ret)
{
	struct filter_seen *seen = ARENA_NEW(a, struct filter_seen);
	struct filter_look *l = ARENA_NEW(a, struct filter_look);
	if (seen == NULL || l == NULL) {
		return ERR_BUDGET;
	}
	l->mime = m;
	l->hostname = hostname;
	l->received_s = received_s;
	l->arena = a;
	l->seen = seen;
	TRY(prepare(l));
	enum err e = look(l);
	buf_done(&l->raw);
	buf_done(&l->utf8);
	buf_done(&l->plain);
	if (e == ERR_OK) {
		e = write_octets(a, seen);
	}
	if (e == ERR_OK) {
		*ret = *seen;
	}
	return e;
}
