/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tag lists: the grammar of RFC 6376 3.2 and what must be refused; and key records, which are some.
 */
#include "base/codec.h"
#include "base/test.h"
#include "proto/dkim/key.h"
#include "proto/dkim/tags.h"

static void
lists(void)
{
	static const struct {
		str text;
		enum err want;
		str a, b; /* the values of these tags */
	} rows[] = {
		{ S_INIT("a=1; b=2"), ERR_OK, S_INIT("1"), S_INIT("2") },
		{ S_INIT("a=1;b=2;"), ERR_OK, S_INIT("1"), S_INIT("2") },
		{ S_INIT(" a = 1 2 ;\r\n\tb\t=\r\n x=y \r\n"), ERR_OK, S_INIT("1 2"),
		    S_INIT("x=y") },
		{ S_INIT("a=;b="), ERR_OK, S_INIT(""), S_INIT("") },
		{ S_INIT("a=\xc3\xa9; b=2 ; "), ERR_OK, S_INIT("\xc3\xa9"), S_INIT("2") },
		{ S_INIT("a=1;a=2"), ERR_EXISTS, S_INIT(""), S_INIT("") },
		{ S_INIT("a=1;b"), ERR_SYNTAX, S_INIT(""), S_INIT("") },
		{ S_INIT("a=1;;b=2"), ERR_SYNTAX, S_INIT(""), S_INIT("") },
		{ S_INIT("=1"), ERR_SYNTAX, S_INIT(""), S_INIT("") },
		{ S_INIT("1a=1"), ERR_SYNTAX, S_INIT(""), S_INIT("") },
		{ S_INIT("a-b=1"), ERR_SYNTAX, S_INIT(""), S_INIT("") },
		{ S_INIT("a=\x01"), ERR_SYNTAX, S_INIT(""), S_INIT("") },
		{ S_INIT(""), ERR_SYNTAX, S_INIT(""), S_INIT("") },
		{ S_INIT(" ; "), ERR_SYNTAX, S_INIT(""), S_INIT("") },
	};
	struct dkim_tags t;
	str v;
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].text.p;
		CHECK_ERR(dkim_tags_parse(rows[i].text, &t), rows[i].want);
		if (rows[i].want == ERR_OK) {
			CHECK(dkim_tags_find(&t, S("a"), &v));
			CHECK_STR(v, rows[i].a);
			CHECK(dkim_tags_find(&t, S("b"), &v));
			CHECK_STR(v, rows[i].b);
			CHECK(!dkim_tags_find(&t, S("A"), &v));
		}
	}
	test_case = NULL;
}

static void
too_many(void)
{
	struct dkim_tags t;
	struct buf b;
	buf_init(&b, 10000);
	for (int i = 0; i < DKIM_TAGS_MAX; i++) {
		buf_printf(&b, "t%d=x;", i);
	}
	CHECK_ERR(dkim_tags_parse(buf_view(&b), &t), ERR_OK);
	CHECK_U64(t.n, DKIM_TAGS_MAX);
	buf_str(&b, S("more=x"));
	CHECK_ERR(dkim_tags_parse(buf_view(&b), &t), ERR_TOOMANY);
	buf_done(&b);
}

static void
values(void)
{
	static const struct {
		str text;
		bool ok;
		int64_t want;
	} rows[] = {
		{ S_INIT("0"), true, 0 },
		{ S_INIT("999999999999"), true, 999999999999 },
		{ S_INIT("1000000000000"), false, 0 },
		{ S_INIT("-1"), false, 0 },
		{ S_INIT(""), false, 0 },
		{ S_INIT("1 2"), false, 0 },
	};
	int64_t n;
	for (size_t i = 0; i < LEN(rows); i++) {
		CHECK(dkim_tag_number(rows[i].text, &n) == rows[i].ok);
		CHECK(!rows[i].ok || n == rows[i].want);
	}
	str list = S("from : to\r\n\t:date"), name;
	CHECK(dkim_tag_next(&list, &name));
	CHECK_STR(name, S("from"));
	CHECK(dkim_tag_next(&list, &name));
	CHECK_STR(name, S("to"));
	CHECK(dkim_tag_next(&list, &name));
	CHECK_STR(name, S("date"));
	CHECK(!dkim_tag_next(&list, &name));
}

