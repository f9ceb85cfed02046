/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who hears that a letter could not be forwarded. Its sender is a stranger, who is told only when
 * what we wrote above the letter says that it came from there: else a forged reverse-path would
 * make us send backscatter. Otherwise, and for a null reverse-path, an account here is told. One
 * at a domain of ours is told in its mailbox, under the same condition, without asking any DNS.
 */
#include "mail/address.h"
#include "mail/authres.h"
#include "svc/queue/remote/remote.h"

enum { LOOK_OCTETS = 64 * 1024 }; /* our field stands at the top */

/* The reverse-path with a domain as DNS wants it, when it has one. */
static bool
read_sender(struct arena *a, str reverse_path, str *ret_address, str *ret_domain)
{
	char room[MAIL_CANONICAL_MAX];
	struct buf b;
	str local, domain;
	mail_address_split(reverse_path, &local, &domain);
	buf_init_fixed(&b, room, sizeof room);
	buf_str(&b, local);
	buf_ch(&b, '@');
	if (local.n == 0 || domain.n == 0 || mail_domain_put(&b, domain) != ERR_OK ||
	    buf_err(&b) != ERR_OK) {
		return false;
	}
	*ret_address = arena_dup(a, buf_view(&b));
	mail_address_split(*ret_address, &local, ret_domain);
	return ret_address->p != NULL;
}

static bool
is_vouched_for(const struct svc_queue_parcel *p, str domain)
{
	struct svc_queue *q = p->q;
	size_t n = (size_t)MIN(p->size, (uint64_t)LOOK_OCTETS);
	char *room = arena_alloc(q->remote->scratch, n + 1);
	str payload;
	return room != NULL && spool_read(q->spool, p->entry, 0, room, n) == ERR_OK &&
	    mail_authres_own(str_make(room, n), q->sc->conf->hostname, &payload) &&
	    mail_authres_vouches(payload, domain);
}

/* auth leaves a reverse-path at a domain of ours as it is; `reports` is the account behind it. */
static bool
is_ours(const struct svc_queue_bundle *b)
{
	return b->parcel->reverse_path.n > 0 && str_eq(b->sender, b->parcel->reverse_path);
}

static struct svc_queue_reader
nobody(const struct svc_queue_bundle *b)
{
	char id[SPOOL_ID_TEXT];
	spool_id_text(b->parcel->entry, id);
	LOG(QUEUE_UNREPORTED, F_CSTR("queue", id), F_STR("via", b->via),
	    F_STR("to", b->dest->domain));
	return (struct svc_queue_reader){ .address = S("") };
}

/* An account that reads for postmaster of the domain that forwards. */
static struct svc_queue_reader
own_reader(const struct svc_queue_bundle *b)
{
	struct svc_queue_reader r = { .account = b->reports, .address = S("") };
	str local, domain;
	if (b->reports == 0) {
		return nobody(b);
	}
	mail_address_split(b->via, &local, &domain);
	r.address = arena_printf(b->parcel->q->remote->scratch, "postmaster@%.*s", STR_ARG(domain));
	return r;
}

struct svc_queue_reader
svc_queue_remote_forward_reader(const struct svc_queue_bundle *b)
{
	const struct svc_queue_parcel *p = b->parcel;
	str address = S(""), domain = S("");
	bool ours = is_ours(b);
	if (p->reverse_path.n > 0 &&
	    read_sender(p->q->remote->scratch, p->reverse_path, &address, &domain) &&
	    is_vouched_for(p, domain)) {
		return (struct svc_queue_reader){ .account = ours ? b->reports : 0,
			.address = ours && b->reports == 0 ? S("") : address,
			.outside = !ours };
	}
	return ours ? nobody(b) : own_reader(b);
}
