/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy file: a field on each line.
 *
 *	policy = field *( (LF / CRLF) field ) [ LF / CRLF ]
 *	field  = name ":" *WSP value *WSP
 */
#include "base/codec.h"
#include "proto/mtasts/mtasts.h"

struct reading {
	struct mtasts_policy *p;
	bool version, mode, max_age;
};

/* ["*."] Domain: labels of letters, digits and hyphens, as host names have them. RFC 8461 3.2 */
static bool
pattern_valid(str s)
{
	str label;
	size_t labels = 0;
	if (str_starts(s, S("*."))) {
		s = str_from_off(s, 2);
	}
	if (s.n == 0 || s.n > 253) {
		return false;
	}
	while (str_next(&s, '.', &label)) {
		bool ok = label.n >= 1 && label.n <= 63 && label.p[0] != '-' &&
		    label.p[label.n - 1] != '-';
		for (size_t i = 0; i < label.n && ok; i++) {
			ok = ascii_is_alnum(label.p[i]) || label.p[i] == '-' || label.p[i] == '_';
		}
		if (!ok) {
			return false;
		}
		labels++;
	}
	return labels >= 1;
}

static enum err
take_mx(struct reading *r, str value)
{
	value = str_ends(value, S(".")) ? str_sub(value, 0, value.n - 1) : value;
	if (!pattern_valid(value)) {
		return ERR_SYNTAX;
	}
	if (r->p->mx_n == MTASTS_MX_MAX) {
		return ERR_TOOMANY;
	}
	r->p->mx[r->p->mx_n++] = value;
	return ERR_OK;
}

static enum err
take_mode(struct reading *r, str value)
{
	static const str words[] = { [MTASTS_NONE] = S_INIT("none"),
		[MTASTS_TESTING] = S_INIT("testing"),
		[MTASTS_ENFORCE] = S_INIT("enforce") };
	if (r->mode) {
		return ERR_OK; /* the first counts */
	}
	r->mode = true;
	for (size_t i = 0; i < LEN(words); i++) {
		if (str_eq(words[i], value)) {
			r->p->mode = (enum mtasts_mode)i;
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

static enum err
take_max_age(struct reading *r, str value)
{
	uint64_t s;
	if (r->max_age) {
		return ERR_OK;
	}
	r->max_age = true;
	if (value.n > 10 || !str_u64(value, &s)) {
		return ERR_SYNTAX;
	}
	r->p->max_age_s = (uint32_t)MIN(s, (uint64_t)MTASTS_MAX_AGE_S);
	return ERR_OK;
}

static enum err
take_version(struct reading *r, str value)
{
	if (r->version) {
		return ERR_OK;
	}
	r->version = true;
	return str_eq(value, S("STSv1")) ? ERR_OK : ERR_SYNTAX;
}

static const struct {
	str name;
	enum err (*take)(struct reading *r, str value);
} fields[] = {
	{ S_INIT("version"), take_version },
	{ S_INIT("mode"), take_mode },
	{ S_INIT("max_age"), take_max_age },
	{ S_INIT("mx"), take_mx },
};

static bool
control_free(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f) {
			return false;
		}
	}
	return utf8_valid(s);
}

/* sts-policy-ext-name, which the known names are as well. */
static bool
name_valid(str name)
{
	bool ok = name.n >= 1 && name.n <= 32 && ascii_is_alnum(name.p[0]);
	for (size_t i = 0; i < name.n && ok; i++) {
		ok = ascii_is_alnum(name.p[i]) || strchr("_-.", name.p[i]) != NULL;
	}
	return ok;
}

static enum err
take_line(struct reading *r, str line)
{
	str name, value;
	if (!control_free(line) || !str_cut(line, ':', &name, &value) || !name_valid(name)) {
		return ERR_SYNTAX;
	}
	value = str_trim(value);
	for (size_t i = 0; i < LEN(fields); i++) {
		if (str_eq(fields[i].name, name)) {
			return fields[i].take(r, value);
		}
	}
	return value.n > 0 ? ERR_OK : ERR_SYNTAX;
}

enum err
mtasts_parse(str file, struct mtasts_policy *ret)
{
	struct mtasts_policy p = { .mode = MTASTS_NONE };
	struct reading r = { .p = &p };
	str line;
	size_t lines = 0;
	if (file.n > MTASTS_FILE_MAX) {
		return ERR_TOOBIG;
	}
	while (str_next(&file, '\n', &line)) {
		line = str_ends(line, S("\r")) ? str_sub(line, 0, line.n - 1) : line;
		if (++lines > MTASTS_LINES_MAX) {
			return ERR_TOOMANY;
		}
		if (str_trim(line).n == 0 && file.p == NULL) {
			break;
		}
		enum err e = take_line(&r, line);
		if (e != ERR_OK) {
			return e;
		}
	}
	if (!r.version || !r.mode || !r.max_age || (p.mx_n == 0 && p.mode != MTASTS_NONE)) {
		return ERR_SYNTAX;
	}
	*ret = p;
	return ERR_OK;
}
