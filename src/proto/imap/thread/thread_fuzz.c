/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a mailbox: four octets describe a message, ids and references come from sixteen.
 * Trees hold every message once, are written in full, and sorting keeps every message.
 */
#include "proto/imap/sort.h"
#include "proto/imap/thread/thread.h"

enum { MANY = 256, REFS = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const str ids[16] = { S_INIT("a"), S_INIT("b"), S_INIT("c"), S_INIT("d"), S_INIT("e"),
	S_INIT("f"), S_INIT("g"), S_INIT("h"), S_INIT("i"), S_INIT("j"), S_INIT("k"), S_INIT("l"),
	S_INIT("m"), S_INIT("n"), S_INIT("o"), { NULL, 0 } };

static void
make(const uint8_t *d, struct imap_thread_message *m, str *refs)
{
	*m = (struct imap_thread_message){ .sent_s = d[0] & 7,
		.reply = (d[0] & 8) != 0,
		.subject = str_sub(S("ABC"), d[0] >> 6, 1),
		.id = ids[d[1] & 15],
		.refs = refs };
	for (size_t i = 0; i < REFS && i < (size_t)(d[1] >> 5); i++) {
		str ref = ids[(d[2 + i / 3] >> (2 * (i % 3))) & 15];
		refs[m->refs_n] = ref;
		m->refs_n += ref.n > 0;
	}
}

static void
walk(const struct imap_thread_tree *t)
{
	static bool seen[3 * MANY + 16 * 3];
	struct buf out;
	size_t n = 0;
	memset(seen, 0, sizeof seen);
	buf_init(&out, 1 << 20);
	for (uint32_t top = t->nodes[0].child; top != 0; top = t->nodes[top].next) {
		imap_thread_put(&out, t, top);
	}
	ASSERT(buf_err(&out) == ERR_OK);
	for (size_t i = 0; i < out.n; i++) {
		uint32_t v = 0;
		while (i < out.n && ascii_is_digit(out.p[i])) {
			v = v * 10 + (uint32_t)(out.p[i++] - '0');
		}
		if (v > 0) {
			ASSERT(v <= t->n && !seen[v]);
			seen[v] = true;
			n++;
		}
	}
	ASSERT(n == t->n);
	buf_done(&out);
}

static void
sort(const struct imap_thread_message *m, size_t n, struct arena *a)
{
	static const struct imap_sort_key keys[] = { { IMAP_SORT_SUBJECT, true },
		{ IMAP_SORT_DATE, false } };
	static struct imap_sort_value v[2 * MANY];
	uint32_t at[MANY], sum = 0;
	for (size_t i = 0; i < n; i++) {
		at[i] = (uint32_t)i;
		v[2 * i] = imap_sort_text(m[i].subject);
		v[2 * i + 1] = (struct imap_sort_value){ .number = imap_sort_date(m[i].sent_s) };
	}
	struct imap_sort_list l = { keys, LEN(keys), v, at, n };
	ASSERT(imap_sort(&l, a) == ERR_OK);
	for (size_t i = 0; i < n; i++) {
		sum += at[i] + 1;
	}
	ASSERT(sum == n * (n + 1) / 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct imap_thread_message m[MANY];
	static str refs[MANY][REFS];
	static const uint8_t key[16];
	struct arena *a = arena_new(NULL, "thread", 1 << 22, 0);
	struct imap_thread_tree t;
	size_t n = MIN(size / 4, (size_t)MANY);
	for (size_t i = 0; i < n; i++) {
		make(data + 4 * i, &m[i], refs[i]);
		m[i].number = (uint32_t)i + 1;
	}
	for (int by = 0; by < 2; by++) {
		ASSERT(imap_thread_build(&(struct imap_thread_input){ (enum imap_thread_by)by, m, n,
					     key },
			   &t, a) == ERR_OK);
		walk(&t);
	}
	sort(m, n, a);
	arena_free(&a);
	return 0;
}
