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

/* What one message is made of. */
struct letter {
	struct imap_thread_message m;
	str id, refs[REFS];
};

static void
make(const uint8_t *d, struct letter *l)
{
	*l = (struct letter){ .m = { .sent_s = d[0] & 7,
				  .reply = (d[0] & 8) != 0,
				  .subject = str_sub(S("ABC"), d[0] >> 6, 1) },
		.id = ids[d[1] & 15] };
	for (size_t i = 0; i < REFS && i < (size_t)(d[1] >> 5); i++) {
		str ref = ids[(d[2 + i / 3] >> (2 * (i % 3))) & 15];
		l->refs[l->m.refs_n] = ref;
		l->m.refs_n += ref.n > 0;
	}
}

static void
add(struct imap_thread *t, const struct letter *l, uint32_t number)
{
	uint64_t refs[REFS];
	struct imap_thread_message m = l->m;
	m.number = number;
	m.id = l->id.n > 0 ? imap_thread_hash(t, l->id) : 0;
	m.refs = refs;
	for (size_t i = 0; i < m.refs_n; i++) {
		refs[i] = imap_thread_hash(t, l->refs[i]);
	}
	ASSERT(imap_thread_add(t, &m) == ERR_OK);
}

/* Every message once, brackets closed. */
static void
check(struct imap_thread *t, size_t n)
{
	static bool seen[MANY + 1];
	struct buf out;
	size_t found = 0, depth = 0;
	memset(seen, 0, sizeof seen);
	buf_init(&out, 1 << 20);
	while (imap_thread_put(t, &out, out.n + 5)) {
	}
	ASSERT(buf_err(&out) == ERR_OK);
	for (size_t i = 0; i < out.n; i++) {
		uint32_t v = 0;
		depth += out.p[i] == '(';
		ASSERT(depth > 0);
		depth -= out.p[i] == ')';
		while (ascii_is_digit(out.p[i])) { /* a bracket ends the text */
			v = v * 10 + (uint32_t)(out.p[i] - '0');
			if (!ascii_is_digit(out.p[i + 1])) {
				ASSERT(v > 0 && v <= n && !seen[v]);
				seen[v] = true;
				found++;
				break;
			}
			i++;
		}
	}
	ASSERT(found == n && depth == 0);
	buf_done(&out);
}

static void
sort(const struct letter *l, size_t n, struct arena *a)
{
	static const struct imap_sort_key keys[] = { { IMAP_SORT_SUBJECT, true },
		{ IMAP_SORT_DATE, false } };
	static struct imap_sort_value v[2 * MANY];
	uint32_t at[MANY], sum = 0;
	for (size_t i = 0; i < n; i++) {
		at[i] = (uint32_t)i;
		v[2 * i] = imap_sort_text(l[i].m.subject);
		v[2 * i + 1] = (struct imap_sort_value){ .number = imap_sort_date(l[i].m.sent_s) };
	}
	struct imap_sort_list list = { keys, LEN(keys), v, at, n };
	ASSERT(imap_sort(&list, a) == ERR_OK);
	for (size_t i = 0; i < n; i++) {
		sum += at[i] + 1;
	}
	ASSERT(sum == n * (n + 1) / 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct letter letters[MANY];
	static const uint8_t key[16];
	struct arena *a = arena_new(NULL, "thread", 1 << 23, 0);
	struct imap_thread *t;
	size_t n = MIN(size / 4, (size_t)MANY);
	for (size_t i = 0; i < n; i++) {
		make(data + 4 * i, &letters[i]);
	}
	for (int by = 0; by < 2; by++) {
		ASSERT(imap_thread_new(a, (enum imap_thread_by)by, key, &t) == ERR_OK);
		for (size_t i = 0; i < n; i++) {
			add(t, &letters[i], (uint32_t)i + 1);
		}
		ASSERT(imap_thread_build(t) == ERR_OK);
		check(t, n);
	}
	sort(letters, n, a);
	arena_free(&a);
	return 0;
}
