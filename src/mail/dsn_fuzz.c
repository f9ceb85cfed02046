/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as what other people say in a report: lines end in CRLF, none is too long, and the
 * boundary stands where it belongs and nowhere else.
 */
#include "mail/dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static str
piece(str *rest)
{
	str p;
	if (!str_next(rest, '\x01', &p)) {
		p = S("");
	}
	return p;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char room[MAIL_DSN_MAX];
	str rest = str_make(data, size), line;
	struct mail_dsn_rcpt r = {
		.action = (enum mail_dsn_action)(1 + size % 4), .last_s = 1, .until_s = 2
	};
	r.address = piece(&rest);
	r.original = piece(&rest);
	r.status = piece(&rest);
	r.remote_mta = piece(&rest);
	r.reply = piece(&rest);
	r.meaning = piece(&rest);
	struct mail_dsn d = { .hostname = S("mx.example.org"), .rcpts = &r, .rcpts_n = 1 };
	d.to = piece(&rest);
	d.envid = piece(&rest);
	d.smtputf8 = size % 3 == 0;
	d.language = (enum mail_dsn_language)(size % 3);
	struct buf out;
	buf_init_fixed(&out, room, sizeof room);
	enum err e = mail_dsn_put(&out, &d);
	ASSERT(e == ERR_OK || e == ERR_TOOBIG);
	size_t parts = 0;
	rest = e == ERR_OK ? buf_view(&out) : STR_NONE;
	while (str_next(&rest, '\n', &line)) {
		ASSERT(rest.p == NULL || str_ends(line, S("\r")));
		parts += str_starts(line, S("--report-"));
	}
	ASSERT(e != ERR_OK || parts == 4);
	return 0;
}
