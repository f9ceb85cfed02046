/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Features of a letter's header: which fields there are and in which order, the words of their
 * values, the domains of addresses, the way of the letter as its Received fields tell it. A table
 * says how each field is read; fields that a server of ours may have added are not. Start at
 * filter_header_take.
 */
#include "filter/filter_priv.h"

#include "base/codec.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/word.h"

enum {
	ADDRESSES_MAX = 20,    /* of a field */
	LIST_OCTETS = 1 << 20, /* to read them: of a value of VALUE_MAX 300 KB at worst */
	VALUE_MAX = 4096,      /* octets of a value that are looked at */
	VALUE_WORDS_MAX = 24,  /* words of a field that is not known here */
	RECEIVED_MAX = 10,
	SHAPE_MAX = 24,
};

struct field {
	struct filter_look *l;
	str name, value; /* unfolded, encoded words decoded */
	str plain;       /* unfolded */
	str raw;         /* as it stands */
};

/* ---- pieces ------------------------------------------------------------------------------- */

/* A domain, and each domain above it down to two labels: "a.b.example.org" gives four. */
void
filter_domain_take(struct filter_look *l, enum filter_place place, str domain)
{
	for (int i = 0; i < 5 && domain.n > 0; i++) {
		str head, tail;
		filter_add(l, place, domain);
		if (!str_cut(domain, '.', &head, &tail)) {
			return;
		}
		domain = tail;
	}
}

/* "<20020902.A22F@x>" is "<9.A9A@a>": which program made it shows in its pattern. */
static void
take_shape(struct field *f, str text)
{
	char room[SHAPE_MAX];
	size_t n = 0;
	for (size_t i = 0; i < text.n && n < sizeof(room); i++) {
		char c = text.p[i];
		char kind = ascii_is_digit(c) ? '9' : !ascii_is_alpha(c) ? c : c <= 'Z' ? 'A' : 'a';
		if (n == 0 || room[n - 1] != kind) {
			room[n++] = kind;
		}
	}
	uint64_t h = filter_hash_lower(filter_hash_begin(FILTER_AT_SHAPE), f->name);
	filter_set_add(f->l, filter_hash_end(filter_hash(h, str_make(room, n))));
}

static void
add_value(struct field *f, enum filter_place place, str what)
{
	uint64_t h = filter_hash_lower(filter_hash_begin(place), f->name);
	filter_set_add(f->l, filter_hash_end(filter_hash_lower(filter_hash_number(h, 0), what)));
}

static void
add_mark(struct field *f, const char *what)
{
	add_value(f, FILTER_AT_SHAPE, str_from(what));
}

static bool
is_address(str word)
{
	size_t dots = 0;
	for (size_t i = 0; i < word.n; i++) {
		if (!ascii_is_digit(word.p[i]) && word.p[i] != '.') {
			return false;
		}
		dots += word.p[i] == '.';
	}
	return dots == 3;
}

/* ---- fields by kind ----------------------------------------------------------------------- */

static void
take_words(struct field *f)
{
	struct filter_words w = { .in = f->value };
	str word;
	for (int i = 0; i < VALUE_WORDS_MAX && filter_word_next(&w, &word); i++) {
		add_value(f, FILTER_AT_VALUE, str_sub(word, 0, FILTER_WORD_MAX));
	}
}

/* The display name as it is shown. */
static str
shown_name(struct field *f, str name)
{
	if (str_find(name, S("=?")) < 0) {
		return name;
	}
	buf_reset(&f->l->plain);
	mail_word_decode(&f->l->plain, name);
	return buf_view(&f->l->plain);
}

