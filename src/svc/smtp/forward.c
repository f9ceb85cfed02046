/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters that go on to addresses elsewhere: those that have been here for the same alias are
 * refused, copies that would be junk stay out. send writes the field that tells the first ones:
 *
 *	Delivered-To: the alias                                 RFC 9228
 */
#include "mail/address.h"
#include "mail/header.h"
#include "svc/smtp/server.h"

/* Is a copy forwarded for this address? */
static bool
forwards_for(const struct smtp_txn *t, str via)
{
	for (const struct smtp_rcpt *r = t->rcpts; r != NULL; r = r->next) {
		for (size_t i = 0; i < r->targets_n; i++) {
			if (r->targets[i].via.n > 0 && str_eq(r->targets[i].via, via)) {
				return true;
			}
		}
	}
	return false;
}

/* The header is looked through as far as the first SVC_SMTP_INLINE_MAX octets reach. */
static bool
goes_in_circles(const struct svc_smtp_session *x)
{
	size_t all = (size_t)MIN(x->body.size, (uint64_t)SVC_SMTP_INLINE_MAX);
	char *piece = x->server->piece;
	struct mail_header h;
	struct mail_field f;
	if (svc_smtp_body_read(&x->body, 0, piece, all) != ERR_OK) {
		return false; /* it cannot be stored either */
	}
	h = mail_header_make(str_make(piece, all));
	while (mail_header_next(&h, &f)) {
		char room[MAIL_CANONICAL_MAX];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		if (str_ieq(f.name, S("Delivered-To")) &&
		    mail_address_canonical(&b, str_trim(f.value)) == ERR_OK &&
		    forwards_for(smtp_txn(&x->engine), buf_view(&b))) {
			return true;
		}
	}
	return false;
}

bool
svc_smtp_forward_refused(struct svc_smtp_session *x)
{
	static const struct smtp_told loop = { .verdict = SMTP_REFUSE,
		.code = 554,
		.enhanced = S_INIT("5.4.6"),
		.text = S_INIT("This message was forwarded here before: it goes in circles") };
	const struct svc_smtp_ended e = { .end = SVC_SMTP_REFUSED,
		.code = loop.code,
		.enhanced = loop.enhanced,
		.text = loop.text };
	if (!smtp_txn(&x->engine)->forwards || !goes_in_circles(x)) {
		return false;
	}
	svc_smtp_tell(x, &e);
	x->facts.told = true;
	smtp_answer_reply(&x->engine, &loop);
	return true;
}

size_t
svc_smtp_forward_count(const struct svc_smtp_session *x, bool junk)
{
	size_t n = 0;
	for (const struct smtp_rcpt *r = smtp_txn(&x->engine)->rcpts; r != NULL; r = r->next) {
		for (size_t i = 0; i < r->targets_n; i++) {
			n += r->targets[i].via.n > 0 && r->targets[i].junk == junk;
		}
	}
	return n;
}
