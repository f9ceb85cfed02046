/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading back what we said of a letter. The place of the fields is what makes them ours; nothing
 * below the first Received field is looked at.
 */
#include "mail/results.h"

#include "base/wire.h"
#include "mail/header.h"

enum { VERSION = 1, SCORED = 1, JUNK = 2, POINTS_DIGITS = 6 };

/* --- Authentication-Results ---------------------------------------------------------------- */

/* A signature that is right counts before one that is not, as in svc/scan. */
static uint8_t
better(uint8_t a, uint8_t b)
{
	static const uint8_t order[] = { MAIL_AUTHRES_PASS, MAIL_AUTHRES_TEMPERROR,
		MAIL_AUTHRES_NEUTRAL, MAIL_AUTHRES_POLICY, MAIL_AUTHRES_FAIL };
	for (size_t i = 0; i < LEN(order); i++) {
		if (a == order[i] || b == order[i]) {
			return order[i];
		}
	}
	return a != MAIL_AUTHRES_NONE ? a : b;
}

/* "dkim=pass (2048-bit key) ..." */
static void
take_result(str text, struct mail_results *r)
{
	const struct {
		str method;
		uint8_t *to;
	} rows[] = { { S("spf="), &r->spf }, { S("dkim="), &r->dkim }, { S("dmarc="), &r->dmarc },
		{ S("arc="), &r->arc }, { S("iprev="), &r->iprev } };
	size_t i = 0, n = 0;
	while (i < LEN(rows) && !str_starts(text, rows[i].method)) {
		i++;
	}
	if (i == LEN(rows)) {
		return;
	}
	text = str_from_off(text, rows[i].method.n);
	while (n < text.n && ascii_is_alpha(text.p[n])) {
		n++;
	}
	uint8_t result = (uint8_t)mail_authres_find(str_sub(text, 0, n));
	if (rows[i].to == &r->dkim) {
		r->dkim = better(r->dkim, result);
	} else if (*rows[i].to == MAIL_AUTHRES_NONE) {
		*rows[i].to = result; /* spf of MAIL FROM stands before that of HELO */
	}
}

/*
 * As mail_authres_put writes it: "ID;" and a line for each result. It never breaks a line inside of
 * quotes or a comment, so this is quicker than reading the grammar.
 */
static bool
take_authres(str value, str *ret_id, struct mail_results *r)
{
	ptrdiff_t end = str_chr(value, ';'), at;
	if (end <= 0) {
		return false;
	}
	*ret_id = str_trim(str_sub(value, 0, (size_t)end));
	while ((at = str_chr(value, '\t')) >= 0) {
		bool result = str_ends(str_sub(value, 0, (size_t)at), S(";\r\n"));
		value = str_from_off(value, (size_t)at + 1);
		if (result) {
			take_result(value, r);
		}
	}
	return ret_id->n > 0;
}

/* --- X-Spam-Status --------------------------------------------------------------------------- */

/* "-1.250" in thousandths; false when it is no such number. */
static bool
read_points(str text, int64_t *ret)
{
	str whole, part;
	uint64_t points, thousandths;
	bool minus = str_starts(text, S("-"));
	if (!str_cut(str_from_off(text, minus), '.', &whole, &part) || part.n != 3 ||
	    whole.n > POINTS_DIGITS || !str_u64(whole, &points) || !str_u64(part, &thousandths)) {
		return false;
	}
	int64_t n = (int64_t)(points * 1000 + thousandths);
	*ret = minus ? -n : n;
	return true;
}

/* The words behind "required=" stand in the order of their weight. */
static void
take_word(str word, struct mail_results *r)
{
	int64_t points;
	ptrdiff_t eq = str_rchr(word, '=');
	if (eq <= 0 || !read_points(str_from_off(word, (size_t)eq + 1), &points)) {
		return;
	}
	str name = str_sub(word, 0, (size_t)eq);
	if (str_eq(name, S("score"))) {
		r->score = points;
		r->scored = true;
	} else if (!str_eq(name, S("required")) && r->reason.n == 0 && points > 0) {
		r->reason = str_sub(name, 0, MAIL_RESULTS_REASON_MAX);
	}
}

