/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets to the client: collected, then written in large pieces. Writing blocks, but keeps taking
 * control messages, so that a slow client never fills the channel of the accounts process. With
 * COMPRESS (RFC 4978) they pass through DEFLATE, as do those that come.
 */
#include "svc/account/imap/leave.h"

#include "conf/conf.h"
#include "proto/compress/compress.h"
#include "proto/imap/write.h"
#include "sys/sock.h"

struct svc_account_imap_zip {
	struct compress *streams;
	struct buf out, in; /* one piece */
	bool on;            /* the response to COMPRESS is written */
	bool said, heard;   /* the end of our stream and of the client's; see leave.c */
	bool owed;          /* octets were given that the client cannot read yet */
};

static void
give_up(struct svc_account_imap *s, enum err e)
{
	s->broken = true;
	s->end = e == ERR_EOF ? ERR_OK : e;
	buf_reset(&s->out);
}

/* Write `first` and then `second` to the stream. */
static void
write_raw(struct svc_account_imap *s, str first, str second)
{
	while (!s->broken && first.n + second.n > 0) {
		const str pieces[] = { first, second };
		size_t n = 0;
		enum err e = sys_sock_write_pieces(s->account->stream, pieces, LEN(pieces), &n);
		if (e == ERR_AGAIN) {
			e = svc_account_imap_wait(s, false, SVC_ACCOUNT_IMAP_STALL_MS);
			e = e == ERR_AGAIN ? ERR_OK : e;
			n = 0;
		}
		if (e != ERR_OK) {
			give_up(s, e);
			return;
		}
		size_t head = MIN(n, first.n);
		first = str_from_off(first, head);
		second = str_from_off(second, n - head);
	}
}

/* Compress and write; with COMPRESS_FLUSH the client can read all of it. */
static void
write_zipped(struct svc_account_imap *s, str octets, enum compress_how how)
{
	struct svc_account_imap_zip *zip = s->zip;
	zip->owed = zip->owed || octets.n > 0 || how == COMPRESS_END;
	zip->said = how == COMPRESS_END;
	while (!s->broken && (octets.n > 0 || (how != COMPRESS_MORE && zip->owed))) {
		str piece = str_sub(octets, 0, SVC_ACCOUNT_IMAP_ZIP_PIECE);
		bool last = how != COMPRESS_MORE && piece.n == octets.n;
		octets = str_from_off(octets, piece.n);
		zip->owed = !last;
		buf_reset(&zip->out);
		enum err e = compress_put(zip->streams, piece, last ? how : COMPRESS_MORE,
		    &zip->out);
		if (e != ERR_OK) {
			give_up(s, e);
			return;
		}
		write_raw(s, buf_view(&zip->out), STR_NONE);
	}
}

/* Write all of what waits and then `big`. */
static void
write_all(struct svc_account_imap *s, str big, enum compress_how how)
{
	if (s->zip != NULL && s->zip->on && !s->zip->said) {
		write_zipped(s, buf_view(&s->out), COMPRESS_MORE);
		write_zipped(s, big, how);
	} else {
		write_raw(s, buf_view(&s->out), big);
	}
	s->octets_out += s->broken ? 0 : s->out.n + big.n;
	buf_reset(&s->out);
}

void
svc_account_imap_flush(struct svc_account_imap *s)
{
	if (buf_err(&s->out) != ERR_OK && !s->broken) {
		give_up(s, buf_err(&s->out));
	}
	write_all(s, STR_NONE, s->leaving ? COMPRESS_END : COMPRESS_FLUSH);
}

void
svc_account_imap_breathe(struct svc_account_imap *s)
{
	if (s->out.n >= SVC_ACCOUNT_IMAP_OUT_FLUSH || buf_err(&s->out) != ERR_OK) {
		svc_account_imap_flush(s);
	}
}

void
svc_account_imap_put(struct svc_account_imap *s, str octets)
{
	if (octets.n < SVC_ACCOUNT_IMAP_OUT_BIG) {
		buf_str(&s->out, octets);
		return;
	}
	if (buf_err(&s->out) != ERR_OK) {
		svc_account_imap_flush(s);
	}
	write_all(s, octets, COMPRESS_MORE);
}

void
svc_account_imap_put_literal(struct svc_account_imap *s, str octets)
{
	imap_put_literal_header(&s->out, octets.n);
	svc_account_imap_put(s, octets);
}