static void
take_person(struct field *f, const struct mail_address *a)
{
	bool from = str_ieq(f->name, S("From"));
	str name = shown_name(f, a->name);
	if (from) {
		filter_words_at(f->l, FILTER_AT_NAME, name);
		filter_add(f->l, FILTER_AT_LOCAL, a->local);
		filter_domain_take(f->l, FILTER_AT_DOMAIN, a->domain);
		ptrdiff_t at = str_chr(name, '@');
		str said = at < 0 ? STR_NONE : str_from_off(name, (size_t)at + 1);
		f->l->signs.name_is_address |= str_chr(said, '.') > 0 &&
		    !str_istarts(said, a->domain);
	} else {
		struct filter_words w = { .in = name };
		str word;
		while (filter_word_next(&w, &word)) {
			add_value(f, FILTER_AT_NAME, word);
		}
		add_value(f, FILTER_AT_LOCAL, a->local);
		add_value(f, FILTER_AT_DOMAIN, a->domain);
	}
	add_mark(f, a->name.n == 0 ? "nameless" : "named");
}

/* The list lies in `a`: a thousand such fields would fill what the letter may hold. */
static size_t
take_people(struct field *f, struct arena *a)
{
	struct mail_address *list;
	size_t n = 0, people = 0;
	enum err e = a == NULL ? ERR_BUDGET : mail_addresses_parse(a, f->plain, 0, &list, &n);
	if (e != ERR_OK) {
		f->l->nomem |= e == ERR_BUDGET;
		add_mark(f, "broken");
		return 0;
	}
	for (size_t i = 0; i < n && people < ADDRESSES_MAX; i++) {
		if (list[i].kind == MAIL_ADDRESS_MAILBOX) {
			take_person(f, &list[i]);
			people++;
		}
	}
	return people;
}

static void
take_addresses(struct field *f)
{
	struct arena *a = arena_new(f->l->arena, "addresses", LIST_OCTETS, 0);
	size_t people = take_people(f, a);
	arena_free(&a);
	uint64_t h = filter_hash_lower(filter_hash_begin(FILTER_AT_SHAPE), f->name);
	filter_set_add(f->l, filter_hash_end(filter_hash_number(h, MIN(people, 8u))));
}

static void
take_from(struct field *f)
{
	f->l->signs.from++;
	take_addresses(f);
}

static void
take_to(struct field *f)
{
	f->l->signs.to++;
	take_addresses(f);
}

/* "F R E E": single letters in a row. */
static bool
is_gappy(str text)
{
	struct filter_words w = { .in = text };
	str word;
	int row = 0, longest = 0;
	while (filter_word_next(&w, &word)) {
		row = word.n == 1 && ascii_is_alpha(word.p[0]) ? row + 1 : 0;
		longest = MAX(longest, row);
	}
	return longest >= 4;
}

static void
subject_signs(struct field *f)
{
	struct filter_signs *s = &f->l->signs;
	size_t upper = 0, lower = 0, spaces = 0;
	for (size_t i = 0; i < f->value.n; i++) {
		char c = f->value.p[i];
		upper += (uint8_t)(c - 'A') < 26;
		lower += (uint8_t)(c - 'a') < 26;
		spaces += c == ' ';
	}
	s->subjects++;
	s->subject_loud = upper >= 12 && lower == 0 && spaces > 1;
	s->subject_gappy = is_gappy(f->value);
	s->subject_raw = !utf8_valid(f->raw);
	s->answer |= str_istarts(f->value, S("re:")) || str_istarts(f->value, S("aw:"));
}

static void
take_subject(struct field *f)
{
	subject_signs(f);
	filter_words_at(f->l, FILTER_AT_SUBJECT, f->value);
	str marks = S("!?$%*~");
	for (size_t i = 0; i < marks.n; i++) {
		if (str_chr(f->value, marks.p[i]) >= 0) {
			add_value(f, FILTER_AT_SHAPE, str_sub(marks, i, 1));
		}
	}
	struct filter_words w = { .in = f->value };
	str word;
	while (filter_word_next(&w, &word)) {
		if (w.loud) {
			add_value(f, FILTER_AT_LOUD, word);
		}
	}
	if (str_find(f->value, S("    ")) >= 0) {
		add_mark(f, "gap");
	}
	if (f->l->signs.subject_raw) {
		add_mark(f, "raw");
	}
}

