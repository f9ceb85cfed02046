/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure parts: uid sets, packed pages, records. Every octet of a page and of a record is damaged
 * once; every length is tried.
 */
#include "base/test.h"
#include "store/page.h"
#include "store/record.h"

/* ---- sets --------------------------------------------------------------------------------- */

/* "1:3,5" and back, so that tables can be read. */
static void
set_of(struct store_set *t, const char *text)
{
	str s = str_from(text), piece;
	store_set_init(t);
	while (s.n > 0 && str_next(&s, ',', &piece)) {
		str lo, hi;
		uint32_t a = 0, b = 0;
		bool two = str_cut(piece, ':', &lo, &hi);
		CHECK(str_u32(lo, &a));
		b = a;
		CHECK(!two || str_u32(hi, &b));
		store_set_add(t, a, b);
	}
}

static bool
set_is(const struct store_set *t, const char *want)
{
	char text[200];
	struct buf b;
	buf_init_fixed(&b, text, sizeof text);
	for (size_t i = 0; i < t->n; i++) {
		buf_printf(&b, t->v[i].lo == t->v[i].hi ? "%s%u" : "%s%u:%u", i == 0 ? "" : ",",
		    t->v[i].lo, t->v[i].hi);
	}
	return CHECK_STR(buf_view(&b), str_from(want));
}

static void
set_adding(void)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "", "" },
		{ "5", "5" },
		{ "1,2,3", "1:3" },
		{ "3,2,1", "1:3" },
		{ "9:7", "7:9" },
		{ "1,3,5,2", "1:3,5" },
		{ "1,3,5,2,4", "1:5" },
		{ "10:20,12:15", "10:20" },
		{ "10:20,5:30", "5:30" },
		{ "1:2,9:10,20:30,3:25", "1:30" },
		{ "4294967295,1,4294967294", "1,4294967294:4294967295" },
		{ "0:4294967295,7", "0:4294967295" },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct store_set t;
		test_case = cases[i].in;
		set_of(&t, cases[i].in);
		set_is(&t, cases[i].want);
		CHECK_ERR(store_set_err(&t), ERR_OK);
		store_set_done(&t);
	}
	test_case = NULL;
}

static void
set_algebra(void)
{
	static const struct {
		const char *a, *b, *both, *minus;
	} cases[] = {
		{ "", "1:9", "", "" },
		{ "1:9", "", "", "1:9" },
		{ "1:9", "3:4,8:20", "3:4,8:9", "1:2,5:7" },
		{ "1:3,5:9,12", "2:6,9,12", "2:3,5:6,9,12", "1,7:8" },
		{ "1:3,5:9", "1:9", "1:3,5:9", "" },
		{ "1:4294967295", "2:4294967294", "2:4294967294", "1,4294967295" },
		{ "4294967295", "4294967295", "4294967295", "" },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct store_set a, b, out;
		test_case = cases[i].a;
		set_of(&a, cases[i].a);
		set_of(&b, cases[i].b);
		store_set_init(&out);
		store_set_both(&a, &b, &out);
		set_is(&out, cases[i].both);
		store_set_reset(&out);
		store_set_minus(&a, &b, &out);
		set_is(&out, cases[i].minus);
		for (uint32_t v = 0; v < 25; v++) {
			CHECK(store_set_has(&out, v) ==
			    (store_set_has(&a, v) && !store_set_has(&b, v)));
		}
		store_set_done(&a);
		store_set_done(&b);
		store_set_done(&out);
	}
	test_case = NULL;
}

/* ---- pages -------------------------------------------------------------------------------- */

static struct store_page page, back;
static char storage[STORE_PAGE_OCTETS_MAX + 1];

static void
page_is_kept(const char *what)
{
	struct buf b;
	test_case = what;
	buf_init_fixed(&b, storage, STORE_PAGE_OCTETS_MAX);
	store_page_encode(&page, &b);
	CHECK_ERR(buf_err(&b), ERR_OK);
	CHECK_ERR(store_page_decode(buf_view(&b), &back), ERR_OK);
	CHECK_U64(back.n, page.n);
	for (size_t i = 0; i < page.n && i < back.n; i++) {
		const struct store_msg *x = &page.msg[i], *y = &back.msg[i];
		CHECK(x->uid == y->uid && x->flags == y->flags && x->modseq == y->modseq &&
		    x->id == y->id && x->size == y->size && x->saved_s == y->saved_s);
	}
	test_case = NULL;
}

