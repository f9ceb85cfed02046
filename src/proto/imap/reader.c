/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States: LINE collects to CRLF; LITERAL counts octets into raw; WAIT holds until the executor
 * answers APPEND; BODY hands octets through, and LINE follows with the rest of that command; SKIP
 * drops a literal and DROP a line of a command that was refused. Every refusal stays in step with
 * what the client has announced, or says BYE.
 */
#include "proto/imap/reader.h"

enum { LINE, LITERAL, WAIT, BODY, SKIP, DROP, DEAD };

enum { KEEP_OCTETS = 16384 }; /* a larger raw buffer is given back at reset */

void
imap_reader_init(struct imap_reader *r, struct arena *arena)
{
	*r = (struct imap_reader){ .arena = arena, .state = LINE };
	buf_init(&r->raw, IMAP_COMMAND_MAX + IMAP_LINE_MAX);
}

void
imap_reader_done(struct imap_reader *r)
{
	buf_done(&r->raw);
}

void
imap_reader_reset(struct imap_reader *r)
{
	if (r->raw.cap > KEEP_OCTETS) {
		buf_done(&r->raw);
	}
	buf_reset(&r->raw);
	arena_reset(r->arena);
	*r = (struct imap_reader){ .arena = r->arena,
		.raw = r->raw,
		.enabled = r->enabled,
		.minus = r->minus,
		.state = r->state == DEAD ? DEAD : LINE };
}

bool
imap_reader_at_rest(const struct imap_reader *r)
{
	return r->state == LINE && r->raw.n == 0 && !r->pending && !r->appending;
}

static void
act(struct imap_reader *r, struct imap_action action)
{
	r->action = action;
	r->pending = true;
}

bool
imap_reader_next(struct imap_reader *r, struct imap_action *ret)
{
	if (!r->pending) {
		return false;
	}
	*ret = r->action;
	r->pending = false;
	return true;
}

static void
bye(struct imap_reader *r)
{
	r->state = DEAD;
	act(r, (struct imap_action){ .kind = IMAP_DO_BYE, .err = ERR_TOOBIG });
}

/* The end of an APPEND whose messages were taken, or some of them. */
static void
end_append(struct imap_reader *r, enum err e)
{
	if (e != ERR_OK) {
		r->append.n = 0; /* those of the line before were taken */
	}
	act(r,
	    (struct imap_action){ .kind = IMAP_DO_APPEND_END,
		.err = e,
		.append = &r->append,
		.tag = imap_tag_of(buf_view(&r->raw)) });
	r->state = LINE;
}

/* Refuse the command now; nothing of it is outstanding. */
static void
refuse(struct imap_reader *r, enum err e)
{
	if (r->appending) {
		end_append(r, e);
		return;
	}
	act(r,
	    (struct imap_action){
		.kind = IMAP_DO_REFUSE, .tag = imap_tag_of(buf_view(&r->raw)), .err = e });
	r->state = LINE;
}

/* Refuse it once the literal of n octets and the rest of its line have passed; ERR_OK: silently. */
static void
refuse_later(struct imap_reader *r, enum err e, uint64_t n)
{
	if (n > (e == ERR_OK ? IMAP_SKIP_APPEND_MAX : IMAP_SKIP_MAX)) {
		bye(r);
		return;
	}
	r->refusal = e;
	r->left = n;
	r->state = SKIP;
}

struct announcement {
	bool found, binary, sync;
	uint64_t n;
	size_t length; /* octets of "~{n+}" CRLF */
};

/* Does the line end in a literal announcement? line includes its CRLF. */
static struct announcement
announced(str line)
{
	struct announcement a = { .sync = true };
	if (line.n < 5 || line.p[line.n - 3] != '}') {
		return a;
	}
	size_t end = line.n - 3;
	if (line.p[end - 1] == '+') {
		a.sync = false;
		end--;
	}
	size_t start = end;
	while (start > 0 && ascii_is_digit(line.p[start - 1])) {
		start--;
	}
	if (start == end || start == 0 || line.p[start - 1] != '{') {
		return a;
	}
	if (!str_u64(str_sub(line, start, end - start), &a.n) || a.n > INT64_MAX) {
		a.n = INT64_MAX; /* larger than every limit below */
	}
	start--;
	a.binary = start > 0 && line.p[start - 1] == '~';
	start -= a.binary;
	a.found = true;
	a.length = line.n - start;
	return a;
}

