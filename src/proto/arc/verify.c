/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of sets: found in the header, its structure judged, its signatures made ready. Every
 * fault is final (RFC 8617 5.2.1), so the first one ends the matter.
 */
#include "proto/arc/arc_priv.h"

#include "mail/header.h"

enum { COMMENT_DEPTH_MAX = 20 };

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Past comments and white space; false: a comment that does not end. RFC 5322 3.2.2 */
static bool
skip_cfws(str *s)
{
	unsigned depth = 0;
	size_t i = 0;
	for (; i < s->n && (depth > 0 || is_space(s->p[i]) || s->p[i] == '('); i++) {
		if (s->p[i] == '\\' && depth > 0) {
			i++;
		} else if (s->p[i] == '(') {
			depth++;
		} else if (s->p[i] == ')') {
			depth--;
		}
		if (depth > COMMENT_DEPTH_MAX) {
			return false;
		}
	}
	*s = str_from_off(*s, i);
	return depth == 0;
}

static bool
skip_char(str *s, char c)
{
	if (!skip_cfws(s) || s->n == 0 || s->p[0] != c) {
		return false;
	}
	*s = str_from_off(*s, 1);
	return true;
}

static bool
take_number(str *s, unsigned *ret)
{
	unsigned v = 0;
	size_t n = 0;
	while (n < s->n && n < 3 && ascii_is_digit(s->p[n])) {
		v = v * 10 + (unsigned)(s->p[n] - '0');
		n++;
	}
	*s = str_from_off(*s, n);
	*ret = v;
	return n > 0 && v >= 1 && v <= ARC_SETS_MAX;
}

bool
arc_results_split(str value, unsigned *ret_instance, str *ret_payload)
{
	str rest = value;
	bool good = skip_char(&rest, 'i') && skip_char(&rest, '=') && skip_cfws(&rest) &&
	    take_number(&rest, ret_instance) && skip_char(&rest, ';');
	*ret_payload = str_trim(rest);
	return good;
}

/* i= of the two fields that are lists of tags. */
static bool
instance_of(str value, unsigned *ret)
{
	struct dkim_tags tags;
	str v;
	return dkim_tags_parse(value, &tags) == ERR_OK && dkim_tags_find(&tags, S("i"), &v) &&
	    take_number(&v, ret) && v.n == 0;
}

static const char *
put(struct arc_verify *v, unsigned instance, str *slot, str raw)
{
	v->n = MAX(v->n, instance);
	if (slot->p != NULL) {
		return "a field of a set is there twice";
	}
	*slot = raw;
	return "";
}

static const char *
collect_field(struct arc_verify *v, const struct mail_field *f)
{
	unsigned i = 0;
	str payload;
	if (str_ieq(f->name, S("ARC-Authentication-Results"))) {
		if (!arc_results_split(f->value, &i, &payload)) {
			return "results without an instance";
		}
		v->set[i].payload = payload;
		return put(v, i, &v->set[i].results, f->raw);
	}
	bool seal = str_ieq(f->name, S("ARC-Seal"));
	if (!seal && !str_ieq(f->name, S("ARC-Message-Signature"))) {
		return "";
	}
	if (!instance_of(f->value, &i)) {
		return seal ? "a seal without an instance" : "a signature without an instance";
	}
	return put(v, i, seal ? &v->set[i].seal : &v->set[i].message, f->raw);
}

/* Nothing is left out after a fault: who seals must know the highest instance. */
const char *
arc_collect(struct arc_verify *v)
{
	struct mail_header h = mail_header_make(v->header);
	struct mail_field f;
	const char *why = "";
	size_t octets = 0;
	while (mail_header_next(&h, &f)) {
		if (!str_istarts(f.name, S("ARC-"))) {
			continue;
		}
		const char *fault = collect_field(v, &f);
		octets += f.raw.n;
		if (fault[0] == 0 && octets > ARC_OCTETS_MAX) {
			fault = "the chain is too long";
		}
		why = why[0] == 0 ? fault : why;
	}
	for (unsigned i = 1; why[0] == 0 && i <= v->n; i++) {
		const struct arc_set *s = &v->set[i];
		if (s->results.p == NULL || s->message.p == NULL || s->seal.p == NULL) {
			why = "a set is not complete";
		}
	}
	return why;
}

static void
end(struct arc_verify *v, enum arc_status status, const char *why)
{
	v->status = status;
	v->why = why;
	v->checks_n = 0;
}

/* cv= of a seal: "none" begins a chain, "pass" continues it. RFC 8617 5.2, steps 2 and 3C */
static const char *
judge_seal(const struct dkim_check *c, unsigned instance)
{
	enum dkim_chain want = instance == 1 ? DKIM_CHAIN_NONE : DKIM_CHAIN_PASS;
	if (c->result != DKIM_OPEN) {
		return c->why;
	}
	if (c->s.chain == DKIM_CHAIN_FAIL) {
		return "sealed as broken";
	}
	return c->s.chain == want ? "" : "cv= does not fit the instance";
}

