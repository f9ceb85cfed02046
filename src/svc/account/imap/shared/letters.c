/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the selected mailbox, sent to another account's process: by a guest to its visitor,
 * or by a visitor to a guest. One at a time is in memory, as the store gives it.
 */
#include "svc/account/imap/shared/letters.h"

#include "svc/account/imap/session.h"
#include "sys/chan.h"

enum { PIECE = 65536, SEND_MS = 60000 };

void
svc_account_imap_shared_outlet_init(struct svc_account_imap_outlet *o, int chan, bool to_guest)
{
	*o = (struct svc_account_imap_outlet){ .chan = chan, .to_guest = to_guest };
	buf_init(&o->out, SYS_CHAN_MESSAGE_MAX);
}

void
svc_account_imap_shared_outlet_done(struct svc_account_imap_outlet *o)
{
	buf_done(&o->out);
}

static enum err
send(struct svc_account_imap_outlet *o)
{
	enum err e = sys_chan_send_wait(o->chan, &o->out, -1, SEND_MS);
	buf_reset(&o->out);
	return e;
}

enum err
svc_account_imap_shared_outlet_letter(struct svc_account_imap_outlet *o,
    const struct ipc_account_guest_parcel *m)
{
	if (o->to_guest) {
		ipc_account_guest_own_letter_put(&o->out,
		    &(struct ipc_account_guest_own_letter){ *m });
	} else {
		ipc_account_guest_letter_put(&o->out, &(struct ipc_account_guest_letter){ *m });
	}
	return send(o);
}

enum err
svc_account_imap_shared_outlet_piece(struct svc_account_imap_outlet *o, str octets)
{
	if (o->to_guest) {
		ipc_account_guest_own_piece_put(&o->out,
		    &(struct ipc_account_guest_own_piece){ octets });
	} else {
		ipc_account_guest_piece_put(&o->out, &(struct ipc_account_guest_piece){ octets });
	}
	return send(o);
}

static enum err
send_text(struct svc_account_imap_outlet *o, const struct ipc_account_guest_parcel *m, str text)
{
	TRY(svc_account_imap_shared_outlet_letter(o, m));
	for (size_t at = 0; at < text.n; at += PIECE) {
		TRY(svc_account_imap_shared_outlet_piece(o, str_sub(text, at, PIECE)));
	}
	return ERR_OK;
}

static void
put_keywords(const struct svc_account_imap *s, uint32_t flags, struct buf *out)
{
	for (size_t i = 0; i < s->box.keywords.n; i++) {
		if ((flags >> (STORE_KEYWORD_BIT + i) & 1) != 0) {
			buf_str(out, s->box.keywords.name[i]);
			buf_ch(out, 0);
		}
	}
}

/* One that went meanwhile, or has no octets, is left out: what was sent is what was copied. */
static enum err
send_one(struct svc_account_imap *s, struct svc_account_imap_outlet *o, uint32_t uid,
    struct store_set *sent)
{
	struct store_msg m;
	struct store_cold cold;
	struct buf words;
	char room[4096]; /* 26 keywords of 128 octets find room */
	str text;
	arena_reset(s->scratch);
	enum err e = store_msg(s->store, s->box.id, uid, &m);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	TRY(store_cold(s->store, m.id, s->scratch, &cold));
	TRY(store_text(s->store, m.id, &text));
	if (text.n == 0) {
		return ERR_OK;
	}
	buf_init_fixed(&words, room, sizeof room);
	put_keywords(s, m.flags, &words);
	struct ipc_account_guest_parcel letter = { .uid = uid,
		.flags = m.flags & STORE_SYSTEM_FLAGS,
		.internal_s = cold.internal_s,
		.size = (uint32_t)text.n,
		.keywords = buf_view(&words) };
	store_set_add(sent, uid, uid);
	return send_text(o, &letter, text);
}

enum err
svc_account_imap_shared_send_letters(struct svc_account_imap *s, struct svc_account_imap_outlet *o,
    const struct store_set *uids, struct store_set *sent)
{
	enum err e = ERR_OK;
	for (uint32_t seq = 1; e == ERR_OK && seq <= s->box.view.n; seq++) {
		uint32_t uid = store_view_uid(&s->box.view, seq);
		if (store_set_has(uids, uid)) {
			e = send_one(s, o, uid, sent);
		}
		if (s->account->guest == 0) {
			svc_account_imap_progress(s, seq, s->box.view.n);
		}
	}
	return e == ERR_OK ? store_set_err(sent) : e;
}
