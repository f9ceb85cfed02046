/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records evaluated term by term (RFC 7208 4.6 to 6). Each function is a step: it ends with a
 * match, with questions to wait for, or with the end of the check.
 */
#include "proto/spf/spf_priv.h"

static void step_term(struct spf *s);
static void step_explain(struct spf *s);

/* --- what a record comes to -------------------------------------------------------------- */

/* The term at work did not match. */
static void
advance(struct spf *s)
{
	spf_top(s)->at++;
	s->counted = false;
	s->next = step_term;
}

/* The record at work came to a result; that of an include is a match or none (RFC 7208 5.2). */
static void
conclude(struct spf *s, enum mail_authres result)
{
	while (s->depth > 1 && result == MAIL_AUTHRES_PASS) {
		s->depth--;
		result = spf_top(s)->record.term[spf_top(s)->at].qualifier;
	}
	if (s->depth > 1) {
		s->depth--;
		advance(s);
		return;
	}
	struct spf_frame *f = spf_top(s);
	s->result.mechanism = f->at < f->record.n ? f->record.term[f->at].text : S("");
	if (result != MAIL_AUTHRES_FAIL || f->record.explanation.p == NULL) {
		spf_end(s, result, NULL);
		return;
	}
	s->explaining = true;
	s->next = step_explain;
}

static void
matched(struct spf *s)
{
	conclude(s, spf_top(s)->record.term[spf_top(s)->at].qualifier);
}

static bool
count_lookup(struct spf *s)
{
	if (++s->result.lookups > SPF_LOOKUPS_MAX) {
		spf_end(s, MAIL_AUTHRES_PERMERROR, "too many DNS look-ups");
	}
	return !s->done;
}

/* --- records ----------------------------------------------------------------------------- */

static void
no_record(struct spf *s)
{
	if (s->depth > 1 || spf_top(s)->redirected) {
		spf_end(s, MAIL_AUTHRES_PERMERROR, "included domain has no SPF record");
	} else {
		spf_end(s, MAIL_AUTHRES_NONE_PUBLISHED, NULL);
	}
}

static void
step_record(struct spf *s)
{
	const char *why = NULL;
	if (s->lookup[0].outcome == SPF_FAILED) {
		spf_end(s, MAIL_AUTHRES_TEMPERROR, "DNS does not answer");
		return;
	}
	if (s->texts_n == 0) {
		no_record(s);
		return;
	}
	if (s->texts_n > 1) {
		spf_end(s, MAIL_AUTHRES_PERMERROR, "several SPF records");
		return;
	}
	enum err e = spf_record_read(s->a, s->text, &spf_top(s)->record, &why);
	if (e == ERR_BUDGET) {
		spf_end(s, MAIL_AUTHRES_TEMPERROR, "out of memory");
	} else if (e != ERR_OK) {
		spf_end(s, MAIL_AUTHRES_PERMERROR, why);
	}
	s->counted = false;
	s->next = step_term;
}

static void
ask_record(struct spf *s)
{
	spf_lookups_reset(s);
	s->texts_n = 0;
	s->text = STR_NONE;
	spf_lookup_add(s, spf_top(s)->domain, DNS_TXT);
	spf_wait(s, step_record);
}

void
spf_begin_record(struct spf *s, str domain)
{
	ASSERT(s->depth < SPF_DEPTH_MAX); /* every include is a look-up */
	s->depth++;
	*spf_top(s) = (struct spf_frame){ .domain = domain };
	ask_record(s);
}

/* --- mechanisms -------------------------------------------------------------------------- */

/* The target-name of the term at work; p == NULL: none. */
static str
target(struct spf *s)
{
	const struct spf_frame *f = spf_top(s);
	str spec = f->record.term[f->at].domain;
	return spec.p == NULL ? f->domain : spf_expand(s, spec);
}

static uint16_t
address_type(const struct spf *s)
{
	return spf_ip_is4(s->ip) ? DNS_A : DNS_AAAA;
}

/* Addresses were asked for, in this order they are looked at. */
static void
step_addresses(struct spf *s)
{
	for (size_t i = 0; i < s->lookups_n && !s->done; i++) {
		switch (s->lookup[i].outcome) {
		case SPF_HIT: matched(s); return;
		case SPF_FAILED: spf_end(s, MAIL_AUTHRES_TEMPERROR, "DNS does not answer"); return;
		case SPF_VOID: (void)spf_void(s); break;
		default: break;
		}
	}
	if (!s->done) {
		advance(s);
	}
}

static void
set_bits(struct spf *s)
{
	const struct spf_term *t = &spf_top(s)->record.term[spf_top(s)->at];
	s->bits = spf_ip_is4(s->ip) ? t->cidr4 : t->cidr6;
}

/* Ask for records of the target, or go on where there can be none. */
static void
ask_target(struct spf *s, uint16_t type, spf_fn *after)
{
	str name = target(s);
	if (s->done) {
		return;
	}
	if (name.p == NULL) {
		advance(s);
		return;
	}
	spf_lookups_reset(s);
	set_bits(s);
	s->names_n = 0;
	spf_lookup_add(s, name, type);
	spf_wait(s, after);
}

static void
step_a(struct spf *s)
{
	ask_target(s, address_type(s), step_addresses);
}

static void
step_exists(struct spf *s)
{
	ask_target(s, DNS_A, step_addresses);
	s->any = true;
}

