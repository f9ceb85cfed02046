/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a filter answers, one function per row of answers.def. Whatever it wants put into a letter
 * or said to a peer is checked here: it may be as confused as any other stranger.
 */
#include "proto/milter/milter_priv.h"

#include "base/wire.h"
#include "mail/header.h"

typedef void take_fn(struct milter *m, str data);

/* The next NUL-terminated text. */
static bool
next_text(str *data, str *ret)
{
	str rest;
	if (!str_cut(*data, '\0', ret, &rest)) {
		return false;
	}
	*data = rest;
	return true;
}

/* Room among what is kept of this filter. */
static bool
may_keep(struct milter *m, size_t n)
{
	if (n > MILTER_KEPT_MAX - m->kept) {
		return false;
	}
	m->kept += n;
	return true;
}

/* A copy as printable ASCII on one line, cut; "%%" is how filters write a percent sign. */
static str
keep_text(struct milter *m, str s)
{
	char room[MILTER_TEXT_MAX];
	size_t n = 0;
	for (size_t i = 0; i < s.n && n < sizeof room; i++) {
		char c = s.p[i];
		bool twice = c == '%' && i + 1 < s.n && s.p[i + 1] == '%';
		i += twice ? 1 : 0;
		room[n++] = c >= ' ' && c <= '~' ? c : c == '\t' || c == '\n' ? ' ' : '?';
	}
	if (!may_keep(m, n)) {
		return STR_NONE;
	}
	return arena_dup(m->arena, str_trim(str_make(room, n)));
}

/* --- verdicts ------------------------------------------------------------------------------ */

/* Of one recipient in that stage, else of the letter. */
static void
decide(struct milter *m, enum milter_verdict v)
{
	if (m->stage != MILTER_RCPT) {
		milter_end(m, v);
		return;
	}
	ASSERT(m->at > 0);
	m->rcpts[m->at - 1] = v;
	m->result.rcpts_refused++;
	milter_go_on(m);
}

static void
take_continue(struct milter *m, str data)
{
	milter_go_on(m);
}

static void
take_accept(struct milter *m, str data)
{
	milter_end(m, MILTER_ACCEPT);
}

static void
take_reject(struct milter *m, str data)
{
	decide(m, MILTER_REJECT);
}

static void
take_tempfail(struct milter *m, str data)
{
	decide(m, MILTER_TEMPFAIL);
}

static void
take_discard(struct milter *m, str data)
{
	milter_end(m, MILTER_DISCARD);
}

static void
take_progress(struct milter *m, str data)
{
}

static void
take_skip(struct milter *m, str data)
{
	m->at = m->letter->body.n;
	milter_go_on(m);
}

/* "5.7.1" of the class of the code: RFC 3463 2. Out: its length, 0: there is none. */
static size_t
enhanced_length(str s, char class)
{
	size_t parts = 0, digits = 0, i = 0;
	for (; i < s.n && s.p[i] != ' '; i++) {
		if (s.p[i] == '.' && digits > 0) {
			parts++;
			digits = 0;
		} else if (ascii_is_digit(s.p[i]) && digits < 3) {
			digits++;
		} else {
			return 0;
		}
	}
	return parts == 2 && digits > 0 && s.p[0] == class && s.p[1] == '.' ? i : 0;
}

/* Take code and separator off a line: "550-5.7.1 text". */
static bool
reply_code(str *line, uint16_t *ret_code)
{
	uint32_t code;
	if (line->n < 3 || !str_u32(str_sub(*line, 0, 3), &code) || code < 400 || code > 599) {
		return false;
	}
	if (line->n > 3 && line->p[3] != ' ' && line->p[3] != '-') {
		return false;
	}
	*ret_code = (uint16_t)code;
	*line = str_from_off(*line, 4);
	return true;
}

/* code SP [enhanced SP] text, several lines as in SMTP; NUL. The lines become one. */
static void
take_reply(struct milter *m, str data)
{
	str all, line, enhanced = STR_NONE;
	char room[MILTER_TEXT_MAX * 2];
	struct buf text;
	uint16_t code = 0, first = 0;
	buf_init_fixed(&text, room, sizeof room);
	if (!next_text(&data, &all)) {
		milter_break(m, "a reply without an end");
		return;
	}
	while (all.n > 0 && str_next(&all, '\n', &line) && buf_err(&text) == ERR_OK) {
		line = str_trim(line);
		if (line.n == 0) {
			continue;
		}
		if (!reply_code(&line, &code) || (first != 0 && code != first)) {
			milter_break(m, "a reply that is none");
			return;
		}
		first = code;
		size_t n = enhanced_length(line, code >= 500 ? '5' : '4');
		enhanced = enhanced.n == 0 ? str_sub(line, 0, n) : enhanced;
		buf_str(&text, text.n > 0 ? S(" ") : S(""));
		buf_str(&text, str_trim(str_from_off(line, n)));
	}
	if (first == 0) {
		milter_break(m, "a reply that is none");
		return;
	}
	m->result.code = first;
	m->result.enhanced = keep_text(m, enhanced);
	m->result.text = keep_text(m, buf_view(&text));
	decide(m, first >= 500 ? MILTER_REJECT : MILTER_TEMPFAIL);
}

