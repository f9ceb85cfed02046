/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to clamd and its answers, as clamd(8) has them:
 *
 *	answer = id ": " what NUL          ; id counts the questions of a session from 1
 *	what   = target ": OK"             ; target: "fd[12]", "stream"
 *	       / target ": " name " FOUND"
 *	       / [target ": "] text " ERROR"
 *	       / "PONG" / version / "UNKNOWN COMMAND" / "COMMAND UNAVAILABLE"
 */
#include "proto/clamd/clamd.h"

enum { MAGIC = 0x636c616d };

/* What is said for each question; the octet behind FILDES carries the descriptor. */
static const str commands[] = {
	[CLAMD_SCAN] = S_INIT("zFILDES\0\0"),
	[CLAMD_PING] = S_INIT("zPING\0"),
	[CLAMD_VERSION] = S_INIT("zVERSION\0"),
};

void
clamd_init(struct clamd *c)
{
	memset(c, 0, sizeof *c);
	c->magic = MAGIC;
}

bool
clamd_ready(const struct clamd *c)
{
	ASSERT(c->magic == MAGIC);
	return !c->waiting && !c->broken && c->asked < CLAMD_ASKED_MAX;
}

str
clamd_ask(struct clamd *c, enum clamd_question q)
{
	ASSERT(clamd_ready(c) && (size_t)q < LEN(commands));
	str begin = c->asked == 0 ? S("zIDSESSION\0") : S("");
	static_assert(sizeof "zIDSESSION" + sizeof "zFILDES" + 1 < CLAMD_ASK_MAX, "room");
	memcpy(c->out, begin.p, begin.n);
	memcpy(c->out + begin.n, commands[q].p, commands[q].n);
	c->asked++;
	c->question = q;
	c->waiting = true;
	c->n = 0;
	return str_make(c->out, begin.n + commands[q].n);
}

/* Keep a text as printable ASCII without quotes and backslashes, cut to size. */
static str
keep(struct clamd *c, str s)
{
	size_t n = MIN(s.n, sizeof c->text);
	for (size_t i = 0; i < n; i++) {
		char ch = s.p[i];
		bool plain = ch >= ' ' && ch <= '~' && ch != '"' && ch != '\\';
		c->text[i] = plain ? ch : '?';
	}
	return str_make(c->text, n);
}

/* Take `end` off the end of *s. */
static bool
take_end(str *s, str end)
{
	if (!str_ends(*s, end)) {
		return false;
	}
	s->n -= end.n;
	return true;
}

/* Take "fd[12]: " or "stream: " off the front. */
static bool
take_target(str *s)
{
	ptrdiff_t colon = str_find(*s, S(": "));
	str target = str_sub(*s, 0, colon < 0 ? 0 : (size_t)colon);
	if (!str_eq(target, S("stream")) &&
	    !(str_starts(target, S("fd[")) && str_ends(target, S("]")))) {
		return false;
	}
	*s = str_from_off(*s, target.n + 2);
	return true;
}

/* A name without what ExtendedDetectionInfo adds: "Name(md5:68)". A name is never empty. */
static str
signature(str s)
{
	ptrdiff_t paren = str_rchr(s, '(');
	str name = paren > 0 && str_ends(s, S(")")) ? str_sub(s, 0, (size_t)paren) : s;
	return name.n > 0 ? name : S("unnamed");
}

static enum err
scanned(struct clamd *c, str what, struct clamd_reply *ret)
{
	str rest = what;
	bool target = take_target(&rest);
	if (target && str_eq(rest, S("OK"))) {
		*ret = (struct clamd_reply){ CLAMD_CLEAN, STR_NONE };
		return ERR_OK;
	}
	if (target && take_end(&rest, S(" FOUND"))) {
		*ret = (struct clamd_reply){ CLAMD_FOUND, keep(c, signature(rest)) };
		return ERR_OK;
	}
	if (take_end(&rest, S(" ERROR")) || str_eq(rest, S("ERROR")) ||
	    str_eq(rest, S("UNKNOWN COMMAND")) || str_eq(rest, S("COMMAND UNAVAILABLE"))) {
		*ret = (struct clamd_reply){ CLAMD_FAILED, keep(c, rest) };
		return ERR_OK;
	}
	return ERR_PROTOCOL;
}

/* A complete answer without its NUL. */
static enum err
answered(struct clamd *c, str line, struct clamd_reply *ret)
{
	uint32_t id;
	ptrdiff_t colon = str_find(line, S(": "));
	if (colon < 0 || !str_u32(str_sub(line, 0, (size_t)colon), &id) || id != c->asked) {
		return ERR_PROTOCOL;
	}
	str what = str_from_off(line, (size_t)colon + 2);
	switch (c->question) {
	case CLAMD_SCAN: return scanned(c, what, ret);
	case CLAMD_PING:
		*ret = (struct clamd_reply){ CLAMD_PONG, STR_NONE };
		return str_eq(what, S("PONG")) ? ERR_OK : ERR_PROTOCOL;
	case CLAMD_VERSION:
		*ret = (struct clamd_reply){
			str_starts(what, S("ClamAV ")) ? CLAMD_PROGRAM : CLAMD_FAILED, keep(c, what)
		};
		return ERR_OK;
	}
	return ERR_BUG;
}

enum err
clamd_feed(struct clamd *c, str in, size_t *ret_used, struct clamd_reply *ret)
{
	ASSERT(c->magic == MAGIC);
	ptrdiff_t end = str_chr(in, '\0');
	size_t n = end < 0 ? in.n : (size_t)end;
	*ret_used = 0;
	if (c->broken || (!c->waiting && in.n > 0) || n >= sizeof c->in - c->n) {
		enum err e = c->broken || !c->waiting ? ERR_PROTOCOL : ERR_TOOBIG;
		c->broken = true;
		return e;
	}
	if (n > 0) {
		memcpy(c->in + c->n, in.p, n);
		c->n += n;
	}
	*ret_used = end < 0 ? n : n + 1;
	if (end < 0) {
		return ERR_AGAIN;
	}
	struct clamd_reply got = { CLAMD_FAILED, STR_NONE };
	enum err e = answered(c, str_make(c->in, c->n), &got);
	c->waiting = false;
	c->n = 0;
	c->broken = e != ERR_OK;
	if (e == ERR_OK) {
		*ret = got;
	}
	return e;
}
