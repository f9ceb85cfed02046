/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the header remembers where the ten fields stand; then they are written in order.
 *
 *	envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to
 *	           SP env-to SP env-cc SP env-bcc SP env-in-reply-to SP env-message-id ")"
 *	address  = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"
 */
#include "proto/imap/envelope.h"

#include "mail/address.h"
#include "mail/header.h"
#include "proto/imap/limits.h"
#include "proto/imap/write.h"

enum field { DATE, SUBJECT, FROM, SENDER, REPLY_TO, TO, CC, BCC, IN_REPLY_TO, MESSAGE_ID, FIELDS };

static const struct {
	str name;
	bool addresses;
} fields[FIELDS] = {
	[DATE] = { S_INIT("Date"), false },
	[SUBJECT] = { S_INIT("Subject"), false },
	[FROM] = { S_INIT("From"), true },
	[SENDER] = { S_INIT("Sender"), true },
	[REPLY_TO] = { S_INIT("Reply-To"), true },
	[TO] = { S_INIT("To"), true },
	[CC] = { S_INIT("Cc"), true },
	[BCC] = { S_INIT("Bcc"), true },
	[IN_REPLY_TO] = { S_INIT("In-Reply-To"), false },
	[MESSAGE_ID] = { S_INIT("Message-ID"), false },
};

struct found {
	str value[FIELDS]; /* of the first field of each name; p == NULL: absent */
	unsigned count[FIELDS];
};

static void
find_fields(str header, struct found *f)
{
	struct mail_header h = mail_header_make(header);
	struct mail_field field;
	while (mail_header_next(&h, &field)) {
		for (size_t i = 0; i < FIELDS; i++) {
			if (str_ieq(field.name, fields[i].name) && f->count[i]++ == 0) {
				f->value[i] = field.value;
			}
		}
	}
}

static void
put_text(struct buf *out, str value)
{
	if (value.p == NULL) {
		buf_cstr(out, "NIL");
		return;
	}
	struct buf b;
	buf_init(&b, value.n + 1);
	mail_header_unfold(&b, value);
	imap_put_string(out, str_sub(buf_view(&b), 0, IMAP_ENVELOPE_STRING_MAX), false);
	if (buf_err(&b) != ERR_OK && out->err == ERR_OK) {
		out->err = buf_err(&b);
	}
	buf_done(&b);
}

static void
put_part(struct buf *out, str s)
{
	imap_put_nstring(out, s.p == NULL ? s : str_sub(s, 0, IMAP_ENVELOPE_STRING_MAX), false);
}

static void
put_address(struct buf *out, const struct mail_address *a)
{
	if (a->kind == MAIL_ADDRESS_GROUP) {
		buf_cstr(out, "(NIL NIL ");
		put_part(out, a->name.p == NULL ? S("") : a->name);
		buf_cstr(out, " NIL)");
	} else if (a->kind == MAIL_ADDRESS_GROUP_END) {
		buf_cstr(out, "(NIL NIL NIL NIL)");
	} else {
		buf_ch(out, '(');
		put_part(out, a->name);
		buf_ch(out, ' ');
		put_part(out, a->route);
		buf_ch(out, ' ');
		put_part(out, a->local.p == NULL ? S("") : a->local);
		buf_ch(out, ' ');
		put_part(out, a->domain.p == NULL ? S("") : a->domain);
		buf_ch(out, ')');
	}
}

/* The addresses of one field value; *any tells whether the list was opened. */
static enum err
put_list(struct buf *out, str value, struct arena *a, bool *any)
{
	struct mail_address *list;
	size_t n;
	arena_reset(a);
	TRY(mail_addresses_parse(a, value, 0, &list, &n));
	for (size_t i = 0; i < n && out->n < IMAP_ENVELOPE_MAX; i++) {
		buf_cstr(out, *any ? "" : "(");
		*any = true;
		put_address(out, &list[i]);
	}
	return ERR_OK;
}

/* All fields of that name: a list may be spread over several (RFC 5322 4.5.3). */
static enum err
put_all(struct buf *out, str header, enum field which, struct arena *a, bool *any)
{
	struct mail_header h = mail_header_make(header);
	struct mail_field field;
	while (mail_header_next(&h, &field)) {
		if (str_ieq(field.name, fields[which].name)) {
			TRY(put_list(out, field.value, a, any));
		}
	}
	return ERR_OK;
}

/* Sender and Reply-To stand for From when they are absent or empty (RFC 9051 7.5.2). */
static enum err
put_addresses(struct buf *out, str header, enum field which, const struct found *f, struct arena *a)
{
	bool any = false;
	if (f->count[which] == 1) {
		TRY(put_list(out, f->value[which], a, &any));
	} else if (f->count[which] > 1) {
		TRY(put_all(out, header, which, a, &any));
	}
	if (!any && (which == SENDER || which == REPLY_TO) && f->count[FROM] > 0) {
		TRY(put_all(out, header, FROM, a, &any));
	}
	buf_cstr(out, any ? ")" : "NIL");
	return ERR_OK;
}

enum err
imap_envelope_put(struct buf *out, str header, struct arena *a)
{
	struct found f = { 0 };
	find_fields(header, &f);
	for (size_t i = 0; i < FIELDS; i++) {
		buf_ch(out, i == 0 ? '(' : ' ');
		if (fields[i].addresses) {
			TRY(put_addresses(out, header, (enum field)i, &f, a));
		} else {
			put_text(out, f.value[i]);
		}
	}
	buf_ch(out, ')');
	return buf_err(out);
}
