/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order, removal at every place, and removal while walking.
 */
#include "base/list.h"
#include "base/test.h"

struct item {
	int number;
	struct list link;
};

static struct item items[5];

static void
fill(struct list *head)
{
	list_init(head);
	for (size_t i = 0; i < LEN(items); i++) {
		items[i].number = (int)i;
		list_push(head, &items[i].link);
	}
}

/* The numbers in order, as decimal digits read from left to right. */
static int
digits(struct list *head)
{
	int v = 0;
	LIST_EACH(it, head) {
		v = v * 10 + 1 + LIST_ENTRY(it, struct item, link)->number;
	}
	return v;
}

static void
keeps_order(void)
{
	struct list head;
	list_init(&head);
	CHECK(list_empty(&head));
	CHECK_U64(digits(&head), 0);
	fill(&head);
	CHECK(!list_empty(&head));
	CHECK_U64(digits(&head), 12345);
}

static void
removes_anywhere(void)
{
	static const int left[] = { 2345, 1345, 1245, 1235, 1234 };
	for (size_t i = 0; i < LEN(items); i++) {
		struct list head;
		fill(&head);
		list_remove(&items[i].link);
		CHECK_U64(digits(&head), left[i]);
		CHECK(list_empty(&items[i].link));
		list_remove(&items[i].link);
		CHECK_U64(digits(&head), left[i]);
		list_push(&head, &items[i].link);
		CHECK_U64(digits(&head), left[i] * 10 + (int)i + 1);
	}
}

static void
walks_while_removing(void)
{
	struct list head;
	fill(&head);
	LIST_EACH(it, &head) {
		if (LIST_ENTRY(it, struct item, link)->number % 2 == 0) {
			list_remove(it);
		}
	}
	CHECK_U64(digits(&head), 24);
	LIST_EACH(it, &head) {
		list_remove(it);
	}
	CHECK(list_empty(&head));
}

TEST_MAIN(keeps_order, removes_anywhere, walks_while_removing)