static void
pages(void)
{
	page = (struct store_page){ .n = 1 };
	page.msg[0] = (struct store_msg){ .uid = UINT32_MAX,
		.flags = UINT32_MAX,
		.modseq = INT64_MAX,
		.id = INT64_MAX,
		.size = UINT32_MAX,
		.saved_s = INT64_MIN };
	page_is_kept("largest values");
	page.msg[0] = (struct store_msg){ .uid = 1 };
	page_is_kept("smallest values");
	page.n = STORE_PAGE_RECORDS;
	for (size_t i = 0; i < page.n; i++) {
		page.msg[i] = (struct store_msg){ .uid = (uint32_t)(i * i + 1),
			.flags = (uint32_t)i * 77,
			.modseq = i << 50,
			.id = i * 3,
			.size = 5,
			.saved_s = (int64_t)i - 5 };
	}
	page_is_kept("full, dates around zero");
	CHECK_U64(store_page_from(&page, 0), 0);
	CHECK_U64(store_page_from(&page, 1), 0);
	CHECK_U64(store_page_from(&page, 2), 1);
	CHECK_U64(store_page_from(&page, 26), 5);
	CHECK_U64(store_page_from(&page, UINT32_MAX), STORE_PAGE_RECORDS);
}

static void
damaged_pages(void)
{
	struct buf b;
	page.n = 7;
	for (size_t i = 0; i < page.n; i++) {
		page.msg[i] = (struct store_msg){
			.uid = (uint32_t)i + 9, .id = i + 1, .modseq = 300 * i
		};
	}
	buf_init_fixed(&b, storage, STORE_PAGE_OCTETS_MAX);
	store_page_encode(&page, &b);
	for (size_t n = 0; n < b.n; n++) {
		CHECK_ERR(store_page_decode(str_make(b.p, n), &back), ERR_CORRUPT);
		b.p[n] ^= 0x10;
		CHECK_ERR(store_page_decode(buf_view(&b), &back),
		    n == 2 || n == 3 ? ERR_VERSION : ERR_CORRUPT);
		CHECK_U64(back.n, 0);
		b.p[n] ^= 0x10;
	}
	CHECK_ERR(store_page_decode(str_make(b.p, b.n + 1), &back), ERR_CORRUPT);
	CHECK_ERR(store_page_decode(buf_view(&b), &back), ERR_OK);
	page.msg[3].uid = page.msg[2].uid; /* order */
	buf_reset(&b);
	store_page_encode(&page, &b);
	CHECK_ERR(store_page_decode(buf_view(&b), &back), ERR_CORRUPT);
}

/* ---- records ------------------------------------------------------------------------------ */

static void
put(struct buf *out, const struct store_record *r)
{
	store_record_front_put(out, r);
	buf_str(out, r->payload);
}

static void
records(void)
{
	char octets[400], meta_octets[200];
	struct buf b, meta;
	struct store_record got,
	    r = { .type = STORE_RECORD_MESSAGE, .plain = 11, .payload = S("hello world") };
	struct store_meta_message m = { .mailbox = 4,
		.modseq = 5,
		.id = 6,
		.thread = 7,
		.entry = 8,
		.internal_s = -9,
		.saved_s = 10,
		.uid = 11,
		.flags = 12,
		.header_octets = 11,
		.rcpt = 14,
		.refs_n = 2,
		.refs = { 15, 16 } },
				  back_m;
	buf_init_fixed(&b, octets, sizeof octets);
	buf_init_fixed(&meta, meta_octets, sizeof meta_octets);
	store_meta_message_put(&meta, &m);
	r.meta = buf_view(&meta);
	put(&b, &r);
	CHECK_ERR(store_record_get(buf_view(&b), &got), ERR_OK);
	CHECK_STR(got.payload, r.payload);
	CHECK_ERR(store_meta_message_get(&got, &back_m), ERR_OK);
	/* In two parts: what lies between them is padding, which a compiler may leave as it is. */
	size_t facts = offsetof(struct store_meta_message, refs_n) + sizeof m.refs_n;
	CHECK(memcmp(&m, &back_m, facts) == 0);
	CHECK(memcmp(m.refs, back_m.refs, sizeof m.refs) == 0);
	for (size_t n = 0; n < b.n; n++) {
		enum err short_err = n < STORE_RECORD_HEAD ? ERR_CORRUPT : ERR_EOF;
		CHECK_ERR(store_record_get(str_make(b.p, n), &got), short_err);
		b.p[n] ^= 1;
		CHECK_ERR(store_record_get(buf_view(&b), &got), ERR_CORRUPT);
		b.p[n] ^= 1;
	}
	buf_cstr(&b, "PMPMR"); /* looking for the next head */
	CHECK_U64(store_record_seek(buf_view(&b), 1), b.n - 3);
	CHECK_U64(store_record_seek(buf_view(&b), 0), 0);
	buf_cstr(&b, "1");
	CHECK_U64(store_record_seek(buf_view(&b), 1), b.n - 4);
}

