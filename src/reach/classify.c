/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a reply to a class: take the codes off the lines, fold what is left, ask the tiers of rules
 * in order. Start reading at reach_classify at the end.
 */
#include "reach/classify.h"

#include "reach/operator.h"
#include "reach/rules_priv.h"

/* A reply made ready: its words without codes, folded, and the enhanced status code. */
struct ready {
	char storage[REACH_REPLY_MAX + 64];
	struct buf text;
	struct reach_status status;
};

/* ---- reading a reply ------------------------------------------------------------------------- */

static bool
read_number(str *s, unsigned max_digits, int16_t *ret)
{
	size_t n = 0;
	uint32_t v;

	while (n < s->n && n < max_digits && ascii_is_digit(s->p[n])) {
		n++;
	}
	if (!str_u32(str_sub(*s, 0, n), &v) || (n < s->n && ascii_is_digit(s->p[n]))) {
		return false;
	}
	*ret = (int16_t)v;
	*s = str_from_off(*s, n);
	return true;
}

bool
reach_status_read(str s, struct reach_status *ret, size_t *ret_n)
{
	struct reach_status st = { 0 };
	size_t all = s.n;
	int16_t class;

	if (!read_number(&s, 1, &class) || !str_starts(s, S(".")) ||
	    (class != 2 && class != 4 && class != 5)) {
		return false;
	}
	s = str_from_off(s, 1);
	if (!read_number(&s, 3, &st.subject) || !str_starts(s, S("."))) {
		return false;
	}
	s = str_from_off(s, 1);
	/* "5.7.1.2" is part of something else, an address most likely. */
	if (!read_number(&s, 3, &st.detail) ||
	    (s.n > 1 && s.p[0] == '.' && ascii_is_digit(s.p[1]))) {
		return false;
	}
	st.class = (uint8_t) class;
	st.detail_to = st.detail;
	*ret = st;
	*ret_n = all - s.n;
	return true;
}

