/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a filter is told, one function per kind of stage. Texts end in NUL there, so NULs in ours
 * are left out; lines of a field's value end in LF alone, as libmilter's documentation of
 * xxfi_header has it; what is longer than a packet is cut.
 */
#include "proto/milter/milter_priv.h"

#include "base/wire.h"

enum { HEAD = 4 };

static void
put_be32(struct buf *b, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		wr_u8(b, (uint8_t)(v >> shift));
	}
}

/* Begin a packet; out: where it begins. */
static size_t
begin(struct milter *m, char letter)
{
	size_t at = m->out.n;
	put_be32(&m->out, 0);
	buf_ch(&m->out, letter);
	return at;
}

/* End it: its length is known now. */
static void
finish(struct milter *m, size_t at)
{
	if (buf_err(&m->out) != ERR_OK) {
		return;
	}
	uint32_t length = (uint32_t)(m->out.n - at - HEAD);
	ASSERT(length <= MILTER_PACKET_MAX);
	for (size_t i = 0; i < HEAD; i++) {
		m->out.p[at + i] = (char)(uint8_t)(length >> (24 - 8 * i));
	}
}

/* At most `max` octets of s without NUL, and without CR where `lines` says so; NUL behind. */
static void
put_text(struct buf *b, str s, size_t max, bool lines)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n && n < max; i++) {
		bool crlf = lines && s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';
		if (s.p[i] != '\0' && !crlf) {
			buf_ch(b, s.p[i]);
			n++;
		}
	}
	buf_ch(b, '\0');
}

static void
put_path(struct buf *b, str path)
{
	buf_ch(b, '<');
	put_text(b, path, MILTER_MACRO_MAX, false);
	if (buf_err(b) == ERR_OK) {
		b->p[b->n - 1] = '>';
	}
	buf_ch(b, '\0');
}

static void
put_macro(struct milter *m, str name, str value)
{
	put_text(&m->out, name, MILTER_MACRO_MAX, false);
	put_text(&m->out, value, MILTER_MACRO_MAX, false);
}

/* Macros come in a packet of their own right before the stage; none: no packet. */
static void
put_macros(struct milter *m, str own, str own_value)
{
	const struct milter_letter *l = m->letter;
	size_t start = begin(m, 'D'), n = own.n;
	buf_ch(&m->out, milter_row(m->stage)->letter);
	for (size_t i = 0; i < l->macros_n; i++) {
		bool room = m->out.n - start < MILTER_CHUNK_MAX - 4 * MILTER_MACRO_MAX;
		if (l->macros[i].stage == m->stage && l->macros[i].value.n > 0 && room) {
			put_macro(m, l->macros[i].name, l->macros[i].value);
			n++;
		}
	}
	if (own.n > 0) {
		put_macro(m, own, own_value);
	}
	if (n == 0 && buf_err(&m->out) == ERR_OK) {
		buf_truncate(&m->out, start);
		return;
	}
	finish(m, start);
}

/* --- stages -------------------------------------------------------------------------------- */

/* hostname NUL family [port address NUL] */
static void
put_connect(struct milter *m)
{
	const struct milter_letter *l = m->letter;
	put_macros(m, STR_NONE, STR_NONE);
	size_t start = begin(m, 'C');
	put_text(&m->out, l->hostname, MILTER_MACRO_MAX, false);
	buf_ch(&m->out, l->address.n == 0 ? 'U' : l->ipv6 ? '6' : '4');
	if (l->address.n > 0) {
		wr_u8(&m->out, (uint8_t)(l->port >> 8));
		wr_u8(&m->out, (uint8_t)l->port);
		put_text(&m->out, l->address, MILTER_MACRO_MAX, false);
	}
	finish(m, start);
	m->at++;
}

static void
put_helo(struct milter *m)
{
	put_macros(m, STR_NONE, STR_NONE);
	size_t start = begin(m, 'H');
	put_text(&m->out, m->letter->helo, MILTER_MACRO_MAX, false);
	finish(m, start);
	m->at++;
}

static void
put_mail(struct milter *m)
{
	const struct milter_letter *l = m->letter;
	put_macros(m, S("{mail_addr}"), l->mail);
	size_t start = begin(m, 'M');
	put_path(&m->out, l->mail);
	for (size_t i = 0; i < l->mail_args_n && m->out.n - start < MILTER_CHUNK_MAX / 2; i++) {
		put_text(&m->out, l->mail_args[i], MILTER_MACRO_MAX, false);
	}
	finish(m, start);
	m->at++;
}

static void
put_rcpt(struct milter *m)
{
	str path = m->letter->rcpts[m->at];
	put_macros(m, S("{rcpt_addr}"), path);
	size_t start = begin(m, 'R');
	put_path(&m->out, path);
	finish(m, start);
	m->at++;
}

/* name NUL value NUL */
static void
put_field(struct milter *m)
{
	const struct milter_field *f = &m->letter->fields[m->at];
	str value = f->value;
	while ((m->protocol & MILTER_LEAD_SPACE) == 0 && value.n > 0 &&
	    (value.p[0] == ' ' || value.p[0] == '\t')) {
		value = str_from_off(value, 1);
	}
	size_t start = begin(m, 'L');
	put_text(&m->out, f->name, MILTER_MACRO_MAX, false);
	put_text(&m->out, value, MILTER_CHUNK_MAX - 2 - MIN(f->name.n, MILTER_MACRO_MAX), true);
	finish(m, start);
	m->at++;
}

static void
put_body(struct milter *m)
{
	str chunk = str_sub(m->letter->body, m->at, MILTER_CHUNK_MAX);
	size_t start = begin(m, 'B');
	buf_str(&m->out, chunk);
	finish(m, start);
	m->at += chunk.n;
}

/* Nothing but the letter of the stage. */
static void
put_bare(struct milter *m)
{
	put_macros(m, STR_NONE, STR_NONE);
	finish(m, begin(m, milter_row(m->stage)->letter));
	m->at++;
}

static const struct milter_row stages[] = {
#define STAGE(id, letter, skip, silent, since, put) \
	[MILTER_##id] = { letter, skip, silent, since, put_##put },
#include "proto/milter/stages.def"
#undef STAGE
};

const struct milter_row *
milter_row(enum milter_stage stage)
{
	ASSERT(stage > MILTER_NEGOTIATE && stage < MILTER_STAGES);
	return &stages[stage];
}

void
milter_say(struct milter *m)
{
	milter_row(m->stage)->put(m);
}

/* version, actions we can do, steps that may be left out */
void
milter_say_options(struct milter *m)
{
	size_t start = begin(m, 'O');
	put_be32(&m->out, MILTER_VERSION);
	put_be32(&m->out, MILTER_ACTIONS);
	put_be32(&m->out, MILTER_PROTOCOL);
	finish(m, start);
}

void
milter_say_quit(struct milter *m)
{
	finish(m, begin(m, 'Q'));
}
