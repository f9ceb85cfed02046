/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages (RFC 1939 5, 7). Large ones go out from where the store holds them.
 *
 *	retr = "RETR" SP msg    top = "TOP" SP msg SP n
 *
 * They are sent as they are also to clients that have not said UTF8 (DEVIATIONS).
 */
#include "svc/account/pop3/session.h"

#include "proto/pop3/stuff.h"

static void
say_failure(struct svc_account_pop3 *s, enum err e)
{
	svc_account_pop3_say(s,
	    e == ERR_NOTFOUND      ? POP3_RE_GONE
		: e == ERR_CORRUPT ? POP3_RE_DAMAGED
				   : POP3_RE_FAILED);
}

static void
put_body(struct svc_account_pop3 *s, str text)
{
	struct pop3_stuff x;
	str piece;
	pop3_stuff_init(&x);
	while (!s->broken && pop3_stuff_next(&x, &text, &piece)) {
		svc_account_pop3_put(s, piece);
	}
	buf_str(&s->out, pop3_stuff_end(&x));
}

void
svc_account_pop3_cmd_retr(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	struct svc_account_pop3_msg *m = svc_account_pop3_drop_find(s, c->msg);
	str text;
	if (m == NULL) {
		return;
	}
	enum err e = store_text(s->account->store, m->id, &text);
	if (e != ERR_OK) {
		say_failure(s, e);
		return;
	}
	pop3_say_number(&s->out, s->language, POP3_RE_OCTETS, text.n);
	put_body(s, text);
	m->fetched = true;
	s->fetched++;
}

/* The header with its empty line and so many lines of the body; borrowed from the store. */
static enum err
front(struct svc_account_pop3 *s, uint64_t id, uint32_t lines, str *ret)
{
	struct store *store = s->account->store;
	str text;
	bool all = true;
	TRY(store_header(store, id, &text));
	size_t header = text.n;
	if (lines > 0) {
		TRY(store_part(store, id, 0, MAX(header, (size_t)SVC_ACCOUNT_POP3_TOP_FRONT),
		    &text));
		size_t n = pop3_top_octets(str_from_off(text, header), lines, &all);
		text.n = header + n;
	}
	if (!all) {
		TRY(store_text(store, id, &text));
		text.n = header + pop3_top_octets(str_from_off(text, header), lines, &all);
	}
	*ret = text;
	return ERR_OK;
}

void
svc_account_pop3_cmd_top(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	const struct svc_account_pop3_msg *m = svc_account_pop3_drop_find(s, c->msg);
	str text;
	if (m == NULL) {
		return;
	}
	enum err e = front(s, m->id, c->lines, &text);
	if (e != ERR_OK) {
		say_failure(s, e);
		return;
	}
	svc_account_pop3_say(s, POP3_RE_TOP);
	put_body(s, text);
}
