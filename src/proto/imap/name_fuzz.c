/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailbox names: modified UTF-7 reads back as it was written, in both directions, and the wildcard
 * matcher agrees with a slow table of all places that pattern and name can stand at together.
 */
#include "base/codec.h"
#include "proto/imap/match.h"
#include "proto/imap/utf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NAME_MAX_HERE = 4096, MATCH_MAX = 64 };

static void
there_and_back(str utf8)
{
	struct buf wire, back;
	buf_init(&wire, 8 * NAME_MAX_HERE);
	buf_init(&back, 8 * NAME_MAX_HERE);
	imap_utf7_encode(&wire, utf8);
	ASSERT(buf_err(&wire) == ERR_OK);
	if (utf8_valid(utf8) && str_chr(utf8, '\0') < 0) {
		enum err e = imap_utf7_decode(&back, buf_view(&wire));
		ASSERT(e == ERR_OK || e == ERR_CHARSET);
		ASSERT(e != ERR_OK || str_eq(buf_view(&back), utf8));
	}
	buf_done(&back);
	buf_done(&wire);
}

static void
back_and_there(str wire)
{
	struct buf utf8, again;
	buf_init(&utf8, 8 * NAME_MAX_HERE);
	buf_init(&again, 8 * NAME_MAX_HERE);
	if (imap_utf7_decode(&utf8, wire) == ERR_OK) {
		ASSERT(utf8_valid(buf_view(&utf8)));
		imap_utf7_encode(&again, buf_view(&utf8));
		ASSERT(str_eq(buf_view(&again), wire));
	} else {
		ASSERT(buf_view(&utf8).n == 0);
	}
	buf_done(&again);
	buf_done(&utf8);
}

/* reach[j]: the pattern so far can have eaten the first j octets of the name. */
static bool
slow_match(str pattern, str name)
{
	bool reach[MATCH_MAX + 1] = { true };
	for (size_t i = 0; i < pattern.n; i++) {
		char c = pattern.p[i];
		bool wild = c == '*' || c == '%';
		bool before = reach[0];
		reach[0] = wild && before;
		for (size_t j = 1; j <= name.n; j++) {
			bool here = reach[j];
			bool eats = c == '*' || (c == '%' && name.p[j - 1] != '/');
			reach[j] = wild ? here || (eats && reach[j - 1])
					: before && c == name.p[j - 1];
			before = here;
		}
	}
	return reach[name.n];
}

static bool
is_inbox(str s)
{
	return str_istarts(s, S("INBOX")) && (s.n == 5 || str_chr(S("/*%"), s.p[5]) >= 0);
}

static void
match(str pattern, str name)
{
	size_t skip = is_inbox(pattern) && is_inbox(name) ? 5 : 0;
	ASSERT(imap_match(pattern, name) ==
	    slow_match(str_from_off(pattern, skip), str_from_off(name, skip)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return 0;
	}
	str in = str_make(data + 1, MIN(size - 1, (size_t)NAME_MAX_HERE));
	there_and_back(in);
	back_and_there(in);
	str pattern = str_sub(in, 0, data[0] % (MATCH_MAX + 1u));
	match(pattern, str_sub(in, pattern.n, MATCH_MAX));
	return 0;
}