static void
take_id(struct field *f)
{
	str id = str_trim(f->value);
	ptrdiff_t at = str_rchr(id, '@');
	f->l->signs.ids++;
	f->l->signs.id_broken |= at < 2 || !str_starts(id, S("<")) || !str_ends(id, S(">"));
	take_shape(f, at < 0 ? id : str_sub(id, 0, (size_t)at));
	if (at >= 0) {
		str domain = str_from_off(id, (size_t)at + 1);
		ptrdiff_t end = str_chr(domain, '>');
		add_value(f, FILTER_AT_DOMAIN, end < 0 ? domain : str_sub(domain, 0, (size_t)end));
	}
}

static void
take_answer(struct field *f)
{
	f->l->signs.answer = true;
}

static void
take_date(struct field *f)
{
	struct mail_date date;
	f->l->signs.dates++;
	if (mail_date_parse(f->value, &date) != ERR_OK) {
		f->l->signs.date_broken = true;
		add_mark(f, "broken");
		return;
	}
	f->l->signs.date_s = date.unix_s;
	ptrdiff_t zone = str_rchr(str_trim(f->value), ' ');
	add_value(f, FILTER_AT_VALUE, zone < 0 ? STR_NONE : str_from_off(f->value, (size_t)zone));
	take_shape(f, str_sub(f->value, 0, 12));
}

static void
take_list(struct field *f)
{
	f->l->signs.lists++;
	take_words(f);
}

static void
take_precedence(struct field *f)
{
	f->l->signs.bulk |= str_ieq(f->value, S("bulk")) || str_ieq(f->value, S("list"));
	take_words(f);
}

/* Which domain says it signed: its d=. */
static void
take_signature(struct field *f)
{
	ptrdiff_t at = str_ifind(f->value, S("d="));
	str domain = at < 0 ? STR_NONE : str_from_off(f->value, (size_t)at + 2);
	ptrdiff_t end = str_chr(domain, ';');
	add_value(f, FILTER_AT_DOMAIN, end < 0 ? domain : str_sub(domain, 0, (size_t)end));
}

/* ---- the way of the letter ---------------------------------------------------------------- */

static void
take_hop_word(struct field *f, str word, uint32_t hop)
{
	uint64_t begin = filter_hash_number(filter_hash_begin(FILTER_AT_RECEIVED), hop == 0);
	bool digits = false;
	for (size_t i = 0; i < word.n; i++) {
		digits |= ascii_is_digit(word.p[i]);
	}
	if (is_address(word)) {
		ptrdiff_t third = str_rchr(word, '.');
		str net = str_sub(word, 0, (size_t)third);
		filter_set_add(f->l, filter_hash_end(filter_hash(begin, net)));
		net = str_sub(net, 0, (size_t)str_rchr(net, '.'));
		filter_set_add(f->l, filter_hash_end(filter_hash(begin, net)));
	} else if (str_chr(word, '.') > 0) {
		filter_domain_take(f->l, FILTER_AT_RECEIVED, word);
	} else if (!digits) {
		filter_set_add(f->l, filter_hash_end(filter_hash_lower(begin, word)));
	}
}

static bool
is_ours(struct field *f)
{
	ptrdiff_t at = str_ifind(f->value, S("by "));
	str by = at < 0 ? STR_NONE : str_from_off(f->value, (size_t)at + 3);
	str host = f->l->hostname;
	return host.n > 0 && str_istarts(by, host) &&
	    (by.n == host.n || by.p[host.n] == ' ' || by.p[host.n] == ';');
}

static void
take_received(struct field *f)
{
	struct filter_signs *s = &f->l->signs;
	if (s->received == 0 && is_ours(f)) {
		return;
	}
	ptrdiff_t semicolon = str_rchr(f->value, ';');
	struct filter_words w = { .in = semicolon < 0 ? f->value
						      : str_sub(f->value, 0, (size_t)semicolon) };
	str word;
	while (s->received < RECEIVED_MAX && filter_word_next(&w, &word)) {
		take_hop_word(f, word, s->received);
	}
	s->received++;
}

/* ---- dispatch ----------------------------------------------------------------------------- */