/* --- changes ------------------------------------------------------------------------------- */

static void
take_quarantine(struct milter *m, str data)
{
	str why;
	if (!next_text(&data, &why)) {
		milter_break(m, "a reason without an end");
		return;
	}
	m->result.quarantine = true;
	m->result.quarantine_why = keep_text(m, why);
}

/* Body, recipients and reverse-path stay as they are. */
static void
take_unwanted(struct milter *m, str data)
{
	m->result.unwanted++;
}

/*
 * A value as it is sent: LF becomes CRLF. False: a line that is no continuation, too long or empty,
 * or control octets.
 */
static bool
fold_value(struct buf *out, str value)
{
	bool blank = true; /* this line, so far */
	value = str_trim(value);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		bool white = c == ' ' || c == '\t';
		if (c == '\n') {
			char next = value.p[i + 1]; /* trimmed: LF is not the last octet */
			if (blank || (next != ' ' && next != '\t')) {
				return false;
			}
			buf_str(out, S("\r\n"));
			blank = true;
		} else if (c == '\r' && value.p[i + 1] == '\n') {
			continue;
		} else if (((uint8_t)c < ' ' && !white) || c == 0x7f) {
			return false;
		} else {
			buf_ch(out, c);
			blank = blank && white;
		}
	}
	return buf_err(out) == ERR_OK;
}

/* No line of a folded field is longer than a mail line may be. */
static bool
lines_fit(str name, str folded)
{
	size_t used = name.n + 2;
	for (size_t i = 0; i < folded.n; i++) {
		used = folded.p[i] == '\n' ? 0 : used + 1;
		if (used > MILTER_LINE_MAX) {
			return false;
		}
	}
	return true;
}

/* name NUL value NUL, with nothing behind */
static void
take_field(struct milter *m, enum milter_change_kind kind, uint32_t index, str data)
{
	str name, value;
	char room[MILTER_VALUE_MAX];
	struct buf folded;
	buf_init_fixed(&folded, room, sizeof room);
	if (!next_text(&data, &name) || !next_text(&data, &value) || data.n > 0) {
		milter_break(m, "a field without an end");
		return;
	}
	bool fits = m->result.changes_n < MILTER_CHANGES_MAX && mail_field_name_valid(name) &&
	    fold_value(&folded, value) && lines_fit(name, buf_view(&folded)) &&
	    (kind != MILTER_CHANGE || index > 0);
	if (!fits || !may_keep(m, name.n + folded.n)) {
		m->result.unwanted++;
		return;
	}
	struct milter_change c = { .kind = kind,
		.index = index,
		.name = arena_dup(m->arena, name),
		.value = arena_dup(m->arena, buf_view(&folded)) };
	if (c.name.p == NULL || c.value.p == NULL) {
		milter_break(m, "memory was short");
		return;
	}
	m->result.changes[m->result.changes_n++] = c;
}

static void
take_add(struct milter *m, str data)
{
	take_field(m, MILTER_ADD, 0, data);
}

/* index, then as above */
static void
take_indexed(struct milter *m, enum milter_change_kind kind, str data)
{
	struct rd r = rd_make(data);
	uint32_t index = rd_be32(&r);
	if (r.bad) {
		milter_break(m, "a field without an end");
		return;
	}
	take_field(m, kind, index, str_from_off(data, sizeof index));
}

static void
take_insert(struct milter *m, str data)
{
	take_indexed(m, MILTER_INSERT, data);
}

static void
take_change(struct milter *m, str data)
{
	take_indexed(m, MILTER_CHANGE, data);
}

static const struct {
	char letter;
	take_fn *take;
	enum milter_stage only;
} answers[] = {
#define ANSWER(letter, take, only, text) { letter, take_##take, only },
#include "proto/milter/answers.def"
#undef ANSWER
};

void
milter_take(struct milter *m, char letter, str data)
{
	for (size_t i = 0; i < LEN(answers); i++) {
		if (answers[i].letter != letter) {
			continue;
		}
		if (answers[i].only != 0 && answers[i].only != m->stage) {
			milter_break(m, "an answer that is none in this stage");
			return;
		}
		answers[i].take(m, data);
		return;
	}
	milter_break(m, "an answer nobody knows");
}