/* "550 " or "550-" in front, as lines of replies have it. */
static str
without_code(str line)
{
	bool code = line.n >= 3 && line.p[0] >= '2' && line.p[0] <= '5' &&
	    ascii_is_digit(line.p[1]) && ascii_is_digit(line.p[2]);

	if (!code || (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')) {
		return line;
	}
	return str_trim(str_from_off(line, line.n > 3 ? 4 : 3));
}

static void
read_reply(struct ready *ready, const struct reach_seen *seen)
{
	str rest = str_sub(seen->reply, 0, REACH_REPLY_MAX), line;
	size_t n;

	buf_init_fixed(&ready->text, ready->storage, sizeof ready->storage);
	ready->status.class = 0;
	while (rest.n > 0 && str_next(&rest, '\n', &line)) {
		struct reach_status st;

		line = without_code(str_trim(line));
		if (reach_status_read(line, &st, &n)) {
			ready->status = ready->status.class == 0 ? st : ready->status;
			line = str_trim(str_from_off(line, n));
		}
		if (ready->text.n > 0 && ready->text.p[ready->text.n - 1] != ' ') {
			buf_ch(&ready->text, ' ');
		}
		reach_fold(&ready->text, line);
	}
	while (ready->text.n > 0 && ready->text.p[ready->text.n - 1] == ' ') {
		buf_truncate(&ready->text, ready->text.n - 1);
	}
}

/* Given apart, or as some programs write it in the text: "(#5.1.1)". */
static void
read_status(struct ready *ready, const struct reach_seen *seen)
{
	str text = buf_view(&ready->text);
	struct reach_status st;
	size_t n;

	if (seen->enhanced.n > 0 && reach_status_read(seen->enhanced, &st, &n) &&
	    n == seen->enhanced.n) {
		ready->status = st;
	}
	for (size_t i = 0; ready->status.class == 0 && i < text.n; i++) {
		if (text.p[i] == '#' && reach_status_read(str_from_off(text, i + 1), &st, &n)) {
			ready->status = st;
		}
	}
}

/* ---- asking the rules ------------------------------------------------------------------------ */

static bool
status_fits(const struct reach_status *want, const struct reach_status *have)
{
	if (want->subject < 0) {
		return true;
	}
	return have->class != 0 && (want->class == 0 || want->class == have->class) &&
	    want->subject == have->subject && have->detail >= want->detail &&
	    have->detail <= want->detail_to;
}

static bool
rule_fits(const struct reach_rule *r, const struct reach_seen *seen, const struct ready *ready)
{
	return (r->phases == 0 || (r->phases & 1U << seen->phase) != 0) &&
	    (r->code == 0 || (seen->code >= r->code && seen->code <= r->code_to)) &&
	    (r->operator.n == 0 || str_ieq(r->operator, seen->operator)) &&
	    status_fits(&r->status, &ready->status) &&
	    (r->pattern.n == 0 || reach_pattern_fits(&r->pattern, buf_view(&ready->text)));
}

static bool
ask_tier(const struct reach_tier_rules *tier, const struct reach_seen *seen,
    const struct ready *ready, struct reach_found *ret)
{
	for (size_t i = 0; i < tier->n; i++) {
		const struct reach_rule *r = &tier->v[i];

		if (rule_fits(r, seen, ready)) {
			*ret = (struct reach_found){ .class = r->class,
				.rule = r->id,
				.scope = r->scope,
				.remedy = r->remedy,
				.verified = r->verified };
			return true;
		}
	}
	return false;
}

static void
ask(const struct reach_rules *rules, const struct reach_seen *seen, const struct ready *ready,
    struct reach_found *ret)
{
	static const enum reach_evidence evidence[REACH_TIER_COUNT] = { REACH_BY_OPERATOR,
		REACH_BY_OPERATOR, REACH_BY_PHRASE, REACH_BY_STATUS, REACH_BY_CODE };

	for (size_t t = 0; t < REACH_TIER_COUNT; t++) {
		if (t == REACH_TIER_ANYBODY && reach_named(rules, seen, buf_view(&ready->text))) {
			*ret = (struct reach_found){ .class = REACH_P7,
				.rule = S("own-name"),
				.evidence = REACH_BY_NAME,
				.scope = reach_class_row(REACH_P7)->scope };
			return;
		}
		if (ask_tier(&rules->tiers[t], seen, ready, ret)) {
			ret->evidence = evidence[t];
			return;
		}
	}
	enum reach_class c = seen->code >= 500 ? REACH_P3 : REACH_X2;
	*ret = (struct reach_found){ .class = c,
		.rule = S("none"),
		.evidence = REACH_BY_CODE,
		.scope = reach_class_row(c)->scope };
}

/* What the class says goes for all; a 4xx reply asks for another try, so nothing is hopeless. */
static void
finish(const struct reach_seen *seen, struct reach_found *ret)
{
	const struct reach_class_row *row = reach_class_row(ret->class);

	ret->block = row->block;
	ret->notify = row->notify;
	ret->permanence = row->permanence;
	if (seen->code >= 400 && seen->code < 500 && row->permanence == REACH_HOPELESS) {
		ret->permanence = REACH_WAIT;
	}
}

void
reach_classify(const struct reach_rules *rules, const struct reach_seen *seen,
    struct reach_found *ret)
{
	struct ready ready;

	ASSERT((unsigned)seen->phase < REACH_PHASE_COUNT);
	if (seen->code >= 400 && seen->tls == REACH_TLS_OK) {
		read_reply(&ready, seen);
		read_status(&ready, seen);
		ask(rules, seen, &ready, ret);
	} else if (seen->code >= 200 && seen->tls == REACH_TLS_OK && seen->system_error == 0 &&
	    !seen->timed_out && !seen->closed && seen->phase != REACH_PHASE_TLS) {
		*ret = (struct reach_found){ .class = REACH_NONE, .evidence = REACH_BY_STATUS };
	} else {
		reach_network(seen, ret);
	}
	finish(seen, ret);
}

size_t
reach_rules_count(const struct reach_rules *r)
{
	size_t n = 0;

	for (size_t t = 0; t < REACH_TIER_COUNT; t++) {
		n += r->tiers[t].n;
	}
	return n;
}

bool
reach_rules_vague(const struct reach_rules *r, str id)
{
	const struct reach_tier_rules *last = &r->tiers[REACH_TIER_CODE];

	for (size_t i = 0; i < last->n; i++) {
		if (str_eq(last->v[i].id, id)) {
			return true;
		}
	}
	return str_eq(id, S("none"));
}