static void
refuse_literal(struct imap_reader *r, enum err e, const struct announcement *a)
{
	if (a->sync) {
		refuse(r, e); /* the client sends the literal only after "+" */
	} else {
		refuse_later(r, e, a->n);
	}
}

/* A copy: raw may move while the octets behind it pass. */
static enum err
parse_piece(struct imap_reader *r, size_t end, bool literal)
{
	str line = str_sub(buf_view(&r->raw), r->piece, end - r->piece);
	str copy = arena_dup(r->arena, line);
	if (copy.p == NULL) {
		return ERR_BUDGET;
	}
	return imap_append_parse(r->arena, copy, r->enabled, literal, &r->append);
}

/* True when this literal is octets of a message, or the command was refused. */
static bool
begin_append(struct imap_reader *r, const struct announcement *a)
{
	size_t end = r->raw.n - a->length;
	if (imap_append_wants_url(str_sub(buf_view(&r->raw), r->piece, end - r->piece))) {
		return false;
	}
	r->append.literal8 = a->binary;
	enum err e = parse_piece(r, end, true);
	if (e == ERR_AGAIN) {
		return false;
	}
	if (e == ERR_OK && r->appending && ++r->literals > IMAP_LITERALS_MAX) {
		e = ERR_TOOMANY;
	}
	if (e != ERR_OK) {
		refuse_literal(r, e, a);
		return true;
	}
	r->append.size = a->n;
	r->append.sync = a->sync;
	r->left = a->n;
	r->state = WAIT;
	act(r,
	    (struct imap_action){ .kind = IMAP_DO_APPEND,
		.append = &r->append,
		.tag = imap_tag_of(buf_view(&r->raw)) });
	return true;
}

static void
begin_literal(struct imap_reader *r, const struct announcement *a)
{
	if (r->minus && !a->sync && a->n > IMAP_LITERAL_MINUS_MAX) {
		refuse_literal(r, ERR_TOOBIG, a);
		return;
	}
	if (imap_is_append(buf_view(&r->raw)) && begin_append(r, a)) {
		return;
	}
	if (a->n > IMAP_LITERAL_MAX || a->n + r->raw.n > IMAP_COMMAND_MAX) {
		refuse_literal(r, ERR_TOOBIG, a);
		return;
	}
	if (++r->literals > IMAP_LITERALS_MAX) {
		refuse_literal(r, ERR_TOOMANY, a);
		return;
	}
	r->left = a->n;
	r->line = r->raw.n + (size_t)a->n;
	r->state = a->n > 0 ? LITERAL : LINE;
	if (a->sync) {
		act(r, (struct imap_action){ .kind = IMAP_DO_CONTINUE });
	}
}

static void
begin_drop(struct imap_reader *r, int state)
{
	r->state = state;
	r->window_n = r->dropped = 0;
}

/* A whole line stands at the end of raw. */
static void
end_line(struct imap_reader *r)
{
	str line = str_from_off(buf_view(&r->raw), r->line);
	if (line.n < 2 || line.p[line.n - 2] != '\r') {
		r->refusal = ERR_SYNTAX; /* a bare LF ends no line: what follows is no command */
		begin_drop(r, DROP);
		return;
	}
	struct announcement a = announced(line);
	if (a.found) {
		begin_literal(r, &a);
		return;
	}
	if (r->appending) {
		end_append(r, parse_piece(r, r->raw.n - 2, false));
		return;
	}
	act(r,
	    (struct imap_action){
		.kind = IMAP_DO_COMMAND, .raw = str_sub(buf_view(&r->raw), 0, r->raw.n - 2) });
}

/* The octets of `in` up to and with its first LF, or all. */
static str
to_line_end(str in, bool *ret_whole)
{
	ptrdiff_t at = str_chr(in, '\n');
	*ret_whole = at >= 0;
	return at >= 0 ? str_sub(in, 0, (size_t)at + 1) : in;
}

