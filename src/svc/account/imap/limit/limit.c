/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many messages one command may process (RFC 9738).
 */
#include "svc/account/imap/limit.h"

#include "conf/conf.h"

enum err
svc_account_imap_limit_places(const struct store_view *view, const struct imap_partial *p,
    struct store_set *uids)
{
	struct store_set seqs, some;
	store_set_init(&seqs);
	store_set_init(&some);
	store_view_seqs(view, uids, &seqs);
	uint64_t n = store_set_count(&seqs), lo = MIN(p->first, p->second),
		 hi = MAX(p->first, p->second);
	uint64_t from = p->from_end ? n - MIN(hi, n) : MIN(lo - 1, n),
		 to = p->from_end ? n - MIN(lo - 1, n) : MIN(hi, n), at = 0;
	for (size_t i = 0; i < seqs.n; i++) {
		uint64_t len = (uint64_t)seqs.v[i].hi - seqs.v[i].lo + 1;
		uint64_t a = MAX(from, at), b = MIN(to, at + len);
		if (a < b) {
			store_view_uids(view, seqs.v[i].lo + (uint32_t)(a - at),
			    seqs.v[i].lo + (uint32_t)(b - 1 - at), &some);
		}
		at += len;
	}
	enum err e = store_set_err(&seqs) != ERR_OK ? store_set_err(&seqs) : store_set_err(&some);
	store_set_done(&seqs);
	store_set_done(uids);
	*uids = some;
	return e;
}

/* How many messages of the view a set names. */
static enum err
count(const struct store_view *view, const struct store_set *uids, uint64_t *ret)
{
	struct store_set seqs;
	store_set_init(&seqs);
	store_view_seqs(view, uids, &seqs);
	enum err e = store_set_err(&seqs);
	*ret = store_set_count(&seqs);
	store_set_done(&seqs);
	return e;
}

static enum err
keep_last(const struct store_view *view, uint64_t most, struct store_set *uids)
{
	struct imap_partial last = {
		.first = 1, .second = (uint32_t)MIN(most, UINT32_MAX), .from_end = true
	};
	return svc_account_imap_limit_places(view, &last, uids);
}

enum err
svc_account_imap_limit_set(struct svc_account_imap *s, struct store_set *uids)
{
	uint64_t most = s->account->conf->imap_message_limit, n;
	if (most == 0 || s->box.view.n <= most) {
		return ERR_OK;
	}
	TRY(count(&s->box.view, uids, &n));
	if (n <= most) {
		return ERR_OK;
	}
	TRY(keep_last(&s->box.view, most, uids));
	s->limited = uids->n > 0 ? uids->v[0].lo : 0;
	return ERR_OK;
}

static enum err
refuse(struct svc_account_imap *s, const struct store_view *view, const struct store_set *uids,
    uint64_t most, bool low)
{
	struct store_set last;
	char code[64];
	uint64_t n;
	TRY(count(view, uids, &n));
	if (n <= most) {
		return ERR_OK;
	}
	store_set_init(&last);
	for (size_t i = 0; i < uids->n; i++) {
		store_set_add(&last, uids->v[i].lo, uids->v[i].hi);
	}
	enum err e = keep_last(view, most, &last);
	bool known = low && e == ERR_OK && last.n > 0;
	snprintf(code, sizeof code, known ? "MESSAGELIMIT %llu %u" : "MESSAGELIMIT %llu",
	    (unsigned long long)most, known ? last.v[0].lo : 0);
	store_set_done(&last);
	return svc_account_imap_fail(s, ERR_TOOMANY, code, "too many messages for one command");
}

enum err
svc_account_imap_limit_all(struct svc_account_imap *s, const struct store_view *view,
    const struct store_set *uids, bool low)
{
	uint64_t most = s->account->conf->imap_message_limit;
	return most == 0 ? ERR_OK : refuse(s, view, uids, most, low);
}

enum err
svc_account_imap_limit_copy(struct svc_account_imap *s, const struct store_set *uids)
{
	uint64_t most = s->account->conf->imap_message_limit;
	most = most == 0 ? s->account->conf->imap_save_limit : most;
	return most == 0 ? ERR_OK : refuse(s, &s->box.view, uids, most, true);
}

void
svc_account_imap_limit_reset(struct svc_account_imap *s)
{
	s->limited = 0;
}

/* One response has one code: another one keeps its place (RFC 9738 3.1, EXPUNGEISSUED). */
void
svc_account_imap_limit_tell(struct svc_account_imap *s, enum err e)
{
	static const char text[] = " took the last messages only";
	unsigned long long most = s->account->conf->imap_message_limit;
	if (s->limited == 0) {
		return;
	}
	if (e == ERR_OK && s->code.n == 0) {
		buf_printf(&s->code, "MESSAGELIMIT %llu %u", most, s->limited);
		s->text = text;
	} else {
		svc_account_imap_line(s, "* NO [MESSAGELIMIT %llu %u] the command%s", most,
		    s->limited, text);
	}
	s->limited = 0;
}