static void
metas(void)
{
	char octets[300];
	struct buf b;
	struct store_meta_mailbox box = { 1, 2, 3, 4, 5, 6, true, S("name"), S("k1\0k2\0") }, box2;
	struct store_meta_link link = { 1, 2, 3, 4, 1 }, link2;
	struct store_meta_gone gone = { 1, 2, 1 }, gone2;
	struct store_meta_subscription sub = { 1, true, S("x") }, sub2;
	struct store_meta_annotation note = { 7, 9, true, S("/x") }, note2;
	buf_init_fixed(&b, octets, sizeof octets);
	store_meta_mailbox_put(&b, &box);
	struct store_record r = { .type = STORE_RECORD_MAILBOX, .meta = buf_view(&b) };
	CHECK_ERR(store_meta_mailbox_get(&r, &box2), ERR_OK);
	CHECK_STR(box2.name, box.name);
	CHECK_STR(box2.keywords, box.keywords);
	CHECK(box2.deleted && box2.id == 1 && box2.modseq == 2 && box2.clock == 3 &&
	    box2.special == 6);
	for (size_t n = 0; n < b.n; n++) {
		struct store_record part = { .meta = str_make(b.p, n) };
		CHECK_ERR(store_meta_mailbox_get(&part, &box2), ERR_CORRUPT);
	}
	buf_reset(&b);
	store_meta_link_put(&b, &link);
	r = (struct store_record){ .meta = buf_view(&b), .payload = S("123456789012") };
	CHECK_ERR(store_meta_link_get(&r, &link2), ERR_OK);
	CHECK(memcmp(&link, &link2, sizeof link) == 0);
	r.payload = S("12345678901");
	CHECK_ERR(store_meta_link_get(&r, &link2), ERR_CORRUPT);
	buf_reset(&b);
	store_meta_gone_put(&b, &gone);
	r = (struct store_record){ .meta = buf_view(&b), .payload = S("12345678") };
	CHECK_ERR(store_meta_gone_get(&r, &gone2), ERR_OK);
	CHECK_U64(gone2.modseq, 2);
	buf_reset(&b);
	store_meta_subscription_put(&b, &sub);
	r = (struct store_record){ .meta = buf_view(&b) };
	CHECK_ERR(store_meta_subscription_get(&r, &sub2), ERR_OK);
	CHECK_STR(sub2.name, S("x"));
	buf_reset(&b);
	store_meta_annotation_put(&b, &note);
	r = (struct store_record){ .meta = buf_view(&b), .payload = S("value") };
	CHECK_ERR(store_meta_annotation_get(&r, &note2), ERR_OK);
	CHECK(note2.mailbox == 7 && note2.modseq == 9 && note2.set);
	CHECK_STR(note2.entry, S("/x"));
	/* octets is where b lies */
	octets[16] = 0; /* removed, and yet a value */
	CHECK_ERR(store_meta_annotation_get(&r, &note2), ERR_CORRUPT);
	struct store_pack_head head = { 7, "0123456789abcde" }, head2;
	buf_reset(&b);
	store_pack_head_put(&b, &head);
	CHECK_U64(b.n, STORE_RECORD_HEAD);
	CHECK_ERR(store_pack_head_get(buf_view(&b), &head2), ERR_OK);
	CHECK(head2.number == 7 && memcmp(head.key, head2.key, sizeof head.key) == 0);
	b.p[0] ^= 1;
	CHECK_ERR(store_pack_head_get(buf_view(&b), &head2), ERR_CORRUPT);
}

TEST_MAIN(set_adding, set_algebra, pages, damaged_pages, records, metas)
