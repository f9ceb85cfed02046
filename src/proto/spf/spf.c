/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine: beginning, questions and answers, the loop, the end. What is evaluated is in eval.c,
 * what MX and PTR answers lead to in names.c.
 */
#include "proto/spf/spf_priv.h"

enum { MAGIC = 0x53504631, BITS4 = 32, BITS6 = 128, IP_OCTETS = 16 };

static void
run(struct spf *s)
{
	while (!s->done && s->next != NULL) {
		spf_fn *f = s->next;
		s->next = NULL;
		f(s);
	}
	ASSERT(s->done || s->lookups_n > 0);
}

void
spf_end(struct spf *s, enum mail_authres result, const char *problem)
{
	if (s->done) {
		return;
	}
	s->done = true;
	s->result.result = s->explaining ? MAIL_AUTHRES_FAIL : result;
	s->result.problem = s->explaining || problem == NULL ? S("") : str_from(problem);
}

bool
spf_void(struct spf *s)
{
	if (++s->result.voids > SPF_VOIDS_MAX) {
		spf_end(s, MAIL_AUTHRES_PERMERROR, "too many names without records");
	}
	return !s->done;
}

/* --- questions --------------------------------------------------------------------------- */

void
spf_lookups_reset(struct spf *s)
{
	s->id += (unsigned)s->lookups_n;
	s->lookups_n = 0;
	s->any = false;
	s->bits = spf_ip_is4(s->ip) ? BITS4 : BITS6;
}

/* The name as RFC 1035 5.1 writes it; p == NULL: it cannot be a name, or memory is out. */
static str
question_text(struct spf *s, str name)
{
	char storage[DNS_WIRE_MAX];
	struct buf wire;
	struct dns_name text;
	str label;
	buf_init_fixed(&wire, storage, sizeof storage);
	while (str_next(&name, '.', &label)) {
		buf_ch(&wire, (char)label.n);
		buf_str(&wire, label);
	}
	buf_ch(&wire, 0);
	if (buf_err(&wire) != ERR_OK || dns_cname(buf_view(&wire), &text) != ERR_OK) {
		return STR_NONE;
	}
	str copy = arena_dup(s->a, dns_name_str(&text));
	if (copy.p == NULL) {
		spf_end(s, MAIL_AUTHRES_TEMPERROR, "out of memory");
	}
	return copy;
}

void
spf_lookup_add(struct spf *s, str name, uint16_t type)
{
	ASSERT(s->lookups_n < SPF_QUESTIONS_MAX);
	struct spf_lookup *l = &s->lookup[s->lookups_n++];
	*l = (struct spf_lookup){ .name = name, .type = type };
	l->question = spf_name_valid(name) ? question_text(s, name) : STR_NONE;
	if (l->question.p == NULL) {
		l->outcome = SPF_MISS;
	}
}

static bool
all_answered(const struct spf *s)
{
	for (size_t i = 0; i < s->lookups_n; i++) {
		if (s->lookup[i].outcome == SPF_OPEN) {
			return false;
		}
	}
	return true;
}

void
spf_wait(struct spf *s, spf_fn *after)
{
	s->after = after;
	s->next = all_answered(s) ? after : NULL;
}

bool
spf_want(struct spf *s, struct spf_question *ret)
{
	ASSERT(s->magic == MAGIC);
	for (size_t i = 0; !s->done && i < s->lookups_n; i++) {
		struct spf_lookup *l = &s->lookup[i];
		if (!l->asked && l->outcome == SPF_OPEN) {
			l->asked = true;
			*ret = (struct spf_question){ s->id + (unsigned)i, l->question, l->type };
			return true;
		}
	}
	return false;
}

/* --- answers ----------------------------------------------------------------------------- */

static enum spf_outcome
take_address(struct spf *s, uint16_t type, str rdata)
{
	uint8_t ip[IP_OCTETS];
	enum err e = type == DNS_A ? dns_a(rdata, ip) : dns_aaaa(rdata, ip);
	bool hit = e == ERR_OK && (s->any || spf_ip_within(s->ip, ip, s->bits));
	return hit ? SPF_HIT : SPF_MISS;
}

/* Keep a host's name in order of preference, first come first. */
static void
keep_name(struct spf *s, uint16_t preference, const struct dns_name *name)
{
	size_t at = s->names_n++;
	if (at >= LEN(s->names)) {
		return;
	}
	str copy = arena_dup(s->a, dns_name_str(name));
	if (copy.p == NULL) {
		spf_end(s, MAIL_AUTHRES_TEMPERROR, "out of memory");
		return;
	}
	for (; at > 0 && s->names[at - 1].preference > preference; at--) {
		s->names[at] = s->names[at - 1];
	}
	s->names[at].preference = preference;
	s->names[at].name = copy;
}

static enum spf_outcome
take_name(struct spf *s, uint16_t type, str rdata)
{
	struct dns_mx mx = { 0 };
	enum err e = type == DNS_MX ? dns_mx(rdata, &mx) : dns_ptr(rdata, &mx.exchange);
	if (e == ERR_OK) {
		keep_name(s, mx.preference, &mx.exchange);
	}
	return SPF_HIT;
}

