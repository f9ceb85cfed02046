/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables are whole: every class has a status and a text in three languages, codes are found
 * again, and the block family is the one that alarms are to count.
 */
#include "base/codec.h"
#include "base/test.h"
#include "reach/attempt.h"
#include "reach/class.h"

static void
every_class_is_whole(void)
{
	static const char *const languages[] = { "de", "fr", "en" };

	for (size_t i = 1; i < REACH_CLASS_COUNT; i++) {
		const struct reach_class_row *row = reach_class_row((enum reach_class)i);
		enum reach_class back = REACH_NONE;

		test_case = row->what.p;
		CHECK(row->code.n >= 2 && row->code.n <= 4);
		CHECK(row->family == row->code.p[0]);
		CHECK(reach_class_find(row->code, &back));
		CHECK_U64(back, i);
		CHECK(str_chr(row->status, '.') == 1);
		for (size_t l = 0; l < LEN(languages); l++) {
			struct reach_text t = reach_class_text((enum reach_class)i,
			    str_from(languages[l]));
			CHECK(t.means.n > 20 && t.help.n > 20);
			CHECK(utf8_valid(t.means) && utf8_valid(t.help));
		}
	}
	test_case = NULL;
	CHECK(!reach_class_find(S(""), &(enum reach_class){ 0 }));
	CHECK(!reach_class_find(S("S99"), &(enum reach_class){ 0 }));
}

static void
languages_differ(void)
{
	str de = reach_class_text(REACH_S1, S("de-CH")).means;
	str fr = reach_class_text(REACH_S1, S("FR")).means;
	str en = reach_class_text(REACH_S1, S("tlh")).means;

	CHECK(str_starts(de, S("Der Mailserver")));
	CHECK(str_starts(fr, S("Le serveur")));
	CHECK(str_starts(en, S("The recipient's")));
	CHECK_STR(reach_class_text(REACH_S1, S("deutsch")).means, en);
	CHECK_STR(reach_class_text(REACH_NONE, S("de")).means, S(""));
}

static void
block_family_is_the_known_one(void)
{
	static const char *const family[] = { "C1", "C2", "C3", "C5", "C6", "C7", "S1", "S5", "T2",
		"T5", "T10", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "P7" };
	size_t n = 0;

	for (size_t i = 0; i < LEN(family); i++) {
		enum reach_class c = REACH_NONE;

		test_case = family[i];
		CHECK(reach_class_find(str_from(family[i]), &c));
		CHECK(reach_class_row(c)->block);
	}
	test_case = NULL;
	for (size_t i = 0; i < REACH_CLASS_COUNT; i++) {
		n += reach_class_row((enum reach_class)i)->block;
	}
	CHECK_U64(n, LEN(family));
}

static void
names_go_both_ways(void)
{
	for (size_t i = 0; i < REACH_PHASE_COUNT; i++) {
		enum reach_phase p = REACH_PHASE_QUIT;
		CHECK(reach_phase_find(reach_phase_name((enum reach_phase)i), &p));
		CHECK_U64(p, i);
	}
	for (size_t i = 0; i < REACH_TLS_COUNT; i++) {
		enum reach_tls t = REACH_TLS_OK;
		CHECK(reach_tls_find(reach_tls_name((enum reach_tls)i), &t));
		CHECK_U64(t, i);
	}
	for (size_t i = 0; i < REACH_SCOPE_COUNT; i++) {
		enum reach_scope s = REACH_SCOPE_PATH;
		CHECK(reach_scope_find(reach_scope_name((enum reach_scope)i), &s));
		CHECK_U64(s, i);
	}
	CHECK(!reach_phase_find(S("hello"), &(enum reach_phase){ 0 }));
}

TEST_MAIN(every_class_is_whole, languages_differ, block_family_is_the_known_one, names_go_both_ways)
