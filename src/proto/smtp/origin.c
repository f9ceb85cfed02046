/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a submission says it comes from: the addresses of From and Sender, and of their Resent-
 * forms, which some programs show in their place. Each must belong to the account, so a header that
 * other programs may read differently is refused, not guessed at. RFC 6409 6.1 and 8.1, RFC 5322
 * 3.6.2 and 3.6.6.
 */
#include "mail/address.h"
#include "mail/header.h"
#include "proto/smtp/smtp_priv.h"

static bool
known(const struct smtp *s, str canonical)
{
	bool found = str_eq(canonical, s->txn.canonical);
	for (size_t i = 0; i < s->txn.origins_n && !found; i++) {
		found = str_eq(s->txn.origins[i], canonical);
	}
	return found;
}

static enum smtp_reply
add_origin(struct smtp *s, const struct mail_address *addr)
{
	char room[MAIL_CANONICAL_MAX];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	/* A source route is a second address in front of the one that counts. */
	if (addr->route.n > 0 || addr->local.n > MAIL_LOCAL_MAX || addr->domain.n == 0 ||
	    mail_address_put(&b, addr->local, addr->domain) != ERR_OK) {
		return SMTP_REPLY_FROM_BAD;
	}
	if (known(s, buf_view(&b))) {
		return SMTP_REPLIES;
	}
	if (s->txn.origins_n == SMTP_ORIGINS_MAX) {
		return SMTP_REPLY_FROM_MANY;
	}
	str copy = arena_dup(s->txn_arena, buf_view(&b));
	if (copy.p == NULL) {
		return SMTP_REPLY_BUDGET;
	}
	s->txn.origins[s->txn.origins_n++] = copy;
	return SMTP_REPLIES;
}

static enum smtp_reply
take_field(struct smtp *s, str value)
{
	struct mail_address *v;
	size_t n, mailboxes = 0;
	enum err e = mail_addresses_parse(s->txn_arena, value, MAIL_ADDRESSES_STRICT, &v, &n);
	if (e != ERR_OK) {
		return e == ERR_BUDGET ? SMTP_REPLY_BUDGET : SMTP_REPLY_FROM_BAD;
	}
	for (size_t i = 0; i < n; i++) {
		if (v[i].kind != MAIL_ADDRESS_MAILBOX) {
			continue;
		}
		mailboxes++;
		enum smtp_reply no = add_origin(s, &v[i]);
		if (no != SMTP_REPLIES) {
			return no;
		}
	}
	return mailboxes > 0 ? SMTP_REPLIES : SMTP_REPLY_FROM_BAD;
}

/* From exactly once, Sender at most once. */
static enum smtp_reply
take_all(struct smtp *s, str name, bool needed)
{
	str header = buf_view(&s->txn.header);
	struct mail_field f;
	size_t n = mail_header_count(header, name);
	if (n > 1) {
		return SMTP_REPLY_FROM_TWICE;
	}
	if (!mail_header_find(header, name, &f)) {
		return needed ? SMTP_REPLY_FROM_MISSING : SMTP_REPLIES;
	}
	return take_field(s, f.value);
}

/* Every one there is: a message may have been sent on several times. */
static enum smtp_reply
take_each(struct smtp *s, str name)
{
	struct mail_header h = mail_header_make(buf_view(&s->txn.header));
	struct mail_field f;
	enum smtp_reply no = SMTP_REPLIES;
	while (no == SMTP_REPLIES && mail_header_next(&h, &f)) {
		no = str_ieq(f.name, name) ? take_field(s, f.value) : SMTP_REPLIES;
	}
	return no;
}

/* Where the field stands, never what it says: replies are logged, contents are not. */
static str
line_number(struct smtp *s, size_t offset)
{
	const char *p = s->txn.header.p, *end = p + offset;
	size_t line = 1;
	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		line++;
		p++;
	}
	return arena_printf(s->txn_arena, "%zu", line);
}

enum smtp_reply
smtp_origin_check(struct smtp *s, str *ret_arg)
{
	static const str resent[] = { S_INIT("Resent-From"), S_INIT("Resent-Sender") };
	struct mail_header h = mail_header_make(buf_view(&s->txn.header));
	struct mail_field f;
	while (mail_header_next(&h, &f)) {
		if (f.name.n == 0) {
			*ret_arg = line_number(s, f.offset);
			return SMTP_REPLY_HEADER_BAD;
		}
	}
	*ret_arg = S("From");
	enum smtp_reply no = take_all(s, *ret_arg, true);
	if (no == SMTP_REPLIES) {
		*ret_arg = S("Sender");
		no = take_all(s, *ret_arg, false);
	}
	for (size_t i = 0; i < LEN(resent) && no == SMTP_REPLIES; i++) {
		*ret_arg = resent[i];
		no = take_each(s, resent[i]);
	}
	return no;
}