/* A record of the kind asked for: kept, if it may be the one that counts. */
static enum spf_outcome
take_text(struct spf *s, str rdata)
{
	struct buf text;
	buf_init(&text, DNS_RDATA_MAX);
	if (dns_txt(rdata, &text) == ERR_OK && (s->any || spf_record_is(buf_view(&text)))) {
		if (s->texts_n == 0) {
			s->text = arena_dup(s->a, buf_view(&text));
		}
		s->texts_n++;
	}
	if (buf_err(&text) == ERR_NOMEM || (s->texts_n > 0 && s->text.p == NULL)) {
		spf_end(s, MAIL_AUTHRES_TEMPERROR, "out of memory");
	}
	buf_done(&text);
	return SPF_HIT;
}

static enum spf_outcome
take_records(struct spf *s, uint16_t type, const struct spf_answer *a)
{
	enum spf_outcome best = SPF_MISS;
	for (size_t i = 0; i < a->n; i++) {
		enum spf_outcome one = type == DNS_TXT  ? take_text(s, a->rdata[i])
		    : type == DNS_MX || type == DNS_PTR ? take_name(s, type, a->rdata[i])
							: take_address(s, type, a->rdata[i]);
		best = MAX(best, one);
	}
	return best;
}

void
spf_answer(struct spf *s, unsigned id, const struct spf_answer *a)
{
	ASSERT(s->magic == MAGIC);
	size_t i = id - s->id;
	if (s->done || i >= s->lookups_n || s->lookup[i].outcome != SPF_OPEN) {
		return;
	}
	struct spf_lookup *l = &s->lookup[i];
	if (a->result == ERR_NOTFOUND || (a->result == ERR_OK && a->n == 0)) {
		l->outcome = SPF_VOID;
	} else if (a->result != ERR_OK) {
		l->outcome = SPF_FAILED;
	} else {
		l->outcome = take_records(s, l->type, a);
	}
	if (all_answered(s)) {
		s->next = s->after;
		run(s);
	}
}

bool
spf_done(const struct spf *s)
{
	return s->done;
}

void
spf_expire(struct spf *s)
{
	spf_end(s, MAIL_AUTHRES_TEMPERROR, "DNS took too long");
}

const struct spf_result *
spf_result(const struct spf *s)
{
	ASSERT(s->done);
	return &s->result;
}

/* --- beginning --------------------------------------------------------------------------- */

/*
 * The domain with A-labels and without the dot at the end; empty: malformed (RFC 7208 4.3); p ==
 * NULL: memory is out.
 */
static str
clean_domain(struct spf *s, str domain)
{
	char storage[MAIL_DOMAIN_MAX];
	struct buf out;
	buf_init_fixed(&out, storage, sizeof storage);
	if (domain.n == 0 || domain.p[0] == '[') {
		return S("");
	}
	if (!str_is_ascii(domain)) {
		bool good = mail_domain_put(&out, domain) == ERR_OK;
		return good ? arena_dup(s->a, buf_view(&out)) : S("");
	}
	domain.n -= domain.p[domain.n - 1] == '.';
	for (size_t i = 0; i < domain.n; i++) {
		buf_ch(&out, ascii_lower(domain.p[i]));
	}
	bool good = buf_err(&out) == ERR_OK && spf_name_valid(domain) && str_chr(domain, '.') >= 0;
	return good ? arena_dup(s->a, buf_view(&out)) : S("");
}

/* Local part and domain of what is checked. RFC 7208 2.4, 4.3 */
static void
take_sender(struct spf *s, const struct spf_params *p)
{
	str path = p->identity == SPF_HELO ? STR_NONE : p->reverse_path;
	ptrdiff_t at = str_rchr(path, '@');
	str local = at > 0 ? str_sub(path, 0, (size_t)at) : S("postmaster");
	str domain = path.n == 0 ? p->helo : str_from_off(path, (size_t)(at + 1));
	s->local_utf8 = !str_is_ascii(local);
	s->values.local = arena_dup(s->a, str_sub(local, 0, MAIL_PATH_MAX));
	s->values.sender_domain = clean_domain(s, domain);
}

enum err
spf_new(struct arena *a, const struct spf_params *p, struct spf **ret)
{
	struct spf *s = ARENA_NEW(a, struct spf);
	if (s == NULL) {
		return ERR_BUDGET;
	}
	s->magic = MAGIC;
	s->a = a;
	memcpy(s->ip, p->ip, sizeof s->ip);
	take_sender(s, p);
	s->values.ip = s->ip;
	s->values.now_s = p->now_s;
	s->values.helo = arena_dup(a, str_sub(p->helo, 0, MAIL_DOMAIN_MAX));
	s->values.receiver = arena_dup(a, str_sub(p->receiver, 0, MAIL_DOMAIN_MAX));
	if (s->values.local.p == NULL || s->values.helo.p == NULL || s->values.receiver.p == NULL ||
	    s->values.sender_domain.p == NULL) {
		return ERR_BUDGET;
	}
	if (s->values.sender_domain.n == 0) {
		spf_end(s, MAIL_AUTHRES_NONE_PUBLISHED, NULL);
	} else {
		s->result.domain = s->values.sender_domain;
		spf_begin_record(s, s->values.sender_domain);
		run(s);
	}
	*ret = s;
	return ERR_OK;
}
