/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building and writing a log line. A value is written bare when it holds only letters, digits and
 * .:/@+-_[]; otherwise quoted, with \" \\ and \xNN, so that a line is one line and its keys are
 * ours.
 */
#include "sys/log.h"

#include "base/buf.h"
#include "base/codec.h"
#include "sys/clock.h"
#include "sys/sock.h"

#include <inttypes.h>
#include <unistd.h>

static struct {
	char who[32];
	size_t who_n;
	enum sys_log_level least;
} setup = { .who = "?", .who_n = 1, .least = SYS_LOG_INFO };

static const str levels[] = { S_INIT("debug"), S_INIT("info"), S_INIT("warn"), S_INIT("error") };

void
sys_log_init(str who, enum sys_log_level least)
{
	setup.who_n = MIN(who.n, sizeof setup.who);
	memcpy(setup.who, who.p, setup.who_n);
	setup.least = least;
}

enum err
sys_log_level_find(str name, enum sys_log_level *ret)
{
	for (size_t i = 0; i < LEN(levels); i++) {
		if (str_eq(levels[i], name)) {
			*ret = (enum sys_log_level)i;
			return ERR_OK;
		}
	}
	return ERR_NOTFOUND;
}

static bool
is_plain(char c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr(".:/@+-_[]", c) != NULL);
}

/*
 * Octets above 0x7f stay when all of the value is UTF-8, as people read names of folders and
 * domains; but no character that a terminal obeys, or that other programs take for a line's end.
 */
static void
put_quoted(struct buf *b, str s)
{
	bool utf8 = utf8_valid(s);
	buf_ch(b, '"');
	while (s.n > 0) {
		str rest = str_from_off(s, 1);
		uint32_t cp = (unsigned char)s.p[0];
		if (utf8) {
			rest = s;
			cp = utf8_next(&rest);
		}
		str octets = str_sub(s, 0, s.n - rest.n);
		s = rest;
		if (cp == '"' || cp == '\\') {
			buf_ch(b, '\\');
		}
		if (utf8_is_shown(cp) && (utf8 || cp < 0x80)) {
			buf_str(b, octets);
			continue;
		}
		for (size_t i = 0; i < octets.n; i++) {
			buf_printf(b, "\\x%02x", (unsigned)(unsigned char)octets.p[i]);
		}
	}
	buf_ch(b, '"');
}

static void
put_str(struct buf *b, str s)
{
	bool cut = s.n > SYS_LOG_VALUE_MAX;
	bool plain = s.n > 0;
	s = str_sub(s, 0, SYS_LOG_VALUE_MAX);
	for (size_t i = 0; i < s.n && plain; i++) {
		plain = is_plain(s.p[i]);
	}
	if (plain) {
		buf_str(b, s);
	} else {
		put_quoted(b, s);
	}
	buf_cstr(b, cut ? "..." : "");
}

static void
put_field(struct buf *b, const struct sys_log_field *f)
{
	buf_ch(b, ' ');
	buf_cstr(b, f->key);
	buf_ch(b, '=');
	switch (f->kind) {
	case SYS_LOG_STR: put_str(b, f->v.s); break;
	case SYS_LOG_U64: buf_u64(b, f->v.u); break;
	case SYS_LOG_I64: buf_printf(b, "%" PRId64, f->v.i); break;
	case SYS_LOG_HEX: buf_printf(b, "%016" PRIx64, f->v.u); break;
	case SYS_LOG_ERR: buf_cstr(b, err_name(f->v.e)); break;
	case SYS_LOG_IP: sys_addr_ip_text(b, f->v.p); break;
	case SYS_LOG_ADDR: sys_addr_text(b, f->v.p); break;
	case SYS_LOG_END: break;
	}
}

/* One write per line, so that lines of several processes never mix. */
void
sys_log_write(enum sys_log_level level, const char *event, const struct sys_log_field *fields)
{
	if (level < setup.least) {
		return;
	}
	char line[SYS_LOG_LINE_MAX];
	struct buf b;
	buf_init_fixed(&b, line, sizeof line - 1);
	sys_clock_text(&b, sys_clock_wall_ms());
	buf_printf(&b, " %.*s %.*s ", (int)setup.who_n, setup.who, STR_ARG(levels[level]));
	buf_cstr(&b, event);
	for (const struct sys_log_field *f = fields; f->kind != SYS_LOG_END; f++) {
		put_field(&b, f);
	}
	line[b.n] = '\n';
	ssize_t ignored = write(2, line, b.n + 1);
	(void)ignored;
}