/* Ready all checks; ends the chain with the first one that cannot pass. */
static enum err
begin_checks(struct arc_verify *v, int64_t now_s)
{
	v->check = arena_array(v->a, v->n + 1, sizeof *v->check);
	if (v->check == NULL) {
		return ERR_BUDGET;
	}
	v->checks_n = v->n + 1;
	struct dkim_check *c = v->check;
	TRY(dkim_check_begin(c, DKIM_ARC_MESSAGE, v->set[v->n].message, now_s, v->a));
	const char *why = c->result == DKIM_OPEN ? "" : c->why;
	for (unsigned i = v->n; i > 0 && why[0] == 0; i--) {
		c++;
		TRY(dkim_check_begin(c, DKIM_ARC_SEAL, v->set[i].seal, now_s, v->a));
		why = judge_seal(c, i);
	}
	if (why[0] != 0) {
		end(v, ARC_FAIL, why);
	}
	return ERR_OK;
}

enum err
arc_verify_begin(struct arc_verify *v, str header, int64_t now_s, struct arena *a)
{
	*v = (struct arc_verify){ .why = "", .a = a };
	v->header = str_sub(header, 0, mail_header_length(header));
	const char *why = arc_collect(v);
	if (why[0] != 0) {
		end(v, ARC_FAIL, why);
	} else if (v->n == 0) {
		end(v, ARC_NONE, "");
	} else {
		TRY(begin_checks(v, now_s));
	}
	return ERR_OK;
}

unsigned
arc_verify_bodies(const struct arc_verify *v)
{
	bool open = v->checks_n > 0 && v->check[0].result == DKIM_OPEN;
	return open ? 1U << v->check[0].s.body : 0;
}

void
arc_verify_body(struct arc_verify *v, enum dkim_canon canon, const uint8_t *hash)
{
	if (v->checks_n > 0 && v->check[0].s.body == canon) {
		dkim_check_body(&v->check[0], hash);
	}
}

enum err
arc_seal_input(const struct arc_hashed *what, struct arena *a, struct buf *out)
{
	const struct dkim_hashed own = { .canon = DKIM_RELAXED, .own = what->own, .b = what->b };
	for (unsigned i = what->from; i <= what->to; i++) {
		dkim_field(out, DKIM_RELAXED, what->set[i].results, false);
		dkim_field(out, DKIM_RELAXED, what->set[i].message, false);
		if (i < what->to) {
			dkim_field(out, DKIM_RELAXED, what->set[i].seal, false);
		}
	}
	return dkim_hash_input(out, &own, a);
}

enum err
arc_verify_input(struct arc_verify *v, struct dkim_check *c, struct buf *out, struct arena *scratch)
{
	enum err e;
	if (c == v->check) {
		const struct dkim_hashed what = { c->s.header, v->header, c->s.names, c->raw,
			c->s.b };
		e = dkim_hash_input(out, &what, scratch);
	} else {
		const struct arc_hashed what = {
			.set = v->set, .from = 1, .to = c->s.instance, .own = c->raw, .b = c->s.b
		};
		e = arc_seal_input(&what, scratch, out);
	}
	if (e != ERR_OK && c->result == DKIM_OPEN) {
		c->result = DKIM_TEMPERROR;
		c->why = "out of memory";
	}
	return e;
}

enum arc_status
arc_verify_result(const struct arc_verify *v, const char **ret_why)
{
	enum arc_status status = v->status;
	const char *why = v->why, *ignored;
	bool open = false;
	for (size_t i = 0; status == ARC_OPEN && i < v->checks_n; i++) {
		enum dkim_result r = v->check[i].result;
		open |= r == DKIM_OPEN;
		if (r != DKIM_OPEN && r != DKIM_PASS) {
			status = ARC_FAIL;
			why = v->check[i].why;
		}
	}
	if (status == ARC_OPEN && !open) {
		status = v->checks_n > 0 ? ARC_PASS : ARC_FAIL; /* none: it never began */
	}
	*(ret_why == NULL ? &ignored : ret_why) = why;
	return status;
}

str
arc_verify_sealer(const struct arc_verify *v, unsigned instance)
{
	bool known = instance >= 1 && instance <= v->n && v->checks_n == v->n + 1;
	return known ? v->check[1 + v->n - instance].domain : STR_NONE;
}

const char *
arc_status_text(enum arc_status s)
{
	return s == ARC_PASS ? "pass" : s == ARC_FAIL ? "fail" : "none";
}
