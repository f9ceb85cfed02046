/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hierarchical timer wheel whose level is the highest base-64 digit in which the due time differs
 * from the present. Read the invariant in wheel.h first.
 */
#include "sys/wheel.h"

#include "sys/loop.h"

#define SPAN_MAX ((INT64_C(1) << (SYS_WHEEL_LEVELS * SYS_WHEEL_BITS)) - 1)

void
sys_wheel_init(struct sys_wheel *w, int64_t now_ms)
{
	w->now = now_ms;
	for (int l = 0; l < SYS_WHEEL_LEVELS; l++) {
		w->used[l] = 0;
		for (int s = 0; s < SYS_WHEEL_SLOTS; s++) {
			list_init(&w->slots[l][s]);
		}
	}
}

void
sys_wheel_add(struct sys_wheel *w, struct sys_timer *t)
{
	int64_t due = MIN(MAX(t->due_ms, w->now), w->now | SPAN_MAX);
	uint64_t differ = (uint64_t)(due ^ w->now);
	int level = differ == 0 ? 0 : (63 - __builtin_clzll(differ)) / SYS_WHEEL_BITS;
	int slot = (int)(due >> (level * SYS_WHEEL_BITS)) & (SYS_WHEEL_SLOTS - 1);
	list_push(&w->slots[level][slot], &t->node);
	w->used[level] |= UINT64_C(1) << slot;
}

/* The next slot that holds a timer, and the first millisecond it covers; stale bits are cleared. */
static struct list *
next_slot(struct sys_wheel *w, int *ret_level, int64_t *ret_base)
{
	for (int l = 0; l < SYS_WHEEL_LEVELS; l++) {
		while (w->used[l] != 0) {
			int slot = __builtin_ctzll(w->used[l]);
			if (!list_empty(&w->slots[l][slot])) {
				int above = (l + 1) * SYS_WHEEL_BITS;
				*ret_level = l;
				*ret_base = (w->now >> above << above) |
				    (int64_t)slot << (l * SYS_WHEEL_BITS);
				return &w->slots[l][slot];
			}
			w->used[l] &= ~(UINT64_C(1) << slot);
		}
	}
	return NULL;
}

int64_t
sys_wheel_wait_ms(struct sys_wheel *w)
{
	int level;
	int64_t base;
	if (next_slot(w, &level, &base) == NULL) {
		return -1;
	}
	return MAX(base - w->now, 0);
}

void
sys_wheel_advance(struct sys_wheel *w, int64_t now_ms, struct list *due)
{
	int level;
	int64_t base;
	struct list *slot;
	while ((slot = next_slot(w, &level, &base)) != NULL && base <= now_ms) {
		w->now = MAX(w->now, base);
		while (!list_empty(slot)) {
			struct list *node = slot->next;
			list_remove(node);
			if (level == 0) {
				list_push(due, node);
			} else {
				sys_wheel_add(w, LIST_ENTRY(node, struct sys_timer, node));
			}
		}
	}
	w->now = MAX(w->now, now_ms);
}