void
svc_account_imap_line(struct svc_account_imap *s, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	ASSERT(n >= 0 && (size_t)n < sizeof line);
	buf_add(&s->out, line, (size_t)n);
	buf_cstr(&s->out, "\r\n");
}

/* ---- COMPRESS ----------------------------------------------------------------------------- */

enum err
svc_account_imap_zip_new(struct svc_account_imap *s)
{
	struct svc_account_imap_zip *zip = ARENA_NEW(s->arena, struct svc_account_imap_zip);
	if (zip == NULL) {
		return ERR_BUDGET;
	}
	*zip = (struct svc_account_imap_zip){ 0 };
	TRY(compress_new(&zip->streams));
	buf_init(&zip->out, 4 * SVC_ACCOUNT_IMAP_ZIP_PIECE); /* with what zlib held back */
	buf_init(&zip->in, SVC_ACCOUNT_IMAP_ZIP_PIECE);
	s->zip = zip;
	return ERR_OK;
}

void
svc_account_imap_zip_begin(struct svc_account_imap *s, enum err e)
{
	if (s->zip == NULL || s->zip->on) {
		return;
	}
	svc_account_imap_flush(s);
	s->zip->on = true;
	if (e != ERR_OK) {
		svc_account_imap_zip_done(s);
	}
}

void
svc_account_imap_zip_done(struct svc_account_imap *s)
{
	if (s->zip != NULL) {
		compress_free(&s->zip->streams);
		buf_done(&s->zip->out);
		buf_done(&s->zip->in);
		s->zip = NULL;
	}
}

/*
 * What a read may grow to: one message and a flood of commands that is no flood. More is an attack
 * on the processor, not on memory.
 */
static bool
is_bomb(const struct svc_account_imap *s, uint64_t in, uint64_t body)
{
	return in > SVC_ACCOUNT_IMAP_APPEND_TOTAL * s->account->conf->imap_append_max +
		SVC_ACCOUNT_IMAP_ZIP_COMMANDS_MAX ||
	    in - body > SVC_ACCOUNT_IMAP_ZIP_COMMANDS_MAX;
}

/* UNAUTHENTICATE was the last of the client's stream; what lies behind its end is plain again. */
static void
take_end(struct svc_account_imap *s, str octets)
{
	size_t used = 0;
	if (s->zip->heard) {
		buf_str(&s->behind, octets);
		return;
	}
	enum err e = compress_get_end(s->zip->streams, octets, &used);
	if (e == ERR_OK) {
		s->zip->heard = true;
		buf_str(&s->behind, str_from_off(octets, used));
	} else if (e != ERR_AGAIN) {
		svc_account_imap_stay(s, e,
		    "octets behind UNAUTHENTICATE in the compressed stream");
	}
}

bool
svc_account_imap_zip_over(const struct svc_account_imap *s)
{
	return s->zip == NULL || !s->zip->on || s->zip->heard;
}

static void
take_zipped(struct svc_account_imap *s, str octets)
{
	uint64_t in = s->octets_in, body = s->octets_body;
	struct buf *piece = &s->zip->in;
	do {
		size_t used;
		buf_reset(piece);
		enum err e = compress_get(s->zip->streams, octets, piece,
		    SVC_ACCOUNT_IMAP_ZIP_PIECE, &used);
		if (e != ERR_OK) {
			svc_account_imap_end(s, e, "the compressed stream is damaged");
			return;
		}
		octets = str_from_off(octets, used);
		svc_account_imap_feed(s, buf_view(piece));
		if (compress_ended(s->zip->streams)) { /* before its time, unless it quits */
			svc_account_imap_end(s, ERR_PROTOCOL, "the compressed stream has ended");
		}
		if (is_bomb(s, s->octets_in - in, s->octets_body - body)) {
			svc_account_imap_end(s, ERR_TOOBIG,
			    "too much comes out of the compressed stream");
		}
	} while (!s->quit && !s->broken &&
	    (octets.n > 0 || piece->n == SVC_ACCOUNT_IMAP_ZIP_PIECE));
	if (s->leaving) {
		take_end(s, octets);
	}
}

void
svc_account_imap_take(struct svc_account_imap *s, str octets)
{
	if (s->zip != NULL && s->zip->on && !s->leaving) {
		take_zipped(s, octets);
	} else if (s->leaving) {
		take_end(s, octets);
	} else {
		svc_account_imap_feed(s, octets);
	}
}
