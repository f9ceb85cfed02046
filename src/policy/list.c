/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules and answers of DNS lists.
 */
#include "policy/list.h"

#include "sys/sock.h"

enum { POINTS_MAX = 1000 };

/* ---- rules ---------------------------------------------------------------------------------- */

/* "-2.5" as thousandths. */
static bool
read_points(str s, int64_t *ret)
{
	str whole, part;
	bool minus = s.n > 0 && s.p[0] == '-';
	uint32_t n = 0, fraction = 0;

	bool dot = str_cut(minus ? str_from_off(s, 1) : s, '.', &whole, &part);
	if (!str_u32(whole, &n) || n > POINTS_MAX) {
		return false;
	}
	if (dot && (part.n == 0 || part.n > 3 || !str_u32(part, &fraction))) {
		return false;
	}
	for (size_t i = part.n; i < 3; i++) {
		fraction *= 10;
	}
	*ret = (int64_t)n * 1000 + fraction;
	*ret = minus ? -*ret : *ret;
	return true;
}

static bool
read_quad(str s, uint8_t ret[4])
{
	uint8_t ip[16];

	if (sys_addr_ip_parse(s, ip) != ERR_OK || !sys_addr_is_v4(ip)) {
		return false;
	}
	memcpy(ret, ip + 12, 4);
	return true;
}

static bool
read_mask(str s, uint8_t ret[4])
{
	uint32_t bits = 32;

	if (str_chr(s, '.') >= 0) {
		return read_quad(s, ret);
	}
	if (!str_u32(s, &bits) || bits > 32) {
		return false;
	}
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t left = bits > i * 8 ? bits - i * 8 : 0;
		ret[i] = left >= 8 ? 0xff : (uint8_t)(0xff00U >> left);
	}
	return true;
}

static enum err
read_item(str item, struct policy_list *l)
{
	str left, points, answer, mask;

	if (!str_cut(item, '=', &left, &points)) {
		return ERR_SYNTAX;
	}
	if (str_eq(left, S("test"))) {
		l->test = points;
		return points.n > 0 ? ERR_OK : ERR_SYNTAX;
	}
	if (l->items_n == POLICY_LIST_ITEMS) {
		return ERR_TOOMANY;
	}
	struct policy_list_item *i = &l->items[l->items_n];
	bool masked = str_cut(left, '/', &answer, &mask);
	if (!read_quad(answer, i->answer) || !read_mask(masked ? mask : S("32"), i->mask) ||
	    !read_points(points, &i->points) || i->answer[0] != 127) {
		return ERR_SYNTAX;
	}
	l->items_n++;
	return ERR_OK;
}

enum err
policy_list_parse(str rule, bool domains, struct policy_list *ret)
{
	struct policy_list l = { .domains = domains };
	str items, item;

	if (!str_cut(rule, ':', &l.zone, &items) || l.zone.n == 0 ||
	    l.zone.n > POLICY_LIST_NAME - 80) {
		return ERR_SYNTAX;
	}
	items = str_trim(items);
	while (str_next(&items, ' ', &item)) {
		if (item.n > 0) {
			TRY(read_item(item, &l));
		}
	}
	if (l.items_n == 0) {
		return ERR_SYNTAX;
	}
	*ret = l;
	return ERR_OK;
}

/* ---- names ---------------------------------------------------------------------------------- */

static enum err
end_name(struct buf *out, const struct policy_list *l, size_t begun)
{
	buf_str(out, l->zone);
	if (buf_err(out) == ERR_OK && out->n - begun > POLICY_LIST_NAME - 2) {
		return ERR_TOOBIG;
	}
	return buf_err(out);
}

enum err
policy_list_ip_put(struct buf *out, const struct policy_list *l, const uint8_t ip[16])
{
	size_t begun = out->n;

	if (sys_addr_is_v4(ip)) {
		for (int i = 15; i >= 12; i--) {
			buf_printf(out, "%u.", ip[i]);
		}
	} else {
		for (int i = 15; i >= 0; i--) {
			buf_printf(out, "%x.%x.", ip[i] & 15U, ip[i] >> 4);
		}
	}
	return end_name(out, l, begun);
}

enum err
policy_list_name_put(struct buf *out, const struct policy_list *l, str domain)
{
	size_t begun = out->n;

	if (domain.n == 0 || domain.n > POLICY_LIST_NAME) {
		return ERR_TOOBIG;
	}
	buf_str(out, domain);
	buf_ch(out, '.');
	return end_name(out, l, begun);
}

enum err
policy_list_test_put(struct buf *out, const struct policy_list *l, bool listed)
{
	str name = l->domains ? S("test") : S("2.0.0.127");

	if (!listed) {
		name = l->domains ? S("invalid") : S("1.0.0.127");
	} else if (l->test.n > 0) {
		name = l->test;
	}
	return policy_list_name_put(out, l, name);
}

/* ---- answers -------------------------------------------------------------------------------- */

/*
 * What several operators of lists say to who asks too much, or through a resolver they do not like.
 * 127.0.0.1 is no answer by RFC 5782 2.1, and used for the same.
 */
static bool
is_refusal(const uint8_t a[4])
{
	bool closed = a[1] == 255 && a[2] == 255;
	bool over = a[1] == 0 && a[2] == 0 && (a[3] == 1 || a[3] == 255);

	return closed || over;
}

static bool
matches(const struct policy_list_item *i, const uint8_t a[4])
{
	for (size_t k = 0; k < 4; k++) {
		if ((a[k] & i->mask[k]) != (i->answer[k] & i->mask[k])) {
			return false;
		}
	}
	return true;
}

void
policy_list_hear(const struct policy_list *l, const uint8_t ip[16], struct policy_list_said *said)
{
	const uint8_t *a = ip + 12;

	if (!sys_addr_is_v4(ip) || a[0] != 127) {
		said->strange = true;
		return;
	}
	if (is_refusal(a)) {
		said->refused = true;
		return;
	}
	for (size_t i = 0; i < l->items_n; i++) {
		if (!matches(&l->items[i], a)) {
			continue;
		}
		if (!said->listed) {
			memcpy(said->answer, a, sizeof said->answer);
		}
		said->listed = true;
		said->points += l->items[i].points;
	}
}