#define ED "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static void
keys(void)
{
	static const struct {
		str record;
		enum err want;
		enum dkim_key_type type;
		size_t octets_n;
	} rows[] = {
		{ S_INIT("v=DKIM1; k=ed25519; p=" ED), ERR_OK, DKIM_KEY_ED25519, 32 },
		{ S_INIT("v=DKIM1; p=AAAA"), ERR_OK, DKIM_KEY_RSA, 3 },
		{ S_INIT("p=AA AA; n=for people; t=y : s"), ERR_OK, DKIM_KEY_RSA, 3 },
		{ S_INIT("k=rsa; h=sha1:sha256; s=email; p=AAAA;"), ERR_OK, DKIM_KEY_RSA, 3 },
		{ S_INIT("s=*; p=AAAA"), ERR_OK, DKIM_KEY_RSA, 3 },
		{ S_INIT("v=DKIM1; p="), ERR_NOTFOUND, DKIM_KEY_RSA, 0 },
		{ S_INIT("k=rsa; v=DKIM1; p=AAAA"), ERR_UNSUPPORTED, DKIM_KEY_RSA, 0 },
		{ S_INIT("v=DKIM2; p=AAAA"), ERR_UNSUPPORTED, DKIM_KEY_RSA, 0 },
		{ S_INIT("h=sha1; p=AAAA"), ERR_UNSUPPORTED, DKIM_KEY_RSA, 0 },
		{ S_INIT("s=tlsrpt; p=AAAA"), ERR_UNSUPPORTED, DKIM_KEY_RSA, 0 },
		{ S_INIT("k=dsa; p=AAAA"), ERR_UNSUPPORTED, DKIM_KEY_RSA, 0 },
		{ S_INIT("k=ed25519; p=AAAA"), ERR_SYNTAX, DKIM_KEY_RSA, 0 },
		{ S_INIT("v=DKIM1; k=rsa"), ERR_SYNTAX, DKIM_KEY_RSA, 0 },
		{ S_INIT("p=%%%%"), ERR_SYNTAX, DKIM_KEY_RSA, 0 },
		{ S_INIT("v=spf1 -all"), ERR_UNSUPPORTED, DKIM_KEY_RSA, 0 },
		{ S_INIT("hello"), ERR_SYNTAX, DKIM_KEY_RSA, 0 },
	};
	static struct dkim_key k;
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].record.p;
		CHECK_ERR(dkim_key_read(rows[i].record, &k), rows[i].want);
		if (rows[i].want == ERR_OK) {
			CHECK(k.type == rows[i].type);
			CHECK_U64(k.octets_n, rows[i].octets_n);
			CHECK(k.testing == (i == 2) && k.strict == (i == 2));
		}
	}
	test_case = NULL;
}

static void
keys_written(void)
{
	static struct dkim_key k;
	struct buf out, octets;
	buf_init(&out, 1000);
	buf_init(&octets, 64);
	CHECK_ERR(base64_decode(&octets, S(ED)), ERR_OK);
	dkim_key_write(&out, DKIM_KEY_ED25519, buf_view(&octets));
	CHECK_STR(buf_view(&out), S("v=DKIM1; k=ed25519; p=" ED));
	CHECK_ERR(dkim_key_read(buf_view(&out), &k), ERR_OK);
	buf_reset(&out);
	dkim_key_write(&out, DKIM_KEY_RSA, S("abc"));
	CHECK_STR(buf_view(&out), S("v=DKIM1; k=rsa; p=YWJj"));
	buf_done(&out);
	buf_done(&octets);
}

TEST_MAIN(lists, too_many, values, keys, keys_written)
