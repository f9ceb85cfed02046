/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole checks against hostile DNS. The first line is the reverse-path, the second the HELO name,
 * the first octet of all says what the peer's address is; each question takes the next line:
 * "!" no such name, "?" no answer, nothing: no record; else records parted by NUL. A check must
 * end within the limits and say something that can be printed.
 */
#include "proto/dns/dns.h"
#include "proto/spf/record.h"
#include "proto/spf/spf.h"

enum { RECORDS_MAX = 16, QUESTIONS_MAX = 2 + 22 * SPF_LOOKUPS_MAX, IP_OCTETS = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put_rdata(struct buf *out, uint16_t type, str text)
{
	char address[IP_OCTETS] = { 0 };
	enum err e = ERR_OK;
	memcpy(address, text.p, MIN(text.n, sizeof address));
	switch (type) {
	case DNS_A: buf_add(out, address, 4); break;
	case DNS_AAAA: buf_add(out, address, sizeof address); break;
	case DNS_MX: e = dns_mx_put(out, (uint16_t)address[0], text); break;
	case DNS_PTR: e = dns_name_put(out, text); break;
	default: e = dns_txt_put(out, text); break;
	}
	if (e != ERR_OK) {
		buf_str(out, text); /* broken RDATA */
	}
}

static void
answer(struct spf *s, const struct spf_question *q, str line)
{
	struct buf storage;
	size_t at[RECORDS_MAX + 1] = { 0 }, n = 0;
	str rdata[RECORDS_MAX], one;
	struct spf_answer a = { ERR_OK, rdata, 0 };
	if (str_eq(line, S("!")) || str_eq(line, S("?"))) {
		a.result = line.p[0] == '!' ? ERR_NOTFOUND : ERR_TIMEOUT;
		spf_answer(s, q->id, &a);
		return;
	}
	buf_init(&storage, 1 << 20);
	while (line.n > 0 && n < RECORDS_MAX && str_next(&line, 0, &one)) {
		put_rdata(&storage, q->type, one);
		at[++n] = storage.n;
	}
	for (size_t i = 0; i < n; i++) {
		rdata[i] = str_sub(buf_view(&storage), at[i], at[i + 1] - at[i]);
	}
	a.n = n;
	spf_answer(s, q->id, &a);
	buf_done(&storage);
}

static void
judge(const struct spf_result *r)
{
	ASSERT(mail_authres_word(r->result).n > 0);
	ASSERT(r->lookups <= SPF_LOOKUPS_MAX + 1 && r->voids <= SPF_VOIDS_MAX + 1);
	ASSERT(r->explanation.n <= SPF_EXPLANATION_MAX);
	ASSERT(r->explanation.n == 0 || r->result == MAIL_AUTHRES_FAIL);
	for (size_t i = 0; i < r->explanation.n; i++) {
		ASSERT(r->explanation.p[i] >= ' ' && r->explanation.p[i] <= '~');
	}
}

static void
check(struct arena *a, const struct spf_params *p, str lines)
{
	struct spf *s;
	struct spf_question q;
	str line;
	size_t questions = 0;
	if (spf_new(a, p, &s) != ERR_OK) {
		return;
	}
	while (spf_want(s, &q)) {
		ASSERT(q.name.n > 0 && ++questions <= QUESTIONS_MAX);
		if (!str_next(&lines, '\n', &line)) {
			line = S("?");
		}
		answer(s, &q, line);
	}
	ASSERT(spf_done(s));
	judge(spf_result(s));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spf_params p = { .identity = SPF_MAIL_FROM, .receiver = S("mx.example") };
	str lines = str_make(data, size), first;
	if (size < 1 || size > (64 << 10)) {
		return 0;
	}
	bool v6 = data[0] & 1;
	p.identity = data[0] & 2 ? SPF_HELO : SPF_MAIL_FROM;
	ASSERT(v6 ? spf_ip6_read(S("2001:db8::cb01"), p.ip) : spf_ip4_read(S("192.0.2.3"), p.ip));
	lines = str_from_off(lines, 1);
	if (!str_next(&lines, '\n', &first)) {
		return 0;
	}
	p.reverse_path = first;
	if (!str_next(&lines, '\n', &p.helo)) {
		p.helo = S("helo.test");
	}
	size_t budget = data[0] & 4 ? 32 << 10 : SPF_BUDGET;
	struct arena *a = arena_new(NULL, "check", budget, 0);
	if (a != NULL) {
		check(a, &p, lines);
	}
	arena_free(&a);
	return 0;
}