/* "Yes, score=5.000 required=5.000 word=4.000", folded. */
static void
take_status(str value, struct mail_results *r)
{
	str word;
	value = str_trim(value);
	r->junk = str_starts(value, S("Yes,"));
	while (r->reason.n == 0 && str_next(&value, ' ', &word)) {
		ptrdiff_t fold = str_chr(word, '\t');
		if (fold >= 0) { /* the last word of a line and the first of the next */
			take_word(str_trim(str_sub(word, 0, (size_t)fold)), r);
			word = str_from_off(word, (size_t)fold + 1);
		}
		take_word(word, r);
	}
}

/* --- whose fields they are ------------------------------------------------------------------- */

/* As proto/smtp/trace.c writes it: "from NAME ...\r\n\tby HOST with ...". */
static bool
is_from_stranger_to(str received, str id)
{
	str from, by, host, rest;
	if (!str_cut(str_trim(received), '\t', &from, &by) || !str_starts(by, S("by ")) ||
	    str_eq(from, S("from client\r\n"))) {
		return false;
	}
	return str_cut(str_from_off(by, 3), ' ', &host, &rest) && str_eq(host, id);
}

static bool
read_fields(struct mail_header *h, struct mail_results *r)
{
	struct mail_field f;
	str id;
	if (!mail_header_next(h, &f) || !str_eq(f.name, S("Return-Path")) ||
	    !mail_header_next(h, &f) || !str_eq(f.name, S("Authentication-Results")) ||
	    !take_authres(f.value, &id, r)) {
		return false;
	}
	for (size_t i = 0; i < MAIL_RESULTS_FIELDS_MAX && mail_header_next(h, &f); i++) {
		if (str_eq(f.name, S("Received"))) {
			return is_from_stranger_to(f.value, id);
		}
		if (!r->scored && str_eq(f.name, S("X-Spam-Status"))) {
			take_status(f.value, r);
		}
	}
	return false;
}

bool
mail_results_read(str header, struct mail_results *ret)
{
	struct mail_header h = mail_header_make(str_sub(header, 0, MAIL_RESULTS_HEADER_MAX));
	struct mail_results r = { 0 };
	bool ours = read_fields(&h, &r);
	if (ours) {
		*ret = r;
	}
	return ours;
}

/* --- kept ------------------------------------------------------------------------------------ */

void
mail_results_put(struct buf *out, const struct mail_results *r)
{
	str reason = str_sub(r->reason, 0, MAIL_RESULTS_REASON_MAX);
	int64_t score = MIN(MAX(r->score, (int64_t)INT32_MIN), (int64_t)INT32_MAX);
	wr_u8(out, VERSION);
	wr_u8(out, (uint8_t)((r->scored ? SCORED : 0) | (r->junk ? JUNK : 0)));
	wr_u8(out, r->spf);
	wr_u8(out, r->dkim);
	wr_u8(out, r->dmarc);
	wr_u8(out, r->arc);
	wr_u8(out, r->iprev);
	wr_u32(out, (uint32_t)(int32_t)score);
	wr_u8(out, (uint8_t)reason.n);
	buf_str(out, reason);
}

void
mail_results_keep(str header, struct buf *out)
{
	struct mail_results r;
	if (mail_results_read(header, &r)) {
		mail_results_put(out, &r);
	}
}

enum err
mail_results_get(str octets, struct mail_results *ret)
{
	struct rd in = rd_make(octets);
	if (rd_u8(&in) != VERSION) {
		return octets.n > 0 ? ERR_VERSION : ERR_SYNTAX;
	}
	uint8_t flags = rd_u8(&in);
	struct mail_results r = { .scored = flags & SCORED, .junk = flags & JUNK };
	r.spf = rd_u8(&in);
	r.dkim = rd_u8(&in);
	r.dmarc = rd_u8(&in);
	r.arc = rd_u8(&in);
	r.iprev = rd_u8(&in);
	r.score = (int32_t)rd_u32(&in);
	r.reason = rd_bytes(&in, rd_u8(&in));
	if (rd_end(&in) != ERR_OK) {
		return ERR_SYNTAX;
	}
	*ret = r;
	return ERR_OK;
}
