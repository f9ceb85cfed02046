/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octet 0 is the split; the rest is read as commands, in pieces and whole, which must agree, and
 * stuffed as a message, of which the lines a client reads must be the lines of the message.
 */
#include "proto/pop3/pop3.h"
#include "proto/pop3/reply.h"
#include "proto/pop3/stuff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Something that depends on every command. */
static uint64_t
digest(str in, size_t step)
{
	struct pop3 x;
	uint64_t sum = 0;
	pop3_init(&x);
	for (size_t at = 0; at < in.n; at += step) {
		str piece = str_sub(in, at, step);
		while (piece.n > 0) {
			size_t used;
			struct pop3_command c;
			pop3_feed(&x, piece, &used);
			ASSERT(used > 0 && used <= piece.n && x.n <= POP3_LINE_MAX);
			piece = str_from_off(piece, used);
			while (pop3_next(&x, &c)) {
				enum pop3_language l;
				ASSERT(c.err != ERR_OK || pop3_verb_allowed(c.verb));
				sum = sum * 31 + c.err;
				sum = sum * 31 + c.verb;
				sum = sum * 31 + c.msg;
				sum = sum * 31 + c.lines + c.language.n;
				sum += pop3_language_find(c.language, &l);
			}
		}
	}
	return sum;
}

/* Read back as a client does: stuffed dots taken away, up to the line of one dot. */
struct client {
	str message; /* what has to come */
	bool middle, dot, ended;
};

static void
client_octet(struct client *k, char c)
{
	ASSERT(!k->ended);
	if (!k->middle && !k->dot && c == '.') {
		k->dot = true; /* stuffed, or the end */
		return;
	}
	if (k->message.n == 0) { /* the end, perhaps with a line end before it */
		k->ended = k->dot && c == '\n';
		ASSERT(c == '\r' || c == '\n');
		k->middle = c == '\r' && !k->dot;
		return;
	}
	ASSERT(!k->dot || c == '.');
	ASSERT(k->message.p[0] == c);
	k->message = str_from_off(k->message, 1);
	k->middle = c != '\n';
	k->dot = false;
}

static void
check_stuffing(str in, size_t step)
{
	struct pop3_stuff x;
	struct client k = { .message = in };
	str piece;
	pop3_stuff_init(&x);
	for (size_t at = 0; at < in.n; at += step) {
		str rest = str_sub(in, at, step);
		while (pop3_stuff_next(&x, &rest, &piece)) {
			for (size_t i = 0; i < piece.n; i++) {
				client_octet(&k, piece.p[i]);
			}
		}
	}
	ASSERT(k.message.n == 0);
	piece = pop3_stuff_end(&x);
	for (size_t i = 0; i < piece.n; i++) {
		client_octet(&k, piece.p[i]);
	}
	ASSERT(k.ended);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool all;
	if (size < 2) {
		return 0;
	}
	size_t step = MAX(data[0], 1u);
	str in = str_make(data + 1, size - 1);
	ASSERT(digest(in, step) == digest(in, in.n));
	check_stuffing(in, step);
	ASSERT(pop3_top_octets(in, data[0], &all) <= in.n);
	return 0;
}