/* Keep the last octets of a line that is dropped. */
static void
window_add(struct imap_reader *r, str piece)
{
	char room[2 * sizeof r->window];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	buf_add(&b, r->window, r->window_n);
	buf_str(&b, str_from_off(piece, piece.n - MIN(piece.n, sizeof r->window)));
	str last = str_from_off(buf_view(&b), b.n - MIN(b.n, sizeof r->window));
	memcpy(r->window, last.p, last.n);
	r->window_n = last.n;
	r->dropped += piece.n;
}

static size_t
feed_line(struct imap_reader *r, str in)
{
	bool whole;
	str piece = to_line_end(in, &whole);
	size_t room = IMAP_LINE_MAX - MIN((size_t)IMAP_LINE_MAX, r->raw.n - r->line);
	if (piece.n > room) {
		r->refusal = ERR_TOOBIG;
		begin_drop(r, DROP);
		window_add(r, str_from_off(buf_view(&r->raw), r->line));
		size_t tag = MIN((size_t)IMAP_TAG_MAX + 1, piece.n);
		buf_str(&r->raw, str_sub(piece, 0, tag - MIN(tag, r->raw.n)));
		return 0;
	}
	buf_str(&r->raw, piece);
	if (buf_err(&r->raw) != ERR_OK) {
		bye(r);
	} else if (whole) {
		end_line(r);
	}
	return piece.n;
}

static size_t
feed_literal(struct imap_reader *r, str in)
{
	size_t n = (size_t)MIN((uint64_t)in.n, r->left);
	buf_add(&r->raw, in.p, n);
	r->left -= n;
	if (buf_err(&r->raw) != ERR_OK) {
		bye(r);
	} else if (r->left == 0) {
		r->state = LINE;
	}
	return n;
}

/* Behind octets of a message the command goes on, or ends. */
static void
begin_rest(struct imap_reader *r)
{
	r->line = r->piece = r->raw.n;
	r->state = LINE;
}

static size_t
feed_body(struct imap_reader *r, str in)
{
	size_t n = (size_t)MIN((uint64_t)in.n, r->left);
	r->left -= n;
	act(r, (struct imap_action){ .kind = IMAP_DO_BODY, .body = str_sub(in, 0, n) });
	if (r->left == 0) {
		begin_rest(r);
	}
	return n;
}

static size_t
feed_skip(struct imap_reader *r, str in)
{
	size_t n = (size_t)MIN((uint64_t)in.n, r->left);
	r->left -= n;
	if (r->left == 0) {
		begin_drop(r, DROP);
	}
	return n;
}

/* A refused command's line ended; another literal it announces has to pass, too. */
static void
end_drop(struct imap_reader *r)
{
	struct announcement a = announced((str){ r->window, r->window_n });
	if (a.found && !a.sync) {
		refuse_later(r, r->refusal, a.n);
	} else if (r->refusal == ERR_OK) {
		imap_reader_reset(r); /* an APPEND that the executor has answered already */
	} else {
		refuse(r, r->refusal);
	}
}

/* The window ends in an LF: of a CRLF? */
static bool
is_crlf(const struct imap_reader *r)
{
	return r->window_n >= 2 && r->window[r->window_n - 2] == '\r';
}

static size_t
feed_drop(struct imap_reader *r, str in)
{
	bool whole;
	str piece = to_line_end(in, &whole);
	window_add(r, piece);
	if (whole && is_crlf(r)) {
		end_drop(r);
	}
	return piece.n;
}

void
imap_reader_feed(struct imap_reader *r, str in, size_t *ret_used)
{
	static size_t (*const feeds[])(struct imap_reader *, str) = {
		[LINE] = feed_line,
		[LITERAL] = feed_literal,
		[BODY] = feed_body,
		[SKIP] = feed_skip,
		[DROP] = feed_drop,
	};
	size_t used = 0;
	while (used < in.n && !r->pending && r->state != WAIT && r->state != DEAD) {
		used += feeds[r->state](r, str_from_off(in, used));
	}
	*ret_used = used;
}

void
imap_reader_append(struct imap_reader *r, bool accept)
{
	ASSERT(r->state == WAIT);
	if (accept) {
		r->appending = true;
		if (r->left > 0) {
			r->state = BODY;
		} else {
			begin_rest(r);
		}
	} else if (r->append.sync) {
		imap_reader_reset(r);
	} else {
		r->appending = false;
		refuse_later(r, ERR_OK, r->left);
	}
}