static void
step_mx_hosts(struct spf *s)
{
	if (s->lookup[0].outcome != SPF_HIT) {
		step_addresses(s);
	} else if (s->names_n > SPF_NAMES_MAX) {
		spf_end(s, MAIL_AUTHRES_PERMERROR, "too many MX records");
	} else if (s->names_n == 0) {
		advance(s);
	} else {
		spf_lookups_reset(s);
		set_bits(s);
		spf_names_addresses(s, step_addresses);
	}
}

static void
step_mx(struct spf *s)
{
	ask_target(s, DNS_MX, step_mx_hosts);
}

static void
step_ptr(struct spf *s)
{
	if (!s->known) {
		spf_names_ask(s, step_term);
		return;
	}
	str name = target(s);
	if (s->done) {
		return;
	}
	if (name.p != NULL && spf_names_within(s, name)) {
		matched(s);
	} else {
		advance(s);
	}
}

static void
step_ip(struct spf *s)
{
	const struct spf_term *t = &spf_top(s)->record.term[spf_top(s)->at];
	bool v4 = t->word == SPF_IP4;
	if (spf_ip_is4(s->ip) == v4 && spf_ip_within(s->ip, t->ip, v4 ? t->cidr4 : t->cidr6)) {
		matched(s);
	} else {
		advance(s);
	}
}

static void
step_include(struct spf *s)
{
	str name = target(s);
	if (s->done) {
		return;
	}
	if (name.p == NULL) {
		spf_end(s, MAIL_AUTHRES_PERMERROR, "included name is malformed");
	} else {
		spf_begin_record(s, name);
	}
}

static spf_fn *const steps[SPF_WORDS] = {
	[SPF_ALL] = matched,
	[SPF_INCLUDE] = step_include,
	[SPF_A] = step_a,
	[SPF_MX] = step_mx,
	[SPF_PTR] = step_ptr,
	[SPF_IP4] = step_ip,
	[SPF_IP6] = step_ip,
	[SPF_EXISTS] = step_exists,
};

/* Local parts beyond ASCII match nothing (RFC 8616 4). */
static bool
is_barred(const struct spf *s, str spec)
{
	return s->local_utf8 && spf_macro_has(spec, "sl");
}

/* --- the end of a record ----------------------------------------------------------------- */

static void
step_redirect(struct spf *s)
{
	struct spf_frame *f = spf_top(s);
	if (!s->counted && !count_lookup(s)) {
		return;
	}
	s->counted = true;
	if (spf_names_need(s, f->record.redirect, step_redirect)) {
		return;
	}
	str name = spf_expand(s, f->record.redirect);
	if (s->done) {
		return;
	}
	if (name.p == NULL) {
		spf_end(s, MAIL_AUTHRES_PERMERROR, "redirect to a malformed name");
		return;
	}
	*f = (struct spf_frame){ .domain = name, .redirected = true };
	ask_record(s);
}

static void
step_end(struct spf *s)
{
	const struct spf_record *r = &spf_top(s)->record;
	if (r->redirect.p == NULL || r->all || is_barred(s, r->redirect)) {
		conclude(s, MAIL_AUTHRES_NEUTRAL); /* RFC 7208 4.7 */
	} else {
		s->next = step_redirect;
	}
}

static void
step_term(struct spf *s)
{
	struct spf_frame *f = spf_top(s);
	if (f->at == f->record.n) {
		step_end(s);
		return;
	}
	const struct spf_term *t = &f->record.term[f->at];
	if (t->lookup && !s->counted && !count_lookup(s)) {
		return;
	}
	s->counted = true;
	if (is_barred(s, t->domain)) {
		advance(s);
	} else if (!spf_names_need(s, t->domain, step_term)) {
		steps[t->word](s);
	}
}

/* --- the explanation --------------------------------------------------------------------- */

static void
fail_without(struct spf *s)
{
	spf_end(s, MAIL_AUTHRES_FAIL, NULL);
}

static bool
is_printable(str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < ' ' || text.p[i] > '~') {
			return false;
		}
	}
	return true;
}

static void
step_explain_text(struct spf *s)
{
	struct buf out;
	if (spf_names_need(s, s->text, step_explain_text)) {
		return;
	}
	buf_init(&out, SPF_EXPANSION_MAX);
	s->values.domain = spf_top(s)->domain;
	s->values.validated = spf_names_best(s, s->values.domain);
	spf_macro_expand(&out, s->text, &s->values);
	str text = str_sub(buf_view(&out), 0, SPF_EXPLANATION_MAX);
	if (buf_err(&out) == ERR_OK && is_printable(text)) {
		s->result.explanation = arena_dup(s->a, text);
	}
	buf_done(&out);
	fail_without(s);
}

static void
step_explain_answer(struct spf *s)
{
	if (s->texts_n != 1 || !spf_macro_valid(s->text, SPF_MACRO_EXPLAIN) ||
	    is_barred(s, s->text)) {
		fail_without(s);
	} else {
		s->next = step_explain_text;
	}
}

/* RFC 7208 6.2: whatever goes wrong here leaves a FAIL without words. */
static void
step_explain(struct spf *s)
{
	str spec = spf_top(s)->record.explanation;
	if (is_barred(s, spec)) {
		fail_without(s);
		return;
	}
	if (spf_names_need(s, spec, step_explain)) {
		return;
	}
	str name = spf_expand(s, spec);
	if (name.p == NULL) {
		fail_without(s);
		return;
	}
	spf_lookups_reset(s);
	s->any = true;
	s->texts_n = 0;
	s->text = STR_NONE;
	spf_lookup_add(s, name, DNS_TXT);
	spf_wait(s, step_explain_answer);
}
