/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check peers with proto/spf against zones that are told on standard input: no network, no clock.
 * Fields are parted by TAB, names are as in a zone file (RFC 1035 5.1).
 *
 *	zone                         forget all records
 *	rr NAME TYPE HEX             RDATA in hexadecimal; TYPE 5 is a CNAME, which is followed
 *	name NAME                    exists without records
 *	lost NAME TYPE               nobody answers this question; TYPE 0: any that has no records
 *	check IDENTITY IP HELO PATH  IP: 32 hexadecimal digits; IDENTITY: helo or mailfrom
 *
 * Each check prints "RESULT LOOKUPS VOIDS QUESTIONS PROBLEM EXPLANATION".
 */
#include "base/codec.h"
#include "base/map.h"
#include "proto/dns/dns.h"
#include "proto/spf/spf.h"

enum { RECORDS_MAX = 4000, LINE_MAX_OCTETS = 256 << 10, FIELDS_MAX = 5, CNAMES_MAX = 10 };
enum { ANSWER_MAX = 100, WIRE_MAX = 256, TYPE_EXISTS = 0xffff };

struct record {
	str name; /* wire */
	uint16_t type;
	bool lost;
	str rdata;
};

static struct record zone[RECORDS_MAX];
static size_t zone_n;
static struct arena *zone_memory;

static void
die(const char *why)
{
	fprintf(stderr, "check_spf: %s\n", why);
	exit(2);
}

static str
wire_name(struct arena *a, str text)
{
	char storage[WIRE_MAX];
	struct buf wire;
	buf_init_fixed(&wire, storage, sizeof storage);
	if (dns_name_put(&wire, text) != ERR_OK) {
		return STR_NONE;
	}
	return arena_dup(a, buf_view(&wire));
}

/* Everything but the length octets in lower case; those are below 'A'. */
static bool
same_name(str a, str b)
{
	return str_ieq(a, b);
}

static void
add(const str *field, uint16_t type, bool lost, str rdata)
{
	struct record r = { wire_name(zone_memory, field[1]), type, lost, rdata };
	if (zone_n == RECORDS_MAX || r.name.p == NULL) {
		die("a record that cannot be kept");
	}
	zone[zone_n++] = r;
}

static str
from_hex(struct arena *a, str hex)
{
	struct buf out;
	buf_init(&out, LINE_MAX_OCTETS);
	if (hex_decode(&out, hex) != ERR_OK) {
		die("not hexadecimal");
	}
	str s = arena_dup(a, buf_view(&out));
	buf_done(&out);
	return s;
}

static uint16_t
number(str s)
{
	uint32_t v;
	if (!str_u32(s, &v) || v > UINT16_MAX) {
		die("not a type");
	}
	return (uint16_t)v;
}

/* --- answering ----------------------------------------------------------------------------- */

struct found {
	str rdata[ANSWER_MAX];
	size_t n;
	bool exists, lost;
	str cname;
};

static void
look_at(struct found *f, const struct record *r, str name, uint16_t type)
{
	bool below = r->name.n > name.n && str_ieq(str_from_off(r->name, r->name.n - name.n), name);
	f->exists = f->exists || below;
	if (!same_name(r->name, name)) {
		return;
	}
	f->exists = true;
	if (r->lost) {
		f->lost = f->lost || r->type == 0 || r->type == type;
	} else if (r->type == type && f->n < ANSWER_MAX) {
		f->rdata[f->n++] = r->rdata;
	} else if (r->type == DNS_CNAME) {
		f->cname = r->rdata;
	}
}

static void
look_up(struct found *f, str name, uint16_t type)
{
	for (size_t hop = 0; hop < CNAMES_MAX; hop++) {
		*f = (struct found){ 0 };
		for (size_t i = 0; i < zone_n; i++) {
			look_at(f, &zone[i], name, type);
		}
		if (f->cname.p == NULL || f->n > 0) {
			return;
		}
		name = f->cname;
	}
	f->lost = true; /* a circle */
}

static void
answer(struct spf *s, const struct spf_question *q, struct arena *a)
{
	struct found *f = ARENA_NEW(a, struct found);
	str name = wire_name(a, q->name);
	if (f == NULL || name.p == NULL) {
		die("a question that cannot be a name");
	}
	look_up(f, name, q->type);
	struct spf_answer answer = { ERR_OK, f->rdata, f->n };
	if (f->lost && f->n == 0) {
		answer.result = ERR_AGAIN;
	} else if (!f->exists) {
		answer.result = ERR_NOTFOUND;
	}
	spf_answer(s, q->id, &answer);
}

static void
check(const str *field)
{
	struct arena *a = arena_new(NULL, "check", 8 << 20, 0);
	struct arena *zone_side = arena_new(NULL, "answers", 64 << 20, 0);
	struct spf_params p = { .helo = field[3], .reverse_path = field[4], .now_s = 1000000000 };
	struct spf_question q;
	struct spf *s;
	unsigned questions = 0;
	str ip = from_hex(zone_side, field[2]);
	p.identity = str_eq(field[1], S("helo")) ? SPF_HELO : SPF_MAIL_FROM;
	p.receiver = S("receiver.example");
	memcpy(p.ip, ip.p, ip.n == sizeof p.ip ? sizeof p.ip : 0);
	if (spf_new(a, &p, &s) != ERR_OK) {
		die("no memory");
	}
	while (spf_want(s, &q)) {
		questions++;
		answer(s, &q, zone_side);
	}
	if (!spf_done(s)) {
		die("it neither asks nor ends");
	}
	const struct spf_result *r = spf_result(s);
	printf("%.*s\t%u\t%u\t%u\t%.*s\t%.*s\n", STR_ARG(mail_authres_word(r->result)), r->lookups,
	    r->voids, questions, STR_ARG(r->problem), STR_ARG(r->explanation));
	arena_free(&a);
	arena_free(&zone_side);
}

static void
obey(str line)
{
	str field[FIELDS_MAX] = { 0 };
	for (size_t i = 0; i < FIELDS_MAX && str_next(&line, '\t', &field[i]); i++) {
	}
	if (str_eq(field[0], S("zone"))) {
		arena_reset(zone_memory);
		zone_n = 0;
	} else if (str_eq(field[0], S("rr"))) {
		add(field, number(field[2]), false, from_hex(zone_memory, field[3]));
	} else if (str_eq(field[0], S("name"))) {
		add(field, TYPE_EXISTS, false, STR_NONE);
	} else if (str_eq(field[0], S("lost"))) {
		add(field, number(field[2]), true, STR_NONE);
	} else if (str_eq(field[0], S("check"))) {
		check(field);
	} else {
		die("an unknown word");
	}
}

int
main(void)
{
	static char line[LINE_MAX_OCTETS];
	zone_memory = arena_new(NULL, "zone", 64 << 20, 0);
	while (zone_memory != NULL && fgets(line, sizeof line, stdin) != NULL) {
		str s = str_from(line);
		s.n -= s.n > 0 && s.p[s.n - 1] == '\n';
		obey(s);
	}
	arena_free(&zone_memory);
	return 0;
}
