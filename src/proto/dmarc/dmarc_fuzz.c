/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters against hostile DNS. First line: domain of From; second: domains that passed, parted by
 * spaces ("~": in temperror, "+": by DKIM); each question takes the next line: "!" no such name,
 * "?" no answer, nothing: no record; else records parted by NUL. It must end, having asked no
 * more than its limits.
 */
#include "proto/dmarc/dmarc.h"
#include "proto/dns/dns.h"

enum { RECORDS_MAX = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The last two labels, as if every suffix had one. */
static bool
two_labels(void *ctx, str domain, str *ret)
{
	ptrdiff_t dot = str_rchr(domain, '.');
	if (dot <= 0) {
		return false;
	}
	*ret = str_from_off(domain, (size_t)(str_rchr(str_sub(domain, 0, (size_t)dot), '.') + 1));
	return true;
}

static void
answer(struct dmarc *d, unsigned id, str line)
{
	struct buf storage[RECORDS_MAX];
	str rdata[RECORDS_MAX], one;
	struct dmarc_answer a = { ERR_OK, rdata, 0 };
	if (str_eq(line, S("!")) || str_eq(line, S("?"))) {
		a.result = line.p[0] == '!' ? ERR_NOTFOUND : ERR_TIMEOUT;
		line = STR_NONE;
	}
	while (line.n > 0 && a.n < RECORDS_MAX && str_next(&line, 0, &one)) {
		buf_init(&storage[a.n], 1 << 17);
		if (dns_txt_put(&storage[a.n], one) != ERR_OK) {
			buf_str(&storage[a.n], one);
		}
		rdata[a.n] = buf_view(&storage[a.n]);
		a.n++;
	}
	dmarc_answer(d, id, &a);
	for (size_t i = 0; i < a.n; i++) {
		buf_done(&storage[i]);
	}
}

static void
judge(const struct dmarc_result *r, size_t identifiers)
{
	ASSERT(mail_authres_word(r->result).n > 0);
	ASSERT(r->applied <= r->policy);
	ASSERT(r->spf < (ptrdiff_t)identifiers && r->dkim < (ptrdiff_t)identifiers);
	ASSERT(r->result != MAIL_AUTHRES_PASS || r->record != NULL);
	ASSERT(r->result != MAIL_AUTHRES_FAIL || (r->spf < 0 && r->dkim < 0 && r->record != NULL));
}

static void
check(struct arena *a, const struct dmarc_params *p, str lines)
{
	struct dmarc *d;
	struct dmarc_question q;
	size_t questions = 0;
	str line;
	if (dmarc_new(a, p, &d) != ERR_OK) {
		return;
	}
	while (dmarc_want(d, &q)) {
		ASSERT(q.name.n > 0 && q.name.n <= 255 && ++questions <= DMARC_NAMES_MAX);
		if (!str_next(&lines, '\n', &line)) {
			line = S("!");
		}
		answer(d, q.id, line);
	}
	ASSERT(dmarc_done(d));
	judge(dmarc_result(d), p->n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dmarc_identifier id[DMARC_IDENTIFIERS_MAX + 1];
	struct dmarc_params p = { .identifiers = id };
	struct dmarc_record r;
	str lines = str_make(data, size), passed = STR_NONE, one;
	if (size > (64 << 10) || !str_next(&lines, '\n', &p.from)) {
		return 0;
	}
	(void)dmarc_record_read(p.from, &r);
	(void)str_next(&lines, '\n', &passed);
	while (p.n < LEN(id) && str_next(&passed, ' ', &one)) {
		bool temporary = str_starts(one, S("~"));
		one = str_from_off(one, temporary);
		bool dkim = str_starts(one, S("+"));
		id[p.n++] = (struct dmarc_identifier){ dkim, temporary, str_from_off(one, dkim) };
	}
	p.suffix = size % 2 == 0 ? two_labels : NULL;
	struct arena *a = arena_new(NULL, "letter", size % 3 == 0 ? 40 << 10 : DMARC_BUDGET, 0);
	if (a != NULL) {
		check(a, &p, lines);
	}
	arena_free(&a);
	return 0;
}
