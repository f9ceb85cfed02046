/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One known text per family of charsets, broken input, transfer encodings, and what folding
 * equates.
 */
#include "base/codec.h"
#include "base/test.h"
#include "mail/charset.h"
#include "mail/transfer.h"

static void
decodes(void)
{
	static const struct {
		str name, in, want;
	} rows[] = {
		{ S_INIT("iso-8859-1"),
		    S_INIT("Gr\xfc\xdf"
			   "e \x80"),
		    S_INIT("Gr\xc3\xbc\xc3\x9f"
			   "e \xe2\x82\xac") },
		{ S_INIT("ISO-8859-15"), S_INIT("\xa4"), S_INIT("\xe2\x82\xac") },
		{ S_INIT("koi8-r"), S_INIT("\xf0\xd2\xc9"), S_INIT("\xd0\x9f\xd1\x80\xd0\xb8") },
		{ S_INIT("windows-1251"), S_INIT("\xcf\xf0"), S_INIT("\xd0\x9f\xd1\x80") },
		{ S_INIT("gb2312"),
		    S_INIT("\xc4\xe3"
			   "a"),
		    S_INIT("\xe4\xbd\xa0"
			   "a") },
		{ S_INIT("Big5"), S_INIT("\xa7\x41"), S_INIT("\xe4\xbd\xa0") },
		{ S_INIT("euc-kr"), S_INIT("\xb0\xa1"), S_INIT("\xea\xb0\x80") },
		{ S_INIT("Shift_JIS"), S_INIT("\x82\xa0\xb1"), S_INIT("\xe3\x81\x82\xef\xbd\xb1") },
		{ S_INIT("euc-jp"), S_INIT("\xa4\xa2\x8e\xb1"),
		    S_INIT("\xe3\x81\x82\xef\xbd\xb1") },
		{ S_INIT("iso-2022-jp"), S_INIT("a\x1b$B$\"\x1b(Bb"),
		    S_INIT("a\xe3\x81\x82"
			   "b") },
		{ S_INIT("utf-8"), S_INIT("\xc3\xbc\xfc"), S_INIT("\xc3\xbc\xc3\xbc") },
		{ S_INIT("x-unknown"), S_INIT("\xe2\x82\xac"), S_INIT("\xe2\x82\xac") },
		{ S_INIT("gb2312"), S_INIT("\xc4 a"), S_INIT("\xef\xbf\xbd a") },
		{ S_INIT("gb2312"), S_INIT("\xc4"), S_INIT("\xef\xbf\xbd") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf b;
		buf_init(&b, 1024);
		test_case = rows[i].name.p;
		mail_charset_decode(&b, rows[i].name, rows[i].in);
		CHECK_STR(buf_view(&b), rows[i].want);
		CHECK(utf8_valid(buf_view(&b)));
		buf_done(&b);
	}
	CHECK(mail_charset_known(S("ISO-2022-JP")) && !mail_charset_known(S("x-unknown")));
}

static void
folds(void)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S_INIT("ABC xyz"), S_INIT("abc xyz") },
		{ S_INIT("\xc3\x84"
			 "rger STRASSE"),
		    S_INIT("arger strasse") },
		{ S_INIT("Stra\xc3\x9f"
			 "e"),
		    S_INIT("strasse") },
		{ S_INIT("e\xcc\x81"), S_INIT("e") },
		{ S_INIT("\xce\xa3\xcf\x82"), S_INIT("\xcf\x83\xcf\x83") },
		{ S_INIT("\xef\xac\x81"), S_INIT("fi") },
		{ S_INIT("\xf0\x9f\x93\xac"), S_INIT("\xf0\x9f\x93\xac") },
		{ S_INIT("\xd0\x9f\xd0\x99"), S_INIT("\xd0\xbf\xd0\xb8") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf b;
		buf_init(&b, 1024);
		mail_charset_fold(&b, rows[i].in);
		CHECK_STR(buf_view(&b), rows[i].want);
		buf_done(&b);
	}
}

static void
transfer_encodings(void)
{
	static const struct {
		str name, in, want;
	} rows[] = {
		{ S_INIT("BASE64"), S_INIT("Zm9v\r\nYmFy\r\n"), S_INIT("foobar") },
		{ S_INIT("base64"), S_INIT("Zm8=Zm8="), S_INIT("fofo") },
		{ S_INIT("base64"), S_INIT("Z!m9v"), S_INIT("foo") },
		{ S_INIT("quoted-printable"), S_INIT("a=3Db=\r\nc  \r\nd=zz="),
		    S_INIT("a=bc\r\nd=zz") },
		{ S_INIT("7bit"), S_INIT("a=3D"), S_INIT("a=3D") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf b;
		buf_init(&b, 1024);
		mail_transfer_decode(&b, mail_transfer_by_name(rows[i].name), rows[i].in);
		CHECK_STR(buf_view(&b), rows[i].want);
		buf_done(&b);
	}
}

TEST_MAIN(decodes, folds, transfer_encodings)
