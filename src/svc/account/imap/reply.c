/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tagged responses. The store's and the parser's errors become IMAP's words here and nowhere else.
 */
#include "svc/account/imap/session.h"

#include "proto/imap/write.h"
#include "sys/clock.h"
#include "svc/account/imap/notify/notify.h"
#include "svc/account/imap/qresync.h"

struct answer {
	enum err err;
	const char *word, *code, *text;
};

/* A command that was understood and failed. */
static const struct answer failures[] = {
	{ ERR_NOTFOUND, "NO", "NONEXISTENT", "no such mailbox" },
	{ ERR_EXISTS, "NO", "ALREADYEXISTS", "mailbox exists already" },
	{ ERR_DENIED, "NO", "CANNOT", "not possible with this mailbox" },
	{ ERR_SYNTAX, "NO", "CANNOT", "not a usable name" },
	{ ERR_TOOBIG, "NO", "LIMIT", "too large" },
	{ ERR_TOOMANY, "NO", "LIMIT", "too many" },
	{ ERR_CHARSET, "NO", "CANNOT", "not valid in its character set" },
	{ ERR_UNSUPPORTED, "NO", "UNKNOWN-CTE", "transfer encoding is not known" },
	{ ERR_QUOTA, "NO", "OVERQUOTA", "mailbox is full" },
	{ ERR_BUDGET, "NO", "LIMIT", "needs more memory than a session may use" },
	{ ERR_NOMEM, "NO", "UNAVAILABLE", "out of memory" },
	{ ERR_NOSPACE, "NO", "UNAVAILABLE", "no space on the server" },
	{ ERR_UNAVAILABLE, "NO", "UNAVAILABLE", "not possible now" },
	{ ERR_BUSY, "NO", "INUSE", "busy, try again" },
	{ ERR_CORRUPT, "NO", "CORRUPTION", "a message or index is damaged" },
	{ ERR_BADSTATE, "BAD", NULL, "not in this state" },
};

/* A line that was not. */
static const struct answer mistakes[] = {
	{ ERR_SYNTAX, "BAD", NULL, "syntax error" },
	{ ERR_UNSUPPORTED, "BAD", NULL, "unknown command" },
	{ ERR_BADSTATE, "BAD", NULL, "not in this state" },
	{ ERR_NOTFOUND, "NO", "USEATTR", "unknown special use" },
	{ ERR_CHARSET, "NO", "CANNOT", "name or text is not valid in its character set" },
	{ ERR_TOOBIG, "BAD", "TOOBIG", "command is too long" },
	{ ERR_TOOMANY, "NO", "LIMIT", "too many elements in this command" },
	{ ERR_BUDGET, "NO", "LIMIT", "command needs too much memory" },
};

static const struct answer *
find_answer(const struct answer *table, size_t n, enum err e)
{
	static const struct answer other = { ERR_BUG, "NO", "SERVERBUG", "the server failed" };
	for (size_t i = 0; i < n; i++) {
		if (table[i].err == e) {
			return &table[i];
		}
	}
	return &other;
}

static void
put_answer(struct svc_account_imap *s, str tag, const char *word, str code)
{
	buf_str(&s->out, tag.n > 0 ? tag : S("*"));
	buf_ch(&s->out, ' ');
	buf_cstr(&s->out, word);
	buf_ch(&s->out, ' ');
	if (code.n > 0) {
		buf_ch(&s->out, '[');
		buf_str(&s->out, code);
		buf_cstr(&s->out, "] ");
	}
}

/* A part of a set would be a lie: the whole code, or none. */
static str
whole_code(const struct svc_account_imap *s)
{
	return buf_err(&s->code) == ERR_OK ? buf_view(&s->code) : STR_NONE;
}

static void
forget_code(struct svc_account_imap *s)
{
	if (s->code.cap > SVC_ACCOUNT_IMAP_CODE_KEPT) {
		buf_done(&s->code);
	}
	buf_reset(&s->code);
}

void
svc_account_imap_reply(struct svc_account_imap *s, str tag, str verb, enum err e)
{
	const struct answer *failure = find_answer(failures, LEN(failures), e);
	svc_account_imap_notify_tell(s);
	svc_account_imap_tell_modseq(s, e == ERR_OK);
	str code = whole_code(s);
	if (e == ERR_OK) {
		put_answer(s, tag, "OK", code);
		buf_str(&s->out, verb);
		buf_cstr(&s->out, s->text == NULL ? " done" : s->text);
	} else {
		put_answer(s, tag, failure->word, code.n > 0 ? code : str_from(failure->code));
		buf_cstr(&s->out, s->text == NULL ? failure->text : s->text);
	}
	buf_cstr(&s->out, "\r\n");
	forget_code(s);
	s->text = NULL;
}

/* "* OK [INPROGRESS ("A001" 454 1000)] ..."; a tag with "]" is left out */
void
svc_account_imap_progress(struct svc_account_imap *s, uint32_t done, uint32_t goal)
{
	int64_t now = sys_clock_ms();
	if (now < s->tell_ms || !imap_caps_has(&s->caps, S("INPROGRESS"))) {
		return;
	}
	s->tell_ms = now + SVC_ACCOUNT_IMAP_PROGRESS_MS;
	buf_cstr(&s->out, "* OK [INPROGRESS (");
	bool tag = s->tag.n > 0 && str_chr(s->tag, ']') < 0;
	imap_put_nstring(&s->out, tag ? s->tag : STR_NONE, false);
	if (done < goal) {
		buf_printf(&s->out, " %u %u)] still at it\r\n", done, goal);
	} else {
		buf_cstr(&s->out, " NIL NIL)] still at it\r\n");
	}
	svc_account_imap_flush(s);
}

void
svc_account_imap_bad(struct svc_account_imap *s, str tag, enum err e, bool search)
{
	const struct answer *mistake = find_answer(mistakes, LEN(mistakes), e);
	str code = search && e == ERR_CHARSET ? S("BADCHARSET (UTF-8 US-ASCII)")
					      : str_from(mistake->code);
	bool untagged = tag.n == 0;
	put_answer(s, tag, untagged ? "BAD" : mistake->word, code);
	buf_cstr(&s->out, mistake->text);
	buf_cstr(&s->out, "\r\n");
	s->errors++;
}

enum err
svc_account_imap_fail(struct svc_account_imap *s, enum err e, const char *code, const char *text)
{
	buf_reset(&s->code);
	buf_cstr(&s->code, code);
	s->text = text;
	return e;
}