struct row {
	str name;
	void (*take)(struct field *f);
	bool quiet; /* may have been added here: neither its being there nor its place counts */
};

static void
take_nothing(struct field *f)
{
	(void)f;
}

static const struct row rows[] = {
	{ S_INIT("Received"), take_received, true }, { S_INIT("Return-Path"), take_nothing, true },
	{ S_INIT("Delivered-To"), take_nothing, true },
	{ S_INIT("X-Original-To"), take_nothing, true },
	{ S_INIT("Received-SPF"), take_nothing, true },
	{ S_INIT("Authentication-Results"), take_nothing, true },
	{ S_INIT("Status"), take_nothing, true }, { S_INIT("X-Status"), take_nothing, true },
	{ S_INIT("X-Keywords"), take_nothing, true }, { S_INIT("X-UID"), take_nothing, true },
	{ S_INIT("Content-Length"), take_nothing, true }, { S_INIT("Lines"), take_nothing, true },
	{ S_INIT("From"), take_from, false }, { S_INIT("To"), take_to, false },
	{ S_INIT("Cc"), take_to, false }, { S_INIT("Sender"), take_addresses, false },
	{ S_INIT("Reply-To"), take_addresses, false },
	{ S_INIT("Errors-To"), take_addresses, false }, { S_INIT("Subject"), take_subject, false },
	{ S_INIT("Date"), take_date, false }, { S_INIT("Message-ID"), take_id, false },
	{ S_INIT("In-Reply-To"), take_answer, false }, { S_INIT("References"), take_answer, false },
	{ S_INIT("List-Id"), take_list, false }, { S_INIT("List-Unsubscribe"), take_list, false },
	{ S_INIT("Precedence"), take_precedence, false },
	{ S_INIT("DKIM-Signature"), take_signature, false },
	{ S_INIT("ARC-Seal"), take_nothing, false },
	{ S_INIT("ARC-Message-Signature"), take_nothing, false },
	{ S_INIT("ARC-Authentication-Results"), take_nothing, false },
	{ S_INIT("Content-Type"), take_nothing, false }, /* parts.c */
};

static const struct row *
row_of(str name)
{
	static const struct row other = { S_INIT(""), take_words, false };
	static const struct row mark = { S_INIT(""), take_nothing, true };
	for (size_t i = 0; i < LEN(rows); i++) {
		if (str_ieq(name, rows[i].name)) {
			return &rows[i];
		}
	}
	return str_istarts(name, S("X-Spam")) ? &mark : &other;
}

/* Leaves value and scratch as they are until the next field. */
static void
decode(struct filter_look *l, const struct mail_field *raw, struct field *ret)
{
	buf_reset(&l->raw);
	buf_reset(&l->utf8);
	mail_header_unfold(&l->raw, str_sub(raw->value, 0, VALUE_MAX));
	mail_word_decode(&l->utf8, buf_view(&l->raw));
	*ret = (struct field){ l, raw->name, buf_view(&l->utf8), buf_view(&l->raw), raw->value };
}

void
filter_header_take(struct filter_look *l)
{
	str block = mail_mime_header(l->mime, &l->mime->parts[0]);
	struct mail_header h = mail_header_make(str_sub(block, 0, FILTER_HEADER_MAX));
	struct mail_field raw;
	str before = STR_NONE;
	for (int i = 0; i < FILTER_FIELDS_MAX && mail_header_next(&h, &raw); i++) {
		const struct row *row = row_of(raw.name);
		struct field f;
		decode(l, &raw, &f);
		if (!row->quiet) {
			uint64_t order = filter_hash_begin(FILTER_AT_ORDER);
			order = filter_hash_number(filter_hash_lower(order, before), 0);
			filter_set_add(l, filter_hash_end(filter_hash_lower(order, raw.name)));
			filter_add(l, FILTER_AT_FIELD, raw.name);
			before = raw.name;
			l->signs.fields++;
		}
		row->take(&f);
		filter_note(l);
	}
	filter_add_number(l, FILTER_AT_SHAPE, "hops", MIN(l->signs.received, 12u));
}
