/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what was counted of a letter to the rules it hits. Each line of the functions below is a
 * rule and what makes it true. Start at filter_rules_take.
 */
#include "filter/filter_priv.h"

enum {
	DAY_S = 86400,
	AHEAD_S = 2 * DAY_S, /* clocks and zones that are wrong by a day are common */
	OLD_S = 21 * DAY_S,
	FEW_WORDS = 20,
	PHRASES_SOME_AT = 2,
	PHRASES_MORE_AT = 4,
	PHRASES_MANY_AT = 7,
};

const struct filter_row *
filter_rule_row(enum filter_rule r)
{
	static const struct filter_row rows[FILTER_RULES] = {
#define RULE(id, kind, points, word, text) { word, text, FILTER_##kind, points },
#include "filter/rules.def"
#undef RULE
	};
	ASSERT(r < FILTER_RULES);
	return &rows[r];
}

struct filter_part
filter_rule_part(enum filter_rule r, str detail)
{
	const struct filter_row *row = filter_rule_row(r);
	return (struct filter_part){ .kind = row->kind,
		.word = str_from(row->word),
		.detail = detail,
		.points = row->points };
}

static void
hit(struct filter_look *l, enum filter_rule r, bool is)
{
	static_assert((int)FILTER_RULES <= (int)FILTER_HITS_MAX, "every rule can be hit");
	if (is) {
		l->seen->hits[l->seen->hits_n++] = (uint16_t)r;
	}
}

static void
look_at_header(struct filter_look *l)
{
	const struct filter_signs *s = &l->signs;
	bool dated = s->date_s != 0 && l->received_s != 0;
	hit(l, FILTER_RULE_DATE_MISSING, s->dates == 0);
	hit(l, FILTER_RULE_DATE_BROKEN, s->date_broken);
	hit(l, FILTER_RULE_DATE_AHEAD, dated && s->date_s - AHEAD_S > l->received_s);
	hit(l, FILTER_RULE_DATE_OLD, dated && s->date_s + OLD_S < l->received_s);
	hit(l, FILTER_RULE_ID_MISSING, s->ids == 0);
	hit(l, FILTER_RULE_ID_BROKEN, s->id_broken);
	hit(l, FILTER_RULE_FIELD_TWICE, s->ids > 1 || s->dates > 1 || s->subjects > 1);
	hit(l, FILTER_RULE_TO_MISSING, s->to == 0);
	hit(l, FILTER_RULE_SUBJECT_MISSING, s->subjects == 0);
	hit(l, FILTER_RULE_SUBJECT_LOUD, s->subject_loud);
	hit(l, FILTER_RULE_SUBJECT_GAPPY, s->subject_gappy);
	hit(l, FILTER_RULE_SUBJECT_RAW, s->subject_raw);
	hit(l, FILTER_RULE_NAME_IS_ADDRESS, s->name_is_address);
	hit(l, FILTER_RULE_NO_HOPS, s->received == 0);
	hit(l, FILTER_RULE_ANSWER, s->answer);
	hit(l, FILTER_RULE_DISCUSSION, s->lists > 0);
}

static void
look_at_text(struct filter_look *l)
{
	const struct filter_signs *s = &l->signs;
	bool listed = s->lists > 0 || s->bulk;
	bool html_alone = s->html_parts > 0 && s->plain_parts == 0;
	hit(l, FILTER_RULE_TEXT_LOUD, s->words >= FEW_WORDS && s->loud_words * 5 > s->words);
	hit(l, FILTER_RULE_HTML_ALONE, html_alone && !listed);
	hit(l, FILTER_RULE_IMAGE_ALONE, html_alone && s->images > 0 && s->html_words < FEW_WORDS);
	hit(l, FILTER_RULE_HTML_FORM, s->forms > 0);
	hit(l, FILTER_RULE_HTML_SCRIPT, s->scripts > 0);
	hit(l, FILTER_RULE_HTML_BROKEN_WORDS, s->comments_in_words > 1);
	hit(l, FILTER_RULE_LINK_NUMERIC, s->numeric_links > 0);
	hit(l, FILTER_RULE_LINK_USER, s->user_links > 0);
	hit(l, FILTER_RULE_LINK_CODED, s->coded_hosts > 0);
	hit(l, FILTER_RULE_LINK_PORT, s->odd_ports > 0);
	hit(l, FILTER_RULE_LINKS_WITHOUT_TEXT,
	    s->links > 0 && s->links < 4 && s->words < FEW_WORDS && !s->answer);
	hit(l, FILTER_RULE_TEXT_CODED, s->coded_ascii > 0 && !listed);
	hit(l, FILTER_RULE_TEST_LINE, s->has_test_line);
}

static void
look_at_files(struct filter_look *l)
{
	const struct filter_signs *s = &l->signs;
	hit(l, FILTER_RULE_PROGRAM, s->programs > s->disguised);
	hit(l, FILTER_RULE_PROGRAM_DISGUISED, s->disguised > 0);
	hit(l, FILTER_RULE_MACROS, s->macros > 0);
	hit(l, FILTER_RULE_PAGE_ATTACHED, s->pages > 0);
}

static uint32_t
count_phrases(const struct filter_look *l)
{
	static const struct {
		str a, b;
	} phrases[] = {
#define PHRASE(a, b) { S_INIT(a), S_INIT(b) },
#include "filter/phrases.def"
#undef PHRASE
	};
	uint32_t n = 0;
	for (size_t i = 0; i < LEN(phrases); i++) {
		n += filter_set_has(l, filter_words_feature(phrases[i].a, phrases[i].b));
	}
	return n;
}

static void
look_at_phrases(struct filter_look *l)
{
	uint32_t n = count_phrases(l);
	hit(l, FILTER_RULE_PHRASES_MANY, n >= PHRASES_MANY_AT);
	hit(l, FILTER_RULE_PHRASES_MORE, n >= PHRASES_MORE_AT && n < PHRASES_MANY_AT);
	hit(l, FILTER_RULE_PHRASES_SOME, n >= PHRASES_SOME_AT && n < PHRASES_MORE_AT);
}

void
filter_rules_take(struct filter_look *l)
{
	look_at_header(l);
	look_at_text(l);
	look_at_files(l);
	look_at_phrases(l);
}
